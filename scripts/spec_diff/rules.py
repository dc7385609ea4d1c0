"""What each change of the contract means for callers and for servers, and which bump of the version it needs.

The ids are those of oasdiff where it has one for the change, and formed alike where it has none.

A contract has two sides. A request that becomes valid breaks servers that refuse it. One that becomes invalid breaks
callers, and servers too, since they must refuse it. A response that may hold more breaks callers, one that may hold
less breaks servers. So the bump does not follow from that alone: it is major if something is taken back, and minor if
the contract says something about what it was silent on before.
"""

from collections.abc import Iterator
from enum import StrEnum
from typing import Literal, TypeAlias

from attrs import frozen

Direction: TypeAlias = Literal["request", "response"]
Bump: TypeAlias = Literal["patch", "minor", "major"]


class Effect(StrEnum):
    """What a change is for one side. A server or caller that is right before is wrong after a breaking one."""

    BREAKING = "breaking"
    ADDITIVE = "additive"
    EDITORIAL = "editorial"


_BREAKING, _ADDITIVE, _EDITORIAL = Effect


@frozen
class Impact:
    """The effect for callers, that for servers, and the bump."""

    callers: Effect
    servers: Effect
    bump: Bump


class Shift(StrEnum):
    """How the set of valid values changes."""

    WIDENED = "widened"
    NARROWED = "narrowed"
    CHANGED = "changed"


WIDENED, NARROWED, CHANGED = Shift
BREAKS_BOTH = Impact(_BREAKING, _BREAKING, "major")
BREAKS_CALLERS = Impact(_BREAKING, _ADDITIVE, "major")
BREAKS_SERVERS = Impact(_ADDITIVE, _BREAKING, "major")
SAYS_MORE = Impact(_ADDITIVE, _BREAKING, "minor")  # servers must do what was left open
PERMITS_MORE = Impact(_BREAKING, _ADDITIVE, "minor")  # callers must expect what was left open
SUGGESTS_MORE = Impact(_ADDITIVE, _ADDITIVE, "minor")  # servers may or should do it
CLIENT_NAMES = Impact(_BREAKING, _EDITORIAL, "major")  # what the generated client is called, or reads
CLIENT_MORE = Impact(_ADDITIVE, _EDITORIAL, "minor")
SUITE = Impact(_EDITORIAL, _ADDITIVE, "minor")  # what a run looks at
WORDS = Impact(_EDITORIAL, _EDITORIAL, "patch")
CLASSES = {"added": CLIENT_MORE, "removed": CLIENT_NAMES}
"""The impact of a schema that is added to the components, or removed: the client has a class of its name."""

IMPACTS: dict[tuple[Direction, Shift], Impact] = {
    ("request", WIDENED): BREAKS_SERVERS,
    ("request", NARROWED): BREAKS_BOTH,
    ("request", CHANGED): BREAKS_BOTH,
    ("response", WIDENED): BREAKS_CALLERS,
    ("response", NARROWED): BREAKS_SERVERS,
    ("response", CHANGED): BREAKS_BOTH,
}

_OPPOSITE = {WIDENED: NARROWED, NARROWED: WIDENED, CHANGED: CHANGED}


@frozen
class Rule:
    """The id of a change, in which `{at}` is its place such as request-property, and its effect there."""

    id: str
    effect: Impact | Shift

    def impact(self, direction: Direction, sense: int) -> Impact:
        """Return the impact. `sense` is -1 below a `not`, and 0 where a narrower schema may be anything, as in `if`."""
        if isinstance(self.effect, Impact):
            return self.effect if sense == 1 or self.effect == WORDS else BREAKS_BOTH
        shift = {1: self.effect, 0: CHANGED, -1: _OPPOSITE[self.effect]}[sense]
        return IMPACTS[direction, shift]


UNKNOWN = Rule("unknown-change", BREAKS_BOTH)
REWORDED = Rule("description-changed", WORDS)
RESTATED = Rule("same-said-otherwise", WORDS)
WORD_KEYS = frozenset(
    {
        "$comment",
        "bearerFormat",
        "contact",
        "description",
        "example",
        "examples",
        "externalDocs",
        "license",
        "summary",
        "termsOfService",
        "title",
    }
)
"""Members of any object that are words for people."""

# Kind of object, key, what happened: id, effect. An `x-` key of ours is explained at the head of spec/openapi.yaml.
_ROWS: tuple[tuple[str, str, str, str, Impact | Shift], ...] = (
    ("document", "openapi", "changed", "openapi-version-changed", BREAKS_BOTH),  # keywords mean something else
    ("document", "openapi", "patched", "openapi-patch-version-changed", WORDS),
    # What it means shows at each operation.
    ("document", "security", "added", "api-global-security-added", WORDS),
    ("document", "security", "changed", "api-global-security-changed", WORDS),
    ("document", "security", "removed", "api-global-security-removed", WORDS),
    ("document", "servers", "added", "api-server-added", CLIENT_MORE),
    ("document", "servers", "removed", "api-server-removed", CLIENT_NAMES),
    # The first one is the default of the client.
    ("document", "servers", "first-added", "api-first-server-added", CLIENT_NAMES),
    ("document", "servers", "first-removed", "api-first-server-removed", CLIENT_NAMES),
    ("document", "servers", "reordered", "api-server-order-changed", CLIENT_NAMES),
    ("document", "tags", "added", "api-tag-described", WORDS),
    ("document", "tags", "removed", "api-tag-no-longer-described", WORDS),
    ("document", "tags", "reordered", "api-tags-reordered", WORDS),
    ("document", "paths", "added", "endpoint-added", SAYS_MORE),
    ("document", "paths", "removed", "api-path-removed-without-deprecation", BREAKS_CALLERS),
    ("info", "version", "changed", "api-version-changed", WORDS),
    ("server", "x-environment-variable", "added", "api-server-variable-added", CLIENT_MORE),
    ("server", "x-environment-variable", "changed", "api-server-variable-changed", CLIENT_NAMES),
    ("server", "x-environment-variable", "removed", "api-server-variable-removed", CLIENT_NAMES),
    ("scheme", "x-environment-variable", "added", "api-security-variable-added", CLIENT_MORE),
    ("scheme", "x-environment-variable", "changed", "api-security-variable-changed", CLIENT_NAMES),
    ("scheme", "x-environment-variable", "removed", "api-security-variable-removed", CLIENT_NAMES),
    ("scheme", "type", "changed", "api-security-component-type-changed", BREAKS_BOTH),
    ("scheme", "scheme", "changed", "api-security-component-scheme-changed", BREAKS_BOTH),
    # What needs it shows at each operation.
    ("components", "securitySchemes", "added", "api-security-component-added", WORDS),
    ("components", "securitySchemes", "removed", "api-security-component-removed", WORDS),
    ("path", "operations", "added", "endpoint-added", SAYS_MORE),
    ("path", "operations", "removed", "api-removed-without-deprecation", BREAKS_CALLERS),
    ("operation", "operationId", "added", "api-operation-id-added", CLIENT_NAMES),
    ("operation", "operationId", "changed", "api-operation-id-changed", CLIENT_NAMES),
    ("operation", "operationId", "removed", "api-operation-id-removed", CLIENT_NAMES),
    ("operation", "tags", "value-added", "api-tag-added", CLIENT_MORE),
    ("operation", "tags", "first-added", "api-first-tag-added", CLIENT_NAMES),  # it names the attribute of the client
    ("operation", "tags", "reordered", "api-tag-order-changed", CLIENT_NAMES),
    ("operation", "tags", "value-removed", "api-tag-removed", CLIENT_NAMES),
    ("operation", "deprecated", "enabled", "endpoint-deprecated", CLIENT_MORE),
    ("operation", "deprecated", "disabled", "endpoint-reactivated", CLIENT_MORE),
    ("operation", "security", "became-required", "api-security-became-required", BREAKS_BOTH),
    ("operation", "security", "became-optional", "api-security-became-optional", BREAKS_SERVERS),
    ("operation", "security", "value-added", "api-security-added", BREAKS_SERVERS),
    ("operation", "security", "value-removed", "api-security-removed", BREAKS_BOTH),
    ("operation", "security", "no-longer-checked", "api-security-removed", BREAKS_SERVERS),
    ("operation", "parameters", "required-added", "new-required-request-parameter", BREAKS_BOTH),
    ("operation", "parameters", "optional-added", "new-optional-request-parameter", SAYS_MORE),
    ("operation", "parameters", "required-removed", "request-parameter-removed", BREAKS_BOTH),
    ("operation", "parameters", "optional-removed", "request-parameter-removed", BREAKS_CALLERS),
    ("operation", "parameters", "reordered", "request-parameters-reordered", WORDS),
    ("operation", "requestBody", "required-added", "request-body-added-required", BREAKS_BOTH),
    ("operation", "requestBody", "optional-added", "request-body-added-optional", SAYS_MORE),
    ("operation", "requestBody", "required-removed", "request-body-removed", BREAKS_BOTH),
    ("operation", "requestBody", "optional-removed", "request-body-removed", BREAKS_CALLERS),
    ("operation", "responses", "success-added", "response-success-status-added", BREAKS_CALLERS),
    ("operation", "responses", "success-removed", "response-success-status-removed", BREAKS_BOTH),
    ("operation", "responses", "non-success-added", "response-non-success-status-added", SUGGESTS_MORE),
    ("operation", "responses", "non-success-removed", "response-non-success-status-removed", BREAKS_SERVERS),
    ("operation", "x-statuses", "added", "refusal-kind-added", SAYS_MORE),
    ("operation", "x-statuses", "removed", "refusal-kind-removed", BREAKS_CALLERS),
    ("statuses", "must", "value-added", "refusal-status-added", BREAKS_CALLERS),
    ("statuses", "must", "value-removed", "refusal-status-removed", BREAKS_SERVERS),
    ("statuses", "should", "value-added", "refusal-status-recommended", SUGGESTS_MORE),
    ("statuses", "should", "value-removed", "refusal-status-no-longer-recommended", BREAKS_SERVERS),
    ("parameter", "required", "enabled", "request-parameter-became-required", BREAKS_BOTH),
    ("parameter", "required", "disabled", "request-parameter-became-optional", BREAKS_SERVERS),
    ("parameter", "deprecated", "enabled", "request-parameter-deprecated", CLIENT_MORE),
    ("parameter", "deprecated", "disabled", "request-parameter-reactivated", CLIENT_MORE),
    ("body", "required", "enabled", "request-body-became-required", BREAKS_BOTH),
    ("body", "required", "disabled", "request-body-became-optional", BREAKS_SERVERS),
    ("body", "content", "added", "request-body-media-type-added", BREAKS_SERVERS),
    ("body", "content", "removed", "request-body-media-type-removed", BREAKS_BOTH),
    ("response", "content", "added", "response-media-type-added", BREAKS_CALLERS),
    ("response", "content", "removed", "response-media-type-removed", BREAKS_BOTH),
    ("response", "headers", "required-added", "response-header-added", SAYS_MORE),
    ("response", "headers", "optional-added", "response-header-added", SUGGESTS_MORE),
    ("response", "headers", "required-removed", "required-response-header-removed", BREAKS_CALLERS),
    ("response", "headers", "optional-removed", "optional-response-header-removed", BREAKS_CALLERS),
    ("header", "required", "enabled", "{at}-became-required", NARROWED),
    ("header", "required", "disabled", "{at}-became-optional", WIDENED),
    # A part whose type nothing says may have any.
    ("media", "encoding", "added", "request-part-encoding-added", BREAKS_BOTH),
    ("media", "encoding", "removed", "request-part-encoding-removed", BREAKS_SERVERS),
    ("encoding", "contentType", "added", "request-part-content-type-set", BREAKS_BOTH),
    ("encoding", "contentType", "removed", "request-part-content-type-unset", BREAKS_SERVERS),
    ("encoding", "contentType", "value-added", "request-part-content-type-added", BREAKS_SERVERS),
    ("encoding", "contentType", "value-removed", "request-part-content-type-removed", BREAKS_BOTH),
    ("schema", "properties", "request-required-added", "new-required-request-property", BREAKS_BOTH),
    ("schema", "properties", "request-optional-added", "new-optional-request-property", SAYS_MORE),
    ("schema", "properties", "request-required-removed", "request-property-removed", BREAKS_BOTH),
    ("schema", "properties", "request-optional-removed", "request-property-removed", BREAKS_CALLERS),
    ("schema", "properties", "response-required-added", "response-required-property-added", SAYS_MORE),
    ("schema", "properties", "response-optional-added", "response-optional-property-added", SUGGESTS_MORE),
    ("schema", "properties", "response-required-removed", "response-required-property-removed", BREAKS_CALLERS),
    ("schema", "properties", "response-optional-removed", "response-optional-property-removed", BREAKS_CALLERS),
    ("schema", "properties", "closed-added", "{direction}-property-added-to-closed-object", CHANGED),
    ("schema", "properties", "closed-removed", "{direction}-property-removed-from-closed-object", CHANGED),
    ("schema", "required", "value-added", "{direction}-property-became-required", NARROWED),
    ("schema", "required", "value-removed", "{direction}-property-became-optional", WIDENED),
    ("schema", "type", "generalized", "{at}-type-generalized", WIDENED),
    ("schema", "type", "specialized", "{at}-type-specialized", NARROWED),
    ("schema", "type", "changed", "{at}-type-changed", CHANGED),
    ("schema", "type", "became-nullable", "{at}-became-nullable", WIDENED),
    ("schema", "type", "became-not-nullable", "{at}-became-not-nullable", NARROWED),
    ("schema", "enum", "added", "{at}-became-enum", NARROWED),
    ("schema", "enum", "removed", "{at}-enum-removed", WIDENED),
    ("schema", "enum", "value-added", "{at}-enum-value-added", WIDENED),
    ("schema", "enum", "value-removed", "{at}-enum-value-removed", NARROWED),
    ("schema", "x-open", "request-enabled", "{at}-enum-opened", CLIENT_MORE),
    ("schema", "x-open", "response-enabled", "{at}-enum-opened", CLIENT_NAMES),  # callers must expect any value
    ("schema", "x-open", "disabled", "{at}-enum-closed", CLIENT_NAMES),
    ("schema", "deprecated", "enabled", "{at}-deprecated", CLIENT_MORE),
    ("schema", "deprecated", "disabled", "{at}-reactivated", CLIENT_MORE),
    ("schema", "multipleOf", "generalized", "{at}-multiple-of-generalized", WIDENED),
    ("schema", "multipleOf", "specialized", "{at}-multiple-of-specialized", NARROWED),
    ("schema", "uniqueItems", "enabled", "{at}-unique-items-set", NARROWED),
    ("schema", "uniqueItems", "disabled", "{at}-unique-items-unset", WIDENED),
    ("schema", "additionalProperties", "enabled", "{at}-additional-properties-allowed", WIDENED),
    ("schema", "additionalProperties", "disabled", "{at}-additional-properties-disallowed", NARROWED),
    ("schema", "additionalProperties", "generalized", "{at}-additional-properties-generalized", WIDENED),
    ("schema", "additionalProperties", "specialized", "{at}-additional-properties-specialized", NARROWED),
    ("schema", "items", "added", "{at}-items-added", NARROWED),
    ("schema", "items", "removed", "{at}-items-removed", WIDENED),
    ("schema", "allOf", "added", "{at}-all-of-added", NARROWED),
    ("schema", "allOf", "removed", "{at}-all-of-removed", WIDENED),
    ("schema", "anyOf", "added", "{at}-any-of-added", WIDENED),
    ("schema", "anyOf", "removed", "{at}-any-of-removed", NARROWED),
    ("schema", "oneOf", "added", "{at}-one-of-added", CHANGED),  # a value of two alternatives is valid by none
    ("schema", "oneOf", "removed", "{at}-one-of-removed", CHANGED),
    ("schema", "anyOf", "set", "{at}-any-of-set", NARROWED),
    ("schema", "anyOf", "unset", "{at}-any-of-unset", WIDENED),
    ("schema", "oneOf", "set", "{at}-one-of-set", NARROWED),
    ("schema", "oneOf", "unset", "{at}-one-of-unset", WIDENED),
    ("schema", "x-image", "added", "{at}-image-rules-added", NARROWED),
    ("schema", "x-image", "removed", "{at}-image-rules-removed", WIDENED),
    ("image", "kinds", "value-added", "{at}-image-kind-added", WIDENED),
    ("image", "kinds", "value-removed", "{at}-image-kind-removed", NARROWED),
    ("image", "square", "enabled", "{at}-image-became-square", NARROWED),
    ("image", "square", "disabled", "{at}-image-became-any-ratio", WIDENED),
    ("image", "other-names", "value-added", "{at}-other-name-added", SAYS_MORE),
    ("image", "other-names", "value-removed", "{at}-other-name-removed", BREAKS_CALLERS),
    # Other sides, and bytes between the two limits, are neither valid nor invalid.
    ("sides", "minimum", "decreased", "{at}-image-min-side-decreased", SAYS_MORE),
    ("sides", "minimum", "increased", "{at}-image-min-side-increased", BREAKS_CALLERS),
    ("sides", "maximum", "decreased", "{at}-image-max-side-decreased", BREAKS_CALLERS),
    ("sides", "maximum", "increased", "{at}-image-max-side-increased", SAYS_MORE),
    ("sides", "multiple-of", "generalized", "{at}-image-side-multiple-generalized", SAYS_MORE),
    ("sides", "multiple-of", "specialized", "{at}-image-side-multiple-specialized", BREAKS_CALLERS),
    ("image", "valid-below-bytes", "decreased", "{at}-valid-bytes-decreased", BREAKS_CALLERS),
    ("image", "valid-below-bytes", "increased", "{at}-valid-bytes-increased", SAYS_MORE),
    ("image", "invalid-from-bytes", "decreased", "{at}-max-bytes-decreased", BREAKS_BOTH),
    ("image", "invalid-from-bytes", "increased", "{at}-max-bytes-increased", SUGGESTS_MORE),
    ("register", "requirements", "must-added", "requirement-added", SAYS_MORE),
    ("register", "requirements", "should-added", "requirement-added", SUGGESTS_MORE),
    ("register", "requirements", "may-added", "requirement-added", PERMITS_MORE),
    ("register", "requirements", "must-removed", "requirement-removed", BREAKS_CALLERS),
    ("register", "requirements", "should-removed", "requirement-removed", BREAKS_CALLERS),
    ("register", "requirements", "may-removed", "requirement-removed", BREAKS_SERVERS),
    ("register", "requirements", "id-changed", "requirement-id-changed", BREAKS_BOTH),
    ("register", "requirements", "planned", "requirement-no-longer-judged", SUITE),
    ("register", "requirements", "judged", "requirement-judged", SUITE),
    ("register", "requirements", "reordered", "requirements-reordered", WORDS),
    ("requirement", "level", "raised", "requirement-level-raised", BREAKS_SERVERS),
    ("requirement", "level", "lowered", "requirement-level-lowered", BREAKS_CALLERS),
    ("requirement", "evidence", "must-widened", "requirement-evidence-widened", SAYS_MORE),
    ("requirement", "evidence", "should-widened", "requirement-evidence-widened", SUGGESTS_MORE),
    ("requirement", "text", "changed", "requirement-text-changed", WORDS),
    ("requirement", "source", "changed", "requirement-source-changed", WORDS),
    ("requirement", "since", "changed", "requirement-since-changed", WORDS),
)
_SUITE_KEYS = ("about", "evidence", "excluded", "pointer", "variants")
_BOUNDS = {
    "maximum": ("max", WIDENED),
    "exclusiveMaximum": ("exclusive-max", WIDENED),
    "maxLength": ("max-length", WIDENED),
    "maxItems": ("max-items", WIDENED),
    "maxProperties": ("max-properties", WIDENED),
    "minimum": ("min", NARROWED),
    "exclusiveMinimum": ("exclusive-min", NARROWED),
    "minLength": ("min-length", NARROWED),
    "minItems": ("min-items", NARROWED),
    "minProperties": ("min-properties", NARROWED),
}
"""The bounds of values: the stem of their ids, and what an increase does."""
_CONSTRAINTS = {"pattern": "pattern", "format": "format", "multipleOf": "multiple-of"} | {
    "contentEncoding": "content-encoding",
    "contentMediaType": "content-media-type",
}
_DEFAULTS = {"default": "default-value", "x-default": "x-default"}


def _table() -> Iterator[tuple[tuple[str, str, str], Rule]]:
    for kind, key, action, rule_id, effect in _ROWS:
        yield (kind, key, action), Rule(rule_id, effect)
    for key, (stem, increase) in _BOUNDS.items():
        yield ("schema", key, "increased"), Rule(f"{{at}}-{stem}-increased", increase)
        yield ("schema", key, "decreased"), Rule(f"{{at}}-{stem}-decreased", _OPPOSITE[increase])
        yield ("schema", key, "added"), Rule(f"{{at}}-{stem}-set", NARROWED)
        yield ("schema", key, "removed"), Rule(f"{{at}}-{stem}-unset", WIDENED)
    for key, stem in _CONSTRAINTS.items():
        for action, shift in (("added", NARROWED), ("removed", WIDENED), ("changed", CHANGED)):
            yield ("schema", key, action), Rule(f"{{at}}-{stem}-{action}", shift)
    for key, stem in _DEFAULTS.items():
        for action, impact in (("added", SAYS_MORE), ("removed", BREAKS_CALLERS), ("changed", BREAKS_BOTH)):
            yield ("schema", key, action), Rule(f"{{at}}-{stem}-{action}", impact)
    for key in _SUITE_KEYS:
        yield ("requirement", key, "changed"), Rule(f"requirement-{key}-changed", SUITE)


RULES = dict(_table())
"""The rule of each change, by the kind of the object, the key in it, and what happened."""
