"""Evidence: what must be seen before a requirement passes.

Each requirement of the register has one of three kinds of evidence, which yields the names of the items to be seen:

    accepts: {field: size, values: enum}                             size=256x256, size=512x512, ...
    accepts: {feature: boundary, values: [quoted, punctuation]}      boundary=quoted, boundary=punctuation
    sample: {field: n, always: [minimum, 2, maximum], by_seed: 2}    n=1, n=2, n=10, and at most two more by the seed
    every: refusal, situations: [n-zero, n-eleven]                   n-zero, n-eleven

Values of the document are written as words (`enum`, `minimum`, `maximum`), so that a changed document changes the
evidence. The value `absent` stands for a request without the field.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, get_args

from attrs import frozen

from .fields import Schema, enum_values, kind_of, validity_of

if TYPE_CHECKING:
    from .document import Contract

Subject = Literal["request", "refusal", "response", "image", "link", "concurrent", "sequence"]
SUBJECTS: tuple[Subject, ...] = get_args(Subject)
BY_FORMAT: frozenset[Subject] = frozenset({"response", "image", "link"})
"""The subjects whose situations are values of the field `response_format`."""
BOUNDS = ("minimum", "maximum")
ENUM = "enum"
ABSENT = "absent"
RATE_LIMITED = "rate-limited"
"""The situation of any request that was limited: no case of its own leads to it."""
_FORMAT_FIELD = "response_format"
_MAX_SAMPLED = 10_000
MANY_IMAGES = 10
"""The most images that the contract allows. A profile may allow more, of which the seed adds none to a sample."""


class EvidenceError(ValueError):
    """The evidence of a requirement is not as the register describes it, or does not fit the document."""

    def __init__(self, requirement: str, key: str, reason: str) -> None:
        super().__init__(f"{requirement}: evidence/{key}: {reason}")
        self.requirement = requirement
        self.key = key
        self.reason = reason


@frozen
class AcceptsField:
    """A valid request with each of these values of a field is accepted. An empty `values` stands for the enum."""

    requirement: str
    field: str
    values: tuple[str, ...]

    def items(self, contract: Contract, seed: int = 0) -> tuple[str, ...]:  # noqa: ARG002 - the same for every kind
        """Return one item for each value. Raises EvidenceError if the document has no such field, bound or enum."""
        schema = _schema_of(self.requirement, "accepts", self.field, contract)
        values = (ENUM,) if not self.values else self.values
        resolved = (text for value in values for text in _resolved(self.requirement, "accepts", value, schema))
        return tuple(dict.fromkeys(f"{self.field}={text}" for text in resolved))


@frozen
class AcceptsFeature:
    """A valid request with each of these values of a feature is accepted, such as the boundary of the form."""

    requirement: str
    feature: str
    values: tuple[str, ...]

    def items(self, contract: Contract, seed: int = 0) -> tuple[str, ...]:  # noqa: ARG002 - the same for every kind
        """Return one item for each value."""
        return tuple(f"{self.feature}={value}" for value in self.values)


@frozen
class Sample:
    """Some integers of a field are accepted: `always` those, and at most `by_seed` more up to ten by the seed."""

    requirement: str
    field: str
    always: tuple[str, ...]
    by_seed: int

    def items(self, contract: Contract, seed: int = 0) -> tuple[str, ...]:
        """Return one item for each value that a run with this seed must show, without numbers beyond the bounds.

        Raises EvidenceError if the document has no such field or bound.
        """
        always, groups = self._plan(contract)
        group = groups[seed % len(groups)] if groups else ()
        return tuple(f"{self.field}={number}" for number in (*always, *group))

    def groups(self, contract: Contract) -> tuple[tuple[int, ...], ...]:
        """Return the integers that neighbouring seeds add, one group for each seed; then they begin anew."""
        return self._plan(contract)[1]

    def _plan(self, contract: Contract) -> tuple[tuple[int, ...], tuple[tuple[int, ...], ...]]:
        schema = _schema_of(self.requirement, "sample", self.field, contract)
        if kind_of(schema) != "integer":
            raise EvidenceError(self.requirement, "sample", f"the field {self.field} is no integer in the document")
        low, high = (int(_resolved(self.requirement, "sample", bound, schema)[0]) for bound in BOUNDS)
        if high - low > _MAX_SAMPLED:
            raise EvidenceError(self.requirement, "sample", f"{self.field} has more than {_MAX_SAMPLED:,} values")
        texts = (text for value in self.always for text in _resolved(self.requirement, "sample", value, schema))
        always = tuple(dict.fromkeys(int(text) for text in texts if validity_of(schema, text) == "valid"))
        numbers = range(low, min(high, MANY_IMAGES) + 1)
        return always, _grouped([number for number in numbers if number not in always], self.by_seed)


@frozen
class Every:
    """The requirement holds in each of these situations. An empty `situations` stands for all response formats.

    A situation of a response, an image or a link is a value of `response_format`; of anything else, it is the label of
    a named case, the name of a group of concurrent cases, or the id of a requirement, which stands for any request
    that violates it.
    """

    requirement: str
    subject: Subject
    situations: tuple[str, ...]

    def items(self, contract: Contract, seed: int = 0) -> tuple[str, ...]:  # noqa: ARG002 - the same for every kind
        """Return the situations, of response formats those that the document has.

        Raises EvidenceError if the document has no response formats.
        """
        if self.subject not in BY_FORMAT:
            return self.situations
        schema = _schema_of(self.requirement, "every", _FORMAT_FIELD, contract)
        formats = _resolved(self.requirement, "every", ENUM, schema)
        return tuple(each for each in formats if not self.situations or each in self.situations)


Evidence: TypeAlias = AcceptsField | AcceptsFeature | Sample | Every


def _schema_of(requirement: str, key: str, field: str, contract: Contract) -> Schema:
    if field not in contract.fields:
        raise EvidenceError(requirement, key, f"the document has no field {field!r}, but {', '.join(contract.fields)}")
    return contract.fields[field]


def _resolved(requirement: str, key: str, value: str, schema: Schema) -> tuple[str, ...]:
    if value == ENUM:
        if kind_of(schema) == "enum":
            return enum_values(schema)
        # A profile may allow any value; the document then has examples.
        if not schema.get("examples"):
            raise EvidenceError(requirement, key, "the field has neither an enum nor examples in the document")
        return tuple(map(str, schema["examples"]))
    if value in BOUNDS:
        if value not in schema:
            raise EvidenceError(requirement, key, f"the field has no {value} in the document")
        return (str(schema[value]),)
    return (value,)


def _grouped(numbers: list[int], size: int) -> tuple[tuple[int, ...], ...]:
    """Return the numbers in groups, a small one with a large one, and what is left in a smaller group.

    For 3 to 9 in pairs: 3 and 8, 4 and 7, 5 and 6, and 9.
    """
    if not numbers or size < 1:
        return ()
    whole = len(numbers) - len(numbers) % size
    pairs = zip(numbers[: (whole + 1) // 2], reversed(numbers[whole // 2 : whole]), strict=False)
    order = [*dict.fromkeys(number for pair in pairs for number in pair), *numbers[whole:]]
    return tuple(tuple(sorted(order[at : at + size])) for at in range(0, len(order), size))


def parse_evidence(requirement: str, node: object) -> Evidence:
    """Return the evidence of a requirement from the value of its key `evidence` in the register.

    Raises EvidenceError, which names the requirement and the key, for anything that the register does not describe.
    """
    if not isinstance(node, Mapping):
        raise EvidenceError(requirement, "", "expected accepts, sample or every")
    if "accepts" in node:
        _require_keys(requirement, "", node, {"accepts"})
        return _accepts(requirement, _mapping(requirement, "accepts", node["accepts"]))
    if "sample" in node:
        _require_keys(requirement, "", node, {"sample"})
        sample = _mapping(requirement, "sample", node["sample"])
        _require_keys(requirement, "sample", sample, {"field", "always", "by_seed"})
        by_seed = sample["by_seed"]
        if not isinstance(by_seed, int) or isinstance(by_seed, bool) or by_seed < 0:
            raise EvidenceError(requirement, "sample/by_seed", f"expected a number of values, not {by_seed!r}")
        always = _texts(requirement, "sample/always", sample["always"])
        return Sample(requirement, _text(requirement, "sample/field", sample["field"]), always, by_seed)
    _require_keys(requirement, "", node, {"every", "situations"})
    subject = next((each for each in SUBJECTS if each == node["every"]), None)
    if subject is None:
        raise EvidenceError(requirement, "every", f"expected one of {', '.join(SUBJECTS)}, not {node['every']!r}")
    if node["situations"] == ENUM and subject in BY_FORMAT:
        return Every(requirement, subject, ())
    return Every(requirement, subject, _texts(requirement, "situations", node["situations"]))


def _accepts(requirement: str, node: Mapping[str, Any]) -> AcceptsField | AcceptsFeature:
    subject = "feature" if "feature" in node else "field"
    _require_keys(requirement, "accepts", node, {subject, "values"})
    name = _text(requirement, f"accepts/{subject}", node[subject])
    if subject == "feature":
        return AcceptsFeature(requirement, name, _texts(requirement, "accepts/values", node["values"]))
    if node["values"] == ENUM:
        return AcceptsField(requirement, name, ())
    return AcceptsField(requirement, name, _texts(requirement, "accepts/values", node["values"]))


def _require_keys(requirement: str, key: str, node: Mapping[str, Any], expected: set[str]) -> None:
    for name in node:
        if name not in expected:
            raise EvidenceError(requirement, f"{key}/{name}".strip("/"), "unknown key")
    for name in sorted(expected - set(node)):
        raise EvidenceError(requirement, f"{key}/{name}".strip("/"), "missing")


def _mapping(requirement: str, key: str, node: object) -> Mapping[str, Any]:
    if not isinstance(node, Mapping):
        raise EvidenceError(requirement, key, f"expected keys and values, not {node!r}")
    return node


def _text(requirement: str, key: str, node: object) -> str:
    if not isinstance(node, str | int) or isinstance(node, bool) or node == "":
        raise EvidenceError(requirement, key, f"expected a text, not {node!r}")
    return str(node)


def _texts(requirement: str, key: str, node: object) -> tuple[str, ...]:
    if not isinstance(node, list) or not node:
        raise EvidenceError(requirement, key, f"expected a list, not {node!r}")
    texts = tuple(_text(requirement, key, each) for each in node)
    if len(set(texts)) < len(texts):
        raise EvidenceError(requirement, key, "a value is there twice")
    return texts
