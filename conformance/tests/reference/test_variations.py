import io
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from image_variations_conformance.reference.app.variations import VariationMaker
from PIL import Image, ImageOps

THUMBNAIL = (8, 8)


def opened(file: bytes) -> Image.Image:
    with Image.open(io.BytesIO(file)) as image:
        image.load()
        assert image.format == "PNG"
        return image


def distance(image: Image.Image, other: Image.Image) -> int:
    """Return the squared difference of the thumbnails of two images, or of one and the mirrored other if smaller."""
    one = image.resize(THUMBNAIL, Image.Resampling.BOX)
    two = other.resize(THUMBNAIL, Image.Resampling.BOX)
    return min(
        sum((a - b) ** 2 for a, b in zip(one.tobytes(), flipped.tobytes(), strict=True))
        for flipped in (two, ImageOps.mirror(two))
    )


def noise(side: int, seed: int) -> Image.Image:
    return Image.frombytes("RGB", (side, side), random.Random(seed).randbytes(side * side * 3))


@pytest.mark.parametrize("side", [256, 512, 1024])
@pytest.mark.parametrize("source", [1, 2, 255, 256, 1024, 3000])
def test_variation_has_the_requested_side(side: int, source: int) -> None:
    maker = VariationMaker(Image.new("RGB", (source, source), "teal"), (side, side), random.Random(0))
    assert opened(maker.make()).size == (side, side)


@pytest.mark.parametrize("colour", ["black", "white", "teal", "red"])
@pytest.mark.parametrize("side", [1, 256])
def test_variations_of_a_uniform_image_differ_and_are_not_uniform(colour: str, side: int) -> None:
    picture = Image.new("RGB", (side, side), colour)
    maker = VariationMaker(picture, (256, 256), random.Random(0))
    images = [opened(maker.make()) for _ in range(10)]
    assert len({image.tobytes() for image in images} | {picture.tobytes()}) == 11
    assert all(any(low < high for low, high in image.getextrema()) for image in images)  # type: ignore[misc] # pairs, in RGB


@given(side=st.sampled_from([4, 8, 64, 256]), seed=st.integers(0, 1000))
@settings(max_examples=40, deadline=None, database=None)
def test_variation_is_closer_to_its_own_picture_than_to_another(side: int, seed: int) -> None:
    """Both pictures are noise, whose thumbnails are much alike."""
    own, other = noise(side, seed), noise(side, seed + 1)
    image = opened(VariationMaker(own, (256, 256), random.Random(seed)).make())
    assert distance(image, own) < distance(image, other)


def test_variations_differ_although_the_generator_repeats_a_number() -> None:
    class Repeating(random.Random):
        """A generator that returns the same number in its first ten calls of `random`."""

        images = 0

        def random(self) -> float:
            self.images += 1
            if self.images <= 10:
                self.seed(5)
            return super().random()

    maker = VariationMaker(noise(8, 1), (256, 256), Repeating())
    assert len({maker.make() for _ in range(5)}) == 5


@pytest.mark.parametrize("side", [64, 1024])
def test_variation_of_noise_compresses_to_less_than_500_kilobytes(side: int) -> None:
    file = VariationMaker(noise(side, 0), (1024, 1024), random.Random(0)).make()
    assert len(file) < 500_000
