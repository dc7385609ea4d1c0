"""The evidence of requirements: what must be seen, as read from the register and resolved in the document."""

from copy import deepcopy
from typing import Any

import pytest
import yaml
from attrs import evolve
from image_variations_conformance.contract.document import Contract, parse
from image_variations_conformance.contract.evidence import Evidence, EvidenceError, Sample, parse_evidence
from support.requests import CONTRACT

ACCEPTS_SIZES = {"accepts": {"field": "size", "values": "enum"}}
SAMPLE = {"sample": {"field": "n", "always": ["minimum", 2, "maximum"], "by_seed": 2}}


def contract_with(field: str, **keywords: Any) -> Contract:
    """Return the contract with other keywords in the schema of a field. A keyword is removed by None."""
    document = deepcopy(dict(CONTRACT.document))
    schema = document["components"]["schemas"]["CreateImageVariationRequest"]["properties"][field]
    if "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    schema.update(keywords)
    for keyword in [keyword for keyword, value in keywords.items() if value is None]:
        del schema[keyword]
    return evolve(CONTRACT, document=document)


def items(node: object, contract: Contract = CONTRACT, seed: int = 0) -> tuple[str, ...]:
    return parse_evidence("IV-N-RANGE", node).items(contract, seed)


def test_an_enum_has_an_item_for_each_value() -> None:
    assert items(ACCEPTS_SIZES) == ("size=256x256", "size=512x512", "size=1024x1024")


def test_an_enum_of_a_changed_document_has_its_values() -> None:
    assert items(ACCEPTS_SIZES, contract_with("size", enum=["64x64"])) == ("size=64x64",)


def test_bounds_and_absence_are_items() -> None:
    node = {"accepts": {"field": "n", "values": ["minimum", 7, "maximum", "absent"]}}
    assert items(node) == ("n=1", "n=7", "n=10", "n=absent")


def test_a_feature_has_an_item_for_each_value() -> None:
    node = {"accepts": {"feature": "boundary", "values": ["quoted", "punctuation"]}}
    assert items(node) == ("boundary=quoted", "boundary=punctuation")


def test_four_neighbouring_seeds_sample_every_value() -> None:
    sampled = [items(SAMPLE, seed=seed) for seed in range(7, 11)]
    assert all(sample[:3] == ("n=1", "n=2", "n=10") for sample in sampled)
    assert [sample[3:] for sample in sampled] == [("n=9",), ("n=3", "n=8"), ("n=4", "n=7"), ("n=5", "n=6")]
    assert {item for sample in sampled for item in sample} == {f"n={number}" for number in range(1, 11)}


@pytest.mark.parametrize("maximum", [1, 2, 3, 4, 5, 6, 7, 25, 100])
@pytest.mark.parametrize("by_seed", [1, 2, 3])
def test_a_sample_covers_every_value_to_ten_and_the_bounds_for_any_maximum(maximum: int, by_seed: int) -> None:
    contract = contract_with("n", maximum=maximum)
    node = {"sample": SAMPLE["sample"] | {"by_seed": by_seed}}
    sample = parse_evidence("IV-N-RANGE", node)
    assert isinstance(sample, Sample)
    seeds = range(max(1, len(sample.groups(contract))))
    seen = {item for seed in seeds for item in sample.items(contract, seed)}
    assert seen == {f"n={number}" for number in (*range(1, min(maximum, 10) + 1), maximum)}
    assert len(sample.groups(contract)) <= -(-max(maximum - 2, 0) // by_seed)


def test_a_sample_without_further_values_has_those_that_are_always_seen() -> None:
    node = {"sample": SAMPLE["sample"] | {"by_seed": 0}}
    assert items(node, seed=5) == ("n=1", "n=2", "n=10")


def test_situations_of_a_response_are_the_response_formats_of_the_document() -> None:
    node = {"every": "response", "situations": "enum"}
    assert items(node) == ("url", "b64_json")
    assert items(node, contract_with("response_format", enum=["b64_json"])) == ("b64_json",)


def test_situations_of_a_link_are_none_if_the_document_has_no_links() -> None:
    node = {"every": "link", "situations": ["url"]}
    assert items(node) == ("url",)
    assert items(node, contract_with("response_format", enum=["b64_json"])) == ()


def test_situations_of_a_refusal_are_those_of_the_register() -> None:
    assert items({"every": "refusal", "situations": ["n-zero", "IV-N-BOUNDS"]}) == ("n-zero", "IV-N-BOUNDS")


@pytest.mark.parametrize(
    ("node", "key"),
    [
        (None, ""),
        ({}, "every"),
        ({"every": "answer", "situations": ["a"]}, "every"),
        ({"every": "refusal"}, "situations"),
        ({"every": "refusal", "situations": []}, "situations"),
        ({"every": "refusal", "situations": "enum"}, "situations"),
        ({"every": "refusal", "situations": ["a", "a"]}, "situations"),
        ({"every": "refusal", "situations": ["a"], "note": "b"}, "note"),
        ({"accepts": {"field": "n"}}, "accepts/values"),
        ({"accepts": {"field": "n", "values": "all"}}, "accepts/values"),
        ({"accepts": {"field": "n", "feature": "n", "values": ["a"]}}, "accepts/field"),
        ({"accepts": {"feature": "n", "values": [None]}}, "accepts/values"),
        ({"accepts": ["n"]}, "accepts"),
        ({"sample": {"field": "n", "always": [1]}}, "sample/by_seed"),
        ({"sample": {"field": "n", "always": [1], "by_seed": -1}}, "sample/by_seed"),
    ],
    ids=str,
)
def test_invalid_evidence_is_refused_with_the_requirement_and_the_key(node: object, key: str) -> None:
    with pytest.raises(EvidenceError) as error:
        parse_evidence("IV-N-RANGE", node)
    assert (error.value.requirement, error.value.key) == ("IV-N-RANGE", key)
    assert str(error.value).startswith(f"IV-N-RANGE: evidence/{key}: ")


@pytest.mark.parametrize(
    ("node", "field", "keywords"),
    [(ACCEPTS_SIZES, "size", ["enum", "examples"]), (SAMPLE, "n", ["maximum"]), (SAMPLE, "n", ["type"])],
)
def test_evidence_that_the_document_does_not_have_is_refused(node: object, field: str, keywords: list[str]) -> None:
    with pytest.raises(EvidenceError, match="IV-N-RANGE"):
        items(node, contract_with(field, **dict.fromkeys(keywords)))


def test_the_examples_of_a_field_without_an_enum_are_its_items() -> None:
    assert items(ACCEPTS_SIZES, contract_with("size", enum=None, examples=["8x8"])) == ("size=8x8",)


def test_every_judged_requirement_has_evidence_with_items() -> None:
    without = [
        requirement.id
        for requirement in CONTRACT.requirements.values()
        if requirement.excluded is None and not (requirement.evidence and requirement.evidence.items(CONTRACT))
    ]
    assert without == []


def test_generated_requirements_have_evidence() -> None:
    schema = {"type": "integer", "minimum": 7, "maximum": 9}
    document = deepcopy(dict(CONTRACT.document))
    document["components"]["schemas"]["CreateImageVariationRequest"]["properties"]["seed"] = schema
    register = yaml.safe_dump({"requirements": []}).encode()
    contract = parse(yaml.safe_dump(document).encode(), register)
    evidence: dict[str, Evidence | None] = {it.id: it.evidence for it in contract.requirements.values()}
    assert {name: it.items(contract) for name, it in evidence.items() if it and "SEED" in name} == {
        "IV-FIELD-SEED-ACCEPTED": ("seed=7", "seed=9"),
        "IV-FIELD-SEED-REFUSED": tuple(f"field-seed-refused-{number}" for number in range(1, 6)),
        "IV-FIELD-SEED-OPTIONAL": ("seed=absent",),
    }
