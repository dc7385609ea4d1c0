"""What is wrong with the suite, as far as a trial shows it. An empty list is what is wanted."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from image_variations_conformance.contract.requirements import Requirement

from qualification.trials import Trial


def problems(trial: Trial, register: Mapping[str, Requirement]) -> list[str]:
    """Return what is wrong with the suite by its trial on a fault, an quirk or the reference server.

    A quick run is there to look less far: what it does not see is no problem, what it says wrongly is one.
    """
    if trial.error:
        return [f"the suite failed: {trial.error.strip().splitlines()[-1]}"]
    return list(_of_fault(trial, register) if trial.subject.kind == "fault" else _of_right_server(trial))


def missed(trial: Trial) -> set[str]:
    """Return the ids that should have been reported, and were looked at, and were not."""
    return set(trial.subject.breaks) - trial.reported - set(trial.left_out)


def excess(trial: Trial) -> set[str]:
    """Return the ids that were reported and should not have been."""
    return set() if trial.subject.everywhere else trial.reported - {*trial.subject.breaks, *trial.subject.also}


def killed(trial: Trial) -> bool:
    """Whether a fault was reported at all, under any id that it names."""
    return bool(set(trial.subject.breaks) & trial.reported)


def unbroken(broken: Collection[str], register: Mapping[str, Requirement]) -> list[str]:
    """Return the requirements that are scored and judged, and that no fault breaks."""
    scored = [it.id for it in register.values() if it.level != "may" and it.excluded is None]
    return [requirement for requirement in scored if requirement not in broken]


def _of_fault(trial: Trial, register: Mapping[str, Requirement]) -> Iterator[str]:
    looked_at = set(trial.subject.breaks) - set(trial.left_out)
    if trial.depth == "quick":
        looked_at &= trial.reported
    if looked_at and not killed(trial):
        yield f"survived: {' '.join(sorted(looked_at))} {_stand(looked_at)} not reported"
    elif looked_at & missed(trial):
        yield f"not reported: {' '.join(sorted(missed(trial)))}"
    if excess(trial):
        yield f"reported besides: {_said(trial, excess(trial))}"
    musts = {it for it in looked_at if register[it].level == "must"}
    expected = "fails" if musts else "conforms"
    if looked_at and not trial.subject.everywhere and trial.outcome != expected:
        because = f", because of what was not tested: {_first(trial.prevented)}" if trial.prevented else ""
        yield f"the run {trial.outcome}, where it {expected}{because}"


def _of_right_server(trial: Trial) -> Iterator[str]:
    if excess(trial):
        yield f"false alarm: {_said(trial, excess(trial))}"
    if missed(trial) and trial.depth != "quick":
        yield f"a warning that is expected did not come: {' '.join(sorted(missed(trial)))}"
    if trial.prevented:
        yield f"not tested: {_first(trial.prevented)}"
    if trial.outcome != "conforms" and not trial.failed and not trial.prevented:
        yield f"the run {trial.outcome}"


def _stand(ids: Collection[str]) -> str:
    return "is" if len(ids) == 1 else "are"


def _said(trial: Trial, ids: Collection[str]) -> str:
    messages = {**trial.warned, **trial.failed}
    return "; ".join(f"{it} ({messages[it]})" for it in sorted(ids))


def _first(untested: Mapping[str, str]) -> str:
    requirement, reason = next(iter(untested.items()))
    more = f" and {len(untested) - 1} more" if len(untested) > 1 else ""
    return f"{requirement}{more} ({reason})"
