"""The catalogue of named cases names the requirements that each case tests."""

import re
from pathlib import Path

import pytest
from image_variations_conformance.cases.catalogue import FIELD_VALUES, NAMED_CASES
from image_variations_conformance.cases.named_case import NamedCase
from image_variations_conformance.contract.evidence import ABSENT, BY_FORMAT, AcceptsField, Every
from image_variations_conformance.oracles import JUDGED
from support.requests import CONTRACT, builder, classified

ROOT = Path(__file__).parents[2]
SCORED = [it.id for it in CONTRACT.requirements.values() if it.level != "may" and it.excluded is None]
PLACES = {
    "oracle": ROOT / "image_variations_conformance" / "oracles",
    "fault": ROOT / "image_variations_conformance" / "reference" / "faults",
    "case": ROOT / "image_variations_conformance" / "cases",
    "test": ROOT / "tests",
}


@pytest.fixture(scope="module")
def judged_by_response() -> set[str]:
    """Return the judged requirement ids that no named request tests by itself."""
    tested = {test.requirement for case in NAMED_CASES for test in classified(case.build(builder(case.label))).tests}
    return set(JUDGED) - tested


@pytest.mark.parametrize("case", NAMED_CASES, ids=lambda case: case.label)
def test_a_named_case_names_requirements_that_its_request_or_response_tests(
    case: NamedCase, judged_by_response: set[str]
) -> None:
    expectation = classified(case.build(builder(case.label)))
    named = set(case.requirements)
    assert named
    assert named <= {test.requirement for test in expectation.tests} | judged_by_response
    if expectation.violations and "IV-AUTH-FIRST" not in named:
        assert named & expectation.violated


@pytest.mark.parametrize("place", PLACES)
def test_the_id_of_every_scored_requirement_occurs_in_the_files_of_each_place(place: str) -> None:
    text = "\n".join(path.read_text() for path in PLACES[place].rglob("*.py"))
    missing = [requirement for requirement in SCORED if not re.search(rf"{requirement}(?![A-Z0-9-])", text)]
    assert not missing, f"no {place} names {missing}: see CONTRIBUTING, How to add a requirement"


def test_every_scored_requirement_is_named_by_a_case() -> None:
    named = {requirement for case in NAMED_CASES for requirement in case.requirements}
    missing = [requirement for requirement in SCORED if requirement not in named]
    assert not missing, f"no row of the catalogue names {missing}: see CONTRIBUTING, How to add a requirement"


def by_cases(requirement: str) -> Every | None:
    """Return the evidence of a requirement if its situations are cases, not formats, groups or other requirements."""
    evidence = CONTRACT.requirements[requirement].evidence
    labels = {case.label for case in NAMED_CASES}
    if isinstance(evidence, Every) and evidence.subject not in BY_FORMAT and labels >= set(evidence.situations):
        return evidence
    return None


@pytest.mark.parametrize("requirement", [requirement for requirement in SCORED if by_cases(requirement)])
def test_the_cases_of_the_evidence_are_those_that_name_the_requirement(requirement: str) -> None:
    evidence = by_cases(requirement)
    assert evidence is not None
    assert set(evidence.situations) == {case.label for case in NAMED_CASES if requirement in case.requirements}


def test_every_field_value_of_the_evidence_is_sent() -> None:
    wanted = {
        (requirement, tuple(item.split("=", 1)))
        for requirement in SCORED
        for evidence in [CONTRACT.requirements[requirement].evidence]
        if isinstance(evidence, AcceptsField)
        for item in evidence.items(CONTRACT)
    }
    assert {(it, value) for it, value in wanted if value[1] != ABSENT and value not in FIELD_VALUES} == set()
