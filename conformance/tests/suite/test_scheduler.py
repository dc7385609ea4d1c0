"""The scheduler with servers that limit the rate, die, restart or hang: it waits, continues, or ends the run."""

import json
import socket
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from email.utils import formatdate
from typing import Any

import pytest
from attrs import field, frozen
from hypothesis import given
from hypothesis import strategies as st
from image_variations_conformance.cases.case import Case
from image_variations_conformance.contract.expectation import Expectation
from image_variations_conformance.engine.budget import Budget, Limits
from image_variations_conformance.engine.liveness import Liveness, Unreachable
from image_variations_conformance.engine.scheduler import Scheduler
from image_variations_conformance.sources.transport import Transport
from image_variations_conformance.wire.exchange import Exchange, Failure, NotTested, Request, Response
from image_variations_conformance.wire.reasons import Interrupted, MaxFetches, ServerGone, ServerSilent
from image_variations_conformance.wire.target import Target
from support.fake_transport import OK, FakeTransport
from support.loopback import (
    Peer,
    ScriptedServer,
    answer,
    answering,
    hear_next_request,
    hear_request,
    hear_the_end,
    hold,
    meet,
    say,
    scripted_server,
)

GONE = Failure("unreachable", "no connection to here: Connection refused")
DROPPED = Failure("dropped", "the connection was reset")
TIMEOUT = Failure("timeout", "none within 1 s")
HERE = Target.parse("http://127.0.0.1/v1")

Outcome = Response | Failure | type[KeyboardInterrupt]


def case(label: str, concurrent_with: str | None = None, connection: str | None = None) -> Case:
    request = Request("POST", "/v1/images/variations", (("Content-Length", "0"),))
    return Case(label, "a note", request, Expectation(), concurrent_with=concurrent_with, connection=connection)


def cases(*labels: str) -> list[Case]:
    return [case(label) for label in labels]


def limited(retry_after: str | None, status: int = 429) -> Response:
    return Response(status, () if retry_after is None else (("Retry-After", retry_after),))


@frozen
class Result:
    """The exchanges of a run, with its transport, waits in seconds, and calls of progress."""

    exchanges: list[Exchange]
    transport: FakeTransport
    slept: list[float]
    progress: list[tuple[int, int, str]]

    @property
    def outcomes(self) -> list[Response | Failure | NotTested]:
        return [exchange.outcome for exchange in self.exchanges]


def ignore_progress(*_: object) -> None:
    """Ignore the progress."""


def run_cases(todo: Sequence[Case], accepts: tuple[bool, ...] = (True,), /, **outcomes: list[Outcome]) -> Result:
    """Run cases with these outcomes. `accepts` says, for each reconnection, whether the server accepts it."""
    transport = FakeTransport(HERE, outcomes=outcomes, accepts=accepts)
    slept: list[float] = []
    progress: list[tuple[int, int, str]] = []
    scheduler = Scheduler(transport, lambda done, total, case: progress.append((done, total, case.label)), slept.append)
    return Result(scheduler.run(todo), transport, slept, progress)


def gone_after(*labels: str) -> NotTested:
    return NotTested(ServerGone(labels))


def test_cases_are_sent_in_their_order_and_each_has_its_exchange() -> None:
    result = run_cases(cases("a", "b", "c"), b=[Response(400)], c=[DROPPED])
    assert result.transport.sent == ["a", "b", "c"]
    assert [exchange.label for exchange in result.exchanges] == ["a", "b", "c"]
    assert result.outcomes == [OK, Response(400), DROPPED]
    assert result.progress == [(0, 3, "a"), (1, 3, "b"), (2, 3, "c")]


def test_a_run_without_cases_has_no_exchanges() -> None:
    assert run_cases([]).exchanges == []


def test_the_progress_counts_earlier_cases_of_the_run_and_those_to_come() -> None:
    progress: list[tuple[int, int, str]] = []
    scheduler = Scheduler(FakeTransport(HERE), lambda done, total, case: progress.append((done, total, case.label)))
    scheduler.run(cases("a", "b"), to_come=3)
    scheduler.run(cases("c"), to_come=2)
    assert progress == [(0, 5, "a"), (1, 5, "b"), (2, 5, "c")]


def test_no_case_is_sent_after_the_run_has_ended() -> None:
    transport = FakeTransport(HERE, outcomes={"a": [DROPPED]}, accepts=(False,))
    scheduler = Scheduler(transport, ignore_progress, lambda _: None)
    scheduler.run(cases("a"))
    assert scheduler.ended == ServerGone(("a",))
    assert [exchange.outcome for exchange in scheduler.run(cases("b", "c"))] == [gone_after("a")] * 2
    fetch = scheduler.fetch_again("a/again", "http://127.0.0.1/1.png")
    assert (fetch.sent, fetch.outcome) == (False, gone_after("a"))
    assert (transport.sent, transport.fetched) == (["a"], [])


# --- servers that limit the rate


@frozen
class RepeatingTransport(FakeTransport):
    """Records how many requests that are sent again are under way whenever one is."""

    under_way: set[str] = field(factory=set)
    repeated: list[int] = field(factory=list)

    def send(self, label: str, *arguments: Any, **options: Any) -> Exchange:
        if label not in self.sent:
            return super().send(label, *arguments, **options)
        self.under_way.add(label)
        time.sleep(0.01)
        self.repeated.append(len(self.under_way))
        exchange = super().send(label, *arguments, **options)
        self.under_way.remove(label)
        return exchange


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize(("retry_after", "seconds"), [("2", 2.0), ("0", 0.0), ("0.5", 0.5), ("-3", 0.0), ("60", 60.0)])
def test_the_run_waits_for_the_seconds_of_retry_after(status: int, retry_after: str, seconds: float) -> None:
    result = run_cases(cases("a", "b"), a=[limited(retry_after, status), limited(retry_after, status), OK])
    assert result.slept == [seconds, seconds]
    assert result.outcomes == [OK, OK]
    assert [exchange.retries for exchange in result.exchanges] == [2, 0]


def test_the_run_waits_until_the_date_of_retry_after() -> None:
    result = run_cases(cases("a"), a=[limited(formatdate(time.time() + 20, usegmt=True)), OK])
    assert len(result.slept) == 1
    assert 15 < result.slept[0] <= 20


def test_a_past_date_in_retry_after_causes_no_wait() -> None:
    result = run_cases(cases("a"), a=[limited("Sun, 06 Nov 1994 08:49:37 GMT"), OK])
    assert (result.slept, result.outcomes) == ([0.0], [OK])


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize("retry_after", ["66", "inf", "1e9", "99999999999999999999", "Fri, 31 Dec 9999 23:59:59 GMT"])
def test_a_retry_after_that_is_too_long_causes_no_retry(retry_after: str, status: int) -> None:
    response = limited(retry_after, status)
    result = run_cases(cases("a", "b"), a=[response, OK])
    assert (result.slept, result.outcomes, result.transport.sent) == ([], [response, OK], ["a", "b"])
    assert result.exchanges[0].retries == 0


@pytest.mark.parametrize("retry_after", [None, "", "soon", "1 s"])
def test_a_429_without_a_readable_retry_after_is_waited_for_1_2_and_4_seconds(retry_after: str | None) -> None:
    response = limited(retry_after)
    result = run_cases(cases("a", "b"), a=[response, response, response, response, OK])
    assert (result.slept, result.outcomes) == ([1.0, 2.0, 4.0], [response, OK])
    assert (result.exchanges[0].retries, result.exchanges[0].limited) == (3, (response,) * 3)


@pytest.mark.parametrize("retry_after", [None, "", "soon"])
def test_a_503_without_a_readable_retry_after_causes_no_retry(retry_after: str | None) -> None:
    """It may be an answer to this very request, which does not change."""
    response = limited(retry_after, 503)
    result = run_cases(cases("a", "b"), a=[response, OK])
    assert (result.slept, result.outcomes) == ([], [response, OK])


def test_retry_after_of_another_status_causes_no_retry() -> None:
    result = run_cases(cases("a"), a=[limited("1", 500), OK])
    assert (result.slept, result.outcomes) == ([], [limited("1", 500)])


def test_the_fourth_rate_limited_response_is_the_outcome() -> None:
    result = run_cases(cases("a", "b"), a=[limited("1"), limited("2"), limited("3"), limited("4"), OK])
    assert result.slept == [1.0, 2.0, 3.0]
    assert result.outcomes == [limited("4"), OK]
    assert result.exchanges[0].retries == 3


def test_the_waits_of_a_run_are_at_most_300_seconds_in_all() -> None:
    todo = cases(*map(str, range(100)))
    outcomes: dict[str, list[Outcome]] = {each.label: [limited("30")] for each in todo}
    result = run_cases(todo, **outcomes)
    assert result.slept == [30.0] * 10
    assert result.outcomes == [limited("30")] * 100


def test_a_run_waits_longer_at_once_and_in_all_if_it_may() -> None:
    todo = cases("a", "b", "c")
    transport = FakeTransport(HERE, outcomes={each.label: [limited("200"), OK] for each in todo})
    slept: list[float] = []
    exchanges = Scheduler(transport, ignore_progress, slept.append, wait_seconds=400.0).run(todo)
    assert slept == [200.0, 200.0]
    assert [exchange.outcome for exchange in exchanges] == [OK, OK, limited("200")]


def test_limited_requests_of_a_group_are_repeated_one_by_one() -> None:
    """A server that can do one thing at a time would limit all but one of them again."""
    todo = [case(str(number), "group") for number in range(8)]
    transport = RepeatingTransport(HERE, outcomes={each.label: [limited("0"), OK] for each in todo[1:]})
    exchanges = Scheduler(transport, ignore_progress, lambda _: None).run(todo)
    assert [exchange.outcome for exchange in exchanges] == [OK] * 8
    assert transport.repeated == [1] * 7


@given(
    st.text(max_size=20)
    | st.from_regex(r"[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d .{0,5}", fullmatch=True)
)
def test_any_retry_after_causes_a_wait_of_at_most_65_seconds_and_the_run_continues(retry_after: str) -> None:
    result = run_cases(cases("a", "b"), a=[limited(retry_after), OK])
    assert all(0 <= seconds <= 65 for seconds in result.slept)
    assert result.outcomes[1] == OK


# --- servers that die or hang


def test_a_first_request_that_cannot_connect_raises_unreachable() -> None:
    with pytest.raises(Unreachable, match="Connection refused"):
        run_cases(cases("a", "b"), a=[GONE])


def test_a_request_that_timed_out_may_be_the_one_that_the_server_died_of() -> None:
    result = run_cases(cases("a", "b", "c", "d", "e"), (False,), b=[TIMEOUT], d=[DROPPED])
    assert result.outcomes[3:] == [DROPPED, gone_after("b", "d")]


def test_after_six_failed_reconnections_the_remaining_cases_are_not_sent() -> None:
    result = run_cases(cases("a", "b", "c", "d", "e"), (False,), b=[Response(400)], c=[GONE])
    reason = gone_after("b")
    assert result.outcomes == [OK, Response(400), GONE, reason, reason]
    assert result.transport.sent == ["a", "b", "c"]
    assert result.transport.reconnects == [False] * 6
    assert len(result.slept) == 6


def test_a_case_that_the_server_dies_of_is_the_last_one_sent() -> None:
    result = run_cases(cases("a", "b", "c", "d"), (False,), b=[DROPPED])
    reason = gone_after("b")
    assert result.outcomes == [OK, DROPPED, reason, reason]
    assert result.transport.sent == ["a", "b"]


def test_a_server_that_dies_of_the_first_case_raises_nothing() -> None:
    result = run_cases(cases("a", "b"), (False,), a=[DROPPED])
    assert result.outcomes == [DROPPED, gone_after("a")]


@pytest.mark.parametrize("failure", [GONE, DROPPED], ids=["unreachable", "dropped"])
def test_the_run_continues_when_the_server_accepts_connections_again(failure: Failure) -> None:
    result = run_cases(cases("a", "b", "c"), (False, False, True), b=[failure])
    assert result.outcomes == [OK, failure, OK]
    assert result.transport.sent == ["a", "b", "c"]
    assert result.transport.reconnects == [False, False, True]


def test_only_the_first_five_dropped_connections_cause_a_wait() -> None:
    labels = [f"c{number}" for number in range(20)]
    outcomes: dict[str, list[Outcome]] = {label: [DROPPED] for label in labels}
    result = run_cases(cases(*labels), (True,), **outcomes)
    assert result.outcomes == [DROPPED] * 20
    assert len(result.slept) == 5


def test_the_exchange_of_a_case_that_was_not_sent_has_its_label_and_request() -> None:
    result = run_cases([case("a"), case("b"), case("c", "together")], (False,), b=[GONE])
    last = result.exchanges[-1]
    assert (last.label, last.concurrent_with, last.request, last.fetches) == ("c", "together", case("c").request, ())


@pytest.mark.parametrize(("first", "most"), [(TIMEOUT, 3), (OK, 8)])
def test_three_timeouts_in_a_row_end_the_run_and_eight_after_an_answer(first: Outcome, most: int) -> None:
    """To find out which property of a request is left without an answer takes more than three."""
    labels = [f"c{number}" for number in range(10)]
    outcomes: dict[str, list[Outcome]] = {label: [TIMEOUT] for label in labels}
    result = run_cases(cases("a", *labels), a=[first], **outcomes)
    silent = NotTested(ServerSilent(most, in_a_row=True))
    sent = [first, *[TIMEOUT] * (most if first == OK else most - 1)]
    assert result.outcomes == [*sent, *[silent] * (11 - len(sent))]


def test_timeouts_with_a_response_between_them_do_not_end_the_run() -> None:
    result = run_cases(cases("a", "b", "c", "d", "e"), a=[TIMEOUT], b=[TIMEOUT], d=[TIMEOUT], e=[TIMEOUT])
    assert result.outcomes == [TIMEOUT, TIMEOUT, OK, TIMEOUT, TIMEOUT]


def test_timeouts_of_requests_at_the_same_time_do_not_end_the_run() -> None:
    """One of them may keep all the others waiting."""
    together = [case(f"t{number}", "together") for number in range(12)]
    timeouts: dict[str, list[Outcome]] = {each.label: [TIMEOUT] for each in together}
    result = run_cases([*together, *cases("a", "b", "c")], a=[TIMEOUT], b=[TIMEOUT], **timeouts)
    assert result.outcomes == [TIMEOUT] * 14 + [OK]


def test_ten_timeouts_end_the_run_even_with_responses_between_them() -> None:
    labels = [f"{kind}{number}" for number in range(11) for kind in ("slow", "quick")]
    outcomes: dict[str, list[Outcome]] = {label: [TIMEOUT] for label in labels if label.startswith("slow")}
    result = run_cases(cases(*labels), **outcomes)
    assert result.outcomes == [TIMEOUT, OK] * 9 + [TIMEOUT] + [NotTested(ServerSilent(10, in_a_row=False))] * 3


@pytest.mark.parametrize(
    "failure", [DROPPED, Failure("malformed", "not HTTP"), Failure("too-large", "too large")], ids=str
)
def test_other_failures_never_end_a_run(failure: Failure) -> None:
    result = run_cases(cases("a", "b", "c", "d"), a=[failure], b=[failure], c=[failure], d=[failure])
    assert result.outcomes == [failure] * 4


def test_after_an_interruption_the_remaining_cases_have_exchanges_that_say_so() -> None:
    result = run_cases(cases("a", "b", "c"), b=[KeyboardInterrupt])
    reason = NotTested(Interrupted())
    assert result.outcomes == [OK, reason, reason]
    assert [exchange.label for exchange in result.exchanges] == ["a", "b", "c"]


# --- links


def links(*texts: str) -> Response:
    return Response(200, body=json.dumps({"created": 1, "data": [{"url": text} for text in texts]}).encode())


def test_each_new_link_is_followed_once_and_the_first_one_twice() -> None:
    one, two = "http://127.0.0.1/1.png", "http://127.0.0.1/2.png"
    result = run_cases(cases("a"), a=[links(one, two)])
    assert result.transport.fetched == [("a/0", one), ("a/1", two), ("a/0", one)]
    assert [fetch.label for fetch in result.exchanges[0].fetches] == ["a/0", "a/1", "a/0"]


def test_at_most_ten_links_of_a_response_are_followed() -> None:
    texts = [f"http://127.0.0.1/{number}.png" for number in range(1000)]
    result = run_cases(cases("a"), a=[links(*texts)])
    assert [link for _, link in result.transport.fetched] == [*texts[:10], texts[0]]


@pytest.mark.parametrize(
    "response",
    [
        OK,
        Response(200, body=b"not JSON"),
        Response(200, body=b"[" * 100_000),
        links(),
        links("", "/relative.png", "no link at all"),
        Response(200, body=b'{"data": [{"b64_json": "AAAA"}, {"url": null}, {"url": 1}, null, 1, []]}'),
        Response(200, body=b'{"data": {"url": "http://127.0.0.1/1.png"}}'),
        Response(400, body=links("http://127.0.0.1/1.png").body),
    ],
    ids=lambda response: repr(response.body[:30]),
)
def test_a_response_without_links_causes_no_fetch(response: Response) -> None:
    assert run_cases(cases("a"), a=[response]).transport.fetched == []


def test_a_link_of_an_earlier_response_is_followed_again_as_it_may_lead_to_another_image() -> None:
    one, two = "http://127.0.0.1/1.png", "http://127.0.0.1/2.png"
    result = run_cases(cases("a", "b"), a=[links(one)], b=[links(two, one)])
    assert result.transport.fetched == [("a/0", one), ("a/0", one), ("b/0", two), ("b/1", one), ("b/0", two)]


def test_the_label_of_a_fetch_has_the_index_of_its_item() -> None:
    body = b'{"data": [{"b64_json": "AAAA"}, {"url": "http://127.0.0.1/1.png"}]}'
    assert run_cases(cases("a"), a=[Response(200, body=body)]).transport.fetched[0] == ("a/1", "http://127.0.0.1/1.png")


# --- over loopback


def run_on(
    server: ScriptedServer,
    todo: Sequence[Case],
    timeout: float = 20.0,
    sleep: Callable[[float], None] = time.sleep,
    budget: Budget | None = None,
) -> list[Exchange]:
    transport = Transport(Target.parse(server.base_url), timeout)
    return Scheduler(transport, ignore_progress, sleep, budget=budget or Budget()).run(todo)


def test_concurrent_cases_are_sent_at_the_same_time() -> None:
    """The server responds to none of the eight requests before it has received all of them."""
    barrier = threading.Barrier(8)
    todo = [case("alone"), *(case(f"together-{number}", "together") for number in range(8)), case("after")]
    together = (hear_request, meet(barrier), say(answer(200)))
    alone = (hear_request, say(answer(204)))
    with scripted_server(alone, *[together] * 8, alone) as server:
        exchanges = run_on(server, todo)
    assert [exchange.label for exchange in exchanges] == [it.label for it in todo]
    assert [exchange.response.status for exchange in exchanges if exchange.response] == [204, *[200] * 8, 204]
    assert [exchange.concurrent_with for exchange in exchanges] == [None, *["together"] * 8, None]


def test_two_adjacent_groups_of_concurrent_cases_are_sent_one_after_the_other() -> None:
    todo = [case("a", "one"), case("b", "one"), case("c", "two"), case("d", "two")]
    one, two = threading.Barrier(2), threading.Barrier(2)
    scripts = [(hear_request, meet(barrier), say(answer())) for barrier in (one, one, two, two)]
    with scripted_server(*scripts) as server:
        assert [exchange.response is not None for exchange in run_on(server, todo)] == [True] * 4


def test_a_limited_request_is_sent_again_byte_for_byte() -> None:
    slept: list[float] = []
    with scripted_server(*answering(answer(429, b"", "Retry-After: 7"), answer(200))) as server:
        (exchange,) = run_on(server, cases("a"), sleep=slept.append)
    assert (exchange.retries, slept) == (1, [7.0])
    assert server.heard[0] == server.heard[1]


def test_a_kept_connection_is_closed_after_its_last_case() -> None:
    """A server that serves one connection at a time waits for its end."""
    ended = threading.Event()

    def note_the_end(peer: Peer) -> None:
        hear_the_end(peer)
        ended.set()

    with scripted_server((hear_request, say(answer(400)), hear_next_request, say(answer(400)), note_the_end)) as server:
        scheduler = Scheduler(Transport(Target.parse(server.base_url)), ignore_progress)
        kept = [case(label, connection="kept") for label in ("a", "b")]
        assert [exchange.sent for exchange in scheduler.run(kept)] == [True, True]
        assert ended.wait(10)


def test_a_link_is_followed_to_the_server_and_its_image_kept() -> None:
    with scripted_server() as server:
        link = f"{server.origin}/files/1.png"
        server.scripts = answering(answer(200, links(link).body), answer(200, b"first"), answer(200, b"second"))
        (exchange,) = run_on(server, cases("a"))
    assert [fetch.response.body for fetch in exchange.fetches if fetch.response] == [b"first", b"second"]
    assert [fetch.request.target for fetch in exchange.fetches] == [link, link]


def test_a_limited_link_is_followed_again_after_a_wait() -> None:
    slept: list[float] = []
    with scripted_server() as server:
        busy = (answer(429, b"", "Retry-After: 7"), answer(503, b"", "Retry-After: 2"))
        operation = answer(200, links(f"{server.origin}/files/1.png").body)
        server.scripts = answering(operation, *busy, answer(200, b"first"), answer(200, b"second"))
        (exchange,) = run_on(server, cases("a"), sleep=slept.append)
    assert [(fetch.retries, fetch.response and fetch.response.body) for fetch in exchange.fetches] == [
        (2, b"first"),
        (0, b"second"),
    ]
    assert slept == [7.0, 2.0]
    assert server.heard[1] == server.heard[2] == server.heard[3]


def test_a_link_is_followed_four_times_at_most_and_within_the_budget() -> None:
    for most, expected in ((None, 8), (3, 3)):
        with scripted_server() as server:
            operation = answer(200, links(f"{server.origin}/files/1.png").body)
            server.scripts = answering(operation, *[answer(429, b"", "Retry-After: 0")] * 9)
            limits = Limits(max_fetches=most)
            (exchange,) = run_on(server, cases("a"), sleep=lambda _: None, budget=Budget(limits))
        assert len(server.heard) - 1 == expected
        outcome = exchange.fetches[0].outcome
        assert getattr(outcome, "status", outcome) == (429 if most is None else NotTested(MaxFetches(most)))
        assert [response.status for response in exchange.fetches[0].limited] == [429] * 3


def test_a_server_that_stops_ends_the_run_with_an_unreachable_exchange() -> None:
    with ExitStack() as stack:
        server = stack.enter_context(scripted_server(*answering(answer())))
        scheduler = Scheduler(
            Transport(Target.parse(server.base_url)),
            lambda done, *_: stack.close() if done == 1 else None,
            lambda _: None,
        )
        exchanges = scheduler.run(cases("a", "b", "c"))
    assert [exchange.sent for exchange in exchanges] == [True, True, False]
    assert exchanges[1].failure is not None
    assert exchanges[1].failure.kind == "unreachable"


def test_a_server_that_stops_responding_ends_the_run_after_eight_timeouts() -> None:
    with scripted_server((hear_request, say(answer())), (hold,)) as server:
        exchanges = run_on(server, cases(*"abcdefghij"), timeout=0.2)
    kinds = [exchange.failure.kind if exchange.failure else None for exchange in exchanges]
    assert kinds == [None, *["timeout"] * 8, None]
    assert exchanges[-1].not_tested == ServerSilent(8, in_a_row=True)


def test_a_closed_port_raises_unreachable() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    target = Target.parse(f"http://127.0.0.1:{port}/v1")
    with pytest.raises(Unreachable):
        Scheduler(Transport(target), ignore_progress).run(cases("a"))


# --- with several workers


@frozen
class WaitingTransport(FakeTransport):
    """A transport that responds to some cases only after others are sent.

    `waits_for` maps the label of a case to that of the case it waits for. `under_way_with` records, each time a case is
    sent, the labels of the other cases under way.
    """

    waits_for: dict[str, str] = field(factory=dict)
    events: dict[str, threading.Event] = field(factory=lambda: defaultdict(threading.Event))
    under_way: set[str] = field(factory=set)
    under_way_with: dict[str, list[set[str]]] = field(factory=lambda: defaultdict(list))

    def send(self, label: str, *args: Any, **kwargs: Any) -> Exchange:
        self.under_way.add(label)
        self.under_way_with[label].append(set(self.under_way) - {label})
        self.events[label].set()
        if label in self.waits_for:
            assert self.events[self.waits_for[label]].wait(10)
        exchange = super().send(label, *args, **kwargs)
        self.under_way.discard(label)
        return exchange


def run_with_workers(
    workers: int, todo: Sequence[Case], transport: FakeTransport, budget: Budget | None = None
) -> list[Exchange]:
    return Scheduler(transport, ignore_progress, lambda _: None, workers, budget or Budget()).run(todo)


def test_a_slow_response_delays_only_its_own_worker() -> None:
    """The first case has no response before the last one is sent."""
    transport = WaitingTransport(HERE, waits_for={"a": "f"})
    exchanges = run_with_workers(2, cases("a", "b", "c", "d", "e", "f"), transport)
    assert [exchange.label for exchange in exchanges] == ["a", "b", "c", "d", "e", "f"]
    assert [exchange.outcome for exchange in exchanges] == [OK] * 6
    assert max(len(labels) for sendings in transport.under_way_with.values() for labels in sendings) == 1


def test_no_other_case_is_under_way_with_those_of_a_group() -> None:
    together = [case(label, "together") for label in ("x", "y", "z")]
    transport = WaitingTransport(HERE, waits_for={"a": "c", "x": "z", "y": "z"})
    exchanges = run_with_workers(3, [*cases("a", "b", "c"), *together, *cases("d", "e")], transport)
    assert [exchange.label for exchange in exchanges] == ["a", "b", "c", "x", "y", "z", "d", "e"]
    group = {"x", "y", "z"}
    for label, (others,) in transport.under_way_with.items():
        assert others <= (group if label in group else set("abc") if label in "abc" else set("de"))


@pytest.mark.parametrize("workers", [1, 4])
def test_all_cases_of_a_group_are_sent_at_once_however_many_workers_there_are(workers: int) -> None:
    transport = FakeTransport(HERE, barrier=threading.Barrier(8, timeout=10))
    exchanges = run_with_workers(workers, [case(str(number), "together") for number in range(8)], transport)
    assert {exchange.outcome for exchange in exchanges} == {OK}


def test_cases_of_one_connection_are_sent_in_order_and_alone_by_several_workers() -> None:
    kept = [case(label, connection="kept") for label in ("x", "y", "z")]
    transport = WaitingTransport(HERE)
    exchanges = run_with_workers(4, [*cases("a", "b"), *kept, *cases("c")], transport)
    assert [label for label in transport.sent if label in {"x", "y", "z"}] == ["x", "y", "z"]
    assert all(transport.under_way_with[label] == [set()] for label in ("x", "y", "z"))
    assert [exchange.connection for exchange in exchanges] == [None, None, "kept", "kept", "kept", None]


def test_cases_whose_connections_drop_while_others_are_under_way_are_sent_again_alone() -> None:
    """Only one of the two breaks the connection when it is sent alone."""
    transport = WaitingTransport(
        HERE, outcomes={"guilty": [DROPPED], "innocent": [DROPPED, OK]}, waits_for={"guilty": "innocent"}
    )
    exchanges = run_with_workers(2, cases("innocent", "guilty", "other"), transport, budget := Budget())
    outcomes = {exchange.label: (exchange.outcome, exchange.retries) for exchange in exchanges}
    assert outcomes["innocent"] == (OK, 1)
    assert outcomes["other"] == (OK, 0)
    assert outcomes["guilty"] == (DROPPED, 1)
    assert transport.under_way_with["innocent"][1:] == transport.under_way_with["guilty"][1:] == [set()]
    assert budget.requests == len(transport.sent) == sum(1 + exchange.retries for exchange in exchanges)


def test_a_dropped_case_of_a_group_is_not_sent_again_alone() -> None:
    """What a server does to requests at the same time is what the group shows."""
    todo = [case("a", "together"), case("b", "together")]
    exchanges = run_with_workers(1, todo, transport := FakeTransport(HERE, outcomes={"a": [DROPPED, OK]}))
    assert ([exchange.outcome for exchange in exchanges], len(transport.sent)) == ([DROPPED, OK], 2)


def test_no_dropped_case_is_sent_again_when_the_budget_is_used_up() -> None:
    transport = WaitingTransport(HERE, outcomes={"a": [DROPPED], "b": [DROPPED]}, waits_for={"a": "b", "b": "a"})
    exchanges = run_with_workers(2, cases("a", "b"), transport, Budget(Limits(max_requests=2)))
    assert [exchange.outcome for exchange in exchanges] == [DROPPED, DROPPED]
    assert len(transport.sent) == 2


DYING: tuple[tuple[str, Response | Failure], ...] = (("a", OK), ("b", OK), ("c", DROPPED))


def test_when_the_server_dies_no_more_cases_are_sent_and_responses_under_way_are_kept() -> None:
    """The case that is under way when the server dies still gets its response; later cases are not sent."""
    transport = WaitingTransport(HERE, outcomes={"killer": [DROPPED]}, accepts=(False,), waits_for={"slow": "killer"})
    exchanges = run_with_workers(2, cases("slow", "killer", "c", "d"), transport)
    outcomes = {exchange.label: exchange.outcome for exchange in exchanges}
    assert (outcomes["slow"], outcomes["killer"]) == (OK, DROPPED)
    assert not exchanges[-1].sent


def test_server_gone_names_as_many_cases_as_there_are_workers() -> None:
    liveness = Liveness(FakeTransport(HERE, accepts=(False,)), lambda _: None, workers=2)
    exchanges = [Exchange(label, case(label).request, outcome, 1.0, 0.1) for label, outcome in DYING]
    reasons = [liveness.note(exchange) for exchange in exchanges]
    assert reasons == [None, None, ServerGone(("b", "c"))]


def test_server_gone_names_the_cases_of_a_group_that_were_sent_at_the_same_time() -> None:
    liveness = Liveness(FakeTransport(HERE, accepts=(False,)), lambda _: None, workers=1)
    exchanges = [Exchange(label, case(label).request, outcome, 1.0, 0.1, "together") for label, outcome in DYING]
    before = Exchange("before", case("before").request, OK, 1.0, 0.1)
    reasons = [liveness.note(exchange) for exchange in (before, *exchanges)]
    assert reasons == [None, None, None, ServerGone(("a", "b", "c"))]
