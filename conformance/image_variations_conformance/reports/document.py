"""The content of report.json."""

from __future__ import annotations

from typing import Any

from ..contract.document import Contract
from ..engine.campaign import Summary
from ..engine.run import Item, Run, Verdict
from ..oracles import Finding, Observation
from ..oracles.base import shortened
from ..version import suite_version
from .curl import Command, command
from .reasons import describe, message

SCHEMA_VERSION = 4
# The messages are in the evidence, too. Of a server that does everything wrong, there are thousands.
_BREAKS_CHARACTERS = 120


def document(run: Run) -> dict[str, Any]:
    """Return report.json as a value; reports/report.schema.json is its schema."""
    broken: dict[str, list[Finding]] = {}
    for finding in run.findings:
        if finding.state == "contradicted":
            broken.setdefault(finding.label, []).append(finding)
    return {
        "schema_version": SCHEMA_VERSION,
        "outcome": run.outcome,
        "headline": run.headline,
        "interrupted": run.interrupted,
        "target": run.target.base_url,
        "provenance": {
            "spec_sha256": run.contract.sha256,
            "contract_version": run.contract.version,
            "suite_version": suite_version(),
            "seed": run.seed,
            "depth": run.depth,
            "profile": _profile(run.contract) if run.contract.changes else None,
        },
        "cost": {
            "requests": run.cost.requests,
            "images": run.cost.images,
            "fetches": run.cost.fetches,
            "seconds": round(run.cost.seconds, 3),
        },
        "campaign": None if run.campaign is None else _campaign(run.campaign),
        "stale_baseline": list(run.stale),
        "requirements": [_requirement(run, verdict) for verdict in run.verdicts],
        "cases": [_case(run, it, broken.get(it.exchange.label, [])) for it in run.observations.values()],
    }


def _profile(contract: Contract) -> dict[str, Any]:
    changes = [
        {"key": it.key, "pointer": it.pointer, "source": it.source, "requirements": list(it.requirements)}
        for it in contract.changes
    ]
    return {"name": contract.profile, "sha256": contract.profile_sha256, "changes": changes}


def _campaign(summary: Summary) -> dict[str, Any]:
    ended = describe(summary.ended) if summary.ended is not None else ""
    return {"requests": summary.requests, "reducing": summary.reducing, "ended": ended}


def _requirement(run: Run, verdict: Verdict) -> dict[str, Any]:
    again = reproduction(run, verdict)
    return {
        "id": verdict.requirement.id,
        "level": verdict.requirement.level,
        "text": verdict.requirement.text,
        "source": verdict.requirement.source,
        "verdict": verdict.result,
        "message": message(verdict),
        "evidence": [_item(item) for item in verdict.items],
        "also": list(verdict.also),
        "known": {"items": list(verdict.known), "because": verdict.known_because} if verdict.known else None,
        "cases": list(verdict.cases),
        "folder": None if again is None else verdict.requirement.id,
        "curl": None if again is None else again.line,
    }


def _item(item: Item) -> dict[str, Any]:
    return {
        "item": item.name,
        "state": item.state or "left-out",
        "reason": None if item.reason is None else describe(item.reason),
        "findings": [
            {
                "case": finding.label,
                "message": finding.message,
                "twin": finding.twin,
                "company": list(finding.company),
            }
            for finding in item.findings
        ],
    }


def shown(run: Run, verdict: Verdict) -> Finding | None:
    """Return the finding that shows best what is broken: alone before in company; None where nothing is broken.

    One of the first request on a connection comes before one that takes the requests before it.
    """
    broken = (item for item in verdict.items if item.state == "contradicted")
    findings = [finding for item in broken for finding in item.findings]
    before = {label: len(observation.exchange.after) for label, observation in run.observations.items()}
    return min(findings, key=lambda finding: (len(finding.company), before.get(finding.label, 0)), default=None)


def reproduction(run: Run, verdict: Verdict, folder: str | None = None) -> Command | None:
    """Return the command that sends the clearest failing request of a verdict again; None where nothing is broken.

    Those that went over its connection before are sent first. `folder` is the path of its files for the command, by
    default that in the report folder.
    """
    finding = shown(run, verdict) if verdict.result in {"fail", "warn", "known"} else None
    if finding is None:
        return None
    exchange = run.observations[finding.label].exchange
    before = [run.observations[label].exchange.request for label in exchange.after]
    return command(exchange.request, run.target, folder or verdict.requirement.id, before)


def _case(run: Run, observation: Observation, broken: list[Finding]) -> dict[str, Any]:
    exchange = observation.exchange
    return {
        "id": exchange.label,
        "note": run.cases[exchange.label].note,
        "code": run.cases[exchange.label].code or None,
        "contract_says": observation.expectation.validity,
        "status": exchange.response.status if exchange.response is not None else None,
        "failure": exchange.failure.kind if exchange.failure is not None else None,
        "not_tested": describe(observation.untested) if observation.untested is not None else None,
        "seconds": round(exchange.seconds, 3),
        "breaks": [
            {
                "requirement": finding.requirement,
                "message": shortened(finding.message, _BREAKS_CHARACTERS),
                "reported_as": finding.reported_as,
            }
            for finding in broken
        ],
    }
