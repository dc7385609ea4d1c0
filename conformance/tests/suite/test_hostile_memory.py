"""The peak memory of a check against hostile servers: that of the whole process, including memory of C libraries."""

import base64
import os
import subprocess
import sys
import time
import zlib
from collections.abc import Callable
from itertools import count
from pathlib import Path

import pytest
from image_variations_conformance.sources.reader import KEPT_BYTES
from image_variations_conformance.sources.transport import MAX_RESPONSE_BYTES
from support.hostile import raw_png, said, with_items
from support.loopback import Peer, ScriptedServer, answer, hear_request, say, scripted_server, zeros

# All responses that are kept, ten times the largest response, and the interpreter with its libraries.
MAX_BYTES = KEPT_BYTES + 10 * MAX_RESPONSE_BYTES + (96 << 20)

# VmHWM, because the peak of getrusage includes that of the parent process.
PROGRAM = """
import sys
from image_variations_conformance.__main__ import main
try:
    main()
finally:
    with open("/proc/self/status") as status:
        print(next(line.split()[1] for line in status if line.startswith("VmHWM")), file=sys.stderr)
"""

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="there is no /proc on this system"),
]


def run_check(base_url: str, report: Path) -> tuple[int, int, float]:
    """Return the exit code of a check, its peak memory in bytes, and how many seconds it took."""
    command = [sys.executable, "-c", PROGRAM, "check", base_url, "--max-requests", "16", "--timeout", "5"]
    environment = {name: value for name, value in os.environ.items() if not name.endswith("API_KEY")}
    started = time.monotonic()
    completed = subprocess.run(
        [*command, "--report-dir", str(report)],
        capture_output=True,
        text=True,
        timeout=100,
        env=environment,
        check=False,
    )
    assert (report / "report.json").exists(), completed.stderr[-2000:]
    return completed.returncode, 1024 * int(completed.stderr.split()[-1]), time.monotonic() - started


def send_in_pieces(peer: Peer, media_type: str, *pieces: bytes) -> None:
    """Send a 200 whose body consists of these pieces, without joining them in memory."""
    head = f"HTTP/1.1 200 OK\r\nContent-Type: {media_type}\r\nContent-Length: {sum(map(len, pieces))}\r\n\r\n"
    for piece in (head.encode(), *pieces):
        peer.socket.sendall(piece)


def large_texts(_: ScriptedServer) -> Callable[[Peer], None]:
    """Return a step that responds with 60 MB of text, different each time.

    Because of one character beyond the BMP, Python stores each character of the text in four bytes.
    """
    numbers, text = count(), "\U0001f600".encode() + b"x" * 60_000_000

    def respond(peer: Peer) -> None:
        hear_request(peer)
        start = b'{"created": %d, "data": [{"url": "' % next(numbers)
        send_in_pieces(peer, "application/json", start, text, b'"}]}')

    return respond


def large_images(server: ScriptedServer) -> Callable[[Peer], None]:
    """Return a step that responds with ten links, each to a different image of 30 MB."""
    numbers, filler = count(), bytes(30_000_000)

    def respond(peer: Peer) -> None:
        hear_request(peer)
        if bytes(peer.heard).startswith(b"GET "):
            send_in_pieces(peer, "image/png", raw_png(8, 8, b"%d" % next(numbers)), filler)
        else:
            say(said(with_items(*({"url": f"{server.origin}/{next(numbers)}"} for _ in range(10)))))(peer)

    return respond


def bombs(_: ScriptedServer) -> Callable[[Peer], None]:
    """Return a step that sends one of these responses after the other.

    A body that inflates beyond the limit, one that inflates up to it, two of many small JSON values, one with large
    images, and an error with a large head.
    """
    picture = raw_png(2048, 2048, zlib.compress(bytes(2048 * (3 * 2048 + 1)), 1))
    bodies = [
        said(zeros(1 << 27), 200, "Content-Encoding: gzip"),
        said(zeros(MAX_RESPONSE_BYTES), 200, "Content-Encoding: gzip"),
        said(b'{"created": 1, "data": [' + b"{}," * 240_000 + b"{}]}"),
        said(b'{"created": 1, "data": [' + b"[]," * 20_000_000 + b"{}]}"),
        said(with_items(*[{"b64_json": base64.b64encode(picture).decode()}] * 10)),
        answer(400, b"[" * 1_000_000, *["X: " + "y" * 240] * 250),
    ]
    numbers = count()

    def respond(peer: Peer) -> None:
        hear_request(peer)
        say(bodies[next(numbers) % len(bodies)])(peer)

    return respond


@pytest.mark.parametrize("server_of", [large_texts, large_images, bombs])
def test_a_check_of_a_hostile_server_stays_within_its_memory_and_exits_1(
    server_of: Callable[[ScriptedServer], Callable[[Peer], None]],
    tmp_path: Path,
    record_property: Callable[[str, object], None],
) -> None:
    with scripted_server() as server:
        server.scripts = [(server_of(server),)]
        code, peak_bytes, seconds = run_check(server.base_url, tmp_path)
    record_property("peak_mib", peak_bytes >> 20)
    assert code == 1
    assert peak_bytes < MAX_BYTES
    assert seconds < 90.0
