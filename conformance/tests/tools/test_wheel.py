"""The wheel in an empty environment outside the checkout: the client alone, and the suite with its extra."""

import os
import re
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = folder.glob("*.whl")
    return wheel


def test_the_wheel_has_the_two_packages_and_their_data_files_and_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        metadata = archive.read(next(name for name in names if name.endswith("METADATA"))).decode()
    tops = {re.sub(r"-\d.*", "", name.split("/")[0]) for name in names}
    assert tops == {"image_variations", "image_variations_conformance"}
    for name in (
        "image_variations/py.typed",
        "image_variations_conformance/py.typed",
        "image_variations_conformance/spec/openapi.yaml",
        "image_variations_conformance/spec/requirements.yaml",
        "image_variations_conformance/reports/report.schema.json",
    ):
        assert name in names
    required = [line for line in metadata.splitlines() if line.startswith("Requires-Dist") and "extra" not in line]
    assert [re.split(r"[<>=]", line.split()[1])[0] for line in required] == ["attrs", "httpx"]


def _environment(folder: Path, *requirements: str) -> Path:
    """Create an environment with these requirements at our pinned versions. Return its folder of executables."""
    venv.create(folder, with_pip=False)
    pins = re.findall(r"^[\w.-]+==\S+", (ROOT / "scripts/requirements.txt").read_text(), re.MULTILINE)
    (folder / "pins.txt").write_text("\n".join(pins))
    pip = [sys.executable, "-m", "pip"]
    if subprocess.run([*pip, "--version"], capture_output=True, check=False).returncode:
        # The environment of the tests may lack pip; the base interpreter has it.
        pip = [f"{sys.base_prefix}/bin/python3", "-m", "pip"]
    command = [*pip, "--python", str(folder / "bin/python"), "install", "-qq", "--constraint", str(folder / "pins.txt")]
    subprocess.run([*command, *requirements], check=True, cwd=folder, capture_output=True)
    return folder / "bin"


def test_the_client_works_with_the_wheel_alone(wheel: Path, tmp_path: Path) -> None:
    python = _environment(tmp_path / "client", str(wheel)) / "python"
    code = "import image_variations, sys; print(image_variations.__version__, 'click' in sys.modules)"
    process = subprocess.run([python, "-I", "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert re.fullmatch(r"\d+\.\d+\.\d+ False\n", process.stdout)


def test_the_suite_runs_a_check_if_the_wheel_is_installed_with_its_extra(wheel: Path, tmp_path: Path) -> None:
    command = _environment(tmp_path / "suite", f"{wheel}[conformance]") / "image-variations"
    environment = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
    process = subprocess.run(
        [command, "check", "--reference", "--seed", "1"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert process.returncode == 0
    # On a slow machine the check reports its progress.
    assert re.fullmatch(r"(\d+ of \d+ sent, next is [\w-]+\n)*", process.stderr)
    assert process.stdout.splitlines()[-1] == "Conforms to contract 1.1.0."
