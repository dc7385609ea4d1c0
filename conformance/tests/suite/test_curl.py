"""Every command of a report sends its request again, as a server that records the bytes shows."""

import gzip
import os
import re
import shutil
import string
import subprocess
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest
from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st
from image_variations_conformance.cases.builder import Base
from image_variations_conformance.cases.catalogue import NAMED_CASES
from image_variations_conformance.cases.features import FEATURES, probes
from image_variations_conformance.cases.open_probes import OPEN
from image_variations_conformance.cases.plan import Plan
from image_variations_conformance.cases.transforms import kept_open, with_body, with_chunked_coding, with_header
from image_variations_conformance.reports.curl import command
from image_variations_conformance.wire.exchange import Request
from image_variations_conformance.wire.multipart import text_part
from image_variations_conformance.wire.redaction import Redactor
from image_variations_conformance.wire.target import Target
from support.loopback import ScriptedServer, answer, hear_next_request, hear_request, say, scripted_server
from support.requests import CONTRACT, KEY, builder

pytestmark = pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")

FOLDER = "IV-FOLDER"


@pytest.fixture(scope="module")
def server() -> Iterator[ScriptedServer]:
    with scripted_server((hear_request, say(answer(200, b"{}", "Connection: close")))) as running:
        yield running


def heard(server: ScriptedServer, request: Request, target: Target, path: Path, *earlier: Request) -> bytes:
    """Write the files of the command for a request, run it, and return the bytes that the server received.

    The requests that came `earlier` are sent first, on the same connection.
    """
    redactor = Redactor.of(target.api_key, target.headers)
    redacted = [redactor.request(it) for it in (*earlier, request)]
    shown = evolve(target, base_url=redactor.text(target.base_url))
    again = command(redacted[-1], shown, FOLDER, redacted[:-1])
    (path / FOLDER).mkdir(exist_ok=True)
    for name, content in again.files.items():
        (path / FOLDER / name).write_bytes(content)
    secrets = [target.api_key or "", *(value for _, value in target.headers)]
    assert [secret for secret in secrets if secret and secret in again.line] == []
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(path),
        "IMAGE_VARIATIONS_API_KEY": target.api_key or "",
        **{f"IMAGE_VARIATIONS_HEADER_{name.upper().replace('-', '_')}": value for name, value in target.headers},
    }
    assert again.line.isprintable()
    before = len(server.heard)
    done = subprocess.run(
        ["sh", "-c", again.line], cwd=path, env=environment, capture_output=True, timeout=30, check=False
    )
    assert (done.returncode, done.stderr) == (0, b""), again.line
    assert done.stdout.startswith(b"HTTP/1.1 200")
    (received,) = server.heard[before:]
    return bytes(received)


def assert_same(received: bytes, request: Request) -> None:
    """Require the same request line, headers and body, but for a boundary that curl has chosen."""
    head, _, body = received.partition(b"\r\n\r\n")
    line, *lines = head.decode("utf-8", "surrogateescape").split("\r\n")
    headers = [(name, value.removeprefix(" ")) for name, _, value in (each.partition(":") for each in lines)]
    assert line == f"{request.method} {request.target} HTTP/{request.http_version}"
    if request.chunked:
        framed = request.framed_body()
        assert body == framed or (unchunked(body) == request.body and len(request.body) <= request.chunk_bytes)
        assert compared(headers) == compared(request.headers)
        return
    theirs = re.fullmatch(r"multipart/form-data; boundary=(-{20,}\w{16,})", dict(headers).get("Content-Type", ""))
    if theirs is not None:
        ours = (request.header("content-type") or "").partition("boundary=")[2]
        assert dict(headers)["Content-Length"] == str(len(body))
        body = body.replace(theirs[1].encode(), ours.encode())
        replaced = {"Content-Type": f"multipart/form-data; boundary={ours}", "Content-Length": str(len(body))}
        headers = [(name, replaced.get(name, value)) for name, value in headers]
    assert body == request.body
    assert compared(headers) == compared(request.headers)


def compared(headers: Iterable[tuple[str, str]]) -> Counter[tuple[str, str]]:
    """Return the headers that matter: not the one that ends the connection, nor the name of the program."""
    named = ((name, "" if name.lower() == "user-agent" else value) for name, value in headers)
    return Counter(pair for pair in named if (pair[0].lower(), pair[1]) != ("connection", "close"))


def unchunked(body: bytes) -> bytes:
    found = b""
    while body:
        size, _, body = body.partition(b"\r\n")
        length = int(size.partition(b";")[0], 16)
        found, body = found + body[:length], body[length + 2 :]
        if not length:
            break
    return found


ROWS = {row.label: row for row in NAMED_CASES}
PROBES = {probe.item: probe for probe in (*probes(CONTRACT, 0), *OPEN)}
assert len(PROBES) > len(FEATURES)
BASE = Base({"size": "256x256"})


def plan(server: ScriptedServer) -> Plan:
    return Plan.of(CONTRACT, Target.parse(server.base_url, KEY), 1)


@pytest.mark.slow
@pytest.mark.parametrize("label", ROWS)
def test_the_command_of_a_named_case_sends_the_case_again(server: ScriptedServer, tmp_path: Path, label: str) -> None:
    case = plan(server).named(ROWS[label], BASE)
    assert_same(heard(server, case.request, plan(server).target, tmp_path), case.request)


@pytest.mark.slow
@pytest.mark.parametrize("item", PROBES)
def test_the_command_of_a_probe_sends_it_again(server: ScriptedServer, tmp_path: Path, item: str) -> None:
    case = plan(server).valid("a-probe", "a note", BASE, (PROBES[item],))
    assert_same(heard(server, case.request, plan(server).target, tmp_path), case.request)


@pytest.mark.parametrize(
    "label",
    [
        *("method-head", "body-none", "body-empty", "image-too-large"),
        *("key-prefix", "key-other-case", "key-no-break-space", "n-zero"),
    ],
)
def test_the_command_of_an_unusual_case_sends_the_case_again(
    server: ScriptedServer, tmp_path: Path, label: str
) -> None:
    test_the_command_of_a_named_case_sends_the_case_again(server, tmp_path, label)


@pytest.mark.parametrize(
    "item", ["body=chunk-extension", "body=trailers", "letter-case=header-names", "user=punctuation"]
)
def test_the_command_of_an_unusual_probe_sends_it_again(server: ScriptedServer, tmp_path: Path, item: str) -> None:
    test_the_command_of_a_probe_sends_it_again(server, tmp_path, item)


# Of rare characters, so that nothing else looks like a secret.
SECRETS = st.text(st.sampled_from("QXZqxz0123456789" + string.punctuation), min_size=12, max_size=20)
# So short that no secret is in it by accident.
PRINTED = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E, include_characters="\u00e9\u718a"), max_size=7)
TOKENS = st.from_regex(r"X-[A-Za-z][A-Za-z0-9-]{0,8}", fullmatch=True)


@pytest.mark.slow
@settings(max_examples=25)
@given(
    key=SECRETS,
    own=st.dictionaries(TOKENS, SECRETS, max_size=2),
    headers=st.dictionaries(TOKENS, PRINTED.map(str.strip), max_size=2),
    fields=st.dictionaries(PRINTED, PRINTED | st.binary(max_size=9), max_size=3),
    filename=PRINTED | st.none(),
    media_type=st.sampled_from(["image/png", "text/plain; charset=x", 'a/b; c="d,e"', None]),
    chunks=st.sampled_from([None, 50, 1 << 16]),
    path=st.sampled_from(["/v1", "/a{b,c}/[1-3]", "/a/./b/../v1", "/%7e'$HOME`x`\\"]),
)
def test_the_command_of_a_request_sends_it_again(
    server: ScriptedServer,
    tmp_path_factory: pytest.TempPathFactory,
    key: str,
    own: dict[str, str],
    headers: dict[str, str],
    fields: dict[str, str | bytes],
    filename: str | None,
    media_type: str | None,
    chunks: int | None,
    path: str,
) -> None:
    target = Target(server.origin + path, key, tuple(own.items()))
    b = builder(target=target)
    texts = tuple(text_part(name, value) for name, value in fields.items())
    request = b.multipart((b.image(b.png(side=4), filename, media_type), *texts))
    if chunks is not None:
        request = with_chunked_coding(chunk_bytes=chunks)(request)
    names = {name.lower() for name, _ in request.headers}
    more = tuple((name, value) for name, value in headers.items() if name.lower() not in names)
    request = evolve(request, headers=(*request.headers, *more))
    assert_same(heard(server, request, target, tmp_path_factory.mktemp("files")), request)


def test_the_command_of_a_plain_form_names_each_field_and_the_image() -> None:
    request = builder().form(n="3", user="it's me")
    again = command(Redactor.of(KEY).request(request), Target.parse("http://127.0.0.1:8000/v1", KEY), FOLDER)
    assert again.line == (
        "curl -sS -i http://127.0.0.1:8000/v1/images/variations -H 'Accept: application/json' "
        '-H "Authorization: Bearer ${IMAGE_VARIATIONS_API_KEY}" '
        """-F 'image=@IV-FOLDER/image.png;filename="picture.png";type=image/png' """
        """--form-string n=3 --form-string 'user=it'"'"'s me'"""
    )
    assert again.files == {"image.png": builder().png()}


def test_a_form_with_its_boundary_in_a_value_is_sent_with_that_boundary(server: ScriptedServer) -> None:
    case = plan(server).valid("a-probe", "a note", BASE, (PROBES["user=boundary"],))
    line = command(case.request, plan(server).target, FOLDER).line
    assert "--data-binary" in line
    assert "--form-string" not in line


def test_a_large_file_is_compressed_and_unpacked_by_the_command() -> None:
    b = builder()
    request = b.form(b.image(b.largest_png()))
    again = command(Redactor.of(KEY).request(request), b.target, FOLDER)
    assert again.line.startswith("gunzip -c IV-FOLDER/image.png.gz | curl -sS -i ")
    assert "image=@-;" in again.line
    assert gzip.decompress(again.files["image.png.gz"]) == builder().largest_png()
    assert len(again.files["image.png.gz"]) < len(request.body) / 100


def test_the_command_of_a_request_over_https_is_for_http_1_1() -> None:
    b = builder(target=Target.parse("https://images.example/v1", KEY))
    line = command(b.form(), b.target, FOLDER).line
    assert line.startswith("curl -sS -i --http1.1 https://images.example/v1/images/variations -H ")
    chunked = with_chunked_coding(extension=";a=1")(b.form())
    assert command(chunked, b.target, FOLDER).line.endswith("| openssl s_client -quiet -connect images.example:443")


# --- after others on one connection


def requests_in(received: bytes) -> Iterator[bytes]:
    """Yield each request of those that came over one connection."""
    while received:
        head, _, rest = received.partition(b"\r\n\r\n")
        length = re.search(rb"\r\ncontent-length: *([0-9]+)", head.lower())
        chunks = re.match(rb"(?s).*?\r\n0(;[^\r\n]*)?\r\n([^\r\n]+\r\n)*\r\n", rest)
        body = int(length[1]) if length else chunks.end() if chunks and b"chunked" in head else 0
        end = len(head) + 4 + body
        yield received[:end]
        received = received[end:]


@pytest.mark.parametrize(
    ("before", "program"),
    [
        (["form"], "curl "),
        (["large", "GET", "HEAD"], "gunzip "),
        (["large", "form", "large"], "{ "),
        (["GET", "trailers"], "{ "),
    ],
)
def test_the_command_of_a_request_after_others_sends_all_on_one_connection(
    tmp_path: Path, before: list[str], program: str
) -> None:
    answered, last = say(answer(200)), say(answer(200, b"{}", "Connection: close"))
    with scripted_server((hear_request, *(answered, hear_next_request) * len(before), last)) as server:
        b = builder(target=Target.parse(server.base_url, KEY))
        form = kept_open(b.form(size="256x256", n="2"))
        made = {
            "form": form,
            "large": kept_open(b.form(b.image(b.largest_png()))),
            "GET": evolve(form, method="GET"),
            "HEAD": with_header(with_body(evolve(form, method="HEAD"), b""), "Content-Type", None),
            "trailers": with_chunked_coding(trailers=(("X-Checksum", "0"),))(form),
        }
        earlier = [made[name] for name in before]
        request = kept_open(b.form(user="last"))
        assert command(request, b.target, FOLDER, earlier).line.startswith(program)
        received = list(requests_in(heard(server, request, b.target, tmp_path, *earlier)))
    assert len(received) == len(before) + 1
    for one, other in zip(received, [*earlier, request], strict=True):
        assert_same(one, other)


def test_only_a_last_request_that_says_nothing_of_it_is_told_to_end_its_connection() -> None:
    request = with_chunked_coding(extension=";a=1")(builder().form())
    kept = kept_open(request)
    assert command(request, builder().target, FOLDER).line.count("Connection: ") == 1
    assert command(kept, builder().target, FOLDER, [kept, kept]).line.count("Connection: ") == 1
