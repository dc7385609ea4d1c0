"""Tests of `scripts/regenerate`: it is atomic and reproducible, and its gate refuses a broken client.

The gate is tested with broken generators: small programs that write a correct client and then do one thing wrong.
"""

import os
import shutil
import signal
import stat
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol

import pytest
from regeneration import build as build_module
from regeneration.__main__ import command, run
from regeneration.build import HEAD
from regeneration.check import compare

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[3]
SPEC = ROOT / "spec" / "openapi.yaml"
MUSEUM = Path(__file__).parents[1] / "contracts" / "museum.yaml"
COMMITTED = ROOT / "generated" / "image_variations"

Tree = dict[str, bytes]


class MakeGenerator(Protocol):
    """Return the command line of a generator that writes a correct client and then runs the Python code `lines`."""

    def __call__(self, lines: str = "") -> list[str]: ...


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The client regenerated from the contract by the real generator."""
    output = tmp_path_factory.mktemp("built") / "image_variations"
    assert run(SPEC, output, check=False) == 0
    return output


@pytest.fixture
def client(built: Path, tmp_path: Path) -> Path:
    """A copy of the built client, which a test regenerates."""
    return Path(shutil.copytree(built, tmp_path / "image_variations"))


@pytest.fixture
def make_generator(built: Path, tmp_path: Path) -> MakeGenerator:
    def make(lines: str = "") -> list[str]:
        program = f"""
            import os, pathlib, shutil, signal, sys, time
            package = pathlib.Path(sys.argv[sys.argv.index("--output-path") + 1])
            shutil.copytree({str(built)!r}, package, ignore=shutil.ignore_patterns("py.typed", "_stamp.py", "LICENSE"))
            for path in package.rglob("*.py"):
                path.write_text(path.read_text().removeprefix({HEAD!r}))
        """
        path = tmp_path / "generator.py"
        path.write_text(textwrap.dedent(program) + textwrap.dedent(lines))
        return [sys.executable, str(path)]

    return make


def tree(folder: Path) -> Tree:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def regeneration(*arguments: object, folder: Path = ROOT, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the command that `scripts/regenerate` runs, without setting up its environment."""
    return subprocess.run(
        [sys.executable, "-P", "-B", "-m", "regeneration", *map(str, arguments)],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT / "scripts"), **environment},
        capture_output=True,
        text=True,
        check=False,
    )


# --- the written client


def test_the_committed_client_matches_the_contract() -> None:
    completed = regeneration("--check")
    assert completed.stdout == "generated/image_variations is in step with spec/openapi.yaml.\n", completed.stderr
    assert (completed.returncode, completed.stderr) == (0, "")


def test_a_rebuilt_client_has_the_same_bytes_as_the_committed_one(built: Path) -> None:
    committed = {name: content for name, content in tree(COMMITTED).items() if "__pycache__" not in name}
    assert tree(built) == committed


def test_configuration_files_near_the_target_and_environment_variables_do_not_change_the_result(
    built: Path, tmp_path: Path
) -> None:
    # ruff excludes folders called `build` by default.
    project = tmp_path / "build" / "venv"
    project.mkdir(parents=True)
    (tmp_path / "ruff.toml").write_text(
        'line-length = 60\n[format]\nquote-style = "single"\n[lint]\nselect = ["ALL"]\n'
    )
    (project / "pyproject.toml").write_text('[tool.ruff]\ninclude = []\n[tool.mypy]\npython_version = "3.99"\n')
    (project / "mypy.ini").write_text("[mypy]\nfiles = nowhere\ndisallow_any_expr = True\n")
    (tmp_path / ".gitignore").write_text("*\n")
    (tmp_path / ".git").mkdir()
    for name in ("types", "attrs", "sitecustomize"):
        (project / f"{name}.py").write_text("raise SystemExit('a module of the user was run')\n")
    output = project / "vendor" / "image_variations"
    completed = regeneration("--output", output, folder=project, MYPYPATH=str(project), RUFF_OUTPUT_FORMAT="json")
    assert completed.returncode == 0, completed.stderr
    assert tree(output) == tree(built)
    assert list(output.parent.iterdir()) == [output]


def test_another_contract_can_be_generated(tmp_path: Path) -> None:
    assert run(MUSEUM, tmp_path / "museum", check=False) == 0
    assert 'CONTRACT_VERSION = "2.5.0"\n' in (tmp_path / "museum" / "_stamp.py").read_text()


def test_the_old_client_is_replaced_completely(client: Path, built: Path, make_generator: MakeGenerator) -> None:
    (client / "models" / "gone.py").write_text("")
    (client / "client.py").write_text("edited by hand\n")
    assert run(SPEC, client, check=False, generator=make_generator()) == 0
    assert tree(client) == tree(built)


# --- another version of the generator


def test_a_generator_that_does_not_fit_is_refused_with_what_to_do_and_nothing_is_changed(client: Path) -> None:
    before = tree(client)
    completed = regeneration("--generator-version", "0.29.0", "--output", client)
    if "cannot be installed" in completed.stderr:
        pytest.skip(completed.stderr)
    assert (completed.returncode, completed.stdout) == (2, "")
    assert "openapi-python-client 0.29.0 cannot be used as it is: ModuleNotFoundError" in completed.stderr
    for place in ("scripts/regeneration/generator.py", "scripts/templates", "pyproject.toml", "scripts/lock"):
        assert place in completed.stderr
    assert tree(client) == before


def test_the_pinned_generator_named_as_another_version_only_compares(client: Path) -> None:
    (client / "client.py").write_text("edited by hand\n")
    completed = regeneration(
        "--generator-version", build_module.pinned_version("openapi-python-client"), "--output", client
    )
    assert completed.returncode == 1
    assert "changed: client.py" in completed.stdout
    assert (client / "client.py").read_text() == "edited by hand\n"


@pytest.mark.parametrize("version", ["../x", "latest", "0.29.1; rm"])
def test_what_is_not_a_version_of_the_generator_is_refused(version: str) -> None:
    completed = regeneration("--generator-version", version)
    assert (completed.returncode, completed.stdout) == (2, "")
    assert "is not a version such as" in completed.stderr


# --- the gate

BROKEN_GENERATORS = {
    "drops an endpoint": (
        'os.remove(package / "api" / "images" / "create_image_variation.py")',
        "api/images/create_image_variation.py is missing",
    ),
    "drops a model": ('os.remove(package / "models" / "image.py")', "models/image.py is missing"),
    "writes nothing": ("shutil.rmtree(package)", "wrote nothing"),
    "writes an empty folder": ("shutil.rmtree(package); package.mkdir()", "client.py is missing"),
    "writes an extra file": ('(package / "notes.txt").touch()', "notes.txt was not expected"),
    "leaves a hidden cache behind": (
        '(package / ".cache").mkdir(); (package / ".cache" / "x").touch()',
        ".cache/x was not expected",
    ),
    "writes a syntax error": ('(package / "client.py").write_text("class :\\n")', "The formatter failed"),
    "writes a module that cannot be imported": (
        '(package / "client.py").write_text("from .nowhere import it\\n\\n__all__ = [\\"it\\"]\\n")',
        "Importing the generated package failed",
    ),
    "writes a module that warns when imported": (
        '(package / "client.py").write_text("import warnings\\n\\nwarnings.warn(\\"old\\")\\n")',
        "UserWarning: old",
    ),
    "writes a type error": (
        'with (package / "client.py").open("a") as file: file.write("NUMBER: int = \\"no\\"\\n")',
        "mypy --strict) failed",
    ),
    "warns and exits with 0": ('print("WARNING: a part is left out", file=sys.stderr)', "a part is left out"),
    "crashes": (
        'raise ValueError("Duplicate key A_B")',
        "scripts/regenerate: The generator failed (exit code 1): ValueError: Duplicate key A_B\n",
    ),
    "exits with 1": ('print("cannot", file=sys.stderr); sys.exit(1)', "(exit code 1): cannot"),
    "is killed": ("os.kill(os.getpid(), signal.SIGKILL)", "The generator failed (exit code -9)"),
}


@pytest.mark.parametrize(("lines", "message"), BROKEN_GENERATORS.values(), ids=BROKEN_GENERATORS)
def test_a_broken_generator_is_refused_and_the_old_client_is_kept(
    client: Path, make_generator: MakeGenerator, capsys: pytest.CaptureFixture[str], lines: str, message: str
) -> None:
    (client / "client.py").write_text("the old client\n")
    old = tree(client)
    generator = make_generator(lines)
    before = sorted(client.parent.iterdir())
    assert run(SPEC, client, check=False, generator=generator) == 2
    stderr = capsys.readouterr().err
    assert message in stderr
    assert stderr.startswith("scripts/regenerate: ")
    assert "Traceback" not in stderr
    assert tree(client) == old
    assert sorted(client.parent.iterdir()) == before


def test_another_version_of_the_generator_is_refused(
    client: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(build_module, "version", lambda name: "0.28.0" if name == "openapi-python-client" else "?")
    assert run(SPEC, client, check=False) == 2
    stderr = capsys.readouterr().err
    assert "openapi-python-client 0.28.0 is installed, but scripts/requirements.txt pins 0.29.1" in stderr
    assert "Run scripts/regenerate" in stderr


def test_a_version_whose_client_is_refused_is_not_recorded(monkeypatch: pytest.MonkeyPatch) -> None:
    steps: list[str] = []

    def step(name: str, code: int) -> Callable[..., int]:
        def run_step(*_: object, **__: object) -> int:
            steps.append(name)
            return code

        return run_step

    monkeypatch.setattr("regeneration.__main__.check_spec_files", step("check", 0))
    monkeypatch.setattr("regeneration.__main__.run", step("client", 2))
    monkeypatch.setattr("regeneration.__main__.derive_spec_files", step("versions", 0))
    with pytest.raises(SystemExit, match="2"):
        command([], standalone_mode=False)
    assert steps == ["check", "client"]


def test_a_mistake_in_the_contract_is_reported_and_nothing_is_generated(client: Path, tmp_path: Path) -> None:
    spec = tmp_path / "openapi.yaml"
    spec.write_text(SPEC.read_text().replace("maximum: 10", "maxmum: 10"))
    line = spec.read_text().splitlines().index("          maxmum: 10") + 1
    old = tree(client)
    completed = regeneration("--spec", spec, "--output", client)
    assert completed.returncode == 2
    assert completed.stderr == (
        f"scripts/regenerate: {spec} has 1 mistake:\n  {spec}:{line}: "
        "/components/schemas/CreateImageVariationRequest/properties/n/maxmum: "
        "no schema has the keyword 'maxmum'; did you mean 'maximum'?\n"
    )
    assert tree(client) == old


@pytest.mark.parametrize(
    ("name", "message"),
    [
        *((name, "cannot be the name of a Python package") for name in ("image-variations", "3d", "a b", "class")),
        *((name, "would import the client in its place; name another") for name in ("json", "attrs")),
    ],
)
def test_a_folder_name_that_cannot_be_a_package_name_is_refused(
    tmp_path: Path, name: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(SPEC, tmp_path / name, check=False) == 2
    assert message in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_was_not_written_by_regeneration_is_never_replaced(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "cat.png").touch()
    assert run(SPEC, tmp_path / "photos", check=False) == 2
    assert "was not written by scripts/regenerate" in capsys.readouterr().err
    assert tree(tmp_path) == {"photos/cat.png": b""}


def test_a_folder_that_cannot_be_written_is_reported_without_a_traceback(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    assert run(SPEC, tmp_path / "file" / "client", check=False) == 2
    assert capsys.readouterr().err.startswith("scripts/regenerate: ")


def test_the_exit_code_is_2_for_invalid_arguments() -> None:
    completed = regeneration("--nonsense")
    assert completed.returncode == 2
    assert "No such option" in completed.stderr


# --- interruptions


@pytest.fixture
def running_regeneration(
    client: Path, make_generator: MakeGenerator, tmp_path: Path
) -> Iterator[subprocess.Popen[str]]:
    """A run of the regeneration whose generator has written half of the client and sleeps."""
    flag = tmp_path / "half-way"
    generator = make_generator(f'shutil.rmtree(package / "models"); open({str(flag)!r}, "w"); time.sleep(60)')
    program = (
        "from pathlib import Path; from regeneration.__main__ import *; end_on_signals(); "
        f"sys.exit(run(Path({str(SPEC)!r}), Path({str(client)!r}), check=False, generator={generator!r}))"
    )
    process = subprocess.Popen(
        [sys.executable, "-B", "-c", program],
        env={**os.environ, "PYTHONPATH": str(ROOT / "scripts")},
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        while not flag.exists():
            assert process.poll() is None
            time.sleep(0.02)
        yield process
        process.kill()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_the_run_and_keeps_the_old_client_and_leaves_no_temporary_files(
    client: Path, running_regeneration: subprocess.Popen[str], number: signal.Signals
) -> None:
    old = tree(client)
    running_regeneration.send_signal(number)
    _, stderr = running_regeneration.communicate(timeout=10)
    assert (running_regeneration.returncode, stderr) == (128 + number, "")
    assert tree(client) == old
    assert not list(client.parent.glob(".*"))


def test_a_killed_run_keeps_the_old_client_and_the_next_run_succeeds(
    client: Path, built: Path, running_regeneration: subprocess.Popen[str], make_generator: MakeGenerator
) -> None:
    old = tree(client)
    running_regeneration.kill()
    running_regeneration.wait(timeout=10)
    assert tree(client) == old
    (client / "client.py").unlink()
    assert run(SPEC, client, check=False, generator=make_generator()) == 0
    assert tree(client) == tree(built)


@pytest.mark.parametrize("broken", [False, True])
def test_after_a_kill_between_the_two_renames_the_next_run_restores_or_replaces_the_old_client(
    client: Path, built: Path, make_generator: MakeGenerator, *, broken: bool
) -> None:
    (client / "client.py").write_text("the old client\n")
    old = tree(client)
    program = f"""
        import os, pathlib, signal
        from image_variations_conformance.vendoring.swap import replace

        rename = pathlib.Path.rename
        def rename_and_die(path, target):
            rename(path, target)
            os.kill(os.getpid(), signal.SIGKILL)
        pathlib.Path.rename = rename_and_die

        client = pathlib.Path({str(client)!r})
        replace(client, pathlib.Path.mkdir)
    """
    killed = subprocess.run(
        [sys.executable, "-B", "-c", textwrap.dedent(program)],
        env={**os.environ, "PYTHONPATH": str(ROOT / "scripts")},
        check=False,
    )
    assert killed.returncode == -signal.SIGKILL
    assert not client.exists()
    assert run(SPEC, client, check=False, generator=make_generator("sys.exit(1)" if broken else "")) == 2 * broken
    assert tree(client) == (old if broken else tree(built))


# --- the check


def test_the_check_finds_a_changed_description_and_prints_the_difference_and_the_command_to_fix_it(
    client: Path, tmp_path: Path
) -> None:
    spec = tmp_path / "openapi.yaml"
    spec.write_text(SPEC.read_text().replace("The new images.", "All the new images."))
    old = tree(client)
    completed = regeneration("--check", "--spec", spec, "--output", client)
    lines = completed.stdout.splitlines()
    assert (completed.returncode, completed.stderr) == (1, "")
    assert lines[:3] == [
        f"{client} is out of step with {spec}:",
        "  changed: _stamp.py",
        "  changed: models/images_response.py",
    ]
    assert '-    """The new images.' in lines
    assert '+    """All the new images.' in lines
    assert lines[-1] == f"Update it with: scripts/regenerate --spec {spec} --output {client}"
    assert tree(client) == old

    assert regeneration(*lines[-1].split()[4:]).returncode == 0
    assert '"""All the new images.' in (client / "models" / "images_response.py").read_text()


def test_the_check_finds_changed_missing_and_extra_files_and_ignores_compiled_files(
    client: Path, make_generator: MakeGenerator, capsys: pytest.CaptureFixture[str]
) -> None:
    (client / "types.py").write_text("")
    (client / "errors.py").unlink()
    (client / "models" / "cat.png").write_bytes(b"\x89PNG\r\n")
    (client / "api" / "__pycache__").mkdir()
    (client / "api" / "__pycache__" / "x.pyc").touch()
    assert run(SPEC, client, check=True, generator=make_generator()) == 1
    lines = capsys.readouterr().out.splitlines()
    assert [line for line in lines if line.startswith("  ") and ": " in line][:3] == [
        "  missing: errors.py",
        "  extra: models/cat.png",
        "  changed: types.py",
    ]
    assert not [line for line in lines if "pycache" in line]


def test_the_check_of_a_client_that_does_not_exist_reports_every_file_as_missing(
    tmp_path: Path, built: Path, make_generator: MakeGenerator, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(SPEC, tmp_path / "nowhere" / "image_variations", check=True, generator=make_generator()) == 1
    stdout = capsys.readouterr().out
    assert [name for name in tree(built) if f"  missing: {name}\n" not in stdout] == []
    assert not (tmp_path / "nowhere").exists()


def test_a_long_diff_is_truncated_and_the_omitted_lines_are_counted(tmp_path: Path) -> None:
    for name, text in (("old", "a\n"), ("new", "b\n")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").write_text(text * 150)
    report = compare(tmp_path / "old", tmp_path / "new")
    # One line names the file and one counts the rest. The diff has 303 lines: 3 of header, 150 removed, 150 added.
    assert len(report) == 1 + 200 + 1
    assert report[-1] == "... and 103 more lines of differences, left out here"


# --- the script


def test_the_script_sets_up_the_environment_and_passes_on_its_arguments_in_any_working_folder(tmp_path: Path) -> None:
    scripts, programs = tmp_path / "a b" / "scripts", tmp_path / "a b" / ".venv" / "bin"
    elsewhere = tmp_path / "elsewhere"
    for folder in (scripts, programs, elsewhere):
        folder.mkdir(parents=True)
    shutil.copy(ROOT / "scripts" / "regenerate", scripts)
    for path, line in ((scripts / "setup", "echo set up"), (programs / "python", 'echo "$PYTHONPATH" "$@"; exit 7')):
        path.write_text(f"#!/usr/bin/env bash\n{line}\n")
        path.chmod(stat.S_IRWXU)
    completed = subprocess.run(
        [scripts / "regenerate", "--spec", "my file"], cwd=elsewhere, capture_output=True, text=True, check=False
    )
    assert completed.stdout == f"set up\n{scripts} -P -B -m regeneration --spec my file\n"
    assert completed.returncode == 7


@pytest.mark.parametrize(
    ("arguments", "passed_on"),
    [
        ("", "--reference"),
        ("--seed 1", "--reference --seed 1"),
        ("--reference --seed 1", "--reference --seed 1"),
        ("--seed 1 http://127.0.0.1:8000/v1", "--seed 1 http://127.0.0.1:8000/v1"),
        ("127.0.0.1:8000", "127.0.0.1:8000"),
        ("--app app:app", "--app app:app"),
    ],
)
def test_conform_checks_the_reference_server_where_no_other_is_named(
    tmp_path: Path, arguments: str, passed_on: str
) -> None:
    scripts, programs = tmp_path / "scripts", tmp_path / ".venv" / "bin"
    for folder in (scripts, programs):
        folder.mkdir(parents=True)
    shutil.copy(ROOT / "scripts" / "conform", scripts)
    for path in (scripts / "setup", scripts / "regenerate", programs / "image-variations"):
        path.write_text('#!/usr/bin/env bash\necho "${0##*/} $*"\n')
        path.chmod(stat.S_IRWXU)
    completed = subprocess.run([scripts / "conform", *arguments.split()], capture_output=True, text=True, check=True)
    assert completed.stdout.splitlines()[-1] == f"image-variations check {passed_on}"


def test_the_help_lists_every_option() -> None:
    stdout = regeneration("--help").stdout
    assert [option for parameter in command.params for option in parameter.opts if option not in stdout] == []
