"""Whether type checkers, at their strictest, take a program that uses a subject as it is installed.

mypy comes with the project, pyright from npm.
"""

import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmark.environments import CACHE, Environment, Unavailable
from benchmark.node import node_tool

_PYRIGHT_CONFIGURATION = {"include": ["program.py"], "typeCheckingMode": "strict", "pythonVersion": "3.11"}
_MYPY_RULE = re.compile(r"^program\.py:\d+: error: .*\[([a-z-]+)\]$", re.MULTILINE)
_SECONDS = 300

_HTTPX = """
import httpx

with httpx.Client(base_url="http://127.0.0.1:8000/v1", headers={"Authorization": "Bearer sk"}) as client:
    with open("in.png", "rb") as file:
        form = {"image": ("in.png", file, "image/png")}
        answer = client.post("/images/variations", files=form, data={"n": "2"})
    try:
        members = answer.raise_for_status().json()
    except httpx.HTTPStatusError as error:
        print(error.response.status_code)
    else:
        created: int = members["created"]
        for item in members["data"]:
            url: str | None = item.get("url")
"""
_CLIENT = """
from pathlib import Path

from image_variations import APIStatusError, Client

with Client(api_key="sk", base_url="http://127.0.0.1:8000/v1") as client:
    try:
        answer = client.images.create_variation(image=Path("in.png"), n=2)
    except APIStatusError as error:
        print(error.status_code)
    else:
        created: int = answer.created
        for item in answer.data:
            url: str | None = item.url
"""
_OPENAI = """
from pathlib import Path

from openai import APIStatusError, OpenAI

with OpenAI(api_key="sk", base_url="http://127.0.0.1:8000/v1") as client:
    try:
        answer = client.images.create_variation(image=Path("in.png"), n=2)
    except APIStatusError as error:
        print(error.status_code)
    else:
        created: int = answer.created
        for item in answer.data or []:
            url: str | None = item.url
"""
_OPENAPI_GENERATOR = """
from openapi_client import ApiClient, ApiException, Configuration, ImagesApi

with ApiClient(Configuration(host="http://127.0.0.1:8000/v1", access_token="sk")) as client:
    try:
        answer = ImagesApi(client).create_image_variation(image="in.png", n=2)
    except ApiException as error:
        print(error.status)
    else:
        created: int = answer.created
        for item in answer.data:
            url: str | None = item.url
"""
PROGRAMS = {"httpx": _HTTPX, "client": _CLIENT, "openai": _OPENAI, "openapi-generator": _OPENAPI_GENERATOR}
"""The same program for each subject: a call, the status of a failure, and two members of the answer by their types."""


def mypy_strict(subject: str, environment: Environment) -> list[str]:
    """Return the rules that mypy finds the program of a subject to break. Raises Unavailable where it fails."""
    return mypy(PROGRAMS[subject], environment, CACHE / "mypy" / subject)


def pyright_strict(subject: str, environment: Environment) -> list[str]:
    """Return the rules that pyright finds the program of a subject to break. Raises Unavailable where it fails."""
    return pyright(PROGRAMS[subject], environment)


def mypy(program: str, environment: Environment, cache: Path) -> list[str]:
    """Return the rules that mypy, strict, finds a program to break. Raises Unavailable where it fails."""
    options = ("--strict", "--config-file=", f"--cache-dir={cache}", f"--python-executable={environment.python}")
    code, said = _run(program, environment, sys.executable, "-m", "mypy", *options, "program.py")
    rules = sorted(set(_MYPY_RULE.findall(said)))
    if code not in {0, 1} or bool(code) != bool(rules):
        raise Unavailable(f"mypy failed: {said[-200:]}")
    return rules


def pyright(program: str, environment: Environment) -> list[str]:
    """Return the rules that pyright, strict, finds a program to break. Raises Unavailable where it fails."""
    command = (
        *node_tool("pyright", "pyright"),
        "--outputjson",
        "--pythonpath",
        str(environment.python),
        "--project",
        ".",
    )
    code, said = _run(program, environment, *command)
    if code not in {0, 1} or json.loads(said)["summary"]["filesAnalyzed"] != 1:
        raise Unavailable(f"pyright failed: {said[-200:]}")
    return sorted({str(it.get("rule", "syntax")) for it in json.loads(said)["generalDiagnostics"]})


def _run(program: str, environment: Environment, *command: str) -> tuple[int, str]:
    # The packages beside those installed come by PYTHONPATH: both checkers ask the interpreter for its path.
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "program.py").write_text(program, encoding="utf-8")
        # Written also because pyright would otherwise take the configuration of any folder above.
        (Path(folder) / "pyrightconfig.json").write_text(json.dumps(_PYRIGHT_CONFIGURATION), encoding="utf-8")
        completed = subprocess.run(  # noqa: S603 - our own program
            command,
            cwd=folder,
            env=environment.variables,
            capture_output=True,
            text=True,
            check=False,
            timeout=_SECONDS,
        )
    return completed.returncode, completed.stdout or completed.stderr
