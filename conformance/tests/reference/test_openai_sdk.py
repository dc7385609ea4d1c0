"""The unmodified OpenAI SDK for Python works with the reference server."""

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
from support.pictures import distance

# The SDK marks the method as deprecated because OpenAI's server is gone. Applications still call it.
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


def test_sdk_gets_links_to_variations(sdk: OpenAI) -> None:
    response = sdk.images.create_variation(image=PHOTO, n=2, size="512x512")
    assert response.data is not None
    links = [item.url for item in response.data]
    assert len(set(links)) == 2
    pictures = [look(httpx.get(link or "").content) for link in links]
    _assert_variations(pictures, "512x512")


def test_sdk_gets_variations_in_base64(sdk: OpenAI) -> None:
    response = sdk.images.create_variation(
        image=("photo.png", io.BytesIO(PHOTO), "image/png"), n=3, size="256x256", response_format="b64_json", user="me"
    )
    assert response.data is not None
    pictures = [look(base64.b64decode(item.b64_json or "", validate=True)) for item in response.data]
    assert len(pictures) == 3
    _assert_variations(pictures, "256x256")


def _assert_variations(pictures: list[Picture], size: str) -> None:
    sent, other = look(PHOTO), look(png.encode(paint(random.Random("another"), 512)))
    assert {picture.size for picture in pictures} == {size}
    assert len({picture.pixels_sha256 for picture in pictures}) == len(pictures)
    for picture in pictures:
        assert picture.difference(sent) > 1.5
        assert distance(picture, sent) < distance(picture, other)


def test_sdk_without_options_gets_one_link_to_an_image_of_1024x1024(sdk: OpenAI) -> None:
    response = sdk.images.create_variation(image=PHOTO)
    assert response.data is not None
    (item,) = response.data
    assert item.b64_json is None
    assert look(httpx.get(item.url or "").content).size == "1024x1024"


def test_sdk_errors_have_the_param_and_code_of_the_response(sdk: OpenAI, server: Running) -> None:
    with pytest.raises(BadRequestError) as bad_request:
        sdk.images.create_variation(image=PHOTO, n=11)
    assert bad_request.value.param == "n"
    with (
        OpenAI(api_key="sk-wrong", base_url=server.base_url, max_retries=0) as client_with_wrong_key,
        pytest.raises(AuthenticationError) as unauthorized,
    ):
        client_with_wrong_key.images.create_variation(image=PHOTO)
    assert unauthorized.value.code == "invalid_api_key"
