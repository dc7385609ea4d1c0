"""The command line of `scripts/regenerate`.

Exit codes: 0 written, or in step; 1 out of step (`--check`); 2 bad usage, a bad contract, or a client that the gate
refused; 128 + n ended by signal n. Whatever ends the run early, the old package is what stands.
"""

import shlex
import signal
import sys
import tempfile
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from types import FrameType

import click

from regeneration.build import GENERATOR, build
from regeneration.check import compare
from regeneration.facts import DEFAULT_HTTP_LIBRARY, HTTP_LIBRARIES
from regeneration.layout import STAMP_FILE
from regeneration.refused import Refused
from regeneration.swap import replace, workspace

_ROOT = Path(__file__).resolve().parents[2]
_SPEC = _ROOT / "spec" / "openapi.yaml"
_OUTPUT = _ROOT / "generated" / "image_variations"
_OUT_OF_STEP = 1
_REFUSED = 2
_PATH = click.Path(path_type=Path, resolve_path=True)


@click.command()
@click.option(
    "--check", is_flag=True, help="Write nothing; exit with 1 where the package is not what would be written."
)
@click.option("--spec", type=_PATH, default=_SPEC, help="The OpenAPI document.  [default: spec/openapi.yaml]")
@click.option("--output", type=_PATH, default=_OUTPUT, help="The package.  [default: generated/image_variations]")
@click.option(
    "--http-library",
    type=click.Choice(sorted(HTTP_LIBRARIES)),
    default=DEFAULT_HTTP_LIBRARY,
    show_default=True,
    help="What the package is to send by.",
)
def command(*, check: bool, spec: Path, output: Path, http_library: str) -> None:
    """Write the client package anew from the contract, whole or not at all."""
    sys.exit(run(spec, output, check=check, http_library=http_library))


def run(
    spec: Path,
    output: Path,
    *,
    check: bool,
    http_library: str = DEFAULT_HTTP_LIBRARY,
    generator: Sequence[str] = GENERATOR,
) -> int:
    """Write the package `output` from the contract `spec`, or compare them; return the exit code.

    The package is built on `http_library`. `generator` is the command that runs the generator; the tests of the gate
    put broken ones in its place.
    """
    try:
        if not output.name.isidentifier():
            raise Refused(f"--output: {output.name!r} cannot be the name of a Python package.")
        build_package = partial(build, spec, http_library=http_library, generator=generator)
        if check:
            return _check(spec, output, build_package, _mend(spec, output, http_library))
        _regenerate(spec, output, build_package)
    except Refused as refused:
        click.echo(f"scripts/regenerate: {refused}", err=True)
        return _REFUSED
    except OSError as error:  # a folder that cannot be written, a full disk
        click.echo(f"scripts/regenerate: {error}", err=True)
        return _REFUSED
    return 0


def _regenerate(spec: Path, output: Path, build_package: Callable[[Path], None]) -> None:
    if output != _OUTPUT and output.exists() and not (output / STAMP_FILE).is_file():
        raise Refused(f"--output: {output} was not written by scripts/regenerate. Remove it, or name another folder.")
    with workspace(output) as folder:
        package = folder / output.name
        build_package(package)
        replace(output, package)
    click.echo(f"{_shown(output)} is written from {_shown(spec)}.")


def _check(spec: Path, output: Path, build_package: Callable[[Path], None], mend: str) -> int:
    with tempfile.TemporaryDirectory(prefix="regenerate-check-") as folder:
        package = Path(folder) / output.name
        build_package(package)
        report = compare(output, package)
    if not report:
        click.echo(f"{_shown(output)} is in step with {_shown(spec)}.")
        return 0
    click.echo(f"{_shown(output)} is out of step with {_shown(spec)}:")
    click.echo("\n".join([*report, f"Mend it with: {mend}"]))
    return _OUT_OF_STEP


def _mend(spec: Path, output: Path, http_library: str) -> str:
    words = ["scripts/regenerate"]
    words += [] if spec == _SPEC else ["--spec", str(spec)]
    words += [] if output == _OUTPUT else ["--output", str(output)]
    words += [] if http_library == DEFAULT_HTTP_LIBRARY else ["--http-library", http_library]
    return shlex.join(words)


def _shown(path: Path) -> Path:
    return path.relative_to(_ROOT) if path.is_relative_to(_ROOT) else path


def end_on_signals() -> None:
    """Turn the signals that end a process into an exception, so that the workspace is put in order on the way out."""
    for ending in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
        if signal.getsignal(ending) != signal.SIG_IGN:  # nohup ignores SIGHUP on purpose
            signal.signal(ending, _end)


def _end(signal_number: int, _: FrameType | None) -> None:
    raise SystemExit(128 + signal_number)


if __name__ == "__main__":
    end_on_signals()
    command(prog_name="scripts/regenerate")
