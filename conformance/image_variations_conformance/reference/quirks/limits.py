"""Limits on the size of an image that lie within the range that the contract leaves open."""

from ..app.service import Service
from ..registry import QuirkFamily

quirk = QuirkFamily("limits")

_BY = "IV-IMAGE-UP-TO-LIMIT and IV-IMAGE-MAX-BYTES: the sizes between them are unspecified"


@quirk("limit-decimal", by=_BY)
class LimitDecimal(Service):
    """Refuses images of more than 4,000,000 bytes (4 MB)."""

    image_bytes = 4_000_000


@quirk("limit-in-the-gap", by=_BY)
class LimitInTheGap(Service):
    """Refuses images of more than 4,096,000 bytes (4,000 KiB)."""

    image_bytes = 4_096_000 + 1
