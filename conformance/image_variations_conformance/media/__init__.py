"""Images: PNG files by the chunk, and pictures of any format by their pixels."""
