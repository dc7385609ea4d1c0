"""The sdist and the wheel, inspected and installed in an empty environment outside the checkout."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from python_environments import clean_variables
from releasing.artifacts import Artifact, build
from releasing.environments import create
from releasing.inspection import placeholders, problems
from releasing.trials import call_client, run_check

pytestmark = pytest.mark.slow

# The environment of the tests has no pip; the base interpreter has it.
PYTHON = f"{sys.base_prefix}/bin/python3"
VERSION = "9.9.9"
METADATA = """\
Metadata-Version: 2.4
Name: image-variations
Version: 9.9.9
License-Expression: MIT
License-File: LICENSE
Project-URL: Repository, https://git.example/x
Description-Content-Type: text/markdown

[a](https://a.org/) [b](docs/b.md) ![c](#c)
"""


@pytest.fixture(scope="module")
def artifacts(tmp_path_factory: pytest.TempPathFactory) -> list[Artifact]:
    """The sdist and the wheel."""
    return build(tmp_path_factory.mktemp("dist"), "sdist", "wheel")


def version_of(artifact: Artifact) -> str:
    return artifact.path.name.split("-")[1].removesuffix(".tar.gz")


def test_the_artifacts_have_what_they_need_and_nothing_else(artifacts: list[Artifact]) -> None:
    assert [problem for artifact in artifacts for problem in problems(artifact, version_of(artifact))] == []
    required = re.findall(rb"^Requires-Dist: ([\w-]+)[^;\n]*$", artifacts[1].metadata, re.MULTILINE)
    assert required == [b"anyio", b"attrs", b"httpcore", b"httpx"]


MISTAKES = {
    "tests/test_a.py": "tests/test_a.py does not belong in a wheel",
    "image_variations/__pycache__/a.pyc": "image_variations/__pycache__/a.pyc does not belong in a wheel",
    "setup.py": "setup.py is outside the packages image_variations and image_variations_conformance",
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_file_that_does_not_belong_in_the_wheel_is_named(artifacts: list[Artifact], name: str) -> None:
    wheel = Artifact(artifacts[1].path)
    wheel.files = {**wheel.files, name: b""}
    assert f"{wheel.path.name}: {MISTAKES[name]}" in list(problems(wheel, version_of(wheel)))


@pytest.mark.parametrize("name", ["image_variations/py.typed", "image_variations_conformance/spec/openapi.yaml"])
def test_a_file_that_is_missing_in_the_wheel_is_named(artifacts: list[Artifact], name: str) -> None:
    wheel = Artifact(artifacts[1].path)
    wheel.files = {each: content for each, content in wheel.files.items() if each != name}
    assert list(problems(wheel, version_of(wheel))) == [f"{wheel.path.name}: {name} is missing"]


def test_a_path_of_this_machine_is_found_in_every_artifact(artifacts: list[Artifact]) -> None:
    for original in artifacts:
        artifact = Artifact(original.path)
        artifact.files = {**artifact.files, "image_variations/a.py": f"'{Path.home()}/x'".encode()}
        found = list(problems(artifact, version_of(artifact)))
        assert found == [f"{artifact.path.name}: image_variations/a.py has the path {Path.home()} of this machine"]


def test_mistakes_of_the_metadata_are_named(artifacts: list[Artifact]) -> None:
    def found(metadata: str) -> set[str]:
        wheel = Artifact(artifacts[1].path)
        (name,) = (name for name in wheel.files if name.endswith("METADATA"))
        wheel.files = {**wheel.files, name: metadata.encode()}
        return {problem.partition(": ")[2].partition(", which")[0] for problem in problems(wheel, VERSION)}

    relative = {"the README has the link docs/b.md", "the README has the link #c"}
    assert found(METADATA) == relative
    assert found(METADATA.replace("9.9.9", "9.9.8")) == {*relative, "metadata: expected version 9.9.9, got 9.9.8"}
    without = METADATA.replace("License-File: LICENSE\n", "")
    assert found(without) == {*relative, "metadata: expected License-Expression MIT with License-File LICENSE"}
    assert any("MITT" in problem for problem in found(METADATA.replace("MIT", "MITT")))
    assert placeholders({"Repository": "https://git.example/x", "Issues": "https://a.org/"}) == [
        "Repository: https://git.example/x"
    ]


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A git repository with the code of scripts/release and what it reads, committed."""
    root, ignored = Path(__file__).parents[3], shutil.ignore_patterns("__pycache__")
    checkout = tmp_path / "checkout"
    shutil.copytree(root / "scripts/releasing", checkout / "scripts/releasing", ignore=ignored)
    for name in ("scripts/python_environments.py", "pyproject.toml", "CHANGELOG.md", ".gitignore"):
        shutil.copy(root / name, checkout / name)
    for name in ("README.md", "LICENSE", "CONTRIBUTING.md", "generated/client.py"):
        (checkout / name).parent.mkdir(exist_ok=True)
        (checkout / name).write_text("committed\n")
    git = ["git", "-C", str(checkout), "-c", "user.name=n", "-c", "user.email=e"]
    for arguments in (["init", "-q"], ["add", "."], ["commit", "-qm", "Release"]):
        subprocess.run([*git, *arguments], check=True)
    return checkout


def release(checkout: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-P", "-B", "-m", "releasing", "--dry-run", *arguments]
    environment = {**clean_variables(), "PYTHONPATH": str(checkout / "scripts")}
    return subprocess.run(command, capture_output=True, text=True, env=environment, check=False)


def test_files_that_are_not_committed_are_named_and_nothing_is_built(checkout: Path) -> None:
    (checkout / "generated/client.py").write_text("edited by hand\n")
    (checkout / "conformance").mkdir()
    (checkout / "conformance/notes.txt").touch()
    (checkout / "not-packaged.txt").touch()
    process = release(checkout)
    assert (process.returncode, process.stdout) == (2, "")
    assert process.stderr.splitlines() == [
        "scripts/release: these files would be packaged, and are not committed. Commit or remove them:",
        "   M generated/client.py",
        "  ?? conformance/notes.txt",
    ]
    assert not (checkout / "dist").exists()


def test_outside_a_git_checkout_nothing_is_built(checkout: Path) -> None:
    shutil.rmtree(checkout / ".git")
    process = release(checkout)
    assert (process.returncode, process.stdout) == (2, "")
    assert "scripts/release: expected a git checkout" in process.stderr
    assert "Traceback" not in process.stderr


def test_a_tag_that_the_project_is_not_ready_for_is_refused_before_anything_is_built(checkout: Path) -> None:
    process = release(checkout, "--tag", "v99.0.0")
    assert process.returncode == 1
    assert process.stdout.startswith("expected the tag v")
    assert "the project URL Repository: " in process.stdout
    assert not (checkout / "dist").exists()


def test_the_wheel_alone_is_the_client_and_the_command_vendor(artifacts: list[Artifact], tmp_path: Path) -> None:
    executables = create(tmp_path / "client", PYTHON, str(artifacts[1].path))
    code = "import image_variations, sys; print(image_variations.__version__, 'click' in sys.modules)"

    def run(*command: str | Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*map(str, command)], cwd=tmp_path, env=clean_variables(), capture_output=True, text=True, check=False
        )

    assert re.fullmatch(r"\d+\.\d+\.\d+ False\n", run(executables / "python", "-I", "-c", code).stdout)
    (tmp_path / "tree").mkdir()
    command = executables / "image-variations"
    assert [run(command, "vendor", "tree", *option).returncode for option in ((), ("--check",), ())] == [0, 0, 2]
    assert (tmp_path / "tree/image_variations/LICENSE").is_file()
    refused = run(command, "check", "--reference")
    assert refused.returncode == 2
    assert re.fullmatch(r"image-variations: the package click is missing\. Install it with: .*\n", refused.stderr)


def test_the_sdist_with_its_extra_runs_a_check_and_calls_a_server(artifacts: list[Artifact], tmp_path: Path) -> None:
    executables = create(tmp_path / "suite", PYTHON, f"{artifacts[0].path}[conformance]")
    (tmp_path / "work").mkdir()
    assert re.fullmatch(r"Conforms to contract [\d.]+\.", run_check(executables, tmp_path / "work"))
    assert call_client(executables, tmp_path / "work").startswith("2 images, ")
