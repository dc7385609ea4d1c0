"""Sentences for the reasons why a case or a requirement was not tested."""

from __future__ import annotations

import attrs

from ..engine.run import Verdict
from ..wire import reasons
from ..wire.reasons import Reason

_TEMPLATES: dict[type[Reason], str] = {
    reasons.Interrupted: "the run was interrupted",
    reasons.ServerGone: "the server could no longer be reached after {after}",
    reasons.ServerSilent: "{timeouts} requests timed out{in_a_row}",
    reasons.PlanNotFinished: "the plan was not sent to its end",
    reasons.NothingAccepted: "no valid request of the plan was accepted",
    reasons.ControlRefused: "a request that was accepted before is refused now",
    reasons.RateLimited: (
        "the server kept limiting the rate, or asks to wait for longer than a run waits; it waits longer with --wait"
    ),
    reasons.Unexplained: (
        "a valid request with it was refused, or answered with other images; more --max-requests or --max-images find "
        "out why"
    ),
    reasons.MaxRequests: "--max-requests {limit} are used up",
    reasons.RequestsRepeated: (
        "--max-requests {limit} are used up, some of them by requests that the server had limited; more are needed"
    ),
    reasons.MaxImages: "the case needs {needed} of --max-images {limit}, of which {left} are left",
    reasons.TooManyImages: "the server may make {images} images for the case, which no run asks for",
    reasons.MaxFetches: "{limit} links were followed, the maximum of a run",
    reasons.MaxSeconds: "--max-seconds {limit:g} are over",
    reasons.InvalidAccepted: (
        "{label} shows that such a request is accepted, and one more costs an image: "
        "of --max-images {limit}, few are left"
    ),
    reasons.InvalidCostsImage: "the server makes images for invalid requests, and --max-images {limit} are used up",
    reasons.MakesAsMany: "{label} shows that the server makes more images than it may, and the case asks for many",
    reasons.Deselected: "--only left it out",
    reasons.NotAtThisDepth: "a quick run leaves it out",
    reasons.NoKey: "no API key was given for the run",
    reasons.Excluded: "{why}",
    reasons.Declared: "the profile declares that the server is free here",
    reasons.AnswerDiscarded: "the response was not kept: those of this run exceed {limit_bytes} bytes together",
    reasons.LinksTimedOut: "{number} links timed out, such as {label}",
    reasons.Unreachable: "{detail}",
    reasons.ServerDown: "the server refused requests that it had accepted before",
    reasons.RejectsEverything: (
        "no valid request was accepted, and this request was answered like the valid ones: {answer}"
    ),
    reasons.Masked: "the server refuses the value, which {by} says",
    reasons.ReportedAs: "it echoes what {ids} says",
    reasons.Unstable: "the same request was answered now so, now so",
    reasons.Preparation: "it prepares the connection for the next request",
    reasons.NotSeen: "no response of the run was about it",
    reasons.NotShown: "no response of the server showed it",
}


def describe(reason: Reason) -> str:
    """Return a reason as a sentence for people, without a full stop."""
    data = attrs.asdict(reason)
    if isinstance(reason, reasons.ServerGone):
        one_of = f"one of {', '.join(reason.after)} (--workers 1 tells which)"
        data["after"] = reason.after[0] if len(reason.after) == 1 else one_of
    if isinstance(reason, reasons.ServerSilent):
        data["in_a_row"] = " in a row" if reason.in_a_row else ""
    if isinstance(reason, reasons.ReportedAs):
        data["ids"] = " and ".join(reason.ids)
    return _TEMPLATES[type(reason)].format(**data)


def message(verdict: Verdict) -> str:
    """Return the message of a verdict, or its reason as a sentence; empty for a pass."""
    return verdict.message if verdict.reason is None else describe(verdict.reason)
