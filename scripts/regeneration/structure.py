"""Find what is wrong with the objects of an OpenAPI document outside its schemas.

They are validated by the schema of OpenAPI. Its errors say what a validator saw; the messages here say what to write.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from jsonschema_rs import Draft202012Validator, ValidationError, ValidationErrorKind
from openapi_spec_validator.schemas import get_schema_content_v31

from regeneration.document import Document, NodePath, property_names
from regeneration.problem import Problem, hint

_VERSION = re.compile(r"3\.1\.\d+(-.+)?")
_STATUS = re.compile(r"[1-5]([0-9][0-9]|XX)")
_LIKE_DIGITS = str.maketrans("oOlIx", "0011X")
_LONGEST_MESSAGE = 200


def structure(document: Document) -> Iterator[Problem]:
    """Yield the objects outside schemas that OpenAPI does not know, or that have no or wrong members."""
    version = document.get("openapi", "3.1.0")
    if not (isinstance(version, str) and _VERSION.fullmatch(version)):
        message = f"only OpenAPI 3.1 is read, and this is {version}; write 3.1.0, and correct what is named then"
        yield Problem.at(("openapi",), message)
        return
    if "paths" not in document:
        yield Problem.at((), "the document has no paths; describe the operations under the key paths")
        return
    rules = get_schema_content_v31()
    errors = list(Draft202012Validator(dict(rules)).iter_errors(document))
    unknown = [problem for error in errors for problem in _unknown_keys(rules, error, errors)]
    # An object with a misspelt key lacks the right one too.
    misspelt = {path[:-1] for path, message in unknown if "did you mean" in message}
    for path, message in unknown:
        yield Problem.at(path, message)
    for error in errors:
        path = tuple(error.instance_path)
        is_echo = path in misspelt and error.kind.name in {"required", "anyOf", "oneOf"}
        if not (isinstance(error.kind, ValidationErrorKind.UnevaluatedProperties) or is_echo):
            yield Problem.at(path, _message(error))


def _unknown_keys(
    rules: Mapping[str, Any], error: ValidationError, errors: list[ValidationError]
) -> Iterator[tuple[NodePath, str]]:
    if not isinstance(error.kind, ValidationErrorKind.UnevaluatedProperties):
        return
    path = tuple(error.instance_path)
    *within, _ = error.schema_path
    owner: Any = rules
    for step in within:
        owner = owner[step]
    kind = str(within[-1]).removesuffix("-or-reference").replace("-", " ") if within else "document"
    known = property_names(dict(rules), owner, seen=())
    others = [each for each in errors if each is not error and tuple(each.instance_path)[: len(path)] == path]
    for name in error.kind.unexpected:
        # After another error in the same object, the validator no longer knows which of its keys are right.
        if name not in known or not others:
            yield (*path, name), _unknown(kind, name, known)


def _unknown(kind: str, name: str, known: frozenset[str]) -> str:
    if kind == "paths":
        return f"a path begins with a slash; write /{name}"
    if kind == "responses":
        likely = name.translate(_LIKE_DIGITS)
        near = f"; did you mean {likely!r}?" if _STATUS.fullmatch(likely) else hint(name, known)
        return f"{name!r} is no status, which is of three digits, of one with XX, or default{near}"
    if kind == "components":
        return f"the components have no key {name!r}{hint(name, known)}"
    return f"no {kind} has the key {name!r}{hint(name, known)}"


def _message(error: ValidationError) -> str:
    """Return the message of an error, with the names that are missing in place of the whole object."""
    inner = [each for branch in getattr(error.kind, "context", ()) for each in branch]
    if inner and all(each.kind.name == "required" for each in inner):
        return f"one of {', '.join(repr(each.kind.property) for each in inner)} is missing; add it"
    message = error.message.splitlines()[0]
    half = _LONGEST_MESSAGE // 2
    return message if len(message) <= _LONGEST_MESSAGE else f"{message[:half]} … {message[-half:]}"
