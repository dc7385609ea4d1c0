"""Pictures for tests: broken files, and what can be said about pictures."""

from hypothesis import strategies as st
from image_variations_conformance.cases.png_strategies import pngs
from image_variations_conformance.media import png
from image_variations_conformance.media.pictures import Picture
from PIL import Image


def broken_pngs() -> st.SearchStrategy[bytes]:
    """Return a strategy for broken PNGs: truncated, without a critical chunk, or with a byte of one changed."""
    whole = pngs((png.PLAIN,))
    return st.one_of(
        st.builds(_cut, whole, st.floats(0, 1, exclude_max=True)),
        st.builds(png.without_chunk, whole, st.sampled_from([b"IHDR", b"IDAT"])),
        st.builds(_changed, whole, st.sampled_from([b"IHDR", b"IDAT"]), st.integers(1, 255)),
    )


def _cut(content: bytes, part: float) -> bytes:
    # More than IEND is cut off, because good decoders tolerate a file without IEND.
    return content[: int(part * (len(content) - 12))]


def _changed(content: bytes, name: bytes, difference: int) -> bytes:
    at = content.index(name) + len(name)
    return content[:at] + bytes([content[at] ^ difference]) + content[at + 1 :]


def translucent(picture: Image.Image) -> Image.Image:
    """Return the picture in RGBA, from transparent at the top to opaque at the bottom."""
    faded = picture.convert("RGBA")
    faded.putalpha(Image.linear_gradient("L").resize(picture.size))
    return faded


def distance(one: Picture, other: Picture) -> float:
    """Return the mean difference between the samples of two thumbnails, turned and mirrored to be the least."""
    return one.distances([other])[0]
