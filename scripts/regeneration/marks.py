"""A YAML file with the line numbers of its nodes."""

import io
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import yaml
from attrs import field, frozen
from image_variations_conformance.contract.document import SafeLoader
from image_variations_conformance.contract.pointers import escaped, steps
from yaml.reader import ReaderError


class _Loader(SafeLoader):  # type: ignore[misc]  # its base is known at run time only
    """Reads as text what `ambiguities` reports: dates, since some that look like one are none, and `=` and `<<`."""


for _kind in ("timestamp", "value", "merge"):
    _Loader.add_constructor(f"tag:yaml.org,2002:{_kind}", SafeLoader.construct_yaml_str)

# What a scalar without quotes is in YAML 1.2 (core schema). PyYAML reads YAML 1.1, where `no`, `012` and dates differ.
_YAML_1_2 = {
    "null": re.compile(r"null|Null|NULL|~|"),
    "bool": re.compile(r"true|True|TRUE|false|False|FALSE"),
    "int": re.compile(r"[-+]?(0|[1-9][0-9]*)|0x[0-9a-fA-F]+"),
    "float": re.compile(
        r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|0o[0-7]+|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)"
    ),
}
_MAX_DEPTH = 200
_TAG = "tag:yaml.org,2002:"
_MERGE = f"{_TAG}merge"


@frozen(order=True)
class Ambiguity:
    """What parsers of YAML do not all read as the same value: its line, its JSON pointer, a check, and a message."""

    line: int
    pointer: str
    check: str
    message: str


class NotUtf8Error(ValueError):
    """A file is not text in UTF-8. It has the name of the file, and the line of the first wrong byte."""

    def __init__(self, name: str, error: UnicodeDecodeError) -> None:
        self.name = name
        self.line = error.object[: error.start].count(b"\n") + 1
        super().__init__(f"not text in UTF-8: {error.reason}; save the file in this encoding")


def read_text(path: Path) -> str:
    """Return the text of a file. Raises NotUtf8Error, or OSError."""
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise NotUtf8Error(path.name, error) from None


@frozen
class MarkedYaml:
    """The text of a YAML file, the value in it, and the node tree that knows the lines.

    `ambiguities` are the keys that a mapping has twice, and the scalars without quotes that YAML 1.1 and 1.2 read
    differently.
    """

    value: Any = field(repr=False)
    ambiguities: tuple[Ambiguity, ...] = field(repr=False)
    _root: yaml.Node | None = field(repr=False)

    @classmethod
    def read(cls, path: Path) -> "MarkedYaml":
        """Return the parsed file. Of two equal keys, it has the last.

        Raises yaml.MarkedYAMLError with the name of the file if it is not YAML, or NotUtf8Error.
        """
        return cls.parse(path.name, read_text(path))

    @classmethod
    def parse(cls, name: str, text: str) -> "MarkedYaml":
        """Return the parsed text of a file. Raises yaml.MarkedYAMLError with the name if it is not YAML."""
        stream = io.StringIO(text)
        stream.name = name  # errors quote it
        _require_readable(stream)
        stream.seek(0)
        loader, root = _Loader(stream), None
        try:
            root = loader.get_single_node()
            # Before the value is made: that copies the keys of a merge into the mapping, where they look repeated.
            ambiguities = tuple(sorted(_ambiguities(root)))
            return cls(loader.construct_document(root) if root is not None else None, ambiguities, root)
        except ValueError as error:  # such as `!!int x`
            raise yaml.MarkedYAMLError(problem=str(error), problem_mark=root and root.start_mark) from error
        finally:
            loader.dispose()

    def line(self, path: Sequence[str | int]) -> int:
        """Return the line of a key or item, from 1; of what is not there, that of the innermost node around it."""
        node, line = self._root, 1
        for step in path:
            found = _child(node, str(step))
            if found is None:
                break
            line, node = found
        return line

    def line_at(self, pointer: str) -> int:
        """Return the line of the node at a JSON pointer."""
        return self.line(steps(pointer))


def _require_readable(stream: io.StringIO) -> None:
    """Raise an error for a text with too many levels, which would overflow the stack, or with control characters."""
    depth = 0
    event: Any
    try:
        for event in yaml.parse(stream, _Loader):
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            if depth > _MAX_DEPTH:
                raise yaml.MarkedYAMLError(problem=f"more than {_MAX_DEPTH} levels", problem_mark=event.start_mark)
    except ReaderError as error:  # its position is that of a byte
        line = stream.getvalue().encode()[: error.position].count(b"\n")
        mark = yaml.Mark(stream.name, error.position, line, 0, None, 0)
        problem = f"the character #x{error.character:04x} is not allowed"
        raise yaml.MarkedYAMLError(problem=problem, problem_mark=mark) from None


def _ambiguities(root: yaml.Node | None) -> Iterator[Ambiguity]:
    pending: list[tuple[str, yaml.Node | None]] = [("", root)]
    seen = set()
    while pending:
        pointer, node = pending.pop()
        if node is None or id(node) in seen:  # an alias is the same node again
            continue
        seen.add(id(node))
        if isinstance(node, yaml.SequenceNode):
            pending.extend((f"{pointer}/{index}", item) for index, item in enumerate(node.value))
        elif isinstance(node, yaml.MappingNode):
            keys = set()
            for key, value in node.value:
                inner = f"{pointer}/{escaped(str(key.value))}"
                if key.value in keys:
                    yield Ambiguity(key.start_mark.line + 1, inner, "duplicate", "this key is there twice; remove one")
                keys.add(key.value)
                pending += [(inner, value)] if key.tag == _MERGE else [(inner, key), (inner, value)]
        elif isinstance(node, yaml.ScalarNode) and _is_ambiguous(node):
            message = f"YAML 1.1 and 1.2 read {node.value} differently; quote a text, write a number in plain digits"
            yield Ambiguity(node.start_mark.line + 1, pointer, "scalar", message)


def _is_ambiguous(scalar: yaml.ScalarNode) -> bool:
    if scalar.style or not scalar.tag.startswith(_TAG):
        return False
    newer = next((kind for kind, pattern in _YAML_1_2.items() if pattern.fullmatch(scalar.value)), "str")
    return bool(scalar.tag.removeprefix(_TAG) != newer)


def _child(node: yaml.Node | None, step: str) -> tuple[int, yaml.Node] | None:
    """Return the line and the node of a key or an index, or None if there is none."""
    if isinstance(node, yaml.MappingNode):
        for key, value in reversed(node.value):  # the keys of a merge stand before those that override them
            if key.value == step:
                return key.start_mark.line + 1, value
    if isinstance(node, yaml.SequenceNode) and step.isdecimal() and int(step) < len(node.value):
        child = node.value[int(step)]
        return child.start_mark.line + 1, child
    return None
