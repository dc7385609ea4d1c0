"""A YAML file with the line numbers of its nodes."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import yaml
from attrs import field, frozen
from image_variations_conformance.contract.pointers import escaped, steps


@frozen
class MarkedYaml:
    """The text of a YAML file, the value in it, and the node tree that knows the lines."""

    value: Any = field(repr=False)
    _root: yaml.Node | None = field(repr=False)

    @classmethod
    def read(cls, path: Path) -> "MarkedYaml":
        """Return the parsed file. Of two equal keys, it has the last.

        Raises yaml.MarkedYAMLError with the name of the file if it is not YAML.
        """
        loader = yaml.SafeLoader(path.read_text(encoding="utf-8"))
        loader.name = path.name
        try:
            root = loader.get_single_node()
            return cls(loader.construct_document(root) if root is not None else None, root)
        finally:
            loader.dispose()

    def repeated_keys(self) -> Iterator[tuple[str, int]]:
        """Yield the JSON pointer to each key that its mapping has twice, with the line of the second one."""
        pending: list[tuple[str, yaml.Node | None]] = [("", self._root)]
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
                        yield inner, key.start_mark.line + 1
                    keys.add(key.value)
                    pending.append((inner, value))

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


def _child(node: yaml.Node | None, step: str) -> tuple[int, yaml.Node] | None:
    """Return the line and the node of a key or an index, or None if there is none."""
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if key.value == step:
                return key.start_mark.line + 1, value
    if isinstance(node, yaml.SequenceNode) and step.isdecimal() and int(step) < len(node.value):
        child = node.value[int(step)]
        return child.start_mark.line + 1, child
    return None
