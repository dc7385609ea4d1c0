"""The options of the client: its key, base URL, headers and query, their defaults, and copies with other options."""

import string
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qsl

import pytest
from client.driving import KEY, Driver, Make, MakeHttp, outcome
from client.endings import check_message
from client.items import item_with
from client.recorder import CannedResponse, Received, Recorder, recording
from client.subject import http, image_variations
from client.uploads import image
from hypothesis import given
from hypothesis import strategies as st
from image_variations import AsyncClient, Client, ImagesResponse, ImageVariationsError

CLIENTS = [Client, AsyncClient]


def sent(driver: Driver, recorder: Recorder, **arguments: Any) -> Received:
    """Make one call and return the only request that it sends."""
    recorder.expect()
    driver.call(image=image(), **arguments)
    return recorder.only()


def _short(value: object) -> str:
    """Return what the client shows of a wrong option: a number of few digits, or else the type."""
    is_short = isinstance(value, float) or (isinstance(value, int) and abs(value) < 10**12)
    return repr(value) if is_short else f"a value of type {type(value).__name__}"


# --- the environment


def test_key_and_base_url_are_read_from_the_environment(
    make: Make, recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-of-the-environment")
    monkeypatch.setenv("OPENAI_BASE_URL", recorder.base_url + "/deep/")
    with make(api_key=None) as driver:
        received = sent(driver, recorder)
    assert received.header("authorization") == "Bearer sk-of-the-environment"
    assert received.target == "/v1/deep/images/variations"


def test_arguments_override_the_environment(make: Make, recorder: Recorder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-of-the-environment")
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:1/v1")
    with make(base_url=recorder.base_url) as driver:
        assert sent(driver, recorder).header("authorization") == f"Bearer {KEY}"


@pytest.mark.parametrize("client", CLIENTS)
def test_a_client_without_a_key_raises_an_error_that_names_the_variable(client: Any) -> None:
    with pytest.raises(ImageVariationsError, match="OPENAI_API_KEY"):
        client()


def test_an_empty_key_sends_no_authorization_header(
    make: Make, recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-of-the-environment")
    with make(api_key="", base_url=recorder.base_url) as driver:
        assert sent(driver, recorder).header("authorization") is None


def test_the_default_base_url_is_that_of_the_contract(make: Make, make_http: MakeHttp) -> None:
    urls = []

    def respond(request: Any) -> Any:
        urls.append(str(request.url))
        return http.Response(200, content=b'{"created": 1, "data": [{"url": "x"}]}')

    with make(http_client=make_http(transport=http.MockTransport(respond))) as driver:
        driver.call(image=image())
    assert urls == ["http://127.0.0.1:8000/v1/images/variations"]


# --- the base URL


@pytest.mark.parametrize("ending", ["", "/", "//"])
def test_slashes_at_the_end_of_the_base_url_are_ignored(make: Make, recorder: Recorder, ending: str) -> None:
    with make(base_url=recorder.base_url + ending) as driver:
        assert sent(driver, recorder).target == "/v1/images/variations"


@pytest.mark.parametrize(
    "base_url",
    [
        *(
            "127.0.0.1:8000/v1",
            "localhost:8000",
            "/v1",
            "v1",
            "ftp://127.0.0.1/v1",
            "file:///etc/passwd",
            "http://",
            " ",
        ),
        *("http://127.0.0.1:99999/v1", "http://127.0.0.1:port/v1", "http://[::1/v1", "http:///v1", "http:/v1"),
        *(
            "http://127.0.0.1/\n",
            "http://127.0.0.1/\0",
            "http://\ud800/v1",
            "http://127.0.0.1 /v1",
            "http://127.0.0.1:-1/",
        ),
    ],
)
@pytest.mark.parametrize("client", CLIENTS)
def test_an_invalid_base_url_is_refused_by_the_constructor(client: Any, base_url: str) -> None:
    with pytest.raises(ImageVariationsError) as caught:
        client(api_key=KEY, base_url=base_url)
    assert "base_url" in str(caught.value) or "OPENAI_BASE_URL" in str(caught.value)
    assert KEY not in str(caught.value)
    assert str(caught.value).isprintable()


@given(base_url=st.text() | st.text().map("http://{}".format) | st.text(st.characters()))
def test_any_text_as_base_url_is_accepted_or_refused_with_a_short_message(base_url: str) -> None:
    for client in CLIENTS:
        result = outcome(lambda client=client: client(api_key=KEY, base_url=base_url))  # type: ignore[misc]
        assert isinstance(result, client) or len(str(result)) < 600


@pytest.mark.parametrize(
    ("base_url", "reason"),
    [
        ("localhost:8000", "base_url must begin with http:// or https://, like http://localhost:8000."),
        ("api.example/v1/", "base_url must begin with http:// or https://, like http://api.example/v1."),
        ("server:8000/v1", "like http://server:8000/v1."),
        ("/v1", "like http://127.0.0.1:8000/v1."),
        (f"me:{KEY}@api.example/v1", "like http://127.0.0.1:8000/v1."),
        ("ftp://api.example", "not ftp://."),
        ("http://api.example/v1\n", "must not hold spaces, line breaks"),
        (" http://api.example/v1", "must not hold spaces"),
        ("http://api.example/\u200b", "must not hold spaces, line breaks or other invisible"),
        ("http://api.example:port", "its host or its port is malformed"),
        ("http://", "must begin with http:// or https://"),
        ("http:///v1", "has no host"),
        ("http://api.example/v1?api-version=1", "there is default_query"),
        (f"http://me:{KEY}@api.example/v1", "must not hold a user or a password"),
    ],
)
@pytest.mark.parametrize("client", CLIENTS)
def test_the_error_for_an_invalid_base_url_says_what_is_wrong_with_it(client: Any, base_url: str, reason: str) -> None:
    with pytest.raises(ImageVariationsError) as caught:
        client(api_key="", base_url=base_url)
    assert reason in str(caught.value)
    assert KEY not in str(caught.value)


@pytest.mark.parametrize("value", [b"http://127.0.0.1", 8000, False, ["http://127.0.0.1"]], ids=repr)
@pytest.mark.parametrize("client", CLIENTS)
def test_a_base_url_that_is_no_text_is_refused_with_its_type(client: Any, value: Any) -> None:
    with pytest.raises(ImageVariationsError, match=f"^base_url must be a str, not {type(value).__name__}.$"):
        client(api_key=KEY, base_url=value)


@pytest.mark.parametrize("client", CLIENTS)
def test_the_error_for_an_invalid_base_url_of_the_environment_names_the_variable(
    client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1/v1\n")
    with pytest.raises(ImageVariationsError, match=r"^OPENAI_BASE_URL must not hold"):
        client(api_key=KEY)


def test_an_uppercase_scheme_is_accepted(make: Make, recorder: Recorder) -> None:
    with make(base_url=recorder.base_url.replace("http", "HTTP")) as driver:
        assert sent(driver, recorder).target == "/v1/images/variations"


@pytest.mark.parametrize("ending", ["/images/variations", "/images/variations/"])
def test_a_base_url_with_the_path_of_the_operation_is_refused_with_the_part_to_use(
    make: Make, recorder: Recorder, ending: str
) -> None:
    recorder.expect()
    with make(base_url=recorder.base_url + ending) as driver:
        for call in (driver.call, driver.plain, driver.detailed):
            with pytest.raises(ImageVariationsError) as caught:
                call(image=image())
            assert str(caught.value) == (
                f"base_url must end before /images/variations, which the client appends: {recorder.base_url}"
            )
    assert recorder.received == []


def test_a_base_url_that_only_resembles_the_path_of_the_operation_is_used(make: Make, recorder: Recorder) -> None:
    for path in ("/images", "/variations", "/images/variations/v1", "/IMAGES/VARIATIONS"):
        with make(base_url=recorder.origin + path) as driver:
            assert sent(driver, recorder).target == f"{path}/images/variations"


# --- the key and the headers


@given(key=st.text(string.ascii_letters + string.digits + "-_.~+/=:!#$%&'*^`|", min_size=1))
def test_a_key_is_sent_unchanged(driver: Driver, recorder: Recorder, key: str) -> None:
    assert sent(driver.copy(api_key=key), recorder).header("authorization") == f"Bearer {key}"


@given(key=st.text(min_size=1) | st.text(st.characters(), min_size=1))
def test_any_text_as_key_is_sent_or_refused_without_being_shown(driver: Driver, recorder: Recorder, key: str) -> None:
    secret = f"quite-secret{key}quite-secret"
    for whole in (secret, f"{key}quite-secret", f"quite-secret{key}"):
        recorder.expect()
        result = outcome(lambda whole=whole: driver.copy(api_key=whole).call(image=image()))  # type: ignore[misc]
        if isinstance(result, ImageVariationsError):
            assert "quite-secret" not in f"{result} {result!r} {result.__cause__!r}"
            assert "key" in str(result)
            assert recorder.received == []
        else:
            assert recorder.only().header("authorization") in {
                f"Bearer {whole}",
                f"Bearer {whole}".encode().decode("latin-1"),
            }


@pytest.mark.parametrize("key", ["sk-secret\n", "sk-secret\r\nX-Injected: 1", "sk-\0secret", "sk-secret\ud800"])
@pytest.mark.parametrize("client", CLIENTS)
def test_a_key_that_cannot_be_a_header_value_is_refused_by_the_constructor(client: Any, key: str) -> None:
    with pytest.raises(ImageVariationsError) as caught:
        client(api_key=key)
    assert "secret" not in str(caught.value)
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


class Secret:
    """Like SecretStr of pydantic: not a text, but it has one."""

    def get_secret_value(self) -> str:
        return KEY

    def __str__(self) -> str:
        return KEY

    __repr__ = __str__


NO_TEXTS = [KEY.encode(), bytearray(KEY.encode()), 1234567, 1.5, True, [KEY], {"a": KEY}, Secret(), lambda: KEY]


@pytest.mark.parametrize("value", NO_TEXTS, ids=lambda value: type(value).__name__)
@pytest.mark.parametrize("client", CLIENTS)
def test_a_key_or_header_or_query_value_that_is_no_text_is_refused_with_its_type(client: Any, value: Any) -> None:
    for options, start in (
        ({"api_key": value}, "api_key must be a str, not "),
        ({"default_headers": {"X-Token": value}}, "The header X-Token must be a str, not "),
        ({"default_query": {"token": value}}, "default_query must map str to str, and has "),
    ):
        for make_client in (client, client(api_key=KEY).with_options):
            with pytest.raises(ImageVariationsError) as caught:
                make_client(**{"api_key": KEY, **options})
            assert str(caught.value).startswith(start + type(value).__name__)
            assert KEY[8:] not in repr(caught.value)
            assert "1234567" not in str(caught.value)


@pytest.mark.parametrize("value", [None, b"a", 7, Secret()], ids=repr)
def test_a_header_of_a_call_that_is_no_text_is_refused_with_its_type(
    driver: Driver, recorder: Recorder, value: Any
) -> None:
    recorder.expect()
    with pytest.raises(ImageVariationsError, match=f"X-Token must be a str, not {type(value).__name__}"):
        driver.call(image=image(), extra_headers={"X-Token": value})
    with pytest.raises(ImageVariationsError, match=f"name of a header must be a str, not {type(value).__name__}"):
        driver.call(image=image(), extra_headers={value: "a"})
    assert recorder.received == []


@pytest.mark.parametrize("name", ["default_headers", "default_query"])
@pytest.mark.parametrize("value", ["a=b", b"a", 7, [("a", "b")], ()], ids=repr)
@pytest.mark.parametrize("client", CLIENTS)
def test_headers_and_query_that_are_no_mapping_are_refused_with_their_type(client: Any, name: str, value: Any) -> None:
    for make_client in (client, client(api_key=KEY).with_options):
        with pytest.raises(ImageVariationsError, match=f"{name} must map .* of type {type(value).__name__}"):
            make_client(**{"api_key": KEY, name: value})


@pytest.mark.parametrize("query", [{"a": "\ud800"}, {"\ud800": "a"}, {7: "a"}, {None: "a"}], ids=repr)
@pytest.mark.parametrize("client", CLIENTS)
def test_a_query_that_cannot_be_sent_is_refused_by_the_constructor(client: Any, query: Any) -> None:
    with pytest.raises(ImageVariationsError, match=r"^default_query "):
        client(api_key=KEY, default_query=query)


@pytest.mark.parametrize(
    ("key", "reason"),
    [
        ("sk-secret\n", "character 10 is a line break"),
        ("sk secret", "character 3 is a space"),
        (" sk-secret", "character 1 is a space"),
        ("sk-secr\u00e9t", "character 8 is none of them"),
        ("sk-\0secret", "character 4 is none of them"),
    ],
)
@pytest.mark.parametrize("client", CLIENTS)
def test_the_error_for_an_invalid_key_says_where_and_names_the_variable(
    client: Any, key: str, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ImageVariationsError, match=r"^api_key must consist of visible ASCII characters") as caught:
        client(api_key=key)
    assert reason in str(caught.value)
    assert "secr" not in repr(caught.value)
    if "\0" not in key:
        monkeypatch.setenv("OPENAI_API_KEY", key)
        with pytest.raises(ImageVariationsError, match=r"^OPENAI_API_KEY must consist") as caught:
            client()
        assert "secr" not in repr(caught.value)


def test_headers_of_a_call_override_those_of_the_client_for_this_call_only(make: Make, recorder: Recorder) -> None:
    with make(base_url=recorder.base_url, default_headers={"X-One": "1", "X-Two": "2", "User-Agent": "mine"}) as driver:
        received = sent(driver, recorder, extra_headers={"x-two": "3", "X-Four": "4", "authorization": "Other key"})
        next_request = sent(driver, recorder)
    values = [received.header(name) for name in ("x-one", "x-two", "x-four", "authorization", "user-agent")]
    assert values == ["1", "3", "4", "Other key", "mine"]
    values = [next_request.header(name) for name in ("x-one", "x-two", "x-four", "authorization")]
    assert values == ["1", "2", None, f"Bearer {KEY}"]


TOKENS = st.text("!#$%&'*+-.^_`|~" + string.ascii_letters + string.digits, max_size=12).map("X-".__add__)


@given(name=TOKENS | st.text(max_size=8).map("X-".__add__), value=st.text(string.printable) | st.text(max_size=12))
def test_any_header_is_sent_without_side_effects_or_refused(
    driver: Driver, recorder: Recorder, name: str, value: str
) -> None:
    plain = sent(driver, recorder)
    recorder.expect()
    result = outcome(lambda: driver.call(image=image(), extra_headers={name: value}))
    if isinstance(result, ImageVariationsError):
        assert recorder.received == []
    else:
        received = recorder.only()
        assert len(received.headers) == len(plain.headers) + 1
        assert received.header(name) in {value.strip(), value.strip().encode().decode("latin-1")}
        assert set(received.parts()) == {"image"}


@given(name=TOKENS, value=st.text(string.ascii_letters + string.digits + string.punctuation))
def test_a_valid_header_is_sent(driver: Driver, recorder: Recorder, name: str, value: str) -> None:
    assert sent(driver, recorder, extra_headers={name: value}).header(name) == value


@pytest.mark.parametrize("name", ["Content-Type", "content-length", "Transfer-Encoding"])
def test_a_framing_header_of_the_caller_does_not_break_the_form(make: Make, recorder: Recorder, name: str) -> None:
    """Many programs set Content-Type to JSON for all their requests."""
    recorder.expect()
    with make(base_url=recorder.base_url) as driver:
        results = [
            outcome(lambda: driver.copy(default_headers={name: "application/json"}).call(image=image())),
            outcome(lambda: driver.call(image=image(), extra_headers={name: "application/json"})),
        ]
    assert len(recorder.received) == sum(isinstance(result, ImagesResponse) for result in results)
    for received in recorder.received:
        assert set(received.parts()) == {"image"}


@pytest.mark.parametrize("name", ["", "X A", "X:A", "X\r\nY", "X-\u00e9", "X-\ud800"])
@pytest.mark.parametrize("client", CLIENTS)
def test_an_invalid_default_header_is_refused_by_the_constructor(client: Any, name: str) -> None:
    for headers in ({name: "1"}, {"X-A": "a\r\nX-Injected: 1"}, {"X-A": "\0"}):
        with pytest.raises(ImageVariationsError):
            client(api_key=KEY, default_headers=headers)


# --- the query and the form


@given(query=st.dictionaries(st.text(min_size=1), st.text(), max_size=4))
def test_any_query_is_sent_unchanged(driver: Driver, recorder: Recorder, query: dict[str, str]) -> None:
    received = sent(driver, recorder, extra_query=query)
    path, _, text = received.target.partition("?")
    assert path == "/v1/images/variations"
    assert parse_qsl(text, keep_blank_values=True, strict_parsing=bool(query)) == list(query.items())


def test_the_query_of_a_call_is_added_to_that_of_the_client(make: Make, recorder: Recorder) -> None:
    with make(base_url=recorder.base_url, default_query={"api-version": "1", "a": "b"}) as driver:
        received = sent(driver, recorder, extra_query={"c": "d e&f"})
        next_request = sent(driver, recorder)
    assert parse_qsl(received.target.partition("?")[2]) == [("api-version", "1"), ("a", "b"), ("c", "d e&f")]
    assert parse_qsl(next_request.target.partition("?")[2]) == [("api-version", "1"), ("a", "b")]


def test_a_query_parameter_of_a_call_replaces_the_same_parameter_of_the_client(make: Make, recorder: Recorder) -> None:
    with make(base_url=recorder.base_url, default_query={"a": "1"}) as driver:
        received = sent(driver, recorder, extra_query={"a": "2"})
    assert parse_qsl(received.target.partition("?")[2]) == [("a", "2")]


def test_fields_of_extra_body_are_parts_of_the_form(driver: Driver, recorder: Recorder) -> None:
    parts = sent(driver, recorder, n=2, extra_body={"style": "vivid", "seed": 7, "user": "me"}).parts()
    assert {name: part.content for name, part in parts.items()} == {
        "image": image(),
        "n": b"2",
        "style": b"vivid",
        "seed": b"7",
        "user": b"me",
    }


# --- copies


@pytest.fixture
def second_server() -> Iterator[Recorder]:
    """Another server than the recorder."""
    with recording() as second_server:
        yield second_server


def test_a_copy_has_other_options_and_does_not_change_the_original(
    make: Make, recorder: Recorder, second_server: Recorder
) -> None:
    with make(base_url=recorder.base_url, default_headers={"X-A": "1"}, max_retries=0) as driver:
        copied = driver.copy(
            base_url=second_server.base_url,
            api_key="sk-2",
            default_headers={"X-B": "2"},
            default_query={"q": "1"},
            timeout=9,
        )
        received = sent(copied, second_server)
        assert received.header("authorization") == "Bearer sk-2"
        assert received.header("x-b") == "2"
        assert received.target == "/v1/images/variations?q=1"
        received = sent(driver, recorder)
        assert received.header("authorization") == f"Bearer {KEY}"
        assert (received.header("x-a"), received.header("x-b")) == ("1", None)
        assert received.target == "/v1/images/variations"
        assert sent(driver.copy(timeout=9), recorder).header("x-a") == "1"


def test_copies_share_the_connections(make: Make, recorder: Recorder) -> None:
    with make(base_url=recorder.base_url) as driver:
        connections = {sent(driver, recorder).connection}
        copied = driver.copy(max_retries=5)
        drivers = (copied, driver, copied.copy(timeout=3), driver)
        connections |= {sent(each, recorder).connection for each in drivers}
    assert len(connections) == 1


def test_a_copy_made_before_the_first_call_shares_the_connections(make: Make, recorder: Recorder) -> None:
    with make(base_url=recorder.base_url) as driver:
        copied = driver.copy(max_retries=5)
        assert len({sent(it, recorder).connection for it in (copied, driver, copied)}) == 1


@pytest.mark.parametrize("options", [{"base_url": "nowhere"}, {"api_key": "a\nb"}, {"nonsense": 1}])
def test_invalid_options_of_a_copy_are_refused_and_the_original_remains_usable(
    make: Make, recorder: Recorder, options: dict[str, Any]
) -> None:
    with make(base_url=recorder.base_url) as driver:
        with pytest.raises((ImageVariationsError, TypeError)):
            driver.copy(**options)
        assert isinstance(outcome(lambda: driver.call(image=image())), ImagesResponse)


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize(
    "options",
    [
        {"timeout": -1},
        {"timeout": float("nan")},
        {"timeout": float("inf")},
        {"timeout": 0},
        {"timeout": True},
        {"timeout": "1"},
        {"timeout": b"1"},
        {"timeout": [1]},
        {"timeout": 2_147_484},
        {"timeout": 1e300},
        {"timeout": 10**5000},
        {"max_retries": -1},
        {"max_retries": -(10**5000)},
        {"max_retries": 1.5},
        {"max_retries": True},
        {"max_retries": None},
        {"max_retries": "2"},
        {"preflight": "no"},
        {"preflight": None},
        {"allow_private_links": "no"},
        {"max_response_bytes": -1},
        {"max_response_bytes": True},
    ],
    ids=lambda options: "-".join(f"{name}={_short(value)}" for name, value in options.items()),
)
def test_an_invalid_option_is_refused_by_the_constructor_with_its_name(client: Any, options: dict[str, Any]) -> None:
    ((name, value),) = options.items()
    for make_client in (client, client(api_key=KEY).with_options):
        with pytest.raises(ImageVariationsError) as caught:
            make_client(api_key=KEY, **options)
        assert str(caught.value).startswith(f"{name} must be ")
        shown = str(caught.value).rpartition(", not ")[2]
        assert shown == f"{_short(value)}."


@pytest.mark.parametrize("timeout", [float("inf"), float("nan"), True, "5", 0, -1, 1e300])
def test_an_invalid_timeout_of_a_call_is_refused(driver: Driver, recorder: Recorder, timeout: Any) -> None:
    recorder.expect()
    with pytest.raises(ImageVariationsError, match=r"^timeout must be a number of seconds above 0"):
        driver.call(image=image(), timeout=timeout)
    assert recorder.received == []


@pytest.mark.parametrize("timeout", [2_147_483, 2_147_483.0, 1e6, None])
def test_the_longest_timeout_is_used(driver: Driver, recorder: Recorder, timeout: Any) -> None:
    assert sent(driver, recorder, timeout=timeout).target == "/v1/images/variations"


# --- an HTTP client of the caller


def test_the_http_client_of_the_caller_is_used_and_never_closed(
    make: Make, make_http: MakeHttp, recorder: Recorder
) -> None:
    http_client = make_http(headers={"X-Theirs": "1"}, timeout=0.001)
    driver = make(base_url=recorder.base_url, http_client=http_client)
    with driver:
        assert sent(driver, recorder).header("x-theirs") == "1"
        driver.close()
        assert not http_client.is_closed
        assert sent(driver, recorder).header("x-theirs") == "1"
    assert not http_client.is_closed
    with driver.copy(timeout=3):
        pass
    assert not http_client.is_closed


def test_the_content_type_and_the_cookies_of_the_http_client_of_the_caller_do_not_get_in_the_way(
    make: Make, make_http: MakeHttp, recorder: Recorder
) -> None:
    http_client = make_http(headers={"Content-Type": "application/json"}, cookies={"session": "s3cret"})
    with make(base_url=recorder.base_url, http_client=http_client) as driver:
        request = sent(driver, recorder, n=2)
        assert request.parts()["n"].content == b"2"
        item = item_with(driver, recorder, url=f"{recorder.origin}/a.png")
        recorder.expect(CannedResponse(302, b"", {"Location": "/b.png"}), CannedResponse(200, b"a file"))
        assert driver.read(item) == b"a file"
    assert [received.header("cookie") for received in recorder.received] == [None, None]


def test_a_copy_with_another_http_client_uses_it(make: Make, make_http: MakeHttp, recorder: Recorder) -> None:
    with make(base_url=recorder.base_url) as driver:
        copied = driver.copy(http_client=make_http(headers={"X-Theirs": "1"}))
        assert sent(copied, recorder).header("x-theirs") == "1"
        assert sent(driver, recorder).header("x-theirs") is None


def test_redirects_are_not_followed_even_if_the_http_client_of_the_caller_follows_them(
    make: Make, make_http: MakeHttp, recorder: Recorder
) -> None:
    with make(base_url=recorder.base_url, http_client=make_http(follow_redirects=True)) as driver:
        recorder.expect(CannedResponse(307, b"", {"Location": recorder.base_url + "/elsewhere"}))
        with pytest.raises(image_variations.APIStatusError):
            driver.call(image=image())
        recorder.only()


@pytest.mark.parametrize("proxy", ["socks9://nowhere", "socks5://127.0.0.1:1", "http://127.0.0.1:1", "http://["])
def test_an_unusable_proxy_in_the_environment_causes_an_error_of_the_client(
    make: Make, recorder: Recorder, monkeypatch: pytest.MonkeyPatch, proxy: str
) -> None:
    monkeypatch.setenv("HTTP_PROXY", proxy)
    with make(base_url=recorder.base_url, max_retries=0) as driver:
        result = outcome(lambda: driver.call(image=image()))
    assert isinstance(result, ImageVariationsError)
    check_message(result)
