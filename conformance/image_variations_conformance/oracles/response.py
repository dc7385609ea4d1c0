"""Judges the JSON of a 200: its syntax, its members, and whether they match the request."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from email.utils import parsedate_to_datetime

from ..contract.document import Contract, SchemaError
from ..wire.exchange import Response
from .base import Finding, Observation, judges, shortened

CREATED_TOLERANCE_SECONDS = 600
NULL = "null"
"""The item of a failure that a member is null, which IV-RES-SCHEMA reports."""
_NULL = "null is not"
"""How the message of a schema error begins that is about null."""
_SCHEMA = "IV-RES-SCHEMA"
_MEMBER_REQUIREMENTS = {
    "created": "IV-RES-CREATED",
    "background": "IV-RES-BACKGROUND",
    "output_format": "IV-RES-OUTPUT-FORMAT",
    "quality": "IV-RES-QUALITY",
    "size": "IV-RES-SIZE",
    "usage": "IV-RES-USAGE",
    "revised_prompt": "IV-RES-REVISED-PROMPT",
}


def _is_judged(observation: Observation) -> bool:
    """Return whether the contract describes the response, which it does not for an invalid request.

    A success with another status than 200 is judged if it has the list of images: only its status is wrong.
    """
    response, document = observation.response, observation.content.document
    if response is None or not observation.accepted or observation.exchange.request.method != "POST":
        return False
    has_data = isinstance(document, dict) and "data" in document
    return observation.expectation.validity != "invalid" and (response.status == 200 or has_data)


@judges("IV-OP-VALID")
def success_is_200(observation: Observation, _: Contract) -> Iterator[Finding]:
    """A valid request that is accepted is answered 200, and not with another status of success."""
    if observation.accepted and observation.expectation.validity == "valid" and observation.response is not None:
        ok = observation.response.status == 200
        yield observation.finding("IV-OP-VALID", ok, f"expected 200, got {observation.answer}", "status")


def _has_document(observation: Observation) -> bool:
    return _is_judged(observation) and observation.content.json_error is None


@judges("IV-RES-JSON")
def responses_are_json(observation: Observation, _: Contract) -> Iterator[Finding]:
    """A 200 is strict JSON and has the content type of JSON."""
    response = observation.response
    if response is None or not _is_judged(observation):
        return
    problem = observation.content.json_error
    if problem is not None:
        problem = f"{problem}: {shortened(response.body[:60].decode('utf-8', 'replace'))}"
    elif response.media_type != "application/json":
        problem = f"expected the content type application/json, got {response.media_type or 'none'}"
    yield observation.finding("IV-RES-JSON", problem is None, problem or "")


@judges(
    _SCHEMA,
    "IV-RES-KEY",
    "IV-URL-ABSOLUTE",
    *_MEMBER_REQUIREMENTS.values(),
)
def responses_match_the_schema(observation: Observation, contract: Contract) -> Iterator[Finding]:
    """A 200 has the members that the contract requires, and each matches its schema."""
    if not _has_document(observation):
        return
    broken: dict[tuple[str, str], SchemaError] = {}
    for error in contract.schema_errors("ImagesResponse", observation.content.document):
        requirement, item = _requirement_of(error), ""
        if error.message.startswith(_NULL):
            broken.setdefault((_SCHEMA, ""), error)
            item = NULL
        # A link or a text in base64 that is null is no other failure than the null.
        if requirement is not None and (item != NULL or requirement in _MEMBER_REQUIREMENTS.values()):
            broken.setdefault((requirement, item), error)
    for (requirement, item), error in broken.items():
        where = "/".join(map(str, error.path)) or "the body"
        yield observation.finding(requirement, False, f"{where}: {shortened(error.message, 120)}", item)
    for requirement in {_SCHEMA, *_MEMBER_REQUIREMENTS.values()} - {name for name, _ in broken}:
        # That `created` has the right type says nothing about its value.
        if requirement != "IV-RES-CREATED":
            yield observation.finding(requirement, True)


def _requirement_of(error: SchemaError) -> str | None:
    """Return the requirement that a schema error breaks, or None where another oracle reports it more precisely."""
    path, keyword = error.path, error.keyword
    if path == ("data",) and keyword in {"minItems", "maxItems"}:
        return None
    name = next((step for step in reversed(path) if isinstance(step, str) and step in _MEMBER_REQUIREMENTS), None)
    if name is not None:
        return _MEMBER_REQUIREMENTS[name]
    if path[:1] == ("data",) and len(path) > 1:
        if keyword == "format":
            return "IV-URL-ABSOLUTE" if error.message != '"" is not a "uri"' else None
        # Both keys, no key, or an empty text: the oracle below knows what was requested.
        if keyword in {"required", "not", "minLength"} and path[2:3] in {(), ("b64_json",), ("url",)}:
            return None
        return "IV-RES-KEY" if path[2:3] in {("b64_json",), ("url",)} else _SCHEMA
    return _SCHEMA


_COUNTED = ("input", "output", "total")


@judges("IV-RES-MEMBERS-ONCE", "IV-RES-TOKENS")
def members_are_consistent(observation: Observation, _: Contract) -> Iterator[Finding]:
    """No object has a member twice, and the total of the tokens is the sum of the others."""
    if not _has_document(observation):
        return
    repeated = observation.content.repeated
    yield observation.finding("IV-RES-MEMBERS-ONCE", repeated is None, f"an object has {shortened(repeated, 40)} twice")
    document = observation.content.document
    usage = document.get("usage") if isinstance(document, dict) else None
    parts = [usage.get(f"{name}_tokens") for name in _COUNTED] if isinstance(usage, dict) else []
    counts = [part for part in parts if isinstance(part, int) and not isinstance(part, bool)]
    is_sum, message = True, ""
    if len(counts) == len(_COUNTED):
        is_sum = counts[0] + counts[1] == counts[2]
        message = "total_tokens is {2}, but the sum of input_tokens and output_tokens is {0} + {1}".format(*counts)
    yield observation.finding("IV-RES-TOKENS", is_sum, message)


@judges("IV-RES-CREATED")
def created_is_now(observation: Observation, _: Contract) -> Iterator[Finding]:
    """`created` is within ten minutes of the exchange, by the clock of the server or ours."""
    document = observation.content.document if _has_document(observation) else None
    created = document.get("created") if isinstance(document, dict) else None
    response = observation.response
    if response is None or isinstance(created, bool) or not isinstance(created, int | float) or created % 1:
        return
    clocks = [observation.exchange.started + observation.exchange.seconds]
    date = _date(response)
    if date is not None:
        clocks.append(date.timestamp())
    away = min(abs(created - clock) for clock in clocks)
    in_milliseconds = any(abs(created - 1000 * it) <= 1000 * CREATED_TOLERANCE_SECONDS for it in clocks)
    how_far = "the time in milliseconds" if in_milliseconds else f"{away:.0f} s from now"
    message = f"created is {shortened(repr(created), 30)}, which is {how_far}; expected seconds since 1970"
    yield observation.finding("IV-RES-CREATED", away <= CREATED_TOLERANCE_SECONDS, message)


def _date(response: Response) -> datetime | None:
    try:
        return parsedate_to_datetime(response.header("date") or "")
    except (ValueError, TypeError, OverflowError):
        return None


@judges("IV-RES-COUNT", "IV-N-DEFAULT", "IV-RES-KEY", "IV-FORMAT-DEFAULT")
def responses_match_the_request(observation: Observation, _: Contract) -> Iterator[Finding]:
    """There are as many items as the request asks for, each with the key that it asks for and not the other."""
    requested = observation.expectation.requested
    length = observation.content.data_length if _has_document(observation) else None
    if requested is None or length is None or observation.has_query:
        return
    explicit = "n" in requested.explicit
    how = f"n={requested.n}" if explicit else "no n"
    message = f"{how}: expected {requested.n} {'item' if requested.n == 1 else 'items'}, got {length}"
    yield observation.finding("IV-RES-COUNT" if explicit else "IV-N-DEFAULT", length == requested.n, message)
    data = observation.content.document["data"]
    if not data or not all(isinstance(item, dict) for item in data):
        return
    explicit = "response_format" in requested.explicit
    keys = sorted({_keys(item) for item in data})
    how = f"response_format={requested.response_format}" if explicit else "no response_format"
    message = f"{how}: expected {requested.response_format} alone in each item, got {' or '.join(keys)}"
    # Both keys or none are wrong for any request; the other key is wrong only by the format that was requested.
    other_key = keys in (["b64_json"], ["url"])
    requirement = "IV-RES-KEY" if explicit or not other_key else "IV-FORMAT-DEFAULT"
    yield observation.finding(requirement, keys == [requested.response_format], message)
    empty = [at for at, item in enumerate(data) if "" in (item.get("url"), item.get("b64_json"))]
    if empty:
        yield observation.finding("IV-RES-KEY", False, f"item {empty[0]} holds an empty text")


def _keys(item: dict[str, object]) -> str:
    """Return which of the two keys an item has. A null counts as absent here; its schema error is reported apart."""
    return " and ".join(key for key in ("b64_json", "url") if item.get(key) is not None) or "neither key"
