"""Whether invalid requests are refused, and with which status."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from attrs import evolve

from ..contract.document import Contract
from ..contract.expectation import Offence
from .base import Finding, Observation, judges

_AUTH = frozenset({"IV-AUTH-REQUIRED", "IV-AUTH-WRONG"})
# Statuses that say of an offence what 400 says, only better.
_AS_GOOD_AS_400 = {
    404: frozenset({"IV-MODEL-UNKNOWN"}),
    413: frozenset({"IV-IMAGE-MAX-BYTES"}),
    415: frozenset({"IV-IMAGE-FORMAT", "IV-IMAGE-INTACT"}),
}


def with_indiscriminate(observations: Sequence[Observation]) -> list[Observation]:
    """Mark the wrong requests that a server which accepts nothing answers as it answers right ones.

    Who refuses everything has checked nothing: neither is the image looked at where there is no such operation, nor
    the key where all keys are wrong.
    """
    valid = [it for it in observations if it.appraisal.verdict == "valid" and it.untested is None]
    if any(it.accepted for it in valid):
        return list(observations)
    answers = {_status(it) for it in valid}
    return [
        evolve(it, indiscriminate=it.appraisal.verdict == "invalid" and it.untested is None and _status(it) in answers)
        for it in observations
    ]


def _status(it: Observation) -> int:
    return it.response.status if it.response is not None else 0


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
def wrong_forms_are_refused(it: Observation, _: Contract) -> Iterator[Finding]:
    """A form with something wrong in it is answered 4xx, best of all 400."""
    offences = it.appraisal.offences
    if not offences or it.untested is not None or _elsewhere(offences):
        return
    status = _status(it)
    if (it.appraisal.open or it.drawn) and not 200 <= status < 500:
        # It broke the server, but whether by the offence or by what else is in it, nobody can tell.
        return
    for offence in offences:
        yield it.finding(offence.requirement, 400 <= status < 500, f"{offence.what}: expected 4xx, got {it.answer}")
    if 400 <= status < 500:
        good = status == 400 or any(offence.requirement in _AS_GOOD_AS_400.get(status, ()) for offence in offences)
        yield it.finding("IV-ERR-400", good, f"{offences[0].what}: expected 400, got {status}")


def _elsewhere(offences: tuple[Offence, ...]) -> bool:
    """Whether something is wrong with the request before its form counts."""
    return any(offence.requirement in _AUTH | {"IV-OP-METHOD", "IV-OP-MULTIPART"} for offence in offences)


@judges("IV-AUTH-REQUIRED", "IV-AUTH-WRONG", "IV-AUTH-401", "IV-AUTH-FIRST")
def keys_are_checked(it: Observation, _: Contract) -> Iterator[Finding]:
    """A request without the right key is answered 401, or at least 403, whatever else is wrong with it."""
    key = [offence for offence in it.appraisal.offences if offence.requirement in _AUTH]
    if not key or it.untested is not None or it.exchange.request.method != "POST":
        return
    status = _status(it)
    if len(it.appraisal.offences) > 1:
        yield it.finding(
            "IV-AUTH-FIRST", status in {401, 403}, f"{key[0].what} and more: expected 401, got {it.answer}"
        )
        return
    yield it.finding(key[0].requirement, status in {401, 403}, f"{key[0].what}: expected 401, got {it.answer}")
    if status in {401, 403}:
        yield it.finding("IV-AUTH-401", status == 401, f"{key[0].what}: expected 401, got {status}")


@judges("IV-OP-METHOD", "IV-OP-METHOD-405")
def other_methods_are_refused(it: Observation, _: Contract) -> Iterator[Finding]:
    """Another method than POST is answered 4xx, best of all 405 with Allow."""
    if it.exchange.request.method == "POST" or it.untested is not None:
        return
    method, status = it.exchange.request.method, _status(it)
    yield it.finding("IV-OP-METHOD", 400 <= status < 500, f"{method}: expected 4xx, got {it.answer}")
    if 400 <= status < 500 and it.response is not None:
        allow = it.response.header("allow")
        allowed = {method.strip().upper() for method in (allow or "").split(",")}
        message = (
            f"{method}: expected 405 with Allow: POST, got {status} with {f'Allow: {allow}' if allow else 'no Allow'}"
        )
        yield it.finding("IV-OP-METHOD-405", status == 405 and "POST" in allowed, message)


@judges("IV-OP-MULTIPART", "IV-OP-MULTIPART-STATUS")
def other_bodies_are_refused(it: Observation, _: Contract) -> Iterator[Finding]:
    """A body that is not a multipart form is answered 4xx, best of all 400 or 415."""
    offences = {offence.requirement: offence.what for offence in it.appraisal.offences}
    if set(offences) != {"IV-OP-MULTIPART"} or it.untested is not None:
        return
    status = _status(it)
    what = offences["IV-OP-MULTIPART"]
    yield it.finding("IV-OP-MULTIPART", 400 <= status < 500, f"{what}: expected 4xx, got {it.answer}")
    if 400 <= status < 500:
        yield it.finding("IV-OP-MULTIPART-STATUS", status in {400, 415}, f"{what}: expected 400 or 415, got {status}")
