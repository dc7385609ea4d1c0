"""Servers by other authors, each a process of its own on loopback."""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress

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


@contextmanager
def served(command: Sequence[str], port: int, environment: Mapping[str, str] | None = None) -> Iterator[str]:
    """Start a server that listens on a port, and yield its origin.

    It has a session of its own, so that the whole process group can be killed: some tools are wrappers around a server.
    """
    with subprocess.Popen(
        command,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        env={**os.environ, **(environment or {})},
    ) as process:
        try:
            deadline = time.monotonic() + _START_SECONDS
            while not listens(port):
                assert process.poll() is None, f"{command[1]} ended with exit code {process.returncode}"
                assert time.monotonic() < deadline, f"{command[1]} does not listen"
                time.sleep(0.1)
            yield f"http://127.0.0.1:{port}"
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
