"""Functions that return a changed Service: each changes one step of the reference server.

The first argument of each is the id, or the ids, of the requirements that the change breaks. A fault that fails with a
5xx or without a response may be reported under IV-ERR-NO-5XX too, which is then in `also`.
"""

from __future__ import annotations

import io
import itertools
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any, Generic, TypeVar
from weakref import WeakKeyDictionary

from attrs import evolve
from PIL import Image

from ..app.api_error import ApiError, error_object
from ..app.form import Part
from ..app.received import Received
from ..app.responses import plain_response
from ..app.service import Service, Wanted
from ..registry import Change
from .no_response import Failure, MayFail, half_body

if TYPE_CHECKING:
    from starlette.responses import Response
    from starlette.types import Send

    from ..app.incoming import IncomingRequest
    from ..app.variations import VariationMaker

Ids = str | tuple[str, ...]
Document = dict[str, Any]
T = TypeVar("T")

NO_5XX = "IV-ERR-NO-5XX"


def ids_of(breaks: Ids) -> tuple[str, ...]:
    """Return one id, or several, as a tuple."""
    return (breaks,) if isinstance(breaks, str) else breaks


def _concerns(problem: ApiError, ids: tuple[str, ...], when: Callable[[ApiError], bool] | None) -> bool:
    # Of a request about which the contract is silent, only IV-ERR-NO-5XX says anything.
    return (problem.requirement or NO_5XX) in ids and (when is None or when(problem))


class PerServer(Generic[T]):
    """A value of each server, for changes that have a state. No other change can reach it."""

    def __init__(self, make: Callable[[], T]) -> None:
        self._make = make
        self._values: WeakKeyDictionary[Service, T] = WeakKeyDictionary()

    def of(self, server: Service) -> T:
        """Return the value of a server, which is made when it is first needed."""
        return self._values.setdefault(server, self._make())


# --- the validation of requests


def accepts(
    breaks: Ids,
    when: Callable[[ApiError], bool] | None = None,
    *,
    instead: Callable[[ApiError], object] | None = None,
) -> Change:
    """Accept requests that violate one of the requirements, only those for which `when` is true.

    The server goes on with the value that `instead` returns for the error. By default, that is the default of the
    field, and a picture in any format that Pillow reads, or else a placeholder.
    """
    ids = ids_of(breaks)

    class Accepts(Service):
        def violation(self, problem: ApiError, kind: type[T]) -> T:
            if not _concerns(problem, ids, when):
                return super().violation(problem, kind)
            value: Any = self.default_value(problem, kind) if instead is None else instead(problem)
            return value  # type: ignore[no-any-return] # as `instead` has it

        def default_value(self, problem: ApiError, kind: type[object]) -> object:
            if kind is Image.Image:
                return opened(problem.part)
            default = None if problem.param is None else self.contract.defaults.get(problem.param)
            return int(default) if default and kind is int else default

    return Change(Accepts, ids)


def reads(breaks: Ids, **fields: Callable[[str | None], str | None]) -> Change:
    """Read another text from some fields. Each function gets the text and returns it; None is an absent field."""

    class Reads(Service):
        def wanted(self, received: Mapping[str, Part]) -> Wanted:
            parts = dict(received)
            for name, read in fields.items():
                # Bytes that are not UTF-8 are kept, so that the server refuses them as it does otherwise.
                sent = None if name not in parts else parts[name].content.decode("utf-8", "surrogateescape")
                text = read(sent)
                if text is None:
                    parts.pop(name, None)
                elif text != sent:
                    parts[name] = Part(name, None, None, content=text.encode("utf-8", "surrogateescape"))
            return super().wanted(parts)

    return Change(Reads, ids_of(breaks))


def crashes_on(breaks: Ids, status: Failure = 500, when: Callable[[ApiError], bool] | None = None) -> Change:
    """Fail in response to requests that violate one of the requirements, only those for which `when` is true.

    Requests about which the contract is silent violate IV-ERR-NO-5XX here.
    """
    ids = ids_of(breaks)

    class Crashes(MayFail):
        def refusal(self, problem: ApiError) -> Response:
            if not _concerns(problem, ids, when):
                return super().refusal(problem)
            failure = self.failure(status)
            if isinstance(failure, ApiError):
                return super().refusal(failure)
            raise failure

    return Change(Crashes, ids, _crash_ids(ids), status == "hang")


def _crash_ids(ids: tuple[str, ...]) -> tuple[str, ...]:
    return () if NO_5XX in ids else (NO_5XX,)


def refuses(
    breaks: Ids,
    when: Callable[[Received], bool],
    status: Failure = 400,
    *,
    param: str | None = None,
    code: str | None = None,
    message: str = "This request cannot be processed.",
) -> Change:
    """Refuse valid requests for which `when` is true, or fail in response to them if the status is one of failures.

    `param`, `code` and `message` are those of the error.
    """
    ids = ids_of(breaks)
    fails = isinstance(status, str) or status >= 500

    class Refuses(MayFail):
        def admit(self, received: Received) -> None:
            if not when(received):
                return super().admit(received)
            if isinstance(status, str) or status == 500:
                raise self.failure(status)
            raise ApiError(message, param, code, status, None)

    return Change(Refuses, ids, _crash_ids(ids) if fails else (), status == "hang")


def ignores_texts(breaks: Ids, when: Callable[[Received], bool]) -> Change:
    """Ignore the text fields of forms for which `when` is true, so that the defaults count."""

    class IgnoresTexts(Service):
        async def parts(self, request: IncomingRequest, boundary: bytes) -> tuple[Part, ...]:
            parts = await super().parts(request, boundary)
            fields = {part.name: part for part in parts if part.name in self.field_names}
            received = Received(request, boundary, parts, fields, self.image_part(fields), self.wanted({}))
            return tuple(part for part in parts if part.name in self.image_fields) if when(received) else parts

    return Change(IgnoresTexts, ids_of(breaks))


def limits_bytes(breaks: Ids, size_bytes: int) -> Change:
    """Accept images of fewer bytes only."""
    return Change(type("LimitsBytes", (Service,), {"image_bytes": size_bytes}), ids_of(breaks))


# --- other methods, and limits of the number of requests


def answers_method(breaks: Ids, *methods: str, answer: Callable[[], Response]) -> Change:
    """Answer these methods, all but POST by default, with another response."""

    class AnswersMethod(Service):
        def other_method(self, request: IncomingRequest) -> Response:
            return answer() if not methods or request.method in methods else super().other_method(request)

    return Change(AnswersMethod, ids_of(breaks))


def limits_rate(
    breaks: Ids,
    when: Callable[[int], bool],
    status: int = 429,
    *,
    code: str | None = None,
    retry_after: Callable[[], str] | None = lambda: "1",
) -> Change:
    """Refuse the requests for whose number, from 1 on, `when` is true, and ask for a retry, by default after 1 s."""

    numbers = PerServer(lambda: itertools.count(1))

    class LimitsRate(Service):
        async def vary(self, request: IncomingRequest) -> Response:
            if when(next(numbers.of(self))):
                headers = {} if retry_after is None else {"Retry-After": retry_after()}
                raise ApiError("Too many requests.", code=code, status=status, kind=None, headers=headers)
            return await super().vary(request)

    return Change(LimitsRate, ids_of(breaks))


# --- errors


def errs(breaks: Ids, change: Callable[[ApiError], ApiError]) -> Change:
    """Send another error: `change` gets the error and returns the one to send."""

    class Errs(Service):
        def refusal(self, problem: ApiError) -> Response:
            return super().refusal(change(problem))

    return Change(Errs, ids_of(breaks))


def answers_errors(breaks: Ids, change: Callable[[ApiError, Document], object]) -> Change:
    """Send another JSON document with errors: `change` gets the error and the members of the error object."""

    class AnswersErrors(Service):
        def error(self, problem: ApiError) -> object:
            members: Any = error_object(problem)["error"]
            return change(problem, dict(members))

    return Change(AnswersErrors, ids_of(breaks))


def sends_errors(breaks: Ids, change: Callable[[ApiError, Response], Response]) -> Change:
    """Send another response with errors: `change` gets the error and the response."""

    class SendsErrors(Service):
        def refusal(self, problem: ApiError) -> Response:
            return change(problem, super().refusal(problem))

    return Change(SendsErrors, ids_of(breaks))


# --- responses with images


def answers(breaks: Ids, change: Callable[[Document, Wanted], object]) -> Change:
    """Send another JSON document in a 200: `change` gets the document and what the request asks for."""

    class Answers(Service):
        def document(self, request: IncomingRequest, images: list[bytes], wanted: Wanted) -> object:
            document = super().document(request, images, wanted)
            # Another fault may have replaced the object already.
            return change(document, wanted) if isinstance(document, dict) else document

    return Change(Answers, ids_of(breaks))


def answers_items(breaks: Ids, change: Callable[[Document], object]) -> Change:
    """Send other items in `data`: `change` gets each item."""

    class AnswersItems(Service):
        def item(self, request: IncomingRequest, image: bytes, wanted: Wanted) -> object:
            item = super().item(request, image, wanted)
            return change(item) if isinstance(item, dict) else item

    return Change(AnswersItems, ids_of(breaks))


def sends(breaks: Ids, change: Callable[[Response], Response]) -> Change:
    """Send another response in place of a 200."""

    class Sends(Service):
        def success(self, document: object) -> Response:
            return change(super().success(document))

    return Change(Sends, ids_of(breaks))


def sends_json(breaks: Ids, change: Callable[[bytes], bytes]) -> Change:
    """Send other bytes as the JSON of a 200."""
    return sends(breaks, lambda response: plain_response(change(bytes(response.body)), media_type="application/json"))


def sends_half(breaks: Ids, then: Callable[[IncomingRequest], Awaitable[None]], *, hangs: bool = False) -> Change:
    """Send only half of the body of a 200, and then call `then`, which ends the connection or waits."""

    class SendsHalf(Service):
        async def deliver(self, request: IncomingRequest, response: Response, send: Send) -> None:
            if request.method != "POST" or response.status_code != 200:
                return await super().deliver(request, response, send)
            await super().deliver(request, response, half_body(send))
            return await then(request)

    return Change(SendsHalf, ids_of(breaks), (NO_5XX,), hangs)


# --- the images


def draws(breaks: Ids, change: Callable[[Image.Image, VariationMaker], Image.Image | bytes]) -> Change:
    """Make other images: `change` gets the new picture and its maker, and returns a picture or a file."""

    class Draws(Service):
        def make_one(self, maker: VariationMaker) -> bytes:
            changed = change(loaded(super().make_one(maker)), maker)
            return changed if isinstance(changed, bytes) else saved(changed, "PNG", compress_level=1)

    return Change(Draws, ids_of(breaks))


def encodes(breaks: Ids, change: Callable[[bytes], str | bytes]) -> Change:
    """Encode images in `b64_json` otherwise: `change` returns the text, or other bytes to encode in base64."""

    class Encodes(Service):
        def encoded(self, image: bytes) -> str:
            changed = change(image)
            return changed if isinstance(changed, str) else super().encoded(changed)

    return Change(Encodes, ids_of(breaks))


def links(breaks: Ids, change: Callable[[str], str]) -> Change:
    """Send other links: `change` gets the right one."""

    class Links(Service):
        def link(self, request: IncomingRequest, token: str) -> str:
            return change(super().link(request, token))

    return Change(Links, ids_of(breaks))


def serves(breaks: Ids, change: Callable[[Response], Response]) -> Change:
    """Answer otherwise to the fetch of a link that works."""

    class Serves(Service):
        def file(self, token: str) -> Response:
            return change(super().file(token))

    return Change(Serves, ids_of(breaks))


def serves_later(breaks: Ids, change: Callable[[bytes], bytes], media_type: str) -> Change:
    """Answer the second fetch of a link and later ones with another file, which `change` makes of the image."""
    fetched: PerServer[set[str]] = PerServer(set)

    class ServesLater(Service):
        def file(self, token: str) -> Response:
            response, tokens = super().file(token), fetched.of(self)
            if token in tokens:
                return with_body(response, change(bytes(response.body)), media_type)
            tokens.add(token)
            return response

    return Change(ServesLater, ids_of(breaks))


# --- values for these functions


def with_status(status: int) -> Callable[[ApiError], ApiError]:
    """Return a change of errors, which sends them with another status."""
    return lambda problem: evolve(problem, status=status, kind=None)


def with_body(response: Response, body: bytes | str, media_type: str | None = None) -> Response:
    """Return a response with the same status and headers, but another body, and another content type if given."""
    headers = {name: value for name, value in response.headers.items() if name != "content-length"}
    if media_type is not None:
        headers["content-type"] = media_type
    return plain_response(body, response.status_code, headers)


def member(name: str, value: object) -> Callable[[Document, Wanted], object]:
    """Return a change of documents, which sets a member."""
    return lambda document, _: {**document, name: value}


def without(name: str) -> Callable[[Document, Wanted], object]:
    """Return a change of documents, which removes a member."""
    return lambda document, _: {key: value for key, value in document.items() if key != name}


def opened(part: Part | None) -> Image.Image:
    """Return the picture of a part in RGB in any format that Pillow reads, or else a placeholder."""
    try:
        with Image.open(io.BytesIO(b"" if part is None else part.content)) as image:
            return image.convert("RGB")
    except (OSError, SyntaxError, ValueError):
        return placeholder()


def placeholder() -> Image.Image:
    """Return a picture to use in place of a missing or invalid one."""
    return Image.linear_gradient("L").convert("RGB")


def unread(_: ApiError) -> Image.Image:
    """Return a placeholder for a file that the server does not read."""
    return placeholder()


def saved(image: Image.Image, file_format: str, **options: object) -> bytes:
    """Return the file of an image in a format that Pillow writes."""
    file = io.BytesIO()
    image.save(file, file_format, **options)
    return file.getvalue()


def loaded(file: bytes) -> Image.Image:
    """Return the picture in a file, in any mode."""
    with Image.open(io.BytesIO(file)) as image:
        image.load()
        return image
