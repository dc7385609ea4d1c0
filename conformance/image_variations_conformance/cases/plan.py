"""The plan of a run: which cases are sent, in which order, and what they may cost.

The plain request and a small one come first, then what is to be refused and so costs nothing, then what shows whether
that left a trace, then what is to be accepted, much of it packed into few requests, the dearest last. Then come the
cases that are sent all at once, what servers are known to die of, and last the plain request once more.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from typing import Literal, get_args

from attrs import evolve, frozen

from ..contract.document import Contract
from ..contract.expectation import Verdict, appraise
from ..media import png
from ..wire.target import Target
from . import catalogue as corners
from .case import Builder, Case
from .catalogue import SMALL, Corner
from .field_cases import accepted_fields, refused_fields
from .schemathesis_cases import schema_cases
from .strategies import broken_pngs, draw, pngs, users, wrong_values

Depth = Literal["quick", "standard", "deep"]
DEPTHS: tuple[Depth, ...] = get_args(Depth)


@frozen
class Shape:
    """How much of everything a depth has. `from_schema` says how many cases of each verdict Schemathesis supplies."""

    broken_images: int
    wrong_values_of_a_field: int
    valid: int
    from_schema: dict[Verdict, int]
    max_requests: int | None
    max_images: int | None
    max_fetches: int | None


SHAPES: dict[Depth, Shape] = {
    "quick": Shape(0, 0, 0, {}, 70, 15, 30),
    "standard": Shape(6, 3, 1, {"invalid": 6, "open": 1, "valid": 1}, 160, 50, 60),
    "deep": Shape(30, 15, 12, {"invalid": 24, "open": 4, "valid": 4}, None, None, None),
}
# What a quick run does without: other methods and formats than the first, and what others show as well.
_NOT_QUICK = frozenset(
    {"method-put", "method-delete", "key-basic", "image-webp", "image-bmp", "image-far-too-large", "n-huge"}
    | {"n-negative", "size-half", "model-empty", "form-empty"}
)


def plan(contract: Contract, target: Target, seed: int, depth: Depth = "standard") -> list[Case]:
    """Return the cases of a run. The same contract, target, seed and depth give the same bytes."""
    shape = SHAPES[depth]
    drawn = list(_drawn(contract, target, seed, shape))
    from_schema = schema_cases(contract, target, seed, shape.from_schema)
    verdicts = {case.label: appraise(case.request, contract, target.api_key).verdict for case in (*drawn, *from_schema)}

    def of(cases: list[Case], *wanted: Verdict) -> Iterator[Case]:
        return (case for case in cases if verdicts[case.label] in wanted)

    def named(*table: Corner) -> Iterator[Case]:
        return _cases(table, target, seed, _NOT_QUICK if depth == "quick" else ())

    quick = depth == "quick"
    values = corners.QUICK_VALUES if quick else corners.VALUES
    packed = corners.PACKED[:4] if quick else (*corners.PACKED, *corners.PACKED_OPTIONAL)
    packed = (*packed, *accepted_fields(contract))
    apart = [corner for packed_one in packed for corner in packed_one.apart] if depth == "deep" else []
    cases = [
        *_group("first", named(corners.PLAIN, corners.SMALL_ONE)),
        *_group("refused", [*named(*corners.REFUSED, *refused_fields(contract)), *of(drawn, "invalid")]),
        *_group(
            "accepted",
            [
                *named(corners.AFTER_ERRORS),
                *named(*packed, *values, *apart),
                *of([*drawn, *from_schema], "valid"),
                *named(*(corners.QUICK_TOGETHER if quick else corners.TOGETHER)),
                *named(*(() if quick else corners.ODD)),
                # What is wrong in these is odd besides, and servers die of that, whatever else is wrong.
                *of(from_schema, "invalid"),
                *of([*drawn, *from_schema], "open"),
                *named(*(() if quick else (corners.TEN,))),
            ],
        ),
        *_group("last", named(*(() if quick else (corners.PLAIN_AFTER_TEN,)), corners.PLAIN_AT_THE_END)),
    ]
    return [_priced(case, contract, target) for case in cases]


def serving(cases: Iterable[Case], ids: Collection[str], contract: Contract, target: Target) -> list[Case]:
    """Return the cases that put any of the requirements to the test.

    What only the answer can show, such as the form of the list, all valid requests show.
    """
    kept = []
    by_the_answer = set(ids)
    cases = list(cases)
    for case in cases:
        by_the_answer -= {test.requirement for test in appraise(case.request, contract, target.api_key).tests}
    for case in cases:
        appraisal = appraise(case.request, contract, target.api_key)
        wanted = {test.requirement for test in appraisal.tests} & set(ids)
        if wanted or by_the_answer:
            kept.append(case)
    return kept


def _group(name: str, cases: Iterable[Case]) -> Iterator[Case]:
    return (evolve(case, group=name) for case in cases)


def _priced(case: Case, contract: Contract, target: Target) -> Case:
    """Return a case with its price and what it offends, and those apart from it with theirs.

    What is to be refused costs nothing. What the contract is silent on may be taken, and costs an image.
    """
    appraisal = appraise(case.request, contract, target.api_key)
    apart = tuple(_priced(each, contract, target) for each in case.apart)
    offends = frozenset(offence.requirement for offence in appraisal.offences)
    return evolve(case, price=appraisal.price, offends=offends, apart=apart)


def _cases(table: Iterable[Corner], target: Target, seed: int, left_out: Collection[str]) -> Iterator[Case]:
    for corner in table:
        # Without a key of the target's, no request tells a right one from a wrong one.
        if corner.label not in left_out and (target.api_key is not None or not corner.label.startswith("key-")):
            yield _case(corner, target, seed)


def _case(corner: Corner, target: Target, seed: int) -> Case:
    request = corner.build(Builder.of(target, seed, corner.label))
    apart = tuple(_case(each, target, seed) for each in corner.apart)
    return Case(corner.label, corner.note, request, corner.batch, apart=apart)


def _drawn(contract: Contract, target: Target, seed: int, shape: Shape) -> Iterator[Case]:
    """Yield cases that Hypothesis draws: other ones for each seed, under ids that stay."""
    for number, image in enumerate(draw(broken_pngs(), shape.broken_images, seed), start=1):
        b = Builder.of(target, seed, f"drawn-broken-{number}")
        yield Case(f"drawn-broken-{number}", "a PNG broken at random", b.form(b.image(image)))
    for name, schema in contract.fields.items():
        strategy = wrong_values(schema)
        if strategy is not None:
            for number, value in enumerate(draw(strategy, shape.wrong_values_of_a_field, seed), start=1):
                label = f"drawn-{name.replace('_', '-')}-{number}"
                yield Case(label, f"{name}={value!r:.40}", Builder.of(target, seed, label).form(**{name: value}))
    images = draw(pngs((png.PLAIN, png.Kind(png.RGBA))), shape.valid, seed)
    for number, (image, user) in enumerate(zip(images, draw(users(), shape.valid, seed), strict=False), start=1):
        b = Builder.of(target, seed, f"drawn-valid-{number}")
        request = b.form(b.image(image), user=user, **SMALL)
        yield Case(f"drawn-valid-{number}", "image and user at random", request, drawn=True)
