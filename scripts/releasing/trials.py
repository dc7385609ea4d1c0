"""What an installation must be able to do: check the reference server, and call it with the client."""

from __future__ import annotations

import subprocess
from pathlib import Path

from image_variations_conformance.reference.app.service import API_KEY
from image_variations_conformance.reference.app.serving import running
from image_variations_conformance.reference.app.variations import png
from image_variations_conformance.reference.variants import faulty
from PIL import Image
from python_environments import clean_variables

_PROGRAM = """
import sys
from image_variations import Client

with Client(base_url=sys.argv[1], api_key=sys.argv[2]) as client:
    response = client.images.create_variation(image="in.png", n=2, size="256x256", response_format="url")
    print(f"{len(response.data)} images, {len(response.data[0].read())} bytes")
"""


class Failed(Exception):
    """A trial failed. The message is what it printed."""


def run_check(executables: Path, folder: Path) -> str:
    """Check the embedded reference server in an empty folder. Return the last line. Raises Failed."""
    command = [str(executables / "image-variations"), "check", "--reference", "--seed", "1"]
    return _last_line(command, folder)


def call_client(executables: Path, folder: Path) -> str:
    """Call a reference server with the client in an empty folder. Return what came. Raises Failed."""
    (folder / "in.png").write_bytes(png(Image.new("RGB", (64, 64), "navy")))
    with running(faulty(())) as server:
        return _last_line([str(executables / "python"), "-I", "-c", _PROGRAM, server.base_url, API_KEY], folder)


def _last_line(command: list[str], folder: Path) -> str:
    process = subprocess.run(  # noqa: S603 - our own command
        command, cwd=folder, env=clean_variables(), capture_output=True, text=True, check=False
    )
    if process.returncode or not process.stdout:
        raise Failed(f"{Path(command[0]).name}: exit code {process.returncode}\n{process.stdout}{process.stderr}")
    return process.stdout.splitlines()[-1]
