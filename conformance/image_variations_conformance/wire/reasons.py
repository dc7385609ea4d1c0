"""Why a case or a requirement was not tested.

Reasons are values: code compares them and asks `chosen`; only `reports.reasons` makes sentences of them.
"""

from __future__ import annotations

from typing import ClassVar

from attrs import frozen


@frozen
class Reason:
    """Base class. `chosen` says whether the user's own settings are the reason, and not the server."""

    chosen: ClassVar[bool] = False


@frozen
class RunEnded(Reason):
    """The run ended before the request was sent or answered."""


@frozen
class Interrupted(RunEnded):
    """A signal ended the run: Ctrl-C, SIGTERM or SIGHUP."""


@frozen
class ServerGone(RunEnded):
    """The server no longer accepts connections. The last request that reached it is one of `after`, by case label."""

    after: tuple[str, ...]


@frozen
class ServerSilent(RunEnded):
    """So many requests timed out, `in_a_row` or in the whole run."""

    timeouts: int
    in_a_row: bool


@frozen
class PlanNotFinished(RunEnded):
    """The requests of the plan were not all sent."""


@frozen
class NothingAccepted(RunEnded):
    """No valid request of the plan was accepted."""


@frozen
class ControlRefused(RunEnded):
    """A request that the server accepted before is refused now."""


@frozen
class RateLimited(RunEnded):
    """The server answered 429 or 503 to every attempt."""


@frozen
class Limited(Reason):
    """A limit that the user or the depth sets left no room."""

    chosen = True


@frozen
class MaxRequests(Limited):
    """`--max-requests` is used up."""

    limit: int


@frozen
class MaxImages(Limited):
    """Of `--max-images`, `left` are left, and the case needs `needed`."""

    limit: int
    left: int
    needed: int


@frozen
class MaxFetches(Limited):
    """So many links were followed."""

    limit: int


@frozen
class MaxSeconds(Limited):
    """`--max-seconds` is over."""

    limit: float


@frozen
class InvalidAccepted(Limited):
    """The server accepted the invalid request `label`; another of its kind would cost an image of `--max-images`."""

    label: str
    limit: int


@frozen
class InvalidCostsImage(Limited):
    """The server makes images for invalid requests, and `--max-images` is used up."""

    limit: int


@frozen
class Deselected(Reason):
    """`--only` does not name the requirement."""

    chosen = True


@frozen
class NotAtThisDepth(Reason):
    """The depth of the run leaves the cases out."""

    chosen = True


@frozen
class NoKey(Reason):
    """No API key was given, so nothing about keys can be tested."""


@frozen
class Excluded(Reason):
    """The register says why the requirement is not judged."""

    why: str


@frozen
class AnswerDiscarded(Reason):
    """The response was not kept: those of the run exceed `limit_bytes` together."""

    limit_bytes: int


@frozen
class LinksTimedOut(Reason):
    """So many links led to no response in time, the latest with the label `label`."""

    number: int
    label: str


@frozen
class Unreachable(Reason):
    """No connection could be made for this request; `detail` is the operating system's message."""

    detail: str


@frozen
class ServerDown(Reason):
    """The server had stopped accepting what it accepted before."""


@frozen
class RejectsEverything(Reason):
    """No valid request was accepted, and those got the same `answer` as this invalid one."""

    answer: str


@frozen
class NotShown(Reason):
    """No response of the server showed whether the requirement holds."""
