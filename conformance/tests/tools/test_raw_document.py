"""The linters and validators of other projects report nothing in the contract as it is written, before lowering.

Each of them reports a mistake in a broken copy, so that a tool that reads nothing does not pass.
"""

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator
from regeneration.document import read
from support.node_packages import node_tool

SPEC = Path(__file__).parents[3] / "spec" / "openapi.yaml"
Report = Callable[[Path], list[Any]]


def spec_validator(path: Path) -> list[Any]:
    return [error.message for error in OpenAPIV31SpecValidator(read(path)).iter_errors()]


def redocly(path: Path) -> list[Any]:
    """Return the problems by the strictest ruleset of Redocly, in which every warning is an error."""
    command = [*node_tool("@redocly/cli", "redocly"), "lint", "--extends=recommended-strict", "--format=json"]
    return cast("list[Any]", json.loads(output(command, path))["problems"])


def spectral(path: Path) -> list[Any]:
    """Return the results of Spectral by its ruleset for OpenAPI, hints included."""
    ruleset = path.with_name("spectral.json")
    ruleset.write_text('{"extends": ["spectral:oas"]}')
    command = [*node_tool("@stoplight/spectral-cli", "spectral"), "lint", "--quiet", "--format=json"]
    command += [f"--ruleset={ruleset}", "--fail-severity=hint"]
    return cast("list[Any]", json.loads(output(command, path)))


def swagger_cli(path: Path) -> list[Any]:
    lines = output([*node_tool("@apidevtools/swagger-cli", "swagger-cli"), "validate"], path).splitlines()
    return [line for line in lines if line != f"{path} is valid"]


def output(command: list[str], path: Path) -> str:
    """Return what the tool prints about the document. It fails if and only if it reports something."""
    settings = {"REDOCLY_TELEMETRY": "off", "REDOCLY_SUPPRESS_UPDATE_NOTICE": "true"}
    completed = subprocess.run(
        [*command, str(path)],
        cwd=path.parent,
        capture_output=True,
        text=True,
        env={**os.environ, **settings},
        check=False,
    )
    return completed.stdout if completed.returncode == 0 else completed.stdout or completed.stderr


TOOLS = [
    spec_validator,
    *(pytest.param(tool, marks=pytest.mark.slow) for tool in (redocly, spectral, swagger_cli)),
]


@pytest.mark.parametrize("tool", TOOLS)
def test_a_tool_reports_nothing_in_the_contract(tool: Report, tmp_path: Path) -> None:
    # A copy, because the tools look for configuration files beside the document.
    path = tmp_path / "openapi.yaml"
    path.write_bytes(SPEC.read_bytes())
    assert tool(path) == []


@pytest.mark.parametrize("tool", TOOLS)
def test_a_tool_reports_a_response_without_a_description(tool: Report, tmp_path: Path) -> None:
    description = "          description: The variations, as many as requested, in the requested format.\n"
    before, after = SPEC.read_text().split(description)
    path = tmp_path / "openapi.yaml"
    path.write_text(before + after)
    assert tool(path) != []
