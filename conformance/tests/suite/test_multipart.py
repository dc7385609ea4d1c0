"""Encoding and decoding of multipart forms, compared with the email parser of the standard library."""

import email.policy
from email.message import EmailMessage
from email.parser import BytesParser

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from image_variations_conformance.wire.multipart import (
    Malformed,
    NotMultipart,
    Part,
    boundary_of,
    decode,
    encode,
    file_part,
    text_part,
)

BOUNDARY = "a-boundary"
# Names of fields and files, without backslashes, on whose meaning RFC 7578 and browsers disagree.
NAMES = st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\\"), min_size=1, max_size=20)
# Without spaces, because the email parser strips them at both ends of a name.
ASCII_NAMES = st.text(st.characters(min_codepoint=33, max_codepoint=126, exclude_characters='\\"%'), min_size=1)
# Byte sequences that parsers mistake for a boundary: prefixes of the boundary, and all kinds of line ends.
NEAR_BOUNDARIES = st.sampled_from(
    [b"\r\n", b"\r", b"\n", b"--", b"\r\n--", b"\r\n--a-bound", b"--a-boundary", b"a-boundary--", b"\r\n\r\n", b"\0"]
)
CONTENTS = (
    st.lists(NEAR_BOUNDARIES | st.binary(max_size=8), max_size=8)
    .map(b"".join)
    .filter(lambda content: f"\r\n--{BOUNDARY}".encode() not in b"\r\n" + content)
)
CONTENT_TYPES = st.sampled_from([None, "image/png", "text/plain; charset=utf-8", "application/octet-stream"])


def parts(names: st.SearchStrategy[str]) -> st.SearchStrategy[tuple[Part, ...]]:
    text = st.builds(text_part, names, CONTENTS)
    file = st.builds(file_part, names, CONTENTS, st.none() | names, CONTENT_TYPES)
    return st.lists(text | file, max_size=4).map(tuple)


def content_type(boundary: str = BOUNDARY) -> str:
    return f"multipart/form-data; boundary={boundary}"


def by_email(content_type_header: str, body: bytes) -> list[tuple[object, ...]]:
    """Return the name, file name, type and content of each part, as read by the standard library."""
    head = f"Content-Type: {content_type_header}\r\nMIME-Version: 1.0\r\n\r\n".encode()
    message = BytesParser(EmailMessage, policy=email.policy.HTTP).parsebytes(head + body)
    return [
        (
            part.get_param("name", header="content-disposition"),
            part.get_filename(),
            part.get_content_type(),
            part.get_payload(decode=True),
        )
        for part in message.iter_parts()
    ]


@given(parts(NAMES))
def test_decode_returns_the_parts_that_encode_wrote(written: tuple[Part, ...]) -> None:
    read = decode(content_type(), encode(written, BOUNDARY))
    assert read == written
    assert [(part.name, part.filename) for part in read] == [(part.name, part.filename) for part in written]


@given(NAMES, NAMES, CONTENTS)
def test_quotes_in_names_are_percent_encoded_as_browsers_do(name: str, filename: str, content: bytes) -> None:
    (part,) = decode(content_type(), encode((file_part(name, content, filename, "image/png"),), BOUNDARY))
    assert part.name == name.replace('"', "%22")
    assert part.filename == filename.replace('"', "%22")
    assert (part.content_type, part.content) == ("image/png", content)


# Contents have no CR or LF, because the email parser splits lines at each of them.
@given(
    parts(ASCII_NAMES).filter(
        lambda drawn: drawn and not any(b"\r" in it.content or b"\n" in it.content for it in drawn)
    )
)
def test_the_standard_library_reads_the_same_parts(written: tuple[Part, ...]) -> None:
    read = by_email(content_type(), encode(written, BOUNDARY))
    assert read == [
        (part.name, part.filename, (part.content_type or "text/plain").partition(";")[0], part.content)
        for part in written
    ]


def test_line_ends_in_a_name_cannot_end_the_header() -> None:
    part = file_part("a\r\nX: y", b"", 'b"\r\n\r\n', None)
    assert part.headers == (("Content-Disposition", 'form-data; name="a%0D%0AX: y"; filename="b%22%0D%0A%0D%0A"'),)


def test_a_form_is_encoded_into_the_expected_bytes() -> None:
    encoded = encode((text_part("n", "2"), file_part("image", b"\x89PNG\r\n", "Bär.png", "image/png")), "xyz")
    assert encoded == (
        b'--xyz\r\nContent-Disposition: form-data; name="n"\r\n\r\n2\r\n'
        b'--xyz\r\nContent-Disposition: form-data; name="image"; filename="B\xc3\xa4r.png"\r\n'
        b"Content-Type: image/png\r\n\r\n\x89PNG\r\n\r\n"
        b"--xyz--\r\n"
    )


def test_a_form_without_parts_is_decoded() -> None:
    assert decode(content_type(), encode((), BOUNDARY)) == ()


@pytest.mark.parametrize("preamble", [b"\r\n", b"ignored\r\n", b"--a-bound\r\n\r\n", b"x: y\r\n\r\n--\r\n"])
@pytest.mark.parametrize("epilogue", [b"", b"\r\n", b"ignored", b"\r\n--a-boundary\r\n\r\nx\r\n--a-boundary--"])
def test_a_preamble_and_an_epilogue_are_ignored(preamble: bytes, epilogue: bytes) -> None:
    part = text_part("user", "me")
    assert decode(content_type(), preamble + encode((part,), BOUNDARY) + epilogue) == (part,)


@pytest.mark.parametrize(
    "headers",
    [
        (("content-disposition", 'form-data; name="user"'),),
        (("CONTENT-DISPOSITION", "form-data; name=user"),),
        (("Content-Type", "text/plain"), ("Content-Disposition", 'form-data;name="user"')),
        (("X-Other", ""), ("Content-Disposition", 'form-data; filename="a;b.txt"; name="user"')),
    ],
    ids=str,
)
def test_the_name_of_a_part_is_found_in_every_spelling_of_its_header(headers: tuple[tuple[str, str], ...]) -> None:
    (part,) = decode(content_type(), encode((Part(headers, b"me"),), BOUNDARY))
    assert (part.name, part.content) == ("user", b"me")


def test_an_escaped_quote_in_a_file_name_is_unescaped() -> None:
    part = Part((("Content-Disposition", r'form-data; name="image"; filename="a \"b\".png"'),), b"")
    assert part.filename == 'a "b".png'


def test_a_part_without_a_disposition_has_no_name() -> None:
    assert (Part((), b"").name, Part((), b"").filename, Part((), b"").content_type) == (None, None, None)


@pytest.mark.parametrize(
    ("content_type_header", "boundary"),
    [
        ("multipart/form-data; boundary=abc", "abc"),
        ("multipart/form-data;boundary=abc", "abc"),
        ("Multipart/Form-Data; BOUNDARY=aBc", "aBc"),
        ("multipart/form-data; charset=utf-8; boundary=abc", "abc"),
        ('multipart/form-data; boundary="abc"', "abc"),
        ("""multipart/form-data; boundary="0'()+_,-./:=? z\"""", "0'()+_,-./:=? z"),
        (f"multipart/form-data; boundary={'b' * 70}", "b" * 70),
        (f"multipart/form-data; boundary={'b' * 71}", None),
        ('multipart/form-data; boundary="abc "', None),
        ('multipart/form-data; boundary=""', None),
        ("multipart/form-data; boundary=", None),
        ("multipart/form-data", None),
        ("multipart/form-data; boundary", None),
        ('multipart/form-data; boundary="a*b"', None),
        ('multipart/form-data; boundary="bär"', None),
        ('multipart/form-data; boundary="a\tb"', None),
        ("multipart/mixed; boundary=abc", None),
        ("application/json; boundary=abc", None),
        ("", None),
    ],
)
def test_boundary_of_returns_only_boundaries_that_rfc_2046_allows(
    content_type_header: str, boundary: str | None
) -> None:
    assert boundary_of(content_type_header) == boundary


@pytest.mark.parametrize("boundary", ["0'()+_,-./:=? z", "b" * 70, "-", "--", "+++"])
def test_a_form_with_an_unusual_valid_boundary_is_decoded(boundary: str) -> None:
    written = (text_part("user", "me"), file_part("image", b"\r\n--\r\n", "a.png", "image/png"))
    assert decode(content_type(f'"{boundary}"'), encode(written, boundary)) == written


@pytest.mark.parametrize(
    ("content_type_header", "body", "problem"),
    [
        ("text/plain", b"", "not multipart/form-data"),
        (content_type(), b"", "no closing boundary"),
        (content_type(), b"anything", "boundary"),
        (content_type(), b'--a-boundary\r\nContent-Disposition: form-data; name="n"\r\n\r\n1', "no closing boundary"),
        (
            content_type(),
            b'--a-boundary\r\nContent-Disposition: form-data; name="n"\r\n\r\n1\r\n--a-boundary\r\n',
            "no clo",
        ),
        (content_type(), b"--a-boundary\r\nno header\r\n\r\n1\r\n--a-boundary--\r\n", "invalid character"),
        (content_type("other"), encode((text_part("n", "1"),), BOUNDARY), "oundary"),
    ],
)
def test_a_malformed_or_incomplete_form_raises_not_multipart(
    content_type_header: str, body: bytes, problem: str
) -> None:
    with pytest.raises(NotMultipart, match=problem):
        decode(content_type_header, body)


@given(parts(ASCII_NAMES).filter(bool), st.data())
def test_a_form_that_ends_within_its_parts_is_malformed(written: tuple[Part, ...], data: st.DataObject) -> None:
    body = encode(written, BOUNDARY)
    end = data.draw(st.integers(len(f"--{BOUNDARY}\r\n") + 1, len(body) - len("--\r\n")))
    with pytest.raises(Malformed):
        decode(content_type(), body[:end])


@given(parts(ASCII_NAMES), st.sampled_from([b" ", b"\t", b" \t "]))
def test_white_space_after_a_boundary_is_ignored(written: tuple[Part, ...], padding: bytes) -> None:
    """RFC 2046, section 5.1.1, lets transports add it."""
    delimiter = f"\r\n--{BOUNDARY}".encode()
    body = (b"\r\n" + encode(written, BOUNDARY)).replace(delimiter + b"\r\n", delimiter + padding + b"\r\n")
    body = body.replace(delimiter + b"--", delimiter + b"--" + padding)
    assert decode(content_type(), body.removeprefix(b"\r\n")) == written


def test_white_space_after_what_looks_like_a_boundary_is_content() -> None:
    written = (text_part("user", f"x--{BOUNDARY} \r\ny"),)
    assert decode(content_type(), encode(written, BOUNDARY)) == written


NEAR_HEADERS = st.lists(
    st.sampled_from(
        ["multipart/form-data", ";", " ", "boundary", "=", '"', "\\", "*", "*0", "''", "a-boundary", "é", "\udcff"]
    )
    | st.text(max_size=3),
    max_size=10,
).map("".join)
NEAR_FORMS = st.lists(
    st.sampled_from(
        [b"--a-boundary", b"\r\n", b"--", b"Content-Disposition: form-data; ", b'name="', b'"', b"filename*=", b": "]
    )
    | st.binary(max_size=6),
    max_size=16,
).map(b"".join)


@given(NEAR_HEADERS | st.just(content_type()), NEAR_FORMS)
@example(content_type(), b'--a-boundary\r\nContent-Disposition: form-data; name="\xff\r\n\r\n\r\n--a-boundary--')
def test_arbitrary_bytes_are_decoded_or_raise_not_multipart(content_type_header: str, body: bytes) -> None:
    try:
        read = decode(content_type_header, b"--a-boundary\r\n" + body)
    except NotMultipart:
        return
    for part in read:
        assert isinstance(part.name, str | None)
        assert isinstance(part.filename, str | None)
        assert isinstance(part.content_type, str | None)


@given(NEAR_HEADERS)
def test_arbitrary_content_types_raise_nothing_in_boundary_of(content_type_header: str) -> None:
    assert isinstance(boundary_of(content_type_header), str | None)


@given(NEAR_HEADERS)
def test_arbitrary_dispositions_raise_nothing_in_name_and_filename(disposition: str) -> None:
    part = Part((("Content-Disposition", f"form-data; {disposition}"),), b"")
    assert isinstance(part.name, str | None)
    assert isinstance(part.filename, str | None)
