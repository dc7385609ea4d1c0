"""The wheel alone: `vendor`, the help and the version work, and every other command says what to install."""

from pathlib import Path

import pytest
from support.installation import Installation


@pytest.fixture
def installation(tmp_path: Path) -> Installation:
    return Installation(tmp_path / "site")


@pytest.mark.parametrize(
    ("missing", "arguments"),
    [
        ("click", ["list", "--help"]),
        ("click", ["check", "--reference"]),
        ("yaml", ["list"]),
        ("rich", ["check", "--reference"]),
    ],
)
def test_without_the_extra_a_command_says_in_one_line_what_to_install(
    installation: Installation, missing: str, arguments: list[str]
) -> None:
    process = installation.call(*arguments, without=missing)
    assert (process.returncode, process.stdout) == (2, "")
    (line,) = process.stderr.splitlines()
    assert line.startswith(f"image-variations: the package {missing} is missing. Install it with: pip install '")
    assert "image-variations[conformance] @ git+https://" in line


@pytest.mark.parametrize("arguments", [[], ["--help"], ["-h"]])
def test_without_the_extra_the_help_lists_vendor_and_says_what_to_install(
    installation: Installation, arguments: list[str]
) -> None:
    process = installation.call(*arguments, without="click")
    assert (process.returncode, process.stderr) == (0, "")
    assert process.stdout.startswith("Usage: image-variations vendor [OPTIONS] DEST\n")
    assert "Install it with: pip install 'image-variations[conformance] @ git+https://" in process.stdout


def test_the_version_is_the_same_without_the_extra(installation: Installation) -> None:
    with_extra, without = (installation.call("--version", without=missing) for missing in (None, "click"))
    assert (without.returncode, without.stdout) == (0, with_extra.stdout)


@pytest.mark.parametrize("missing", ["click", "yaml"])
def test_vendor_works_without_the_extra(installation: Installation, tmp_path: Path, missing: str) -> None:
    assert installation.call("vendor", "--help", without=missing).returncode == 0
    process = installation.call("vendor", tmp_path, without=missing)
    assert (process.returncode, process.stderr) == (0, "")
    assert "It needs 'anyio>=" in process.stdout
    assert installation.call("vendor", tmp_path, "--check", without=missing).returncode == 0
