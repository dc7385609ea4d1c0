"""The servers, gateways and mocks of the field report: how each is installed and started, and what it declares."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from attrs import field, frozen
from support.node_packages import node_tool, node_version

from field_report.installing import ROOT, node_packages, python_environment

UPSTREAM_KEY = "sk-upstream-0123456789abcdef"
KEY = "sk-field-0123456789abcdef"
_SPEC = ROOT / "spec" / "openapi.yaml"
_HERE = Path(__file__).parent
_FORWARDS = "forwards images"
_BEFORE_REFERENCE = "in front of our reference server, which keeps the contract"
_ON_OUR_DOCUMENT = "on spec/openapi.yaml"


@frozen
class Start:
    """What a system is started with: a free port, the origin of the reference server, and a folder of its own."""

    port: int
    upstream: str
    folder: Path


@frozen
class System:
    """One system. `what` says what it does with images, `how` in what setting it was run.

    `command` installs it and returns the command that starts it. `profile` is the name of its ready-made profile, and
    `declared` is what differs from that in this setting. `path` is the path of its base URL.
    """

    name: str
    version: str
    what: str
    how: str
    command: Callable[[Start], Sequence[str]]
    path: str = "/v1"
    profile: str = ""
    declared: Mapping[str, Any] = field(factory=dict)
    environment: Callable[[Start], Mapping[str, str]] = field(default=lambda _: {})
    headers: Callable[[Start], Sequence[tuple[str, str]]] = field(default=lambda _: ())
    api_key: str | None = KEY
    timeout: float = 20.0


def _tool(package: str, command: str, *arguments: str) -> Callable[[Start], Sequence[str]]:
    return lambda start: [*node_tool(package, command), *(each.replace("PORT", str(start.port)) for each in arguments)]


def _portkey(version: str) -> System:
    def command(start: Start) -> Sequence[str]:
        package = node_packages(f"portkey-gateway-{version}") / "@portkey-ai" / "gateway"
        return ["node", str(package / "build" / "start-server.js"), f"--port={start.port}", "--headless"]

    def headers(start: Start) -> Sequence[tuple[str, str]]:
        return (("x-portkey-provider", "openai"), ("x-portkey-custom-host", f"{start.upstream}/v1"))

    how = f"the provider openai with a custom host, {_BEFORE_REFERENCE}"
    return System("Portkey gateway", version, _FORWARDS, how, command, headers=headers, api_key=UPSTREAM_KEY)


def _litellm(start: Start) -> Sequence[str]:
    config = start.folder / "config.yaml"
    config.write_text(f"model_list: []\ngeneral_settings:\n  master_key: {KEY}\n", "utf-8")
    # The script `litellm` names the folder in which it was installed, which was renamed since.
    program = "from litellm.proxy.proxy_cli import run_server; run_server()"
    options = ["--config", str(config), "--host", "127.0.0.1", "--port", str(start.port)]
    return [str(python_environment("litellm")), "-c", program, *options]


def _litellm_environment(start: Start) -> Mapping[str, str]:
    return {"OPENAI_API_KEY": UPSTREAM_KEY, "OPENAI_API_BASE": start.upstream, "LITELLM_LOCAL_MODEL_COST_MAP": "True"}


def _xinference(start: Start) -> Sequence[str]:
    return [str(python_environment("xinference")), str(_HERE / "xinference_server.py"), str(start.port)]


def _xinference_environment(start: Start) -> Mapping[str, str]:
    return {"XINFERENCE_HOME": str(start.folder), "XINFERENCE_AUTH_ADVANCED": "0", "XINFERENCE_DISABLE_METRICS": "1"}


def _scalar(start: Start) -> Sequence[str]:
    packages = node_packages("scalar-mock-server")
    script = start.folder / "server.mjs"
    script.write_text((_HERE / "scalar_server.mjs").read_text("utf-8"), "utf-8")
    (start.folder / "node_modules").symlink_to(packages)
    document = start.folder / "openapi.json"
    document.write_text(json.dumps(yaml.safe_load(_SPEC.read_text("utf-8"))), "utf-8")
    return ["node", "--preserve-symlinks-main", "--preserve-symlinks", str(script), str(start.port), str(document)]


def _aimock(start: Start) -> Sequence[str]:
    fixtures = start.folder / "fixtures.json"
    fixtures.write_text('{"fixtures": []}', "utf-8")
    options = ("--host", "127.0.0.1", "--port", str(start.port), "--fixtures", str(fixtures), "--log-level", "silent")
    return [*node_tool("@copilotkit/aimock", "llmock"), *options]


SYSTEMS = (
    System(
        "LiteLLM proxy",
        "1.90.0",
        _FORWARDS,
        f"its pass-through route /openai/v1, {_BEFORE_REFERENCE}; no database",
        _litellm,
        path="/openai/v1",
        environment=_litellm_environment,
    ),
    _portkey("1.9.8"),
    _portkey("1.15.2"),
    System(
        "Xinference",
        "4.1.0",
        "makes images",
        "its own HTTP code, with a stub for the diffusion pipeline; without authentication",
        _xinference,
        profile="xinference",
        declared={"auth": "none"},
        environment=_xinference_environment,
        api_key=None,
    ),
    System(
        "Prism",
        node_version("@stoplight/prism-cli"),
        "mock",
        _ON_OUR_DOCUMENT,
        _tool("@stoplight/prism-cli", "prism", "mock", "--port", "PORT", str(_SPEC)),
        path="",
    ),
    System(
        "Steady",
        node_version("@stdy/cli"),
        "mock",
        _ON_OUR_DOCUMENT,
        _tool("@stdy/cli", "steady", "--host", "127.0.0.1", "--port", "PORT", "--quiet", str(_SPEC)),
        path="",
    ),
    System("Scalar mock server", node_version("@scalar/mock-server"), "mock", _ON_OUR_DOCUMENT, _scalar, path=""),
    System("aimock", node_version("@copilotkit/aimock"), "mock", "without fixtures", _aimock),
)

NOT_RUN = {
    "bifrost": "its npm package loads the program from a host of its own, and not from npm",
    "lemonade, InferHub, Higress, one-hub, one-api, new-api": "are in no package of PyPI or npm",
    "modelship, stdapi.ai, easel": "the packages of these names on PyPI are others",
    "GPUStack": "routes to servers of its own workers, which need a GPU",
    "connexion": "needs an OpenAPI 3.0 document; ours is 3.1",
}
"""Systems that are known to serve the operation and were not run, with the reason."""
