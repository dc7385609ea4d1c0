"""Hypothesis strategies for intact PNG files."""

from __future__ import annotations

import random

from hypothesis import strategies as st

from ..media import png
from ..media.pictures import paint

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
