"""The content of report.json."""

from __future__ import annotations

from typing import Any

from ..contract.document import Contract
from ..engine.exploring import Explored
from ..engine.run import Run
from ..oracles import Finding, Observation
from ..version import suite_version
from .curl import curl
from .reasons import describe, message

SCHEMA_VERSION = 1


def document(run: Run) -> dict[str, Any]:
    """Return report.json as a value; reports/report.schema.json is its schema."""
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
            "profile": _profile(run.contract) if run.contract.changes else None,
        },
        "cost": {
            "requests": run.cost.requests,
            "images": run.cost.images,
            "fetches": run.cost.fetches,
            "seconds": round(run.cost.seconds, 3),
        },
        "fuzzing": None if run.explored is None else _fuzzing(run.explored),
        "requirements": [
            {
                "id": verdict.requirement.id,
                "level": verdict.requirement.level,
                "text": verdict.requirement.text,
                "verdict": verdict.result,
                "message": message(verdict),
                "cases": list(verdict.cases),
            }
            for verdict in run.verdicts
        ],
        "cases": [_case(run, observation) for observation in run.observations.values()],
    }


def _profile(contract: Contract) -> dict[str, Any]:
    changes = [
        {"key": it.key, "pointer": it.pointer, "source": it.source, "requirements": list(it.requirements)}
        for it in contract.changes
    ]
    return {"name": contract.profile, "sha256": contract.profile_sha256, "changes": changes}


def _fuzzing(explored: Explored) -> dict[str, Any]:
    ended = describe(explored.ended) if explored.ended is not None else ""
    return {"cases": explored.fuzzed, "shrinking": explored.shrinking, "ended": ended}


def _case(run: Run, observation: Observation) -> dict[str, Any]:
    exchange, breaks = observation.exchange, broken(run, observation)
    folder = f"cases/{exchange.label}" if breaks else None
    body_file = f"{folder}/request.body" if folder and exchange.request.body else None
    return {
        "id": exchange.label,
        "note": run.cases[exchange.label].note,
        "contract_says": observation.expectation.validity,
        "status": exchange.response.status if exchange.response is not None else None,
        "failure": exchange.failure.kind if exchange.failure is not None else None,
        "not_tested": describe(exchange.not_tested) if exchange.not_tested is not None else None,
        "seconds": round(exchange.seconds, 3),
        "breaks": [{"requirement": finding.requirement, "message": finding.message} for finding in breaks],
        "folder": folder,
        "curl": curl(exchange, run.target, body_file) if folder else None,
    }


def broken(run: Run, observation: Observation) -> list[Finding]:
    """Return the findings of a case that failed."""
    return [
        finding
        for finding in run.findings
        if finding.label == observation.exchange.label and finding.state == "contradicted"
    ]
