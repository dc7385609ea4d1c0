"""The workflows have no more permissions than they need, and run actions that cannot change."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

WORKFLOWS = sorted((Path(__file__).parents[3] / ".github/workflows").glob("*.yml"))


def jobs(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(path.read_text("utf-8"))["jobs"]
    return found


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_actions_are_pinned_by_digest_with_their_version_and_a_checkout_keeps_no_credentials(path: Path) -> None:
    used = re.findall(r"uses: *(.*)", path.read_text("utf-8"))
    assert used
    assert [line for line in used if not re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", line)] == []
    steps = [step for job in jobs(path).values() for step in job["steps"]]
    checkouts = [step for step in steps if step.get("uses", "").startswith("actions/checkout@")]
    assert [step["with"]["persist-credentials"] for step in checkouts] == [False] * len(checkouts)


def test_only_the_job_that_publishes_may_ask_for_a_token_and_it_runs_no_code_of_the_repository() -> None:
    (release,) = (path for path in WORKFLOWS if path.name == "release.yml")
    permissions = {name: job["permissions"] for name, job in jobs(release).items()}
    assert permissions == {"build": {"contents": "read"}, "publish": {"id-token": "write"}}
    assert all("run" not in step for step in jobs(release)["publish"]["steps"])
    assert jobs(release)["publish"]["needs"] == "build"
    for path in WORKFLOWS:
        text = path.read_text("utf-8")
        assert "secrets." not in text
        assert re.search(r"^permissions:( \{\}|\n  contents: read)$", text, re.MULTILINE)
