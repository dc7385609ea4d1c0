"""Conditions on the text of an invalid field, for `accepts` and `crashes_on`, and changes of it, for `reads`."""

from __future__ import annotations

import re
from collections.abc import Callable

from ..app.api_error import ApiError


def sent(*texts: str) -> Callable[[ApiError], bool]:
    """Return whether the invalid text is one of these."""
    return lambda problem: problem.text in texts


def like(pattern: str) -> Callable[[ApiError], bool]:
    """Return whether the whole invalid text matches a pattern."""
    return lambda problem: re.fullmatch(pattern, problem.text, re.DOTALL) is not None


def replaced(pattern: str, by: str) -> Callable[[str | None], str | None]:
    """Return a change that replaces each match of a pattern in a text."""
    return lambda sent: None if sent is None else re.sub(pattern, by, sent)


def default(value: str) -> Callable[[str | None], str | None]:
    """Return a change that reads a value where the field is absent."""
    return lambda sent: value if sent is None else sent
