"""The files of a git revision."""

import subprocess
from pathlib import Path

from attrs import frozen
from regeneration.refused import Refused

_BRANCHES = ("main", "origin/main")


@frozen
class Revision:
    """A commit, and how it is called in messages."""

    name: str
    commit: str

    def __str__(self) -> str:
        return f"{self.name} ({self.commit[:9]})"


def find(root: Path, name: str | None) -> Revision:
    """Return the revision of a name, by default the last tag of a version, or else where HEAD left main.

    Raises Refused if there is no git, no checkout or no such revision.
    """
    checkout = _run(root, "rev-parse", "--git-dir")
    if checkout.returncode != 0:
        reason = checkout.stderr.decode(errors="replace").partition("\n")[0]
        raise Refused(f"{root} is no git checkout, so there is nothing to compare with; use a clone. git: {reason}")
    if name is None:
        name = _git(root, "describe", "--tags", "--abbrev=0", "--match", "v[0-9]*", "--match", "[0-9]*")
    if name is not None:
        commit = _commit(root, name)
        if commit is None:
            raise Refused(f"{name!r} is no revision of this checkout; `git log` and `git tag` list them.")
        return Revision(name, commit)
    for branch in _BRANCHES:
        if tip := _commit(root, branch):
            return Revision(branch, _git(root, "merge-base", "HEAD", tip) or tip)
    raise Refused(
        "there is neither a tag nor a branch main; name a revision, or fetch them: git fetch --tags origin main"
    )


def content(root: Path, revision: Revision, path: str) -> str:
    """Return the text of a file at a revision. Raises Refused if it is not there."""
    text = find_content(root, revision, path)
    if text is None:
        raise Refused(f"{path} is not in {revision}, or not as text; name a revision that has it.")
    return text


def find_content(root: Path, revision: Revision, path: str) -> str | None:
    """Return the text of a file at a revision, None if it is not there."""
    return _git(root, "show", f"{revision.commit}:./{path}")


def _commit(root: Path, name: str) -> str | None:
    return _git(root, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}")


def _git(root: Path, *arguments: str) -> str | None:
    """Return the output of a git command, None if it fails or is not text."""
    result = _run(root, *arguments)
    try:
        return result.stdout.decode().strip() if result.returncode == 0 else None
    except UnicodeDecodeError:
        return None


def _run(root: Path, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    command = ["git", "-C", str(root), *arguments]
    try:
        return subprocess.run(command, capture_output=True, check=False)  # noqa: S603 - no shell is involved
    except FileNotFoundError:
        raise Refused("git is not installed; spec-diff reads the earlier contract with it.") from None
