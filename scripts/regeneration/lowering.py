"""Rewrites an OpenAPI document into one that openapi-python-client 0.29.1 makes the whole client of.

The contract is exact, for judges. Where the generator cannot take it so, it is rewritten here and never loosened at its
source. Each rewrite is a pure function from document to document, holds for any document, and leaves alone what it is
not about. `lower` applies them all.
"""

from collections.abc import Callable
from copy import deepcopy
from typing import Any

from regeneration.document import Document, Schema, dereferenced, operations, schemas

_ERROR_CLASSES = {"4": "4XX", "5": "5XX"}


def lower(document: Document) -> Document:
    """`document` after all the rewrites."""
    for rewrite in REWRITES:
        document = rewrite(document)
    return document


def drop_required_alternatives(document: Document) -> Document:
    """Drop `oneOf` and `anyOf` beside `properties` where each alternative only says which properties are required.

    The generator takes any `oneOf` or `anyOf` for a union of types: the properties beside it are lost, the model is not
    generated, and what refers to it becomes `Any`, without a warning.
    """
    lowered = deepcopy(document)
    for _, schema in schemas(lowered):
        for keyword in ("anyOf", "oneOf"):
            if "properties" in schema and all(map(_only_requires, schema.get(keyword, [None]))):
                del schema[keyword]
    return lowered


def _only_requires(alternative: object) -> bool:
    return isinstance(alternative, dict) and all(
        keyword == "required" or (keyword == "not" and _only_requires(value)) for keyword, value in alternative.items()
    )


def drop_titles(document: Document) -> Document:
    """Drop the `title` of every schema.

    The generator makes the title, which is prose, the name of the class, in place of the name that the schema has.
    """
    lowered = deepcopy(document)
    for _, schema in schemas(lowered):
        schema.pop("title", None)
    return lowered


def give_first_example(document: Document) -> Document:
    """Turn the `examples` of a schema into `example`, with the first of them.

    The generator reads only the older keyword; without it the examples do not reach the docstrings.
    """
    lowered = deepcopy(document)
    for _, schema in schemas(lowered):
        examples = schema.pop("examples", [])
        if examples:
            schema.setdefault("example", examples[0])
    return lowered


def secure_operations(document: Document) -> Document:
    """Put the `security` of the whole document on each operation that has none of its own.

    The generator looks for it on the operation only, and would let the operation be called without a key.
    """
    lowered = deepcopy(document)
    if "security" in lowered:
        for _, _, operation in operations(lowered):
            operation.setdefault("security", lowered["security"])
    return lowered


def merge_error_statuses(document: Document) -> Document:
    """Merge the exact 4xx statuses of an operation into `4XX`, and its 5xx into `5XX`, where their content is the same.

    The generator has a branch a status, and reads nothing from an error of a status without one (a gateway's 422 or
    502). A range takes every error of its class. Statuses of differing schemas, or beside a range, stay as they are.
    """
    lowered = deepcopy(document)
    for _, _, operation in operations(lowered):
        responses: dict[str, Any] = operation.get("responses", {})
        for first_digit, error_range in _ERROR_CLASSES.items():
            statuses = [status for status in responses if status.startswith(first_digit)]
            merged = [dereferenced(lowered, responses[status]) for status in statuses]
            contents = [_content_schemas(response) for response in merged]
            if statuses and error_range not in statuses and contents[0] and contents == contents[:1] * len(contents):
                description = " ".join(
                    f"{status}: {response['description']}" for status, response in zip(statuses, merged, strict=True)
                )
                for status in statuses:
                    del responses[status]
                responses[error_range] = {"description": description, "content": contents[0]}
    return lowered


def _content_schemas(response: dict[str, Any]) -> dict[str, dict[str, Schema]]:
    """The content of a response without its examples, which differ where the schemas are the same."""
    return {
        media_type: {"schema": media["schema"]} if "schema" in media else {}
        for media_type, media in response.get("content", {}).items()
    }


REWRITES: tuple[Callable[[Document], Document], ...] = (
    drop_required_alternatives,
    drop_titles,
    give_first_example,
    secure_operations,
    merge_error_statuses,
)
