"""What the server of this package adds to the `extensions` of an ASGI scope: the connection of the request."""

from asyncio import Transport

from attrs import define, field

CONNECTION = "image_variations.connection"

_KEPT_BYTES = 64 * 1024


@define(eq=False)
class Connection:
    """The connection of a request, for faults and quirks that write to it, abort it, or look at the bytes received.

    `requests` is the number of requests on it so far. `received` are the first and the last bytes of the current
    request, from its request line on, at most 64 KiB each.
    """

    transport: Transport
    requests: int = 0
    received: bytearray = field(factory=bytearray, repr=False)

    def receive(self, data: bytes, *, begins: bool) -> None:
        """Record bytes of a request. `begins` is whether they are the first ones of a request."""
        if begins:
            self.received.clear()
        self.received += data
        del self.received[_KEPT_BYTES:-_KEPT_BYTES]
