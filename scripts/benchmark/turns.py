"""Subjects at work in turns: one process each, the same job for each in every round."""

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
def server(picture: Path | None = None) -> Iterator[str]:
    """Run the server for the length of a block; give its address, without a path. `picture` is what `/any` gives."""
    environment = Environment(Path(sys.executable))
    with _process(environment, "-m", "benchmark.server", *([] if picture is None else [str(picture)])) as process:
        yield f"http://127.0.0.1:{int(_stream(process.stdout).readline())}"


class Turns:
    """The processes of some subjects, each running the module `module`. A context manager: they end with it."""

    def __init__(self, environments: Mapping[str, Environment], module: str = "benchmark.worker") -> None:
        self._environments, self._module = environments, module
        self._stack = contextlib.ExitStack()
        self._processes: dict[str, subprocess.Popen[str]] = {}

    def __enter__(self) -> Turns:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def do(self, subject: str, job: Mapping[str, object]) -> Any:
        """Have a subject do a job and return what it measured. Raises Unavailable."""
        if subject not in self._processes:
            process = _process(self._environments[subject], "-m", self._module, subject)
            self._processes[subject] = self._stack.enter_context(process)
        return _ask(self._processes[subject], job)

    def once(self, subject: str, job: Mapping[str, object]) -> Any:
        """Have a fresh process of a subject do a job, and end it. Raises Unavailable."""
        with _process(self._environments[subject], "-m", self._module, subject) as process:
            return _ask(process, job)


def rotate(
    subjects: Sequence[str], rounds: int, work: Callable[[str], float]
) -> tuple[dict[str, list[float]], dict[str, str]]:
    """Have each subject work once a round; return its figure of each round, and a note for each that could not work.

    Each round begins with another subject, so that none always follows the same one. One more round goes before, for
    caches to fill, and is not counted.
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


@contextlib.contextmanager
def _process(environment: Environment, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(  # noqa: S603 - our own module
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
                _stream(process.stdin).close()  # the end of its input is the end of it
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
        raise Unavailable(f"its process died, or took over {_JOB_SECONDS} s")
    reply = json.loads(line)
    if "value" not in reply:
        raise Unavailable(reply["failed"])
    return reply["value"]


def _stream(stream: IO[str] | None) -> IO[str]:
    if stream is None:
        raise TypeError("a process without its pipes")
    return stream
