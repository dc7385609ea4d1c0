"""The command line of `scripts/spec-diff`.

Exit codes: 0, info.version and CHANGELOG.md match what changed; 1, they do not; 2, wrong usage, no git checkout, an
unknown revision, or a file that cannot be compared.
"""

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
from regeneration.marks import MarkedYaml
from regeneration.refused import Refused
from regeneration.register import OPENAPI, REQUIREMENTS

from spec_diff import revisions
from spec_diff.files import read
from spec_diff.register import compare_registers
from spec_diff.revisions import Revision
from spec_diff.rules import Bump, Effect, Impact
from spec_diff.touched import Subjects, subjects
from spec_diff.tree import Change, Comparison
from spec_diff.verdict import CHANGELOG, needed_bump, problems

_ROOT = Path(__file__).resolve().parents[2]
_DO_NOT_MATCH = 1
_REFUSED = 2
_SHOWN = 4
_WHY: dict[Bump, str] = {
    "major": "it takes back what one could rely on",
    "minor": "it says more than before",
    "patch": "only words change",
}


@click.command()
@click.argument("base", required=False)
def command(base: str | None) -> None:
    """Say what changed in the contract, spec/openapi.yaml and spec/requirements.yaml, since the git revision BASE.

    Each change is breaking, additive or editorial for callers and for servers, in the vocabulary of oasdiff. Changes
    that no rule knows are unknown-change, and breaking. CONTRIBUTING.md has the rules of the version.

    BASE is by default the last tag such as v0.2.0, since that is what others have. If there is none, it is the commit
    at which the present branch left main; on main itself that is HEAD, so what is not committed is compared.

    Exit codes: 0, info.version and CHANGELOG.md match what changed; 1, they do not; 2, wrong usage, no git checkout, an
    unknown revision, or a file that cannot be compared.
    """
    sys.exit(run(_ROOT, base))


def run(root: Path, base: str | None) -> int:
    """Compare the contract of a source tree with that of a revision, print the changes, and return the exit code."""
    try:
        revision = revisions.find(root, base)
        names = (OPENAPI, REQUIREMENTS)
        old = {it: read(f"{revision}: spec/{it}", it, revisions.content(root, revision, f"spec/{it}")) for it in names}
        new = {it: read(f"spec/{it}", it, _text(root, it)) for it in names}
        changes = Comparison(old[OPENAPI].value, new[OPENAPI].value).run()
        changes += compare_registers(old[REQUIREMENTS].value, new[REQUIREMENTS].value)
    except (Refused, RecursionError) as error:
        reason = "a file of spec/ refers to itself without end" if isinstance(error, RecursionError) else error
        click.echo(f"scripts/spec-diff: {reason}", err=True)
        return _REFUSED
    versions = (_version(old[OPENAPI].value), _version(new[OPENAPI].value))
    about = subjects(*([each[name].text.encode() for name in names] for each in (new, old))) if changes else []
    marked = {name: file.marked for name, file in new.items()}
    click.echo("\n".join(_report(revision, versions, changes, marked, about)))
    old_changelog = revisions.find_content(root, revision, CHANGELOG) or ""
    found = list(problems(root, marked[OPENAPI], versions, changes, old_changelog))
    click.echo("\n".join(found or ["info.version and CHANGELOG.md match."]))
    return _DO_NOT_MATCH if found else 0


def _text(root: Path, name: str) -> str:
    try:
        return (root / "spec" / name).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise Refused(f"spec/{name} cannot be read: {error}") from None


def _version(document: dict[str, Any]) -> object:
    info = document.get("info")
    return info.get("version") if isinstance(info, dict) else None


def _report(
    revision: Revision,
    versions: tuple[object, object],
    changes: list[Change],
    marked: dict[str, MarkedYaml],
    about: list[Subjects],
) -> Iterator[str]:
    """Yield the lines: the changes by what they break, what each touches, and the bump."""
    count = "1 change" if len(changes) == 1 else f"{len(changes) or 'no'} changes"
    yield f"contract {versions[0]} at {revision} → {versions[1]} in the working tree: {count}"
    order = list(Effect)
    for impact in sorted({each.impact for each in changes}, key=lambda it: _rank(order, it)):
        callers, servers = impact.callers, impact.servers
        both = f"{callers} for callers and servers"
        who = both if callers == servers else f"{callers} for callers, {servers} for servers"
        yield f"\n{who} ({impact.bump}: {_WHY[impact.bump]})"
        for change in changes:
            if change.impact == impact:
                line = marked[change.file].line_at(change.pointer)
                yield f"  {change.id}  spec/{change.file}:{line}  {_what(change)}"
                if {callers, servers} != {Effect.EDITORIAL}:
                    yield from _touches(change, about)
    if changes and not about:
        yield "\nRequirements, cases and profiles are not named, since the suite cannot read the contract:"
        yield "scripts/regenerate says why."
    yield f"\nbump: {needed_bump(changes) or 'none'}"


def _rank(order: list[Effect], impact: Impact) -> tuple[int | str, ...]:
    effects = [order.index(each) for each in (impact.callers, impact.servers)]
    return (min(effects), *effects, impact.bump)


def _what(change: Change) -> str:
    """Return the place of a change in short, and what it is."""
    if change.file == REQUIREMENTS:
        return change.text
    parent = change.pointer.rpartition("/")[0]
    if operation := re.match("/paths/([^/]+)/([a-z]+)", parent):
        path = operation[1].replace("~1", "/").replace("~0", "~")
        parent = f"{operation[2].upper()} {path}{parent[operation.end() :]}"
    name = parent.replace("/components/schemas/", "").replace("/properties/", ".").replace("/components/", "")
    return f"{name}  {change.text}" if name else change.text


def _touches(change: Change, about: list[Subjects]) -> Iterator[str]:
    found = [each.touched(change) for each in about]
    named = zip(("requirements", "cases", "profiles"), zip(*found, strict=True), strict=True)
    parts = []
    for noun, lists in named:
        names = list(dict.fromkeys(name for each in lists for name in each))
        if names:
            more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
            parts.append(f"{noun} {', '.join(names[:_SHOWN])}{more}")
    if parts:
        yield f"      {'; '.join(parts)}"


if __name__ == "__main__":
    command(prog_name="scripts/spec-diff")
