"""Tells the templates what a document says and the generator does not pass on.

The generator drops the bounds of numbers, the media types of the parts of a form, the security schemes, the servers,
and all `x-` members. The facts are plain data, keyed by the names that the generator gives (classes, operations) and by
the names in the document (properties, parameters).
"""

import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

from openapi_python_client.strings import ClassName, PythonIdentifier, kebab_case

from regeneration.document import Document, Schema, dereferenced, subschemas
from regeneration.layout import FIELD_PREFIX, classes, named_operations

Facts = dict[str, Any]

DEFAULT_HTTP_LIBRARY = "httpx"
HTTP_LIBRARIES: dict[str, dict[str, str]] = {
    "httpx": {"library": "httpx", "import": "httpx", "core_import": "httpcore"},
    "httpx2": {"library": "httpx2", "import": "httpx2 as httpx", "core_import": "httpcore2 as httpcore"},
}
# The keywords that are looked at before a request is sent, each after the argument of the function that looks.
_NUMBER_BOUNDS = {
    "minimum": "minimum",
    "maximum": "maximum",
    "exclusiveMinimum": "above",
    "exclusiveMaximum": "below",
    "multipleOf": "step",
}
_SIZES = {"characters": ("minLength", "maxLength"), "items": ("minItems", "maxItems")}
_ENVIRONMENT = "x-environment-variable"
# Of the arguments of a call, those that are not of the contract.
_ARGUMENTS = frozenset({"body", "client", "extra_body", "extra_headers", "extra_query", "self", "timeout"})


def facts(document: Document, http_library: str = DEFAULT_HTTP_LIBRARY) -> Facts:
    """The facts of the lowered `document`, for a client built on `http_library`."""
    requested, answered = (_reachable(document, schemas(document)) for schemas in (_request_schemas, _response_schemas))
    parts = dict(_part_types(document))
    return {
        "http": HTTP_LIBRARIES[http_library],
        "names": _names(document),
        "security": {"variable": _environment_variable(_security_schemes(document), "API_KEY")},
        "server": _server(document),
        "tags": _tags(document),
        "classes": {
            name: _class(document, schema, is_requested=id(schema) in requested, is_answered=id(schema) in answered)
            | {"parts": parts.get(id(schema), {})}
            for name, schema in classes(document)
        },
        "operations": _operations(document),
    }


def _names(document: Document) -> dict[str, str]:
    title = document["info"]["title"]
    return {"error": f"{ClassName(title, FIELD_PREFIX)}Error", "agent": f"{kebab_case(title).lower()}-python"}


def _security_schemes(document: Document) -> list[dict[str, Any]]:
    return list(document.get("components", {}).get("securitySchemes", {}).values())


def _environment_variable(nodes: list[dict[str, Any]], default: str) -> str:
    return next((node[_ENVIRONMENT] for node in nodes if _ENVIRONMENT in node), default)


def _server(document: Document) -> dict[str, str]:
    """The address of the first server, its variables at their defaults, and what can name another one."""
    servers = document.get("servers") or [{"url": "http://127.0.0.1:8000"}]
    variables = servers[0].get("variables", {})
    url = servers[0]["url"]
    for name, variable in variables.items():
        url = url.replace(f"{{{name}}}", variable["default"])
    return {"url": url.rstrip("/"), "variable": _environment_variable([servers[0], *variables.values()], "BASE_URL")}


def _tags(document: Document) -> dict[str, str]:
    """What the description of each tag says, after the name of its package."""
    described = {tag["name"]: tag.get("description", "") for tag in document.get("tags", [])}
    tags = {(operation.get("tags") or ["default"])[0] for _, _, operation in named_operations(document)}
    return {PythonIdentifier(tag, "tag"): described.get(tag) or f"The operations of `{tag}`." for tag in sorted(tags)}


def _class(document: Document, schema: Schema, *, is_requested: bool, is_answered: bool) -> Facts:
    properties = _properties(document, schema)
    files = [name for name, inner in properties.items() if inner.get("contentEncoding") == "base64"]
    links = [name for name, inner in properties.items() if inner.get("format") == "uri"]
    return {
        "requested": is_requested,
        # Of what no operation has a use for, it cannot be told: it can be read.
        "answered": is_answered or not is_requested,
        # An enum whose words the client holds to. In an answer it takes any word.
        "is_closed": is_requested and not is_answered and not schema.get("x-open"),
        "properties": {name: value_facts(document, inner) for name, inner in properties.items()},
        # A file in base64 beside a link to a file: two ways to hand over one thing.
        "download": {"base64": files[0], "url": links[0]} if len(files) == 1 and len(links) == 1 else None,
    }


def value_facts(document: Document, schema: Schema) -> Facts:
    """What is to be known of a value: what is looked at before it is sent, and what its docstring adds."""
    schema = dereferenced(document, schema)
    values = [value for value in schema.get("enum", []) if value is not None]
    is_open = bool(schema.get("x-open"))
    return {
        "number": {argument: schema[keyword] for keyword, argument in _NUMBER_BOUNDS.items() if keyword in schema},
        "sizes": [
            {"unit": unit, "minimum": schema.get(least), "maximum": schema.get(most)}
            for unit, (least, most) in _SIZES.items()
            if least in schema or most in schema
        ],
        "is_open": is_open,
        "choices": [] if is_open else values,
        "image": {name.replace("-", "_"): value for name, value in schema.get("x-image", {}).items()},
        "description": "",  # that of the schema is passed on by the generator
        "is_base64": schema.get("contentEncoding") == "base64",
        "note": _note(schema, values),
    }


def _note(schema: Schema, values: list[object]) -> str:
    """The bounds in words, as they stand in docstrings."""
    if "minimum" in schema and "maximum" in schema:
        return f"From {schema['minimum']} to {schema['maximum']}."
    words = {
        "minimum": "at least {}",
        "maximum": "at most {}",
        "exclusiveMinimum": "more than {}",
        "exclusiveMaximum": "less than {}",
        "multipleOf": "a multiple of {}",
        "minLength": "at least {} characters",
        "maxLength": "at most {} characters",
        "minItems": "at least {} items",
        "maxItems": "at most {} items",
    }
    bounds = [words[keyword].format(schema[keyword]) for keyword in words if keyword in schema]
    bounds = [re.sub(r"(\b1 (?:character|item))s$", r"\1", bound) for bound in bounds]
    if values and not schema.get("x-open"):
        bounds.append(f"one of {', '.join(map(str, values))}")
    note = "; ".join(bounds)
    return f"{note[0].upper()}{note[1:]}." if note else ""


def _operations(document: Document) -> dict[str, Facts]:
    methods = _method_names(document)
    return {
        name: {
            "method": methods[name],
            "flat": _flat_class(document, operation),
            "parameters": {
                parameter["name"]: value_facts(document, parameter.get("schema", {}))
                | {"description": parameter.get("description", "")}
                for parameter in (dereferenced(document, each) for each in operation["parameters"])
            },
        }
        for _, name, operation in named_operations(document)
    }


def _flat_class(document: Document, operation: dict[str, Any]) -> str | None:
    """The class of the body, where its properties can be the arguments of a call; None where they cannot.

    They can where there is one body, which is required and an object, and no argument comes twice.
    """
    body = dereferenced(document, operation.get("requestBody", {}))
    media = list(body.get("content", {}).values())
    if len(media) != 1 or not body.get("required"):
        return None
    schema = dereferenced(document, media[0].get("schema", {}))
    names = [*_properties(document, schema)]
    names += [dereferenced(document, each).get("name", "") for each in operation["parameters"]]
    arguments = [PythonIdentifier(name, FIELD_PREFIX) for name in names]
    is_plain = len(set(arguments)) == len(arguments) and not _ARGUMENTS & set(arguments)
    return next((name for name, each in classes(document) if each is schema and is_plain and "enum" not in each), None)


def _method_names(document: Document) -> dict[str, str]:
    """The name of each operation on the object of its tag: without the word that the tag says already."""
    names: dict[str, str] = {}
    for tag, name, _ in named_operations(document):
        words = name.split("_")
        said = next((word for word in words if word in {tag, tag.removesuffix("s")}), None)
        if said is not None and len(words) > 1:
            words.remove(said)
        names[name] = PythonIdentifier("_".join(words), FIELD_PREFIX)
    counts = Counter((tag, names[name]) for tag, name, _ in named_operations(document))
    return {name: names[name] if counts[tag, names[name]] == 1 else name for tag, name, _ in named_operations(document)}


def _part_types(document: Document) -> Iterator[tuple[int, dict[str, str]]]:
    """The media types of the parts of each form, by the identity of its schema: of several the first."""
    for _, _, operation in named_operations(document):
        content = dereferenced(document, operation.get("requestBody", {})).get("content", {})
        for media_type, media in content.items():
            if media_type == "multipart/form-data":
                types = {name: each.get("contentType", "") for name, each in media.get("encoding", {}).items()}
                first = {name: named.split(",")[0].strip() for name, named in types.items() if named}
                yield id(dereferenced(document, media.get("schema", {}))), first


def _properties(document: Document, schema: Schema) -> dict[str, Schema]:
    """The properties of a model, those too of what it is all of."""
    properties: dict[str, Schema] = {}
    for part in schema.get("allOf", []):
        properties |= _properties(document, dereferenced(document, part))
    return properties | {name: dereferenced(document, inner) for name, inner in schema.get("properties", {}).items()}


def _request_schemas(document: Document) -> Iterator[Schema]:
    for _, _, operation in named_operations(document):
        body = dereferenced(document, operation.get("requestBody", {}))
        for media in body.get("content", {}).values():
            yield media.get("schema", {})
        for parameter in operation["parameters"]:
            yield dereferenced(document, parameter).get("schema", {})


def _response_schemas(document: Document) -> Iterator[Schema]:
    for _, _, operation in named_operations(document):
        for response in operation["responses"].values():
            for media in dereferenced(document, response).get("content", {}).values():
                yield media.get("schema", {})


def _reachable(document: Document, roots: Iterator[Schema]) -> set[int]:
    """The identities of the schemas that a value of any of the `roots` can hold values of."""
    reached: set[int] = set()
    pending = list(roots)
    while pending:
        schema = dereferenced(document, pending.pop())
        if id(schema) not in reached:
            reached.add(id(schema))
            pending.extend(inner for _, inner in subschemas(schema))
    return reached
