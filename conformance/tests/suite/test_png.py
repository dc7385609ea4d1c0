"""The PNG writer and the strict PNG reader, compared with Pillow."""

import io
import random
import struct
import tracemalloc
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from image_variations_conformance.cases.png_strategies import ANCILLARY, KINDS, pngs
from image_variations_conformance.media import png
from image_variations_conformance.media.pictures import paint
from image_variations_conformance.reference.app.api_error import ApiError
from image_variations_conformance.reference.app.picture import read_picture
from PIL import Image, ImageChops
from support.pictures import broken_pngs
from support.requests import CONTRACT

SIDES = (1, 2, 3, 7, 9, 33)
EVERY_KIND = [png.Kind(kind.colour, kind.depth, interlaced) for kind in KINDS for interlaced in (False, True)]
MODES = {png.GREY: "L", png.RGB: "RGB", png.PALETTE: "RGB", png.GREY_ALPHA: "LA", png.RGBA: "RGBA"}


def painting(side: int, height: int | None = None) -> Image.Image:
    """Return a painted picture with an alpha channel of different values."""
    picture = paint(random.Random(side), max(side, height or 0)).crop((0, 0, side, height or side)).convert("RGBA")
    picture.putalpha(picture.getchannel("R"))
    return picture


def eight_bit(content: bytes, mode: str) -> Image.Image:
    """Return the pixels of a file as Pillow loads them, at 8 bits a sample."""
    with Image.open(io.BytesIO(content)) as opened:
        opened.load()
        if opened.mode == "I;16":
            return opened.point(lambda value: value / 256).convert("L")
        return opened.convert(mode)


def max_difference(one: Image.Image, other: Image.Image) -> int:
    """Return the largest difference of two samples at the same place."""
    return max(ImageChops.difference(one, other).tobytes())


def representable(picture: Image.Image, kind: png.Kind) -> Image.Image:
    """Return the picture with the colours and shades that the kind can represent."""
    if kind.colour == png.PALETTE:
        return picture.convert("RGB").quantize(1 << kind.depth, Image.Quantize.FASTOCTREE).convert("RGB")
    picture = picture.convert(MODES[kind.colour])
    if kind.depth < 8:
        top = (1 << kind.depth) - 1
        return picture.point(lambda value: (int(value) >> (8 - kind.depth)) * 255 // top)
    return picture


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("kind", EVERY_KIND, ids=str)
def test_pillow_reads_the_pixels_that_were_written(kind: png.Kind, side: int) -> None:
    content = png.encode(painting(side), kind)
    with Image.open(io.BytesIO(content)) as opened:
        opened.verify()
    assert max_difference(eight_bit(content, MODES[kind.colour]), representable(painting(side), kind)) == 0


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("kind", EVERY_KIND, ids=str)
def test_the_reader_returns_the_header_that_was_written(kind: png.Kind, side: int) -> None:
    assert png.inspect(png.encode(painting(side, side + 1), kind)) == png.Info(side, side + 1, kind)


@pytest.mark.parametrize("size", [(1, 64), (64, 1), (5, 13), (4, 2), (1, 5)], ids=str)
@pytest.mark.parametrize("kind", [png.Kind(png.RGB, 8, True), png.Kind(png.GREY, 1, True)], ids=str)
def test_interlaced_pictures_with_empty_passes_are_written_and_read(kind: png.Kind, size: tuple[int, int]) -> None:
    picture = painting(*size)
    content = png.encode(picture, kind)
    assert png.inspect(content) == png.Info(*size, kind)
    assert max_difference(eight_bit(content, MODES[kind.colour]), representable(picture, kind)) == 0


def test_interlaced_pixel_data_differs_from_plain_pixel_data_and_is_longer() -> None:
    plain, interlaced = (
        b"".join(
            data
            for name, data in png.chunks(png.encode(painting(9), png.Kind(png.RGB, 8, is_interlaced)))
            if name == b"IDAT"
        )
        for is_interlaced in (False, True)
    )
    assert zlib.decompress(plain) != zlib.decompress(interlaced)
    assert len(zlib.decompress(interlaced)) > len(zlib.decompress(plain))


def test_a_16_bit_file_has_two_bytes_per_sample() -> None:
    content = png.encode(painting(2), png.Kind(png.RGB, 16))
    rows = b"".join(zlib.decompress(data) for name, data in png.chunks(content) if name == b"IDAT")
    assert len(rows) == 2 * (1 + 2 * 3 * 2)
    red = painting(2).convert("RGB").tobytes()[0]
    assert rows[1:3] == bytes([red, red])


@given(pngs(max_side=24))
def test_the_reader_accepts_drawn_pngs_that_pillow_has_rewritten(content: bytes) -> None:
    with Image.open(io.BytesIO(content)) as opened:
        out = io.BytesIO()
        opened.save(out, "PNG")
        size = opened.size
    info = png.inspect(out.getvalue())
    assert (info.width, info.height) == size


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16"])
def test_the_reader_returns_depth_and_colour_of_each_mode_that_pillow_writes(mode: str) -> None:
    picture = Image.new("I;16", (13, 8), 5) if mode == "I;16" else painting(13, 8).convert(mode)
    out = io.BytesIO()
    picture.save(out, "PNG")
    info = png.inspect(out.getvalue())
    depth, colour = {"1": (1, 0), "P": (8, 3), "I;16": (16, 0)}.get(mode, (8, {"L": 0, "LA": 4, "RGB": 2}.get(mode, 6)))
    assert info == png.Info(13, 8, png.Kind(colour, depth))


def test_a_large_file_with_several_idat_chunks_is_intact() -> None:
    out = io.BytesIO()
    paint(random.Random(1), 1024).save(out, "PNG")
    assert [name for name, _ in png.chunks(out.getvalue())].count(b"IDAT") > 1
    assert png.inspect(out.getvalue()).width == 1024


@given(broken_pngs())
def test_drawn_broken_pngs_are_broken(content: bytes) -> None:
    with pytest.raises(png.Broken):
        png.inspect(content)


def read_or_none(content: bytes) -> png.Info | None:
    """Return the result of the strict reader, or None if it raises Broken."""
    try:
        return png.inspect(content)
    except png.Broken:
        return None


def pillow_size(content: bytes) -> tuple[int, int]:
    """Return the size of the picture that Pillow loads. Raise what Pillow raises."""
    with Image.open(io.BytesIO(content)) as opened:
        opened.verify()
    with Image.open(io.BytesIO(content)) as opened:
        opened.load()
        return opened.size


@given(st.one_of(st.binary(max_size=200), st.binary(max_size=200).map(lambda tail: png.SIGNATURE + tail)))
def test_arbitrary_bytes_are_broken(content: bytes) -> None:
    assert read_or_none(content) is None


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    """Draw PNGs with chunks that are changed, dropped, doubled, moved, cut or split, and that have correct CRCs."""
    chunks = list(png.chunks(draw(pngs(max_side=6))))
    for _ in range(draw(st.integers(1, 3))):
        index = draw(st.integers(0, len(chunks) - 1))
        name, data = chunks[index]
        change = draw(st.sampled_from(["change", "drop", "double", "move", "cut", "split"]))
        if change == "change" and data and name in {b"IHDR", b"IDAT", b"PLTE"}:
            offset = draw(st.integers(0, len(data) - 1))
            chunks[index] = name, data[:offset] + draw(st.binary(min_size=1, max_size=1)) + data[offset + 1 :]
        elif change == "drop" and len(chunks) > 1:
            del chunks[index]
        elif change == "double":
            chunks.insert(index, (name, data))
        elif change == "move":
            chunks.insert(draw(st.integers(0, len(chunks) - 1)), chunks.pop(index))
        elif change == "cut" and name in {b"IHDR", b"IDAT", b"PLTE"}:
            chunks[index] = name, data[: draw(st.integers(0, len(data)))]
        elif change == "split" and name == b"IDAT":
            offset = draw(st.integers(0, len(data)))
            chunks[index : index + 1] = [(name, data[:offset]), (name, data[offset:])]
    return png.SIGNATURE + b"".join(png.chunk(name, data) for name, data in chunks)


@given(mutated())
def test_pillow_loads_what_the_reader_accepts(content: bytes) -> None:
    info = read_or_none(content)
    if info is not None and info.pixels <= png.MAX_PIXELS:
        assert pillow_size(content) == (info.width, info.height)


@given(pngs(max_side=6), st.data())
def test_a_png_with_one_changed_byte_is_broken(content: bytes, data: st.DataObject) -> None:
    offset = data.draw(st.integers(0, len(content) - 1))
    changed = bytearray(content)
    changed[offset] ^= data.draw(st.integers(1, 255))
    assert read_or_none(bytes(changed)) is None


def assembled(*pieces: tuple[bytes, bytes]) -> bytes:
    return png.SIGNATURE + b"".join(png.chunk(name, data) for name, data in pieces)


def header(width: int, height: int, depth: int = 8, colour: int = png.GREY, rest: bytes = b"\0\0\0") -> bytes:
    return struct.pack(">IIBB", width, height, depth, colour) + rest


PIXEL = zlib.compress(b"\0\x80")
END = (b"IEND", b"")


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "no PNG signature"),
        (png.SIGNATURE[:7], "no PNG signature"),
        (png.SIGNATURE, "ends after 8 bytes"),
        (assembled((b"IHDR", header(1, 1))), "before IEND"),
        (assembled((b"IHDR", header(1, 1)), END), "fewer pixels"),
        (assembled((b"IDAT", PIXEL), (b"IHDR", header(1, 1)), END), "not a header"),
        (assembled((b"IHDR", header(1, 1)[:12]), (b"IDAT", PIXEL), END), "not a header"),
        (assembled((b"IHDR", header(0, 1)), (b"IDAT", PIXEL), END), "impossible dimensions 0x1"),
        (assembled((b"IHDR", header(1, 2**31)), (b"IDAT", PIXEL), END), "impossible dimensions"),
        (assembled((b"IHDR", header(1, 1, 3)), (b"IDAT", PIXEL), END), "impossible header"),
        (assembled((b"IHDR", header(1, 1, 8, 1)), (b"IDAT", PIXEL), END), "impossible header"),
        (assembled((b"IHDR", header(1, 1, rest=b"\1\0\0")), (b"IDAT", PIXEL), END), "impossible header"),
        (assembled((b"IHDR", header(1, 1, rest=b"\0\1\0")), (b"IDAT", PIXEL), END), "impossible header"),
        (assembled((b"IHDR", header(1, 1, rest=b"\0\0\2")), (b"IDAT", PIXEL), END), "impossible header"),
        (assembled((b"IHDR", header(1, 1)), (b"IHDR", header(1, 1)), (b"IDAT", PIXEL), END), "unexpected chunk"),
        (assembled((b"IHDR", header(1, 1)), (b"ABCD", b""), (b"IDAT", PIXEL), END), "unexpected chunk"),
        (assembled((b"IHDR", header(1, 1)), (b"te t", b""), (b"IDAT", PIXEL), END), "unexpected chunk"),
        (
            assembled((b"IHDR", header(1, 1)), (b"IDAT", PIXEL[:4]), (b"teXt", b""), (b"IDAT", PIXEL[4:]), END),
            "between",
        ),
        (assembled((b"IHDR", header(1, 1)), (b"IDAT", PIXEL[:-1]), END), "fewer pixels"),
        (assembled((b"IHDR", header(1, 1)), (b"IDAT", PIXEL[:-1] + b"\0"), END), "does not inflate"),
        (assembled((b"IHDR", header(1, 1)), (b"IDAT", b"no zlib"), END), "does not inflate"),
        (assembled((b"IHDR", header(1, 1)), (b"IDAT", zlib.compress(b"\0")), END), "fewer pixels"),
        (assembled((b"IHDR", header(1, 1)), (b"IDAT", zlib.compress(b"\0\0\0")), END), "more pixels"),
        (assembled((b"IHDR", header(1, 1)), (b"IDAT", zlib.compress(b"\5\0")), END), "unknown filter 5"),
        (assembled((b"IHDR", header(1, 3)), (b"IDAT", zlib.compress(b"\0\0\4\0\7\0")), END), "unknown filter 7"),
        (assembled((b"IHDR", header(1, 1, 8, png.PALETTE)), (b"IDAT", PIXEL), END), "before the palette"),
        (assembled((b"IHDR", header(1, 1)), (b"PLTE", b"\0\0"), (b"IDAT", PIXEL), END), "palette"),
        (assembled((b"IHDR", header(1, 1)), (b"IDAT", PIXEL), (b"PLTE", b"\0\0\0"), END), "palette"),
    ],
)
def test_the_reader_raises_broken_with_the_problem(content: bytes, problem: str) -> None:
    with pytest.raises(png.Broken, match=problem):
        png.inspect(content)


def test_bytes_without_the_signature_raise_not_png() -> None:
    with pytest.raises(png.NotPng):
        png.inspect(b"GIF89a")
    with pytest.raises(png.Broken) as raised:
        png.inspect(png.SIGNATURE)
    assert not isinstance(raised.value, png.NotPng)


def test_ancillary_chunks_and_bytes_after_iend_are_accepted() -> None:
    content = png.encode(painting(3), png.PLAIN, ANCILLARY)
    assert png.inspect(content + b"more") == png.Info(3, 3, png.PLAIN)
    assert pillow_size(content) == (3, 3)


def bomb(width: int, height: int, inflated_bytes: int) -> bytes:
    """Return a PNG whose pixel data inflates to `inflated_bytes` zero bytes."""
    stream, block = zlib.compressobj(9), bytes(1 << 20)
    data = b"".join(stream.compress(block) for _ in range(inflated_bytes >> 20)) + stream.flush()
    return assembled((b"IHDR", header(width, height)), (b"IDAT", data), END)


@pytest.mark.parametrize(
    ("width", "height", "accepted"),
    [
        (1, 1, False),  # far more pixel data than the header allows
        (1, 1 << 24, False),  # the largest number of rows that the reader inflates
        (1 << 16, 1 << 16, True),  # more pixels than the reader inflates
    ],
)
def test_a_png_bomb_is_read_in_less_than_8_mib(width: int, height: int, accepted: bool) -> None:
    content = bomb(width, height, 64 << 20)
    tracemalloc.start()
    info = read_or_none(content)
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert (info is not None) == accepted
    assert peak_bytes < 8 << 20


@given(pngs(tuple(EVERY_KIND), max_side=9))
def test_joined_chunks_and_a_replaced_pixel_stream_give_the_same_file(content: bytes) -> None:
    assert png.joined(png.chunks(content)) == content
    assert png.with_pixel_stream(content, png.pixel_stream(content)) == content


def test_chunks_are_added_after_the_header_or_before_a_chunk() -> None:
    content, added = png.encode(painting(3), png.Kind(png.PALETTE)), (b"vrPd", b"x")
    for before, order in (
        (None, [b"IHDR", b"vrPd", b"PLTE", b"IDAT", b"IEND"]),
        (b"IDAT", [b"IHDR", b"PLTE", b"vrPd", b"IDAT", b"IEND"]),
        (b"IEND", [b"IHDR", b"PLTE", b"IDAT", b"vrPd", b"IEND"]),
    ):
        assert [name for name, _ in png.chunks(png.with_chunks(content, added, before=before))] == order
    assert png.without_chunk(png.with_chunks(content, added), b"vrPd") == content
    with pytest.raises(ValueError, match="is not in list"):
        png.with_chunks(content, added, before=b"tRNS")


@given(st.integers(0, 100_000))
def test_padding_gives_the_exact_size_and_keeps_the_picture(more_bytes: int) -> None:
    content = png.encode(painting(4))
    padded = png.padded(content, len(content) + 12 + more_bytes)
    assert len(padded) == len(content) + 12 + more_bytes
    assert png.inspect(padded) == png.inspect(content)
    assert max_difference(eight_bit(padded, "RGB"), eight_bit(content, "RGB")) == 0


def test_padding_by_fewer_bytes_than_a_chunk_needs_raises_value_error() -> None:
    content = png.encode(painting(4))
    with pytest.raises(ValueError, match="cannot be padded"):
        png.padded(content, len(content) + 11)


@st.composite
def rearranged_pngs(draw: st.DrawFn) -> bytes:
    """Draw PNGs in which one chunk is dropped, doubled, moved, changed, cut or split, and that have correct CRCs."""
    content = draw(pngs(tuple(EVERY_KIND), max_side=17))
    chunks = list(png.chunks(content))
    index = draw(st.integers(0, len(chunks) - 1))
    name, data = chunks.pop(index)
    offset = draw(st.integers(0, len(data)))
    flipped = bytearray(data)
    if data:
        flipped[min(offset, len(data) - 1)] ^= 1 << draw(st.integers(0, 7))
    replacements = draw(
        st.sampled_from(
            (
                (),
                (data,),
                (data, data),
                (bytes(flipped),),
                (data[:offset],),
                (data[:offset], data[offset:]),
                (b"", data),
            )
        )
    )
    new_index = draw(st.sampled_from((index, index, index, 0, 1, len(chunks))))
    chunks[new_index:new_index] = [(name, piece) for piece in replacements]
    return assembled(*chunks)


@given(rearranged_pngs())
def test_the_reader_and_the_reference_server_accept_the_same_pngs(content: bytes) -> None:
    """The two share no code. The reader returns the same result for the same file again."""
    first, second = read_or_none(content), read_or_none(content)
    assert first == second
    try:
        side = read_picture(content, CONTRACT.image_rules).size[0]
    except ApiError:
        assert first is None or first.width != first.height or first.pixels > png.MAX_PIXELS
    else:
        assert first is not None
        assert (first.width, first.height) == (side, side)
