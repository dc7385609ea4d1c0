"""The operations: a package for each tag, with a module for each operation."""
