"""The ASGI app of the reference server. Each step of the operation is a method of Service."""
