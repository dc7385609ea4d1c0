"""The suite on servers in other stacks, written apart from the suite, whose deviations were found by hand.

Each folder of tests/servers has a server, written by the book of its framework by somebody who had only the reference
page, and `deviations.json`: what is wrong with it, found with a raw socket and frozen before the suite saw the server.
"""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from image_variations_conformance.engine.check import Settings, check
from image_variations_conformance.engine.run import Run
from image_variations_conformance.reports.folder import ReportFolder
from image_variations_conformance.wire.target import Target
from support.judging import KEY
from support.node_packages import node_modules
from support.processes import free_port, served

pytestmark = pytest.mark.slow

SERVERS = Path(__file__).parents[1] / "servers"
_SEED = 1


def _python(name: str, _: Path) -> list[str]:
    return [sys.executable, str(SERVERS / name / "server.py")]


def _node(name: str, folder: Path) -> list[str]:
    # Node finds packages in the folders above a file.
    shutil.copytree(SERVERS / name, folder / name)
    (folder / "node_modules").symlink_to(node_modules(f"server-{name}"))
    (folder / "package.json").write_text(json.dumps({"type": "module" if name == "hono" else "commonjs"}))
    return ["node", "--preserve-symlinks", str(folder / name / "server.js")]


def _java(name: str, folder: Path) -> list[str]:
    if shutil.which("javac") is None:
        pytest.skip("a JDK is not installed: 'javac' is not on the PATH")
    subprocess.run(["javac", "-d", str(folder), str(SERVERS / name / "Server.java")], check=True, timeout=120)
    return ["java", "-Djava.awt.headless=true", "-cp", str(folder), "Server"]


COMMANDS: dict[str, Callable[[str, Path], list[str]]] = {
    "fastapi": _python,
    "cherrypy": _python,
    "koa": _node,
    "hono": _node,
    "jdk": _java,
}
# Ids that are true, and for which the list has the same deviation under another id.
SAME = {
    **dict.fromkeys(("IV-AUTH-SPACES", "IV-WIRE-PARAMETERS", "IV-WIRE-HEADER-CASE"), "IV-OP-VALID"),
    # A link without a host cannot be followed.
    "IV-URL-ABSOLUTE": "IV-URL-FETCH",
}
# Reported by the suite, not on the list, and found true by hand afterwards.
CONFIRMED = {"hono": {"IV-WIRE-HEADER-CASE", "IV-URL-FETCH"}}
LEAST_REPORTED = {"fastapi": 12, "cherrypy": 16, "koa": 12, "hono": 9, "jdk": 12}
"""How many requirements of each list the suite reports, at least, at MUST level."""


def _deviations(name: str, level: str) -> set[str]:
    listed: list[dict[str, Any]] = json.loads((SERVERS / name / "deviations.json").read_text())
    return {entry["id"] for entry in listed if entry["level"] == level}


@contextmanager
def _running(name: str, folder: Path) -> Iterator[str]:
    port = free_port()
    with served([*COMMANDS[name](name, folder), "--port", str(port)], port, {"API_KEY": KEY}) as origin:
        yield origin


def _run(name: str, folder: Path) -> Run:
    with _running(name, folder) as origin:
        return check(Target.parse(f"{origin}/v1", KEY), Settings(seed=_SEED, timeout=10.0), lambda *_: None)


def _reported(run: Run) -> set[str]:
    """Return the ids that were reported, also as part of another failure."""
    return {each for it in run.verdicts if it.result in {"fail", "warn"} for each in (it.requirement.id, *it.also)}


@pytest.mark.parametrize("name", COMMANDS)
def test_every_failure_of_an_honest_server_is_true_and_most_of_its_list_is_reported(name: str, tmp_path: Path) -> None:
    run = _run(name, tmp_path)
    ReportFolder.at(tmp_path / "report").write(run)
    failed = {it.requirement.id: it.message for it in run.verdicts if it.result == "fail"}
    listed = _deviations(name, "must")
    true = listed | {other for other, same in SAME.items() if same in listed} | CONFIRMED.get(name, set())
    assert {requirement: message for requirement, message in failed.items() if requirement not in true} == {}
    reported = _reported(run)
    reported |= {SAME[each] for each in reported if each in SAME}
    assert len(reported & listed) >= LEAST_REPORTED[name]


def test_at_least_seven_tenths_of_what_honest_servers_break_is_reported() -> None:
    listed = sum(len(_deviations(name, "must")) for name in COMMANDS)
    assert sum(LEAST_REPORTED.values()) >= 0.7 * listed
