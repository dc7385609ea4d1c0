"""What a check takes in memory at its worst, measured from outside: the whole process, with all that C holds."""

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
from support.hostile import raw_png, said, with_items, zeros
from support.loopback import Peer, ScriptedServer, answer, hear_request, say, scripted_server

# As transport.py has it: all that is kept, and ten times one answer; and the interpreter with its libraries.
MAX_BYTES = KEPT_BYTES + 10 * MAX_RESPONSE_BYTES + (96 << 20)

# VmHWM, since the peak that getrusage gives is the parent's too.
PROGRAM = """
import sys
from image_variations_conformance.__main__ import main
try:
    main()
finally:
    with open("/proc/self/status") as status:
        print(next(line.split()[1] for line in status if line.startswith("VmHWM")), file=sys.stderr)
"""

pytestmark = pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="there is no /proc here")


def checked(base_url: str, report: Path) -> tuple[int, int, float]:
    """Return the exit code of a check, the most memory it took in bytes, and the seconds."""
    command = [sys.executable, "-c", PROGRAM, "check", base_url, "--max-requests", "16", "--timeout", "5"]
    environment = {name: value for name, value in os.environ.items() if not name.endswith("API_KEY")}
    started = time.monotonic()
    done = subprocess.run(
        [*command, "--report-dir", str(report)],
        capture_output=True,
        text=True,
        timeout=100,
        env=environment,
        check=False,
    )
    assert (report / "report.json").exists(), done.stderr[-2000:]
    return done.returncode, 1024 * int(done.stderr.split()[-1]), time.monotonic() - started


def in_pieces(peer: Peer, kind: str, *pieces: bytes) -> None:
    """Say an answer without putting it together first."""
    head = f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {sum(map(len, pieces))}\r\n\r\n"
    for piece in (head.encode(), *pieces):
        peer.socket.sendall(piece)


def large_texts(_: ScriptedServer) -> Callable[[Peer], None]:
    """Sixty megabytes of text in each answer, with a letter that makes it four times as wide, and never the same."""
    turn, text = count(), "\U0001f600".encode() + b"x" * 60_000_000

    def play(peer: Peer) -> None:
        hear_request(peer)
        start = b'{"created": %d, "data": [{"url": "' % next(turn)
        in_pieces(peer, "application/json", start, text, b'"}]}')

    return play


def large_images(server: ScriptedServer) -> Callable[[Peer], None]:
    """Ten links in each answer, each to another image of thirty megabytes."""
    turn, filler = count(), bytes(30_000_000)

    def play(peer: Peer) -> None:
        hear_request(peer)
        if bytes(peer.heard).startswith(b"GET "):
            in_pieces(peer, "image/png", raw_png(8, 8, b"%d" % next(turn)), filler)
        else:
            say(said(with_items(*({"url": f"{server.origin}/{next(turn)}"} for _ in range(10)))))(peer)

    return play


def bombs(_: ScriptedServer) -> Callable[[Peer], None]:
    """In turn: what inflates beyond the limit, and up to it; many small values; large pictures; a large head."""
    picture = raw_png(2048, 2048, zlib.compress(bytes(2048 * (3 * 2048 + 1)), 1))
    bodies = [
        said(zeros(1 << 27), 200, "Content-Encoding: gzip"),
        said(zeros(MAX_RESPONSE_BYTES), 200, "Content-Encoding: gzip"),
        said(b'{"created": 1, "data": [' + b"{}," * 240_000 + b"{}]}"),
        said(b'{"created": 1, "data": [' + b"[]," * 20_000_000 + b"{}]}"),
        said(with_items(*[{"b64_json": base64.b64encode(picture).decode()}] * 10)),
        answer(400, b"[" * 1_000_000, *["X: " + "y" * 240] * 250),
    ]
    turn = count()

    def play(peer: Peer) -> None:
        hear_request(peer)
        say(bodies[next(turn) % len(bodies)])(peer)

    return play


@pytest.mark.parametrize("server_of", [large_texts, large_images, bombs])
def test_a_check_stays_within_its_memory_and_comes_to_a_verdict(
    server_of: Callable[[ScriptedServer], Callable[[Peer], None]],
    tmp_path: Path,
    record_property: Callable[[str, object], None],
) -> None:
    with scripted_server() as server:
        server.scripts = [(server_of(server),)]
        code, peak_bytes, seconds = checked(server.base_url, tmp_path)
    record_property("peak_mib", peak_bytes >> 20)
    assert code == 1
    assert peak_bytes < MAX_BYTES
    assert seconds < 90.0
