"""What a profile declares is held against the server."""

import json
from importlib import resources
from typing import Any

import jsonschema
import pytest
from image_variations_conformance.contract.document import Contract, load
from image_variations_conformance.contract.effective import apply
from image_variations_conformance.contract.profile import names, read
from image_variations_conformance.engine.run import Run, Verdict
from image_variations_conformance.media import png
from image_variations_conformance.reference.app.api_error import ApiError
from image_variations_conformance.reference.app.form import Part
from image_variations_conformance.reference.app.service import Service
from image_variations_conformance.reference.variants import faulty
from image_variations_conformance.reports.document import document
from image_variations_conformance.wire.reasons import MaxImages, NoKey, NotSeen, Reason, ReportedAs, TooManyImages
from PIL import Image
from support.judging import KEY, judge_app
from support.profiles import effective

pytestmark = pytest.mark.slow

SCHEMA = resources.files("image_variations_conformance.reports") / "report.schema.json"


def judged(server: Contract, declared: Contract) -> Run:
    """Return the run on a server that keeps one contract, judged by another."""
    return judge_app(Service(api_key=KEY, contract=server), contract=declared)


def judged_within_limits(contract: Contract, **settings: Any) -> Run:
    """Return the run on a server that keeps a contract, judged by it within the limits of the depth."""
    server = Service(api_key=KEY, contract=contract)
    return judge_app(server, contract=contract, max_requests=None, max_images=None, max_seconds=None, **settings)


class TakesOnlyRgba(Service):
    """Refuses every picture that has no alpha channel."""

    def read_image(self, part: Part) -> Image.Image:
        """Return the decoded image. Raises ApiError without an alpha channel."""
        picture = super().read_image(part)
        if png.inspect(part.content).kind.colour != png.RGBA:
            raise ApiError("The image must be an RGBA PNG.", "image")
        return picture


def failed(run: Run) -> set[str]:
    return {verdict.requirement.id for verdict in run.verdicts if verdict.result == "fail"}


def verdict(run: Run, requirement: str) -> Verdict:
    (found,) = (verdict for verdict in run.verdicts if verdict.requirement.id == requirement)
    return found


@pytest.mark.parametrize(
    "keys",
    [
        {"image_field": "file[]"},
        {
            "image_sides": {"min": 100, "max": 768, "multiple_of": 16},
            "max_image_bytes": {"valid_below": 100_001, "invalid_from": 500_000},
        },
        {"sizes": ["1024x1024", "1024x1536"], "models": ["SD 1.5 #a", "dall-e-3"]},
        {"image_kinds": ["png", "jpeg", "webp"], "square": False},
        {"auth": "optional"},
        {"auth": "none"},
        {"error_statuses": {"other-method": [405]}},
        {"extra_fields": {"strength": {"type": "number", "minimum": 0, "maximum": 1}}},
    ],
    ids=str,
)
def test_a_server_that_differs_as_declared_conforms(keys: dict[str, Any]) -> None:
    contract = effective(**keys)
    run = judged(contract, contract)
    assert {it.requirement.id for it in run.verdicts if it.result in {"fail", "warn"} or it.missing} == {
        "IV-LIMIT-RETRY-AFTER"
    }
    assert run.outcome == "conforms"


@pytest.mark.parametrize("seed", [1, 2])
def test_a_server_that_has_links_alone_conforms_within_the_default_limits(seed: int) -> None:
    contract = effective(response_formats=["url"])
    run = judged_within_limits(contract, seed=seed)
    assert {it.requirement.id for it in run.verdicts if it.missing} == {"IV-LIMIT-RETRY-AFTER"}
    assert verdict(run, "IV-URL-END").result == verdict(run, "IV-URL-FETCH").result == "pass"


@pytest.mark.parametrize(("most", "reason"), [(17, None), (25, MaxImages), (1000, TooManyImages)])
def test_a_large_maximum_of_n_leaves_out_at_most_itself_within_the_default_limits(
    most: int, reason: type[Reason] | None
) -> None:
    run = judged_within_limits(effective(max_n=most))
    missing = {it.requirement.id: type(it.reason) for it in run.verdicts if it.missing}
    expected = {} if reason is None else dict.fromkeys(("IV-N-RANGE", "IV-RES-COUNT"), reason)
    assert missing == {"IV-LIMIT-RETRY-AFTER": NotSeen, **expected}
    assert {it.name for it in verdict(run, "IV-N-RANGE").items if it.state != "holds"} <= {f"n={most}"}
    assert run.exit_code == 0


@pytest.mark.parametrize("contract", [effective(auth="optional"), effective(auth="none")], ids=["optional", "none"])
def test_a_run_without_a_key_conforms_and_leaves_out_what_needs_one(contract: Contract) -> None:
    run = judge_app(Service(api_key=KEY, contract=contract), api_key=None, contract=contract)
    assert run.outcome == "conforms"
    spelling = verdict(run, "IV-WIRE-HEADER-CASE")
    assert (spelling.result, spelling.reason) == ("partial", NoKey())
    assert {item.name for item in spelling.items if item.state is None} == {
        "letter-case=scheme",
        "letter-case=upper-case-scheme",
    }


def test_what_a_refused_kind_of_picture_implies_is_reported_once() -> None:
    """The pictures that are sent besides are of the accepted kind, and no picture of it has a transparent colour."""
    run = judge_app(TakesOnlyRgba(api_key=KEY))
    assert failed(run) == {"IV-IMAGE-PNG"}
    assert verdict(run, "IV-IMAGE-PNG").also == ("IV-IMAGE-PNG-CHUNKS",)
    assert verdict(run, "IV-IMAGE-PNG-CHUNKS").reason == ReportedAs(("IV-IMAGE-PNG",))
    assert verdict(run, "IV-OP-VALID").result == "pass"


@pytest.mark.parametrize("profile", [{}, {"default_size": "256x256", "default_response_format": "b64_json"}])
@pytest.mark.parametrize("fault", ["size-remembered", "format-remembered"])
@pytest.mark.parametrize("seed", [1, 2])
def test_a_value_of_an_earlier_request_is_found_whatever_the_default_is(
    fault: str, seed: int, profile: dict[str, Any]
) -> None:
    contract = effective(**profile)
    run = judge_app(faulty([fault], api_key=KEY, contract=contract), contract=contract, seed=seed)
    assert failed(run) == {"IV-STATE-INDEPENDENT"}


@pytest.mark.parametrize("seed", [1, 2])
def test_a_number_of_images_that_a_server_remembers_for_a_user_is_found(seed: int) -> None:
    run = judge_app(faulty(["n-remembered-for-user"], api_key=KEY), seed=seed)
    assert failed(run) == {"IV-STATE-INDEPENDENT"}


@pytest.mark.parametrize("name", names())
def test_a_server_that_differs_as_its_profile_declares_conforms(name: str) -> None:
    contract = apply(load(), read(name))
    run = judged(contract, contract)
    keys = {change.key for change in contract.changes}
    assert failed(run) == set()
    assert run.outcome == "conforms"
    report = document(run)
    jsonschema.validate(report, json.loads(SCHEMA.read_text()))
    assert report["provenance"]["profile"]["name"] == name
    differences = "1 declared difference" if len(keys) == 1 else f"{len(keys)} declared differences"
    assert run.headline == f"Conforms to contract 1.1.0 with {differences} (profile {name})."


def test_a_declared_refusal_of_chunked_bodies_does_not_fail() -> None:
    server = faulty(["chunked-refused"], api_key=KEY)
    assert failed(judge_app(server, contract=effective(error_statuses={"chunked-body": [400]}))) == set()
    assert failed(judge_app(server, contract=load())) == {"IV-WIRE-CHUNKED"}


@pytest.mark.parametrize(
    ("keys", "requirement"),
    [
        ({"max_n": 12}, "IV-N-RANGE"),
        ({"max_n": "unlimited"}, "IV-N-RANGE"),
        ({"sizes": ["256x256", "512x512", "1024x1024", "2048x2048"]}, "IV-SIZE-ENUM"),
        ({"models": ["dall-e-2", "sdxl"]}, "IV-MODEL-ACCEPTED"),
        ({"auth": "optional"}, "IV-AUTH-REQUIRED"),
        ({"square": False}, "IV-IMAGE-SQUARE"),
        ({"default_size": "256x256"}, "IV-SIZE-DEFAULT"),
        ({"default_response_format": "b64_json"}, "IV-FORMAT-DEFAULT"),
        ({"model_required": True}, "IV-MODEL-OPTIONAL"),
        ({"error_body": "detail"}, "IV-ERR-OBJECT"),
        ({"error_statuses": [422]}, "IV-N-BOUNDS"),
        ({"max_image_bytes": 5_000_000}, "IV-IMAGE-UP-TO-LIMIT"),
    ],
)
def test_a_difference_that_the_server_does_not_have_fails(keys: dict[str, Any], requirement: str) -> None:
    assert requirement in failed(judged(load(), effective(**keys)))


@pytest.mark.parametrize(
    ("keys", "requirement"),
    [
        ({"max_n": 11}, "IV-N-BOUNDS"),
        ({"sizes": "any"}, "IV-SIZE-UNKNOWN"),
        ({"models": ["dall-e-2", "dall-e-3"]}, "IV-MODEL-UNKNOWN"),
        ({"auth": "none"}, "IV-AUTH-REQUIRED"),
        ({"square": False}, "IV-IMAGE-SQUARE"),
        ({"default_size": "512x512"}, "IV-SIZE-DEFAULT"),
        ({"error_body": "detail"}, "IV-ERR-OBJECT"),
        ({"max_image_bytes": 4_999_999}, "IV-IMAGE-MAX-BYTES"),
    ],
)
def test_a_difference_that_is_not_declared_fails(keys: dict[str, Any], requirement: str) -> None:
    assert requirement in failed(judged(effective(**keys), load()))


@pytest.mark.parametrize(
    ("keys", "requirement"),
    [
        ({"max_n": 4}, "IV-N-BOUNDS"),
        ({"sizes": ["512x512", "1024x1024"]}, "IV-SIZE-UNKNOWN"),
        ({"models": ["sdxl"]}, "IV-MODEL-UNKNOWN"),
        ({"response_formats": ["url"]}, "IV-FORMAT-UNKNOWN"),
    ],
)
def test_a_value_of_the_contract_that_is_declared_away_and_still_accepted_fails(
    keys: dict[str, Any], requirement: str
) -> None:
    everything = effective(models=["dall-e-2", "sdxl"])
    assert requirement in failed(judged(everything, effective(**keys)))
