"""Runs against servers that die, restart, hang, refuse everything or mix up responses report what happened."""

import re
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import count

import pytest
from image_variations_conformance.engine.liveness import Unreachable
from image_variations_conformance.engine.run import Run
from image_variations_conformance.wire.reasons import ServerGone
from support.hostile import IMAGE, as_text, said, with_items
from support.judging import judge_url
from support.loopback import Peer, Step, answer, hear_request, hold, reset, say, say_by_path, scripted_server
from support.requests import KEY

pytestmark = pytest.mark.slow

ERROR = said({"error": {"message": "no", "type": "t", "param": None, "code": None}}, 400)


@contextmanager
def dying_server(connections: int, restarts: bool) -> Iterator[str]:
    """Run a server that resets the connection with number `connections` and stops; yield its base URL.

    With `restarts`, it listens again half a second later.
    """
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    stopping = threading.Event()

    def serve() -> None:
        nonlocal listener
        for number in count(1):
            connection, _ = listener.accept()
            if stopping.is_set():
                connection.close()
                return
            with connection, suppress(OSError):
                peer = Peer(connection, bytearray(), stopping)
                hear_request(peer)
                if number != connections:
                    connection.sendall(ERROR)
                else:
                    reset(peer)
                    listener.close()
                    if not restarts:
                        return
                    time.sleep(0.5)
                    listener = socket.create_server(("127.0.0.1", port))

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        stopping.set()
        with suppress(OSError):
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        thread.join(5.0)
        listener.close()


def by_verdict(run: Run, verdict: str) -> set[str]:
    return {it.requirement.id for it in run.verdicts if it.result == verdict}


def test_a_server_that_dies_is_reported_with_the_last_request_that_reached_it() -> None:
    with dying_server(5, restarts=False) as base_url:
        run = judge_url(base_url, timeout=5.0)
    exchanges = [it.exchange for it in run.observations.values()]
    last_sent = exchanges[4]
    assert last_sent.failure is not None
    assert last_sent.failure.kind == "dropped"
    assert {it.not_tested for it in exchanges[5:]} == {ServerGone((last_sent.label,))}
    no_5xx = next(it for it in run.verdicts if it.requirement.id == "IV-ERR-NO-5XX")
    assert (no_5xx.result, no_5xx.cases) == ("fail", (last_sent.label,))
    assert run.outcome == "fails"
    # No response had an image or a link, so no requirement on them passed.
    assert not {it for it in by_verdict(run, "pass") if it.startswith(("IV-OUT", "IV-URL", "IV-RES", "IV-STATE"))}
    assert run.cost.requests == 5


def test_a_run_continues_after_the_server_has_restarted() -> None:
    with dying_server(5, restarts=True) as base_url:
        run = judge_url(base_url, timeout=5.0)
    failures = [it.exchange.failure for it in run.observations.values() if it.exchange.failure is not None]
    assert [failure.kind for failure in failures] == ["dropped"]


def test_a_closed_port_raises_unreachable() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    started = time.monotonic()
    with pytest.raises(Unreachable, match="refused"):
        judge_url(f"http://127.0.0.1:{port}/v1")
    assert time.monotonic() - started < 10.0


@pytest.mark.parametrize("first", [hold, hear_request], ids=["before the request is read", "after the request is read"])
def test_a_server_that_hangs_on_every_request_is_sent_three_requests(first: Step) -> None:
    started = time.monotonic()
    with scripted_server((first, hold)) as server:
        run = judge_url(server.base_url, timeout=0.5)
    assert time.monotonic() - started < 10.0
    assert len(server.heard) == 3
    assert run.outcome == "fails"
    assert by_verdict(run, "pass") == set()


@pytest.mark.parametrize("status", [404, 405, 501])
@pytest.mark.parametrize("body", [b"", b"<html>nothing here</html>"], ids=["empty body", "HTML body"])
def test_the_headline_says_that_the_server_does_not_have_the_operation(status: int, body: bytes) -> None:
    with scripted_server((hear_request, say(answer(status, body)))) as server:
        run = judge_url(server.base_url)
    assert run.outcome == "fails"
    assert run.headline == (
        "Does not conform to contract 1.1.0: POST /images/variations is not offered; "
        f"every request was answered {status}."
    )


@pytest.mark.parametrize(
    ("script", "headline"),
    [
        ((hear_request, say(answer(500))), "the server fails at every request; every POST was answered 500"),
        ((hear_request, say(answer(502, b"<html>"))), "the server fails at every request; every POST was answered 502"),
        ((hear_request, reset), "the server answers nothing; every connection broke before there was a response"),
        ((hear_request,), "the server answers nothing; every connection broke before there was a response"),
        ((hear_request, hold), "the server answers nothing; every request timed out"),
        ((hear_request, say(b"SSH-2.0-x\r\n\r\n")), "the server does not speak HTTP/1.1; no response could be read"),
    ],
    ids=["500", "502", "reset", "closed", "silent", "not HTTP"],
)
def test_the_headline_says_how_every_request_fails(script: tuple[Step, ...], headline: str) -> None:
    with scripted_server(script) as server:
        run = judge_url(server.base_url, timeout=0.5 if hold in script else 20.0)
    assert run.outcome == "fails"
    assert run.headline == f"Does not conform to contract 1.1.0: {headline}."


def test_the_headline_says_that_every_post_fails_when_other_methods_are_refused() -> None:
    def respond(peer: Peer) -> None:
        hear_request(peer)
        peer.socket.sendall(answer(500 if peer.heard.startswith(b"POST") else 405))

    with scripted_server((respond,)) as server:
        headline = judge_url(server.base_url).headline
    assert (
        headline
        == "Does not conform to contract 1.1.0: the server fails at every request; every POST was answered 500."
    )


@pytest.mark.parametrize("first", [answer(400), answer(200)])
def test_the_headline_counts_requirements_when_the_first_response_is_not_500(first: bytes) -> None:
    with scripted_server((hear_request, say(first)), (hear_request, say(answer(500)))) as server:
        headline = judge_url(server.base_url).headline
    assert re.fullmatch(r"Does not conform to contract 1.1.0: \d+ requirements? broken.*", headline)


@pytest.mark.parametrize(
    ("data", "requirement"),
    [
        (answer(500, b"oops"), "IV-OP-VALID"),
        (said({"error": "oops"}, 503), "IV-OP-VALID"),
        (ERROR, "IV-OP-VALID"),
        (answer(200, b""), "IV-RES-JSON"),
    ],
)
def test_the_same_response_to_every_request_passes_no_requirement_on_images(data: bytes, requirement: str) -> None:
    with scripted_server((hear_request, say(data))) as server:
        run = judge_url(server.base_url)
    assert run.outcome == "fails"
    assert requirement in by_verdict(run, "fail")
    assert not {it for it in by_verdict(run, "pass") if it.startswith(("IV-OUT", "IV-URL", "IV-RES"))}


def test_responses_that_do_not_fit_their_requests_fail_the_run() -> None:
    """The server responds with base64, a link and an error in turn, whatever is requested."""
    with scripted_server() as server:
        link = said(with_items({"url": f"{server.origin}/a.png"}))
        responses = [said(as_text(IMAGE)), link, ERROR]
        numbers = count()

        def respond(peer: Peer) -> None:
            data = responses[next(numbers) % len(responses)]
            say_by_path({"/a.png": answer(200, IMAGE, "Content-Type: image/png")}, data)(peer)

        server.scripts = [(respond,)]
        run = judge_url(server.base_url)
    assert run.outcome == "fails"
    assert {"IV-OUT-SIZE", "IV-AUTH-WRONG", "IV-RES-COUNT"} & by_verdict(run, "fail")
    assert KEY.encode() not in repr(run).encode()
