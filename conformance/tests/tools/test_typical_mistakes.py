"""Typical mistakes in spec/openapi.yaml are found by a named check, with file and line, before anything is written."""

import re
import shutil
from collections.abc import Iterator
from copy import deepcopy
from itertools import cycle
from pathlib import Path
from typing import Any

import pytest
from regeneration.__main__ import check_spec_files, run
from regeneration.document import NodePath, read
from regeneration.mistakes import mistakes
from regeneration.register import check_register

ROOT = Path(__file__).parents[3]
REQUEST = "/components/schemas/CreateImageVariationRequest"
POST = "/paths/~1images~1variations/post"

LIBRARY = Path(__file__).parents[1] / "contracts" / "library.yaml"
COPY = """\
  /copies:
    get:
      operationId: createImageVariation
      responses:
        "204":
          description: Made.
"""

# What stands in the document, what is written instead, the text of the line that is named, the check, and the message.
MISTAKES: dict[str, tuple[str, str, str, str, str]] = {
    "a misspelt keyword": (
        "          maximum: 10\n",
        "          maxmum: 10\n",
        "          maxmum: 10",
        "document",
        f"{REQUEST}/properties/n/maxmum: no schema has the keyword 'maxmum'; did you mean 'maximum'?",
    ),
    "a misspelt name of a required field": (
        "      required: [image]\n",
        "      required: [imgae]\n",
        "      required: [imgae]",
        "document",
        f"{REQUEST}/required/0: no property is called 'imgae'; did you mean 'image'?",
    ),
    "a reference to nothing": (
        '          $ref: "#/components/schemas/ImageSize"\n',
        '          $ref: "#/components/schemas/ImageSzie"\n',
        '          $ref: "#/components/schemas/ImageSzie"',
        "document",
        f"{REQUEST}/properties/size/$ref: '#/components/schemas/ImageSzie' points to nothing in this document",
    ),
    "a type that does not exist": (
        "        n:\n          type: integer\n",
        "        n:\n          type: int\n",
        "          type: int",
        "document",
        f'{REQUEST}/properties/n/type: "int" is no type; the types are array, boolean, integer, null, number, object, '
        "string; did you mean 'integer'?",
    ),
    "a null without quotes among the types": (
        '          type: [string, "null"]\n',
        "          type: [string, null]\n",
        "          type: [string, null]",
        "document",
        '/components/schemas/ErrorObject/properties/param/type/1: without quotes, null is no text; write "null"',
    ),
    "a misspelt format": (
        "          format: binary\n",
        "          format: bniary\n",
        "          format: bniary",
        "document",
        f"{REQUEST}/properties/image/format: there is no format 'bniary'; did you mean 'binary'?",
    ),
    "an empty enum": (
        "      enum: [url, b64_json]\n",
        "      enum: []\n",
        "      enum: []",
        "document",
        "/components/schemas/ImageResponseFormat/enum: the enum is empty, so that no value is valid; list the values",
    ),
    "a nullable text of OpenAPI 3.0": (
        "        user:\n          type: string\n",
        "        user:\n          type: string\n          nullable: true\n",
        "          nullable: true",
        "document",
        f"{REQUEST}/properties/user/nullable: OpenAPI 3.1 has no keyword 'nullable'; write type: [string, \"null\"]",
    ),
    "an exclusive bound of OpenAPI 3.0": (
        "          minimum: 1\n",
        "          minimum: 1\n          exclusiveMinimum: true\n",
        "          exclusiveMinimum: true",
        "document",
        f"{REQUEST}/properties/n/exclusiveMinimum: this is OpenAPI 3.0; write exclusiveMinimum: 1 in place of minimum "
        "and this",
    ),
    "a status without quotes": (
        '        "200":\n',
        "        200:\n",
        "      responses:",
        "document",
        f"{POST}/responses: the key 200 is not a string; put it in quotes",
    ),
    "a default that is no value of the enum": (
        "      default: 1024x1024\n",
        "      default: 1024\n",
        "      default: 1024",
        "document",
        "/components/schemas/ImageSize/default: the schema does not allow this value",
    ),
    "a value twice in an enum": (
        "      enum: [url, b64_json]\n",
        "      enum: [url, b64_json, url]\n",
        "      enum: [url, b64_json, url]",
        "document",
        '/components/schemas/ImageResponseFormat/enum/2: the enum has "url" twice',
    ),
    "an example of a response with a wrong value": (
        "                    created: 1589478378\n",
        "                    created: yesterday\n",
        "                    created: yesterday",
        "document",
        f"{POST}/responses/200/content/application~1json/examples/url/value/created: the schema does not allow this "
        'value: "yesterday" is not of type "integer"',
    ),
    "an example of a request with a wrong value": (
        "                  n: 2\n",
        "                  n: 20\n",
        "                  n: 20",
        "document",
        f"{POST}/requestBody/content/multipart~1form-data/examples/all-fields/value/n: the schema does not allow this "
        "value: 20 is greater than the maximum of 10",
    ),
    "an example of an error with a misspelt name": (
        "              message: n must be",
        "              mesage: n must be",
        "              mesage: n must be between 1 and 10, not 11.",
        "document",
        "/components/responses/BadRequest/content/application~1json/example/error/mesage: the schema does not allow "
        "this value: \"message\" is a required property; did you mean it by 'mesage'?",
    ),
    "a reference of a schema to itself": (
        "    ImageSize:\n",
        '    Loop:\n      $ref: "#/components/schemas/Loop"\n    ImageSize:\n',
        '      $ref: "#/components/schemas/Loop"',
        "document",
        "/components/schemas/Loop/$ref: a schema that refers only to itself says nothing",
    ),
    "bounds that contradict each other": (
        "          minimum: 1\n          maximum: 10\n",
        "          minimum: 11\n          maximum: 10\n",
        "          minimum: 11",
        "document",
        f"{REQUEST}/properties/n/minimum: no value is valid: minimum 11 is more than maximum 10",
    ),
    "a bound of another type": (
        "          maximum: 10\n",
        "          maximum: 10\n          maxLength: 2\n",
        "          maxLength: 2",
        "document",
        f"{REQUEST}/properties/n/maxLength: 'maxLength' is about values of type string",
    ),
    "a misspelt security scheme": (
        "        - bearerAuth: []\n",
        "        - bearerAut: []\n",
        "        - bearerAut: []",
        "document",
        f"{POST}/security/0/bearerAut: there is no security scheme 'bearerAut', but bearerAuth",
    ),
    "a key twice": (
        "          maximum: 10\n",
        "          maximum: 10\n          maximum: 11\n",
        "          maximum: 11",
        "duplicate",
        f"{REQUEST}/properties/n/maximum: this key is there twice; remove one",
    ),
    "a value of YAML 1.2 alone": (
        "          maximum: 10\n",
        "          maximum: 1e1\n",
        "          maximum: 1e1",
        "scalar",
        f"{REQUEST}/properties/n/maximum: YAML 1.1 and 1.2 read 1e1 differently; quote a text, write a number in plain",
    ),
    "a value of YAML 1.1 alone": (
        "      default: url\n",
        "      default: 16:9\n",
        "      default: 16:9",
        "scalar",
        "/components/schemas/ImageResponseFormat/default: YAML 1.1 and 1.2 read 16:9 differently",
    ),
    "words of YAML 1.1 in an enum": (
        "      enum: [url, b64_json]\n",
        "      enum: [on, off]\n",
        "      enum: [on, off]",
        "scalar",
        "/components/schemas/ImageResponseFormat/enum/1: YAML 1.1 and 1.2 read off differently",
    ),
    "a word of YAML 1.1 for an object": (
        "info:\n",
        "info: on\nx-info:\n",
        "info: on",
        "scalar",
        "/info: YAML 1.1 and 1.2 read on differently",
    ),
    "a bracket that is not closed": (
        "      enum: [url, b64_json]\n      default",
        "      enum: [url, b64_json\n      default",
        "      default: url",
        "yaml",
        "not YAML: did not find expected ',' or ']'",
    ),
    "a misspelt extension": (
        "          x-image:\n",
        "          x-imgae:\n",
        "          x-imgae:",
        "document",
        f"{REQUEST}/properties/image/x-imgae: there is no extension 'x-imgae'; did you mean 'x-image'?",
    ),
    "a parameter of the path that is not described": (
        "  /images/variations:\n",
        "  /images/{kind}:\n",
        "    post:",
        "document",
        "/paths/~1images~1{kind}/post: the path has a parameter 'kind' that is not described; add it",
    ),
    "a member of the operation that does not exist": (
        "      summary: Create",
        "      sumary: Create",
        "      sumary: Create image variations",
        "document",
        f"{POST}/sumary: no operation has the key 'sumary'; did you mean 'summary'?",
    ),
    "a status with a letter": (
        '        "404":\n',
        '        "4O4":\n',
        '        "4O4":',
        "document",
        f"{POST}/responses/4O4: '4O4' is no status, which is of three digits, of one with XX, or default; "
        "did you mean '404'?",
    ),
    "a misspelt method": (
        "    post:\n",
        "    pots:\n",
        "    pots:",
        "document",
        "/paths/~1images~1variations/pots: no path item has the key 'pots'; did you mean 'post'?",
    ),
    "a misspelt member of a body": (
        "            schema:\n",
        "            shema:\n",
        "            shema:",
        "document",
        f"{POST}/requestBody/content/multipart~1form-data/shema: no media type has the key 'shema'; "
        "did you mean 'schema'?",
    ),
    "a path without a slash": (
        "  /images/variations:\n",
        "  images/variations:\n",
        "  images/variations:",
        "document",
        "/paths/images~1variations: a path begins with a slash; write /images/variations",
    ),
    "a misspelt section of the components": (
        "  securitySchemes:\n",
        "  securitySchems:\n",
        "  securitySchems:",
        "document",
        "/components/securitySchems: the components have no key 'securitySchems'; did you mean 'securitySchemes'?",
    ),
    "a document of OpenAPI 3.0": (
        "openapi: 3.1.0\n",
        "openapi: 3.0.3\n",
        "openapi: 3.0.3",
        "document",
        "/openapi: only OpenAPI 3.1 is read, and this is 3.0.3; write 3.1.0, and correct what is named then",
    ),
    "an operation id twice": (
        "components:\n",
        COPY + "components:\n",
        "      operationId: createImageVariation",
        "document",
        f"/paths/~1copies/get/operationId: {POST} has the operationId 'createImageVariation' too; rename one",
    ),
    "a field that is a list of a schema with an enum": (
        "        user:\n",
        "        styles:\n          type: array\n          items:\n"
        '            $ref: "#/components/schemas/ImageSize"\n        user:\n',
        '            $ref: "#/components/schemas/ImageSize"',
        "document",
        f"{REQUEST}/properties/styles/items/$ref: the client does not check 'enum' here, only of fields, members and "
        "parameters (of /components/schemas/ImageSize/enum, which is used here)",
    ),
    "a name that the client has": (
        "        user:\n",
        "        parts:\n",
        "        parts:",
        "document",
        f"{REQUEST}/properties/parts: a model has parts already; rename the property",
    ),
}


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for name in ("spec", "docs"):
        shutil.copytree(ROOT / name, tmp_path / name)
    return tmp_path


def changed(tree: Path, name: str) -> tuple[Path, int]:
    """Make a mistake in the document of a source tree. Return the document and the line where it is."""
    old, new, line, *_ = MISTAKES[name]
    spec = tree / "spec" / "openapi.yaml"
    before, found, after = spec.read_text().partition(old)
    assert found
    spec.write_text(before + new + after)
    start = before.count("\n")
    lines = spec.read_text().splitlines()
    near = [number for number in range(max(0, start - 60), start + 4) if lines[number] == line]
    return spec, min(near, key=lambda number: abs(number - start)) + 1


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_named_with_file_line_and_check(tree: Path, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    _, line = changed(tree, name)
    before = {path: path.read_bytes() for path in tree.rglob("*") if path.is_file()}
    assert check_spec_files(tree) == 2
    stderr = capsys.readouterr().err
    check, message = MISTAKES[name][3:]
    assert re.search(rf"^  spec/openapi\.yaml:{line}: .*{re.escape(message)}.* \[{check}\]$", stderr, re.MULTILINE), (
        stderr
    )
    assert {path: path.read_bytes() for path in tree.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize("name", MISTAKES)
def test_the_generator_does_not_start_with_a_mistake(tree: Path, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    spec, line = changed(tree, name)
    assert run(spec, tree / "client", check=False, generator=["a generator that does not exist"]) == 2
    assert f"{spec}:{line}: " in capsys.readouterr().err
    assert not (tree / "client").exists()


def test_a_document_without_paths_is_refused_in_one_short_sentence(tree: Path) -> None:
    spec = tree / "spec" / "openapi.yaml"
    spec.write_text("openapi: 3.1.0\ninfo: {title: Nothing, version: 1.0.0}\n")
    message = "/: the document has no paths; describe the operations under the key paths [document]"
    assert list(map(str, check_register(tree / "spec"))) == [f"spec/openapi.yaml:1: {message}"]


def test_a_long_message_of_a_validator_is_shortened() -> None:
    document = read(LIBRARY)
    document["paths"]["/books"]["get"]["responses"]["200"]["headers"] = [{"title": "a" * 1000}]
    [problem] = mistakes(document)
    assert len(problem.message) < 250
    assert problem.message.endswith('is not of type "object"')


def paths(node: object, path: NodePath = ()) -> Iterator[NodePath]:
    if path:
        yield path
    if isinstance(node, dict | list):
        for step, inner in node.items() if isinstance(node, dict) else enumerate(node):
            yield from paths(inner, (*path, step))


@pytest.mark.slow
def test_a_wrong_value_anywhere_is_a_mistake_with_a_place_and_no_traceback() -> None:
    document = read(LIBRARY)
    wrong: Iterator[Any] = cycle([None, [], {}, "x", 1, True, [1], {"a": 1}])
    for path in paths(document):
        changed = deepcopy(document)
        node: Any = changed
        for step in path[:-1]:
            node = node[step]
        node[path[-1]] = next(wrong)
        assert all(problem.pointer.startswith("/") or problem.pointer == "" for problem in mistakes(changed))
