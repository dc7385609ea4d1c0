"""Experiments on thousands of simulated servers: what is reported is true of the server, and what is true is found."""

# ruff: noqa: ARG001, ARG005 - the functions that make servers all have the same signature

import random
from collections.abc import Callable, Iterable, Iterator

import pytest
from image_variations_conformance.cases.probes import Probe
from image_variations_conformance.engine.experiment import Experiment
from image_variations_conformance.engine.steps import Result
from support.simulation import (
    Asked,
    Breaks,
    During,
    Everything,
    Needs,
    NowAndThen,
    RefusesProbes,
    RefusesSecondOnConnection,
    RefusesSomeTogether,
    RefusesTogether,
    Server,
    Simulated,
    simulate,
)

PLANS = [Simulated.of(seed, rows=rows) for seed in range(8) for rows in (0, 150)]
FOREVER = float("inf")
RUNS = 150
"""How many servers of each kind are simulated."""
AT_A_TIME = 8
"""How many packs are sent before the outcome of the first counts."""
MOST_NARROWING = 60
MOST_NARROWING_IMAGES = 20
MOST_REQUESTS = 600
Make = Callable[[random.Random, Simulated], Server]


# --- servers


def accepting(rng: random.Random, plan: Simulated) -> Server:
    return Server()


def refusing_probes(rng: random.Random, plan: Simulated) -> Server:
    return Server([RefusesProbes(frozenset(rng.sample(plan.probes, rng.randint(1, 3))))])


def unavailable_for_probes(rng: random.Random, plan: Simulated) -> Server:
    return Server([RefusesProbes(frozenset(rng.sample(plan.probes, rng.randint(1, 2))), "unavailable")])


def declining_open_probes(rng: random.Random, plan: Simulated) -> Server:
    opened = [probe for probe in plan.probes if probe.open]
    return Server([RefusesProbes(frozenset(rng.sample(opened, rng.randint(1, 6))), "declined")])


def refusing_many(rng: random.Random, plan: Simulated) -> Server:
    return Server([RefusesProbes(frozenset(rng.sample(plan.probes, rng.randint(4, 60))))])


def _pairs(rng: random.Random, plan: Simulated, count: int) -> tuple[frozenset[Probe], ...]:
    """Return pairs of probes that fit, each pair from one pack as often as not."""
    made: list[frozenset[Probe]] = []
    while len(made) < count:
        crowd = rng.choice([plan.probes, *(pack for pack in plan.packs if len(pack) > 1)])
        one, other = rng.sample(crowd, 2)
        if one.fits(other) and not any({one, other} & pair for pair in made):
            made.append(frozenset({one, other}))
    return tuple(made)


def refusing_pairs(rng: random.Random, plan: Simulated) -> Server:
    return Server([RefusesTogether(_pairs(rng, plan, rng.randint(1, 3)))])


def refusing_triples(rng: random.Random, plan: Simulated) -> Server:
    pack = rng.choice([pack for pack in plan.packs if len(pack) > 3])
    return Server([RefusesTogether((frozenset(rng.sample(pack, 3)),))])


def refusing_probes_and_pairs(rng: random.Random, plan: Simulated) -> Server:
    pairs = _pairs(rng, plan, rng.randint(1, 2))
    others = [probe for probe in plan.probes if not any(probe in pair for pair in pairs)]
    return Server([RefusesProbes(frozenset(rng.sample(others, rng.randint(1, 2)))), RefusesTogether(pairs)])


def needing_a_base(rng: random.Random, plan: Simulated) -> Server:
    return Server([Needs(rng.choice(["model", "size", "response_format", "n", "user", "rgba"]))])


def flaky(probability: float) -> Make:
    return lambda rng, plan: Server([NowAndThen(rng, probability)])


def often_unavailable(probability: float) -> Make:
    return lambda rng, plan: Server([NowAndThen(rng, probability, "unavailable")])


def flaky_for_one_probe(rng: random.Random, plan: Simulated) -> Server:
    return Server([NowAndThen(rng, rng.choice([0.3, 0.5, 0.8]), "refused", rng.choice(plan.probes))])


def limited_for_a_while(rng: random.Random, plan: Simulated) -> Server:
    return Server([During(rng.randint(0, 150), rng.randint(1, 12))])


def limited_for_good(rng: random.Random, plan: Simulated) -> Server:
    return Server([During(rng.randint(0, 100), FOREVER)])


def lost_for_good(rng: random.Random, plan: Simulated) -> Server:
    first = rng.randint(5, 120)
    return Server([Breaks(lambda asked, number: number >= first, FOREVER)])


def lost_for_a_while(rng: random.Random, plan: Simulated) -> Server:
    first = rng.randint(0, 120)
    return Server([Breaks(lambda asked, number: number == first, rng.choice([0.1, 1.0, 2.0]), each_time=False)])


def broken_by_a_row(rng: random.Random, plan: Simulated) -> Server:
    row = rng.randint(0, 160)
    wrong = frozenset({row} if rng.random() < 0.5 else ())
    return Server([Breaks(lambda asked, _: asked.row == row, rng.choice([0.1, 1.0, FOREVER]))], wrong_rows=wrong)


def poisoned(rng: random.Random, plan: Simulated) -> Server:
    behaviours = [RefusesProbes(frozenset(rng.sample(plan.probes, rng.randint(1, 3))))]
    return Server(behaviours, poisoned=True, wrong_once=frozenset(rng.sample(range(160), 2)))


def refusing_some_together(rng: random.Random, plan: Simulated) -> Server:
    return Server([RefusesSomeTogether(rng, rng.randint(1, 7))])


def refusing_the_second_on_a_connection(rng: random.Random, plan: Simulated) -> Server:
    return Server([RefusesSecondOnConnection()])


def refusing_everything(rng: random.Random, plan: Simulated) -> Server:
    return Server([Everything(rng.choice(["refused", "unavailable", "limited"]))])


def changing_its_mind(rng: random.Random, plan: Simulated) -> Server:
    return Server([Needs(rng.choice(["size", "response_format"]), rng.randint(20, 200))])


STABLE: tuple[Make, ...] = (
    accepting,
    refusing_probes,
    unavailable_for_probes,
    declining_open_probes,
    refusing_many,
    refusing_pairs,
    refusing_triples,
    refusing_probes_and_pairs,
    needing_a_base,
    refusing_some_together,
    refusing_the_second_on_a_connection,
    refusing_everything,
)
BY_STATE: tuple[Make, ...] = (
    limited_for_a_while,
    limited_for_good,
    lost_for_good,
    lost_for_a_while,
    broken_by_a_row,
    poisoned,
    changing_its_mind,
)
BY_CHANCE: dict[str, Make] = {
    "flaky 0.02": flaky(0.02),
    "flaky 0.05": flaky(0.05),
    "flaky 0.1": flaky(0.1),
    "flaky 0.2": flaky(0.2),
    "unavailable 0.05": often_unavailable(0.05),
    "unavailable 0.2": often_unavailable(0.2),
}


def mixed(rng: random.Random, plan: Simulated) -> Server:
    """Return a server that is wrong in two or three ways, one of them perhaps by chance."""
    kinds = rng.sample([*STABLE, *BY_STATE, rng.choice([*BY_CHANCE.values(), flaky_for_one_probe])], rng.randint(2, 3))
    made = [make(rng, plan) for make in kinds]
    return Server(
        [behaviour for server in made for behaviour in server.behaviours],
        poisoned=any(server.poisoned for server in made),
        wrong_rows=frozenset().union(*(server.wrong_rows for server in made)),
        wrong_once=frozenset().union(*(server.wrong_once for server in made)),
    )


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
    if experiment.lost is not None and not server.has(Breaks):
        yield "lost"
    if experiment.limited and not (server.has(During, Everything) or server.has(NowAndThen)):
        yield "limited"


def refused_alone(experiment: Experiment, server: Server, tried: Iterable[Probe]) -> set[str]:
    """Return the items of the probes that a server always refuses, with the cheap base and nothing else."""
    if experiment.cheap is None:
        return set()
    return {probe.item for probe in tried if server.always_refuses(Asked.of(experiment.cheap, [probe]), 0)}


def _is_true(result: Result, experiment: Experiment, server: Server) -> bool:
    if result.item == "stable":
        for_a_while = any(isinstance(it, Breaks) and it.seconds < FOREVER for it in server.behaviours)
        return server.poisoned or for_a_while or server.has(NowAndThen)
    if result.requirement == "IV-STATE-RECOVERS":
        return server.poisoned or any(isinstance(it, Breaks) and it.each_time for it in server.behaviours)
    if result.requirement == "IV-STATE-PARALLEL":
        return server.has(RefusesSomeTogether)
    if result.requirement == "IV-STATE-CONNECTION":
        return server.has(RefusesSecondOnConnection)
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
        return {"accepted", "refused"} == {outcome for _, outcome in steps}
    if any(outcome not in {"refused", "unavailable"} for _, outcome in steps) or result.twin is None:
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
    """Yield the items of planned probes on which an experiment says nothing."""
    if experiment.cheap is not None:
        yield from {probe.item for probe in plan.probes} - {result.item for result in experiment.results}


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
    assert {seed: found for seed in range(RUNS, 4000) if (found := wrong(make, seed))} == {}


@pytest.mark.slow
@pytest.mark.parametrize("name", BY_CHANCE)
def test_hardly_a_result_is_untrue_over_many_more_servers_that_refuse_by_chance(name: str) -> None:
    found = {seed: found for seed in range(RUNS, 4000) if (found := wrong(BY_CHANCE[name], seed))}
    assert len(found) <= 4, found


# --- what is true is found


@pytest.mark.parametrize("make", [accepting, refusing_probes, unavailable_for_probes, needing_a_base])
def test_every_refused_probe_is_contradicted_and_every_other_one_holds(make: Make) -> None:
    for seed in range(RUNS):
        experiment, server, plan = run(make, seed)
        refused = refused_alone(experiment, server, plan.probes)
        assert items(experiment, "contradicted") == refused, seed
        assert items(experiment, "holds") == {probe.item for probe in plan.probes} - refused, seed
        assert items(experiment, "blocked", "unstable") == set(), seed
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


def test_declined_open_probes_hold() -> None:
    for seed in range(RUNS):
        experiment, _, plan = run(declining_open_probes, seed)
        assert items(experiment, "holds") == {probe.item for probe in plan.probes}, seed
        assert items(experiment, "contradicted", "blocked", "unstable") == set(), seed


def test_a_server_that_refuses_the_request_after_a_refused_one_is_found() -> None:
    for seed in range(RUNS):
        experiment, server, plan = run(poisoned, seed)
        assert verdicts(experiment, "IV-STATE-RECOVERS") == {"contradicted"}, seed
        assert items(experiment, "contradicted") - {"stable"} == refused_alone(experiment, server, plan.probes), seed
        # The experiment does not see which of the requests that must be refused came before one of its own.
        assert plan.rows or items(experiment, "unstable") | {"stable"} & items(experiment, "contradicted") == set(), (
            seed
        )


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
