"""Run the subjects in turns, each in its own process."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Any

from benchmark.environments import Environment, Unavailable

_SETTLING_ROUNDS = 1
_JOB_SECONDS = 60


@contextlib.contextmanager
def server(picture: Path) -> Iterator[str]:
    """Run `benchmark.server` during the context, and yield its URL without a path. `picture` is the image of `/any`."""
    environment = Environment(Path(sys.executable))
    with _process(environment, "-m", "benchmark.server", str(picture)) as process:
        yield f"http://127.0.0.1:{int(_stream(process.stdout).readline())}"


class Turns:
    """The worker processes of the subjects. A context manager, which ends them."""

    def __init__(self, environments: Mapping[str, Environment]) -> None:
        self._environments = environments
        self._stack = contextlib.ExitStack()
        self._processes: dict[str, subprocess.Popen[str]] = {}

    def __enter__(self) -> Turns:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def do(self, subject: str, job: Mapping[str, object]) -> Any:
        """Return the result of a job in the process of a subject, started if needed. Raise Unavailable if it fails."""
        if subject not in self._processes:
            process = _worker(self._environments[subject], subject)
            self._processes[subject] = self._stack.enter_context(process)
        return _ask(self._processes[subject], job)

    def once(self, subject: str, job: Mapping[str, object]) -> Any:
        """Return the result of a job in a new process, which is ended. Raise Unavailable if it fails."""
        with _worker(self._environments[subject], subject) as process:
            return _ask(process, job)


def rotate(
    subjects: Sequence[str], rounds: int, work: Callable[[str], float]
) -> tuple[dict[str, list[float]], dict[str, str]]:
    """Call `work` with each subject once per round. Return the values of each subject, and notes of failed ones.

    A subject for which `work` raises Unavailable has a note instead of values. The rounds begin with different
    subjects, so that none always follows the same one. The first round fills caches and is not counted.
    """
    found: dict[str, list[float]] = {subject: [] for subject in subjects}
    notes: dict[str, str] = {}
    for number in range(rounds + _SETTLING_ROUNDS):
        at = number % max(len(subjects), 1)
        for subject in (*subjects[at:], *subjects[:at]):
            if subject in notes:
                continue
            try:
                value = work(subject)
            except Unavailable as reason:
                notes[subject] = str(reason)
                del found[subject]
                continue
            if number >= _SETTLING_ROUNDS:
                found[subject].append(value)
    return found, notes


def _worker(environment: Environment, subject: str) -> contextlib.AbstractContextManager[subprocess.Popen[str]]:
    return _process(environment, "-m", "benchmark.worker", subject)


@contextlib.contextmanager
def _process(environment: Environment, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(  # noqa: S603 - a fixed command
        environment.command(*arguments),
        env=environment.variables,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        encoding="utf-8",
    ) as process:
        try:
            yield process
        finally:
            with contextlib.suppress(BrokenPipeError):
                _stream(process.stdin).close()  # the process ends with its input
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()


def _ask(process: subprocess.Popen[str], job: Mapping[str, object]) -> Any:
    stdin, stdout = _stream(process.stdin), _stream(process.stdout)
    deadline = threading.Timer(_JOB_SECONDS, process.kill)
    deadline.start()
    try:
        stdin.write(json.dumps(job) + "\n")
        stdin.flush()
        line = stdout.readline()
    except BrokenPipeError:
        line = ""
    finally:
        deadline.cancel()
    if not line:
        raise Unavailable(f"the process died, or took more than {_JOB_SECONDS} s")
    reply = json.loads(line)
    if "value" not in reply:
        raise Unavailable(reply["failed"])
    return reply["value"]


def _stream(stream: IO[str] | None) -> IO[str]:
    if stream is None:
        raise TypeError("the process has no pipe")
    return stream
