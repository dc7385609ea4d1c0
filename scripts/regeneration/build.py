"""Build the client package of a contract in a temporary folder, and verify it.

Each tool runs in a new process (`processes`), in the version that scripts/requirements.txt pins. So the same contract,
templates and pins give the same bytes on every machine.
"""

import hashlib
import json
import re
import shutil
import sys
import tempfile
import tomllib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path

from image_variations_conformance.contract.document import parse
from image_variations_conformance.contract.effective import apply
from image_variations_conformance.contract.profile import Profile, ProfileError
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from regeneration import layout
from regeneration.contents import differences, require_none_of
from regeneration.document import Document, read
from regeneration.facts import Facts, base_error, facts
from regeneration.layout import RUNTIME, TEMPLATES
from regeneration.mistakes import lowered_if_right
from regeneration.processes import PYTHON, output_of, require_success, run
from regeneration.refused import Refused

SCRIPTS = Path(__file__).parents[1]
CLIENT = "image_variations"  # the package that templates/runtime is written for
_CONFIG = SCRIPTS / "regeneration" / "generator.yaml"
REQUIREMENTS = SCRIPTS / "requirements.txt"
GENERATOR_NAME = "openapi-python-client"
_PINNED = (GENERATOR_NAME, "ruff")
DEFAULT_HTTP_LIBRARY = "httpx"
# The import statements that stand for those of httpx in the modules of the client.
HTTP_LIBRARIES: dict[str, dict[str, str]] = {
    "httpx": {},
    "httpx2": {"import httpx": "import httpx2 as httpx", "import httpcore": "import httpcore2 as httpcore"},
}

GENERATOR = (*PYTHON, str(Path(__file__).with_name("generator.py")))

# --no-respect-gitignore, because a .gitignore in a parent folder could exclude the package from ruff.
_RUFF_OPTIONS = (
    *("--isolated", "--no-cache", "--no-respect-gitignore", "--quiet"),
    *("--target-version", "py311", "--config", "line-length = 120"),
    # The templates end every list with a comma, whether or not it fits into a line.
    *("--config", "format.skip-magic-trailing-comma = true", "--config", "lint.isort.split-on-trailing-comma = false"),
)
# F401 and F811 remove the unused and repeated imports of the templates, and I sorts the rest. Other rules are off,
# because one of ruff's defaults, PYI036, changes `__exit__` so that `mypy --strict` reports it.
_RUFF_RULES = "F401,F811,I"

_TYPE_CACHE = Path(sys.prefix) / "mypy-cache"  # a new environment, with other versions, has a new one

HEAD = """\
# Written by scripts/regenerate of image-variations from an OpenAPI document; _stamp.py says from which. Do not edit it:
# change the document, or scripts/templates, and run scripts/regenerate again.
"""
_STAMP = '''\
"""The inputs that this package was generated from, compared by `scripts/regenerate --check`."""

VERSION = "{version}"
CONTRACT_VERSION = "{contract_version}"
SPEC_SHA256 = "{spec_sha256}"
PROFILE = "{profile}"
TEMPLATES_SHA256 = "{templates_sha256}"
GENERATOR = "{generator}"
FORMATTER = "{formatter}"
'''


def build(
    spec: Path,
    package: Path,
    *,
    profile: Profile | None = None,
    http_library: str = DEFAULT_HTTP_LIBRARY,
    generator: Sequence[str] = GENERATOR,
    generator_version: str | None = None,
) -> None:
    """Build the client of the contract in the file `spec` as the new folder `package`, and verify it.

    With a `profile`, it is the client of the contract as the profile changes it.

    The parent folder of `package` must be empty, because temporary files are written to it too. `http_library` is the
    HTTP library that the client imports. `generator` is the command line of the generator, which has the version
    `generator_version`, by default the pinned one.

    Raises `Refused` if the contract has a mistake, a tool fails, or the package fails verification.
    """
    _require_pinned_versions(generator_version)
    document = read(spec) if profile is None else _effective(spec, profile)
    client_version = _client_version(package.name, document)
    lowered = lowered_if_right(document, spec, is_as_written=profile is None)
    document_facts = facts(lowered, package.name, client_version)
    _generate(lowered, document_facts, package, generator)
    _add_runtime(package, document_facts, http_library)
    (package / "py.typed").touch()
    _stamp(package, spec, client_version, document["info"]["version"], profile)
    _format(package)
    expected = layout.expected_files(lowered)
    _verify_files(package, expected)
    with ThreadPoolExecutor() as pool:
        types = pool.submit(_verify_types, package)  # both take long, and are processes of their own
        found = differences(package, lowered, http_library)
        types.result()
    require_none_of(found)
    _verify_files(package, expected)  # again, because a tool may have left files behind


def pinned_version(name: str) -> str:
    """Return the version of the package `name` in scripts/requirements.txt. Raise `Refused` if it is not listed."""
    for line in REQUIREMENTS.read_text(encoding="utf-8").splitlines():
        if line.startswith(f"{name}=="):
            return line.removeprefix(f"{name}==").split()[0]
    raise Refused(f"scripts/requirements.txt has no pin of {name}.")


def _require_pinned_versions(tried: str | None) -> None:
    for name in _PINNED:
        installed = version(name)
        pinned = tried if tried is not None and name == GENERATOR_NAME else pinned_version(name)
        if installed != pinned:
            raise Refused(
                f"{name} {installed} is installed, but scripts/requirements.txt pins {pinned}, and another version "
                "generates different code. Run scripts/regenerate, which installs the pinned versions, "
                "instead of `python -m regeneration`."
            )


def _add_runtime(package: Path, document_facts: Facts, http_library: str) -> None:
    """Copy templates/runtime to the package, in place of the generator's modules of these names.

    In the copy, the base error has the name of the package, and `http_library` is imported. `_document.py`, which the
    copied modules import, is rendered.
    """
    for path in RUNTIME.glob("*.py"):
        text = path.read_text(encoding="utf-8").replace(base_error(CLIENT), base_error(package.name))
        for statement, other in HTTP_LIBRARIES[http_library].items():
            text = re.sub(rf"^( *){statement}$", rf"\g<1>{other}", text, flags=re.MULTILINE)
        (package / path.name).write_text(text, encoding="utf-8")
    environment = Environment(  # noqa: S701 - the output is Python, not HTML
        loader=FileSystemLoader(TEMPLATES), undefined=StrictUndefined
    )
    text = environment.get_template("_document.py.jinja").render(facts=document_facts)
    (package / "_document.py").write_text(text, encoding="utf-8")
    shutil.copyfile(SCRIPTS.parent / "LICENSE", package / "LICENSE")


def _generate(lowered: object, document_facts: Facts, package: Path, generator: Sequence[str]) -> None:
    source, fact_file = package.parent / "lowered.json", package.parent / "facts"
    source.write_text(json.dumps(lowered), encoding="utf-8")
    fact_file.write_text(repr(document_facts), encoding="utf-8")
    files = {"--path": source, "--output-path": package, "--config": _CONFIG, "--custom-template-path": TEMPLATES}
    paths = [str(part) for option in files.items() for part in option]
    command = [*generator, str(fact_file), "generate", "--meta", "none", "--fail-on-warning", *paths]
    completed = run(command, package.parent)
    require_success("The generator", completed)
    if completed.stderr.strip():
        warning = output_of(completed.stderr, completed.stdout)
        raise Refused(f"The generator warned, which can mean that a part of the client is missing: {warning}")
    if not package.is_dir():
        raise Refused("The generator exited with 0 but wrote nothing.")


def _format(package: Path) -> None:
    for path in package.rglob("*.py"):
        path.write_text(HEAD + path.read_text(encoding="utf-8"), encoding="utf-8")
    # The files are listed, because ruff excludes folders with names like `build` or `venv` from its own search.
    files = sorted(str(path.relative_to(package)) for path in package.rglob("*.py"))
    # ruff calls it unsafe to remove imports of an `__init__.py`, but ours name every re-export in `__all__`.
    init = ["--unsafe-fixes", "--config", "lint.ignore-init-module-imports = false"]
    fix = ["check", "--fix", *init, "--select", _RUFF_RULES, *_RUFF_OPTIONS]
    for command in (fix, ["format", *_RUFF_OPTIONS]):
        completed = run([*PYTHON, "-m", "ruff", *command, "--", *files], package)
        require_success("The formatter", completed)


def _effective(spec: Path, profile: Profile) -> Document:
    """Return the document of the contract as a profile changes it."""
    read(spec)  # which refuses what is no document
    register = spec.with_name("requirements.yaml")
    if not register.is_file():
        message = f"--profile: expected {register.name} beside the document, since a profile changes both; {register}"
        raise Refused(f"{message} is not there. Copy it, or leave out --profile.")
    contract = parse(spec.read_bytes(), register.read_bytes())
    try:
        return dict(apply(contract, profile).document)
    except ProfileError as error:
        raise Refused(str(error)) from None


def _client_version(package: str, document: Document) -> str:
    """Return the version of the distribution for its own client, and that of the contract for any other client."""
    if package != CLIENT:
        return str(document["info"]["version"])
    project = tomllib.loads((SCRIPTS.parent / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return str(project["version"])


def _stamp(package: Path, spec: Path, client_version: str, contract_version: str, profile: Profile | None) -> None:
    stamp = _STAMP.format(
        version=client_version,
        contract_version=contract_version,
        profile="none" if profile is None else f"{profile.name} {profile.sha256}",
        spec_sha256=_sha256(spec),
        templates_sha256=_inputs_sha256(),
        generator=f"{GENERATOR_NAME} {version(GENERATOR_NAME)}",
        formatter=f"ruff {version('ruff')}",
    )
    (package / layout.STAMP_FILE).write_text(stamp, encoding="utf-8")


def _inputs_sha256() -> str:
    """Return the SHA-256 of the names and digests of all templates and of the generator's configuration."""
    paths = [*sorted([*TEMPLATES.rglob("*.jinja"), *TEMPLATES.rglob("*.py")]), _CONFIG]
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
            f"The generated files are not those that the document calls for: {'; '.join(faults)}. If the generator "
            "dropped a part of the document, add a rewrite to scripts/regeneration/lowering.py."
        )


def _verify_types(package: Path) -> None:
    """Run mypy, with a copy of its cache, since other runs may use that too. It has what it knows of the libraries."""
    cache = package.parent / "mypy-cache"
    with suppress(OSError):
        shutil.copytree(_TYPE_CACHE, cache)
    # An empty --config-file disables configuration files.
    command = [*PYTHON, "-m", "mypy", "--strict", "--config-file=", f"--cache-dir={cache}", str(package)]
    require_success("Type-checking the generated package (mypy --strict)", run(command, package.parent))
    if not _TYPE_CACHE.exists():
        # Another run may be faster, and the environment may be one that cannot be written.
        with suppress(OSError), tempfile.TemporaryDirectory(prefix="mypy-cache-", dir=sys.prefix) as folder:
            shutil.copytree(cache, Path(folder) / "new").rename(_TYPE_CACHE)
