"""Servers with bugs that need two properties of a request at once: each property alone is treated as it should be."""

import itertools
import random
from collections.abc import Callable, Collection
from functools import lru_cache
from typing import ClassVar

from attrs import evolve, frozen
from image_variations_conformance.media import png
from image_variations_conformance.media.pictures import paint
from image_variations_conformance.reference.app.api_error import ApiError
from image_variations_conformance.reference.app.incoming import IncomingRequest
from image_variations_conformance.reference.app.received import Received
from image_variations_conformance.reference.app.service import Service, Wanted
from image_variations_conformance.reference.app.variations import VariationMaker
from PIL import Image
from starlette.responses import Response

Result = Wanted | int
"""What a bug does: other images are made, or this status is sent."""


@frozen
class Bug:
    """A bug: when it occurs, what it does then, and the requirement that is broken."""

    name: str
    requirement: str
    occurs: Callable[[Received], bool]
    result: Callable[[Wanted], Result]


def _image(received: Received) -> bytes:
    return received.image.content if received.image is not None else b""


def _colour(received: Received) -> int:
    return _image(received)[25]


def _text(received: Received, name: str) -> str:
    return received.text(name) or ""


def _boundary_is_quoted(received: Received) -> bool:
    return 'boundary="' in received.header("content-type")


def _filename(received: Received) -> bytes:
    return (received.image.filename if received.image is not None else None) or b""


def _is_typed(received: Received) -> bool:
    return any(part.content_type and part is not received.image for part in received.parts)


def _is_last(received: Received) -> bool:
    return len(received.parts) > 1 and received.parts[-1] is received.image


def _refused(_: Wanted) -> Result:
    return 400


def _crashed(_: Wanted) -> Result:
    return 500


def _small(wanted: Wanted) -> Result:
    return evolve(wanted, size=(256, 256))


BUGS = (
    Bug("quoted boundary and n=2", "IV-OP-VALID", lambda it: _boundary_is_quoted(it) and it.text("n") == "2", _refused),
    Bug(
        "alpha and 512x512", "IV-OUT-SIZE", lambda it: _colour(it) == png.RGBA and it.text("size") == "512x512", _small
    ),
    Bug(
        "grey and n=3",
        "IV-RES-COUNT",
        lambda it: _colour(it) == png.GREY and it.text("n") == "3",
        lambda wanted: evolve(wanted, count=2),
    ),
    Bug("quote in user and n=1", "IV-OP-VALID", lambda it: '"' in _text(it, "user") and it.text("n") == "1", _refused),
    Bug(
        "interlaced palette with text",
        "IV-ERR-NO-5XX",
        lambda it: _colour(it) == png.PALETTE and _image(it)[28] == 1 and b"tEXt" in _image(it),
        _crashed,
    ),
    Bug(
        "512x512 and links",
        "IV-OUT-SIZE",
        lambda it: it.text("size") == "512x512" and it.text("response_format") == "url",
        _small,
    ),
    Bug(
        "bearer in small letters and no file name",
        "IV-ERR-NO-5XX",
        lambda it: it.header("authorization").startswith("bearer ") and not _filename(it),
        _crashed,
    ),
    Bug(
        "chunked body and image last",
        "IV-OP-VALID",
        lambda it: it.header("transfer-encoding") == "chunked" and _is_last(it),
        _refused,
    ),
    Bug(
        "typed texts and a user in Unicode",
        "IV-ERR-NO-5XX",
        lambda it: _is_typed(it) and not _text(it, "user").isascii(),
        _crashed,
    ),
    Bug(
        "space in file name and n=4",
        "IV-OP-VALID",
        lambda it: b" " in _filename(it) and it.text("n") == "4",
        _refused,
    ),
    Bug(
        "odd side and links",
        "IV-RES-KEY",
        lambda it: _image(it)[23] % 2 == 1 and it.text("response_format") == "url",
        lambda wanted: evolve(wanted, response_format="b64_json"),
    ),
    Bug(
        "16 bits and model",
        "IV-ERR-NO-5XX",
        lambda it: _image(it)[24] == 16 and it.text("model") is not None,
        _crashed,
    ),
)


class QuickService(Service):
    """Sends prepared pictures, so that hundreds of requests take seconds."""

    numbers = itertools.count()

    def make_one(self, maker: VariationMaker) -> bytes:
        return _picture(maker.size[0], next(self.numbers) % 30)


@lru_cache(maxsize=100)
def _picture(side: int, number: int) -> bytes:
    return png.encode(paint(random.Random(1000 + number), side))


def server_with(bugs: Collection[Bug], api_key: str) -> Service:
    """Return a server with these bugs that is otherwise right."""

    class Buggy(QuickService):
        others: ClassVar[dict[IncomingRequest, Wanted]] = {}

        def admit(self, received: Received) -> None:
            super().admit(received)
            for bug in bugs:
                result = bug.result(received.wanted) if bug.occurs(received) else received.wanted
                if isinstance(result, int):
                    raise ApiError("Something went wrong.", status=result)
                if result != received.wanted:
                    self.others[received.request] = result

        async def varied(self, request: IncomingRequest, picture: Image.Image, wanted: Wanted) -> Response:
            return await super().varied(request, picture, self.others.pop(request, wanted))

    return Buggy(api_key=api_key)
