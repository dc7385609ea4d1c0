"""The report folder: report.json, junit.xml, and under cases/ the exact bytes of each case that broke something."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from .. import __version__
from ..exchange import Exchange
from ..exploring import Explored
from ..oracles import Finding, Observation
from ..run import Run
from . import junit
from .curl import curl
from .reasons import describe, message

SCHEMA_VERSION = 1


def prepare(folder: Path) -> None:
    """Make the folder and see that it can be written to, before a run costs anything. Raises OSError.

    What an earlier run left there is taken away, the report first: if this run is killed, none is there that could be
    taken for its own.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("report.json", "junit.xml"):
        (folder / name).unlink(missing_ok=True)
        _aside(folder / name).write_bytes(b"")
        _aside(folder / name).unlink()
    shutil.rmtree(folder / "cases", ignore_errors=True)


def write(run: Run, folder: Path) -> None:
    """Write the report of a run. Raises OSError. What an earlier run left under the same names is replaced."""
    prepare(folder)
    for it in run.observations.values():
        if _broken(run, it):
            _write_case(it, folder / "cases" / it.exchange.label)
    _write(folder / "junit.xml", junit.render(run))
    # Last, so that a report.json is there only together with all that it names.
    _write(folder / "report.json", json.dumps(document(run), indent=2, ensure_ascii=False).encode() + b"\n")


def _write(path: Path, content: bytes) -> None:
    _aside(path).write_bytes(content)
    _aside(path).replace(path)


def _aside(path: Path) -> Path:
    return path.with_name(f".{path.name}.new")


def _broken(run: Run, it: Observation) -> list[Finding]:
    return [f for f in run.findings if f.label == it.exchange.label and f.outcome == "fail"]


def _write_case(it: Observation, folder: Path) -> None:
    folder.mkdir(parents=True)
    exchange = it.exchange
    (folder / "request.head").write_bytes(exchange.request.head())
    (folder / "request.body").write_bytes(exchange.request.body)
    (folder / "response.head").write_bytes(_response_head(exchange))
    if exchange.response is not None:
        (folder / "response.body").write_bytes(exchange.response.body)


def _response_head(exchange: Exchange) -> bytes:
    """Return the status line and the headers of the response, or why there is none."""
    if exchange.failure is not None:
        return f"no answer: {exchange.failure.kind}, {exchange.failure.message}\n".encode()
    if exchange.response is None:
        return b""
    lines = [f"HTTP/1.1 {exchange.response.status}", *(f"{name}: {value}" for name, value in exchange.response.headers)]
    return "\r\n".join([*lines, "", ""]).encode("utf-8", "surrogateescape")


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
            "suite_version": __version__,
            "seed": run.seed,
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
                "id": judgement.requirement.id,
                "level": judgement.requirement.level,
                "text": judgement.requirement.text,
                "verdict": judgement.verdict,
                "message": message(judgement),
                "cases": list(judgement.cases),
            }
            for judgement in run.judgements
        ],
        "cases": [_case(run, it) for it in run.observations.values()],
    }


def _fuzzing(explored: Explored) -> dict[str, Any]:
    ended = describe(explored.ended) if explored.ended is not None else ""
    return {"cases": explored.fuzzed, "shrinking": explored.shrinking, "ended": ended}


def _case(run: Run, it: Observation) -> dict[str, Any]:
    exchange, broken = it.exchange, _broken(run, it)
    folder = f"cases/{exchange.label}" if broken else None
    body_file = f"{folder}/request.body" if folder and exchange.request.body else None
    return {
        "id": exchange.label,
        "note": run.cases[exchange.label].note,
        "contract_says": it.appraisal.verdict,
        "status": exchange.response.status if exchange.response is not None else None,
        "failure": exchange.failure.kind if exchange.failure is not None else None,
        "not_tested": describe(exchange.not_tested) if exchange.not_tested is not None else None,
        "seconds": round(exchange.seconds, 3),
        "breaks": [{"requirement": finding.requirement, "message": finding.message} for finding in broken],
        "folder": folder,
        "curl": curl(exchange, run.target, body_file) if folder else None,
    }
