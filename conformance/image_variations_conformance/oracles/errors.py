"""Judges error responses: their status, their error object, and what they reveal."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from ..contract.document import Contract, SchemaError
from ..contract.evidence import RATE_LIMITED
from .base import Finding, Observation, is_limit, judges, shortened
from .refusal import is_server_error, refuses_framing, status_of

# A message that names so many other fields as well does not say which one is wrong.
_MANY_FIELDS = 3
_CONTENT_TOO_LARGE = 413
_WORDS_FOR_NULL = frozenset({"none", "null", "undefined"})
# The error of another server, copied as JSON or as an HTML page.
_FOREIGN_DOCUMENT = re.compile(r'"error"\s*:\s*["{]|<!doctype html|<html[\s>]', re.IGNORECASE)


@judges("IV-ERR-NO-5XX", "IV-OP-HEAD-OPTIONS")
def nothing_breaks_the_server(observation: Observation, contract: Contract) -> Iterator[Finding]:
    """Every request is answered, and not with 5xx, unless the contract allows the status (501 for another method)."""
    if observation.exchange.not_tested is None and not observation.limited:
        method = observation.exchange.request.method
        requirement = "IV-OP-HEAD-OPTIONS" if method in {"HEAD", "OPTIONS"} else "IV-ERR-NO-5XX"
        ok = not is_server_error(observation, contract)
        yield observation.finding(requirement, ok, f"expected a status below 500, got {observation.answer}")


@judges("IV-LIMIT-RETRY-AFTER")
def limits_say_how_long_to_wait(observation: Observation, _: Contract) -> Iterator[Finding]:
    """A 429 or 503 has Retry-After. A last 503 without it may be an error of another kind."""
    for exchange in (observation.exchange, *observation.exchange.fetches):
        last = [exchange.response] if is_limit(exchange.response) and exchange.response is not None else []
        for response in (*exchange.limited, *last):
            if response.status in {429, 503}:
                message = f"the {response.status} has no Retry-After"
                has_time = response.header("retry-after") is not None
                yield observation.finding("IV-LIMIT-RETRY-AFTER", has_time, message, RATE_LIMITED)


@judges("IV-ERR-JSON", "IV-ERR-OBJECT", "IV-ERR-MESSAGE", "IV-ERR-PARAM", "IV-ERR-NULL", "IV-ERR-READABLE")
def errors_are_error_objects(observation: Observation, contract: Contract) -> Iterator[Finding]:
    """A 4xx response has the error object, which names the invalid field."""
    response = observation.response
    if (
        response is None
        or response.status < 400
        or observation.exchange.request.method != "POST"
        or observation.exchange.request.may_be_refused_unread
        or observation.limited
    ):
        return
    body = shortened(response.body[:80].decode("utf-8", "replace"))
    got = f"{response.status} with {response.media_type or 'no content type'}: {body}"
    value = observation.content.document
    is_json = value is not None and response.media_type == "application/json"
    yield observation.finding("IV-ERR-JSON", is_json, f"expected an error object as application/json, got {got}")
    if value is None:
        yield observation.finding("IV-ERR-OBJECT", False, f"expected an error object, got {got}")
        return
    schema_errors = list(contract.schema_errors("ErrorResponse", value))
    of_message = [schema_error for schema_error in schema_errors if schema_error.path[-1:] == ("message",)]
    others = [schema_error for schema_error in schema_errors if schema_error not in of_message]
    yield observation.finding("IV-ERR-OBJECT", not others, f"{_first(others)}, in {got}")
    error = value.get("error") if isinstance(value, dict) else None
    if isinstance(error, dict):
        yield from _texts_are_readable(observation, error)
    if isinstance(error, dict) and "message" in error:
        yield observation.finding("IV-ERR-MESSAGE", not of_message, f"{_first(of_message)}, in {got}")
        if not of_message:
            yield from _names_the_field(observation, error, contract)


def _first(schema_errors: list[SchemaError]) -> str:
    return shortened(schema_errors[0].message, 120) if schema_errors else ""


def _texts_are_readable(observation: Observation, error: dict[str, object]) -> Iterator[Finding]:
    """No text of an error is a word such as "None" in place of null, and the message is neither JSON nor HTML."""
    texts = {name: text for name, text in error.items() if isinstance(text, str)}
    words = [f"{name} {shortened(text)!r}" for name, text in texts.items() if text.strip().lower() in _WORDS_FOR_NULL]
    yield observation.finding("IV-ERR-NULL", not words, f"expected null, got {', '.join(words)}")
    message = texts.get("message", "")
    foreign = _is_json_document(message) or _FOREIGN_DOCUMENT.search(message.replace("\\", "")) is not None
    yield observation.finding(
        "IV-ERR-READABLE", not foreign, f"expected a plain text as message, got JSON or HTML: {shortened(message)}"
    )


def _is_json_document(text: str) -> bool:
    try:
        return isinstance(json.loads(text), dict | list)
    except (ValueError, RecursionError):
        return False


def _names(text: str, field: str) -> bool:
    # The field `n` is named by n on its own or in quotes, but not by a letter within a word.
    return re.search(rf"(?<![a-z]){re.escape(field)}(?![a-z])", text, re.IGNORECASE) is not None


def _names_the_field(observation: Observation, error: dict[str, object], contract: Contract) -> Iterator[Finding]:
    """The error of a request with one invalid field names the field."""
    fields = {violation.field for violation in observation.expectation.violations}
    # With other violations, or if the server refuses everything, the error may be about something else.
    field = next(iter(fields)) if len(fields) == 1 else None
    if field is None or observation.expectation.unspecified or observation.blocked is not None:
        return
    if refuses_framing(observation, contract):
        return
    param, message = error.get("param"), str(error.get("message"))
    if isinstance(param, str) and param:
        # Of several texts, param counts.
        named = _names(param, field)
    else:
        others = sum(name != field and _names(message, name) for name in contract.fields)
        # A 413 may be about the whole request, which a proxy refuses before anything reads a field.
        of_request = status_of(observation) == _CONTENT_TOO_LARGE
        named = of_request or (_names(f"{param} {message}", field) and others < _MANY_FIELDS)
    text = f"the error does not name the field {field} alone: param {param}, message {shortened(message)}"
    yield observation.finding("IV-ERR-PARAM", named, text)
