"""The campaign: random requests after the plan, which Hypothesis draws, reduces and remembers.

A round ends with a failure that Hypothesis has found and reduced. It is sent again as a part of the run, where the
experiment tells which properties are at fault, and is judged like the plan. Requests of later rounds are sent without
the properties that were found, so that they show something else.
"""

from __future__ import annotations

import hashlib
import itertools
import unittest
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import cache

import hypothesis
from attrs import Factory, define, evolve, field, frozen
from hypothesis import HealthCheck, Phase, Verbosity, given, seed, settings
from hypothesis.database import ExampleDatabase
from hypothesis.errors import Flaky
from hypothesis.strategies import SearchStrategy, lists, nothing

from ..cases.builder import SIDE, Base
from ..cases.case import Case
from ..cases.probes import NO_5XX
from ..cases.strategies import requests
from ..cases.variations import Drawn, parsed
from ..oracles import Finding, Observation, judge, observe
from ..oracles.refusal import refuses_framing
from ..wire.reasons import (
    ControlRefused,
    MaxRequests,
    MaxSeconds,
    NothingAccepted,
    PlanNotFinished,
    RateLimited,
    Reason,
    RequestsRepeated,
    RunEnded,
    ServerSilent,
)
from .budget import Limits
from .confirmation import Confirmation
from .known import Known
from .session import Session

_EXAMPLES, _EXAMPLES_IN_ORDER = 2000, 100
"""How many requests a round draws at most, and how many times several in order."""
_IN_ORDER_EVERY = 4
"""One round of so many sends requests in order: some failures need an earlier request."""
_FEWEST = 3
"""A round of fewer requests is the last one."""
_MOST_UNSENT = 100
"""After so many requests in a row that were drawn for nothing, since the limits grant none of them, a round ends."""
_CONTROL_EVERY = 50
_MOST_UNANSWERED = 3
"""After so many requests without a response, each of which takes long, the campaign ends."""
_MOST_REDUCING = 300
"""After so many requests to reduce one failure, the smallest so far is taken."""
_SMALLEST = "side=minimum"
_SECONDS_AT_THE_END, _REQUESTS_AT_THE_END, _IMAGES_AT_THE_END = 5.0, 25, 4
"""What is left when no more requests are drawn, to send what was found again."""
_KEY = b"image-variations random requests"
"""The key of the example database. A value is the code of a request, or of several in order."""
_LABEL = "random"
_VALID = "IV-OP-VALID"
_RECOVERS, _INDEPENDENT = "IV-STATE-RECOVERS", "IV-STATE-INDEPENDENT"


class _Broken(Exception):
    """A request that breaks a requirement. Hypothesis tells failures apart by their types: one for each requirement."""


@cache
def _broken(requirement: str) -> type[_Broken]:
    return type(requirement, (_Broken,), {})


class _RoundOver(unittest.SkipTest):
    """Ends a round. Hypothesis passes SkipTest on at once, without reducing or reporting it."""


@frozen
class Failure:
    """Requests the last of which broke a requirement, as they were drawn, and the response to that."""

    requirement: str
    drawn: tuple[Drawn, ...]
    observation: Observation


@frozen
class Summary:
    """What a campaign did: how many random requests were sent, how many of them to reduce failures, why it ended."""

    requests: int = 0
    reducing: int = 0
    ended: Reason | None = None


@define
class Campaign:
    """The campaign of a session, within the budget of its scheduler. `findings` are those of the plan."""

    session: Session
    findings: list[Finding]
    database: ExampleDatabase | None = None
    only: frozenset[str] = frozenset()
    _confirmation: Confirmation = Factory(lambda self: Confirmation(self.session), takes_self=True)
    _known: Known = field(factory=Known)
    # The smallest failure of the round so far, and how many requests were sent to reduce it.
    _found: Failure | None = None
    _reducing: int = 0
    _sent: int = 0
    # The strategy, which takes long to make.
    _requests: SearchStrategy[Drawn] = field(factory=nothing)
    # Of the images that are sent where no other is drawn.
    _side: int = SIDE
    _reduced: int = 0
    _ended: Reason | None = None
    # Why the latest request was not sent that was not, and how many were not in a row; and how many got no response.
    _unsent: Reason | None = None
    _unsent_in_a_row: int = 0
    _unanswered: int = 0
    _bug: BaseException | None = None

    def run(self) -> Summary:
        """Send rounds of requests until a limit is reached, and return what was done."""
        session = self.session
        if session.scheduler.ended is not None:
            return Summary(ended=PlanNotFinished())
        if session.experiment.cheap is None or session.experiment.ended:
            return Summary(ended=NothingAccepted())
        self._known.settled = {it for it in session.plan.contract.requirements if self.only and it not in self.only}
        for finding in self.findings:
            if finding.state == "contradicted":
                self._known.learn(finding, session)
        if any((it.item, it.state) == (_SMALLEST, "holds") for it in session.experiment.results):
            self._side = session.plan.contract.image_rules.nearest_side(0)
        plan = session.plan
        self._requests = requests(plan.contract, has_key=plan.target.api_key is not None)
        ended = self._rounds()
        return Summary(self._sent, self._reduced, ended)

    def _rounds(self) -> Reason | None:
        """Send rounds of requests until a limit is reached, and return why they ended."""
        budget = self.session.scheduler.budget
        limits, drawing = budget.limits, _without_reserve(budget.limits)
        self._replay()
        for number in itertools.count(1):
            budget.limits = drawing
            if self._must_end():
                ended = self._over()
                break
            in_order, sent = number % _IN_ORDER_EVERY == 0, self._sent
            self._round(number, self._in_order if in_order else self._one)
            budget.limits = limits
            self._report()
            if self._sent - sent < _FEWEST:
                # The limits grant no more of what is drawn.
                ended = self._unsent
                break
        budget.limits = limits
        if isinstance(ended, MaxRequests | RequestsRepeated) and limits.max_requests is not None:
            return evolve(ended, limit=limits.max_requests)
        return MaxSeconds(limits.max_seconds) if ended is None and limits.max_seconds is not None else ended

    def _over(self) -> Reason | None:
        scheduler, experiment = self.session.scheduler, self.session.experiment
        if self._ended is None and experiment.ended:
            self._ended = RateLimited() if experiment.limited else ControlRefused()
        return self._ended or scheduler.ended or scheduler.budget.over()

    def _must_end(self) -> bool:
        """Return whether no more requests are drawn: what was found is to be sent again."""
        budget = self.session.scheduler.budget
        left, whole = budget.seconds_left(), budget.limits.max_seconds
        late = left is not None and whole is not None and left < min(_SECONDS_AT_THE_END, whole / 10)
        return late or self._over() is not None

    def _replay(self) -> None:
        """Send again what is in the database, and remove from it what breaks nothing any more."""
        for value in [] if self.database is None else sorted(self.database.fetch(_KEY)):
            self._found, sent = None, self._sent
            try:
                drawn = [self._known.without(each) for each in parsed(value.decode())]
                (self._one if len(drawn) == 1 else self._in_order)(drawn)
            except _Broken:
                self._report()
            except _RoundOver:
                return
            except ValueError:
                # Another version of the suite wrote it.
                continue
            else:
                if self._sent > sent:
                    self._forget(value)

    def _forget(self, value: bytes) -> None:
        if self.database is not None:
            self.database.delete(_KEY, value)

    # --- a round

    def _round(self, number: int, test: Callable[[list[Drawn]], None]) -> None:
        """Draw requests and let a test send them, until it fails and the failure is reduced, or enough were drawn."""
        self._found, self._reducing, self._unsent_in_a_row = None, 0, 0
        plan = self.session.plan
        one = self._requests
        in_order = test == self._in_order
        digest = hashlib.sha256(f"{plan.seed}/campaign/{number}".encode()).digest()

        @seed(int.from_bytes(digest[:8], "big"))
        @settings(
            max_examples=_EXAMPLES_IN_ORDER if in_order else _EXAMPLES,
            # Hypothesis saves nothing of seeded tests, and would delete what was found in an earlier round.
            database=None,
            phases=[Phase.generate, Phase.shrink],
            deadline=None,
            verbosity=Verbosity.quiet,
            print_blob=False,
            # One failure is reduced at once. Others are found in later rounds, without the properties of the first.
            report_multiple_bugs=False,
            suppress_health_check=list(HealthCheck),
        )
        @given(lists(one, min_size=2, max_size=4) if in_order else lists(one, min_size=1, max_size=1))
        def campaign(drawn: list[Drawn]) -> None:
            try:
                test([self._known.without(each) for each in drawn])
            except (_Broken, _RoundOver, hypothesis.errors.HypothesisException):
                raise
            except BaseException as bug:
                self._bug = bug
                raise _RoundOver("a bug") from bug

        with suppress(_RoundOver, _Broken, Flaky):
            campaign()
        if self._bug is not None:
            raise self._bug

    def _one(self, drawn: list[Drawn]) -> None:
        """Send a request. Raises the exception of the first requirement that it breaks, if it is news."""
        (only,) = drawn
        observation = self._drawn(only)
        if observation is None:
            return
        requirement = next((it for it in self._breaks(observation) if self._known.is_news(it, only, observation)), None)
        self._fail_with(requirement, drawn, observation)
        if self._sent % _CONTROL_EVERY == 0:
            self._still_works()

    def _in_order(self, drawn: list[Drawn]) -> None:
        """Send requests in order. Raises an exception if the response to the last is right only without the others."""
        *before, last = drawn
        if last.names and self._ok(last):
            for each in before:
                self._drawn(each)
            observation = self._drawn(last)
            if observation is not None and any(self._breaks(observation)):
                failed = any(self._case(each).expectation.violations for each in before)
                self._fail_with(_RECOVERS if failed and not observation.accepted else _INDEPENDENT, drawn, observation)

    def _ok(self, drawn: Drawn) -> bool:
        """Send a request, and return whether the response is as it should be."""
        observation = self._drawn(drawn)
        return observation is not None and not any(self._breaks(observation))

    def _drawn(self, drawn: Drawn) -> Observation | None:
        """Send a request, and return what came, or None if it was not sent."""
        if self._must_end() or self._reducing > _MOST_REDUCING:
            raise _RoundOver("no more requests are sent")
        self._reducing += self._found is not None
        self._reduced += self._found is not None
        return self._send(self._case(drawn))

    def _fail_with(self, requirement: str | None, drawn: list[Drawn], observation: Observation) -> None:
        is_looked_for = self._found is None or self._found.requirement == requirement
        if requirement is not None and requirement not in self._known.settled and is_looked_for:
            self._note(Failure(requirement, tuple(drawn), observation))
            if observation.response is None:
                raise _RoundOver("each request to reduce it may take as long as a request may")
            raise _broken(requirement)

    def _note(self, failure: Failure) -> None:
        if self._found is None:
            self._still_works()
        if self._found is None or _measure(failure) <= _measure(self._found):
            self._found = failure

    def _still_works(self) -> None:
        """Raise an exception that ends the round if the server does not accept what it accepted before."""
        observation = self._send(self._case(Drawn(cheap=True)))
        if observation is None or not observation.accepted:
            self.session.drive(self.session.experiment.control())
            if self._over() is not None:
                raise _RoundOver("no more requests are sent")

    def _case(self, drawn: Drawn) -> Case:
        base = self._base(drawn)
        case = self.session.plan.valid(_LABEL, "drawn at random", base, drawn.probes)
        return evolve(case, is_random=True, base=None)

    def _base(self, drawn: Drawn) -> Base:
        experiment = self.session.experiment
        base = (experiment.cheap if drawn.cheap else experiment.base) or Base()
        return evolve(base, side=self._side)

    def _send(self, case: Case) -> Observation | None:
        """Send a case, and return what came, or None if it was not sent."""
        scheduler = self.session.scheduler
        (exchange,) = scheduler.branch(scheduler.progress).run([case])
        if not exchange.sent:
            self._unsent = exchange.not_tested
            self._unsent_in_a_row += 1
            if isinstance(exchange.not_tested, RunEnded) or self._unsent_in_a_row >= _MOST_UNSENT:
                raise _RoundOver("no more requests are sent")
            return None
        self._sent += 1
        self._unsent_in_a_row = 0
        if exchange.response is None:
            self._unanswered += 1
            if self._unanswered == _MOST_UNANSWERED:
                self._ended = ServerSilent(_MOST_UNANSWERED, in_a_row=False)
        return observe(exchange, case.expectation, is_random=True)

    def _breaks(self, observation: Observation) -> Iterator[str]:
        """Yield the requirements that a response breaks, the cause before what it echoes in."""
        contract = self.session.plan.contract
        if observation.untested is not None:
            return
        found = [it.requirement for it in judge([observation], contract) if it.state == "contradicted"]
        if NO_5XX in found:
            yield NO_5XX
            return
        expectation = observation.expectation
        if expectation.validity == "valid" and not observation.accepted and not refuses_framing(observation, contract):
            yield _VALID
            return
        yield from found

    # --- what was found

    def _report(self) -> None:
        """Send the requests of the failure of a round again, as a part of the run, and note what is known now."""
        failure = self._found
        if failure is None or self._over() is not None:
            return
        *before, drawn = failure.drawn
        if self.database is not None:
            self.database.save(_KEY, ", ".join(map(repr, failure.drawn)).encode())
        if before:
            with_bases = [(each, self._base(each)) for each in failure.drawn]
            self._confirmation.confirm_order(with_bases, failure.requirement, self._breaks)
            self._known.settled.add(failure.requirement)
            return
        self._confirmation.confirm(drawn, self._base(drawn), failure.observation)
        self._known.add(failure.requirement, drawn, failure.observation)


def _without_reserve(limits: Limits) -> Limits:
    """Return the limits of what is drawn: something is left to send again what was found."""
    most, images = limits.max_requests, limits.max_images
    return evolve(
        limits,
        max_requests=None if most is None else most - _REQUESTS_AT_THE_END,
        max_images=None if images is None else max(0, images - _IMAGES_AT_THE_END),
    )


def _measure(failure: Failure) -> tuple[int, int, int, int]:
    variations = sum(len(drawn.variations) for drawn in failure.drawn)
    images = failure.observation.expectation.image_count
    return len(failure.drawn), variations, images, len(failure.observation.exchange.request.body)
