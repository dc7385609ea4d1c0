"""Find every difference of two registers of requirements, and the rule of each."""

from collections.abc import Iterator
from typing import Any

from regeneration.versions import canonical

from spec_diff.members import shown
from spec_diff.rules import RULES, UNKNOWN
from spec_diff.tree import Change

_LEVELS = ("may", "should", "must")
_SECTIONS = ("requirements", "planned")


def compare_registers(old: dict[str, Any], new: dict[str, Any]) -> list[Change]:
    """Return the changes from the old to the new register."""
    before, after = (
        {str(entry.get("id")): (pointer, entry) for pointer, entry in entries(register)} for register in (old, new)
    )
    changes = []
    ids = {entry.get("text"): name for name, (_, entry) in after.items() if name not in before}
    renamed = {name: ids[entry["text"]] for name, (_, entry) in before.items() if _is_renamed(name, entry, after, ids)}
    for name, (pointer, entry) in before.items():
        if name in renamed:
            changes.append(_change("requirements", "id-changed", after[renamed[name]][0], f"{name} → {renamed[name]}"))
        elif name in after:
            changes += _of_entry(name, pointer, entry, *after[name])
        else:
            changes.append(_change("requirements", f"{entry.get('level')}-removed", pointer, name))
    for name, (pointer, entry) in after.items():
        if name not in before and name not in renamed.values():
            text = f"{name}: {shown(entry.get('text'))}"
            changes.append(_change("requirements", f"{entry.get('level')}-added", pointer, text))
    if [name for name in before if name in after] != [name for name in after if name in before]:
        changes.append(_change("requirements", "reordered", "/requirements", "the order of the requirements"))
    if not changes and canonical(old) != canonical(new):
        changes.append(_change("", "changed", "", "the registers differ"))
    return changes


def _is_renamed(name: str, entry: dict[str, Any], after: dict[str, Any], ids: dict[Any, str]) -> bool:
    return name not in after and isinstance(entry.get("text"), str) and entry["text"] in ids


def entries(register: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the entries of both sections, each with its JSON pointer."""
    for section in _SECTIONS:
        listed = register.get(section)
        for index, entry in enumerate(listed if isinstance(listed, list) else ()):
            if isinstance(entry, dict):
                yield f"/{section}/{index}", entry


def _of_entry(name: str, old_pointer: str, old: dict[str, Any], pointer: str, new: dict[str, Any]) -> list[Change]:
    changes = []
    if old_pointer.split("/")[1] != pointer.split("/")[1]:
        action = "planned" if pointer.startswith("/planned") else "judged"
        changes.append(_change("requirements", action, pointer, name))
    for key in dict.fromkeys((*old, *new)):
        before, after = old.get(key), new.get(key)
        if canonical(before) == canonical(after):
            continue
        action = "changed"
        if key == "level" and before in _LEVELS and after in _LEVELS:
            action = "raised" if _LEVELS.index(after) > _LEVELS.index(before) else "lowered"
        if key == "evidence" and new.get("level") in _LEVELS[1:] and not _leaves(after) <= _leaves(before):
            action = f"{new['level']}-widened"
        text = f"{name}: {key} {shown(before)} → {shown(after)}"
        changes.append(_change(key, action, f"{pointer}/{key}", text, kind="requirement"))
    return changes


def _leaves(value: Any, path: str = "") -> set[tuple[str, str]]:
    """Return the values within a value, each with the names on the way to it, whatever their order is."""
    if isinstance(value, dict):
        return {leaf for key, each in value.items() for leaf in _leaves(each, f"{path}/{key}")}
    if isinstance(value, list):
        return {leaf for each in value for leaf in _leaves(each, path)}
    return set() if value is None else {(path, canonical(value))}


def _change(key: str, action: str, pointer: str, text: str, kind: str = "register") -> Change:
    rule = RULES.get((kind, key, action), UNKNOWN)
    return Change(rule.id, rule.impact("request", 1), "requirements.yaml", pointer, text)
