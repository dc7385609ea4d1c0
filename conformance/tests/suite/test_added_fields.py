"""Fields and members added to openapi.yaml are sent, judged and served without a change of the code."""

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
from image_variations_conformance.cases.builder import Base
from image_variations_conformance.cases.field_cases import invalid_field_cases
from image_variations_conformance.cases.named_case import DEPTHS, Depth
from image_variations_conformance.cases.plan import Plan
from image_variations_conformance.cases.strategies import wrong_values
from image_variations_conformance.contract import document as contract
from image_variations_conformance.contract.expectation import Expectation, Feature, classify
from image_variations_conformance.contract.fields import boundary_values, is_bounded, validity_of
from image_variations_conformance.engine.packs import packs
from support.requests import CONTRACT, KEY, TARGET, builder

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[3]
SPEC = ROOT / "spec"

ADDED: dict[str, dict[str, Any]] = {
    "seed": {"type": "integer", "minimum": 7, "maximum": 4000, "description": "Same seed, same images."},
    "style": {"type": "string", "enum": ["vivid", "natural"], "description": "How the images look."},
    "strength": {"type": "number", "minimum": 0, "maximum": 1, "description": "How far the images go."},
    "upscale": {"type": "boolean", "description": "Whether to make the images larger."},
    "tag": {"type": "string", "minLength": 2, "maxLength": 12, "description": "A word of your own."},
    "note": {"type": ["string", "null"], "description": "Any text."},
}


def extended_openapi(fields: Mapping[str, object], item: Mapping[str, object] | None = None) -> bytes:
    """Return openapi.yaml with more fields in the form, and with the members `item` in the response and its items."""
    document = yaml.safe_load((SPEC / "openapi.yaml").read_bytes())
    schemas = document["components"]["schemas"]
    schemas["CreateImageVariationRequest"]["properties"].update(fields)
    if item:
        schemas["ImagesResponse"]["properties"].update(item)
        schemas["Image"]["properties"].update(item)
    return yaml.safe_dump(document, sort_keys=False).encode()


EXTENDED = contract.parse(extended_openapi(ADDED), (SPEC / "requirements.yaml").read_bytes())


def classified(**fields: str) -> Expectation:
    return classify(builder().form(**fields), EXTENDED, KEY)


def values_sent(depth: Depth) -> set[tuple[str, str]]:
    """Return the boundary values of the added fields that a plan sends."""
    plan = Plan.of(EXTENDED, TARGET, 1, depth)
    tried = [probe for probe in plan.must_probes if probe.requirement.startswith("IV-FIELD-")]
    cases = [plan.valid("a-label", "a note", Base(), (probe,)) for probe in tried]
    cases += [plan.named(row, Base()) for row in plan.refusals if row.requirements[0].startswith("IV-FIELD-")]
    bodies = [case.request.body for case in cases]
    candidates = {
        (name, text)
        for name, schema in ADDED.items()
        for values in [boundary_values(schema)]
        for text in values.valid + values.invalid
    }
    return {
        (name, text)
        for name, text in candidates
        if any(f'name="{name}"\r\n\r\n{text}\r\n'.encode() in body for body in bodies)
    }


@pytest.mark.parametrize("depth", DEPTHS)
def test_each_added_field_is_sent_with_values_at_its_bounds_and_just_outside(depth: Depth) -> None:
    expected = {
        *(("seed", text) for text in ("6", "7", "4000", "4001")),
        *(("style", text) for text in ("vivid", "natural")),
        *(("strength", text) for text in ("-1", "0", "1", "2")),
        *(("upscale", text) for text in ("true", "false")),
        *(("tag", "a" * length) for length in (1, 2, 12, 13)),
    }
    assert values_sent(depth) == expected


def test_the_added_fields_cost_few_images_more() -> None:
    """One request has valid values of several fields."""
    before, after = (len(packs(Plan.of(used, TARGET, 1).must_probes, 1)) for used in (CONTRACT, EXTENDED))
    assert 0 <= after - before <= 4


def test_the_contract_without_added_fields_needs_no_generated_field_cases() -> None:
    assert list(invalid_field_cases(CONTRACT)) == []


def test_a_changed_maximum_of_n_is_sent_with_the_first_value_above_it() -> None:
    fields = {"n": {"type": "integer", "minimum": 1, "maximum": 12, "default": 1}}
    moved = contract.parse(extended_openapi(fields), (SPEC / "requirements.yaml").read_bytes())
    assert [(row.fields["n"], row.requirements) for row in invalid_field_cases(moved)] == [("13", ("IV-N-BOUNDS",))]
    plan = Plan.of(moved, TARGET, 1)
    assert {"n=1", "n=12"} <= {probe.item for probe in plan.must_probes}
    (row,) = (row for row in plan.refusals if row.label == "n-eleven")
    assert b"\r\n\r\n13\r\n" in plan.named(row, Base()).request.body


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
def test_an_invalid_value_of_an_added_field_violates_the_requirement_of_that_field(
    fields: dict[str, str], requirement: str
) -> None:
    (violation,) = classified(**fields).violations
    assert violation.requirement == requirement
    assert EXTENDED.requirements[requirement].level == "must"


@pytest.mark.parametrize(
    "fields", [{"seed": "007"}, {"strength": "1e-1"}, {"strength": ".5"}, {"upscale": "True"}], ids=str
)
def test_a_value_that_the_contract_does_not_say_how_to_read_is_unspecified(fields: dict[str, str]) -> None:
    assert classified(**fields).validity == "unspecified"


def test_valid_values_and_absent_fields_are_features() -> None:
    features = classified(seed="7", style="vivid", strength="0.25", upscale="true", tag="abc").features
    assert {Feature("IV-FIELD-SEED-ACCEPTED", "7"), Feature("IV-FIELD-NOTE-OPTIONAL")} <= features


def test_a_field_that_allows_any_text_has_no_requirement_on_refusals() -> None:
    own = [requirement for requirement in EXTENDED.requirements if requirement.startswith("IV-FIELD-NOTE-")]
    assert own == ["IV-FIELD-NOTE-ACCEPTED", "IV-FIELD-NOTE-OPTIONAL"]


@given(data=st.data(), name=st.sampled_from(sorted(name for name, schema in ADDED.items() if is_bounded(schema))))
def test_every_drawn_wrong_value_makes_the_request_invalid(data: st.DataObject, name: str) -> None:
    strategy = wrong_values(ADDED[name])
    assert strategy is not None
    assert classified(**{name: data.draw(strategy)}).validity == "invalid"


@given(
    st.sampled_from(sorted(ADDED)),
    st.one_of(st.text(max_size=15), st.integers(-9999, 9999).map(str), st.floats().map(str)),
)
def test_a_text_is_valid_exactly_where_jsonschema_accepts_its_value(name: str, text: str) -> None:
    """Texts of fields other than strings are compared only if they are JSON and not unspecified."""
    schema = ADDED[name]
    value: object = text
    if "string" not in schema["type"]:
        try:
            value = json.loads(text)
        except ValueError:
            return
    valid = jsonschema.Draft202012Validator(schema).is_valid(value)
    if validity_of(schema, text) != "unspecified" and not (schema["type"] == "integer" and isinstance(value, float)):
        assert (validity_of(schema, text) == "valid") == valid


# --- checks by a copy of the suite with the extended contract


@pytest.fixture(scope="module")
def suite_copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a copy of the suite whose openapi.yaml has the added fields and members."""
    folder = tmp_path_factory.mktemp("scratch")
    shutil.copytree(
        ROOT / "conformance" / "image_variations_conformance",
        folder / "conformance" / "image_variations_conformance",
        ignore=shutil.ignore_patterns("__pycache__"),
    )
    shutil.copytree(SPEC, folder / "spec")
    item = {"score": {"type": "integer", "minimum": 0, "description": "How good it is."}}
    (folder / "spec" / "openapi.yaml").write_bytes(extended_openapi(ADDED, item))
    return folder


def check(suite_copy: Path, server: str, report: Path) -> dict[str, Any]:
    """Return the report of the copied suite on one of the servers of grown_servers.py."""
    program = Path(__file__).with_name("grown_servers.py")
    completed = subprocess.run(
        [sys.executable, str(program), server, "--seed", "1", "--report-dir", str(report)],
        env={**os.environ, "PYTHONPATH": str(suite_copy / "conformance"), "PYTHONDONTWRITEBYTECODE": "1"},
        cwd=suite_copy,
        capture_output=True,
        text=True,
        check=False,
    )
    assert completed.returncode in {0, 1}, completed.stderr
    document: dict[str, Any] = json.loads((report / "report.json").read_text())
    return document


def verdicts(document: dict[str, Any], *results: str) -> dict[str, str]:
    """Return the verdicts of the scored requirements that have one of these verdicts."""
    scored = [entry for entry in document["requirements"] if entry["level"] != "may"]
    return {entry["id"]: entry["verdict"] for entry in scored if entry["verdict"] in results}


def test_the_reference_server_passes_the_requirements_of_the_added_fields(suite_copy: Path, tmp_path: Path) -> None:
    document = check(suite_copy, "Service", tmp_path)
    # No response of the server limits the rate.
    assert verdicts(document, "fail", "warn", "partial", "not-tested") == {"IV-LIMIT-RETRY-AFTER": "not-tested"}
    assert document["cost"]["requests"] <= 320
    assert {entry["id"] for entry in document["requirements"] if entry["id"].startswith("IV-FIELD-SEED")} == {
        "IV-FIELD-SEED-ACCEPTED",
        "IV-FIELD-SEED-REFUSED",
        "IV-FIELD-SEED-OPTIONAL",
    }


def test_a_server_that_ignores_the_added_fields_fails_their_refusal_requirements(
    suite_copy: Path, tmp_path: Path
) -> None:
    document = check(suite_copy, "IgnoresAddedFields", tmp_path)
    assert verdicts(document, "fail", "warn") == {
        f"IV-FIELD-{name.upper()}-REFUSED": "fail" for name, schema in ADDED.items() if is_bounded(schema)
    }


def test_a_server_that_refuses_an_added_field_fails_its_acceptance_requirement(
    suite_copy: Path, tmp_path: Path
) -> None:
    assert verdicts(check(suite_copy, "RefusesSeed", tmp_path), "fail") == {"IV-FIELD-SEED-ACCEPTED": "fail"}


def test_added_members_of_the_response_are_validated_against_their_schema(suite_copy: Path, tmp_path: Path) -> None:
    document = check(suite_copy, "SendsInvalidScores", tmp_path)
    assert verdicts(document, "fail", "warn") == {"IV-RES-SCHEMA": "fail"}
    messages = {violation["message"] for case in document["cases"] for violation in case["breaks"]}
    assert any(message.startswith("score:") for message in messages)
    assert any(message.startswith("data/0/score:") for message in messages)
