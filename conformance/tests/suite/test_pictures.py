"""Painted pictures can be told apart, and hostile files are decoded or refused."""

import io
import random
import shutil
import struct
import subprocess
import tracemalloc
import warnings
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from image_variations_conformance.cases.png_strategies import KINDS, pngs
from image_variations_conformance.media import png
from image_variations_conformance.media.pictures import MAX_DECODED_PIXELS, Picture, Unreadable, look, paint
from PIL import Image, ImageEnhance, ImageOps
from support.pictures import broken_pngs, distance

SEEDS = st.integers(0, 2**32)
# The least distance of two painted pictures, and the largest distance of a picture and its variation.
MIN_DISTANCE = 40.0
MAX_VARIATION_DISTANCE = MIN_DISTANCE / 2


def painting(seed: int, side: int = 64) -> Image.Image:
    return paint(random.Random(seed), side)


def encoded(picture: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    out = io.BytesIO()
    picture.save(out, kind, **options)
    return out.getvalue()


def decoded(picture: Image.Image) -> Picture:
    return look(encoded(picture))


@given(SEEDS, SEEDS)
def test_pictures_painted_from_different_seeds_have_a_large_distance(one: int, other: int) -> None:
    if one != other:
        assert distance(decoded(painting(one)), decoded(painting(other))) > MIN_DISTANCE


@given(SEEDS, st.integers(1, 96))
def test_the_same_seed_paints_the_same_picture(seed: int, side: int) -> None:
    assert painting(seed, side).size == (side, side)
    assert painting(seed, side).tobytes() == painting(seed, side).tobytes()


@given(SEEDS)
def test_a_painted_picture_is_not_of_one_colour(seed: int) -> None:
    assert not decoded(painting(seed)).one_colour


@given(SEEDS, st.sampled_from([0, 90, 180, 270]), st.booleans())
def test_distance_ignores_rotation_and_mirroring_and_difference_does_not(seed: int, angle: int, mirrored: bool) -> None:
    one, turned = decoded(painting(seed)), painting(seed).rotate(angle)
    other = decoded(ImageOps.mirror(turned) if mirrored else turned)
    assert distance(one, other) < 1
    assert distance(other, one) < 1
    assert (one.difference(other) > 5) == (angle != 0 or mirrored)


@pytest.mark.slow
@given(SEEDS, st.floats(0.9, 1.1), st.floats(0.9, 1.1), st.integers(0, 4))
def test_a_recoloured_cropped_and_resized_picture_has_a_small_distance(
    seed: int, brightness: float, colour: float, margin: int
) -> None:
    cropped = painting(seed).crop((margin, margin, 64 - margin, 64 - margin)).resize((256, 256))
    varied = ImageEnhance.Color(ImageEnhance.Brightness(cropped).enhance(brightness)).enhance(colour)
    assert distance(decoded(painting(seed)), decoded(varied)) < MAX_VARIATION_DISTANCE


@pytest.mark.slow
@given(SEEDS)
def test_a_resized_picture_has_a_difference_below_1_5(seed: int) -> None:
    assert decoded(painting(seed)).difference(decoded(painting(seed).resize((256, 256)))) < 1.5


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_every_kind_of_png_is_decoded_to_the_painted_picture(kind: png.Kind) -> None:
    content = png.encode(painting(1), kind)
    grey = painting(1).convert("L") if kind.colour in {png.GREY, png.GREY_ALPHA} else painting(1)
    picture = look(content)
    assert (picture.format, picture.size, picture.one_colour) == ("png", "64x64", False)
    if kind.depth >= 8:
        assert picture.difference(decoded(grey)) < MAX_VARIATION_DISTANCE


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF", "BMP"])
def test_the_format_and_the_size_of_a_picture_are_described(kind: str) -> None:
    picture = look(encoded(painting(3), kind))
    assert (picture.format, picture.width, picture.height, picture.size) == (kind.lower(), 64, 64, "64x64")
    assert distance(picture, decoded(painting(3))) < MAX_VARIATION_DISTANCE


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
def test_one_colour_is_set_for_pictures_of_one_colour_only(picture: Image.Image, one_colour: bool) -> None:
    assert decoded(picture).one_colour == one_colour


def test_one_colour_is_not_set_when_a_single_pixel_differs() -> None:
    picture = Image.new("RGB", (99, 99), "red")
    picture.putpixel((50, 50), (254, 0, 0))
    assert not decoded(picture).one_colour


def test_one_colour_is_set_for_a_fully_transparent_picture() -> None:
    picture = painting(1).convert("RGBA")
    picture.putalpha(0)
    assert decoded(picture).one_colour


def test_pixels_sha256_depends_on_pixels_and_dimensions_and_not_on_compression() -> None:
    picture = painting(5)
    assert (
        look(encoded(picture, compress_level=1)).pixels_sha256 == look(encoded(picture, compress_level=9)).pixels_sha256
    )
    assert look(encoded(picture)).pixels_sha256 != look(encoded(painting(6))).pixels_sha256
    flat = Image.new("RGB", (4, 2), "red")
    assert decoded(flat).pixels_sha256 != decoded(flat.resize((2, 4))).pixels_sha256


@given(
    st.one_of(
        st.binary(max_size=64),
        st.sampled_from([b"GIF89a", b"RIFF", b"\xff\xd8\xff", b"BM", b"II*\0", png.SIGNATURE]).flatmap(
            lambda start: st.binary(max_size=64).map(lambda rest: start + rest)
        ),
    )
)
def test_arbitrary_bytes_are_decoded_or_unreadable(content: bytes) -> None:
    try:
        picture = look(content)
    except Unreadable:
        return
    assert picture.width * picture.height > 0


@given(st.sampled_from(["PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF"]), st.data())
def test_a_picture_with_changed_bytes_is_decoded_or_unreadable(kind: str, data: st.DataObject) -> None:
    content = bytearray(encoded(painting(2, 16), kind))
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    try:
        picture = look(bytes(content))
    except Unreadable:
        return
    assert picture.width * picture.height > 0


@given(pngs(max_side=16))
def test_an_intact_png_is_decoded_with_its_dimensions(content: bytes) -> None:
    info = png.inspect(content)
    picture = look(content)
    assert (picture.format, picture.width, picture.height) == ("png", info.width, info.height)


@given(broken_pngs())
def test_a_broken_png_is_unreadable_unless_only_its_last_chunk_is_missing(content: bytes) -> None:
    with pytest.raises(png.Broken):
        png.inspect(content)
    try:
        look(content)
    except Unreadable:
        pass
    else:
        # Pillow does not notice that IEND is missing; only the strict reader does.
        assert not content.endswith(b"IEND\xaeB`\x82")


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF"])
@pytest.mark.parametrize("part", [0.3, 0.6, 0.9])
def test_a_truncated_picture_is_unreadable(kind: str, part: float) -> None:
    content = encoded(painting(7), kind)
    with pytest.raises(Unreadable):
        look(content[: int(len(content) * part)])


@pytest.mark.parametrize("content", [b"", b"<html>not found</html>", b'{"error": {}}'])
def test_bytes_of_no_image_format_are_reported_as_not_a_picture(content: bytes) -> None:
    with pytest.raises(Unreadable, match="not a picture"):
        look(content)


@pytest.mark.parametrize("side", [4097, 20_000, 65_535])
def test_a_picture_of_too_many_pixels_is_unreadable_and_is_not_decoded(side: int) -> None:
    """The file has no pixels: the header alone is enough to refuse it."""
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


def test_no_program_is_run_for_a_postscript_file(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pillow runs Ghostscript on PostScript files if it is installed."""

    def refuse(*arguments: object, **_: object) -> None:
        raise AssertionError(f"ran {arguments}")

    monkeypatch.setattr(subprocess, "Popen", refuse)
    monkeypatch.setattr(shutil, "which", lambda *_, **__: "/bin/gs")
    content = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\nshowpage\n"
    with pytest.raises(Unreadable, match="not a picture"):
        look(content)


def test_the_texts_and_profiles_of_a_png_of_any_size_do_not_make_it_a_broken_picture() -> None:
    plain = png.encode(Image.new("RGB", (8, 8), "red"))
    head, rest = plain[:33], plain[33:]
    for kind, data in (
        (b"zTXt", b"Comment\0\0" + zlib.compress(bytes(3_000_000))),
        (b"iCCP", b"profile\0\0" + zlib.compress(bytes(3_000_000))),
        (b"tEXt", b"Comment\0" + b"x" * 3_000_000),
    ):
        content = head + png.chunk(kind, data) + rest
        assert look(content) == look(plain)
        with pytest.raises(Unreadable):
            look(content.replace(data[-4:], b"\1\2\3\4", 1))


def test_a_transparent_colour_makes_an_rgb_picture_transparent() -> None:
    file = io.BytesIO()
    picture = Image.new("RGB", (8, 8), "red")
    picture.putpixel((3, 3), (0, 0, 255))
    picture.save(file, "PNG", transparency=(0, 0, 255))
    assert look(file.getvalue()).is_transparent
    file = io.BytesIO()
    picture.save(file, "PNG", transparency=(0, 255, 0))
    assert not look(file.getvalue()).is_transparent


def test_a_jpeg_with_more_pictures_behind_it_is_a_jpeg() -> None:
    file = io.BytesIO()
    Image.new("RGB", (16, 16), "red").save(file, "MPO", save_all=True, append_images=[Image.new("RGB", (16, 16))])
    assert look(file.getvalue()).format == "jpeg"
