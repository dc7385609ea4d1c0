import email
from collections.abc import Callable, Iterable, Sequence

import anyio
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from image_variations_conformance.reference.app.api_error import ApiError
from image_variations_conformance.reference.app.form import PART_LIMIT, TEXT_LIMIT, Part, form_boundary, read_form
from image_variations_conformance.reference.app.incoming import IncomingRequest
from starlette.types import Message

BOUNDARY = b"a-boundary"
LIMIT = 64 * 1024


def read(chunks: Iterable[bytes], boundary: bytes = BOUNDARY, fields: Sequence[str] = ("image", "n")) -> list[Part]:
    """Return the parts of a form whose body arrives in these chunks. `fields` are those whose content is kept."""
    remaining = list(chunks)

    async def receive() -> Message:
        body = remaining.pop(0) if remaining else b""
        return {"type": "http.request", "body": body, "more_body": bool(remaining)}

    async def send(message: Message) -> None:
        raise AssertionError(message)

    async def run() -> list[Part]:
        request = IncomingRequest({"type": "http", "headers": []}, receive, send)
        return list(await read_form(request, boundary, fields, "image", LIMIT))

    return anyio.run(run)


def form(*parts: tuple[str, bytes], boundary: bytes = BOUNDARY) -> bytes:
    """Return the body of a form. Each part is given by its Content-Disposition and its content."""
    body = b"".join(
        b"--" + boundary + b"\r\nContent-Disposition: " + disposition.encode() + b"\r\n\r\n" + content + b"\r\n"
        for disposition, content in parts
    )
    return body + b"--" + boundary + b"--\r\n"


def cut(body: bytes, places: Iterable[int]) -> list[bytes]:
    """Return the body in chunks that end at these offsets."""
    ends = sorted({min(place, len(body)) for place in places} | {len(body)})
    return [body[start:end] for start, end in zip([0, *ends], ends, strict=False)]


names = st.text("abcdefghijklmnopqrstuvwxyzABC0123456789_-[]. ", min_size=1, max_size=12).map(lambda text: f"x{text}x")
# Contents with many fragments that resemble a delimiter.
contents = st.lists(
    st.sampled_from(
        [b"\r", b"\n", b"\r\n", b"-", b"--", b"\r\n--", b"\r\n--a-bound", b"a-boundary", b"\0", b"\xff", b"x"]
    ),
    max_size=30,
).map(b"".join) | st.binary(max_size=200)
boundaries = st.text("ABCabc019'()+_,-./:=? ", min_size=1, max_size=69).map(lambda text: text.encode() + b"z")


@pytest.mark.slow
@given(
    boundary=boundaries,
    parts=st.lists(st.tuples(names, contents), min_size=1, max_size=5),
    places=st.lists(st.integers(0, 800), max_size=20) | st.just(range(2000)),
    preamble=st.sampled_from([b"", b"\r\n", b"a preamble\r\n", b"--\r\n", b"\r\n\r\n"]),
    epilogue=st.sampled_from([b"", b"\r\n", b"an epilogue", b"--"]),
)
@settings(max_examples=400, deadline=None, database=None)
def test_valid_form_is_parsed_as_the_email_package_parses_it(
    boundary: bytes, parts: list[tuple[str, bytes]], places: Iterable[int], preamble: bytes, epilogue: bytes
) -> None:
    # The email package takes every line that starts like this for a delimiter, even after a bare line feed.
    assume(all(b"--" + boundary not in content for _, content in parts))
    body = preamble + form(*((f'form-data; name="{name}"', content) for name, content in parts), boundary=boundary)
    body += epilogue
    head = b'Content-Type: multipart/form-data; boundary="' + boundary + b'"\r\n\r\n'
    message = email.message_from_bytes(head + body)
    expected = [
        (part.get_param("name", header="content-disposition"), part.get_payload(decode=True))
        for part in message.get_payload()
        if not isinstance(part, str)
    ]
    assert expected == parts
    parsed = read(cut(body, places), boundary, [name for name, _ in parts])
    assert [(part.name, part.content) for part in parsed] == parts


def test_bytes_that_resemble_a_delimiter_are_content() -> None:
    """A delimiter begins a line, is complete, and is followed by a line end or two hyphens."""
    content = b"x\r\n--a-boundar\r\n-a-boundary\r\n--a-boundary-\r\r\n--a-boundaryy\r\n--a-boundary\r\r"
    body = form(('form-data; name="n"', content))
    for place in range(len(body)):
        assert [part.content for part in read([body[:place], body[place:]])] == [content]


@pytest.mark.parametrize(
    ("disposition", "name", "filename"),
    [
        ("form-data; name=n", "n", None),
        ('FORM-DATA; Name="n" ; FileName="a b.png"', "n", b"a b.png"),
        ('form-data; filename="a\\"b\\\\"; name="n"', "n", b'a"b\\'),
        ('form-data; filename="; name=x"; name="n"', "n", b"; name=x"),
        ('form-data;name="n";filename=""', "n", b""),
        ('form-data; name="n"; filename="größe.png"', "n", "größe.png".encode()),
        ('form-data; name="größe"', "größe", None),
        ("form-data; name=\"n\"; filename*=UTF-8''a.png", "n", None),
    ],
)
def test_name_and_filename_are_unquoted_as_the_rfcs_define(disposition: str, name: str, filename: bytes | None) -> None:
    [part] = read([form((disposition, b"1"))])
    assert (part.name, part.filename) == (name, filename)


def test_part_headers_are_case_insensitive_and_kept() -> None:
    body = form(('form-data; name="n"', b"1")).replace(
        b"Content-Dis", b"X-Other: 1\r\ncontent-TYPE:text/plain\r\ncONTENT-dis"
    )
    [part] = read([body])
    assert part.content_type == "text/plain"
    assert part.headers[b"x-other"] == b"1"


def test_content_of_a_field_that_is_not_requested_is_discarded() -> None:
    [part] = read([form(('form-data; name="other"', b"12345"))])
    assert part == Part("other", None, None, part.headers)


def test_form_without_parts_is_empty() -> None:
    assert read([b"--a-boundary--"]) == []


@pytest.mark.parametrize(
    "corrupt",
    [
        lambda body: body[:0],
        lambda body: body[:-4],
        lambda body: body[: len(body) // 2],
        lambda body: body.replace(b"a-boundary", b"A-boundary"),
        lambda body: body.replace(b"; name=", b"; nome="),
        lambda body: body.replace(b"form-data", b"attachment"),
        lambda body: body.replace(b"Content-Disposition: ", b"Content-Description: "),
        lambda body: body.replace(b"Content-Disposition: ", b"Content Disposition: "),
        lambda body: body.replace(b'"n"', b'"\xff"'),
        lambda body: body.replace(b"Content-", b"X: " + b"x" * 20_000 + b"\r\nContent-"),
        lambda body: body.replace(b"Content-", b"X: x\r\n" * 40 + b"Content-"),
    ],
)
def test_malformed_form_raises_api_error_400(corrupt: Callable[[bytes], bytes]) -> None:
    body = corrupt(form(('form-data; name="n"', b"1")))
    with pytest.raises(ApiError) as caught:
        read([body])
    assert caught.value.status == 400


@pytest.mark.parametrize("cut_off", range(1, 4))
def test_form_with_an_incomplete_closing_delimiter_raises_api_error(cut_off: int) -> None:
    body = form(('form-data; name="n"', b"1")).removesuffix(b"\r\n")
    with pytest.raises(ApiError, match="cut off"):
        read([body[:-cut_off]])


def test_image_of_at_least_the_limit_raises_api_error_413() -> None:
    assert len(read([form(('form-data; name="image"', bytes(LIMIT - 1)))])[0].content) == LIMIT - 1
    with pytest.raises(ApiError) as caught:
        read(cut(form(('form-data; name="image"', bytes(LIMIT))), range(0, LIMIT, 1000)))
    assert (caught.value.status, caught.value.param) == (413, "image")


@pytest.mark.parametrize("names", [["n"], ["other"], ["n", "other", "third"]])
def test_text_fields_that_exceed_their_common_limit_raise_api_error_413(names: list[str]) -> None:
    body = form(*((f'form-data; name="{name}"', bytes(TEXT_LIMIT // len(names))) for name in names))
    with pytest.raises(ApiError) as caught:
        read([body])
    assert caught.value.status == 413


def test_form_with_too_many_parts_raises_api_error() -> None:
    part = ('form-data; name="n"', b"")
    assert len(read([form(*[part] * PART_LIMIT)])) == PART_LIMIT
    with pytest.raises(ApiError):
        read([form(*[part] * (PART_LIMIT + 1))])


@pytest.mark.parametrize("position", [b"before", b"after"])
def test_form_with_too_many_bytes_before_or_after_its_parts_raises_api_error_413(position: bytes) -> None:
    body = form(('form-data; name="n"', b"1"))
    ballast = [bytes(LIMIT)] * (2 * TEXT_LIMIT // LIMIT + 2)
    with pytest.raises(ApiError) as caught:
        read([*ballast, body] if position == b"before" else [body, *ballast])
    assert caught.value.status == 413


@pytest.mark.parametrize(
    ("content_type", "boundary"),
    [
        ("multipart/form-data; boundary=abc", b"abc"),
        ('Multipart/Form-Data ; charset=utf-8; BOUNDARY="abc"', b"abc"),
        ('multipart/form-data; boundary="a b\'()+_,-./:=?z"', b"a b'()+_,-./:=?z"),
        ("multipart/form-data; boundary=a:b/c", b"a:b/c"),
        (f"multipart/form-data; boundary={'Z' * 70}", b"Z" * 70),
    ],
)
def test_boundary_is_read_with_and_without_quotes(content_type: str, boundary: bytes) -> None:
    assert form_boundary(content_type) == boundary
