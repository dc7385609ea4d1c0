"""Type checkers report nothing in the client, and check the calls of a user's program against the contract."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from regeneration.__main__ import run
from support.node_packages import node_tool

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[3]
CLIENT = ROOT / "generated" / "image_variations"
STUDIO = Path(__file__).parents[1] / "contracts" / "studio.yaml"

PROGRAM = """
import asyncio
import io
from pathlib import Path
from typing import assert_type

from image_variations import APIStatusError, AsyncClient, Client, Image, ImagesResponse, RateLimitError, Response
from image_variations.api.images import create_image_variation
from image_variations.models import CreateImageVariationRequest, ErrorResponse

with Client(api_key="sk", base_url="http://127.0.0.1:8000/v1") as client:
    response = client.images.create_variation(image=Path("in.png"), n=2, size="256x256", response_format="url")
    assert_type(response, ImagesResponse)
    assert_type(response.data, list[Image])
    assert_type(response.data[0].url, str | None)
    assert_type(response.data[0].read(), bytes)
    assert_type(response.data[0].save("out.png"), Path)
    client.with_options(timeout=3.0, max_retries=0).images.create_variation(image=("a.png", b"", "image/png"))
    client.images.create_variation(image=io.BytesIO(), model="one-of-ours", timeout=None)
    client.images.create_variation(image=open("in.png", "rb"), extra_body={"seed": 1})
    try:
        detailed = create_image_variation.sync_detailed(client=client, body=CreateImageVariationRequest(image=b""))
        assert_type(detailed, Response[ImagesResponse])
    except RateLimitError as error:
        assert_type(error.request_id, str | None)
    except APIStatusError as error:
        assert_type(error.status_code, int)
        if isinstance(error.parsed, ErrorResponse):
            assert_type(error.parsed.error.param, str | None)


async def main() -> None:
    async with AsyncClient() as client:
        response = await client.images.create_variation(image="in.png")
        assert_type(await response.data[0].aread(), bytes)


asyncio.run(main())
"""

# Each line with a call of create_variation has one type error.
WRONG = """
from image_variations import Client

client = Client()
client.images.create_variation()
client.images.create_variation(image=3)
client.images.create_variation(image=b"", n="2")
client.images.create_variation(image=b"", size="1x1")
client.images.create_variation(image=b"", quality="high")
client.images.create_variation(image=b"").data[0].url.upper()
"""
WRONG_LINES = [5, 6, 7, 8, 9, 10]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a user's project with three clients and two programs.

    The clients are the committed one, one of another contract, and one for httpx2.
    """
    folder = tmp_path_factory.mktemp("project")
    shutil.copytree(CLIENT, folder / "image_variations", ignore=shutil.ignore_patterns("__pycache__"))
    assert run(STUDIO, folder / "studio", check=False) == 0
    spec = ROOT / "spec" / "openapi.yaml"
    assert run(spec, folder / "on_httpx2", check=False, http_library="httpx2") == 0
    (folder / "program.py").write_text(PROGRAM)
    (folder / "wrong.py").write_text(WRONG)
    return folder


def pyright(folder: Path, *names: str) -> dict[str, list[int]]:
    """Return the line numbers of pyright's diagnostics in these files or folders, by the path of the file."""
    configuration = {"include": names, "typeCheckingMode": "strict", "pythonVersion": "3.11"}
    (folder / "pyrightconfig.json").write_text(json.dumps(configuration))
    command = [*node_tool("pyright", "pyright"), "--pythonpath", sys.executable, "--outputjson", "-p", str(folder)]
    completed = subprocess.run(command, capture_output=True, text=True, check=False)
    report = json.loads(completed.stdout)
    assert report["summary"]["filesAnalyzed"] > 0
    line_numbers: dict[str, list[int]] = {}
    for diagnostic in report["generalDiagnostics"]:
        name = Path(diagnostic["file"]).relative_to(folder).as_posix()
        line_numbers.setdefault(name, []).append(diagnostic["range"]["start"]["line"] + 1)
    return line_numbers


def mypy(folder: Path, *names: str) -> list[str]:
    """Return the error lines of mypy's report on these files or folders."""
    options = ["--strict", "--no-error-summary", "--config-file=", "--cache-dir=.mypy"]
    command = [sys.executable, "-m", "mypy", *options, *names]
    completed = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert completed.returncode in {0, 1}, completed.stderr
    return [line for line in completed.stdout.splitlines() if ": error:" in line]


def test_pyright_strict_reports_nothing_in_the_clients_and_a_correct_program(folder: Path) -> None:
    assert pyright(folder, "image_variations", "studio", "on_httpx2", "program.py") == {}


def test_mypy_strict_reports_nothing_in_a_correct_program(folder: Path) -> None:
    assert mypy(folder, "program.py") == []


def test_pyright_and_mypy_find_every_type_error_in_a_program(folder: Path) -> None:
    assert sorted(set(pyright(folder, "wrong.py")["wrong.py"])) == WRONG_LINES
    assert sorted({int(line.split(":")[1]) for line in mypy(folder, "wrong.py")}) == WRONG_LINES
