"""The measures of the client, and their targets."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Mapping, Sequence
from statistics import median

from attrs import frozen

from benchmark.environments import Environment, Unavailable
from benchmark.figures import Figure, Target, Unit, figures
from benchmark.material import Material
from benchmark.turns import Turns, rotate

_MIB = 2**20
_TIMED_IMPORT = "import time; start = time.perf_counter(); import {}; print(time.perf_counter() - start)"
_MODULES = {"httpx": "httpx", "client": "image_variations", "openai": "openai"}
_SUBJECTS = tuple(_MODULES)
_DECODING = ("httpx", "client", "client[speed]", "openai")


@frozen
class Effort:
    """The number of rounds of each measure, and of calls, tasks and calls per task in one turn."""

    calls: int = 30
    kilobyte_calls: int = 25
    four_megabyte_calls: int = 6
    imports: int = 21
    decodes: int = 15
    flights: int = 9
    tasks: int = 100
    calls_each: int = 3
    peaks: int = 3


@frozen
class Bench:
    """The measures. `url` is the address of the server without a path."""

    turns: Turns
    environments: Mapping[str, Environment]
    material: Material
    url: str
    effort: Effort = Effort()

    def kilobyte_call(self) -> list[Figure]:
        """Time of a call with a PNG of 1,000 bytes and a response with a link."""
        job = {"do": "call", "url": f"{self.url}/url", "image": str(self.material.kilobyte), "response_format": "url"}
        return self._calls("1 KB call", {**job, "times": self.effort.kilobyte_calls}, 1.10)

    def four_megabyte_call(self) -> list[Figure]:
        """Time of a call with a PNG of 4,000,000 bytes and a response with a tiny image in base64."""
        job = {
            "do": "call",
            "url": f"{self.url}/b64",
            "image": str(self.material.four_megabytes),
            "response_format": "b64_json",
        }
        return self._calls("4 MB call", {**job, "times": self.effort.four_megabyte_calls}, 1.05)

    def in_flight(self) -> list[Figure]:
        """Calls per second of concurrent tasks in one event loop."""
        tasks, each = self.effort.tasks, self.effort.calls_each
        job = {"do": "flight", "url": f"{self.url}/url", "image": str(self.material.kilobyte)}

        def work(subject: str) -> float:
            return tasks * each / float(self.turns.do(subject, {**job, "tasks": tasks, "each": each}))

        targets = {"client": Target(0.95, "at least", beside="httpx")}
        return _figures(f"{tasks} calls in flight", "calls/s", _SUBJECTS, self.effort.flights, work, targets)

    def decoding(self) -> list[Figure]:
        """Time to decode a response in memory with ten 1 MB images in base64 to the bytes of the images."""
        files = {"body": str(self.material.ten_images), "image": str(self.material.kilobyte)}

        def work(subject: str) -> float:
            return _milliseconds(self.turns.do(subject, {"do": "decode", **files, "times": 2}))

        targets = {"client": Target(1.05, beside="openai"), "client[speed]": Target(0.20, beside="openai")}
        return _figures("ten 1 MB images to bytes", "ms", _DECODING, self.effort.decodes, work, targets)

    def upload_peak(self) -> list[Figure]:
        """Peak resident memory of the upload of a 100 MiB file, minus the resident memory before."""
        files = {"small": str(self.material.kilobyte), "file": str(self.material.hundred_megabytes)}

        def work(subject: str) -> float:
            return float(self.turns.once(subject, {"do": "upload_peak", "url": f"{self.url}/url", **files})) / _MIB

        targets = {"client": Target(1.0)}
        return _figures("100 MiB upload, peak over idle", "MiB", _SUBJECTS, self.effort.peaks, work, targets)

    def importing(self) -> list[Figure]:
        """Time of the import in a new interpreter, without the interpreter's own start."""

        def work(subject: str) -> float:
            return _import_seconds(self.environments[subject], _MODULES[subject]) * 1000

        targets = {"client": Target(1.40, beside="httpx")}
        return _figures("import", "ms", _SUBJECTS, self.effort.imports, work, targets)

    def _calls(self, measure: str, job: Mapping[str, object], bound: float) -> list[Figure]:
        def work(subject: str) -> float:
            return _milliseconds(self.turns.do(subject, job))

        targets = {"client": Target(bound, beside="httpx")}
        return _figures(measure, "ms", _SUBJECTS, self.effort.calls, work, targets)


def _figures(
    measure: str,
    unit: Unit,
    subjects: Sequence[str],
    rounds: int,
    work: Callable[[str], float],
    targets: Mapping[str, Target],
) -> list[Figure]:
    return figures(measure, unit, subjects, *rotate(subjects, rounds, work), targets)


def _milliseconds(seconds: Sequence[float]) -> float:
    return median(seconds) * 1000


def _import_seconds(environment: Environment, module: str) -> float:
    command = environment.command("-c", _TIMED_IMPORT.format(module))
    completed = subprocess.run(  # noqa: S603 - a fixed command
        command, env=environment.variables, capture_output=True, text=True, check=False
    )
    if completed.returncode:
        raise Unavailable(completed.stderr.strip().splitlines()[-1])
    return float(completed.stdout)
