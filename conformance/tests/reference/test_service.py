import base64
import io
import string
import time
from collections.abc import Mapping

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from image_variations_conformance.reference.app.service import API_KEY, Service
from image_variations_conformance.reference.app.serving import Running, running
from image_variations_conformance.reference.app.variations import png
from PIL import Image

PATH = "/images/variations"
PNG = png(Image.effect_noise((16, 16), 80).convert("RGB"))


def post(client: httpx.Client, image: bytes | None = PNG, **fields: str) -> httpx.Response:
    """Post a form, encoded by httpx, with these text fields and, unless it is None, an image."""
    parts: dict[str, tuple[str | None, bytes]] = {name: (None, text.encode()) for name, text in fields.items()}
    if image is not None:
        parts["image"] = ("image.png", image)
    return client.post(PATH, files=parts or {"": (None, b"")})


def assert_error(response: httpx.Response, status: int, param: str | None = None, code: str | None = None) -> str:
    """Check that the response is this error, with no other members, and return its message."""
    assert response.status_code == status
    assert response.headers["content-type"] == "application/json"
    error = response.json()["error"]
    assert set(error) == {"message", "type", "param", "code"}
    assert (error["type"], error["param"], error["code"]) == ("invalid_request_error", param, code)
    assert isinstance(error["message"], str)
    assert error["message"]
    return error["message"]


# --- valid requests


def test_image_without_options_gives_one_link_to_an_image_of_1024x1024(client: httpx.Client) -> None:
    response = post(client)
    assert response.status_code == 200
    assert response.headers["content-type"] == "application/json"
    document = response.json()
    assert set(document) == {"created", "data"}
    assert abs(document["created"] - time.time()) < 60
    [item] = document["data"]
    assert set(item) == {"url"}
    file = httpx.get(item["url"])
    assert file.headers["content-type"] == "image/png"
    with Image.open(io.BytesIO(file.content)) as image:
        assert image.size == (1024, 1024)


@pytest.mark.parametrize("size", ["256x256", "512x512", "1024x1024"])
@pytest.mark.parametrize("n", ["1", "3", "010"])
def test_b64_json_gives_n_different_pngs_of_the_requested_size(client: httpx.Client, n: str, size: str) -> None:
    response = post(client, n=n, size=size, response_format="b64_json", model="dall-e-2", user="someone")
    assert response.status_code == 200
    files = [base64.b64decode(item["b64_json"], validate=True) for item in response.json()["data"]]
    assert len(set(files)) == len(files) == int(n)
    for file in files:
        with Image.open(io.BytesIO(file)) as image:
            assert f"{image.width}x{image.height}" == size


@given(user=st.text(max_size=1000))
@settings(max_examples=15, deadline=None, database=None)
def test_user_may_be_any_text(client: httpx.Client, user: str) -> None:
    assert post(client, user=user, size="256x256").status_code == 200


def test_link_has_the_host_of_the_request_and_can_be_fetched_twice_without_a_key(server: Running) -> None:
    url = f"http://localhost:{server.port}/v1{PATH}"
    headers = {"Authorization": f"bearer {API_KEY}"}
    response = httpx.post(url, files={"image": PNG}, data={"size": "256x256"}, headers=headers)
    [item] = response.json()["data"]
    assert item["url"].startswith(f"http://localhost:{server.port}/")
    first, second = httpx.get(item["url"]), httpx.get(item["url"])
    assert first.status_code == second.status_code == 200
    assert first.content == second.content


@pytest.mark.parametrize("host", ["evil.example/x", "a b", '"', ""])
def test_invalid_host_header_is_not_used_in_a_link(server: Running, client: httpx.Client, host: str) -> None:
    response = client.post(PATH, files={"image": PNG}, data={"size": "256x256"}, headers={"Host": host})
    [item] = response.json()["data"]
    assert item["url"].startswith(f"http://127.0.0.1:{server.port}/")


def test_seed_gives_the_same_images_again_after_a_different_request() -> None:
    other = png(Image.new("RGB", (3, 3), "teal"))
    with running(Service("k", seed=7)) as server:
        headers = {"Authorization": "Bearer k"}
        with httpx.Client(base_url=server.base_url, headers=headers) as client:
            options = {"size": "256x256", "response_format": "b64_json"}
            results = [post(client, image, **options).json()["data"] for image in (PNG, other, PNG)]
    assert results[0] == results[2] != results[1]


def test_latency_applies_to_each_image() -> None:
    with running(Service("k", latency=0.05)) as server:
        start = time.monotonic()
        headers = {"Authorization": "Bearer k"}
        form = {"n": (None, b"3"), "size": (None, b"256x256"), "image": ("a", PNG)}
        assert httpx.post(server.base_url + PATH, files=form, headers=headers).status_code == 200
        assert time.monotonic() - start >= 0.15


def test_with_two_slots_four_images_take_two_latencies() -> None:
    with running(Service("k", latency=0.3, slots=2)) as server:
        form = {"n": (None, b"4"), "size": (None, b"256x256"), "image": ("a", PNG)}
        start = time.monotonic()
        assert httpx.post(server.base_url + PATH, files=form, headers={"Authorization": "Bearer k"}).status_code == 200
        assert 0.6 <= time.monotonic() - start < 1.2  # two rounds of two images, not four rounds of one


def test_query_string_and_unknown_fields_are_ignored(client: httpx.Client) -> None:
    form = {"image": ("a", PNG), "strength": (None, b"1"), "image[]": ("b", b"x")}
    response = client.post(PATH, params={"n": "3", "size": "1x1"}, files=form)
    assert response.status_code == 200
    assert len(response.json()["data"]) == 1


# --- invalid requests


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        *(
            ({"n": n}, "n")
            for n in ["", "0", "00", "-1", "11", "1.5", "abc", "10abc", "+3", " 3", "3\n", "٣", "9" * 9999]
        ),
        *(({"size": size}, "size") for size in ["", "256", "256X256", "999x999", " 256x256", "1024x1536"]),
        *(({"response_format": form}, "response_format") for form in ["", "URL", "b64", "b64_json "]),
    ],
)
def test_invalid_field_is_named_in_param_and_message(
    client: httpx.Client, fields: Mapping[str, str], param: str
) -> None:
    message = assert_error(post(client, PNG, **fields), 400, param)
    assert param in message
    assert len(message) < 200


@pytest.mark.parametrize("model", ["dall-e-3", "gpt-image-1", "DALL-E-2", "dall-e-2 "])
def test_unknown_model_gives_400_with_code_model_not_found(client: httpx.Client, model: str) -> None:
    assert_error(post(client, model=model), 400, "model", "model_not_found")


def test_empty_model_gives_400_without_code(client: httpx.Client) -> None:
    assert_error(post(client, model=""), 400, "model")


@pytest.mark.parametrize("name", ["", "image[]", "Image", "images", "file"])
def test_image_under_another_field_name_gives_400_for_a_missing_image(client: httpx.Client, name: str) -> None:
    assert_error(client.post(PATH, files={name: PNG}), 400, "image")


@pytest.mark.parametrize("name", ["image", "n", "user"])
def test_repeated_field_gives_400(client: httpx.Client, name: str) -> None:
    twice = [(name, ("a.png", PNG if name == "image" else b"2"))] * 2
    assert_error(client.post(PATH, files=[("image", ("a.png", PNG)), *twice]), 400, name)


def test_text_that_is_not_utf_8_gives_400(client: httpx.Client) -> None:
    assert_error(client.post(PATH, files={"image": PNG, "user": (None, b"\xff")}), 400, "user")


@pytest.mark.parametrize(
    "content_type", ["application/json", "application/x-www-form-urlencoded", "multipart/mixed", ""]
)
def test_other_content_type_gives_415(client: httpx.Client, content_type: str) -> None:
    assert_error(client.post(PATH, content=b"{}", headers={"Content-Type": content_type}), 415)


@pytest.mark.parametrize("boundary", ["", "; boundary=", '; boundary=""', f"; boundary={'a' * 71}", '; boundary="a "'])
def test_missing_or_invalid_boundary_gives_400(client: httpx.Client, boundary: str) -> None:
    content_type = f"multipart/form-data{boundary}"
    assert_error(client.post(PATH, content=b"--a--", headers={"Content-Type": content_type}), 400)


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND"])
def test_other_method_gives_405_with_allow(client: httpx.Client, method: str) -> None:
    response = client.request(method, PATH)
    assert response.headers["allow"] == "POST"
    if method == "HEAD":
        assert response.status_code == 405
    else:
        assert_error(response, 405)


@pytest.mark.parametrize("path", ["/", "/v1", "/v1/images/variations/", "/v1/images/edits", "/files/x.png", "/files/x"])
def test_unknown_path_gives_404(server: Running, path: str) -> None:
    assert_error(httpx.post(f"http://127.0.0.1:{server.port}{path}"), 404)
    assert_error(httpx.get(f"http://127.0.0.1:{server.port}{path}"), 405 if path == PATH else 404)


@pytest.mark.parametrize(
    ("key", "code"),
    [
        (None, None),
        ("", None),
        ("Bearer", None),
        (f"Basic {API_KEY}", None),
        (API_KEY, None),
        ("Bearer sk-wrong", "invalid_api_key"),
        (f"Bearer {API_KEY}x", "invalid_api_key"),
        (f"Bearer {API_KEY[:-1]}", "invalid_api_key"),
        ("Bearer schl\u00fcssel", "invalid_api_key"),
    ],
)
@pytest.mark.parametrize("form", [{"image": PNG}, {"image": b"wrong"}, None])
def test_missing_or_wrong_key_gives_401_even_if_the_form_is_invalid_too(
    server: Running, key: str | None, code: str | None, form: dict[str, bytes] | None
) -> None:
    headers = {} if key is None else {"Authorization": key.encode()}
    response = httpx.post(server.base_url + PATH, files=form, headers=headers)  # type: ignore[arg-type] # bytes are fine
    message = assert_error(response, 401, code=code)
    assert API_KEY not in message


# --- arbitrary requests

HEADER_TEXT = st.text(string.ascii_letters + string.digits + string.punctuation + " ", max_size=60)


@given(
    content_type=st.one_of(
        HEADER_TEXT,
        st.sampled_from(["multipart/form-data; boundary=b", 'multipart/form-data; BOUNDARY="b"; x=y']),
        HEADER_TEXT.map(lambda text: f"multipart/form-data; boundary={text}"),
    ),
    body=st.one_of(
        st.binary(max_size=300),
        st.lists(
            st.sampled_from([b"--b", b"--", b"\r\n", b"\n", b"\r", b":", b";", b" ", b'name="n"', b"x", b"\xff", b"\0"])
            | st.just(b'Content-Disposition: form-data; name="image"\r\n\r\n')
            | st.just(PNG),
            max_size=20,
        ).map(b"".join),
    ),
)
@settings(max_examples=300, deadline=None, database=None)
def test_arbitrary_body_gives_200_or_a_4xx_error_object(client: httpx.Client, content_type: str, body: bytes) -> None:
    response = client.post(PATH, content=body, headers={"Content-Type": content_type.strip()})
    if response.status_code != 200:
        assert 400 <= response.status_code < 500
        assert_error(response, response.status_code, response.json()["error"]["param"])
