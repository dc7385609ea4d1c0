"""Hostile links are followed in bounded time and memory, and to no address more private than the target."""

import base64
import ipaddress
import json
import socket
import threading
import time
import zlib
from pathlib import Path
from urllib.parse import unquote_to_bytes

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from image_variations_conformance.cases.plan import Plan
from image_variations_conformance.engine.budget import Budget, Limits
from image_variations_conformance.engine.judging import findings_of
from image_variations_conformance.engine.scheduler import Scheduler
from image_variations_conformance.engine.session import Session
from image_variations_conformance.sources import links
from image_variations_conformance.sources import reader as reading
from image_variations_conformance.sources.addresses import NOWHERE, PRIVATE, PUBLIC, reach
from image_variations_conformance.sources.links import MAX_IMAGE_BYTES
from image_variations_conformance.sources.reader import Memory
from image_variations_conformance.sources.transport import Transport
from image_variations_conformance.wire.exchange import MAX_LINK_CHARACTERS, Failure
from image_variations_conformance.wire.reasons import AnswerDiscarded, LinksTimedOut
from image_variations_conformance.wire.target import Target
from support.hostile import IMAGE, judge_small, raw_png, said, with_items
from support.loopback import (
    Peer,
    answer,
    hear_request,
    hold,
    say,
    say_by_path,
    say_forever,
    scripted_server,
    wait,
    zeros,
)
from support.requests import CONTRACT, KEY

pytestmark = pytest.mark.slow

MAX_SECONDS = 10.0
PICTURE = answer(200, IMAGE, "Content-Type: image/png")
PATH = "/v1/images/variations"


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("64:ff9b::8.8.8.8", PUBLIC),
        ("64:ff9b::7f00:1", PRIVATE),
        ("64:ff9b::10.0.0.1", PRIVATE),
        ("64:ff9b::169.254.169.254", NOWHERE),
        ("64:ff9b::", NOWHERE),
        ("64:ff9b:1::7f00:1", NOWHERE),
        ("2002:7f00:1::1", PRIVATE),
        ("2002:a9fe:a9fe::1", NOWHERE),
        ("2002:808:808::1", PUBLIC),
        ("2001:0:7f00:1::", NOWHERE),
        ("2001:0:808:808::f7f7:f7f7", PRIVATE),
        ("::127.0.0.1", NOWHERE),
        ("::ffff:0:127.0.0.1", NOWHERE),
        ("::ffff:127.0.0.1", PRIVATE),
        ("::ffff:169.254.169.254", NOWHERE),
        ("::ffff:8.8.8.8", PUBLIC),
        ("2606:2800::5efe:7f00:1", PRIVATE),
        ("2606:2800::200:5efe:a9fe:a9fe", NOWHERE),
        ("fec0::1", PRIVATE),
        ("fe80::1%eth0", NOWHERE),
        ("::1", PRIVATE),
        ("::", NOWHERE),
        ("127.255.255.254", PRIVATE),
        ("100.100.100.200", PRIVATE),
        ("0.0.0.1", PRIVATE),
        ("2606:2800:220:1::1", PUBLIC),
    ],
)
def test_addresses_are_classified_by_themselves_and_by_the_ipv4_address_they_embed(address: str, expected: int) -> None:
    assert reach(address) == expected


@given(st.ip_addresses(v=4).map(int), st.sampled_from([0x64FF9B << 96, 0xFFFF << 32, 0x2002 << 112]))
def test_an_ipv6_address_is_no_more_public_than_the_ipv4_address_it_embeds(ipv4: int, prefix: int) -> None:
    shift = 80 if prefix >> 112 == 0x2002 else 0
    wrapped = str(ipaddress.IPv6Address(prefix | ipv4 << shift))
    assert reach(wrapped) >= reach(str(ipaddress.IPv4Address(ipv4)))


def fetch(base_url: str, link: str, timeout: float = 20.0) -> tuple[Failure | None, float]:
    started = time.monotonic()
    exchange = Transport(Target.parse(base_url, KEY), timeout).fetch("a-case/0", link)
    return exchange.failure, time.monotonic() - started


def test_a_slow_host_lookup_times_out(monkeypatch: pytest.MonkeyPatch) -> None:
    getaddrinfo, finished = socket.getaddrinfo, threading.Event()

    def slow_getaddrinfo(host: str, *arguments: object, **options: object) -> object:
        if host == "slow.example":
            finished.wait(20.0)
        return getaddrinfo(host, *arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(socket, "getaddrinfo", slow_getaddrinfo)
    failure, seconds = fetch("http://127.0.0.1:9/v1", "http://slow.example/a.png", 0.3)
    target = Target.parse("http://slow.example/v1")
    assert failure is not None
    assert (failure.kind, seconds < 2.0) == ("timeout", True)
    assert not Transport(target, 0.3).reachable()
    finished.set()


def test_all_redirects_of_a_link_share_one_deadline() -> None:
    with scripted_server((hear_request, wait(0.3), say(answer(302, b"", "Location: /again")))) as server:
        failure, seconds = fetch(server.base_url, f"{server.origin}/a.png", 0.8)
    assert failure == Failure("timeout", "none within 0.8 s; --timeout sets that")
    assert 0.7 < seconds < 1.5
    assert len(server.heard) == 3


@pytest.mark.parametrize(
    "locations",
    [["/a.png"], ["/b.png", "/a.png"], ["//127.0.0.1:{port}/a.png"], ["?{port}"], ["a.png/", "../a.png"]],
)
def test_circular_redirects_are_malformed_after_20(locations: list[str]) -> None:
    with scripted_server() as server:
        redirects = [answer(301, b"", f"Location: {it.format(port=server.port)}") for it in locations]
        server.scripts = [(hear_request, say(redirects[number % len(redirects)])) for number in range(24)]
        failure, seconds = fetch(server.base_url, f"{server.origin}/a.png")
    assert failure == Failure("malformed", "more than 20 redirects")
    assert len(server.heard) == 21
    assert seconds < MAX_SECONDS


def test_no_more_links_are_followed_after_five_have_timed_out(tmp_path: Path) -> None:
    """Each response has ten links that time out. The links that are not followed are not tested."""
    with scripted_server() as server:
        links = [{"url": f"{server.origin}/{number}.png"} for number in range(10)]
        server.scripts = [(say_by_path({PATH: said(with_items(*links))}, b""), hold)]
        judged = judge_small(server.base_url, tmp_path, 0.3)
    assert judged.seconds < MAX_SECONDS
    assert sum(b".png HTTP" in heard for heard in server.heard) == 5
    fetches = [it for observation in judged.run.observations.values() for it in observation.exchange.fetches]
    assert {it.failure.kind for it in fetches if it.failure is not None} == {"timeout"}
    assert any(isinstance(it.not_tested, LinksTimedOut) for it in fetches)
    states = {it.state for it in judged.run.findings if it.requirement == "IV-URL-FETCH"}
    assert states == {"contradicted", "blocked"}
    assert judged.verdict("IV-URL-FETCH") == "fail"


def test_a_link_of_a_megabyte_is_not_followed() -> None:
    link = f"http://127.0.0.1:1/{'a' * (1 << 20)}"
    exchange = Transport(Target.parse("http://127.0.0.1:1/v1")).fetch("a-case/0", link)
    assert exchange.failure == Failure("too-large", f"a link of more than {MAX_LINK_CHARACTERS} characters")
    assert len(exchange.request.target) == MAX_LINK_CHARACTERS


@pytest.mark.parametrize(
    ("link", "kind"),
    [
        ("data:image/png;base64," + "A" * (MAX_IMAGE_BYTES * 4 // 3 + 100), "too-large"),
        ("data:image/png," + "A" * (MAX_IMAGE_BYTES + 1), "too-large"),
        ("data:image/png," + "%41" * 2_000_000, None),
        ("data:image/png," + "%" * 2_000_000, None),
        ("data:image/png;base64," + "%3D" * 2_000_000, "malformed"),
        ("data:" + "," * 2_000_000, None),
        ("data:" + ";" * 2_000_000, None),
        ("data:" + "\u00e9" * 2_000_000, "malformed"),
    ],
    ids=["base64", "plain", "escapes", "percents", "padding", "commas", "semicolons", "letters"],
)
def test_a_large_data_url_is_decoded_or_refused_within_two_seconds(link: str, kind: str | None) -> None:
    failure, seconds = fetch("http://127.0.0.1/v1", link)
    assert (failure.kind if failure is not None else None) == kind
    assert seconds < 2.0


@settings(settings.get_profile("few"))
@given(st.text(st.sampled_from("%4A1 z"), max_size=40), st.integers(4, 9))
def test_a_data_url_that_is_decoded_in_pieces_gives_the_same_bytes(text: str, piece_characters: int) -> None:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(links, "_UNQUOTED_AT_ONCE_CHARACTERS", piece_characters)
        exchange = Transport(Target.parse("http://127.0.0.1/v1")).fetch("a-case/0", f"data:text/plain,{text}")
    assert exchange.response is not None
    assert exchange.response.body == unquote_to_bytes(text)


def _send_endless_body(peer: Peer) -> None:
    if b"GET /endless" in peer.heard:
        say_forever(bytes(1 << 20))(peer)


# Links by what they are or lead to. {origin} stands for the origin of the server.
DATA = "data:image/png;base64,"
LINKS: dict[str, str] = {
    "a PNG of 30000x30000": "{origin}/giant",
    "a gzip bomb": "{origin}/bomb",
    "an endless image": "{origin}/endless",
    "a truncated image": "{origin}/half",
    "text": "{origin}/text",
    "a response with status 500": "{origin}/error",
    "a redirect to itself": "{origin}/itself",
    "a redirect to a file URL": "{origin}/file",
    "a redirect to link-local": "{origin}/nowhere",
    "a file URL": "file:///etc/passwd",
    "ftp": "ftp://127.0.0.1/a.png",
    "an unknown scheme": "gopher://127.0.0.1:70/a.png",
    "link-local": "http://169.254.169.254/latest/meta-data/",
    "NAT64 of link-local": "http://[64:ff9b::a9fe:a9fe]/",
    "[::]": "http://[::]/a.png",
    "0.0.0.0": "http://0.0.0.0/a.png",  # noqa: S104 - the suite must refuse it
    "an unknown host": "http://nobody.invalid/a.png",
    "userinfo": "http://user:secret@127.0.0.1:1/a.png",
    "port 0": "http://127.0.0.1:0/a.png",
    "port 99999": "http://127.0.0.1:99999/a.png",
    "a host label of 64 characters": f"http://{'a' * 64}.example/a.png",
    "a path of a megabyte": f"http://127.0.0.1:1/{'a' * (1 << 20)}",
    "a host of a megabyte of labels": f"http://{'a.' * (1 << 19)}/",
    "a path of a megabyte of digits and hyphens": f"http://127.0.0.1:1/{'1-' * (1 << 19)}",
    "line breaks": "http://127.0.0.1:1/\r\nX: y",
    "a lone surrogate": "http://127.0.0.1:1/\udfff",
    "an empty data URL": "data:,",
    "a data URL of a PNG of 30000x30000": DATA + base64.b64encode(raw_png(30_000, 30_000, zlib.compress(b""))).decode(),
    "a data URL of 45 MB": DATA + "A" * 45_000_000,
}


@pytest.mark.parametrize("link", LINKS.values(), ids=list(LINKS))
def test_a_bad_link_fails_a_requirement_on_links_and_the_run_ends_in_time(link: str, tmp_path: Path) -> None:
    with scripted_server() as server:
        giant = raw_png(30_000, 30_000, zlib.compress(bytes(1 << 16)))
        value = with_items({"url": link.replace("{origin}", server.origin)})
        paths = {
            PATH: said(json.dumps(value).encode()),
            "/giant": answer(200, giant),
            "/bomb": answer(200, zeros(1 << 27), "Content-Encoding: gzip"),
            "/half": answer(200, IMAGE[: len(IMAGE) // 2]),
            "/text": answer(200, b"not found"),
            "/error": answer(500, IMAGE),
            "/itself": answer(302, b"", "Location: /itself"),
            "/file": answer(302, b"", "Location: file:///etc/passwd"),
            "/nowhere": answer(302, b"", "Location: http://169.254.169.254/"),
        }
        # The response to any other path never ends.
        server.scripts = [(say_by_path(paths, b"HTTP/1.1 200 OK\r\n\r\n"), _send_endless_body)]
        judged = judge_small(server.base_url, tmp_path, 5.0)
    assert judged.seconds < MAX_SECONDS
    assert judged.run.outcome == "fails"
    # A link that is not an absolute URL violates IV-URL-ABSOLUTE instead.
    assert judged.failed & {"IV-URL-FETCH", "IV-URL-ABSOLUTE"}
    assert judged.verdict("IV-URL-FETCH") != "pass"


def test_only_a_few_of_a_hundred_thousand_links_are_followed(tmp_path: Path) -> None:
    with scripted_server() as server:
        links = [{"url": f"{server.origin}/{number}.png"} for number in range(100_000)]
        paths = {PATH: said(with_items(*links))}
        server.scripts = [(say_by_path(paths, PICTURE),)]
        judged = judge_small(server.base_url, tmp_path, 5.0)
    assert judged.seconds < 2 * MAX_SECONDS
    assert len(server.heard) < 50
    assert judged.verdict("IV-N-DEFAULT") == "fail"


# --- the responses that a run keeps in memory


def test_responses_beyond_the_memory_of_the_run_are_discarded_and_not_tested() -> None:
    image = IMAGE + bytes(300_000)
    scripts = [
        (hear_request, say(said(with_items({"b64_json": base64.b64encode(image + bytes([number])).decode()}))))
        for number in range(12)
    ]
    with scripted_server(*scripts) as server:
        target = Target.parse(server.base_url, KEY)
        transport = Transport(target, 5.0, memory=Memory(1 << 20))
        scheduler = Scheduler(transport, lambda *_: None, lambda _: None, budget=Budget(Limits(max_requests=12)))
        session = Session(Plan.of(CONTRACT, target, 1, "quick"), scheduler)
        session.run()
        findings = findings_of(session)
    exchanges = [it.exchange for it in session.observations.values() if it.exchange.sent]
    kept = [it.response.body for it in exchanges if it.response is not None]
    discarded = {it.label for it in exchanges if it.not_tested == AnswerDiscarded(reading.KEPT_BYTES)}
    assert len(server.heard) == len(exchanges) == 12 == len(kept) + len(discarded)
    assert sum(map(len, kept)) <= (1 << 20) + 12 * reading.FREE_BYTES
    assert kept
    assert discarded
    assert not any(it.label in discarded and it.state == "contradicted" for it in findings)


def test_equal_responses_are_kept_once_and_incomplete_ones_not_at_all() -> None:
    body = bytes(300_000)
    memory = Memory(1 << 20)
    with scripted_server((hear_request, say(answer(200, body)))) as server:
        transport = Transport(Target.parse(server.base_url), 5.0, memory=memory)
        responses = [transport.fetch("a-case/0", f"{server.origin}/a").response for _ in range(20)]
    assert all(it is not None and it.body == body for it in responses)
    assert memory.left == (1 << 20) - len(body) + reading.FREE_BYTES
    with scripted_server((hear_request, say(answer(200, body + b"x")[:-1]))) as server:
        for _ in range(20):
            assert Transport(Target.parse(server.base_url), 5.0, memory=memory).fetch("a", server.origin).failure
    assert memory.left == (1 << 20) - len(body) + reading.FREE_BYTES


def test_small_responses_are_kept_when_no_memory_is_left() -> None:
    memory = Memory(0)
    for size, is_kept in ((reading.FREE_BYTES, True), (reading.FREE_BYTES + 1, False)):
        with scripted_server((hear_request, say(answer(400, bytes(size))))) as server:
            exchange = Transport(Target.parse(server.base_url), 5.0, memory=memory).fetch("a", server.origin)
        assert (exchange.response is not None) is is_kept
    assert exchange.not_tested == AnswerDiscarded(reading.KEPT_BYTES)
