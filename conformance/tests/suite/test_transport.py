"""The transport, against servers that do on loopback what servers do: the bytes out, the answer in, nothing raised."""

import gzip
import select
import shutil
import socket
import ssl
import subprocess
import threading
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from image_variations_conformance.sources import transport
from image_variations_conformance.sources.transport import Transport
from image_variations_conformance.wire.exchange import Exchange, Failure, Outcome, Request, Response
from image_variations_conformance.wire.target import Target
from support.loopback import (
    HTTPISH,
    ScriptedServer,
    Step,
    answer,
    answering,
    hear,
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
# Long enough for loopback under load, short enough to be waited for.
PATIENT, IMPATIENT = 20.0, 0.4


def request(body: bytes = b"", *, chunked: bool = False) -> Request:
    framing = ("Transfer-Encoding", "chunked") if chunked else ("Content-Length", str(len(body)))
    headers = (("Host", "here"), ("Authorization", f"Bearer {KEY}"), framing)
    return Request("POST", "/v1/images/variations", headers, body, chunked)


def sent(server: ScriptedServer, what: Request | None = None, timeout: float = PATIENT) -> Exchange:
    target = Target.parse(server.base_url, KEY)
    return Transport(target, timeout).send("a-case", what or request(), "a-concurrent_with")


def outcome_of(*script: Step, timeout: float = PATIENT) -> Outcome:
    """Return what comes of a plain request to a server with this script."""
    with scripted_server(script) as server:
        return sent(server, timeout=timeout).outcome


def failure_of(*script: Step, timeout: float = PATIENT) -> str:
    """Return the kind of failure that comes of a plain request to a server with this script."""
    outcome = outcome_of(*script, timeout=timeout)
    assert isinstance(outcome, Failure)
    assert outcome.message
    return outcome.kind


def response_of(*script: Step) -> Response:
    """Return the answer to a plain request to a server with this script."""
    outcome = outcome_of(*script)
    assert isinstance(outcome, Response)
    return outcome


# --- what goes out


def test_the_bytes_on_the_wire_are_the_request_and_nothing_more() -> None:
    headers = (("hOsT", "x"), ("X-Twice", "1"), ("X-Twice", "2"), ("X-Ä", "é"), ("Content-Length", "7"))
    what = Request("PoSt", "/v1?a=b", headers, b"\0body\r\n")
    with scripted_server((hear_request, say(answer()), hear_the_end)) as server:
        exchange = sent(server, what)
    assert bytes(server.heard[0]) == (
        b"PoSt /v1?a=b HTTP/1.1\r\n"
        b"hOsT: x\r\nX-Twice: 1\r\nX-Twice: 2\r\nX-\xc3\x84: \xc3\xa9\r\nContent-Length: 7\r\n\r\n"
        b"\0body\r\n"
    )
    assert (exchange.label, exchange.request, exchange.concurrent_with) == ("a-case", what, "a-concurrent_with")


def test_a_chunked_body_goes_out_in_chunks() -> None:
    with scripted_server((hear_request, say(answer()), hear_the_end)) as server:
        sent(server, request(b"x" * 65_541, chunked=True))
    head, _, body = bytes(server.heard[0]).partition(b"\r\n\r\n")
    assert head.endswith(b"Transfer-Encoding: chunked")
    assert body == b"10000\r\n" + b"x" * 65_536 + b"\r\n5\r\nxxxxx\r\n0\r\n\r\n"


@pytest.mark.parametrize("chunked", [False, True])
def test_an_empty_body_is_framed_too(chunked: bool) -> None:
    with scripted_server((hear_request, say(answer()), hear_the_end)) as server:
        sent(server, request(chunked=chunked))
    assert bytes(server.heard[0]).partition(b"\r\n\r\n")[2] == (b"0\r\n\r\n" if chunked else b"")


def test_a_large_body_arrives_whole() -> None:
    body = bytes(range(256)) * (1 << 14)
    with scripted_server((hear_request, say(answer()), hear_the_end)) as server:
        assert sent(server, request(body)).response == Response(200, (("Content-Length", "0"),))
    assert bytes(server.heard[0]).partition(b"\r\n\r\n")[2] == body


def test_each_request_has_a_connection_of_its_own() -> None:
    with scripted_server((hear_request, say(answer()), hear_the_end)) as server:
        for _ in range(3):
            sent(server)
    assert [bytes(heard) for heard in server.heard] == [request().head()] * 3


# --- an answer before the end of the request


@pytest.mark.parametrize("last", [hold, reset, wait(0), hear_the_end], ids=["held", "reset", "closed", "heard out"])
@pytest.mark.parametrize("chunked", [False, True])
def test_an_answer_in_the_middle_of_a_large_body_is_heard(last: Step, chunked: bool) -> None:
    """Whether the server then holds the connection without reading on, closes it, or resets it a little later."""
    script = (hear(1000), say(answer(413, b"too large")), wait(0.05), last)
    with scripted_server(script) as server:
        response = sent(server, request(LARGE, chunked=chunked)).response
    assert response is not None
    assert (response.status, response.body) == (413, b"too large")


def test_an_answer_to_a_body_that_is_never_read_is_heard() -> None:
    assert response_of(say(answer(503)), hold).status == 503


def test_an_answer_before_a_reset_is_heard() -> None:
    assert response_of(hear_request, say(answer(401, b"no")), wait(0.05), reset).body == b"no"


def test_an_answer_and_a_reset_that_come_between_looking_and_sending_are_heard(monkeypatch: pytest.MonkeyPatch) -> None:
    reset_done = threading.Event()

    def blind(
        _: object, writable: list[socket.socket], *__: object
    ) -> tuple[list[object], list[socket.socket], list[object]]:
        """Stand in for select: nothing to read was seen, and by now the server has answered and gone."""
        assert reset_done.wait(PATIENT)
        return [], writable, []

    monkeypatch.setattr(select, "select", blind)
    with scripted_server((say(answer(413, b"too large")), wait(0.05), reset, lambda _: reset_done.set())) as server:
        response = sent(server, request(LARGE)).response
    assert response is not None
    assert (response.status, response.body) == (413, b"too large")


def test_a_server_that_never_reads_a_large_body_runs_into_the_deadline() -> None:
    with scripted_server((hold,)) as server:
        failure = sent(server, request(LARGE), IMPATIENT).failure
    assert failure is not None
    assert failure.kind == "timeout"


# --- no answer


def test_nobody_there_is_unreachable() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    failure = Transport(Target.parse(f"http://127.0.0.1:{port}/v1")).send("a-case", request()).failure
    assert failure is not None
    assert (failure.kind, "refused" in failure.message) == ("unreachable", True)


def test_whether_a_target_takes_connections_is_found_out_without_a_word() -> None:
    with scripted_server((hear_the_end,)) as server:
        known = Transport(Target.parse(server.base_url, KEY))
        assert known.reachable()
    assert not known.reachable()
    assert b"".join(server.heard) == b""


def test_an_unknown_host_is_unreachable(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    known = Transport(Target.parse("http://nobody.example/v1"))
    failure = known.send("a-case", request()).failure
    assert failure is not None
    assert failure.kind == "unreachable"


OK = b"HTTP/1.1 200 OK\r\n"
NO_WHOLE_ANSWERS = {
    "closed at once": ((), "dropped"),
    "closed after the request": ((hear_request,), "dropped"),
    "reset": ((hear_request, reset), "dropped"),
    "half a header": ((hear_request, say(OK + b"Content-Le")), "dropped"),
    "a byte too few": ((hear_request, say(OK + b"Content-Length: 9\r\n\r\n12345678")), "dropped"),
    "reset in the body": ((hear_request, say(OK + b"Content-Length: 9\r\n\r\n1"), wait(0.05), reset), "dropped"),
    "half a chunk": ((hear_request, say(OK + b"Transfer-Encoding: chunked\r\n\r\n5\r\n123")), "dropped"),
    "no last chunk": ((hear_request, say(OK + b"Transfer-Encoding: chunked\r\n\r\n1\r\n1\r\n0\r\n")), "dropped"),
    "provisional only": ((hear_request, say(b"HTTP/1.1 100 Continue\r\n\r\n")), "dropped"),
    "no chunk length": ((hear_request, say(OK + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n")), "malformed"),
    "two lengths": ((hear_request, say(OK + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\n1")), "malformed"),
    "no number as length": ((hear_request, say(OK + b"Content-Length: many\r\n\r\n")), "malformed"),
    "another protocol": ((hear_request, say(b"HTTP/1.1 101 Switching Protocols\r\n\r\n")), "malformed"),
    "mail": ((hear_request, say(b"220 mail.example ESMTP\r\n\r\n")), "malformed"),
    "TLS": ((hear_request, say(b"\x16\x03\x01\x02\x00\x01\0\0\r\n\r\n")), "malformed"),
    "a page alone": ((hear_request, say(b"<html>\r\n\r\n")), "malformed"),
    "an endless header": ((hear_request, say(OK + b"X: " + b"x" * (1 << 18))), "malformed"),
    "too many provisional": ((hear_request, say(b"HTTP/1.1 103 Early\r\n\r\n" * 21 + answer())), "malformed"),
}


@pytest.mark.parametrize(("script", "kind"), NO_WHOLE_ANSWERS.values(), ids=list(NO_WHOLE_ANSWERS))
def test_what_is_no_whole_answer_is_a_failure(script: tuple[Step, ...], kind: str) -> None:
    assert failure_of(*script) == kind


@pytest.mark.parametrize(
    "script",
    [
        (hear_request, hold),
        (hear_request, say(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n1"), hold),
        (hear_request, say(b"HTTP/1.1 200 OK\r\nContent-Length: 999999\r\n\r\n"), say_forever(b"x", 0.02)),
        (hear_request, say(b"HTTP/1.1 200 OK\r\nX: "), say_forever(b"x", 0.02)),
        (hear_request, say_forever(b"HTTP/1.1 102 Processing\r\n\r\n", 0.05)),
    ],
    ids=["silence", "silence in the middle", "a drop at a time", "a drop of header at a time", "processing"],
)
def test_the_deadline_holds_however_the_time_is_spent(script: tuple[Step, ...]) -> None:
    assert failure_of(*script, timeout=IMPATIENT) == "timeout"


# A gzip stream that has begun, and five bytes with which it goes on and comes to nothing.
GZIP_BEGUN, GZIP_NOTHING = gzip.compress(b"", mtime=0)[:10], b"\0\0\0\xff\xff"


@pytest.mark.parametrize(
    ("head", "more"),
    [
        (b"HTTP/1.1 200 OK\r\n\r\n", b"\0"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 999999999999\r\n\r\n", b"\0"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"2\r\n\0\0\r\n"),
        (b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n" + GZIP_BEGUN, GZIP_NOTHING),
    ],
    ids=["until the end", "with a length", "chunked", "gzip of nothing"],
)
def test_an_endless_answer_ends_at_the_limit(head: bytes, more: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "MAX_RESPONSE_BYTES", 100_000)
    assert failure_of(hear_request, say(head), say_forever(more * 2000)) == "too-large"


def test_an_answer_of_exactly_the_limit_is_an_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "MAX_RESPONSE_BYTES", 1000)
    assert len(response_of(hear_request, say(answer(200, bytes(1000)))).body) == 1000
    assert failure_of(hear_request, say(answer(200, bytes(1001)))) == "too-large"


# --- an answer


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
def test_an_answer_is_read_however_it_is_framed(data: bytes, body: bytes) -> None:
    assert response_of(hear_request, say(data)).body == body


def test_an_answer_with_a_length_is_whole_before_the_connection_ends() -> None:
    assert response_of(hear_request, say(answer(204)), hold).status == 204


def test_headers_are_kept_as_they_came() -> None:
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
        ("identity", b"plain" * 99),
        ("", b"plain" * 99),
    ],
)
def test_a_content_coding_is_taken_off(coding: str, body: bytes) -> None:
    data = answer(200, body, f"Content-Encoding: {coding}")
    assert response_of(hear_request, say(data)).body == b"plain" * 99


@pytest.mark.parametrize(
    ("coding", "body", "kind"),
    [
        ("br", b"x", "malformed"),
        ("gzip, gzip", b"x", "malformed"),
        ("gzip", b"not gzip at all", "malformed"),
        ("gzip", gzip.compress(b"plain" * 99, mtime=0)[:-3], "dropped"),
        ("deflate", zlib.compress(b"plain" * 99)[:-3], "dropped"),
        ("gzip", gzip.compress(bytes(1 << 20), mtime=0), "too-large"),
        ("gzip", gzip.compress(bytes(1 << 20), mtime=0)[:-3], "too-large"),
    ],
)
def test_a_content_coding_that_comes_to_nothing_is_a_failure(
    coding: str, body: bytes, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transport, "MAX_RESPONSE_BYTES", 100_000)
    assert failure_of(hear_request, say(answer(200, body, f"Content-Encoding: {coding}"))) == kind


@pytest.fixture(scope="module")
def any_server() -> Iterator[ScriptedServer]:
    """A server whose script a test sets itself."""
    with scripted_server(()) as server:
        yield server


@given(HTTPISH)
def test_whatever_comes_nothing_is_raised(any_server: ScriptedServer, data: bytes) -> None:
    any_server.scripts = [(hear_request, say(data))]
    exchange = sent(any_server)
    assert isinstance(exchange.outcome, Response | Failure)
    assert exchange.seconds >= 0


# --- other ways to a server


def test_a_server_is_reached_over_ipv6() -> None:
    try:
        with socket.create_server(("::1", 0), family=socket.AF_INET6):
            pass
    except OSError:
        pytest.skip("there is no IPv6 here")
    with scripted_server(*answering(answer(200, b"six")), host="::1") as server:
        target = Target.parse(f"http://[::1]:{server.port}/v1")
        assert target.host == f"[::1]:{server.port}"
        response = Transport(target).send("a-case", request()).response
    assert response == Response(200, (("Content-Length", "3"),), b"six")


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with a certificate for 127.0.0.1 and its key, signed by itself."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("openssl is not installed")
    file = tmp_path_factory.mktemp("tls") / "both.pem"
    options = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=here"
    names = ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(file), "-out", f"{file}.crt"]
    subprocess.run([openssl, *options.split(), *names], check=True, capture_output=True)
    file.write_bytes(file.read_bytes() + Path(f"{file}.crt").read_bytes())
    return file


def _server_side(certificate: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


@pytest.mark.parametrize(
    "script",
    [(hear_request, say(answer(413))), (hear(1000), say(answer(413)), hold)],
    ids=["at the end", "in the middle"],
)
def test_a_request_goes_over_tls(certificate: Path, script: tuple[Step, ...]) -> None:
    with scripted_server(script, tls=_server_side(certificate)) as server:
        target = Target.parse(f"https://127.0.0.1:{server.port}/v1")
        trusting = Transport(target, PATIENT, ssl.create_default_context(cafile=certificate))
        exchange = trusting.send("a-case", request(LARGE))
    assert exchange.response is not None
    assert exchange.response.status == 413


def test_a_certificate_of_another_host_is_refused(certificate: Path) -> None:
    with scripted_server(*answering(answer()), tls=_server_side(certificate)) as server:
        target = Target.parse(f"https://localhost:{server.port}/v1")
        trusting = Transport(target, PATIENT, ssl.create_default_context(cafile=certificate))
        exchange = trusting.send("a-case", request())
    assert exchange.failure is not None
    assert exchange.failure.kind == "unreachable"
    assert "no TLS" in exchange.failure.message
    assert bytes(server.heard[-1]) == b""


def test_a_certificate_that_nobody_vouches_for_is_refused(certificate: Path) -> None:
    with scripted_server(*answering(answer()), tls=_server_side(certificate)) as server:
        exchange = Transport(Target.parse(f"https://127.0.0.1:{server.port}/v1"), PATIENT).send("a-case", request())
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
    ids=["http", "closed", "silence", "a drop at a time", "warnings"],
)
def test_a_server_without_tls_is_unreachable_by_it(script: tuple[Step, ...]) -> None:
    with scripted_server(script) as server:
        exchange = Transport(Target.parse(f"https://127.0.0.1:{server.port}/v1"), IMPATIENT).send("a-case", request())
    assert exchange.seconds < 2.0
    assert exchange.failure is not None
    assert exchange.failure.kind == "unreachable"
    assert "no TLS" in exchange.failure.message
