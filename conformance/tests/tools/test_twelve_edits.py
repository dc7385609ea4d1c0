"""Each of twelve edits of the contract is expressed completely by the client, or refused by name, file and line.

An edit changes spec/openapi.yaml of a copy of the source tree, raises its version, and runs what `scripts/regenerate`
runs. The files of spec/ that still say the old are named too, so that nothing points at what is gone.
"""

import ast
import importlib
import inspect
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from attrs import field, frozen
from regeneration.__main__ import check_spec_files, run
from regeneration.marks import MarkedYaml
from regeneration.register import check_register

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[3]
POST = "/paths/~1images~1variations/post"
FIELDS = "/components/schemas/CreateImageVariationRequest/properties"


@frozen
class Edit:
    """Texts to replace, the problems that the files of spec/ have then, and those of the client.

    A problem is a file name and a part of the message; if there is none, the client is written, and `new` holds of it.
    """

    replaced: dict[str, str]
    of_spec: dict[str, str]
    of_client: dict[str, str] = field(factory=dict[str, str])
    new: Callable[[Any], bool] = lambda _: True


def arguments(package: Any) -> Any:
    return inspect.signature(package.Client(api_key="key").images.create_variation).parameters


def refused(package: Any, **values: Any) -> str | None:
    """Return the name of the argument that the client refuses before it sends anything, if it does."""
    try:
        package.CreateImageVariationRequest(image=b"", **values).check()
    except package.InvalidRequestError as error:
        return str(error.param)
    return None


SECOND_OPERATION = """\
  /models:
    get:
      operationId: listModels
      tags: [models]
      responses:
        "200":
          description: The models.
          content:
            application/json:
              schema:
                type: array
                items:
                  type: string
components:
"""
IMAGE = """\
        image:
          type: string
          format: binary
"""
IMAGES = """\
        image:
          oneOf:
            - {type: string, format: binary}
            - {type: array, items: {type: string, format: binary}}
"""
JSON_ANSWER = """\
            application/json:
              schema:
                $ref: "#/components/schemas/ImagesResponse"
"""
PNG_ANSWER = """\
            image/png:
              schema: {type: string, format: binary}
"""

EDITS = {
    "a field is added": Edit(
        {"        user:\n": "        seed:\n          type: integer\n          minimum: 7\n        user:\n"},
        {},
        new=lambda package: "seed" in arguments(package) and refused(package, seed=6) == "seed",
    ),
    "a field is renamed": Edit(
        {
            "        size:\n          $ref": "        side:\n          $ref",
            "                  size: 256": "                  side: 256",
        },
        {"requirements.yaml": "IV-SIZE-ENUM: evidence/accepts: the document has no field 'size'"},
        new=lambda package: "side" in arguments(package) and "size" not in arguments(package),
    ),
    "a field is removed": Edit(
        {'        size:\n          $ref: "#/components/schemas/ImageSize"\n': ""},
        {"requirements.yaml": "IV-SIZE-ENUM: evidence/accepts: the document has no field 'size'"},
        new=lambda package: "size" not in arguments(package),
    ),
    "an enum value is added": Edit(
        {"      enum: [256x256, 512x512, 1024x1024]\n": "      enum: [256x256, 512x512, 1024x1024, 2x2]\n"},
        {"reference-page.md": "size-values: expected"},
        new=lambda package: refused(package, size="2x2") is None,
    ),
    "an enum value is removed": Edit(
        {"      enum: [256x256, 512x512, 1024x1024]\n": "      enum: [256x256, 1024x1024]\n"},
        {"reference-page.md": "size-values: expected"},
        new=lambda package: refused(package, size="512x512") == "size",
    ),
    "a bound is changed": Edit(
        {"          maximum: 10\n": "          maximum: 9\n"},
        {"reference-page.md": "n-range: expected 10"},
        new=lambda package: refused(package, n=10) == "n",
    ),
    "a response is removed": Edit(
        {'        "415":\n          $ref: "#/components/responses/UnsupportedMediaType"\n': ""},
        {"readings.md": "invalid-request: /paths/~1images~1variations/post/responses/415"},
    ),
    "the security is changed": Edit(
        {"      type: http\n      scheme: bearer\n": "      type: apiKey\n      in: header\n      name: X-Key\n"},
        {"openapi.yaml": "/components/securitySchemes/bearerAuth: the client only sends a bearer token"},
        {"openapi.yaml": "/components/securitySchemes/bearerAuth: the client only sends a bearer token"},
    ),
    "a second operation is added": Edit(
        {"components:\n": SECOND_OPERATION},
        {"openapi.yaml": "/paths/~1models/get: the operation GET /models would not be judged by the suite"},
        new=lambda package: callable(package.Client(api_key="key").models.list_),
    ),
    "a file becomes a file or a list of files": Edit(
        {IMAGE: IMAGES},
        {"openapi.yaml": f"{FIELDS}/image/oneOf: a union with a file cannot be sent right"},
        {"openapi.yaml": f"{FIELDS}/image/oneOf: a union with a file cannot be sent right"},
    ),
    "a second media type is added": Edit(
        {JSON_ANSWER: PNG_ANSWER + JSON_ANSWER},
        {"openapi.yaml": f"{POST}/responses/200/content/application~1json: a response has one media type"},
        {"openapi.yaml": f"{POST}/responses/200/content/application~1json: a response has one media type"},
    ),
    "the title is changed": Edit({"title: Image variations": "title: Copies of pictures"}, {}),
    "the operation id is changed": Edit(
        {"createImageVariation": "varyImage"},
        {"reference-page.md": 'operation: expected "createImageVariation"'},
        new=lambda package: callable(package.Client(api_key="key").images.vary),
    ),
}


@pytest.fixture
def edited(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A source tree with copies of spec/ and docs/, edited, and with a new version."""
    for name in ("spec", "docs"):
        shutil.copytree(ROOT / name, tmp_path / name)
    spec = tmp_path / "spec" / "openapi.yaml"
    text = re.sub(r"^  version: .*$", "  version: 9.0.0", spec.read_text(), count=1, flags=re.MULTILINE)
    for old, new in EDITS[request.param].replaced.items():
        assert old in text
        text = text.replace(old, new, 1)
    spec.write_text(text)
    return tmp_path


def has_problems(stderr: str, problems: dict[str, str]) -> bool:
    return all(re.search(rf"{re.escape(name)}:[0-9]+: {re.escape(part)}", stderr) for name, part in problems.items())


@pytest.mark.parametrize(("edited", "name"), [(name, name) for name in EDITS], indirect=["edited"], ids=list(EDITS))
def test_the_files_of_spec_that_an_edit_leaves_behind_are_named(
    edited: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    before = {path: path.read_bytes() for path in edited.rglob("*") if path.is_file()}
    problems = EDITS[name].of_spec
    assert check_spec_files(edited) == (2 if problems else 0)
    assert has_problems(capsys.readouterr().err, {f"spec/{file}": part for file, part in problems.items()})
    if problems:
        assert {path: path.read_bytes() for path in edited.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize(("edited", "name"), [(name, name) for name in EDITS], indirect=["edited"], ids=list(EDITS))
def test_the_client_of_an_edit_has_all_of_it_or_is_refused(
    edited: Path, name: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    edit, package = EDITS[name], f"client_{list(EDITS).index(name)}"
    spec = edited / "spec" / "openapi.yaml"
    assert run(spec, edited / package, check=False) == (2 if edit.of_client else 0)
    assert has_problems(
        capsys.readouterr().err, {str(spec.with_name(file)): part for file, part in edit.of_client.items()}
    )
    assert (edited / package).exists() != bool(edit.of_client)
    if not edit.of_client:
        monkeypatch.syspath_prepend(edited)
        assert edit.new(importlib.import_module(package))


def test_the_removal_of_any_field_or_response_is_named(tmp_path: Path) -> None:
    document = MarkedYaml.read(ROOT / "spec" / "openapi.yaml").value
    fields = document["components"]["schemas"]["CreateImageVariationRequest"]["properties"]
    responses = document["paths"]["/images/variations"]["post"]["responses"]
    shutil.copytree(ROOT / "spec", tmp_path / "spec")
    unnamed = []
    for members in (fields, responses):
        for name in list(members):
            removed = members.pop(name)
            (tmp_path / "spec" / "openapi.yaml").write_text(yaml.safe_dump(document, sort_keys=False))
            if not check_register(tmp_path / "spec"):
                unnamed.append(name)
            members[name] = removed
    assert unnamed == []


class _WithoutDocstrings(ast.NodeTransformer):
    """Removes the docstrings of a module, of its classes and of its functions."""

    def generic_visit(self, node: ast.AST) -> ast.AST:
        super().generic_visit(node)
        body = getattr(node, "body", None)
        if isinstance(body, list) and isinstance(
            node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
        ):
            is_docstring = ast.get_docstring(node) is not None
            node.body = body[1:] if is_docstring else body
        return node


def _code(package: Path) -> dict[str, str]:
    modules = [path for path in package.rglob("*.py") if path.name != "_stamp.py"]
    trees = {path: _WithoutDocstrings().visit(ast.parse(path.read_text())) for path in modules}
    return {path.relative_to(package).as_posix(): ast.dump(tree) for path, tree in trees.items()}


def test_another_title_changes_no_file_but_the_stamp_and_docstrings(tmp_path: Path) -> None:
    text = (ROOT / "spec" / "openapi.yaml").read_text()
    (tmp_path / "openapi.yaml").write_text(text.replace("title: Image variations", "title: Copies of pictures"))
    assert run(tmp_path / "openapi.yaml", tmp_path / "image_variations", check=False) == 0
    assert _code(tmp_path / "image_variations") == _code(ROOT / "generated" / "image_variations")
