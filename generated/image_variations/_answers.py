# Written by scripts/regenerate of image-variations from an OpenAPI document; _stamp.py says from which. Do not edit it:
# change the document, or scripts/templates, and run scripts/regenerate again.
"""Read responses, and decode each to a value or to an error."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Generic, TypeAlias, TypeVar, cast

import httpx
from attrs import field, frozen

from . import _json, _reasons
from ._calls import OpenCall, logger
from ._inflating import Inflater
from .errors import APIResponseValidationError, DataError, of_status
from .types import Response

T = TypeVar("T")
Read: TypeAlias = Callable[[bytes], T]

_MAX_ERROR_BYTES = 1 << 20
_MAX_CONTENT_BYTES = 1 << 16
_MOVED = frozenset({301, 302, 303, 307, 308})


@frozen
class Answer:
    """A complete response. The content of an error response is at most its first MiB."""

    status_code: int
    headers: httpx.Headers
    content: bytes


class _Enough(Exception):
    """The rest of the body is not needed."""


class Body:
    """The body of a response while it is received, up to the limit of the call."""

    def __init__(self, status_code: int, headers: httpx.Headers, call: OpenCall) -> None:
        self._head = status_code, headers
        self._call = call
        self.is_error = not 200 <= status_code <= 299
        self._remaining = min(_MAX_ERROR_BYTES, call.max_response_bytes) if self.is_error else call.max_response_bytes
        self._chunks: list[bytes] = []
        self._inflater: Inflater | None = None

    @property
    def is_wanted(self) -> bool:
        """Whether there is a body: a 101 response, which switches protocols, has none."""
        return self._head[0] >= 200

    @contextmanager
    def received(self) -> Generator[None]:
        """Receive the body within this context, which ends that of an error response early where the rest is lost.

        Its status alone makes it an error.
        """
        try:
            yield
        except _Enough:
            pass
        except Exception:
            if not self.is_error:
                raise

    def add(self, chunk: bytes) -> Iterator[None]:
        """Decompress and store the next chunk, and yield after each piece.

        Raises `APIResponseValidationError` if the body of a successful response is too long or cannot be decompressed.
        """
        try:
            if self._inflater is None:
                self._inflater = Inflater(self._head[1].get("content-encoding", ""))
            for piece in self._inflater.pieces(chunk):
                self.add_plain(piece)
                yield
        except ValueError as error:
            self._fail(str(error))

    def add_plain(self, piece: bytes) -> None:
        """Store a decompressed piece. Raises what `add` raises if the body is too long."""
        self._remaining -= len(piece)
        if self._remaining < 0:
            if self.is_error:
                raise _Enough
            limit = self._call.max_response_bytes
            raise self._unreadable(f"it has more than {limit} bytes (max_response_bytes)")
        self._chunks.append(piece)

    def end(self) -> None:
        """Check that compressed data is complete. Raises what `add` raises if it is not."""
        try:
            if self._inflater is not None:
                self._inflater.end()
        except ValueError as error:
            self._fail(str(error))

    def answer(self) -> Answer:
        """Return the response with the body received so far."""
        status_code, headers = self._head
        logger.debug("%s %s: %d", self._call.call.method, self._call.name, status_code)
        return Answer(status_code, headers, b"".join(self._chunks))

    def _fail(self, reason: str) -> None:
        if self.is_error:
            raise _Enough
        raise self._unreadable(f"it has {reason}")

    def _unreadable(self, reason: str) -> APIResponseValidationError:
        status_code, headers = self._head
        return _unreadable(Answer(status_code, headers, b""), self._call, reason)


@frozen
class Reading(Generic[T]):
    """The decoders of the responses of an operation, by status (`200`), range (`2XX`) or `default`."""

    successes: Mapping[str, Read[T]]
    errors: Mapping[str, Read[Any]] = field(factory=dict[str, "Read[Any]"])

    def response(self, answer: Answer, call: OpenCall) -> Response[T]:
        """Return the decoded response.

        Raises `APIStatusError` for an error response, and `APIResponseValidationError` for an invalid one.
        """
        if not 200 <= answer.status_code <= 299:
            raise self._failure(answer, call)
        read = _of(self.successes, answer.status_code)
        if read is None:
            raise _unreadable(answer, call, f"the status {answer.status_code} is not one that the contract knows")
        try:
            parsed = read(answer.content)
        except DataError as error:
            raise _unreadable(answer, call, str(error), error.field) from None
        except _json.TooManyValues as error:
            raise _unreadable(answer, call, str(error)) from None
        except (ValueError, RecursionError) as error:
            reason = "nested too deep" if isinstance(error, RecursionError) else "not JSON in UTF-8"
            raise _unreadable(answer, call, f"the body is {reason}") from None
        return Response(answer.status_code, answer.headers, answer.content, parsed)

    def _failure(self, answer: Answer, call: OpenCall) -> Exception:
        content = call.redacted(answer.content)
        value = _value(content)
        found = _reasons.reason(value)
        read = _of(self.errors, answer.status_code)
        try:
            parsed = None if read is None else read(content)
        except (ValueError, RecursionError):
            parsed = None
        message = call.shown(found.text) or "the server gives no reason"
        if answer.status_code in _MOVED:
            message = f"moved to {call.shown(answer.headers.get('location', 'nowhere'))}, which is not followed"
        error = of_status(answer.status_code)(
            message,
            body=_error_object(value),
            status_code=answer.status_code,
            headers=call.clean(answer.headers),
            content=content[:_MAX_CONTENT_BYTES],
            parsed=parsed,
        )
        error.param = found.param if error.param is None else error.param
        return error


def as_json(decode: Callable[[object], T]) -> Read[T]:
    """Return a reader that parses JSON and decodes its value with `decode`."""
    return lambda content: decode(_json.loads(content))


def as_bytes(content: bytes) -> bytes:
    """Return the body unchanged."""
    return content


def as_text(content: bytes) -> str:
    """Return the body as text. Bytes that are not UTF-8 become U+FFFD."""
    return content.decode(errors="replace")


def as_nothing(_: bytes) -> None:
    """Return None, for a response whose body is ignored."""


def _unreadable(answer: Answer, call: OpenCall, reason: str, field: str | None = None) -> APIResponseValidationError:
    return APIResponseValidationError(
        f"The answer cannot be read: {call.shown(reason)}.",
        field=None if field is None else call.redacted(field.encode(errors="replace")).decode(),
        status_code=answer.status_code,
        headers=call.clean(answer.headers),
        # The content is cut after redaction, because a key that is cut in two may not be found.
        content=call.redacted(answer.content[: 2 * _MAX_CONTENT_BYTES])[:_MAX_CONTENT_BYTES],
    )


def _of(readers: Mapping[str, Read[T]], status_code: int) -> Read[T] | None:
    for pattern in (str(status_code), f"{status_code // 100}XX", "default"):
        if pattern in readers:
            return readers[pattern]
    return None


def _value(content: bytes) -> object:
    """Return the JSON value of a body, or else its text."""
    try:
        return _json.loads(content)
    except (ValueError, RecursionError):
        return content[:_MAX_CONTENT_BYTES].decode(errors="replace")


def _error_object(value: object) -> object:
    """Return the member `error` of the value of a body, or the value if it has none."""
    if not isinstance(value, dict):
        return value
    members = cast("dict[str, object]", value)
    return members if members.get("error") is None else members["error"]
