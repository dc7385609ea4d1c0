"""A sample of the kill matrix: faults and quirks of each family, and some seeds. scripts/qualify runs all of it."""

import pytest
from image_variations_conformance.contract import document as contract
from qualification.subjects import Subject, faults, quirks, references, sample
from qualification.trials import attempt
from qualification.verdicts import problems

pytestmark = pytest.mark.slow

REGISTER = contract.load().requirements
SUBJECTS_PER_FAMILY = 1
SEEDS = 3


@pytest.mark.parametrize("subject", sample(faults(), SUBJECTS_PER_FAMILY), ids=lambda subject: subject.name)
def test_a_fault_is_reported_under_the_requirements_it_breaks(subject: Subject) -> None:
    assert problems(attempt(subject, "standard"), REGISTER) == []


@pytest.mark.parametrize("subject", sample(quirks(), SUBJECTS_PER_FAMILY), ids=lambda subject: subject.name)
def test_a_quirk_is_reported_under_no_requirement(subject: Subject) -> None:
    assert problems(attempt(subject, "quick"), REGISTER) == []


@pytest.mark.parametrize("subject", references(SEEDS), ids=lambda subject: subject.name)
def test_the_reference_server_passes_every_requirement(subject: Subject) -> None:
    trial = attempt(subject, "standard")
    assert problems(trial, REGISTER) == []
    # Without this, a requirement that was not tested would count as passed.
    # The reference server limits nobody.
    assert trial.left_out.keys() == {"IV-LIMIT-RETRY-AFTER"}
