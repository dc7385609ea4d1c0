"""Servers by other authors, each a process of its own on loopback."""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryFile

_START_SECONDS = 60


def free_port() -> int:
    """Return a port that no process listens on."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


def listens(port: int) -> bool:
    """Return whether a process accepts connections on a port."""
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


class NotStarted(RuntimeError):
    """A server does not listen. The message has the last line that it printed."""


@contextmanager
def served(
    command: Sequence[str], port: int, environment: Mapping[str, str] | None = None, folder: Path | None = None
) -> Iterator[str]:
    """Start a server that listens on a port, in a folder, and yield its origin. Raises NotStarted.

    It has a session of its own, so that the whole process group can be killed: some tools are wrappers around a server.
    """
    with (
        TemporaryFile() as output,
        subprocess.Popen(
            command,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            env={**os.environ, **(environment or {})},
            cwd=folder,
        ) as process,
    ):
        try:
            deadline = time.monotonic() + _START_SECONDS
            while not listens(port):
                if process.poll() is not None or time.monotonic() > deadline:
                    output.seek(0)
                    lines = output.read().decode("utf-8", "replace").split("\n")
                    how = "does not listen" if process.returncode is None else f"exit code {process.returncode}"
                    raise NotStarted(f"{command[1]}: {how}: {next(filter(None, reversed(lines)), 'no output')}")
                time.sleep(0.1)
            yield f"http://127.0.0.1:{port}"
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
