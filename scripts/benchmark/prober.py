"""One subject tried out: makes the calls of the probes, and tells what came of each. Jobs and replies as in `worker`.

Runs as `python -m benchmark.prober SUBJECT` in the environment of the subject. What went over the wire is not its
business: the recorder keeps that, in the main process.
"""

import contextlib
import inspect
import json
import os
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from benchmark.users import KEY, USERS, User
from benchmark.worker import Job, do_jobs


class Prober:
    """Does the jobs of one subject."""

    def __init__(self, user: User) -> None:
        self._user = user

    def do(self, job: Job) -> object:
        """Do a job, named by its member `do`; the other members are its arguments."""
        arguments = {name: value for name, value in job.items() if name != "do"}
        jobs: dict[str, Callable[..., object]] = {"call": self.call, "look": self.look}
        return jobs[job["do"]](**arguments)

    def call(
        self,
        url: str,
        image: str,
        kind: str,
        n: int = 1,
        response_format: str = "url",
        timeout: float | None = None,
        retries: int | None = 0,
    ) -> dict[str, object]:
        """Make one call with the image in the file `image`, given as `kind` says.

        Return `members`, the answer as JSON, and `pictures`, every bytes object that the first item gives by itself, in
        hexadecimal digits. Or else `error`, its class with the module, whether it is the subject's `own`, its `text`,
        its `status`, and the `seconds` until it came.
        """
        with given(kind, Path(image)) as value:
            start = time.monotonic()
            try:
                answer = self._user.call(self._user.client(url, timeout, retries), value, n, response_format)
            except Exception as error:  # noqa: BLE001 - which one it is is what the probe asks
                return {**self._told(error), "seconds": time.monotonic() - start}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # pydantic warns of what it let in itself
            members = json.loads(json.dumps(self._user.members(answer), default=str))
        return {"members": members, "pictures": [found.hex() for found in given_bytes(self._user.items(answer)[0])]}

    def look(self) -> bool:
        """Return whether the key shows in the repr of a client."""
        return KEY in repr(self._user.client("http://127.0.0.1:9", None, None))

    def _told(self, error: Exception) -> dict[str, object]:
        own = isinstance(error, self._user.errors())
        name = f"{type(error).__module__}.{type(error).__qualname__}"
        return {"error": name, "own": own, "text": str(error), "status": self._user.status(error) if own else None}


@contextlib.contextmanager
def given(kind: str, file: Path) -> Iterator[object]:
    """Give a file in one of the kinds in which a program may have it. Raises KeyError for an unknown kind."""
    with contextlib.ExitStack() as stack:
        makers: dict[str, Callable[[], object]] = {
            "text path": lambda: str(file),
            "`Path`": lambda: file,
            "bytes": file.read_bytes,
            "open file": lambda: stack.enter_context(file.open("rb")),
            "pipe": lambda: stack.enter_context(os.fdopen(_pipe(file.read_bytes()), "rb")),
            "tuple": lambda: (file.name, file.read_bytes(), "image/png"),
        }
        yield makers[kind]()


def given_bytes(item: Any) -> list[bytes]:
    """Return each bytes object that an item has, or returns from a method without arguments, whatever their names."""
    found: list[bytes] = []
    for name in dir(item):
        if name.startswith("_"):
            continue
        with contextlib.suppress(Exception), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # some methods are deprecated
            value = getattr(item, name)
            if callable(value) and not inspect.iscoroutinefunction(value):
                value = value()
            if isinstance(value, bytes):
                found.append(value)
    return found


def _pipe(content: bytes) -> int:
    """Return the end of a pipe from which the content is read. It is to be smaller than the buffer of a pipe."""
    read, write = os.pipe()
    with os.fdopen(write, "wb") as file:
        file.write(content)
    return read


if __name__ == "__main__":
    do_jobs(Prober(USERS[sys.argv[1]]).do)
