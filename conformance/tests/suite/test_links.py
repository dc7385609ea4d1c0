"""Links are followed without the API key, within limits, and to no forbidden address."""

import socket
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from image_variations_conformance.sources import connector, links
from image_variations_conformance.sources.transport import Transport
from image_variations_conformance.wire.exchange import Exchange, Failure, Request, Response
from image_variations_conformance.wire.target import USER_AGENT, Target
from support.loopback import (
    HTTPISH,
    ScriptedServer,
    answer,
    answering,
    hear_request,
    hear_the_end,
    say,
    say_forever,
    scripted_server,
)
from support.requests import KEY

TIMEOUT_SECONDS = 20.0


def fetched(server: ScriptedServer, link: str, timeout: float = TIMEOUT_SECONDS) -> Exchange:
    return Transport(Target.parse(server.base_url, KEY), timeout).fetch("a-case/0", link)


def test_a_link_is_fetched_without_the_key() -> None:
    with scripted_server((hear_request, say(answer(200, b"png", "Content-Type: image/png")), hear_the_end)) as server:
        link = f"http://someone:secret@127.0.0.1:{server.port}/files/a%20b.png?x=1&y=%2F#part"
        exchange = fetched(server, link)
    assert bytes(server.heard[0]) == (
        b"GET /files/a%%20b.png?x=1&y=%%2F HTTP/1.1\r\n"
        b"Host: 127.0.0.1:%d\r\nUser-Agent: %b\r\nAccept: image/*\r\nConnection: close\r\n\r\n"
        % (server.port, USER_AGENT.encode())
    )
    assert (exchange.label, exchange.request) == ("a-case/0", Request("GET", link, ()))
    assert exchange.response is not None
    assert (exchange.response.body, exchange.response.media_type) == (b"png", "image/png")


@pytest.mark.parametrize("path", ["", "?x=1"])
def test_a_link_without_a_path_requests_the_root(path: str) -> None:
    with scripted_server(*answering(answer())) as server:
        fetched(server, f"{server.origin}{path}")
    assert bytes(server.heard[0]).startswith(f"GET /{path} HTTP/1.1\r\n".encode())


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize(
    "location", ["/b.png", "b.png", "//127.0.0.1:{port}/files/b.png", "http://127.0.0.1:{port}/b.png"]
)
def test_a_redirect_is_followed(status: int, location: str) -> None:
    with scripted_server() as server:
        header = f"Location: {location.format(port=server.port)}"
        server.scripts = answering(answer(status, b"", header), answer(200, b"png"))
        response = fetched(server, f"{server.origin}/files/a.png").response
    assert response == Response(200, (("Content-Length", "3"),), b"png")
    assert bytes(server.heard[1]).partition(b" HTTP/")[0].endswith(b"b.png")
    assert KEY.encode() not in b"".join(server.heard)


def test_a_link_with_more_than_20_redirects_is_malformed() -> None:
    with scripted_server(*answering(answer(302, b"", "Location: /again"))) as server:
        failure = fetched(server, f"{server.origin}/a.png").failure
    assert failure == Failure("malformed", "more than 20 redirects")
    assert len(server.heard) == 21


@pytest.mark.parametrize("data", [answer(302), answer(304, b"", "Location: /b"), answer(201, b"", "Location: /b")])
def test_a_response_that_is_no_redirect_with_a_location_is_the_response_of_the_link(data: bytes) -> None:
    with scripted_server(*answering(data)) as server:
        exchange = fetched(server, f"{server.origin}/a.png")
    assert exchange.response is not None
    assert len(server.heard) == 1


@pytest.mark.parametrize(
    ("location", "kind"),
    [
        ("file:///etc/passwd", "forbidden"),
        ("gopher://127.0.0.1/", "forbidden"),
        ("data:image/png;base64,AAAA", "forbidden"),
        ("http://169.254.169.254/latest/meta-data", "forbidden"),
        ("http://0.0.0.0/", "forbidden"),
        ("http://[", "malformed"),
        ("http://127.0.0.1:99999/", "malformed"),
        ("/a b.png", "malformed"),
        ("/\xe9.png", "malformed"),
    ],
)
def test_a_redirect_to_a_forbidden_or_malformed_location_is_a_failure(location: str, kind: str) -> None:
    with scripted_server(
        (hear_request, say(answer(302).replace(b"\r\n\r\n", b"\r\nLocation: %b\r\n\r\n" % location.encode("latin-1"))))
    ) as server:
        failure = fetched(server, f"{server.origin}/a.png").failure
    assert failure is not None
    assert failure.kind == kind
    assert len(server.heard) == 1


@pytest.fixture
def no_connections(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise ConnectionRefusedError(111, "connections are disabled in this test")

    monkeypatch.setattr(socket, "create_connection", refuse)


BLOCKED = ["0.0.0.0", "169.254.169.254", "224.0.0.1", "255.255.255.255", "240.0.0.1", "[::]", "[fe80::1]", "[ff02::1]"]  # noqa: S104 - the suite must refuse it
PRIVATE = ["127.0.0.1", "127.9.9.9", "10.0.0.1", "172.16.0.1", "192.168.1.1", "100.64.0.1", "[::1]", "[fd00::1]"]
PUBLIC = ["93.184.216.34", "[2606:2800:220:1::1]"]
OTHER_SPELLINGS_OF_LOOPBACK = ["[::ffff:127.0.0.1]", "2130706433", "0x7f.1"]


@pytest.mark.usefixtures("no_connections")
@pytest.mark.parametrize(
    ("target_host", "link_host", "kind"),
    [
        *(("127.0.0.1", host, "forbidden") for host in [*BLOCKED, "[::ffff:169.254.169.254]"]),
        *(("127.0.0.1", host, "unreachable") for host in [*PRIVATE, *PUBLIC, *OTHER_SPELLINGS_OF_LOOPBACK]),
        *(("93.184.216.34", host, "forbidden") for host in [*BLOCKED, *PRIVATE, *OTHER_SPELLINGS_OF_LOOPBACK]),
        *(("93.184.216.34", host, "unreachable") for host in PUBLIC),
    ],
)
def test_a_link_to_an_address_more_private_than_the_target_is_forbidden(
    target_host: str, link_host: str, kind: str
) -> None:
    """An allowed address is connected to, and unreachable because connections are disabled here."""
    target = Target.parse(f"http://{target_host}/v1", KEY)
    failure = Transport(target).fetch("a-case/0", f"http://{link_host}/a.png").failure
    assert failure is not None
    assert failure.kind == kind


def test_all_allowed_addresses_of_a_host_are_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Like localhost, if it resolves to ::1 first and the server listens on 127.0.0.1 only."""
    monkeypatch.setattr(connector, "_addresses", lambda *_: iter(("127.0.0.2", "169.254.0.1", "127.0.0.1")))
    with scripted_server(*answering(answer(200, b"png"))) as server:
        exchange = fetched(server, f"http://localhost:{server.port}/a.png")
    assert exchange.response is not None
    assert bytes(server.heard[0]).startswith(b"GET /a.png HTTP/1.1\r\nHost: localhost:%d\r\n" % server.port)


@pytest.mark.parametrize(
    ("link", "outcome"),
    [
        ("data:image/png;base64,iVBORw==", Response(200, (("Content-Type", "image/png"),), b"\x89PNG")),
        ("DATA:image/png;base64,iVBORw%3D%3D", Response(200, (("Content-Type", "image/png"),), b"\x89PNG")),
        ("data:image/png;x=y;base64,iVBORw==", Response(200, (("Content-Type", "image/png"),), b"\x89PNG")),
        ("data:text/plain,a%20b", Response(200, (("Content-Type", "text/plain"),), b"a b")),
        ("data:", Response(200, (("Content-Type", ""),), b"")),
    ],
)
def test_a_data_url_is_decoded_into_a_response(link: str, outcome: Response) -> None:
    assert Transport(Target.parse("http://127.0.0.1/v1")).fetch("a-case/0", link).outcome == outcome


@pytest.mark.parametrize(
    ("link", "kind"),
    [
        ("data:image/png;base64,iVBORw", "malformed"),
        ("data:image/png;base64,iVBO*w==", "malformed"),
        ("data:image/png;base64,é", "malformed"),
        ("data:text/plain,\ud800", "malformed"),
        ("", "forbidden"),
        ("a.png", "forbidden"),
        ("/files/a.png", "forbidden"),
        ("file:///etc/passwd", "forbidden"),
        ("ftp://127.0.0.1/a.png", "forbidden"),
        ("javascript:alert(1)", "forbidden"),
        ("http:a.png", "forbidden"),
        ("http://", "forbidden"),
        ("http://[::1/a.png", "malformed"),
        ("http://127.0.0.1:99999/a.png", "malformed"),
        ("http://127.0.0.1:port/a.png", "malformed"),
        ("http://127.0.0.1/ä.png", "malformed"),
        ("http://127.0.0.1/a b.png", "malformed"),
        ("http://127.0.0.1/a\r\nX: y", "malformed"),
        ("http://127.0.0.1/\ud800", "malformed"),
        ("http://ä.example/", "malformed"),
        ("http://a..b/", "unreachable"),
    ],
)
@pytest.mark.usefixtures("no_connections")
def test_a_bad_link_is_a_failure(link: str, kind: str) -> None:
    failure = Transport(Target.parse("http://127.0.0.1/v1")).fetch("a-case/0", link).failure
    assert failure is not None
    assert failure.kind == kind


LINKISH = st.lists(
    st.sampled_from(
        ["http", "https", "data", ":", "//", "/", "[", "]", "@", "127.0.0.1", "%", ";base64,", "?", "#", "\ud800"]
    )
    | st.text(max_size=4),
    max_size=10,
).map("".join)


@given(LINKISH)
def test_no_link_raises_an_exception(link: str) -> None:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(socket, "create_connection", _refused)
        patched.setattr(connector, "_addresses", lambda *_: iter(("127.0.0.1",)))
        exchange = Transport(Target.parse("http://127.0.0.1/v1")).fetch("a-case/0", link)
    assert isinstance(exchange.outcome, Response | Failure)


def _refused(*_: object, **__: object) -> None:
    raise ConnectionRefusedError


def test_an_image_beyond_the_byte_limit_is_too_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(links, "MAX_IMAGE_BYTES", 100_000)
    with scripted_server((hear_request, say(b"HTTP/1.1 200 OK\r\n\r\n"), say_forever(bytes(10_000)))) as server:
        failure = fetched(server, f"{server.origin}/a.png").failure
    assert failure is not None
    assert failure.kind == "too-large"


@pytest.fixture(scope="module")
def any_server() -> Iterator[ScriptedServer]:
    """Yield a server whose scripts the test sets."""
    with scripted_server(()) as server:
        yield server


@given(HTTPISH)
def test_no_bytes_behind_a_link_raise_an_exception(any_server: ScriptedServer, data: bytes) -> None:
    any_server.scripts = [(hear_request, say(data))]
    exchange = fetched(any_server, f"{any_server.origin}/a.png")
    assert isinstance(exchange.outcome, Response | Failure)


def test_a_link_to_an_unknown_host_is_unreachable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connector, "_addresses", lambda *_: iter(()))
    failure = Transport(Target.parse("http://127.0.0.1/v1")).fetch("a-case/0", "http://nobody.example/a.png").failure
    assert failure == Failure("unreachable", "the host nobody.example is not known")
