"""Tells which failures only echo another one, so that one defect gives one failure.

Each rule names the requirements that a failure may echo. The rules are tried in order, and the first name counts that
weighs as much as the failure. A field that is ignored because of how the form is written is no failure besides, even
where that is only a warning.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain

from attrs import evolve, frozen

from ..cases.case import Case
from ..cases.named_case import is_of_key
from ..cases.probes import NO_5XX, Probe
from ..contract.evidence import ABSENT
from ..oracles import Finding
from ..oracles.refusal import is_server_error
from ..oracles.response import NULL
from ..oracles.summary import differences
from ..wire.reasons import RejectsEverything, ServerGone
from .session import Session, original
from .steps import STABLE, Result

_RECOVERS, _INDEPENDENT = "IV-STATE-RECOVERS", "IV-STATE-INDEPENDENT"
_PARALLEL, _CONNECTION, _CHUNKED = "IV-STATE-PARALLEL", "IV-STATE-CONNECTION", "IV-WIRE-CHUNKED"
_END, _GUESS, _QUERY = "IV-URL-END", "IV-URL-GUESS", "IV-WIRE-QUERY"
_OF_FIELDS = ("IV-RES-COUNT", "IV-RES-KEY", "IV-N-", "IV-SIZE-", "IV-FORMAT-", "IV-OUT-SIZE")
"""How the ids of requirements begin that an ignored field breaks."""
OF_RESPONSES = ("IV-RES-", *_OF_FIELDS)
"""How the ids of requirements begin that say what a response has."""
OF_IMAGES = "IV-IMAGE-PNG"
"""How the ids of requirements begin that say which images are accepted."""
OF_FORMS = "IV-WIRE-"
"""How the ids of requirements begin that say how a form may be written."""
_ERROR_JSON, _SECRETS = "IV-ERR-JSON", "IV-ERR-SECRETS"
_OF_ERRORS = frozenset(
    {_ERROR_JSON, "IV-ERR-OBJECT", "IV-ERR-MESSAGE", "IV-ERR-READABLE", "IV-ERR-NULL", "IV-ERR-PARAM"}
)
# Where one of these is broken, the other cannot hold.
_PRECONDITIONS: Mapping[str, frozenset[str]] = {
    "IV-AUTH-FIRST": frozenset({"IV-AUTH-REQUIRED", "IV-AUTH-WRONG"}),
    _END: frozenset({"IV-URL-FETCH"}),
}
# Whether these hold depends on which violation of which request an error is about.
_ABOUT_VIOLATIONS = frozenset({"IV-AUTH-401", "IV-AUTH-FIRST", "IV-ERR-400", "IV-ERR-PARAM", "IV-OP-MULTIPART-STATUS"})
# Where the others are refused, the first one is, too: only RGB pictures have a transparent colour.
_IMPLIED_BY = {
    "chunks=palette-and-transparent-colour": ("png=rgb",),
    "letter-case=text-part-type": tuple(
        f"text-part-type={name}" for name in ("text-plain", "text-plain-utf-8", "charset-in-quotes", "other-charset")
    ),
    "boundary=quoted-pair": ("boundary=quoted",),
}
_NOTHING_ACCEPTED = "fields=image-only"


@frozen
class _Failures:
    """All failures of a session, by which a single one is explained.

    `by_label` and `by_item` are the requirement that is broken first at a request, and under an item. `crashing` are
    those that a request broke at which the server failed. `held` are the requirements and items that were seen to hold
    elsewhere. `unconfirmed` are the requests whose failures nothing can confirm, `sharing` those whose responses have a
    link that another one has, too.
    """

    session: Session
    requirements: frozenset[str]
    shown: frozenset[tuple[str, str]]
    by_label: Mapping[str, str]
    by_item: Mapping[str, str]
    crashing: frozenset[str]
    held: frozenset[tuple[str, str]]
    unconfirmed: frozenset[str]
    sharing: frozenset[str]

    @classmethod
    def of(cls, found: Sequence[Finding], session: Session) -> _Failures:
        """Return the failures among the findings of a session."""
        failures = [finding for finding in found if finding.state == "contradicted"]
        # A server that reveals something when it fails still fails once it reveals nothing.
        others = [it for it in reversed(failures) if it.requirement not in {NO_5XX, _SECRETS, *_OF_ERRORS}]
        of_items = [finding for finding in failures if finding.requirement == NO_5XX and not _is_of_label(finding)]
        return cls(
            session,
            frozenset(finding.requirement for finding in failures),
            frozenset((finding.label, finding.requirement) for finding in failures),
            {finding.label: finding.requirement for finding in others},
            {item: finding.requirement for finding in (*others, *of_items) for item in _items_of(finding)},
            frozenset(finding.requirement for finding in others if _fails_at(finding.label, session)),
            frozenset((finding.requirement, finding.item) for finding in found if finding.state == "holds"),
            _unconfirmed(session),
            _sharing(session),
        )


def without_echoes(found: Sequence[Finding], session: Session) -> Iterator[Finding]:
    """Yield the findings; those that only echo another failure name its requirement in `reported_as`."""
    failures = _Failures.of(found, session)
    echoes = [_echo(finding, failures) if finding.state == "contradicted" else None for finding in found]
    reported = _reported(found, echoes)
    for finding, echo in zip(found, echoes, strict=True):
        yield finding if echo is None or echo not in reported else evolve(finding, reported_as=echo)


def _echo(finding: Finding, failures: _Failures) -> str | None:
    """Return the broken requirement that a failure echoes, or None."""
    names = chain.from_iterable(rule(finding, failures) for rule in _RULES)
    broken = (name for name in names if name in failures.requirements)
    return next((name for name in broken if _weighs_as_much(name, finding, failures)), None)


def _reported(found: Sequence[Finding], echoes: Sequence[str | None]) -> set[str]:
    """Return the requirements of which a failure is reported, itself or as an echo of one that is.

    Failures that only echo each other would hide each other.
    """
    echoed = [(it.requirement, echo) for it, echo in zip(found, echoes, strict=True) if it.state == "contradicted"]
    reported = {name for name, echo in echoed if echo in {None, name}}
    while more := {name for name, echo in echoed if echo in reported} - reported:
        reported |= more
    return reported


def _of_the_loss(finding: Finding, failures: _Failures) -> Iterable[str]:
    """What was not accepted just before the server was lost for good."""
    return [_RECOVERS] if finding.label in failures.unconfirmed and finding.requirement != _RECOVERS else []


def _of_what_breaks(finding: Finding, failures: _Failures) -> Iterable[str]:
    """A 5xx, and what its body lacks, is that of the requirement under which the request fails, or of its items."""
    of_body = finding.requirement in _OF_ERRORS and _fails_at(finding.label, failures.session)
    if not of_body and (finding.requirement != NO_5XX or not _is_of_label(finding)):
        return []
    session, label = failures.session, original(finding.label)
    case = session.cases[finding.label]
    # A key with a control character may be read as the right one, but is a wrong one to a server that fails at those.
    of_key = {"IV-AUTH-WRONG"} if is_of_key(label) else set()
    violated = session.observations[finding.label].expectation.violated | of_key
    company = [name for name in _requirements_of_company(case) if name in failures.requirements]
    items = [probe.item for probe in case.probes] or _items_of_base(label, session)
    names = [failures.by_item[item] for item in (*items, STABLE) if _is_reason(item, failures)]
    lost = [] if session.experiment.lost is None else [_RECOVERS]
    itself = [NO_5XX] if of_body and (finding.label, NO_5XX) in failures.shown else []
    own = [failures.by_label[label]] if label in failures.by_label else []
    return [*own, *company, *sorted(violated & failures.crashing), *names, *itself, *lost]


def _of_no_json(finding: Finding, failures: _Failures) -> Iterable[str]:
    """The body of an error that is no JSON is no error object."""
    no_json = failures.session.observations[finding.label].content.document is None
    return [_ERROR_JSON] if finding.requirement == "IV-ERR-OBJECT" and no_json else []


def _of_null(finding: Finding, _: _Failures) -> Iterable[str]:
    """A member that is null has the wrong type, too."""
    return ["IV-RES-SCHEMA"] if finding.item == NULL else []


def _of_an_ignored_field(finding: Finding, failures: _Failures) -> Iterable[str]:
    """An accepted property of the request makes the server ignore what is requested, or what is wrong with it."""
    is_of_response = finding.requirement.startswith(OF_RESPONSES)
    if not is_of_response and finding.requirement not in failures.session.cases[finding.label].expectation.violated:
        return []
    return [probe.requirement for probe in wrong_probes(finding.label, failures.session)]


def wrong_probes(label: str, session: Session) -> list[Probe]:
    """Return the probes of a request that are accepted, but make the server ignore what is requested.

    Not those of the image: a server that makes other images of some images accepts them.
    """
    return [probe for probe in _wrong_probes(label, session) if not probe.requirement.startswith(OF_IMAGES)]


def _wrong_probes(label: str, session: Session) -> list[Probe]:
    wrong = {
        (it.requirement, it.item)
        for it in session.experiment.results
        if it.state == "contradicted" and session.observations[session.labels[it.steps[0]]].accepted
    }
    return [probe for probe in session.cases[label].probes if (probe.requirement, probe.item) in wrong]


def is_explained(label: str, session: Session) -> bool:
    """Return whether the experiment has told which properties of a request make the server ignore what is requested."""
    items = {probe.item for probe in session.cases[label].probes}
    return bool(_wrong_probes(label, session)) or any(
        is_wrong_together(it, session) and items.issuperset(probe.item for probe in it.company)
        for it in session.experiment.results
    )


def is_wrong_together(result: Result, session: Session) -> bool:
    """Return whether a result is about properties that only together make the server ignore what is requested.

    What is wrong with the response says which requirement is broken.
    """
    together = len(result.company) > 1 and result.item == " and ".join(sorted(it.item for it in result.company))
    is_accepted = session.observations[session.labels[result.steps[0]]].accepted
    return together and result.state == "contradicted" and is_accepted


def _of_an_implied_item(finding: Finding, failures: _Failures) -> Iterable[str]:
    """A request with this item has the property of others, too: of the first of which it is known if it is broken."""
    held = {item for _, item in failures.held}
    known = (item for item in _IMPLIED_BY.get(finding.item, ()) if item in held or item in failures.by_item)
    name = failures.by_item.get(next(known, ""))
    return [] if name is None else [name]


def _of_preconditions(finding: Finding, failures: _Failures) -> Iterable[str]:
    """Without a check of keys, none comes first; a link that is dead at once is dead at the end."""
    return sorted(_PRECONDITIONS.get(finding.requirement, frozenset()) & failures.requirements)


def _of_recovery(finding: Finding, failures: _Failures) -> Iterable[str]:
    """What comes of a request depends on the one before it: so it is answered now so, now so, or with another error.

    Until a server is lost for good, nothing depends on the loss.
    """
    session = failures.session
    depends = finding.item == STABLE or finding.requirement in {*_ABOUT_VIOLATIONS, _CONNECTION}
    is_lost = session.experiment.lost is not None or killed_by(session)
    return [_RECOVERS] if depends and not is_lost and _RECOVERS in failures.requirements else []


def _of_memory(finding: Finding, failures: _Failures) -> Iterable[str]:
    """A response is wrong after some requests, and right after others, and so at the same time as others."""
    if _INDEPENDENT not in failures.requirements:
        return []
    held = (finding.requirement, finding.item) in failures.held
    observation = failures.session.observations[finding.label]
    is_wrong = observation.accepted and bool(differences(observation))
    depends = held and (is_wrong or finding.requirement.startswith(OF_RESPONSES))
    # A query for which a request is refused is not remembered.
    of_query = finding.requirement == _QUERY and observation.accepted
    return [_INDEPENDENT] if depends or of_query or finding.requirement in {_PARALLEL, _CONNECTION} else []


def _of_a_shared_link(finding: Finding, failures: _Failures) -> Iterable[str]:
    """A response has the link of another one, whose image it leads to, also where no other request is under way."""
    cases = failures.session.cases
    shared = (label for label, name in failures.shown if name == _END and cases[label].concurrent_with is None)
    is_shared = finding.requirement == _PARALLEL and finding.label in failures.sharing and any(shared)
    return [_END] if is_shared else []


def _of_company(finding: Finding, failures: _Failures) -> Iterable[str]:
    """A response is wrong in company of other requests, and right alone."""
    session = failures.session
    if finding.requirement in {_PARALLEL, _CONNECTION, _GUESS}:
        return []
    if session.cases[finding.label].is_preparation and _CONNECTION in failures.requirements:
        return [_CONNECTION]
    broken = _requirements_of_company(session.cases[finding.label])
    alone = session.alone.get(finding.label)
    if alone is None:
        # The image of another request may be of the size and in the format that this one asks for. And how a valid
        # request is refused in company says nothing of other errors.
        observation = session.observations[finding.label]
        is_refused = observation.expectation.validity == "valid" and not observation.accepted
        is_of_company = finding.requirement == "IV-OUT-RESEMBLES" or is_refused
        return [name for name in broken if is_of_company or (finding.label, name) in failures.shown]
    return [] if (alone, finding.requirement) in failures.shown else broken


def _of_chunks(finding: Finding, failures: _Failures) -> Iterable[str]:
    """Where chunked coding is refused, the answer is about that; where it hides fields, so it does what is wrong."""
    case = failures.session.cases[finding.label]
    is_chunked = case.request.header("transfer-encoding") is not None
    # Where the limits leave plain chunks unexplained, small ones or those with more in them tell.
    if not is_chunked or finding.requirement == _CHUNKED or (_CHUNKED, "body=chunked") in failures.held:
        return []
    is_refused = not failures.session.observations[finding.label].accepted
    return [_CHUNKED] if case.is_preparation or is_refused else []


_RULES: tuple[Callable[[Finding, _Failures], Iterable[str]], ...] = (
    _of_the_loss,
    _of_what_breaks,
    _of_no_json,
    _of_null,
    _of_an_implied_item,
    _of_preconditions,
    _of_recovery,
    _of_memory,
    _of_a_shared_link,
    _of_an_ignored_field,
    _of_company,
    _of_chunks,
)


def _is_of_label(finding: Finding) -> bool:
    """Return whether a finding is about a request as a whole, and not about one of its items."""
    return finding.item == original(finding.label)


def _weighs_as_much(name: str, finding: Finding, failures: _Failures) -> bool:
    """Return whether a broken requirement is a MUST if that of a finding is: a warning does not stand for a failure.

    It does for a field that is ignored in a form that need not be read.
    """
    requirements, session = failures.session.plan.contract.requirements, failures.session
    if requirements[name].level == "must" or requirements[finding.requirement].level != "must":
        return True
    violated = session.cases[finding.label].expectation.violated
    is_of_field = finding.requirement in violated or finding.requirement.startswith(_OF_FIELDS)
    return name.startswith(OF_FORMS) and is_of_field and name in _of_an_ignored_field(finding, failures)


def _is_reason(item: str, failures: _Failures) -> bool:
    """Return whether an item is broken, so that a crash at it is no other failure.

    That nothing is accepted is the reason for a crash if the first valid request, too, was not just refused.
    """
    name = failures.by_item.get(item)
    return name is not None and (item != _NOTHING_ACCEPTED or name in failures.crashing)


def _items_of(finding: Finding) -> tuple[str, ...]:
    """Return the items of a finding: more than one if they are refused only together."""
    return finding.company if finding.item == " and ".join(sorted(finding.company)) else (finding.item,)


def _fails_at(label: str, session: Session) -> bool:
    """Return whether the server failed at a request."""
    return is_server_error(session.observations[label], session.plan.contract)


def _requirements_of_company(case: Case) -> list[str]:
    """Return what a request would break that is answered otherwise than alone."""
    found = {_PARALLEL: case.concurrent_with, _CONNECTION: case.connection}
    return [name for name, company in found.items() if company is not None]


def _items_of_base(label: str, session: Session) -> list[str]:
    """Return the items of evidence that a request of the experiment shows by its base alone.

    A request that is answered like all valid ones, none of which is accepted, shows no more than those.
    """
    if label not in session.labels:
        rejected = isinstance(session.observations[label].blocked, RejectsEverything)
        return [_NOTHING_ACCEPTED] if rejected else []
    texts = session.experiment.sent[session.labels.index(label)][0].base.texts
    return [*(f"{name}={texts.get(name, ABSENT)}" for name in session.plan.contract.text_fields), _NOTHING_ACCEPTED]


def last_before_loss(session: Session) -> str | None:
    """Return the label of the last request before the server was lost for good; None if it was not."""
    lost = session.experiment.lost
    if lost is None:
        return None
    labels = list(session.observations)
    before = labels[: labels.index(session.labels[lost[1]])]
    return next((label for label in reversed(before) if not label.startswith("control")), None)


def killed_by(session: Session) -> tuple[str, ...]:
    """Return the labels of the requests at which a server went away that had accepted some; of those, one killed it."""
    ended = session.scheduler.ended
    worked = any(observation.accepted for observation in session.observations.values())
    after = ended.after if isinstance(ended, ServerGone) and worked else ()
    return tuple(label for label in after if label in session.observations)


def _unconfirmed(session: Session) -> frozenset[str]:
    """Return the labels of the requests whose failures nothing can confirm, because the server was lost for good.

    They are those since the last accepted valid request, unless they were accepted, or those that a server may have
    died of. One that timed out before that request failed by itself, whether the server died of it later or not.
    """
    lost = session.experiment.lost
    labels = list(session.observations)
    since: set[str] = set()
    for label in labels if lost is None else labels[: labels.index(session.labels[lost[1]])]:
        observation = session.observations[label]
        if not observation.accepted:
            since.add(label)
        elif observation.expectation.validity == "valid":
            since.clear()
    if lost is not None:
        return frozenset(since)
    failures = {label: session.observations[label].exchange.failure for label in killed_by(session)}
    timed_out = {label for label, failure in failures.items() if failure is not None and failure.kind == "timeout"}
    return frozenset(failures) - (timed_out - since)


def _sharing(session: Session) -> frozenset[str]:
    """Return the labels of the responses with a link that the response to another request has, too."""
    with_link: dict[str, set[str]] = {}
    for label, observation in session.observations.items():
        for fetch in observation.exchange.fetches:
            with_link.setdefault(fetch.request.target, set()).add(label)
    return frozenset(chain.from_iterable(labels for labels in with_link.values() if len(labels) > 1))
