"""The options --baseline and --update-baseline of `check`."""

from __future__ import annotations

import codecs
import datetime
import re
from pathlib import Path

import click
from attrs import frozen

from ..engine.baseline import Baseline, BaselineError, Requirements, read, updated
from ..engine.run import Run
from . import output
from .errors import CommandError


@frozen
class GivenBaseline:
    """The baseline of a run, which may have to be written; the file need not exist then."""

    path: Path
    update: bool
    baseline: Baseline

    @classmethod
    def of(cls, path: Path | None, *, update: bool, requirements: Requirements) -> GivenBaseline | None:
        """Return the baseline that the options name, or None. Raises CommandError and click.UsageError."""
        if path is None:
            if update:
                raise click.UsageError("--update-baseline needs --baseline FILE, the file to write")
            return None
        if not path.exists():
            if not update:
                raise CommandError(f"{path} does not exist; --update-baseline writes it")
            if not path.absolute().parent.is_dir():
                raise CommandError(f"{path} cannot be written: there is no folder {path.parent}")
            return cls(path, update, Baseline({}))
        return cls(path, update, _read(path, requirements))

    def applied(self, run: Run) -> Run:
        """Return the run in which what is known is no failure, after the update of the file. Raises OSError."""
        today = datetime.datetime.now().astimezone().date()
        if not self.update or run.interrupted:
            return self.baseline.applied(run, today)
        content = self.path.read_bytes() if self.path.exists() else b""
        text = content.decode("utf-8-sig")
        made = updated(text, run, today)
        if made != text:
            if "\r\n" in text:
                made = re.sub(r"\r?\n", "\r\n", made)
            output.write_file(self.path, made.encode("utf-8-sig" if content.startswith(codecs.BOM_UTF8) else "utf-8"))
        return _read(self.path, run.contract.requirements).applied(run, today)


def _read(path: Path, requirements: Requirements) -> Baseline:
    try:
        return read(path, requirements)
    except BaselineError as error:
        raise CommandError(str(error)) from error
