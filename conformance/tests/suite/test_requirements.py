"""The register of requirements is consistent with its schema, the OpenAPI document, the oracles and the faults."""

import json
import re
from collections import Counter
from pathlib import Path

import jsonschema
import pytest
import yaml
from image_variations_conformance.contract import document as contract
from image_variations_conformance.oracles import JUDGED
from image_variations_conformance.reference.variants import FAULTS

ROOT = Path(__file__).parents[3]
SPEC = ROOT / "spec"
REGISTER = yaml.safe_load((SPEC / "requirements.yaml").read_text())
SCHEMA = json.loads((SPEC / "requirements.schema.json").read_text())
REQUIREMENTS = contract.load().requirements
SCORED = [requirement.id for requirement in REQUIREMENTS.values() if requirement.level != "may"]


def test_the_register_is_valid_by_its_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    jsonschema.validate(REGISTER, SCHEMA, cls=jsonschema.Draft202012Validator)


@pytest.mark.parametrize(
    "change",
    [
        {"level": "shall"},
        {"id": "iv-n"},
        {"text": "Without a full stop"},
        {"source": "hearsay"},
        {"pointer": "components"},
        {"since": "1"},
        {"comment": "an unknown member"},
        {"level": "may"},
    ],
    ids=str,
)
def test_an_invalid_entry_of_the_register_is_refused_by_its_schema(change: dict[str, str]) -> None:
    broken = {"requirements": [REGISTER["requirements"][0] | change]}
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(broken, SCHEMA, cls=jsonschema.Draft202012Validator)


def test_each_id_and_each_text_is_unique() -> None:
    for member in ("id", "text"):
        counts = Counter(entry[member] for entry in REGISTER["requirements"])
        assert [value for value, count in counts.items() if count > 1] == []


@pytest.mark.parametrize("pointer", sorted({it.pointer for it in REQUIREMENTS.values() if it.pointer}))
def test_each_pointer_exists_in_the_openapi_document(pointer: str) -> None:
    value = contract.load().document
    for key in pointer.removeprefix("/").split("/"):
        value = value[key.replace("~1", "/").replace("~0", "~")]


def test_no_requirement_is_newer_than_the_contract() -> None:
    def number(version: str) -> tuple[int, ...]:
        return tuple(map(int, version.split(".")))

    newest = number(contract.load().version)
    assert [it.id for it in REQUIREMENTS.values() if number(it.since) > newest] == []


def test_the_oracles_judge_exactly_the_scored_requirements() -> None:
    assert {it for it in SCORED if REQUIREMENTS[it].excluded is None} == set(JUDGED)


@pytest.mark.parametrize("requirement", SCORED)
def test_each_scored_requirement_is_broken_by_a_fault(requirement: str) -> None:
    assert [fault.name for fault in FAULTS.values() if requirement in fault.breaks] != []


def test_no_fault_names_an_unknown_requirement() -> None:
    assert {it for fault in FAULTS.values() for it in fault.breaks} <= set(REQUIREMENTS)


def test_every_id_in_the_tree_is_in_the_register() -> None:
    """Only ids that begin with IV-FIELD- are not in the register: tests generate those for added fields."""
    places = [*ROOT.glob("conformance/**/*.py"), *ROOT.glob("scripts/**/*"), *ROOT.glob("*.md"), SPEC / "openapi.yaml"]
    used = {
        (requirement, path.name)
        for path in places
        if path.is_file() and "__pycache__" not in path.parts
        for requirement in re.findall(r"\bIV-[A-Z0-9]+(?:-[A-Z0-9]+)+\b", path.read_text(errors="replace"))
    }
    unknown = {(it, name) for it, name in used if it not in REQUIREMENTS}
    assert {(it, name) for it, name in unknown if not it.startswith("IV-FIELD-")} == set()
