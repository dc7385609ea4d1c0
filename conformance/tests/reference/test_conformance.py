"""The reference server answers every probe as the contract says, and names what an invalid request violates."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from image_variations_conformance.reference.app.api_error import ApiError
from image_variations_conformance.reference.app.service import Service
from image_variations_conformance.reference.app.serving import running
from reference.probes import (
    BLUE,
    KEY,
    PNG,
    PROBES,
    Form,
    Probe,
    Request,
    Response,
    connect,
    exchange,
    saved,
    with_texts,
)
from starlette.responses import Response as StarletteResponse

# The prefixes of the ids of requirements about valid requests, and about invalid ones.
VALID = (
    *("IV-IMAGE-PNG", "IV-IMAGE-UP-TO-LIMIT", "IV-IMAGE-BY-BYTES", "IV-IMAGE-OCTET-STREAM"),
    *("IV-IMAGE-NO-FILENAME", "IV-WIRE-", "IV-USER-", "IV-RES-", "IV-AUTH-SPACES"),
    *("IV-N-RANGE", "IV-N-DEFAULT", "IV-SIZE-ENUM", "IV-FORMAT-ENUM", "IV-MODEL-ACCEPTED"),
)
INVALID = (
    *("IV-AUTH-", "IV-N-", "IV-SIZE-", "IV-FORMAT-", "IV-MODEL-", "IV-ENUM-", "IV-IMAGE-"),
    *("IV-OP-METHOD", "IV-OP-MULTIPART"),
)


class Recording(Service):
    """Keeps the last error."""

    problem: ApiError | None = None

    def refusal(self, problem: ApiError) -> StarletteResponse:
        self.problem = problem
        return super().refusal(problem)


class Recorder:
    """Sends requests to a Recording server."""

    def __init__(self, app: Recording, port: int) -> None:
        self.app = app
        self.port = port

    def send(self, *requests: Request) -> list[Response]:
        """Return the responses to requests on one connection."""
        self.app.problem = None
        with connect(self.port) as connection:
            responses = [exchange(connection, request, self.port) for request in requests]
        assert all(isinstance(response, Response) for response in responses), responses
        return [response for response in responses if isinstance(response, Response)]


@pytest.fixture(scope="module")
def recorder() -> Iterator[Recorder]:
    app = Recording(KEY)
    with running(app) as server:
        yield Recorder(app, server.port)


def single(prefixes: tuple[str, ...], but: tuple[str, ...] = ("none",)) -> list[Any]:
    """Return the probes of one request whose first requirement has one of the prefixes, and not one of the others."""
    chosen = [
        (number, probe)
        for number, probe in enumerate(PROBES)
        if probe.requirements.startswith(prefixes) and not probe.requirements.startswith(but)
    ]
    return [
        pytest.param(probe, id=f"{number}-{probe.requirements.split()[0]}")
        for number, probe in chosen
        if len(probe.requests) == 1
    ]


@pytest.mark.parametrize("probe", single(VALID))
def test_valid_request_is_answered_200(recorder: Recorder, probe: Probe) -> None:
    [response] = recorder.send(*probe.requests)
    assert response.status == 200, response.body
    assert recorder.app.problem is None


@pytest.mark.parametrize("probe", single(INVALID, VALID))
def test_invalid_request_is_refused_and_its_error_has_the_requirement(recorder: Recorder, probe: Probe) -> None:
    [response] = recorder.send(*probe.requests)
    assert 400 <= response.status < 500
    assert set(json.loads(response.body)["error"]) == {"message", "type", "param", "code"}
    assert recorder.app.problem is not None
    expected = {*probe.requirements.split(), *(["IV-AUTH-REQUIRED"] if "IV-AUTH" in probe.requirements else [])}
    assert recorder.app.problem.requirement in expected


@pytest.mark.parametrize("probe", single(("IV-ERR-NO-5XX", "IV-OP-HEAD-OPTIONS")))
def test_request_about_which_the_contract_is_silent_is_not_answered_5xx(recorder: Recorder, probe: Probe) -> None:
    [response] = recorder.send(*probe.requests)
    assert response.status < 500
    problem = recorder.app.problem
    assert problem is None or problem.requirement in {"", "IV-OP-HEAD-OPTIONS"}


OTHERS = [
    Request(with_texts(n="x")),
    Request(authorization=None),
    Request(None, b"{}", content_type="application/json"),
    Request(None, method="GET"),
    Request(None, method="HEAD"),
    Request(Form(None)),
    Request(Form(PNG[:500])),
    Request(Form(PNG + bytes(4_194_304))),
    Request(extension=b";a=1", trailers=b"X-Checksum: 0\r\n"),
    Request(headers="Expect: 100-continue\r\n"),
    Request(Form(change=lambda body: body[:-12])),
    Request(Form(change=lambda body: body + b"an epilogue")),
]


@pytest.mark.parametrize("other", OTHERS)
def test_request_after_another_one_on_the_connection_is_answered_like_the_first(
    recorder: Recorder, other: Request
) -> None:
    first = Request(with_texts(n="2"))
    [alone] = recorder.send(first)
    *_, after = recorder.send(first, other, first)
    assert (after.status, len(json.loads(after.body)["data"])) == (alone.status, 2)


def test_text_is_read_by_the_charset_of_its_part(recorder: Recorder) -> None:
    headers = "Content-Type: text/plain; charset=UTF-16LE\r\n"
    form = Form(texts=tuple((name, text.encode("utf-16-le")) for name, text in (("n", "2"), ("size", "256x256"))))
    [response] = recorder.send(Request(Form(texts=form.texts, text_headers=headers)))
    assert len(json.loads(response.body)["data"]) == 2
    [response] = recorder.send(Request(Form(texts=form.texts, text_headers="Content-Type: text/plain; charset=x\r\n")))
    assert response.status == 400


def test_error_about_an_image_has_its_part(recorder: Recorder) -> None:
    recorder.send(Request(Form(saved(BLUE, "JPEG"))))
    problem = recorder.app.problem
    assert problem is not None
    assert problem.part is not None
    assert (problem.requirement, problem.part.content_type) == ("IV-IMAGE-FORMAT", "image/png")
