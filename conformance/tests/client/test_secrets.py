"""Neither the key nor an image is in anything that is printed, logged or raised, and none of that is long."""

import base64
import copy
import json
import logging
import traceback
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
from client.answers import VALUES
from client.driving import KEY, Driver, Make, outcome
from client.recorder import Answer, Recorder
from client.subject import image_variations
from client.uploads import head, image
from hypothesis import given
from hypothesis import strategies as st
from image_variations import Image, ImagesResponse, ImageVariationsError
from image_variations.models import CreateImageVariationRequest

MARK = "THISISAMARKINSIDETHEIMAGE0123456"
MEGABYTE = MARK * (1 << 15)
TEN = [{"b64_json": MEGABYTE} for _ in range(10)]
# So much of a key tells more than its kind and its maker.
PIECES = {KEY[at : at + 10] for at in range(8, len(KEY) - 9)}


def clean(*texts: str, longest: int = 1000) -> None:
    """Check that texts are short and hold nothing of the key or of an image."""
    for text in texts:
        assert len(text) < longest
        assert not [piece for piece in PIECES if piece in text]
        assert MARK not in text


def prints(thing: object) -> tuple[str, ...]:
    return str(thing), repr(thing), f"{thing}"


def test_the_client_is_printed_without_its_key(make: Make, recorder: Recorder) -> None:
    secrets = {"X-Api-Key": KEY, "Authorization": f"Bearer {KEY}"}
    base_url = recorder.base_url.replace("//", f"//me:{KEY}@")
    for options in ({}, {"default_headers": secrets}, {"default_query": {"key": KEY}}, {"base_url": base_url}):
        with suppress(ImageVariationsError):  # an address with a password may well be refused
            driver = make(**{"base_url": recorder.base_url, **options})
            clean(*prints(driver.client), *prints(driver.client.images), *prints(driver.copy(timeout=3).client))
            driver.close()


def test_the_client_tells_where_it_goes(driver: Driver, recorder: Recorder) -> None:
    assert recorder.base_url in repr(driver.client)


def test_a_request_is_printed_without_its_image() -> None:
    content = head() + MEGABYTE.encode()
    for argument in (
        content,
        bytearray(content),
        memoryview(content),
        ("a.png", content),
        ("a.png", content, "image/png"),
    ):
        body = CreateImageVariationRequest(image=argument, n=2)
        clean(*prints(body))
        assert "n=2" in repr(body)


def test_an_answer_is_printed_without_its_images(driver: Driver, recorder: Recorder) -> None:
    unknown = {"more": [MEGABYTE], "yet_more": {"a": MEGABYTE}}
    value = {"created": 1, "data": [{**item, "thumbnail": MEGABYTE} for item in TEN], **unknown}
    recorder.expect(Answer(200, json.dumps(value).encode()))
    response = driver.detailed(image=image())
    clean(*prints(response), *prints(response.parsed), *prints(response.parsed.data), longest=2000)
    clean(*prints(response.parsed), *prints(response.parsed.data[0]))
    clean(
        *prints(copy.copy(response.parsed)), *prints(ImagesResponse.from_dict(value)), *prints(Image(b64_json=MEGABYTE))
    )


def test_a_short_answer_is_printed_whole() -> None:
    answer = ImagesResponse.from_dict({"created": 1589478378, "data": [{"url": "https://images.example/a.png"}]})
    assert "1589478378" in repr(answer)
    assert "https://images.example/a.png" in repr(answer)


BROKEN = [
    {"created": "x", "data": TEN},
    {"created": MEGABYTE, "data": TEN},
    {"created": 1, "data": MEGABYTE},
    {"created": 1, "data": [MEGABYTE]},
    {"created": 1, "data": [{"b64_json": [MEGABYTE]}]},
    {"created": 1, "data": TEN, "usage": MEGABYTE},
    {"created": 1, "data": TEN, "usage": {"input_tokens": MEGABYTE}},
    MEGABYTE,
    [MEGABYTE],
]


@pytest.mark.parametrize("value", BROKEN, ids=range(len(BROKEN)))
def test_an_answer_that_cannot_be_read_is_not_repeated_in_the_error(
    driver: Driver, recorder: Recorder, value: Any
) -> None:
    recorder.expect(Answer(200, json.dumps(value).encode()))
    with pytest.raises(image_variations.APIResponseValidationError) as caught:
        driver.call(image=image())
    clean(*prints(caught.value), str(caught.value.args), longest=600)
    with pytest.raises(image_variations.DataError) as wrong:
        ImagesResponse.from_dict(value)
    clean(*prints(wrong.value), str(wrong.value.args), longest=600)


def test_an_argument_that_is_refused_is_not_repeated_in_the_error(driver: Driver) -> None:
    for arguments in ({"image": MEGABYTE.encode()}, {"size": MEGABYTE}, {"n": MEGABYTE}, {"image": "/" + MEGABYTE}):
        with pytest.raises(image_variations.InvalidRequestError) as caught:
            driver.call(**{"image": image(), **arguments})
        assert len(str(caught.value)) < 400
        if "image" in arguments:
            assert len(repr(caught.value)) < 600


# --- a server that repeats what it was sent

_ECHO = st.sampled_from([KEY, f"Bearer {KEY}", f"Incorrect API key provided: {KEY}.", f"'{KEY}'", f'"{KEY}', KEY * 20])
_ECHOES = st.builds(
    "{}{}{}".format,
    st.text(" x\n", max_size=12).map(lambda text: text * 100) | st.text(max_size=8),
    _ECHO,
    st.text(max_size=8),
)
_ERRORS = st.fixed_dictionaries({}, optional=dict.fromkeys(("message", "type", "param", "code"), _ECHOES | VALUES))


@given(
    status=st.sampled_from([200, 302, 400, 401, 429, 500]),
    body=_ERRORS.map(lambda error: {"error": error}) | st.fixed_dictionaries({"error": _ECHOES}) | _ECHOES | _ERRORS,
    headers=st.dictionaries(
        st.sampled_from(["X-Request-Id", "Location", "WWW-Authenticate", "X-Api-Key", "Content-Type", "Retry-After"]),
        _ECHO,
        max_size=3,
    ),
    plain=st.booleans(),
)
def test_a_key_that_the_server_repeats_is_in_no_message(
    driver: Driver, recorder: Recorder, status: int, body: Any, headers: dict[str, str], plain: bool
) -> None:
    content = str(body).encode("utf-8", "replace") if plain else json.dumps(body).encode()
    recorder.expect(Answer(status, content, headers))
    end = outcome(lambda: driver.copy(max_retries=0).call(image=image()))
    assert isinstance(end, ImageVariationsError)
    whole = [text for text in (*prints(end), str(end.args), str(getattr(end, "message", ""))) if KEY in text]
    assert whole == []
    clean(*prints(end))


@pytest.mark.parametrize("status", [200, 302, 400, 500])
def test_a_key_beside_what_is_not_ascii_is_in_no_message(driver: Driver, recorder: Recorder, status: int) -> None:
    for text in (f"é{KEY}é", f"\xff {KEY}", f"日本{KEY}"):
        headers = {name: text.encode().decode("latin-1") for name in ("X-Request-Id", "Location", "X-Other")}
        recorder.expect(Answer(status, f'{{"error": "{text}"}}'.encode(), headers))
        end = outcome(lambda: driver.copy(max_retries=0).call(image=image()))
        assert isinstance(end, ImageVariationsError)
        clean(*prints(end))


@given(member=_ECHOES, place=st.sampled_from(["created", "data", "item", "name"]))
def test_a_key_in_an_answer_that_cannot_be_read_is_in_no_message(
    driver: Driver, recorder: Recorder, member: str, place: str
) -> None:
    values: dict[str, Any] = {
        "created": {"created": member, "data": []},
        "data": {"created": 1, "data": member},
        "item": {"created": 1, "data": [{"url": [member]}]},
        "name": {member: 1, "created": member},
    }
    recorder.expect(Answer(200, json.dumps(values[place]).encode()))
    end = outcome(lambda: driver.call(image=image()))
    assert isinstance(end, ImageVariationsError)
    clean(*prints(end), str(end.args))


def test_a_key_in_a_line_that_is_not_http_is_in_no_message(make: Make) -> None:
    from support.loopback import hear_request, say, scripted_server  # noqa: PLC0415 - here alone

    for line in (
        f"{KEY}\r\n\r\n",
        f"HTTP/1.1 {KEY}\r\n\r\n",
        f"HTTP/1.1 200 OK\r\n{KEY}\r\n\r\n",
        f"HTTP/1.1 200 OK\r\nContent-Length: {KEY}\r\n\r\n",
    ):
        with (
            scripted_server((hear_request, say(line.encode()))) as server,
            make(base_url=server.base_url, max_retries=0) as driver,
        ):
            end = outcome(lambda driver=driver: driver.call(image=image()))  # type: ignore[misc]
            assert isinstance(end, ImageVariationsError)
            clean(*prints(end), str(end.args))


@pytest.mark.parametrize("value", [f"{KEY}\n", f"{KEY}\ud800", f"{KEY}é"])
def test_a_traceback_has_no_key_in_it(driver: Driver, value: str) -> None:
    """The errors that ours was raised from are printed too."""
    with pytest.raises(ImageVariationsError) as caught:
        driver.call(image=image(), extra_headers={"X-A": value})
    assert KEY not in "".join(traceback.format_exception(caught.value))


# --- logs


@pytest.fixture
def logged(caplog: pytest.LogCaptureFixture) -> Iterator[pytest.LogCaptureFixture]:
    with caplog.at_level(logging.DEBUG):
        yield caplog


def test_the_logs_have_neither_key_nor_image(make: Make, recorder: Recorder, logged: pytest.LogCaptureFixture) -> None:
    headers = {"X-Api-Key": KEY}
    with make(base_url=recorder.base_url, default_headers=headers, max_retries=1) as driver:
        recorder.expect(
            Answer(500, f'{{"error": "{KEY}"}}'.encode(), {"Retry-After": "0"}),
            Answer(200, json.dumps({"created": 1, "data": TEN}).encode()),
            Answer(401, f'{{"error": "{KEY}"}}'.encode()),
            Answer(200, b"{"),
        )
        content = head() + MEGABYTE.encode()
        driver.call(image=content, user="a user")
        for _ in range(2):
            outcome(lambda: driver.call(image=content))
        outcome(lambda: driver.call(image=b"no image"))
        outcome(lambda: driver.copy(base_url="http://127.0.0.1:1/v1", max_retries=0).call(image=content))
        image_read = ImagesResponse.from_dict(
            {"created": 1, "data": [{"b64_json": base64.b64encode(MARK.encode()).decode()}]}
        )
        driver.read(image_read.data[0])
    ours = [record for record in logged.records if record.name.split(".")[0] == "image_variations"]
    assert ours
    for record in ours:
        clean(record.getMessage(), str(record.args))
    for record in logged.records:
        assert KEY not in record.getMessage()
        assert MARK not in record.getMessage()


def test_nothing_is_logged_unless_asked_for(
    driver: Driver, recorder: Recorder, capfd: pytest.CaptureFixture[str]
) -> None:
    recorder.expect(Answer(500, b"{}", {"Retry-After": "0"}))
    driver.call(image=image())
    assert capfd.readouterr() == ("", "")
