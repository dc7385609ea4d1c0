"""Each fault is described, has an effect that a client can observe, and can be combined with the others."""

import random
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml
from image_variations_conformance.reference.app.service import Service
from image_variations_conformance.reference.faults.no_response import Crash
from image_variations_conformance.reference.registry import Change, FaultFamily, QuirkFamily
from image_variations_conformance.reference.variants import FAULTS, QUIRKS, UnknownVariantError, combined, faulty
from reference.prober import Prober
from reference.probes import PARALLEL_PROBE, PROBES, accepted, probes_for

REGISTER = yaml.safe_load((Path(__file__).parents[3] / "spec" / "requirements.yaml").read_text())
LEVELS = {entry["id"]: entry["level"] for entry in REGISTER["requirements"]}
PLANNED = {entry["id"]: entry["level"] for entry in REGISTER.get("planned") or ()}
FAMILIES = {
    *("schema", "status", "content-type", "semantics", "validation", "errors"),
    *("protocol", "authentication", "state", "concurrency", "liveness"),
}
ALONE = [name for name, fault in FAULTS.items() if fault.family != "concurrency"]
IN_PARALLEL = [name for name in FAULTS if name not in ALONE]


# --- the catalogue


@pytest.mark.parametrize("requirement", [name for name, level in LEVELS.items() if level != "may"])
def test_every_must_and_should_is_broken_by_a_fault(requirement: str) -> None:
    assert any(requirement in fault.breaks for fault in FAULTS.values())


@pytest.mark.parametrize("fault", FAULTS.values(), ids=lambda fault: fault.name)
def test_fault_has_a_valid_name_family_summary_and_list_of_broken_requirements(fault: Any) -> None:
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+){1,5}", fault.name)
    assert fault.family in FAMILIES
    assert fault.breaks
    assert all({**LEVELS, **PLANNED}[requirement] in {"must", "should"} for requirement in (*fault.breaks, *fault.also))
    assert set(fault.breaks).isdisjoint(fault.also)
    assert re.fullmatch(r"[A-Z].*\.", fault.summary)


def test_iv_err_no_5xx_is_broken_only_where_the_contract_says_nothing_else() -> None:
    assert all(fault.breaks == ("IV-ERR-NO-5XX",) for fault in FAULTS.values() if "IV-ERR-NO-5XX" in fault.breaks)


def test_every_family_has_faults() -> None:
    assert {fault.family for fault in FAULTS.values()} == FAMILIES


def test_no_two_faults_have_the_same_summary() -> None:
    assert [text for text, count in Counter(fault.summary for fault in FAULTS.values()).items() if count > 1] == []


def test_a_second_fault_or_quirk_of_the_same_name_is_refused() -> None:
    with pytest.raises(ValueError, match="two faults are named n-capped"):
        FaultFamily("semantics")("n-capped", "", Change(Service))
    with pytest.raises(ValueError, match="two quirks are named gzip"):
        QuirkFamily("wire")("gzip", "", "", Change(Service))


def test_unknown_fault_name_raises_an_error_that_suggests_a_similar_name() -> None:
    with pytest.raises(UnknownVariantError, match="n-capped"):
        faulty(["n-caped"])


def test_options_are_passed_to_the_faulty_server() -> None:
    server = faulty(["link-once", "n-capped"], api_key="other", latency=1.0, seed=3)
    assert (server.api_key, server.latency, server.seed) == ("other", 1.0, 3)


# --- combinations


def test_no_two_faults_or_quirks_use_the_same_attribute_of_the_server() -> None:
    """Otherwise the state of one would be that of the other."""
    own = set(vars(Service())) | set(dir(Service))
    uses: Counter[str] = Counter()
    for name in (*FAULTS, *QUIRKS):
        service = combined([name])
        mangled = {each for kind in service.__mro__ for each in vars(kind) if re.match(r"_[A-Za-z]\w*__\w", each)}
        uses.update((set(vars(service())) | mangled) - own)
    assert [attribute for attribute, count in uses.items() if count > 1] == []


def test_any_two_faults_or_quirks_can_be_combined_in_one_class() -> None:
    names = [*FAULTS, *QUIRKS]
    for first, second in zip(names, names[1:] + names[:1], strict=True):
        assert issubclass(combined([first, second]), Service)


# --- the effects of faults on responses


@pytest.mark.slow
@pytest.mark.parametrize("name", ALONE)
def test_fault_changes_the_result_of_a_probe(prober: Prober, name: str) -> None:
    assert prober.shown(name) is not None, f"no request of PROBES shows the fault {name}: add one that does"


@pytest.mark.slow
@pytest.mark.parametrize("number", range(len(PROBES)))
def test_probe_of_a_server_without_faults_gives_the_same_result_again(prober: Prober, number: int) -> None:
    """If results depended on chance, a changed result would not prove that a fault has an effect."""
    probe = PROBES[number]
    prober.switch.escaped.clear()
    assert prober.results([], probe) == prober.correct(probe)
    assert prober.switch.escaped == []


@pytest.mark.slow
@pytest.mark.parametrize("name", IN_PARALLEL)
def test_concurrency_fault_changes_the_results_of_parallel_requests_only(prober: Prober, name: str) -> None:
    for probe in probes_for(["IV-OUT-RESEMBLES"])[:3]:
        assert prober.results([name], probe) == prober.correct(probe)
    correct = prober.correct(PARALLEL_PROBE)
    assert any(prober.results([name], PARALLEL_PROBE) != correct for _ in range(5))


PAIRS = [random.Random(f"pair {number}").sample(ALONE, 2) for number in range(10)]


@pytest.mark.slow
@pytest.mark.parametrize("names", PAIRS, ids="+".join)
def test_of_two_faults_in_one_server_both_are_in_effect(prober: Prober, names: list[str]) -> None:
    """A probe that shows one fault shows it in the same way, unless the other fault changes its result too."""
    prober.switch.escaped.clear()
    for name, other in (names, reversed(names)):
        probe = prober.shown(name)
        assert probe is not None
        alone, results, again = (prober.results(each, probe) for each in ([name], names, [name]))
        assert results != prober.correct(probe)
        # Some faults send random values or the time. Others accept or refuse what the other may then answer wrongly.
        if alone == again and prober.results([other], probe) == prober.correct(probe):
            before, now = accepted(prober.correct(probe)), accepted(alone)
            if before == now:
                assert results == alone
            elif sum(now) < sum(before):
                assert accepted(results) == now
    # ValueError and the like would be a mistake in a fault.
    assert [error for error in prober.switch.escaped if type(error).__module__ != Crash.__module__] == []
