"""A sample of the kill matrix: some faults of each family, every quirk, some seeds. scripts/qualify runs the whole."""

import pytest
from image_variations_conformance.contract import document as contract
from qualification.subjects import Subject, faults, quirks, references, sample
from qualification.trials import attempt
from qualification.verdicts import problems

REGISTER = contract.load().requirements
FAULTS_OF_A_FAMILY = 3
SEEDS = 3


@pytest.mark.parametrize("subject", sample(faults(), FAULTS_OF_A_FAMILY), ids=lambda subject: subject.name)
def test_a_fault_is_reported_under_the_requirements_it_breaks(subject: Subject) -> None:
    assert problems(attempt(subject, "standard"), REGISTER) == []


@pytest.mark.parametrize("subject", quirks(), ids=lambda subject: subject.name)
def test_an_oddity_is_blamed_for_nothing(subject: Subject) -> None:
    assert problems(attempt(subject, "quick"), REGISTER) == []


@pytest.mark.parametrize("subject", references(SEEDS), ids=lambda subject: subject.name)
def test_the_reference_server_keeps_every_requirement(subject: Subject) -> None:
    trial = attempt(subject, "standard")
    assert problems(trial, REGISTER) == []
    # Else a requirement that nothing looked at would count as kept.
    assert trial.left_out == {}
