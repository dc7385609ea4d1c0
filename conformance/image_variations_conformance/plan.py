"""The plan of a run: which cases are sent, in which order.

The plain request and a small one come first, then what is to be refused and so costs nothing, then what shows whether
that left a trace, then what is to be accepted, with as few images as will show it, then what is sent all at once, then
what servers are known to die of, and last the plain request once more.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from . import corners, png
from .appraisal import Verdict, appraise
from .cases import Builder, Case
from .contract import Contract
from .corners import SMALL, Corner
from .schema_cases import schema_cases
from .strategies import broken_pngs, draw, pngs, users, wrong_values
from .transport import Target

_BROKEN_IMAGES = 6
_WRONG_VALUES_OF_A_FIELD = 3
_VALID = 4
_FROM_SCHEMA: dict[Verdict, int] = {"invalid": 6, "open": 2, "valid": 2}


def plan(contract: Contract, target: Target, seed: int) -> list[Case]:
    """Return the cases of a run. The same contract, target and seed give the same bytes."""
    drawn = [
        *_drawn(contract, target, seed),
        *schema_cases(contract, target, seed, _FROM_SCHEMA),
    ]
    verdicts = {case.label: appraise(case.request, contract, target.api_key).verdict for case in drawn}
    return [
        *_cases([corners.PLAIN, corners.SMALL_ONE, *corners.REFUSED], target, seed),
        *(case for case in drawn if verdicts[case.label] == "invalid"),
        *_cases([*corners.IN_TURN, *corners.ACCEPTED], target, seed),
        *(case for case in drawn if verdicts[case.label] == "valid"),
        *_cases([*corners.TOGETHER, *corners.ODD], target, seed),
        *(case for case in drawn if verdicts[case.label] == "open"),
        *_cases([corners.PLAIN_AT_THE_END], target, seed),
    ]


def _cases(table: Iterable[Corner], target: Target, seed: int) -> Iterator[Case]:
    for corner in table:
        # Without a key of the target's, no request tells a right one from a wrong one.
        if target.api_key is not None or not corner.label.startswith("key-"):
            request = corner.build(Builder.of(target, seed, corner.label))
            yield Case(corner.label, corner.note, request, corner.batch)


def _drawn(contract: Contract, target: Target, seed: int) -> Iterator[Case]:
    """Yield cases that Hypothesis draws: other ones for each seed, under ids that stay."""
    for number, image in enumerate(draw(broken_pngs(), _BROKEN_IMAGES, seed), start=1):
        b = Builder.of(target, seed, f"drawn-broken-{number}")
        yield Case(f"drawn-broken-{number}", "a PNG broken at random", b.form(b.image(image)))
    for name, schema in contract.fields.items():
        strategy = wrong_values(schema)
        if strategy is not None:
            for number, value in enumerate(draw(strategy, _WRONG_VALUES_OF_A_FIELD, seed), start=1):
                label = f"drawn-{name.replace('_', '-')}-{number}"
                yield Case(label, f"{name}={value!r:.40}", Builder.of(target, seed, label).form(**{name: value}))
    images = draw(pngs((png.PLAIN, png.Kind(png.RGBA))), _VALID, seed)
    for number, (image, user) in enumerate(zip(images, draw(users(), _VALID, seed), strict=False), start=1):
        b = Builder.of(target, seed, f"drawn-valid-{number}")
        yield Case(f"drawn-valid-{number}", "image and user at random", b.form(b.image(image), user=user, **SMALL))
