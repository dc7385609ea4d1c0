"""The transport with servers on loopback: bytes sent, responses read, and failures in place of exceptions."""

import gzip
import select
import socket
import ssl
import threading
import time
import zlib
from collections.abc import Iterator
from pathlib import Path

import h11
import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st
from image_variations_conformance.sources import connector, transport
from image_variations_conformance.sources.transport import Transport
from image_variations_conformance.wire.exchange import Exchange, Failure, Outcome, Request, Response
from image_variations_conformance.wire.target import Target
from support.certificates import self_signed, server_side
from support.loopback import (
    HTTPISH,
    Peer,
    ScriptedServer,
    Step,
    answer,
    answering,
    hear,
    hear_next_request,
    hear_request,
    hear_the_end,
    hold,
    reset,
    say,
    say_forever,
    scripted_server,
    wait,
)
from support.requests import KEY

LARGE = bytes(8 << 20)
# Timeouts in seconds: one that is never reached on loopback, and one that the tests wait for.
LONG_SECONDS, SHORT_SECONDS = 20.0, 0.4


def request(body: bytes = b"", *, chunked: bool = False) -> Request:
    framing = ("Transfer-Encoding", "chunked") if chunked else ("Content-Length", str(len(body)))
    headers = (("Host", "here"), ("Authorization", f"Bearer {KEY}"), framing)
    return Request("POST", "/v1/images/variations", headers, body, chunked)


def exchange_with(
    server: ScriptedServer, request_sent: Request | None = None, timeout: float = LONG_SECONDS
) -> Exchange:
    target = Target.parse(server.base_url, KEY)
    return Transport(target, timeout).send("a-case", request_sent or request(), "a-group")


def outcome_of(*script: Step, timeout: float = LONG_SECONDS) -> Outcome:
    """Return the outcome of a plain request to a server with this script."""
    with scripted_server(script) as server:
        return exchange_with(server, timeout=timeout).outcome


def failure_of(*script: Step, timeout: float = LONG_SECONDS) -> str:
    """Return the kind of failure of a plain request to a server with this script."""
    outcome = outcome_of(*script, timeout=timeout)
    assert isinstance(outcome, Failure)
    assert outcome.message
    return outcome.kind


def response_of(*script: Step) -> Response:
    """Return the response to a plain request to a server with this script."""
    outcome = outcome_of(*script)
    assert isinstance(outcome, Response)
    return outcome


# --- requests on the wire


def test_the_bytes_on_the_wire_are_the_request_and_nothing_more() -> None:
    headers = (("hOsT", "x"), ("X-Twice", "1"), ("X-Twice", "2"), ("X-Ä", "é"), ("Content-Length", "7"))
    request_sent = Request("PoSt", "/v1?a=b", headers, b"\0body\r\n")
    with scripted_server((hear_request, say(answer()), hear_the_end)) as server:
        exchange = exchange_with(server, request_sent)
    assert bytes(server.heard[0]) == (
        b"PoSt /v1?a=b HTTP/1.1\r\n"
        b"hOsT: x\r\nX-Twice: 1\r\nX-Twice: 2\r\nX-\xc3\x84: \xc3\xa9\r\nContent-Length: 7\r\n\r\n"
        b"\0body\r\n"
    )
    assert (exchange.label, exchange.request, exchange.concurrent_with) == ("a-case", request_sent, "a-group")


def test_a_chunked_body_is_sent_in_chunks_of_64_kib() -> None:
    with scripted_server((hear_request, say(answer()), hear_the_end)) as server:
        exchange_with(server, request(b"x" * 65_541, chunked=True))
    head, _, body = bytes(server.heard[0]).partition(b"\r\n\r\n")
    assert head.endswith(b"Transfer-Encoding: chunked")
    assert body == b"10000\r\n" + b"x" * 65_536 + b"\r\n5\r\nxxxxx\r\n0\r\n\r\n"


def test_chunks_have_the_size_extension_and_trailers_of_the_request() -> None:
    chunked = evolve(
        request(b"x" * 23, chunked=True),
        chunk_bytes=10,
        chunk_extension=';a="b"',
        trailers=(("X-One", "1"), ("X-Two", "2")),
    )
    with scripted_server((hear_request, say(answer()), hear_the_end)) as server:
        exchange_with(server, chunked)
    pieces = b'a;a="b"\r\n%b\r\n' % (b"x" * 10)
    end = b'3;a="b"\r\nxxx\r\n0;a="b"\r\nX-One: 1\r\nX-Two: 2\r\n\r\n'
    assert bytes(server.heard[0]).partition(b"\r\n\r\n")[2] == pieces * 2 + end


@given(
    st.binary(max_size=300),
    st.integers(1, 100),
    st.sampled_from(["", ";x", ';x="y"']),
    st.lists(st.tuples(st.sampled_from(["X-A", "X-B"]), st.sampled_from(["", "1"])), max_size=3),
)
def test_an_independent_parser_reads_the_body_of_every_chunked_request(
    body: bytes, chunk_bytes: int, extension: str, trailers: list[tuple[str, str]]
) -> None:
    sent = Request(
        "POST",
        "/",
        (("Host", "here"), ("Transfer-Encoding", "chunked")),
        body,
        chunked=True,
        chunk_bytes=chunk_bytes,
        chunk_extension=extension,
        trailers=tuple(trailers),
    )
    server = h11.Connection(h11.SERVER)
    server.receive_data(sent.head() + sent.framed_body())
    received = b""
    while not isinstance(event := server.next_event(), h11.EndOfMessage):
        received += bytes(event.data) if isinstance(event, h11.Data) else b""
    assert received == body
    assert list(event.headers) == [(name.lower().encode(), value.encode()) for name, value in trailers]


@pytest.mark.parametrize("chunked", [False, True])
def test_an_empty_body_is_sent_with_the_framing_of_its_headers(chunked: bool) -> None:
    with scripted_server((hear_request, say(answer()), hear_the_end)) as server:
        exchange_with(server, request(chunked=chunked))
    assert bytes(server.heard[0]).partition(b"\r\n\r\n")[2] == (b"0\r\n\r\n" if chunked else b"")


def test_a_large_body_arrives_whole() -> None:
    body = bytes(range(256)) * (1 << 14)
    with scripted_server((hear_request, say(answer()), hear_the_end)) as server:
        assert exchange_with(server, request(body)).response == Response(200, (("Content-Length", "0"),))
    assert bytes(server.heard[0]).partition(b"\r\n\r\n")[2] == body


def test_each_request_has_a_connection_of_its_own() -> None:
    with scripted_server((hear_request, say(answer()), hear_the_end)) as server:
        for _ in range(3):
            exchange_with(server)
    assert [bytes(heard) for heard in server.heard] == [request().head()] * 3


# --- waiting for 100 (Continue)


def expecting(body: bytes = b"body", *, chunked: bool = False) -> Request:
    plain = request(body, chunked=chunked)
    return evolve(plain, headers=(*plain.headers, ("Expect", "100-Continue")))


def hear_nothing_more(seconds: float) -> Step:
    """Return the step that fails if anything is received within some seconds."""

    def play(peer: Peer) -> None:
        assert not select.select([peer.socket], [], [], seconds)[0]

    return play


@pytest.mark.parametrize("chunked", [False, True])
def test_the_body_follows_after_the_server_has_asked_for_it(chunked: bool) -> None:
    asked = say(b"HTTP/1.1 100 Continue\r\n\r\n")
    script = (hear(len(expecting(chunked=chunked).head())), hear_nothing_more(0.1), asked, hear_request, say(answer()))
    with scripted_server(script) as server:
        exchange = exchange_with(server, expecting(chunked=chunked))
    assert exchange.response == Response(200, (("Content-Length", "0"),))
    assert bytes(server.heard[0]).endswith(b"4\r\nbody\r\n0\r\n\r\n" if chunked else b"\r\n\r\nbody")
    assert exchange.seconds < 1.0


def test_the_body_follows_after_a_while_if_the_server_does_not_ask_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connector, "_CONTINUE_SECONDS", 0.1)
    with scripted_server((hear_request, say(answer(200, b"done")))) as server:
        exchange = exchange_with(server, expecting())
    assert exchange.response is not None
    assert (exchange.response.body, exchange.seconds >= 0.1) == (b"done", True)


@pytest.mark.parametrize("status", [200, 401, 417])
def test_a_response_in_place_of_100_is_the_outcome_and_the_body_is_not_sent(status: int) -> None:
    head = expecting().head()
    with scripted_server((hear(len(head)), say(answer(status)), hear_the_end)) as server:
        exchange = exchange_with(server, expecting())
    assert exchange.response is not None
    assert (exchange.response.status, bytes(server.heard[0])) == (status, head)


def test_a_connection_that_is_closed_in_place_of_100_is_dropped() -> None:
    with scripted_server((hear(len(expecting().head())),)) as server:
        failure = exchange_with(server, expecting()).failure
    assert failure is not None
    assert failure.kind == "dropped"


# --- kept connections


def kept_outcomes(server: ScriptedServer, *requests: Request, timeout: float = LONG_SECONDS) -> list[Outcome]:
    """Return the outcomes of requests that are sent on one kept connection."""
    transport = Transport(Target.parse(server.base_url, KEY), timeout)
    try:
        return [transport.send("a-case", each, connection="kept").outcome for each in requests]
    finally:
        transport.close()


def statuses(outcomes: list[Outcome]) -> list[int | str]:
    return [
        outcome.status if isinstance(outcome, Response) else outcome.kind if isinstance(outcome, Failure) else "-"
        for outcome in outcomes
    ]


def test_requests_on_a_kept_connection_use_one_socket_in_order() -> None:
    one, two = request(b"one"), request(b"three", chunked=True)
    script = (hear_request, say(answer(200)), hear_next_request, say(answer(201)), hear_next_request, say(answer(202)))
    with scripted_server((*script, hear_the_end)) as server:
        assert statuses(kept_outcomes(server, one, two, one)) == [200, 201, 202]
    sent = [each.head() + each.framed_body() for each in (one, two, one)]
    assert [bytes(heard) for heard in server.heard] == [b"".join(sent)]


def test_connections_of_other_names_and_requests_without_one_have_their_own_sockets() -> None:
    with scripted_server((hear_request, say(answer()), hear_next_request, say(answer()), hear_the_end)) as server:
        transport = Transport(Target.parse(server.base_url, KEY))
        for name in ("a", "b", None, "a", "b", None):
            assert transport.send("a-case", request(), connection=name).response is not None
        transport.close()
    assert len(server.heard) == 4


@pytest.mark.parametrize(
    "first",
    [
        (say(answer(200)),),
        (say(answer(200)), wait(0.02), reset),
        (say(answer(200, b"", "Connection: close")), hold),
        (say(b"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n"), hold),
        (say(b"HTTP/1.1 200 OK\r\n\r\nuntil the end"),),
        (say(answer(200)), wait(0.02), say(answer(408))),
    ],
    ids=["closed", "reset", "Connection: close", "HTTP/1.0", "no length", "408"],
)
def test_a_connection_that_the_server_does_not_keep_is_opened_anew_and_nobody_is_blamed(
    first: tuple[Step, ...],
) -> None:
    with scripted_server((hear_request, *first), (hear_request, say(answer(201)))) as server:
        transport = Transport(Target.parse(server.base_url, KEY))
        one = transport.send("one", request(b"one"), connection="kept")
        time.sleep(0.05)
        two = transport.send("two", request(b"two"), connection="kept")
        transport.close()
    assert statuses([one.outcome, two.outcome]) == [200, 201]
    assert (one.after, two.after) == ((), ())
    assert [bytes(heard)[-3:] for heard in server.heard] == [b"one", b"two"]


def test_a_kept_connection_that_ends_after_the_request_is_opened_anew_and_the_request_sent_again() -> None:
    scripts = [(hear_request, say(answer(200)), hear_next_request), (hear_request, say(answer(201)))]
    with scripted_server(*scripts) as server:
        assert statuses(kept_outcomes(server, request(b"one"), request(b"two"))) == [200, 201]
    assert [bytes(heard).count(b"POST") for heard in server.heard] == [2, 1]


@pytest.mark.parametrize(
    ("second", "outcome"),
    [
        (say(b"HTTP/1.1 2"), "dropped"),
        (say(b"HTTP/1.1 100 Continue\r\n\r\n"), "dropped"),
        (say(b"SSH-2.0\r\n\r\n"), "malformed"),
    ],
)
def test_a_kept_connection_that_ends_within_a_response_is_a_failure(second: Step, outcome: str) -> None:
    with scripted_server((hear_request, say(answer(200)), hear_next_request, second)) as server:
        assert statuses(kept_outcomes(server, request(), request())) == [200, outcome]
    assert len(server.heard) == 1


@pytest.mark.parametrize(
    "first",
    [(say(answer(200) + answer(400)), hold), (say(answer(200)), wait(0.02), say(answer(400)), reset)],
    ids=["with the response", "after it"],
)
def test_data_that_a_server_sends_before_the_next_request_on_a_kept_connection_is_a_failure(
    first: tuple[Step, ...],
) -> None:
    """It took what was left of the first request for another one. RFC 9112, section 9.2: that is no response."""
    with scripted_server((hear_request, *first), (hear_request, say(answer(201)))) as server:
        one, two, three = kept_outcomes(server, request(b"one"), request(b"two"), request(b"three"))
    assert statuses([one, two, three]) == [200, "malformed", 201]
    assert isinstance(two, Failure)
    assert two.message == "before this request was sent, an answer (HTTP/1.1 400) came that no request asked for"
    assert [bytes(heard)[-3:] for heard in server.heard] == [b"one", b"ree"]


def test_an_exchange_names_the_requests_that_its_connection_has_had() -> None:
    kept = (hear_request, say(answer(200)), hear_next_request, say(answer(400)), wait(0.02), say(answer(400)))
    with scripted_server(kept, (hear_request, say(answer(200))), *[(hear_request, say(answer(200)))] * 2) as server:
        transport = Transport(Target.parse(server.base_url, KEY))
        sent = [transport.send(label, request(), connection="kept") for label in ("one", "two", "three", "four")]
        alone, other = transport.send("alone", request()), transport.send("other", request(), connection="other")
        transport.close()
    assert [it.after for it in sent] == [(), ("one",), ("one", "two"), ()]
    assert (alone.after, other.after) == ((), ())


def test_empty_lines_before_the_next_request_on_a_kept_connection_are_ignored() -> None:
    script = (hear_request, say(answer(200) + b"\r\n"), hear_next_request, say(answer(201)))
    with scripted_server(script) as server:
        assert statuses(kept_outcomes(server, request(b"one"), request(b"two"))) == [200, 201]


def test_a_request_that_every_connection_is_closed_at_is_a_failure() -> None:
    with scripted_server((hear_request, say(answer(200)), hear_next_request), (hear_request,)) as server:
        outcomes = kept_outcomes(server, request(), request(), request())
    assert statuses(outcomes) == [200, "dropped", "dropped"]
    assert isinstance(outcomes[1], Failure)
    assert outcomes[1].message == "the connection was closed before the response was complete"


@pytest.mark.parametrize("body", [b"", LARGE], ids=["small", "large"])
def test_a_timeout_on_a_kept_connection_is_a_timeout(body: bytes) -> None:
    with scripted_server((hold,)) as server:
        assert statuses(kept_outcomes(server, request(body), timeout=SHORT_SECONDS)) == ["timeout"]


def test_a_connection_is_not_kept_after_a_response_to_half_a_request() -> None:
    """The server would read the next request as the rest of this one."""
    script = (hear(1000), say(answer(413)), hear_the_end)
    with scripted_server(script, (hear_request, say(answer(200)))) as server:
        assert statuses(kept_outcomes(server, request(LARGE), request(b"two"))) == [413, 200]
    assert [heard.count(b"POST") for heard in server.heard] == [1, 1]


# --- responses before the end of the request


@pytest.mark.parametrize("last", [hold, reset, wait(0), hear_the_end], ids=["held", "reset", "closed", "rest is read"])
@pytest.mark.parametrize("chunked", [False, True])
def test_a_response_during_a_large_request_body_is_read(last: Step, chunked: bool) -> None:
    """After the response, the server holds the connection, closes it, resets it, or reads the rest of the request."""
    script = (hear(1000), say(answer(413, b"too large")), wait(0.05), last)
    with scripted_server(script) as server:
        response = exchange_with(server, request(LARGE, chunked=chunked)).response
    assert response is not None
    assert (response.status, response.body) == (413, b"too large")


def test_a_response_is_read_when_the_server_never_reads_the_request() -> None:
    assert response_of(say(answer(503)), hold).status == 503


def test_a_response_before_a_reset_is_read() -> None:
    assert response_of(hear_request, say(answer(401, b"no")), wait(0.05), reset).body == b"no"


def test_a_response_that_ends_with_its_connection_is_whole_after_a_reset() -> None:
    """Servers in Go answer a request with a broken header so, and leave its body unread."""
    head = b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nConnection: close\r\n\r\n"
    assert response_of(hear_request, say(head + b"no"), wait(0.05), reset).body == b"no"


def test_a_response_and_a_reset_between_select_and_send_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    reset_done = threading.Event()

    def nothing_readable(
        _: object, writable: list[socket.socket], *__: object
    ) -> tuple[list[object], list[socket.socket], list[object]]:
        """Replace select: report nothing to read, although the server has responded and reset the connection."""
        assert reset_done.wait(LONG_SECONDS)
        return [], writable, []

    monkeypatch.setattr(select, "select", nothing_readable)
    with scripted_server((say(answer(413, b"too large")), wait(0.05), reset, lambda _: reset_done.set())) as server:
        response = exchange_with(server, request(LARGE)).response
    assert response is not None
    assert (response.status, response.body) == (413, b"too large")


def test_a_large_body_to_a_server_that_never_reads_it_is_a_timeout() -> None:
    with scripted_server((hold,)) as server:
        failure = exchange_with(server, request(LARGE), SHORT_SECONDS).failure
    assert failure is not None
    assert failure.kind == "timeout"


# --- failures


def test_a_closed_port_is_unreachable() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    failure = Transport(Target.parse(f"http://127.0.0.1:{port}/v1")).send("a-case", request()).failure
    assert failure is not None
    assert (failure.kind, "refused" in failure.message) == ("unreachable", True)


def test_reachable_sends_no_bytes() -> None:
    with scripted_server((hear_the_end,)) as server:
        transport_of_target = Transport(Target.parse(server.base_url, KEY))
        assert transport_of_target.reachable()
    assert not transport_of_target.reachable()
    assert b"".join(server.heard) == b""


def test_an_unknown_host_is_unreachable(monkeypatch: pytest.MonkeyPatch) -> None:
    def raise_gaierror(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", raise_gaierror)
    transport_of_target = Transport(Target.parse("http://nobody.example/v1"))
    failure = transport_of_target.send("a-case", request()).failure
    assert failure is not None
    assert failure.kind == "unreachable"


OK = b"HTTP/1.1 200 OK\r\n"
INCOMPLETE_RESPONSES = {
    "closed at once": ((), "dropped"),
    "closed after the request": ((hear_request,), "dropped"),
    "reset": ((hear_request, reset), "dropped"),
    "half a header": ((hear_request, say(OK + b"Content-Le")), "dropped"),
    "one byte too few": ((hear_request, say(OK + b"Content-Length: 9\r\n\r\n12345678")), "dropped"),
    "reset in the body": ((hear_request, say(OK + b"Content-Length: 9\r\n\r\n1"), wait(0.05), reset), "dropped"),
    "half a chunk": ((hear_request, say(OK + b"Transfer-Encoding: chunked\r\n\r\n5\r\n123")), "dropped"),
    "no last chunk": ((hear_request, say(OK + b"Transfer-Encoding: chunked\r\n\r\n1\r\n1\r\n0\r\n")), "dropped"),
    "only a 100 response": ((hear_request, say(b"HTTP/1.1 100 Continue\r\n\r\n")), "dropped"),
    "no chunk length": ((hear_request, say(OK + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n")), "malformed"),
    "two lengths": ((hear_request, say(OK + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\n1")), "malformed"),
    "a length that is a word": ((hear_request, say(OK + b"Content-Length: many\r\n\r\n")), "malformed"),
    "101 Switching Protocols": ((hear_request, say(b"HTTP/1.1 101 Switching Protocols\r\n\r\n")), "malformed"),
    "an SMTP greeting": ((hear_request, say(b"220 mail.example ESMTP\r\n\r\n")), "malformed"),
    "a TLS record": ((hear_request, say(b"\x16\x03\x01\x02\x00\x01\0\0\r\n\r\n")), "malformed"),
    "HTML without a head": ((hear_request, say(b"<html>\r\n\r\n")), "malformed"),
    "an endless header": ((hear_request, say(OK + b"X: " + b"x" * (1 << 18))), "malformed"),
    "1,001 informational responses": (
        (hear_request, say(b"HTTP/1.1 103 Early\r\n\r\n" * 1001 + answer())),
        "malformed",
    ),
}


@pytest.mark.parametrize(("script", "kind"), INCOMPLETE_RESPONSES.values(), ids=list(INCOMPLETE_RESPONSES))
def test_an_incomplete_or_malformed_response_is_a_failure(script: tuple[Step, ...], kind: str) -> None:
    assert failure_of(*script) == kind


@pytest.mark.slow
@pytest.mark.parametrize(
    "script",
    [
        (hear_request, hold),
        (hear_request, say(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n1"), hold),
        (hear_request, say(b"HTTP/1.1 200 OK\r\nContent-Length: 999999\r\n\r\n"), say_forever(b"x", 0.02)),
        (hear_request, say(b"HTTP/1.1 200 OK\r\nX: "), say_forever(b"x", 0.02)),
        (hear_request, say_forever(b"HTTP/1.1 102 Processing\r\n\r\n", 0.05)),
    ],
    ids=["no response", "half a body", "a body byte by byte", "a header byte by byte", "102 responses"],
)
def test_a_response_that_is_incomplete_at_the_deadline_is_a_timeout(script: tuple[Step, ...]) -> None:
    assert failure_of(*script, timeout=SHORT_SECONDS) == "timeout"


# The header of a gzip stream, and an empty block, which may be repeated without end.
GZIP_HEADER, GZIP_EMPTY_BLOCK = gzip.compress(b"", mtime=0)[:10], b"\0\0\0\xff\xff"


@pytest.mark.parametrize(
    ("head", "endless"),
    [
        (b"HTTP/1.1 200 OK\r\n\r\n", b"\0"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 999999999999\r\n\r\n", b"\0"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"2\r\n\0\0\r\n"),
        (b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n" + GZIP_HEADER, GZIP_EMPTY_BLOCK),
    ],
    ids=["until the connection ends", "with a length", "chunked", "gzip without content"],
)
def test_an_endless_response_is_too_large(head: bytes, endless: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "MAX_RESPONSE_BYTES", 100_000)
    assert failure_of(hear_request, say(head), say_forever(endless * 2000)) == "too-large"


def test_a_response_of_exactly_the_limit_is_read_and_a_larger_one_is_too_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "MAX_RESPONSE_BYTES", 1000)
    assert len(response_of(hear_request, say(answer(200, bytes(1000)))).body) == 1000
    assert failure_of(hear_request, say(answer(200, bytes(1001)))) == "too-large"


# --- responses


@pytest.mark.parametrize(
    ("data", "body"),
    [
        (answer(200, b"body"), b"body"),
        (b"HTTP/1.1 200 OK\r\n\r\nuntil the end", b"until the end"),
        (b"HTTP/1.0 200 OK\r\n\r\nold", b"old"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2;x=y\r\nab\r\n1\r\nc\r\n0\r\nX: y\r\n\r\n", b"abc"),
        (b"HTTP/1.1 204 No Content\r\n\r\n", b""),
        (b"HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n", b""),
        (b"HTTP/1.1 103 Early\r\n\r\n" * 20 + answer(200, b"late"), b"late"),
        (answer(200, b"one") + answer(500, b"two"), b"one"),
    ],
)
def test_a_response_is_read_with_every_framing(data: bytes, body: bytes) -> None:
    assert response_of(hear_request, say(data)).body == body


def test_a_response_without_a_body_is_complete_before_the_connection_ends() -> None:
    assert response_of(hear_request, say(answer(204)), hold).status == 204


def test_headers_are_kept_in_order_with_case_and_bytes() -> None:
    data = b"HTTP/1.1 200 OK\r\nX-Twice: 1\r\nx-twice: 2\r\nX-Odd: \xff\xe9\r\nX-Empty:\r\nContent-Length: 0\r\n\r\n"
    response = response_of(hear_request, say(data))
    assert response.headers == (
        ("X-Twice", "1"),
        ("x-twice", "2"),
        ("X-Odd", "\xff\xe9"),
        ("X-Empty", ""),
        ("Content-Length", "0"),
    )
    assert response.header("X-TWICE") == "1"


@pytest.mark.parametrize(
    ("coding", "body"),
    [
        ("gzip", gzip.compress(b"plain" * 99, mtime=0)),
        ("X-GZIP", gzip.compress(b"plain" * 99, mtime=0)),
        ("deflate", zlib.compress(b"plain" * 99)),
        ("gzip", b"".join(gzip.compress(part, mtime=0) for part in (b"plain" * 50, b"", b"plain" * 49))),
        ("gzip", gzip.compress(b"plain" * 99, mtime=0) + bytes(512)),
        ("deflate, GZip", gzip.compress(zlib.compress(b"plain" * 99), mtime=0)),
        ("identity,gzip , ,", gzip.compress(b"plain" * 99, mtime=0)),
        ("gzip, gzip, gzip", gzip.compress(gzip.compress(gzip.compress(b"plain" * 99, mtime=0), mtime=0), mtime=0)),
        ("identity", b"plain" * 99),
        ("", b"plain" * 99),
    ],
)
def test_a_content_coding_is_decoded(coding: str, body: bytes) -> None:
    data = answer(200, body, f"Content-Encoding: {coding}")
    assert response_of(hear_request, say(data)).body == b"plain" * 99


@pytest.mark.parametrize(
    ("coding", "body", "kind"),
    [
        ("br", b"x", "malformed"),
        ("gzip, br", b"x", "malformed"),
        ("gzip, gzip", gzip.compress(b"plain" * 99, mtime=0), "malformed"),
        ("gzip, gzip, gzip, gzip", b"x", "malformed"),
        ("gzip", gzip.compress(b"plain" * 99, mtime=0) + gzip.compress(b"plain", mtime=0)[:-3], "dropped"),
        ("gzip, deflate", zlib.compress(gzip.compress(b"plain" * 99, mtime=0)[:-3]), "dropped"),
        ("deflate, gzip", gzip.compress(zlib.compress(bytes(1 << 20)), mtime=0), "too-large"),
        ("gzip, gzip", gzip.compress(gzip.compress(b"", mtime=0) * (1 << 14), mtime=0), "too-large"),
        ("gzip", b"not gzip at all", "malformed"),
        ("gzip", gzip.compress(b"plain" * 99, mtime=0)[:-3], "dropped"),
        ("deflate", zlib.compress(b"plain" * 99)[:-3], "dropped"),
        ("gzip", gzip.compress(bytes(1 << 20), mtime=0), "too-large"),
        ("gzip", gzip.compress(bytes(1 << 20), mtime=0)[:-3], "too-large"),
    ],
)
def test_an_unknown_broken_or_too_large_content_coding_is_a_failure(
    coding: str, body: bytes, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transport, "MAX_RESPONSE_BYTES", 100_000)
    assert failure_of(hear_request, say(answer(200, body, f"Content-Encoding: {coding}"))) == kind


@pytest.fixture(scope="module")
def any_server() -> Iterator[ScriptedServer]:
    """Yield a server whose scripts the test sets."""
    with scripted_server(()) as server:
        yield server


@given(HTTPISH)
def test_no_response_bytes_raise_an_exception(any_server: ScriptedServer, data: bytes) -> None:
    any_server.scripts = [(hear_request, say(data))]
    exchange = exchange_with(any_server)
    assert isinstance(exchange.outcome, Response | Failure)
    assert exchange.seconds >= 0


# --- IPv6 and TLS


def test_a_server_is_reached_over_ipv6() -> None:
    try:
        with socket.create_server(("::1", 0), family=socket.AF_INET6):
            pass
    except OSError:
        pytest.skip("there is no IPv6 on this system")
    with scripted_server(*answering(answer(200, b"six")), host="::1") as server:
        target = Target.parse(f"http://[::1]:{server.port}/v1")
        assert target.host == f"[::1]:{server.port}"
        response = Transport(target).send("a-case", request()).response
    assert response == Response(200, (("Content-Length", "3"),), b"six")


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return self_signed(tmp_path_factory.mktemp("tls"))


@pytest.mark.parametrize(
    "script",
    [(hear_request, say(answer(413))), (hear(1000), say(answer(413)), hold)],
    ids=["after the request", "before the end of the request"],
)
def test_a_request_is_sent_over_tls(certificate: Path, script: tuple[Step, ...]) -> None:
    with scripted_server(script, tls=server_side(certificate)) as server:
        target = Target.parse(f"https://127.0.0.1:{server.port}/v1")
        transport_with_ca = Transport(target, LONG_SECONDS, ssl.create_default_context(cafile=certificate))
        exchange = transport_with_ca.send("a-case", request(LARGE))
    assert exchange.response is not None
    assert exchange.response.status == 413


def test_a_certificate_of_another_host_is_refused(certificate: Path) -> None:
    with scripted_server(*answering(answer()), tls=server_side(certificate)) as server:
        target = Target.parse(f"https://localhost:{server.port}/v1")
        transport_with_ca = Transport(target, LONG_SECONDS, ssl.create_default_context(cafile=certificate))
        exchange = transport_with_ca.send("a-case", request())
    assert exchange.failure is not None
    assert exchange.failure.kind == "unreachable"
    assert "no TLS" in exchange.failure.message
    assert bytes(server.heard[-1]) == b""


def test_a_self_signed_certificate_is_refused(certificate: Path) -> None:
    with scripted_server(*answering(answer()), tls=server_side(certificate)) as server:
        exchange = Transport(Target.parse(f"https://127.0.0.1:{server.port}/v1"), LONG_SECONDS).send(
            "a-case", request()
        )
    assert exchange.failure is not None
    assert exchange.failure.kind == "unreachable"
    assert "self-signed" in exchange.failure.message.replace("self signed", "self-signed")
    assert bytes(server.heard[0]) == b""


@pytest.mark.parametrize(
    "script",
    [
        (say(b"HTTP/1.1 400 Bad Request\r\n\r\n"),),
        (),
        (hold,),
        (say(b"\x16\x03\x03\x40\0"), say_forever(b"\0", 0.02)),
        (say_forever(b"\x15\x03\x03\0\x02\x01\x5a", 0.02),),
    ],
    ids=["HTTP", "closed", "no response", "a record byte by byte", "TLS warnings"],
)
def test_a_server_without_tls_is_unreachable_over_https(script: tuple[Step, ...]) -> None:
    with scripted_server(script) as server:
        exchange = Transport(Target.parse(f"https://127.0.0.1:{server.port}/v1"), SHORT_SECONDS).send(
            "a-case", request()
        )
    assert exchange.seconds < 2.0
    assert exchange.failure is not None
    assert exchange.failure.kind == "unreachable"
    assert "no TLS" in exchange.failure.message
