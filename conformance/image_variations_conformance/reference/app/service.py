"""The operation as the contract defines it. Each step is a method, in the order in which a request passes them."""

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
import jsonschema_rs
from attrs import frozen
from PIL import Image

from ...contract.document import Contract, load
from .added import check_added
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

# The maximum of n of a server whose contract has none.
_MOST_IMAGES = 100
_MAX_SIDE = 4096
_BAD_REQUEST = 400
# The statuses of this server where they are not 400 alone, by the kind of violation.
_STATUSES = {
    "wrong-key": {401},
    "other-method": {405},
    "image-too-large": {413},
    "not-multipart": {_BAD_REQUEST, 415},
}
_KNOWN_FIELDS = frozenset({"model", "n", "response_format", "size", "user"})

_DIGITS = re.compile(r"[0-9]+")
# A host that is safe to put into a link: a name or an address, with or without a port.
_HOST = re.compile(r"[0-9A-Za-z._~\-]+(:[0-9]+)?|\[[0-9A-Fa-f:.]+\](:[0-9]+)?")


class ServiceOptions(TypedDict, total=False):
    """The keyword arguments of Service, which documents them."""

    api_key: str
    contract: Contract
    latency: float
    slots: int | None
    seed: int | None
    clock: Callable[[], float]


@frozen
class Wanted:
    """The parameters of a valid request: the number of images, their size, and the response format.

    `size` is the width and height in pixels, None if it is that of the input image.
    """

    count: int
    size: tuple[int, int] | None
    response_format: str


class Service:
    """An ASGI app that serves the operation and the images it makes, and meets every requirement of its contract.

    Without a `contract`, it is the one that is part of this package.
    `latency` is the time in seconds that each image takes. `slots` is the maximum number of images in the making at a
    time, over all requests; without it, each request makes its images one after the other, independently of the other
    requests. With a `seed`, the same request always gets the same images. `clock` returns the time in seconds and
    determines the age of a link.

    Each step is a method, so that a subclass can override one of them.
    """

    def __init__(
        self,
        api_key: str = API_KEY,
        *,
        contract: Contract | None = None,
        latency: float = 0.0,
        slots: int | None = None,
        seed: int | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.api_key = api_key
        self.contract = contract or load()
        self.latency = latency
        self.slots = None if slots is None else anyio.Semaphore(slots)
        self.seed = seed
        self.gallery = Gallery(clock)

    # --- the request and the response

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one HTTP request (ASGI). Raises NotImplementedError for another kind of scope."""
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
        """Return the request of an ASGI scope."""
        from .incoming import IncomingRequest  # noqa: PLC0415 - as in responses.py

        return IncomingRequest(scope, receive, send)

    async def respond(self, request: IncomingRequest) -> Response:
        """Return the response to any request."""
        try:
            return await self.route(request)
        except ApiError as problem:
            return self.refusal(problem)

    async def deliver(self, request: IncomingRequest, response: Response, send: Send) -> None:
        """Send a response."""
        await response(request.scope, request.receive, send)

    async def route(self, request: IncomingRequest) -> Response:
        """Dispatch the request by its path and method. Raises ApiError (404) for an unknown path."""
        path = request.url.path
        if path == OPERATION_PATH:
            if request.method != "POST":
                return self.other_method(request)
            return await self.vary(request)
        if path.startswith(FILES_PATH) and path.endswith(FILE_SUFFIX) and request.method in {"GET", "HEAD"}:
            return self.file(path.removeprefix(FILES_PATH).removesuffix(FILE_SUFFIX))
        raise ApiError(f"There is nothing at {shown(path)}.", status=404, kind=None)

    def other_method(self, request: IncomingRequest) -> Response:
        """Refuse a method other than POST. Raises ApiError (405)."""
        raise ApiError(
            f"The method must be POST, not {shown(request.method)}.",
            status=405,
            kind="other-method",
            headers={"Allow": "POST"},
        )

    async def vary(self, request: IncomingRequest) -> Response:
        """Run the operation and return its response. Raises ApiError for an invalid request."""
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
        """Check the API key, if the contract has one. Raises ApiError (401) if it is missing or wrong."""
        sent = request.headers.get("authorization")
        if not self.contract.key_checked or (sent is None and not self.contract.key_required):
            return
        scheme, _, key = (sent or "").partition(" ")
        if scheme.lower() != "bearer" or not key.strip(" "):
            raise self.key_missing()
        # Constant time hides how much of a wrong key is right. Starlette decodes headers as Latin-1.
        if not secrets.compare_digest(key.strip(" ").encode("latin-1"), self.api_key.encode()):
            raise self.key_wrong()

    def key_missing(self) -> ApiError:
        """Return the error for a missing API key."""
        challenge = {"WWW-Authenticate": "Bearer"}
        message = "An API key is needed, in the header Authorization: Bearer KEY."
        return ApiError(message, status=401, kind="wrong-key", headers=challenge)

    def key_wrong(self) -> ApiError:
        """Return the error for a wrong API key."""
        challenge = {"WWW-Authenticate": "Bearer"}
        message = "This API key is not known."
        return ApiError(message, code="invalid_api_key", status=401, kind="wrong-key", headers=challenge)

    # --- the form

    @property
    def image_bytes(self) -> int:
        """Return the number of bytes from which on an image is too large."""
        return self.contract.image_rules.invalid_from_bytes

    @property
    def image_fields(self) -> tuple[str, ...]:
        """Return the names of the field with the image."""
        return (self.contract.image_field, *self.contract.image_rules.other_names)

    @property
    def field_names(self) -> tuple[str, ...]:
        """Return the names of all fields that are read."""
        return (*self.image_fields, *self.contract.text_fields)

    @property
    def form_bytes(self) -> int:
        """Return the maximum size of a form in bytes: image, texts, and an allowance for boundaries and preamble."""
        return self.image_bytes + 2 * TEXT_LIMIT

    def boundary(self, request: IncomingRequest) -> bytes:
        """Return the boundary of the form from the Content-Type. Raises ApiError (415 or 400)."""
        return form_boundary(request.headers.get("content-type", ""))

    def check_length(self, request: IncomingRequest) -> None:
        """Refuse a body whose Content-Length is over the limit, before it is read. Raises ApiError (413)."""
        if request.declared is not None and request.declared > self.form_bytes:
            message = f"The form must have at most {self.form_bytes} bytes, not {request.declared}."
            raise ApiError(message, status=413, kind="image-too-large")

    async def parts(self, request: IncomingRequest, boundary: bytes) -> tuple[Part, ...]:
        """Read the body and return the parts of the form. Raises ApiError (400 or 413)."""
        return await read_form(request, boundary, self.field_names, self.image_fields, self.image_bytes)

    def fields(self, parts: tuple[Part, ...]) -> dict[str, Part]:
        """Return the known fields by name, without unknown ones. Raises ApiError (400) if a field is repeated."""
        fields: dict[str, Part] = {}
        for part in parts:
            if part.name in fields:
                raise ApiError(f"{part.name} must be sent only once.", part.name)
            if part.name in self.field_names:
                fields[part.name] = part
        missing = [
            name for name in self.contract.required_fields if name not in fields and name not in self.image_fields
        ]
        if missing:
            raise ApiError(f"{missing[0]} is missing.", missing[0])
        return fields

    # --- the fields

    def wanted(self, fields: Mapping[str, Part]) -> Wanted:
        """Return the parameters from all fields except the image. Raises ApiError (400) for an invalid value."""
        texts = {name: part.text() for name, part in fields.items() if name not in self.image_fields}
        self.model(texts.get("model"))
        self.user(texts.get("user"))
        for name, schema in self.contract.text_fields.items():
            if name in texts and name not in _KNOWN_FIELDS:
                check_added(name, schema, texts[name])
        return Wanted(
            count=self.count(texts.get("n")),
            size=self.dimensions(self.size(texts.get("size"))),
            response_format=self.response_format(texts.get("response_format")),
        )

    def count(self, n: str | None) -> int:
        """Return the number of images to make. Raises ApiError (400)."""
        if n is None:
            return int(self.contract.defaults["n"])
        most = self.contract.fields["n"].get("maximum", _MOST_IMAGES)
        if not _DIGITS.fullmatch(n):
            raise ApiError(f"n must be a whole number from 1 to {most}, not {shown(n)}.", "n")
        # Check the length before int(), so that it never has to parse a million digits.
        digits = n.lstrip("0")
        if not digits or len(digits) > len(str(most)) or int(digits) > most:
            raise ApiError(f"n must be from 1 to {most}, not {shown(n)}.", "n")
        return int(digits)

    def size(self, size: str | None) -> str | None:
        """Return the size of the new images, as in "256x256"; None for the default. Raises ApiError (400)."""
        return None if size is None else self.one_of_values("size", size)

    def dimensions(self, size: str | None) -> tuple[int, int] | None:
        """Return the width and height of the new images in pixels, None for those of the input image."""
        is_any = "enum" not in self.contract.fields["size"]
        size = size or self.contract.defaults.get("size")
        if size is None:
            return None
        width, height = (int(side) for side in size.split("x"))
        if is_any and max(width, height) > _MAX_SIDE:
            raise ApiError(f"size must have at most {_MAX_SIDE} pixels a side, not {shown(size)}.", "size")
        return width, height

    def response_format(self, response_format: str | None) -> str:
        """Return the format of the images in the response. Raises ApiError (400)."""
        if response_format is None:
            return self.contract.defaults["response_format"]
        return self.one_of_values("response_format", response_format)

    def model(self, model: str | None) -> None:
        """Check the model. Raises ApiError (400) if it is unknown."""
        models = self.contract.fields["model"]["enum"]
        if model is not None and model not in models:
            code = "model_not_found" if model else None
            message = f"model must be {' or '.join(models)}, not {shown(model)}."
            raise ApiError(message, "model", code, kind="unknown-model")

    def one_of_values(self, field: str, text: str) -> str:
        """Return the text of a field. Raises ApiError (400) if it is none of the values in the contract."""
        schema = self.contract.fields[field]
        if not jsonschema_rs.is_valid(dict(schema), text):
            expected = f"one of {', '.join(schema['enum'])}" if "enum" in schema else f"as in {schema['pattern']}"
            raise ApiError(f"{field} must be {expected}, not {shown(text)}.", field)
        return text

    def user(self, user: str | None) -> None:
        """Accept the identifier of the end user, which may be any text."""

    # --- the uploaded image

    async def picture(self, fields: Mapping[str, Part]) -> Image.Image:
        """Return the decoded image. Raises ApiError (400) if it is missing or invalid."""
        sent = [fields[name] for name in self.image_fields if name in fields]
        if not sent:
            raise ApiError(f"{self.image_fields[0]} is missing. It must be a square PNG file.", self.image_fields[0])
        try:
            return await anyio.to_thread.run_sync(self.read_image, sent[0])
        except ApiError as problem:
            problem.param = problem.param and sent[0].name
            raise

    def read_image(self, part: Part) -> Image.Image:
        """Validate and decode the image. Runs in a worker thread. Raises ApiError (400)."""
        return read_picture(part.content, self.contract.image_rules)

    # --- the new images

    async def make(self, picture: Image.Image, wanted: Wanted) -> list[bytes]:
        """Return the new images as PNG files."""
        maker = VariationMaker(picture, wanted.size or picture.size, self.rng(picture))
        images: list[bytes] = []
        if self.slots is not None:
            # The maker is not thread-safe, so only the waiting is concurrent.
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
        """Make one image while holding a slot for at least the latency, and append it to `images`."""
        async with slots:
            ends = anyio.current_time() + self.latency
            async with making:
                images.append(await anyio.to_thread.run_sync(self.make_one, maker))
            await anyio.sleep(max(0.0, ends - anyio.current_time()))

    def make_one(self, maker: VariationMaker) -> bytes:
        """Return one new image as a PNG file. Runs in a worker thread."""
        return maker.make()

    def rng(self, picture: Image.Image) -> random.Random:
        """Return the random number generator of the new images: from the seed and the picture, if there is a seed."""
        if self.seed is None:
            return random.Random(secrets.randbits(64))  # noqa: S311 - for pictures, not for secrets
        digest = hashlib.sha256(picture.tobytes()).hexdigest()
        return random.Random(f"{self.seed} {digest}")  # noqa: S311 - as above

    # --- the response body

    def document(self, request: IncomingRequest, images: list[bytes], wanted: Wanted) -> object:
        """Return the JSON document of a 200."""
        return {"created": self.created(), "data": [self.item(request, image, wanted) for image in images]}

    def created(self) -> object:
        """Return the time of creation, in seconds since 1970-01-01 UTC."""
        return int(time.time())

    def item(self, request: IncomingRequest, image: bytes, wanted: Wanted) -> object:
        """Return the item of the list `data` for one image."""
        if wanted.response_format == "b64_json":
            return {"b64_json": self.encoded(image)}
        return {"url": self.link(request, self.hang(image))}

    def encoded(self, image: bytes) -> str:
        """Return an image in base64."""
        return base64.b64encode(image).decode("ascii")

    def hang(self, image: bytes) -> str:
        """Store an image for 60 minutes and return the token in its link."""
        return self.gallery.hang(image)

    def link(self, request: IncomingRequest, token: str) -> str:
        """Return the URL of a stored image, on the host that the request names or, if invalid, the local address."""
        host = request.headers.get("host", "")
        if not _HOST.fullmatch(host):
            name, port = request.scope["server"]
            host = f"[{name}]:{port}" if ":" in name else f"{name}:{port}"
        return f"{request.scope['scheme']}://{host}{FILES_PATH}{token}{FILE_SUFFIX}"

    def success(self, document: object) -> Response:
        """Return a 200 with a JSON document."""
        return json_response(document)

    def refusal(self, problem: ApiError) -> Response:
        """Return the response to a refused request."""
        return json_response(self.error(problem), self.refusal_status(problem), problem.headers)

    def refusal_status(self, problem: ApiError) -> int:
        """Return the status of an error, or if a profile declares others for this kind, the first of these."""
        if problem.kind is None or problem.status not in _STATUSES.get(problem.kind, {_BAD_REQUEST}):
            return problem.status
        statuses = self.contract.statuses(problem.kind)
        if statuses.allows(problem.status):
            return problem.status
        return next((int(status) for status in (*statuses.should, *statuses.must) if status.isdigit()), problem.status)

    def error(self, problem: ApiError) -> object:
        """Return the JSON document of an error, in the form of the contract."""
        return {"detail": problem.message} if self.contract.error_body == "detail" else error_object(problem)

    # --- images served by link

    def file(self, token: str) -> Response:
        """Return a stored image as a response. Raises ApiError (404) if there is none under the token."""
        image = self.gallery.find(token)
        if image is None:
            raise ApiError("There is no such image, or its link has expired after 60 minutes.", status=404, kind=None)
        return plain_response(image, media_type="image/png")
