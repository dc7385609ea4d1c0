"""Findings get the item of evidence that they are about, and what only echoes another failure is reported once."""

from collections.abc import Sequence
from typing import Any

import pytest
from attrs import evolve
from image_variations_conformance.cases.builder import Base
from image_variations_conformance.cases.case import Case
from image_variations_conformance.cases.plan import Plan
from image_variations_conformance.engine.check import Settings, check
from image_variations_conformance.engine.echoes import last_before_loss, without_echoes
from image_variations_conformance.engine.judging import findings_of
from image_variations_conformance.engine.run import Run
from image_variations_conformance.engine.scheduler import Scheduler
from image_variations_conformance.engine.session import Session
from image_variations_conformance.engine.steps import Outcome, Result, Step
from image_variations_conformance.oracles import Finding
from image_variations_conformance.oracles.base import State
from image_variations_conformance.reference.app.service import Service, Wanted
from image_variations_conformance.reference.app.serving import running
from image_variations_conformance.reference.variants import FAULTS, faulty
from image_variations_conformance.wire.exchange import Exchange, Failure, Response
from image_variations_conformance.wire.exchange import Outcome as Answer
from image_variations_conformance.wire.reasons import ControlRefused, ServerGone
from image_variations_conformance.wire.target import Target
from PIL import Image
from starlette.responses import JSONResponse
from starlette.responses import Response as StarletteResponse
from support.fake_transport import FakeTransport
from support.judging import verdicts
from support.requests import CONTRACT, KEY, SMALL, TARGET, observed

PLAN = Plan.of(CONTRACT, TARGET, 1)
ROWS = {row.label: row for row in (*PLAN.refusals, *PLAN.open_cases)}
PROBES = {probe.item: probe for probe in (*PLAN.must_probes, *PLAN.should_probes, *PLAN.open_probes)}
BASE = Base(SMALL)
OK = Response(200, (("Content-Type", "application/json"),), b'{"created": 1, "data": [{"b64_json": "AAAA"}]}')
CRASH = Response(500)


def refusal(status: int = 400, message: str = "n is wrong") -> Response:
    error = b'{"error": {"message": "%b", "type": "t", "param": null, "code": null}}' % message.encode()
    return Response(status, (("Content-Type", "application/json"),), error)


def session_of(*sent: tuple[Case, Answer]) -> Session:
    """Return a session in which these cases were answered so, in this order, after one that is called `plain`."""
    session = Session(PLAN, Scheduler(FakeTransport(TARGET), lambda *_: None))
    for case, answer in ((pack("plain"), OK), *sent):
        exchange = Exchange(case.label, case.request, answer, 1.0, 0.1, case.concurrent_with, case.connection)
        session.cases[case.label] = case
        session.observations[case.label] = observed(exchange)
    session.experiment.base = session.experiment.cheap = BASE
    return session


def row(label: str, again: bool = False) -> Case:
    case = PLAN.named(ROWS[label], BASE)
    return evolve(case, label=f"{label}-again") if again else case


def pack(label: str, *items: str, **changes: Any) -> Case:
    return evolve(PLAN.valid(label, "a note", BASE, tuple(PROBES[item] for item in items)), **changes)


def broken(requirement: str, label: str, item: str = "", **more: Any) -> Finding:
    return evolve(Finding(requirement, "contradicted", "a message", label, item or label), **more)


def echoes(session: Session, *found: Finding) -> list[str | None]:
    """Return what each finding is reported as."""
    return [finding.reported_as for finding in without_echoes(found, session)]


NO_5XX = "IV-ERR-NO-5XX"

# --- echoes, one rule at a time


def test_a_crash_echoes_the_requirement_under_which_the_request_fails() -> None:
    session = session_of((row("n-zero"), CRASH), (row("n-zero", again=True), CRASH))
    own, again = broken(NO_5XX, "n-zero"), broken(NO_5XX, "n-zero-again", "n-zero")
    assert echoes(session, broken("IV-N-BOUNDS", "n-zero"), own, again) == [None, "IV-N-BOUNDS", "IV-N-BOUNDS"]
    assert echoes(session, own) == [None]


def test_a_crash_at_a_violation_echoes_the_requirement_if_that_crashes_elsewhere() -> None:
    """What else the contract leaves open keeps the requirement from being judged by the request itself."""
    session = session_of((row("image-none"), CRASH), (row("image-named-file"), CRASH))
    found = [broken("IV-IMAGE-REQUIRED", "image-none"), broken(NO_5XX, "image-named-file")]
    assert echoes(session, *found) == [None, "IV-IMAGE-REQUIRED"]
    accepted = session_of((row("image-none"), OK), (row("image-named-file"), CRASH))
    assert echoes(accepted, *found) == [None, None]


def test_a_crash_at_a_pack_echoes_its_refused_item_and_an_open_item_is_reported_itself() -> None:
    session = session_of((pack("must-1", "user=unicode", "n=2"), CRASH), (pack("open-1", "field-prompt"), CRASH))
    refused = broken("IV-USER-TEXT", "plain", "user=unicode")
    assert echoes(session, refused, broken(NO_5XX, "must-1")) == [None, "IV-USER-TEXT"]
    item = broken(NO_5XX, "open-1", "field-prompt")
    assert echoes(session, item, broken(NO_5XX, "open-1")) == [None, NO_5XX]


def test_a_crash_at_what_should_be_accepted_is_a_failure_for_which_a_warning_does_not_stand() -> None:
    session = session_of((pack("should-1", "user=1000-characters"), CRASH), (row("size-upper-case"), CRASH))
    warned = broken("IV-USER-LENGTH", "should-1", "user=1000-characters")
    crash, body = broken(NO_5XX, "should-1"), broken("IV-ERR-JSON", "should-1")
    assert echoes(session, warned, crash, body) == [None, None, NO_5XX]
    assert echoes(session, broken("IV-ENUM-CASE", "size-upper-case"), broken(NO_5XX, "size-upper-case")) == [None, None]


def test_a_crash_at_properties_that_are_refused_together_echoes_the_combination() -> None:
    session = session_of((pack("must-1", "user=unicode", "n=2", "part-order=image-last"), CRASH))
    company = ("user=unicode", "n=2")
    together = broken("IV-OP-VALID", "plain", "n=2 and user=unicode", company=company)
    assert echoes(session, together, broken(NO_5XX, "must-1")) == [None, "IV-OP-VALID"]


def test_a_crash_at_a_base_echoes_the_value_that_is_refused_or_that_nothing_is_accepted() -> None:
    session = session_of((pack("base-1"), refusal()), (pack("base-2"), CRASH), (pack("base-3"), CRASH))
    session.labels.append("base-3")
    session.experiment.sent.append((Step(Base({"size": "512x512"})), "refused"))
    crash = broken(NO_5XX, "base-3")
    assert echoes(session, broken("IV-SIZE-ENUM", "plain", "size=512x512"), crash) == [None, "IV-SIZE-ENUM"]
    assert echoes(session, broken("IV-N-DEFAULT", "plain", "n=absent"), crash) == [None, "IV-N-DEFAULT"]
    assert echoes(session, broken("IV-OP-VALID", "base-2", "fields=image-only"), crash) == [None, "IV-OP-VALID"]
    # A server that refuses valid requests, and fails at one of them, has two defects.
    assert echoes(session, broken("IV-OP-VALID", "base-1", "fields=image-only"), crash) == [None, None]


@pytest.mark.parametrize(
    ("company", "requirement"),
    [({"concurrent_with": "eight-alike"}, "IV-STATE-PARALLEL"), ({"connection": "kept"}, "IV-STATE-CONNECTION")],
)
def test_a_crash_in_company_echoes_that_the_company_matters(company: dict[str, str], requirement: str) -> None:
    session = session_of((pack("one", **company), CRASH), (pack("two", **company), CRASH))
    assert echoes(session, broken(requirement, "one", "eight-alike"), broken(NO_5XX, "two")) == [None, requirement]
    assert echoes(session, broken(NO_5XX, "two")) == [None]


def test_a_failure_says_what_went_over_its_connection_before() -> None:
    case = pack("must-2", connection="kept-2")
    session = session_of((case, CRASH))
    crashed = session.observations["must-2"]
    for after, text in (
        ((), ""),
        (("kept-2-key-wrong",), ", after key-wrong on the same connection"),
        (
            ("kept-2-n-zero", "must-1", "kept-2-key-wrong"),
            ", after n-zero, must-1 and key-wrong on the same connection",
        ),
    ):
        session.observations["must-2"] = evolve(crashed, exchange=evolve(crashed.exchange, after=after))
        (found,) = (it for it in findings_of(session) if it.requirement == NO_5XX and it.state == "contradicted")
        assert found.message == f"expected a status below 500, got 500{text}"


@pytest.mark.parametrize(
    ("echo", "cause"),
    [
        ("IV-AUTH-FIRST", "IV-AUTH-REQUIRED"),
        ("IV-AUTH-FIRST", "IV-AUTH-WRONG"),
        ("IV-URL-END", "IV-URL-FETCH"),
    ],
)
def test_what_cannot_hold_without_another_requirement_echoes_that(echo: str, cause: str) -> None:
    session = session_of((pack("one"), OK), (pack("two"), OK))
    assert echoes(session, broken(echo, "one")) == [None]
    assert echoes(session, broken(echo, "one"), broken(cause, "two")) == [cause, None]
    held = evolve(broken(cause, "two"), state="holds")
    assert echoes(session, broken(echo, "one"), held) == [None, None]


def test_a_transparent_colour_echoes_that_rgb_pictures_are_refused() -> None:
    session = session_of((pack("one"), refusal()), (pack("two"), refusal()))
    found = [
        broken("IV-IMAGE-PNG", "one", "png=rgb"),
        broken("IV-IMAGE-PNG-CHUNKS", "two", "chunks=palette-and-transparent-colour"),
        broken("IV-IMAGE-PNG-CHUNKS", "two", "chunks=known-ancillary"),
    ]
    assert echoes(session, *found) == [None, "IV-IMAGE-PNG", None]


def test_changing_answers_and_errors_of_other_requests_echo_that_the_server_does_not_recover() -> None:
    session = session_of((pack("one"), OK), (row("n-zero"), refusal()))
    found = [
        broken("IV-STATE-RECOVERS", "one", "control"),
        broken("IV-OP-VALID", "one", "stable"),
        broken("IV-ERR-PARAM", "n-zero"),
        broken("IV-ERR-OBJECT", "n-zero"),
    ]
    assert echoes(session, *found) == [None, "IV-STATE-RECOVERS", "IV-STATE-RECOVERS", None]
    assert echoes(session, *found[1:]) == [None, None, None]


def test_a_refused_query_is_no_echo_of_a_memory_and_an_accepted_one_is() -> None:
    remembers = broken("IV-STATE-INDEPENDENT", "one")
    for answer, echo in ((OK, "IV-STATE-INDEPENDENT"), (refusal(), None)):
        session = session_of((pack("one"), OK), (pack("two"), answer))
        assert echoes(session, remembers, broken("IV-WIRE-QUERY", "two")) == [None, echo]


def test_a_member_that_is_null_echoes_that_null_is_no_value() -> None:
    session = session_of((pack("one"), OK))
    found = [broken("IV-RES-SCHEMA", "one"), broken("IV-RES-SIZE", "one", "null"), broken("IV-RES-QUALITY", "one")]
    assert echoes(session, *found) == [None, "IV-RES-SCHEMA", None]


@pytest.mark.parametrize("plain_chunks", ["holds", "contradicted", None])
def test_a_refusal_in_chunks_echoes_that_chunks_are_refused_unless_plain_ones_are_accepted(
    plain_chunks: State | None,
) -> None:
    session = session_of((row("image-too-large-chunked"), CRASH), (pack("one", "body=small-chunks"), CRASH))
    found = [
        broken("IV-IMAGE-MAX-BYTES", "image-too-large-chunked"),
        broken("IV-WIRE-CHUNKED", "one", "body=small-chunks"),
    ]
    if plain_chunks is not None:
        found.append(evolve(broken("IV-WIRE-CHUNKED", "one", "body=chunked"), state=plain_chunks))
    assert echoes(session, *found)[0] == (None if plain_chunks == "holds" else "IV-WIRE-CHUNKED")


def test_links_that_can_be_guessed_are_no_echo_of_a_request_in_company() -> None:
    session = session_of((pack("two", concurrent_with="eight-mixed"), OK), (pack("two-alone"), OK))
    session.alone["two"] = "two-alone"
    assert echoes(session, broken("IV-URL-GUESS", "two"), broken("IV-STATE-PARALLEL", "two")) == [None, None]


def test_a_response_that_is_right_elsewhere_echoes_that_the_server_remembers() -> None:
    session = session_of((pack("one"), OK), (pack("two"), OK))
    remembers = broken("IV-STATE-INDEPENDENT", "one")
    wrong = broken("IV-N-DEFAULT", "two", "n=absent")
    right = evolve(wrong, state="holds", label="one")
    assert echoes(session, remembers, wrong, right) == [None, "IV-STATE-INDEPENDENT", None]
    assert echoes(session, remembers, wrong) == [None, None]
    assert echoes(session, wrong, right) == [None, None]
    assert echoes(session, remembers, broken("IV-STATE-PARALLEL", "two")) == [None, "IV-STATE-INDEPENDENT"]


def test_a_response_that_is_wrong_in_company_and_right_alone_echoes_that_the_company_matters() -> None:
    together = pack("must-1", "n=2", concurrent_with="eight-mixed")
    session = session_of((together, OK), (pack("must-1-alone", "n=2"), OK))
    session.alone["must-1"] = "must-1-alone"
    wrong, parallel = broken("IV-RES-COUNT", "must-1", "n=2"), broken("IV-STATE-PARALLEL", "must-1")
    assert echoes(session, wrong, parallel) == ["IV-STATE-PARALLEL", None]
    assert echoes(session, wrong, broken("IV-RES-COUNT", "must-1-alone", "n=2"), parallel) == [None, None, None]
    session.cases["must-1"] = evolve(together, concurrent_with=None, connection="kept-connection")
    connection = broken("IV-STATE-CONNECTION", "must-1")
    assert echoes(session, wrong, connection) == ["IV-STATE-CONNECTION", None]


def test_the_error_to_a_valid_request_on_a_kept_connection_echoes_that_the_connection_matters() -> None:
    session = session_of((pack("one", connection="kept-1"), CRASH), (pack("two", connection="kept-2"), CRASH))
    connection = broken("IV-STATE-CONNECTION", "one")
    assert echoes(session, broken("IV-ERR-JSON", "two"), connection) == ["IV-STATE-CONNECTION", None]
    assert echoes(session, broken("IV-ERR-JSON", "plain"), connection) == [None, None]
    assert echoes(session, broken("IV-ERR-JSON", "two")) == [None]


def test_a_failure_is_no_echo_of_a_requirement_that_is_only_kept_from_being_seen() -> None:
    together = pack("must-1", "n=2", concurrent_with="eight-mixed")
    session = session_of((together, OK), (pack("must-1-alone", "n=2"), OK))
    session.alone["must-1"] = "must-1-alone"
    blocked = evolve(broken("IV-STATE-PARALLEL", "must-1"), state="blocked")
    for name in ("IV-RES-COUNT", "IV-STATE-RECOVERS"):
        assert echoes(session, broken(name, "must-1", "n=2"), blocked) == [None, None]


def test_failures_that_echo_each_other_are_both_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    session = session_of((pack("one"), OK))
    circle = {"IV-RES-COUNT": "IV-RES-KEY", "IV-RES-KEY": "IV-RES-CREATED", "IV-RES-CREATED": "IV-RES-COUNT"}
    monkeypatch.setattr("image_variations_conformance.engine.echoes._RULES", (lambda it, _: [circle[it.requirement]],))
    found = [broken(name, "one") for name in circle]
    assert echoes(session, *found) == [None, None, None]
    monkeypatch.setitem(circle, "IV-RES-COUNT", "IV-N-DEFAULT")
    assert echoes(session, *found) == [None, "IV-RES-CREATED", "IV-RES-COUNT"]


@pytest.mark.parametrize(
    ("item", "requirement", "echo"),
    [("png=grey", "IV-IMAGE-PNG-KINDS", None), ("user=unicode", "IV-USER-TEXT", "IV-USER-TEXT")],
)
def test_a_response_that_ignores_a_field_echoes_the_accepted_item_beside_it_unless_that_is_a_warning(
    item: str, requirement: str, echo: str | None
) -> None:
    session = session_of((pack("must-1", item, "n=2"), OK))
    session.labels, session.experiment.results = ["must-1"], [Result(requirement, item, "contradicted", (0,))]
    assert echoes(session, broken("IV-RES-COUNT", "must-1", "n=2"), broken(requirement, "must-1", item))[0] == echo


# --- a server that is lost


def lost(*sent: tuple[Case, Answer], control: Answer) -> Session:
    """Return a session whose control was accepted, then refused for good after these requests."""
    session = session_of((pack("control-1"), OK), *sent, (pack("control-9"), control))
    session.labels = ["control-1", "control-9"]
    session.experiment.sent = [(Step(BASE), "accepted"), (Step(BASE), "refused")]
    session.experiment.lost = (0, 1)
    return session


def test_errors_before_the_server_was_last_seen_to_work_are_no_echo_of_its_loss() -> None:
    session = lost((row("n-zero"), refusal()), (pack("control-5"), OK), (row("key-none"), CRASH), control=CRASH)
    session.labels = ["control-5", "control-9"]
    found = [broken("IV-STATE-RECOVERS", "control-9"), broken("IV-ERR-PARAM", "n-zero")]
    assert echoes(session, *found) == [None, None]


def test_a_timeout_after_which_the_server_still_worked_is_no_echo_of_its_death() -> None:
    dropped = Failure("dropped", "the connection was closed")
    sent = ((row("n-word"), Failure("timeout", "none within 1 s")), (pack("control-5"), OK), (row("key-none"), dropped))
    session = session_of(*sent)
    session.scheduler._ended[0] = ServerGone(("n-word", "key-none"))
    found = [
        broken("IV-STATE-RECOVERS", "n-word", "plain-at-the-end"),
        broken("IV-N-INTEGER", "n-word"),
        broken("IV-AUTH-REQUIRED", "key-none"),
    ]
    assert echoes(session, *found) == [None, None, "IV-STATE-RECOVERS"]
    session = session_of(sent[0])
    session.scheduler._ended[0] = ServerGone(("n-word",))
    assert echoes(session, *found[:2]) == [None, "IV-STATE-RECOVERS"]


def by_label(found: Sequence[Finding], label: str) -> dict[str, Finding]:
    return {finding.requirement: finding for finding in found if finding.label == label}


def test_the_loss_of_the_server_names_the_last_request_before_it() -> None:
    session = lost((row("n-zero"), refusal()), (row("key-none"), CRASH), control=CRASH)
    assert last_before_loss(session) == "key-none"
    assert last_before_loss(session_of()) is None
    (loss,) = (finding for finding in findings_of(session) if finding.requirement == "IV-STATE-RECOVERS")
    assert (loss.state, loss.label, loss.twin, loss.item) == (
        "contradicted",
        "control-9",
        "control-1",
        "plain-at-the-end",
    )
    assert loss.message == "the request of control-1, sent again after key-none: expected 200 as before, got 500"


def test_what_is_answered_like_the_lost_control_shows_nothing() -> None:
    """A server that answers 401 to everything does not refuse n=0."""
    session = lost((row("n-negative"), refusal(400)), (row("n-zero"), refusal(401)), control=refusal(401))
    found = findings_of(session)
    assert by_label(found, "n-negative")["IV-N-BOUNDS"].state == "holds"
    doubtful = by_label(found, "n-zero")
    assert {finding.state for finding in doubtful.values()} == {"blocked"}
    assert doubtful["IV-N-BOUNDS"].reason == ControlRefused()


def test_what_the_last_request_showed_echoes_the_loss_unless_it_was_accepted() -> None:
    session = lost((row("n-zero"), Response(502)), control=CRASH)
    found = by_label(findings_of(session), "n-zero")
    contradicted = [finding for finding in found.values() if finding.state == "contradicted"]
    assert {finding.reported_as for finding in contradicted} == {"IV-STATE-RECOVERS"}
    accepted = lost((row("n-zero"), OK), control=CRASH)
    assert by_label(findings_of(accepted), "n-zero")["IV-N-BOUNDS"].reported_as is None


def test_what_failed_since_the_last_accepted_control_echoes_the_loss() -> None:
    session = lost((row("n-zero"), Response(502)), (row("n-negative"), refusal()), control=CRASH)
    found = findings_of(session)
    assert by_label(found, "n-zero")["IV-N-BOUNDS"].reported_as == "IV-STATE-RECOVERS"
    assert by_label(found, "n-negative")["IV-N-BOUNDS"].state == "holds"


# --- items


@pytest.mark.parametrize(
    ("case", "answer", "requirement", "item"),
    [
        (pack("must-1", "n=2"), OK, "IV-RES-COUNT", "n=2"),
        (pack("must-1", "n=2"), OK, "IV-RES-JSON", "b64_json"),
        (pack("must-1", "size=512x512"), OK, "IV-RES-KEY", "b64_json"),
        (row("n-zero"), refusal(), "IV-N-BOUNDS", "n-zero"),
        (row("n-zero", again=True), refusal(), "IV-N-BOUNDS", "n-zero"),
        (row("n-zero"), refusal(), "IV-ERR-400", "IV-N-BOUNDS"),
        (row("body-cut"), refusal(), NO_5XX, "body-cut"),
        (row("key-none"), refusal(401), "IV-AUTH-401", "IV-AUTH-REQUIRED"),
        (row("method-get"), refusal(405), "IV-OP-METHOD-405", "IV-OP-METHOD"),
        (row("method-head"), Response(405), "IV-OP-HEAD-OPTIONS", "method-head"),
    ],
)
def test_a_finding_of_an_oracle_gets_the_item_of_evidence_that_it_is_about(
    case: Case, answer: Answer, requirement: str, item: str
) -> None:
    found = {(it.requirement, it.item) for it in findings_of(session_of((case, answer)))}
    assert (requirement, item) in found
    assert item in CONTRACT.requirements[requirement].evidence.items(CONTRACT, 1)  # type: ignore[union-attr]


def test_a_value_that_was_not_given_is_an_absent_one() -> None:
    case = PLAN.valid("plain", "a note", Base(), ())
    found = findings_of(session_of((case, OK)))
    assert ("IV-N-DEFAULT", "n=absent") in {(it.requirement, it.item) for it in found}


def judged_step(outcome: Outcome, answer: Answer, result: Result, *items: str) -> Finding:
    """Return the finding of the result of an experiment with two steps: the control, and a pack."""
    session = session_of((pack("control-1"), OK), (pack("must-1", *items), answer))
    session.labels = ["control-1", "must-1"]
    session.experiment.sent = [(Step(BASE), "accepted"), (Step(BASE), outcome)]
    session.experiment.results = [result]
    return next(it for it in findings_of(session) if (it.requirement, it.item) == (result.requirement, result.item))


def test_a_contradicted_item_quotes_the_server_and_names_its_twin_and_company() -> None:
    company = (PROBES["n=2"],)
    result = Result("IV-USER-TEXT", "user=unicode", "contradicted", (1,), 0, company)
    found = judged_step("refused", refusal(message="no such user"), result, "user=unicode", "n=2")
    assert found.message == "a valid request with user=unicode: expected 200, got 400: \u201cno such user\u201d"
    assert (found.label, found.twin, found.company) == ("must-1", "control-1", ("n=2",))


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b'{"detail": "No."}', ": \u201cNo.\u201d"),
        (b'{"error": "No."}', ": \u201cNo.\u201d"),
        (b'{"error": {"message": ""}}', ""),
        (b'{"error": {"message": ["No."]}}', ""),
        (b'{"detail": [{"msg": "No."}]}', ": \u201cNo.\u201d"),
        (b'{"detail": [{"loc": ["body", "n"], "msg": "No."}]}', ": \u201cn: No.\u201d"),
        (b'{"detail": [7]}', ""),
        (b"No.", ""),
        (b"[]", ""),
        (b'{"error": {"message": "a\\nb\\u001b[31m"}}', ": \u201ca\\x0ab\\x1b[31m\u201d"),
    ],
)
def test_the_words_of_the_server_are_quoted_where_it_has_some_in_one_line(body: bytes, words: str) -> None:
    result = Result("IV-USER-TEXT", "user=ascii", "contradicted", (1,), 0)
    found = judged_step("refused", Response(400, (), body), result, "user=ascii")
    assert found.message == f"a valid request with user=ascii: expected 200, got 400{words}"


def test_that_a_default_is_accepted_is_shown_by_the_content_alone() -> None:
    session = session_of((pack("must-1", "n=absent"), OK))
    session.labels = ["must-1"]
    session.experiment.sent = [(Step(BASE), "accepted")]
    session.experiment.results = [Result("IV-N-DEFAULT", "n=absent", "holds", (0,))]
    assert by_label(findings_of(session), "must-1")["IV-N-DEFAULT"].state == "holds"
    session.observations["must-1"] = observed(
        evolve(session.observations["must-1"].exchange, outcome=evolve(OK, body=b'{"created": 1, "data": []}'))
    )
    assert by_label(findings_of(session), "must-1")["IV-N-DEFAULT"].state == "contradicted"


def test_a_5xx_that_did_not_occur_again_is_one_too_many_and_shows_nothing_else() -> None:
    session = session_of((row("n-zero"), CRASH), (row("n-zero", again=True), refusal()))
    session.repeated["n-zero"] = "n-zero-again"
    found = findings_of(session)
    first = by_label(found, "n-zero")
    assert first["IV-N-BOUNDS"].state == "unstable"
    assert first[NO_5XX].message == "requests that differ in the picture at most were answered 500 and 400"
    assert (first[NO_5XX].state, first[NO_5XX].item) == ("contradicted", "stable")
    again = by_label(found, "n-zero-again")
    assert again["IV-N-BOUNDS"].state == "holds"


@pytest.mark.parametrize(("others", "requirement"), [(False, "IV-STATE-INDEPENDENT"), (True, "IV-OP-VALID")])
def test_a_wrong_key_that_is_answered_400_and_401_shows_that_answers_depend_on_others_unless_all_do(
    others: bool, requirement: str
) -> None:
    session = session_of((row("key-wrong"), refusal()), (row("key-wrong", again=True), refusal(401)))
    session.repeated["key-wrong"] = "key-wrong-again"
    if others:
        session.labels, session.experiment.sent = ["plain"], [(Step(BASE), "accepted")]
        session.experiment.results = [Result("IV-OP-VALID", "stable", "contradicted", (0, 0))]
    (stable,) = (it for it in findings_of(session) if it.item == "stable" and it.label == "key-wrong")
    assert stable.requirement == requirement
    assert stable.message == "requests that differ in the picture at most were answered 400 and 401"


@pytest.mark.parametrize(("answer", "requirement"), [(CRASH, NO_5XX), (refusal(), "IV-OP-VALID")])
def test_a_valid_request_that_fails_by_chance_breaks_the_requirement_on_how_it_fails(
    answer: Response, requirement: str
) -> None:
    session = session_of((pack("must-1"), answer), (pack("again-1"), OK))
    session.labels = ["plain", "must-1", "again-1"]
    session.experiment.results = [Result("IV-OP-VALID", "stable", "contradicted", (2, 1))]
    session.experiment.sent = [(Step(BASE), it) for it in ("accepted", "refused", "accepted")]
    stable, *others = (it for it in findings_of(session) if it.item == "stable")
    assert (stable.requirement, stable.label) == (requirement, "must-1")
    # It is not accepted each time that it is sent, either.
    echoes = [("IV-OP-VALID", NO_5XX)] if requirement == NO_5XX else []
    assert [(it.requirement, it.reported_as) for it in others] == echoes
    assert stable.message == f"requests that differ in the picture at most were answered {answer.status} and 200"


def test_a_503_that_did_not_occur_again_breaks_only_that_it_says_how_long_to_wait() -> None:
    session = session_of((row("n-zero"), Response(503)), (row("n-zero", again=True), refusal()))
    session.repeated["n-zero"] = "n-zero-again"
    found = findings_of(session)
    assert {name for name, it in by_label(found, "n-zero").items() if it.state != "holds"} == {"IV-LIMIT-RETRY-AFTER"}
    assert by_label(found, "n-zero-again")["IV-N-BOUNDS"].state == "holds"
    session.repeated.clear()
    session.observations["n-zero-again"] = observed(
        evolve(session.observations["n-zero-again"].exchange, outcome=Response(503))
    )
    both = {(it.requirement, it.label) for it in findings_of(session) if it.state == "contradicted"}
    assert {("IV-N-BOUNDS", "n-zero"), ("IV-N-BOUNDS", "n-zero-again")} <= both
    assert "IV-LIMIT-RETRY-AFTER" not in {name for name, _ in both}


# --- whole runs

# The body of a crash is a plain text.
OF_CRASHES = {NO_5XX, "IV-ERR-JSON", "IV-ERR-OBJECT"}


def judged(app: Service) -> Run:
    """Return a standard run on a server, without waits."""
    with running(app) as server:
        return check(Target.parse(server.base_url, KEY), Settings(seed=1), lambda *_: None, lambda _: None)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("fault", "requirement", "echoed"),
    [
        ("wrong-key-crashes", "IV-AUTH-WRONG", {*OF_CRASHES, "IV-AUTH-FIRST"}),
        ("link-dead", "IV-URL-FETCH", {"IV-URL-END"}),
        ("error-as-page", "IV-ERR-JSON", {"IV-ERR-OBJECT"}),
        ("user-unicode-crashes", "IV-USER-TEXT", OF_CRASHES),
        ("missing-image-crashes", "IV-IMAGE-REQUIRED", OF_CRASHES),
        ("valid-crashes", "IV-OP-VALID", OF_CRASHES),
        ("parallel-crashes", "IV-STATE-PARALLEL", OF_CRASHES),
        ("n-remembered", "IV-STATE-INDEPENDENT", {"IV-N-DEFAULT"}),
        (
            "error-repeated",
            "IV-STATE-RECOVERS",
            {"IV-AUTH-FIRST", "IV-ERR-PARAM", "IV-OP-VALID", "IV-STATE-CONNECTION"},
        ),
        ("locked-by-bad-keys", "IV-STATE-RECOVERS", set()),
        ("crashes-every-tenth", NO_5XX, OF_CRASHES - {NO_5XX}),
    ],
)
def test_one_defect_breaks_one_requirement_which_names_what_echoes_it(
    fault: str, requirement: str, echoed: set[str]
) -> None:
    run = judged(faulty([fault], api_key=KEY))
    assert set(verdicts(run, "fail", "warn")) == {requirement}
    (also,) = (set(it.also) for it in run.verdicts if it.requirement.id == requirement)
    # Which requests at the same time follow which is a matter of chance.
    assert also - {"IV-STATE-PARALLEL"} == echoed


@pytest.mark.slow
@pytest.mark.parametrize(
    "faults",
    [
        ("size-512-refused", "wrong-key-crashes"),
        ("size-remembered", "query-semicolon-refused"),
        ("files-named-by-time", "query-read"),
        ("files-overwritten", "size-said-256"),
        ("dies-of-many-pixels", "message-vague"),
        ("pictures-shared", "links-counted"),
        ("user-unicode-crashes", "prompt-null"),
        ("format-remembered", "b64-json-refused"),
    ],
    ids="+".join,
)
def test_of_two_defects_each_is_reported(faults: tuple[str, ...]) -> None:
    run = judged(faulty(faults, api_key=KEY))
    assert set(verdicts(run, "fail", "warn")) == {name for fault in faults for name in FAULTS[fault].breaks}


@pytest.mark.parametrize("status", [404, 405, 501])
def test_an_operation_that_is_not_there_breaks_iv_op_valid_alone_of_what_judges_the_status(status: int) -> None:
    class Removed(Service):
        """Answers every POST so."""

        async def vary(self, _: Any) -> StarletteResponse:
            return JSONResponse({"detail": "Not here."}, status)

    run = judged(Removed(api_key=KEY))
    assert run.not_offered == status
    assert f"POST /images/variations is not offered; every request was answered {status}." in run.headline
    assert set(verdicts(run, "fail")) - {"IV-ERR-OBJECT"} == {"IV-OP-VALID"}


@pytest.mark.slow
@pytest.mark.parametrize("side", [255, 1, 512])
def test_images_of_another_size_for_some_inputs_fail_the_run_once_and_pass_nowhere(side: int) -> None:
    class KeepsTheSide(Service):
        async def make(self, picture: Image.Image, wanted: Wanted) -> list[bytes]:
            return await super().make(picture, evolve(wanted, size=(side, side)) if picture.width == side else wanted)

    run = judged(KeepsTheSide(api_key=KEY))
    assert set(verdicts(run, "fail", "warn")) == {"IV-OUT-SIZE"}
    # They are accepted.
    assert "IV-IMAGE-PNG-SIDES" in verdicts(run, "pass")
