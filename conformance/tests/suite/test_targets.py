"""Which URLs are valid base URLs, and that no text form of a target shows the API key."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from image_variations_conformance.sources.transport import Transport
from image_variations_conformance.wire.target import Target, UnusableUrl
from support.requests import KEY


@pytest.mark.parametrize(
    ("url", "path", "host"),
    [
        ("http://127.0.0.1:8000/v1", "/v1/images/variations", "127.0.0.1:8000"),
        ("http://127.0.0.1:8000/v1/", "/v1/images/variations", "127.0.0.1:8000"),
        ("HTTPS://API.example/v1", "/v1/images/variations", "API.example"),
        ("http://localhost", "/images/variations", "localhost"),
        ("http://localhost/", "/images/variations", "localhost"),
        ("http://[::1]:1/a/b", "/a/b/images/variations", "[::1]:1"),
        ("http://localhost/a%20b", "/a%20b/images/variations", "localhost"),
    ],
)
def test_the_path_of_the_operation_is_appended_to_the_base_url(url: str, path: str, host: str) -> None:
    target = Target.parse(url)
    assert (target.path, target.host) == (path, host)


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("", "is empty"),
        ("localhost:8000", "does not begin with"),
        ("//localhost/v1", "does not begin with"),
        ("/v1", "does not begin with"),
        ("ftp://localhost/v1", "does not begin with"),
        ("file:///v1", "does not begin with"),
        ("http://", "not a base URL"),
        ("http:///v1", "not a base URL"),
        ("http://:8000/v1", "not a base URL"),
        ("http://localhost:0/v1", "not a base URL"),
        ("http://localhost:99999/v1", "not a base URL"),
        ("http://localhost:port/v1", "not a base URL"),
        ("http://[::1/v1", "not a base URL"),
        ("http://localhost/v1?x=1", "not a base URL"),
        ("http://localhost/v1?", "not a base URL"),
        ("http://localhost/v1#x", "not a base URL"),
        ("http://me:secret@localhost/v1", "not a base URL"),
        ("http://:secret@localhost/v1", "not a base URL"),
        ("http://localhost/a b", "not a base URL"),
        ("http://localhost/v1\r\nX: y", "not a base URL"),
        ("http://localhost/\0", "not a base URL"),
        ("http://localhost/ä", "not a base URL"),
        ("http://ä.example/v1", "not a base URL"),
        ("http://a..b/v1", "not a base URL"),
        (f"http://{'a' * 64}/v1", "not a base URL"),
        ("http://localhost/v1/images/variations", "goes too far"),
        ("http://localhost/v1/images/variations/", "goes too far"),
    ],
)
def test_an_unusable_url_is_refused_with_the_problem_and_the_expected_form(url: str, problem: str) -> None:
    with pytest.raises(UnusableUrl, match=problem) as raised:
        Target.parse(url)
    assert "expected the part before /images/variations" in str(raised.value)


@given(st.text(max_size=30).map("http://".__add__) | st.text(max_size=30))
def test_any_text_gives_a_target_or_raises_unusable_url(url: str) -> None:
    try:
        target = Target.parse(url)
    except UnusableUrl:
        return
    assert target.path.endswith("/images/variations")
    assert target.host


def test_neither_repr_nor_str_of_a_target_or_transport_shows_the_key() -> None:
    target = Target.parse("http://localhost/v1", KEY, (("X-Secret", KEY),))
    conversions: list[Callable[[object], str]] = [repr, str]
    assert [KEY for convert in conversions for value in (target, Transport(target)) if KEY in convert(value)] == []
