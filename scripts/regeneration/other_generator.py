"""Try another version of the generator, in an environment of its own, without a change of the client."""

import re
import subprocess
import sysconfig
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path

from python_environments import NotInstalled, create, install

from regeneration.build import GENERATOR_NAME, pinned_version
from regeneration.processes import output_of
from regeneration.refused import ROOT, Refused

_ENVIRONMENTS = ROOT / ".cache" / "generators"


def try_version(version: str, options: Sequence[str]) -> int:
    """Print how the client would differ with another version of the generator, and return the exit code: 0, 1 or 2.

    `options` are the other options of the command. Raises `Refused` if the version cannot be installed, or makes no
    client that passes the verification.
    """
    python = _environment(version)
    command: list[str | Path] = [
        python,
        "-P",
        "-B",
        "-m",
        "regeneration",
        "--check",
        "--generator-version",
        version,
        *options,
    ]
    completed = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    if completed.returncode in {0, 1} and "Traceback" not in completed.stderr:
        print(completed.stdout, end="")  # noqa: T201
        return completed.returncode
    raise Refused(
        f"{GENERATOR_NAME} {version} cannot be used as it is: {output_of(completed.stderr, completed.stdout)}\n"
        f"Nothing was changed; {pinned_version(GENERATOR_NAME)} stays pinned. To move to {version}, adapt "
        "scripts/regeneration/generator.py (its imports) or scripts/templates, try again until only wanted differences "
        "are left, then change the pin in pyproject.toml, and run scripts/lock and scripts/regenerate."
    )


def is_installed(version: str) -> bool:
    """Return whether this process runs with that version of the generator."""
    return metadata.version(GENERATOR_NAME) == version


def _environment(version: str) -> Path:
    """Return the interpreter of an environment with this version, and with all else that this process can import."""
    if not re.fullmatch(r"[0-9][0-9A-Za-z.+!-]*", version):
        raise Refused(f"--generator-version: {version!r} is not a version such as 0.30.0.")
    folder = _ENVIRONMENTS / version
    python, marker = folder / "bin" / "python", folder / "installed"
    if marker.is_file():
        return python
    try:
        create(folder)
        # Without its dependencies: those of this process are used, so that the formatter stays the pinned one.
        install(python, "--no-deps", f"{GENERATOR_NAME}=={version}")
    except NotInstalled as error:
        raise Refused(f"{GENERATOR_NAME} {version} cannot be installed: {error.last_line}") from error
    library = Path(sysconfig.get_path("purelib", vars={"base": str(folder), "platbase": str(folder)}))
    (library / "project.pth").write_text(
        f"import site; site.addsitedir({sysconfig.get_path('purelib')!r})\n", encoding="utf-8"
    )
    marker.touch()
    return python
