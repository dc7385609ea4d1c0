"""The reference server, which keeps the whole contract; its faults each break it, and its quirks are unusual and keep it."""
