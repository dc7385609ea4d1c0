"""Other limits on the size of an image, in the gap that the contract leaves between them."""

from ..app.service import Service
from .registry import QuirkFamily

quirk = QuirkFamily("limits")

_BY = "IV-IMAGE-UP-TO-LIMIT and IV-IMAGE-MAX-BYTES: nothing said of what lies between"


@quirk("limit-decimal", by=_BY)
class LimitDecimal(Service):
    """Takes images of 4,000,000 bytes and none larger."""

    image_bytes = 4_000_000 + 1


@quirk("limit-in-the-gap", by=_BY)
class LimitInTheGap(Service):
    """Takes images of 4,096,000 bytes (4,000 KiB) and none larger."""

    image_bytes = 4_096_000 + 1
