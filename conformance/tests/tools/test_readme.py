"""The examples in the README work as written, and its links lead somewhere."""

import re
import tomllib
from pathlib import Path

import image_variations
import pytest
from image_variations_conformance.media import png
from image_variations_conformance.reference.app.service import API_KEY
from image_variations_conformance.reference.app.serving import running
from image_variations_conformance.reference.variants import faulty
from PIL import Image
from releasing.inspection import links

ROOT = Path(__file__).parents[3]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PROGRAMS = re.findall(r"^```python\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
SHOWN_URL = "http://127.0.0.1:8000/v1"


def test_the_programs_of_the_readme_run_in_order_on_the_reference_server(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "photo.png").write_bytes(png.encode(Image.linear_gradient("L").convert("RGB")))
    with running(faulty(())) as server:
        assert API_KEY in README
        names: dict[str, object] = {}
        for program in PROGRAMS:
            assert SHOWN_URL in program
            exec(program.replace(SHOWN_URL, server.base_url), names)  # noqa: S102 - code from our own README
    sizes = {}
    for path in tmp_path.glob("variation*.png"):
        with Image.open(path) as picture:
            sizes[path.name] = picture.size
    assert sizes == {"variation-0.png": (512, 512), "variation-1.png": (512, 512), "variation.png": (1024, 1024)}
    assert capsys.readouterr().out.startswith("n n must be at most 10, not 11")


def test_every_error_named_in_the_readme_is_an_exception_of_the_package() -> None:
    for name in set(re.findall(r"\b[A-Z][A-Za-z]+Error\b", README)):
        assert issubclass(getattr(image_variations, name), image_variations.ImageVariationsError)


PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def test_the_links_of_the_readme_are_absolute_and_those_into_the_repository_lead_to_a_file() -> None:
    """The README is shown on pages of package indexes, where relative links lead nowhere."""
    repository = PROJECT["urls"]["Repository"]
    assert all(url.startswith(repository) for url in PROJECT["urls"].values())
    found = list(links(README))
    assert len(found) > 5
    for link in found:
        assert link.startswith("https://")
        path = re.fullmatch(rf"{re.escape(repository)}/(?:blob|tree)/main/(.*)", link)
        assert (ROOT / path[1]).exists() if path else "github" not in link


def test_the_readme_names_only_ways_to_install_that_work_without_a_package_index() -> None:
    installed = re.findall(r"pip install '([^']*)'", README)
    assert README.count("pip install") == len(installed)
    repository, version = PROJECT["urls"]["Repository"], PROJECT["version"]
    assert installed == [
        ".[conformance]",
        f"image-variations[conformance] @ git+{repository}",
        f"dist/image_variations-{version}-py3-none-any.whl[conformance]",
    ]
