"""The contract grows: what is new in openapi.yaml is sent, judged and served without a line of code."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from image_variations_conformance.cases.catalogue import FIELD_VALUES
from image_variations_conformance.cases.field_cases import invalid_field_cases, valid_field_cases
from image_variations_conformance.cases.plan import DEPTHS, Depth, plan
from image_variations_conformance.cases.strategies import wrong_values
from image_variations_conformance.contract import document as contract
from image_variations_conformance.contract.expectation import Expectation, Feature, classify
from image_variations_conformance.contract.fields import boundary_values, is_bounded, validity_of
from support.requests import CONTRACT, KEY, TARGET, builder

ROOT = Path(__file__).parents[3]
SPEC = ROOT / "spec"

ADDED: dict[str, dict[str, Any]] = {
    "seed": {"type": "integer", "minimum": 7, "maximum": 4000, "description": "Same seed, same images."},
    "style": {"type": "string", "enum": ["vivid", "natural"], "description": "How the images look."},
    "strength": {"type": "number", "minimum": 0, "maximum": 1, "description": "How far the images go."},
    "upscale": {"type": "boolean", "description": "Whether to make the images larger."},
    "tag": {"type": "string", "minLength": 2, "maxLength": 12, "description": "A word of your own."},
    "note": {"type": "string", "description": "Any text."},
}


def grown(fields: Mapping[str, object], item: Mapping[str, object] | None = None) -> bytes:
    """Return openapi.yaml with more fields in the form, and more members in the answer and its items."""
    document = yaml.safe_load((SPEC / "openapi.yaml").read_bytes())
    schemas = document["components"]["schemas"]
    schemas["CreateImageVariationRequest"]["properties"].update(fields)
    if item:
        schemas["ImagesResponse"]["properties"].update(item)
        schemas["Image"]["properties"].update(item)
    return yaml.safe_dump(document, sort_keys=False).encode()


GROWN = contract.parse(grown(ADDED), (SPEC / "requirements.yaml").read_bytes())


def classified(**fields: str) -> Expectation:
    return classify(builder().form(**fields), GROWN, KEY)


def sent(depth: Depth) -> set[tuple[str, str]]:
    """Return the values of all text fields that a plan sends, those apart with them."""
    cases = [each for case in plan(GROWN, TARGET, 1, depth) for each in (case, *case.parts)]
    bodies = [case.request.body for case in cases]
    candidates = {
        (name, text)
        for name, schema in ADDED.items()
        for found in [boundary_values(schema)]
        for text in found.valid + found.invalid
    }
    return {
        (name, text)
        for name, text in candidates
        if any(f'name="{name}"\r\n\r\n{text}\r\n'.encode() in body for body in bodies)
    }


@pytest.mark.parametrize("depth", DEPTHS)
def test_each_new_field_is_sent_at_its_bounds_and_beyond(depth: Depth) -> None:
    expected = {
        *(("seed", text) for text in ("6", "7", "4000", "4001")),
        *(("style", text) for text in ("vivid", "natural")),
        *(("strength", text) for text in ("-1", "0", "1", "2")),
        *(("upscale", text) for text in ("true", "false")),
        *(("tag", "a" * length) for length in (1, 2, 12, 13)),
    }
    assert sent(depth) == expected


def test_a_new_field_costs_little() -> None:
    """Valid values of several fields go together."""
    before, after = (plan(it, TARGET, 1) for it in (CONTRACT, GROWN))
    assert sum(case.image_count for case in after) - sum(case.image_count for case in before) <= 4


def test_the_contract_as_it_is_has_no_such_cases() -> None:
    assert [*invalid_field_cases(CONTRACT), *valid_field_cases(CONTRACT)] == []


def test_a_bound_that_moves_is_sent_too() -> None:
    fields = {"n": {"type": "integer", "minimum": 1, "maximum": 12}}
    moved = contract.parse(grown(fields), (SPEC / "requirements.yaml").read_bytes())
    assert [named.fields["n"] for named in valid_field_cases(moved)] == ["12"]
    assert [named.fields["n"] for named in invalid_field_cases(moved)] == ["13"]
    assert ("n", "11") in FIELD_VALUES


@pytest.mark.parametrize(
    ("fields", "requirement"),
    [
        ({"seed": "6"}, "IV-FIELD-SEED-REFUSED"),
        ({"seed": "seven"}, "IV-FIELD-SEED-REFUSED"),
        ({"seed": "+7"}, "IV-FIELD-SEED-REFUSED"),
        ({"seed": ""}, "IV-FIELD-SEED-REFUSED"),
        ({"style": "vivid "}, "IV-FIELD-STYLE-REFUSED"),
        ({"style": "Vivid"}, "IV-FIELD-STYLE-REFUSED"),
        ({"strength": "1.5"}, "IV-FIELD-STRENGTH-REFUSED"),
        ({"strength": "half"}, "IV-FIELD-STRENGTH-REFUSED"),
        ({"upscale": "maybe"}, "IV-FIELD-UPSCALE-REFUSED"),
        ({"tag": "a"}, "IV-FIELD-TAG-REFUSED"),
    ],
    ids=str,
)  # fmt: skip
def test_a_wrong_value_of_a_new_field_is_an_offence_under_its_own_id(fields: dict[str, str], requirement: str) -> None:
    (violation,) = classified(**fields).violations
    assert violation.requirement == requirement
    assert GROWN.requirements[requirement].level == "must"


@pytest.mark.parametrize(
    "fields", [{"seed": "007"}, {"strength": "1e-1"}, {"strength": ".5"}, {"upscale": "True"}], ids=str
)
def test_what_nobody_said_how_to_read_is_open(fields: dict[str, str]) -> None:
    assert classified(**fields).validity == "unspecified"


def test_a_right_value_and_absence_are_traits() -> None:
    features = classified(seed="7", style="vivid", strength="0.25", upscale="true", tag="abc").features
    assert {Feature("IV-FIELD-SEED-ACCEPTED", "7"), Feature("IV-FIELD-NOTE-OPTIONAL")} <= features


def test_a_field_that_takes_any_text_has_nothing_to_refuse() -> None:
    own = [requirement for requirement in GROWN.requirements if requirement.startswith("IV-FIELD-NOTE-")]
    assert own == ["IV-FIELD-NOTE-ACCEPTED", "IV-FIELD-NOTE-OPTIONAL"]


@given(data=st.data(), name=st.sampled_from(sorted(name for name, schema in ADDED.items() if is_bounded(schema))))
def test_every_wrong_value_that_is_drawn_is_one(data: st.DataObject, name: str) -> None:
    strategy = wrong_values(ADDED[name])
    assert strategy is not None
    assert classified(**{name: data.draw(strategy)}).validity == "invalid"


@given(
    st.sampled_from(sorted(ADDED)),
    st.one_of(st.text(max_size=15), st.integers(-9999, 9999).map(str), st.floats().map(str)),
)
def test_a_text_is_a_value_where_another_validator_takes_it_for_one(name: str, text: str) -> None:
    """For texts whose reading is clear: JSON's own writing of numbers and booleans, and every string."""
    schema = ADDED[name]
    value: object = text
    if schema["type"] != "string":
        try:
            value = json.loads(text)
        except ValueError:
            return
    valid = jsonschema.Draft202012Validator(schema).is_valid(value)
    if validity_of(schema, text) != "unspecified" and not (schema["type"] == "integer" and isinstance(value, float)):
        assert (validity_of(schema, text) == "valid") == valid


def test_a_schema_that_forms_do_not_have_is_let_be() -> None:
    """A list, an object, a second file: nobody said how they are written in a form, so nothing is said of them."""
    fields = {"mask": {"type": "string", "format": "binary"}, "tags": {"type": "array", "items": {"type": "string"}}}
    strange = contract.parse(grown(fields), (SPEC / "requirements.yaml").read_bytes())
    assert set(strange.requirements) == set(CONTRACT.requirements)
    assert classify(builder().form(tags="a"), strange, KEY).validity == "unspecified"
    assert classify(builder().form(), strange, KEY).validity == "valid"


# --- in a scratch copy of the tree


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a copy of the suite whose openapi.yaml has grown."""
    folder = tmp_path_factory.mktemp("scratch")
    shutil.copytree(
        ROOT / "conformance" / "image_variations_conformance",
        folder / "conformance" / "image_variations_conformance",
        ignore=shutil.ignore_patterns("__pycache__"),
    )
    shutil.copytree(SPEC, folder / "spec")
    item = {"score": {"type": "integer", "minimum": 0, "description": "How good it is."}}
    (folder / "spec" / "openapi.yaml").write_bytes(grown(ADDED, item))
    return folder


def check(scratch: Path, server: str, report: Path) -> dict[str, Any]:
    """Return the report of the scratch suite on one of the servers of grown_servers.py."""
    program = Path(__file__).with_name("grown_servers.py")
    done = subprocess.run(
        [sys.executable, str(program), server, "--seed", "1", "--report-dir", str(report)],
        env={**os.environ, "PYTHONPATH": str(scratch / "conformance"), "PYTHONDONTWRITEBYTECODE": "1"},
        cwd=scratch,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode in {0, 1}, done.stderr
    document: dict[str, Any] = json.loads((report / "report.json").read_text())
    return document


def verdicts(document: dict[str, Any], *wanted: str) -> dict[str, str]:
    """Return the verdicts wanted, of what is scored."""
    scored = [it for it in document["requirements"] if it["level"] != "may"]
    return {it["id"]: it["verdict"] for it in scored if it["verdict"] in wanted}


def test_the_reference_server_keeps_to_what_is_new(scratch: Path, tmp_path: Path) -> None:
    document = check(scratch, "Service", tmp_path)
    assert verdicts(document, "fail", "warn", "not-tested") == {}
    assert document["cost"]["requests"] <= 160
    assert {it["id"] for it in document["requirements"] if it["id"].startswith("IV-FIELD-SEED")} == {
        "IV-FIELD-SEED-ACCEPTED",
        "IV-FIELD-SEED-REFUSED",
        "IV-FIELD-SEED-OPTIONAL",
    }


def test_a_server_that_does_not_know_the_new_fields_is_found_out(scratch: Path, tmp_path: Path) -> None:
    document = check(scratch, "Deaf", tmp_path)
    assert verdicts(document, "fail", "warn") == {
        f"IV-FIELD-{name.upper()}-REFUSED": "fail" for name, schema in ADDED.items() if is_bounded(schema)
    }


def test_a_server_that_refuses_a_new_field_is_found_out(scratch: Path, tmp_path: Path) -> None:
    assert verdicts(check(scratch, "Narrow", tmp_path), "fail") == {"IV-FIELD-SEED-ACCEPTED": "fail"}


def test_new_members_of_the_answer_are_validated(scratch: Path, tmp_path: Path) -> None:
    document = check(scratch, "Untrue", tmp_path)
    assert verdicts(document, "fail", "warn") == {"IV-RES-SCHEMA": "fail"}
    messages = {breach["message"] for case in document["cases"] for breach in case["breaks"]}
    assert any(message.startswith("score:") for message in messages)
    assert any(message.startswith("data/0/score:") for message in messages)
