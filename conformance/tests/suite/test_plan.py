"""The plan of a run: the same bytes for the same seed, ids that stay, and a bounded price."""

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

# A second process, in which nothing but the suite is loaded, and sets are in another order.
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


def test_the_same_seed_gives_the_same_bytes(plans: dict[int, list[Case]]) -> None:
    assert plan(CONTRACT, TARGET, 1) == plans[1]


def test_the_same_seed_gives_the_same_bytes_in_another_process(plans: dict[int, list[Case]]) -> None:
    """Whatever else is loaded there, and in whatever order its sets are."""
    done = subprocess.run(
        [sys.executable, "-c", _IN_ANOTHER_PROCESS, TARGET.base_url, KEY, "1"],
        check=True,
        capture_output=True,
        env={"PYTHONHASHSEED": "12345"},
    )
    assert json.loads(done.stdout) == digests(plans[1])


def test_another_seed_gives_other_bytes_to_all_that_is_drawn(plans: dict[int, list[Case]]) -> None:
    one, other = ({label: digest for [label, digest] in digests(plans[seed])} for seed in (1, 2))
    drawn = {label for label in one if label.startswith(("random-", "schema-"))}
    assert len(drawn) > 20
    assert {label for label in drawn if one[label] == other[label]} == set()


def test_another_seed_gives_every_corner_with_a_picture_another_one(plans: dict[int, list[Case]]) -> None:
    one, other = ({case.label: case.request.body for case in plans[seed]} for seed in (1, 2))
    same = {label for label in one if len(one[label]) > 1000 and one[label] == other[label]}
    assert same == set()


def test_ids_are_the_same_for_every_seed(plans: dict[int, list[Case]]) -> None:
    first = [case.label for case in plans[1]]
    assert all([case.label for case in cases] == first for cases in plans.values())


def test_each_id_is_there_once_and_fit_for_a_file_name(plans: dict[int, list[Case]]) -> None:
    labels = [case.label for case in plans[1]]
    assert [label for label, count in Counter(labels).items() if count > 1] == []
    assert [label for label in labels if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", label) or len(label) > 40] == []
    assert all(case.note and case.note.isprintable() for case in plans[1])


def test_every_corner_is_in_the_plan(plans: dict[int, list[Case]]) -> None:
    quick = {case.label for case in plan(CONTRACT, TARGET, 1, "quick")}
    elsewhere = quick & {named.label for named in ONLY_QUICK}
    sent = {each.label for case in plans[1] for each in (case, *case.parts)}
    assert sent | elsewhere >= {named.label for named in NAMED_CASES}


def test_the_plain_request_comes_first_and_at_the_end_and_a_small_one_after_the_errors(
    plans: dict[int, list[Case]],
) -> None:
    verdicts = {case.label: classified(case.request).validity for case in plans[1] if case.concurrent_with is None}
    labels = list(verdicts)
    after = labels.index("small-after-errors")
    assert (labels[:2], labels[-1]) == (["plain", "small"], "plain-at-the-end")
    assert {verdicts[label] for label in labels[2:after]} == {"invalid"}
    assert all(label.startswith("schema-") for label in labels[after:] if verdicts[label] == "invalid")
    assert labels[labels.index("n-ten") + 1] == "plain-after-ten"


def test_what_goes_together_stands_together(plans: dict[int, list[Case]]) -> None:
    batches = [
        (concurrent_with, len(list(cases)))
        for concurrent_with, cases in groupby(plans[1], key=lambda case: case.concurrent_with)
    ]
    assert [concurrent_with for concurrent_with in batches if concurrent_with[0] is not None] == [("together", 6)]


def test_what_is_packed_is_what_the_cases_apart_are_together(plans: dict[int, list[Case]]) -> None:
    """Or a server that refuses one thing could be blamed for another."""
    for case in plans[1]:
        if case.parts:
            combined = {feature.requirement for feature in classified(case.request).features}
            apart = {feature.requirement for each in case.parts for feature in classified(each.request).features}
            plain = {"IV-USER-TEXT", "IV-N-RANGE", "IV-N-DEFAULT", "IV-IMAGE-PNG"}
            assert combined - apart <= plain, case.label


@pytest.mark.parametrize(("depth", "most_requests", "most_images"), [("quick", 70, 15), ("standard", 160, 60)])
def test_a_depth_costs_what_it_promises(depth: Depth, most_requests: int, most_images: int) -> None:
    for seed in SEEDS:
        cases = plan(CONTRACT, TARGET, seed, depth)
        assert len(cases) <= most_requests
        assert sum(case.image_count for case in cases) <= most_images


def test_a_deeper_plan_sends_all_that_a_shallower_one_sends() -> None:
    quick, standard, deep = ({case.label for case in plan(CONTRACT, TARGET, 1, depth)} for depth in DEPTHS)
    assert quick - {named.label for named in ONLY_QUICK} < standard < deep


def test_only_some_requirements_need_only_some_cases(plans: dict[int, list[Case]]) -> None:
    bounds = select_cases(plans[1], {"IV-N-BOUNDS"})
    assert 3 <= len(bounds) < 20
    assert {case.image_count for case in bounds} == {0}
    # What only an answer shows, any may show.
    assert select_cases(plans[1], {"IV-RES-COUNT"}) == plans[1]


def test_a_request_that_goes_with_others_is_also_sent_alone(plans: dict[int, list[Case]]) -> None:
    """Or nobody could tell whether it was answered as it is alone."""
    alone = {classified(case.request).features for case in plans[1] if case.concurrent_with is None}
    assert [
        case.label for case in plans[1] if case.concurrent_with and classified(case.request).features not in alone
    ] == []


def test_without_a_key_the_key_corners_are_left_out() -> None:
    keyless = plan(CONTRACT, Target.parse(TARGET.base_url), 1)
    sent = {each.label for case in keyless for each in (case, *case.parts)}
    left_out = {named.label for named in NAMED_CASES if named not in ONLY_QUICK} - sent
    assert left_out == {label for label in (named.label for named in NAMED_CASES) if label.startswith("key-")}
    assert [case.label for case in keyless if case.request.header("authorization") is not None] == []


def test_the_key_stands_in_the_authorization_header_alone(plans: dict[int, list[Case]]) -> None:
    for case in plans[1]:
        elsewhere = with_header(case.request, "Authorization", None)
        assert KEY.encode() not in elsewhere.head() + elsewhere.body
        assert KEY not in case.note
    holders = {case.label for case in plans[1] if KEY in (case.request.header("authorization") or "")}
    others = {"key-none", "key-wrong", "key-basic", "key-none-and-more"}
    assert holders == {case.label for case in plans[1]} - others


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
def test_what_is_drawn_is_what_its_id_says(plans: dict[int, list[Case]], seed: int) -> None:
    wanted = {
        "random-broken": {"IV-IMAGE-INTACT", "IV-IMAGE-FORMAT"},
        "random-n": {"IV-N-BOUNDS", "IV-N-INTEGER", "IV-N-STRICT"},
        "random-size": {"IV-SIZE-UNKNOWN"},
        "random-response-format": {"IV-FORMAT-UNKNOWN"},
        "random-model": {"IV-MODEL-UNKNOWN"},
    }
    found = {case.label: classified(case.request) for case in plans[seed] if case.label.startswith("random-")}
    counts = Counter(label.rpartition("-")[0] for label in found)
    assert counts == dict.fromkeys(wanted, 3) | {"random-broken": 6, "random-valid": 1}
    for label, expectation in found.items():
        kind = label.rpartition("-")[0]
        assert expectation.validity == ("valid" if kind == "random-valid" else "invalid")
        assert {violation.requirement for violation in expectation.violations} <= wanted.get(kind, set())


@pytest.mark.parametrize("seed", SEEDS)
def test_the_cases_of_the_schema_are_of_every_verdict_and_cheap(seed: int) -> None:
    cases = schema_cases(CONTRACT, TARGET, seed, {"invalid": 6, "unspecified": 2, "valid": 2})
    verdicts = Counter((case.label.split("-")[1], classified(case.request).validity) for case in cases)
    assert verdicts == {("invalid", "invalid"): 6, ("unspecified", "unspecified"): 2, ("valid", "valid"): 2}
    wanted = [classified(case.request).requested for case in cases]
    assert all(it.n == 1 for it in wanted if it is not None)


# What no request puts to the test by itself: it takes the answer, or several answers.
_BY_THE_ANSWER = ("IV-RES-", "IV-OUT-", "IV-URL-", "IV-STATE-", "IV-ERR-")
# What an oracle makes out of other violations: a better status, or an order among them.
_BY_THE_STATUS = {"IV-OP-METHOD-405", "IV-OP-MULTIPART-STATUS", "IV-AUTH-401", "IV-AUTH-FIRST"}


@pytest.mark.parametrize("seed", SEEDS)
def test_every_requirement_on_a_request_has_a_case(plans: dict[int, list[Case]], seed: int) -> None:
    tested = {test.requirement for case in plans[seed] for test in classified(case.request).tests}
    scored = {it.id for it in CONTRACT.requirements.values() if it.level != "may"}
    assert {it for it in scored - tested if not it.startswith(_BY_THE_ANSWER)} == _BY_THE_STATUS


@given(st.integers(0, 2**32), st.text(max_size=20))
def test_a_builder_makes_the_same_bytes_for_the_same_seed_and_label(seed: int, label: str) -> None:
    assert builder(label, seed).form() == builder(label, seed).form()
    assert builder(label, seed).form().body != builder(f"{label}x", seed).form().body


def test_headers_of_the_target_go_with_every_request() -> None:
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
def test_a_header_takes_the_place_of_that_of_its_name(name: str, value: str | None, expected: object) -> None:
    request = Request("POST", "/", (("A", "1"), ("C", "2")), b"body", chunked=True)
    changed = with_header(request, name, value)
    assert (changed.headers, changed.body, changed.chunked) == (expected, b"body", True)


@pytest.mark.parametrize("kind", [png.PLAIN, png.Kind(png.RGBA), png.Kind(png.GREY_ALPHA, 16)], ids=str)
def test_a_builder_makes_pictures_of_the_kind_and_size_asked_for(kind: png.Kind) -> None:
    assert png.inspect(builder().png(kind, 48)) == png.Info(48, 48, kind)
    assert png.inspect(builder().png(kind, 48, 32)) == png.Info(48, 32, kind)


def test_a_builder_makes_another_picture_each_time() -> None:
    b = builder()
    assert b.png() != b.png()
    assert b.boundary() != b.boundary()


@given(pngs())
def test_drawn_pngs_are_whole_and_square(content: bytes) -> None:
    info = png.inspect(content)
    assert info.width == info.height <= 96


@given(users())
def test_drawn_users_are_texts_of_at_most_1000_characters(user: str) -> None:
    assert len(user) <= 1000
    assert user.encode().decode() == user


def test_a_text_without_rules_has_no_wrong_values() -> None:
    assert wrong_values({"type": "string"}) is None


@pytest.mark.parametrize("name", [b"IHDR", b"IDAT", b"IEND"])
def test_a_chunk_is_left_out_and_the_rest_stays(name: bytes) -> None:
    whole = builder().png()
    left = png.without_chunk(whole, name)
    assert left == whole.replace(
        next(png.chunk(found, data) for found, data in png.chunks(whole) if found == name), b""
    )


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("number", [1, 6, 50])
def test_as_many_different_examples_are_drawn_as_were_wanted(seed: int, number: int) -> None:
    drawn = draw(st.binary(), number, seed)
    assert len({*drawn}) == len(drawn) == number
    assert draw(st.binary(), number, seed) == drawn
    assert b"" not in drawn


def test_no_more_is_drawn_than_there_is() -> None:
    assert sorted(draw(st.sampled_from(["a", "b", ""]), 5, 1)) == ["a", "b"]


def test_what_is_drawn_does_not_depend_on_the_modules_loaded(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Hypothesis mixes in constants from the source of modules; a seed has to mean the same everywhere."""
    before = draw(st.text(max_size=20), 200, 1), draw(st.integers(), 200, 1), draw(broken_pngs(), 20, 1)
    constants = "\n".join(f"C{number} = {number**7}, 'constant {number}'" for number in range(100, 300))
    (tmp_path / "a_module_full_of_constants.py").write_text(constants)
    monkeypatch.syspath_prepend(tmp_path)
    __import__("a_module_full_of_constants")
    after = draw(st.text(max_size=20), 200, 1), draw(st.integers(), 200, 1), draw(broken_pngs(), 20, 1)
    assert after == before


def test_the_builder_of_a_case_knows_its_target() -> None:
    other = Target.parse("https://example.com:444/api/v1", "sk-other")
    request = Builder.of(CONTRACT, other, 1, "plain").form()
    assert request.target == "/api/v1/images/variations"
    assert (request.header("host"), request.header("authorization")) == ("example.com:444", "Bearer sk-other")
