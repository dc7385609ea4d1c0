"""Where the output goes: streams that are full, closed or gone, and locales that lack its characters."""

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from image_variations_conformance.reference.app.serving import running
from image_variations_conformance.reference.variants import faulty
from support.judging import KEY

pytestmark = pytest.mark.slow

COMMAND = [sys.executable, "-m", "image_variations_conformance"]


def shell(line: str) -> subprocess.CompletedProcess[str]:
    """Run a line of bash in which $run is the command."""
    script = f"run='{' '.join(COMMAND)}'; {line}"
    return subprocess.run(["bash", "-c", script], capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize(
    "arguments", [("list",), ("explain", "IV-RES-COUNT"), ("check", "--reference", "--depth", "quick")]
)
def test_output_that_cannot_be_written_exits_2_with_one_line(arguments: tuple[str, ...]) -> None:
    command = [sys.executable, "-m", "image_variations_conformance", *arguments]
    with Path("/dev/full").open("w") as full:
        completed = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, timeout=60, check=False)
    assert (completed.returncode, completed.stderr) == (
        2,
        "Error: the output cannot be written: No space left on device\n",
    )


def test_a_check_that_can_write_neither_stdout_nor_stderr_exits_2() -> None:
    with running(faulty(["n-capped"], api_key=KEY)) as server, Path("/dev/full").open("w") as full:
        command = [sys.executable, "-m", "image_variations_conformance", "check", server.base_url, "--api-key", KEY]
        completed = subprocess.run([*command, "--depth", "quick"], stdout=full, stderr=full, timeout=60, check=False)
    assert completed.returncode == 2


@pytest.mark.parametrize(
    "arguments", ["list", "--version", "--help", "check --reference --depth quick", "vendor --help"]
)
def test_closed_streams_drop_the_output_and_the_exit_code_stays(arguments: str) -> None:
    assert shell(f"$run {arguments} >&-").returncode == 0
    assert shell(f"$run {arguments} >&- 2>&-").returncode == 0


@pytest.mark.parametrize("arguments", ["list", "--help", "check --reference --depth quick"])
def test_a_pipe_without_a_reader_ends_the_command_with_141_and_no_message(arguments: str) -> None:
    completed = shell(f"exec {{pipe}}> >(exec true); wait $!; $run {arguments} >&$pipe")
    assert (completed.returncode, completed.stderr) == (141, "")


def test_characters_that_the_locale_lacks_are_escaped_and_the_exit_code_stays() -> None:
    completed = shell("PYTHONIOENCODING=ascii $run check --reference --depth quick")
    assert completed.returncode == 0
    assert " \\xb7 contract " in completed.stdout.splitlines()[0]


def test_a_draft_is_utf_8_whatever_the_locale() -> None:
    environment = {**os.environ, "PYTHONIOENCODING": "cp1252"}
    with running(faulty(["n-capped"], api_key=KEY)) as server:
        command = [*COMMAND, "profile", server.base_url, "--api-key", KEY]
        completed = subprocess.run(command, capture_output=True, env=environment, timeout=60, check=False)
    assert (completed.returncode, completed.stderr) == (0, b"")
    text = completed.stdout.decode("utf-8")
    assert "\u2192" in text
    tomllib.loads(text)


def test_an_interrupt_while_the_command_starts_exits_130_with_one_line() -> None:
    """The signal comes while the first package is imported."""
    hook = (
        "import os, sys\n"
        "class Finder:\n"
        "    def find_spec(self, name, *_):\n"
        "        if name == 'click': os.kill(os.getpid(), 2)\n"
        "sys.meta_path.insert(0, Finder())\n"
        "from image_variations_conformance.__main__ import main; main()"
    )
    command = [sys.executable, "-c", hook, "list"]
    completed = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (completed.returncode, completed.stdout, completed.stderr) == (130, "", "Interrupted.\n")
