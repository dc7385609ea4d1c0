"""Limits that lie within the range that the contract leaves open."""

from ..faults.factories import limits_bytes, refuses
from ..faults.features import image, text
from ..registry import QuirkFamily

quirk = QuirkFamily("limits")

_BYTES = "IV-IMAGE-UP-TO-LIMIT and IV-IMAGE-MAX-BYTES: the sizes between them are unspecified"

# fmt: off
quirk("limit-decimal", _BYTES, "Refuses images of 4,000,000 bytes or more (4 MB).", limits_bytes((), 4_000_000))
quirk("limit-decimal-inclusive", _BYTES, "Refuses images of more than 4,000,000 bytes.", limits_bytes((), 4_000_001))
quirk("limit-in-the-gap", _BYTES, "Refuses images of more than 4,096,000 bytes (4,000 KiB).",
      limits_bytes((), 4_096_001))
quirk("limit-last-byte", _BYTES, "Refuses images of 4,194,303 bytes or more.", limits_bytes((), 4_194_303))
quirk("side-over-2048-refused",
      "reading: sides of more than 2,048 pixels are not judged", "Refuses a PNG of more than 2,048 pixels a side.",
      refuses((), image(lambda info: info.side > 2048), param="image"))
quirk("empty-user-refused", "IV-USER-LENGTH", "Refuses an empty user.",
      refuses("IV-USER-LENGTH", text("user", lambda user: not user), param="user"))
quirk("long-user-refused", "IV-USER-LENGTH", "Refuses a user of more than 512 characters.",
      refuses("IV-USER-LENGTH", text("user", lambda user: len(user) > 512), param="user"))
quirk("user-of-500-kb-refused", "reading: a user of more than 1,000 characters is not judged",
      "Answers 413 to a user of more than 500,000 characters, the limit of a form parser for all fields.",
      refuses((), text("user", lambda user: len(user) > 500_000), 413))
quirk("control-characters-refused",
      "reading: control characters in user are not judged", "Refuses a user with control characters.",
      refuses((), text("user", lambda user: any(character < " " for character in user)), param="user"))
