"""Collect the facts of a document that the templates need and that the generator does not pass to them.

The generator drops the bounds of numbers, the media types of the parts of a form, the security schemes, the servers,
and all `x-` members. The facts are dicts, lists and scalars. Classes and operations are keyed by their generated names,
properties and parameters by their names in the document.
"""

import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

from regeneration.document import Document, Schema, dereferenced, subschemas
from regeneration.generator import class_name, python_name, tag_name
from regeneration.layout import classes, named_operations
from regeneration.lowering import FORM
from regeneration.patterns import python_pattern

Facts = dict[str, Any]

# The bounds that the client checks before it sends a request, by keyword, with the arguments of `_preflight.number`.
_NUMBER_BOUNDS = {
    "minimum": "minimum",
    "maximum": "maximum",
    "exclusiveMinimum": "above",
    "exclusiveMaximum": "below",
    "multipleOf": "step",
}
_SIZES = {"characters": ("minLength", "maxLength"), "items": ("minItems", "maxItems")}
_ENVIRONMENT = "x-environment-variable"
# The arguments that generated functions and methods have besides those of the contract.
ARGUMENTS = frozenset({"body", "client", "extra_body", "extra_headers", "extra_query", "self", "timeout"})


def facts(document: Document, package: str, version: str) -> Facts:
    """Return the facts of the lowered `document`, for version `version` of the client package called `package`."""
    in_requests = reachable(document, _request_schemas(document))
    in_responses = reachable(document, response_schemas(document))
    parts = dict(_part_types(document))
    return {
        "error": base_error(package),
        "user_agent": f"{package.replace('_', '-')}-python/{version}",
        "security": {
            "variable": _environment_variable(_security_schemes(document), f"{package.upper()}_API_KEY"),
            "is_required": any(map(_requires_key, named_operations(document))),
        },
        "server": _server(document, f"{package.upper()}_BASE_URL"),
        "tags": _tags(document),
        "classes": {
            name: _class(document, schema, in_request=id(schema) in in_requests, in_response=id(schema) in in_responses)
            | {"parts": parts.get(id(schema), {})}
            for name, schema in classes(document)
        },
        "operations": _operations(document),
    }


def base_error(package: str) -> str:
    """Return the name of the base class of all errors of a client package."""
    return f"{class_name(package)}Error"


def _security_schemes(document: Document) -> list[dict[str, Any]]:
    return list(document.get("components", {}).get("securitySchemes", {}).values())


def _requires_key(named_operation: tuple[str, str, dict[str, Any]]) -> bool:
    """Return whether the operation cannot be called without an API key. An empty requirement makes it optional."""
    security = named_operation[2].get("security", [])
    return bool(security) and {} not in security


def _environment_variable(nodes: list[dict[str, Any]], default: str) -> str:
    return next((node[_ENVIRONMENT] for node in nodes if _ENVIRONMENT in node), default)


def _server(document: Document, variable: str) -> dict[str, str]:
    """Return the default URL, and the environment variable for another: `variable` where the document names none."""
    server: dict[str, Any] = next(iter(document.get("servers", [])), {})
    nodes = [server, *server.get("variables", {}).values()]
    return {"url": default_url(document), "variable": _environment_variable(nodes, variable)}


def default_url(document: Document) -> str:
    """Return the URL of the first server with the defaults of its variables, or an empty text if there is none."""
    server: dict[str, Any] = next(iter(document.get("servers", [])), {"url": ""})
    url: str = server["url"]
    for name, each in server.get("variables", {}).items():
        url = url.replace(f"{{{name}}}", each["default"])
    return url.rstrip("/")


def _tags(document: Document) -> dict[str, str]:
    """Return the description of each tag, by the name of its package."""
    described = {tag["name"]: tag.get("description", "") for tag in document.get("tags", [])}
    tags = {(operation.get("tags") or ["default"])[0] for _, _, operation in named_operations(document)}
    return {tag_name(tag): described.get(tag) or f"The operations of `{tag}`." for tag in sorted(tags)}


def _class(document: Document, schema: Schema, *, in_request: bool, in_response: bool) -> Facts:
    properties = {name: dereferenced(document, inner) for name, inner in _properties(document, schema).items()}
    files = [name for name, inner in properties.items() if inner.get("contentEncoding") == "base64"]
    links = [name for name, inner in properties.items() if inner.get("format") == "uri"]
    return {
        "in_request": in_request,
        # A class that no operation uses is treated as part of a response, so that it can be decoded.
        "in_response": in_response or not in_request,
        # A closed enum allows only its own values. An enum in a response is open, because servers can add values.
        "is_closed": in_request and not in_response and not schema.get("x-open"),
        "forbids_others": False in (schema.get("additionalProperties"), schema.get("unevaluatedProperties")),
        "properties": {name: value_facts(document, inner) for name, inner in _properties(document, schema).items()},
        "values": _enum_values(schema),
        # One property with a file in base64 and one with a link: alternatives for the same file.
        "download": {"base64": files[0], "url": links[0]} if len(files) == 1 and len(links) == 1 else None,
    }


def value_facts(document: Document, schema: Schema) -> Facts:
    """Return the constraints that the client checks before it sends a value, and the note for the docstring.

    So is the description, where the schema has one beside a reference, which the generator would not see.
    """
    description = schema.get("description") if {"$ref", "allOf"} & schema.keys() else None
    schema = dereferenced(document, schema)
    values = _enum_values(schema)
    constraints = {
        "sizes": [
            {"unit": unit, "minimum": schema.get(minimum), "maximum": schema.get(maximum)}
            for unit, (minimum, maximum) in _SIZES.items()
            if minimum in schema or maximum in schema
        ],
        "pattern": python_pattern(schema["pattern"]) if "pattern" in schema else None,
        "choices": [] if schema.get("x-open") else values,
        "image": _image_rules(_image(document, schema)),
        "is_base64": schema.get("contentEncoding") == "base64",
    }
    return {
        # Jinja2 reads a member that is missing as none.
        **{name: constraint for name, constraint in constraints.items() if constraint},
        "number": {argument: schema[keyword] for keyword, argument in _NUMBER_BOUNDS.items() if keyword in schema},
        "note": _note(schema, values),
        **({"description": description} if description else {}),
    }


def _enum_values(schema: Schema) -> list[object]:
    """Return the values of an enum, or of a const, in the order of the document, without null."""
    listed = [schema["const"]] if "const" in schema else schema.get("enum", [])
    return [value for value in listed if value is not None]


def _image(document: Document, schema: Schema) -> dict[str, Any]:
    """Return the `x-image` of a file, or of the items of a list of files."""
    schema = dereferenced(document, schema)
    image: dict[str, Any] = dereferenced(document, schema.get("items", schema)).get("x-image", {})
    return image


def _image_rules(image: dict[str, Any]) -> Facts:
    """Return the arguments of `_preflight.ImageRules` for an `x-image`. A server may be looser in its other members."""
    rules = {
        "kinds": tuple(image.get("kinds", ())),
        "square": image.get("square", False),
        "side_multiple_of": image.get("sides", {}).get("multiple-of"),
        "invalid_from_bytes": image.get("invalid-from-bytes"),
    }
    return {name: value for name, value in rules.items() if value}


def _note(schema: Schema, values: list[object]) -> str:
    """Return the bounds as a sentence for docstrings, or an empty string if there are none."""
    has_both = "minimum" in schema and "maximum" in schema
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
        "pattern": "matching {}",
    }
    bounds = [f"from {schema['minimum']} to {schema['maximum']}"] if has_both else []
    told = {"minimum", "maximum"} if has_both else set[str]()
    bounds += [words[keyword].format(schema[keyword]) for keyword in words if keyword in schema.keys() - told]
    bounds = [re.sub(r"(\b1 (?:character|item))s$", r"\1", bound) for bound in bounds]
    if values and not schema.get("x-open"):
        bounds.append(f"one of {', '.join(map(str, values))}")
    note = "; ".join(bounds)
    return f"{note[0].upper()}{note[1:]}." if note else ""


def _operations(document: Document) -> dict[str, Facts]:
    methods = method_names(document)
    models = {id(schema): name for name, schema in classes(document) if "enum" not in schema}
    return {
        name: {
            "method": methods[name],
            "accept": _accept(document, operation),
            "flat": _flat_class(document, operation, models),
            "arguments": renamed_arguments(document, operation),
            "parameters": {
                parameter["name"]: value_facts(document, parameter.get("schema", {}))
                | {"description": parameter.get("description", "")}
                for parameter in (dereferenced(document, each) for each in operation["parameters"])
            },
        }
        for _, name, operation in named_operations(document)
    }


def _accept(document: Document, operation: dict[str, Any]) -> str | None:
    """Return the media types of the responses for the header `Accept`, or None if they are all application/json."""
    found = (dereferenced(document, response).get("content", {}) for response in operation["responses"].values())
    media_types = list(dict.fromkeys(media_type for content in found for media_type in content))
    return None if set(media_types) <= {"application/json"} else ", ".join(media_types)


def _flat_class(document: Document, operation: dict[str, Any], models: dict[int, str]) -> str | None:
    """Return the class of the body if its properties are the arguments of a method, or None.

    They are if the operation has a single body, which is required and a model. `models` has the class of each model by
    the id() of its schema.
    """
    schema = _single_body(document, operation)
    return None if schema is None else models.get(id(schema))


def _single_body(document: Document, operation: dict[str, Any]) -> Schema | None:
    """Return the schema of the body of an operation that has a single one, which is required; or None."""
    body = dereferenced(document, operation.get("requestBody", {}))
    media = list(body.get("content", {}).values())
    if len(media) != 1 or not body.get("required"):
        return None
    return dereferenced(document, media[0].get("schema", {}))


def renamed_arguments(document: Document, operation: dict[str, Any]) -> dict[str, str]:
    """Return the properties of the body whose arguments have `_` at the end, because each call has such an argument.

    So has a parameter of the same name.
    """
    schema = _single_body(document, operation)
    properties = {} if schema is None else _properties(document, schema)
    parameters = (dereferenced(document, each).get("name", "") for each in operation["parameters"])
    taken = {*ARGUMENTS, *map(python_name, parameters)}
    renamed: dict[str, str] = {}
    for name in properties:
        argument = python_name(name)
        if argument in taken:
            others = {*taken, *map(python_name, properties)}
            while argument in others:
                argument += "_"
            renamed[name] = argument
        taken.add(argument)
    return renamed


def method_names(document: Document) -> dict[str, str]:
    """Return the method name of each operation: its name without the name of the tag, if it stays unique in the tag.

    For example, `create_image_variation` of the tag `images` becomes `create_variation`.
    """
    names: dict[str, str] = {}
    for tag, name, _ in named_operations(document):
        words = name.split("_")
        redundant = next((word for word in words if word in {tag, tag.removesuffix("s")}), None)
        if redundant is not None and len(words) > 1:
            words.remove(redundant)
        names[name] = python_name("_".join(words))
    counts = Counter((tag, names[name]) for tag, name, _ in named_operations(document))
    return {name: names[name] if counts[tag, names[name]] == 1 else name for tag, name, _ in named_operations(document)}


def _part_types(document: Document) -> Iterator[tuple[int, dict[str, tuple[str, ...]]]]:
    """Yield the id() of the schema of each form, and the media types of its parts."""
    for _, _, operation in named_operations(document):
        content = dereferenced(document, operation.get("requestBody", {})).get("content", {})
        if FORM in content:
            yield id(dereferenced(document, content[FORM].get("schema", {}))), part_types(document, content[FORM])


def part_types(document: Document, media: dict[str, Any]) -> dict[str, tuple[str, ...]]:
    """Return the media types of the parts of a form: those of its encoding, and those of the kinds of its images."""
    properties = _properties(document, dereferenced(document, media.get("schema", {})))
    types: dict[str, tuple[str, ...]] = {}
    for name, encoding in media.get("encoding", {}).items():
        listed = [each.strip() for each in encoding.get("contentType", "").split(",")]
        kinds = [f"image/{kind}" for kind in _image(document, properties.get(name, {})).get("kinds", ())]
        if listed[0]:
            types[name] = tuple(dict.fromkeys([*listed, *kinds]))
    return types


def _properties(document: Document, schema: Schema) -> dict[str, Schema]:
    """Return the properties of a model, including those of its `allOf`."""
    properties: dict[str, Schema] = {}
    for part in schema.get("allOf", []):
        properties |= _properties(document, dereferenced(document, part))
    own: dict[str, Schema] = schema.get("properties", {})
    return properties | own


def _request_schemas(document: Document) -> Iterator[Schema]:
    for _, _, operation in named_operations(document):
        body = dereferenced(document, operation.get("requestBody", {}))
        for media in body.get("content", {}).values():
            yield media.get("schema", {})
        for parameter in operation["parameters"]:
            yield dereferenced(document, parameter).get("schema", {})


def response_schemas(document: Document) -> Iterator[Schema]:
    """Yield the schema of each body of a response."""
    for _, _, operation in named_operations(document):
        for response in operation["responses"].values():
            for media in dereferenced(document, response).get("content", {}).values():
                yield media.get("schema", {})


def reachable(document: Document, roots: Iterator[Schema]) -> set[int]:
    """Return the id() of the `roots` and of all schemas that they contain or refer to."""
    reached: set[int] = set()
    pending = list(roots)
    while pending:
        schema = dereferenced(document, pending.pop())
        if id(schema) not in reached:
            reached.add(id(schema))
            pending.extend(inner for _, inner in subschemas(schema))
    return reached
