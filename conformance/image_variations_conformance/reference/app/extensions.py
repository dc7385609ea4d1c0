"""Keys that the server of this package sets in the `extensions` of an ASGI scope."""

TRANSPORT = "image_variations.transport"
"""The asyncio transport of the connection, which some faults and quirks write to or abort."""
