"""The reference server serves the contract that it is given."""

import base64
import io
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest
from image_variations_conformance.contract.document import load
from image_variations_conformance.contract.effective import apply
from image_variations_conformance.contract.profile import Profile, names, read
from image_variations_conformance.media.png import padded
from image_variations_conformance.reference.app.service import API_KEY, Service
from image_variations_conformance.reference.app.serving import running
from image_variations_conformance.reference.app.variations import png
from PIL import Image
from support.profiles import declared

NOISE = Image.effect_noise((16, 16), 80).convert("RGB")
SQUARE = png(NOISE)
WIDE = png(NOISE.resize((24, 16)))


@contextmanager
def serving(profile: Profile) -> Iterator[httpx.Client]:
    """Run the reference server with a profile, and yield a client that sends the key."""
    headers = {"Authorization": f"Bearer {API_KEY}"}
    with (
        running(Service(contract=apply(load(), profile))) as server,
        httpx.Client(base_url=server.base_url, headers=headers) as client,
    ):
        yield client


def post(client: httpx.Client, image: bytes = SQUARE, image_field: str = "image", **fields: str) -> httpx.Response:
    files: dict[str, tuple[str | None, bytes]] = {name: (None, text.encode()) for name, text in fields.items()}
    return client.post("/images/variations", files={**files, image_field: ("image.png", image)})


def sizes(response: httpx.Response) -> list[tuple[int, int]]:
    """Return the width and height of each image of a response."""
    assert response.status_code == 200, response.text
    images = []
    for item in response.json()["data"]:
        file = base64.b64decode(item["b64_json"]) if "b64_json" in item else httpx.get(item["url"]).content
        with Image.open(io.BytesIO(file)) as image:
            images.append(image.size)
    return images


@pytest.mark.parametrize("name", names())
def test_a_request_with_the_required_fields_is_accepted_with_each_ready_made_profile(name: str) -> None:
    contract = apply(load(), read(name))
    fields = {"model": contract.fields["model"]["enum"][0]} if "model" in contract.required_fields else {}
    with serving(read(name)) as client:
        response = post(client, image_field=contract.image_field, **fields)
        [item] = response.json()["data"]
        assert set(item) == {contract.defaults["response_format"]}
        expected = contract.defaults.get("size", "16x16")
        assert sizes(response) == [tuple(map(int, expected.split("x")))]


def test_the_declared_models_are_accepted_and_others_refused() -> None:
    with serving(declared(models=["sdxl", "flux"])) as client:
        assert post(client, model="flux", size="256x256").status_code == 200
        assert post(client, size="256x256").status_code == 200
        assert post(client, model="dall-e-2").json()["error"]["param"] == "model"


def test_a_required_model_is_required() -> None:
    with serving(declared(model_required=True)) as client:
        response = post(client)
        assert response.status_code == 400
        assert response.json()["error"]["param"] == "model"


def test_any_size_is_accepted_and_the_images_have_it() -> None:
    with serving(declared(sizes="any")) as client:
        assert sizes(post(client, size="30x20", n="2")) == [(30, 20), (30, 20)]
        assert post(client, size="thirty").status_code == 400
        assert post(client, size="0x20").status_code == 400


def test_images_have_the_size_of_the_input_if_that_is_the_default() -> None:
    with serving(declared(default_size="input", square=False)) as client:
        assert sizes(post(client, WIDE)) == [(24, 16)]


@pytest.mark.parametrize(
    ("maximum", "accepted", "refused"), [(4, "4", "5"), (12, "12", "13"), ("unlimited", "14", "0")]
)
def test_n_is_accepted_up_to_the_declared_maximum(maximum: object, accepted: str, refused: str) -> None:
    with serving(declared(max_n=maximum)) as client:
        assert len(sizes(post(client, n=accepted, size="256x256", response_format="b64_json"))) == int(accepted)
        assert post(client, n=refused).status_code == 400


@pytest.mark.parametrize(
    ("auth", "without_key", "wrong_key"), [("bearer", 401, 401), ("optional", 200, 401), ("none", 200, 200)]
)
def test_the_api_key_is_checked_as_declared(auth: str, without_key: int, wrong_key: int) -> None:
    with serving(declared(auth=auth)) as client:
        del client.headers["Authorization"]
        assert post(client, size="256x256").status_code == without_key
        client.headers["Authorization"] = "Bearer x"
        assert post(client, size="256x256").status_code == wrong_key


def test_an_image_need_not_be_square_if_that_is_declared() -> None:
    with serving(declared(square=False)) as client:
        assert post(client, WIDE, size="256x256").status_code == 200


def test_the_declared_kinds_of_images_are_accepted_and_others_refused() -> None:
    def file(kind: str) -> bytes:
        content = io.BytesIO()
        NOISE.save(content, kind)
        return content.getvalue()

    with serving(declared(image_kinds=["png", "jpeg"])) as client:
        assert post(client, file("PNG"), size="256x256").status_code == 200
        assert post(client, file("JPEG"), size="256x256").status_code == 200
        assert post(client, file("JPEG")[:-9], size="256x256").status_code in {200, 400}
        assert post(client, file("GIF"), size="256x256").status_code == 400


def test_an_image_is_refused_from_the_declared_size_on() -> None:
    largest = padded(SQUARE, 100_000)
    with serving(declared(max_image_bytes=len(largest))) as client:
        assert post(client, largest, size="256x256").status_code == 200
        assert post(client, largest + b"\0", size="256x256").status_code == 413


def test_the_image_is_read_from_each_declared_field() -> None:
    with serving(declared(image_field=["image[]", "picture"])) as client:
        assert post(client, image_field="image[]", size="256x256").status_code == 200
        assert post(client, image_field="picture", size="256x256").status_code == 200
        assert post(client, image_field="image").json()["error"]["param"] == "image[]"


def test_errors_have_the_declared_body_and_statuses() -> None:
    with serving(declared(error_body="detail", error_statuses=[422])) as client:
        for response in (post(client, n="0"), post(client, b"no image"), post(client, size="9x9")):
            assert (response.status_code, set(response.json())) == (422, {"detail"})
        assert client.get("/images/variations").status_code == 405


def test_an_extra_field_is_validated_by_its_schema() -> None:
    schema = {"type": "number", "minimum": 0, "maximum": 1}
    with serving(declared(extra_fields={"strength": schema})) as client:
        assert post(client, strength="0.5", size="256x256").status_code == 200
        assert post(client, strength="2", size="256x256").json()["error"]["param"] == "strength"
