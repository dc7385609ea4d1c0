"""Servers that die, come back, refuse, fall silent or mix up: the whole plan is sent to them, and the run says so."""

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

ERROR = said({"error": {"message": "no", "type": "t", "param": None, "code": None}}, 400)


@contextmanager
def mortal(lives_for: int, comes_back: bool) -> Iterator[str]:
    """Run a server that takes so many connections, breaks the last one, and dies; or is started anew a little later."""
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
                if number != lives_for:
                    connection.sendall(ERROR)
                else:
                    reset(peer)
                    listener.close()
                    if not comes_back:
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


def test_a_server_that_dies_is_reported_with_the_request_that_killed_it() -> None:
    with mortal(5, comes_back=False) as base_url:
        run = judge_url(base_url, timeout=5.0)
    exchanges = [it.exchange for it in run.observations.values()]
    killer = exchanges[4]
    assert killer.failure is not None
    assert killer.failure.kind == "dropped"
    assert {it.not_tested for it in exchanges[5:]} == {ServerGone((killer.label,))}
    no_5xx = next(it for it in run.verdicts if it.requirement.id == "IV-ERR-NO-5XX")
    assert (no_5xx.result, no_5xx.cases) == ("fail", (killer.label,))
    assert run.outcome == "fails"
    # Neither images nor links came, so nothing of them passed.
    assert not {it for it in by_verdict(run, "pass") if it.startswith(("IV-OUT", "IV-URL", "IV-RES", "IV-STATE"))}
    assert run.cost.requests == 5


def test_a_server_that_dies_and_comes_back_is_gone_on_with() -> None:
    with mortal(5, comes_back=True) as base_url:
        run = judge_url(base_url, timeout=5.0)
    failures = [it.exchange.failure for it in run.observations.values() if it.exchange.failure is not None]
    assert [failure.kind for failure in failures] == ["dropped"]


def test_nobody_there_is_no_run_at_all() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    started = time.monotonic()
    with pytest.raises(Unreachable, match="refused"):
        judge_url(f"http://127.0.0.1:{port}/v1")
    assert time.monotonic() - started < 10.0


@pytest.mark.parametrize("first", [hold, hear_request], ids=["before the request is read", "after it"])
def test_a_server_that_hangs_on_every_request_costs_three_timeouts(first: Step) -> None:
    started = time.monotonic()
    with scripted_server((first, hold)) as server:
        run = judge_url(server.base_url, timeout=0.5)
    assert time.monotonic() - started < 10.0
    assert len(server.heard) == 3
    assert run.outcome == "fails"
    assert by_verdict(run, "pass") == set()


@pytest.mark.parametrize("status", [404, 405, 501])
@pytest.mark.parametrize("body", [b"", b"<html>nothing here</html>"], ids=["empty", "a page"])
def test_a_server_without_the_operation_is_said_to_be_one(status: int, body: bytes) -> None:
    with scripted_server((hear_request, say(answer(status, body)))) as server:
        run = judge_url(server.base_url)
    assert run.outcome == "fails"
    assert run.headline == (
        f"Does not conform: there is no POST /images/variations here; every request was answered {status}."
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
def test_a_server_that_fails_at_everything_is_said_to_be_one(script: tuple[Step, ...], headline: str) -> None:
    with scripted_server(script) as server:
        run = judge_url(server.base_url, timeout=0.5 if hold in script else 20.0)
    assert run.outcome == "fails"
    assert run.headline == f"Does not conform: {headline}."


def test_a_server_that_fails_at_every_post_may_refuse_other_methods() -> None:
    def play(peer: Peer) -> None:
        hear_request(peer)
        peer.socket.sendall(answer(500 if peer.heard.startswith(b"POST") else 405))

    with scripted_server((play,)) as server:
        headline = judge_url(server.base_url).headline
    assert headline == "Does not conform: the server fails at every request; every POST was answered 500."


@pytest.mark.parametrize("first", [answer(400), answer(200)])
def test_a_server_that_fails_after_an_answer_is_not_said_to_fail_at_everything(first: bytes) -> None:
    with scripted_server((hear_request, say(first)), (hear_request, say(answer(500)))) as server:
        headline = judge_url(server.base_url).headline
    assert re.fullmatch(r"Does not conform: \d+ requirements broken.*", headline)


@pytest.mark.parametrize(
    ("data", "requirement"),
    [
        (answer(500, b"oops"), "IV-OP-VALID"),
        (said({"error": "oops"}, 503), "IV-OP-VALID"),
        (ERROR, "IV-OP-VALID"),
        (answer(200, b""), "IV-RES-JSON"),
    ],
)
def test_the_same_answer_to_everything_conforms_to_nothing_of_images(data: bytes, requirement: str) -> None:
    with scripted_server((hear_request, say(data))) as server:
        run = judge_url(server.base_url)
    assert run.outcome == "fails"
    assert requirement in by_verdict(run, "fail")
    assert not {it for it in by_verdict(run, "pass") if it.startswith(("IV-OUT", "IV-URL", "IV-RES"))}


def test_the_answer_to_another_request_is_no_answer() -> None:
    """A good one, as text or as a link, whatever was requested: each request gets what the one before it was owed."""
    with scripted_server() as server:
        link = said(with_items({"url": f"{server.origin}/a.png"}))
        answers = [said(as_text(IMAGE)), link, ERROR]
        turn = count()

        def play(peer: Peer) -> None:
            data = answers[next(turn) % len(answers)]
            say_by_path({"/a.png": answer(200, IMAGE, "Content-Type: image/png")}, data)(peer)

        server.scripts = [(play,)]
        run = judge_url(server.base_url)
    assert run.outcome == "fails"
    assert {"IV-OUT-SIZE", "IV-AUTH-WRONG", "IV-RES-COUNT"} & by_verdict(run, "fail")
    assert KEY.encode() not in repr(run).encode()
