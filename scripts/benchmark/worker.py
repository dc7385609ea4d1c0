"""Measure one subject: read jobs from standard input, one JSON object per line, and print one JSON object for each.

Runs as `python -m benchmark.worker SUBJECT` in the environment of the subject. The client of a job is made once and
kept, so that its connections stay open between turns.
"""

import asyncio
import base64
import contextlib
import json
import os
import re
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmark.subjects import SUBJECTS, Subject

Job = dict[str, Any]
Times = list[float]
"""Seconds, one item per timed call."""

_WARM_UP_CALLS = 2
"""Calls before each turn, because the connection may have expired and the CPU caches hold another process."""
_ERROR_CHARACTERS = 120
_STATUS = Path("/proc/self/status")


class WrongWork(Exception):
    """The subject did not do the work, so its time is meaningless."""


class Worker:
    """Runs the jobs of one subject. Each method is a job and returns its measurement."""

    def __init__(self, subject: Subject) -> None:
        self._subject = subject
        self._prepared: dict[str, Callable[[], Any]] = {}
        self._loop = asyncio.Runner()

    def close(self) -> None:
        """Close the event loop."""
        self._loop.close()

    def do(self, job: Job) -> Times | float:
        """Run the job named by the member `do` with the other members as arguments, and return its result."""
        arguments = {name: value for name, value in job.items() if name != "do"}
        jobs: dict[str, Callable[..., Times | float]] = {
            "call": self.call,
            "decode": self.decode,
            "flight": self.flight,
            "upload_peak": self.upload_peak,
        }
        return jobs[job["do"]](**arguments)

    def call(self, url: str, image: str, response_format: str, times: int) -> Times:
        """Return the times of `times` calls with the image in the file `image`."""
        run = self._keep(
            f"call {image} {response_format}",
            lambda: self._checked_call(url, Path(image).read_bytes(), response_format),
        )
        for _ in range(_WARM_UP_CALLS):
            run()
        return [_timed(run) for _ in range(times)]

    def decode(self, body: str, image: str, times: int) -> Times:
        """Return the times of decoding the images of the response in the file `body`, `times` times."""
        run = self._keep(f"decode {body}", lambda: self._checked_decode(Path(body), Path(image)))
        return [_timed(run) for _ in range(times)]

    def flight(self, url: str, image: str, tasks: int, each: int) -> float:
        """Return the seconds that `tasks` concurrent tasks of `each` calls take together."""
        run = self._keep(f"flight {image}", lambda: self._subject.concurrent_call(url, Path(image).read_bytes()))
        size = Path(image).stat().st_size

        async def calls() -> None:
            for _ in range(each):
                _require_sent(await run(), size)

        async def together() -> float:
            await run()
            start = time.perf_counter()
            async with asyncio.TaskGroup() as group:
                for _ in range(tasks):
                    group.create_task(calls())
            return time.perf_counter() - start

        return self._loop.run(together())

    def upload_peak(self, url: str, small: str, file: str) -> int:
        """Send `small`, then `file`. Return the peak resident memory of the second call over idle, in bytes."""
        run, size = self._subject.upload(url), Path(file).stat().st_size
        run(Path(small))
        return _peak(lambda: _require_sent(run(Path(file)), size))

    def _keep(self, name: str, prepare: Callable[[], Callable[[], Any]]) -> Callable[[], Any]:
        if name not in self._prepared:
            self._prepared[name] = prepare()
        return self._prepared[name]

    def _checked_call(self, url: str, image: bytes, response_format: str) -> Callable[[], int]:
        run = self._subject.call(url, image, response_format)
        _require_sent(run(), len(image))
        return run

    def _checked_decode(self, body: Path, image: Path) -> Callable[[], list[bytes]]:
        expected = [base64.b64decode(item["b64_json"]) for item in json.loads(body.read_bytes())["data"]]
        run = self._subject.decode(body.read_bytes(), image.read_bytes())
        if run() != expected:
            raise WrongWork("the images are not those of the response")
        return run


def _require_sent(created: int, size: int) -> None:
    # `created` is the length of the form, which has less than 2,000 bytes besides the image.
    if not size < created < size + 2000:
        raise WrongWork(f"a form of {created} bytes for an image of {size}")


def _timed(run: Callable[[], object]) -> float:
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def _peak(run: Callable[[], object]) -> int:
    """Return the peak resident memory during `run()` minus the resident memory before, in bytes."""
    # Writing 5 resets the peak. ru_maxrss cannot be reset, and a child inherits it from its parent.
    Path("/proc/self/clear_refs").write_text("5")
    before = _memory("VmRSS")
    run()
    return _memory("VmHWM") - before


def _memory(name: str) -> int:
    found = re.search(rf"^{name}:\s+(\d+) kB$", _STATUS.read_text(), re.MULTILINE)
    if found is None:
        raise OSError(f"{_STATUS} has no {name}")
    return int(found.group(1)) * 1024


def main() -> None:
    """Run the jobs of standard input until it ends, and print the result or the error of each."""
    worker = Worker(SUBJECTS[sys.argv[1]])
    replies = sys.stdout
    with contextlib.redirect_stdout(sys.stderr):
        for line in sys.stdin:
            reply: dict[str, object]
            try:
                reply = {"value": worker.do(json.loads(line))}
            except Exception as error:  # noqa: BLE001 - an error of a subject ends the job, not the run
                reply = {"failed": f"{type(error).__name__}: {error}"[:_ERROR_CHARACTERS]}
            print(json.dumps(reply), file=replies, flush=True)
    os._exit(0)  # without cleanup, because subjects warn of the clients that are still open


if __name__ == "__main__":
    main()
