"""The plan of a run: the same bytes for the same seed, the same labels for every seed, and bounded costs."""

import hashlib
import json
import re
import subprocess
import sys
from collections import Counter
from itertools import groupby
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from image_variations_conformance.cases.case import Builder, Case
from image_variations_conformance.cases.catalogue import NAMED_CASES, ONLY_QUICK
from image_variations_conformance.cases.plan import DEPTHS, Depth, plan, select_cases
from image_variations_conformance.cases.schemathesis_cases import schema_cases
from image_variations_conformance.cases.strategies import broken_pngs, draw, pngs, users, wrong_values
from image_variations_conformance.cases.transforms import with_header
from image_variations_conformance.media import png
from image_variations_conformance.wire.exchange import Request
from image_variations_conformance.wire.target import Target
from support.requests import CONTRACT, KEY, TARGET, builder, classified

SEEDS = range(1, 4)

# A program for a second process, which imports nothing but the suite and has another order of sets.
_IN_ANOTHER_PROCESS = """
import hashlib, json, sys
from image_variations_conformance.cases.plan import plan
from image_variations_conformance.contract import document as contract
from image_variations_conformance.wire.target import Target
cases = plan(contract.load(), Target.parse(sys.argv[1], sys.argv[2]), int(sys.argv[3]))
print(json.dumps([[case.label, hashlib.sha256(case.request.head() + case.request.body).hexdigest()] for case in cases]))
"""


def digests(cases: list[Case]) -> list[list[str]]:
    return [[case.label, hashlib.sha256(case.request.head() + case.request.body).hexdigest()] for case in cases]


@pytest.fixture(scope="module")
def plans() -> dict[int, list[Case]]:
    return {seed: plan(CONTRACT, TARGET, seed) for seed in SEEDS}


@pytest.mark.slow
def test_the_same_seed_gives_the_same_bytes(plans: dict[int, list[Case]]) -> None:
    assert plan(CONTRACT, TARGET, 1) == plans[1]


@pytest.mark.slow
def test_the_same_seed_gives_the_same_bytes_in_another_process(plans: dict[int, list[Case]]) -> None:
    """Neither the modules loaded nor the order of sets has an influence."""
    done = subprocess.run(
        [sys.executable, "-c", _IN_ANOTHER_PROCESS, TARGET.base_url, KEY, "1"],
        check=True,
        capture_output=True,
        env={"PYTHONHASHSEED": "12345"},
    )
    assert json.loads(done.stdout) == digests(plans[1])


def test_another_seed_gives_other_bytes_to_every_random_case(plans: dict[int, list[Case]]) -> None:
    one, other = ({label: digest for [label, digest] in digests(plans[seed])} for seed in (1, 2))
    drawn = {label for label in one if label.startswith(("random-", "schema-"))}
    assert len(drawn) > 20
    assert {label for label in drawn if one[label] == other[label]} == set()


def test_another_seed_changes_every_body_of_more_than_1000_bytes(plans: dict[int, list[Case]]) -> None:
    one, other = ({case.label: case.request.body for case in plans[seed]} for seed in (1, 2))
    same = {label for label in one if len(one[label]) > 1000 and one[label] == other[label]}
    assert same == set()


def test_labels_are_the_same_for_every_seed(plans: dict[int, list[Case]]) -> None:
    first = [case.label for case in plans[1]]
    assert all([case.label for case in cases] == first for cases in plans.values())


def test_each_label_is_unique_and_fit_for_a_file_name(plans: dict[int, list[Case]]) -> None:
    labels = [case.label for case in plans[1]]
    assert [label for label, count in Counter(labels).items() if count > 1] == []
    assert [label for label in labels if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", label) or len(label) > 40] == []
    assert all(case.note and case.note.isprintable() for case in plans[1])


def test_every_named_case_is_in_a_plan(plans: dict[int, list[Case]]) -> None:
    quick = {case.label for case in plan(CONTRACT, TARGET, 1, "quick")}
    quick_only = quick & {named.label for named in ONLY_QUICK}
    sent = {each.label for case in plans[1] for each in (case, *case.parts)}
    assert sent | quick_only >= {named.label for named in NAMED_CASES}


def test_the_plan_begins_and_ends_with_the_plain_request_and_has_a_small_one_after_the_invalid_cases(
    plans: dict[int, list[Case]],
) -> None:
    validities = {case.label: classified(case.request).validity for case in plans[1] if case.concurrent_with is None}
    labels = list(validities)
    after_errors = labels.index("small-after-errors")
    assert (labels[:2], labels[-1]) == (["plain", "small"], "plain-at-the-end")
    assert {validities[label] for label in labels[2:after_errors]} == {"invalid"}
    assert all(label.startswith("schema-") for label in labels[after_errors:] if validities[label] == "invalid")
    assert labels[labels.index("n-ten") + 1] == "plain-after-ten"


def test_concurrent_cases_are_adjacent(plans: dict[int, list[Case]]) -> None:
    batches = [
        (concurrent_with, len(list(cases)))
        for concurrent_with, cases in groupby(plans[1], key=lambda case: case.concurrent_with)
    ]
    assert [batch for batch in batches if batch[0] is not None] == [("together", 6)]


def test_the_features_of_a_combined_case_are_those_of_its_parts(plans: dict[int, list[Case]]) -> None:
    """Otherwise a refusal could be reported under a requirement that no part tests."""
    for case in plans[1]:
        if case.parts:
            combined = {feature.requirement for feature in classified(case.request).features}
            separate = {feature.requirement for each in case.parts for feature in classified(each.request).features}
            plain = {"IV-USER-TEXT", "IV-N-RANGE", "IV-N-DEFAULT", "IV-IMAGE-PNG"}
            assert combined - separate <= plain, case.label


@pytest.mark.slow
@pytest.mark.parametrize(("depth", "max_requests", "max_images"), [("quick", 70, 15), ("standard", 160, 60)])
def test_a_plan_keeps_the_requests_and_images_of_its_depth(depth: Depth, max_requests: int, max_images: int) -> None:
    for seed in SEEDS:
        cases = plan(CONTRACT, TARGET, seed, depth)
        assert len(cases) <= max_requests
        assert sum(case.image_count for case in cases) <= max_images


@pytest.mark.slow
def test_a_deeper_plan_has_all_cases_of_a_shallower_one() -> None:
    quick, standard, deep = ({case.label for case in plan(CONTRACT, TARGET, 1, depth)} for depth in DEPTHS)
    assert quick - {named.label for named in ONLY_QUICK} < standard < deep


def test_only_the_cases_that_test_the_selected_requirements_are_selected(plans: dict[int, list[Case]]) -> None:
    bounds = select_cases(plans[1], {"IV-N-BOUNDS"})
    assert 3 <= len(bounds) < 20
    assert {case.image_count for case in bounds} == {0}
    # A requirement on responses is tested by all valid requests, so all cases are kept.
    assert select_cases(plans[1], {"IV-RES-COUNT"}) == plans[1]


def test_the_features_of_each_concurrent_case_are_also_sent_alone(plans: dict[int, list[Case]]) -> None:
    """Otherwise its response could not be compared with that of a request sent alone."""
    alone = {classified(case.request).features for case in plans[1] if case.concurrent_with is None}
    assert [
        case.label for case in plans[1] if case.concurrent_with and classified(case.request).features not in alone
    ] == []


def test_cases_with_wrong_keys_are_left_out_without_a_key() -> None:
    keyless = plan(CONTRACT, Target.parse(TARGET.base_url), 1)
    sent = {each.label for case in keyless for each in (case, *case.parts)}
    left_out = {named.label for named in NAMED_CASES if named not in ONLY_QUICK} - sent
    assert left_out == {label for label in (named.label for named in NAMED_CASES) if label.startswith("key-")}
    assert [case.label for case in keyless if case.request.header("authorization") is not None] == []


def test_the_key_is_in_the_authorization_header_only(plans: dict[int, list[Case]]) -> None:
    for case in plans[1]:
        without_authorization = with_header(case.request, "Authorization", None)
        assert KEY.encode() not in without_authorization.head() + without_authorization.body
        assert KEY not in case.note
    with_key = {case.label for case in plans[1] if KEY in (case.request.header("authorization") or "")}
    without_key = {"key-none", "key-wrong", "key-basic", "key-none-and-more"}
    assert with_key == {case.label for case in plans[1]} - without_key


@pytest.mark.parametrize("seed", SEEDS)
def test_every_request_is_framed_as_its_headers_say(plans: dict[int, list[Case]], seed: int) -> None:
    for case in plans[seed]:
        framing = "Transfer-Encoding" if case.request.chunked else "Content-Length"
        value = "chunked" if case.request.chunked else str(len(case.request.body))
        assert [
            pair for pair in case.request.headers if pair[0].lower() in {"transfer-encoding", "content-length"}
        ] in (
            [(framing, value)],
            [(framing.lower(), value)],
        )
        assert [case.request.header("host"), case.request.header("connection")] == [TARGET.host, "close"]


@pytest.mark.parametrize("seed", SEEDS)
def test_random_cases_have_the_validity_and_violations_of_their_kind(plans: dict[int, list[Case]], seed: int) -> None:
    violations_by_kind = {
        "random-broken": {"IV-IMAGE-INTACT", "IV-IMAGE-FORMAT"},
        "random-n": {"IV-N-BOUNDS", "IV-N-INTEGER", "IV-N-STRICT"},
        "random-size": {"IV-SIZE-UNKNOWN"},
        "random-response-format": {"IV-FORMAT-UNKNOWN"},
        "random-model": {"IV-MODEL-UNKNOWN"},
    }
    expectations = {case.label: classified(case.request) for case in plans[seed] if case.label.startswith("random-")}
    counts = Counter(label.rpartition("-")[0] for label in expectations)
    assert counts == dict.fromkeys(violations_by_kind, 3) | {"random-broken": 6, "random-valid": 1}
    for label, expectation in expectations.items():
        kind = label.rpartition("-")[0]
        assert expectation.validity == ("valid" if kind == "random-valid" else "invalid")
        assert {violation.requirement for violation in expectation.violations} <= violations_by_kind.get(kind, set())


@pytest.mark.parametrize("seed", SEEDS)
def test_cases_from_the_schema_have_the_requested_validity_and_request_one_image(seed: int) -> None:
    cases = schema_cases(CONTRACT, TARGET, seed, {"invalid": 6, "unspecified": 2, "valid": 2})
    counts = Counter((case.label.split("-")[1], classified(case.request).validity) for case in cases)
    # Schemathesis does not always make as many as are wanted.
    assert set(counts) == {("invalid", "invalid"), ("unspecified", "unspecified"), ("valid", "valid")}
    assert counts["invalid", "invalid"] == 6
    requested = [classified(case.request).requested for case in cases]
    assert all(it.n == 1 for it in requested if it is not None)


# Prefixes of requirements that are tested by one or several responses and by no request by itself.
_TESTED_BY_RESPONSES = ("IV-RES-", "IV-OUT-", "IV-URL-", "IV-STATE-", "IV-ERR-")
# Requirements on the exact status for a violation, and on which of two violations decides the status.
_TESTED_BY_STATUS = {"IV-OP-METHOD-405", "IV-OP-MULTIPART-STATUS", "IV-AUTH-401", "IV-AUTH-FIRST"}


@pytest.mark.parametrize("seed", SEEDS)
def test_every_requirement_on_a_request_has_a_case(plans: dict[int, list[Case]], seed: int) -> None:
    tested = {test.requirement for case in plans[seed] for test in classified(case.request).tests}
    scored = {it.id for it in CONTRACT.requirements.values() if it.level != "may"}
    assert {it for it in scored - tested if not it.startswith(_TESTED_BY_RESPONSES)} == _TESTED_BY_STATUS


@given(st.integers(0, 2**32), st.text(max_size=20))
def test_a_builder_makes_the_same_bytes_for_the_same_seed_and_label(seed: int, label: str) -> None:
    assert builder(label, seed).form() == builder(label, seed).form()
    assert builder(label, seed).form().body != builder(f"{label}x", seed).form().body


def test_the_headers_of_the_target_are_in_every_request() -> None:
    target = Target.parse(TARGET.base_url, KEY, (("X-Tenant", "blue"),))
    assert [case.label for case in plan(CONTRACT, target, 1) if case.request.header("x-tenant") != "blue"] == []


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("B", "3", (("A", "1"), ("C", "2"), ("B", "3"))),
        ("a", "3", (("C", "2"), ("a", "3"))),
        ("c", None, (("A", "1"),)),
        ("d", None, (("A", "1"), ("C", "2"))),
    ],
)
def test_with_header_replaces_appends_or_removes_a_header(name: str, value: str | None, expected: object) -> None:
    request = Request("POST", "/", (("A", "1"), ("C", "2")), b"body", chunked=True)
    changed = with_header(request, name, value)
    assert (changed.headers, changed.body, changed.chunked) == (expected, b"body", True)


@pytest.mark.parametrize("kind", [png.PLAIN, png.Kind(png.RGBA), png.Kind(png.GREY_ALPHA, 16)], ids=str)
def test_a_builder_makes_pictures_of_the_given_kind_and_size(kind: png.Kind) -> None:
    assert png.inspect(builder().png(kind, 48)) == png.Info(48, 48, kind)
    assert png.inspect(builder().png(kind, 48, 32)) == png.Info(48, 32, kind)


def test_a_builder_makes_another_picture_each_time() -> None:
    b = builder()
    assert b.png() != b.png()
    assert b.boundary() != b.boundary()


@given(pngs())
def test_drawn_pngs_are_intact_and_square(content: bytes) -> None:
    info = png.inspect(content)
    assert info.width == info.height <= 96


@given(users())
def test_drawn_users_are_texts_of_at_most_1000_characters(user: str) -> None:
    assert len(user) <= 1000
    assert user.encode().decode() == user


def test_a_string_without_constraints_has_no_wrong_values() -> None:
    assert wrong_values({"type": "string"}) is None


@pytest.mark.parametrize("name", [b"IHDR", b"IDAT", b"IEND"])
def test_without_chunk_removes_one_chunk_only(name: bytes) -> None:
    whole = builder().png()
    shortened = png.without_chunk(whole, name)
    assert shortened == whole.replace(
        next(png.chunk(chunk_name, data) for chunk_name, data in png.chunks(whole) if chunk_name == name), b""
    )


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("number", [1, 6, 50])
def test_draw_returns_the_requested_number_of_different_examples(seed: int, number: int) -> None:
    drawn = draw(st.binary(), number, seed)
    assert len({*drawn}) == len(drawn) == number
    assert draw(st.binary(), number, seed) == drawn
    assert b"" not in drawn


def test_draw_returns_fewer_examples_when_there_are_no_more() -> None:
    assert sorted(draw(st.sampled_from(["a", "b", ""]), 5, 1)) == ["a", "b"]


def test_drawn_examples_do_not_depend_on_the_loaded_modules(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Hypothesis draws constants from the source of loaded modules; the suite must not depend on them."""
    before = draw(st.text(max_size=20), 200, 1), draw(st.integers(), 200, 1), draw(broken_pngs(), 20, 1)
    constants = "\n".join(f"C{number} = {number**7}, 'constant {number}'" for number in range(100, 300))
    (tmp_path / "a_module_full_of_constants.py").write_text(constants)
    monkeypatch.syspath_prepend(tmp_path)
    __import__("a_module_full_of_constants")
    after = draw(st.text(max_size=20), 200, 1), draw(st.integers(), 200, 1), draw(broken_pngs(), 20, 1)
    assert after == before


def test_a_builder_uses_the_path_host_and_key_of_its_target() -> None:
    other = Target.parse("https://example.com:444/api/v1", "sk-other")
    request = Builder.of(CONTRACT, other, 1, "plain").form()
    assert request.target == "/api/v1/images/variations"
    assert (request.header("host"), request.header("authorization")) == ("example.com:444", "Bearer sk-other")
