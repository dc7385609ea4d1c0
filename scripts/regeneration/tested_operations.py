"""The operations of a lowered document with the names that the client has for them, and examples of their calls."""

import base64
import json
from collections.abc import Iterator
from functools import cached_property
from typing import Any

from attrs import field, frozen

from regeneration.document import Document, Schema, dereferenced, is_success, operations
from regeneration.facts import method_names, renamed_arguments
from regeneration.layout import named_operations
from regeneration.lowering import OCTETS
from regeneration.samples import Sample, Samples, attribute


@frozen
class Answer:
    """A response that the client gets."""

    status: int
    media_type: str = ""
    body: bytes = b""


@frozen
class Operation:
    """An operation of the lowered document, with the names that its client has."""

    samples: Samples
    path: str
    http_method: str
    tag: str
    method: str
    node: dict[str, Any]
    signature: dict[str, bool] = field(factory=dict[str, bool])

    @cached_property
    def parameters(self) -> list[dict[str, Any]]:
        """The parameters, those of the path included."""
        return [dereferenced(self.samples.document, each) for each in self.node["parameters"]]

    @cached_property
    def body(self) -> tuple[str, dict[str, Any], bool] | None:
        """The media type, the media type object, and whether the body is required; None if there is none."""
        if "requestBody" not in self.node:
            return None
        body = dereferenced(self.samples.document, self.node["requestBody"])
        [(media_type, media)] = body["content"].items()
        return media_type, media, body.get("required", False)

    @cached_property
    def responses(self) -> dict[str, tuple[str, Schema]]:
        """The media type (empty if there is no body) and the schema of each status."""
        found: dict[str, tuple[str, Schema]] = {}
        for status, node in self.node["responses"].items():
            content = dereferenced(self.samples.document, node).get("content", {})
            found[status] = "", {}
            for media_type, media in list(content.items())[:1]:
                found[status] = media_type, media.get("schema", {})
        return found

    def is_success(self, status: str) -> bool:
        """Return whether the responses of a status are returned, not raised."""
        return is_success(status, self.responses)

    def call(self, values: dict[str, Sample], body: Sample | None) -> dict[str, Any]:
        """Return the arguments of a call with these parameters and this body."""
        arguments = {attribute(name): value.argument for name, value in values.items()}
        if body is None:
            return arguments
        if "body" in self.signature:
            return {**arguments, "body": body.argument}
        names = self.argument_names
        return arguments | {names.get(name, name): value for name, value in body.argument["model"][1].items()}

    @cached_property
    def argument_names(self) -> dict[str, str]:
        """The arguments for the attributes of the body that have another name."""
        renamed = renamed_arguments(self.samples.document, self.node)
        return {attribute(name): argument for name, argument in renamed.items()}

    def example(self, *, full: bool) -> tuple[dict[str, Sample], Sample | None]:
        """Return a value for each parameter and for the body; without the optional ones unless `full`."""
        values = {
            each["name"]: self.samples.valid(each["schema"], full=full)
            for each in self.parameters
            if full or each.get("required")
        }
        if self.body is None or not (full or self.body[2]):
            return values, None
        return values, self.samples.valid(self.body[1]["schema"], full=full)

    def answer(self, status: str, *, full: bool = True) -> tuple[Answer, Sample]:
        """Return a response of a status, and the value that the client makes of it."""
        media_type, schema = self.responses[status]
        number = int(status) if status.isdecimal() else self._other_status(status)
        if not media_type:
            return Answer(number), Sample(None, None)
        if media_type.startswith("text/"):
            return Answer(number, media_type, "Zoë".encode()), Sample("Zoë", "Zoë")
        if media_type == OCTETS:
            text = base64.b64encode(b"\0\1").decode()
            return Answer(number, media_type, b"\0\1"), Sample(text, text)
        sample = self.samples.valid(schema, full=full)
        return Answer(number, media_type, json.dumps(sample.wire).encode()), sample

    def _other_status(self, pattern: str) -> int:
        """Return a status that a range or the default covers, and no other response of the operation."""
        digits = [pattern[0]]
        if pattern == "default":
            digits = [each for each in "2453" if self.is_success(pattern) == (each == "2")]
        digit = next(each for each in digits if pattern != "default" or f"{each}XX" not in self.responses)
        statuses = range(int(digit) * 100 + 18, int(digit) * 100 + 100)
        return next(status for status in statuses if str(status) not in self.responses)


def tested_operations(lowered: Document) -> Iterator[Operation]:
    """Yield every operation of a lowered document."""
    samples, methods = Samples(lowered), method_names(lowered)
    for (path, http_method, _), (tag, name, node) in zip(operations(lowered), named_operations(lowered), strict=True):
        yield Operation(samples, path, http_method, str(tag), str(methods[name]), node)
