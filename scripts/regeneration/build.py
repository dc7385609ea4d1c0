"""Builds the client package of a contract in a folder aside, and verifies it.

Each tool runs as the version that scripts/requirements.txt pins, in a fresh process, out of reach of the configuration
and the environment variables around it. So the same contract, templates and pins give the same bytes anywhere.
"""

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from regeneration import layout, lint
from regeneration.document import read
from regeneration.facts import DEFAULT_HTTP_LIBRARY, Facts, facts
from regeneration.layout import RUNTIME_TEMPLATES, TEMPLATES
from regeneration.lowering import lower
from regeneration.refused import Refused

SCRIPTS = Path(__file__).parents[1]
_CONFIG = SCRIPTS / "regeneration" / "generator.yaml"
_REQUIREMENTS = SCRIPTS / "requirements.txt"
_GENERATOR_NAME = "openapi-python-client"
_PINNED = (_GENERATOR_NAME, "ruff")

_PYTHON = (sys.executable, "-I", "-B")  # -I: no PYTHON* variable, no user site, no current folder; -B: no __pycache__
GENERATOR = (*_PYTHON, "-m", "openapi_python_client")

# --no-respect-gitignore: a .gitignore above the package must not hide it from ruff.
_RUFF_OPTIONS = (
    *("--isolated", "--no-cache", "--no-respect-gitignore", "--quiet"),
    *("--target-version", "py311", "--config", "line-length = 120"),
)
# F401 and F811 drop the imports that the templates write without need or twice, I sorts the rest. No more than these:
# PYI036, one of ruff's defaults, changes `__exit__` so that `mypy --strict` refuses it.
_RUFF_RULES = "F401,F811,I"

_TRACEBACK = re.compile(r"^Traceback \(most recent call last\):\n(?: .*\n)+", re.MULTILINE)

_IMPORT_ALL = """
import importlib, sys
sys.path.insert(0, sys.argv[1])
for name in sys.argv[2:]:
    importlib.import_module(name)
"""

_STAMP = '''\
"""What this package was generated from. `scripts/regenerate --check` compares it with what it finds."""

CONTRACT_VERSION = "{contract_version}"
SPEC_SHA256 = "{spec_sha256}"
TEMPLATES_SHA256 = "{templates_sha256}"
GENERATOR = "{generator}"
FORMATTER = "{formatter}"
'''


def build(
    spec: Path, package: Path, *, http_library: str = DEFAULT_HTTP_LIBRARY, generator: Sequence[str] = GENERATOR
) -> None:
    """Build the client of the contract in the file `spec` as the new folder `package`, and verify it.

    The folder that `package` is to be in has to be empty; what the tools need on the way is put there too. The client
    is built on `http_library`. `generator` is the command that runs the generator. Raises `Refused` when anything is
    not as it must be.
    """
    _require_pinned_versions()
    document = read(spec)
    lint.require_sound(document, spec)
    lowered = lower(document)
    templates = package.parent / "templates"
    _put_facts(facts(lowered, http_library), templates)
    _generate(lowered, package, templates, generator)
    _render_runtime(package, templates)
    _format(package)
    (package / "py.typed").touch()
    _stamp(package, spec, contract_version=document["info"]["version"])
    expected = layout.expected_files(lowered)
    _verify_files(package, expected)
    _verify_imports(package)
    _verify_types(package)
    _verify_files(package, expected)  # once more: no tool may have left anything behind


def pinned_version(name: str) -> str:
    """The version of the distribution `name` in scripts/requirements.txt."""
    for line in _REQUIREMENTS.read_text(encoding="utf-8").splitlines():
        if line.startswith(f"{name}=="):
            return line.removeprefix(f"{name}==").split()[0]
    raise Refused(f"scripts/requirements.txt has no pin of {name}.")


def _require_pinned_versions() -> None:
    for name in _PINNED:
        installed, pinned = version(name), pinned_version(name)
        if installed != pinned:
            raise Refused(
                f"{name} {installed} is installed, but scripts/requirements.txt pins {pinned}, and another version "
                "writes another client. Run scripts/regenerate, which sets up the pinned ones, "
                "rather than the module by itself."
            )


def _put_facts(known: Facts, templates: Path) -> None:
    """Make the folder `templates`: ours, and one more that says the facts, as Python and Jinja2 both write them."""
    shutil.copytree(TEMPLATES, templates)
    (templates / "facts.jinja").write_text(f"{{% set facts = {known!r} %}}", encoding="utf-8")


def _render_runtime(package: Path, templates: Path) -> None:
    """Write the modules that are the same for any document, which the generator has no place for."""
    environment = Environment(  # noqa: S701 - what is rendered is Python, not HTML
        loader=FileSystemLoader(templates),
        undefined=StrictUndefined,
        keep_trailing_newline=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    for path in RUNTIME_TEMPLATES:
        text = environment.get_template(f"{path.parent.name}/{path.name}").render()
        (package / path.name.removesuffix(".jinja")).write_text(text, encoding="utf-8")


def _generate(lowered: object, package: Path, templates: Path, generator: Sequence[str]) -> None:
    source = package.parent / "lowered.json"
    source.write_text(json.dumps(lowered), encoding="utf-8")
    files = {"--path": source, "--output-path": package, "--config": _CONFIG, "--custom-template-path": templates}
    paths = [str(part) for option in files.items() for part in option]
    completed = _run([*generator, "generate", "--meta", "none", "--fail-on-warning", *paths], package.parent)
    _require_success("The generator", completed)
    if completed.stderr.strip():
        raise Refused(f"The generator warned, and a warning can be a part of the client lost: {_said(completed)}")
    if not package.is_dir():
        raise Refused("The generator ended well but wrote nothing.")


def _format(package: Path) -> None:
    # The files are named one by one: a folder is searched by ruff, which leaves out `build`, `venv` and the like.
    files = sorted(str(path.relative_to(package)) for path in package.rglob("*.py"))
    # Unsafe in general, as an import in an `__init__.py` may be there for others: ours say so by `__all__`.
    init = ["--unsafe-fixes", "--config", "lint.ignore-init-module-imports = false"]
    fix = ["check", "--fix", *init, "--select", _RUFF_RULES, *_RUFF_OPTIONS]
    for command in (fix, ["format", *_RUFF_OPTIONS]):
        completed = _run([*_PYTHON, "-m", "ruff", *command, "--", *files], package)
        _require_success("The formatter", completed)


def _stamp(package: Path, spec: Path, *, contract_version: str) -> None:
    stamp = _STAMP.format(
        contract_version=contract_version,
        spec_sha256=_sha256(spec),
        templates_sha256=_inputs_sha256(),
        generator=f"{_GENERATOR_NAME} {version(_GENERATOR_NAME)}",
        formatter=f"ruff {version('ruff')}",
    )
    (package / layout.STAMP_FILE).write_text(stamp, encoding="utf-8")


def _inputs_sha256() -> str:
    """Of the name and the digest of every template of ours and of the generator's configuration."""
    paths = [*sorted(TEMPLATES.rglob("*.jinja")), _CONFIG]
    lines = [f"{_sha256(path)}  {path.relative_to(SCRIPTS).as_posix()}\n" for path in paths]
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _verify_files(package: Path, expected: frozenset[str]) -> None:
    actual = {path.relative_to(package).as_posix() for path in package.rglob("*") if not path.is_dir()}
    faults = [f"{name} is missing" for name in sorted(expected - actual)]
    faults += [f"{name} was not expected" for name in sorted(actual - expected)]
    if faults:
        raise Refused(
            f"The generated files are not those that the document calls for: {'; '.join(faults)}. Where the generator "
            "loses a part of the document, scripts/regeneration/lowering.py has to rewrite it."
        )


def _verify_imports(package: Path) -> None:
    modules = (path.relative_to(package.parent).with_suffix("") for path in sorted(package.rglob("*.py")))
    names = [".".join(module.parts).removesuffix(".__init__") for module in modules]
    command = [*_PYTHON, "-W", "error", "-c", _IMPORT_ALL, str(package.parent), *names]
    _require_success("Importing the generated package", _run(command, package.parent))


def _verify_types(package: Path) -> None:
    # An empty --config-file means none at all, and the null device no cache.
    command = [*_PYTHON, "-m", "mypy", "--strict", "--config-file=", f"--cache-dir={os.devnull}", str(package)]
    _require_success("Type-checking the generated package (mypy --strict)", _run(command, package.parent))


def _run(command: Sequence[str], folder: Path) -> subprocess.CompletedProcess[str]:
    environment = {name: os.environ[name] for name in ("HOME", "LANG", "PATH", "TMPDIR") if name in os.environ}
    environment["TYPER_STANDARD_TRACEBACK"] = "1"  # of the generator, in place of a drawn one
    return subprocess.run(  # noqa: S603 - the command is ours, its paths are the user's own
        command,
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        encoding="utf-8",
        errors="replace",
        check=False,
    )


def _require_success(what: str, completed: subprocess.CompletedProcess[str]) -> None:
    if completed.returncode != 0:
        raise Refused(f"{what} failed (exit code {completed.returncode}): {_said(completed)}")


def _said(completed: subprocess.CompletedProcess[str]) -> str:
    """What the command said, of a Python traceback only the error that it ends with."""
    said = "\n".join(text.strip() for text in (completed.stderr, completed.stdout) if text.strip())
    return _TRACEBACK.sub("", said) or "it said nothing."
