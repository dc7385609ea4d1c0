"""The baseline: failures of a server that are known. A run fails for new ones, and for entries that are out of date.

contract = "1.1.0"
suite = "0.1.0"
seed = 7

[[known]]                         # to be mended later
requirement = "IV-N-RANGE"
items = ["n=10"]                  # "other requests 1f2e3d4c5b6a": those without a name, see below
reason = "The back end makes four images at most."
since = 2026-11-29
expires = 2027-03-01              # may be left out

[[waived]]                        # to stay; it may also pass
requirement = "IV-ERR-PARAM"
reason = "The gateway rewrites errors."
since = 2026-11-29

What the requests of an experiment break has no name that is the same in the next run. `other requests` stands for all
of that, with the digest of the first such request: whether it holds now is seen if that request is sent again.
"""

from __future__ import annotations

import datetime
import hashlib
import itertools
import re
import tomllib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, TypeAlias

import tomlkit
from attrs import evolve, field, frozen
from tomlkit.items import Array, Table

from ..cases.case import Case
from ..contract.requirements import Requirement
from ..contract.suggestion import no_requirement
from ..version import suite_version
from ..wire.reasons import RunEnded
from .run import Item, Run, Verdict

Requirements: TypeAlias = Mapping[str, Requirement]
Kind = Literal["known", "waived"]
_KINDS: tuple[Kind, ...] = ("known", "waived")
_TOP = {"contract": str, "suite": str, "seed": int}
_ENTRY = {"requirement": str, "items": list, "reason": str, "since": datetime.date, "expires": datetime.date}
_OPTIONAL = frozenset({"items", "expires"})
"""What is not missing by its name: `items` have an error of their own."""
_WORDS = {
    str: "a text",
    int: "a whole number from 0",
    list: "a list of texts",
    datetime.date: "a date such as 2026-11-29",
}
NO_REASON = "no reason given yet"
OTHER_REQUESTS = "other requests"
_DIGEST_CHARACTERS = 12
# The requests of the experiment are numbered in each run anew, and so are those drawn at random.
_NUMBERED = re.compile(
    r"(again|alone|base|control|cost|eight-alike|eight-mixed|must|narrowed|odd|open|random|should)-\d+(-.*)?"
)
_HEADER = re.compile(rf"^[ \t]*\[\[\s*({'|'.join(_KINDS)})\b", re.MULTILINE)
_COMMENT = (
    "Known failures of a server, for `image-variations check --baseline`. `known`: to be mended; `waived`: to stay."
)


class BaselineError(ValueError):
    """A baseline cannot be read. The message names the file, the line and what was expected."""


@frozen
class Entry:
    """What is known of a requirement: the items that fail. `place` is file and line."""

    requirement: str
    kind: Kind
    reason: str
    since: datetime.date
    items: tuple[str, ...]
    expires: datetime.date | None = None
    place: str = field(default="", eq=False)

    def covers(self, item: str) -> bool:
        """Return whether a failure of an item is known."""
        others = _lasting(item) == OTHER_REQUESTS and any(map(_is_other, self.items))
        return item in self.items or others


@frozen
class Baseline:
    """The entries of a baseline, by requirement, and the versions and the seed of the run that it was written from."""

    entries: Mapping[str, Entry]
    contract: str = ""
    suite: str = ""
    seed: int | None = None

    def applied(self, run: Run, today: datetime.date) -> Run:
        """Return a run in which what is known is no failure, and what is out of date in the baseline is one."""
        known = [_with_known(verdict, self.entries.get(verdict.requirement.id)) for verdict in run.verdicts]
        sent = _sent(run)
        stale = [text for verdict in run.verdicts for text in self._stale(verdict, sent, today)]
        return evolve(run, verdicts=tuple(known), stale=tuple(stale), baseline_of=self._other_versions(run))

    def _stale(self, verdict: Verdict, sent: Collection[str], today: datetime.date) -> Iterator[str]:
        entry = self.entries.get(verdict.requirement.id)
        if entry is None:
            return
        if entry.expires is not None and entry.expires < today:
            yield f"{entry.place}: {entry.requirement} expired on {entry.expires}"
        if entry.kind == "known":
            held = _held(verdict, entry.items, sent)
            if held:
                yield f"{entry.place}: {entry.requirement} holds now: {', '.join(held)}"

    def _other_versions(self, run: Run) -> str:
        """Return the versions that the baseline was written with, if they are others than those of the run."""
        versions = (self.contract, self.suite)
        moved = any(versions) and versions != (run.contract.version, suite_version())
        return f"contract {self.contract or '?'} and suite {self.suite or '?'}" if moved else ""


def _lasting(item: str) -> str:
    """Return the name of an item that is the same in each run."""
    return OTHER_REQUESTS if _NUMBERED.fullmatch(item) else item


def _broken(verdict: Verdict) -> list[Item]:
    """Return the items that fail, or that another failure of the server keeps from being seen."""
    if _is_hidden(verdict):
        return [it for it in verdict.items if it.state != "holds" and (it.reason is None or not it.reason.chosen)]
    return [item for item in verdict.items if item.state == "contradicted"]


def _is_hidden(verdict: Verdict) -> bool:
    """Return whether the server keeps a MUST from being seen, but for a limit or an end of the run."""
    is_must = verdict.requirement.level == "must"
    return is_must and verdict.blocked and not isinstance(verdict.reason, RunEnded)


def _is_other(name: str) -> bool:
    return re.fullmatch(rf"{OTHER_REQUESTS}( [0-9a-f]+)?", name) is not None


def _names(items: Iterable[Item]) -> list[str]:
    return list(dict.fromkeys(_lasting(item.name) for item in items))


def _listed_names(verdict: Verdict, run: Run) -> list[str]:
    """Return the names of what is broken as a file lists them: other requests with the digest of the first."""
    broken = _broken(verdict)
    labels = {finding.label for item in broken if _lasting(item.name) == OTHER_REQUESTS for finding in item.findings}
    first = next((_digest(case) for label, case in run.cases.items() if label in labels), "")
    return [f"{name} {first}".strip() if name == OTHER_REQUESTS else name for name in _names(broken)]


def _digest(case: Case) -> str:
    """Return the digest of a request without its headers, which depend on the target."""
    request = case.request
    return hashlib.sha256(f"{request.method} ".encode() + request.body).hexdigest()[:_DIGEST_CHARACTERS]


def _sent(run: Run) -> frozenset[str]:
    """Return what items may be named after, of all that was sent: cases, what they try out, and digests."""
    cases = [run.cases[label] for label, it in run.observations.items() if it.exchange.not_tested is None]
    probed = (probe.item for case in cases for probe in case.probes)
    others = (f"{OTHER_REQUESTS} {_digest(case)}" for case in cases)
    return frozenset((*(case.label for case in cases), *probed, *others))


def _passed(verdict: Verdict) -> bool:
    return verdict.result in {"pass", "declared"}


def _held(verdict: Verdict, names: Collection[str], sent: Collection[str]) -> list[str]:
    """Return the names of items that were seen to hold. If nothing is broken, all that was sent holds."""
    states = {item.name: item.state for item in verdict.items}
    also = sent if _passed(verdict) else frozenset[str]()
    return [name for name in names if states.get(name) == "holds" or (name not in states and name in also)]


def _with_known(verdict: Verdict, entry: Entry | None) -> Verdict:
    """Return a verdict with what an entry says of it: known, if nothing else is broken; new items come first."""
    if entry is None or not (verdict.result in {"fail", "warn"} or _is_hidden(verdict)):
        return verdict
    known = tuple(_names(item for item in _broken(verdict) if entry.covers(item.name)))
    new = [item for item in _broken(verdict) if not entry.covers(item.name)]
    because = f"{entry.reason} (since {entry.since}{'' if entry.kind == 'known' else ', waived'})"
    noted = evolve(verdict, known=known, known_because=because if known else "")
    if not new:
        return evolve(noted, result="known")
    if _is_hidden(verdict):
        return verdict
    message = new[0].findings[0].message
    return evolve(noted, message=message, items=(*new, *(item for item in verdict.items if item not in new)))


# --- files


def read(path: Path, requirements: Requirements) -> Baseline:
    """Return the baseline in a file; `requirements` are all that there are, by id. Raises BaselineError."""
    text = _text(path)
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise BaselineError(f"{path} is not valid TOML: {error}") from None
    for key, value in content.items():
        if key in _TOP:
            _check(path, 1, key, value, _TOP[key])
        elif key not in _KINDS:
            raise BaselineError(f"{path}: {key} is not a key of baselines; there are {', '.join([*_TOP, *_KINDS])}")
    entries: dict[str, Entry] = {}
    for kind in _KINDS:
        starts = [header.start() for header in _HEADER.finditer(text) if header[1] == kind]
        lines = [text.count("\n", 0, start) + 1 for start in starts]
        tables = content.get(kind, [])
        if not isinstance(tables, list) or len(lines) != len(tables):
            raise BaselineError(f"{path}: {kind}: expected tables that begin with [[{kind}]]")
        for line, table in zip(lines, tables, strict=True):
            entry = _entry(path, line, kind, table, requirements)
            if entry.requirement in entries:
                other = entries[entry.requirement].place
                raise BaselineError(f"{path}:{line}: {entry.requirement} has an entry already, at {other}")
            entries[entry.requirement] = entry
    return Baseline(entries, content.get("contract", ""), content.get("suite", ""), content.get("seed"))


def _text(path: Path) -> str:
    try:
        # As it is: Python would take a carriage return alone for the end of a line, which TOML does not.
        text = path.read_bytes().decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise BaselineError(f"{path} cannot be read: {error}") from None
    before, alone, _ = text.replace("\r\n", "\n").partition("\r")
    if alone:
        raise BaselineError(
            f"{path}:{before.count(chr(10)) + 1}: expected lines that end with LF or CRLF, got CR alone; save the file "
            "with the line ends of Unix or Windows"
        )
    return text


def _entry(path: Path, line: int, kind: Kind, table: Mapping[str, Any], requirements: Requirements) -> Entry:
    for key, value in table.items():
        if key not in _ENTRY:
            raise BaselineError(f"{path}:{line}: {key} is not a key of entries; there are {', '.join(_ENTRY)}")
        _check(path, line, key, value, _ENTRY[key])
    for key in _ENTRY:
        if key not in table and key not in _OPTIONAL:
            raise BaselineError(f"{path}:{line}: {key} is missing: {_WORDS[_ENTRY[key]]}")
    requirement, reason = table["requirement"], table["reason"]
    if requirement not in requirements:
        raise BaselineError(f"{path}:{line}: {no_requirement(requirement, requirements)}")
    if requirements[requirement].excluded is not None:
        raise BaselineError(f"{path}:{line}: {requirement} is never judged: {requirements[requirement].excluded}")
    if not reason.strip():
        raise BaselineError(f"{path}:{line}: reason: say why this is known, or who mends it and when")
    if not table.get("items"):
        raise BaselineError(
            f'{path}:{line}: items: expected the items that are known to fail, such as "n=10", got none; name them, or '
            "remove the entry and let --update-baseline write it"
        )
    return Entry(
        requirement, kind, reason, table["since"], tuple(table["items"]), table.get("expires"), f"{path}:{line}"
    )


def _check(path: Path, line: int, key: str, value: object, expected: type) -> None:
    right = type(value) is expected and (not isinstance(value, list) or all(isinstance(each, str) for each in value))
    right = right and not (isinstance(value, int) and value < 0)
    if not right:
        raise BaselineError(f"{path}:{line}: {key}: expected {_WORDS[expected]}, got {value!r}")


def updated(text: str, run: Run, today: datetime.date) -> str:
    """Return the text of a baseline after a run: with what failed, and without what holds now.

    What the run did not see stays, and so do comments, order, reasons and dates. An empty text is a new baseline.
    """
    head, *parts = _parts(text) if text.strip() else [f"# {_COMMENT}\n"]
    sent, found = _sent(run), {verdict.requirement.id: verdict for verdict in run.verdicts}
    made, unseen = head, False
    listed: set[str] = set()
    for part in parts:
        # A document of its own, since tomlkit would write all tables of a kind one behind the other.
        document = tomlkit.parse(part)
        ((kind, (table,)),) = document.items()
        listed.add(str(table["requirement"]))
        is_changed = False
        if kind == "known":
            verdict = found[str(table["requirement"])]
            broken = _listed_names(verdict, run)
            is_changed = _update_items(table["items"], verdict, broken, sent)
            unseen = unseen or not set(table["items"]) <= set(broken)
        if not table["items"]:
            made = _with_comments_behind(made, table)
        else:
            made += tomlkit.dumps(document) if is_changed else part
    for verdict in run.verdicts:
        if (verdict.result == "fail" or _is_hidden(verdict)) and verdict.requirement.id not in listed:
            made += _new_entry(made, verdict, run, today)
    values: dict[str, str | int] = {"contract": run.contract.version, "suite": suite_version()}
    if not unseen or "seed" not in tomllib.loads(head):
        # Otherwise the run that is meant to see the rest is one with the seed of the file.
        values["seed"] = run.seed
    return _with_values(head, values, is_above_table=bool(parts)) + made[len(head) :]


def _parts(text: str) -> list[str]:
    """Return what stands before the tables of a baseline, and each table up to the next one."""
    starts = [0, *(header.start() for header in _HEADER.finditer(text)), len(text)]
    return [text[start:end] for start, end in itertools.pairwise(starts)]


def _with_values(head: str, values: Mapping[str, str | int], *, is_above_table: bool) -> str:
    """Return what stands before the tables with these values. Comments right above a table stay there."""
    document = tomlkit.parse(head)
    for key, value in values.items():
        if key in document and document[key] != value:
            document[key] = value
    made = tomlkit.dumps(document)
    new = "".join(
        f"{key} = {tomlkit.item(value).as_string()}\n" for key, value in values.items() if key not in document
    )
    if not new:
        return made
    above = re.search(r"(^[ \t]*#.*\n)*\Z", made, re.MULTILINE) if is_above_table else None
    at = above.start() if above is not None else len(made)
    if is_above_table:
        new += "\n"
    return f"{_ended(made[:at])}{new}{made[at:]}"


def _ended(text: str) -> str:
    return text if not text or text.endswith("\n") else f"{text}\n"


def _ends_blank(text: str) -> bool:
    return not text.strip() or not text.splitlines()[-1].strip()


def _with_comments_behind(text: str, table: Table) -> str:
    """Return a text with what stands behind the last key of a table, which is left out: the comments on the next."""
    behind = list(itertools.takewhile(lambda it: it[0] is None, reversed(table.value.body)))
    after = "".join(item.as_string() for _, item in reversed(behind))
    first, _, rest = after.partition("\n")
    if not first.strip():
        return text + (rest if _ends_blank(text) else after)
    return f"{text}{after}" if _ends_blank(text) else f"{text}\n{after}"


def _update_items(items: Array, verdict: Verdict, broken: Sequence[str], sent: Collection[str]) -> bool:
    """Bring the items of an entry up to date, and return whether that changes them."""
    listed = [str(item) for item in items]
    held = _held(verdict, listed, sent)
    is_other_again = any(map(_is_other, broken))
    gone = [name for name in listed if name in held or (is_other_again and _is_other(name) and name not in broken)]
    new = [name for name in broken if name not in listed]
    for name in gone:
        items.remove(name)
    for name in new:
        items.append(name)
    return bool(gone or new)


def _new_entry(text: str, verdict: Verdict, run: Run, today: datetime.date) -> str:
    """Return the entry of a requirement as it stands behind a text, or nothing where no item can be named."""
    items = _listed_names(verdict, run)
    if not items:
        return ""
    entry = {"requirement": verdict.requirement.id, "items": items, "reason": NO_REASON, "since": today}
    before = "" if text.endswith("\n") else "\n"
    before += "" if _ends_blank(text) else "\n"
    return before + tomlkit.dumps({"known": [entry]})
