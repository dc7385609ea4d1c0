"""The operation, as the contract has it: one step a method, in the order in which a request passes them."""

from __future__ import annotations

import base64
import hashlib
import random
import re
import secrets
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, TypedDict

import anyio
import anyio.to_thread
from attrs import frozen
from PIL import Image

from ...contract import document as contract
from .added import added_fields, check_added
from .api_error import ApiError, error_object, shown
from .form import TEXT_LIMIT, Part, form_boundary, read_form
from .gallery import Gallery
from .picture import read_picture
from .responses import json_response, plain_response
from .variations import VariationMaker

if TYPE_CHECKING:
    from starlette.responses import Response
    from starlette.types import Receive, Scope, Send

    from .incoming import IncomingRequest

API_KEY = "sk-reference"
BASE_PATH = "/v1"
OPERATION_PATH = f"{BASE_PATH}/images/variations"
FILES_PATH = "/files/"
FILE_SUFFIX = ".png"

MODELS = ("dall-e-2",)
SIZES = ("256x256", "512x512", "1024x1024")
RESPONSE_FORMATS = ("url", "b64_json")
_WRITTEN_FOR = ("image", "model", "n", "response_format", "size", "user")
ADDED_FIELDS = added_fields(contract.load(), _WRITTEN_FOR)
FIELDS = (*_WRITTEN_FOR, *ADDED_FIELDS)
IMAGE_BYTES = 4 * 1024 * 1024
MOST_IMAGES = 10

_DIGITS = re.compile(r"[0-9]+")
# What may stand in a link: a host name or address, with a port or without.
_HOST = re.compile(r"[0-9A-Za-z._~\-]+(:[0-9]+)?|\[[0-9A-Fa-f:.]+\](:[0-9]+)?")


class ServiceOptions(TypedDict, total=False):
    """What a Service takes at its construction. Its docstring says what they mean."""

    api_key: str
    latency: float
    slots: int | None
    seed: int | None
    clock: Callable[[], float]


@frozen
class Wanted:
    """What a request asks for. `side` is the width and height of the new images in pixels."""

    count: int
    side: int
    response_format: str


class Service:
    """An ASGI app that serves the operation, and the images that it makes, and keeps every row of the contract.

    `latency` is the number of seconds that it waits for each image. With `slots`, it makes no more images than that at
    a time, whichever requests they are for; without, each request gets its images one after the other, whatever goes on
    beside it. With a `seed`, the same request always gets the same images. `clock` gives seconds; it tells how old a
    link is.

    Each step is a method of its own, so that a subclass can do one of them differently.
    """

    image_bytes = IMAGE_BYTES

    def __init__(
        self,
        api_key: str = API_KEY,
        *,
        latency: float = 0.0,
        slots: int | None = None,
        seed: int | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.api_key = api_key
        self.latency = latency
        self.slots = None if slots is None else anyio.Semaphore(slots)
        self.seed = seed
        self.gallery = Gallery(clock)

    # --- a request comes in, an answer goes out

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one request (ASGI)."""
        if scope["type"] != "http":
            raise NotImplementedError(f"The reference server speaks HTTP only, not {scope['type']}.")
        from starlette.requests import ClientDisconnect  # noqa: PLC0415 - as in responses.py

        request = self.incoming(scope, receive, send)
        try:
            response = await self.respond(request)
            if await request.finish(self.form_bytes):
                await self.deliver(request, response, send)
            else:
                await request.leave(response, send)
        except ClientDisconnect:
            return

    def incoming(self, scope: Scope, receive: Receive, send: Send) -> IncomingRequest:
        """The request of an ASGI connection."""
        from .incoming import IncomingRequest  # noqa: PLC0415 - as in responses.py

        return IncomingRequest(scope, receive, send)

    async def respond(self, request: IncomingRequest) -> Response:
        """The answer to a request, whatever it is."""
        try:
            return await self.route(request)
        except ApiError as problem:
            return self.refusal(problem)

    async def deliver(self, request: IncomingRequest, response: Response, send: Send) -> None:
        """Sends an answer."""
        await response(request.scope, request.receive, send)

    async def route(self, request: IncomingRequest) -> Response:
        """Finds out what the request is for."""
        path = request.url.path
        if path == OPERATION_PATH:
            if request.method != "POST":
                return self.other_method(request)
            return await self.vary(request)
        if path.startswith(FILES_PATH) and path.endswith(FILE_SUFFIX) and request.method in {"GET", "HEAD"}:
            return self.file(path.removeprefix(FILES_PATH).removesuffix(FILE_SUFFIX))
        raise ApiError(f"There is nothing at {shown(path)}.", status=404)

    def other_method(self, request: IncomingRequest) -> Response:
        """Answers another method than POST."""
        raise ApiError(f"The method must be POST, not {shown(request.method)}.", status=405, headers={"Allow": "POST"})

    async def vary(self, request: IncomingRequest) -> Response:
        """The operation itself."""
        self.authenticate(request)
        boundary = self.boundary(request)
        self.check_length(request)
        parts = await self.parts(request, boundary)
        fields = self.fields(parts)
        wanted = self.wanted(fields)
        picture = await self.picture(fields)
        images = await self.make(picture, wanted)
        return self.success(self.document(request, images, wanted))

    # --- authentication

    def authenticate(self, request: IncomingRequest) -> None:
        """Checks the API key."""
        scheme, _, key = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not key.strip():
            raise self.key_missing()
        # Compared in constant time, as the bytes on the wire, which Starlette gives as Latin-1.
        if not secrets.compare_digest(key.strip().encode("latin-1"), self.api_key.encode()):
            raise self.key_wrong()

    def key_missing(self) -> ApiError:
        """What is wrong when no API key came."""
        challenge = {"WWW-Authenticate": "Bearer"}
        return ApiError("An API key is needed, in the header Authorization: Bearer KEY.", status=401, headers=challenge)

    def key_wrong(self) -> ApiError:
        """What is wrong when another API key came."""
        challenge = {"WWW-Authenticate": "Bearer"}
        return ApiError("This API key is not known.", code="invalid_api_key", status=401, headers=challenge)

    # --- the form

    @property
    def form_bytes(self) -> int:
        """What a whole form may have: the image, the texts, and as much again for what stands around the parts."""
        return self.image_bytes + 2 * TEXT_LIMIT

    def boundary(self, request: IncomingRequest) -> bytes:
        """The boundary of the form, from the content type."""
        return form_boundary(request.headers.get("content-type", ""))

    def check_length(self, request: IncomingRequest) -> None:
        """Refuses a body that says itself that it is too long, before it is read."""
        if request.declared is not None and request.declared > self.form_bytes:
            raise ApiError(f"The form must have at most {self.form_bytes} bytes, not {request.declared}.", status=413)

    async def parts(self, request: IncomingRequest, boundary: bytes) -> tuple[Part, ...]:
        """The parts of the form."""
        return await read_form(request, boundary, FIELDS, "image", self.image_bytes)

    def fields(self, parts: tuple[Part, ...]) -> dict[str, Part]:
        """The known fields by name, each of them at most once. Others are ignored."""
        fields: dict[str, Part] = {}
        for part in parts:
            if part.name in fields:
                raise ApiError(f"{part.name} must be sent only once.", part.name)
            if part.name in FIELDS:
                fields[part.name] = part
        return fields

    # --- the fields

    def wanted(self, fields: Mapping[str, Part]) -> Wanted:
        """What the fields but the image ask for."""
        texts = {name: part.text() for name, part in fields.items() if name != "image"}
        self.model(texts.get("model"))
        self.user(texts.get("user"))
        for name, schema in ADDED_FIELDS.items():
            if name in texts:
                check_added(name, schema, texts[name])
        return Wanted(
            count=self.count(texts.get("n")),
            side=self.side(self.size(texts.get("size"))),
            response_format=self.response_format(texts.get("response_format")),
        )

    def count(self, n: str | None) -> int:
        """How many images to make."""
        if n is None:
            return 1
        if not _DIGITS.fullmatch(n):
            raise ApiError(f"n must be a whole number from 1 to {MOST_IMAGES}, not {shown(n)}.", "n")
        # Without its leading zeros the text is short, or it is too large: int() is spared a million digits.
        digits = n.lstrip("0")
        if not digits or len(digits) > len(str(MOST_IMAGES)) or int(digits) > MOST_IMAGES:
            raise ApiError(f"n must be from 1 to {MOST_IMAGES}, not {shown(n)}.", "n")
        return int(digits)

    def size(self, size: str | None) -> str:
        """The size of the new images, as the contract writes it."""
        return "1024x1024" if size is None else _one_of(SIZES, size, "size")

    def side(self, size: str) -> int:
        """The width and height of the new images in pixels."""
        return int(size.partition("x")[0])

    def response_format(self, response_format: str | None) -> str:
        """In which form the images come back."""
        return "url" if response_format is None else _one_of(RESPONSE_FORMATS, response_format, "response_format")

    def model(self, model: str | None) -> None:
        """Checks the model."""
        if model is not None and model not in MODELS:
            code = "model_not_found" if model else None
            raise ApiError(f"model must be {MODELS[0]} or left out, not {shown(model)}.", "model", code)

    def user(self, user: str | None) -> None:
        """Takes the name of the end user, which may be any text."""

    # --- the image that was sent

    async def picture(self, fields: Mapping[str, Part]) -> Image.Image:
        """The picture to vary."""
        if "image" not in fields:
            raise ApiError("image is missing. It must be a square PNG file.", "image")
        return await anyio.to_thread.run_sync(self.read_image, fields["image"])

    def read_image(self, part: Part) -> Image.Image:
        """Checks and decodes the image. Runs in a thread."""
        return read_picture(part.content)

    # --- the images that are made

    async def make(self, picture: Image.Image, wanted: Wanted) -> list[bytes]:
        """The new images, as PNG files."""
        maker = VariationMaker(picture, wanted.side, self.rng(picture))
        images: list[bytes] = []
        if self.slots is not None:
            # One at a time with the maker, which is not made for threads; the waiting is at once.
            making = anyio.Lock()
            async with anyio.create_task_group() as group:
                for _ in range(wanted.count):
                    group.start_soon(self.make_in_slot, self.slots, making, maker, images)
            return images
        for _ in range(wanted.count):
            await anyio.sleep(self.latency)
            images.append(await anyio.to_thread.run_sync(self.make_one, maker))
        return images

    async def make_in_slot(
        self, slots: anyio.Semaphore, making: anyio.Lock, maker: VariationMaker, images: list[bytes]
    ) -> None:
        """Takes a slot, for as long as an image takes, and makes one meanwhile."""
        async with slots:
            ends = anyio.current_time() + self.latency
            async with making:
                images.append(await anyio.to_thread.run_sync(self.make_one, maker))
            await anyio.sleep(max(0.0, ends - anyio.current_time()))

    def make_one(self, maker: VariationMaker) -> bytes:
        """One new image, as a PNG file. Runs in a thread."""
        return maker.make()

    def rng(self, picture: Image.Image) -> random.Random:
        """Where the chance in the new images comes from."""
        if self.seed is None:
            return random.Random(secrets.randbits(64))  # noqa: S311 - it makes pictures, not secrets
        digest = hashlib.sha256(picture.tobytes()).hexdigest()
        return random.Random(f"{self.seed} {digest}")  # noqa: S311 - as above

    # --- the answer

    def document(self, request: IncomingRequest, images: list[bytes], wanted: Wanted) -> object:
        """The JSON document of a 200."""
        return {"created": self.created(), "data": [self.item(request, image, wanted) for image in images]}

    def created(self) -> object:
        """When the images were made, in seconds since 1970-01-01 UTC."""
        return int(time.time())

    def item(self, request: IncomingRequest, image: bytes, wanted: Wanted) -> object:
        """An item of the list `data`."""
        if wanted.response_format == "b64_json":
            return {"b64_json": self.encoded(image)}
        return {"url": self.link(request, self.hang(image))}

    def encoded(self, image: bytes) -> str:
        """An image in base64."""
        return base64.b64encode(image).decode("ascii")

    def hang(self, image: bytes) -> str:
        """Keeps an image for 60 minutes. Gives the token that it is fetched by."""
        return self.gallery.hang(image)

    def link(self, request: IncomingRequest, token: str) -> str:
        """Where an image can be fetched: on the host that the request came to."""
        host = request.headers.get("host", "")
        if not _HOST.fullmatch(host):
            name, port = request.scope["server"]
            host = f"[{name}]:{port}" if ":" in name else f"{name}:{port}"
        return f"{request.scope['scheme']}://{host}{FILES_PATH}{token}{FILE_SUFFIX}"

    def success(self, document: object) -> Response:
        """A 200 with a JSON document."""
        return json_response(document)

    def refusal(self, problem: ApiError) -> Response:
        """The answer to a wrong request."""
        return json_response(self.error(problem), problem.status, problem.headers)

    def error(self, problem: ApiError) -> object:
        """The JSON document of an error."""
        return error_object(problem)

    # --- the images that are served by link

    def file(self, token: str) -> Response:
        """An image that was made before."""
        image = self.gallery.find(token)
        if image is None:
            raise ApiError("There is no such image, or its 60 minutes are over.", status=404)
        return plain_response(image, media_type="image/png")


def _one_of(values: tuple[str, ...], text: str, param: str) -> str:
    if text not in values:
        raise ApiError(f"{param} must be one of {', '.join(values)}, not {shown(text)}.", param)
    return text
