"""A run against a hostile server ends in time, with a report, and passes no requirement without a proof."""

import gzip
import io
import json
import random
import struct
import time
import zlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from image_variations_conformance.media import png
from image_variations_conformance.oracles import judge
from image_variations_conformance.wire.exchange import Exchange, Response
from PIL import Image
from support.hostile import IMAGE, as_text, judge_small, raw_png, said, with_items
from support.loopback import (
    Step,
    answer,
    hear,
    hear_request,
    hear_the_end,
    hold,
    reset,
    say,
    say_forever,
    scripted_server,
    wait,
    zeros,
)
from support.requests import CONTRACT, builder, observed

pytestmark = pytest.mark.slow

OK = b"HTTP/1.1 200 OK\r\n"
TIMEOUT_SECONDS, MAX_SECONDS = 0.3, 10.0
GOOD = said(as_text(IMAGE))
BOMB = zeros(1 << 28)
# The requirements that one correct response in base64 passes, whatever is requested.
PASSED_BY_GOOD = {"IV-RES-JSON", "IV-RES-SCHEMA", "IV-RES-CREATED", "IV-OUT-B64", "IV-OUT-FORMAT", "IV-OP-VALID"}


def with_length(value: str) -> bytes:
    return OK + f"Content-Length: {value}\r\n\r\n".encode() + GOOD.partition(b"\r\n\r\n")[2]


def with_coding(coding: str, body: bytes) -> bytes:
    return said(body, 200, f"Content-Encoding: {coding}")


def raw_deflate(content: bytes) -> bytes:
    deflate = zlib.compressobj(9, wbits=-zlib.MAX_WBITS)
    return deflate.compress(content) + deflate.flush()


NO_RESPONSES: dict[str, tuple[Step, ...]] = {
    "closed at once": (),
    "reset at once": (reset,),
    "reset in the head": (hear_request, say(OK + b"Content-Ty"), wait(0.02), reset),
    "reset in the body": (hear_request, say(with_length("999")[:200]), wait(0.02), reset),
    "a hang before the response": (hear_request, hold),
    "a hang inside the head": (hear_request, say(OK + b"X-"), hold),
    "a hang inside the body": (hear_request, say(OK + b"Content-Length: 9\r\n\r\n{"), hold),
    "single bytes of an endless header": (hear_request, say(OK + b"X: "), say_forever(b"x", 0.02)),
    "an endless head, header by header": (hear_request, say(OK), say_forever(b"X: y\r\n", 0.02)),
    "a body byte by byte": (hear_request, say(OK + b"Content-Length: 999\r\n\r\n"), say_forever(b" ", 0.02)),
    "chunks of one byte": (
        hear_request,
        say(OK + b"Transfer-Encoding: chunked\r\n\r\n"),
        say_forever(b"1\r\n \r\n", 0.02),
    ),
    "an endless chunk length": (hear_request, say(OK + b"Transfer-Encoding: chunked\r\n\r\n"), say_forever(b"0", 0.02)),
    "an endless chunk extension": (
        (hear_request, say(OK + b"Transfer-Encoding: chunked\r\n\r\n1;x="), say_forever(b"x" * 9999))
    ),
    "endless trailers": (
        (hear_request, say(OK + b"Transfer-Encoding: chunked\r\n\r\n0\r\n"), say_forever(b"X: y\r\n" * 999))
    ),
    "an endless head": (hear_request, say(OK), say_forever(b"X: y\r\n" * 999)),
    "an endless header": (hear_request, say(OK + b"X: "), say_forever(b"x" * 9999)),
    "an endless status line": (hear_request, say(b"HTTP/1.1 200 "), say_forever(b"O" * 9999)),
    "endless empty lines": (hear_request, say_forever(b"\r\n" * 999)),
    "257 headers": (hear_request, say(answer(200, b"{}", *["X: y"] * 256))),
    "endless 100 responses": (hear_request, say_forever(b"HTTP/1.1 100 Continue\r\n\r\n" * 99)),
    "endless 103 responses with large heads": (
        hear_request,
        say_forever(b"HTTP/1.1 103 Early\r\n" + b"X: y\r\n" * 99 + b"\r\n"),
    ),
    "101": (hear_request, say(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\n\r\n"), hold),
    "status 099": (hear_request, say(b"HTTP/1.1 099 Less\r\nContent-Length: 0\r\n\r\n")),
    "status 1000": (hear_request, say(b"HTTP/1.1 1000 More\r\nContent-Length: 0\r\n\r\n")),
    "status -200": (hear_request, say(b"HTTP/1.1 -200 OK\r\nContent-Length: 0\r\n\r\n")),
    "HTTP/0.9": (hear_request, say(b"<html>hello</html>")),
    "HTTP/9.9": (hear_request, say(b"HTTP/9.9 200 OK\r\nContent-Length: 0\r\n\r\n")),
    "the preface of HTTP/2": (say(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), hear_the_end),
    "a SETTINGS frame of HTTP/2": (say(b"\0\0\0\x04\0\0\0\0\0"), hear_the_end),
    "random bytes": (hear_request, say(random.Random(1).randbytes(9999))),
    "no response, and the request is not read": (hold,),
    "a length too long": (hear_request, say(with_length(str(len(GOOD) + 9)))),
    "a length of 20 digits": (hear_request, say(with_length("9" * 20))),
    "a length of 5000 digits": (hear_request, say(with_length("9" * 5000))),
    "two lengths": (hear_request, say(OK + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\n{}")),
    "a negative length": (hear_request, say(with_length("-1"))),
    "a length that is a word": (hear_request, say(with_length("many"))),
    "a length in superscript digits": (hear_request, say(OK + "Content-Length: ²\r\n\r\n{}".encode())),
    "an unknown coding": (hear_request, say(with_coding("br", IMAGE))),
    "ten codings": (hear_request, say(with_coding(", ".join(["gzip"] * 10), zeros(1 << 20)))),
    "two Content-Encoding headers": (hear_request, say(said(zeros(1 << 20), 200, *["Content-Encoding: gzip"] * 2))),
    "an unknown transfer coding": (hear_request, say(OK + b"Transfer-Encoding: gzip\r\n\r\n")),
    "deflate without a zlib header": (hear_request, say(with_coding("deflate", raw_deflate(GOOD)))),
    "a gzip bomb": (hear_request, say(with_coding("gzip", BOMB))),
    "a gzip member followed by a bomb": (
        hear_request,
        say(with_coding("gzip", gzip.compress(b"{}", mtime=0) + BOMB)),
    ),
    "a bomb in a bomb": (hear_request, say(with_coding("gzip, gzip", gzip.compress(BOMB, mtime=0)))),
    "an endless gzip stream without content": (
        hear_request,
        say(OK + b"Content-Encoding: gzip\r\n\r\n" + gzip.compress(b"", mtime=0)[:10]),
        say_forever(b"\0\0\0\xff\xff" * 9999),
    ),
}


@pytest.mark.parametrize("script", NO_RESPONSES.values(), ids=list(NO_RESPONSES))
def test_a_server_without_a_usable_response_fails_in_time_and_passes_nothing(
    script: tuple[Step, ...], tmp_path: Path
) -> None:
    with scripted_server(script) as server:
        judged = judge_small(server.base_url, tmp_path, TIMEOUT_SECONDS)
    assert judged.seconds < MAX_SECONDS
    assert judged.run.outcome == "fails"
    assert {it.requirement.id for it in judged.run.verdicts if it.result == "pass"} == set()
    assert judged.failed == {"IV-OP-VALID"}
    assert {it.requirement.id: set(it.also) for it in judged.run.verdicts if it.also} == {
        "IV-OP-VALID": {"IV-ERR-NO-5XX"}
    }


def _nested(depth: int) -> bytes:
    return b'{"created":1,"data":' + b"[" * depth + b"]" * depth + b"}"


def _with_picture(image: bytes) -> bytes:
    return said(as_text(image))


def _jpeg_of_scans(scans: int) -> bytes:
    """Return a JPEG whose last scan is repeated `scans` times."""
    file = io.BytesIO()
    Image.new("RGB", (2000, 2000), "red").save(file, "JPEG", progressive=True)
    content = file.getvalue()
    return content[:-2] + content[content.rindex(b"\xff\xda") : -2] * scans + content[-2:]


GIANT = raw_png(30_000, 30_000, zlib.compress(bytes(1 << 16)))
BAD_RESPONSES: dict[str, tuple[bytes, str]] = {
    "204 with a body": (answer(204, b"x" * 99), "IV-OP-VALID"),
    "304 with a body": (answer(304, b"x" * 99), "IV-OP-VALID"),
    "status 999": (answer(999, b"{}"), "IV-OP-VALID"),
    "a length too short": (with_length("9"), "IV-RES-JSON"),
    "no body": (said(b""), "IV-RES-JSON"),
    "gzip of gzip": (with_coding("gzip", gzip.compress(zeros(1 << 24), mtime=0)), "IV-RES-JSON"),
    "nested 100,000 deep": (said(_nested(100_000)), "IV-RES-JSON"),
    "nested 300 deep": (said(_nested(300)), "IV-RES-JSON"),
    "nested 90 deep": (said(_nested(90)), "IV-RES-SCHEMA"),
    "NaN": (said(b'{"created": NaN, "data": []}'), "IV-RES-JSON"),
    "Infinity": (said(b'{"created": -Infinity, "data": []}'), "IV-RES-JSON"),
    "not UTF-8": (said(b'{"created": 1, "data": [{"url": "\xff\xfe"}]}'), "IV-RES-JSON"),
    "UTF-16": (said('{"created": 1, "data": []}'.encode("utf-16")), "IV-RES-JSON"),
    "NUL bytes": (said(bytes(1 << 20)), "IV-RES-JSON"),
    "the same keys twice": (said(b'{"created": 1, "created": 2, "data": [], "data": {}}'), "IV-RES-SCHEMA"),
    "created of 10,000 digits": (said(b'{"created": %b, "data": []}' % (b"9" * 10_000)), "IV-RES-CREATED"),
    "created of 400 digits": (said(b'{"created": -%b, "data": []}' % (b"9" * 400)), "IV-RES-CREATED"),
    "created of 1e999": (said(b'{"created": 1e999, "data": []}'), "IV-RES-SCHEMA"),
    "100,000 items": (said(with_items(*[{"b64_json": "AAAA"}] * 100_000)), "IV-N-DEFAULT"),
    "a million items": (said(with_items(*[{}] * 1_000_000)), "IV-RES-JSON"),
    "100,000 members": (said(with_items({str(at): 0 for at in range(100_000)})), "IV-RES-KEY"),
    "lone surrogates": (
        said(b'{"created": 1, "\\ud800": 1, "data": [{"url": "http://\\udfff/"}]}'),
        "IV-URL-ABSOLUTE",
    ),
    "a list as output_format": (said(as_text(IMAGE) | {"output_format": []}), "IV-RES-OUTPUT-FORMAT"),
    "an object as output_format": (said(as_text(IMAGE) | {"output_format": {}}), "IV-RES-OUTPUT-FORMAT"),
    "a list as background": (said(as_text(IMAGE) | {"background": []}), "IV-RES-BACKGROUND"),
    "an object as size": (said(as_text(IMAGE) | {"size": {}}), "IV-RES-SIZE"),
    "a url of 20 MB": (said(with_items({"url": "x" * 20_000_000})), "IV-URL-ABSOLUTE"),
    "base64 of 60 MB": (said(with_items({"b64_json": "A" * 60_000_000})), "IV-OUT-B64"),
    "a picture of 30000x30000": (_with_picture(GIANT), "IV-OUT-B64"),
    "a picture of 2147483647x1": (_with_picture(raw_png(2**31 - 1, 1, zlib.compress(b""))), "IV-OUT-B64"),
    "a picture with 64 MiB in one pixel": (
        _with_picture(raw_png(1, 1, zlib.compress(bytes(1 << 26), 1))),
        "IV-OUT-SIZE",
    ),
    "a picture with too few pixels": (_with_picture(raw_png(256, 256, zlib.compress(bytes(99)))), "IV-OUT-B64"),
    "a truncated picture": (_with_picture(IMAGE[:-99]), "IV-OUT-B64"),
    "a picture of a million chunks": (
        (_with_picture(raw_png(1, 1, zlib.compress(bytes(4)), png.chunk(b"vrPd", b"") * 1_000_000)), "IV-OUT-B64")
    ),
    "a picture of 100,000 scans": (_with_picture(_jpeg_of_scans(100_000)), "IV-OUT-B64"),
    "a picture of a million comments": (_with_picture(b"\xff\xd8" + b"\xff\xfe\0\2" * 1_000_000), "IV-OUT-B64"),
    "a picture of other dimensions": (_with_picture(png.encode(Image.new("RGB", (2000, 1), "red"))), "IV-OUT-SIZE"),
}


@pytest.mark.parametrize(("data", "requirement"), BAD_RESPONSES.values(), ids=list(BAD_RESPONSES))
def test_a_bad_response_fails_its_requirement_in_time(data: bytes, requirement: str, tmp_path: Path) -> None:
    with scripted_server((hear_request, say(data))) as server:
        judged = judge_small(server.base_url, tmp_path, 5.0)
    assert judged.seconds < MAX_SECONDS
    assert judged.run.outcome == "fails"
    assert requirement in judged.failed
    # Messages in a report are short enough to be read.
    document = json.loads((tmp_path / "report.json").read_bytes())
    assert all(len(it["message"]) <= 500 for it in document["requirements"])


@pytest.mark.parametrize("last", [hold, reset], ids=["then the connection is held", "then the connection is reset"])
def test_a_response_sent_before_the_request_is_read_is_judged(last: Step, tmp_path: Path) -> None:
    with scripted_server((hear(100), say(GOOD), wait(0.05), last)) as server:
        judged = judge_small(server.base_url, tmp_path, 5.0)
    assert judged.seconds < MAX_SECONDS
    assert judged.verdict("IV-OUT-B64") == "pass"


def test_a_correct_response_passes_its_requirements(tmp_path: Path) -> None:
    """Without this, the other tests could pass because the small run never passes anything."""
    # Not GOOD, which was created when this module was imported.
    with scripted_server((hear_request, say(said(as_text(IMAGE))))) as server:
        judged = judge_small(server.base_url, tmp_path, 5.0)
    assert {it for it in PASSED_BY_GOOD if judged.verdict(it) == "pass"} == PASSED_BY_GOOD


def test_malformed_error_bodies_are_judged_in_time(tmp_path: Path) -> None:
    """The bodies are sent one after the other: none takes long, and none ends the run."""
    errors: list[object] = [None, [], "x", 1, {"message": {}}, {"message": [[]] * 99}]
    bodies = [
        *(b"", b"null", b"[]", b"NaN", b"{", b'"x"', b"9" * 10_000, b"[" * 100_000, bytes(1 << 20), b"\xff"),
        *(json.dumps({"error": error}).encode() for error in errors),
        *(
            b'{"error":{"message":%b,"type":"x","param":null,"code":null}}' % nested
            for nested in (_nested(99), _nested(300))
        ),
        json.dumps(
            {"error": {"message": "\ud800", "type": "x" * (1 << 24), "param": "n" * (1 << 24), "code": None}}
        ).encode(),
        json.dumps(
            {"error": {"message": "/a" * (1 << 22), "type": "\n" * (1 << 22), "param": None, "code": None}}
        ).encode(),
        *(b"/a" * (1 << 20), b"\n at a/" * (1 << 20), b"<a." * (1 << 20), b'File "' * (1 << 20), b" at 0x" * (1 << 20)),
        struct.pack(">Q", 1) * 9999,
    ]
    with scripted_server(*((hear_request, say(said(body, 400))) for body in bodies)) as server:
        judged = judge_small(server.base_url, tmp_path, 5.0, max_requests=len(bodies))
    assert len(server.heard) == len(bodies)
    assert judged.seconds < 2 * MAX_SECONDS
    assert {"IV-OP-VALID", "IV-ERR-JSON", "IV-ERR-OBJECT"} <= judged.failed


ODD_JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**400), 10**400)
    | st.sampled_from([0.5, 1e308, "", "\ud800", "x" * 70_000, "http://[", "data:,", "data:;base64,AA", "http://a/1"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["url", "b64_json", "x"]), inner),
    max_leaves=4,
)
MEMBERS = ["created", "data", "size", "quality", "background", "output_format", "usage", "error", "message", "param"]


@given(
    st.dictionaries(st.sampled_from(MEMBERS), ODD_JSON, max_size=4),
    st.dictionaries(st.sampled_from(MEMBERS), ODD_JSON, max_size=3) | ODD_JSON,
    st.sampled_from([200, 400, 401, 500]),
    st.sampled_from(["Mon, 01 Jan 0001 00:00:00 -0000", "Fri, 31 Dec 9999 23:59:59 -2359", "x", "0"]),
)
def test_arbitrary_json_in_any_member_gives_findings_for_every_case(
    members: dict[str, object], error: object, status: int, date: str
) -> None:
    """Each response has a correct image, unless `data` is drawn, so that the oracles on images run too."""
    body = json.dumps(as_text(IMAGE) | {"error": error} | members).encode()
    response = Response(status, (("Content-Type", "application/json"), ("Date", date)), body)
    b = builder()
    requests = [b.form(size="256x256", response_format="b64_json"), b.form(), b.form(n="0")]
    observations = [
        observed(Exchange(f"case-{number}", request, response, time.time(), 0.1))
        for number, request in enumerate(requests)
    ]
    findings = list(judge(observations, CONTRACT))
    assert {it.label for it in findings} >= {"case-0", "case-1", "case-2"}
    assert all(it.message.isprintable() and len(it.message) <= 500 for it in findings)
