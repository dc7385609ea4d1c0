"""`image-variations vendor`: writes the client, finds what was edited or is behind, and never loses an edit."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from image_variations_conformance.reference.app.service import API_KEY
from image_variations_conformance.reference.app.serving import running
from image_variations_conformance.reference.app.variations import png
from image_variations_conformance.reference.variants import faulty
from image_variations_conformance.vendoring.comparison import compare
from image_variations_conformance.vendoring.files import digest, read_files
from image_variations_conformance.vendoring.manifest import MANIFEST_FILE, Manifest
from image_variations_conformance.vendoring.source import IMPORTED, Client
from PIL import Image
from support.installation import ROOT, Installation


@pytest.fixture
def installation(tmp_path: Path) -> Installation:
    return Installation(tmp_path / "site")


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Somebody's source tree."""
    tree = tmp_path / "tree"
    tree.mkdir()
    return tree


@pytest.fixture
def vendored(installation: Installation, tree: Path) -> Path:
    """A vendored client `iv`."""
    assert installation.call("vendor", tree, "--package", "iv").returncode == 0
    return tree / "iv"


def check(installation: Installation, package: Path, option: str = "--check") -> tuple[int, list[str]]:
    """Run the command with this option on a vendored client. Return the exit code, and the lines that it printed."""
    process = installation.call("vendor", ".", "--package", package.name, option, cwd=package.parent)
    assert process.stderr == ""
    return process.returncode, process.stdout.splitlines()


def recorded(package: Path, **values: str) -> None:
    """Change what the manifest of a vendored client records."""
    path = package / MANIFEST_FILE
    path.write_text(json.dumps({**json.loads(path.read_text()), **values}))


def test_a_vendored_client_has_the_files_of_the_installed_one_the_license_and_a_manifest(
    installation: Installation, vendored: Path
) -> None:
    present = read_files(vendored)
    manifest = json.loads(present.pop(MANIFEST_FILE) or b"")
    assert present.pop("LICENSE") == (ROOT / "LICENSE").read_bytes()
    assert present == {name: content for name, content in read_files(installation.client).items() if name != "LICENSE"}
    assert set(manifest["files"]) == {*present, "LICENSE"}
    assert [path.name for path in vendored.parent.iterdir()] == ["iv"]
    assert check(installation, vendored)[0] == 0


def test_a_client_that_is_behind_is_found_by_file_and_updated(installation: Installation, vendored: Path) -> None:
    with (installation.client / "client.py").open("a") as file:
        file.write("# changed\n")
    (installation.client / "models/added.py").write_text("")
    (installation.client / "_json.py").unlink()
    before = read_files(vendored)
    code, (_, *lines, last) = check(installation, vendored)
    assert code == 1
    assert lines == [
        "  behind   _json.py (removed)",
        "  behind   client.py (changed)",
        "  behind   models/added.py (new)",
    ]
    assert last == "Update it with: image-variations vendor . --package iv --update"
    assert read_files(vendored) == before
    code, lines = check(installation, vendored, "--update")
    assert (code, lines[1:]) == (0, ["  removed  _json.py", "  changed  client.py", "  new      models/added.py"])
    assert check(installation, vendored)[0] == 0
    assert (vendored / "models/added.py").exists()
    assert not (vendored / "_json.py").exists()


@pytest.mark.parametrize("is_behind", [False, True], ids=["in step", "behind"])
def test_an_edited_client_is_found_and_not_updated_and_the_diff_is_shown(
    installation: Installation, vendored: Path, is_behind: bool
) -> None:
    (vendored / "errors.py").write_text((vendored / "errors.py").read_text() + "é = 1\n")
    (vendored / "notes.txt").write_text("mine")
    if is_behind:
        (installation.client / "errors.py").write_text("")
    before = read_files(vendored)
    code, (_, *lines, last) = check(installation, vendored)
    assert code == 1
    assert lines[:2] == ["  edited   errors.py", "  extra    notes.txt"]
    assert lines[2:] == (["  behind   errors.py (changed)"] if is_behind else [])
    assert last.endswith("--package iv --update")
    code, shown = check(installation, vendored, "--update")
    assert code == 1
    assert "+é = 1" in shown
    assert "notes.txt: not a file of the client; move it elsewhere" in shown
    unknown = any("errors.py: its text as vendored is not known here" in line for line in shown)
    assert unknown == is_behind
    assert any(line.startswith("--- errors.py as vendored") for line in shown) == (not is_behind)
    assert sum(line.startswith(("+", "-")) for line in shown) == 3 or is_behind
    assert read_files(vendored) == before


def test_a_diff_is_printed_where_the_terminal_lacks_its_characters(installation: Installation, vendored: Path) -> None:
    (vendored / "errors.py").write_text("é\n", "utf-8")
    process = installation.call("vendor", vendored.parent, "--package", "iv", "--update", encoding="ascii")
    assert "+\\xe9" in process.stdout.splitlines()
    assert (process.returncode, process.stderr) == (1, "")


def test_an_update_restores_a_missing_file(installation: Installation, vendored: Path) -> None:
    (vendored / "py.typed").unlink()
    code, lines = check(installation, vendored)
    assert (code, lines[1]) == (1, "  missing  py.typed")
    assert check(installation, vendored, "--update")[0] == 0
    assert (vendored / "py.typed").exists()


def test_line_ends_and_bytecode_are_no_edits(installation: Installation, vendored: Path) -> None:
    """As git checks it out on Windows, and as an import leaves it."""
    git = ["git", "-C", str(vendored.parent), "-c", "core.autocrlf=true", "-c", "user.name=n", "-c", "user.email=e"]
    for arguments in (["init", "-q"], ["add", "."], ["commit", "-qm", "Vendor"]):
        subprocess.run([*git, *arguments], check=True, capture_output=True)
    shutil.rmtree(vendored)
    subprocess.run([*git, "checkout", "-q", "."], check=True)
    assert b"\r\n" in (vendored / "client.py").read_bytes()
    subprocess.run([sys.executable, "-m", "compileall", "-q", "iv"], cwd=vendored.parent, check=True)
    assert (vendored / "__pycache__").is_dir()
    assert check(installation, vendored)[0] == 0
    assert check(installation, vendored, "--update")[0] == 0


def test_links_and_pipes_among_the_files_are_found_and_not_read(installation: Installation, vendored: Path) -> None:
    shutil.move(vendored / "client.py", vendored.parent / "client.py")
    (vendored / "client.py").symlink_to("../client.py")
    (vendored / "linked").symlink_to(vendored.parent)
    os.mkfifo(vendored / "pipe")
    code, lines = check(installation, vendored)
    assert (code, lines[1:4]) == (1, ["  edited   client.py", "  extra    linked", "  extra    pipe"])
    assert "client.py: no regular file" in check(installation, vendored, "--update")[1]


@pytest.mark.parametrize("version", [{"distribution": "99.0.0"}, {"contract": "99.0.0"}], ids=str)
def test_a_client_of_a_newer_release_or_a_newer_contract_is_not_replaced(
    installation: Installation, vendored: Path, version: dict[str, str]
) -> None:
    recorded(vendored, **version)
    (installation.client / "client.py").write_text("")
    before = read_files(vendored)
    for option in ("--check", "--update"):
        code, (line,) = check(installation, vendored, option)
        assert code == 1
        assert line.endswith("install the newer one.")
    assert read_files(vendored) == before


REFUSED = {
    "DEST is missing": (["nowhere"], "expected an existing folder"),
    "DEST is a file": (["file"], "expected an existing folder"),
    "a keyword": ([".", "--package", "class"], "expected the name of a Python package"),
    "a dotted name": ([".", "--package", "a.b"], "expected the name of a Python package"),
    "a path": ([".", "--package", "../iv"], "expected the name of a Python package"),
    "an empty name": ([".", "--package", ""], "expected the name of a Python package"),
    "a name of the standard library": ([".", "--package", "types"], "expected a name that Python and the packages"),
    "a name of a dependency": ([".", "--package", "attr"], "expected a name that Python and the packages"),
    "a special name": ([".", "--package", "__init__"], "expected a name that Python and the packages"),
    "another folder": ([".", "--package", "other"], "exists, and this command did not write it"),
    "another folder, --update": ([".", "--package", "other", "--update"], "has no client that this command wrote"),
    "a file in the way": ([".", "--package", "file"], "exists, and this command did not write it"),
    "a symbolic link": ([".", "--package", "link"], "is a symbolic link"),
    "a broken link": ([".", "--package", "broken"], "is a symbolic link"),
    "vendored already": ([".", "--package", "iv"], "Bring it up to date with: image-variations vendor . --package iv"),
    "inside a client": (["iv/models"], "is inside a client"),
    "nothing to check": ([".", "--check"], "Write it with: image-variations vendor ."),
    "no manifest": ([".", "--package", "damaged", "--check"], "is not as it was written"),
    "a profile": ([".", "--package", "new", "--profile", "xinference"], "in a checkout"),
    "no DEST": ([], "required: DEST"),
    "an empty DEST": ([""], "expected a folder of your source tree, got an empty text"),
    "a name that is too long": ([".", "--package", "a" * 300], "File name too long"),
    "both": ([".", "--check", "--update"], "not allowed with"),
    "read-only": (["/sys", "--package", "new"], "/sys/.new.writing-"),
}


@pytest.mark.parametrize(("arguments", "message"), REFUSED.values(), ids=list(REFUSED))
def test_what_cannot_be_written_is_refused_in_a_sentence(
    installation: Installation, vendored: Path, tree: Path, arguments: list[str], message: str
) -> None:
    (tree / "other").mkdir()
    (tree / "file").touch()
    (tree / "link").symlink_to("iv")
    (tree / "broken").symlink_to("nowhere")
    (tree / "damaged").mkdir()
    (tree / "damaged" / MANIFEST_FILE).write_text("<<<<<<< ours")
    before = read_files(tree)
    process = installation.call("vendor", *arguments, cwd=tree)
    assert process.returncode == 2
    assert message in process.stderr.splitlines()[-1]
    assert "Traceback" not in process.stderr
    assert process.stdout == ""
    assert read_files(tree) == before
    assert vendored.is_dir()


def test_the_edits_of_the_client_of_a_profile_are_found_where_it_cannot_be_generated(
    installation: Installation, vendored: Path
) -> None:
    recorded(vendored, profile="easel")
    (vendored / "client.py").write_text("")
    process = installation.call("vendor", ".", "--package", "iv", "--check", cwd=vendored.parent)
    assert (process.returncode, process.stdout.splitlines()[1]) == (1, "  edited   client.py")
    assert process.stderr.endswith(
        "in a checkout: scripts/setup, then .venv/bin/image-variations vendor … --profile easel\n"
    )


def test_the_client_of_a_profile_is_checked_by_version_where_it_cannot_be_generated(
    installation: Installation, vendored: Path
) -> None:
    recorded(vendored, profile="../mine.toml")
    code, (line,) = check(installation, vendored)
    assert (code, "profile ../mine.toml, wrote it. That version is installed." in line) == (0, True)
    recorded(vendored, contract="0.9.0")
    process = installation.call("vendor", ".", "--package", "iv", "--check", cwd=vendored.parent)
    assert (process.returncode, "contract 0.9.0" in process.stdout) == (1, True)
    assert "in a checkout" in process.stderr
    assert installation.call("vendor", ".", "--package", "iv", "--update", cwd=vendored.parent).returncode == 2


def test_profile_none_stands_for_no_profile(installation: Installation, vendored: Path) -> None:
    recorded(vendored, profile="easel")
    for option in ("--check", "--update"):
        process = installation.call("vendor", vendored.parent, "--package", "iv", "--profile", "none", option)
        assert (process.returncode, process.stderr) == (0, "")


PROGRAM = """
import sys
sys.modules["image_variations"] = None  # makes importing it an error
sys.path.insert(0, sys.argv[1])
from acme.iv import Client

with Client(base_url=sys.argv[2], api_key=sys.argv[3]) as client:
    print(len(client.images.create_variation(image=sys.argv[1] + "/in.png", n=2, size="256x256").data))
"""

IMPORTS = """
import asyncio, sys
from image_variations import AsyncClient, Client

options = {"base_url": sys.argv[1], "api_key": sys.argv[2]}
with Client(**options) as client:
    client.images.create_variation(image="in.png")

async def call():
    async with AsyncClient(**options) as client:
        await client.images.create_variation(image="in.png")

asyncio.run(call())
print(*{name.partition(".")[0] for name in sys.modules} - sys.stdlib_module_names)
"""


def test_every_package_that_a_call_of_the_client_imports_is_a_refused_name(tree: Path) -> None:
    (tree / "in.png").write_bytes(png(Image.new("RGB", (64, 64), "navy")))
    with running(faulty(())) as server:
        command = [sys.executable, "-I", "-c", IMPORTS, server.base_url, API_KEY]
        process = subprocess.run(command, capture_output=True, text=True, check=True, cwd=tree)
    imported = {name for name in process.stdout.split() if not name.startswith("_")}
    assert imported - IMPORTED == {"image_variations"}


@pytest.mark.slow
def test_a_vendored_client_calls_a_server_and_passes_mypy_strict(installation: Installation, tree: Path) -> None:
    (tree / "acme").mkdir()
    (tree / "acme/__init__.py").touch()
    assert installation.call("vendor", tree / "acme", "--package", "iv").returncode == 0
    (tree / "in.png").write_bytes(png(Image.new("RGB", (64, 64), "navy")))
    with running(faulty(())) as server:
        command = [sys.executable, "-I", "-c", PROGRAM, str(tree), server.base_url, API_KEY]
        process = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tree)
    assert (process.stdout, process.stderr) == ("2\n", "")
    command = [sys.executable, "-m", "mypy", "--strict", "--cache-dir", str(tree / ".mypy"), "-p", "acme"]
    process = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tree)
    assert process.stdout.startswith("Success: no issues found in")


@pytest.mark.slow
def test_the_client_of_a_profile_is_vendored_in_a_checkout_and_checked_from_any_folder(tree: Path) -> None:
    (tree / "mine.toml").write_text("max_n = 4\n")

    def vendor(cwd: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "image_variations_conformance", "vendor", *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=False, cwd=cwd)

    process = vendor(tree, ".", "--package", "iv", "--profile", "mine.toml")
    assert (process.returncode, process.stderr) == (0, "")
    assert json.loads((tree / "iv" / MANIFEST_FILE).read_text())["profile"] == "../mine.toml"
    process = vendor(tree.parent, "tree", "--package", "iv", "--check")
    assert (process.returncode, process.stderr) == (0, "")
    (tree / "mine.toml").write_text("max_n = 5\n")
    process = vendor(tree.parent, "tree", "--package", "iv", "--check")
    assert process.returncode == 1
    assert "behind" in process.stdout
    process = vendor(tree, ".", "--package", "iv", "--profile", "nobody", "--update")
    assert process.returncode == 2
    assert process.stderr.startswith("image-variations vendor: --profile: nobody is neither a file nor the name")


NAMES = st.sampled_from("abcdef")
FILES = st.dictionaries(NAMES, st.binary(max_size=3))


def manifest(files: dict[str, bytes]) -> Manifest:
    return Manifest("1", "1", None, {name: digest(content) for name, content in files.items()})


@given(written=FILES, present=FILES, installed=FILES)
def test_every_difference_of_content_is_reported_once_and_no_other(
    written: dict[str, bytes], present: dict[str, bytes], installed: dict[str, bytes]
) -> None:
    def differing(first: dict[str, bytes], second: dict[str, bytes]) -> set[str]:
        texts = [{name: data.replace(b"\r\n", b"\n") for name, data in files.items()} for files in (first, second)]
        return {name for name in {*first, *second} if texts[0].get(name) != texts[1].get(name)}

    found = compare(manifest(written), present, Client(installed, manifest(installed)))
    assert set(found.edits) == differing(written, present)
    assert set(found.changes) == differing(written, installed)
    assert {name for name, how in found.edits.items() if how == "missing"} == set(written) - set(present)
    assert set(found.lost_by_update) == set(found.edits) & set(present)
