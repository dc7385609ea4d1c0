"""Each quirk is described, and has an effect that a client can observe."""

import re
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from image_variations_conformance.reference.app.serving import running
from image_variations_conformance.reference.variants import QUIRKS, UnknownVariantError, quirky
from reference.prober import Prober
from reference.probes import BLUE, KEY, PNG, Form, Request, Response, connect, exchange, saved

REGISTER = yaml.safe_load((Path(__file__).parents[3] / "spec" / "requirements.yaml").read_text())
LEVELS = {entry["id"]: entry["level"] for part in ("requirements", "planned") for entry in REGISTER.get(part) or ()}


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


def test_options_are_passed_to_the_quirky_server() -> None:
    server = quirky(["slow", "same-again"], api_key="other", latency=1.0, seed=3)
    assert (server.api_key, server.latency, server.seed) == ("other", 1.0, 3)


# --- the effects of quirks on responses

# Quirks that affect only timing, parallel requests or randomness. They have their own tests below.
TESTED_SEPARATELY = {"slow", "slow-at-first", "one-at-a-time", "four-at-once", "in-small-packets", "same-again"}
# A quirk that needs its own server, which the lifespan of the app starts.
TESTED_SEPARATELY |= {"link-other-port"}


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(set(QUIRKS) - TESTED_SEPARATELY))
def test_quirk_changes_the_result_of_a_probe(prober: Prober, name: str) -> None:
    assert prober.shown(name) is not None, f"no request of PROBES shows the quirk {name}: add one that does"


@pytest.fixture
def port(request: pytest.FixtureRequest) -> Iterator[int]:
    """The port of a server with the quirk that the test is parametrized by."""
    with running(quirky([request.param], api_key=KEY)) as server:
        yield server.port


def post(port: int, image: bytes = PNG) -> Response:
    with connect(port) as connection:
        connection.settimeout(10)
        response = exchange(connection, Request(Form(image)), port)
    assert isinstance(response, Response)
    return response


@pytest.mark.parametrize(("port", "seconds"), [("slow", 0.1), ("slow-at-first", 2.9)], indirect=["port"])
def test_slow_server_delays_the_response(port: int, seconds: float) -> None:
    started = time.monotonic()
    assert post(port).status == 200
    assert time.monotonic() - started > seconds


@pytest.mark.parametrize("port", ["slow-at-first"], indirect=True)
def test_slow_at_first_does_not_delay_the_second_response(port: int) -> None:
    post(port)
    started = time.monotonic()
    post(port)
    assert time.monotonic() - started < 1


@pytest.mark.parametrize("port", ["in-small-packets"], indirect=True)
def test_in_small_packets_sends_the_response_in_several_packets(port: int) -> None:
    with connect(port) as connection:
        connection.sendall(Request(Form(None), headers="Connection: close\r\n").wire(port))
        sizes = []
        while piece := connection.recv(1 << 20):
            sizes.append(len(piece))
    assert len(sizes) > 1


@pytest.mark.parametrize("port", ["same-again"], indirect=True)
def test_same_again_returns_equal_images_for_equal_pictures_only(port: int) -> None:
    def image(picture: bytes) -> bytes:
        (encoded,) = re.findall(rb'"b64_json":"([^"]+)"', post(port, picture).body)
        return bytes(encoded)

    assert image(PNG) == image(PNG) != image(saved(BLUE))


@pytest.mark.parametrize("port", ["link-other-port"], indirect=True)
def test_link_other_port_serves_images_at_another_port(port: int) -> None:
    with connect(port) as connection:
        response = exchange(connection, Request(Form(texts=(("size", "256x256"),))), port)
    assert isinstance(response, Response)
    (link,) = re.findall(rb'"url":"([^"]+)"', response.body)
    assert f":{port}/" not in link.decode()
    assert httpx.get(link.decode()).headers["content-type"] == "image/png"


@pytest.mark.parametrize(
    ("port", "statuses"), [("four-at-once", {200, 429}), ("one-at-a-time", {200})], indirect=["port"]
)
def test_twelve_parallel_requests_are_answered_with_the_statuses_of_the_quirk(port: int, statuses: set[int]) -> None:
    with ThreadPoolExecutor(12) as pool:
        responses = list(pool.map(lambda _: post(port), range(12)))
    assert {response.status for response in responses} == statuses
    assert all(("retry-after", "1") in response.headers for response in responses if response.status == 429)
