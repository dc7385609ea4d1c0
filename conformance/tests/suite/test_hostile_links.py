"""Links are followed by nobody's rules but ours: in bounded time and memory, and to no address behind another."""

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
from image_variations_conformance.sources import links
from image_variations_conformance.sources import reader as reading
from image_variations_conformance.sources.addresses import NOWHERE, PRIVATE, PUBLIC, reach
from image_variations_conformance.sources.links import MAX_IMAGE_BYTES
from image_variations_conformance.sources.reader import Memory
from image_variations_conformance.sources.transport import Transport
from image_variations_conformance.wire.exchange import MAX_LINK_CHARACTERS, Failure
from image_variations_conformance.wire.reasons import AnswerDiscarded, LinksTimedOut
from image_variations_conformance.wire.target import Target
from support.hostile import IMAGE, judge_small, raw_png, said, with_items, zeros
from support.loopback import Peer, answer, hear_request, hold, say, say_by_path, say_forever, scripted_server, wait
from support.requests import KEY

QUICK = 10.0
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
def test_an_address_is_as_private_as_what_it_stands_for(address: str, expected: int) -> None:
    assert reach(address) == expected


@given(st.ip_addresses(v=4).map(int), st.sampled_from([0x64FF9B << 96, 0xFFFF << 32, 0x2002 << 112]))
def test_no_prefix_makes_an_address_more_public(ipv4: int, prefix: int) -> None:
    at = 80 if prefix >> 112 == 0x2002 else 0
    wrapped = str(ipaddress.IPv6Address(prefix | ipv4 << at))
    assert reach(wrapped) >= reach(str(ipaddress.IPv4Address(ipv4)))


def fetch(base_url: str, link: str, timeout: float = 20.0) -> tuple[Failure | None, float]:
    started = time.monotonic()
    exchange = Transport(Target.parse(base_url, KEY), timeout).fetch("a-case/0", link)
    return exchange.failure, time.monotonic() - started


def test_a_host_that_takes_long_to_look_up_runs_into_the_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    getaddrinfo, done = socket.getaddrinfo, threading.Event()

    def slow(host: str, *rest: object, **more: object) -> object:
        if host == "slow.example":
            done.wait(20.0)
        return getaddrinfo(host, *rest, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(socket, "getaddrinfo", slow)
    failure, seconds = fetch("http://127.0.0.1:9/v1", "http://slow.example/a.png", 0.3)
    target = Target.parse("http://slow.example/v1")
    assert failure is not None
    assert (failure.kind, seconds < 2.0) == ("timeout", True)
    assert not Transport(target, 0.3).reachable()
    done.set()


def test_all_redirects_of_a_link_share_one_deadline() -> None:
    with scripted_server((hear_request, wait(0.3), say(answer(302, b"", "Location: /again")))) as server:
        failure, seconds = fetch(server.base_url, f"{server.origin}/a.png", 0.8)
    assert failure == Failure("timeout", "none within 0.8 s")
    assert 0.7 < seconds < 1.5
    assert len(server.heard) == 3


@pytest.mark.parametrize(
    "locations",
    [["/a.png"], ["/b.png", "/a.png"], ["//127.0.0.1:{port}/a.png"], ["?{port}"], ["a.png/", "../a.png"]],
)
def test_redirects_in_a_circle_end(locations: list[str]) -> None:
    with scripted_server() as server:
        leads = [answer(301, b"", f"Location: {it.format(port=server.port)}") for it in locations]
        server.scripts = [(hear_request, say(leads[at % len(leads)])) for at in range(9)]
        failure, seconds = fetch(server.base_url, f"{server.origin}/a.png")
    assert failure == Failure("malformed", "more than 5 redirects")
    assert len(server.heard) == 6
    assert seconds < QUICK


def test_links_that_lead_to_no_answer_are_waited_for_a_few_times_only(tmp_path: Path) -> None:
    """Each answer has ten of them. What was not followed is not tested, and a link that holds its image still is."""
    with scripted_server() as server:
        links = [{"url": f"{server.origin}/{at}.png"} for at in range(10)]
        server.scripts = [(say_by_path({PATH: said(with_items(*links))}, b""), hold)]
        judged = judge_small(server.base_url, tmp_path, 0.3)
    assert judged.seconds < QUICK
    assert sum(b"GET " in heard for heard in server.heard) == 5
    fetches = [it for observed in judged.run.observations.values() for it in observed.exchange.fetches]
    assert {it.failure.kind for it in fetches if it.failure is not None} == {"timeout"}
    assert any(isinstance(it.not_tested, LinksTimedOut) for it in fetches)
    outcomes = {it.result for it in judged.run.findings if it.requirement == "IV-URL-FETCH"}
    assert outcomes == {"fail", "not-tested"}


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
def test_a_data_url_is_taken_apart_in_time(link: str, kind: str | None) -> None:
    failure, seconds = fetch("http://127.0.0.1/v1", link)
    assert (failure.kind if failure is not None else None) == kind
    assert seconds < 2.0


@settings(settings.get_profile("few"))
@given(st.text(st.sampled_from("%4A1 z"), max_size=40), st.integers(4, 9))
def test_a_data_url_is_unquoted_alike_in_pieces(text: str, at_once: int) -> None:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(links, "_UNQUOTED_AT_ONCE_CHARACTERS", at_once)
        exchange = Transport(Target.parse("http://127.0.0.1/v1")).fetch("a-case/0", f"data:text/plain,{text}")
    assert exchange.response is not None
    assert exchange.response.body == unquote_to_bytes(text)


def _say_on(peer: Peer) -> None:
    if b"GET /endless" in peer.heard:
        say_forever(bytes(1 << 20))(peer)


# What is behind a link, or is one. {origin} is the server's own.
DATA = "data:image/png;base64,"
LINKS: dict[str, str] = {
    "a giant": "{origin}/giant",
    "a bomb": "{origin}/bomb",
    "an endless image": "{origin}/endless",
    "half an image": "{origin}/half",
    "text": "{origin}/text",
    "an error": "{origin}/error",
    "itself again": "{origin}/itself",
    "a file by redirect": "{origin}/file",
    "nowhere by redirect": "{origin}/nowhere",
    "a file": "file:///etc/passwd",
    "ftp": "ftp://127.0.0.1/a.png",
    "an unknown scheme": "gopher://127.0.0.1:70/a.png",
    "link-local": "http://169.254.169.254/latest/meta-data/",
    "NAT64 of link-local": "http://[64:ff9b::a9fe:a9fe]/",
    "[::]": "http://[::]/a.png",
    "0.0.0.0": "http://0.0.0.0/a.png",  # noqa: S104 - to be refused
    "no such host": "http://nobody.invalid/a.png",
    "userinfo": "http://user:secret@127.0.0.1:1/a.png",
    "port 0": "http://127.0.0.1:0/a.png",
    "port 99999": "http://127.0.0.1:99999/a.png",
    "a long label": f"http://{'a' * 64}.example/a.png",
    "a megabyte": f"http://127.0.0.1:1/{'a' * (1 << 20)}",
    "a megabyte of dots": f"http://{'a.' * (1 << 19)}/",
    "a megabyte of redirect digits": f"http://127.0.0.1:1/{'1-' * (1 << 19)}",
    "line ends": "http://127.0.0.1:1/\r\nX: y",
    "half a surrogate": "http://127.0.0.1:1/\udfff",
    "an empty data URL": "data:,",
    "a data URL of a giant": DATA + base64.b64encode(raw_png(30_000, 30_000, zlib.compress(b""))).decode(),
    "a data URL of 45 MB": DATA + "A" * 45_000_000,
}


@pytest.mark.parametrize("link", LINKS.values(), ids=list(LINKS))
def test_a_bad_link_breaks_the_requirement_of_links_and_nothing_of_ours(link: str, tmp_path: Path) -> None:
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
        # What none of the paths is goes on for ever.
        server.scripts = [(say_by_path(paths, b"HTTP/1.1 200 OK\r\n\r\n"), _say_on)]
        judged = judge_small(server.base_url, tmp_path, 5.0)
    assert judged.seconds < QUICK
    assert judged.run.outcome == "fails"
    # A link that none can follow may break the rule of what a link looks like instead.
    assert judged.failed & {"IV-URL-FETCH", "IV-URL-ABSOLUTE"}
    assert judged.verdict("IV-URL-FETCH") != "pass"


def test_a_hundred_thousand_links_are_not_followed_one_by_one(tmp_path: Path) -> None:
    with scripted_server() as server:
        many = [{"url": f"{server.origin}/{at}.png"} for at in range(100_000)]
        paths = {PATH: said(with_items(*many))}
        server.scripts = [(say_by_path(paths, PICTURE),)]
        judged = judge_small(server.base_url, tmp_path, 5.0)
    assert judged.seconds < 2 * QUICK
    assert len(server.heard) < 50
    assert judged.verdict("IV-N-DEFAULT") == "fail"


# --- what is kept


def test_what_a_run_keeps_is_bounded_and_the_rest_is_not_tested(tmp_path: Path) -> None:
    image = IMAGE + bytes(300_000)
    scripts = [
        (hear_request, say(said(with_items({"b64_json": base64.b64encode(image + bytes([at])).decode()}))))
        for at in range(30)
    ]
    with scripted_server(*scripts) as server:
        judged = judge_small(server.base_url, tmp_path, 5.0, rounds=4, memory=Memory(1 << 20))
    exchanges = [it.exchange for it in judged.run.observations.values()]
    kept = [it for it in exchanges if it.response is not None]
    discarded = [it for it in exchanges if it.not_tested is not None]
    assert len(server.heard) == len(exchanges) == 12
    assert sum(len(it.response.body) for it in kept if it.response is not None) <= (1 << 20) + 12 * reading.FREE_BYTES
    assert {it.not_tested for it in discarded} == {AnswerDiscarded(reading.KEPT_BYTES)}
    assert kept
    assert not any(
        it.label in {exchange.label for exchange in discarded} and it.result == "fail" for it in judged.run.findings
    )


def test_equal_answers_are_kept_once_and_what_came_to_nothing_not_at_all() -> None:
    body = bytes(300_000)
    memory = Memory(1 << 20)
    with scripted_server((hear_request, say(answer(200, body)))) as server:
        target = Transport(Target.parse(server.base_url), 5.0, memory=memory)
        outcomes = [target.fetch("a-case/0", f"{server.origin}/a").response for _ in range(20)]
    assert all(it is not None and it.body == body for it in outcomes)
    assert memory.left == (1 << 20) - len(body) + reading.FREE_BYTES
    with scripted_server((hear_request, say(answer(200, body + b"x")[:-1]))) as server:
        for _ in range(20):
            assert Transport(Target.parse(server.base_url), 5.0, memory=memory).fetch("a", server.origin).failure
    assert memory.left == (1 << 20) - len(body) + reading.FREE_BYTES


def test_small_answers_are_heard_when_there_is_no_room_for_large_ones() -> None:
    memory = Memory(0)
    for size, heard in ((reading.FREE_BYTES, True), (reading.FREE_BYTES + 1, False)):
        with scripted_server((hear_request, say(answer(400, bytes(size))))) as server:
            exchange = Transport(Target.parse(server.base_url), 5.0, memory=memory).fetch("a", server.origin)
        assert (exchange.response is not None) is heard
    assert exchange.not_tested == AnswerDiscarded(reading.KEPT_BYTES)
