"""Every fault is caught under the ids that it names and few others; a server without a fault is blamed for nothing."""

import pytest
from image_variations_conformance.reference import FAULTS, Fault, Service, faulty
from judged import KEY, judge_app, verdicts

# Faults that break the server so widely that what else is reported says nothing.
SHOWS_EVERYWHERE = {"operation-removed", "errors-as-200", "errors-as-500", "invalid-dropped"}
# What else is reported of a fault, because it shows in more than one way.
SHOWS_ALSO = {
    "errors-as-422": {"IV-OP-MULTIPART-STATUS"},
    "missing-key-accepted": {"IV-AUTH-FIRST"},
    "bad-key-400": {"IV-AUTH-FIRST"},
    "missing-key-crashes": {"IV-AUTH-FIRST", "IV-AUTH-WRONG"},
    # A server that asks for too much says so in its errors to other mistakes as well, and not what they are.
    "image-first-required": {"IV-ERR-PARAM"},
    "n-over-five-refused": {"IV-ERR-PARAM"},
    "format-required": {"IV-ERR-PARAM"},
    "model-refused": {"IV-ERR-PARAM"},
    "model-required": {"IV-ERR-PARAM"},
    "limit-one-megabyte": {"IV-ERR-PARAM"},
    "error-repeated": {"IV-ERR-PARAM"},
    "size-unknown-crashes": {"IV-ENUM-CASE"},
    "user-unicode-crashes": {"IV-N-BOUNDS", "IV-SIZE-UNKNOWN"},
    "alpha-required": {"IV-IMAGE-PNG-KINDS"},
    "damaged-crashes": {"IV-IMAGE-SQUARE"},
    "error-as-problem-json": {"IV-ERR-OBJECT"},
    "one-too-many": {"IV-N-DEFAULT"},
    "one-pixel-short": {"IV-SIZE-DEFAULT"},
    "image-unchanged": {"IV-OUT-BLANK", "IV-OUT-DISTINCT"},
    "image-blank": {"IV-OUT-DISTINCT", "IV-OUT-RESEMBLES"},
    "image-gif": {"IV-OUT-B64-PNG"},
    "detail-list": {"IV-OP-MULTIPART-STATUS"},
    "n-remembered": {"IV-N-DEFAULT", "IV-STATE-PARALLEL"},
    "format-remembered": {"IV-FORMAT-DEFAULT"},
    "fails-after-error": {"IV-ERR-NO-5XX", "IV-IMAGE-REQUIRED"},
    "parallel-crashes": {"IV-ERR-NO-5XX"},
    "parallel-dropped": {"IV-ERR-NO-5XX"},
    "answer-cut": {"IV-ERR-NO-5XX"},
    "dies-of-bad-key": {"IV-ERR-NO-5XX"},
    "dies-of-bad-image": {"IV-IMAGE-REQUIRED"},
    "dies-of-untyped-part": {"IV-ERR-NO-5XX"},
}


@pytest.mark.parametrize("fault", FAULTS.values(), ids=lambda fault: fault.name)
def test_a_fault_is_reported_under_the_requirements_it_breaks(fault: Fault) -> None:
    run = judge_app(faulty([fault.name], api_key=KEY))
    blamed = verdicts(run, "fail", "warn")
    assert set(fault.breaks) <= set(blamed), f"{fault.name}: blamed {blamed}"
    if fault.name not in SHOWS_EVERYWHERE:
        assert set(blamed) <= set(fault.breaks) | SHOWS_ALSO.get(fault.name, set()), f"{fault.name}: blamed {blamed}"
    musts = {it for it in fault.breaks if run.contract.requirements[it].level == "must"}
    # What only warns must not fail the run by way of another requirement.
    assert run.outcome == ("fails" if musts else "conforms"), f"{fault.name}: {verdicts(run, 'fail', 'not-tested')}"


@pytest.mark.parametrize("seed", range(20))
def test_the_reference_server_keeps_every_requirement(seed: int) -> None:
    run = judge_app(Service(api_key=KEY), seed=seed)
    assert verdicts(run, "fail", "warn") == {}
    assert run.outcome == "conforms"
    assert all(it.verdict == "pass" or it.requirement.level == "may" for it in run.judgements)
