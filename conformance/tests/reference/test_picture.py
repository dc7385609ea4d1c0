import contextlib
import io
import random
import struct
import warnings
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from image_variations_conformance.contract.document import load
from image_variations_conformance.reference.app.api_error import ApiError
from image_variations_conformance.reference.app.picture import SIGNATURE, read_picture
from image_variations_conformance.reference.app.variations import png
from PIL import Image

NOISE = Image.effect_noise((16, 16), 80)
PNG = png(NOISE.convert("RGB"))


def read(file: bytes) -> Image.Image:
    """Return the picture in a file, by the rules of the contract."""
    return read_picture(file, load().image_rules)


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def header(width: int, height: int, depth: int = 8, colour: int = 0, interlace: int = 0) -> bytes:
    return chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlace))


def raw_png(depth: int, colour: int, *, interlace: int = 0, side: int = 1, before: bytes = b"") -> bytes:
    """Return a PNG of noise with any bit depth and colour type. `before` goes before the pixel data.

    If `interlace` is 1, `side` must be 1.
    """
    samples = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[colour]
    row = (side * samples * depth + 7) // 8
    rows = b"".join(b"\0" + random.Random(depth).randbytes(row) for _ in range(side))
    data = chunk(b"IDAT", zlib.compress(rows))
    palette = chunk(b"PLTE", bytes(range(3)) * 2**depth) if colour == 3 else b""
    return SIGNATURE + header(side, side, depth, colour, interlace) + palette + before + data + chunk(b"IEND", b"")


KINDS = [
    *((depth, 0) for depth in (1, 2, 4, 8, 16)),
    *((depth, 3) for depth in (1, 2, 4, 8)),
    *((depth, colour) for depth in (8, 16) for colour in (2, 4, 6)),
]


@pytest.mark.parametrize(("depth", "colour"), KINDS)
@pytest.mark.parametrize("side", [1, 7])
def test_png_of_every_bit_depth_and_colour_type_is_accepted(depth: int, colour: int, side: int) -> None:
    picture = read(raw_png(depth, colour, side=side))
    assert (picture.mode, picture.size) == ("RGB", (side, side))


@pytest.mark.parametrize(("depth", "colour"), KINDS)
def test_interlaced_png_is_accepted(depth: int, colour: int) -> None:
    assert read(raw_png(depth, colour, interlace=1)).size == (1, 1)


@pytest.mark.parametrize(
    ("colour", "transparency"), [(0, b"\0\1"), (2, b"\0\1\0\2\0\3"), (3, b"\0\x80\xff"), (3, b"\0"), (3, b"\xff")]
)
def test_png_with_transparency_is_accepted(colour: int, transparency: bytes) -> None:
    assert read(raw_png(8, colour, side=5, before=chunk(b"tRNS", transparency))).mode == "RGB"


def test_sixteen_bit_grey_is_scaled_to_eight_bits_and_not_clipped() -> None:
    rows = zlib.compress(b"\0" + struct.pack(">HH", 0, 0x8000) + b"\0" + struct.pack(">HH", 0x1000, 0xFFFF))
    file = SIGNATURE + header(2, 2, 16) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")
    picture = read(file)
    assert [picture.getpixel((x, y)) for y in (0, 1) for x in (0, 1)] == [(v, v, v) for v in (0, 128, 16, 255)]


def test_first_frame_of_an_animated_png_is_used() -> None:
    file = io.BytesIO()
    first, second = (Image.new("RGB", (4, 4), colour) for colour in ("red", "blue"))
    first.save(file, "PNG", save_all=True, append_images=[second])
    assert b"acTL" in file.getvalue()
    assert read(file.getvalue()).getpixel((0, 0)) == (255, 0, 0)


@pytest.mark.parametrize("trailing", [b"\0", b"trailing bytes", PNG])
def test_bytes_after_the_end_chunk_are_ignored(trailing: bytes) -> None:
    assert read(PNG + trailing).tobytes() == read(PNG).tobytes()


@pytest.mark.parametrize("kind", [b"zTXt", b"iCCP", b"iTXt", b"tEXt", b"acTL", b"pHYs", b"gAMA", b"eXIf"])
@pytest.mark.parametrize("data", [b"", b"x", b"k\0\0" + zlib.compress(bytes(1 << 26)), b"k\0\1\0\0\0" + b"\xff" * 9])
def test_ancillary_chunk_is_ignored_even_if_it_is_malformed_or_a_decompression_bomb(kind: bytes, data: bytes) -> None:
    with warnings.catch_warnings(record=True) as caught:
        assert read(raw_png(8, 2, side=4, before=chunk(kind, data))).size == (4, 4)
    assert caught == []


@pytest.mark.parametrize("file_format", ["JPEG", "GIF", "WEBP", "BMP", "TIFF", "ICO"])
def test_other_image_formats_are_refused(file_format: str) -> None:
    file = io.BytesIO()
    NOISE.convert("RGB").save(file, file_format)
    with pytest.raises(ApiError, match="must be a PNG"):
        read(file.getvalue())


def test_png_truncated_at_any_byte_is_refused() -> None:
    for end in range(len(PNG)):
        with pytest.raises(ApiError) as caught:
            read(PNG[:end])
        assert (caught.value.status, caught.value.param) == (400, "image")


@given(place=st.integers(0, len(PNG) - 1), bit=st.integers(0, 7))
@settings(max_examples=300, deadline=None, database=None)
def test_png_with_any_single_bit_flipped_is_refused(place: int, bit: int) -> None:
    corrupted = bytearray(PNG)
    corrupted[place] ^= 1 << bit
    with pytest.raises(ApiError):
        read(bytes(corrupted))


@pytest.mark.parametrize(("width", "height"), [(2, 1), (1, 2), (64, 63), (63, 64), (30000, 1)])
def test_image_that_is_not_square_is_refused_with_its_dimensions_in_the_message(width: int, height: int) -> None:
    with pytest.raises(ApiError, match=f"{width}x{height}"):
        read(png(Image.new("L", (width, height))))


@pytest.mark.parametrize("side", [0, 4097, 30000, 2**31 - 1, 2**32 - 1])
def test_dimensions_out_of_bounds_are_refused_before_the_pixels_are_decoded(side: int) -> None:
    """The pixel data is empty, so that decoding it would give a different message."""
    file = SIGNATURE + header(side, side, 1) + chunk(b"IDAT", b"") + chunk(b"IEND", b"")
    with pytest.raises(ApiError, match="pixels, not"):
        read(file)


@pytest.mark.parametrize(
    "chunks",
    [
        [],
        [chunk(b"IEND", b"")],
        [header(4, 4), chunk(b"IEND", b"")],
        [chunk(b"IDAT", zlib.compress(bytes(20))), header(4, 4), chunk(b"IEND", b"")],
        [header(4, 4), header(30000, 30000), chunk(b"IDAT", zlib.compress(bytes(20))), chunk(b"IEND", b"")],
        [chunk(b"IHDR", b""), chunk(b"IDAT", zlib.compress(bytes(20))), chunk(b"IEND", b"")],
        [chunk(b"IHDR", bytes(13)), chunk(b"IDAT", zlib.compress(bytes(20))), chunk(b"IEND", b"")],
        [header(4, 4), chunk(b"ABCD", b""), chunk(b"IDAT", zlib.compress(bytes(20))), chunk(b"IEND", b"")],
        [header(4, 4), chunk(b"IDAT", zlib.compress(bytes(19))), chunk(b"IEND", b"")],
        [header(4, 4), chunk(b"IDAT", b"not deflated"), chunk(b"IEND", b"")],
        [header(4, 4), chunk(b"IDAT", zlib.compress(bytes(20))[:-6]), chunk(b"IEND", b"")],
        [header(4, 4), chunk(b"IDAT", zlib.compress(b"\x09" * 20)), chunk(b"IEND", b"")],
        [header(4, 4, depth=3), chunk(b"IDAT", zlib.compress(bytes(20))), chunk(b"IEND", b"")],
        [header(4, 4, colour=5), chunk(b"IDAT", zlib.compress(bytes(20))), chunk(b"IEND", b"")],
    ],
)
def test_malformed_png_with_correct_checksums_is_refused(chunks: list[bytes]) -> None:
    with pytest.raises(ApiError):
        read(SIGNATURE + b"".join(chunks))


@given(
    depth=st.sampled_from([0, 1, 2, 3, 4, 8, 16, 255]),
    colour=st.integers(0, 7),
    interlace=st.integers(0, 2),
    side=st.integers(1, 9),
    other_chunks=st.lists(st.tuples(st.sampled_from([b"PLTE", b"tRNS", b"IDAT"]), st.binary(max_size=20)), max_size=3),
    pixels=st.binary(max_size=400),
)
@settings(max_examples=400, deadline=None, database=None)
def test_any_png_with_correct_checksums_gives_a_picture_or_an_api_error(
    depth: int, colour: int, interlace: int, side: int, other_chunks: list[tuple[bytes, bytes]], pixels: bytes
) -> None:
    file = SIGNATURE + header(side, side, depth, colour, interlace)
    file += b"".join(chunk(kind, data) for kind, data in other_chunks)
    file += chunk(b"IDAT", zlib.compress(pixels)) + chunk(b"IEND", b"")
    with contextlib.suppress(ApiError):
        picture = read(file)
        assert (picture.mode, picture.size) == ("RGB", (side, side))
