"""Hypothesis strategies for intact PNG files, and for texts that are valid or almost valid field values."""

from __future__ import annotations

import random
import unittest
from contextlib import suppress
from typing import TypeVar

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from hypothesis.internal.conjecture.providers import AVAILABLE_PROVIDERS, HypothesisProvider

from ..contract.fields import Schema, enum_values, is_bounded, kind_of, validity_of
from ..media import png
from ..media.pictures import paint

T = TypeVar("T")

KINDS = (
    *(png.Kind(png.GREY, depth) for depth in (1, 2, 4, 8, 16)),
    *(png.Kind(png.PALETTE, depth) for depth in (1, 2, 4, 8)),
    *(png.Kind(colour, depth) for colour in (png.RGB, png.GREY_ALPHA, png.RGBA) for depth in (8, 16)),
)
ANCILLARY = (
    (b"gAMA", (45455).to_bytes(4, "big")),
    (b"tEXt", b"Comment\0drawn by a conformance suite"),
    (b"pHYs", b"\0\0\x0b\x13\0\0\x0b\x13\x01"),
    (b"vrPd", b"a private chunk that nobody knows"),
)


def pngs(kinds: tuple[png.Kind, ...] = KINDS, max_side: int = 96) -> st.SearchStrategy[bytes]:
    """Return a strategy for intact square PNGs of these kinds, with 1 to `max_side` pixels a side.

    Some are interlaced, and some have ancillary chunks.
    """

    def build(kind: png.Kind, side: int, picture: int, interlaced: bool, extra: list[tuple[bytes, bytes]]) -> bytes:
        painted = paint(random.Random(picture), side)  # noqa: S311 - test data
        return png.encode(painted, png.Kind(kind.colour, kind.depth, interlaced), tuple(extra))

    return st.builds(
        build,
        st.sampled_from(kinds),
        st.integers(1, max_side),
        st.integers(0, 2**32),
        st.booleans(),
        st.lists(st.sampled_from(ANCILLARY), unique=True, max_size=2),
    )


def wrong_values(schema: Schema) -> st.SearchStrategy[str] | None:
    """Return a strategy for invalid texts of a field, many of them almost valid; None if no text is invalid."""
    if not is_bounded(schema):
        return None
    near: st.SearchStrategy[str]
    match kind_of(schema):
        case "integer" | "number":
            low, high = schema.get("minimum", 0), schema.get("maximum", 10)
            beyond = st.one_of(st.integers(max_value=int(low) - 1), st.integers(min_value=int(high) + 1)).map(str)
            inside = st.integers(int(low), int(high)).map(str)
            noise = st.sampled_from(["a", ".5", ",0", "%", " 1", "\u0661", "_0", "e1", "\0"])
            near = st.one_of(
                beyond, st.builds("{}{}".format, inside, noise), st.builds("0x{}".format, inside), st.just("")
            )
        case "enum":
            members = st.sampled_from(enum_values(schema))
            noise = st.sampled_from(["x", "0", ",", "\0", ";", "\u00d7"])
            near = st.one_of(
                st.builds("{}{}".format, members, noise),
                st.builds("{}{}".format, noise, members),
                members.map(lambda member: member[:-1]),
                st.text(max_size=20),
            ).filter(lambda text: validity_of(schema, text.strip()) == "invalid")
        case _:
            # Arbitrary texts, and texts whose length is around the bounds.
            lengths = [schema[keyword] for keyword in ("minLength", "maxLength") if keyword in schema]
            longest = max(lengths, default=10) + 10
            near = st.one_of(st.text(max_size=20), st.integers(0, longest).map("a".__mul__))
    return near.filter(lambda text: validity_of(schema, text) in {"invalid", "out_of_range", "lenient"})


def users() -> st.SearchStrategy[str]:
    """Return a strategy for texts of up to 100 characters in any script, most with characters special in forms."""
    special = st.sampled_from(["", "", '"', "\r\n", "--", "\r\n--", "%22", "\\", "\0", "\u2028", "=", ";", "\t"])
    return st.builds("{}{}{}".format, st.text(max_size=48), special, st.text(max_size=48))


class _Reproducible(HypothesisProvider):
    """A provider of Hypothesis that does not mix in constants from the source code of the loaded modules.

    With them, a seed would give other examples in a checkout than in an installation, and others again if the server
    under test runs in the same process.
    """

    def _maybe_draw_constant(self, *_: object, **__: object) -> None:
        return None


class _Enough(unittest.SkipTest):
    """Ends the drawing of examples. Hypothesis passes SkipTest on at once, without shrinking or reporting it."""


_BACKEND = "image-variations"
AVAILABLE_PROVIDERS[_BACKEND] = _Reproducible


def draw(strategy: st.SearchStrategy[T], number: int, seed_value: int) -> list[T]:
    """Return up to `number` different examples, none of them empty. The same seed gives the same examples."""
    found: list[T] = []
    if not number:
        return found

    @seed(seed_value)
    @settings(
        backend=_BACKEND,
        # With nearly every strategy, these are enough even without duplicates and empty examples.
        max_examples=2 * number + 20,
        database=None,
        phases=[Phase.generate],
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(strategy)
    def collect(example: T) -> None:
        if example and example not in found:
            found.append(example)
        if len(found) == number:
            raise _Enough("there are enough examples")

    with suppress(_Enough):
        collect()
    return found
