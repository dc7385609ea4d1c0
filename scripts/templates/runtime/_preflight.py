"""Check arguments against the contract before a request is sent.

Each function raises `InvalidRequestError` if the value is not valid. Except for `required`, None is valid.
"""

from __future__ import annotations

import datetime as dt
import math
import re
from collections.abc import Collection, Sequence, Sized
from fractions import Fraction
from typing import TypeAlias, cast
from uuid import UUID

from attrs import frozen

from ._models import Model
from .errors import InvalidRequestError

Kind: TypeAlias = "type | str | tuple[Kind, ...]"
"""A type, the name of a class of models, or the kinds of the items of a list, of which none stand for any item."""

IMAGE_HEAD_BYTES = 24
_MAX_SHOWN = 60

# The names of the image formats, and how a file of each begins. `.` stands for any byte.
_FORMATS = {
    "png": ("PNG", re.compile(rb"\x89PNG\r\n\x1a\n.{4}IHDR.{8}", re.DOTALL)),
    "jpeg": ("JPEG", re.compile(rb"\xff\xd8\xff")),
    "webp": ("WebP", re.compile(rb"RIFF.{4}WEBP", re.DOTALL)),
    "gif": ("GIF", re.compile(rb"GIF8[79]a")),
}


_TYPE_WORDS: dict[type, str] = {
    str: "a string",
    int: "a whole number",
    float: "a number",
    bool: "True or False",
    list: "a list",
    dict: "a dict",
    dt.date: "a date",
    dt.datetime: "a datetime",
    UUID: "a UUID",
    type(None): "None",
}


@frozen
class ImageRules:
    """What an image file must be.

    `kinds` are the valid formats; if there are none, every format is valid. `square` and `side_multiple_of` (pixels)
    are rules for the width and height of a PNG file. A file of `invalid_from_bytes` bytes or more is too large.
    """

    kinds: tuple[str, ...] = ()
    square: bool = False
    side_multiple_of: int | None = None
    invalid_from_bytes: int | None = None


def required(name: str, value: object) -> None:
    """Check that the value is not None."""
    if value is None:
        raise InvalidRequestError(f"{name} is required, and is None.", param=name)


def choice(name: str, value: object, values: Collection[object]) -> None:
    """Check that the value is one of `values`."""
    if value is not None and not any(_is_equal(value, each) for each in values):
        raise _refused(name, f"must be one of {', '.join(map(repr, values))}", value)


def _is_equal(value: object, valid: object) -> bool:
    """Return whether a value is the valid one also in JSON, where True is not 1. A 2.0 is not sent for 2."""
    is_kind = isinstance(value, type(valid)) or isinstance(valid, float)
    return value == valid and is_kind and isinstance(value, bool) == isinstance(valid, bool)


def instance(name: str, value: object, kinds: tuple[Kind, ...]) -> None:
    """Check that the value is of one of the kinds: a whole number is a number, too, but True is none."""
    lists = [kind for kind in kinds if isinstance(kind, tuple)]
    if _listed(value) is not None and len(lists) == 1:
        items(name, value, lists[0])
    elif value is not None and not any(_is_instance(value, kind) for kind in kinds):
        raise _refused(name, f"must be {' or '.join(dict.fromkeys(map(_words, kinds)))}", value)


def items(name: str, value: object, kinds: tuple[Kind, ...] = ()) -> None:
    """Check that the value is a list, and that its items are of one of the kinds, where there are kinds."""
    if value is None:
        return
    listed = _listed(value)
    if listed is None:
        raise _refused(name, "must be a list", value)
    for at, item in enumerate(listed if kinds else ()):
        if item is not None or type(None) not in kinds:
            required(f"{name}[{at}]", item)
        instance(f"{name}[{at}]", item, kinds)


def _listed(value: object) -> Sequence[object] | None:
    """Return a list or tuple, or None for any other value."""
    return cast("Sequence[object]", value) if isinstance(value, list | tuple) else None


def _words(kind: Kind) -> str:
    if isinstance(kind, type):
        return _TYPE_WORDS[kind]
    return f"an object of the class {kind}" if isinstance(kind, str) else "a list"


def _is_instance(value: object, kind: Kind) -> bool:
    if isinstance(kind, str):
        # By its name, since the modules of models may import each other.
        return isinstance(value, Model) and any(each.__name__ == kind for each in type(value).__mro__)
    if not isinstance(kind, type):
        listed = _listed(value)
        return listed is not None and all(not kind or any(_is_instance(it, each) for each in kind) for it in listed)
    if kind is float:
        return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    if kind is int:
        return isinstance(value, int) and not isinstance(value, bool)
    return isinstance(value, kind) and not (kind is dt.date and isinstance(value, dt.datetime))


def text(name: str, value: object) -> None:
    """Check that the value is a string."""
    if value is not None and not isinstance(value, str):
        raise _refused(name, "must be a string", value)


def pattern(name: str, value: object, expression: str) -> None:
    """Check that a string has a match of the regular expression, with ASCII classes."""
    if isinstance(value, str) and not re.search(expression, value, re.ASCII):
        raise _refused(name, f"must match {expression}", value)


def boolean(name: str, value: object) -> None:
    """Check that the value is True or False."""
    if value is not None and not isinstance(value, bool):
        raise _refused(name, "must be True or False", value)


def date(name: str, value: object) -> None:
    """Check that the value is a date, without a time."""
    if value is not None and (not isinstance(value, dt.date) or isinstance(value, dt.datetime)):
        raise _refused(name, "must be a date", value)


def datetime(name: str, value: object) -> None:
    """Check that the value is a date and time with a time zone, which RFC 3339 demands."""
    if value is not None and not (isinstance(value, dt.datetime) and value.tzinfo is not None):
        raise _refused(name, "must be a datetime with a time zone", value)


def uuid(name: str, value: object) -> None:
    """Check that the value is a UUID."""
    if value is not None and not isinstance(value, UUID):
        raise _refused(name, "must be a UUID", value)


def number(
    name: str,
    value: object,
    *,
    whole: bool = False,
    minimum: float | None = None,
    maximum: float | None = None,
    above: float | None = None,
    below: float | None = None,
    step: float | None = None,
) -> None:
    """Check that the value is a number, an integer if `whole` is true, within the bounds and a multiple of `step`."""
    if value is None:
        return
    if isinstance(value, bool) or not isinstance(value, int | float) or (whole and not isinstance(value, int)):
        raise _refused(name, "must be a whole number" if whole else "must be a number", value)
    if isinstance(value, float) and not math.isfinite(value):
        raise _refused(name, "must be a finite number", value)
    bounds = (
        (minimum is None or value >= minimum, f"at least {minimum}"),
        (maximum is None or value <= maximum, f"at most {maximum}"),
        (above is None or value > above, f"more than {above}"),
        (below is None or value < below, f"less than {below}"),
        (step is None or (_exact(value) / _exact(step)).denominator == 1, f"a multiple of {step}"),
    )
    for is_met, bound in bounds:
        if not is_met:
            raise _refused(name, f"must be {bound}", value)


def size(name: str, value: object, *, unit: str, minimum: int | None = None, maximum: int | None = None) -> None:
    """Check the number of characters of a string, or of items of a list. `unit` is the word for the message."""
    if value is None:
        return
    if not isinstance(value, Sized):
        raise _refused(name, f"must have {unit}", value)
    if minimum is not None and len(value) < minimum:
        raise InvalidRequestError(f"{name} must have at least {minimum} {unit}, not {len(value)}.", param=name)
    if maximum is not None and len(value) > maximum:
        raise InvalidRequestError(f"{name} must have at most {maximum} {unit}, not {len(value)}.", param=name)


def closed(name: str, others: Collection[str], members: Collection[str]) -> None:
    """Check that an object has no other members than those of the contract, which forbids them.

    A member of the contract is among the others if it was received as null.
    """
    for other in others:
        if other not in members:
            raise _refused(name, f"must have no members but {', '.join(members)}", other)


def each(value: object) -> None:
    """Check a model, or each model of a list, by its method `check`. Other values are not checked."""
    for item in _listed(value) or ():
        each(item)
    if isinstance(value, Model):
        check = getattr(value, "check", None)
        if check is not None:
            check()


def image(name: str, head: bytes, size_bytes: int, rules: ImageRules) -> None:
    """Check an image file of `size_bytes` bytes by `head`, its first 24 bytes or more."""
    if size_bytes == 0:
        raise InvalidRequestError(f"{name} is empty: there is not a byte to send.", param=name)
    kind = kind_of(head)
    if rules.kinds and kind not in rules.kinds:
        names = [_FORMATS[valid][0] for valid in rules.kinds]
        listed = " or ".join(filter(None, (", ".join(names[:-1]), names[-1])))
        raise InvalidRequestError(f"{name} must be a {listed} file, and does not begin like one.", param=name)
    if kind == "png":
        width, height = (int.from_bytes(head[start : start + 4], "big") for start in (16, 20))
        if rules.square and width != height:
            raise InvalidRequestError(f"{name} must be as wide as it is high, and is {width}x{height}.", param=name)
        step = rules.side_multiple_of or 1
        if width % step or height % step:
            raise InvalidRequestError(
                f"{name} must have a width and a height that are multiples of {step}, and is {width}x{height}.",
                param=name,
            )
    limit = rules.invalid_from_bytes
    if limit is not None and size_bytes >= limit:
        raise InvalidRequestError(f"{name} must have less than {limit} bytes, and has {size_bytes}.", param=name)


def kind_of(head: bytes) -> str | None:
    """Return the format of an image by its first bytes, such as png, or None if they are of no known one."""
    return next((kind for kind, (_, beginning) in _FORMATS.items() if beginning.match(head)), None)


def _exact(number: float) -> Fraction:
    """Return the number that its decimal digits say, since 0.3 is a multiple of 0.1 only in decimal."""
    return Fraction(number if isinstance(number, int) else float.__repr__(number))


def _refused(name: str, rule: str, value: object) -> InvalidRequestError:
    try:
        shown = repr(value) if isinstance(value, str | int | float) else type(value).__name__
    except ValueError:  # the digits of a very large integer are not computed
        shown = "a number of thousands of digits"
    shown = shown if len(shown) <= _MAX_SHOWN else shown[:_MAX_SHOWN] + "..."
    return InvalidRequestError(f"{name} {rule}, not {shown} (preflight=False sends it all the same).", param=name)
