"""The problems of the suite that a trial shows."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from image_variations_conformance.contract.requirements import Requirement

from qualification.trials import Trial


def problems(trial: Trial, register: Mapping[str, Requirement]) -> list[str]:
    """Return the problems that a trial on a fault, a quirk or the reference server shows, or an empty list.

    `register` maps ids to requirements. A quick run tests less: an expected id that it does not report is no problem,
    but an unexpected one is.
    """
    if trial.error:
        return [f"the suite failed: {trial.error.strip().splitlines()[-1]}"]
    if trial.subject.kind == "pair":
        return list(_pair_problems(trial))
    return list(
        _fault_problems(trial, register)
        if trial.subject.kind == "fault"
        else _conforming_server_problems(trial, register)
    )


def missed(trial: Trial) -> set[str]:
    """Return the ids that were expected and tested but not reported."""
    return set(trial.subject.breaks) - trial.reported - set(trial.left_out)


def excess(trial: Trial) -> set[str]:
    """Return the ids that were reported but not expected."""
    return set() if trial.subject.everywhere else trial.reported - {*trial.subject.breaks, *trial.subject.also}


def killed(trial: Trial) -> bool:
    """Return whether a fault was reported under at least one of the ids that it breaks."""
    return bool(set(trial.subject.breaks) & trial.reported)


def unbroken(broken: Collection[str], register: Mapping[str, Requirement]) -> list[str]:
    """Return the ids of the requirements that count for the score and are not in `broken`."""
    scored = [it.id for it in register.values() if it.level != "may" and it.excluded is None]
    return [requirement for requirement in scored if requirement not in broken]


def _fault_problems(trial: Trial, register: Mapping[str, Requirement]) -> Iterator[str]:
    expected = set(trial.subject.breaks) - set(trial.left_out)
    if trial.depth == "quick":
        expected &= trial.reported
    if expected and not killed(trial):
        yield f"survived: {' '.join(sorted(expected))} {_is_or_are(expected)} not reported"
    elif expected & missed(trial):
        yield f"not reported: {' '.join(sorted(missed(trial)))}"
    if excess(trial):
        yield f"reported unexpectedly: {_with_messages(trial, excess(trial))}"
    outcome = "fails" if any(register[it].level == "must" for it in expected) else _unbroken_outcome(trial, register)
    if expected and not trial.subject.everywhere and trial.outcome != outcome:
        reason = f"; not tested: {_first(trial.prevented)}" if trial.prevented else ""
        yield f"the run {trial.outcome}, expected that it {outcome}{reason}"


def _pair_problems(trial: Trial) -> Iterator[str]:
    """Yield what is wrong about two faults at once: one may hide the other, but neither makes the other pass."""
    green = sorted(trial.passed.intersection(trial.subject.breaks))
    if green:
        yield f"passed although broken: {' '.join(green)}"
    if excess(trial):
        yield f"reported unexpectedly: {_with_messages(trial, excess(trial))}"


def _conforming_server_problems(trial: Trial, register: Mapping[str, Requirement]) -> Iterator[str]:
    if excess(trial):
        yield f"false alarm: {_with_messages(trial, excess(trial))}"
    if missed(trial) and trial.depth != "quick":
        yield f"expected warning not reported: {' '.join(sorted(missed(trial)))}"
    if trial.prevented:
        yield f"not tested: {_first(trial.prevented)}"
    outcome = _unbroken_outcome(trial, register)
    if trial.outcome != outcome and not trial.failed and not trial.prevented:
        yield f"the run {trial.outcome}, expected that it {outcome}"


def _unbroken_outcome(trial: Trial, register: Mapping[str, Requirement]) -> str:
    """Return the outcome of a run that found no broken MUST. A quick run leaves some of what MUST hold out."""
    is_short = trial.depth == "quick" and any(register[it].level == "must" for it in trial.left_out)
    return "incomplete" if is_short else "conforms"


def _is_or_are(ids: Collection[str]) -> str:
    return "is" if len(ids) == 1 else "are"


def _with_messages(trial: Trial, ids: Collection[str]) -> str:
    messages = {**trial.warned, **trial.failed}
    return "; ".join(f"{it} ({messages[it]})" for it in sorted(ids))


def _first(untested: Mapping[str, str]) -> str:
    requirement, reason = next(iter(untested.items()))
    more = f" and {len(untested) - 1} more" if len(untested) > 1 else ""
    return f"{requirement}{more} ({reason})"
