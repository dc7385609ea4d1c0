"""The plan of a run: which cases are sent, and in which order.

The plain request and a small one come first, then invalid requests, which cost no images, then a request that shows
whether those had a lasting effect, then valid requests, many of them combined. Concurrent cases and cases on which the
contract is silent follow, and the plain request again ends the plan.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from typing import Literal, get_args

from attrs import evolve, frozen

from ..contract.document import Contract
from ..contract.expectation import Validity
from ..media import png
from ..wire.target import Target
from . import invalid, valid
from .case import Builder, Case
from .field_cases import invalid_field_cases, valid_field_cases
from .named_case import SMALL, NamedCase
from .schemathesis_cases import schema_cases
from .strategies import broken_pngs, draw, pngs, users, wrong_values

Depth = Literal["quick", "standard", "deep"]
DEPTHS: tuple[Depth, ...] = get_args(Depth)


@frozen
class DepthProfile:
    """How many random cases of each kind a depth has, and its limits. `from_schema` counts cases of Schemathesis."""

    broken_images: int
    wrong_values_per_field: int
    valid: int
    from_schema: dict[Validity, int]
    max_requests: int | None
    max_images: int | None
    max_fetches: int | None


DEPTH_PROFILES: dict[Depth, DepthProfile] = {
    "quick": DepthProfile(0, 0, 0, {}, 70, 15, 30),
    "standard": DepthProfile(6, 3, 1, {"invalid": 6, "unspecified": 1, "valid": 1}, 160, 60, 60),
    "deep": DepthProfile(30, 15, 12, {"invalid": 24, "unspecified": 4, "valid": 4}, None, None, None),
}
# Other cases show nearly the same.
_NOT_QUICK = frozenset(
    {
        "method-put",
        "method-patch",
        "method-delete",
        "key-basic",
        "image-webp",
        "image-bmp",
        "image-far-too-large",
        "n-huge",
    }
    | {"n-negative", "size-half", "model-empty", "form-empty"}
)


def plan(contract: Contract, target: Target, seed: int, depth: Depth = "standard") -> list[Case]:
    """Return the cases of a run. The same contract, target, seed and depth give the same bytes."""
    profile = DEPTH_PROFILES[depth]
    random_cases = list(_random_cases(contract, target, seed, profile))
    from_schema = schema_cases(contract, target, seed, profile.from_schema)
    quick = depth == "quick"

    def of(cases: list[Case], validity: Validity) -> Iterator[Case]:
        return (case for case in cases if case.expectation.validity == validity)

    def named(*table: NamedCase) -> Iterator[Case]:
        return _cases(table, contract, target, seed, _NOT_QUICK if quick else ())

    values = valid.QUICK_VALUES if quick else valid.VALUES
    combined = valid.COMBINED[:4] if quick else (*valid.COMBINED, *valid.COMBINED_OPTIONAL)
    combined = (*combined, *valid_field_cases(contract))
    parts = [part for case in combined for part in case.parts] if depth == "deep" else []
    return [
        *_in_phase("first", named(valid.PLAIN, valid.SMALL_ONE)),
        *_in_phase("invalid", [*named(*invalid.INVALID, *invalid_field_cases(contract)), *of(random_cases, "invalid")]),
        *_in_phase(
            "valid",
            [
                *named(valid.AFTER_ERRORS),
                *named(*combined, *values, *parts),
                *of([*random_cases, *from_schema], "valid"),
                *named(*(valid.QUICK_TOGETHER if quick else valid.TOGETHER)),
                *named(*(() if quick else invalid.UNSPECIFIED)),
                # These are unusual in other ways too, and may break the server.
                *of(from_schema, "invalid"),
                *of([*random_cases, *from_schema], "unspecified"),
                *named(*(() if quick else (valid.TEN,))),
            ],
        ),
        *_in_phase("last", named(*(() if quick else (valid.PLAIN_AFTER_TEN,)), valid.PLAIN_AT_THE_END)),
    ]


def select_cases(cases: Iterable[Case], ids: Collection[str]) -> list[Case]:
    """Return the cases that test any of these requirements.

    Requirements that no request tests by itself, such as the schema of the response, are tested by all valid requests.
    """
    cases = list(cases)
    tested = {test.requirement for case in cases for test in case.expectation.tests}
    if not tested.issuperset(ids):
        return cases
    return [case for case in cases if {test.requirement for test in case.expectation.tests} & set(ids)]


def _in_phase(name: str, cases: Iterable[Case]) -> Iterator[Case]:
    return (evolve(case, phase=name) for case in cases)


def _cases(
    table: Iterable[NamedCase], contract: Contract, target: Target, seed: int, left_out: Collection[str]
) -> Iterator[Case]:
    for named in table:
        # Without an API key, no request has a wrong one.
        if named.label not in left_out and (target.api_key is not None or not named.label.startswith("key-")):
            yield _case(named, contract, target, seed)


def _case(named: NamedCase, contract: Contract, target: Target, seed: int) -> Case:
    builder = Builder.of(contract, target, seed, named.label)
    parts = tuple(_case(part, contract, target, seed) for part in named.parts)
    case = builder.case(named.note, named.build(builder))
    return evolve(case, concurrent_with=named.concurrent_with, parts=parts)


def _random_cases(contract: Contract, target: Target, seed: int, profile: DepthProfile) -> Iterator[Case]:
    """Yield cases with random content, which differs by seed, under labels that do not."""
    for number, image in enumerate(draw(broken_pngs(), profile.broken_images, seed), start=1):
        b = Builder.of(contract, target, seed, f"random-broken-{number}")
        yield b.case("a PNG with random damage", b.form(b.image(image)))
    for name, schema in contract.fields.items():
        strategy = wrong_values(schema)
        if strategy is not None:
            for number, value in enumerate(draw(strategy, profile.wrong_values_per_field, seed), start=1):
                b = Builder.of(contract, target, seed, f"random-{name.replace('_', '-')}-{number}")
                yield b.case(f"{name}={value!r:.40}", b.form(**{name: value}))
    images = draw(pngs((png.PLAIN, png.Kind(png.RGBA))), profile.valid, seed)
    for number, (image, user) in enumerate(zip(images, draw(users(), profile.valid, seed), strict=False), start=1):
        b = Builder.of(contract, target, seed, f"random-valid-{number}")
        yield b.case("a random image and user", b.form(b.image(image), user=user, **SMALL), is_random=True)
