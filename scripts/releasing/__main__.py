"""The command line of `scripts/release`.

Exit codes: 0, the artifacts are built and work; 1, one of them has a mistake or does not work, or the project is not
ready for the tag; 2, wrong usage, or they cannot be built, as where files are not committed.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path
from typing import NoReturn

import click
from python_environments import NotInstalled

from releasing.artifacts import ROOT, Artifact, build, uncommitted_files
from releasing.environments import OLDEST, Interpreter, create, interpreters
from releasing.inspection import placeholders, problems
from releasing.trials import Failed, call_client, run_check

_DIST = ROOT / "dist"
_FAILED, _REFUSED = 1, 2


@click.command()
@click.option("--dry-run", is_flag=True, help="Build the artifacts in dist/, inspect them, and try each of them.")
@click.option("--tag", metavar="TAG", help="Check that the project is ready for this tag, such as v0.1.0, too.")
def command(*, dry_run: bool, tag: str | None) -> None:
    """Build the sdist and the wheel, inspect them, and try them on the oldest and the newest Python at hand.

    Nothing is ever published from here: the workflow .github/workflows/release.yml does that for a tag.
    """
    if not dry_run:
        raise click.UsageError("only --dry-run: a tag publishes, with the workflow .github/workflows/release.yml")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    version = project["version"]
    try:
        uncommitted = uncommitted_files()
    except (OSError, subprocess.CalledProcessError) as error:
        _refuse(f"expected a git checkout, to tell which files are committed: {error}")
    if uncommitted:
        _refuse("these files would be packaged, and are not committed. Commit or remove them:", *uncommitted)
    unready = [f"the project URL {url} is a placeholder" for url in placeholders(project["urls"])]
    if tag is not None:
        _fail_for(_tag_problems(tag, version, (ROOT / "CHANGELOG.md").read_text("utf-8")) + unready)
    artifacts = _build(version)
    _fail_for([problem for artifact in artifacts for problem in problems(artifact, version)])
    click.echo("Their files and metadata are in order.")
    if unready and tag is None:
        click.echo(
            f"Before the first release, mend {len(unready)} URLs under [project.urls] in pyproject.toml: {unready[0]}."
        )
    results = [_try(artifact, python) for python in _chosen() for artifact in artifacts]
    if not all(results):
        sys.exit(_FAILED)
    click.echo(f"Nothing is published. Install with: pip install '{artifacts[1].path.relative_to(ROOT)}[conformance]'")


def _refuse(*lines: str) -> NoReturn:
    click.echo("\n  ".join([f"scripts/release: {lines[0]}", *lines[1:]]), err=True)
    sys.exit(_REFUSED)


def _fail_for(found: list[str]) -> None:
    if found:
        click.echo("\n".join(found))
        sys.exit(_FAILED)


def _build(version: str) -> list[Artifact]:
    """Build the sdist and the wheel in dist/, and remove those of the same version there."""
    for old in _DIST.glob(f"image_variations-{version}*"):
        old.unlink()
    try:
        artifacts = build(_DIST, "sdist", "wheel")
    except subprocess.CalledProcessError as error:
        _refuse(error.stderr.decode("utf-8", "replace").strip())
    for artifact in artifacts:
        size_kib = artifact.path.stat().st_size >> 10
        click.echo(f"{artifact.path.relative_to(ROOT)}: {len(artifact.files)} files, {size_kib} KiB")
    return artifacts


def _tag_problems(tag: str, version: str, changelog: str) -> list[str]:
    found = []
    if tag != f"v{version}":
        found.append(f"expected the tag v{version}, after version in pyproject.toml, got {tag}")
    if not re.search(rf"^## \[?{re.escape(version)}\b", changelog, re.MULTILINE):
        found.append(f"CHANGELOG.md has no section '## {version}'; rename Unreleased")
    return found


def _chosen() -> list[Interpreter]:
    """Return the oldest Python that is supported, and the newest at hand."""
    found = interpreters()
    oldest = [each for each in found if each.version[1] == OLDEST]
    newest = [each for each in found[-1:] if each.version[1] > OLDEST]
    if not oldest:
        click.echo(f"Not tried on Python 3.{OLDEST}: it is not on the PATH.")
    if not newest:
        click.echo(f"Not tried on a Python later than 3.{OLDEST}: none is on the PATH.")
    return oldest + newest


def _try(artifact: Artifact, python: Interpreter) -> bool:
    """Install an artifact in an environment of its own, and try it. Return whether it works."""
    kind = "wheel" if artifact.is_wheel else "sdist"
    with tempfile.TemporaryDirectory(prefix="release-") as name:
        work = Path(name, "work")
        work.mkdir()
        try:
            executables = create(Path(name, "environment"), python.command, f"{artifact.path}[conformance]")
            results = [run_check(executables, work), call_client(executables, work)]
        except (NotInstalled, Failed) as error:
            click.echo(f"{python}, {kind}: FAILED: {error}")
            return False
    click.echo(f"{python}, {kind}: {' '.join(results)}")
    return True


if __name__ == "__main__":
    command(prog_name="scripts/release")
