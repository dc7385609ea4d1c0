"""Commands that only read do not import what is slow to import."""

import subprocess
import sys

import pytest

HEAVY = {"schemathesis", "hypothesis", "starlette", "uvicorn", "rich"}
PROGRAM = """
import sys
from image_variations_conformance.__main__ import main
try:
    main()
except SystemExit as ended:
    print(ended.code, *sys.modules, file=sys.stderr)
"""


@pytest.mark.parametrize(
    "arguments",
    [
        ("list",),
        ("explain", "IV-RES-COUNT"),
        ("--help",),
        ("--version",),
        ("serve", "--list-faults"),
        ("serve", "--list-quirks"),
        ("profiles",),
    ],
    ids=" ".join,
)
def test_a_command_that_only_reads_imports_no_heavy_library(arguments: tuple[str, ...]) -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM, *arguments], capture_output=True, text=True, check=True)
    code, *modules = done.stderr.split()
    assert code == "0"
    assert done.stdout
    assert HEAVY & set(modules) == set()
