"""The quirks: each is described, each is really to be seen by a client, and each can be had with the others."""

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
from image_variations_conformance.cases.transforms import with_header
from image_variations_conformance.contract import document as contract
from image_variations_conformance.media import png
from image_variations_conformance.reference.app.service import Service
from image_variations_conformance.reference.app.serving import running
from image_variations_conformance.reference.quirks.catalogue import _FAMILIES, QUIRKS, quirky
from image_variations_conformance.reference.variants import UnknownVariantError
from image_variations_conformance.sources.transport import Transport
from image_variations_conformance.wire.exchange import Request
from image_variations_conformance.wire.multipart import text_part
from image_variations_conformance.wire.target import Target
from starlette.types import ASGIApp
from support.requests import CONTRACT

KEY = "sk-odd-0123456789abcdef"
LEVELS = {it.id: it.level for it in contract.load().requirements.values()}
SMALL = {"size": "256x256", "response_format": "b64_json"}


# --- the catalogue


@pytest.mark.parametrize("quirk", QUIRKS.values(), ids=lambda quirk: quirk.name)
def test_an_oddity_says_what_it_does_and_what_allows_it(quirk: Any) -> None:
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", quirk.name)
    assert re.fullmatch(r"[A-Z].*\.", quirk.summary)
    assert re.match(r"RFC \d+|IV-|reading: |unspecified: |JSON Schema", quirk.by)
    named = re.findall(r"IV-[A-Z0-9-]+", quirk.by)
    assert set(named) <= set(LEVELS)


@pytest.mark.parametrize("quirk", QUIRKS.values(), ids=lambda quirk: quirk.name)
def test_an_oddity_departs_from_no_must(quirk: Any) -> None:
    assert {LEVELS[requirement] for requirement in quirk.warns} <= {"should"}


def test_no_two_oddities_have_one_name() -> None:
    names = [quirk.name for family in _FAMILIES for quirk in family.quirks]
    assert sorted(set(names)) == sorted(names)


def test_unknown_oddity_is_told_of_with_those_that_are_close() -> None:
    with pytest.raises(UnknownVariantError, match="gzip"):
        quirky(["gzipp"])


def test_any_two_oddities_make_one_server() -> None:
    for names in itertools.combinations(QUIRKS, 2):
        assert isinstance(quirky(names), Service)


def test_options_reach_the_server() -> None:
    server = quirky(["slow", "same-again"], api_key="other", latency=1.0, seed=3)
    assert (server.api_key, server.latency, server.seed) == ("other", 1.0, 3)


# --- what is to be seen of an quirk


def requests(target: Target) -> list[Request]:
    """Return what is asked of each server: something of every kind that an quirk may treat in another way."""
    b = Builder.of(CONTRACT, target, 1, "quirks")
    picture = b.png()
    image = b.image(picture)
    return [
        b.form(image, **SMALL),
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


def connected(target: Target) -> socket.socket:
    host, _, port = target.host.partition(":")
    return socket.create_connection((host, int(port)), timeout=20)


def raw_answer(target: Target, request: Request) -> bytes:
    """Return an answer as it is on the wire."""
    with connected(target) as connection:
        connection.sendall(request.head())
        for piece in request.framed_body():
            connection.sendall(piece)
        pieces = []
        while piece := connection.recv(1 << 16):
            pieces.append(piece)
    return b"".join(pieces)


def kind(text: bytes) -> bytes:
    """Return what a picture in base64 is by its beginning: for a PNG, its header and the names of its first chunks."""
    content = base64.b64decode(text.replace(rb"\/", b"/")[:400])
    if not content.startswith(png.SIGNATURE):
        return content[:4]
    return content[16:29] + b" ".join(re.findall(rb"PLTE|tRNS|tEXt|iTXt|pHYs", content))


def seen(answer: bytes, target: Target) -> object:
    """Return what can be told of an answer that does not depend on chance: its head, its body without what changes."""
    head, _, body = answer.partition(b"\r\n\r\n")
    head = re.sub(rb"(?i)^(date: *\w{3}, )[^\r]*|^(content-length: *)\d+", rb"\1\2", head, flags=re.MULTILINE)
    body = re.sub(rb'("b64_json": ?")([^"]*)', lambda found: found[1] + kind(found[2]), body)
    body = re.sub(rb"(?<=/)(at-)?[\w-]{32}\b", b"TOKEN", body).replace(target.host.encode(), b"HOST")
    shifted = re.search(rb'"created": ?(\d+)', body)
    late = shifted is not None and abs(int(shifted[1]) - time.time()) > 60
    return head, re.sub(rb'("created": ?)\d+', rb"\1", body), late


def links(target: Target) -> list[object]:
    """Return what is behind a link, by its status, its headers and its first bytes."""
    b = Builder.of(CONTRACT, target, 1, "quirks")
    answer = Transport(target).send("links", b.form(size="256x256")).response
    assert answer is not None
    (link,) = (item["url"] for item in json.loads(answer.body)["data"])
    found = httpx.get(link, timeout=20)
    return [found.status_code, found.headers.get("content-type"), found.content[:4]]


def everything_seen(app: ASGIApp) -> list[object]:
    with running(app) as server:
        target = Target.parse(server.base_url, KEY)
        answers = [seen(raw_answer(target, request), target) for request in requests(target)]
        return [*answers, links(target)]


@pytest.fixture(scope="session")
def usual() -> list[object]:
    """What is seen of the reference server without an quirk."""
    return everything_seen(Service(api_key=KEY))


# What these do shows in time, or in two answers at once, or in chance: tested below.
OTHERWISE = {"slow", "one-at-a-time", "four-at-once", "in-small-packets", "same-again"}


def test_without_an_oddity_nothing_is_seen(usual: list[object]) -> None:
    """Else the test below would prove nothing: what is seen of an answer must not depend on chance."""
    assert everything_seen(Service(api_key=KEY)) == usual


@pytest.mark.parametrize("name", sorted(set(QUIRKS) - OTHERWISE))
def test_an_oddity_shows(usual: list[object], name: str) -> None:
    assert everything_seen(quirky([name], api_key=KEY)) != usual


@pytest.fixture
def target(request: pytest.FixtureRequest) -> Iterator[Target]:
    """The server with the quirk that the test is parametrized by."""
    with running(quirky([request.param], api_key=KEY)) as server:
        yield Target.parse(server.base_url, KEY)


def small(target: Target, number: int = 0) -> bytes:
    request = Builder.of(CONTRACT, target, number, "small").form(**SMALL)
    return raw_answer(target, request)


@pytest.mark.parametrize("target", ["slow"], indirect=True)
def test_slow_takes_its_time(target: Target) -> None:
    started = time.monotonic()
    small(target)
    assert time.monotonic() - started > 0.1


@pytest.mark.parametrize("target", ["in-small-packets"], indirect=True)
def test_in_small_packets_the_body_does_not_come_with_the_head(target: Target) -> None:
    requested = Builder.of(CONTRACT, target, 1, "packets").form(n="0")
    with connected(target) as connection:
        connection.sendall(b"".join([requested.head(), *requested.framed_body()]))
        sizes = []
        while piece := connection.recv(1 << 20):
            sizes.append(len(piece))
    assert len(sizes) > 1


@pytest.mark.parametrize("target", ["same-again"], indirect=True)
def test_same_again_makes_the_same_image_of_the_same_picture(target: Target) -> None:
    def image(answer: bytes) -> bytes:
        (found,) = re.findall(rb'"b64_json":"([^"]+)"', answer)
        return bytes(found)

    assert image(small(target)) == image(small(target))
    assert image(small(target)) != image(small(target, 1))


@pytest.mark.parametrize(
    ("target", "statuses"), [("four-at-once", {200, 429}), ("one-at-a-time", {200})], indirect=["target"]
)
def test_what_many_at_once_are_answered(target: Target, statuses: set[int]) -> None:
    with ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(lambda number: small(target, number), range(12)))
    assert {int(answer.split(b" ")[1]) for answer in answers} == statuses
    assert all(b"retry-after: 1" in answer for answer in answers if b" 429 " in answer[:20])
