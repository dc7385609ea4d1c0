"""Edits of a document and of a register, one for each rule of scripts/spec-diff."""

import json
from typing import Any

from regeneration.document import resolve
from spec_diff.members import ABSENT
from spec_diff.rules import RULES, Effect
from spec_diff.tree import Change, Comparison

BREAKING, ADDITIVE, EDITORIAL = Effect

OPERATION = "paths/~1photos/post"
FIELDS = f"{OPERATION}/requestBody/content/multipart~1form-data"
ANSWER = f"{OPERATION}/responses/200/content/application~1json"
A, B = {"type": "string"}, {"type": "integer"}
IMAGE = {"kinds": ["png"], "square": True, "sides": {"minimum": 2, "maximum": 9, "multiple-of": 2}}
FIELDS_AND_MEMBERS = {"properties": {"size": {}, "photo": {"x-image": IMAGE}}}
STUDIO: dict[str, Any] = {
    "openapi": "3.1.0",
    "info": {"version": "1.0.0"},
    "servers": [{"url": "http://a"}],
    "paths": {
        "/photos": {
            "post": {
                "tags": ["photos"],
                "parameters": [{"name": "lang", "in": "query", "schema": {}}],
                "requestBody": {
                    "required": True,
                    "content": {
                        "multipart/form-data": {
                            "schema": FIELDS_AND_MEMBERS,
                            "encoding": {"photo": {"contentType": "image/png"}},
                        }
                    },
                },
                "responses": {
                    "200": {
                        "headers": {"x-request-id": {}},
                        "content": {"application/json": {"schema": FIELDS_AND_MEMBERS}},
                    },
                },
                "x-statuses": {"other": {"must": [400], "should": [400]}},
            }
        }
    },
    "components": {"securitySchemes": {"key": {"type": "http", "scheme": "bearer"}}},
}
BEARER: list[dict[str, Any]] = [{"key": []}]

# What happens to the document: a place, the value before, and the value after. `schema:` and `image:` are places in a
# field of the request, and again in a member of the response.
Edit = tuple[str, Any, Any]
EXAMPLES: dict[tuple[str, str, str], Edit] = {
    ("document", "openapi", "changed"): ("openapi", "3.1.0", "3.0.3"),
    ("document", "openapi", "patched"): ("openapi", "3.1.0", "3.1.1"),
    ("document", "security", "added"): ("security", ABSENT, []),
    ("document", "security", "changed"): ("security", [], [{}]),
    ("document", "security", "removed"): ("security", [{}], ABSENT),
    ("document", "servers", "added"): ("servers", [{"url": "a"}], [{"url": "a"}, {"url": "b"}]),
    ("document", "servers", "removed"): ("servers", [{"url": "a"}, {"url": "b"}], [{"url": "a"}]),
    ("document", "servers", "first-added"): ("servers", [{"url": "a"}], [{"url": "b"}, {"url": "a"}]),
    ("document", "servers", "first-removed"): ("servers", [{"url": "a"}, {"url": "b"}], [{"url": "b"}]),
    ("document", "servers", "reordered"): ("servers", [{"url": "a"}, {"url": "b"}], [{"url": "b"}, {"url": "a"}]),
    ("document", "tags", "added"): ("tags", ABSENT, [{"name": "a"}]),
    ("document", "tags", "removed"): ("tags", [{"name": "a"}], ABSENT),
    ("document", "tags", "reordered"): ("tags", [{"name": "a"}, {"name": "b"}], [{"name": "b"}, {"name": "a"}]),
    ("document", "paths", "added"): ("paths/~1b", ABSENT, {}),
    ("document", "paths", "removed"): ("paths/~1b", {}, ABSENT),
    ("info", "version", "changed"): ("info/version", "1.0.0", "2.0.0"),
    ("server", "x-environment-variable", "added"): ("servers/0/x-environment-variable", ABSENT, "URL"),
    ("server", "x-environment-variable", "changed"): ("servers/0/x-environment-variable", "BASE", "URL"),
    ("server", "x-environment-variable", "removed"): ("servers/0/x-environment-variable", "BASE", ABSENT),
    ("scheme", "x-environment-variable", "added"): (
        "components/securitySchemes/key/x-environment-variable",
        ABSENT,
        "KEY",
    ),
    ("scheme", "x-environment-variable", "changed"): (
        "components/securitySchemes/key/x-environment-variable",
        "K",
        "KEY",
    ),
    ("scheme", "x-environment-variable", "removed"): (
        "components/securitySchemes/key/x-environment-variable",
        "K",
        ABSENT,
    ),
    ("scheme", "type", "changed"): ("components/securitySchemes/key/type", "http", "apiKey"),
    ("scheme", "scheme", "changed"): ("components/securitySchemes/key/scheme", "bearer", "basic"),
    ("components", "securitySchemes", "added"): ("components/securitySchemes/b", ABSENT, {}),
    ("components", "securitySchemes", "removed"): ("components/securitySchemes/b", {}, ABSENT),
    ("path", "operations", "added"): ("paths/~1photos/get", ABSENT, {}),
    ("path", "operations", "removed"): ("paths/~1photos/get", {}, ABSENT),
    ("operation", "operationId", "added"): (f"{OPERATION}/operationId", ABSENT, "a"),
    ("operation", "operationId", "changed"): (f"{OPERATION}/operationId", "a", "b"),
    ("operation", "operationId", "removed"): (f"{OPERATION}/operationId", "a", ABSENT),
    ("operation", "tags", "value-added"): (f"{OPERATION}/tags", ["a"], ["a", "b"]),
    ("operation", "tags", "first-added"): (f"{OPERATION}/tags", ["a"], ["b", "a"]),
    ("operation", "tags", "reordered"): (f"{OPERATION}/tags", ["a", "b"], ["b", "a"]),
    ("operation", "tags", "value-removed"): (f"{OPERATION}/tags", ["a"], ABSENT),
    ("operation", "deprecated", "enabled"): (f"{OPERATION}/deprecated", ABSENT, True),
    ("operation", "deprecated", "disabled"): (f"{OPERATION}/deprecated", True, ABSENT),
    ("operation", "security", "became-required"): (f"{OPERATION}/security", [{}, *BEARER], BEARER),
    ("operation", "security", "became-optional"): (f"{OPERATION}/security", BEARER, [{}, *BEARER]),
    ("operation", "security", "value-added"): (f"{OPERATION}/security", BEARER, [*BEARER, {"other": []}]),
    ("operation", "security", "value-removed"): (f"{OPERATION}/security", [*BEARER, {"other": []}], BEARER),
    ("operation", "security", "no-longer-checked"): (f"{OPERATION}/security", [{}, *BEARER], []),
    ("operation", "parameters", "required-added"): (
        f"{OPERATION}/parameters",
        [],
        [{"in": "query", "name": "a", "required": True}],
    ),
    ("operation", "parameters", "optional-added"): (f"{OPERATION}/parameters", [], [{"in": "query", "name": "a"}]),
    ("operation", "parameters", "required-removed"): (
        f"{OPERATION}/parameters",
        [{"in": "query", "name": "a", "required": True}],
        [],
    ),
    ("operation", "parameters", "optional-removed"): (f"{OPERATION}/parameters", [{"in": "query", "name": "a"}], []),
    ("operation", "parameters", "reordered"): (
        f"{OPERATION}/parameters",
        [{"in": "query", "name": "a"}, {"in": "query", "name": "b"}],
        [{"in": "query", "name": "b"}, {"in": "query", "name": "a"}],
    ),
    ("operation", "requestBody", "required-added"): (f"{OPERATION}/requestBody", ABSENT, {"required": True}),
    ("operation", "requestBody", "optional-added"): (f"{OPERATION}/requestBody", ABSENT, {}),
    ("operation", "requestBody", "required-removed"): (f"{OPERATION}/requestBody", {"required": True}, ABSENT),
    ("operation", "requestBody", "optional-removed"): (f"{OPERATION}/requestBody", {}, ABSENT),
    ("operation", "responses", "success-added"): (f"{OPERATION}/responses/202", ABSENT, {}),
    ("operation", "responses", "success-removed"): (f"{OPERATION}/responses/202", {}, ABSENT),
    ("operation", "responses", "non-success-added"): (f"{OPERATION}/responses/404", ABSENT, {}),
    ("operation", "responses", "non-success-removed"): (f"{OPERATION}/responses/404", {}, ABSENT),
    ("operation", "x-statuses", "added"): (f"{OPERATION}/x-statuses/wrong-key", ABSENT, {"must": [401]}),
    ("operation", "x-statuses", "removed"): (f"{OPERATION}/x-statuses/wrong-key", {"must": [401]}, ABSENT),
    ("statuses", "must", "value-added"): (f"{OPERATION}/x-statuses/other/must", [400], ["4XX"]),
    ("statuses", "must", "value-removed"): (f"{OPERATION}/x-statuses/other/must", ["4XX", 501], ["4XX"]),
    ("statuses", "should", "value-added"): (f"{OPERATION}/x-statuses/other/should", [400], [400, 404]),
    ("statuses", "should", "value-removed"): (f"{OPERATION}/x-statuses/other/should", [400, 404], [400]),
    ("parameter", "required", "enabled"): (f"{OPERATION}/parameters/0/required", ABSENT, True),
    ("parameter", "required", "disabled"): (f"{OPERATION}/parameters/0/required", True, False),
    ("parameter", "deprecated", "enabled"): (f"{OPERATION}/parameters/0/deprecated", ABSENT, True),
    ("parameter", "deprecated", "disabled"): (f"{OPERATION}/parameters/0/deprecated", True, ABSENT),
    ("body", "required", "enabled"): (f"{OPERATION}/requestBody/required", ABSENT, True),
    ("body", "required", "disabled"): (f"{OPERATION}/requestBody/required", True, False),
    ("body", "content", "added"): (f"{OPERATION}/requestBody/content/application~1json", ABSENT, {}),
    ("body", "content", "removed"): (f"{OPERATION}/requestBody/content/application~1json", {}, ABSENT),
    ("response", "content", "added"): (f"{OPERATION}/responses/200/content/text~1plain", ABSENT, {}),
    ("response", "content", "removed"): (f"{OPERATION}/responses/200/content/text~1plain", {}, ABSENT),
    ("response", "headers", "required-added"): (f"{OPERATION}/responses/200/headers/a", ABSENT, {"required": True}),
    ("response", "headers", "optional-added"): (f"{OPERATION}/responses/200/headers/a", ABSENT, {}),
    ("response", "headers", "required-removed"): (f"{OPERATION}/responses/200/headers/a", {"required": True}, ABSENT),
    ("response", "headers", "optional-removed"): (f"{OPERATION}/responses/200/headers/a", {}, ABSENT),
    ("header", "required", "enabled"): (f"{OPERATION}/responses/200/headers/x-request-id/required", ABSENT, True),
    ("header", "required", "disabled"): (f"{OPERATION}/responses/200/headers/x-request-id/required", True, False),
    ("media", "encoding", "added"): (f"{FIELDS}/encoding/mask", ABSENT, {"contentType": "image/png"}),
    ("media", "encoding", "removed"): (f"{FIELDS}/encoding/mask", {"contentType": "image/png"}, ABSENT),
    ("encoding", "contentType", "added"): (f"{FIELDS}/encoding/photo/contentType", ABSENT, "image/png"),
    ("encoding", "contentType", "removed"): (f"{FIELDS}/encoding/photo/contentType", "image/png", ABSENT),
    ("encoding", "contentType", "value-added"): (
        f"{FIELDS}/encoding/photo/contentType",
        "image/png",
        "image/png, image/gif",
    ),
    ("encoding", "contentType", "value-removed"): (
        f"{FIELDS}/encoding/photo/contentType",
        "image/png,image/gif",
        "image/png",
    ),
    ("schema", "properties", "request-required-added"): (
        f"{FIELDS}/schema",
        {},
        {"properties": {"a": A}, "required": ["a"]},
    ),
    ("schema", "properties", "request-optional-added"): (f"{FIELDS}/schema/properties/a", ABSENT, A),
    ("schema", "properties", "request-required-removed"): (
        f"{FIELDS}/schema",
        {"properties": {"a": A}, "required": ["a"]},
        {},
    ),
    ("schema", "properties", "request-optional-removed"): (f"{FIELDS}/schema/properties/a", A, ABSENT),
    ("schema", "properties", "response-required-added"): (
        f"{ANSWER}/schema",
        {},
        {"properties": {"a": A}, "required": ["a"]},
    ),
    ("schema", "properties", "response-optional-added"): (f"{ANSWER}/schema/properties/a", ABSENT, A),
    ("schema", "properties", "response-required-removed"): (
        f"{ANSWER}/schema",
        {"properties": {"a": A}, "required": ["a"]},
        {},
    ),
    ("schema", "properties", "response-optional-removed"): (f"{ANSWER}/schema/properties/a", A, ABSENT),
    ("schema", "properties", "closed-added"): (
        "schema:",
        {"additionalProperties": False},
        {"additionalProperties": False, "properties": {"a": A}},
    ),
    ("schema", "properties", "closed-removed"): (
        "schema:",
        {"additionalProperties": B, "properties": {"a": A}},
        {"additionalProperties": B},
    ),
    ("schema", "required", "value-added"): ("schema:required", ["a"], ["a", "b"]),
    ("schema", "required", "value-removed"): ("schema:required", ["a"], ABSENT),
    ("schema", "type", "generalized"): ("schema:type", "integer", "number"),
    ("schema", "type", "specialized"): ("schema:type", ABSENT, "string"),
    ("schema", "type", "changed"): ("schema:type", "string", "integer"),
    ("schema", "type", "became-nullable"): ("schema:type", "string", ["string", "null"]),
    ("schema", "type", "became-not-nullable"): ("schema:type", ["string", "null"], "string"),
    ("schema", "enum", "added"): ("schema:enum", ABSENT, ["a"]),
    ("schema", "enum", "removed"): ("schema:enum", ["a"], ABSENT),
    ("schema", "enum", "value-added"): ("schema:enum", ["a"], ["a", "b"]),
    ("schema", "enum", "value-removed"): ("schema:enum", ["a", "b"], ["b"]),
    ("schema", "x-open", "request-enabled"): ("schema:x-open", ABSENT, True),
    ("schema", "x-open", "response-enabled"): ("schema:x-open", ABSENT, True),
    ("schema", "x-open", "disabled"): ("schema:x-open", True, False),
    ("schema", "deprecated", "enabled"): ("schema:deprecated", ABSENT, True),
    ("schema", "deprecated", "disabled"): ("schema:deprecated", True, False),
    ("schema", "multipleOf", "generalized"): ("schema:multipleOf", 1, 0.5),
    ("schema", "multipleOf", "specialized"): ("schema:multipleOf", 2, 8),
    ("schema", "multipleOf", "changed"): ("schema:multipleOf", 2, 3),
    ("schema", "uniqueItems", "enabled"): ("schema:uniqueItems", ABSENT, True),
    ("schema", "uniqueItems", "disabled"): ("schema:uniqueItems", True, False),
    ("schema", "additionalProperties", "enabled"): ("schema:additionalProperties", False, ABSENT),
    ("schema", "additionalProperties", "disabled"): ("schema:additionalProperties", ABSENT, False),
    ("schema", "additionalProperties", "generalized"): ("schema:additionalProperties", False, B),
    ("schema", "additionalProperties", "specialized"): ("schema:additionalProperties", ABSENT, A),
    ("schema", "items", "added"): ("schema:items", ABSENT, A),
    ("schema", "items", "removed"): ("schema:items", A, ABSENT),
    ("schema", "allOf", "added"): ("schema:allOf", [A], [A, B]),
    ("schema", "allOf", "removed"): ("schema:allOf", [A, B], [A]),
    ("schema", "anyOf", "added"): ("schema:anyOf", [A], [B, A]),
    ("schema", "anyOf", "removed"): ("schema:anyOf", [A, B], [B]),
    ("schema", "oneOf", "added"): ("schema:oneOf", [A], [B, A]),
    ("schema", "oneOf", "removed"): ("schema:oneOf", [A, B], [B]),
    ("schema", "anyOf", "set"): ("schema:anyOf", ABSENT, [A]),
    ("schema", "anyOf", "unset"): ("schema:anyOf", [A], ABSENT),
    ("schema", "oneOf", "set"): ("schema:oneOf", ABSENT, [A]),
    ("schema", "oneOf", "unset"): ("schema:oneOf", [A], ABSENT),
    ("schema", "x-image", "added"): ("schema:x-image", ABSENT, IMAGE),
    ("schema", "x-image", "removed"): ("schema:x-image", IMAGE, ABSENT),
    ("image", "kinds", "value-added"): ("image:kinds", ["png"], ["jpeg", "png"]),
    ("image", "kinds", "value-removed"): ("image:kinds", ["png", "gif"], ["png"]),
    ("image", "square", "enabled"): ("image:square", False, True),
    ("image", "square", "disabled"): ("image:square", True, False),
    ("image", "other-names", "value-added"): ("image:other-names", ABSENT, ["image[]"]),
    ("image", "other-names", "value-removed"): ("image:other-names", ["image[]"], []),
    ("sides", "minimum", "decreased"): ("image:sides/minimum", 2, 1),
    ("sides", "minimum", "increased"): ("image:sides/minimum", 2, 4),
    ("sides", "maximum", "decreased"): ("image:sides/maximum", 8, 4),
    ("sides", "maximum", "increased"): ("image:sides/maximum", 8, 9),
    ("sides", "multiple-of", "generalized"): ("image:sides/multiple-of", 8, ABSENT),
    ("sides", "multiple-of", "specialized"): ("image:sides/multiple-of", ABSENT, 8),
    ("image", "valid-below-bytes", "decreased"): ("image:valid-below-bytes", 4, 3),
    ("image", "valid-below-bytes", "increased"): ("image:valid-below-bytes", 4, 5),
    ("image", "invalid-from-bytes", "decreased"): ("image:invalid-from-bytes", 4, 3),
    ("image", "invalid-from-bytes", "increased"): ("image:invalid-from-bytes", 4, 5),
    **{("schema", key, "added"): (f"schema:{key}", ABSENT, "a") for key in ("default", "x-default", "format")},
    **{("schema", key, "changed"): (f"schema:{key}", "a", "b") for key in ("default", "x-default", "format")},
    **{("schema", key, "removed"): (f"schema:{key}", "a", ABSENT) for key in ("default", "x-default")},
}
for _key in ("pattern", "contentEncoding", "contentMediaType", "format", "multipleOf"):
    _value: Any = 2 if _key == "multipleOf" else "a"
    EXAMPLES["schema", _key, "added"] = (f"schema:{_key}", ABSENT, _value)
    EXAMPLES["schema", _key, "removed"] = (f"schema:{_key}", _value, ABSENT)
    EXAMPLES.setdefault(("schema", _key, "changed"), (f"schema:{_key}", _value, "b"))
for _kind, _key, _action in RULES:
    if _action in {"increased", "decreased"} and _kind == "schema":
        EXAMPLES["schema", _key, "increased"] = (f"schema:{_key}", 4, 5)
        EXAMPLES["schema", _key, "decreased"] = (f"schema:{_key}", 4, 3)
        EXAMPLES["schema", _key, "added"] = (f"schema:{_key}", ABSENT, 4)
        EXAMPLES["schema", _key, "removed"] = (f"schema:{_key}", 4, ABSENT)


def edited(document: dict[str, Any], place: str, value: Any) -> dict[str, Any]:
    """Return a copy of a document with another value at a place, or with none."""
    document = json.loads(json.dumps(document))  # no part is there twice
    parent, _, key = place.rpartition("/")
    node: Any = resolve(document, f"#/{parent}") if parent else document
    step: Any = int(key) if isinstance(node, list) else key.replace("~1", "/")
    if value is ABSENT:
        node.pop(step, None)
    else:
        node[step] = value
    return document


def compared(old: dict[str, Any], new: dict[str, Any]) -> list[Change]:
    """Return the changes of two documents."""
    return Comparison(old, new).run()


def entry(**keys: Any) -> dict[str, Any]:
    """Return an entry of a register."""
    return {"id": "ONE", "level": "must", "text": "A is b.", "source": "page:a", "since": "1.0.0", **keys}


def register(*entries: dict[str, Any], section: str = "requirements") -> dict[str, Any]:
    """Return a register."""
    return {"requirements": [entry(id="TWO", text="C is d.")], section: [*entries]}


_MUST, _SHOULD, _MAY = (entry(level=level) for level in ("must", "should", "may"))
_SEEN, _MORE_SEEN = ({"every": "refusal", "situations": ["b", "a"][-number:]} for number in (1, 2))
REGISTERS: dict[str, tuple[dict[str, Any], dict[str, Any], tuple[str, Effect, Effect, str]]] = {
    "a MUST added": (register(), register(_MUST), ("requirement-added", ADDITIVE, BREAKING, "minor")),
    "a SHOULD added": (register(), register(_SHOULD), ("requirement-added", ADDITIVE, ADDITIVE, "minor")),
    "a MAY added": (register(), register(_MAY), ("requirement-added", BREAKING, ADDITIVE, "minor")),
    "a MUST removed": (register(_MUST), register(), ("requirement-removed", BREAKING, ADDITIVE, "major")),
    "a SHOULD removed": (register(_SHOULD), register(), ("requirement-removed", BREAKING, ADDITIVE, "major")),
    "a MAY removed": (register(_MAY), register(), ("requirement-removed", ADDITIVE, BREAKING, "major")),
    "raised": (register(_SHOULD), register(_MUST), ("requirement-level-raised", ADDITIVE, BREAKING, "major")),
    "lowered": (register(_MUST), register(_SHOULD), ("requirement-level-lowered", BREAKING, ADDITIVE, "major")),
    "another id": (
        register(_MUST),
        register(entry(id="FOUR")),
        ("requirement-id-changed", BREAKING, BREAKING, "major"),
    ),
    "other words": (
        register(_MUST),
        register(entry(text="A is B.")),
        ("requirement-text-changed", EDITORIAL, EDITORIAL, "patch"),
    ),
    "another source": (
        register(_MUST),
        register(entry(source=["page:a"])),
        ("requirement-source-changed", EDITORIAL, EDITORIAL, "patch"),
    ),
    "another version": (
        register(_MUST),
        register(entry(since="1.1.0")),
        ("requirement-since-changed", EDITORIAL, EDITORIAL, "patch"),
    ),
    **{
        f"another {key}": (
            register(_MUST),
            register(entry(**{key: value})),
            (f"requirement-{key}-changed", EDITORIAL, ADDITIVE, "minor"),
        )
        for key, value in {"about": {}, "evidence": {}, "excluded": "No.", "pointer": "/a", "variants": []}.items()
    },
    "more evidence of a MUST": (
        register(entry(evidence=_SEEN)),
        register(entry(evidence=_MORE_SEEN)),
        ("requirement-evidence-widened", ADDITIVE, BREAKING, "minor"),
    ),
    "more evidence of a SHOULD": (
        register(entry(level="should", evidence=_SEEN)),
        register(entry(level="should", evidence=_MORE_SEEN)),
        ("requirement-evidence-widened", ADDITIVE, ADDITIVE, "minor"),
    ),
    "less evidence": (
        register(entry(evidence=_MORE_SEEN)),
        register(entry(evidence=_SEEN)),
        ("requirement-evidence-changed", EDITORIAL, ADDITIVE, "minor"),
    ),
    "planned": (
        {"requirements": [_MUST], "planned": []},
        {"requirements": [], "planned": [_MUST]},
        ("requirement-no-longer-judged", EDITORIAL, ADDITIVE, "minor"),
    ),
    "judged": (
        {"requirements": [], "planned": [_MUST]},
        {"requirements": [_MUST], "planned": []},
        ("requirement-judged", EDITORIAL, ADDITIVE, "minor"),
    ),
    "another order": (
        register(_MUST, entry(id="THREE")),
        register(entry(id="THREE"), _MUST),
        ("requirements-reordered", EDITORIAL, EDITORIAL, "patch"),
    ),
    "an unknown key": (
        register(_MUST),
        register(entry(severity="high")),
        ("unknown-change", BREAKING, BREAKING, "major"),
    ),
    "an unknown section": (
        register(_MUST),
        {**register(_MUST), "retired": []},
        ("unknown-change", BREAKING, BREAKING, "major"),
    ),
}
