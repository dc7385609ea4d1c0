"""Each quirk is described, has an effect that a client can observe, and can be combined with the others."""

import base64
import itertools
import json
import re
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from image_variations_conformance.cases.case import Builder
from image_variations_conformance.cases.transforms import with_chunked_coding, with_header
from image_variations_conformance.contract import document as contract
from image_variations_conformance.media import png
from image_variations_conformance.reference.app.service import Service
from image_variations_conformance.reference.app.serving import running
from image_variations_conformance.reference.variants import QUIRKS, UnknownVariantError, quirky
from image_variations_conformance.sources.transport import Transport
from image_variations_conformance.wire.exchange import Request
from image_variations_conformance.wire.multipart import text_part
from image_variations_conformance.wire.target import Target
from starlette.types import ASGIApp
from support.requests import CONTRACT

KEY = "sk-odd-0123456789abcdef"
LEVELS = {requirement.id: requirement.level for requirement in contract.load().requirements.values()}
SMALL = {"size": "256x256", "response_format": "b64_json"}


# --- the catalogue


@pytest.mark.parametrize("quirk", QUIRKS.values(), ids=lambda quirk: quirk.name)
def test_quirk_has_a_valid_name_a_summary_and_a_reason_why_it_is_allowed(quirk: Any) -> None:
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", quirk.name)
    assert re.fullmatch(r"[A-Z].*\.", quirk.summary)
    assert re.match(r"RFC \d+|IV-|reading: |unspecified: |JSON Schema", quirk.by)
    named = re.findall(r"IV-[A-Z0-9-]+", quirk.by)
    assert set(named) <= set(LEVELS)


@pytest.mark.parametrize("quirk", QUIRKS.values(), ids=lambda quirk: quirk.name)
def test_quirk_causes_warnings_about_shoulds_only(quirk: Any) -> None:
    assert {LEVELS[requirement] for requirement in quirk.warns} <= {"should"}


def test_unknown_quirk_name_raises_an_error_that_suggests_a_similar_name() -> None:
    with pytest.raises(UnknownVariantError, match="gzip"):
        quirky(["gzipp"])


def test_any_two_quirks_can_be_combined_in_one_server() -> None:
    for names in itertools.combinations(QUIRKS, 2):
        assert isinstance(quirky(names), Service)


def test_options_are_passed_to_the_quirky_server() -> None:
    server = quirky(["slow", "same-again"], api_key="other", latency=1.0, seed=3)
    assert (server.api_key, server.latency, server.seed) == ("other", 1.0, 3)


# --- the effects of quirks on responses


def requests(target: Target) -> list[Request]:
    """Return the requests that are sent to each server: one of every kind that a quirk may treat differently."""
    b = Builder.of(CONTRACT, target, 1, "quirks")
    picture = b.png()
    image = b.image(picture)
    return [
        b.form(image, **SMALL),
        with_chunked_coding(b.form(image, **SMALL)),
        b.form(image, size="256x256"),
        b.form(image, n="11"),
        b.form(image, n="03", **SMALL),
        b.form(image, model="no-such-model"),
        b.form(image, colour="red", **SMALL),
        b.multipart((image, *(text_part("n", value) for value in ("1", "2")), text_part("size", "256x256"))),
        b.form(b.image(b"\xff\xd8\xff\xe0")),
        b.form(b.image(png.padded(picture, 4_000_001)), **SMALL),
        b.form(b.image(png.padded(picture, 4_100_000)), **SMALL),
        b.form(b.image(png.padded(picture, 4_194_304))),
        b.post(b"{}", "application/json"),
        Request("GET", target.path, (*b.headers(), ("Content-Length", "0"))),
        with_header(b.form(image), "Authorization", None),
        with_header(b.form(image), "Authorization", "Bearer sk-this-is-another-key"),
    ]


def connect(target: Target) -> socket.socket:
    host, _, port = target.host.partition(":")
    return socket.create_connection((host, int(port)), timeout=20)


def raw_response(target: Target, request: Request) -> bytes:
    """Send a request and return the bytes of the response, received until the server closes the connection."""
    with connect(target) as connection:
        connection.sendall(request.head())
        for piece in request.framed_body():
            connection.sendall(piece)
        pieces = []
        while piece := connection.recv(1 << 16):
            pieces.append(piece)
    return b"".join(pieces)


def image_kind(text: bytes) -> bytes:
    """Return the properties of an image in base64 that its first bytes show.

    They are the header fields and the ancillary chunk names of a PNG, and the first 4 bytes of any other file.
    """
    content = base64.b64decode(text.replace(rb"\/", b"/")[:400])
    if not content.startswith(png.SIGNATURE):
        return content[:4]
    return content[16:29] + b" ".join(re.findall(rb"PLTE|tRNS|tEXt|iTXt|pHYs", content))


def traits(response: bytes, target: Target) -> object:
    """Return the properties of a response that do not depend on chance.

    They are its head, its body with placeholders for variable values, and whether `created` is off by over a minute.
    """
    head, _, body = response.partition(b"\r\n\r\n")
    head = re.sub(rb"(?i)^(date: *\w{3}, )[^\r]*|^(content-length: *)\d+", rb"\1\2", head, flags=re.MULTILINE)
    body = re.sub(rb'("b64_json": ?")([^"]*)', lambda match: match[1] + image_kind(match[2]), body)
    body = re.sub(rb"(?<=/)(at-)?[\w-]{32}(?![\w-])", b"TOKEN", body).replace(target.host.encode(), b"HOST")
    created = re.search(rb'"created": ?(\d+)', body)
    is_off = created is not None and abs(int(created[1]) - time.time()) > 60
    return head, re.sub(rb'("created": ?)\d+', rb"\1", body), is_off


def link_traits(target: Target) -> list[object]:
    """Request one link, fetch it, and return the status, the Content-Type and the first 4 bytes of the response."""
    b = Builder.of(CONTRACT, target, 1, "quirks")
    response = Transport(target).send("links", b.form(size="256x256")).response
    assert response is not None
    (link,) = (item["url"] for item in json.loads(response.body)["data"])
    fetched = httpx.get(link, timeout=20)
    return [fetched.status_code, fetched.headers.get("content-type"), fetched.content[:4]]


def all_traits(app: ASGIApp) -> list[object]:
    with running(app) as server:
        target = Target.parse(server.base_url, KEY)
        responses = [traits(raw_response(target, request), target) for request in requests(target)]
        return [*responses, link_traits(target)]


@pytest.fixture(scope="session")
def expected_traits() -> list[object]:
    """The properties of all responses of the reference server without a quirk."""
    return all_traits(Service(api_key=KEY))


# Quirks that affect only timing, parallel requests or randomness. They have their own tests below.
TESTED_SEPARATELY = {"slow", "one-at-a-time", "four-at-once", "in-small-packets", "same-again"}


def test_responses_of_a_server_without_quirks_have_the_same_properties_again(expected_traits: list[object]) -> None:
    """If these properties depended on chance, a difference would not prove that a quirk has an effect."""
    assert all_traits(Service(api_key=KEY)) == expected_traits


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(set(QUIRKS) - TESTED_SEPARATELY))
def test_quirk_changes_the_properties_of_a_response(expected_traits: list[object], name: str) -> None:
    assert all_traits(quirky([name], api_key=KEY)) != expected_traits


@pytest.fixture
def target(request: pytest.FixtureRequest) -> Iterator[Target]:
    """The server with the quirk that the test is parametrized by."""
    with running(quirky([request.param], api_key=KEY)) as server:
        yield Target.parse(server.base_url, KEY)


def post_small_form(target: Target, number: int = 0) -> bytes:
    request = Builder.of(CONTRACT, target, number, "small").form(**SMALL)
    return raw_response(target, request)


@pytest.mark.parametrize("target", ["slow"], indirect=True)
def test_slow_delays_the_response(target: Target) -> None:
    started = time.monotonic()
    post_small_form(target)
    assert time.monotonic() - started > 0.1


@pytest.mark.parametrize("target", ["in-small-packets"], indirect=True)
def test_in_small_packets_sends_the_response_in_several_packets(target: Target) -> None:
    request = Builder.of(CONTRACT, target, 1, "packets").form(n="0")
    with connect(target) as connection:
        connection.sendall(b"".join([request.head(), *request.framed_body()]))
        sizes = []
        while piece := connection.recv(1 << 20):
            sizes.append(len(piece))
    assert len(sizes) > 1


@pytest.mark.parametrize("target", ["same-again"], indirect=True)
def test_same_again_returns_equal_images_for_equal_pictures_only(target: Target) -> None:
    def image(response: bytes) -> bytes:
        (encoded,) = re.findall(rb'"b64_json":"([^"]+)"', response)
        return bytes(encoded)

    assert image(post_small_form(target)) == image(post_small_form(target))
    assert image(post_small_form(target)) != image(post_small_form(target, 1))


@pytest.mark.parametrize(
    ("target", "statuses"), [("four-at-once", {200, 429}), ("one-at-a-time", {200})], indirect=["target"]
)
def test_twelve_parallel_requests_are_answered_with_the_statuses_of_the_quirk(
    target: Target, statuses: set[int]
) -> None:
    with ThreadPoolExecutor(12) as pool:
        responses = list(pool.map(lambda number: post_small_form(target, number), range(12)))
    assert {int(response.split(b" ")[1]) for response in responses} == statuses
    assert all(b"retry-after: 1" in response for response in responses if b" 429 " in response[:20])
