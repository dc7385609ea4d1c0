"""Tests of scripts/qualify: the problems that it finds in trials, its tables, its file and its command line."""

import re
from operator import attrgetter
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st
from image_variations_conformance.contract import document as contract
from image_variations_conformance.reference.variants import FAULTS, QUIRKS
from qualification import __main__ as command_line
from qualification import record, subjects
from qualification.crew import work
from qualification.matrix import fault_row, span, summary_row, table, totals
from qualification.profiles import contract_of
from qualification.record import Part
from qualification.subjects import Subject, faults, profiles, quirks, references, sample, under_profiles
from qualification.trials import Spent, Trial, attempt
from qualification.verdicts import problems, unbroken

pytestmark = pytest.mark.slow

REGISTER = contract.load().requirements
FAULT = Subject("fault", "n-capped", "semantics", breaks=("IV-RES-COUNT",), also=("IV-N-DEFAULT",))
QUIRK = Subject("quirk", "wrong-key-403", "refusals", breaks=("IV-AUTH-401",))
REFERENCE = Subject("reference", "seed-0", "reference", seed=0)


def trial_of(subject: Subject, **fields: Any) -> Trial:
    """Return a trial with these fields; by default nothing was reported."""
    defaults: dict[str, Any] = {"failed": {}, "warned": {}, "left_out": {}, "prevented": {}}
    fields = {"outcome": "fails" if fields.get("failed") else "conforms", **defaults, **fields}
    return Trial(**{"subject": subject, "spent": Spent(111, 45), "first": None, "seconds": 1.0, **fields})


# --- problems in the trial of a fault


def test_a_fault_that_is_reported_under_its_requirement_is_no_problem() -> None:
    assert problems(trial_of(FAULT, failed={"IV-RES-COUNT": "4 of 10"}), REGISTER) == []


def test_a_fault_that_is_not_reported_survives() -> None:
    assert problems(trial_of(FAULT), REGISTER) == [
        "survived: IV-RES-COUNT is not reported",
        "the run conforms, expected that it fails",
    ]


def test_a_fault_that_is_reported_under_another_id_alone_survives_too() -> None:
    found = problems(trial_of(FAULT, failed={"IV-OUT-SIZE": "9x9"}), REGISTER)
    assert found == ["survived: IV-RES-COUNT is not reported", "reported unexpectedly: IV-OUT-SIZE (9x9)"]


def test_every_requirement_that_a_fault_breaks_must_be_reported() -> None:
    subject = Subject("fault", "get-crashes", "status", breaks=("IV-OP-METHOD", "IV-ERR-NO-5XX"))
    assert problems(trial_of(subject, failed={"IV-OP-METHOD": "500"}), REGISTER) == ["not reported: IV-ERR-NO-5XX"]


def test_an_id_that_a_fault_shows_under_as_well_is_allowed_and_any_other_is_not() -> None:
    own = {"IV-RES-COUNT": "", "IV-N-DEFAULT": ""}
    assert problems(trial_of(FAULT, failed=own), REGISTER) == []
    besides = trial_of(FAULT, failed=own, warned={"IV-ERR-400": "422"})
    assert problems(besides, REGISTER) == ["reported unexpectedly: IV-ERR-400 (422)"]


def test_a_fault_with_everywhere_may_be_reported_under_any_requirement() -> None:
    subject = Subject("fault", "errors-as-500", "status", breaks=("IV-ERR-NO-5XX",), everywhere=True)
    assert problems(trial_of(subject, failed=dict.fromkeys(REGISTER, "")), REGISTER) == []


def test_a_requirement_that_the_depth_leaves_out_need_not_be_reported() -> None:
    assert problems(trial_of(FAULT, left_out={"IV-RES-COUNT": "a quick run leaves it out"}), REGISTER) == []


def test_at_quick_depth_a_missing_report_is_no_problem_but_an_unexpected_report_is() -> None:
    assert problems(trial_of(FAULT, depth="quick"), REGISTER) == []
    assert problems(trial_of(QUIRK, depth="quick"), REGISTER) == []
    wrong = trial_of(FAULT, depth="quick", warned={"IV-ERR-400": "422"})
    assert problems(wrong, REGISTER) == ["reported unexpectedly: IV-ERR-400 (422)"]


def test_a_fault_that_breaks_only_a_should_must_not_fail_the_run_because_of_untested_requirements() -> None:
    subject = Subject("fault", "errors-as-422", "status", breaks=("IV-ERR-400",))
    trial = trial_of(subject, outcome="fails", warned={"IV-ERR-400": ""}, prevented={"IV-N-RANGE": "timeout"})
    because = "the run fails, expected that it conforms; not tested: IV-N-RANGE (timeout)"
    assert problems(trial, REGISTER) == [because]


# --- the verdict on a conforming server


@pytest.mark.parametrize("subject", [QUIRK, REFERENCE], ids=lambda subject: subject.name)
def test_a_failure_of_a_correct_server_is_a_false_alarm(subject: Subject) -> None:
    trial = trial_of(subject, failed={"IV-RES-COUNT": "0 of 1"}, warned=dict.fromkeys(subject.breaks, ""))
    assert problems(trial, REGISTER) == ["false alarm: IV-RES-COUNT (0 of 1)"]


def test_a_warning_about_a_correct_server_is_a_false_alarm_unless_it_is_expected() -> None:
    assert problems(trial_of(QUIRK, warned={"IV-AUTH-401": "403"}), REGISTER) == []
    assert problems(trial_of(REFERENCE, warned={"IV-AUTH-401": "403"}), REGISTER) == ["false alarm: IV-AUTH-401 (403)"]


def test_a_warning_that_is_expected_has_to_come() -> None:
    assert problems(trial_of(QUIRK), REGISTER) == ["expected warning not reported: IV-AUTH-401"]


def test_requirements_that_could_not_be_tested_on_a_correct_server_are_a_problem() -> None:
    trial = trial_of(REFERENCE, outcome="fails", prevented={"IV-N-RANGE": "no answer", "IV-N-BOUNDS": "no answer"})
    assert problems(trial, REGISTER) == ["not tested: IV-N-RANGE and 1 more (no answer)"]


@pytest.mark.parametrize("subject", [FAULT, QUIRK, REFERENCE], ids=lambda subject: subject.name)
def test_an_exception_in_the_suite_is_a_problem_for_every_kind_of_subject(subject: Subject) -> None:
    error = "Traceback (most recent call last):\n  ...\nKeyError: 'data'\n"
    trial = trial_of(subject, error=error, failed=dict.fromkeys(subject.breaks, ""))
    assert problems(trial, REGISTER) == ["the suite failed: KeyError: 'data'"]


def test_an_exception_in_the_suite_becomes_the_error_of_its_trial() -> None:
    trial = attempt(Subject("fault", "no-such-fault", "status"), "quick")
    assert "UnknownVariantError" in trial.error


def test_unbroken_returns_the_requirements_that_no_fault_breaks() -> None:
    scored = [it.id for it in REGISTER.values() if it.level != "may" and it.excluded is None]
    assert unbroken(scored, REGISTER) == []
    assert unbroken(scored[1:], REGISTER) == scored[:1]


# --- the choice of subjects


def test_every_fault_and_every_quirk_is_a_subject_with_the_requirements_of_its_registry() -> None:
    assert {subject.name: {*subject.breaks, *subject.also} for subject in faults()} == {
        fault.name: {*fault.breaks, *fault.also} for fault in FAULTS.values()
    }
    for subject in faults():
        # A crash fails the run, and so is to be reported, even where all else that the fault breaks is a SHOULD.
        added = (
            {"IV-ERR-NO-5XX"}
            if all(REGISTER[name].level == "should" for name in FAULTS[subject.name].breaks)
            else set()
        )
        assert set(subject.breaks) == {*FAULTS[subject.name].breaks, *(added & set(FAULTS[subject.name].also))}
    assert {subject.name: subject.breaks for subject in quirks()} == {it.name: it.warns for it in QUIRKS.values()}
    assert {subject.seed for subject in references(20)} == set(range(20))


def test_under_each_profile_there_are_faults_that_it_does_not_express() -> None:
    breaks = {subject.name: subject.breaks for subject in faults()}
    changed = {
        server.profile: {name for change in contract_of(server.profile).changes for name in change.requirements}
        for server in profiles()
    }
    assert len(under_profiles()) == 5 * len(profiles()) == 40
    assert under_profiles() == under_profiles()
    for subject in under_profiles():
        assert not changed[subject.profile] & {*subject.breaks, *subject.also}
        assert subject.breaks == breaks[subject.name.partition("@")[0]]


@given(st.integers(1, 60))
def test_a_sample_is_deterministic_and_ordered_and_has_up_to_n_subjects_of_each_family(number: int) -> None:
    all_faults = faults()
    chosen = sample(all_faults, number)
    assert chosen == sample(all_faults, number)
    assert [subject for subject in all_faults if subject in chosen] == chosen
    for family in {subject.family for subject in all_faults}:
        family_size = sum(subject.family == family for subject in all_faults)
        assert sum(subject.family == family for subject in chosen) == min(number, family_size)


def test_work_in_several_processes_covers_every_subject() -> None:
    chosen = sample(faults(), 1)
    assert sorted(work(attrgetter("name"), chosen, 2)) == sorted(subject.name for subject in chosen)


# --- the table, and the file


KILLED = trial_of(FAULT, failed={"IV-RES-COUNT": ""}, first=Spent(9, 3))
WARNED = trial_of(QUIRK, warned={"IV-AUTH-401": ""})


def test_a_row_has_the_reported_requirements_and_the_requests_and_images_until_the_first_report() -> None:
    with_also = trial_of(FAULT, failed={"IV-RES-COUNT": "", "IV-N-DEFAULT": ""}, first=Spent(1, 0))
    assert fault_row(KILLED) == ("n-capped", "semantics", "IV-RES-COUNT", "9 requests, 3 images", "", "")
    assert fault_row(with_also)[2:4] == ("IV-RES-COUNT (and IV-N-DEFAULT)", "1 request, 0 images")
    assert fault_row(trial_of(FAULT, warned={"IV-ERR-400": ""}))[2:] == ("nothing", "", "IV-RES-COUNT", "IV-ERR-400")


def test_a_table_has_one_line_per_row_and_one_cell_per_column() -> None:
    lines = table(("A", "B"), [("1", ""), ("2", "x, y")])
    assert lines == ["| A | B |", "| --- | --- |", "| 1 |  |", "| 2 | x, y |"]


def test_totals_count_survivors_and_false_alarms() -> None:
    lines = totals([KILLED, trial_of(FAULT), WARNED, trial_of(QUIRK, failed={"IV-RES-COUNT": ""})], REGISTER)
    assert lines[:3] == [
        "Faults caught: 1 of 2, 1 under exactly their ids.",
        "Not seen: n-capped.",
        "False alarms: 1 in 2 quirks.",
    ]
    assert "Requests until a fault is seen: minimum 9, median 9, maximum 9." in lines
    assert "Images in a run on a conforming server: minimum 45, median 45, maximum 45." in lines


def test_the_file_is_compared_by_requirement_ids_and_not_by_figures(tmp_path: Path) -> None:
    file = tmp_path / "MATRIX.md"
    record.write(record.rendered([KILLED, WARNED], REGISTER, "standard", tables=True), file)
    other_figures = trial_of(FAULT, failed={"IV-RES-COUNT": ""}, first=Spent(10, 33))
    assert record.differences(record.rendered([other_figures, WARNED], REGISTER, "standard", tables=True), file) == []
    diff = record.differences(record.rendered([trial_of(FAULT), WARNED], REGISTER, "standard", tables=True), file)
    assert [line for line in diff if line.startswith("+|")] == [
        "+| n-capped | semantics | nothing |  | IV-RES-COUNT |  |"
    ]
    fewer = record.rendered([KILLED], REGISTER, "standard", tables=True)
    assert record.differences(fewer, file) != []
    assert record.differences(fewer, tmp_path / "missing.md") != []


def test_writing_one_part_of_the_file_does_not_change_the_others(tmp_path: Path) -> None:
    file = tmp_path / "MATRIX.md"
    record.write(Part("quick", ("1 of 2", "quick"), "quick figures\n"), file)
    record.write(Part("standard", ("0 of 2", "before"), "first\n"), file)
    record.write(Part("standard", ("2 of 2", "after"), "again\n\n### Faults\n\n| a |\n"), file)
    head, *parts = file.read_text().split("\n## ")
    assert head.endswith("| At standard depth | 2 of 2 | after |\n| At quick depth | 1 of 2 | quick |\n")
    assert parts == ["At standard depth\n\nagain\n\n### Faults\n\n| a |\n", "At quick depth\n\nquick figures\n"]


def test_the_row_of_a_depth_counts_caught_faults_and_false_alarms() -> None:
    trials = [KILLED, trial_of(FAULT), WARNED, trial_of(QUIRK, failed={"IV-RES-COUNT": ""})]
    assert summary_row(trials, REGISTER) == ("1 of 2", "1", "1 of 2", "111", "45")
    assert [span(figures) for figures in ([], [3, 1, 2], [2, 2])] == ["", "1-3", "2"]


@pytest.mark.skipif(not record.FILE.exists(), reason="scripts/qualify --write has not written the file yet")
def test_the_committed_file_has_exactly_one_row_for_every_server() -> None:
    rows = re.findall(r"^\| ([a-z0-9][a-z0-9@-]*) \| [a-z0-9 -]+ \| (.*?) \|", record.FILE.read_text(), re.MULTILINE)
    of_profiles = [subject.name for subject in (*under_profiles(), *profiles())]
    assert sorted(name for name, _ in rows) == sorted([*FAULTS, *QUIRKS, *of_profiles])
    reported = dict(rows)
    assert [
        name
        for name, fault in FAULTS.items()
        if not set(fault.breaks) <= set(re.findall(r"IV-[A-Z0-9-]+", reported[name]))
    ] == []


# --- the command line


def qualify(*arguments: str) -> Result:
    return CliRunner().invoke(command_line.command, [*arguments, "--jobs", "1"])


def test_the_exit_code_is_0_if_a_fault_is_caught() -> None:
    result = qualify("--only", "valid-created", "--depth", "quick")
    assert result.exit_code == 0, result.output
    assert "| valid-created | status | IV-OP-VALID" in result.output


@pytest.mark.parametrize("subject", [FAULT, QUIRK], ids=lambda subject: subject.name)
def test_the_exit_code_is_1_if_a_fault_survives_or_an_expected_warning_is_missing(
    monkeypatch: pytest.MonkeyPatch, subject: Subject
) -> None:
    monkeypatch.setattr(command_line, "attempt", lambda subject, **_: trial_of(subject))
    result = qualify("--only", subject.name)
    assert result.exit_code == 1
    assert re.search(rf"^{subject.kind} {subject.name}: (survived|expected warning)", result.output, re.MULTILINE)


def test_the_exit_code_is_1_if_no_fault_breaks_a_requirement(monkeypatch: pytest.MonkeyPatch) -> None:
    def attempt_without_problems(subject: Subject, **_: str) -> Trial:
        expected = dict.fromkeys(subject.breaks, "")
        if any(REGISTER[requirement].level == "must" for requirement in expected):
            return trial_of(subject, failed=expected)
        return trial_of(subject, warned=expected)

    monkeypatch.setattr(command_line, "attempt", attempt_without_problems)
    assert qualify("--seeds", "0").exit_code == 0
    remaining = [subject for subject in faults() if "IV-URL-GUESS" not in subject.breaks]
    monkeypatch.setattr(subjects, "faults", lambda: remaining)
    result = qualify("--seeds", "0")
    assert result.exit_code == 1
    assert result.output.splitlines()[-1] == "no fault breaks IV-URL-GUESS"


@pytest.mark.parametrize(
    "arguments",
    [
        ("--only", "no-such-fault"),
        ("--check", "--only", "n-capped"),
        ("--check", "--write"),
        ("--write", "--sample", "1"),
        ("--write", "--seed", "2"),
        ("--pairs", "1", "--seed", "2"),
        ("--depth", "bottomless"),
    ],
    ids=" ".join,
)
def test_the_exit_code_is_2_for_invalid_arguments(arguments: tuple[str, ...]) -> None:
    assert qualify(*arguments).exit_code == 2
