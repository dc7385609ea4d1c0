"""The damaged PNGs, compared with the strict reader, the reference server and Pillow."""

import io
import random
import re
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from image_variations_conformance.media import png
from image_variations_conformance.media.damage import DAMAGES, Damage
from image_variations_conformance.media.pictures import paint
from image_variations_conformance.reference.app.api_error import ApiError
from image_variations_conformance.reference.app.picture import read_picture
from PIL import Image
from support.requests import CONTRACT

BY_LABEL = {damage.label: damage for damage in DAMAGES}
# Pillow shows a picture, although each is an error by the specification. So may servers that rely on Pillow.
ACCEPTED_BY_PILLOW = {
    "compression-1",
    "critical-chunk",
    "iend-crc",
    "ihdr-late",
    "ihdr-twice",
    "no-adler",
    "no-plte",
    "plte-empty",
    "plte-late",
    "plte-length",
    "plte-twice",
    "row-extra",
    "row-missing",
    "truncated-byte",
    "truncated-iend",
}
# The file cannot be split into chunks, or a CRC in it is the damage.
NOT_IN_CHUNKS = {
    *("no-signature", "signature-byte", "signature-lf", "signature-7-bit", "signature-only", "no-iend"),
    *("length-too-long", "length-too-short", "length-2-gib", "length-4-gib", "header-only", "empty", "zeros"),
    *("ihdr-crc", "plte-crc", "idat-crc", "iend-crc", "half-zeros", "crlf", "utf-8"),
    *("truncated", "truncated-header", "truncated-iend", "truncated-byte"),
}


def intact(kind: png.Kind, side: int = 64, seed: int = 1) -> bytes:
    return png.encode(paint(random.Random(seed), side), kind)


def is_split_into_chunks(content: bytes) -> bool:
    """Return whether the strict reader finds chunks with right CRCs up to IEND."""
    try:
        return bool(list(png.chunks(content)))
    except png.Broken:
        return False


@given(st.sampled_from(DAMAGES), st.integers(2, 70), st.integers(0, 2**32))
def test_a_damaged_png_differs_from_the_intact_one_and_is_broken(damage: Damage, side: int, seed: int) -> None:
    content = intact(damage.kind, side, seed)
    damaged = damage.apply(content)
    assert damaged != content
    assert damaged == damage.apply(content)
    with pytest.raises(png.Broken):
        png.inspect(damaged)


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.label)
def test_the_reference_server_refuses_each_damaged_png(damage: Damage) -> None:
    with pytest.raises(ApiError):
        read_picture(damage.apply(intact(damage.kind)), CONTRACT.image_rules)


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.label)
def test_pillow_refuses_each_damaged_png_that_is_not_listed(damage: Damage) -> None:
    content = damage.apply(intact(damage.kind))
    try:
        with Image.open(io.BytesIO(content)) as opened:
            opened.verify()
        with Image.open(io.BytesIO(content)) as opened:
            opened.load()
    except (Image.DecompressionBombError, IndexError, OSError, SyntaxError, ValueError):
        assert damage.label not in ACCEPTED_BY_PILLOW
    else:
        assert damage.label in ACCEPTED_BY_PILLOW


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.label)
def test_checksums_of_chunks_are_right_unless_the_damage_is_in_the_chunks_themselves(damage: Damage) -> None:
    damaged = damage.apply(intact(damage.kind))
    assert is_split_into_chunks(damaged) == (damage.label not in NOT_IN_CHUNKS)


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.label)
def test_a_damaged_header_has_width_and_height_alike(damage: Damage) -> None:
    damaged = damage.apply(intact(damage.kind))
    if damaged[:16] == intact(damage.kind)[:16] and len(damaged) >= 24:
        assert damaged[16:20] == damaged[20:24]


@pytest.mark.parametrize("side", [2, 3, 17, 64])
def test_a_flipped_bit_makes_the_deflate_data_invalid_and_not_only_its_checksum(side: int) -> None:
    before = png.pixel_stream(intact(png.PLAIN, side))
    after = png.pixel_stream(BY_LABEL["deflate-bit"].apply(intact(png.PLAIN, side)))
    assert (int.from_bytes(before) ^ int.from_bytes(after)).bit_count() == 1
    with pytest.raises(zlib.error):
        zlib.decompressobj(-15).decompress(after[2:-4])


def test_labels_are_unique_and_notes_short() -> None:
    assert len(BY_LABEL) == len(DAMAGES) == len({damage.note for damage in DAMAGES})
    for damage in DAMAGES:
        assert re.fullmatch("[a-z0-9]+(-[a-z0-9]+)*", damage.label)
        assert 0 < len(damage.note) <= 40


def test_the_essential_damages_are_those_that_every_run_sends() -> None:
    essential = {damage.label for damage in DAMAGES if damage.essential}
    assert essential == {"empty", "signature-only", "header-only", "truncated", "idat-crc", "no-idat"}


def test_a_decodable_damage_is_not_essential_and_leaves_the_pixels_intact() -> None:
    for damage in DAMAGES:
        if damage.decodable:
            assert not damage.essential
            content = intact(damage.kind)
            with Image.open(io.BytesIO(content)) as before, Image.open(io.BytesIO(damage.apply(content))) as after:
                assert before.tobytes() == after.tobytes()
