"""The reference server, which meets the whole contract, its faults, which break it, and its quirks, which do not."""
