"""The operation as the contract defines it. Each step is a method, in the order in which a request passes them."""

from __future__ import annotations

import hashlib
import random
import secrets
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, TypedDict, TypeVar

import anyio
import anyio.to_thread
from attrs import evolve
from PIL import Image

from ...contract.document import Contract, load
from ...contract.fields import kind_of
from . import fields as texts
from .answers import FILE_SUFFIX, FILES_PATH, Answers, Wanted
from .api_error import ApiError, shown
from .form import TEXT_LIMIT, Part, form_boundary, read_form
from .gallery import Gallery
from .picture import read_picture
from .received import Received
from .variations import VariationMaker

if TYPE_CHECKING:
    from starlette.responses import Response
    from starlette.types import Receive, Scope, Send

    from .incoming import IncomingRequest

__all__ = [
    "API_KEY",
    "BASE_PATH",
    "FILES_PATH",
    "FILE_SUFFIX",
    "OPERATION_PATH",
    "Service",
    "ServiceOptions",
    "Wanted",
]

API_KEY = "sk-reference"
BASE_PATH = "/v1"
OPERATION_PATH = f"{BASE_PATH}/images/variations"

T = TypeVar("T")

_CHALLENGE = {"WWW-Authenticate": "Bearer"}
_KNOWN_FIELDS = frozenset({"model", "n", "response_format", "size", "user"})


class ServiceOptions(TypedDict, total=False):
    """The keyword arguments of Service, which documents them."""

    api_key: str
    contract: Contract
    latency: float
    slots: int | None
    seed: int | None
    clock: Callable[[], float]


class Service(Answers):
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
            requirement="IV-OP-HEAD-OPTIONS" if request.method in {"HEAD", "OPTIONS"} else "IV-OP-METHOD",
            text=request.method,
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
        self.admit(Received(request, boundary, parts, fields, self.image_part(fields), wanted))
        return await self.varied(request, picture, wanted)

    async def varied(self, request: IncomingRequest, picture: Image.Image, wanted: Wanted) -> Response:
        """Return the response to a valid request."""
        images = await self.make(picture, wanted)
        return self.success(self.document(request, images, wanted))

    def violation(self, problem: ApiError, _: type[T]) -> T:
        """Refuse a request. Raises `problem`. A subclass may return a value of the given type, to go on with."""
        raise problem

    def admit(self, received: Received) -> None:
        """Accept a valid request. A subclass may raise ApiError."""

    # --- authentication

    def authenticate(self, request: IncomingRequest) -> None:
        """Check the API key, if the contract has one. Raises ApiError (401) if it is missing or wrong."""
        sent = request.headers.get("authorization")
        if not self.contract.key_checked or (sent is None and not self.contract.key_required):
            return
        scheme, _, key = (sent or "").partition(" ")
        if scheme.lower() != "bearer" or not key.strip(" "):
            problem = self.key_missing()
        # Constant time hides how much of a wrong key is right. Starlette decodes headers as Latin-1.
        elif not secrets.compare_digest(key.strip(" ").encode("latin-1"), self.api_key.encode()):
            problem = self.key_wrong()
        else:
            return
        problem.text = sent or ""
        problem.requirement = "IV-AUTH-REQUIRED" if sent is None else "IV-AUTH-WRONG"
        self.violation(problem, type(None))

    def key_missing(self) -> ApiError:
        """Return the error for a missing API key."""
        message = "An API key is needed, in the header Authorization: Bearer KEY."
        return ApiError(message, status=401, kind="wrong-key", headers=_CHALLENGE)

    def key_wrong(self) -> ApiError:
        """Return the error for a wrong API key."""
        message = "This API key is not known."
        return ApiError(message, code="invalid_api_key", status=401, kind="wrong-key", headers=_CHALLENGE)

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
            image = self.contract.image_field
            raise ApiError(message, image, status=413, kind="image-too-large", requirement="IV-IMAGE-MAX-BYTES")

    async def parts(self, request: IncomingRequest, boundary: bytes) -> tuple[Part, ...]:
        """Read the body and return the parts of the form. Raises ApiError (400 or 413)."""
        return await read_form(request, boundary, self.field_names, self.image_fields, self.image_bytes)

    def fields(self, parts: tuple[Part, ...]) -> dict[str, Part]:
        """Return the known fields by name, without unknown ones. Raises ApiError (400) if a field is repeated."""
        fields: dict[str, Part] = {}
        for part in parts:
            if part.name in fields:
                raise ApiError(f"{part.name} must be sent only once.", part.name, detail="field-repeated")
            if part.name in self.field_names:
                fields[part.name] = part
        for name in self.contract.required_fields:
            if name not in fields and name not in self.image_fields:
                rules = self.contract.rules[name]
                raise ApiError(f"{name} is missing.", name, requirement=rules.absent or rules.invalid)
        return fields

    def image_part(self, fields: Mapping[str, Part]) -> Part | None:
        """Return the part with the image, None if there is none."""
        return next((fields[name] for name in self.image_fields if name in fields), None)

    # --- the fields

    def wanted(self, fields: Mapping[str, Part]) -> Wanted:
        """Return the parameters from all fields except the image. Raises ApiError (400) for an invalid value."""
        values = {name: self.text(name, part) for name, part in fields.items() if name not in self.image_fields}
        self.model(values.get("model"))
        self.user(values.get("user"))
        for name, text in values.items():
            if name not in _KNOWN_FIELDS:
                self.checked(texts.check_added, name, text, type(None))
        return Wanted(
            count=self.count(values.get("n")),
            size=self.dimensions(self.size(values.get("size"))),
            response_format=self.response_format(values.get("response_format")),
        )

    def text(self, name: str, part: Part) -> str:
        """Return the text of a field. Raises ApiError (400) for bytes that are not UTF-8, which no listed value has."""
        try:
            return part.text()
        except ApiError as problem:
            is_free = kind_of(self.contract.text_fields[name]) == "text"
            raise problem if is_free else evolve(problem, requirement=self.contract.rules[name].invalid) from None

    def checked(self, check: Callable[[Contract, str, str], T], name: str, text: str, kind: type[T]) -> T:
        """Return the value of a field, which `check` validates. Raises ApiError (400)."""
        try:
            return check(self.contract, name, text)
        except ApiError as problem:
            return self.violation(problem, kind)

    def count(self, n: str | None) -> int:
        """Return the number of images to make. Raises ApiError (400)."""
        if n is None:
            return int(self.contract.defaults["n"])
        return self.checked(texts.number_of_images, "n", n, int)

    def size(self, size: str | None) -> str | None:
        """Return the size of the new images, as in "256x256"; None for the default. Raises ApiError (400)."""
        return None if size is None else self.checked(texts.one_of_values, "size", size, str)

    def dimensions(self, size: str | None) -> tuple[int, int] | None:
        """Return the width and height of the new images in pixels, None for those of the input image."""
        size = size or self.contract.defaults.get("size")
        return None if size is None else texts.dimensions(self.contract, size)

    def response_format(self, response_format: str | None) -> str:
        """Return the format of the images in the response. Raises ApiError (400)."""
        if response_format is None:
            return self.contract.defaults["response_format"]
        return self.checked(texts.one_of_values, "response_format", response_format, str)

    def model(self, model: str | None) -> None:
        """Check the model. Raises ApiError (400) if it is unknown."""
        if model is not None:
            self.checked(texts.check_model, "model", model, type(None))

    def user(self, user: str | None) -> None:
        """Accept the identifier of the end user, which may be any text."""

    # --- the uploaded image

    async def picture(self, fields: Mapping[str, Part]) -> Image.Image:
        """Return the decoded image. Raises ApiError (400) if it is missing or invalid."""
        sent = self.image_part(fields)
        if sent is None:
            name = self.image_fields[0]
            message = f"{name} is missing. It must be a square PNG file."
            return self.violation(ApiError(message, name, requirement="IV-IMAGE-REQUIRED"), Image.Image)
        try:
            return await anyio.to_thread.run_sync(self.read_image, sent)
        except ApiError as problem:
            problem.param = problem.param and sent.name
            problem.part = sent
            return self.violation(problem, Image.Image)

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
