"""The process of `probe`, which imports and calls a generated client."""

import json
import subprocess
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any, cast

from attrs import frozen

from regeneration.processes import PYTHON, environment, output_of
from regeneration.refused import Refused

_PROBE = Path(__file__).with_name("probe.py")

Outcome = dict[str, Any]


@contextmanager
def probed(package: Path, http_library: str) -> Iterator["Probing"]:
    """Start the process for a package, and end it."""
    command = [*PYTHON, "-W", "error", str(_PROBE), str(package.parent), package.name, http_library]
    # Errors go to a file, because a pipe that nobody reads would fill up.
    with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as errors:
        process = subprocess.Popen(  # noqa: S603 - a fixed command, with paths that the user chose
            command,
            cwd=package.parent,
            env=environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            encoding="utf-8",
        )
        try:
            yield Probing(process, cast(IO[str], process.stdin), cast(IO[str], process.stdout), errors)
        finally:
            process.kill()
            process.communicate()


@frozen
class Probing:
    """The conversation with the process."""

    _process: subprocess.Popen[str]
    _questions: IO[str]
    _answers: IO[str]
    _errors: IO[str]

    def signatures(self, methods: Sequence[tuple[str, str]]) -> list[list[dict[str, bool]] | None]:
        """Return the arguments of the methods, each a tag and a name, or None for a method that is not there.

        Raises `Refused` if the package cannot be imported.
        """
        self._say([methods])
        signatures: list[list[dict[str, bool]] | None] = self._answer("Importing the generated package")
        return signatures

    def outcomes(self, trials: Sequence[object]) -> Iterator[list[Outcome]]:
        """Yield the outcomes of each trial as they come. Raises `Refused` if they end early."""
        self._say(trials)
        self._say([None])
        for _ in trials:
            yield self._answer("Calling the generated client")

    def _say(self, values: Iterable[object]) -> None:
        with suppress(BrokenPipeError):  # the process has ended, and its answer will be missing
            for value in values:
                self._questions.write(json.dumps(value) + "\n")
            self._questions.flush()

    def _answer(self, step: str) -> Any:
        line = self._answers.readline()
        if line:
            return json.loads(line)
        code = self._process.wait()
        self._errors.seek(0)
        raise Refused(f"{step} failed (exit code {code}): {output_of(self._errors.read())}")
