"""The measures of the client, their targets, and how often each is taken.

Each measure gives one number a subject and round; `figures` makes medians and ratios of them.
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Mapping, Sequence
from statistics import median

from attrs import frozen

from benchmark.environments import REQUIREMENTS, Environment, Unavailable, installed_size
from benchmark.figures import Figure, Target, Unit, figures
from benchmark.material import Material
from benchmark.turns import Turns, rotate

_MIB = 2**20
_TIMED = "import time; start = time.perf_counter(); {}; print(time.perf_counter() - start)"
_CLIENT = ("import image_variations", "image_variations.Client(api_key='sk-bench')")
_STARTS = {
    "httpx": ("import httpx", "httpx.Client()"),
    "httpx2": ("import httpx2", "httpx2.Client()"),
    "client": _CLIENT,
    "client[speed]": _CLIENT,
    "client on httpx2": _CLIENT,
    "openai": ("import openai", "openai.OpenAI(api_key='sk-bench')"),
    "openapi-generator": ("import openapi_client", "openapi_client.ImagesApi()"),
}
"""What imports a subject, and what then makes a client: some leave part of the import until then."""

SYNC = ("httpx", "client", "client on httpx2", "openai", "openapi-generator")
ASYNC = ("httpx", "httpx2", "client", "client on httpx2", "client on aiohttp", "openai")
DECODING = ("httpx", "client", "client[speed]", "openai", "openapi-generator")
IMPORTED = tuple(_STARTS)
ALL = tuple(REQUIREMENTS)
UPLOADING = ("httpx", "client", "client on httpx2", "openai", "openapi-generator")


@frozen
class Effort:
    """How many rounds each measure has, and how much is done in one turn."""

    calls: int = 30
    kilobyte_calls: int = 25
    four_megabyte_calls: int = 6
    imports: int = 21
    starts: int = 4
    decodes: int = 15
    flights: int = 9
    tasks: int = 100
    calls_each: int = 3
    peaks: int = 3


@frozen
class Bench:
    """All that the measures need: who takes part, who cannot and why, what is sent, and where to."""

    turns: Turns
    environments: Mapping[str, Environment]
    absent: Mapping[str, str]
    material: Material
    url: str
    effort: Effort = Effort()

    def kilobyte_call(self) -> list[Figure]:
        """A PNG of 1,000 bytes up, a link down."""
        job = {"do": "call", "url": f"{self.url}/url", "image": str(self.material.kilobyte), "answer": "url"}
        target = Target(1.10, beside="httpx")
        return self._calls("1 KB call", {**job, "times": self.effort.kilobyte_calls}, target)

    def four_megabyte_call(self) -> list[Figure]:
        """A PNG of 4,000,000 bytes up, a tiny image in base64 down."""
        job = {"do": "call", "url": f"{self.url}/b64", "image": str(self.material.four_megabytes), "answer": "b64_json"}
        target = Target(1.05, beside="httpx")
        return self._calls("4 MB call", {**job, "times": self.effort.four_megabyte_calls}, target)

    def decoding(self) -> list[Figure]:
        """An answer with ten images of 1 MB in base64, from memory to the bytes of each."""
        files = {"body": str(self.material.ten_images), "image": str(self.material.kilobyte)}
        targets = {"client": Target(1.05, beside="openai"), "client[speed]": Target(0.20, beside="openai")}

        def work(subject: str) -> float:
            return _milliseconds(self.turns.do(subject, {"do": "decode", **files, "times": 2}))

        return self._figures("ten 1 MB images to bytes", "ms", DECODING, self.effort.decodes, work, targets)

    def in_flight(self) -> list[Figure]:
        """As many calls at once as there are tasks, in one event loop: calls in a second."""
        tasks, each = self.effort.tasks, self.effort.calls_each
        job = {"do": "flight", "url": f"{self.url}/url", "image": str(self.material.kilobyte)}
        targets = {
            "client": Target(0.95, "at least", beside="httpx"),
            "client on httpx2": Target(1.40, "at least", beside="httpx"),
        }

        def work(subject: str) -> float:
            return tasks * each / float(median(self.turns.do(subject, {**job, "tasks": tasks, "each": each})))

        return self._figures(f"{tasks} calls in flight", "calls/s", ASYNC, self.effort.flights, work, targets)

    def importing(self) -> list[Figure]:
        """Importing the package in a fresh interpreter, without the start of that; then with a client made, too."""

        def work_import(subject: str) -> float:
            return _seconds_of(self.environments[subject], _STARTS[subject][0]) * 1000

        def work_start(subject: str) -> float:
            return _seconds_of(self.environments[subject], "; ".join(_STARTS[subject])) * 1000

        targets = {"client": Target(1.40, beside="httpx")}
        return [
            *self._figures("import", "ms", IMPORTED, self.effort.imports, work_import, targets),
            *self._figures("import, and make a client", "ms", IMPORTED, self.effort.starts, work_start),
        ]

    def upload_peak(self) -> list[Figure]:
        """100 MiB up from a file: the peak of memory over what was in use before."""
        files = {"small": str(self.material.kilobyte), "file": str(self.material.hundred_megabytes)}

        def work(subject: str) -> float:
            return float(self.turns.once(subject, {"do": "upload_peak", "url": f"{self.url}/url", **files})) / _MIB

        targets = {"client": Target(1.0)}
        return self._figures(
            "100 MiB upload, peak over idle", "MiB", UPLOADING, self.effort.peaks, work, targets, compared=False
        )

    def decoding_peak(self) -> list[Figure]:
        """The peak of memory of `decoding` over what was in use before, the answer itself included in that."""
        files = {"body": str(self.material.ten_images), "image": str(self.material.kilobyte)}

        def work(subject: str) -> float:
            return float(self.turns.once(subject, {"do": "decode_peak", **files})) / _MIB

        return self._figures(
            "ten 1 MB images, peak over idle", "MiB", DECODING, self.effort.peaks, work, compared=False
        )

    def installation(self) -> list[Figure]:
        """What an installation is made of: distributions, and their files as they are shipped."""
        sizes = {name: installed_size(name, environment) for name, environment in self.environments.items()}
        packages = {name: [float(size.distributions)] for name, size in sizes.items()}
        megabytes = {name: [size.size_bytes / 1e6] for name, size in sizes.items()}
        return [
            *figures("distributions installed", "packages", ALL, packages, notes=self.absent),
            *figures("size installed", "MB", ALL, megabytes, notes=self.absent),
        ]

    def _calls(self, measure: str, job: Mapping[str, object], target: Target) -> list[Figure]:
        def work(subject: str) -> float:
            return _milliseconds(self.turns.do(subject, job))

        return self._figures(measure, "ms", SYNC, self.effort.calls, work, {"client": target})

    def _figures(
        self,
        measure: str,
        unit: Unit,
        subjects: Sequence[str],
        rounds: int,
        work: Callable[[str], float],
        targets: Mapping[str, Target] | None = None,
        *,
        compared: bool = True,
    ) -> list[Figure]:
        found, notes = rotate([subject for subject in subjects if subject in self.environments], rounds, work)
        return figures(
            measure, unit, subjects, found, notes={**self.absent, **notes}, targets=targets, compared=compared
        )


def _milliseconds(seconds: Sequence[float]) -> float:
    return median(seconds) * 1000


def _seconds_of(environment: Environment, statements: str) -> float:
    command = environment.command("-c", _TIMED.format(statements))
    completed = subprocess.run(  # noqa: S603 - our own program
        command, env=environment.variables, capture_output=True, text=True, check=False
    )
    if completed.returncode:
        raise Unavailable(completed.stderr.strip().splitlines()[-1])
    return float(completed.stdout)
