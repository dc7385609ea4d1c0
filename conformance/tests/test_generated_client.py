"""The generated client holds all of the contract, and sends what it is given, whole, over a real connection."""

import importlib
import inspect
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from email.message import EmailMessage
from email.parser import BytesParser
from email.policy import HTTP
from enum import Enum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from pathlib import Path
from threading import Thread
from typing import Any

import attrs
import image_variations
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from image_variations import AuthenticatedClient, _stamp, models
from image_variations.api.images import create_image_variation
from image_variations.models import (
    CreateImageVariationRequest,
    CreateImageVariationRequestModel,
    CreateImageVariationRequestResponseFormat,
    CreateImageVariationRequestSize,
    ErrorResponse,
    ImagesResponse,
)
from image_variations.types import UNSET, File
from regeneration.document import read, resolve

ROOT = Path(__file__).parents[2]
CONTRACT = read(ROOT / "spec" / "openapi.yaml")
SCHEMAS: dict[str, dict[str, Any]] = CONTRACT["components"]["schemas"]
PROPERTIES = [(model, name) for model, schema in SCHEMAS.items() for name in schema["properties"]]
ENUMS = [(model, name) for model, name in PROPERTIES if "enum" in SCHEMAS[model]["properties"][name]]
EXAMPLES = resolve(CONTRACT, "#/paths/~1images~1variations/post/responses/200/content/application~1json")["examples"]
BREAKING_IMAGE = b'\x89PNG\r\n--+++\r\nContent-Disposition: form-data; name="n"\r\n\r\n9\r\n--+++--\r\n'


def unwrapped(text: str) -> str:
    """`text` with its lines joined, whatever the indentation."""
    return " ".join(text.split())


# --- all of the contract is there


@pytest.mark.parametrize("name", SCHEMAS)
def test_every_schema_is_a_model_with_its_description(name: str) -> None:
    model = getattr(models, name)
    assert attrs.has(model)
    assert unwrapped(SCHEMAS[name]["description"]) in unwrapped(inspect.getdoc(model) or "")


@pytest.mark.parametrize(("model", "name"), PROPERTIES)
def test_every_property_is_a_field_with_its_description_and_example(model: str, name: str) -> None:
    definition = SCHEMAS[model]["properties"][name]
    [field] = [field for field in attrs.fields(getattr(models, model)) if field.name.rstrip("_") == name]
    assert (field.default is attrs.NOTHING) == (name in SCHEMAS[model].get("required", []))

    described = definition if "description" in definition else resolve(CONTRACT, definition["$ref"])
    documented = unwrapped(inspect.getdoc(getattr(models, model)) or "")
    assert re.search(rf"\b{name}_? \([^)]*\): {re.escape(unwrapped(described['description']))}", documented)
    for example in definition.get("examples", []):
        assert f"Example: {example}." in documented


@pytest.mark.parametrize(("model", "name"), ENUMS)
def test_every_value_of_an_enum_is_a_member_under_its_name(model: str, name: str) -> None:
    definition = SCHEMAS[model]["properties"][name]
    enum: type[Enum] = getattr(models, model + "".join(word.capitalize() for word in name.split("_")))
    expected = dict(zip(definition["x-enum-varnames"], definition["enum"], strict=True))
    assert {member.name: member.value for member in enum} == expected


def test_the_operation_asks_for_a_key_and_tells_its_description() -> None:
    operation = CONTRACT["paths"]["/images/variations"]["post"]
    for name in ("sync", "sync_detailed", "asyncio", "asyncio_detailed"):
        function = getattr(create_image_variation, name)
        assert inspect.signature(function).parameters["client"].annotation is AuthenticatedClient
        documented = unwrapped(inspect.getdoc(function) or "")
        assert unwrapped(f"{operation['summary']} {operation['description']}") in documented


def test_the_version_of_the_package_is_that_of_the_contract() -> None:
    assert image_variations.__version__ == CONTRACT["info"]["version"] == _stamp.CONTRACT_VERSION


def test_every_public_name_is_there() -> None:
    for name in ("image_variations", "image_variations.models", "image_variations.types", "image_variations.errors"):
        module = importlib.import_module(name)
        assert [member for member in module.__all__ if not hasattr(module, member)] == []


def test_the_client_imports_nothing_but_attrs_and_httpx() -> None:
    program = """
import sys, attrs, httpx
before = set(sys.modules)
import image_variations.models, image_variations.api.images.create_image_variation
print({name.partition(".")[0] for name in set(sys.modules) - before} - sys.stdlib_module_names)
"""
    completed = subprocess.run([sys.executable, "-I", "-c", program], capture_output=True, text=True, check=True)
    assert completed.stdout == "{'image_variations'}\n"


# --- what it sends


class Recorder(ThreadingHTTPServer):
    """Answers every POST with `status` and `answer`, and keeps what was sent: the header fields and the body."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _RecordingHandler)
        self.requests: list[tuple[list[tuple[str, str]], bytes]] = []
        self.status = 200
        self.answer = b'{"created": 1, "data": [{"url": "https://images.example/a.png"}]}'

    def client(self) -> AuthenticatedClient:
        return AuthenticatedClient(base_url=f"http://127.0.0.1:{self.server_port}/v1", token="sk-test")  # noqa: S106


class _RecordingHandler(BaseHTTPRequestHandler):
    server: Recorder
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.requests.append((self.headers.items(), body))
        self.send_response(self.server.status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(self.server.answer)))
        self.end_headers()
        self.wfile.write(self.server.answer)

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 - the name is http.server's
        """Nothing: the tests read the requests themselves."""


@pytest.fixture(scope="module")
def recorder() -> Iterator[Recorder]:
    with Recorder() as server:
        thread = Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def parts_of(headers: list[tuple[str, str]], body: bytes) -> list[EmailMessage]:
    """The parts of the form, as the standard library reads them."""
    [content_type] = [value for name, value in headers if name.lower() == "content-type"]
    message = BytesParser(policy=HTTP).parsebytes(f"Content-Type: {content_type}\r\n\r\n".encode() + body)
    assert message.get_content_type() == "multipart/form-data"
    assert not message.defects
    return [part for part in message.iter_parts() if isinstance(part, EmailMessage)]


def boundary_of(headers: list[tuple[str, str]]) -> str:
    [content_type] = [value for name, value in headers if name.lower() == "content-type"]
    return content_type.partition("boundary=")[2]


def send(recorder: Recorder, **fields: Any) -> tuple[list[tuple[str, str]], bytes]:
    """The one request that the client sends with the `fields`."""
    recorder.requests.clear()
    with recorder.client() as client:
        answer = create_image_variation.sync(client=client, body=CreateImageVariationRequest(**fields))
    assert isinstance(answer, ImagesResponse)
    [request] = recorder.requests
    return request


def image_file(content: bytes) -> File:
    return File(payload=BytesIO(content), file_name="in.png", mime_type="image/png")


def test_every_field_arrives_as_a_part_of_the_form(recorder: Recorder) -> None:
    headers, body = send(
        recorder,
        image=image_file(b"\x89PNG\r\n\x1a\n\0\xff"),
        model=CreateImageVariationRequestModel.DALL_E_2,
        n=2,
        response_format=CreateImageVariationRequestResponseFormat.URL,
        size=CreateImageVariationRequestSize.SIZE_256X256,
        user="Zoë",
    )
    arrived = [
        (part.get_param("name", header="content-disposition"), part.get_filename(), part.get_payload(decode=True))
        for part in parts_of(headers, body)
    ]
    assert arrived == [
        ("image", "in.png", b"\x89PNG\r\n\x1a\n\0\xff"),
        ("model", None, b"dall-e-2"),
        ("n", None, b"2"),
        ("response_format", None, b"url"),
        ("size", None, b"256x256"),
        ("user", None, "Zoë".encode()),
    ]
    assert parts_of(headers, body)[0].get_content_type() == "image/png"
    assert dict(headers)["Authorization"] == "Bearer sk-test"


def test_what_is_not_given_is_left_out_of_the_form(recorder: Recorder) -> None:
    [part] = parts_of(*send(recorder, image=image_file(b"PNG")))
    assert part.get_param("name", header="content-disposition") == "image"


def test_the_boundary_differs_from_call_to_call(recorder: Recorder) -> None:
    boundaries = {boundary_of(send(recorder, image=image_file(b"PNG"))[0]) for _ in range(10)}
    assert len(boundaries) == 10
    assert all(len(boundary) >= 32 for boundary in boundaries)


@pytest.mark.parametrize("image", [b"a\r\n--+++\r\nb", BREAKING_IMAGE])
def test_an_image_that_holds_the_generators_own_boundary_arrives_whole(recorder: Recorder, image: bytes) -> None:
    headers, body = send(recorder, image=image_file(image))
    [part] = parts_of(headers, body)
    assert whole_payload(headers, body) == image
    assert part.get_param("name", header="content-disposition") == "image"


def whole_payload(headers: list[tuple[str, str]], body: bytes) -> bytes:
    """The content of the only part, cut out of the body by its boundary: to the byte, unlike a parser of text lines."""
    head, content = body.split(b"\r\n\r\n", 1)
    boundary = boundary_of(headers).encode()
    assert head.startswith(b"--" + boundary + b"\r\n")
    return content.removesuffix(b"\r\n--" + boundary + b"--\r\n")


@settings(max_examples=50, deadline=None)
@given(image=st.binary(max_size=2000) | st.just(BREAKING_IMAGE), user=st.text() | st.just("\r\n--+++\r\n"))
def test_any_image_and_any_user_arrive_whole(image: bytes, user: str) -> None:
    body = CreateImageVariationRequest(image=image_file(image), user=user)
    # The request as httpx would send it; no need of a connection for each of many.
    with AuthenticatedClient(base_url="http://127.0.0.1", token="sk-test") as client:  # noqa: S106
        request = client.get_httpx_client().build_request(**create_image_variation._get_kwargs(body=body))
    content = request.read()
    boundary = boundary_of(list(request.headers.items())).encode()
    parts = [part.split(b"\r\n\r\n", 1)[1] for part in content.split(b"--" + boundary)[1:-1]]
    assert parts == [image + b"\r\n", user.encode() + b"\r\n"]


# --- what it reads


@pytest.mark.parametrize("example", EXAMPLES)
def test_the_examples_of_the_contract_are_read_whole(example: str) -> None:
    value = EXAMPLES[example]["value"]
    answer = ImagesResponse.from_dict(value)
    assert answer.to_dict() == value
    assert [item.url is UNSET for item in answer.data] == [example == "b64_json"] * len(answer.data)


@pytest.mark.parametrize("status", [400, 401, 418, 422, 429, 500, 502, 503])
def test_the_error_object_is_read_under_every_error_status(recorder: Recorder, status: int) -> None:
    error = {"message": "No.", "type": "invalid_request_error", "param": None, "code": None}
    recorder.status, recorder.answer = status, json.dumps({"error": error}).encode()
    with recorder.client() as client:
        response = create_image_variation.sync_detailed(
            client=client, body=CreateImageVariationRequest(image=image_file(b"PNG"))
        )
    recorder.status, recorder.answer = 200, b'{"created": 1, "data": []}'
    assert response.status_code == status
    assert isinstance(response.parsed, ErrorResponse)
    assert response.parsed.to_dict() == {"error": error}
