"""The OpenAPI document is valid and complete: all tools accept it, and it covers the API reference page."""

import base64
import re
from collections.abc import Iterator
from copy import deepcopy
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from PIL import Image
from regeneration.document import Document, NodePath, objects, pointer, read, root_schemas, schemas
from regeneration.keywords import KEYWORDS
from regeneration.lint import lint
from regeneration.marks import MarkedYaml
from regeneration.mistakes import lowered_if_right
from regeneration.refused import Refused
from ruamel.yaml import YAML

SPEC = Path(__file__).parents[3] / "spec" / "openapi.yaml"
MUSEUM = Path(__file__).parents[1] / "contracts" / "museum.yaml"

REQUEST = "/components/schemas/CreateImageVariationRequest"
RESPONSE = "/components/schemas/ImagesResponse"
IMAGE = "/components/schemas/Image"
USAGE = "/components/schemas/ImageUsage"
TOKENS = "/components/schemas/ImageTokens"


@pytest.fixture(scope="module")
def contract() -> Document:
    return read(SPEC)


def pointers(document: Document) -> list[str]:
    return [problem.pointer for problem in lint(document)]


def at(document: Document, path: NodePath) -> Any:
    """Return the node at `path`, which the caller may change in place."""
    node: Any = document
    for step in path:
        node = node[step]
    return node


def misspelt(word: str) -> list[str]:
    """Return `word` with one letter missing, one doubled, and two swapped, without those equal to `word`."""
    middle = len(word) // 2
    misspellings = [
        word[: middle - 1] + word[middle:],
        word[:middle] + word[middle - 1 :],
        word[: middle - 1] + word[middle] + word[middle - 1] + word[middle + 1 :],
    ]
    return [misspelling for misspelling in misspellings if misspelling != word]


@pytest.mark.parametrize("path", [SPEC, MUSEUM], ids=lambda path: path.stem)
def test_our_lint_finds_nothing_in_a_valid_document(path: Path) -> None:
    assert lint(read(path)) == []


# --- the alternatives of an image


@pytest.mark.parametrize(
    ("image", "valid"),
    [
        ({"url": "https://images.example/a.png"}, True),
        ({"b64_json": "AAAA"}, True),
        ({"url": "https://images.example/a.png", "b64_json": "AAAA"}, False),
        ({"url": "https://images.example/a.png", "b64_json": None}, False),
        ({"revised_prompt": "a cat"}, False),
        ({}, False),
    ],
)
def test_an_image_has_exactly_one_of_url_and_b64_json(
    contract: Document, image: dict[str, object], *, valid: bool
) -> None:
    assert validator(contract, {"$ref": f"#{IMAGE}"}).is_valid(image) == valid


# --- the examples


def validator(document: Document, schema: dict[str, Any]) -> Draft202012Validator:
    return Draft202012Validator({"components": document["components"], **schema})


def examples(document: Document) -> Iterator[tuple[str, dict[str, Any], object]]:
    """Yield every example in the document: the pointer to it, the schema that it must satisfy, and its value."""
    for path, node in objects(document):
        if "schema" in node and "example" in node:
            yield pointer((*path, "example")), node["schema"], node["example"]
        if "schema" in node:
            for name, example in node.get("examples", {}).items():
                yield pointer((*path, "examples", name)), node["schema"], example["value"]
    for path, schema in schemas(document):
        for index, value in enumerate(schema.get("examples", [])):
            yield pointer((*path, "examples", index)), schema, value


@pytest.mark.parametrize(("schema", "value"), [pytest.param(*rest, id=where) for where, *rest in examples(read(SPEC))])
def test_every_example_satisfies_its_schema(contract: Document, schema: dict[str, Any], value: object) -> None:
    assert [error.message for error in validator(contract, schema).iter_errors(value)] == []


def test_the_base64_example_is_a_square_png(contract: Document) -> None:
    media = at(contract, ("paths", "/images/variations", "post", "responses", "200", "content", "application/json"))
    [item] = media["examples"]["b64_json"]["value"]["data"]
    with Image.open(BytesIO(base64.b64decode(item["b64_json"], validate=True))) as image:
        image.load()
        assert (image.format, image.width) == ("PNG", image.height)


# --- our lint finds mistakes that the tools accept


@pytest.mark.slow
@pytest.mark.parametrize("path", [SPEC, MUSEUM], ids=lambda path: path.stem)
def test_a_misspelt_keyword_is_found_in_every_schema(path: Path) -> None:
    document = read(path)
    sites = [(where, keyword) for where, schema in schemas(document) for keyword in schema]
    missed = []
    for where, keyword in sites:
        for misspelling in set(misspelt(keyword)) - KEYWORDS:
            changed = deepcopy(document)
            schema = at(changed, where)
            schema[misspelling] = schema.pop(keyword)
            if pointer((*where, misspelling)) not in pointers(changed):
                missed.append((where, keyword, misspelling))
    assert len(sites) > 20
    assert missed == []


@pytest.mark.parametrize("path", [SPEC, MUSEUM], ids=lambda path: path.stem)
def test_a_misspelt_name_is_found_in_every_required_list(path: Path) -> None:
    document = read(path)
    sites = [
        (*where, "required", i) for where, schema in schemas(document) for i in range(len(schema.get("required", [])))
    ]
    missed = []
    for where in sites:
        for misspelling in misspelt(at(document, where)):
            changed = deepcopy(document)
            at(changed, where[:-1])[where[-1]] = misspelling
            if pointers(changed) != [pointer(where)]:
                missed.append((where, misspelling))
    assert len(sites) > 5
    assert missed == []


@pytest.mark.parametrize("path", [SPEC, MUSEUM], ids=lambda path: path.stem)
def test_a_dangling_reference_is_found_everywhere(path: Path) -> None:
    document = read(path)
    sites = [where for where, node in [*objects(document), *schemas(document)] if "$ref" in node]
    for where in sites:
        changed = deepcopy(document)
        at(changed, where)["$ref"] += "x"
        assert pointer((*where, "$ref")) in pointers(changed)
    assert len(sites) > 5


def test_the_closest_keyword_and_the_closest_property_name_are_suggested(contract: Document) -> None:
    changed = deepcopy(contract)
    schema = changed["components"]["schemas"]["CreateImageVariationRequest"]
    schema["properties"]["n"]["maxmum"] = schema["properties"]["n"].pop("maximum")
    schema["required"] = ["imgae"]
    assert [str(problem) for problem in lint(changed)] == [
        f"{REQUEST}/required/0: no property is called 'imgae'; did you mean 'image'?",
        f"{REQUEST}/properties/n/maxmum: no schema has the keyword 'maxmum'; did you mean 'maximum'?",
    ]


def test_an_unknown_extension_is_accepted_unless_it_resembles_one_that_the_generator_uses(contract: Document) -> None:
    changed = deepcopy(contract)
    request = changed["components"]["schemas"]["CreateImageVariationRequest"]["properties"]
    request["size"]["x-note"] = "ours"
    assert pointers(changed) == []
    request["image"]["x-imagee"] = request["image"].pop("x-image")
    assert pointers(changed) == [f"{REQUEST}/properties/image/x-imagee"]

    changed = deepcopy(contract)
    scheme = changed["components"]["securitySchemes"]["bearerAuth"]
    scheme["x-enviroment-variable"] = scheme.pop("x-environment-variable")
    assert pointers(changed) == ["/components/securitySchemes/bearerAuth/x-enviroment-variable"]


def test_an_unknown_key_of_an_extension_is_named_with_the_one_that_it_is_like(contract: Document) -> None:
    changed = deepcopy(contract)
    rules = changed["components"]["schemas"]["CreateImageVariationRequest"]["properties"]["image"]["x-image"]
    rules |= {"sqare": rules.pop("square"), "sides": {"minimun": 2}, "zoom": 1}
    keys = "kinds, square, sides, valid-below-bytes, invalid-from-bytes, other-names"
    where = f"{REQUEST}/properties/image/x-image"
    assert sorted(map(str, lint(changed))) == [
        f"{where}/sides/minimun: x-image has no key 'minimun' here; did you mean 'minimum'?",
        f"{where}/sqare: x-image has no key 'sqare' here; did you mean 'square'?",
        f"{where}/zoom: x-image has no key 'zoom' here; the keys are {keys}",
    ]


@pytest.mark.parametrize(
    ("name", "value", "inner"),
    [
        ("x-image", {"square": "yes"}, "/square"),
        ("x-image", {"kinds": ["bmp"]}, "/kinds/0"),
        ("x-image", {"kinds": []}, "/kinds"),
        ("x-image", {"kinds": "png"}, "/kinds"),
        ("x-image", {"sides": {"minimum": 0}}, "/sides/minimum"),
        ("x-image", {"sides": {"multiple_of": 8}}, "/sides/multiple_of"),
        ("x-image", {"invalid-from-bytes": "4 MB"}, "/invalid-from-bytes"),
        ("x-image", {"valid-below-bytes": 1.5}, "/valid-below-bytes"),
        ("x-image", {"other-names": "image[]"}, "/other-names"),
        ("x-image", {"max-bytes": 1}, "/max-bytes"),
        ("x-default", "random", ""),
        ("x-open", "yes", ""),
    ],
)
def test_an_invalid_value_of_an_extension_that_the_generator_uses_is_found(
    contract: Document, name: str, value: object, inner: str
) -> None:
    changed = deepcopy(contract)
    changed["components"]["schemas"]["CreateImageVariationRequest"]["properties"]["image"][name] = value
    assert pointers(changed) == [f"{REQUEST}/properties/image/{name}{inner}"]


@pytest.mark.parametrize(
    ("kind", "value", "inner"),
    [
        ("unknown-model", {"must": [404]}, "/unknown-model"),
        ("unknown-model", {"must": [], "should": []}, "/unknown-model/must"),
        ("unknown-model", {"must": ["4xx"], "should": []}, "/unknown-model/must/0"),
        ("unknown-model", {"must": [404], "should": ["404"]}, "/unknown-model/should/0"),
        ("unknown-model", {"must": [200], "should": []}, "/unknown-model/must/0"),
        ("unknown-size", {"must": [404], "should": []}, "/unknown-size"),
        ("unknown-model", {"must": [404], "should": [], "may": []}, "/unknown-model/may"),
    ],
)
def test_an_invalid_status_of_a_refusal_is_found(
    contract: Document, kind: str, value: dict[str, Any], inner: str
) -> None:
    changed = deepcopy(contract)
    changed["paths"]["/images/variations"]["post"]["x-statuses"][kind] = value
    assert pointers(changed) == [f"/paths/~1images~1variations/post/x-statuses{inner}"]


@pytest.mark.parametrize("variable", ["openai-key", "", 3])
def test_an_invalid_name_of_an_environment_variable_is_found(contract: Document, variable: object) -> None:
    changed = deepcopy(contract)
    changed["components"]["securitySchemes"]["bearerAuth"]["x-environment-variable"] = variable
    assert pointers(changed) == ["/components/securitySchemes/bearerAuth/x-environment-variable"]


@pytest.mark.parametrize(("keyword", "value"), [("maximum", "10"), ("enum", 3), ("required", "n"), ("properties", [])])
def test_a_keyword_with_a_value_of_the_wrong_type_is_found(contract: Document, keyword: str, value: object) -> None:
    changed = deepcopy(contract)
    changed["components"]["schemas"]["CreateImageVariationRequest"]["properties"]["n"][keyword] = value
    assert pointers(changed) == [f"{REQUEST}/properties/n/{keyword}"]


@pytest.mark.parametrize(
    ("schema", "message"),
    [
        ({"type": "string", "nullable": True}, 'write type: [string, "null"]'),
        ({"$ref": "#/components/schemas/A", "nullable": True}, 'write anyOf: [{$ref: "#/components/schemas/A"}, {type'),
        ({"type": "string", "enum": ["a"], "nullable": True}, "add null to the enum, and leave out the type"),
        ({"type": ["string", "integer"], "nullable": True}, 'add "null" to the types'),
        ({"type": "string", "nullable": False}, "remove it"),
        ({"maximum": 9, "exclusiveMaximum": True}, "write exclusiveMaximum: 9 in place of maximum and this"),
        ({"exclusiveMinimum": True}, "write exclusiveMinimum: and the number"),
        ({"exclusiveMinimum": False}, "remove it"),
        ({"type": []}, "write one type, or a list of different ones"),
        ({"type": ["string", "string"]}, "write one type, or a list of different ones"),
    ],
    ids=repr,
)
def test_what_to_write_in_place_of_a_wrong_type_or_of_a_keyword_of_openapi_3_0_is_said(
    contract: Document, schema: dict[str, Any], message: str
) -> None:
    changed = deepcopy(contract)
    changed["components"]["schemas"] |= {"A": {"type": "object"}, "Old": schema}
    [problem] = lint(changed)
    assert message in problem.message


@pytest.mark.parametrize("name", ["isbn", "int16", "int", "string", "uri", "uuid4", "time", "binary"])
def test_a_format_that_is_like_no_known_one_or_contains_it_is_accepted(contract: Document, name: str) -> None:
    changed = deepcopy(contract)
    changed["components"]["schemas"]["Image"]["properties"]["revised_prompt"]["format"] = name
    assert lint(changed) == []


@pytest.mark.parametrize(
    ("given", "near"),
    [
        ("bianry", "binary"),
        ("bniary", "binary"),
        ("datetime", "date-time"),
        ("date-tme", "date-time"),
    ],
)
def test_a_format_that_is_like_a_known_one_is_named_with_it(contract: Document, given: str, near: str) -> None:
    changed = deepcopy(contract)
    changed["components"]["schemas"]["Image"]["properties"]["revised_prompt"]["format"] = given
    where = f"{IMAGE}/properties/revised_prompt/format"
    assert list(map(str, lint(changed))) == [f"{where}: there is no format {given!r}; did you mean {near!r}?"]


def test_a_misspelt_member_outside_the_schemas_is_found(contract: Document) -> None:
    changed = deepcopy(contract)
    operation = changed["paths"]["/images/variations"]["post"]
    operation["sumary"] = operation.pop("summary")
    assert pointers(changed) == ["/paths/~1images~1variations/post/sumary"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("openapi: 3.1.0\nopenapi: 3.1.0\n", "yaml:2: /openapi: this key is there twice"),
        ("info: &info\n  more: *info\n", "yaml:1: /: an alias of YAML is within its own anchor"),
        (
            "x-0: &a0 [a, a, a, a, a, a, a, a, a, a]\n"
            + "".join(f"x-{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 9)),
            "yaml:1: /: more than 1,000,000 values, most by aliases of YAML",
        ),
        ("a: &a {x: 1}\nb:\n  <<: *a\n  x: 2\n  x: 3\n", "yaml:5: /b/x: this key is there twice"),
        ("a: &a {x: 1}\nb:\n  <<: *a\n  <<: *a\n", "yaml:4: /b/<<: this key is there twice"),
        ("openapi: 3.1.0\ninfo: ö\x01\n", "yaml:2: /: not YAML: the character #x0001 is not allowed"),
        ("info: <<\n", "yaml:1: /info: YAML 1.1 and 1.2 read << differently"),
        ("openapi: 3.1.0\ninfo: [\n", "yaml:3: /: not YAML"),
        ("openapi: 3.1.0\ninfo: " + 100_000 * "[", "yaml:2: /: not YAML: more than 200 levels"),
        ("openapi: 3.1.0\ninfo: !!int x\n", "yaml:1: /: not YAML: invalid literal for int"),
        ("- openapi\n", "yaml:1: /: expected an OpenAPI document, which is a mapping, not list"),
    ],
)
def test_a_file_that_is_not_a_yaml_mapping_is_refused(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "openapi.yaml"
    path.write_text(text)
    with pytest.raises(Refused, match=message):
        read(path)


def test_a_key_that_overrides_a_merged_one_is_not_there_twice_and_has_its_own_line(tmp_path: Path) -> None:
    path = tmp_path / "openapi.yaml"
    path.write_text("a: &a {x: 1, y: 1}\nb: &b {y: 2}\nc:\n  <<: [*a, *b]\n  x: 3\n")
    assert read(path)["c"] == {"x": 3, "y": 1}
    assert [MarkedYaml.read(path).line(("c", name)) for name in "xy"] == [5, 1]


def test_a_file_that_is_not_text_in_utf_8_is_refused_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "openapi.yaml"
    path.write_bytes("openapi: 3.1.0\ninfo:\n  title: Größe\n".encode("latin-1"))
    with pytest.raises(Refused, match=r"openapi.yaml:3: /: not text in UTF-8: invalid start byte; save the file in"):
        read(path)


@pytest.mark.parametrize(
    "scalar",
    [
        "=",
        "on",
        "1e+3",
        "190:20:30",
        ".5e3",
        "+.5",
        "08",
        "-0x1F",
        "no",
        "On",
        "012",
        "1_0",
        "1:30",
        "0b1",
        "0o14",
        "1e3",
        "2026-01-31",
        "2026-99-99",
    ],
)
def test_a_scalar_that_parsers_of_yaml_read_differently_is_refused(tmp_path: Path, scalar: str) -> None:
    path = tmp_path / "openapi.yaml"
    for text in (f"info: {scalar}\n", f"{scalar}: info\n"):
        path.write_text(text)
        with pytest.raises(Refused, match=rf"yaml:1: /.*: YAML 1.1 and 1.2 read {re.escape(scalar)} differently"):
            read(path)
        path.write_text(text.replace(scalar, f"'{scalar}'"))
        assert scalar in {*read(path), *read(path).values()}


_LIKE_NUMBERS = st.text("0123456789.+-:eExob", min_size=1, max_size=6)
_LIKE_WORDS = st.sampled_from(["yes", "no", "on", "off", "true", "null", "y", "n", ".inf", ".nan", "~"])


@given(scalar=_LIKE_NUMBERS | _LIKE_WORDS | _LIKE_WORDS.map(str.upper) | _LIKE_WORDS.map(str.title))
def test_parsers_of_both_versions_of_yaml_read_an_accepted_document_alike(
    tmp_path_factory: pytest.TempPathFactory, scalar: str
) -> None:
    path = tmp_path_factory.mktemp("yaml") / "openapi.yaml"
    path.write_text(f"info: {scalar}\n")
    try:
        document = read(path)
    except Refused:
        return
    assert repr(document) == repr(yaml.safe_load(path.read_text())) == repr(YAML(typ="safe", pure=True).load(path))


def test_a_file_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="cannot be read: No such file"):
        read(tmp_path / "openapi.yaml")


def test_a_key_that_yaml_reads_as_a_number_is_found(contract: Document) -> None:
    changed = deepcopy(contract)
    responses = changed["paths"]["/images/variations"]["post"]["responses"]
    responses[200] = responses.pop("200")
    assert pointers(changed) == ["/paths/~1images~1variations/post/responses"]


def test_all_mistakes_are_reported_together(contract: Document) -> None:
    changed = deepcopy(contract)
    for _, schema in list(root_schemas(changed)):
        if "properties" in schema:
            schema["descripton"] = schema.pop("description")
    with pytest.raises(
        Refused,
        match=r"openapi.yaml has 7 mistakes:(\n  spec/openapi.yaml:\d+: /components/schemas/\w+/descripton: .*){7}",
    ):
        lowered_if_right(changed, SPEC)
