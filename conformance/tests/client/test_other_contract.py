"""All features of the client come from the templates: the client of another contract has them too."""

import asyncio
import importlib
import io
import json
from base64 import b64encode
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from client.driving import MODES
from client.other_clients import CONTRACTS, Caller, generated
from client.recorder import CannedResponse, Part, Recorder
from image_variations_conformance.media import png
from PIL import Image
from regeneration.__main__ import run

pytestmark = pytest.mark.slow

STUDIO = CONTRACTS / "studio.yaml"
TOKEN = "st-0123456789abcdef"  # noqa: S105 - of a test server
SQUARE = png.encode(Image.new("RGB", (2, 2)))
RETOUCHED = b'{"at": "2026-05-12T10:00:00Z", "photos": []}'


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ModuleType]:
    """The generated client package of the other contract."""
    with generated("studio", tmp_path_factory.mktemp("studio")) as package:
        yield package


@pytest.fixture(params=MODES)
def call(request: pytest.FixtureRequest, studio: ModuleType, recorder: Recorder) -> Iterator[Caller]:
    with asyncio.Runner() as runner:
        caller = Caller(studio, request.param, recorder.base_url, runner, TOKEN)
        yield caller
        caller(caller.client.close)


def test_the_key_and_the_base_url_are_read_from_the_variables_named_in_the_contract(
    studio: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(studio.StudioError, match="STUDIO_TOKEN"):
        studio.Client()
    monkeypatch.setenv("STUDIO_TOKEN", TOKEN)
    assert studio.Client().base_url == "https://studio.example/api"
    monkeypatch.setenv("STUDIO_URL", "http://127.0.0.1:1/x/")
    assert studio.AsyncClient().base_url == "http://127.0.0.1:1/x"


def test_every_kind_of_part_is_encoded_as_the_contract_requires(
    call: Caller, studio: ModuleType, recorder: Recorder
) -> None:
    recorder.expect(CannedResponse(201, RETOUCHED))
    frame = importlib.import_module("studio.models").RetouchPhotoBodyFrame(width=3)
    result = call(
        call.client.photos.retouch,
        photo=SQUARE,
        strength=0.5,
        layers=[b"one", ("two.webp", io.BytesIO(b"two"))],
        labels=["sea", "Zoë"],
        frame=frame,
        extra_body={"seed": 7, "fast": True},
    )
    assert isinstance(result, studio.Retouched)
    assert result.at == datetime(2026, 5, 12, 10, tzinfo=UTC)
    received = recorder.only()
    assert (received.method, received.target) == ("POST", "/v1/photos/retouches")
    assert received.header("authorization") == f"Bearer {TOKEN}"
    assert received.parts_by_python_multipart() == [
        ("photo", Part(SQUARE, "photo.png", "image/png")),
        ("strength", Part(b"0.5")),
        ("layers", Part(b"one", "layers.webp", "image/webp")),
        ("layers", Part(b"two", "two.webp", "image/webp")),
        ("labels", Part(b"sea")),
        ("labels", Part("Zoë".encode())),
        ("frame", Part(b'{"width": 3}', None, "application/json")),
        ("seed", Part(b"7")),
        ("fast", Part(b"true")),
    ]


@pytest.mark.parametrize(
    ("arguments", "param"),
    [
        ({"strength": 0}, "strength"),
        ({"strength": 1.01}, "strength"),
        ({"layers": [b"1", b"2", b"3"]}, "layers"),
        ({"style": "sharp"}, "style"),
        ({"photo": png.encode(Image.new("RGB", (2, 3)))}, "photo"),
        ({"photo": png.encode(Image.new("RGB", (3, 3)))}, "photo"),
        ({"photo": SQUARE.ljust(1001, b"\0")}, "photo"),
        ({"photo": b"GIF89a"}, "photo"),
        ({"mask": SQUARE}, "mask"),
        ({"mask": b"RIFF\x64\0\0\0WAVE"}, "mask"),
        ({"mask": b""}, "mask"),
    ],
)
def test_a_value_out_of_the_bounds_of_the_contract_is_refused_before_it_is_sent(
    call: Caller, studio: ModuleType, recorder: Recorder, arguments: dict[str, Any], param: str
) -> None:
    recorder.expect()
    with pytest.raises(studio.InvalidRequestError) as caught:
        call(call.client.photos.retouch, **{"photo": SQUARE, "strength": 1, **arguments})
    assert caught.value.param == param
    assert recorder.received == []


def test_members_of_models_and_path_parameters_and_json_fields_are_checked_too(
    call: Caller, studio: ModuleType
) -> None:
    frame = importlib.import_module("studio.models").RetouchPhotoBodyFrame(width=0)
    with pytest.raises(studio.InvalidRequestError, match="width"):
        call(call.client.photos.retouch, photo=SQUARE, strength=1, frame=frame)
    with pytest.raises(studio.InvalidRequestError, match="photo-id"):
        call(call.client.photos.annotate, photo_id="123456", text="x")
    with pytest.raises(studio.InvalidRequestError, match="text"):
        call(call.client.photos.annotate, photo_id="1", text="")


@pytest.mark.parametrize("mask", [b"\xff\xd8\xff\xe0", b"RIFF\x64\0\0\0WEBPVP8 ", b"GIF87a", b"GIF89a"])
def test_an_image_of_any_of_several_kinds_is_sent(call: Caller, recorder: Recorder, mask: bytes) -> None:
    recorder.expect(CannedResponse(201, RETOUCHED))
    photo = SQUARE.ljust(1000, b"\0")
    call(call.client.photos.retouch, photo=photo, strength=1, mask=mask)
    parts = recorder.only().parts()
    assert (parts["photo"].content, parts["mask"].content) == (photo, mask)


def test_the_valid_kinds_are_listed_in_the_error_message(call: Caller, studio: ModuleType) -> None:
    with pytest.raises(studio.InvalidRequestError, match="mask must be a JPEG, WebP or GIF file"):
        call(call.client.photos.retouch, photo=SQUARE, strength=1, mask=SQUARE)


def test_a_retry_sends_the_same_parts(call: Caller, recorder: Recorder) -> None:
    recorder.expect(CannedResponse(503, b"", {"Retry-After": "0"}), CannedResponse(201, RETOUCHED))
    call(call.client.photos.retouch, photo=io.BytesIO(SQUARE), strength=1)
    first, second = (received.parts() for received in recorder.received)
    assert first == second
    assert first["photo"] == Part(SQUARE, "photo.png", "image/png")


def test_an_item_with_an_embedded_file_or_a_link_can_be_read(call: Caller, recorder: Recorder) -> None:
    photos = [{"file": b64encode(SQUARE).decode()}, {"address": f"{recorder.origin}/p.png"}]
    body = json.dumps({"at": "2026-05-12T10:00:00Z", "photos": photos}).encode()
    recorder.expect(CannedResponse(201, body), CannedResponse(200, b"linked", {}))
    embedded, linked = call(call.client.photos.retouch, photo=SQUARE, strength=1).photos
    read = "read" if hasattr(call.client, "__enter__") else "aread"
    assert call(getattr(embedded, read)) == SQUARE
    assert call(getattr(linked, read)) == b"linked"
    assert recorder.received[1].header("authorization") is None


def test_parameters_are_sent_in_path_query_and_headers_and_the_body_as_json(call: Caller, recorder: Recorder) -> None:
    recorder.expect(CannedResponse(204, b"", {}))
    result = call(
        call.client.photos.annotate, photo_id="a/é", lang="de", x_trace="t1", text="Hm", until=date(2026, 1, 2)
    )
    assert result is None
    received = recorder.only()
    assert (received.method, received.target) == ("PUT", "/v1/photos/a%2F%C3%A9/notes?lang=de")
    assert (received.header("x-trace"), received.header("content-type")) == ("t1", "application/json")
    assert json.loads(received.body) == {"text": "Hm", "until": "2026-01-02"}


def test_an_error_has_the_model_of_its_status_in_the_contract(
    call: Caller, studio: ModuleType, recorder: Recorder
) -> None:
    recorder.expect(
        CannedResponse(422, b'{"detail": "Too dark."}'), CannedResponse(404, b'{"detail": "No such photo."}')
    )
    with pytest.raises(studio.UnprocessableEntityError, match="422: Too dark") as caught:
        call(call.client.photos.retouch, photo=SQUARE, strength=1)
    assert caught.value.parsed == studio.Complaint(detail="Too dark.")
    with pytest.raises(studio.NotFoundError) as missing:
        call(call.client.photos.annotate, photo_id="1", text="x")
    assert missing.value.parsed == studio.Complaint(detail="No such photo.")


def test_an_operation_without_security_is_called_without_the_key(call: Caller, recorder: Recorder) -> None:
    recorder.expect(CannedResponse(200, "gefunden: Zoë".encode(), {"Content-Type": "text/plain"}))
    # `timeout` is a field of this body and an argument of every call.
    assert call(call.client.default.search, words=["sea", "a&b"], timeout_=3, timeout=5.0) == "gefunden: Zoë"
    received = recorder.only()
    assert received.header("authorization") is None
    assert received.header("content-type") == "application/x-www-form-urlencoded"
    assert received.body == b"words=sea&words=a%26b&timeout=3"


@pytest.mark.parametrize(
    ("name", "security", "sends_key"), [("optional", "[{token: []}, {}]", True), ("none", "[]", False)]
)
def test_a_client_of_a_contract_that_requires_no_key_needs_none(
    recorder: Recorder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, security: str, *, sends_key: bool
) -> None:
    before, after = STUDIO.read_text().split("security:\n  - token: []\n")
    (tmp_path / "studio.yaml").write_text(f"{before}security: {security}\n{after}")
    assert run(tmp_path / "studio.yaml", tmp_path / f"studio_{name}", check=False) == 0
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delenv("STUDIO_TOKEN", raising=False)
    package = importlib.import_module(f"studio_{name}")
    for key, header in ((None, None), (TOKEN, f"Bearer {TOKEN}" if sends_key else None)):
        recorder.expect(CannedResponse(204, b"", {}))
        with package.Client(api_key=key, base_url=recorder.base_url) as client:
            client.photos.annotate(photo_id="1", text="x")
        assert recorder.only().header("authorization") == header
