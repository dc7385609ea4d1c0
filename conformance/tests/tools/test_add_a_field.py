"""The steps of "How to add a field" in CONTRIBUTING.md work as written, on a copy of the source tree."""

import importlib
import re
import shutil
from email.parser import BytesParser
from pathlib import Path

import httpx
import pytest
from image_variations_conformance.contract.document import parse
from image_variations_conformance.media import png
from image_variations_conformance.reference.app.service import API_KEY, Service
from image_variations_conformance.reference.app.serving import running
from PIL import Image
from regeneration.__main__ import check_spec_files, derive_spec_files, run

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
SECTION = PAGE.partition("## How to add a field\n")[2].partition("\n## ")[0]
FIELD, CALL = re.findall(r"^\n((?:        .*\n)+)", SECTION, re.MULTILINE)
LINE = "      properties:\n"


def test_a_field_is_added_by_the_steps_of_the_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("spec", "docs"):
        shutil.copytree(ROOT / name, tmp_path / name)
    spec = tmp_path / "spec" / "openapi.yaml"
    # Step 1: the line that the page names, and the field below it.
    before, schema, after = spec.read_text().partition("    CreateImageVariationRequest:\n")
    assert LINE.rstrip("\n") in SECTION
    spec.write_text(before + schema + after.replace(LINE, LINE + FIELD, 1))
    # Without step 2, the version is refused.
    assert check_spec_files(tmp_path) == 2
    assert re.search(r"spec/openapi\.yaml:\d+: .*raise info\.version", capsys.readouterr().err)
    # Step 2.
    major, minor, patch = re.search(r"^  version: (\d+)\.(\d+)\.(\d+)$", spec.read_text(), re.MULTILINE).groups()  # type: ignore[union-attr]
    raised = f"{major}.{int(minor) + 1}.0"
    spec.write_text(spec.read_text().replace(f"  version: {major}.{minor}.{patch}\n", f"  version: {raised}\n", 1))
    # Step 3.
    assert check_spec_files(tmp_path) == 0
    assert run(spec, tmp_path / "with_a_seed", check=False) == 0
    assert capsys.readouterr().out.endswith("with_a_seed is written from " + str(spec) + ".\n")
    assert derive_spec_files(tmp_path, check=False) == 0
    assert f"{raised}:" in (tmp_path / "spec" / "versions.yaml").read_text()

    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.chdir(tmp_path)
    package = importlib.import_module("with_a_seed")
    (tmp_path / "photo.png").write_bytes(png.encode(Image.new("RGB", (8, 8))))
    contract = parse(spec.read_bytes(), (spec.parent / "requirements.yaml").read_bytes())
    sent: list[dict[str, object]] = []
    with (
        running(Service(contract=contract)) as server,
        httpx.Client(event_hooks={"request": [lambda request: sent.append(_fields(request))]}) as http,
        package.Client(api_key=API_KEY, base_url=server.base_url, http_client=http) as client,
    ):
        exec(CALL.strip(), {"client": client})  # noqa: S102 - code from our own page
        assert sent[0]["seed"] == b"7"
        for beyond in (-1, 4294967296):
            with pytest.raises(package.InvalidRequestError, match="seed must be"):
                client.images.create_variation(image="photo.png", seed=beyond)
            with pytest.raises(package.BadRequestError, match="seed"):
                client.with_options(preflight=False).images.create_variation(image="photo.png", seed=beyond)


def _fields(request: httpx.Request) -> dict[str, object]:
    head = f"Content-Type: {request.headers['content-type']}\r\n\r\n".encode()
    parts = BytesParser().parsebytes(head + request.read()).walk()
    return {str(part.get_param("name", header="content-disposition")): part.get_payload(decode=True) for part in parts}
