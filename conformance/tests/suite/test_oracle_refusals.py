"""The oracles on requests that must be refused: each status breaks or shows exactly what the contract says of it."""

import json
from collections.abc import Callable, Sequence

import pytest
from image_variations_conformance.cases.builder import Base
from image_variations_conformance.cases.plan import Plan
from image_variations_conformance.cases.transforms import with_chunked_coding, with_header
from image_variations_conformance.oracles import Finding, judge
from image_variations_conformance.wire.exchange import Exchange, Failure, Headers, Outcome, Request, Response
from support.requests import CONTRACT, SMALL, TARGET, observed

PLAN = Plan.of(CONTRACT, TARGET, 1)
ROWS = {row.label: row for row in PLAN.refusals}
OF_ERRORS = {f"IV-ERR-{name}" for name in ("JSON", "OBJECT", "MESSAGE", "READABLE", "NULL", "SECRETS", "NO-5XX")}
"""What every response with a right error object shows."""


def refusal(status: int, *, param: str | None = None, headers: Headers = ()) -> Response:
    error = {"message": "This is wrong.", "type": "t", "param": param, "code": None}
    body = json.dumps({"error": error}).encode()
    return Response(status, (("Content-Type", "application/json"), *headers), body)


def findings(label: str, outcome: Outcome) -> list[Finding]:
    request = PLAN.named(ROWS[label], Base(SMALL)).request
    return list(judge([observed(Exchange(label, request, outcome, 0.0, 0.1))], CONTRACT))


def ids(found: Sequence[Finding], state: str) -> set[str]:
    return {finding.requirement for finding in found if finding.state == state}


@pytest.mark.parametrize(
    ("label", "outcome", "broken", "shown"),
    [
        ("key-none", refusal(401), set(), {"IV-AUTH-REQUIRED", "IV-AUTH-401"}),
        ("key-none", refusal(403), {"IV-AUTH-401"}, {"IV-AUTH-REQUIRED"}),
        ("key-none", refusal(400), {"IV-AUTH-REQUIRED"}, set()),
        # Neither has the request a body in chunked coding, nor an expectation.
        ("key-none", refusal(411), {"IV-AUTH-REQUIRED"}, set()),
        ("key-none", refusal(417), {"IV-AUTH-REQUIRED"}, set()),
        ("key-wrong", refusal(401), set(), {"IV-AUTH-WRONG", "IV-AUTH-401"}),
        ("key-wrong", refusal(404), {"IV-AUTH-WRONG"}, set()),
        ("key-none-and-more", refusal(401), set(), {"IV-AUTH-FIRST"}),
        ("key-none-and-more", refusal(400), {"IV-AUTH-FIRST"}, set()),
        ("body-json", refusal(400), set(), {"IV-OP-MULTIPART", "IV-OP-MULTIPART-STATUS"}),
        ("body-json", refusal(415), set(), {"IV-OP-MULTIPART", "IV-OP-MULTIPART-STATUS"}),
        ("body-json", refusal(422), {"IV-OP-MULTIPART-STATUS"}, {"IV-OP-MULTIPART"}),
        ("body-json", refusal(302), {"IV-OP-MULTIPART"}, set()),
        ("n-zero", refusal(400, param="n"), set(), {"IV-N-BOUNDS", "IV-ERR-400", "IV-ERR-PARAM"}),
        ("n-zero", refusal(400, param="size"), {"IV-ERR-PARAM"}, {"IV-N-BOUNDS", "IV-ERR-400"}),
        ("n-zero", refusal(422, param="n"), {"IV-ERR-400"}, {"IV-N-BOUNDS", "IV-ERR-PARAM"}),
        ("image-too-large", refusal(413, param="image"), set(), {"IV-IMAGE-MAX-BYTES", "IV-ERR-400", "IV-ERR-PARAM"}),
        ("image-too-large", refusal(413), set(), {"IV-IMAGE-MAX-BYTES", "IV-ERR-400", "IV-ERR-PARAM"}),
        ("image-too-large", refusal(413, param="n"), {"IV-ERR-PARAM"}, {"IV-IMAGE-MAX-BYTES", "IV-ERR-400"}),
        ("image-too-large", refusal(411), {"IV-ERR-400", "IV-ERR-PARAM"}, {"IV-IMAGE-MAX-BYTES"}),
        # A server need not take bodies in chunked coding, and then has not seen the image.
        ("image-too-large-chunked", refusal(411), set(), {"IV-IMAGE-MAX-BYTES"}),
    ],
)
def test_a_status_breaks_and_shows_exactly_the_stated_requirements(
    label: str, outcome: Response, broken: set[str], shown: set[str]
) -> None:
    found = findings(label, outcome)
    assert ids(found, "contradicted") == broken
    of_errors = OF_ERRORS if outcome.status >= 400 else {"IV-ERR-SECRETS", "IV-ERR-NO-5XX"}
    assert ids(found, "holds") == shown | of_errors


@pytest.mark.parametrize(
    ("outcome", "broken", "message"),
    [
        (refusal(405, headers=(("Allow", "OPTIONS, POST"),)), set(), ""),
        (refusal(405, headers=(("Allow", "OPTIONS"), ("allow", "POST"))), set(), ""),
        (refusal(405), {"IV-OP-METHOD-405"}, "GET: expected 405 with Allow: POST, got 405 with no Allow"),
        (
            refusal(405, headers=(("Allow", "PUT"),)),
            {"IV-OP-METHOD-405"},
            "GET: expected 405 with Allow: POST, got 405 with Allow: PUT",
        ),
        (refusal(404), {"IV-OP-METHOD-405"}, "GET: expected 405 with Allow: POST, got 404 with no Allow"),
        (Response(200), {"IV-OP-METHOD"}, "GET: expected 4xx or 501, got 200"),
    ],
)
def test_the_answer_to_another_method_breaks_the_stated_requirement(
    outcome: Response, broken: set[str], message: str
) -> None:
    found = [it for it in findings("method-get", outcome) if it.state == "contradicted"]
    assert ids(found, "contradicted") == broken
    assert [it.message for it in found] == [message] * len(broken)


@pytest.mark.parametrize(("label", "requirement"), [("key-none", "IV-AUTH-REQUIRED"), ("n-zero", "IV-N-BOUNDS")])
def test_no_response_breaks_the_requirement_and_iv_err_no_5xx(label: str, requirement: str) -> None:
    assert ids(findings(label, Failure("dropped", "closed")), "contradicted") == {requirement, "IV-ERR-NO-5XX"}


@pytest.mark.parametrize("label", ["n-zero", "key-wrong", "body-json", "image-text"])
@pytest.mark.parametrize(
    ("change", "status"),
    [(lambda request: with_header(request, "Expect", "100-continue"), 417), (with_chunked_coding(), 411)],
)
def test_a_refusal_of_how_a_request_is_framed_shows_nothing_of_what_is_wrong_with_it(
    label: str, change: Callable[[Request], Request], status: int
) -> None:
    request = change(PLAN.named(ROWS[label], Base(SMALL)).request)
    found = list(judge([observed(Exchange(label, request, refusal(status), 0.0, 0.1))], CONTRACT))
    assert ids(found, "contradicted") == set()
