"""What must hold of the files and the metadata of an sdist and a wheel."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from markdown_it import MarkdownIt
from packaging.metadata import InvalidMetadata, Metadata

from releasing.artifacts import ROOT, Artifact

PACKAGES = ("image_variations", "image_variations_conformance")
NEEDED = (
    "image_variations/py.typed",
    "image_variations_conformance/py.typed",
    "image_variations_conformance/spec/openapi.yaml",
    "image_variations_conformance/spec/requirements.yaml",
    "image_variations_conformance/reports/report.schema.json",
)
_UNWANTED = re.compile(r"(^|/)(__pycache__|\.git|\.cache|\.venv|tests)/|\.pyc$|(^|/)\.env$")
_NOT_IN_SDIST = re.compile(_UNWANTED.pattern.replace("|tests", ""))
_RESERVED = re.compile(r"https?://[^/]*\.(example|test|invalid)(/|$)")


def problems(artifact: Artifact, version: str) -> Iterator[str]:
    """Yield a sentence for each mistake in an artifact of this version of the project."""
    name = artifact.path.name
    found = _wheel_problems(artifact) if artifact.is_wheel else _sdist_problems(artifact)
    for problem in (*found, *_path_problems(artifact), *_metadata_problems(artifact.metadata, version)):
        yield f"{name}: {problem}"


def placeholders(urls: Mapping[str, str]) -> list[str]:
    """Return the project URLs on hosts that no one can have."""
    return [f"{label}: {url}" for label, url in urls.items() if _RESERVED.match(url)]


def links(markdown: str) -> Iterator[str]:
    """Yield the target of each link and image of a Markdown text."""
    for block in MarkdownIt().parse(markdown):
        for token in block.children or ():
            for attribute in ("href", "src"):
                if attribute in token.attrs:
                    yield str(token.attrs[attribute])


def _wheel_problems(wheel: Artifact) -> Iterator[str]:
    if not wheel.path.name.endswith("-py3-none-any.whl"):
        yield "expected a wheel for any platform, py3-none-any"
    for name in wheel.files:
        top = name.split("/", 1)[0]
        if top not in PACKAGES and not top.endswith(".dist-info"):
            yield f"{name} is outside the packages {' and '.join(PACKAGES)}"
        if _UNWANTED.search(name):
            yield f"{name} does not belong in a wheel"
    for name in NEEDED:
        if name not in wheel.files:
            yield f"{name} is missing"
    if not any(name.endswith(".dist-info/licenses/LICENSE") for name in wheel.files):
        yield "the license file is missing"


def _sdist_problems(sdist: Artifact) -> Iterator[str]:
    for name in ("LICENSE", "README.md", "CHANGELOG.md", "pyproject.toml", "spec/openapi.yaml", "scripts/regenerate"):
        if name not in sdist.files:
            yield f"{name} is missing"
    for name in sdist.files:
        if _NOT_IN_SDIST.search(name):
            yield f"{name} does not belong in an sdist"


def _path_problems(artifact: Artifact) -> Iterator[str]:
    for place in {ROOT, Path.home()} - {Path("/")}:
        pattern = re.compile(re.escape(str(place).encode()) + rb"(?![\w-])")
        for name, content in artifact.files.items():
            if pattern.search(content):
                yield f"{name} has the path {place} of this machine"


def _metadata_problems(content: bytes, version: str) -> Iterator[str]:
    try:
        metadata = Metadata.from_email(content)
    except ExceptionGroup as group:
        for error in group.exceptions:
            field = f"{error.field}: " if isinstance(error, InvalidMetadata) else ""
            yield f"metadata: {field}{error}"
        return
    if str(metadata.version) != version:
        yield f"metadata: expected version {version}, got {metadata.version}"
    if metadata.license_expression != "MIT" or metadata.license_files != ["LICENSE"]:
        yield "metadata: expected License-Expression MIT with License-File LICENSE"
    if metadata.description_content_type != "text/markdown" or not metadata.description:
        yield "metadata: expected a description in text/markdown"
    for link in links(metadata.description or ""):
        if not link.startswith("https://"):
            yield f"the README has the link {link}, which leads nowhere on the page of an index; write it with https://"
