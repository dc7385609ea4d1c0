"""Judges whether invalid requests are refused, and with which status."""

from __future__ import annotations

from collections.abc import Iterator

from ..contract.document import Contract
from ..contract.expectation import Violation
from ..wire.exchange import header_list
from .base import Finding, Observation, judges

_VERSION_NOT_SUPPORTED = 505
_NOT_IMPLEMENTED = 501
# RFC 9110, section 10.1.1.
_EXPECTATION_FAILED = 417
_AUTH = frozenset({"IV-AUTH-REQUIRED", "IV-AUTH-WRONG"})


def is_server_error(observation: Observation, contract: Contract) -> bool:
    """Return whether the server failed: no response, or a 5xx that the contract does not allow here."""
    response = observation.response
    if response is None:
        return True
    if response.status == _NOT_IMPLEMENTED and observation.exchange.request.method in {"HEAD", "OPTIONS"}:
        return False
    if response.status == _VERSION_NOT_SUPPORTED and observation.exchange.request.http_version != "1.1":
        return False
    kinds = [violation.kind for violation in observation.expectation.violations]
    return response.status >= 500 and not any(contract.statuses(kind).allows(response.status) for kind in kinds)


def refuses_framing(observation: Observation, contract: Contract) -> bool:
    """Return whether a request was refused for its HTTP alone, such as a body in chunked coding, where a server may."""
    request, status = observation.exchange.request, status_of(observation)
    if request.may_be_refused_unread and 400 <= status < 500:
        return True
    if status == _EXPECTATION_FAILED and request.header("expect") is not None:
        return True
    return request.chunked and contract.statuses("chunked-body").allows(status)


def is_wrong_refusal(observation: Observation, contract: Contract) -> bool:
    """Return whether a request that must be refused is refused with a status that none of its violations allows."""
    violations = observation.expectation.violations
    if not violations or observation.accepted:
        return is_server_error(observation, contract)
    status = status_of(observation)
    if refuses_framing(observation, contract) or (observation.expectation.unspecified and 400 <= status < 500):
        return False
    return not any(contract.statuses(violation.kind).allows(status) for violation in violations)


def status_of(observation: Observation) -> int:
    """Return the status of the response, or 0 without a response."""
    return observation.response.status if observation.response is not None else 0


@judges(
    "IV-IMAGE-REQUIRED",
    "IV-IMAGE-FORMAT",
    "IV-IMAGE-INTACT",
    "IV-IMAGE-SQUARE",
    "IV-IMAGE-MAX-BYTES",
    "IV-N-BOUNDS",
    "IV-N-INTEGER",
    "IV-N-STRICT",
    "IV-SIZE-UNKNOWN",
    "IV-FORMAT-UNKNOWN",
    "IV-ENUM-CASE",
    "IV-MODEL-UNKNOWN",
    "IV-ERR-400",
)
def wrong_forms_are_refused(observation: Observation, contract: Contract) -> Iterator[Finding]:
    """An invalid form is refused with a status that the contract allows, preferably one that it recommends."""
    violations = observation.expectation.violations
    if not violations or observation.untested is not None or _is_refused_before_the_form(violations):
        return
    status = status_of(observation)
    if observation.is_random and not 200 <= status < 500:
        # The violation may not be the cause: the request has other unusual properties.
        return
    if any(feature.requirement in _AUTH for feature in observation.expectation.features) and (
        contract.statuses("wrong-key").allows(status)
    ):
        # The server wants an API key, which the contract does not: IV-AUTH-REQUIRED says so.
        return
    statuses = [contract.statuses(violation.kind) for violation in violations]
    # Any of the violations may be the one that the server found.
    is_allowed = any(each.allows(status) for each in statuses)
    if observation.expectation.unspecified and not is_allowed and not 200 <= status < 300:
        # The server may have refused what the contract leaves open, such as a wrong key where keys are optional.
        return
    of_framing = refuses_framing(observation, contract)
    for violation in violations:
        message = f"{violation.what}: expected {contract.statuses(violation.kind).allowed}, got {observation.answer}"
        yield observation.finding(violation.requirement, is_allowed or of_framing, message)
    if is_allowed and not observation.expectation.unspecified and not of_framing:
        message = f"{violations[0].what}: expected {statuses[0].recommended}, got {status}"
        yield observation.finding("IV-ERR-400", any(each.recommends(status) for each in statuses), message)


def _is_refused_before_the_form(violations: tuple[Violation, ...]) -> bool:
    """Return whether the request has a violation that a server may refuse before it reads the form."""
    return any(violation.requirement in _AUTH | {"IV-OP-METHOD", "IV-OP-MULTIPART"} for violation in violations)


@judges("IV-AUTH-REQUIRED", "IV-AUTH-WRONG", "IV-AUTH-401", "IV-AUTH-FIRST")
def keys_are_checked(observation: Observation, contract: Contract) -> Iterator[Finding]:
    """A request without the right key is answered 401, or at least 403, also if it has other violations."""
    key = [violation for violation in observation.expectation.violations if violation.requirement in _AUTH]
    if not key or observation.untested is not None or observation.exchange.request.method != "POST":
        return
    if refuses_framing(observation, contract):
        return
    status, statuses, what = status_of(observation), contract.statuses("wrong-key"), key[0].what
    is_allowed = statuses.allows(status)
    if len(observation.expectation.violations) > 1:
        message = f"{what}, and other violations: expected {statuses.allowed}, got {observation.answer}"
        yield observation.finding("IV-AUTH-FIRST", is_allowed, message)
        return
    message = f"{what}: expected {statuses.allowed}, got {observation.answer}"
    yield observation.finding(key[0].requirement, is_allowed, message)
    if is_allowed:
        message = f"{what}: expected {statuses.recommended}, got {status}"
        yield observation.finding("IV-AUTH-401", statuses.recommends(status), message)


@judges("IV-OP-METHOD", "IV-OP-METHOD-405")
def other_methods_are_refused(observation: Observation, contract: Contract) -> Iterator[Finding]:
    """A method other than POST, HEAD and OPTIONS is refused, preferably by a 405 with Allow: POST."""
    if "IV-OP-METHOD" not in observation.expectation.violated or observation.untested is not None:
        return
    if refuses_framing(observation, contract):
        return
    method, status = observation.exchange.request.method, status_of(observation)
    statuses = contract.statuses("other-method")
    message = f"{method}: expected {statuses.allowed}, got {observation.answer}"
    yield observation.finding("IV-OP-METHOD", statuses.allows(status), message)
    if statuses.allows(status) and observation.response is not None:
        allow = header_list(observation.response.headers, "allow")
        allowed = {method.strip().upper() for method in allow.split(",")}
        message = (
            f"{method}: expected 405 with Allow: POST, got {status} with {f'Allow: {allow}' if allow else 'no Allow'}"
        )
        yield observation.finding("IV-OP-METHOD-405", statuses.recommends(status) and "POST" in allowed, message)


@judges("IV-OP-MULTIPART", "IV-OP-MULTIPART-STATUS")
def other_bodies_are_refused(observation: Observation, contract: Contract) -> Iterator[Finding]:
    """A body that is not a multipart form is refused, preferably by 400 or 415."""
    violations = {violation.requirement: violation.what for violation in observation.expectation.violations}
    if set(violations) != {"IV-OP-MULTIPART"} or observation.untested is not None:
        return
    if refuses_framing(observation, contract):
        return
    status = status_of(observation)
    what = violations["IV-OP-MULTIPART"]
    statuses = contract.statuses("not-multipart")
    message = f"{what}: expected {statuses.allowed}, got {observation.answer}"
    yield observation.finding("IV-OP-MULTIPART", statuses.allows(status), message)
    if statuses.allows(status):
        message = f"{what}: expected {statuses.recommended}, got {status}"
        yield observation.finding("IV-OP-MULTIPART-STATUS", statuses.recommends(status), message)
