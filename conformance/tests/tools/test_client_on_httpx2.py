"""The client generated for httpx2 passes the tests of the client."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from regeneration.__main__ import run

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[3]
TESTS = Path(__file__).parents[1] / "client"
# They test clients of other contracts, or what is done before a request or after a response.
_OF_NO_LIBRARY = ("json_service", "other_contract", "preflight", "reasons", "saving", "vendored")


def test_the_client_on_httpx2_passes_the_tests_of_the_client(tmp_path: Path) -> None:
    spec = ROOT / "spec" / "openapi.yaml"
    assert run(spec, tmp_path / "image_variations", check=False, http_library="httpx2") == 0
    completed = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "--numprocesses", "2", str(TESTS)),
            *(f"--ignore={TESTS / f'test_{name}.py'}" for name in _OF_NO_LIBRARY),
        ],
        cwd=ROOT,
        env={**os.environ, "CLIENT_UNDER_TEST": str(tmp_path), "HYPOTHESIS_PROFILE": "few"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert completed.returncode == 0, completed.stdout[-10_000:]
    assert f"client under test: {tmp_path / 'image_variations'}, on httpx2" in completed.stdout
