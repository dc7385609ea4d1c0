"""Faults in the validation of the uploaded image."""

import io
from collections.abc import Mapping

from PIL import Image

from ..app.api_error import ApiError
from ..app.form import Part
from ..app.picture import SIGNATURE
from ..app.service import Service
from ..registry import FaultFamily
from .fault_helpers import Crash, crashing, placeholder

fault = FaultFamily("validation")

_GREY, _RGB, _PALETTE = 0, 2, 3


def _colour_type(part: Part) -> int:
    """Return the colour type in the header of a PNG (PNG, third edition, section 11.2.1)."""
    return part.content[25]


def _opened(part: Part, problem: ApiError) -> Image.Image:
    """Return the picture in RGB in any format that Pillow reads. Raises `problem` if Pillow cannot read it."""
    try:
        with Image.open(io.BytesIO(part.content)) as image:
            return image.convert("RGB")
    except (OSError, SyntaxError, ValueError):
        raise problem from None


@fault("image-optional", breaks=("IV-IMAGE-REQUIRED",))
class ImageOptional(Service):
    """Accepts a form without an image, and makes variations of a placeholder."""

    async def picture(self, fields: Mapping[str, Part]) -> Image.Image:
        return await super().picture(fields) if "image" in fields else placeholder()


@fault("missing-image-crashes", breaks=("IV-IMAGE-REQUIRED", "IV-ERR-NO-5XX"))
class MissingImageCrashes(Service):
    """Answers 500 to a form without an image."""

    async def picture(self, fields: Mapping[str, Part]) -> Image.Image:
        if "image" not in fields:
            raise Crash
        return await super().picture(fields)


@fault("alpha-required", breaks=("IV-IMAGE-PNG",), also=("IV-IMAGE-PNG-KINDS",))
class AlphaRequired(Service):
    """Refuses an RGB PNG without an alpha channel."""

    def read_image(self, part: Part) -> Image.Image:
        picture = super().read_image(part)
        if _colour_type(part) == _RGB:
            raise ApiError("image must have the format RGBA, LA or L.", "image")
        return picture


@fault("palette-refused", breaks=("IV-IMAGE-PNG-KINDS",))
class PaletteRefused(Service):
    """Refuses a PNG with a palette."""

    def read_image(self, part: Part) -> Image.Image:
        picture = super().read_image(part)
        if _colour_type(part) == _PALETTE:
            raise ApiError("image must not have a palette.", "image")
        return picture


@fault("one-pixel-crashes", breaks=("IV-IMAGE-PNG-KINDS", "IV-ERR-NO-5XX"))
class OnePixelCrashes(Service):
    """Answers 500 to a PNG of 1x1 pixels."""

    def read_image(self, part: Part) -> Image.Image:
        picture = super().read_image(part)
        if picture.size == (1, 1):
            raise Crash
        return picture


@fault("other-formats-accepted", breaks=("IV-IMAGE-FORMAT",))
class OtherFormatsAccepted(Service):
    """Accepts other image formats, such as JPEG, GIF, WebP and BMP."""

    def read_image(self, part: Part) -> Image.Image:
        try:
            return super().read_image(part)
        except ApiError as problem:
            if part.content.startswith(SIGNATURE):
                raise
            return _opened(part, problem)


@fault("jpeg-accepted", breaks=("IV-IMAGE-FORMAT",))
class JpegAccepted(Service):
    """Accepts JPEGs in addition to PNGs."""

    def read_image(self, part: Part) -> Image.Image:
        try:
            return super().read_image(part)
        except ApiError as problem:
            if part.content.startswith(b"\xff\xd8\xff"):
                return _opened(part, problem)
            raise


@fault("file-name-believed", breaks=("IV-IMAGE-FORMAT",))
class FileNameBelieved(Service):
    """Accepts any file whose name ends in .png."""

    def read_image(self, part: Part) -> Image.Image:
        named = (part.filename or b"").endswith(b".png")
        believed = named and part.content and not part.content.startswith(SIGNATURE)
        return placeholder() if believed else super().read_image(part)


@fault("part-type-believed", breaks=("IV-IMAGE-FORMAT",))
class PartTypeBelieved(Service):
    """Accepts any file whose part has the Content-Type image/png."""

    def read_image(self, part: Part) -> Image.Image:
        believed = part.content and part.content_type == "image/png" and not part.content.startswith(SIGNATURE)
        return placeholder() if believed else super().read_image(part)


@fault("not-png-crashes", breaks=("IV-IMAGE-FORMAT", "IV-ERR-NO-5XX"))
class NotPngCrashes(Service):
    """Answers 500 to a file that is not a PNG."""

    def read_image(self, part: Part) -> Image.Image:
        if part.content and not part.content.startswith(SIGNATURE):
            raise Crash
        return super().read_image(part)


@fault("damaged-accepted", breaks=("IV-IMAGE-INTACT",))
class DamagedAccepted(Service):
    """Accepts damaged PNGs: any file with the signature of a PNG."""

    def read_image(self, part: Part) -> Image.Image:
        try:
            return super().read_image(part)
        except ApiError as problem:
            if "whole" in problem.message:
                return placeholder()
            raise


@fault("cut-off-accepted", breaks=("IV-IMAGE-INTACT",))
class CutOffAccepted(Service):
    """Accepts a PNG that is cut off."""

    def read_image(self, part: Part) -> Image.Image:
        try:
            return super().read_image(part)
        except ApiError as problem:
            if "cut off" in problem.message:
                return placeholder()
            raise


@fault("damaged-crashes", breaks=("IV-IMAGE-INTACT", "IV-ERR-NO-5XX"), also=("IV-IMAGE-SQUARE",))
class DamagedCrashes(Service):
    """Answers 500 to a file with the signature of a PNG that is not a valid square PNG."""

    def read_image(self, part: Part) -> Image.Image:
        if not part.content.startswith(SIGNATURE):
            return super().read_image(part)
        with crashing():
            return super().read_image(part)


@fault("empty-file-accepted", breaks=("IV-IMAGE-INTACT",))
class EmptyFileAccepted(Service):
    """Accepts an empty file as the image."""

    def read_image(self, part: Part) -> Image.Image:
        return super().read_image(part) if part.content else placeholder()


@fault("empty-file-crashes", breaks=("IV-IMAGE-INTACT", "IV-ERR-NO-5XX"))
class EmptyFileCrashes(Service):
    """Answers 500 to an empty file as the image."""

    def read_image(self, part: Part) -> Image.Image:
        if not part.content:
            raise Crash
        return super().read_image(part)


@fault("oblong-accepted", breaks=("IV-IMAGE-SQUARE",))
class OblongAccepted(Service):
    """Accepts a PNG that is not square."""

    def read_image(self, part: Part) -> Image.Image:
        try:
            return super().read_image(part)
        except ApiError as problem:
            if "square" not in problem.message:
                raise
            return _opened(part, problem)


@fault("nearly-square-accepted", breaks=("IV-IMAGE-SQUARE",))
class NearlySquareAccepted(Service):
    """Accepts a PNG whose width and height differ by one pixel."""

    def read_image(self, part: Part) -> Image.Image:
        try:
            return super().read_image(part)
        except ApiError as problem:
            if "square" not in problem.message:
                raise
            picture = _opened(part, problem)
            if abs(picture.width - picture.height) > 1:
                raise
            return picture


@fault("wide-accepted", breaks=("IV-IMAGE-SQUARE",))
class WideAccepted(Service):
    """Accepts a PNG that is wider than high."""

    def read_image(self, part: Part) -> Image.Image:
        try:
            return super().read_image(part)
        except ApiError as problem:
            if "square" not in problem.message:
                raise
            picture = _opened(part, problem)
            if picture.width < picture.height:
                raise
            return picture


@fault("large-accepted", breaks=("IV-IMAGE-MAX-BYTES",))
class LargeAccepted(Service):
    """Accepts images of less than 32 MiB."""

    image_bytes = 32 * 1024 * 1024


@fault("limit-one-byte-off", breaks=("IV-IMAGE-MAX-BYTES",))
class LimitOneByteOff(Service):
    """Accepts an image of exactly 4,194,304 bytes, the size at which refusal is required."""

    image_bytes = 4_194_304 + 1


@fault("limit-one-megabyte", breaks=("IV-IMAGE-UP-TO-LIMIT",), also=("IV-ERR-PARAM",))
class LimitOneMegabyte(Service):
    """Refuses images of 1 MiB or more, as web servers do by default."""

    image_bytes = 1024 * 1024


@fault("large-image-times-out", breaks=("IV-IMAGE-UP-TO-LIMIT", "IV-ERR-NO-5XX"))
class LargeImageTimesOut(Service):
    """Answers 504 to an image of more than 1 MB, as a gateway with a short timeout does."""

    def read_image(self, part: Part) -> Image.Image:
        picture = super().read_image(part)
        if len(part.content) > 1_000_000:
            raise ApiError("The upstream server timed out.", status=504)
        return picture


@fault("extension-required", breaks=("IV-IMAGE-BY-BYTES",))
class ExtensionRequired(Service):
    """Refuses a PNG whose file name does not end in .png."""

    def read_image(self, part: Part) -> Image.Image:
        if part.filename and not part.filename.endswith(b".png"):
            raise ApiError("image must be a PNG file.", "image")
        return super().read_image(part)


@fault("part-type-checked", breaks=("IV-IMAGE-BY-BYTES",))
class PartTypeChecked(Service):
    """Refuses a PNG in a part with another Content-Type than image/png or application/octet-stream."""

    def read_image(self, part: Part) -> Image.Image:
        if part.content_type not in {None, "image/png", "application/octet-stream"}:
            raise ApiError("image must be of the type image/png.", "image")
        return super().read_image(part)


@fault("octet-stream-refused", breaks=("IV-IMAGE-OCTET-STREAM",))
class OctetStreamRefused(Service):
    """Refuses a PNG in a part with the Content-Type application/octet-stream."""

    def read_image(self, part: Part) -> Image.Image:
        if part.content_type == "application/octet-stream":
            raise ApiError("image must be of the type image/png.", "image")
        return super().read_image(part)


@fault("untyped-part-crashes", breaks=("IV-IMAGE-OCTET-STREAM", "IV-ERR-NO-5XX"))
class UntypedPartCrashes(Service):
    """Answers 500 to an image in a part without a Content-Type."""

    def read_image(self, part: Part) -> Image.Image:
        if part.content_type is None:
            raise Crash
        return super().read_image(part)
