"""Painted pictures can be told apart, and looking at what came back survives whatever came."""

import io
import random
import shutil
import struct
import subprocess
import tracemalloc
import warnings

import pytest
from hypothesis import given
from hypothesis import strategies as st
from image_variations_conformance.cases.strategies import KINDS, broken_pngs, pngs
from image_variations_conformance.media import png
from image_variations_conformance.media.pictures import MAX_DECODED_PIXELS, Picture, Unreadable, look, paint
from PIL import Image, ImageEnhance, ImageOps

SEEDS = st.integers(0, 2**32)
# Two pictures of different seeds are at least this far apart, and what is made from one is at most half as far from it.
APART = 40.0
NEAR = APART / 2


def painting(seed: int, side: int = 64) -> Image.Image:
    return paint(random.Random(seed), side)


def saved(picture: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    out = io.BytesIO()
    picture.save(out, kind, **options)
    return out.getvalue()


def seen(picture: Image.Image) -> Picture:
    return look(saved(picture))


@given(SEEDS, SEEDS)
def test_two_painted_pictures_are_far_apart(one: int, other: int) -> None:
    if one != other:
        assert seen(painting(one)).distance(seen(painting(other))) > APART


@given(SEEDS, st.integers(1, 96))
def test_the_same_seed_paints_the_same_picture(seed: int, side: int) -> None:
    assert painting(seed, side).size == (side, side)
    assert painting(seed, side).tobytes() == painting(seed, side).tobytes()


@given(SEEDS)
def test_a_painted_picture_is_not_of_one_colour(seed: int) -> None:
    assert not seen(painting(seed)).one_colour


@given(SEEDS, st.sampled_from([0, 90, 180, 270]), st.booleans())
def test_a_picture_turned_or_mirrored_is_the_same_from_afar_and_another_as_it_stands(
    seed: int, angle: int, mirrored: bool
) -> None:
    one, turned = seen(painting(seed)), painting(seed).rotate(angle)
    other = seen(ImageOps.mirror(turned) if mirrored else turned)
    assert one.distance(other) < 1
    assert other.distance(one) < 1
    assert (one.difference(other) > 5) == (angle != 0 or mirrored)


@given(SEEDS, st.floats(0.9, 1.1), st.floats(0.9, 1.1), st.integers(0, 4))
def test_a_picture_slightly_recoloured_cropped_and_resized_is_near(
    seed: int, brightness: float, colour: float, margin: int
) -> None:
    cropped = painting(seed).crop((margin, margin, 64 - margin, 64 - margin)).resize((256, 256))
    varied = ImageEnhance.Color(ImageEnhance.Brightness(cropped).enhance(brightness)).enhance(colour)
    assert seen(painting(seed)).distance(seen(varied)) < NEAR


@given(SEEDS)
def test_resizing_alone_makes_hardly_a_difference(seed: int) -> None:
    assert seen(painting(seed)).difference(seen(painting(seed).resize((256, 256)))) < 1.5


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_every_kind_of_png_is_seen_as_what_it_shows(kind: png.Kind) -> None:
    content = png.encode(painting(1), kind)
    grey = painting(1).convert("L") if kind.colour in {png.GREY, png.GREY_ALPHA} else painting(1)
    picture = look(content)
    assert (picture.format, picture.size, picture.one_colour) == ("png", "64x64", False)
    if kind.depth >= 8:
        assert picture.difference(seen(grey)) < NEAR


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF", "BMP"])
def test_the_format_is_told(kind: str) -> None:
    picture = look(saved(painting(3), kind))
    assert (picture.format, picture.width, picture.height, picture.size) == (kind.lower(), 64, 64, "64x64")
    assert picture.distance(seen(painting(3))) < NEAR


@pytest.mark.parametrize(
    ("picture", "one_colour"),
    [
        (Image.new("RGB", (9, 9), "red"), True),
        (Image.new("L", (9, 9), 0), True),
        (Image.new("I;16", (9, 9), 40_000), True),
        (Image.new("RGBA", (9, 9), (0, 0, 0, 0)), True),
        (Image.new("P", (9, 9), 3), True),
        (Image.new("RGB", (1, 1), "red"), True),
        (painting(1), False),
        (Image.new("RGB", (2, 1)).quantize(2), True),
    ],
)
def test_a_picture_of_one_colour_is_known_as_such(picture: Image.Image, one_colour: bool) -> None:
    assert seen(picture).one_colour == one_colour


def test_one_other_pixel_makes_two_colours() -> None:
    picture = Image.new("RGB", (99, 99), "red")
    picture.putpixel((50, 50), (254, 0, 0))
    assert not seen(picture).one_colour


def test_what_alpha_hides_does_not_count_as_colour() -> None:
    picture = painting(1).convert("RGBA")
    picture.putalpha(0)
    assert seen(picture).one_colour


def test_the_digest_is_of_the_pixels_and_not_of_the_file() -> None:
    picture = painting(5)
    assert look(saved(picture, compress_level=1)).pixels_sha256 == look(saved(picture, compress_level=9)).pixels_sha256
    assert look(saved(picture)).pixels_sha256 != look(saved(painting(6))).pixels_sha256
    flat = Image.new("RGB", (4, 2), "red")
    assert seen(flat).pixels_sha256 != seen(flat.resize((2, 4))).pixels_sha256


@given(
    st.one_of(
        st.binary(max_size=64),
        st.sampled_from([b"GIF89a", b"RIFF", b"\xff\xd8\xff", b"BM", b"II*\0", png.SIGNATURE]).flatmap(
            lambda start: st.binary(max_size=64).map(lambda rest: start + rest)
        ),
    )
)
def test_arbitrary_bytes_are_a_picture_or_unreadable(content: bytes) -> None:
    try:
        picture = look(content)
    except Unreadable:
        return
    assert picture.width * picture.height > 0


@given(st.sampled_from(["PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF"]), st.data())
def test_changed_bytes_are_a_picture_or_unreadable(kind: str, data: st.DataObject) -> None:
    content = bytearray(saved(painting(2, 16), kind))
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    try:
        picture = look(bytes(content))
    except Unreadable:
        return
    assert picture.width * picture.height > 0


@given(pngs(max_side=16))
def test_a_whole_png_is_looked_at(content: bytes) -> None:
    info = png.inspect(content)
    picture = look(content)
    assert (picture.format, picture.width, picture.height) == ("png", info.width, info.height)


@given(broken_pngs())
def test_no_broken_png_shows_what_the_whole_one_would_have(content: bytes) -> None:
    with pytest.raises(png.Broken):
        png.inspect(content)
    try:
        look(content)
    except Unreadable:
        pass
    else:
        # Pillow does not miss the last chunk; that one thing is the strict reader's to say.
        assert not content.endswith(b"IEND\xaeB`\x82")


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF"])
@pytest.mark.parametrize("part", [0.3, 0.6, 0.9])
def test_a_picture_cut_off_is_unreadable(kind: str, part: float) -> None:
    content = saved(painting(7), kind)
    with pytest.raises(Unreadable):
        look(content[: int(len(content) * part)])


@pytest.mark.parametrize("content", [b"", b"<html>not found</html>", b'{"error": {}}'])
def test_what_is_no_picture_is_said_to_be_none(content: bytes) -> None:
    with pytest.raises(Unreadable, match="not a picture"):
        look(content)


@pytest.mark.parametrize("side", [4097, 20_000, 65_535])
def test_a_giant_is_refused_by_its_header(side: int) -> None:
    """Before a pixel of it is decoded: the file has none."""
    header = struct.pack(">IIBBBBB", side, side, 8, png.RGB, 0, 0, 0)
    content = png.SIGNATURE + png.chunk(b"IHDR", header) + png.chunk(b"IDAT", b"") + png.chunk(b"IEND", b"")
    assert side * side > MAX_DECODED_PIXELS
    tracemalloc.start()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(Unreadable):
            look(content)
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak_bytes < 1 << 20


def test_no_other_program_is_run_for_a_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pillow hands PostScript to Ghostscript, where that is installed."""

    def refuse(*arguments: object, **_: object) -> None:
        raise AssertionError(f"ran {arguments}")

    monkeypatch.setattr(subprocess, "Popen", refuse)
    monkeypatch.setattr(shutil, "which", lambda *_, **__: "/bin/gs")
    content = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\nshowpage\n"
    with pytest.raises(Unreadable, match="not a picture"):
        look(content)
