"""The client that scripts/regenerate makes with a profile works with the reference server with that profile."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from image_variations_conformance.contract.document import load
from image_variations_conformance.contract.effective import apply
from image_variations_conformance.contract.profile import read
from image_variations_conformance.reference.app.service import API_KEY, Service
from image_variations_conformance.reference.app.serving import running
from image_variations_conformance.reference.app.variations import png
from PIL import Image
from regeneration.__main__ import command, run

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[3]
SPEC = ROOT / "spec" / "openapi.yaml"
PROGRAM = """
import json, sys
from profiled import Client, errors

base_url, key, fields = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])
client = Client(base_url=base_url, api_key=key) if key else Client(base_url=base_url)
response = client.images.create_variation(image=open("otter.png", "rb").read(), **fields)
items = [sorted(item.to_dict()) for item in response.data]
try:
    client.images.create_variation(image=b"no image", **fields)
except errors.InvalidRequestError as error:
    refused = "before it was sent"
try:
    client.with_options(preflight=False).images.create_variation(image=b"no image", **fields)
except errors.APIStatusError as error:
    refused += f", then with {error.status_code}"
print(json.dumps([items, refused]))
"""


@pytest.mark.parametrize("name", ["inferhub", "lemonade", "modelship", "stdapi", "xinference"])
def test_the_client_of_a_profile_works_with_a_server_with_the_profile(name: str, tmp_path: Path) -> None:
    contract = apply(load(), read(name))
    assert run(SPEC, tmp_path / "profiled", check=False, profile=name) == 0
    (tmp_path / "otter.png").write_bytes(png(Image.effect_noise((16, 16), 80).convert("RGB")))
    fields = {"model": contract.fields["model"]["enum"][0]} if "model" in contract.required_fields else {}
    with running(Service(contract=contract)) as server:
        key = API_KEY if contract.key_required else ""
        command_line = [sys.executable, "-c", PROGRAM, server.base_url, key, json.dumps(fields)]
        completed = subprocess.run(command_line, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert completed.returncode == 0, completed.stderr
    [status] = {*contract.statuses("wrong-image-kind").should} & {"400", "422"}
    refused = f"before it was sent, then with {status}"
    assert json.loads(completed.stdout) == [[[contract.defaults["response_format"]]], refused]


def test_the_stamp_names_the_profile_and_the_check_compares_with_it(tmp_path: Path) -> None:
    output = tmp_path / "profiled"
    assert run(SPEC, output, check=False, profile="easel") == 0
    assert f'PROFILE = "easel {read("easel").sha256}"' in (output / "_stamp.py").read_text()
    assert run(SPEC, output, check=True, profile="easel") == 0
    assert run(SPEC, output, check=True) == 1


@pytest.mark.parametrize("options", [["--profile", "easel"], ["--spec", str(ROOT / "pyproject.toml")]], ids=str)
def test_another_client_is_refused_without_a_folder_for_it(
    options: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        command(options, standalone_mode=False)
    assert ended.value.code == 2
    assert re.search("name the folder of (the|its) client with --output", capsys.readouterr().err)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("openapi.yaml", "expected requirements.yaml beside the document, since a profile changes both"),
        ("none.yaml", "none.yaml cannot be read: No such file"),
    ],
)
def test_a_profile_of_a_document_without_its_files_is_refused(
    tmp_path: Path, name: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "openapi.yaml").write_text(SPEC.read_text())
    assert run(tmp_path / name, tmp_path / "profiled", check=False, profile="easel") == 2
    assert message in capsys.readouterr().err


def test_a_wrong_profile_is_refused_with_its_file_and_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    profile = tmp_path / "mine.toml"
    profile.write_text("\nmax_n = 'many'")
    assert run(SPEC, tmp_path / "profiled", check=False, profile=str(profile)) == 2
    assert f"{profile}:2: max_n: expected a whole number" in capsys.readouterr().err
    assert not (tmp_path / "profiled").exists()
