"""A document with parts that a run would not judge is refused by name."""

from collections.abc import Callable
from copy import deepcopy
from typing import Any

import pytest
import yaml
from image_variations_conformance.cases.builder import Base, Builder
from image_variations_conformance.contract.document import UnjudgedError, folder, parse
from image_variations_conformance.contract.expectation import classify
from image_variations_conformance.contract.unjudged import PATH, unjudged
from image_variations_conformance.engine.bases import bases
from support.requests import CONTRACT, KEY, TARGET

REGISTER = (folder() / "requirements.yaml").read_bytes()
POST = "/paths/~1images~1variations/post"
FIELDS = "/components/schemas/CreateImageVariationRequest/properties"

Document = dict[str, Any]


def fields(document: Document) -> Document:
    properties: Document = document["components"]["schemas"]["CreateImageVariationRequest"]["properties"]
    return properties


CHANGES: dict[str, Callable[[Document], object]] = {
    "/paths/~1images~1edits/post": lambda it: it["paths"].update({"/images/edits": {"post": {}}}),
    "/paths/~1images~1variations/get": lambda it: it["paths"][PATH].update({"get": {}}),
    "/paths/~1images~1variations/parameters": lambda it: it["paths"][PATH].update(parameters=[{"name": "v"}]),
    f"{POST}/parameters": lambda it: it["paths"][PATH]["post"].update(parameters=[{"name": "v", "in": "query"}]),
    f"{POST}/requestBody/content/application~1xml": (
        lambda it: it["paths"][PATH]["post"]["requestBody"]["content"].update({"application/xml": {}})
    ),
    f"{POST}/responses/202": lambda it: it["paths"][PATH]["post"]["responses"].update({"202": {"description": "x"}}),
    f"{POST}/responses/200/content/image~1png": (
        lambda it: it["paths"][PATH]["post"]["responses"]["200"]["content"].update({"image/png": {}})
    ),
    f"{POST}/responses/429/headers/Retry-After": (
        lambda it: it["components"]["headers"]["RetryAfter"].update(required=True)
    ),
    f"{FIELDS}/tags": lambda it: fields(it).update(tags={"type": "array", "items": {"type": "string"}}),
    f"{FIELDS}/options": lambda it: fields(it).update(options={"type": "object"}),
    f"{FIELDS}/mask": lambda it: fields(it).update(mask={"type": "string", "format": "binary"}),
    f"{FIELDS}/colour": lambda it: fields(it).update(colour={"type": "string", "pattern": "^#[0-9a-f]{6}$"}),
    f"{FIELDS}/step": lambda it: fields(it).update(step={"type": "number", "multipleOf": 0.3}),
    f"{FIELDS}/mixed": lambda it: fields(it).update(mixed={"type": ["string", "integer"]}),
    "/components/securitySchemes/apiKey": (
        lambda it: it["components"]["securitySchemes"].update(apiKey={"type": "apiKey", "in": "header", "name": "X"})
    ),
}


def test_every_part_of_the_contract_is_judged() -> None:
    assert not list(unjudged(CONTRACT.document))


@pytest.mark.parametrize("pointer", CHANGES)
def test_a_part_that_would_not_be_judged_is_refused_by_its_pointer(pointer: str) -> None:
    document = deepcopy(dict(CONTRACT.document))
    CHANGES[pointer](document)
    with pytest.raises(UnjudgedError) as refused:
        parse(yaml.safe_dump(document).encode(), REGISTER)
    assert f"\n  {pointer}: " in str(refused.value)


def test_all_parts_that_would_not_be_judged_are_named_at_once() -> None:
    document = deepcopy(dict(CONTRACT.document))
    for change in CHANGES.values():
        change(document)
    # Retry-After is a header of the 503, too.
    more = {f"{POST}/responses/503/headers/Retry-After"}
    assert {pointer for pointer, _ in unjudged(document)} == set(CHANGES) | more


def test_a_document_without_the_operation_is_refused() -> None:
    document = {**CONTRACT.document, "paths": {}}
    with pytest.raises(UnjudgedError, match="no operation POST /images/variations"):
        parse(yaml.safe_dump(document).encode(), REGISTER)


@pytest.mark.parametrize("schema", [{"type": "string"}, {"type": "integer", "minimum": 3}, {"enum": ["a", "b"]}])
def test_a_new_required_field_is_judged_and_sent_with_every_request(schema: Document) -> None:
    document = deepcopy(dict(CONTRACT.document))
    fields(document)["style"] = schema
    document["components"]["schemas"]["CreateImageVariationRequest"]["required"].append("style")
    contract = parse(yaml.safe_dump(document).encode(), REGISTER)
    assert contract.required_texts["style"]
    assert "refused" in contract.requirements["IV-FIELD-STYLE-OPTIONAL"].text
    for base in (Base(contract.required_texts), *bases(contract)):
        assert classify(Builder.of(contract, TARGET, 1, "a", base).form(), contract, KEY).validity == "valid"
    assert classify(Builder.of(contract, TARGET, 1, "a").form(), contract, KEY).violated == {"IV-FIELD-STYLE-OPTIONAL"}
