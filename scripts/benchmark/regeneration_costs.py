"""The measure of `scripts/regenerate`: time and peak memory, compared with the generator alone."""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, cast

import yaml

from benchmark.environments import ROOT, SCRIPTS
from benchmark.figures import Figure, Target, figures
from benchmark.turns import rotate

OURS, GENERATOR = "scripts/regenerate", "openapi-python-client generate"
_COMMANDS = {
    OURS: "-P -B -m regeneration --spec openapi.yaml --output",
    GENERATOR: "-m openapi_python_client generate --path openapi.yaml --output-path",
}
_TARGETS = {OURS: Target(1.2, beside=GENERATOR)}
# In a small process, since the peak of a new one begins with that of the process that starts it.
_RUN = """
import os, sys, time
started = time.perf_counter()
quiet = [(os.POSIX_SPAWN_OPEN, stream, os.devnull, os.O_RDWR, 0) for stream in (1, 2)]
process = os.posix_spawn(sys.executable, [sys.executable, *sys.argv[1:]], os.environ, file_actions=quiet)
_, status, usage = os.wait4(process, 0)
print((time.perf_counter() - started) * 1000, usage.ru_maxrss / 1024)
sys.exit(status != 0)
"""


def costs(operations: int, *, rounds: int = 3) -> list[Figure]:
    """Return time and peak memory for a document with so many operations. The peak is that of the largest process."""
    peaks: dict[str, list[float]] = {OURS: [], GENERATOR: []}
    tools = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"  # the generator calls ruff
    environment = {**os.environ, "PATH": tools, "PYTHONPATH": str(SCRIPTS)}

    def work(subject: str) -> float:
        with tempfile.TemporaryDirectory(prefix="bench-regenerate-") as folder:
            Path(folder, "openapi.yaml").write_text(document, encoding="utf-8")
            command = [sys.executable, "-I", "-S", "-c", _RUN, *_COMMANDS[subject].split(), "synthetic"]
            printed = subprocess.check_output(command, cwd=folder, env=environment, text=True)  # noqa: S603
        milliseconds, peak = printed.split()
        peaks[subject].append(float(peak))
        return float(milliseconds)

    document = yaml.safe_dump(synthetic(operations), sort_keys=False)
    times, notes = rotate((OURS, GENERATOR), rounds, work)
    counted = {subject: values[-rounds:] for subject, values in peaks.items()}
    made = figures(f"{operations} operations, time", "ms", (OURS, GENERATOR), times, notes, _TARGETS)
    return made + figures(f"{operations} operations, peak", "MiB", (OURS, GENERATOR), counted, notes, _TARGETS)


def synthetic(operations: int) -> dict[str, Any]:
    """Return a document of uploads like ours, and of JSON requests and queries, ten operations to a tag."""
    document = yaml.safe_load((ROOT / "spec" / "openapi.yaml").read_text(encoding="utf-8"))
    upload = json.dumps(document["paths"].popitem()[1]["post"])
    errors = {status: each for status, each in json.loads(upload)["responses"].items() if status[0] in "45"}
    schemas = document["components"]["schemas"]
    form = schemas.pop("CreateImageVariationRequest")
    number, kind = {"type": "integer", "minimum": 1, "maximum": 9}, {"type": "string", "enum": ["novel", "poems"]}
    properties = {"pages": number, "kind": kind}
    book = {"type": "object", "required": ["pages"], "properties": properties}
    query = [{"name": name, "in": "query", "schema": each} for name, each in properties.items()]
    for index in range(operations):
        schemas |= {f"Form{index}": form} if index % 3 == 0 else {f"Book{index}": book}
        body = {"content": {"application/json": {"schema": {"$ref": f"#/components/schemas/Book{index}"}}}}
        answers = {"responses": {"200": {"description": "Done.", **body}, **errors}, "security": [{"bearerAuth": []}]}
        operation = (
            json.loads(upload.replace("CreateImageVariationRequest", f"Form{index}")),
            {"requestBody": {"required": True, **body}, **answers},
            {"parameters": query, **answers},
        )[index % 3]
        named = {"operationId": f"call{index}", "tags": [f"group{index // 10}"]}
        document["paths"][f"/things/{index}"] = {"post": {**operation, **named}}
    return cast(dict[str, Any], json.loads(json.dumps(document)))  # without aliases in the file
