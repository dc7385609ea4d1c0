"""The wire: requests and responses as bytes, and what is read from them."""
