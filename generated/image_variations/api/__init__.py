"""The operations: one package per tag, with one module per operation."""
