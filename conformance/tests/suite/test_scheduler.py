"""The runner, against servers that limit, die, come back and fall silent: it waits, goes on, and knows when to stop."""

import json
import socket
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from email.utils import formatdate

import pytest
from attrs import evolve, field, frozen
from hypothesis import given
from hypothesis import strategies as st
from image_variations_conformance.cases.case import Case
from image_variations_conformance.contract.expectation import Expectation
from image_variations_conformance.engine.budget import Budget, Limits
from image_variations_conformance.engine.liveness import Liveness, Unreachable
from image_variations_conformance.engine.scheduler import Scheduler
from image_variations_conformance.sources.transport import Transport
from image_variations_conformance.wire.exchange import Exchange, Failure, NotTested, Request, Response
from image_variations_conformance.wire.reasons import Interrupted, ServerGone, ServerSilent
from image_variations_conformance.wire.target import Target
from support.fake_transport import OK, FakeTransport
from support.loopback import ScriptedServer, answer, answering, hear_request, hold, meet, say, scripted_server

GONE = Failure("unreachable", "no connection to here: Connection refused")
DROPPED = Failure("dropped", "the connection was reset")
TIMEOUT = Failure("timeout", "none within 1 s")

Outcome = Response | Failure | type[KeyboardInterrupt]


def case(label: str, concurrent_with: str | None = None) -> Case:
    request = Request("POST", "/v1/images/variations", (("Content-Length", "0"),))
    return Case(label, "a note", request, Expectation(), concurrent_with)


def cases(*labels: str) -> list[Case]:
    return [case(label) for label in labels]


def limited(retry_after: str | None, status: int = 429) -> Response:
    return Response(status, () if retry_after is None else (("Retry-After", retry_after),))


@frozen
class Ran:
    """What came of a run, and what was done for it."""

    exchanges: list[Exchange]
    transport: FakeTransport
    slept: list[float]
    progress: list[tuple[int, int, str]]

    @property
    def outcomes(self) -> list[Response | Failure | NotTested]:
        return [exchange.outcome for exchange in self.exchanges]


def quiet(*_: object) -> None:
    """Take note of no progress."""


def ran(todo: Sequence[Case], takes: tuple[bool, ...] = (True,), /, **outcomes: list[Outcome]) -> Ran:
    """Run cases with these outcomes. `takes` says whether the server takes connections when it is sought again."""
    play = FakeTransport(Target.parse("http://127.0.0.1/v1"), outcomes=outcomes, accepts=takes)
    slept: list[float] = []
    progress: list[tuple[int, int, str]] = []
    runner = Scheduler(play, lambda done, total, case: progress.append((done, total, case.label)), slept.append)
    return Ran(runner.run(todo), play, slept, progress)


def gone_after(*labels: str) -> NotTested:
    return NotTested(ServerGone(labels))


def test_cases_are_sent_in_their_order_and_each_has_its_exchange() -> None:
    done = ran(cases("a", "b", "c"), b=[Response(400)], c=[DROPPED])
    assert done.transport.sent == ["a", "b", "c"]
    assert [exchange.label for exchange in done.exchanges] == ["a", "b", "c"]
    assert done.outcomes == [OK, Response(400), DROPPED]
    assert done.progress == [(0, 3, "a"), (1, 3, "b"), (2, 3, "c")]


def test_a_run_of_nothing_is_nothing() -> None:
    assert ran([]).exchanges == []


# --- servers that limit the rate


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize(("retry_after", "seconds"), [("2", 2.0), ("0", 0.0), ("0.5", 0.5), ("-3", 0.0), ("30", 30.0)])
def test_the_server_is_given_the_time_it_asks_for(status: int, retry_after: str, seconds: float) -> None:
    done = ran(cases("a", "b"), a=[limited(retry_after, status), limited(retry_after, status), OK])
    assert done.slept == [seconds, seconds]
    assert done.outcomes == [OK, OK]
    assert [exchange.retries for exchange in done.exchanges] == [2, 0]


def test_a_date_is_waited_for() -> None:
    done = ran(cases("a"), a=[limited(formatdate(time.time() + 20, usegmt=True)), OK])
    assert len(done.slept) == 1
    assert 15 < done.slept[0] <= 20


def test_a_date_gone_by_is_not_waited_for() -> None:
    done = ran(cases("a"), a=[limited("Sun, 06 Nov 1994 08:49:37 GMT"), OK])
    assert (done.slept, done.outcomes) == ([0.0], [OK])


@pytest.mark.parametrize(
    "retry_after",
    ["31", "inf", "1e9", "99999999999999999999", "Fri, 31 Dec 9999 23:59:59 GMT", None, "", "soon", "1 s"],
)
def test_what_is_too_long_or_says_nothing_is_not_waited_for(retry_after: str | None) -> None:
    answered = limited(retry_after)
    done = ran(cases("a", "b"), a=[answered, OK])
    assert (done.slept, done.outcomes, done.transport.sent) == ([], [answered, OK], ["a", "b"])
    assert done.exchanges[0].retries == 0


def test_another_status_is_an_answer_whatever_it_asks_for() -> None:
    done = ran(cases("a"), a=[limited("1", 500), OK])
    assert (done.slept, done.outcomes) == ([], [limited("1", 500)])


def test_a_server_that_keeps_limiting_is_given_up_with_its_last_answer() -> None:
    done = ran(cases("a", "b"), a=[limited("1"), limited("2"), limited("3"), limited("4"), OK])
    assert done.slept == [1.0, 2.0, 3.0]
    assert done.outcomes == [limited("4"), OK]
    assert done.exchanges[0].retries == 3


def test_the_waits_of_a_run_are_short_all_together() -> None:
    todo = cases(*map(str, range(100)))
    always: dict[str, list[Outcome]] = {one.label: [limited("30")] for one in todo}
    done = ran(todo, **always)
    assert done.slept == [30.0] * 10
    assert done.outcomes == [limited("30")] * 100


@given(
    st.text(max_size=20)
    | st.from_regex(r"[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d .{0,5}", fullmatch=True)
)
def test_whatever_the_server_asks_for_the_wait_is_short_and_the_run_goes_on(retry_after: str) -> None:
    done = ran(cases("a", "b"), a=[limited(retry_after), OK])
    assert all(0 <= seconds <= 30 for seconds in done.slept)
    assert done.outcomes[1] == OK


# --- servers that go away


def test_a_target_that_is_not_there_at_all_is_said_at_once() -> None:
    with pytest.raises(Unreachable, match="Connection refused"):
        ran(cases("a", "b"), a=[GONE])


def test_a_server_gone_in_the_middle_is_sought_again_and_the_rest_is_unsent() -> None:
    done = ran(cases("a", "b", "c", "d", "e"), (False,), b=[Response(400)], c=[GONE])
    reason = gone_after("b")
    assert done.outcomes == [OK, Response(400), GONE, reason, reason]
    assert done.transport.sent == ["a", "b", "c"]
    assert done.transport.reconnects == [False] * 6
    assert len(done.slept) == 6


def test_a_case_that_the_server_dies_of_is_the_last_one_sent() -> None:
    done = ran(cases("a", "b", "c", "d"), (False,), b=[DROPPED])
    reason = gone_after("b")
    assert done.outcomes == [OK, DROPPED, reason, reason]
    assert done.transport.sent == ["a", "b"]


def test_a_server_that_dies_of_the_first_case_was_there() -> None:
    done = ran(cases("a", "b"), (False,), a=[DROPPED])
    assert done.outcomes == [DROPPED, gone_after("a")]


@pytest.mark.parametrize("sign", [GONE, DROPPED], ids=["gone", "dropped"])
def test_a_server_that_comes_back_is_gone_on_with(sign: Failure) -> None:
    done = ran(cases("a", "b", "c"), (False, False, True), b=[sign])
    assert done.outcomes == [OK, sign, OK]
    assert done.transport.sent == ["a", "b", "c"]
    assert done.transport.reconnects == [False, False, True]


def test_a_server_that_keeps_breaking_connections_and_lives_is_not_waited_for_each_time() -> None:
    labels = [f"c{number}" for number in range(20)]
    outcomes: dict[str, list[Outcome]] = {label: [DROPPED] for label in labels}
    done = ran(cases(*labels), (True,), **outcomes)
    assert done.outcomes == [DROPPED] * 20
    assert len(done.slept) == 5


def test_what_was_not_sent_keeps_its_case() -> None:
    done = ran([case("a"), case("b"), case("c", "together")], (False,), b=[GONE])
    last = done.exchanges[-1]
    assert (last.label, last.concurrent_with, last.request, last.fetches) == ("c", "together", case("c").request, ())


def test_three_timeouts_in_a_row_end_the_run() -> None:
    done = ran(cases("a", "b", "c", "d", "e"), b=[TIMEOUT], c=[TIMEOUT], d=[TIMEOUT])
    assert done.outcomes == [OK, TIMEOUT, TIMEOUT, TIMEOUT, NotTested(ServerSilent(3, in_a_row=True))]


def test_timeouts_with_an_answer_between_them_do_not() -> None:
    done = ran(cases("a", "b", "c", "d", "e"), a=[TIMEOUT], b=[TIMEOUT], d=[TIMEOUT], e=[TIMEOUT])
    assert done.outcomes == [TIMEOUT, TIMEOUT, OK, TIMEOUT, TIMEOUT]


@pytest.mark.parametrize(
    "failure", [DROPPED, Failure("malformed", "not HTTP"), Failure("too-large", "too large")], ids=str
)
def test_other_failures_never_end_a_run(failure: Failure) -> None:
    done = ran(cases("a", "b", "c", "d"), a=[failure], b=[failure], c=[failure], d=[failure])
    assert done.outcomes == [failure] * 4


def test_an_interruption_ends_the_sending_and_not_the_run() -> None:
    done = ran(cases("a", "b", "c"), b=[KeyboardInterrupt])
    reason = NotTested(Interrupted())
    assert done.outcomes == [OK, reason, reason]
    assert [exchange.label for exchange in done.exchanges] == ["a", "b", "c"]


# --- links


def links(*texts: str) -> Response:
    return Response(200, body=json.dumps({"created": 1, "data": [{"url": text} for text in texts]}).encode())


def test_each_link_is_followed_once_and_the_first_one_twice() -> None:
    one, two = "http://127.0.0.1/1.png", "http://127.0.0.1/2.png"
    done = ran(cases("a"), a=[links(one, two)])
    assert done.transport.fetched == [("a/0", one), ("a/1", two), ("a/0", one)]
    assert [fetch.label for fetch in done.exchanges[0].fetches] == ["a/0", "a/1", "a/0"]


def test_no_more_links_are_followed_than_an_answer_may_have() -> None:
    texts = [f"http://127.0.0.1/{number}.png" for number in range(1000)]
    done = ran(cases("a"), a=[links(*texts)])
    assert [link for _, link in done.transport.fetched] == [*texts[:10], texts[0]]


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
def test_an_answer_without_links_leads_nowhere(response: Response) -> None:
    assert ran(cases("a"), a=[response]).transport.fetched == []


def test_a_link_that_came_with_an_earlier_answer_is_not_followed_again() -> None:
    one, two = "http://127.0.0.1/1.png", "http://127.0.0.1/2.png"
    done = ran(cases("a", "b"), a=[links(one)], b=[links(two, one)])
    assert done.transport.fetched == [("a/0", one), ("a/0", one), ("b/0", two), ("b/0", two)]
    fetches = [(fetch.label, fetch.request.target) for fetch in done.exchanges[1].fetches]
    assert fetches == [("b/0", two), ("b/0", two), ("b/1", one)]


def test_a_link_of_any_text_is_known_again_by_the_whole_of_it() -> None:
    """Half a surrogate pair is a text of JSON, and two long links may differ in their last letter."""
    half, long = "http://127.0.0.1/\ud800", "http://127.0.0.1/" + "a" * 60_000
    done = ran(cases("a", "b"), a=[links(half, long)], b=[links(half, long, long + "b")])
    requested = [link for label, link in done.transport.fetched if label.startswith("b")]
    assert requested == [long + "b", long + "b"]


def test_the_place_of_a_link_is_that_of_its_item() -> None:
    body = b'{"data": [{"b64_json": "AAAA"}, {"url": "http://127.0.0.1/1.png"}]}'
    assert ran(cases("a"), a=[Response(200, body=body)]).transport.fetched[0] == ("a/1", "http://127.0.0.1/1.png")


# --- over loopback


def run_on(
    server: ScriptedServer, todo: Sequence[Case], timeout: float = 20.0, sleep: Callable[[float], None] = time.sleep
) -> list[Exchange]:
    return Scheduler(Transport(Target.parse(server.base_url), timeout), quiet, sleep).run(todo)


def test_a_batch_is_sent_at_the_same_time() -> None:
    """The server answers none before it has heard all eight."""
    barrier = threading.Barrier(8)
    todo = [case("alone"), *(case(f"together-{number}", "together") for number in range(8)), case("after")]
    together = (hear_request, meet(barrier), say(answer(200)))
    alone = (hear_request, say(answer(204)))
    with scripted_server(alone, *[together] * 8, alone) as server:
        exchanges = run_on(server, todo)
    assert [exchange.label for exchange in exchanges] == [it.label for it in todo]
    assert [exchange.response.status for exchange in exchanges if exchange.response] == [204, *[200] * 8, 204]
    assert [exchange.concurrent_with for exchange in exchanges] == [None, *["together"] * 8, None]


def test_two_batches_in_a_row_are_two() -> None:
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


def test_a_link_is_followed_to_the_server_and_its_image_kept() -> None:
    with scripted_server() as server:
        link = f"{server.origin}/files/1.png"
        server.scripts = answering(answer(200, links(link).body), answer(200, b"first"), answer(200, b"second"))
        (exchange,) = run_on(server, cases("a"))
    assert [fetch.response.body for fetch in exchange.fetches if fetch.response] == [b"first", b"second"]
    assert [fetch.request.target for fetch in exchange.fetches] == [link, link]


def test_a_server_that_stops_is_noticed() -> None:
    with ExitStack() as stack:
        server = stack.enter_context(scripted_server(*answering(answer())))
        runner = Scheduler(
            Transport(Target.parse(server.base_url)),
            lambda done, *_: stack.close() if done == 1 else None,
            lambda _: None,
        )
        exchanges = runner.run(cases("a", "b", "c"))
    assert [exchange.sent for exchange in exchanges] == [True, True, False]
    assert exchanges[1].failure is not None
    assert exchanges[1].failure.kind == "unreachable"


def test_a_server_that_falls_silent_costs_three_timeouts() -> None:
    with scripted_server((hear_request, say(answer())), (hold,)) as server:
        exchanges = run_on(server, cases("a", "b", "c", "d", "e"), timeout=0.2)
    kinds = [exchange.failure.kind if exchange.failure else None for exchange in exchanges]
    assert kinds == [None, "timeout", "timeout", "timeout", None]
    assert exchanges[-1].not_tested == ServerSilent(3, in_a_row=True)


def test_nobody_there_is_unreachable() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    target = Target.parse(f"http://127.0.0.1:{port}/v1")
    with pytest.raises(Unreachable):
        Scheduler(Transport(target), quiet).run(cases("a"))


# --- with several workers


def grouped(*labels: str) -> list[Case]:
    return [evolve(case(label), phase="any order") for label in labels]


@frozen
class Waiting(FakeTransport):
    """A play in which some cases are not answered before others are sent. What was under way with each is noted."""

    waits_for: dict[str, str] = field(factory=dict)
    events: dict[str, threading.Event] = field(factory=lambda: defaultdict(threading.Event))
    under_way: set[str] = field(factory=set)
    beside: dict[str, list[set[str]]] = field(factory=lambda: defaultdict(list))

    def send(
        self, label: str, request: Request, concurrent_with: str | None = None, _: float | None = None
    ) -> Exchange:
        self.under_way.add(label)
        self.beside[label].append(set(self.under_way) - {label})
        self.events[label].set()
        if label in self.waits_for:
            assert self.events[self.waits_for[label]].wait(10)
        exchange = super().send(label, request, concurrent_with)
        self.under_way.discard(label)
        return exchange


def ran_by(workers: int, todo: Sequence[Case], play: FakeTransport, budget: Budget | None = None) -> list[Exchange]:
    return Scheduler(play, quiet, lambda _: None, workers, budget or Budget()).run(todo)


HERE = Target.parse("http://127.0.0.1/v1")


def test_a_slow_answer_holds_up_none_but_its_own_worker() -> None:
    """The first case is not answered before the last one is sent."""
    play = Waiting(HERE, waits_for={"a": "f"})
    exchanges = ran_by(2, grouped("a", "b", "c", "d", "e", "f"), play)
    assert [exchange.label for exchange in exchanges] == ["a", "b", "c", "d", "e", "f"]
    assert [exchange.outcome for exchange in exchanges] == [OK] * 6
    assert max(len(beside) for times in play.beside.values() for beside in times) == 1


def test_a_group_is_over_before_the_next_case_is_sent() -> None:
    play = Waiting(HERE, waits_for={"a": "c"})
    ran_by(3, [*grouped("a", "b", "c"), case("alone"), *grouped("d", "e")], play)
    assert play.beside["alone"] == [set()]
    assert all("alone" not in beside for times in play.beside.values() for beside in times)


def test_a_batch_in_a_group_is_sent_at_the_same_time_whatever_else_is_under_way() -> None:
    together = [evolve(case(label, "together"), phase="any order") for label in ("x", "y", "z")]
    play = Waiting(HERE, waits_for={"a": "z", "x": "z", "y": "z"})
    exchanges = ran_by(2, [*grouped("a"), *together, *grouped("b")], play)
    assert [exchange.label for exchange in exchanges] == ["a", "x", "y", "z", "b"]
    assert [exchange.outcome for exchange in exchanges] == [OK] * 5


def test_whose_connection_breaks_beside_others_is_asked_again_alone() -> None:
    """One of them is to blame, and the other is not."""
    play = Waiting(HERE, outcomes={"guilty": [DROPPED], "innocent": [DROPPED, OK]}, waits_for={"guilty": "innocent"})
    exchanges = ran_by(2, grouped("innocent", "guilty", "other"), play, budget := Budget())
    outcomes = {exchange.label: (exchange.outcome, exchange.retries) for exchange in exchanges}
    assert outcomes["innocent"] == (OK, 1)
    assert outcomes["other"] == (OK, 0)
    assert outcomes["guilty"] == (DROPPED, 1)
    assert play.beside["innocent"][1:] == play.beside["guilty"][1:] == [set()]
    assert budget.requests == len(play.sent) == sum(1 + exchange.retries for exchange in exchanges)


def test_nothing_is_asked_again_beyond_the_budget() -> None:
    play = Waiting(HERE, outcomes={"a": [DROPPED], "b": [DROPPED]}, waits_for={"a": "b", "b": "a"})
    exchanges = ran_by(2, grouped("a", "b"), play, Budget(Limits(max_requests=2)))
    assert [exchange.outcome for exchange in exchanges] == [DROPPED, DROPPED]
    assert len(play.sent) == 2


DYING: tuple[tuple[str, Response | Failure], ...] = (("a", OK), ("b", OK), ("c", DROPPED))


def test_when_the_server_is_lost_no_more_is_sent_and_what_came_is_kept() -> None:
    """The case that waits for the loss is still answered; those after it are not sent."""
    play = Waiting(HERE, outcomes={"killer": [DROPPED]}, accepts=(False,), waits_for={"slow": "killer"})
    exchanges = ran_by(2, grouped("slow", "killer", "c", "d"), play)
    outcomes = {exchange.label: exchange.outcome for exchange in exchanges}
    assert (outcomes["slow"], outcomes["killer"]) == (OK, DROPPED)
    assert not exchanges[-1].sent


def test_which_of_several_killed_the_server_is_left_open_and_how_to_see_it_is_said() -> None:
    liveness = Liveness(FakeTransport(HERE, accepts=(False,)), lambda _: None, workers=2)
    exchanges = [Exchange(label, case(label).request, outcome, 1.0, 0.1) for label, outcome in DYING]
    said = [liveness.note(exchange) for exchange in exchanges]
    assert said == [None, None, ServerGone(("b", "c"))]
