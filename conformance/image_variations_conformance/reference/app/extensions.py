"""Keys of the ASGI scope's extensions that the server of this package sets."""

TRANSPORT = "image_variations.transport"
"""The transport of the connection: some faults cut it."""
