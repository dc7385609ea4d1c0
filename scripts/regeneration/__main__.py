"""The command line of `scripts/regenerate`.

Exit codes: 0, the package is written or in step; 1, the package is out of step (`--check`); 2, wrong usage, a mistake
in the contract, or a generated client that failed verification; 128 + n, ended by signal n. If a run ends early, the
old package stays as it is.
"""

import gc
import keyword
import shlex
import sys
import tempfile
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import click
from image_variations_conformance.contract.profile import ProfileError
from image_variations_conformance.contract.profile import read as read_profile
from image_variations_conformance.vendoring.source import IMPORTED
from image_variations_conformance.vendoring.swap import end_on_signals, recover, replace

from regeneration.build import DEFAULT_HTTP_LIBRARY, GENERATOR, HTTP_LIBRARIES, build
from regeneration.check import compare
from regeneration.layout import STAMP_FILE
from regeneration.other_generator import is_installed, try_version
from regeneration.refused import ROOT, Refused, shown_path
from regeneration.spec_files import compare_derived_files, require_consistent, write_derived_files

_SPEC = ROOT / "spec" / "openapi.yaml"
_OUTPUT = ROOT / "generated" / "image_variations"
_OUT_OF_STEP = 1
_REFUSED = 2
_PATH = click.Path(path_type=Path, resolve_path=True)


@click.command()
@click.option(
    "--check", is_flag=True, help="Write nothing; exit with 1 if the package differs from what would be written."
)
@click.option(
    "--spec",
    type=_PATH,
    default=_SPEC,
    help="The OpenAPI document; another needs --output.  [default: spec/openapi.yaml]",
)
@click.option("--output", type=_PATH, default=_OUTPUT, help="The package.  [default: generated/image_variations]")
@click.option(
    "--http-library",
    type=click.Choice(sorted(HTTP_LIBRARIES)),
    default=DEFAULT_HTTP_LIBRARY,
    show_default=True,
    help="The HTTP library that the package imports.",
)
@click.option(
    "--profile", metavar="NAME|FILE", help="Generate the client of servers with this profile; needs --output."
)
@click.option(
    "--generator-version",
    metavar="VERSION",
    help="Show how the package would differ with another version of the generator; write nothing.",
)
def command(
    *,
    check: bool,
    spec: Path,
    output: Path,
    http_library: str,
    profile: str | None,
    generator_version: str | None,
) -> None:
    """Generate the client package from the contract, and replace the old package if that succeeds.

    For the contract in spec/, its files are checked first, and spec/versions.yaml and docs/contract.md are written too.
    """
    if generator_version is not None and not is_installed(generator_version):
        sys.exit(_try(generator_version, _options(spec, output, http_library, profile)))
    check = check or generator_version is not None
    code = check_spec_files(ROOT) if spec == _SPEC else 0
    code = code or run(
        spec,
        output,
        check=check,
        http_library=http_library,
        profile=profile,
        generator_version=generator_version,
    )
    if spec == _SPEC and code != _REFUSED:
        # Last, because versions.yaml must not record a version of which there is no client.
        code = max(code, derive_spec_files(ROOT, check=check))
    sys.exit(code)


def check_spec_files(root: Path) -> int:
    """Check the files in spec/ of a source tree. Return the exit code."""
    try:
        require_consistent(root)
    except (Refused, OSError) as error:
        click.echo(f"scripts/regenerate: {error}", err=True)
        return _REFUSED
    return 0


def derive_spec_files(root: Path, *, check: bool) -> int:
    """Write or compare what is made of the files in spec/ of a source tree. Return the exit code."""
    try:
        if not check:
            write_derived_files(root)
            return 0
        report = compare_derived_files(root)
    except (Refused, OSError) as error:
        click.echo(f"scripts/regenerate: {error}", err=True)
        return _REFUSED
    if report:
        click.echo(
            "\n".join(["The files made of spec/ are out of step:", *report, "Update them with: scripts/regenerate"])
        )
    return _OUT_OF_STEP if report else 0


def run(
    spec: Path,
    output: Path,
    *,
    check: bool,
    http_library: str = DEFAULT_HTTP_LIBRARY,
    profile: str | None = None,
    generator: Sequence[str] = GENERATOR,
    generator_version: str | None = None,
) -> int:
    """Write the package `output` from the contract `spec`, or compare them if `check` is true. Return the exit code.

    `http_library` is the HTTP library that the package imports, `profile` the name or the file of a profile.
    `generator` is the command line of the generator; tests replace it by broken generators.
    """
    try:
        _require_package_name(output.name)
        if profile is not None and output == _OUTPUT:
            raise Refused("--profile: name the folder of the client with --output, which is not that of the contract.")
        if spec != _SPEC and output == _OUTPUT:
            message = f"--spec: {shown_path(spec)} is not the document of the project, whose client would be replaced"
            raise Refused(f"{message}; name the folder of its client with --output.")
        declared = None if profile is None else read_profile(profile)
        build_package = partial(
            build,
            spec,
            profile=declared,
            http_library=http_library,
            generator=generator,
            generator_version=generator_version,
        )
        if check:
            options = _options(spec, output, http_library, profile)
            return _check(spec, output, build_package, shlex.join(["scripts/regenerate", *options]))
        _regenerate(spec, output, build_package)
    except (Refused, ProfileError) as refused:
        click.echo(f"scripts/regenerate: {refused}", err=True)
        return _REFUSED
    except OSError as error:  # a folder that cannot be written, a full disk
        click.echo(f"scripts/regenerate: {error}", err=True)
        return _REFUSED
    return 0


def _require_package_name(name: str) -> None:
    if not name.isidentifier() or keyword.iskeyword(name):
        raise Refused(f"--output: {name!r} cannot be the name of a Python package; name another folder.")
    if name in sys.stdlib_module_names | IMPORTED:
        message = f"--output: Python or a package that the client imports has the name {name!r}, and would import"
        raise Refused(f"{message} the client in its place; name another folder.")


def _regenerate(spec: Path, output: Path, build_package: Callable[[Path], None]) -> None:
    output.parent.mkdir(parents=True, exist_ok=True)
    recover(output)
    if output != _OUTPUT and output.exists() and not (output / STAMP_FILE).is_file():
        raise Refused(f"--output: {output} was not written by scripts/regenerate. Remove it, or name another folder.")
    replace(output, build_package)
    click.echo(f"{shown_path(output)} is written from {shown_path(spec)}.")


def _check(spec: Path, output: Path, build_package: Callable[[Path], None], update_command: str) -> int:
    with tempfile.TemporaryDirectory(prefix="regenerate-check-") as folder:
        package = Path(folder) / output.name
        build_package(package)
        report = compare(output, package)
    if not report:
        click.echo(f"{shown_path(output)} is in step with {shown_path(spec)}.")
        return 0
    click.echo(f"{shown_path(output)} is out of step with {shown_path(spec)}:")
    click.echo("\n".join([*report, f"Update it with: {update_command}"]))
    return _OUT_OF_STEP


def _options(spec: Path, output: Path, http_library: str, profile: str | None) -> list[str]:
    """Return the options of the command that are not the default."""
    words = [] if spec == _SPEC else ["--spec", str(spec)]
    words += [] if output == _OUTPUT else ["--output", str(output)]
    words += [] if http_library == DEFAULT_HTTP_LIBRARY else ["--http-library", http_library]
    words += [] if profile is None else ["--profile", profile]
    return words


def _try(generator_version: str, options: Sequence[str]) -> int:
    try:
        return try_version(generator_version, options)
    except Refused as refused:
        click.echo(f"scripts/regenerate: {refused}", err=True)
        return _REFUSED


if __name__ == "__main__":
    gc.disable()  # there is little but the document, which has no cycles and would be searched again and again
    end_on_signals()
    command(prog_name="scripts/regenerate")
