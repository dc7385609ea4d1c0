"""The plan of a run: what is sent at which depth, the same bytes for the same seed, and bounded costs."""

import hashlib
import json
import subprocess
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st
from image_variations_conformance.cases.builder import Base, Builder
from image_variations_conformance.cases.case import MOST_IMAGES, Case
from image_variations_conformance.cases.named_case import DEPTHS, Depth
from image_variations_conformance.cases.plan import DEPTH_PROFILES, Plan
from image_variations_conformance.cases.png_strategies import pngs
from image_variations_conformance.cases.preparations import preparations
from image_variations_conformance.cases.strategies import users, wrong_values
from image_variations_conformance.cases.transforms import with_body, with_chunked_coding, with_header
from image_variations_conformance.contract.document import Contract
from image_variations_conformance.contract.effective import apply
from image_variations_conformance.contract.evidence import MANY_IMAGES
from image_variations_conformance.contract.profile import names, read
from image_variations_conformance.engine.packs import Arranged, images, packs
from image_variations_conformance.media import png
from image_variations_conformance.media.pictures import look
from image_variations_conformance.wire.exchange import Request
from image_variations_conformance.wire.multipart import decode
from image_variations_conformance.wire.target import Target
from support.profiles import effective
from support.requests import CONTRACT, KEY, SMALL, TARGET, builder

SEEDS = range(1, 4)
BASE = Base(SMALL)

# A program for a second process, which imports nothing but the suite and has another order of sets.
_IN_ANOTHER_PROCESS = """
import sys
sys.path[:0] = sys.argv[1:]
from suite.test_plan import CONTRACT, TARGET, Plan, digests, json
print(json.dumps(digests(Plan.of(CONTRACT, TARGET, 1))))
"""


def planned(plan: Plan, base: Base = BASE) -> Iterator[Case]:
    """Yield the cases that a run of a plan sends unless a server refuses something."""
    yield from plan.refusal_cases(base)
    yield from (plan.named(row, base) for row in plan.open_cases)
    groups = (plan.must_probes, plan.should_probes, plan.harmless_probes, plan.odd_probes)
    tried = [pack for group in groups for pack in packs(group, plan.seed)]
    yield from (plan.valid(f"pack-{number}", "a note", base, pack) for number, pack in enumerate(tried))


def digests(plan: Plan) -> list[list[str]]:
    """Return the label of each case of a plan and the digest of its bytes."""
    return [
        [case.label, hashlib.sha256(case.request.head() + case.request.framed_body()).hexdigest()]
        for case in planned(plan)
    ]


@pytest.fixture(scope="module")
def plan() -> Plan:
    return Plan.of(CONTRACT, TARGET, 1)


@pytest.fixture(scope="module")
def cases(plan: Plan) -> list[Case]:
    return list(planned(plan))


# --- seeds


@pytest.mark.slow
def test_the_same_seed_gives_the_same_bytes_in_another_process(plan: Plan) -> None:
    """Neither the modules loaded nor the order of sets has an influence."""
    folders = [str(Path(__file__).parents[level]) for level in (1, 2)] + [str(Path(__file__).parents[3] / "generated")]
    done = subprocess.run(
        [sys.executable, "-c", _IN_ANOTHER_PROCESS, *folders],
        check=True,
        capture_output=True,
        env={"PYTHONHASHSEED": "12345", "PYTHONDONTWRITEBYTECODE": "1"},
    )
    assert json.loads(done.stdout) == digests(plan)


def test_another_seed_changes_every_long_body_but_the_one_of_zeros(cases: list[Case]) -> None:
    other = {case.label: case.request.body for case in planned(Plan.of(CONTRACT, TARGET, 2))}
    same = [case.label for case in cases if len(case.request.body) > 1000 and case.request.body == other[case.label]]
    assert same == ["body-zeros"]


@pytest.mark.parametrize("depth", DEPTHS)
def test_what_is_sent_does_not_depend_on_the_seed_but_for_sampled_numbers(depth: Depth) -> None:
    def names(plan: Plan) -> list[str]:
        rows = (*plan.refusals, *plan.open_cases)
        probes = (*plan.must_probes, *plan.should_probes, *plan.open_probes)
        return [row.label for row in rows] + [it.item for it in probes if not it.item.startswith("n=")]

    first = names(Plan.of(CONTRACT, TARGET, 1, depth))
    assert all(names(Plan.of(CONTRACT, TARGET, seed, depth)) == first for seed in SEEDS)


@given(st.integers(0, 2**32), st.text(max_size=20))
def test_a_builder_makes_the_same_bytes_for_the_same_seed_and_label(seed: int, label: str) -> None:
    assert builder(label, seed).form() == builder(label, seed).form()
    assert builder(label, seed).form().body != builder(f"{label}x", seed).form().body


# --- depths, costs and choices


def test_a_deeper_plan_has_all_rows_and_probes_of_a_shallower_one() -> None:
    plans = [Plan.of(CONTRACT, TARGET, 1, depth) for depth in DEPTHS]
    for shallow, deep in pairwise(plans):
        assert {row.label for row in shallow.refusals} < {row.label for row in deep.refusals}
        assert {probe.item for probe in shallow.must_probes} <= {probe.item for probe in deep.must_probes}
        assert {probe.item for probe in shallow.open_probes} <= {probe.item for probe in deep.open_probes}


@pytest.mark.slow
@pytest.mark.parametrize(("depth", "most_requests", "most_images"), [("quick", 65, 16), ("standard", 228, 50)])
def test_a_plan_leaves_room_for_controls_and_experiments_within_the_limits_of_its_depth(
    depth: Depth, most_requests: int, most_images: int
) -> None:
    """A run sends the base, controls and eight requests at the same time, too."""
    limits = DEPTH_PROFILES[depth]
    for seed in SEEDS:
        sent = list(planned(Plan.of(CONTRACT, TARGET, seed, depth)))
        images = sum(case.image_count for case in sent if case.expectation.validity == "valid")
        assert len(sent) <= most_requests < (limits.max_requests or 0)
        assert images <= most_images < (limits.max_images or 0)


def test_musts_come_before_others_and_the_first_row_of_each_requirement_before_second_ones(plan: Plan) -> None:
    levels = [CONTRACT.requirements[row.requirements[0]].level for row in plan.refusals]
    assert levels == sorted(levels)
    musts = [row.requirements[0] for row in plan.refusals if CONTRACT.requirements[row.requirements[0]].level == "must"]
    different = len(set(musts))
    assert len(set(musts[:different])) == different


@pytest.mark.parametrize("requirement", ["IV-N-BOUNDS", "IV-WIRE-BOUNDARY", "IV-OP-HEAD-OPTIONS"])
def test_only_what_shows_the_selected_requirements_is_sent(requirement: str) -> None:
    narrowed = Plan.of(CONTRACT, TARGET, 1, "standard", {requirement})
    sent = [*narrowed.refusals, *narrowed.open_cases]
    probes = (*narrowed.must_probes, *narrowed.should_probes, *narrowed.open_probes)
    assert 1 <= len(sent) + len(probes) < 20
    assert all(requirement in row.requirements for row in sent)
    assert {probe.requirement for probe in probes} <= {requirement}


def test_everything_is_sent_if_the_selected_requirement_is_shown_by_responses(plan: Plan) -> None:
    narrowed = Plan.of(CONTRACT, TARGET, 1, "standard", {"IV-RES-COUNT"})
    assert [row.label for row in narrowed.refusals] == [row.label for row in plan.refusals]
    assert [probe.item for probe in narrowed.must_probes] == [probe.item for probe in plan.must_probes]


# --- keys and headers


def test_nothing_about_keys_is_sent_without_a_key(plan: Plan) -> None:
    keyless = Plan.of(CONTRACT, Target.parse(TARGET.base_url), 1)
    assert [case.label for case in planned(keyless) if case.request.header("authorization") is not None] == []
    left_out = {row.label for row in plan.refusals} - {row.label for row in keyless.refusals}
    assert left_out == {row.label for row in plan.refusals if row.label.startswith("key-")}
    probes = {probe.item for probe in plan.must_probes} - {probe.item for probe in keyless.must_probes}
    assert probes == {"letter-case=scheme", "letter-case=upper-case-scheme", "spaces-before-key=two"}


def test_the_key_is_in_the_authorization_header_only(cases: list[Case]) -> None:
    for case in cases:
        others = with_header(case.request, "Authorization", None)
        assert KEY.encode() not in others.head() + others.body
        assert KEY not in case.note
    without = {case.label for case in cases if KEY not in (case.request.header("authorization") or "")}
    assert without == {
        *("key-none", "key-wrong", "key-prefix", "key-other-case", "key-empty", "key-scheme-alone"),
        *("key-none-and-more", "key-wrong-and-no-image"),
    }


def test_every_request_is_framed_as_its_headers_say(cases: list[Case]) -> None:
    for case in cases:
        headers = [(name.lower(), value) for name, value in case.request.headers]
        framing = [pair for pair in headers if pair[0] in {"transfer-encoding", "content-length"}]
        length = ("content-length", str(len(case.request.body)))
        assert framing == [("transfer-encoding", "chunked") if case.request.chunked else length], case.label
        without_host = any(probe.item.startswith("host-missing") for probe in case.probes)
        host = None if without_host else TARGET.host
        assert [case.request.header("host"), case.request.header("connection")] == [host, "close"]


def test_the_headers_of_the_target_are_in_every_request() -> None:
    target = Target.parse(TARGET.base_url, KEY, (("X-Tenant", "blue"),))
    sent = planned(Plan.of(CONTRACT, target, 1, "quick"))
    assert [case.label for case in sent if case.request.header("x-tenant") != "blue"] == []


def test_a_builder_uses_the_path_host_and_key_of_its_target() -> None:
    other = Target.parse("https://example.com:444/api/v1", "sk-other")
    request = Builder.of(CONTRACT, other, 1, "plain").form()
    assert request.target == "/api/v1/images/variations"
    assert (request.header("host"), request.header("authorization")) == ("example.com:444", "Bearer sk-other")


# --- the base


def test_every_form_that_must_be_refused_has_the_fields_of_the_base(plan: Plan) -> None:
    base = Base({"user": "somebody-else", **SMALL})
    for row in plan.refusals:
        request = plan.named(row, base).request
        content_type = request.header("content-type") or ""
        if row.label.startswith(("n-", "model-", "image-", "key-")) and row.label not in {"image-none", "form-empty"}:
            texts = {
                part.name: part.content.decode() for part in decode(content_type, request.body) if part.name in SMALL
            }
            assert texts == SMALL, row.label


@pytest.mark.parametrize("kind", [png.PLAIN, png.Kind(png.RGBA), png.Kind(png.GREY_ALPHA, 16)], ids=str)
def test_pictures_are_of_the_kind_of_the_base_unless_another_is_given(kind: png.Kind) -> None:
    assert png.inspect(builder(base=Base(kind=kind)).png()) == png.Info(64, 64, kind)
    assert png.inspect(builder().png(kind, 48)) == png.Info(48, 48, kind)
    assert png.inspect(builder().png(kind, 48, 32)) == png.Info(48, 32, kind)


@pytest.mark.parametrize(
    ("base", "text"),
    [
        (Base(), "an image"),
        (BASE, "an image, size=256x256, response_format=b64_json"),
        (Base({"n": "1"}, png.Kind(png.RGBA)), "a PNG, 8-bit RGBA, n=1"),
    ],
)
def test_a_base_says_what_a_form_has(base: Base, text: str) -> None:
    assert str(base) == text


def test_a_probe_replaces_a_field_of_the_base_or_leaves_it_out(plan: Plan) -> None:
    probes = {probe.item: probe for probe in plan.must_probes}
    for item, size in (("size=512x512", "512x512"), ("size=absent", "1024x1024")):
        requested = plan.valid("a-label", "a note", BASE, (probes[item],)).expectation.requested
        assert requested is not None
        assert requested.size == size


def test_a_builder_makes_another_picture_each_time() -> None:
    b = builder()
    assert b.png() != b.png()
    assert b.boundary() != b.boundary()


# --- profiles


def test_without_a_profile_every_row_shows_what_it_names(plan: Plan) -> None:
    assert plan.inapplicable == frozenset()


@pytest.mark.parametrize(
    ("keys", "inapplicable"),
    [
        (
            {"max_n": "unlimited"},
            {
                *(("n-eleven", "IV-N-BOUNDS"), ("n-hundred", "IV-N-BOUNDS"), ("n-wraps-at-8-bits", "IV-N-BOUNDS")),
                *(("n-wraps-at-32-bits", "IV-N-BOUNDS"), ("n-wraps-at-64-bits", "IV-N-BOUNDS")),
                *(("n-huge", "IV-N-BOUNDS"), ("n-hundreds-of-digits", "IV-N-BOUNDS")),
            },
        ),
        ({"sizes": ["1024x1536", "1024x1024"]}, {("size-of-another-model", "IV-SIZE-UNKNOWN")}),
        ({"models": ["dall-e-2", "dall-e-3"]}, {("model-of-other-operations", "IV-MODEL-UNKNOWN")}),
        (
            {"json_body": True},
            {
                (label, requirement)
                for label in ("body-json", "body-json-bytes")
                for requirement in ("IV-OP-MULTIPART", "IV-OP-MULTIPART-STATUS")
            },
        ),
        ({"square": False}, set()),
        ({"image_kinds": ["png", "jpeg"]}, set()),
    ],
)
def test_a_row_does_not_show_what_a_profile_makes_valid(keys: dict[str, Any], inapplicable: set[object]) -> None:
    found = Plan.of(effective(**keys), TARGET, 1).inapplicable
    others = {("size-upper-case", "IV-ENUM-CASE")}
    assert found - others == inapplicable


@pytest.mark.parametrize(
    "contract",
    [
        *(apply(CONTRACT, read(name)) for name in names()),
        effective(image_sides={"min": 100, "max": 1000, "multiple_of": 16}),
        effective(image_kinds=["png", "jpeg"], square=False, auth="optional"),
        effective(max_n=3, response_formats=["url"], default_size="input"),
    ],
    ids=lambda contract: f"{contract.profile} {', '.join(change.key for change in contract.changes)}",
)
def test_what_a_plan_takes_to_be_valid_is_valid_under_its_profile(contract: Contract) -> None:
    plan = Plan.of(contract, TARGET, 1)
    base = Base(contract.required_texts)
    assert plan.valid("a-label", "a note", base, ()).expectation.validity == "valid"
    for probe in (*plan.must_probes, *plan.should_probes):
        expectation = plan.valid("a-label", "a note", base, (probe,)).expectation
        assert expectation.validity == "valid", probe.item
        assert probe.requirement in {feature.requirement for feature in expectation.features}, probe.item
    for case in plan.refusal_cases(base):
        assert case.expectation.validity == "invalid", case.label


@given(st.integers(1, 300), st.integers(1, 3000), st.integers(1, 64), st.integers(0, 5000))
def test_the_nearest_side_is_valid_and_there_is_none_between(low: int, width: int, multiple: int, wanted: int) -> None:
    rules = evolve(CONTRACT.image_rules, min_side=low, max_side=low + width + multiple, multiple_of=multiple)
    nearest = rules.nearest_side(wanted)
    assert rules.allows_side(nearest)
    assert not any(rules.allows_side(side) for side in range(nearest + 1, wanted + 1))


@pytest.mark.parametrize(
    ("keys", "items"),
    [
        ({"square": False}, {"image-wide", "image-off-by-one", "image-large-off-by-one"}),
        ({"image_kinds": ["png", "webp"]}, {"image-webp"}),
        ({"auth": "optional"}, {"key=absent", "key-none"}),
    ],
)
def test_what_a_profile_turns_round_is_a_probe(keys: dict[str, Any], items: set[str]) -> None:
    contract = effective(**keys)
    plan = Plan.of(contract, TARGET, 1)
    found = {probe.item: probe for probe in plan.must_probes}
    assert set(found) - {probe.item for probe in Plan.of(CONTRACT, TARGET, 1).must_probes} == items
    for item in items:
        assert plan.valid("a-label", "a note", Base(), (found[item],)).expectation.validity == "valid"


# --- changes of requests


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


def test_with_body_keeps_the_framing_of_a_chunked_request() -> None:
    plain = builder().form()
    assert with_body(plain, b"12345").header("content-length") == "5"
    chunked = with_body(with_chunked_coding()(plain), b"12345")
    assert (chunked.header("content-length"), chunked.header("transfer-encoding")) == (None, "chunked")


# --- strategies


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


def test_a_row_that_was_accepted_prepares_no_other_connection() -> None:
    plan = Plan.of(CONTRACT, TARGET, 1)

    def labels(*without: str) -> list[list[str]]:
        prepared = preparations(plan, Base(), "kept", chunked=True, without=without)
        return [[case.label for case in few] for few in prepared]

    assert labels() == [
        ["kept-n-zero", "kept-image-far-too-large"],
        ["kept-key-wrong"],
        ["kept-method-put-form", "kept-body-json"],
    ]
    assert labels("n-zero", "key-wrong") == [
        ["kept-image-far-too-large"],
        [],
        ["kept-method-put-form", "kept-body-json"],
    ]


@pytest.mark.parametrize("between", [0, 2, 4])
@pytest.mark.parametrize("seed", range(30))
def test_the_requests_of_one_connection_have_inputs_by_which_their_images_can_be_told_apart(
    seed: int, between: int
) -> None:
    plan = Plan.of(CONTRACT, TARGET, seed)
    chosen = Arranged.of(packs(plan.must_probes, seed), between).on_one_connection
    assert len(chosen) == 3
    items = {probe.item for pack in chosen for probe in pack}
    # Nor is a broken property expected there that says nothing about connections.
    assert not items & {"png=wholly-transparent", "query-string=other-values", "query-string=semicolon-and-brackets"}


@pytest.mark.parametrize("depth", ["quick", "standard", "deep"])
def test_no_request_of_a_plan_asks_for_a_million_images_where_any_number_is_valid(depth: Depth) -> None:
    plan = Plan.of(effective(max_n="unlimited"), TARGET, 1, depth)
    base = Base(plan.contract.required_texts)
    numbers = [plan.named(row, base).image_count for row in (*plan.refusals, *plan.open_cases)]
    numbers += [plan.valid("a", "", base, (probe,)).image_count for probe in (*plan.must_probes, *plan.should_probes)]
    assert 2 <= max(numbers) <= MOST_IMAGES


@pytest.mark.parametrize("seed", SEEDS)
def test_a_request_for_more_than_ten_images_is_sent_alone(seed: int) -> None:
    """Where the limits of a run left it out, they left out all that travelled with it."""
    made = packs(Plan.of(effective(max_n=25), TARGET, seed).must_probes, seed)
    assert {len(pack) for pack in made if images(pack) > MANY_IMAGES} == {1}


def test_several_variations_of_a_visible_picture_are_asked_for_in_each_format() -> None:
    """Those of a picture in which nothing is visible may be equal, and do not show that variations differ."""
    base = Base({"size": "256x256", "response_format": "b64_json"})
    for seed in range(20):
        plan = Plan.of(CONTRACT, TARGET, seed)
        several = (pack for pack in packs(plan.must_probes, seed) if images(pack) > 1)
        expected = [plan.valid("several", "", base, pack).expectation for pack in several]
        visible = [it.requested for it in expected if it.image is not None and not look(it.image).one_colour]
        assert {it.response_format for it in visible if it is not None} == {"url", "b64_json"}
