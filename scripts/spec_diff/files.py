"""Read a file of spec/ as it is now or was at a revision, or say why it cannot be compared."""

from collections.abc import Iterator
from typing import Any

import yaml
from attrs import frozen
from regeneration.document import objects, pointer, resolve, schemas
from regeneration.marks import MarkedYaml
from regeneration.refused import Refused
from regeneration.register import OPENAPI

from spec_diff.members import plain
from spec_diff.register import entries


@frozen
class File:
    """A file: its text, the value in it with texts for keys, and the same with its lines."""

    text: str
    value: dict[str, Any]
    marked: MarkedYaml


def read(place: str, name: str, text: str) -> File:
    """Return the file with a name and a text. `place` stands for it in messages.

    Raises Refused if it is not YAML or no mapping, or if it does not say clearly what the contract is.
    """
    try:
        marked = MarkedYaml.parse(name, text)
    except yaml.MarkedYAMLError as error:
        line = 1 if error.problem_mark is None else error.problem_mark.line + 1
        raise Refused(f"{place}:{line}: not YAML: {error.problem}") from None
    value = plain(marked.value)
    if not isinstance(value, dict):
        raise Refused(f"{place}:1: expected a mapping, got {type(value).__name__}")
    problems = [(each.pointer, each.message) for each in marked.ambiguities if each.check == "duplicate"]
    problems += _dangling(value) if name == OPENAPI else _hidden(value)
    if problems:
        raise Refused("\n  ".join(f"{place}:{marked.line_at(at)}: {at or '/'}: {message}" for at, message in problems))
    return File(text, value, marked)


def _dangling(document: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the references to what is not in the document, so that nothing can be said about it."""
    for path, node in (*objects(document), *schemas(document)):
        if "$ref" in node:
            try:
                resolve(document, str(node["$ref"]))
            except LookupError:
                yield pointer((*path, "$ref")), f"{node['$ref']!r} points to nothing in this document"


def _hidden(register: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield what hides requirements: that there is no list of them, or that two have one id."""
    if not isinstance(register.get("requirements"), list):
        yield "", "expected the key requirements with a list"
    seen = set()
    for place, entry in entries(register):
        if (name := str(entry.get("id"))) in seen:
            yield f"{place}/id", f"another requirement has the id {name}, too; give one another"
        seen.add(name)
