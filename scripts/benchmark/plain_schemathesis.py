"""Plain Schemathesis, as its users run it: the document, the URL, the key, and nothing else."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

_SPEC = Path(__file__).resolve().parents[2] / "spec" / "openapi.yaml"
_LIMIT_SECONDS = 60.0


def report(base_url: str, api_key: str, seed: int, *options: str) -> dict[str, Any]:
    """Return the JSON report of `schemathesis run` on the server at a base URL.

    Raises TimeoutExpired after one minute, and RuntimeError if there is no report or it has another exit code than the
    process.
    """
    with tempfile.TemporaryDirectory(prefix="schemathesis-") as folder:
        report_file = Path(folder) / "report.json"
        command = [
            *(sys.executable, "-m", "schemathesis.cli", "run", str(_SPEC)),
            *("--url", base_url, "--header", f"Authorization: Bearer {api_key}", "--seed", str(seed)),
            *("--report", "json", "--report-json-path", str(report_file), *options),
        ]
        process = subprocess.run(  # noqa: S603 - a fixed command
            command, cwd=folder, env=_environment(), capture_output=True, timeout=_LIMIT_SECONDS, check=False
        )
        if not report_file.exists():
            raise RuntimeError(f"schemathesis wrote no report: {process.stderr.decode(errors='replace')[-500:]}")
        document: dict[str, Any] = json.loads(report_file.read_text(encoding="utf-8"))
    if document["exit_code"] != process.returncode:
        raise RuntimeError(
            f"schemathesis reports the exit code {document['exit_code']} but exited with {process.returncode}"
        )
    return document


def _environment() -> dict[str, str]:
    # The defaults of Schemathesis are measured, without the settings of the current user.
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("SCHEMATHESIS", "HYPOTHESIS"))}
    return {**kept, "PYTHONDONTWRITEBYTECODE": "1"}
