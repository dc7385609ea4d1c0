"""Kinds of simulated servers, each made at random."""

# ruff: noqa: ARG001, ARG005 - the functions that make servers all have the same signature

import random
from collections.abc import Callable

from image_variations_conformance.cases.probes import Probe
from image_variations_conformance.engine.steps import ASKING

from .simulation import (
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
)

FOREVER = float("inf")
Make = Callable[[random.Random, Simulated], Server]
"""Makes a server that is wrong in a way of its kind about some of what is planned."""


def accepting(rng: random.Random, plan: Simulated) -> Server:
    return Server()


def refusing_probes(rng: random.Random, plan: Simulated) -> Server:
    return Server([RefusesProbes(frozenset(rng.sample(plan.probes, rng.randint(1, 3))))])


def unavailable_for_probes(rng: random.Random, plan: Simulated) -> Server:
    return Server([RefusesProbes(frozenset(rng.sample(plan.probes, rng.randint(1, 2))), "unavailable")])


def ignoring_what_is_requested(rng: random.Random, plan: Simulated) -> Server:
    others = [probe for probe in plan.probes if not probe.open and not probe.axes & ASKING]
    return Server([RefusesProbes(frozenset(rng.sample(others, rng.randint(1, 3))), "wrong")])


def making_other_images(rng: random.Random, plan: Simulated) -> Server:
    asking = [probe for probe in plan.probes if probe.axes & ASKING]
    return Server([RefusesProbes(frozenset(rng.sample(asking, rng.randint(1, 3))), "wrong")])


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


def refusing_with_another_probe_what_it_ignores(rng: random.Random, plan: Simulated) -> Server:
    ignorable = {probe for probe in plan.probes if not probe.open and not probe.axes & ASKING}
    pack = rng.choice([pack for pack in plan.packs if len(pack) > 1 and ignorable & set(pack)])
    ignored = rng.choice([probe for probe in pack if probe in ignorable])
    other = rng.choice([probe for probe in pack if probe is not ignored])
    return Server([RefusesTogether((frozenset({ignored, other}),)), RefusesProbes(frozenset({ignored}), "wrong")])


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


def unavailable_for_good(rng: random.Random, plan: Simulated) -> Server:
    return Server([During(rng.randint(5, 100), FOREVER, "unavailable")])


def unavailable_for_a_moment(rng: random.Random, plan: Simulated) -> Server:
    return Server([During(rng.choice([0, rng.randint(1, 100)]), 1, "unavailable")])


def lost_for_good(rng: random.Random, plan: Simulated) -> Server:
    first = rng.randint(5, 120)
    return Server([Breaks(lambda asked, number: number >= first, FOREVER)])


def limited_and_then_lost_for_good(rng: random.Random, plan: Simulated) -> Server:
    first = rng.randint(5, 120)
    limit = During(rng.randint(0, first), rng.randint(1, 6))
    return Server([limit, Breaks(lambda asked, number: number >= first, FOREVER)])


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


def refusing_one_on_a_connection(rng: random.Random, plan: Simulated) -> Server:
    return Server([RefusesOneOnConnection(rng.choice([2, 3]))])


def refusing_the_second_on_a_connection_and_what_is_planned_there(rng: random.Random, plan: Simulated) -> Server:
    refused = frozenset(rng.choice(pack) for pack in plan.arranged.on_one_connection)
    return Server([RefusesSecondOnConnection(), RefusesProbes(refused)])


def refusing_everything(rng: random.Random, plan: Simulated) -> Server:
    return Server([Everything(rng.choice(["refused", "unavailable", "limited"]))])


def changing_its_mind(rng: random.Random, plan: Simulated) -> Server:
    return Server([Needs(rng.choice(["size", "response_format"]), rng.randint(20, 200))])


STABLE: tuple[Make, ...] = (
    accepting,
    refusing_probes,
    unavailable_for_probes,
    ignoring_what_is_requested,
    making_other_images,
    declining_open_probes,
    refusing_many,
    refusing_pairs,
    refusing_triples,
    refusing_probes_and_pairs,
    refusing_with_another_probe_what_it_ignores,
    needing_a_base,
    refusing_some_together,
    refusing_the_second_on_a_connection,
    refusing_one_on_a_connection,
    refusing_the_second_on_a_connection_and_what_is_planned_there,
    refusing_everything,
)
BY_STATE: tuple[Make, ...] = (
    limited_for_a_while,
    limited_for_good,
    lost_for_good,
    limited_and_then_lost_for_good,
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
