"""Experiments on thousands of simulated servers: what is reported is true of the server, and what is true is found."""

import random
from collections.abc import Iterable, Iterator

import pytest
from image_variations_conformance.cases.probes import Probe
from image_variations_conformance.engine.experiment import Experiment
from image_variations_conformance.engine.steps import ASKING, Result
from image_variations_conformance.engine.steps import STABLE as SAME_REQUEST
from support.simulated_servers import (
    BY_CHANCE,
    BY_STATE,
    FOREVER,
    STABLE,
    Make,
    accepting,
    changing_its_mind,
    declining_open_probes,
    flaky,
    flaky_for_one_probe,
    ignoring_what_is_requested,
    limited_for_a_while,
    limited_for_good,
    lost_for_good,
    making_other_images,
    mixed,
    needing_a_base,
    poisoned,
    refusing_everything,
    refusing_one_on_a_connection,
    refusing_pairs,
    refusing_probes,
    refusing_probes_and_pairs,
    refusing_some_together,
    refusing_the_second_on_a_connection,
    refusing_the_second_on_a_connection_and_what_is_planned_there,
    refusing_with_another_probe_what_it_ignores,
    unavailable_for_a_moment,
    unavailable_for_good,
    unavailable_for_probes,
)
from support.simulation import (
    Asked,
    Breaks,
    During,
    Everything,
    Needs,
    NowAndThen,
    RefusesOneOnConnection,
    RefusesProbes,
    RefusesSecondOnConnection,
    RefusesSomeTogether,
    RefusesTogether,
    Server,
    Simulated,
    simulate,
)

PLANS = [Simulated.of(seed, rows=rows) for seed in range(8) for rows in (0, 150)]
RUNS = 150
MANY_RUNS = 600
"""How many servers of each kind are simulated, and how many by the slow tests."""
AT_A_TIME = 8
"""How many packs are sent before the outcome of the first counts."""
MOST_NARROWING = 90
MOST_NARROWING_IMAGES = 20
MOST_REQUESTS = 700
MOST_IMAGES = 10
"""How many images one request costs at most."""


IN_COMPANY = {"IV-STATE-PARALLEL", "IV-STATE-CONNECTION"}
_LIKE_ALONE = {"accepted", "wrong", "declined"}


# --- what is true of a server


def untrue(experiment: Experiment, server: Server) -> Iterator[str]:
    """Yield what an experiment says of a server that is not true, or not shown by the steps that it names."""
    refused = refused_alone(experiment, server, {probe for step, _ in experiment.sent for probe in step.probes})
    for result in experiment.results:
        if result.state == "contradicted":
            if not _is_true(result, experiment, server):
                yield f"{result.requirement} {result.item}: not true"
            if not _is_shown(result, experiment):
                yield f"{result.requirement} {result.item}: not shown by {result.steps}, {result.twin}"
        elif result.state == "holds" and result.item in refused:
            yield f"{result.requirement} {result.item}: does not hold"
        elif result.state == "holds" and result.requirement in IN_COMPANY:
            outcomes = [experiment.sent[at][1] for at in result.steps]
            if {"limited", "not-sent"} & set(outcomes) or sum(outcome in _LIKE_ALONE for outcome in outcomes) < 2:
                yield f"{result.requirement}: not shown by {outcomes}"
    if experiment.lost is not None and not server.has(Breaks):
        yield "lost"
    if experiment.limited and not (server.has(During, Everything) or server.has(NowAndThen)):
        yield "limited"


def refused_alone(experiment: Experiment, server: Server, tried: Iterable[Probe]) -> set[str]:
    """Return the items of the probes that a server always refuses, with the cheap base and nothing else.

    Or for which it makes other images than those requested, where that is not what the probe is about.
    """
    if experiment.cheap is None:
        return set()
    wrong_as_such = {
        probe
        for behaviour in server.behaviours
        if isinstance(behaviour, RefusesProbes) and behaviour.outcome == "wrong"
        for probe in behaviour.refused
        if probe.axes & ASKING
    }
    asked = {probe: Asked.of(experiment.cheap, [probe]) for probe in tried}
    return {probe.item for probe in asked if server.always_refuses(asked[probe], 0) and probe not in wrong_as_such}


def _is_true(result: Result, experiment: Experiment, server: Server) -> bool:
    if result.item == "stable":
        for_a_while = any(isinstance(it, Breaks) and it.seconds < FOREVER for it in server.behaviours)
        return server.poisoned or for_a_while or server.has(NowAndThen)
    if result.requirement == "IV-STATE-RECOVERS":
        return server.poisoned or any(isinstance(it, Breaks) and it.each_time for it in server.behaviours)
    if result.requirement == "IV-STATE-PARALLEL":
        return server.has(RefusesSomeTogether)
    if result.requirement == "IV-STATE-CONNECTION":
        return server.has(RefusesSecondOnConnection) or server.has(RefusesOneOnConnection)
    if result.requirement == "IV-STATE-INDEPENDENT":
        return any(isinstance(it, Needs) and it.since for it in server.behaviours)
    assert experiment.cheap is not None
    at = len(server.asked)
    tried = experiment.sent[result.steps[0]][0].probes
    if len(tried) == 1 and any(isinstance(it, NowAndThen) and it.only in tried for it in server.behaviours):
        # The server refuses it often enough to be blamed, and the sample is too small to see more.
        return True
    parts = [[probe for probe in tried if probe is not left_out] for left_out in tried]
    return server.always_refuses(Asked.of(experiment.cheap, tried), at) and not any(
        server.always_refuses(Asked.of(experiment.cheap, part), at) for part in parts
    )


def _is_shown(result: Result, experiment: Experiment) -> bool:
    """Return whether the steps were refused, and the twin accepted, and what differs is named by the result."""
    steps = [experiment.sent[at] for at in result.steps]
    if result.item == "stable":
        return {"accepted", "refused"} == {"accepted" if outcome == "wrong" else outcome for _, outcome in steps}
    if any(outcome not in {"refused", "unavailable", "wrong"} for _, outcome in steps) or result.twin is None:
        return False
    twin, outcome = experiment.sent[result.twin]
    if result.requirement.startswith("IV-STATE-"):
        return outcome == "accepted"
    names = {" and ".join(sorted(probe.item for probe in step.probes)) for step, _ in steps}
    bases = {str(step.base) for step, _ in steps} | {str(twin.base)}
    return names == {result.item} and len(bases) == 1 and not twin.probes and outcome == "accepted"


def over_budget(experiment: Experiment, server: Server) -> Iterator[str]:
    """Yield what a run has spent beyond its allowances."""
    narrowing = [(step, outcome) for step, outcome in experiment.sent if step.narrowing]
    images = sum(step.images for step, outcome in narrowing if outcome == "accepted")
    if len(narrowing) > MOST_NARROWING or images > MOST_NARROWING_IMAGES:
        yield f"{len(narrowing)} requests and {images} images for narrowing"
    if len(server.asked) > MOST_REQUESTS:
        yield f"{len(server.asked)} requests"


def without_result(experiment: Experiment, plan: Simulated) -> Iterator[str]:
    """Yield the items of planned probes, and the requirements on company, on which an experiment says nothing."""
    if experiment.cheap is not None:
        yield from {probe.item for probe in plan.probes} - {result.item for result in experiment.results}
        yield from IN_COMPANY - {result.requirement for result in experiment.results}


def run(make: Make, seed: int) -> tuple[Experiment, Server, Simulated]:
    """Return the experiment of a session with a random server, the server and the plan."""
    rng = random.Random(seed)
    plan = rng.choice(PLANS)
    server = make(rng, plan)
    return simulate(server, plan), server, plan


def wrong(make: Make, seed: int) -> list[str]:
    """Return what is wrong with the experiment on a random server."""
    experiment, server, plan = run(make, seed)
    return [*untrue(experiment, server), *over_budget(experiment, server), *without_result(experiment, plan)]


def items(experiment: Experiment, *states: str) -> set[str]:
    """Return the items of probes that have a result of these states."""
    return {
        result.item for result in experiment.results if result.state in states and "STATE" not in result.requirement
    }


def verdicts(experiment: Experiment, requirement: str) -> set[str]:
    """Return the states of the results on a requirement."""
    return {result.state for result in experiment.results if result.requirement == requirement}


# --- what is reported is true


@pytest.mark.parametrize("make", [*STABLE, *BY_STATE])
def test_no_result_is_untrue_and_no_allowance_is_exceeded(make: Make) -> None:
    assert {seed: found for seed in range(RUNS) if (found := wrong(make, seed))} == {}


@pytest.mark.parametrize("name", BY_CHANCE)
def test_no_result_is_untrue_of_a_server_that_refuses_requests_by_chance(name: str) -> None:
    """By chance it may be, at most once in a thousand runs."""
    assert {seed: found for seed in range(RUNS) if (found := wrong(BY_CHANCE[name], seed))} == {}


def test_hardly_a_result_is_untrue_of_a_server_that_refuses_one_probe_by_chance() -> None:
    """A probe that is refused three times of four looks like one that is refused together with another."""
    found = {seed: found for seed in range(2 * RUNS) if (found := wrong(flaky_for_one_probe, seed))}
    assert len(found) <= 0.01 * 2 * RUNS, found


def test_hardly_a_result_is_untrue_of_a_server_that_is_wrong_in_several_ways() -> None:
    """Chance that adds up with a state can look like a server that is lost."""
    found = {seed: found for seed in range(3 * RUNS) if (found := wrong(mixed, seed))}
    assert len(found) <= 0.005 * 3 * RUNS, found


@pytest.mark.slow
@pytest.mark.parametrize("make", [*STABLE, *BY_STATE])
def test_no_result_is_untrue_over_many_more_servers(make: Make) -> None:
    assert {seed: found for seed in range(RUNS, MANY_RUNS) if (found := wrong(make, seed))} == {}


@pytest.mark.slow
@pytest.mark.parametrize("name", BY_CHANCE)
def test_hardly_a_result_is_untrue_over_many_more_servers_that_refuse_by_chance(name: str) -> None:
    found = {seed: found for seed in range(RUNS, MANY_RUNS) if (found := wrong(BY_CHANCE[name], seed))}
    assert len(found) <= 3, found


# --- what is true is found


@pytest.mark.parametrize(
    "make",
    [
        accepting,
        refusing_probes,
        unavailable_for_probes,
        ignoring_what_is_requested,
        refusing_with_another_probe_what_it_ignores,
        needing_a_base,
    ],
)
def test_every_refused_probe_is_contradicted_and_every_other_one_holds(make: Make) -> None:
    """A request that is answered with wrong images costs as many as a right one, and may use up the allowance."""
    for seed in range(RUNS):
        experiment, server, plan = run(make, seed)
        refused = refused_alone(experiment, server, plan.probes)
        blocked = items(experiment, "blocked", "unstable")
        sent_with_refused = {it.item for pack in plan.packs if refused & {it.item for it in pack} for it in pack}
        assert items(experiment, "contradicted") == refused - blocked, seed
        assert items(experiment, "holds") == {probe.item for probe in plan.probes} - refused, seed
        assert blocked <= (sent_with_refused if experiment.narrowing_images == 0 else set()), seed
        assert verdicts(experiment, "IV-STATE-PARALLEL") == {"holds"}
        assert verdicts(experiment, "IV-STATE-CONNECTION") == {"holds"}


@pytest.mark.parametrize("make", [refusing_pairs, refusing_probes_and_pairs])
def test_every_refused_pair_that_met_in_a_pack_is_contradicted(make: Make) -> None:
    """A pair with a probe of many images may cost more than the allowance. It is blocked then, with what is left."""
    for seed in range(RUNS):
        experiment, server, plan = run(make, seed)
        pairs = {
            " and ".join(sorted(probe.item for probe in pair)): pack
            for behaviour in server.behaviours
            if isinstance(behaviour, RefusesTogether)
            for pair in behaviour.sets
            for pack in plan.packs
            if pair <= set(pack)
        }
        refused = refused_alone(experiment, server, plan.probes)
        missing = (refused | pairs.keys()) - items(experiment, "contradicted")
        dear = any(probe.images > 1 for pack in pairs.values() for probe in pack)
        assert not missing or (dear and items(experiment, "blocked")), (seed, missing)
        assert items(experiment, "contradicted") <= refused | pairs.keys(), seed
        assert items(experiment, "unstable") == set(), seed
        assert dear or items(experiment, "holds") == {probe.item for probe in plan.probes} - refused, seed


def test_probes_hold_whose_own_images_are_other_ones_than_requested() -> None:
    """The oracles report the images. What tells whether other probes are the reason may exceed the allowance."""
    for seed in range(RUNS):
        experiment, _, plan = run(making_other_images, seed)
        assert items(experiment, "contradicted", "unstable") == set(), seed
        blocked = items(experiment, "blocked")
        assert items(experiment, "holds") == {probe.item for probe in plan.probes} - blocked, seed
        assert not blocked or experiment.narrowing_images < MOST_IMAGES, seed


def test_a_count_that_was_answered_with_another_one_holds_where_no_image_is_left_to_request_it_alone() -> None:
    plan = PLANS[0]
    counts = [probe for probe in plan.probes if probe.images > 4]
    server = Server([RefusesProbes(frozenset(counts), "wrong")])
    # Each pack without its count costs one image.
    experiment = simulate(server, plan, Experiment(narrowing_images=len(counts)))
    assert {probe.item for probe in counts} <= items(experiment, "holds")
    assert experiment.narrowing_images == 0


def test_declined_open_probes_hold() -> None:
    for seed in range(RUNS):
        experiment, _, plan = run(declining_open_probes, seed)
        assert items(experiment, "holds") == {probe.item for probe in plan.probes}, seed
        assert items(experiment, "contradicted", "blocked", "unstable") == set(), seed


def test_a_server_that_refuses_the_request_after_a_refused_one_is_found() -> None:
    missed = []
    for seed in range(RUNS):
        experiment, server, plan = run(poisoned, seed)
        if verdicts(experiment, "IV-STATE-RECOVERS") != {"contradicted"}:
            missed.append(seed)
        missing = refused_alone(experiment, server, plan.probes) - items(experiment, "contradicted")
        assert all(item.startswith("n=") for item in missing), (seed, missing)
        # The experiment does not see which of the requests that must be refused came before one of its own.
        assert plan.rows or items(experiment, "unstable") | {"stable"} & items(experiment, "contradicted") == set(), (
            seed
        )
    # Where one open probe alone is refused, each request after it may be one that must be refused anyway.
    assert len(missed) <= RUNS // 75, missed


def test_a_server_that_refuses_four_of_eight_requests_at_the_same_time_is_found() -> None:
    """Fewer may be refused by chance, which is unstable, or be none of those that were sent."""
    for seed in range(RUNS):
        experiment, server, _ = run(refusing_some_together, seed)
        refused = next(it.count for it in server.behaviours if isinstance(it, RefusesSomeTogether))
        found = verdicts(experiment, "IV-STATE-PARALLEL")
        assert "contradicted" in found if refused >= 4 else "unstable" in found, seed


def test_a_server_that_refuses_the_second_request_on_a_connection_is_found() -> None:
    for seed in range(RUNS):
        experiment, _, _ = run(refusing_the_second_on_a_connection, seed)
        assert verdicts(experiment, "IV-STATE-CONNECTION") == {"contradicted"}, seed
        assert verdicts(experiment, "IV-STATE-PARALLEL") == {"holds"}, seed


def test_a_server_that_refuses_the_request_at_one_place_on_a_connection_is_found() -> None:
    """The others on the connection show that it is that place, and not that company does not matter."""
    for seed in range(RUNS):
        experiment, _, _ = run(refusing_one_on_a_connection, seed)
        assert verdicts(experiment, "IV-STATE-CONNECTION") == {"contradicted"}, seed


def test_a_server_that_refuses_the_second_request_on_a_connection_is_found_where_others_are_refused_anyway() -> None:
    for seed in range(RUNS):
        experiment, _, _ = run(refusing_the_second_on_a_connection_and_what_is_planned_there, seed)
        assert verdicts(experiment, "IV-STATE-CONNECTION") == {"contradicted"}, seed


def test_a_server_that_refuses_the_first_request_at_the_end_is_found() -> None:
    for seed in range(RUNS):
        experiment, _, _ = run(changing_its_mind, seed)
        at_the_end = [outcome for step, outcome in experiment.sent if step.label.startswith("plain-at-the-end")]
        refused = at_the_end == ["refused"] * 3
        assert refused or at_the_end == ["accepted"], seed
        assert verdicts(experiment, "IV-STATE-INDEPENDENT") == ({"contradicted"} if refused else set()), seed


def test_all_that_is_left_is_blocked_once_the_rate_is_limited_for_good() -> None:
    for seed in range(RUNS):
        experiment, server, plan = run(limited_for_good, seed)
        assert items(experiment, "contradicted", "unstable") == set(), seed
        assert experiment.limited or "limited" not in {outcome for _, outcome in server.asked}, seed
        left = {probe.item for probe in plan.probes} - items(experiment, "holds")
        assert experiment.cheap is None or left <= items(experiment, "blocked"), seed
        limited = sum(outcome == "limited" for asked, outcome in server.asked if asked.row is None)
        assert limited <= AT_A_TIME + 1, seed


def test_nothing_is_contradicted_by_a_limit_for_a_while() -> None:
    for seed in range(RUNS):
        experiment, _, _ = run(limited_for_a_while, seed)
        assert items(experiment, "contradicted", "unstable") == set(), seed


def test_a_server_that_answers_503_for_good_is_overloaded_and_not_lost() -> None:
    for seed in range(RUNS):
        experiment, _, plan = run(unavailable_for_good, seed)
        assert experiment.lost is None, seed
        assert items(experiment, "contradicted", "unstable") == set(), seed
        assert {probe.item for probe in plan.probes} - items(experiment, "holds") <= items(experiment, "blocked"), seed


def test_a_server_that_answers_503_once_is_overloaded_for_a_moment_and_all_is_seen() -> None:
    for seed in range(RUNS):
        experiment, _, plan = run(unavailable_for_a_moment, seed)
        assert items(experiment, "contradicted", "unstable") == set(), seed
        assert {probe.item for probe in plan.probes} <= items(experiment, "holds"), seed
        assert verdicts(experiment, "IV-STATE-RECOVERS") == set(), seed
        assert experiment.base == run(accepting, seed)[0].base, seed


def test_a_request_that_is_refused_once_and_accepted_at_other_times_is_a_contradiction() -> None:
    found = 0
    for seed in range(RUNS):
        experiment, _, _ = run(flaky(0.05), seed)
        refused = {result.steps for result in experiment.results if result.item == SAME_REQUEST}
        for accepted, *others in refused:
            assert experiment.sent[accepted][1] == "accepted"
            assert {experiment.sent[at][1] for at in others} == {"refused"}
        found += bool(refused)
    assert found > RUNS / 2


def test_a_server_that_is_lost_for_good_is_found_and_what_is_left_is_blocked() -> None:
    for seed in range(RUNS):
        experiment, server, plan = run(lost_for_good, seed)
        assert (experiment.lost is not None) == (server.asked[-1][1] != "accepted"), seed
        assert items(experiment, "contradicted", "unstable") == set(), seed
        left = {probe.item for probe in plan.probes} - items(experiment, "holds")
        assert left <= items(experiment, "blocked"), seed


def test_nothing_is_said_of_probes_where_everything_is_refused() -> None:
    for seed in range(20):
        experiment, _, _ = run(refusing_everything, seed)
        assert experiment.base is None
        assert experiment.results == []
