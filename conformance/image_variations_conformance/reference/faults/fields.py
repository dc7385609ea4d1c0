"""Faults in the validation of all form fields except the image."""

import re
from collections.abc import Mapping

from PIL import Image

from ..app.api_error import ApiError
from ..app.form import Part
from ..app.service import Service, Wanted
from ..registry import FaultFamily
from .fault_helpers import crashing

fault = FaultFamily("validation")


# --- n


@fault("n-over-five-refused", breaks=("IV-N-RANGE",), also=("IV-ERR-PARAM",))
class NOverFiveRefused(Service):
    """Refuses n greater than 5."""

    def count(self, n: str | None) -> int:
        count = super().count(n)
        if count > 5:
            raise ApiError("n must be from 1 to 5.", "n")
        return count


@fault("n-zero-accepted", breaks=("IV-N-BOUNDS",))
class NZeroAccepted(Service):
    """Accepts n=0 and returns an empty list."""

    def count(self, n: str | None) -> int:
        return 0 if n == "0" else super().count(n)


@fault("n-clamped", breaks=("IV-N-BOUNDS",))
class NClamped(Service):
    """Clamps n to the range from 1 to 10 instead of refusing values outside it."""

    def count(self, n: str | None) -> int:
        found = re.fullmatch(r"-?[0-9]{1,9}", n or "")
        return super().count(str(min(max(int(found[0]), 1), 10)) if found else n)


@fault("n-eleven-accepted", breaks=("IV-N-BOUNDS",))
class NElevenAccepted(Service):
    """Accepts n=11 and makes eleven images."""

    def count(self, n: str | None) -> int:
        return 11 if n == "11" else super().count(n)


@fault("n-start-read", breaks=("IV-N-INTEGER", "IV-N-STRICT"))
class NStartRead(Service):
    """Parses n as C does: a leading space or plus sign and any text after the digits are ignored."""

    def count(self, n: str | None) -> int:
        found = re.match(r"\s*\+?([0-9]+)", n or "")
        return super().count(found[1] if found else n)


@fault("n-rounded", breaks=("IV-N-INTEGER",))
class NRounded(Service):
    """Accepts fractions in n and drops them, so n=1.5 makes one image."""

    def count(self, n: str | None) -> int:
        return super().count(re.sub(r"\.[0-9]+$", "", n) if n else n)


@fault("n-words-as-one", breaks=("IV-N-INTEGER",))
class NWordsAsOne(Service):
    """Accepts an n of letters and makes one image."""

    def count(self, n: str | None) -> int:
        return 1 if n and n.isalpha() else super().count(n)


@fault("n-not-integer-crashes", breaks=("IV-N-INTEGER", "IV-ERR-NO-5XX"))
class NNotIntegerCrashes(Service):
    """Answers 500 to an n that is not an integer."""

    def count(self, n: str | None) -> int:
        if n is not None:
            int(n)
        return super().count(n)


@fault("n-as-python-reads-it", breaks=("IV-N-STRICT",))
class NAsPythonReadsIt(Service):
    """Accepts an n with a plus sign or with spaces around it."""

    def count(self, n: str | None) -> int:
        return super().count(n.strip().removeprefix("+") if n else n)


@fault("n-default-two", breaks=("IV-N-DEFAULT",))
class NDefaultTwo(Service):
    """Makes two images if n is missing."""

    def count(self, n: str | None) -> int:
        return 2 if n is None else super().count(n)


@fault("n-required", breaks=("IV-N-DEFAULT",), also=("IV-ERR-PARAM",))
class NRequired(Service):
    """Refuses a request without n."""

    def count(self, n: str | None) -> int:
        if n is None:
            raise ApiError("n is missing.", "n")
        return super().count(n)


@fault("many-images-time-out", breaks=("IV-N-RANGE", "IV-ERR-NO-5XX"))
class ManyImagesTimeOut(Service):
    """Answers 504 to n greater than 5, as a gateway with a short timeout does."""

    async def make(self, picture: Image.Image, wanted: Wanted) -> list[bytes]:
        if wanted.count > 5:
            raise ApiError("The upstream server timed out.", status=504)
        return await super().make(picture, wanted)


# --- size


@fault("size-any-made", breaks=("IV-SIZE-UNKNOWN",))
class SizeAnyMade(Service):
    """Accepts any size up to 999x999, and makes images of its width."""

    def size(self, size: str | None) -> str | None:
        return size if size and re.fullmatch(r"[1-9][0-9]{0,2}x[1-9][0-9]{0,2}", size) else super().size(size)


@fault("size-required", breaks=("IV-SIZE-DEFAULT",), also=("IV-ERR-PARAM",))
class SizeRequired(Service):
    """Refuses a request without size."""

    def size(self, size: str | None) -> str | None:
        if size is None:
            raise ApiError("size is missing.", "size")
        return super().size(size)


@fault("size-512-refused", breaks=("IV-SIZE-ENUM",))
class Size512Refused(Service):
    """Refuses the size 512x512."""

    def size(self, size: str | None) -> str | None:
        if size == "512x512":
            raise ApiError("size must be 256x256 or 1024x1024.", "size")
        return super().size(size)


@fault("size-unknown-accepted", breaks=("IV-SIZE-UNKNOWN",))
class SizeUnknownAccepted(Service):
    """Accepts an unknown size and makes images of the default size."""

    def size(self, size: str | None) -> str | None:
        known = not size or size.lower() in self.contract.fields["size"]["enum"]
        return super().size(size if known else None)


@fault("size-unknown-crashes", breaks=("IV-SIZE-UNKNOWN", "IV-ERR-NO-5XX"), also=("IV-ENUM-CASE",))
class SizeUnknownCrashes(Service):
    """Answers 500 to an unknown size."""

    def size(self, size: str | None) -> str | None:
        with crashing():
            return super().size(size)


@fault("size-default-512", breaks=("IV-SIZE-DEFAULT",))
class SizeDefault512(Service):
    """Makes images of 512x512 pixels if size is missing."""

    def size(self, size: str | None) -> str | None:
        return super().size(size if size is not None else "512x512")


# --- response_format


@fault("b64-json-refused", breaks=("IV-FORMAT-ENUM",), also=("IV-ERR-PARAM",))
class B64JsonRefused(Service):
    """Refuses the response_format b64_json."""

    def response_format(self, response_format: str | None) -> str:
        if response_format == "b64_json":
            raise ApiError("response_format must be url.", "response_format")
        return super().response_format(response_format)


@fault("format-unknown-accepted", breaks=("IV-FORMAT-UNKNOWN",))
class FormatUnknownAccepted(Service):
    """Accepts an unknown response_format and returns links."""

    def response_format(self, response_format: str | None) -> str:
        known = not response_format or response_format.lower() in self.contract.fields["response_format"]["enum"]
        return super().response_format(response_format if known else None)


@fault("format-unknown-crashes", breaks=("IV-FORMAT-UNKNOWN", "IV-ERR-NO-5XX"), also=("IV-ENUM-CASE",))
class FormatUnknownCrashes(Service):
    """Answers 500 to an unknown response_format."""

    def response_format(self, response_format: str | None) -> str:
        with crashing():
            return super().response_format(response_format)


@fault("format-default-b64-json", breaks=("IV-FORMAT-DEFAULT",))
class FormatDefaultB64Json(Service):
    """Returns base64 instead of links if response_format is missing."""

    def response_format(self, response_format: str | None) -> str:
        return super().response_format("b64_json" if response_format is None else response_format)


@fault("format-required", breaks=("IV-FORMAT-DEFAULT",), also=("IV-ERR-PARAM",))
class FormatRequired(Service):
    """Refuses a request without response_format."""

    def response_format(self, response_format: str | None) -> str:
        if response_format is None:
            raise ApiError("response_format is missing.", "response_format")
        return super().response_format(response_format)


# --- model


@fault("model-refused", breaks=("IV-MODEL-ACCEPTED",), also=("IV-ERR-PARAM",))
class ModelRefused(Service):
    """Refuses the model dall-e-2."""

    def model(self, model: str | None) -> None:
        if model is not None:
            raise ApiError("model must be sd-turbo or left out.", "model", "model_not_found")


@fault("model-required", breaks=("IV-MODEL-OPTIONAL",), also=("IV-ERR-PARAM",))
class ModelRequired(Service):
    """Refuses a request without model."""

    def model(self, model: str | None) -> None:
        if model is None:
            raise ApiError("model is missing.", "model")
        super().model(model)


@fault("model-ignored", breaks=("IV-MODEL-UNKNOWN",))
class ModelIgnored(Service):
    """Accepts any model that is not empty."""

    def model(self, model: str | None) -> None:
        if model == "":
            super().model(model)


@fault("model-family-accepted", breaks=("IV-MODEL-UNKNOWN",))
class ModelFamilyAccepted(Service):
    """Accepts models of other image operations, such as dall-e-3."""

    def model(self, model: str | None) -> None:
        if model not in {"dall-e-3", "gpt-image-1", "gpt-image-1-mini", "gpt-image-1.5"}:
            super().model(model)


@fault("model-unknown-crashes", breaks=("IV-MODEL-UNKNOWN", "IV-ERR-NO-5XX"))
class ModelUnknownCrashes(Service):
    """Answers 500 to an unknown model."""

    def model(self, model: str | None) -> None:
        with crashing():
            super().model(model)


# --- user


@fault("user-required", breaks=("IV-USER-OPTIONAL",), also=("IV-ERR-PARAM",))
class UserRequired(Service):
    """Refuses a request without user."""

    def user(self, user: str | None) -> None:
        if user is None:
            raise ApiError("user is missing.", "user")


@fault("user-empty-refused", breaks=("IV-USER-TEXT",), also=("IV-ERR-PARAM",))
class UserEmptyRefused(Service):
    """Refuses an empty user."""

    def user(self, user: str | None) -> None:
        if user == "":
            raise ApiError("user must not be empty.", "user")


@fault("user-over-64-refused", breaks=("IV-USER-TEXT",))
class UserOver64Refused(Service):
    """Refuses a user of more than 64 characters."""

    def user(self, user: str | None) -> None:
        if user and len(user) > 64:
            raise ApiError("user must have at most 64 characters.", "user")


@fault(
    "user-unicode-crashes",
    breaks=("IV-USER-TEXT", "IV-ERR-NO-5XX"),
    also=("IV-N-BOUNDS", "IV-SIZE-UNKNOWN", "IV-IMAGE-REQUIRED"),
)
class UserUnicodeCrashes(Service):
    """Answers 500 to a user with non-ASCII characters."""

    def user(self, user: str | None) -> None:
        (user or "").encode("ascii")


# --- several fields


@fault("empty-as-missing", breaks=("IV-N-INTEGER", "IV-SIZE-UNKNOWN", "IV-FORMAT-UNKNOWN", "IV-MODEL-UNKNOWN"))
class EmptyAsMissing(Service):
    """Treats empty fields as missing."""

    def wanted(self, fields: Mapping[str, Part]) -> Wanted:
        return super().wanted({name: part for name, part in fields.items() if part.content})


@fault("letter-case-ignored", breaks=("IV-ENUM-CASE",))
class LetterCaseIgnored(Service):
    """Accepts size and response_format in upper case, as in 256X256 and URL."""

    def size(self, size: str | None) -> str | None:
        return super().size(size.lower() if size else size)

    def response_format(self, response_format: str | None) -> str:
        return super().response_format(response_format.lower() if response_format else response_format)
