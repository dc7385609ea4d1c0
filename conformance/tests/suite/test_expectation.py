"""The expectation of a request: by hand for each named case, and as properties of drawn requests."""

import struct

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st
from image_variations_conformance.cases.catalogue import NAMED_CASES
from image_variations_conformance.cases.named_case import SMALL, NamedCase
from image_variations_conformance.cases.strategies import broken_pngs, pngs, users, wrong_values
from image_variations_conformance.cases.transforms import with_header
from image_variations_conformance.contract.expectation import (
    Expectation,
    Feature,
    Requested,
)
from image_variations_conformance.media import png
from image_variations_conformance.wire.exchange import Request
from image_variations_conformance.wire.multipart import Part, text_part
from support.requests import CONTRACT, KEY, builder, classified

# All requirements that each invalid named case violates.
VIOLATIONS = {
    "method-get": {"IV-OP-METHOD", "IV-OP-MULTIPART"},
    "method-put": {"IV-OP-METHOD", "IV-OP-MULTIPART"},
    "method-patch": {"IV-OP-METHOD", "IV-OP-MULTIPART"},
    "method-delete": {"IV-OP-METHOD", "IV-OP-MULTIPART"},
    "key-none": {"IV-AUTH-REQUIRED"},
    "key-wrong": {"IV-AUTH-WRONG"},
    "key-longer": {"IV-AUTH-WRONG"},
    "key-basic": {"IV-AUTH-WRONG"},
    "key-none-and-more": {"IV-AUTH-REQUIRED", "IV-N-BOUNDS"},
    "body-json": {"IV-OP-MULTIPART"},
    "body-urlencoded": {"IV-OP-MULTIPART"},
    "body-none": {"IV-OP-MULTIPART"},
    "body-no-boundary": {"IV-OP-MULTIPART"},
    "body-empty": {"IV-OP-MULTIPART"},
    "image-none": {"IV-IMAGE-REQUIRED"},
    "form-empty": {"IV-IMAGE-REQUIRED"},
    "image-empty": {"IV-IMAGE-INTACT"},
    "image-text": {"IV-IMAGE-FORMAT"},
    "image-jpeg": {"IV-IMAGE-FORMAT"},
    "image-gif": {"IV-IMAGE-FORMAT"},
    "image-webp": {"IV-IMAGE-FORMAT"},
    "image-bmp": {"IV-IMAGE-FORMAT"},
    "image-signature": {"IV-IMAGE-INTACT"},
    "image-header": {"IV-IMAGE-INTACT"},
    "image-truncated": {"IV-IMAGE-INTACT"},
    "image-crc": {"IV-IMAGE-INTACT"},
    "image-no-pixels": {"IV-IMAGE-INTACT"},
    "image-wide": {"IV-IMAGE-SQUARE"},
    "image-off-by-one": {"IV-IMAGE-SQUARE"},
    "image-too-large": {"IV-IMAGE-MAX-BYTES"},
    "image-far-too-large": {"IV-IMAGE-MAX-BYTES"},
    "n-zero": {"IV-N-BOUNDS"},
    "n-eleven": {"IV-N-BOUNDS"},
    "n-negative": {"IV-N-BOUNDS"},
    "n-huge": {"IV-N-BOUNDS"},
    "n-fraction": {"IV-N-INTEGER"},
    "n-word": {"IV-N-INTEGER"},
    "n-digits-and-word": {"IV-N-INTEGER"},
    "n-empty": {"IV-N-INTEGER"},
    "n-plus": {"IV-N-STRICT"},
    "n-space": {"IV-N-STRICT"},
    "size-unknown": {"IV-SIZE-UNKNOWN"},
    "size-empty": {"IV-SIZE-UNKNOWN"},
    "size-of-another-model": {"IV-SIZE-UNKNOWN"},
    "size-half": {"IV-SIZE-UNKNOWN"},
    "size-upper-case": {"IV-ENUM-CASE"},
    "format-unknown": {"IV-FORMAT-UNKNOWN"},
    "format-empty": {"IV-FORMAT-UNKNOWN"},
    "format-upper-case": {"IV-ENUM-CASE"},
    "model-unknown": {"IV-MODEL-UNKNOWN"},
    "model-empty": {"IV-MODEL-UNKNOWN"},
    "model-of-other-operations": {"IV-MODEL-UNKNOWN"},
}

PLAIN = frozenset(
    {"IV-OP-VALID", "IV-IMAGE-PNG", "IV-MODEL-OPTIONAL", "IV-USER-OPTIONAL"}
    | {"IV-N-DEFAULT", "IV-SIZE-DEFAULT", "IV-FORMAT-DEFAULT"}
)
SMALL_FEATURES = frozenset(
    {"IV-IMAGE-PNG", "IV-MODEL-OPTIONAL", "IV-USER-OPTIONAL", "IV-N-DEFAULT", "IV-SIZE-ENUM", "IV-FORMAT-ENUM"}
)
SMALL_WITH_N = SMALL_FEATURES - {"IV-N-DEFAULT"} | {"IV-N-RANGE"}
SMALL_WITH_OTHER_PNG = SMALL_FEATURES - {"IV-IMAGE-PNG"} | {"IV-IMAGE-PNG-KINDS"}
SMALL_WITH_USER = SMALL_FEATURES - {"IV-USER-OPTIONAL"} | {"IV-USER-TEXT"}
SMALL_AS_LINK = SMALL_FEATURES - {"IV-FORMAT-ENUM"} | {"IV-FORMAT-DEFAULT"}

# The requirements of all features of each valid named case.
FEATURES = {
    "plain": PLAIN,
    "plain-after-ten": PLAIN,
    "plain-at-the-end": PLAIN,
    "small": SMALL_FEATURES,
    "small-after-errors": SMALL_FEATURES,
    "n-ten": SMALL_WITH_N,
    "n-two": SMALL_WITH_N,
    "all-fields": SMALL_WITH_N - {"IV-MODEL-OPTIONAL", "IV-USER-OPTIONAL"} | {"IV-MODEL-ACCEPTED", "IV-USER-TEXT"},
    "size-512": SMALL_FEATURES,
    "size-1024": SMALL_FEATURES,
    "format-default": SMALL_AS_LINK,
    "size-default": SMALL_WITH_N - {"IV-SIZE-ENUM"} | {"IV-SIZE-DEFAULT"},
    "user-empty": SMALL_WITH_USER,
    "user-unicode": SMALL_WITH_USER,
    "user-long": SMALL_WITH_USER,
    "wire-order": SMALL_WITH_N | {"IV-WIRE-ORDER"},
    "wire-query": SMALL_WITH_N | {"IV-WIRE-QUERY"},
    "wire-lower-case": SMALL_FEATURES | {"IV-WIRE-HEADER-CASE"},
    "wire-chunked": SMALL_FEATURES | {"IV-WIRE-CHUNKED"},
    "wire-boundary-quoted": SMALL_FEATURES | {"IV-WIRE-BOUNDARY"},
    "wire-boundary-long": SMALL_FEATURES | {"IV-WIRE-BOUNDARY"},
    "filename-space": SMALL_FEATURES | {"IV-WIRE-FILENAME"},
    "filename-quote": SMALL_FEATURES | {"IV-WIRE-FILENAME"},
    "filename-unicode": SMALL_FEATURES | {"IV-WIRE-FILENAME"},
    "filename-none": SMALL_FEATURES | {"IV-IMAGE-NO-FILENAME"},
    "filename-jpg": SMALL_FEATURES | {"IV-IMAGE-BY-BYTES"},
    "part-type-jpeg": SMALL_FEATURES | {"IV-IMAGE-BY-BYTES"},
    "part-type-octets": SMALL_FEATURES | {"IV-IMAGE-OCTET-STREAM"},
    "part-type-none": SMALL_FEATURES | {"IV-IMAGE-OCTET-STREAM"},
    "png-rgba": SMALL_FEATURES,
    "png-palette": SMALL_WITH_OTHER_PNG,
    "png-grey": SMALL_WITH_OTHER_PNG,
    "png-grey-alpha": SMALL_WITH_OTHER_PNG,
    "png-16-bit": SMALL_WITH_OTHER_PNG,
    "png-interlaced": SMALL_WITH_OTHER_PNG,
    "png-1x1": SMALL_WITH_OTHER_PNG,
    "png-4-mb": SMALL_FEATURES | {"IV-IMAGE-UP-TO-LIMIT"},
    "combined-wire": SMALL_WITH_N - {"IV-USER-OPTIONAL"}
    | {
        "IV-WIRE-ORDER",
        "IV-WIRE-HEADER-CASE",
        "IV-WIRE-CHUNKED",
        "IV-WIRE-BOUNDARY",
        "IV-WIRE-FILENAME",
        "IV-WIRE-PART-HEADERS",
        "IV-USER-TEXT",
    },
    "user-none-512": SMALL_FEATURES,
    "small-link": SMALL_FEATURES,
    "model-given": SMALL_FEATURES - {"IV-MODEL-OPTIONAL"} | {"IV-MODEL-ACCEPTED"},
    "combined-texts": SMALL_WITH_USER | {"IV-WIRE-BOUNDARY", "IV-WIRE-FILENAME"},
    "combined-labels": SMALL_WITH_USER | {"IV-WIRE-FILENAME", "IV-IMAGE-BY-BYTES"},
    "combined-large": SMALL_WITH_USER - {"IV-MODEL-OPTIONAL"} | {"IV-IMAGE-BY-BYTES", "IV-MODEL-ACCEPTED"},
    "combined-octets": SMALL_WITH_OTHER_PNG | {"IV-IMAGE-NO-FILENAME", "IV-IMAGE-OCTET-STREAM"},
    "combined-bits": SMALL_WITH_OTHER_PNG | {"IV-WIRE-PREAMBLE"},
    "wire-part-headers": SMALL_FEATURES | {"IV-WIRE-PART-HEADERS"},
    "wire-preamble": SMALL_FEATURES | {"IV-WIRE-PREAMBLE"},
    "together-1": SMALL_FEATURES,
    "together-2": SMALL_FEATURES,
    "together-3": SMALL_FEATURES,
    "together-4": SMALL_FEATURES,
    "together-5": SMALL_WITH_N,
    "together-6": SMALL_AS_LINK,
    "n-two-quick": SMALL_AS_LINK - {"IV-N-DEFAULT"} | {"IV-N-RANGE"},
    "together-quick-1": SMALL_FEATURES,
    "together-quick-2": PLAIN,
    "together-quick-3": SMALL_FEATURES,
    "together-quick-4": PLAIN,
}

UNSPECIFIED = {
    "field-unknown": "unknown field 'quality_of_light'",
    "field-unnamed": "unknown field None",
    "image-twice": "image is there more than once",
    "n-twice": "n is there more than once",
    "user-not-utf-8": "user is not UTF-8",
    "body-cut": "a malformed form: the form has no closing boundary",
    "body-lf": "a malformed form: Did not find CR at end of boundary (34)",
}


def requirements_of(expectation: Expectation) -> set[str]:
    """Return the ids of the requirements that a request tests by itself."""
    return {test.requirement for test in expectation.tests}


def test_each_named_case_is_in_exactly_one_table() -> None:
    assert sorted([*VIOLATIONS, *FEATURES, *UNSPECIFIED]) == sorted(named.label for named in NAMED_CASES)


@pytest.mark.parametrize("named", NAMED_CASES, ids=lambda named: named.label)
def test_each_named_case_has_the_expectation_of_its_table(named: NamedCase) -> None:
    expectation = classified(named.build(builder(named.label)))
    violations = {violation.requirement for violation in expectation.violations}
    features = {feature.requirement for feature in expectation.features}
    if named.label in VIOLATIONS:
        assert expectation.validity == "invalid"
        assert violations == VIOLATIONS[named.label]
        assert requirements_of(expectation) == VIOLATIONS[named.label]
    elif named.label in FEATURES:
        assert expectation.validity == "valid"
        assert features == FEATURES[named.label]
        assert requirements_of(expectation) == FEATURES[named.label]
    else:
        assert (expectation.validity, expectation.unspecified) == ("unspecified", (UNSPECIFIED[named.label],))
        assert requirements_of(expectation) == set()


@pytest.mark.parametrize("named", NAMED_CASES, ids=lambda named: named.label)
def test_the_expectation_of_a_named_case_does_not_depend_on_the_seed(named: NamedCase) -> None:
    one, other = (classified(named.build(builder(named.label, seed))) for seed in (1, 2))
    assert (one.validity, requirements_of(one), one.requested) == (
        other.validity,
        requirements_of(other),
        other.requested,
    )


@pytest.mark.parametrize(
    ("label", "feature"),
    [
        ("n-ten", Feature("IV-N-RANGE", "10")),
        ("size-512", Feature("IV-SIZE-ENUM", "512x512")),
        ("small-link", Feature("IV-FORMAT-ENUM", "url")),
        ("all-fields", Feature("IV-MODEL-ACCEPTED", "dall-e-2")),
        ("user-empty", Feature("IV-USER-TEXT", "empty")),
        ("user-unicode", Feature("IV-USER-TEXT", "text Unicode")),
        ("user-long", Feature("IV-USER-TEXT", "text long")),
        ("wire-lower-case", Feature("IV-WIRE-HEADER-CASE", "bearer")),
        ("wire-lower-case", Feature("IV-WIRE-HEADER-CASE", "names")),
        ("wire-boundary-quoted", Feature("IV-WIRE-BOUNDARY", "quoted")),
        ("filename-quote", Feature("IV-WIRE-FILENAME", 'a "b".png')),
        ("filename-unicode", Feature("IV-WIRE-FILENAME", "Bär 熊.png")),
        ("filename-jpg", Feature("IV-IMAGE-BY-BYTES", "picture.jpg")),
        ("part-type-jpeg", Feature("IV-IMAGE-BY-BYTES", "image/jpeg")),
        ("part-type-octets", Feature("IV-IMAGE-OCTET-STREAM", "application/octet-stream")),
        ("part-type-none", Feature("IV-IMAGE-OCTET-STREAM", "no type")),
        ("png-interlaced", Feature("IV-IMAGE-PNG-KINDS", "8-bit RGB, interlaced")),
        ("png-1x1", Feature("IV-IMAGE-PNG-KINDS", "1x1, 8-bit RGB")),
        ("png-rgba", Feature("IV-IMAGE-PNG", "8-bit RGBA")),
    ],
    ids=str,
)
def test_a_feature_names_its_value(label: str, feature: Feature) -> None:
    (named,) = (named for named in NAMED_CASES if named.label == label)
    assert feature in classified(named.build(builder())).features


def test_requested_has_given_values_and_defaults_and_is_none_for_requests_that_are_not_valid() -> None:
    everything = classified(builder().form(n="3", **SMALL)).requested
    assert everything == Requested(3, "256x256", "b64_json", frozenset({"n", "size", "response_format"}))
    assert classified(builder().form()).requested == Requested(1, "1024x1024", "url", frozenset())
    assert classified(builder().form(n="0")).requested is None
    assert classified(builder().form(unknown="x")).requested is None


FIELD_IDS = {
    "model": {"IV-MODEL-UNKNOWN"},
    "n": {"IV-N-BOUNDS", "IV-N-INTEGER", "IV-N-STRICT"},
    "response_format": {"IV-FORMAT-UNKNOWN"},
    "size": {"IV-SIZE-UNKNOWN"},
}


def test_exactly_the_fields_with_constraints_have_wrong_values() -> None:
    assert {name for name, schema in CONTRACT.fields.items() if wrong_values(schema) is not None} == set(FIELD_IDS)


@pytest.mark.parametrize("name", FIELD_IDS)
@given(data=st.data())
def test_every_wrong_value_violates_a_requirement_of_its_field(name: str, data: st.DataObject) -> None:
    strategy = wrong_values(CONTRACT.fields[name])
    assert strategy is not None
    expectation = classified(builder().form(**{name: data.draw(strategy)}))
    assert expectation.validity == "invalid"
    assert {violation.field for violation in expectation.violations} == {name}
    assert requirements_of(expectation) <= FIELD_IDS[name]


@given(st.integers())
def test_n_is_valid_from_1_to_10_and_invalid_otherwise(n: int) -> None:
    expectation = classified(builder().form(n=str(n)))
    assert expectation.validity == ("valid" if 1 <= n <= 10 else "invalid")
    assert ("IV-N-RANGE" if 1 <= n <= 10 else "IV-N-BOUNDS") in requirements_of(expectation)


@pytest.mark.parametrize(
    ("n", "validity", "requirement"),
    [
        ("01", "unspecified", None),
        ("0", "invalid", "IV-N-BOUNDS"),
        ("-0", "invalid", "IV-N-BOUNDS"),
        ("+11", "invalid", "IV-N-BOUNDS"),
        ("3 ", "invalid", "IV-N-STRICT"),
        ("9" * 5000, "invalid", "IV-N-BOUNDS"),
        ("٣", "invalid", "IV-N-INTEGER"),
        ("1e1", "invalid", "IV-N-INTEGER"),
        ("--1", "invalid", "IV-N-INTEGER"),
        ("- 1", "invalid", "IV-N-INTEGER"),
    ],
)
def test_unusual_spellings_of_n_have_the_stated_validity(n: str, validity: str, requirement: str | None) -> None:
    expectation = classified(builder().form(n=n))
    assert expectation.validity == validity
    assert requirements_of(expectation) == ({requirement} if requirement else set())


@given(broken_pngs())
def test_every_broken_png_violates_a_requirement_on_images(content: bytes) -> None:
    expectation = classified(builder().form(builder().image(content), **SMALL))
    assert expectation.validity == "invalid"
    assert requirements_of(expectation) <= {"IV-IMAGE-INTACT", "IV-IMAGE-FORMAT"}
    assert {violation.field for violation in expectation.violations} == {"image"}


@given(pngs(), users())
def test_every_intact_square_png_is_valid_with_every_user(content: bytes, user: str) -> None:
    expectation = classified(builder().form(builder().image(content), user=user, **SMALL))
    assert expectation.validity == "valid"
    assert expectation.image == content
    assert requirements_of(expectation) >= {"IV-USER-TEXT"}


@pytest.mark.parametrize(
    ("size_bytes", "validity"),
    [
        (CONTRACT.image_rules.valid_below_bytes - 1, "valid"),
        (CONTRACT.image_rules.valid_below_bytes, "unspecified"),
        (CONTRACT.image_rules.invalid_from_bytes - 1, "unspecified"),
        (CONTRACT.image_rules.invalid_from_bytes, "invalid"),
    ],
)
def test_an_image_size_between_the_valid_and_the_invalid_limit_is_unspecified(size_bytes: int, validity: str) -> None:
    content = png.padded(builder().png(), size_bytes)
    assert classified(builder().form(builder().image(content), **SMALL)).validity == validity


def test_an_image_of_too_many_pixels_is_unspecified() -> None:
    header = struct.pack(">IIBBBBB", 4097, 4097, 1, png.GREY, 0, 0, 0)
    chunks = (png.chunk(b"IHDR", header), png.chunk(b"IDAT", b"x"), png.chunk(b"IEND", b""))
    expectation = classified(builder().form(builder().image(png.SIGNATURE + b"".join(chunks))))
    assert (expectation.validity, expectation.unspecified) == ("unspecified", ("an image of 4097x4097",))


@pytest.mark.parametrize("authorization", [f"Bearer {KEY}", f"bearer {KEY}", f"BEARER  {KEY} "])
def test_the_right_key_is_valid_with_any_letter_case_of_bearer(authorization: str) -> None:
    assert classified(with_header(builder().form(), "authorization", authorization)).validity == "valid"


@given(st.text(st.characters(min_codepoint=32, max_codepoint=255), max_size=60).filter(lambda text: KEY not in text))
def test_an_authorization_header_without_the_right_key_violates_iv_auth_wrong(authorization: str) -> None:
    expectation = classified(with_header(builder().form(), "Authorization", authorization))
    assert requirements_of(expectation) == {"IV-AUTH-WRONG"}


@pytest.mark.parametrize("authorization", [None, "", "Bearer x", "Basic eA=="])
def test_any_authorization_header_is_valid_when_the_target_has_no_key(authorization: str | None) -> None:
    assert classified(with_header(builder().form(), "Authorization", authorization), api_key=None).validity == "valid"


@pytest.mark.parametrize(("name", "expected"), [("X-API-KEY", False), ("user-agent", False), ("content-type", True)])
def test_letter_case_is_a_feature_only_of_header_names_that_a_server_has_to_read(name: str, expected: bool) -> None:
    request = builder().form()
    value = request.header(name) or "x"
    expectation = classified(with_header(request, name, value))
    assert ("IV-WIRE-HEADER-CASE" in requirements_of(expectation)) == expected


@pytest.mark.parametrize("filename", [None, ""])
def test_an_empty_file_name_counts_as_no_file_name(filename: str | None) -> None:
    expectation = classified(builder().form(builder().image(filename=filename), **SMALL))
    assert requirements_of(expectation) == SMALL_FEATURES | {"IV-IMAGE-NO-FILENAME"}


def test_a_text_field_sent_as_a_file_is_unspecified() -> None:
    part = Part((("Content-Disposition", 'form-data; name="n"; filename="n.txt"'),), b"1")
    assert classified(builder().form(builder().image(), part)).unspecified == ("n is sent as a file",)


def test_a_request_with_a_violation_and_an_unspecified_field_is_invalid() -> None:
    parts = (builder().image(), text_part("n", "0"), text_part("unknown", "x"))
    expectation = classified(builder().multipart(parts))
    assert (expectation.validity, requirements_of(expectation)) == ("invalid", {"IV-N-BOUNDS"})


HEADER_LISTS = st.lists(
    st.tuples(
        st.sampled_from(["Authorization", "content-type", "Content-Type", "Content-Length", "X"]) | st.text(max_size=4),
        st.sampled_from([f"Bearer {KEY}", "multipart/form-data; boundary=b", 'multipart/form-data; boundary="', "b"])
        | st.text(max_size=8),
    ),
    max_size=4,
).map(tuple)
PIECES = st.sampled_from(
    [
        b"--b",
        b"--",
        b"\r\n",
        b'Content-Disposition: form-data; name="',
        b"image",
        b"n",
        b"user",
        b'"',
        b"\r\n\r\n",
        b"\xff",
    ]
)
BODIES = st.lists(PIECES | st.binary(max_size=8), max_size=20).map(b"".join)


@given(st.sampled_from(["POST", "GET", ""]), st.text(max_size=8), HEADER_LISTS, BODIES, st.booleans())
def test_arbitrary_requests_are_classified_and_only_valid_ones_have_requested(
    method: str, target: str, headers: tuple[tuple[str, str], ...], body: bytes, chunked: bool
) -> None:
    expectation = classified(Request(method, target, headers, body, chunked))
    assert (expectation.validity == "valid") == (expectation.requested is not None)


@given(st.lists(st.tuples(st.sampled_from(["image", "n", "size", "user", "model", "ä", ""]), BODIES), max_size=5))
def test_arbitrary_forms_are_classified_the_same_with_and_without_chunking(fields: list[tuple[str, bytes]]) -> None:
    request = builder().multipart(tuple(text_part(name, content) for name, content in fields))
    expectation = classified(request)
    assert requirements_of(expectation) <= set(CONTRACT.requirements)
    assert classified(evolve(request, chunked=True)).validity == expectation.validity
