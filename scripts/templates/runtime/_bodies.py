"""The bodies of requests."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from typing import TypeAlias, cast

from attrs import frozen

from ._encoding import is_file, jsonable, texts
from ._preflight import ImageRules
from ._uploads import upload
from .errors import InvalidRequestError
from .types import FileInput


@frozen
class TextPart:
    """A text part of a form."""

    name: str
    text: str
    media_type: str | None = None


@frozen
class FilePart:
    """A file part of a form, of one of the media types. If there are `rules`, the file is checked before it is sent."""

    name: str
    value: FileInput
    media_types: Sequence[str]
    rules: ImageRules | None = None


@frozen
class Form:
    """A `multipart/form-data` body."""

    parts: Sequence[TextPart | FilePart]


@frozen
class Fields:
    """An `application/x-www-form-urlencoded` body."""

    fields: Sequence[tuple[str, str]]


@frozen
class Content:
    """A body of encoded bytes."""

    content: bytes
    media_type: str


# httpx would send a form without parts as no body at all.
_EMPTY_FORM = Content(b"--empty--\r\n", "multipart/form-data; boundary=empty")

Body: TypeAlias = Form | Fields | Content


def parts(name: str, value: object) -> Iterator[TextPart | FilePart]:
    """Yield the parts of a form for `value`: one per item for a list, and none for None."""
    for item in cast("list[object]", value) if isinstance(value, list) else [value]:
        if is_file(item):
            yield FilePart(name, cast("FileInput", item), ("application/octet-stream",))
        elif isinstance(jsonable(item), dict):
            yield TextPart(name, _dumped(item), "application/json")
        else:
            yield from (TextPart(inner, text) for inner, text in texts(name, item))


def files(
    name: str, values: Sequence[FileInput | None] | None, media_types: Sequence[str], rules: ImageRules | None = None
) -> Iterator[FilePart]:
    """Yield one part of a form per file, without those that are None."""
    for value in values or ():
        if value is not None:
            yield FilePart(name, value, media_types, rules)


def form(known: Sequence[TextPart | FilePart], extra: Mapping[str, object] | None) -> Form | Content:
    """Return the form of the `known` parts and the `extra` fields, which replace parts of the same name."""
    extra = extra or {}
    kept = [part for part in known if part.name not in extra]
    every = [*kept, *(part for name, value in extra.items() for part in parts(name, value))]
    return Form(every) if every else _EMPTY_FORM


def fields(known: Mapping[str, object], extra: Mapping[str, object] | None) -> Fields:
    """Return the same for a URL-encoded form."""
    return Fields([pair for name, value in {**known, **(extra or {})}.items() for pair in texts(name, value)])


def as_json(value: object, extra: Mapping[str, object] | None, media_type: str = "application/json") -> Content:
    """Return `value` as JSON, with the `extra` members added, for which it must be an object."""
    plain = jsonable(value)
    if extra:
        plain = {**plain, **jsonable(extra)}
    return Content(_dumped(plain).encode(), media_type)


def raw(value: FileInput, media_type: str) -> Content:
    """Return the content of a file as the body."""
    with ExitStack() as stack:
        opened = upload("body", value, (media_type,), 0, None, stack)
        content = opened.content()
        return Content(content if isinstance(content, bytes) else content.read(), media_type)


def _dumped(value: object) -> str:
    try:
        return json.dumps(jsonable(value), allow_nan=False)
    except (TypeError, ValueError) as error:
        raise InvalidRequestError(f"The body cannot be written as JSON: {error}.") from None
