"""Read requirements.txt, to install only the packages that a subject needs."""

import re
from collections.abc import Iterable, Mapping

from attrs import frozen

_NAME = re.compile(r"[a-z0-9][a-z0-9.-]*(?===)")
_VIA = re.compile(r"^ +# (?:via |  )([a-z0-9][a-z0-9.-]*)$", re.MULTILINE)


@frozen
class Pin:
    """One package of the lock file: the lines with its version and hashes, and the packages that require it."""

    lines: str
    needed_by: frozenset[str]


def parse(text: str) -> dict[str, Pin]:
    """Return the packages of a lock file written by uv, by name. Raises ValueError for a package without a version."""
    pins = {}
    for block in re.split(r"^(?=[^\s#])", text, flags=re.MULTILINE):
        if not block.strip() or block.startswith("#"):
            continue
        name = _NAME.match(block)
        if name is None:
            raise ValueError(f"not a pinned package: {block.splitlines()[0]!r}")
        lines = "".join(line for line in block.splitlines(keepends=True) if not line.lstrip().startswith("#"))
        pins[name.group()] = Pin(lines, frozenset(_VIA.findall(block)))
    return pins


def closure(pins: Mapping[str, Pin], roots: Iterable[str]) -> list[str]:
    """Return the sorted names of `roots` and their dependencies. Raises KeyError for a root that is not in `pins`."""
    names, grown = {name for name in roots if pins[name]}, True
    while grown:
        more = {name for name, pin in pins.items() if pin.needed_by & names} - names
        names |= more
        grown = bool(more)
    return sorted(names)
