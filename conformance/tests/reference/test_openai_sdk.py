"""The unmodified SDK that most applications use makes variations on the reference server."""

import base64
import io
import random
from collections.abc import Iterator

import httpx
import pytest
from image_variations_conformance.media import png
from image_variations_conformance.media.pictures import Picture, look, paint
from image_variations_conformance.reference.app.service import Service
from image_variations_conformance.reference.app.serving import Running, running
from openai import AuthenticationError, BadRequestError, OpenAI
from support.judging import KEY

# The SDK marks the method as deprecated since its own server is gone. It still is what applications call.
pytestmark = pytest.mark.filterwarnings("ignore:deprecated:DeprecationWarning")

PHOTO = png.encode(paint(random.Random("a photograph"), 512))


@pytest.fixture(scope="module")
def server() -> Iterator[Running]:
    with running(Service(api_key=KEY)) as server:
        yield server


@pytest.fixture(scope="module")
def sdk(server: Running) -> Iterator[OpenAI]:
    with OpenAI(api_key=KEY, base_url=server.base_url, max_retries=0) as client:
        yield client


def test_it_gets_links_that_lead_to_variations(sdk: OpenAI) -> None:
    answer = sdk.images.create_variation(image=PHOTO, n=2, size="512x512")
    assert answer.data is not None
    links = [item.url for item in answer.data]
    assert len(set(links)) == 2
    pictures = [look(httpx.get(link or "").content) for link in links]
    _are_variations(pictures, "512x512")


def test_it_gets_variations_in_base64(sdk: OpenAI) -> None:
    answer = sdk.images.create_variation(
        image=("photo.png", io.BytesIO(PHOTO), "image/png"), n=3, size="256x256", response_format="b64_json", user="me"
    )
    assert answer.data is not None
    pictures = [look(base64.b64decode(item.b64_json or "", validate=True)) for item in answer.data]
    assert len(pictures) == 3
    _are_variations(pictures, "256x256")


def _are_variations(pictures: list[Picture], size: str) -> None:
    sent, other = look(PHOTO), look(png.encode(paint(random.Random("another"), 512)))
    assert {picture.size for picture in pictures} == {size}
    assert len({picture.pixels_sha256 for picture in pictures}) == len(pictures)
    for picture in pictures:
        assert picture.difference(sent) > 1.5
        assert picture.distance(sent) < picture.distance(other)


def test_its_defaults_are_those_of_the_contract(sdk: OpenAI) -> None:
    answer = sdk.images.create_variation(image=PHOTO)
    assert answer.data is not None
    (item,) = answer.data
    assert item.b64_json is None
    assert look(httpx.get(item.url or "").content).size == "1024x1024"


def test_an_error_reaches_it_with_param_and_code(sdk: OpenAI, server: Running) -> None:
    with pytest.raises(BadRequestError) as wrong:
        sdk.images.create_variation(image=PHOTO, n=11)
    assert wrong.value.param == "n"
    with (
        OpenAI(api_key="sk-wrong", base_url=server.base_url, max_retries=0) as stranger,
        pytest.raises(AuthenticationError) as refused,
    ):
        stranger.images.create_variation(image=PHOTO)
    assert refused.value.code == "invalid_api_key"
