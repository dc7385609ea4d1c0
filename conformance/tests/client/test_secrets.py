"""Neither the key nor an image appears in what the client prints, logs or raises, and all these texts are short."""

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
from client.recorder import CannedResponse, Recorder
from client.subject import image_variations
from client.uploads import head, image
from hypothesis import given
from hypothesis import strategies as st
from image_variations import Image, ImagesResponse, ImageVariationsError
from image_variations.models import CreateImageVariationRequest

MARK = "THISISAMARKINSIDETHEIMAGE0123456"
MEGABYTE = MARK * (1 << 15)
TEN_ITEMS = [{"b64_json": MEGABYTE} for _ in range(10)]
# Ten characters of the secret part of the key, which follows its prefix, are already a leak.
PIECES = {KEY[start : start + 10] for start in range(8, len(KEY) - 9)}


def assert_harmless(*texts: str, max_length: int = 1000) -> None:
    """Check that the texts are short and contain no piece of the key or of an image."""
    for text in texts:
        assert len(text) < max_length
        assert not [piece for piece in PIECES if piece in text]
        assert MARK not in text


def texts_of(thing: object) -> tuple[str, ...]:
    return str(thing), repr(thing), f"{thing}"


def test_printing_a_client_does_not_show_its_key(make: Make, recorder: Recorder) -> None:
    secrets = {"X-Api-Key": KEY, "Authorization": f"Bearer {KEY}"}
    base_url = recorder.base_url.replace("//", f"//me:{KEY}@")
    for options in ({}, {"default_headers": secrets}, {"default_query": {"key": KEY}}, {"base_url": base_url}):
        with suppress(ImageVariationsError):  # A base URL with a password may be refused.
            driver = make(**{"base_url": recorder.base_url, **options})
            assert_harmless(
                *texts_of(driver.client), *texts_of(driver.client.images), *texts_of(driver.copy(timeout=3).client)
            )
            driver.close()


def test_the_repr_of_a_client_has_its_base_url(driver: Driver, recorder: Recorder) -> None:
    assert recorder.base_url in repr(driver.client)


@pytest.mark.parametrize("kind", [image_variations.Client, image_variations.AsyncClient])
def test_the_repr_of_a_client_whose_constructor_failed_is_its_class(kind: Any) -> None:
    assert repr(kind.__new__(kind)) == f"{kind.__name__}()"


def test_printing_a_request_does_not_show_its_image() -> None:
    content = head() + MEGABYTE.encode()
    for argument in (
        content,
        bytearray(content),
        memoryview(content),
        ("a.png", content),
        ("a.png", content, "image/png"),
    ):
        body = CreateImageVariationRequest(image=argument, n=2)
        assert_harmless(*texts_of(body))
        assert "n=2" in repr(body)


def test_printing_a_response_does_not_show_its_images(driver: Driver, recorder: Recorder) -> None:
    unknown = {"more": [MEGABYTE], "yet_more": {"a": MEGABYTE}}
    value = {"created": 1, "data": [{**item, "thumbnail": MEGABYTE} for item in TEN_ITEMS], **unknown}
    recorder.expect(CannedResponse(200, json.dumps(value).encode()))
    response = driver.detailed(image=image())
    assert_harmless(*texts_of(response), *texts_of(response.parsed), *texts_of(response.parsed.data), max_length=2000)
    assert_harmless(*texts_of(response.parsed), *texts_of(response.parsed.data[0]))
    assert_harmless(
        *texts_of(copy.copy(response.parsed)),
        *texts_of(ImagesResponse.from_dict(value)),
        *texts_of(Image(b64_json=MEGABYTE)),
    )


def test_the_repr_of_a_short_response_is_complete() -> None:
    response = ImagesResponse.from_dict({"created": 1589478378, "data": [{"url": "https://images.example/a.png"}]})
    assert "1589478378" in repr(response)
    assert "https://images.example/a.png" in repr(response)


@pytest.mark.parametrize("after", ["?sig=s3cret", "#key=s3cret", "?a=1\n&key=s3cret"])
def test_the_repr_of_a_link_has_nothing_after_its_path(after: str) -> None:
    item = Image(url=f"https://images.example/a.png{after}")
    assert repr(item) == "Image(url='https://images.example/a.png?…')"
    assert repr(ImagesResponse(created=1, data=[item])) == f"ImagesResponse(created=1, data=[{item!r}])"


INVALID_RESPONSES = [
    {"created": "x", "data": TEN_ITEMS},
    {"created": MEGABYTE, "data": TEN_ITEMS},
    {"created": 1, "data": MEGABYTE},
    {"created": 1, "data": [MEGABYTE]},
    {"created": 1, "data": [{"b64_json": [MEGABYTE]}]},
    {"created": 1, "data": TEN_ITEMS, "usage": MEGABYTE},
    {"created": 1, "data": TEN_ITEMS, "usage": {"input_tokens": MEGABYTE}},
    MEGABYTE,
    [MEGABYTE],
]


@pytest.mark.parametrize("value", INVALID_RESPONSES, ids=range(len(INVALID_RESPONSES)))
def test_the_error_for_an_invalid_response_does_not_repeat_its_content(
    driver: Driver, recorder: Recorder, value: Any
) -> None:
    recorder.expect(CannedResponse(200, json.dumps(value).encode()))
    with pytest.raises(image_variations.APIResponseValidationError) as caught:
        driver.call(image=image())
    assert_harmless(*texts_of(caught.value), str(caught.value.args), max_length=600)
    with pytest.raises(image_variations.DataError) as data_error:
        ImagesResponse.from_dict(value)
    assert_harmless(*texts_of(data_error.value), str(data_error.value.args), max_length=600)


def test_the_error_for_an_invalid_argument_is_short(driver: Driver) -> None:
    for arguments in ({"image": MEGABYTE.encode()}, {"size": MEGABYTE}, {"n": MEGABYTE}, {"image": "/" + MEGABYTE}):
        with pytest.raises(image_variations.InvalidRequestError) as caught:
            driver.call(**{"image": image(), **arguments})
        assert len(str(caught.value)) < 400
        if "image" in arguments:
            assert len(repr(caught.value)) < 600


# --- servers that repeat the key

_REPEATED_KEYS = st.sampled_from(
    [KEY, f"Bearer {KEY}", f"Incorrect API key provided: {KEY}.", f"'{KEY}'", f'"{KEY}', KEY * 20]
)
_TEXTS_WITH_KEY = st.builds(
    "{}{}{}".format,
    st.text(" x\n", max_size=12).map(lambda text: text * 100) | st.text(max_size=8),
    _REPEATED_KEYS,
    st.text(max_size=8),
)
_ERRORS = st.fixed_dictionaries(
    {}, optional=dict.fromkeys(("message", "type", "param", "code"), _TEXTS_WITH_KEY | VALUES)
)


@given(
    status=st.sampled_from([200, 302, 400, 401, 429, 500]),
    body=_ERRORS.map(lambda error: {"error": error})
    | st.fixed_dictionaries({"error": _TEXTS_WITH_KEY})
    | _TEXTS_WITH_KEY
    | _ERRORS,
    headers=st.dictionaries(
        st.sampled_from(["X-Request-Id", "Location", "WWW-Authenticate", "X-Api-Key", "Content-Type", "Retry-After"]),
        _REPEATED_KEYS,
        max_size=3,
    ),
    is_plain_text=st.booleans(),
)
def test_a_key_in_an_error_response_is_not_in_the_error_message(
    driver: Driver, recorder: Recorder, status: int, body: Any, headers: dict[str, str], is_plain_text: bool
) -> None:
    content = str(body).encode("utf-8", "replace") if is_plain_text else json.dumps(body).encode()
    recorder.expect(CannedResponse(status, content, headers))
    result = outcome(lambda: driver.copy(max_retries=0).call(image=image()))
    assert isinstance(result, ImageVariationsError)
    leaking = [
        text for text in (*texts_of(result), str(result.args), str(getattr(result, "message", ""))) if KEY in text
    ]
    assert leaking == []
    assert_harmless(*texts_of(result))


@pytest.mark.parametrize("status", [200, 302, 400, 500])
def test_a_key_next_to_non_ascii_characters_is_not_in_the_error_message(
    driver: Driver, recorder: Recorder, status: int
) -> None:
    for text in (f"é{KEY}é", f"\xff {KEY}", f"日本{KEY}"):
        headers = {name: text.encode().decode("latin-1") for name in ("X-Request-Id", "Location", "X-Other")}
        recorder.expect(CannedResponse(status, f'{{"error": "{text}"}}'.encode(), headers))
        result = outcome(lambda: driver.copy(max_retries=0).call(image=image()))
        assert isinstance(result, ImageVariationsError)
        assert_harmless(*texts_of(result))


@given(member=_TEXTS_WITH_KEY, place=st.sampled_from(["created", "data", "item", "name"]))
def test_a_key_in_an_invalid_response_is_not_in_the_error_message(
    driver: Driver, recorder: Recorder, member: str, place: str
) -> None:
    values: dict[str, Any] = {
        "created": {"created": member, "data": []},
        "data": {"created": 1, "data": member},
        "item": {"created": 1, "data": [{"url": [member]}]},
        "name": {member: 1, "created": member},
    }
    recorder.expect(CannedResponse(200, json.dumps(values[place]).encode()))
    result = outcome(lambda: driver.call(image=image()))
    assert isinstance(result, ImageVariationsError)
    assert_harmless(*texts_of(result), str(result.args))


def test_a_key_in_a_malformed_http_response_is_not_in_the_error_message(make: Make) -> None:
    from support.loopback import hear_request, say, scripted_server  # noqa: PLC0415 - used only in this test

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
            result = outcome(lambda driver=driver: driver.call(image=image()))  # type: ignore[misc]
            assert isinstance(result, ImageVariationsError)
            assert_harmless(*texts_of(result), str(result.args))


@pytest.mark.parametrize("value", [f"{KEY}\n", f"{KEY}\ud800", f"{KEY}é"])
def test_a_traceback_does_not_contain_the_key(driver: Driver, value: str) -> None:
    """A traceback includes the errors that caused the error of the client."""
    with pytest.raises(ImageVariationsError) as caught:
        driver.call(image=image(), extra_headers={"X-A": value})
    assert KEY not in "".join(traceback.format_exception(caught.value))


# --- logs


@pytest.fixture
def logged(caplog: pytest.LogCaptureFixture) -> Iterator[pytest.LogCaptureFixture]:
    with caplog.at_level(logging.DEBUG):
        yield caplog


def test_the_logs_contain_neither_the_key_nor_an_image(
    make: Make, recorder: Recorder, logged: pytest.LogCaptureFixture
) -> None:
    headers = {"X-Api-Key": KEY}
    with make(base_url=recorder.base_url, default_headers=headers, max_retries=1) as driver:
        recorder.expect(
            CannedResponse(500, f'{{"error": "{KEY}"}}'.encode(), {"Retry-After": "0"}),
            CannedResponse(200, json.dumps({"created": 1, "data": TEN_ITEMS}).encode()),
            CannedResponse(401, f'{{"error": "{KEY}"}}'.encode()),
            CannedResponse(200, b"{"),
        )
        content = head() + MEGABYTE.encode()
        driver.call(image=content, user="a user")
        for _ in range(2):
            outcome(lambda: driver.call(image=content))
        outcome(lambda: driver.call(image=b"no image"))
        outcome(lambda: driver.copy(base_url="http://127.0.0.1:1/v1", max_retries=0).call(image=content))
        response = ImagesResponse.from_dict(
            {"created": 1, "data": [{"b64_json": base64.b64encode(MARK.encode()).decode()}]}
        )
        driver.read(response.data[0])
    client_records = [record for record in logged.records if record.name.split(".")[0] == "image_variations"]
    assert client_records
    for record in client_records:
        assert_harmless(record.getMessage(), str(record.args))
    for record in logged.records:
        assert KEY not in record.getMessage()
        assert MARK not in record.getMessage()


def test_nothing_is_printed_if_logging_is_not_configured(
    driver: Driver, recorder: Recorder, capfd: pytest.CaptureFixture[str]
) -> None:
    recorder.expect(CannedResponse(500, b"{}", {"Retry-After": "0"}))
    driver.call(image=image())
    assert capfd.readouterr() == ("", "")
