"""What an answer means: the value that it says, or the error that it is."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Generic, TypeAlias, TypeVar, cast

import httpx
from attrs import field, frozen

from . import _json
from ._calls import OpenCall, logger
from ._inflating import Inflater
from .errors import APIResponseValidationError, DataError, of_status
from .types import Response

T = TypeVar("T")
Read: TypeAlias = Callable[[bytes], T]

_MAX_ERROR_BYTES = 1 << 20
_MAX_KEPT_BYTES = 1 << 16
_MOVED = frozenset({301, 302, 303, 307, 308})


@frozen
class Answer:
    """A whole answer. Of one that says failure, at most the first MiB."""

    status_code: int
    headers: httpx.Headers
    content: bytes


class Enough(Exception):
    """What has come of an answer is enough to know what it means."""


class Body:
    """The body of an answer as it comes in, up to the limit of the call."""

    def __init__(self, status_code: int, headers: httpx.Headers, call: OpenCall) -> None:
        self._head = status_code, headers
        self._call = call
        self._is_success = 200 <= status_code <= 299
        self._room = call.max_response_bytes if self._is_success else min(_MAX_ERROR_BYTES, call.max_response_bytes)
        self._chunks: list[bytes] = []
        self._inflater: Inflater | None = None

    @property
    def is_wanted(self) -> bool:
        """Whether there is a body at all: what was switched to another protocol (101) has none."""
        return self._head[0] >= 200

    def add(self, chunk: bytes) -> Iterator[None]:
        """Take what came next, a little at a time, and pause after each. Raises `Enough` where no more is wanted."""
        try:
            if self._inflater is None:
                self._inflater = Inflater(self._head[1].get("content-encoding", ""))
            for piece in self._inflater.pieces(chunk):
                self.add_plain(piece)
                yield
        except ValueError as error:
            self._spoil(str(error))

    def add_plain(self, piece: bytes) -> None:
        """Take what is not compressed, or not any more."""
        self._room -= len(piece)
        if self._room < 0:
            if self._is_success:
                limit = self._call.max_response_bytes
                raise self._unreadable(f"it has more than {limit} bytes (max_response_bytes)")
            raise Enough
        self._chunks.append(piece)

    def end(self) -> None:
        """Say that all has come."""
        try:
            if self._inflater is not None:
                self._inflater.end()
        except ValueError as error:
            self._spoil(str(error))

    def answer(self) -> Answer:
        """The answer with the body that came."""
        status_code, headers = self._head
        logger.debug("%s %s: %d", self._call.call.method, self._call.name, status_code)
        return Answer(status_code, headers, b"".join(self._chunks))

    def _spoil(self, reason: str) -> None:
        if self._is_success:
            raise self._unreadable(f"it has {reason}")
        raise Enough  # An error is an error all the same.

    def _unreadable(self, reason: str) -> APIResponseValidationError:
        status_code, headers = self._head
        return _unreadable(Answer(status_code, headers, b""), self._call, reason)


@frozen
class Reading(Generic[T]):
    """How the answers of an operation are read, by status: `200`, `2XX` or `default`."""

    successes: Mapping[str, Read[T]]
    errors: Mapping[str, Read[Any]] = field(factory=dict[str, "Read[Any]"])

    def response(self, answer: Answer, call: OpenCall) -> Response[T]:
        """The response that the answer is. Raises `APIStatusError` or `APIResponseValidationError` where it is none."""
        if not 200 <= answer.status_code <= 299:
            raise self._failure(answer, call)
        read = _of(self.successes, answer.status_code)
        if read is None:
            raise _unreadable(answer, call, f"the status {answer.status_code} is not one that the contract knows")
        try:
            parsed = read(answer.content)
        except DataError as error:
            raise _unreadable(answer, call, str(error), error.field) from None
        except (ValueError, RecursionError) as error:
            reason = "nested too deep" if isinstance(error, RecursionError) else "not JSON in UTF-8"
            raise _unreadable(answer, call, f"the body is {reason}") from None
        return Response(answer.status_code, answer.headers, answer.content, parsed)

    def _failure(self, answer: Answer, call: OpenCall) -> Exception:
        content = call.redacted(answer.content)
        body = _body(content)
        read = _of(self.errors, answer.status_code)
        try:
            parsed = None if read is None else read(content)
        except (ValueError, RecursionError):
            parsed = None
        message = call.shown(_message(body)) or "the server gives no reason"
        if answer.status_code in _MOVED:
            message = f"moved to {call.shown(answer.headers.get('location', 'nowhere'))}, which is not followed"
        return of_status(answer.status_code)(
            message,
            body=body,
            status_code=answer.status_code,
            headers=call.clean(answer.headers),
            content=_kept(answer, call),
            parsed=parsed,
        )


def as_json(decode: Callable[[object], T]) -> Read[T]:
    """The value of a JSON text, read by `decode`."""
    return lambda content: decode(_json.loads(content))


def as_bytes(content: bytes) -> bytes:
    """The body as it came."""
    return content


def as_text(content: bytes) -> str:
    """The body as a text; what is not UTF-8 in it becomes a question mark."""
    return content.decode(errors="replace")


def as_nothing(_: bytes) -> None:
    """Nothing: there is no body, or none that matters."""


def _unreadable(answer: Answer, call: OpenCall, reason: str, field: str | None = None) -> APIResponseValidationError:
    return APIResponseValidationError(
        f"The answer cannot be read: {call.shown(reason)}.",
        field=field,
        status_code=answer.status_code,
        headers=call.clean(answer.headers),
        content=_kept(answer, call),
    )


def _kept(answer: Answer, call: OpenCall) -> bytes:
    """The part of the body that an error carries: the first 64 KiB, without the key."""
    return call.redacted(answer.content[: 2 * _MAX_KEPT_BYTES])[:_MAX_KEPT_BYTES]


def _of(readers: Mapping[str, Read[T]], status_code: int) -> Read[T] | None:
    for pattern in (str(status_code), f"{status_code // 100}XX", "default"):
        if pattern in readers:
            return readers[pattern]
    return None


def _body(content: bytes) -> object:
    """The error object of a body, or what it is besides: JSON, or text."""
    try:
        value = _json.loads(content)
    except (ValueError, RecursionError):
        return content[:_MAX_KEPT_BYTES].decode(errors="replace")
    if isinstance(value, dict):
        said = cast("dict[str, object]", value)
        return said.get("error") if said.get("error") is not None else said
    return value


def _message(body: object) -> str:
    """The words for a person in whatever a server, or a gateway before it, made of an error."""
    if isinstance(body, str):
        return "" if body.lstrip()[:1] == "<" else body  # a page of HTML says nothing in its first words
    if isinstance(body, dict):
        said = cast("dict[str, object]", body)
        for name in ("message", "detail", "title", "error"):
            words = said.get(name)
            if isinstance(words, str) and words.strip():
                return words
    return ""
