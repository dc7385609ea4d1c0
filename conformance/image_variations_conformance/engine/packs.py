"""Packs: probes of one level that are sent in one request."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence

from attrs import frozen

from ..cases.preparations import ROWS
from ..cases.probes import ALONE, WHOLE, Probe

PACK_SIZE = 7
_TOGETHER = 8
_ON_ONE_CONNECTION = len(ROWS)
_BLANK = "png=wholly-transparent"
"""A blank input may have blank images, so that the same image for two inputs on one connection does not show."""


def packs(probes: Sequence[Probe], seed: int, size: int = PACK_SIZE) -> list[tuple[Probe, ...]]:
    """Return probes of one level in packs of compatible ones. The seed decides which travel together.

    Packs with the first probes of requirements come first, so that a run that ends early has seen some of each.
    """
    order = list(probes)
    random.Random(f"{seed}/packs").shuffle(order)  # noqa: S311 - test data
    turns: Counter[str] = Counter()
    ranks = {}
    for probe in order:
        turns[probe.requirement] += 1
        ranks[probe] = 0 if probe.first else turns[probe.requirement]
    # The probes that fit the fewest others are placed first, which needs the fewest packs.
    crowds = Counter(axis for probe in order for axis in probe.axes)
    order.sort(key=lambda probe: (not probe.first, -max(crowds[axis] for axis in probe.axes)))
    made: list[list[Probe]] = []
    for probe in order:
        fitting = (pack for pack in made if len(pack) < size and all(probe.fits(other) for other in pack))
        pack = next(fitting, None)
        if pack is None:
            made.append([probe])
        else:
            pack.append(probe)
    made.sort(key=lambda pack: min(ranks[probe] for probe in pack))
    return [tuple(pack) for pack in made]


def images(pack: Sequence[Probe]) -> int:
    """Return how many images a request with these probes costs if it is accepted."""
    return max((probe.images for probe in pack), default=1)


@frozen
class Arranged:
    """Packs that MUST be accepted, by the way in which they are sent; in this order, but for those of many images.

    `between` are those that show, between requests that must be refused, that the server still works.
    """

    alone: Sequence[tuple[Probe, ...]]
    together: Sequence[tuple[Probe, ...]]
    on_one_connection: Sequence[tuple[Probe, ...]]
    between: Sequence[tuple[Probe, ...]]

    @classmethod
    def of(cls, must: Sequence[tuple[Probe, ...]], between: int) -> Arranged:
        """Arrange packs, of which `between` packs are kept for the requests that must be refused."""
        cheap = [pack for pack in must if images(pack) == 1]
        sociable = [pack for pack in must if not any({ALONE, WHOLE} & probe.axes for probe in pack)]
        fitting = [pack for pack in sociable if pack in cheap]
        last = [pack for pack in cheap if pack not in fitting][:between]
        telling = [pack for pack in fitting if all(probe.item != _BLANK for probe in pack)]
        late = telling[len(last) - _ON_ONE_CONNECTION - between :]
        first = [pack for pack in must if pack not in (*late, *last)]
        # A server may confuse the numbers of images that are requested at the same time, too.
        two = [pack for pack in sociable if images(pack) == 2][:1]
        others = [pack for pack in fitting if pack not in late][: _TOGETHER - len(two)]
        together = [*others, *two] if len(first) >= _TOGETHER else []
        alone = sorted((pack for pack in first if pack not in together), key=images)
        return cls(alone, together, late[:_ON_ONE_CONNECTION], [*late[_ON_ONE_CONNECTION:], *last])
