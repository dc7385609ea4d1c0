"""The base class of all models."""

from __future__ import annotations

import re
import reprlib
from collections.abc import Iterator
from typing import Any, ClassVar, cast

import attrs

_repr = reprlib.Repr()
_repr.maxstring = 60
_repr.maxlist = 10
_repr.maxdict = 4
_repr.maxother = 300
_MAX_NAME = 40
_AFTER_PATH = re.compile(r"[?#].*", re.DOTALL)


class Model:
    """A JSON object or form of the contract.

    The repr shortens long values, shows only the size of files, and no query string of a link, which may be a secret.
    """

    __slots__ = ()

    _files: ClassVar[frozenset[str]] = frozenset()  # attributes with a file, raw or in base64
    _links: ClassVar[frozenset[str]] = frozenset()
    additional_properties: dict[str, Any]

    def __repr__(self) -> str:
        shown = [f"{name}={self._shown(name, value)}" for name, value in members(self) if value is not None]
        if self.additional_properties:
            names = ", ".join(map(str, list(self.additional_properties)[:5]))
            shown.append(f"additional_properties=<{names[: 5 * _MAX_NAME]!r}>")
        return f"{type(self).__name__}({', '.join(shown)})"

    def _shown(self, name: str, value: object) -> str:
        if name in self._files:
            return _size(value)
        if name in self._links and isinstance(value, str):
            value = _AFTER_PATH.sub("?…", value)
        return _repr.repr(value)


def members(model: Model) -> Iterator[tuple[str, Any]]:
    """Yield name and value of the attributes of a model, without `additional_properties`."""
    for attribute in attrs.fields(cast("type[attrs.AttrsInstance]", type(model))):
        if attribute.name != "additional_properties":
            yield attribute.name, getattr(model, attribute.name)


def _size(value: object) -> str:
    if isinstance(value, str):
        return f"<{len(value)} characters>"
    return f"<{len(value)} bytes>" if isinstance(value, bytes | bytearray) else f"<{type(value).__name__}>"
