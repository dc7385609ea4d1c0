"""The servers that the suite is tried on, and what it is expected to report of each."""

from __future__ import annotations

import random
from collections.abc import Collection, Iterator
from typing import Literal

from attrs import frozen
from image_variations_conformance.reference.app.service import Service
from image_variations_conformance.reference.faults.catalogue import FAULTS, faulty
from image_variations_conformance.reference.quirks.catalogue import QUIRKS, quirky

Kind = Literal["fault", "quirk", "reference"]

KEY = "sk-qualify-0123456789abcdef"
SEED = 1
"""The seed of all runs but those on the reference server, which has one each."""

_PATIENCE_SECONDS = 20.0
# A server that never answers is waited for each time. It must be longer than any answer takes on a busy machine.
_PATIENCE_WITH_HANGS_SECONDS = 3.0


@frozen
class Subject:
    """A server to try the suite on. It holds no server, only names, so that it can go to another process.

    `breaks` are the ids that must be reported, `also` those that may be besides, `everywhere` whether any may.
    `patience` is in seconds, for one request and its answer.
    """

    kind: Kind
    name: str
    family: str
    breaks: tuple[str, ...] = ()
    also: tuple[str, ...] = ()
    everywhere: bool = False
    patience: float = _PATIENCE_SECONDS
    seed: int = SEED

    def service(self) -> Service:
        """Return the server, new."""
        if self.kind == "fault":
            return faulty([self.name], api_key=KEY)
        if self.kind == "quirk":
            return quirky([self.name], api_key=KEY)
        return Service(api_key=KEY)


def faults() -> list[Subject]:
    """Return every fault."""
    return [
        Subject(
            kind="fault",
            name=fault.name,
            family=fault.family,
            breaks=fault.breaks,
            also=fault.also,
            everywhere=fault.everywhere,
            patience=_PATIENCE_WITH_HANGS_SECONDS if fault.hangs else _PATIENCE_SECONDS,
        )
        for fault in FAULTS.values()
    ]


def quirks() -> list[Subject]:
    """Return every quirk. What it breaks are the SHOULDs that it is known to depart from."""
    return [Subject("quirk", quirk.name, quirk.family, breaks=quirk.warns) for quirk in QUIRKS.values()]


def references(seeds: int) -> list[Subject]:
    """Return the reference server, to be asked with that many seeds."""
    return [Subject("reference", f"seed-{seed}", "reference", seed=seed) for seed in range(seeds)]


def sample(subjects: Collection[Subject], a_family: int) -> list[Subject]:
    """Return at most so many subjects of each family: always the same ones, and from all over it."""
    families: dict[str, list[Subject]] = {}
    for subject in subjects:
        families.setdefault(subject.family, []).append(subject)
    chosen = {subject.name for family, them in families.items() for subject in _drawn(family, them, a_family)}
    return [subject for subject in subjects if subject.name in chosen]


def _drawn(family: str, subjects: list[Subject], number: int) -> Iterator[Subject]:
    # Not the first ones: of a fault and its neighbours, one is often caught by what catches the others.
    yield from random.Random(family).sample(subjects, min(number, len(subjects)))  # noqa: S311 - only a choice
