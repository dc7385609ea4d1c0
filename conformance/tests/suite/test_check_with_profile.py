"""What a profile declares is held against the server."""

import json
from importlib import resources
from typing import Any

import jsonschema
import pytest
from image_variations_conformance.contract.document import Contract, load
from image_variations_conformance.contract.effective import apply
from image_variations_conformance.contract.profile import names, read
from image_variations_conformance.engine.run import Run
from image_variations_conformance.reference.app.service import Service
from image_variations_conformance.reports.document import document
from support.judging import KEY, judge_app
from support.profiles import effective

pytestmark = pytest.mark.slow

SCHEMA = resources.files("image_variations_conformance.reports") / "report.schema.json"


def judged(server: Contract, declared: Contract) -> Run:
    """Return the run on a server that keeps one contract, judged by another."""
    return judge_app(Service(api_key=KEY, contract=server), contract=declared)


def failed(run: Run) -> set[str]:
    return {verdict.requirement.id for verdict in run.verdicts if verdict.result == "fail"}


def test_a_server_whose_image_field_has_brackets_conforms() -> None:
    contract = effective(image_field="file[]")
    assert judged(contract, contract).outcome == "conforms"


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
    assert run.headline.startswith(f"Conforms to contract 1.1.0 with {len(keys)} declared differences ({name})")


@pytest.mark.parametrize(
    ("keys", "requirement"),
    [
        ({"max_n": 12}, "IV-N-RANGE"),
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
