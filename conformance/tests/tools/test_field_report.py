"""The text of the field report: each requirement, each failure with a command, and no key."""

import datetime
import re

import pytest
from field_report.report import Result, render
from field_report.systems import NOT_RUN, SYSTEMS
from image_variations_conformance.contract.document import load
from image_variations_conformance.contract.profile import names
from image_variations_conformance.reference.variants import faulty
from support.judging import KEY, judge_app

pytestmark = pytest.mark.slow


def test_the_report_has_each_requirement_each_failure_and_why_a_system_was_not_run() -> None:
    run = judge_app(faulty(["any-key-accepted"], api_key=KEY), depth="quick")
    text = render(
        [Result(SYSTEMS[0], run), Result(SYSTEMS[1], None, "npm is not on the PATH")], datetime.date(2026, 11, 29)
    )
    assert set(re.findall(r"^\| (IV-[A-Z0-9-]+) \|", text, re.MULTILINE)) == set(load().requirements)
    assert "not run: npm is not on the PATH" in text
    assert all(name in text for name in NOT_RUN)
    failures = text.partition("## Failures")[2]
    assert re.findall(r"^\*\*(IV-[A-Z0-9-]+)\*\*", failures, re.MULTILINE) == ["IV-AUTH-WRONG"]
    assert "curl -sS -i $URL/images/variations" in failures
    assert KEY not in text


def test_each_profile_of_a_system_is_a_ready_made_one() -> None:
    assert {system.profile for system in SYSTEMS if system.profile} <= set(names())
