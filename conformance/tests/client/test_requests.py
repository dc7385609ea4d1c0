"""The arguments of a call arrive unchanged at the server, as two independent form parsers confirm."""

import random
import re
from contextlib import ExitStack
from enum import Enum, IntEnum
from mmap import ACCESS_READ, mmap
from pathlib import Path
from typing import Any

import pytest
from client.driving import KEY, Driver, outcome
from client.recorder import Part, Received, Recorder
from client.subject import image_variations
from client.uploads import KINDS, head, image
from hypothesis import example, given
from hypothesis import strategies as st
from image_variations import ImagesResponse

InvalidRequestError = image_variations.InvalidRequestError

# A placeholder in generated values for the boundary of the previous request.
BOUNDARY = "<the boundary of the previous request>"
_PIECES = ["\r\n", "\r", "\n", "--", "\r\n--", '"', "%22", "\\", ";", "=", ":", "\0", "\x1b", "\u2028", "é", BOUNDARY]
_PIECES += [f"\r\n--{BOUNDARY}\r\n", f"\r\n--{BOUNDARY}--\r\n", 'Content-Disposition: form-data; name="n"\r\n\r\n9']
TRICKY_TEXTS = st.sampled_from(_PIECES)
TEXTS = st.lists(TRICKY_TEXTS | st.text(max_size=8), max_size=8).map("".join)
PAYLOADS = st.lists(TRICKY_TEXTS.map(str.encode) | st.binary(max_size=20), max_size=8).map(b"".join)
FIELDS = st.fixed_dictionaries(
    {},
    optional={
        "model": st.sampled_from(["dall-e-2", None]),
        "n": st.integers(1, 10) | st.none(),
        "response_format": st.sampled_from(["url", "b64_json", None]),
        "size": st.sampled_from(["256x256", "512x512", "1024x1024", None]),
        "user": TEXTS | st.none(),
    },
)


def previous_boundary(recorder: Recorder) -> str:
    """Return the boundary of the last request that the recorder received, or "none"."""
    return recorder.received[-1].boundary.decode() if recorder.received else "none"


def sent(driver: Driver, recorder: Recorder, **arguments: Any) -> Received:
    """Make one call and return the only request that it sends."""
    recorder.expect()
    driver.call(**arguments)
    return recorder.only()


# --- valid requests


@given(kind=st.sampled_from(sorted(KINDS)), payload=PAYLOADS, fields=FIELDS)
def test_any_valid_request_arrives_with_the_given_parts(
    driver: Driver, recorder: Recorder, folder: Path, kind: str, payload: bytes, fields: dict[str, Any]
) -> None:
    before = previous_boundary(recorder)
    content = head() + payload.replace(BOUNDARY.encode(), before.encode())
    if fields.get("user"):
        fields = {**fields, "user": fields["user"].replace(BOUNDARY, before)}
    with ExitStack() as stack:
        upload = KINDS[kind](content, folder, stack)
        received = sent(driver, recorder, image=upload.argument, **fields)
    expected = {name: Part(str(value).encode()) for name, value in fields.items() if value is not None}
    assert received.parts() == {"image": Part(content, upload.file_name, upload.content_type), **expected}
    assert (received.method, received.target) == ("POST", "/v1/images/variations")
    assert received.header("authorization") == f"Bearer {KEY}"


@given(kind=st.sampled_from(sorted(KINDS)), payload=PAYLOADS)
def test_any_bytes_are_sent_unchanged_without_preflight(
    driver: Driver, recorder: Recorder, folder: Path, kind: str, payload: bytes
) -> None:
    content = payload.replace(BOUNDARY.encode(), previous_boundary(recorder).encode())
    with ExitStack() as stack:
        upload = KINDS[kind](content, folder, stack)
        received = sent(driver.copy(preflight=False), recorder, image=upload.argument)
    assert received.parts() == {"image": Part(content, upload.file_name, upload.content_type)}


@given(fields=FIELDS)
def test_the_functions_of_the_operation_send_the_same_as_the_method(
    driver: Driver, recorder: Recorder, fields: dict[str, Any]
) -> None:
    given_fields = {name: value for name, value in fields.items() if value is not None}
    forms = []
    for call in (driver.call, driver.plain, driver.detailed, driver.raw):
        recorder.expect()
        call(image=image(), **given_fields)
        forms.append(recorder.only().parts())
    assert forms[0] == forms[1] == forms[2]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("uploads")


def test_the_body_of_a_request_has_exactly_these_bytes(driver: Driver, recorder: Recorder) -> None:
    received = sent(
        driver,
        recorder,
        image=("my cat.png", image()),
        model="dall-e-2",
        n=2,
        response_format="url",
        size="256x256",
        user="Zoë",
    )
    texts = {"model": "dall-e-2", "n": "2", "response_format": "url", "size": "256x256", "user": "Zoë"}
    first, *others, last = received.body.split(b"--" + received.boundary)
    assert (first, last) == (b"", b"--\r\n")
    assert sorted(others) == sorted(
        [
            b'\r\nContent-Disposition: form-data; name="image"; filename="my cat.png"\r\n'
            b"Content-Type: image/png\r\n\r\n" + image() + b"\r\n",
            *(
                f'\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{text}\r\n'.encode()
                for name, text in texts.items()
            ),
        ]
    )


# Bytes that programs often strip from the ends of a text.
ENDS = [b"\0", b" ", b"\t", b"\n", b"\r", b"\r\n", b"\r\n\r\n", b"-", b"--", b"\x1a", b"\xff", "\ufeff".encode()]


@pytest.mark.slow
@pytest.mark.parametrize("kind", sorted(KINDS))
def test_leading_and_trailing_bytes_of_an_image_are_not_stripped(
    driver: Driver, recorder: Recorder, folder: Path, kind: str
) -> None:
    unchecked = driver.copy(preflight=False)
    for end in ENDS:
        with ExitStack() as stack:
            received = sent(unchecked, recorder, image=KINDS[kind](end + b"x" + end, folder, stack).argument)
        assert received.parts()["image"].content == end + b"x" + end


@pytest.mark.parametrize("end", [end.decode() for end in ENDS if end != b"\xff"], ids=ascii)
def test_leading_and_trailing_characters_of_a_text_are_not_stripped(
    driver: Driver, recorder: Recorder, end: str
) -> None:
    received = sent(driver, recorder, image=image(), user=f"{end}x{end}")
    assert received.parts()["user"].content.decode() == f"{end}x{end}"


def test_omitted_arguments_are_not_sent(driver: Driver, recorder: Recorder) -> None:
    assert set(sent(driver, recorder, image=image()).parts()) == {"image"}


def test_an_empty_text_is_sent(driver: Driver, recorder: Recorder) -> None:
    assert sent(driver, recorder, image=image(), user="").parts()["user"] == Part(b"")


def test_every_header_is_sent_once(driver: Driver, recorder: Recorder) -> None:
    received = sent(driver, recorder, image=image())
    names = [name.lower() for name, _ in received.headers]
    assert len(set(names)) == len(names)
    assert {"host", "authorization", "content-type", "content-length", "accept", "user-agent"} <= set(names)
    assert int(received.header("content-length") or 0) == len(received.body)


# --- the boundary


def test_boundaries_differ_even_if_random_is_seeded(driver: Driver, recorder: Recorder) -> None:
    """A program that seeds `random`, such as a test or a simulation, must not get predictable boundaries."""
    boundaries = set()
    for _ in range(20):
        random.seed(1)
        boundaries.add(sent(driver, recorder, image=image()).boundary)
    assert len(boundaries) == 20
    assert all(re.fullmatch(rb"[0-9A-Za-z'()+_,./:=?-]{20,70}", boundary) for boundary in boundaries)


# --- file names

# The names have no folder separators: neither slashes nor backslashes, nor the colon of a drive.
NAMES = (
    st.lists(TRICKY_TEXTS | st.sampled_from([".", "..", "filename=", "'", "*", "%", "日本", " "]) | st.text(max_size=6))
    .map("".join)
    .map(lambda name: re.sub(r"[/\\]|^.:", "", name))
    .filter(lambda name: name not in {"", ".", ".."} and not re.match(r".:", name, re.DOTALL))
)
FOLDERS = [
    "/",
    "/home/me/",
    "secret-folder/",
    "../",
    "C:\\Users\\me\\",
    "C:/Users/me/",
    "\\\\server\\share\\",
    "a\\b/c\\",
]


def escaped(name: str) -> str:
    """Return the name with quotes and control characters percent-encoded, as HTML requires for quotes and newlines.

    Comparing escaped names leaves it open which other control characters the client escapes.
    """
    return re.sub('["\0-\x1f\x7f]', lambda match: f"%{ord(match[0]):02X}", name)


@given(name=NAMES)
def test_any_file_name_is_sent_without_changing_the_rest_of_the_part(
    driver: Driver, recorder: Recorder, name: str
) -> None:
    name = name.replace(BOUNDARY, previous_boundary(recorder))
    (part,) = sent(driver, recorder, image=(name, image())).parts().values()
    assert (part.content, part.content_type) == (image(), "image/png")
    assert escaped(part.file_name or "") == escaped(name)


@given(name=NAMES, folder=st.sampled_from(FOLDERS))
def test_a_file_name_is_sent_without_its_folder(driver: Driver, recorder: Recorder, name: str, folder: str) -> None:
    (part,) = sent(driver, recorder, image=(folder + name, image())).parts().values()
    assert escaped(part.file_name or "") == escaped(name)


@pytest.mark.parametrize("name", ["", ".", "..", "/", "\\", "a/..", None])
def test_an_invalid_file_name_is_replaced_by_the_default(driver: Driver, recorder: Recorder, name: str | None) -> None:
    (part,) = sent(driver, recorder, image=(name, image())).parts().values()
    assert part.file_name == "image.png"


@pytest.mark.parametrize("make_path", [lambda path: path, str, Path.open], ids=["path", "text", "open"])
def test_a_file_whose_name_is_not_utf_8_can_be_sent(
    driver: Driver, recorder: Recorder, tmp_path: Path, make_path: Any
) -> None:
    """Python represents such a name with lone surrogates, which a header cannot contain."""
    path = tmp_path / "cat-\udcff.png"
    path.write_bytes(image())
    argument = path.open("rb") if make_path is Path.open else make_path(path)
    try:
        (part,) = sent(driver, recorder, image=argument).parts().values()
    finally:
        if make_path is Path.open:
            argument.close()
    assert re.fullmatch(r"cat-.*\.png", part.file_name or "")
    assert part.content == image()


def test_a_file_opened_by_its_descriptor_gets_the_default_name(
    driver: Driver, recorder: Recorder, tmp_path: Path
) -> None:
    (tmp_path / "x.png").write_bytes(image())
    with (tmp_path / "x.png").open("rb") as file, open(file.fileno(), "rb", closefd=False) as file_without_name:
        (part,) = sent(driver, recorder, image=file_without_name).parts().values()
    assert part == Part(image(), "image.png", "image/png")


# --- content types of parts


@example(content_type=" ")
@given(
    content_type=st.lists(TRICKY_TEXTS | st.sampled_from(["image/webp", "text/plain; charset=x"]) | st.text()).map(
        "".join
    )
)
def test_any_content_type_is_sent_or_refused(driver: Driver, recorder: Recorder, content_type: str) -> None:
    recorder.expect()
    result = outcome(lambda: driver.call(image=("a.png", image(), content_type)))
    if isinstance(result, ImagesResponse):
        ((_, part),) = recorder.only().parts_by_python_multipart()
        assert part == Part(image(), "a.png", content_type.strip(" \t") or "image/png")
    else:
        assert isinstance(result, InvalidRequestError)
        assert result.param == "image"
        assert recorder.received == []


def test_common_content_types_are_sent(driver: Driver, recorder: Recorder) -> None:
    for content_type in ("image/png", "application/octet-stream", "image/svg+xml; charset=utf-8"):
        (part,) = sent(driver, recorder, image=("a", image(), content_type)).parts().values()
        assert part.content_type == content_type


# --- files of the caller


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_a_file_of_the_caller_is_left_open(driver: Driver, recorder: Recorder, tmp_path: Path, kind: str) -> None:
    with ExitStack() as stack:
        argument = KINDS[kind](image(), tmp_path, stack).argument
        sent(driver, recorder, image=argument)
        content = argument[1] if isinstance(argument, tuple) else argument
        assert getattr(content, "closed", False) is False


def test_a_seekable_file_or_a_path_can_be_sent_repeatedly(driver: Driver, recorder: Recorder, tmp_path: Path) -> None:
    for kind in ("path", "open-file", "bytes-io-at-the-end", "gzip-file"):
        with ExitStack() as stack:
            argument = KINDS[kind](image(), tmp_path, stack).argument
            for _ in range(3):
                assert sent(driver, recorder, image=argument).parts()["image"].content == image()


@pytest.mark.parametrize("text", ["\ud800", "a\udcffb"])
def test_a_text_with_lone_surrogates_is_refused(driver: Driver, recorder: Recorder, text: str) -> None:
    recorder.expect()
    with pytest.raises(InvalidRequestError) as caught:
        driver.call(image=image(), user=text)
    assert caught.value.param == "user"
    assert recorder.received == []


class Size(str, Enum):  # noqa: UP042 - such as users have
    SMALL = "256x256"


class Number(IntEnum):
    TWO = 2


def test_of_a_member_of_an_enum_the_value_is_sent(driver: Driver, recorder: Recorder) -> None:
    size: Any = Size.SMALL
    request = sent(
        driver, recorder, image=image(), size=size, n=Number.TWO, extra_body={"more": [Size.SMALL, {"a": Size.SMALL}]}
    )
    texts = [part.content for name, part in request.parts_by_python_multipart() if name != "image"]
    assert texts == [b"2", b"256x256", b"256x256", b'{"a": "256x256"}']


@pytest.mark.parametrize("kind", ["bytes", "bytearray", "memoryview", "bytes-io", "open-file", "pipe"])
def test_bytes_and_open_files_in_extra_body_are_sent_as_one_part(
    driver: Driver, recorder: Recorder, tmp_path: Path, kind: str
) -> None:
    with ExitStack() as stack:
        mask = KINDS[kind](b"a mask", tmp_path, stack).argument
        parts = sent(driver, recorder, image=image(), extra_body={"mask": mask}).parts()
    assert parts["mask"].content == b"a mask"


def test_bytes_in_a_query_are_refused(driver: Driver, recorder: Recorder) -> None:
    recorder.expect()
    with pytest.raises(InvalidRequestError, match="bytes") as caught:
        driver.call(image=image(), extra_query={"mask": b"a mask"})
    assert caught.value.param == "mask"
    assert recorder.received == []


def test_a_form_without_parts_is_sent_as_a_form(driver: Driver, recorder: Recorder) -> None:
    nothing: Any = None
    request = sent(driver.copy(preflight=False), recorder, image=nothing)
    assert (request.header("content-type") or "").startswith("multipart/form-data; boundary=")
    assert request.parts_by_python_multipart() == []


def test_a_memory_map_is_sent(driver: Driver, recorder: Recorder, tmp_path: Path) -> None:
    """Its `seek` returns None in Python 3.11 and 3.12."""
    (tmp_path / "x.png").write_bytes(image())
    with (tmp_path / "x.png").open("rb") as file, mmap(file.fileno(), 0, access=ACCESS_READ) as mapped:
        assert sent(driver, recorder, image=mapped).parts()["image"].content == image()
