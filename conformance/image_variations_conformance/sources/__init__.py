"""Sources: where exchanges come from."""
