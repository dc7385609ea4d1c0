"""Intact PNGs with every ancillary chunk and every layout of the pixel data, compared with Pillow."""

import io
import random
import zlib
from unittest.mock import patch

import pytest
from image_variations_conformance.cases.png_strategies import KINDS
from image_variations_conformance.media import png
from image_variations_conformance.media.pictures import paint, transparent
from image_variations_conformance.media.variants import ANCILLARY, LAYOUTS, Apply, animated, filtered
from image_variations_conformance.reference.app.picture import read_picture
from PIL import Image, ImageCms, ImageSequence, PngImagePlugin
from support.pictures import translucent
from support.requests import CONTRACT

EVERY_KIND = [png.Kind(kind.colour, kind.depth, interlaced) for kind in KINDS for interlaced in (False, True)]


def plain(kind: png.Kind = png.PLAIN, side: int = 13) -> bytes:
    return png.encode(paint(random.Random(side), side), kind)


def loaded(content: bytes) -> tuple[str, bytes]:
    """Return the mode and the samples of the picture that Pillow loads. Raise what Pillow raises."""
    with patch.object(PngImagePlugin, "MAX_TEXT_CHUNK", 1 << 22):  # its limit of 1 MiB is not that of PNG
        return _loaded(content)


def _loaded(content: bytes) -> tuple[str, bytes]:
    with Image.open(io.BytesIO(content)) as opened:
        opened.verify()
    with Image.open(io.BytesIO(content)) as opened:
        return opened.mode, opened.tobytes()


def names(content: bytes) -> list[bytes]:
    return [name for name, _ in png.chunks(content)]


@pytest.mark.parametrize("side", [1, 2, 13, 64])
@pytest.mark.parametrize("variant", ANCILLARY.values(), ids=ANCILLARY)
def test_ancillary_chunks_leave_the_file_intact_and_the_pixels_alone(variant: Apply, side: int) -> None:
    before = plain(side=side)
    after = variant(before)
    assert set(names(after)) > set(names(before))
    assert png.inspect(after) == png.inspect(before)
    assert loaded(after) == loaded(before)
    assert read_picture(after, CONTRACT.image_rules).tobytes() == read_picture(before, CONTRACT.image_rules).tobytes()


@pytest.mark.parametrize("kind", EVERY_KIND, ids=str)
@pytest.mark.parametrize("variant", LAYOUTS.values(), ids=LAYOUTS)
def test_layouts_leave_the_file_intact_and_the_pixels_alone(variant: Apply, kind: png.Kind) -> None:
    for side in (1, 2, 13):
        before = plain(kind, side)
        after = variant(before)
        assert after != before or side == 1
        assert png.inspect(after) == png.inspect(before)
        assert loaded(after) == loaded(before)


@pytest.mark.parametrize("kind", [png.PLAIN, png.Kind(png.PALETTE)], ids=str)
@pytest.mark.parametrize("label", ANCILLARY)
def test_ancillary_chunks_are_where_the_specification_wants_them(label: str, kind: png.Kind) -> None:
    """Section 5.6: colour spaces before PLTE, the rest before IDAT, texts, time and private chunks anywhere."""
    order = names(ANCILLARY[label](plain(kind)))
    before_palette = {b"cHRM", b"cICP", b"gAMA", b"iCCP", b"sBIT", b"sRGB"}
    for at, name in enumerate(order):
        if name in before_palette:
            assert b"PLTE" not in order[:at]
        if name in {b"bKGD", b"tRNS"}:
            assert b"PLTE" not in order[at:]
        if name in before_palette | {b"bKGD", b"tRNS", b"eXIf", b"pHYs"}:
            assert b"IDAT" not in order[:at]
            assert order.count(name) == 1


def test_pillow_reads_the_contents_of_ancillary_chunks() -> None:
    def info(label: str) -> Image.Image:
        opened = Image.open(io.BytesIO(ANCILLARY[label](plain())))
        opened.load()
        return opened

    assert info("srgb").info["gamma"] == 0.45455
    assert info("srgb").info["chromaticity"] == (0.3127, 0.329, 0.64, 0.33, 0.3, 0.6, 0.15, 0.06)
    assert info("physical-size").info["dpi"] == pytest.approx((300, 300), abs=0.01)
    assert info("exif").getexif() == {0x0112: 1}
    assert info("text").info["Comment"] == info("compressed-text").info["Comment"] == "made by a conformance suite"
    assert info("unicode-text").info["Title"] == info("unicode-text").info["Comment"] == "Größe, 大きさ"
    assert len(info("long-text").info["Comment"]) == 60_000
    many = info("many-texts").info
    assert (many["Comment"], many["parameters"], many["transparency"]) == ("text 297", "text 299", "text 296")


def test_the_transparent_colour_is_that_of_the_first_pixel() -> None:
    with Image.open(io.BytesIO(ANCILLARY["transparent-colour"](plain()))) as opened:
        assert opened.info["transparency"] == opened.getpixel((0, 0))


def test_the_colour_management_of_pillow_accepts_the_icc_profile() -> None:
    with Image.open(io.BytesIO(ANCILLARY["icc-profile"](plain()))) as opened:
        profile = ImageCms.ImageCmsProfile(io.BytesIO(opened.info["icc_profile"]))
        converted = ImageCms.profileToProfile(opened, profile, ImageCms.createProfile("sRGB"))
    assert ImageCms.getProfileName(profile).strip() == "conformance RGB"
    assert converted is not None
    assert converted.size == opened.size


# Pillow cannot decode the later frames of interlaced files.
@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_an_animated_png_has_the_picture_and_then_a_frame_of_zeros(kind: png.Kind) -> None:
    content = plain(kind)
    with Image.open(io.BytesIO(animated(content))) as opened:
        assert opened.info["duration"] == 1000
        first, second = (frame.tobytes() for frame in ImageSequence.Iterator(opened))
    assert first == loaded(content)[1]
    assert not any(second)


def test_idat_chunks_have_one_byte_many_and_none() -> None:
    chunks = list(png.chunks(LAYOUTS["idat-pieces"](plain())))
    lengths = [len(data) for name, data in chunks if name == b"IDAT"]
    assert lengths[:3] == [1, 1, 1]
    assert lengths[4] == lengths[6] == 0
    assert min(lengths[3], lengths[5]) > 100


@pytest.mark.parametrize(("content", "size_bytes"), [(LAYOUTS["window-512"](plain()), 512), (plain(), 32768)])
def test_the_zlib_header_states_the_window(content: bytes, size_bytes: int) -> None:
    method_and_window = png.pixel_stream(content)[0]
    assert method_and_window & 15 == 8
    assert 1 << 8 + (method_and_window >> 4) == size_bytes


def test_a_stored_block_holds_the_rows_as_they_are() -> None:
    rows = zlib.decompress(png.pixel_stream(plain()))
    assert png.pixel_stream(LAYOUTS["stored"](plain()))[7:-4] == rows


@pytest.mark.parametrize("filter_type", range(5))
def test_every_row_has_the_filter_type_and_the_same_pixels(filter_type: int) -> None:
    content = filtered(plain(), (filter_type,))
    rows = zlib.decompress(png.pixel_stream(content))
    assert rows[:: 1 + 13 * 3] == bytes([filter_type]) * 13
    assert loaded(content) == loaded(plain())


def test_the_filter_types_take_turns() -> None:
    rows = zlib.decompress(png.pixel_stream(LAYOUTS["filters"](plain())))
    assert list(rows[:: 1 + 13 * 3]) == [0, 1, 2, 3, 4, 0, 1, 2, 3, 4, 0, 1, 2]


@pytest.mark.parametrize(
    "kind", [png.Kind(colour, depth) for colour in (png.RGBA, png.GREY_ALPHA) for depth in (8, 16)]
)
def test_transparent_pictures_keep_their_alpha_channel(kind: png.Kind) -> None:
    picture = paint(random.Random(1), 64)
    for faded, extrema in ((transparent(picture), (0, 0)), (translucent(picture), (2, 253))):
        with Image.open(io.BytesIO(png.encode(faded, kind))) as opened:
            assert opened.getchannel("A").getextrema() == extrema
    assert transparent(picture).convert("RGB").tobytes() == picture.tobytes()
