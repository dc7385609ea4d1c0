"""Check the files of spec/, and write what is made of them: spec/versions.yaml and docs/contract.md."""

import difflib
from collections.abc import Iterator
from pathlib import Path

import yaml
from image_variations_conformance.contract.profile import ProfileError
from image_variations_conformance.contract.profile import read as read_profile

from regeneration.contract_table import contract_table
from regeneration.refused import Refused
from regeneration.register import SpecFiles, check_register
from regeneration.versions import VERSIONS, check_version, updated

CONTRACT_TABLE = Path("docs") / "contract.md"


def require_consistent(root: Path) -> None:
    """Raise `Refused` with every problem of the files in spec/ of a source tree, if there are any."""
    problems = check_register(root / "spec")
    if not any(problem.check in {"yaml", "duplicate", "scalar", "document"} for problem in problems):
        problems += check_version(root / "spec")
    lines = [*map(str, problems), *_wrong_profiles(root)]
    if lines:
        count = "1 mistake" if len(lines) == 1 else f"{len(lines)} mistakes"
        raise Refused("\n  ".join([f"spec/ has {count}:", *lines]))


def _wrong_profiles(root: Path) -> Iterator[str]:
    """Yield what is wrong with each ready-made profile, with file and line."""
    for path in sorted((root / "spec" / "profiles").glob("*.toml")):
        try:
            read_profile(str(path))
        except ProfileError as error:
            yield f"{str(error).removeprefix(f'{root}/')} [profile]"


def derived_files(root: Path) -> dict[Path, str]:
    """Return the content of each file that is made of spec/, by its path. The files must be consistent."""
    try:
        files = SpecFiles.read(root / "spec")
    except (OSError, yaml.YAMLError) as error:
        raise Refused(f"spec/ cannot be read: {error}") from error
    return {
        root / "spec" / VERSIONS: updated(root / "spec"),
        root / CONTRACT_TABLE: contract_table(files),
    }


def write_derived_files(root: Path) -> None:
    """Write the files that are made of spec/ and differ."""
    for path, content in derived_files(root).items():
        if not path.is_file() or path.read_text(encoding="utf-8") != content:
            path.parent.mkdir(exist_ok=True)
            path.write_text(content, encoding="utf-8")


def compare_derived_files(root: Path) -> list[str]:
    """Return a diff from the present files to those that would be written. It is empty if they are equal."""
    lines: list[str] = []
    for path, content in derived_files(root).items():
        present = path.read_text(encoding="utf-8") if path.is_file() else ""
        name = path.relative_to(root).as_posix()
        lines += difflib.unified_diff(
            present.splitlines(), content.splitlines(), f"current/{name}", f"regenerated/{name}", lineterm=""
        )
    return lines
