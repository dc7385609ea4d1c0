"""The servers that the suite is run on, and what it should report about each."""

from __future__ import annotations

import random
from collections.abc import Collection, Iterator
from typing import Literal

from attrs import evolve, frozen
from image_variations_conformance.cases.probes import NO_5XX
from image_variations_conformance.contract import document as contract
from image_variations_conformance.reference.app.service import Service
from image_variations_conformance.reference.variants import FAULTS, QUIRKS, faulty, quirky

from qualification.profiles import SERVERS, contract_of, expressed_by

Kind = Literal["fault", "pair", "quirk", "profile", "reference"]

KEY = "sk-qualify-0123456789abcdef"
SEED = 1
"""The seed of all runs except those on the reference server, each of which has its own."""

NARROWING = (
    "size-256-refused",
    "url-refused",
    "b64-json-refused",
    "n-over-four-refused",
    "model-refused",
    "chunked-refused",
)
"""Faults that narrow what can be asked of a server: with one of them, a suite may miss another fault."""
_SHARE_WITH_NARROWING = 0.75
_FAULTS_A_PROFILE = 5
_OF_OTHER_SIZES = frozenset({"kept-whatever-size", "images-of-the-same-input-shared"})
"""Faults that break nothing where a server has only one size."""
_PATIENCE_SECONDS = 20.0
# Short, because each request without a response takes this long, but longer than any response on a busy machine.
_PATIENCE_WITH_HANGS_SECONDS = 3.0


@frozen
class Subject:
    """A server to run the suite on. It has only names, no server, so that it can be sent to another process.

    The name of a pair is those of its two faults, with a plus sign between them.

    A server with a `profile` keeps the contract of that profile, and is judged by it; its fault is named before an @.
    `breaks` are the ids that must be reported, `also` those that may be reported too. With `everywhere`, any id may be
    reported. `patience` is the timeout of a request in seconds.
    """

    kind: Kind
    name: str
    family: str
    breaks: tuple[str, ...] = ()
    also: tuple[str, ...] = ()
    everywhere: bool = False
    patience: float = _PATIENCE_SECONDS
    seed: int = SEED
    profile: str = ""

    def service(self) -> Service:
        """Return a new server."""
        if self.kind in {"fault", "pair"}:
            names = self.name.partition("@")[0].split("+")
            return faulty(names, api_key=KEY, contract=contract_of(self.profile))
        if self.kind == "quirk":
            return quirky([self.name], api_key=KEY)
        return Service(api_key=KEY, contract=contract_of(self.profile))


def faults() -> list[Subject]:
    """Return a subject for each fault."""
    register = contract.load().requirements
    found = []
    for fault in FAULTS.values():
        # A crash is a failure even where what it is a response to is only a warning.
        breaks, also = set(fault.breaks), set(fault.also)
        if all(register[name].level != "must" for name in breaks):
            breaks |= also & {NO_5XX}
        found.append(
            Subject(
                kind="fault",
                name=fault.name,
                family=fault.family,
                breaks=tuple(sorted(breaks)),
                also=tuple(sorted(also - breaks)),
                everywhere=fault.everywhere,
                patience=_PATIENCE_WITH_HANGS_SECONDS if fault.hangs else _PATIENCE_SECONDS,
            )
        )
    return found


def pairs(number: int, seed: int) -> list[Subject]:
    """Return so many different pairs of faults, drawn by the seed. In most, one narrows what can be asked."""
    rng = random.Random(f"pairs/{seed}")  # noqa: S311 - not for security
    by_name = {fault.name: fault for fault in faults()}
    usual = [name for name, fault in by_name.items() if not fault.everywhere and fault.patience == _PATIENCE_SECONDS]
    narrowing = [name for name in NARROWING if name in by_name]
    drawn: dict[str, Subject] = {}
    while len(drawn) < number:
        one = rng.choice(narrowing if rng.random() < _SHARE_WITH_NARROWING else usual)
        other = rng.choice([name for name in usual if name != one])
        first, second = by_name[one], by_name[other]
        drawn[f"{one}+{other}"] = Subject(
            kind="pair",
            name=f"{one}+{other}",
            family="pairs",
            breaks=tuple(dict.fromkeys((*first.breaks, *second.breaks))),
            also=(*first.also, *second.also),
            seed=rng.randrange(1000),
        )
    return list(drawn.values())


def profiles() -> list[Subject]:
    """Return a subject for each server that differs as its profile declares, without a fault."""
    return [Subject("profile", name, "profiles", profile=name) for name in SERVERS]


def under_profiles() -> list[Subject]:
    """Return a few faults for each of these servers, always the same ones, which its profile does not express."""
    usual = [it for it in faults() if not it.everywhere and it.patience == _PATIENCE_SECONDS]
    found = []
    for server in SERVERS:
        expressed = expressed_by(server)
        usable = [it for it in usual if it.name not in NARROWING and expressed.isdisjoint((*it.breaks, *it.also))]
        unfit = _OF_OTHER_SIZES if len(SERVERS[server].get("sizes", ())) == 1 else frozenset()
        for fault in _drawn([it for it in usable if it.name not in unfit], server)[:_FAULTS_A_PROFILE]:
            name = f"{fault.name}@{server}"
            found.append(evolve(fault, name=name, family=f"under the profile {server}", profile=server))
    return found


def _drawn(subjects: Collection[Subject], server: str) -> list[Subject]:
    """Return subjects in an order of chance, in which a new one changes nothing for the others."""
    return sorted(subjects, key=lambda it: random.Random(f"profiles/{server}/{it.name}").random())  # noqa: S311 - no secret


def quirks() -> list[Subject]:
    """Return a subject for each quirk. `breaks` are the SHOULD requirements that the quirk violates."""
    return [Subject("quirk", quirk.name, quirk.family, breaks=quirk.warns) for quirk in QUIRKS.values()]


def references(seeds: int) -> list[Subject]:
    """Return `seeds` subjects that are the reference server, each with its own seed."""
    return [Subject("reference", f"seed-{seed}", "reference", seed=seed) for seed in range(seeds)]


def sample(subjects: Collection[Subject], a_family: int) -> list[Subject]:
    """Return at most `a_family` random subjects of each family, always the same ones, in the given order."""
    families: dict[str, list[Subject]] = {}
    for subject in subjects:
        families.setdefault(subject.family, []).append(subject)
    chosen = {subject.name for family, members in families.items() for subject in _draw(family, members, a_family)}
    return [subject for subject in subjects if subject.name in chosen]


def _draw(family: str, subjects: list[Subject], number: int) -> Iterator[Subject]:
    # Random, because neighbouring faults are often similar and caught by the same case.
    yield from random.Random(family).sample(subjects, min(number, len(subjects)))  # noqa: S311 - not for security
