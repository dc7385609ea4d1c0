"""One subject at work: reads jobs from standard input, a line of JSON each, and answers each with a line of JSON.

Runs as `python -m benchmark.worker SUBJECT` in the environment of the subject. What a job needs is prepared when it
comes for the first time and kept, so that connections stay open between turns as far as the subject keeps them.
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
from typing import Any, NoReturn

from benchmark.subjects import SUBJECTS, Subject

Job = dict[str, Any]
Times = list[float]
"""Seconds, one item a timed piece of work."""

_WARM_UP_CALLS = 2
"""Before each turn: a connection left idle for some seconds is opened anew, and the caches hold another process."""
_ERROR_CHARACTERS = 120
_STATUS = Path("/proc/self/status")


class WrongWork(Exception):
    """The subject did not do what it was asked for, so its time says nothing."""


class Worker:
    """Does the jobs of one subject. The methods are named like the jobs, and each returns what is measured."""

    def __init__(self, subject: Subject) -> None:
        self._subject = subject
        self._prepared: dict[str, Callable[[], Any]] = {}
        self._loop = asyncio.Runner()

    def close(self) -> None:
        """Close the event loop."""
        self._loop.close()

    def do(self, job: Job) -> Times | int:
        """Do a job, named by its member `do`; the other members are its arguments."""
        arguments = {name: value for name, value in job.items() if name != "do"}
        jobs: dict[str, Callable[..., Times | int]] = {
            "call": self.call,
            "decode": self.decode,
            "flight": self.flight,
            "upload_peak": self.upload_peak,
            "decode_peak": self.decode_peak,
        }
        return jobs[job["do"]](**arguments)

    def call(self, url: str, image: str, answer: str, times: int) -> Times:
        """Call `times` times with the image in the file `image`. Return the time of each call."""
        run = self._keep(f"call {image} {answer}", lambda: self._checked_call(url, Path(image).read_bytes(), answer))
        for _ in range(_WARM_UP_CALLS):
            run()
        return [_timed(run) for _ in range(times)]

    def decode(self, body: str, image: str, times: int) -> Times:
        """Take the answer in the file `body` from memory to the bytes of its images. Return the time of each."""
        run = self._keep(f"decode {body}", lambda: self._checked_decode(Path(body), Path(image)))
        return [_timed(run) for _ in range(times)]

    def flight(self, url: str, image: str, tasks: int, each: int) -> Times:
        """Make calls in `tasks` tasks at once, `each` calls a task. Return the time of the whole."""
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

        return [self._loop.run(together())]

    def upload_peak(self, url: str, small: str, file: str) -> int:
        """Send `small`, then `file`. Return by how many bytes the peak of the second is over what was in use before."""
        run, size = self._subject.upload(url), Path(file).stat().st_size
        run(Path(small))
        return _peak(lambda: _require_sent(run(Path(file)), size))

    def decode_peak(self, body: str, image: str) -> int:
        """Return by how many bytes the peak of reading `body` is over what was in use before, `body` included."""
        self._subject.decode(b'{"created": 1, "data": [{"b64_json": "iVBORw0KGgo="}]}', Path(image).read_bytes())()
        return _peak(self._subject.decode(Path(body).read_bytes(), Path(image).read_bytes()))

    def _keep(self, name: str, prepare: Callable[[], Callable[[], Any]]) -> Callable[[], Any]:
        if name not in self._prepared:
            self._prepared[name] = prepare()
        return self._prepared[name]

    def _checked_call(self, url: str, image: bytes, answer: str) -> Callable[[], int]:
        run = self._subject.call(url, image, answer)
        _require_sent(run(), len(image))
        return run

    def _checked_decode(self, body: Path, image: Path) -> Callable[[], list[bytes]]:
        expected = [base64.b64decode(item["b64_json"]) for item in json.loads(body.read_bytes())["data"]]
        run = self._subject.decode(body.read_bytes(), image.read_bytes())
        if run() != expected:
            raise WrongWork("the images are not those of the answer")
        return run


def _require_sent(created: int, size: int) -> None:
    # The server gives the length of the form as `created`: the image and less than 2,000 bytes around it.
    if not size < created < size + 2000:
        raise WrongWork(f"a form of {created} bytes for an image of {size}")


def _timed(run: Callable[[], object]) -> float:
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def _peak(run: Callable[[], object]) -> int:
    """Run it; return the peak of resident memory meanwhile, in bytes over what was resident before."""
    # Writing 5 sets the peak back to what is resident now. Not ru_maxrss, which a child takes over from its parent.
    Path("/proc/self/clear_refs").write_text("5")
    before = _memory("VmRSS")
    run()
    return _memory("VmHWM") - before


def _memory(name: str) -> int:
    found = re.search(rf"^{name}:\s+(\d+) kB$", _STATUS.read_text(), re.MULTILINE)
    if found is None:
        raise OSError(f"{_STATUS} has no {name}")
    return int(found.group(1)) * 1024


def do_jobs(do: Callable[[Job], object]) -> NoReturn:
    """Have `do` do each job of standard input, answer with what it returns or raises, and exit when the input ends."""
    replies = sys.stdout
    with contextlib.redirect_stdout(sys.stderr):
        for line in sys.stdin:
            reply: dict[str, object]
            try:
                reply = {"value": do(json.loads(line))}
            except Exception as error:  # noqa: BLE001 - whatever a subject raises ends this job, not the run
                reply = {"failed": f"{type(error).__name__}: {error}"[:_ERROR_CHARACTERS]}
            print(json.dumps(reply), file=replies, flush=True)
    os._exit(0)  # at once: some subjects complain of what is still open, which is open on purpose


if __name__ == "__main__":
    do_jobs(Worker(SUBJECTS[sys.argv[1]]).do)
