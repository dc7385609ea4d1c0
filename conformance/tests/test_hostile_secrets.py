"""What the user's own headers hold stays out of every output, even where the server quotes it back."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from hostile import said
from hypothesis import given
from hypothesis import strategies as st
from image_variations_conformance.cases import Case
from image_variations_conformance.exchange import Exchange, Headers, Request, Response
from image_variations_conformance.oracles import observe
from image_variations_conformance.reports import folder
from image_variations_conformance.reports.recorded import curl, request_head, without_secrets
from image_variations_conformance.run import Run, conclude
from image_variations_conformance.runner import Runner
from image_variations_conformance.transport import Target, Transport
from requests_to_send import CONTRACT, builder
from scripted_server import ScriptedServer, hear_request, hear_the_end, say, scripted_server

TOKEN, COOKIE = "tok-8f14e45fceea167a", "c9f0f895fb98ab91"
HEADERS: Headers = (("X-Token", f"Scheme {TOKEN}"), ("Cookie", f"lang=en; session={COOKIE}"), ("X-Debug", "1"))


def reported(server: ScriptedServer, folder_: Path) -> Run:
    """Send one wrong form with the user's headers to a server, and report it."""
    target = Target.parse(server.base_url, None, HEADERS)
    case = Case("wrong", "a wrong n", builder(target=target).form(n="0"))
    exchanges = Runner(Transport(target, 10.0), lambda *_: None).run([case])
    run = conclude(CONTRACT, target, [case], exchanges, seed=1, seconds=0.1)
    folder.write(run, folder_)
    return run


def test_the_users_headers_are_sent_and_written_nowhere(tmp_path: Path) -> None:
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
    assert any("[header X-Token]" in message for message in findings)
    assert not any(TOKEN[:8] in message or COOKIE[:8] in message for message in findings)
    head = (tmp_path / "cases/wrong/request.head").read_bytes()
    assert b"\r\nX-Token: ${IMAGE_VARIATIONS_HEADER_X_TOKEN}\r\n" in head
    assert b"\r\nCookie: ${IMAGE_VARIATIONS_HEADER_COOKIE}\r\n" in head
    body = (tmp_path / "cases/wrong/response.body").read_bytes()
    assert b"${IMAGE_VARIATIONS_HEADER_X_TOKEN}" in body
    # A value as short as that is no secret, and is not looked for in what the server says.
    assert b'"code": 1' in body


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_the_curl_line_takes_the_users_headers_from_the_environment(tmp_path: Path) -> None:
    with scripted_server((hear_request, say(said({}, 400)), hear_the_end)) as server:
        reported(server, tmp_path)
        (case,) = json.loads((tmp_path / "report.json").read_bytes())["cases"]
        names = {"X-Token": "X_TOKEN", "Cookie": "COOKIE", "X-Debug": "X_DEBUG"}
        environment = os.environ | {f"IMAGE_VARIATIONS_HEADER_{names[name]}": value for name, value in HEADERS}
        subprocess.run(["sh", "-c", case["curl"]], cwd=tmp_path, env=environment, capture_output=True, check=True)
    assert TOKEN not in case["curl"]
    first, second = (bytes(heard).split(b"\r\n") for heard in server.heard)
    for name, value in HEADERS:
        assert f"{name}: {value}".encode() in first
        assert f"{name}: {value}".encode() in second


@pytest.mark.parametrize("name", ["X-'\"`$(id)\\", "X Y", "X$HOME"])
def test_nothing_of_a_header_is_run_by_the_shell(name: str) -> None:
    target = Target.parse("http://127.0.0.1:1/v1", None, ((name, "a secret of mine"),))
    request = Request("POST", "/v1/images/variations", target.headers)
    line = curl(Exchange("a-case", request, Response(400), 1.0, 0.1), target, None)
    words = line[line.index("--header") + 8 :]
    done = subprocess.run(["sh", "-c", f"printf %s {words}"], capture_output=True, text=True, check=True, env={})
    assert done.stdout.rstrip() == f"{name}:"


@given(
    st.text(st.characters(codec="utf-8", exclude_categories=["Cc"]), min_size=8, max_size=20), st.binary(max_size=40)
)
def test_no_value_of_eight_characters_or_more_is_left(value: str, around: bytes) -> None:
    target = Target.parse("http://127.0.0.1:1/v1", None, (("X-Own", value),))
    left = without_secrets(around + value.encode() + around, target)
    assert value.encode() not in left.replace(b"${IMAGE_VARIATIONS_HEADER_X_OWN}", b"")
    request = Request("GET", "/", (("X-Own", value), ("X-Other", "x")))
    exchange = Exchange("a-case", request, Response(400), 1.0, 0.1)
    assert (
        request_head(exchange, target)
        == b"GET / HTTP/1.1\r\nX-Own: ${IMAGE_VARIATIONS_HEADER_X_OWN}\r\nX-Other: x\r\n\r\n"
    )
    message = observe(exchange, CONTRACT, None).finding("IV-ERR-400", False, f"it said {value}").message
    assert value not in message
