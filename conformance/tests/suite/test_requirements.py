"""The register of requirements is consistent with its schema, the oracles and the faults.

tests/tools/test_register.py compares it with the OpenAPI document and the pages that it cites.
"""

import json
import re
from copy import deepcopy
from pathlib import Path

import jsonschema
import pytest
import yaml
from image_variations_conformance.contract import document as contract
from image_variations_conformance.contract.evidence import Every
from image_variations_conformance.contract.requirements import RegisterError, read_register
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
        {"source": ["page:n"]},
        {"evidence": None},
        {"evidence": {"every": "refusal"}},
        {"evidence": {"accepts": {"field": "n", "values": "all"}}},
        {"pointer": "components"},
        {"since": "1"},
        {"comment": "an unknown member"},
        {"level": "may"},
    ],
    ids=str,
)
def test_an_invalid_entry_of_the_register_is_refused_by_its_schema(change: dict[str, object]) -> None:
    broken = {"requirements": [REGISTER["requirements"][0] | change]}
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(broken, SCHEMA, cls=jsonschema.Draft202012Validator)


def test_an_unknown_key_is_refused_with_the_requirement() -> None:
    entry = REGISTER["requirements"][0]
    with pytest.raises(RegisterError, match=r"^IV-OP-VALID: unknown key pages$"):
        list(read_register([entry | {"pages": 1}], contract.load().document, contract.OPERATION_POINTER))


@pytest.mark.parametrize("key", ["id", "level", "text", "source", "since"])
def test_a_missing_key_is_refused(key: str) -> None:
    entry = {name: value for name, value in REGISTER["requirements"][0].items() if name != key}
    with pytest.raises(RegisterError, match=rf": {key} is missing$"):
        list(read_register([entry], contract.load().document, contract.OPERATION_POINTER))


def test_a_text_follows_the_document() -> None:
    document = deepcopy(dict(contract.load().document))
    document["components"]["schemas"]["ImageSize"]["enum"] = ["8x8", "9x9"]
    changed = REQUIREMENTS["IV-SIZE-ENUM"].render(document, contract.OPERATION_POINTER)
    assert changed.text == "The sizes 8x8 and 9x9 are accepted."
    assert changed.render(contract.load().document, contract.OPERATION_POINTER) == REQUIREMENTS["IV-SIZE-ENUM"]


def test_a_planned_requirement_is_complete_and_unknown_to_runs() -> None:
    planned = list(read_register(REGISTER["planned"], contract.load().document, contract.OPERATION_POINTER))
    assert {it.id for it in planned} & set(REQUIREMENTS) == set()
    assert [it.id for it in planned if it.evidence is None or not it.evidence.items(contract.load())] == []


def test_oracles_judge_every_scored_requirement_but_those_that_something_is_accepted() -> None:
    """Whether valid requests are accepted is what the experiment finds out."""
    assert set(SCORED) >= JUDGED
    others = {it: REQUIREMENTS[it].evidence for it in SCORED if it not in JUDGED and REQUIREMENTS[it].excluded is None}
    assert {it for it, evidence in others.items() if isinstance(evidence, Every)} == set()


@pytest.mark.parametrize("requirement", SCORED)
def test_each_scored_requirement_is_broken_by_a_fault(requirement: str) -> None:
    assert [fault.name for fault in FAULTS.values() if requirement in fault.breaks] != []


def test_no_fault_names_an_unknown_requirement() -> None:
    known = {entry["id"] for section in ("requirements", "planned") for entry in REGISTER[section]}
    assert {it for fault in FAULTS.values() for it in fault.breaks} <= known


def test_every_id_in_the_tree_is_in_the_register() -> None:
    """Only ids that begin with IV-FIELD- are not in the register: tests generate those for added fields."""
    places = [*ROOT.glob("conformance/**/*.py"), *ROOT.glob("scripts/**/*"), *ROOT.glob("*.md"), SPEC / "openapi.yaml"]
    used = {
        (requirement, path.name)
        for path in places
        if path.is_file() and "__pycache__" not in path.parts
        for requirement in re.findall(r"\bIV-[A-Z0-9]+(?:-[A-Z0-9]+)+\b", path.read_text(errors="replace"))
    }
    known = {entry["id"] for section in ("requirements", "planned") for entry in REGISTER[section]}
    unknown = {(it, name) for it, name in used if it not in known}
    assert {(it, name) for it, name in unknown if not it.startswith("IV-FIELD-")} == set()
