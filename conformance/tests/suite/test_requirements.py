"""The register of requirements holds together: with its schema, the OpenAPI document, the oracles and the faults."""

import json
import re
from collections import Counter
from pathlib import Path

import jsonschema
import pytest
import yaml
from image_variations_conformance.contract import document as contract
from image_variations_conformance.oracles import JUDGED
from image_variations_conformance.reference.faults.catalogue import FAULTS

ROOT = Path(__file__).parents[3]
SPEC = ROOT / "spec"
REGISTER = yaml.safe_load((SPEC / "requirements.yaml").read_text())
SCHEMA = json.loads((SPEC / "requirements.schema.json").read_text())
REQUIREMENTS = contract.load().requirements
SCORED = [requirement.id for requirement in REQUIREMENTS.values() if requirement.level != "may"]


def test_the_register_fits_its_schema() -> None:
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
def test_the_schema_refuses_an_entry_that_is_not_right(change: dict[str, str]) -> None:
    broken = {"requirements": [REGISTER["requirements"][0] | change]}
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(broken, SCHEMA, cls=jsonschema.Draft202012Validator)


def test_each_id_and_each_text_stands_once() -> None:
    for member in ("id", "text"):
        counts = Counter(entry[member] for entry in REGISTER["requirements"])
        assert [value for value, count in counts.items() if count > 1] == []


@pytest.mark.parametrize("pointer", sorted({it.pointer for it in REQUIREMENTS.values() if it.pointer}))
def test_each_pointer_leads_somewhere(pointer: str) -> None:
    found = contract.load().document
    for step in pointer.removeprefix("/").split("/"):
        found = found[step.replace("~1", "/").replace("~0", "~")]


def test_no_requirement_is_newer_than_the_contract() -> None:
    def number(version: str) -> tuple[int, ...]:
        return tuple(map(int, version.split(".")))

    newest = number(contract.load().version)
    assert [it.id for it in REQUIREMENTS.values() if number(it.since) > newest] == []


def test_each_scored_requirement_is_judged_by_an_oracle_and_no_oracle_invents_one() -> None:
    assert {it for it in SCORED if REQUIREMENTS[it].excluded is None} == set(JUDGED)


@pytest.mark.parametrize("requirement", SCORED)
def test_each_scored_requirement_is_broken_by_a_fault(requirement: str) -> None:
    assert [fault.name for fault in FAULTS.values() if requirement in fault.breaks] != []


def test_no_fault_names_an_unknown_requirement() -> None:
    assert {it for fault in FAULTS.values() for it in fault.breaks} <= set(REQUIREMENTS)


def test_every_id_in_the_tree_is_in_the_register() -> None:
    """So that a search for an id never ends at a word that stands for nothing. Those of added fields are made up."""
    places = [*ROOT.glob("conformance/**/*.py"), *ROOT.glob("scripts/**/*"), *ROOT.glob("*.md"), SPEC / "openapi.yaml"]
    used = {
        (it, path.name)
        for path in places
        if path.is_file() and "__pycache__" not in path.parts
        for it in re.findall(r"\bIV-[A-Z0-9]+(?:-[A-Z0-9]+)+\b", path.read_text(errors="replace"))
    }
    unknown = {(it, name) for it, name in used if it not in REQUIREMENTS}
    assert {(it, name) for it, name in unknown if not it.startswith("IV-FIELD-")} == set()
