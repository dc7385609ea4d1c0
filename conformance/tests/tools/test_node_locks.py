"""The npm packages of the tests are locked by version and digest, and the locks name no server to get them from."""

import json
import re
import shutil
from pathlib import Path

import pytest
from support import node_packages
from support.node_packages import PROJECTS, node_modules

NAMES = sorted(path.name for path in PROJECTS.iterdir())


@pytest.mark.parametrize("name", NAMES)
def test_each_package_of_a_project_has_a_version_and_a_digest_and_no_address(name: str) -> None:
    text = (PROJECTS / name / "package-lock.json").read_text("utf-8")
    assert "://" not in text
    assert "resolved" not in text
    packages = json.loads(text)["packages"]
    wanted = json.loads((PROJECTS / name / "package.json").read_text("utf-8"))["dependencies"]
    assert packages.pop("") == {"dependencies": wanted}
    for package, version in wanted.items():
        assert packages[f"node_modules/{package}"]["version"] == version
    for package in packages.values():
        assert re.fullmatch(r"sha512-[A-Za-z0-9+/]{86}==", package["integrity"])
        assert re.fullmatch(r"\d+\.\d+\.\d+[\w.+-]*", package["version"])


@pytest.mark.slow
def test_a_package_with_another_digest_is_not_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(PROJECTS / "typescript", tmp_path / "projects/typescript")
    lock = tmp_path / "projects/typescript/package-lock.json"
    lock.write_text(re.sub("sha512-.{4}", "sha512-AAAA", lock.read_text("utf-8")))
    monkeypatch.setattr(node_packages, "PROJECTS", tmp_path / "projects")
    monkeypatch.setattr(node_packages, "_CACHE", tmp_path / "cache")
    with pytest.raises(RuntimeError, match=r"npm could not install typescript: .* but got sha512-"):
        node_modules("typescript")
    assert [path for path in (tmp_path / "cache").iterdir() if path.suffix not in {".lock", ".new"}] == []
