"""What the contract says of a request: stated by hand for each named, and as properties for all that is drawn."""

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
    INVALID_FROM_BYTES,
    VALID_UP_TO_BYTES,
    Expectation,
    Feature,
    Requested,
)
from image_variations_conformance.media import png
from image_variations_conformance.wire.exchange import Request
from image_variations_conformance.wire.multipart import Part, text_part
from support.requests import CONTRACT, KEY, builder, classified

# What each named violates against; all of it, and nothing else.
OFFENCES = {
    "method-get": {"IV-OP-METHOD", "IV-OP-MULTIPART"},
    "method-put": {"IV-OP-METHOD", "IV-OP-MULTIPART"},
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

ALONE = frozenset(
    {"IV-OP-VALID", "IV-IMAGE-PNG", "IV-MODEL-OPTIONAL", "IV-USER-OPTIONAL"}
    | {"IV-N-DEFAULT", "IV-SIZE-DEFAULT", "IV-FORMAT-DEFAULT"}
)
CHEAP = frozenset(
    {"IV-IMAGE-PNG", "IV-MODEL-OPTIONAL", "IV-USER-OPTIONAL", "IV-N-DEFAULT", "IV-SIZE-ENUM", "IV-FORMAT-ENUM"}
)
COUNTED = CHEAP - {"IV-N-DEFAULT"} | {"IV-N-RANGE"}
OTHER_KIND = CHEAP - {"IV-IMAGE-PNG"} | {"IV-IMAGE-PNG-KINDS"}
NAMED = CHEAP - {"IV-USER-OPTIONAL"} | {"IV-USER-TEXT"}
SIZED = CHEAP - {"IV-FORMAT-ENUM"} | {"IV-FORMAT-DEFAULT"}

# What each named that is to be accepted puts to use; all of it, and nothing else.
TRAITS = {
    "plain": ALONE,
    "plain-after-ten": ALONE,
    "plain-at-the-end": ALONE,
    "small": CHEAP,
    "small-after-errors": CHEAP,
    "n-ten": COUNTED,
    "n-two": COUNTED,
    "all-fields": COUNTED - {"IV-MODEL-OPTIONAL", "IV-USER-OPTIONAL"} | {"IV-MODEL-ACCEPTED", "IV-USER-TEXT"},
    "size-512": CHEAP,
    "size-1024": CHEAP,
    "format-default": SIZED,
    "size-default": COUNTED - {"IV-SIZE-ENUM"} | {"IV-SIZE-DEFAULT"},
    "user-empty": NAMED,
    "user-unicode": NAMED,
    "user-long": NAMED,
    "wire-order": COUNTED | {"IV-WIRE-ORDER"},
    "wire-query": COUNTED | {"IV-WIRE-QUERY"},
    "wire-lower-case": CHEAP | {"IV-WIRE-HEADER-CASE"},
    "wire-chunked": CHEAP | {"IV-WIRE-CHUNKED"},
    "wire-boundary-quoted": CHEAP | {"IV-WIRE-BOUNDARY"},
    "wire-boundary-long": CHEAP | {"IV-WIRE-BOUNDARY"},
    "filename-space": CHEAP | {"IV-WIRE-FILENAME"},
    "filename-quote": CHEAP | {"IV-WIRE-FILENAME"},
    "filename-unicode": CHEAP | {"IV-WIRE-FILENAME"},
    "filename-none": CHEAP | {"IV-IMAGE-NO-FILENAME"},
    "filename-jpg": CHEAP | {"IV-IMAGE-BY-BYTES"},
    "part-type-jpeg": CHEAP | {"IV-IMAGE-BY-BYTES"},
    "part-type-octets": CHEAP | {"IV-IMAGE-OCTET-STREAM"},
    "part-type-none": CHEAP | {"IV-IMAGE-OCTET-STREAM"},
    "png-rgba": CHEAP,
    "png-palette": OTHER_KIND,
    "png-grey": OTHER_KIND,
    "png-grey-alpha": OTHER_KIND,
    "png-16-bit": OTHER_KIND,
    "png-interlaced": OTHER_KIND,
    "png-1x1": OTHER_KIND,
    "png-4-mb": CHEAP | {"IV-IMAGE-UP-TO-LIMIT"},
    "combined-wire": COUNTED - {"IV-USER-OPTIONAL"}
    | {
        "IV-WIRE-ORDER",
        "IV-WIRE-HEADER-CASE",
        "IV-WIRE-CHUNKED",
        "IV-WIRE-BOUNDARY",
        "IV-WIRE-FILENAME",
        "IV-WIRE-PART-HEADERS",
        "IV-USER-TEXT",
    },
    "user-none-512": CHEAP,
    "small-link": CHEAP,
    "model-given": CHEAP - {"IV-MODEL-OPTIONAL"} | {"IV-MODEL-ACCEPTED"},
    "combined-texts": NAMED | {"IV-WIRE-BOUNDARY", "IV-WIRE-FILENAME"},
    "combined-labels": NAMED | {"IV-WIRE-FILENAME", "IV-IMAGE-BY-BYTES"},
    "combined-large": NAMED - {"IV-MODEL-OPTIONAL"} | {"IV-IMAGE-BY-BYTES", "IV-MODEL-ACCEPTED"},
    "combined-octets": OTHER_KIND | {"IV-IMAGE-NO-FILENAME", "IV-IMAGE-OCTET-STREAM"},
    "combined-bits": OTHER_KIND | {"IV-WIRE-PREAMBLE"},
    "wire-part-headers": CHEAP | {"IV-WIRE-PART-HEADERS"},
    "wire-preamble": CHEAP | {"IV-WIRE-PREAMBLE"},
    "together-1": CHEAP,
    "together-2": CHEAP,
    "together-3": CHEAP,
    "together-4": CHEAP,
    "together-5": COUNTED,
    "together-6": SIZED,
    "n-two-quick": SIZED - {"IV-N-DEFAULT"} | {"IV-N-RANGE"},
    "together-quick-1": CHEAP,
    "together-quick-2": ALONE,
    "together-quick-3": CHEAP,
    "together-quick-4": ALONE,
}

OPEN = {
    "field-unknown": "unknown field 'quality_of_light'",
    "field-unnamed": "unknown field None",
    "image-twice": "image is there more than once",
    "n-twice": "n is there more than once",
    "user-not-utf-8": "user is not UTF-8",
    "body-cut": "a malformed form: the form has no closing boundary",
    "body-lf": "a malformed form: Did not find CR at end of boundary (34)",
}


def requirements_of(found: Expectation) -> set[str]:
    """Return the ids of the requirements that a request puts to the test by itself."""
    return {test.requirement for test in found.tests}


def test_each_corner_stands_in_one_table() -> None:
    assert sorted([*OFFENCES, *TRAITS, *OPEN]) == sorted(named.label for named in NAMED_CASES)


@pytest.mark.parametrize("named", NAMED_CASES, ids=lambda named: named.label)
def test_each_corner_is_what_the_tables_say(named: NamedCase) -> None:
    found = classified(named.build(builder(named.label)))
    violations = {violation.requirement for violation in found.violations}
    features = {feature.requirement for feature in found.features}
    if named.label in OFFENCES:
        assert found.validity == "invalid"
        assert violations == OFFENCES[named.label]
        assert requirements_of(found) == OFFENCES[named.label]
    elif named.label in TRAITS:
        assert found.validity == "valid"
        assert features == TRAITS[named.label]
        assert requirements_of(found) == TRAITS[named.label]
    else:
        assert (found.validity, found.unspecified) == ("unspecified", (OPEN[named.label],))
        assert requirements_of(found) == set()


@pytest.mark.parametrize("named", NAMED_CASES, ids=lambda named: named.label)
def test_no_corner_is_judged_by_its_seed(named: NamedCase) -> None:
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
def test_a_trait_says_with_which_value(label: str, feature: Feature) -> None:
    (named,) = (named for named in NAMED_CASES if named.label == label)
    assert feature in classified(named.build(builder())).features


def test_what_a_valid_request_asks_for_is_what_it_says_and_the_rest_by_default() -> None:
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


def test_each_field_that_can_be_wrong_has_wrong_values() -> None:
    assert {name for name, schema in CONTRACT.fields.items() if wrong_values(schema) is not None} == set(FIELD_IDS)


@pytest.mark.parametrize("name", FIELD_IDS)
@given(data=st.data())
def test_every_wrong_value_is_an_offence_of_its_field(name: str, data: st.DataObject) -> None:
    strategy = wrong_values(CONTRACT.fields[name])
    assert strategy is not None
    found = classified(builder().form(**{name: data.draw(strategy)}))
    assert found.validity == "invalid"
    assert {violation.field for violation in found.violations} == {name}
    assert requirements_of(found) <= FIELD_IDS[name]


@given(st.integers())
def test_an_n_is_valid_within_its_bounds_and_nowhere_else(n: int) -> None:
    found = classified(builder().form(n=str(n)))
    assert found.validity == ("valid" if 1 <= n <= 10 else "invalid")
    assert ("IV-N-RANGE" if 1 <= n <= 10 else "IV-N-BOUNDS") in requirements_of(found)


@pytest.mark.parametrize(
    ("n", "verdict", "requirement"),
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
def test_odd_numbers_are_read_as_the_table_of_readings_has_them(n: str, verdict: str, requirement: str | None) -> None:
    found = classified(builder().form(n=n))
    assert found.validity == verdict
    assert requirements_of(found) == ({requirement} if requirement else set())


@given(broken_pngs())
def test_every_broken_png_is_an_offence(content: bytes) -> None:
    found = classified(builder().form(builder().image(content), **SMALL))
    assert found.validity == "invalid"
    assert requirements_of(found) <= {"IV-IMAGE-INTACT", "IV-IMAGE-FORMAT"}
    assert {violation.field for violation in found.violations} == {"image"}


@given(pngs(), users())
def test_every_whole_square_png_and_every_user_is_valid(content: bytes, user: str) -> None:
    found = classified(builder().form(builder().image(content), user=user, **SMALL))
    assert found.validity == "valid"
    assert found.image == content
    assert requirements_of(found) >= {"IV-USER-TEXT"}


@pytest.mark.parametrize(
    ("size_bytes", "verdict"),
    [
        (VALID_UP_TO_BYTES, "valid"),
        (VALID_UP_TO_BYTES + 1, "unspecified"),
        (INVALID_FROM_BYTES - 1, "unspecified"),
        (INVALID_FROM_BYTES, "invalid"),
    ],
)
def test_between_the_two_limits_nobody_ever_said(size_bytes: int, verdict: str) -> None:
    content = png.padded(builder().png(), size_bytes)
    assert classified(builder().form(builder().image(content), **SMALL)).validity == verdict


def test_a_picture_of_more_pixels_than_anyone_has_to_decode_is_open() -> None:
    header = struct.pack(">IIBBBBB", 4097, 4097, 1, png.GREY, 0, 0, 0)
    pieces = (png.chunk(b"IHDR", header), png.chunk(b"IDAT", b"x"), png.chunk(b"IEND", b""))
    found = classified(builder().form(builder().image(png.SIGNATURE + b"".join(pieces))))
    assert (found.validity, found.unspecified) == ("unspecified", ("an image of 4097x4097",))


@pytest.mark.parametrize("authorization", [f"Bearer {KEY}", f"bearer {KEY}", f"BEARER  {KEY} "])
def test_the_right_key_is_right_under_any_scheme_case(authorization: str) -> None:
    assert classified(with_header(builder().form(), "authorization", authorization)).validity == "valid"


@given(st.text(st.characters(min_codepoint=32, max_codepoint=255), max_size=60).filter(lambda text: KEY not in text))
def test_any_other_authorization_is_wrong(authorization: str) -> None:
    found = classified(with_header(builder().form(), "Authorization", authorization))
    assert requirements_of(found) == {"IV-AUTH-WRONG"}


@pytest.mark.parametrize("authorization", [None, "", "Bearer x", "Basic eA=="])
def test_without_a_key_of_the_target_none_is_wrong(authorization: str | None) -> None:
    assert classified(with_header(builder().form(), "Authorization", authorization), api_key=None).validity == "valid"


@pytest.mark.parametrize(("name", "expected"), [("X-API-KEY", False), ("user-agent", False), ("content-type", True)])
def test_only_names_that_a_server_has_to_read_put_their_letter_case_to_use(name: str, expected: bool) -> None:
    request = builder().form()
    value = request.header(name) or "x"
    found = classified(with_header(request, name, value))
    assert ("IV-WIRE-HEADER-CASE" in requirements_of(found)) == expected


@pytest.mark.parametrize("filename", [None, ""])
def test_an_empty_file_name_is_none(filename: str | None) -> None:
    found = classified(builder().form(builder().image(filename=filename), **SMALL))
    assert requirements_of(found) == CHEAP | {"IV-IMAGE-NO-FILENAME"}


def test_a_text_field_sent_as_a_file_is_open() -> None:
    part = Part((("Content-Disposition", 'form-data; name="n"; filename="n.txt"'),), b"1")
    assert classified(builder().form(builder().image(), part)).unspecified == ("n is sent as a file",)


def test_an_offence_beside_an_open_matter_still_makes_a_request_invalid() -> None:
    parts = (builder().image(), text_part("n", "0"), text_part("unknown", "x"))
    found = classified(builder().multipart(parts))
    assert (found.validity, requirements_of(found)) == ("invalid", {"IV-N-BOUNDS"})


HEADERS = st.lists(
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


@given(st.sampled_from(["POST", "GET", ""]), st.text(max_size=8), HEADERS, BODIES, st.booleans())
def test_arbitrary_requests_are_appraised(
    method: str, target: str, headers: tuple[tuple[str, str], ...], body: bytes, chunked: bool
) -> None:
    found = classified(Request(method, target, headers, body, chunked))
    assert (found.validity == "valid") == (found.requested is not None)


@given(st.lists(st.tuples(st.sampled_from(["image", "n", "size", "user", "model", "ä", ""]), BODIES), max_size=5))
def test_arbitrary_forms_are_appraised(fields: list[tuple[str, bytes]]) -> None:
    request = builder().multipart(tuple(text_part(name, content) for name, content in fields))
    found = classified(request)
    assert requirements_of(found) <= set(CONTRACT.requirements)
    assert classified(evolve(request, chunked=True)).validity == found.validity
