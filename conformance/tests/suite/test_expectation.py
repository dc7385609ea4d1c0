"""The expectation of a request: its features, violations and open properties, and properties of drawn requests."""

import struct
import unicodedata

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st
from image_variations_conformance.cases.builder import Base
from image_variations_conformance.cases.catalogue import NAMED_CASES
from image_variations_conformance.cases.named_case import NamedCase
from image_variations_conformance.cases.plan import Plan
from image_variations_conformance.cases.png_strategies import pngs
from image_variations_conformance.cases.strategies import users, wrong_values
from image_variations_conformance.cases.transforms import with_header, with_media_type
from image_variations_conformance.contract.expectation import (
    Expectation,
    Feature,
    Requested,
    classify,
)
from image_variations_conformance.media import png
from image_variations_conformance.media.variants import ANCILLARY
from image_variations_conformance.wire.exchange import Request
from image_variations_conformance.wire.multipart import Part, text_part
from support.pictures import broken_pngs
from support.profiles import effective
from support.requests import CONTRACT, KEY, SMALL, TARGET, builder, classified

# The features of an image alone. The other requests are a probe more than that.
PLAIN = {
    *("IV-OP-VALID", "IV-IMAGE-PNG", "IV-MODEL-OPTIONAL", "IV-USER-OPTIONAL"),
    *("IV-N-DEFAULT", "IV-SIZE-DEFAULT", "IV-FORMAT-DEFAULT"),
}
SMALL_FEATURES = PLAIN - {"IV-OP-VALID", "IV-SIZE-DEFAULT", "IV-FORMAT-DEFAULT"} | {"IV-SIZE-ENUM", "IV-FORMAT-ENUM"}


def requirements_of(expectation: Expectation) -> set[str]:
    """Return the ids of the requirements that a request tests by itself."""
    return {test.requirement for test in expectation.tests}


def probed(item: str) -> Expectation:
    """Return the expectation of an image alone with one probe."""
    plan = Plan.of(CONTRACT, TARGET, 1)
    found = (*plan.must_probes, *plan.should_probes, *plan.open_probes)
    (probe,) = (probe for probe in found if probe.item == item)
    return plan.valid("a-label", "a note", Base(), (probe,)).expectation


def test_an_image_alone_exercises_what_is_valid_without_other_fields() -> None:
    assert requirements_of(classified(builder().form())) == PLAIN
    assert requirements_of(classified(builder().form(**SMALL))) == SMALL_FEATURES


@pytest.mark.parametrize(
    ("item", "feature"),
    [
        ("n=10", Feature("IV-N-RANGE", "10")),
        ("size=512x512", Feature("IV-SIZE-ENUM", "512x512")),
        ("response_format=url", Feature("IV-FORMAT-ENUM", "url")),
        ("model=dall-e-2", Feature("IV-MODEL-ACCEPTED", "dall-e-2")),
        ("user=unicode", Feature("IV-USER-TEXT", "text Unicode")),
        ("user=empty", Feature("IV-USER-LENGTH", "empty")),
        ("user=1000-characters", Feature("IV-USER-LENGTH", "text long")),
        ("png=rgba", Feature("IV-IMAGE-PNG", "8-bit RGBA")),
        ("png=interlaced", Feature("IV-IMAGE-PNG-KINDS", "8-bit RGB, interlaced")),
        ("png=1x1", Feature("IV-IMAGE-PNG-KINDS", "1x1, 8-bit RGB")),
        ("png=animated", Feature("IV-IMAGE-PNG-ANIMATED")),
        ("chunks=known-ancillary", Feature("IV-IMAGE-PNG-CHUNKS", "iCCP")),
        ("chunks=palette-and-transparent-colour", Feature("IV-IMAGE-PNG-CHUNKS", "tRNS")),
        ("side=minimum", Feature("IV-IMAGE-PNG-SIDES", "smallest")),
        ("side=odd", Feature("IV-IMAGE-PNG-SIDES", "not a multiple of 8")),
        ("side=1000", Feature("IV-IMAGE-PNG-SIDES", "large")),
        ("side=maximum", Feature("IV-IMAGE-PNG-SIDES", "largest")),
        ("image-label=jpg-name", Feature("IV-IMAGE-BY-BYTES", "picture.jpg")),
        ("image-label=upper-case-name", Feature("IV-IMAGE-BY-BYTES", "PICTURE.PNG")),
        ("image-label=jpeg-type", Feature("IV-IMAGE-BY-BYTES", "image/jpeg")),
        ("image-label=upper-case-type", Feature("IV-IMAGE-BY-BYTES", "IMAGE/PNG")),
        ("part-type=octet-stream", Feature("IV-IMAGE-OCTET-STREAM", "application/octet-stream")),
        ("part-type=absent", Feature("IV-IMAGE-OCTET-STREAM", "no type")),
        ("filename=empty", Feature("IV-IMAGE-NO-FILENAME")),
        ("filename=quote", Feature("IV-WIRE-FILENAME", 'a "b".png')),
        ("filename=unicode", Feature("IV-WIRE-FILENAME", "B\u00e4r \u718a #1.png")),
        ("boundary=quoted", Feature("IV-WIRE-BOUNDARY", "quoted")),
        ("boundary=quoted-pair", Feature("IV-WIRE-QUOTED-PAIR")),
        ("boundary=dashes", Feature("IV-WIRE-BOUNDARY", "dashes")),
        ("boundary=short", Feature("IV-WIRE-BOUNDARY", "short")),
        ("body=small-chunks", Feature("IV-WIRE-CHUNKED", "small chunks")),
        ("body=chunk-extension", Feature("IV-WIRE-CHUNKED", "chunk extension")),
        ("body=trailers", Feature("IV-WIRE-CHUNKED", "trailers")),
        ("letter-case=header-names", Feature("IV-WIRE-HEADER-CASE", "names")),
        ("letter-case=scheme", Feature("IV-WIRE-HEADER-CASE", "bearer")),
        ("letter-case=media-type", Feature("IV-WIRE-HEADER-CASE", "words of Content-Type")),
        ("parameter-order=filename-first", Feature("IV-WIRE-PARAMETERS", "filename first in Content-Disposition")),
        ("parameter-order=charset-first", Feature("IV-WIRE-PARAMETERS", "charset first in Content-Type")),
        ("parameter-order=no-spaces", Feature("IV-WIRE-PARAMETERS", "delimiters in Content-Type")),
        ("parameter-order=backslash-before-name", Feature("IV-WIRE-PARAMETERS", "delimiters in Content-Disposition")),
        ("parameter-order=more-spaces", Feature("IV-WIRE-PARAMETERS", "charset in Content-Type")),
        ("part-headers=unknown", Feature("IV-WIRE-PART-HEADERS", "X-Part")),
        ("text-around=transport-padding", Feature("IV-WIRE-PREAMBLE")),
        ("query-string=other-values", Feature("IV-WIRE-QUERY")),
        ("query-string=semicolon-and-brackets", Feature("IV-WIRE-QUERY")),
        ("text-part-type=charset-in-quotes", Feature("IV-WIRE-TEXT-TYPE", 'text/plain; charset="UTF-8"')),
        ("expect=100-continue", Feature("IV-WIRE-EXPECT")),
        ("spaces-before-key=two", Feature("IV-AUTH-SPACES")),
        ("header=no-accept", Feature("IV-WIRE-HEADERS", "no Accept")),
        ("header=unknown", Feature("IV-WIRE-HEADERS", "X-Request-Source")),
    ],
    ids=str,
)
def test_a_feature_names_its_value(item: str, feature: Feature) -> None:
    expectation = probed(item)
    assert expectation.validity == "valid"
    assert feature in expectation.features


@pytest.mark.parametrize(
    ("item", "requirement"),
    [("user=empty", "IV-USER-TEXT"), ("png=animated", "IV-IMAGE-PNG-CHUNKS"), ("png=grey", "IV-IMAGE-PNG")],
)
def test_what_should_be_accepted_does_not_exercise_what_must_be(item: str, requirement: str) -> None:
    assert requirement not in requirements_of(probed(item))


@pytest.mark.parametrize(
    ("item", "unspecified"),
    [
        ("field-unknown", "unknown field 'quality_of_light'"),
        ("field-unnamed", "unknown field None"),
        ("image-twice", "image is there more than once"),
        ("n-twice", "n is there more than once"),
        ("n-leading-zero", "the contract does not say how to read n='01'"),
        ("user-not-utf-8", "user is not UTF-8"),
        ("image-empty-chunks", "an empty chunk b'cHRM'"),
        ("user-of-1-500-000-characters", "a user of 1500000 characters"),
        ("user-nul", "the contract does not say how to read user='a\\x00b'"),
        ("text-charset-unknown", "user is sent as text/plain; charset=x-unknown"),
        ("part-transfer-encoding", "a part with Content-Transfer-Encoding"),
        ("filename-star", "a Content-Disposition that RFC 9110 or RFC 7578 does not allow"),
        ("filename-broken", "a Content-Disposition that RFC 9110 or RFC 7578 does not allow"),
        ("header-accept-image", "the header Accept: image/png"),
        ("header-if-none-match", "the header If-None-Match: *"),
    ],
)
def test_what_the_contract_leaves_open_says_what_it_is(item: str, unspecified: str) -> None:
    expectation = probed(item)
    assert expectation.validity == "unspecified"
    assert unspecified in expectation.unspecified
    assert requirements_of(expectation) == set()


@pytest.mark.parametrize(
    ("label", "unspecified"),
    [
        ("body-cut", "a malformed form: the form has no closing boundary"),
        ("body-lf", "a malformed form: Did not find CR at end of boundary (34)"),
        ("method-options", "method OPTIONS"),
    ],
)
@pytest.mark.parametrize("base", [Base(), Base(SMALL)], ids=str)
def test_an_open_case_is_unspecified_with_any_base(label: str, unspecified: str, base: Base) -> None:
    (row,) = (row for row in NAMED_CASES if row.label == label)
    assert classified(row.build(builder(label, base=base))).unspecified == (unspecified,)


def test_nothing_is_said_of_the_body_of_a_request_with_another_method() -> None:
    for request in (builder().form(n="0"), builder().post(b"{}", "application/json")):
        assert requirements_of(classified(evolve(request, method="PUT"))) == {"IV-OP-METHOD"}


@pytest.mark.parametrize("row", NAMED_CASES, ids=lambda row: row.label)
def test_the_expectation_of_a_named_case_does_not_depend_on_the_seed(row: NamedCase) -> None:
    one, other = (classified(row.build(builder(row.label, seed))) for seed in (1, 2))
    assert (one.validity, one.violated, one.requested) == (other.validity, other.violated, other.requested)


def test_requested_has_given_values_and_defaults_and_is_none_for_requests_that_are_not_valid() -> None:
    everything = classified(builder().form(n="3", **SMALL)).requested
    assert everything == Requested(3, "256x256", "b64_json", frozenset({"n", "size", "response_format"}))
    assert classified(builder().form()).requested == Requested(1, "1024x1024", "url", frozenset())
    assert classified(builder().form(n="0")).requested is None
    assert classified(builder().form(unknown="x")).requested is None


@pytest.mark.parametrize(
    ("sides", "unspecified"),
    [({"max": 1024}, ()), ({"multiple_of": 2}, ("an image of 1x1",)), ({"min": 3}, ("an image of 1x1",))],
)
def test_an_image_of_one_pixel_is_unspecified_where_a_profile_rules_it_out(
    sides: dict[str, int], unspecified: tuple[str, ...]
) -> None:
    request = builder().form(builder().image(builder().png(side=1)))
    assert classify(request, effective(image_sides=sides), KEY).unspecified == unspecified


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
def test_every_intact_square_png_is_valid_with_every_user_that_can_be_printed(content: bytes, user: str) -> None:
    expectation = classified(builder().form(builder().image(content), user=user, **SMALL))
    has_controls = any(unicodedata.category(letter) in {"Cc", "Zl", "Zp"} for letter in user)
    assert expectation.validity == ("unspecified" if has_controls else "valid")
    assert expectation.image == content
    if not has_controls:
        assert requirements_of(expectation) >= {"IV-USER-TEXT" if user else "IV-USER-LENGTH"}


@given(st.integers(0, 600))
def test_the_length_of_a_user_decides_which_requirement_it_exercises(length: int) -> None:
    requirement = "IV-USER-TEXT" if 1 <= length <= 256 else "IV-USER-LENGTH"
    found = requirements_of(classified(builder().form(user="u" * length)))
    assert found & {"IV-USER-TEXT", "IV-USER-LENGTH"} == {requirement}


@given(st.integers(1, 200), st.sampled_from([png.PLAIN, png.Kind(png.RGBA), png.Kind(png.GREY)]))
def test_a_plain_png_of_an_unusual_side_exercises_the_requirement_on_sides(side: int, kind: png.Kind) -> None:
    found = requirements_of(classified(builder().form(builder().image(builder().png(kind, side)))))
    unusual = kind != png.Kind(png.GREY) and side > 1 and (side == 2 or side % 8 != 0)
    assert ("IV-IMAGE-PNG-SIDES" in found) == unusual


@given(st.lists(st.sampled_from(sorted(ANCILLARY)), unique=True, max_size=3))
def test_each_ancillary_chunk_is_a_feature(names: list[str]) -> None:
    content = builder().png()
    for name in names:
        content = ANCILLARY[name](content)
    assert png.inspect(content)
    found = classified(builder().form(builder().image(content)))
    chunks = {name for name, _ in png.chunks(content)} - {b"IHDR", b"PLTE", b"IDAT", b"IEND", b"acTL", b"fcTL", b"fdAT"}
    assert found.validity == "valid"
    assert {it.value.encode() for it in found.features if it.requirement == "IV-IMAGE-PNG-CHUNKS"} == chunks
    assert ("IV-IMAGE-PNG-ANIMATED" in requirements_of(found)) == ("animated" in names)


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


@given(
    st.text(st.characters(min_codepoint=32, max_codepoint=255, exclude_characters="\x7f"), max_size=60).filter(
        lambda text: KEY not in text
    )
)
def test_an_authorization_header_without_the_right_key_violates_iv_auth_wrong(authorization: str) -> None:
    expectation = classified(with_header(builder().form(), "Authorization", authorization))
    assert requirements_of(expectation) == {"IV-AUTH-WRONG"}


@pytest.mark.parametrize("sign", ["\x00", "\x01", "\n", "\x7f"])
def test_a_header_with_a_control_character_leaves_open_whether_the_request_is_refused(sign: str) -> None:
    expectation = classified(with_header(builder().form(n="0"), "Authorization", f"Bearer {KEY}{sign}"))
    assert (expectation.validity, expectation.image_count) == ("unspecified", 1)
    assert classified(with_header(builder().form(), "X-Trace", f"a{sign}b")).validity == "unspecified"
    assert classified(with_header(builder().form(), "X-Trace", "a\tb")).validity == "valid"


@pytest.mark.parametrize("authorization", [None, "", "Bearer x", "Basic eA=="])
def test_any_authorization_header_is_valid_when_the_target_has_no_key(authorization: str | None) -> None:
    assert classified(with_header(builder().form(), "Authorization", authorization), api_key=None).validity == "valid"


@pytest.mark.parametrize(("name", "expected"), [("X-API-KEY", False), ("user-agent", False), ("content-type", True)])
def test_letter_case_is_a_feature_only_of_header_names_that_a_server_has_to_read(name: str, expected: bool) -> None:
    request = builder().form()
    value = request.header(name) or "x"
    expectation = classified(with_header(request, name, value))
    assert ("IV-WIRE-HEADER-CASE" in requirements_of(expectation)) == expected


@pytest.mark.parametrize(
    ("name", "value", "validity", "requirement"),
    [
        ("Accept", "*/*", "valid", "IV-WIRE-HEADERS"),
        ("Accept", "text/html, application/*;q=0.5", "valid", "IV-WIRE-HEADERS"),
        ("Accept", "image/png", "unspecified", None),
        ("Accept", "application/json;q=0", "unspecified", None),
        ("Accept-Encoding", "gzip", "valid", None),
        ("Expect", "100-Continue", "valid", "IV-WIRE-EXPECT"),
        ("Expect", "200-ok", "unspecified", None),
        ("Range", "bytes=0-1", "unspecified", None),
        ("Cookie", "a=1", "valid", "IV-WIRE-HEADERS"),
    ],
)
def test_a_header_field_of_a_request_is_a_feature_or_unspecified(
    name: str, value: str, validity: str, requirement: str | None
) -> None:
    expectation = classified(with_header(builder().form(), name, value))
    assert expectation.validity == validity
    assert requirements_of(expectation) - PLAIN == ({requirement} if requirement else set())


@pytest.mark.parametrize(
    ("disposition", "validity", "features"),
    [
        ('form-data; name="image"; filename="a.png"', "valid", set()),
        ("form-data; name=image; filename=a.png", "valid", set()),
        ('form-data; name="image"; filename="a.png";', "valid", {"IV-WIRE-PARAMETERS"}),
        ('form-data ; name="image";filename="a.png"', "valid", {"IV-WIRE-PARAMETERS"}),
        ('form-data; filename="a.png"; name="image"', "valid", {"IV-WIRE-PARAMETERS"}),
        ('form-data; name="image"; filename="a;b.png"', "valid", {"IV-WIRE-FILENAME"}),
        ('Form-Data; Name="image"; filename="a.png"', "valid", {"IV-WIRE-HEADER-CASE"}),
        ('form-data; name="image"; filename="a.png', "unspecified", set()),
        ("form-data; name=\"image\"; filename*=UTF-8''a.png", "unspecified", set()),
    ],
)
def test_the_parameters_of_a_part_are_read_as_rfc_9110_says(
    disposition: str, validity: str, features: set[str]
) -> None:
    part = evolve(builder().image(), headers=(("Content-Disposition", disposition), ("Content-Type", "image/png")))
    expectation = classified(builder().form(part))
    assert (expectation.validity, requirements_of(expectation) - PLAIN) == (validity, features)


@pytest.mark.parametrize(
    ("media_type", "validity"),
    [
        ("text/plain", "valid"),
        ("Text/Plain;charset=utf-8", "valid"),
        ('text/plain; charset="UTF-8"', "valid"),
        ("text/plain; charset=iso-8859-1", "valid"),
        ("text/plain; charset=utf-16", "unspecified"),
        ("application/json", "unspecified"),
        ("", "unspecified"),
    ],
)
def test_a_text_field_may_say_that_it_is_plain_text(media_type: str, validity: str) -> None:
    part = with_media_type(text_part("user", "somebody"), media_type)
    expectation = classified(builder().form(builder().image(), part))
    assert expectation.validity == validity
    assert ("IV-WIRE-TEXT-TYPE" in requirements_of(expectation)) == (validity == "valid")


def test_the_charset_of_a_text_beyond_ascii_decides_whether_it_can_be_read() -> None:
    for charset, validity in (("utf-8", "valid"), ("iso-8859-1", "unspecified")):
        part = with_media_type(text_part("user", "Zo\u00eb"), f"text/plain; charset={charset}")
        assert classified(builder().form(builder().image(), part)).validity == validity


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


@given(
    st.sampled_from(["POST", "GET", ""]),
    st.just("/v1/images") | st.text(max_size=8),
    HEADER_LISTS,
    BODIES,
    st.booleans(),
)
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
