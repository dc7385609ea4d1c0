"""Profiles: what a server does differently on purpose, declared in TOML."""

from __future__ import annotations

import hashlib
import json
import re
import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema_rs
from attrs import evolve, field, frozen

from .declarations import KEYS
from .document import folder
from .suggestion import suggestion

SUFFIX = ".toml"
FOUND_FILE = "image-variations.toml"
_TABLE = ("tool", "image-variations")
_EXTENDS = "extends"


class ProfileError(ValueError):
    """A profile cannot be read or applied. The message names the file, the line and what was expected."""


@frozen
class Profile:
    """The declarations of a profile by key, and the place (file and line) of each key.

    `name` is that of the file without its suffix, `sha256` the digest of all declarations.
    """

    name: str
    declared: Mapping[str, Any]
    places: Mapping[str, str] = field(repr=False)

    @property
    def sha256(self) -> str:
        """The digest of the declarations."""
        return hashlib.sha256(json.dumps(self.declared, sort_keys=True).encode()).hexdigest()

    def with_declared(self, key: str, value: Any, place: str) -> Profile:
        """Return the profile with one more declaration, which replaces an earlier one of the same key."""
        value = _without_fractions(value)
        _check(key, value, place)
        return evolve(self, declared={**self.declared, key: value}, places={**self.places, key: place})


EMPTY = Profile("command line", {}, {})


@cache
def key_schemas() -> Mapping[str, Any]:
    """Return the JSON Schema of each key; its description says what is expected."""
    schema = json.loads((folder() / "profile.schema.json").read_text("utf-8"))
    properties: Mapping[str, Any] = schema["properties"]
    return properties


def names() -> tuple[str, ...]:
    """Return the names of the ready-made profiles."""
    return tuple(sorted(path.stem for path in (folder() / "profiles").glob(f"*{SUFFIX}")))


def read(name_or_file: str) -> Profile:
    """Return a ready-made profile by its name, or the profile in a file. Raises ProfileError."""
    if name_or_file in names():
        return _read_file(folder() / "profiles" / f"{name_or_file}{SUFFIX}", ())
    path = Path(name_or_file)
    if path.is_dir():
        raise ProfileError(f"{name_or_file} is a folder; name a file in it")
    if not path.is_file():
        hint = suggestion(name_or_file, names())
        raise ProfileError(f"{name_or_file} is neither a file nor the name of a profile; {hint}")
    return _read_file(path, ())


def find(working_folder: Path) -> Profile | None:
    """Return the profile of a folder: image-variations.toml, or a table in pyproject.toml. Raises ProfileError."""
    path, project = working_folder / FOUND_FILE, working_folder / "pyproject.toml"
    in_project = project.is_file() and _has_table(project.read_text("utf-8-sig", "replace"))
    if path.exists() or path.is_symlink():
        if in_project:
            raise ProfileError(f"{path} and [tool.image-variations] in {project} are both there; keep one of them")
        found = _read_file(path, ())
        if not path.read_bytes().strip():
            # A command that failed may have left it so. The draft of a server that differs in nothing has comments.
            raise ProfileError(f"{path} is empty; write a key or a comment, or remove the file")
        return found
    return _read_file(project, (), _TABLE) if in_project else None


def _has_table(text: str) -> bool:
    """Return whether the text of a pyproject.toml speaks of us. If it is no TOML, that is then told of ours alone."""
    try:
        tool = tomllib.loads(text).get(_TABLE[0])
    except tomllib.TOMLDecodeError:
        return f"[{'.'.join(_TABLE)}" in text
    return isinstance(tool, dict) and _TABLE[1] in tool


def parse_value(text: str) -> Any:
    """Return a value as it stands behind `--set KEY=`: TOML if it is valid TOML, otherwise the text itself."""
    try:
        values = tomllib.loads(f"value = {text}")
    except tomllib.TOMLDecodeError:
        return text
    return values["value"] if len(values) == 1 else text


def _read_file(path: Path, outer: tuple[Path, ...], table: tuple[str, ...] = ()) -> Profile:
    if path.resolve() in outer:
        raise ProfileError(f"{path} extends itself")
    try:
        text = path.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise ProfileError(f"{path} cannot be read: {error}") from None
    try:
        declared: Any = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ProfileError(f"{path} is not valid TOML: {error}") from None
    for step in table:
        declared = declared.get(step, {})
    if not isinstance(declared, dict):
        line = _line_of(text, table)
        raise ProfileError(
            f"{path}:{line}: {'.'.join(table)}: expected one table of keys, [{'.'.join(table)}], got {declared!r}"
        )
    extended = declared.pop(_EXTENDS, None)
    profile = EMPTY
    if extended is not None:
        place = f"{path}:{_line_of(text, (*table, _EXTENDS))}"
        profile = _extended(extended, path, (*outer, path.resolve()), place)
    for key, value in declared.items():
        profile = profile.with_declared(key, value, f"{path}:{_line_of(text, (*table, key))}")
    return evolve(profile, name=path.stem)


def _extended(name: object, path: Path, outer: tuple[Path, ...], place: str) -> Profile:
    if not isinstance(name, str):
        raise ProfileError(f"{place}: {_EXTENDS}: expected the name or the file of a profile, got {name!r}")
    file = folder() / "profiles" / f"{name}{SUFFIX}" if name in names() else path.parent / name
    if not file.is_file():
        hint = suggestion(name, names())
        raise ProfileError(f"{place}: {_EXTENDS}: {name} is neither a file nor the name of a profile; {hint}")
    return _read_file(file, outer)


def _check(key: str, value: Any, place: str) -> None:
    schemas = key_schemas()
    if key not in KEYS:
        hint = suggestion(key, KEYS)
        raise ProfileError(f"{place}: {key} is not a key of profiles; {hint}")
    if not _is_valid(schemas[key], value):
        expected, got = schemas[key]["description"], str(value)
        hint = suggestion(got, [word for word in _words(schemas[key]) if word not in got], "")
        raise ProfileError(f"{place}: {key}: expected {expected}, got {value!r}{hint and '; '}{hint}")


def _without_fractions(value: Any) -> Any:
    """Return a value with integers in place of numbers such as 4.0, which are the same in JSON."""
    if isinstance(value, dict):
        return {key: _without_fractions(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_without_fractions(each) for each in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _is_valid(schema: Mapping[str, Any], value: Any) -> bool:
    try:
        return jsonschema_rs.is_valid(dict(schema), json.loads(json.dumps(value)))
    except TypeError:  # TOML has dates, which JSON does not have
        return False


def _words(schema: Any) -> list[str]:
    """Return the texts that a schema allows, for hints."""
    if isinstance(schema, dict):
        own = [value for value in [*schema.get("enum", ()), schema.get("const")] if isinstance(value, str)]
        return own + [word for inner in schema.values() for word in _words(inner)]
    return [word for inner in schema for word in _words(inner)] if isinstance(schema, list) else []


def _line_of(text: str, path: tuple[str, ...]) -> int:
    """Return the line of a key in TOML: that of its assignment, or that of the header of its table."""
    prefix: tuple[str, ...] = ()
    for number, line in enumerate(text.splitlines(), 1):
        if header := re.match(r"\s*\[+([^\]]+)\]", line):
            prefix = tuple(step.strip().strip("\"'") for step in header[1].split("."))
            found = prefix
        elif assigned := re.match(r"\s*([\w.\"'-]+)\s*=", line):
            found = (*prefix, *(step.strip("\"'") for step in assigned[1].split(".")))
        else:
            continue
        if found[: len(path)] == path:
            return number
    return 1
