"""A key that a server repeats, in whatever encoding, is in no part of an error."""

import base64
import html
import io
import json
import pickle
import re
import time
import traceback
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote, unquote

import pytest
from client.driving import KEY, Driver, Make, outcome
from client.recorder import CannedResponse, Recorder
from client.subject import MODULES
from client.uploads import image
from hypothesis import example, given
from hypothesis import strategies as st
from image_variations import APIError, APIStatusError, ImageVariationsError
from support.loopback import hear_request, say, scripted_server, wait

redacted: Any = MODULES["image_variations._redaction"].redacted

SIGNS = "k\"'\\/+=&<>%#~!0123456789-secret-\\\\/n"
KEYS = [KEY, SIGNS, "nvapi-" + KEY[3:], "u0073" + KEY[3:], "eyJhbGciOiJIUzI1NiJ9." + KEY[3:] * 20]


def unicode_escapes(text: str) -> str:
    return "".join(f"\\u{ord(character):04x}" for character in text)


def in_json(text: str) -> str:
    return json.dumps(text)[1:-1]


def percent(text: str) -> str:
    return "".join(f"%{ord(character):02X}" for character in text)


# The ways in which a server can spell a text, all within a JSON string or a header.
SPELLINGS: dict[str, Callable[[str], str]] = {
    "plain": str,
    "JSON": in_json,
    "JSON in JSON": lambda text: in_json(in_json(text)),
    "JSON of PHP": lambda text: in_json(text).replace("/", "\\/"),
    "JSON of .NET": lambda text: re.sub(r"[^\w.~-]", lambda it: unicode_escapes(it[0]), text, flags=re.ASCII),
    "JSON escapes": unicode_escapes,
    "JSON escapes in upper case": lambda text: unicode_escapes(text).upper().replace("\\U", "\\u"),
    "some JSON escapes": lambda text: "".join(
        unicode_escapes(it) if number % 3 else in_json(it) for number, it in enumerate(text)
    ),
    "JSON escapes in JSON": lambda text: in_json(unicode_escapes(text)),
    "URL": lambda text: quote(text, safe=""),
    "percent": percent,
    "percent in lower case": lambda text: percent(text).lower(),
    "percent twice": lambda text: quote(percent(text), safe=""),
    "HTML": lambda text: "".join(f"&#{ord(it)};" for it in text),
    "HTML in hexadecimal": lambda text: "".join(f"&#x{ord(it):02X};" for it in text),
    "base64 of Bearer": lambda text: base64.b64encode(f"Bearer {text}".encode()).decode(),
    "base64": lambda text: base64.b64encode(text.encode()).decode(),
    "base64 of a pair": lambda text: base64.urlsafe_b64encode(f"me:{text}:x".encode()).decode(),
    "base64 as a URL": lambda text: quote(base64.b64encode(f"user {text}".encode()), safe=""),
    "backslashes": lambda text: "\\\\" * 4 + unicode_escapes(text),
}


def unspelled(data: bytes) -> Iterator[bytes]:
    """Yield the data as it is, and decoded in all the ways."""
    text = data.decode("latin-1")
    for _ in range(4):
        yield text.encode("latin-1", "replace")
        text = re.sub(r"\\+u00([0-9a-fA-F]{2})", lambda it: chr(int(it[1], 16)), text)
        yield text.encode("latin-1", "replace")
        yield text.replace("\\", "").encode("latin-1", "replace")
        text = html.unescape(unquote(text, "latin-1"))
    for token in re.findall(r"[\w+/-]{12,}", text, re.ASCII):
        for start in range(4):
            part = token[start:]
            yield base64.b64decode(part[: len(part) // 4 * 4].replace("-", "+").replace("_", "/"))


def pieces(key: str) -> list[bytes]:
    """Return the parts of the key that are leaks: ten characters of what follows its prefix."""
    plain = key.replace("\\", "")
    return [plain[start : start + 10].encode() for start in range(6, len(plain) - 9)]


def assert_without(key: str, error: ImageVariationsError) -> None:
    """Check that no part of the error has a piece of the key, in any spelling that this module knows."""
    parts: dict[str, Any] = {"str": str(error), "repr": repr(error), "args": error.args, "pickle": pickle.dumps(error)}
    printed = io.StringIO()
    traceback.print_exception(error, file=printed)
    parts["traceback"] = re.sub(r"(?m)^  File .*\n.*$", "", printed.getvalue())
    for name in ("message", "body", "content", "param", "code", "type", "request_id", "field", "parsed"):
        parts[name] = getattr(error, name, None)
    parts["headers"] = list(getattr(error, "headers", {}).items())
    if parts["parsed"] is not None:
        parts["to_dict"] = parts["parsed"].to_dict()
    for name, part in parts.items():
        data = part if isinstance(part, bytes) else part.encode(errors="replace") if isinstance(part, str) else None
        for form in unspelled(data if data is not None else repr(part).encode(errors="replace")):
            leaks = [piece for piece in pieces(key) if piece in form]
            assert not leaks, (name, part)


@pytest.fixture(scope="module")
def drivers(make: Make, recorder: Recorder) -> Iterator[dict[str, Driver]]:
    """A driver for each key."""
    drivers = {key: make(base_url=recorder.base_url, api_key=key, max_retries=0) for key in KEYS}
    yield drivers
    for driver in drivers.values():
        driver.close()


BODIES: dict[str, str] = {
    "message": '{"error": {"message": "Wrong key \\"KEY\\" given.", "type": "t", "param": null, "code": null}}',
    "every member": '{"error": {"message": "KEY", "type": "KEY", "param": "KEY", "code": "KEY", "more": ["KEY"]}}',
    "name of a member": '{"error": {"message": "no", "type": "t", "param": null, "code": null, "KEY": {"KEY": 1}}}',
    "FastAPI": '{"detail": [{"loc": ["header", "KEY"], "msg": "KEY", "input": {"authorization": "Bearer KEY"}}]}',
    "errors by field": '{"errors": {"KEY": ["KEY"]}}',
    "list": '["KEY", ["KEY"]]',
    "text": "Wrong key: KEY",
    "HTML": '<html><a href="/?key=KEY">Wrong</a>',
    "broken JSON": '{"error": "KEY',
}


@given(
    key=st.sampled_from(KEYS),
    spelling=st.sampled_from(sorted(SPELLINGS)),
    other=st.sampled_from(sorted(SPELLINGS)),
    body=st.sampled_from(sorted(BODIES)),
    status=st.sampled_from([400, 401, 302, 500]),
)
@example(key=SIGNS, spelling="JSON of PHP", other="JSON in JSON", body="message", status=401)
@example(key=SIGNS, spelling="JSON", other="percent", body="every member", status=401)
def test_an_error_has_the_key_in_no_part_and_in_no_spelling(
    drivers: dict[str, Driver], recorder: Recorder, key: str, spelling: str, other: str, body: str, status: int
) -> None:
    spelled = SPELLINGS[spelling](key)
    content = BODIES[body].replace("KEY", spelled, 1).replace("KEY", SPELLINGS[other](key))
    headers = {"X-Request-Id": spelled, "WWW-Authenticate": f'Bearer error="{spelled}"', "Location": f"/{spelled}"}
    recorder.expect(CannedResponse(status, content.encode(), headers))
    error = outcome(lambda: drivers[key].call(image=image()))
    assert isinstance(error, APIStatusError)
    assert_without(key, error)
    assert b"[api key]" in error.content


@pytest.mark.parametrize(
    "spelling", ["plain", "JSON", "JSON escapes", "JSON of PHP", "JSON of .NET", "percent", "HTML"]
)
@pytest.mark.parametrize("key", KEYS, ids=range(len(KEYS)))
def test_an_error_object_stays_readable_around_the_key(
    drivers: dict[str, Driver], recorder: Recorder, spelling: str, key: str
) -> None:
    content = BODIES["message"].replace("KEY", SPELLINGS[spelling](key))
    recorder.expect(CannedResponse(401, content.encode()))
    error = outcome(lambda: drivers[key].call(image=image()))
    assert isinstance(error, APIStatusError)
    assert error.message == 'Wrong key "[api key]" given'
    assert error.body == {"message": 'Wrong key "[api key]" given.', "type": "t", "param": None, "code": None}
    assert error.parsed is not None


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_the_error_for_an_invalid_response_does_not_have_the_key(
    drivers: dict[str, Driver], recorder: Recorder, spelling: str
) -> None:
    for body in ('{"created": "KEY", "data": []}', '{"created": 1, "data": [{"KEY": 1, "url": ["KEY"]}]}', "KEY"):
        recorder.expect(CannedResponse(200, body.replace("KEY", SPELLINGS[spelling](KEY)).encode(), {"X-A": KEY}))
        error = outcome(lambda: drivers[KEY].call(image=image()))
        assert isinstance(error, APIError)
        assert_without(KEY, error)


@pytest.mark.parametrize("size", [4, 20, len(KEY) - 1])
def test_a_key_that_is_cut_off_at_the_limit_of_a_response_is_removed(make: Make, size: int) -> None:
    start = f"Wrong key: {KEY[:size]}".encode()
    head = b"HTTP/1.1 401 Whatever\r\nContent-Length: 5000\r\n\r\n"
    with (
        scripted_server((hear_request, say(head + start), wait(0.2), say(bytes(5000 - len(start))))) as server,
        make(base_url=server.base_url, max_retries=0, max_response_bytes=1000) as driver,
    ):
        error = outcome(lambda: driver.call(image=image()))
    assert isinstance(error, APIStatusError)
    assert error.content == b"Wrong key: [api key]"
    assert_without(KEY, error)


def test_a_key_repeated_up_to_the_limit_of_the_content_is_removed(
    drivers: dict[str, Driver], recorder: Recorder
) -> None:
    for status in (200, 401):
        recorder.expect(CannedResponse(status, (KEY * 30_000).encode()))
        error = outcome(lambda: drivers[KEY].call(image=image()))
        assert isinstance(error, APIError)
        assert_without(KEY, error)


@given(content=st.binary() | st.text().map(str.encode))
def test_content_without_the_key_is_not_changed(content: bytes) -> None:
    assert redacted(content, KEY) == content
    assert redacted(content, "") == content


def test_text_that_resembles_the_key_is_not_changed() -> None:
    for text in (KEY[1:], KEY[:-1] + "!", KEY[:20] + " " + KEY[20:], KEY.upper(), KEY[::-1], KEY[:3]):
        assert redacted(f"\\ {text} %".encode(), KEY) == f"\\ {text} %".encode()


@pytest.mark.parametrize("key", [*KEYS, "\\" * 50, "\\a" * 50, "%25" * 30, "x" * 8000], ids=range(len(KEYS) + 4))
@pytest.mark.parametrize("filling", ["\\", "%25", "\\u0073", "&#0", "\\a", "x", "start", "escaped start"])
def test_hostile_content_is_searched_in_little_time(key: str, filling: str) -> None:
    beginnings = {"start": key[:-1], "escaped start": unicode_escapes(key[:-1])}
    unit = beginnings.get(filling, filling).encode()
    content = (unit * ((1 << 20) // len(unit) + 1))[: 1 << 20] + b"!"
    started = time.monotonic()
    redacted(content, key)
    assert time.monotonic() - started < 3


GIVEN_SECRETS = {
    "Authorization": "Bearer {}",
    "api-key": "{}",
    "X-Auth-Token": "Token {}",
    "Cookie": "theme=dark; session={}; lang=en",
}


@pytest.mark.parametrize("header", GIVEN_SECRETS)
@pytest.mark.parametrize("option", ["default_headers", "extra_headers"])
def test_an_error_does_not_have_a_secret_of_a_header_that_was_given(
    make: Make, recorder: Recorder, header: str, option: str
) -> None:
    secret = KEY[::-1]
    headers = {header: GIVEN_SECRETS[header].format(secret), "X-Team": "Wrong", "Author": "key"}
    recorder.expect(CannedResponse(401, BODIES["message"].replace("KEY", secret).encode(), {"X-Debug": secret}))
    with make(base_url=recorder.base_url, **({option: headers} if option == "default_headers" else {})) as driver:
        error = outcome(lambda: driver.call(image=image(), **({option: headers} if option == "extra_headers" else {})))
    assert isinstance(error, ImageVariationsError)
    assert_without(secret, error)
    assert "Wrong key" in str(error)
