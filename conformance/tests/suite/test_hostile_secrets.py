"""The API key and the values of user headers are in no output, in whatever spelling a server quotes them."""

import base64
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from image_variations_conformance.engine.check import Settings, check
from image_variations_conformance.engine.run import Run
from image_variations_conformance.media import png
from image_variations_conformance.reports.curl import command
from image_variations_conformance.reports.folder import ReportFolder
from image_variations_conformance.wire.exchange import Headers, Request
from image_variations_conformance.wire.redaction import KEY_PLACEHOLDER, Redactor
from image_variations_conformance.wire.target import Target
from support.hostile import IMAGE, as_text, said, with_items
from support.loopback import ScriptedServer, Step, answer, answering, hear_request, hear_the_end, say, scripted_server

pytestmark = pytest.mark.slow

TOKEN, COOKIE = "tok-8f14e45fceea167a", "c9f0f895fb98ab91"
HEADERS: Headers = (("X-Token", f"Scheme {TOKEN}"), ("Cookie", f"lang=en; session={COOKIE}"), ("X-Debug", "1"))


def reported(server: ScriptedServer, folder: Path) -> Run:
    """Send one valid form with the user headers to a server, and write the report into a folder."""
    target = Target.parse(server.base_url, None, HEADERS)
    run = check(target, Settings(seed=1, timeout=10.0, max_requests=1), lambda *_: None)
    ReportFolder.at(folder).write(run)
    return run


def test_the_values_of_user_headers_are_sent_but_written_to_no_file(tmp_path: Path) -> None:
    quoted = f"you sent {TOKEN[:-3]} and {TOKEN} and {COOKIE}"
    error = {"error": {"message": {"x": quoted}, "type": quoted, "param": quoted, "code": 1}}
    with scripted_server(
        (hear_request, say(said(error, 400, f"X-Echo: Scheme {TOKEN}", f"X-More: {COOKIE}")))
    ) as server:
        run = reported(server, tmp_path)
    assert TOKEN.encode() in server.heard[0]
    assert COOKIE.encode() in server.heard[0]
    texts = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    assert {path.name for path, text in texts.items() if TOKEN.encode() in text or COOKIE.encode() in text} == set()
    findings = [it.message for it in run.findings]
    assert any("${IMAGE_VARIATIONS_HEADER_X_TOKEN}" in message for message in findings)
    assert not any(TOKEN[:8] in message or COOKIE[:8] in message for message in findings)
    head = (tmp_path / "IV-ERR-OBJECT/request.head").read_bytes()
    assert b"\r\nX-Token: ${IMAGE_VARIATIONS_HEADER_X_TOKEN}\r\n" in head
    assert b"\r\nCookie: ${IMAGE_VARIATIONS_HEADER_COOKIE}\r\n" in head
    body = (tmp_path / "IV-ERR-OBJECT/response.body").read_bytes()
    assert b"${IMAGE_VARIATIONS_HEADER_X_TOKEN}" in body
    # The value of X-Debug is too short to be a secret, so it is not redacted in the response.
    assert b'"code": 1' in body


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_the_curl_command_takes_user_headers_from_the_environment(tmp_path: Path) -> None:
    with scripted_server((hear_request, say(said({}, 400)), hear_the_end)) as server:
        reported(server, tmp_path)
        entries = json.loads((tmp_path / "report.json").read_bytes())["requirements"]
        line = next(entry["curl"] for entry in entries if entry["id"] == "IV-OP-VALID")
        names = {"X-Token": "X_TOKEN", "Cookie": "COOKIE", "X-Debug": "X_DEBUG"}
        environment = os.environ | {f"IMAGE_VARIATIONS_HEADER_{names[name]}": value for name, value in HEADERS}
        subprocess.run(["sh", "-c", line], cwd=tmp_path, env=environment, capture_output=True, check=True)
    assert TOKEN not in line
    first, second = (bytes(heard).split(b"\r\n") for heard in server.heard)
    for name, value in HEADERS:
        assert f"{name}: {value}".encode() in first
        assert f"{name}: {value}".encode() in second


@pytest.mark.parametrize("name", ["X-'\"`$(id)\\", "X Y", "X$HOME"])
def test_the_curl_command_quotes_the_names_of_user_headers_for_the_shell(name: str) -> None:
    target = Target.parse("http://127.0.0.1:1/v1", None, ((name, "a secret of mine"),))
    request = Redactor.of(None, target.headers).request(Request("POST", "/v1/images/variations", target.headers))
    words = command(request, target, "here").line
    completed = subprocess.run(
        ["sh", "-c", f"printf '%s\\n' {words}"], capture_output=True, text=True, check=True, env={}
    )
    assert f"{name}: " in completed.stdout.splitlines()


@given(
    st.text(st.characters(codec="utf-8", exclude_categories=["Cc"]), min_size=8, max_size=20), st.binary(max_size=40)
)
def test_the_redactor_removes_header_values_of_eight_or_more_characters(value: str, around: bytes) -> None:
    redactor = Redactor.of(None, (("X-Own", value),))
    redacted = redactor.data(around + value.encode() + around)
    assert value.encode() not in redacted.replace(b"${IMAGE_VARIATIONS_HEADER_X_OWN}", b"")
    request = redactor.request(Request("GET", "/", (("X-Own", value), ("X-Other", "x"))))
    assert request.head() == b"GET / HTTP/1.1\r\nX-Own: ${IMAGE_VARIATIONS_HEADER_X_OWN}\r\nX-Other: x\r\n\r\n"
    assert value not in redactor.text(f"it said {value}")


@pytest.mark.parametrize("value", ["http://127.0.0.1:8897/v1/tenant-4711", "http://127.0.0.1:8789", "127.0.0.1"])
def test_what_a_header_has_in_common_with_the_url_of_the_target_is_shown_and_nothing_else(value: str) -> None:
    """A gateway is told by a header which server it stands for, and that is often on the same host."""
    base_url = "http://127.0.0.1:8789/v1"
    redactor = Redactor.of(None, (("X-Upstream", value),), base_url)
    assert redactor.text(f"POST {base_url}/images/variations") == f"POST {base_url}/images/variations"
    assert "tenant-4711" not in redactor.text(f"it said {value}")


KEY = "sk-Proj-8f14e45fceea167a5a36dedd4bea2543"
SPELLINGS: dict[str, Callable[[str], str]] = {
    "unchanged": str,
    "in upper case": str.upper,
    "in lower case": str.lower,
    "cut short": lambda text: f"{text[:-6]}...",
    "only its end": lambda text: f"***{text[9:]}",
    "percent-encoded": lambda text: "".join(f"%{ord(letter):02x}" for letter in text),
    "percent-encoded twice": lambda text: "".join(f"%25{ord(letter):02X}" for letter in text),
    "in JSON escapes": lambda text: "".join(f"\\u{ord(letter):04x}" for letter in text),
    "in character references": lambda text: "".join(f"&#{ord(letter)};" for letter in text),
    "in hexadecimal": lambda text: text.encode().hex(),
    "base64": lambda text: base64.b64encode(text.encode()).decode(),
    "base64 after a letter": lambda text: base64.b64encode(b"x" + text.encode()).decode(),
    "base64 of the header": lambda text: base64.urlsafe_b64encode(b"Bearer " + text.encode() + b"/?").decode(),
    "separated by spaces": " ".join,
    "with NUL bytes": lambda text: text.encode("utf-16-le").decode("latin-1"),
    "backwards": lambda text: text[::-1],
}


def spellings_found(text: bytes, secret: str) -> set[str]:
    """Return the spellings in which a text holds twelve or more consecutive characters of a secret."""
    normalized = text.lower().replace(b"\0", b"")
    return {
        name
        for name, spell in SPELLINGS.items()
        for start in range(len(secret) - 12)
        if name not in {"cut short", "only its end"}
        and spell(secret[start : start + 12]).strip("=").encode("latin-1").replace(b"\0", b"").lower() in normalized
    }


@pytest.mark.parametrize("spelling", SPELLINGS)
@given(st.binary(max_size=30), st.binary(max_size=30))
@settings(settings.get_profile("few"))
def test_the_redactor_removes_a_key_in_every_spelling(spelling: str, before: bytes, after: bytes) -> None:
    quoted = SPELLINGS[spelling](KEY).encode("latin-1")
    assert spellings_found(before + quoted + after, KEY)
    redacted = Redactor.of(KEY).data(before + quoted + after)
    assert spellings_found(redacted, KEY) == set()
    assert KEY_PLACEHOLDER.encode() in redacted


@given(st.binary(max_size=200))
def test_the_redactor_leaves_bytes_without_a_secret_as_they_are(content: bytes) -> None:
    assert Redactor.of(KEY, HEADERS).data(content) == content


@pytest.mark.parametrize("key", ["test", "local", "a-b-c-d", "!!!!????"])
def test_the_redactor_removes_a_short_key_where_it_is_a_whole_word(key: str) -> None:
    redactor = Redactor.of(key)
    assert redactor.text(f"not {key}: {key}s") == f"not {KEY_PLACEHOLDER}: {key}s".replace(
        f"{key}s", f"{KEY_PLACEHOLDER}s" if not key.isalnum() and len(key) >= 8 else f"{key}s"
    )


WITHOUT_WAITS = (
    "import time; time.sleep = lambda _: None; from image_variations_conformance.__main__ import main; main()"
)


def quoting(secret: str) -> list[tuple[Step, ...]]:
    """Return scripts for consecutive requests, whose responses quote a secret in each possible place."""
    json_error = {"error": {"message": f"expected Bearer {secret}", "type": secret, "param": secret, secret: secret}}
    image = IMAGE[:33] + png.chunk(b"tEXt", b"Comment\0" + secret.encode("latin-1")) + IMAGE[33:]
    link = f"http://127.0.0.1:1/{quote(secret)}"
    answers = [
        said(json_error, 400),
        said(json_error, 401, f"WWW-Authenticate: Bearer realm={secret}"),
        said(json_error, 500, f"X-{quote(secret, safe='').replace('%', 'x')}: {secret}"),
        said(with_items({"url": link}), 200),
        said(as_text(image), 200),
        said(as_text(secret.encode("latin-1")), 200),
        said({"created": secret, "data": secret}, 200),
        answer(403, f"<p>{secret}</p>".encode("latin-1"), "Content-Type: text/html"),
        answer(302, b"", f"Location: {link}"),
        b"HTTP/1.1 400 %b\r\nContent-Length: 2\r\n\r\n{}" % secret.encode("latin-1"),
        b"%b\r\n\r\n" % secret.encode("latin-1"),
        b"HTTP/1.1 200 OK\r\nContent-Encoding: %b\r\nContent-Length: 1\r\n\r\nx" % secret.encode("latin-1"),
    ]
    return answering(*answers)


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_no_output_contains_a_secret_that_the_server_quotes(spelling: str, tmp_path: Path) -> None:
    """Search all files of the report, stdout and stderr for the API key and the value of a user header."""
    # Each connection takes one script; the scripts quote both secrets.
    scripts = [script for secret in (KEY, TOKEN) for script in quoting(SPELLINGS[spelling](secret))]
    with scripted_server(*scripts * 2) as server:
        completed = subprocess.run(
            [
                *(sys.executable, "-c", WITHOUT_WAITS, "check", server.base_url, "--depth", "quick"),
                *("--report-dir", str(tmp_path / "report"), "--header", f"X-Token: {TOKEN}", "--timeout", "5"),
                *("--max-requests", "30"),
            ],
            env={"PATH": os.defpath, "IMAGE_VARIATIONS_API_KEY": KEY},
            capture_output=True,
            timeout=120,
            check=False,
        )
    assert completed.returncode == 1, completed.stderr.decode()
    files = {str(path): path.read_bytes() for path in (tmp_path / "report").rglob("*") if path.is_file()}
    assert len(files) > 10
    for name, text in {"stdout": completed.stdout, "stderr": completed.stderr, **files}.items():
        assert spellings_found(text, KEY) == spellings_found(text, TOKEN) == set(), name
    assert any(KEY_PLACEHOLDER.encode() in text for text in files.values())
