"""The tables of cases and probes: each request is what its row says, and the evidence names what is sent."""

import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve
from image_variations_conformance.cases.builder import Base
from image_variations_conformance.cases.catalogue import (
    FEATURE_VALUES,
    NAMED_CASES,
    SEQUENCES,
    SITUATIONS,
    labels_by_requirement,
)
from image_variations_conformance.cases.features import FEATURES, probes
from image_variations_conformance.cases.named_case import NamedCase
from image_variations_conformance.cases.open_probes import OPEN
from image_variations_conformance.cases.plan import Plan
from image_variations_conformance.cases.probes import Probe
from image_variations_conformance.cases.refusals import OPEN_CASES, REFUSALS, SHOWN_BY_RESPONSE
from image_variations_conformance.cases.wrong_values import WRONG_VALUES
from image_variations_conformance.contract.evidence import BY_FORMAT, RATE_LIMITED, Every
from image_variations_conformance.contract.expectation import Expectation
from image_variations_conformance.engine.packs import PACK_SIZE, packs
from image_variations_conformance.media import png
from image_variations_conformance.wire.multipart import decode
from support.profiles import effective
from support.requests import CONTRACT, SMALL, TARGET

TESTS = Path(__file__).parents[1]
SCORED = [it.id for it in CONTRACT.requirements.values() if it.level != "may" and it.excluded is None]
PLAN = Plan.of(CONTRACT, TARGET, 1, "deep")
BASES = (
    Base(),
    Base(SMALL),
    Base({"model": "dall-e-2", "user": "user-1234", "n": "2"}),
    Base(SMALL, png.Kind(png.RGBA)),
)
# Four neighbouring seeds send every number of images.
PROBES = tuple({probe.item: probe for seed in range(4) for probe in probes(CONTRACT, seed)}.values())


def of_probes(base: Base, *tried: Probe) -> Expectation:
    """Return the expectation of the request of a base with probes."""
    return PLAN.valid("a-label", "a note", base, tried).expectation


def exercised(expectation: Expectation) -> set[str]:
    return {feature.requirement for feature in expectation.features}


# --- what must be accepted


@pytest.mark.parametrize("base", BASES, ids=str)
def test_the_request_of_a_probe_is_valid_and_exercises_the_requirement_of_the_probe(base: Base) -> None:
    wrong = []
    for probe in (*PROBES, *(row.probe() for row in FEATURES)):
        expectation = of_probes(base, probe)
        # No API key is needed only under a profile.
        if (expectation.validity, probe.requirement in exercised(expectation)) != (
            ("valid", True) if probe.item != "key=absent" else ("invalid", False)
        ):
            wrong.append((probe.requirement, probe.item, expectation.unspecified, expectation.violations))
    assert wrong == []


@pytest.mark.parametrize("base", BASES, ids=str)
@pytest.mark.parametrize("seed", range(3))
def test_a_pack_of_probes_is_valid_and_exercises_the_requirements_of_all_of_them(base: Base, seed: int) -> None:
    for pack in (*packs(PLAN.must_probes, seed), *packs(PLAN.should_probes, seed)):
        expectation = of_probes(base, *pack)
        assert (expectation.validity, expectation.unspecified) == ("valid", ()), [probe.item for probe in pack]
        assert {probe.requirement for probe in pack} <= exercised(expectation), [probe.item for probe in pack]


@pytest.mark.parametrize("seed", range(3))
def test_packs_have_every_probe_once_and_only_probes_that_change_different_properties(seed: int) -> None:
    made = packs(PROBES, seed)
    assert Counter(probe for pack in made for probe in pack) == Counter(PROBES)
    assert max(map(len, made)) <= PACK_SIZE
    for pack in made:
        assert len(pack) == 1 or all(probe.fits_others for probe in pack)
        assert max(Counter(axis for probe in pack for axis in probe.axes).values()) == 1


def test_another_seed_sends_other_probes_together() -> None:
    one, other = ({frozenset(probe.item for probe in pack) for pack in packs(PROBES, seed)} for seed in (1, 2))
    assert len(one & other) < len(one) / 2


@pytest.mark.parametrize("seed", range(20))
def test_each_pack_asks_for_other_images_than_a_form_without_fields(seed: int) -> None:
    plain, base = of_probes(Base()).requested, Base({"size": "256x256", "response_format": "b64_json"})
    for pack in (*packs(probes(CONTRACT, seed), seed), *packs(PLAN.harmless_probes, seed)):
        requested = of_probes(base, *pack).requested
        assert requested is None or evolve(requested, explicit=frozenset()) != plain, [probe.item for probe in pack]


@pytest.mark.parametrize("profile", [{}, {"max_n": 2}, {"max_n": "unlimited"}, {"max_n": 4}])
@pytest.mark.parametrize("seed", range(5))
def test_a_request_for_several_images_differs_from_the_base_in_n_alone(seed: int, profile: dict[str, Any]) -> None:
    contract = effective(**profile)
    several = [pack for pack in packs(probes(contract, seed), seed) if max(probe.images for probe in pack) > 1]
    looks = [{probe.item.partition("=")[0] for probe in pack} & {"size", "response_format"} for pack in several]
    assert set() in looks


@pytest.mark.parametrize("seed", range(3))
def test_the_length_of_a_part_is_true_whatever_travels_with_it(seed: int) -> None:
    lengths = []
    for pack in packs(PLAN.must_probes, seed):
        request = PLAN.valid("a-label", "a note", BASES[1], pack).request
        for part in decode(request.header("content-type") or "", request.body):
            lengths += [(length, len(part.content)) for name, length in part.headers if name == "Content-Length"]
    assert len(lengths) == 1
    assert all(int(length) == bytes_sent for length, bytes_sent in lengths)


def test_the_most_expensive_probe_of_each_field_costs_as_many_images_as_it_asks_for() -> None:
    costs = {probe.item: probe.images for probe in PROBES if probe.images != 1}
    assert costs == {f"n={number}": number for number in range(2, 11)}


# --- what must be refused


@pytest.mark.parametrize("base", BASES, ids=str)
def test_a_row_that_must_be_refused_violates_exactly_the_requirements_that_it_names(base: Base) -> None:
    for row in (*REFUSALS, *WRONG_VALUES):
        violated = PLAN.named(row, base).expectation.violated
        if "IV-AUTH-FIRST" in row.requirements:
            assert len(violated) == 2, row.label
            assert violated & {"IV-AUTH-REQUIRED", "IV-AUTH-WRONG"}, row.label
        else:
            assert violated == set(row.requirements) - SHOWN_BY_RESPONSE != set(), row.label


@pytest.mark.parametrize("base", BASES, ids=str)
def test_an_open_probe_or_case_violates_nothing(base: Base) -> None:
    expectations = {probe.item: of_probes(base, probe) for probe in OPEN}
    expectations |= {row.label: PLAN.named(row, base).expectation for row in OPEN_CASES}
    assert {label for label, expectation in expectations.items() if expectation.validity == "invalid"} == set()
    # Nothing in the contract forbids such requests, but servers are known to fail on them.
    assert {label for label, expectation in expectations.items() if expectation.validity == "valid"} == {
        "header-idempotency",
        "header-encoding",
        "header-cookie-broken",
        "headers-odd",
        "filename-300-characters",
        "part-type-broken",
    }


@pytest.mark.parametrize("row", [row for row in NAMED_CASES if row.fields], ids=lambda row: row.label)
def test_a_row_has_the_text_fields_that_it_lists(row: NamedCase) -> None:
    request = PLAN.named(row, Base(SMALL)).request
    parts = decode(request.header("content-type") or "", request.body)
    texts = {part.name: part.content.decode("utf-8", "surrogateescape") for part in parts if not part.filename}
    assert dict(row.fields).items() <= texts.items()


# --- names


def test_each_label_and_each_item_is_there_once_and_fit_for_a_file_name() -> None:
    labels = [row.label for row in NAMED_CASES] + [probe.item for probe in OPEN] + list(SEQUENCES)
    assert [label for label, count in Counter(labels).items() if count > 1] == []
    assert [it for it in labels if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", it) or len(it) > 40] == []
    items = [row.probe().item for row in FEATURES]
    assert len(set(items)) == len(items)
    assert all(row.note and row.note.isprintable() for row in NAMED_CASES)


# --- the requirements and their evidence


def test_a_test_names_every_scored_requirement() -> None:
    text = "\n".join(path.read_text() for path in TESTS.rglob("*.py"))
    missing = [requirement for requirement in SCORED if not re.search(rf"{requirement}(?![A-Z0-9-])", text)]
    assert not missing, f"no test names {missing}: see CONTRIBUTING, How to add a requirement"


@pytest.mark.parametrize("requirement", SCORED)
def test_the_evidence_of_a_requirement_is_sent_by_a_standard_run(requirement: str) -> None:
    evidence = CONTRACT.requirements[requirement].evidence
    assert evidence is not None
    plan = Plan.of(CONTRACT, TARGET, 3)
    rows = {row.label: row.requirements for row in (*plan.refusals, *plan.open_cases)}
    sent = {probe.item for probe in (*plan.must_probes, *plan.should_probes, *plan.open_probes)} | {"fields=image-only"}
    for item in evidence.items(CONTRACT, 3):
        if isinstance(evidence, Every) and evidence.subject in BY_FORMAT:
            assert f"response_format={item}" in sent
        elif item in rows:
            assert requirement in rows[item]
        elif item in CONTRACT.requirements:
            assert any(item in named for named in rows.values())
        else:
            assert item in sent | set(SEQUENCES) | {RATE_LIMITED}


def test_what_shows_a_requirement_are_its_cases_its_probes_and_sequences() -> None:
    labels = labels_by_requirement(CONTRACT)
    assert labels["IV-N-STRICT"][:2] == ["n-plus", "n-space"]
    assert {"method-get", "method-put-form"} <= set(labels["IV-OP-METHOD-405"])
    assert labels["IV-WIRE-ORDER"] == ["part-order=image-last"]
    assert labels["IV-SIZE-ENUM"] == ["size=256x256", "size=512x512", "size=1024x1024"]
    assert labels["IV-STATE-PARALLEL"] == ["eight-alike", "eight-mixed"]
    assert "user-nul" in labels["IV-ERR-NO-5XX"]


def test_the_names_that_evidence_may_give_are_those_of_the_tables() -> None:
    assert {row.label for row in NAMED_CASES} | {probe.item for probe in OPEN} | set(SEQUENCES) < SITUATIONS
    assert ("IV-WIRE-BOUNDARY", "boundary", "quoted") in FEATURE_VALUES
    assert len(FEATURE_VALUES) == len(FEATURES) + 1
