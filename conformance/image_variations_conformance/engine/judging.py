"""Judges the exchanges of a run: what each shows of which item of evidence.

The oracles judge the content of responses. Whether valid requests are accepted is what the experiment found out. What
only echoes another failure says so (see `echoes`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from attrs import evolve

from ..cases.case import Case
from ..cases.probes import NO_5XX, Probe
from ..contract.evidence import ABSENT, BY_FORMAT, AcceptsFeature, AcceptsField, Every, Sample
from ..contract.requirements import Requirement
from ..oracles import Finding, Observation, judge
from ..oracles.base import is_limit
from ..oracles.refusal import is_server_error, is_wrong_refusal
from ..oracles.summary import differences, is_as_in_query, quoted, summarize
from ..wire.exchange import Response
from ..wire.reasons import ControlRefused, NotShown, Preparation, RateLimited, Reason, Unexplained
from .echoes import (
    OF_IMAGES,
    OF_RESPONSES,
    is_explained,
    is_wrong_together,
    killed_by,
    last_before_loss,
    without_echoes,
)
from .session import AGAIN, Session, original
from .steps import ASKING, PLAIN_AGAIN, STABLE, Result, Step

_OF_THE_TIME = frozenset({408, 503})
"""Statuses that say nothing about a request, but that it came too slowly, or at the wrong time."""
# A 200 alone does not show these: the content of the response does.
_SHOWN_BY_CONTENT = frozenset({"IV-N-DEFAULT", "IV-SIZE-DEFAULT", "IV-FORMAT-DEFAULT", "IV-WIRE-QUERY"})


def findings_of(session: Session) -> list[Finding]:
    """Return all findings of a session, each with its item."""
    contract = session.plan.contract
    found = [
        evolve(finding, item=finding.item or item_of(finding, session))
        for finding in judge([it for it in session.observations.values() if it.blocked != Preparation()], contract)
    ]
    found += _untested(session)
    found += _of_experiment(session)
    found += _of_preparations(session)
    found = list(_without_accidents(found, session))
    found = list(_without_doubts(found, session))
    found = list(without_echoes(list(_without_loss(found, session)), session))
    return [_after_others(finding, session) for finding in (*found, *_refused_by_chance(found, session))]


def _after_others(finding: Finding, session: Session) -> Finding:
    """Return a finding that says what went over the connection before the request, which may be the reason."""
    exchange = session.observations[finding.label].exchange
    if finding.state != "contradicted" or not exchange.after:
        return finding
    *others, last = (label.removeprefix(f"{exchange.connection}-") for label in exchange.after)
    names = f"{', '.join(others)} and {last}" if others else last
    return evolve(finding, message=f"{finding.message}, after {names} on the same connection")


def item_of(finding: Finding, session: Session) -> str:
    """Return the item of evidence that a finding of an oracle is about."""
    requirement = session.plan.contract.requirements.get(finding.requirement)
    return _item(requirement, session.cases[finding.label], session.observations[finding.label])


def _item(requirement: Requirement | None, case: Case, observation: Observation) -> str:
    evidence = requirement.evidence if requirement is not None else None
    requested, label = observation.expectation.requested, original(case.label)
    if isinstance(evidence, AcceptsField | Sample) and requested is not None:
        values = {"n": requested.n, "size": requested.size, "response_format": requested.response_format}
        value = values.get(evidence.field) if evidence.field in requested.explicit else ABSENT
        return f"{evidence.field}={value}"
    if isinstance(evidence, AcceptsFeature):
        return next((probe.item for probe in case.probes if probe.requirement == evidence.requirement), label)
    if isinstance(evidence, Every):
        if evidence.subject in BY_FORMAT and requested is not None:
            return requested.response_format
        violated = (it.requirement for it in observation.expectation.violations)
        names = (label, case.concurrent_with, case.connection, *violated)
        return next((name for name in names if name in evidence.situations), None) or label
    return label


def _untested(session: Session) -> Iterator[Finding]:
    """Yield a blocked finding for each requirement of a case that was not sent or whose answer shows nothing."""
    for label, observation in session.observations.items():
        case, reason = session.cases[label], observation.untested
        if reason is None or case.probes or case.is_preparation:
            continue
        violated = [it.requirement for it in observation.expectation.violations]
        for name in dict.fromkeys((*case.tests, *violated)):
            requirement = session.plan.contract.requirements.get(name)
            finding = observation.not_tested(name, reason)
            yield evolve(finding, item=_item(requirement, case, observation))


def _of_experiment(session: Session) -> Iterator[Finding]:
    """Yield the findings of the experiment."""
    experiment, labels = session.experiment, session.labels
    for result in experiment.results:
        if result.state == "holds" and result.requirement in _SHOWN_BY_CONTENT:
            continue
        if is_wrong_together(result, session):
            continue
        yield _of_result(result, session)
    if experiment.base is None:
        yield from _without_base(session)
    elif experiment.base.texts == session.plan.contract.required_texts:
        first = next(at for at, (_, outcome) in enumerate(experiment.sent) if outcome == "accepted")
        yield Finding("IV-OP-VALID", "holds", "", labels[first], "fields=image-only")
    for requirement, label, alone, before in session.of_order:
        observation, other = session.observations[label], session.observations[alone]
        message = f"after {' and '.join(before)}: expected {_shown(other)} as without, got {_shown(observation)}"
        yield evolve(observation.finding(requirement, False, message, label), twin=alone)
    if experiment.lost is not None:
        accepted, refused = (session.observations[labels[at]] for at in experiment.lost)
        again = f"the request of {labels[experiment.lost[0]]}, sent again after {last_before_loss(session)}"
        message = f"{again}: expected 200 as before, got {refused.answer}"
        lost = refused.finding("IV-STATE-RECOVERS", False, message, PLAIN_AGAIN)
        yield evolve(lost, twin=accepted.exchange.label)
    killers = killed_by(session)
    if killers:
        message = f"after {' or '.join(killers)}: expected that the server goes on, got no connection any more"
        yield session.observations[killers[0]].finding("IV-STATE-RECOVERS", False, message, PLAIN_AGAIN)


def _of_preparations(session: Session) -> Iterator[Finding]:
    """Yield where a refused request is answered otherwise on a kept connection, after others, than alone.

    A server may close a connection in place of an answer, and may refuse chunked coding, or be overloaded.
    """
    if session.experiment.lost is not None:
        # What was sent alone, later, may have been answered by a server that answers all alike.
        return
    for label, case in session.cases.items():
        alone = session.observations.get(label.removeprefix(f"{case.connection}-"))
        if not case.is_preparation or alone is None or case.request.header("transfer-encoding") is not None:
            continue
        observation = session.observations[label]
        expected, got, failure = alone.response, observation.response, observation.exchange.failure
        if expected is None or is_limit(expected) or not 400 <= expected.status < 500:
            continue
        if got is None:
            is_other = failure is not None and failure.kind == "malformed"
        else:
            shows_nothing = is_limit(got) or got.status in _OF_THE_TIME
            is_other = not shows_nothing and _kind_of(got) != _kind_of(expected)
        if is_other:
            shown = observation.answer if got is None else _kind_of(got)
            message = f"on a kept connection: expected {_kind_of(expected)} as alone, got {shown}"
            yield observation.finding("IV-STATE-CONNECTION", False, message, str(case.connection))


def _kind_of(response: Response) -> str:
    return f"{response.status} with {response.media_type or 'no content type'}"


def _without_base(session: Session) -> Iterator[Finding]:
    """Yield what it means that no valid request was accepted."""
    sent = [session.observations[label] for label in session.labels]
    answered = [it for it in sent if it.untested is None]
    if answered and not session.experiment.limited:
        message = f"expected 200, got {_got(answered[0])}; no valid request was accepted at all"
        yield answered[0].finding("IV-OP-VALID", False, message, "fields=image-only")


def _by_chance(failed: Sequence[Observation], other: Observation, session: Session) -> Finding:
    """Return what is broken where the same request fails by chance: a 5xx to any is one too many.

    Where that happens only to requests that must be refused, their answers depend on what was sent before.
    """
    is_of_valid = failed[0].expectation.validity == "valid"
    is_of_all = any((it.item, it.state) == (STABLE, "contradicted") for it in session.experiment.results)
    requirement = "IV-OP-VALID" if is_of_valid or is_of_all else "IV-STATE-INDEPENDENT"
    if any(is_server_error(observation, session.plan.contract) for observation in failed):
        requirement = NO_5XX
    answers = dict.fromkeys(it.answer for it in (*failed, other))
    message = f"requests that differ in the picture at most were answered {' and '.join(answers)}"
    return failed[0].finding(requirement, False, message, STABLE)


def _refused_by_chance(found: Sequence[Finding], session: Session) -> Iterator[Finding]:
    """Yield what else is broken where a valid request is answered now 200, now 5xx: it must be accepted each time."""
    for finding in found:
        is_of_valid = session.observations[finding.label].expectation.validity == "valid"
        if (finding.requirement, finding.item, finding.state) == (NO_5XX, STABLE, "contradicted") and is_of_valid:
            yield evolve(finding, requirement="IV-OP-VALID", reported_as=finding.reported_as or NO_5XX)


def _of_result(result: Result, session: Session) -> Finding:
    labels = [session.labels[at] for at in result.steps]
    if result.item == STABLE:
        accepted, *failed = labels
        return _by_chance([session.observations[label] for label in failed], session.observations[accepted], session)
    observation = session.observations[labels[0]]
    company = tuple(probe.item for probe in result.company)
    reason: Reason | None = None
    message, state = "", result.state
    if state == "contradicted" and observation.accepted and result.requirement.startswith(OF_IMAGES):
        # It is accepted. What is wrong with the response says which requirement is broken.
        state = "holds"
    elif state == "contradicted":
        message = _message(result, observation)
    elif state == "blocked":
        reason = _why_blocked(observation, session)
    twin = None if result.twin is None else session.labels[result.twin]
    return Finding(result.requirement, state, message, labels[0], result.item, reason, twin, company)


def _message(result: Result, observation: Observation) -> str:
    if result.requirement == "IV-STATE-RECOVERS":
        return f"after a request that failed: expected 200, got {_got(observation)}"
    if result.requirement == NO_5XX:
        return f"{result.item}: expected a status below 500, got {_got(observation)}"
    if result.requirement in {"IV-STATE-PARALLEL", "IV-STATE-CONNECTION"}:
        how = "at the same time" if result.requirement == "IV-STATE-PARALLEL" else "on a kept connection"
        return f"{result.item}: expected 200 as for the same request alone, got {observation.answer} {how}"
    if observation.accepted:
        return f"a valid request with {result.item}: expected what it asks for, got {summarize(observation)}"
    return f"a valid request with {result.item}: expected 200, got {_got(observation)}"


def _shown(observation: Observation) -> str:
    return str(summarize(observation)) if observation.accepted else _got(observation)


def _got(observation: Observation) -> str:
    """Return what was answered to a request that was not accepted, with the server's own words."""
    is_success = observation.response is not None and 200 <= observation.response.status < 300
    words = quoted(observation)
    return f"{observation.answer}{' with an error' if is_success else ''}{f': {words}' if words else ''}"


def _why_blocked(observation: Observation, session: Session) -> Reason:
    if observation.untested is not None:
        return observation.untested
    if session.experiment.limited or _is_unavailable(observation):
        return RateLimited()
    if session.experiment.lost is not None:
        return ControlRefused()
    is_right = observation.accepted and not differences(observation)
    return NotShown() if is_right else Unexplained()


def _without_loss(found: Sequence[Finding], session: Session) -> Iterator[Finding]:
    """Yield the findings; blocked those on answers such as the control got when the server was lost for good."""
    lost = session.experiment.lost
    labels = list(session.observations)
    answer = None if lost is None else session.observations[session.labels[lost[1]]].answer
    accepted = [at for at, label in enumerate(labels) if session.observations[label].accepted]
    alike = {label for label in labels[max(accepted, default=0) + 1 :] if session.observations[label].answer == answer}
    for finding in found:
        doubtful = finding.label in alike and not finding.requirement.startswith("IV-STATE-")
        yield evolve(finding, state="blocked", reason=ControlRefused()) if doubtful else finding


def _without_accidents(found: Sequence[Finding], session: Session) -> Iterator[Finding]:
    """Yield the findings; those on a failure that did not occur again, as unstable, with one for the accident.

    A 503 that did not occur again shows nothing: the server was overloaded, and should have said for how long.
    """
    accidents = dict(_accidents(session))
    unavailable = {label for label in accidents if _is_unavailable(session.observations[label])}
    for finding in found:
        if finding.state != "contradicted" or finding.label not in accidents:
            yield finding
        elif finding.label not in unavailable:
            yield evolve(finding, state="unstable")
    for label, again in accidents.items():
        one, other = session.observations[label], session.observations[again]
        if label in unavailable:
            yield one.finding("IV-LIMIT-RETRY-AFTER", False, "the 503 has no Retry-After", label)
        else:
            yield _by_chance([one], other, session)


def _without_doubts(found: Sequence[Finding], session: Session) -> Iterator[Finding]:
    """Yield the findings; what is wrong with a response to several unusual properties is in doubt, and so blocked.

    It is not if the same is wrong with the response to the request for the same images alone, if the experiment has
    told which property is at fault, or if the request was drawn at random and reduced, and has only what must be read.
    """
    requirements, cases = session.plan.contract.requirements, session.cases

    def levels_of(step: Step) -> set[str]:
        return {requirements[probe.requirement].level for probe in step.probes}

    doubtful = {
        session.labels[at]
        for at, (step, outcome) in enumerate(session.experiment.sent)
        if outcome == "wrong"
        and not all(probe.axes & ASKING for probe in step.probes)
        and not (cases[session.labels[at]].code and levels_of(step) == {"must"})
        and not is_explained(session.labels[at], session)
    }
    doubtful |= {alone for label, alone in session.alone.items() if label in doubtful}
    certain = {
        (finding.requirement, finding.item)
        for finding in found
        if finding.state == "contradicted"
        and finding.label not in doubtful
        and not is_explained(finding.label, session)
    }
    for finding in found:
        in_doubt = finding.label in doubtful and finding.requirement.startswith(OF_RESPONSES)
        if finding.requirement == "IV-WIRE-QUERY":
            # What travels with the query string may be the reason, unless that asks for just what came.
            others = [it for it in session.cases[finding.label].probes if it.requirement != finding.requirement]
            in_doubt = bool(others) and not is_as_in_query(session.observations[finding.label])
        if in_doubt and finding.state == "contradicted" and (finding.requirement, finding.item) not in certain:
            yield evolve(finding, state="blocked", reason=Unexplained())
        else:
            yield finding


def _accidents(session: Session) -> Iterator[tuple[str, str]]:
    """Yield the labels of requests that failed, each with that of the same request when it did not.

    They are wrong refusals of what must be refused, and valid requests that were answered 503.
    """
    tested = {label: it for label, it in session.observations.items() if it.untested is None}
    wrong = {label for label, it in tested.items() if is_wrong_refusal(it, session.plan.contract)}
    wrong |= {label for label in session.repeated.keys() & tested.keys() if _is_refused_valid(tested[label])}
    sent_again = [(label, original(label)) for label in tested if AGAIN in label]
    for one, other in [*session.repeated.items(), *sent_again]:
        if one in wrong and other in tested.keys() - wrong:
            yield one, other
    # What came of the same request when the server was not overloaded.
    others: dict[tuple[str, frozenset[Probe]], str] = {}
    unavailable = []
    for label, (step, outcome) in zip(session.labels, session.experiment.sent, strict=True):
        request = (str(step.base), frozenset(step.probes))
        if outcome in {"accepted", "declined", "wrong"}:
            others.setdefault(request, label)
        elif outcome == "unavailable" and label in tested:
            unavailable.append((label, request))
    yield from ((label, others[request]) for label, request in unavailable if request in others)


def _is_refused_valid(observation: Observation) -> bool:
    return observation.expectation.validity == "valid" and not observation.accepted


def _is_unavailable(observation: Observation) -> bool:
    return observation.response is not None and observation.response.status == 503
