"""Every fault is caught under the ids that it names, and a server without a fault is blamed for nothing."""

import pytest
from image_variations_conformance.reference import FAULTS, Fault, Service, faulty
from judged import KEY, judge_app, verdicts


@pytest.mark.parametrize("fault", FAULTS.values(), ids=lambda fault: fault.name)
def test_a_fault_is_reported_under_the_requirements_it_breaks(fault: Fault) -> None:
    run = judge_app(faulty([fault.name], api_key=KEY))
    blamed = verdicts(run, "fail", "warn")
    assert set(fault.breaks) <= set(blamed), f"{fault.name}: blamed {blamed}"
    musts = {it for it in fault.breaks if run.contract.requirements[it].level == "must"}
    assert run.outcome == "fails" or not musts
    # What only warns must not fail the run by way of another requirement.
    assert musts or run.outcome == "conforms", f"{fault.name}: {verdicts(run, 'fail', 'not-tested')}"


@pytest.mark.parametrize("seed", range(20))
def test_the_reference_server_keeps_every_requirement(seed: int) -> None:
    run = judge_app(Service(api_key=KEY), seed=seed)
    assert verdicts(run, "fail", "warn") == {}
    assert run.outcome == "conforms"
    assert all(it.verdict == "pass" or it.requirement.level == "may" for it in run.judgements)
