"""A failure on a kept connection is reported with all that went over the connection, and its command shows it again."""

import http.client
import json
import os
import re
import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from image_variations_conformance.reference.app.service import Service
from image_variations_conformance.reference.app.serving import running
from image_variations_conformance.reports.curl import command
from image_variations_conformance.reports.document import shown
from image_variations_conformance.reports.folder import ReportFolder
from support.judging import KEY, judge_url, verdicts

CONNECTION = "IV-STATE-CONNECTION"


@contextmanager
def leaving_bodies_unread() -> Iterator[str]:
    """Serve the reference through a server that leaves the body of a 401 unread, and keeps the connection."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = 10

        def answer(self) -> None:
            scheme, _, key = self.headers.get("Authorization", "").partition(" ")
            is_right = scheme.lower() == "bearer" and key.strip() == KEY
            body = self.body() if is_right else b""
            connection = http.client.HTTPConnection("127.0.0.1", reference.port, timeout=20)
            kept = {"content-type", "authorization", "accept"}
            headers = {name: value for name, value in self.headers.items() if name.lower() in kept}
            connection.request(self.command, self.path, body, headers)
            response = connection.getresponse()
            content = response.read()
            connection.close()
            self.send_response(response.status)
            for name, value in response.getheaders():
                if name.lower() in {"content-type", "allow", "www-authenticate"}:
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(b"" if self.command == "HEAD" else content)

        do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = answer  # noqa: N815

        def body(self) -> bytes:
            if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
                return self.rfile.read(int(self.headers.get("Content-Length", "0")))
            chunks = []
            while size := int(self.rfile.readline().partition(b";")[0], 16):
                chunks.append(self.rfile.read(size))
                self.rfile.readline()
            while self.rfile.readline().strip():
                pass
            return b"".join(chunks)

        def log_message(self, *_: object) -> None:
            pass

    with running(Service(api_key=KEY)) as reference, ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/v1"
        finally:
            server.shutdown()


def statuses(line: str, folder: Path) -> list[str]:
    """Run a command in a folder and return the statuses of the responses, without those in between (1xx)."""
    environment = {"PATH": os.environ["PATH"], "IMAGE_VARIATIONS_API_KEY": KEY}
    done = subprocess.run(["sh", "-c", line], cwd=folder, env=environment, capture_output=True, timeout=60, check=False)
    found = re.findall(rb"HTTP/1\.1 ([0-9]{3})", done.stdout)
    return [status.decode() for status in found if not status.startswith(b"1")]


@pytest.mark.skipif(shutil.which("bash") is None, reason="bash is not installed")
def test_the_command_of_a_failure_on_a_kept_connection_shows_it_again(tmp_path: Path) -> None:
    with leaving_bodies_unread() as url:
        run = judge_url(url, depth="quick")
        (verdict,) = (it for it in run.verdicts if it.requirement.id == CONNECTION)
        assert verdict.result == "fail"
        assert "IV-ERR-NO-5XX" in verdict.also
        assert "IV-ERR-NO-5XX" not in verdicts(run, "fail")
        assert " came that no request asked for) on a kept connection, after " in verdict.message
        assert verdict.message.endswith(" and key-wrong on the same connection")
        ReportFolder.at(tmp_path).write(run)
        requirements = json.loads((tmp_path / "report.json").read_text())["requirements"]
        (line,) = (it["curl"] for it in requirements if it["id"] == CONNECTION)
        finding = shown(run, verdict)
        assert finding is not None
        exchange = run.observations[finding.label].exchange
        # What is left of the 401 is answered before the last request, and without a status line.
        answered = [run.observations[label].answer for label in exchange.after]
        assert answered[-1] == "401"
        assert statuses(line, tmp_path) == answered
        alone = command(exchange.request, run.target, "alone")
        (tmp_path / "alone").mkdir()
        for name, content in alone.files.items():
            (tmp_path / "alone" / name).write_bytes(content)
        assert statuses(alone.line, tmp_path) == ["200"]
    secret = KEY.encode()
    assert [path for path in tmp_path.rglob("*") if path.is_file() and secret in path.read_bytes()] == []
