"""The draft of a profile as TOML, each line with what was seen."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from typing import Any

import tomlkit

from ..engine.draft import Draft
from ..oracles.base import shortened

_COLUMN = 40
_SEEN_CHARACTERS = 200


def render(draft: Draft, server: str, today: datetime.date) -> str:
    """Return the text of a profile, with comments. `server` names the server, such as by its URL."""
    return "".join(f"{line}\n" for line in _lines(draft, server, today))


def _lines(draft: Draft, server: str, today: datetime.date) -> Iterator[str]:
    yield (
        f"# Profile of {server}, drafted on {today} with {draft.requests} requests and {draft.images} images. "
        "Delete what is a bug and not meant."
    )
    for line in draft.lines:
        yield f"{f'{line.key} = {_value(line.value)}':{_COLUMN}}  # {_shown(line.seen)}"
    if not draft.lines:
        yield "# Nothing is to be declared."
    for title, texts in (("Not declared, since it looks like a bug", draft.bugs), ("Not seen", draft.unseen)):
        yield from (f"# {title}: {_shown(text)}" for text in texts)


def _value(value: Any) -> str:
    item: Any = value
    if isinstance(value, dict):
        item = tomlkit.inline_table()
        item.update(value)
    return str(tomlkit.item(item).as_string())


def _shown(text: str) -> str:
    return shortened(text, _SEEN_CHARACTERS)
