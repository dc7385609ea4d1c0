"""Reasons why a case or a requirement was not tested.

A reason is a value that code can compare. `reports.reasons` turns it into a sentence.
"""

from __future__ import annotations

from typing import ClassVar

from attrs import frozen


@frozen
class Reason:
    """Base class. `chosen` is whether the settings of the run are the reason, and not the server."""

    chosen: ClassVar[bool] = False


@frozen
class RunEnded(Reason):
    """The run ended before the request was sent or answered."""


@frozen
class Interrupted(RunEnded):
    """A signal ended the run: Ctrl-C, SIGTERM or SIGHUP."""


@frozen
class ServerGone(RunEnded):
    """The server no longer accepts connections. `after` are the labels of the cases that reached it last, in order."""

    after: tuple[str, ...]


@frozen
class ServerSilent(RunEnded):
    """`timeouts` requests timed out: one after another if `in_a_row`, else in the whole run."""

    timeouts: int
    in_a_row: bool


@frozen
class PlanNotFinished(RunEnded):
    """No random requests were sent, because the plan was not sent to its end."""


@frozen
class NothingAccepted(RunEnded):
    """No valid request of the plan was accepted, so random requests and refusals of invalid ones show nothing."""


@frozen
class ControlRefused(RunEnded):
    """The control request, which the server accepted before, is refused now."""


@frozen
class RateLimited(RunEnded):
    """The server answered 402, 429 or 503 to the last attempt: a limit of the rate or account, or too much load."""


@frozen
class Unexplained(Reason):
    """A valid request was refused, or answered with other images, and a limit left no room to find out why."""


@frozen
class Limited(Reason):
    """A limit set by the user or the depth left no room for the case."""

    chosen = True


@frozen
class MaxRequests(Limited):
    """The `limit` requests of `--max-requests` are used up."""

    limit: int


@frozen
class RequestsRepeated(Limited):
    """Some of the `limit` requests of `--max-requests` were repeated, since the server limits the rate."""

    chosen = False
    limit: int


@frozen
class MaxImages(Limited):
    """`left` of the `limit` images of `--max-images` are left, fewer than the `needed` images of the case."""

    limit: int
    left: int
    needed: int


@frozen
class TooManyImages(Limited):
    """The server may make `images` images for the case, which no run asks for."""

    images: int


@frozen
class MaxFetches(Limited):
    """`limit` links were followed, as many as the depth allows."""

    limit: int


@frozen
class MaxSeconds(Limited):
    """The run has lasted `limit` seconds, as long as `--max-seconds` or the depth allows."""

    limit: float


@frozen
class InvalidAccepted(Limited):
    """The server accepted the invalid case `label`. Another case with the same violations could cost an image, too.

    `limit` is that of `--max-images`, which is nearly used up.
    """

    label: str
    limit: int


@frozen
class InvalidCostsImage(Limited):
    """The server makes images for invalid requests, and the `limit` images of `--max-images` are used up."""

    limit: int


@frozen
class MakesAsMany(Limited):
    """The invalid case `label` made as many images as it asked for, and this one asks for many, too."""

    label: str


@frozen
class Deselected(Reason):
    """`--only` does not name the requirement."""

    chosen = True


@frozen
class NotAtThisDepth(Reason):
    """The cases that test the requirement are not sent at the depth of the run."""

    chosen = True


@frozen
class NoKey(Reason):
    """No API key was given, so the requirements about keys cannot be tested."""


@frozen
class Excluded(Reason):
    """The register excludes the requirement; `why` is its reason."""

    why: str


@frozen
class Declared(Reason):
    """The profile declares that the server may do anything here."""


@frozen
class Unstable(Reason):
    """The same request was answered now so, now so."""


@frozen
class Preparation(Reason):
    """The request was sent to prepare what the next one shows, and is not judged itself."""

    chosen = True


@frozen
class NotSeen(Reason):
    """No response of the run had what the requirement is about, such as a limit of the rate."""

    chosen = True


@frozen
class AnswerDiscarded(Reason):
    """The response was discarded, because the responses of the run exceed `limit_bytes` together."""

    limit_bytes: int


@frozen
class LinksTimedOut(Reason):
    """`number` links timed out, the last one with the label `label`, so no further links are followed."""

    number: int
    label: str


@frozen
class Unreachable(Reason):
    """No connection could be opened for the request; `detail` is the message of the failure."""

    detail: str


@frozen
class ServerDown(Reason):
    """The request was sent while the server refused requests that it had accepted before."""


@frozen
class RejectsEverything(Reason):
    """The server accepted no valid request, and answered this invalid one like a valid one: `answer` is the status."""

    answer: str


@frozen
class Masked(Reason):
    """The value is refused, which is reported under the requirement `by`."""

    by: str


@frozen
class ReportedAs(Reason):
    """What was seen only echoes failures that are reported under the requirements `ids`."""

    ids: tuple[str, ...]


@frozen
class NotShown(Reason):
    """No response showed whether the requirement holds."""
