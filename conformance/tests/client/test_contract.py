"""The client covers the whole contract: every schema, property, description, bound and enum value."""

import ast
import importlib.metadata
import inspect
import re
import subprocess
import sys
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

import attrs
import pytest
from client.answers import CONTRACT, SCHEMAS
from client.subject import MODULES, PACKAGE, http, image_variations
from image_variations import AsyncClient, Client, Response, models
from image_variations.api.images import create_image_variation
from image_variations.models import CreateImageVariationRequest
from regeneration.document import dereferenced

MODELS = {name: schema for name, schema in SCHEMAS.items() if "properties" in schema}
PROPERTIES = {
    (model, name): dereferenced(CONTRACT, definition)
    for model, schema in MODELS.items()
    for name, definition in schema["properties"].items()
}
ENUMS = [place for place, definition in PROPERTIES.items() if "enum" in definition]
REQUEST = {name: definition for (model, name), definition in PROPERTIES.items() if model.endswith("Request")}
FUNCTIONS = ("sync", "sync_detailed", "asyncio", "asyncio_detailed")
ERRORS = {
    "ImageVariationsError",
    "InvalidRequestError",
    "DataError",
    "APIError",
    "APIConnectionError",
    "APITimeoutError",
    "APIStatusError",
    "APIResponseValidationError",
    "BadRequestError",
    "AuthenticationError",
    "PermissionDeniedError",
    "NotFoundError",
    "ConflictError",
    "UnprocessableEntityError",
    "RateLimitError",
    "InternalServerError",
}


def unwrapped(text: str) -> str:
    """Return `text` with every run of whitespace replaced by one space."""
    return " ".join(text.split())


def documented(thing: object) -> str:
    return unwrapped(inspect.getdoc(thing) or "")


@pytest.mark.parametrize("name", MODELS)
def test_every_schema_is_a_model_with_its_description(name: str) -> None:
    model = getattr(models, name)
    assert attrs.has(model)
    assert unwrapped(SCHEMAS[name]["description"]) in documented(model)
    assert getattr(image_variations, name, model) is model


@pytest.mark.parametrize(("model", "name"), PROPERTIES)
def test_every_property_is_a_field_with_its_description_and_example(model: str, name: str) -> None:
    definition = PROPERTIES[model, name]
    [field] = [field for field in attrs.fields(getattr(models, model)) if field.name.rstrip("_") == name]
    assert (field.default is attrs.NOTHING) == (name in SCHEMAS[model].get("required", []))

    following = "|".join(other.name for other in attrs.fields(getattr(models, model)))
    match = re.search(
        rf"\b{field.name}: {re.escape(unwrapped(definition['description']))}(.*?)(?=\b(?:{following}): |$)",
        documented(getattr(models, model)),
    )
    assert match
    for example in definition.get("examples", []):
        assert f"Example: {example}." in match[1]
    if "default" in definition:
        assert f"Default: {definition['default']}." in match[1]
    for word in definition.get("enum", []):
        # `model` accepts any text, so its enum value is in the description.
        assert word in match[1] or (name == "model" and word in match[0])
    for bound in ("minimum", "maximum", "minLength", "minItems", "maxItems"):
        if bound in definition:
            assert re.search(rf"(?<![\d.]){definition[bound]}(?!\d)", match[1])


@pytest.mark.parametrize(("model", "name"), ENUMS)
def test_every_enum_value_is_in_the_type_of_its_field(model: str, name: str) -> None:
    hints = hints_of(getattr(models, model))
    assert literals(hints[name]) == PROPERTIES[model, name]["enum"]


def hints_of(thing: Any) -> dict[str, Any]:
    """Return the evaluated annotations of a class or function. Adds names that are imported only for type checkers."""
    return get_type_hints(thing, localns={**vars(models), "Client": Client, "AsyncClient": AsyncClient})


def literals(hint: Any) -> list[object]:
    """Return the values of all Literal types in a type, in order."""
    if get_origin(hint) is Literal:
        return list(get_args(hint))
    return [value for inner in get_args(hint) for value in literals(inner)]


@pytest.mark.parametrize("client", [Client, AsyncClient])
def test_the_method_has_an_argument_for_each_field_with_its_description(client: Any) -> None:
    method = type(client(api_key="sk-test").images).create_variation
    parameters = inspect.signature(method).parameters
    assert {parameter.kind for name, parameter in parameters.items() if name != "self"} == {
        inspect.Parameter.KEYWORD_ONLY
    }
    for name, definition in REQUEST.items():
        assert (parameters[name].default is inspect.Parameter.empty) == (name == "image")
        assert unwrapped(definition["description"]) in documented(method)
        if "enum" in definition:
            assert literals(hints_of(method)[name]) == definition["enum"]
    assert {"extra_headers", "extra_query", "extra_body", "timeout"} <= set(parameters)
    operation = CONTRACT["paths"]["/images/variations"]["post"]
    assert unwrapped(operation["description"]) in documented(method)


@pytest.mark.parametrize("client", [Client, AsyncClient])
def test_the_method_of_raw_responses_has_the_arguments_of_the_other_and_returns_a_response(client: Any) -> None:
    images = client(api_key="sk-test").images
    plain, raw = images.create_variation, images.with_raw_response.create_variation
    assert inspect.signature(plain).parameters == inspect.signature(raw).parameters
    returned = hints_of(raw)["return"]
    assert (get_origin(returned), get_args(returned)) == (Response, (hints_of(plain)["return"],))


@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_functions_of_the_operation_name_the_method_that_documents_them_and_have_type_hints(name: str) -> None:
    function = getattr(create_image_variation, name)
    assert "`create_variation`, whose method documents the arguments" in documented(function)
    hints = hints_of(function)
    assert hints["client"] is (AsyncClient if "asyncio" in name else Client)
    assert hints["body"] is CreateImageVariationRequest


def test_the_version_of_the_package_is_that_of_the_distribution_and_the_stamp_has_that_of_the_contract() -> None:
    assert image_variations.__version__ == importlib.metadata.version("image-variations")
    assert CONTRACT["info"]["version"] == MODULES["image_variations._stamp"].CONTRACT_VERSION


def test_every_module_says_that_it_is_generated_and_how_to_regenerate_it() -> None:
    for path in PACKAGE.rglob("*.py"):
        head = path.read_text().splitlines()[:2]
        assert head[0].startswith("# Written by scripts/regenerate"), path
        assert "run scripts/regenerate again" in head[1], path
    assert (PACKAGE / "LICENSE").read_bytes() == (Path(__file__).parents[3] / "LICENSE").read_bytes()


def test_every_public_name_exists_and_is_exported() -> None:
    public = [module for name, module in MODULES.items() if "._" not in name]
    for module in [image_variations, *public]:
        assert [name for name in getattr(module, "__all__", ()) if not hasattr(module, name)] == []
    expected = {
        "Client",
        "AsyncClient",
        "ImagesResponse",
        "Image",
        "Response",
        "FileInput",
        "__version__",
        *ERRORS,
        *MODELS,
    }
    assert expected <= set(image_variations.__all__)


def test_every_public_name_is_documented() -> None:
    for name in set(image_variations.__all__) - {"__version__", "FileInput"}:
        assert documented(getattr(image_variations, name))
    for module in MODULES.values():
        assert documented(module) or not vars(module).get("__all__")


@pytest.mark.parametrize("client", [Client, AsyncClient])
def test_the_client_has_these_options_and_defaults(client: Any) -> None:
    signature = inspect.signature(client)
    assert all(parameter.kind is inspect.Parameter.KEYWORD_ONLY for parameter in signature.parameters.values())
    assert {name: parameter.default for name, parameter in signature.parameters.items()} == {
        "api_key": None,
        "base_url": None,
        "timeout": 600.0,
        "max_retries": 2,
        "default_headers": None,
        "default_query": None,
        "http_client": None,
        "preflight": True,
        "max_response_bytes": 64 << 20,
        "allow_private_links": None,
    }


def with_dependencies(*names: str) -> set[str]:
    """Return the names of these distributions and of all their installed dependencies, in lower case."""
    found: set[str] = set()
    pending = list(names)
    while pending:
        name = pending.pop().lower()
        if name in found:
            continue
        found.add(name)
        try:
            required = importlib.metadata.requires(name) or []
        except importlib.metadata.PackageNotFoundError:  # a dependency for another platform or Python version
            continue
        pending += [re.split(r"[^\w.-]", it)[0] for it in required if "extra ==" not in it]
    return found


def imported_by(path: Path) -> set[str]:
    """Return the top-level packages that a module imports absolutely, anywhere in its code."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            found.add((node.module or "").partition(".")[0])
    return found


def test_the_client_imports_only_attrs_the_http_library_and_their_dependencies_which_are_declared() -> None:
    imported = set().union(*map(imported_by, PACKAGE.rglob("*.py"))) - sys.stdlib_module_names
    core = http.__name__.replace("httpx", "httpcore")
    assert imported == {"anyio", "attrs", http.__name__, core}
    assert {"anyio", core} <= with_dependencies("attrs", http.__name__)
    if http.__name__ == "httpx":
        declared = importlib.metadata.requires("image-variations") or []
        named = {re.split(r"[^\w.-]", each)[0] for each in declared if "extra ==" not in each}
        assert named == imported


def test_the_models_are_there_after_an_import_of_the_package_alone() -> None:
    program = "import sys; sys.path.insert(0, sys.argv[1]); import image_variations as it; print(it.models.Image)"
    command = [sys.executable, "-I", "-c", program, str(PACKAGE.parent)]
    assert subprocess.run(command, check=True, capture_output=True, text=True).stdout.endswith(".Image'>\n")


def test_the_modules_can_be_imported_alone_without_a_warning() -> None:
    program = "import importlib, sys; sys.path.insert(0, sys.argv[1]); importlib.import_module(sys.argv[2])"
    for name in ("image_variations", "image_variations.models", "image_variations.api.images.create_image_variation"):
        command = [sys.executable, "-I", "-W", "error", "-c", program, str(PACKAGE.parent), name]
        subprocess.run(command, check=True)


def test_the_package_does_not_contain_the_path_of_the_home_folder() -> None:
    for path in PACKAGE.rglob("*.py"):
        assert str(Path.home()) not in path.read_text() or str(Path.home()) == "/"
