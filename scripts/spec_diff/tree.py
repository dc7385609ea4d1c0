"""Find every difference of two OpenAPI documents, and the rule of each.

Both documents are walked together, through references, so that what a schema says is compared whatever its name. A
difference that no rule is about is an unknown change.
"""

from typing import Any, Literal, TypeAlias

from attrs import evolve, field, frozen
from regeneration.document import METHODS, Document, NodePath, pointer, resolve
from regeneration.versions import canonical

from spec_diff.members import ABSENT, actions, shown
from spec_diff.normal import SAID_BY, has_class, is_wrapped, normal, renamed_schemes, split_null, unwrapped
from spec_diff.rules import CLASSES, RESTATED, REWORDED, RULES, UNKNOWN, WORD_KEYS, WORDS, Direction, Impact, Rule


@frozen
class Change:
    """A change: its id, its impact, the file of spec/, the JSON pointer to it there, and what it is in words.

    `member` is the pointer to the member that became required or optional, which is said beside it.
    """

    id: str
    impact: Impact
    file: str
    pointer: str
    text: str
    member: str = ""


@frozen
class _Place:
    """Where the walk is: the kind of the object, the pointers to it, and on which side of an operation."""

    kind: str
    old: NodePath = ()
    new: NodePath = ()
    direction: Direction = "request"
    at: str = ""
    sense: int = 1


# What is below an object, by its kind and key: one object, a map of objects, or a list whose items are known by a name.
_Shape: TypeAlias = Literal["one", "map", "list"]
_BELOW: dict[tuple[str, str], tuple[_Shape, str]] = {
    ("document", "info"): ("one", "info"),
    ("document", "servers"): ("list", "server"),
    ("document", "tags"): ("list", "tag"),
    ("document", "paths"): ("map", "path"),
    ("document", "components"): ("one", "components"),
    ("components", "securitySchemes"): ("map", "scheme"),
    ("path", "operations"): ("map", "operation"),
    ("operation", "parameters"): ("list", "parameter"),
    ("operation", "requestBody"): ("one", "body"),
    ("operation", "responses"): ("map", "response"),
    ("operation", "x-statuses"): ("map", "statuses"),
    ("parameter", "schema"): ("one", "schema"),
    ("body", "content"): ("map", "media"),
    ("response", "content"): ("map", "media"),
    ("response", "headers"): ("map", "header"),
    ("media", "schema"): ("one", "schema"),
    ("media", "encoding"): ("map", "encoding"),
    ("encoding", "headers"): ("map", "header"),
    ("header", "schema"): ("one", "schema"),
    ("schema", "properties"): ("map", "schema"),
    ("schema", "x-image"): ("one", "image"),
    ("image", "sides"): ("one", "sides"),
    **{("schema", key): ("one", "schema") for key in ("additionalProperties", "else", "if", "items", "not", "then")},
    **{("schema", key): ("list", "schema") for key in ("allOf", "anyOf", "oneOf")},
}
_SIDES: dict[tuple[str, str], tuple[Direction, str]] = {
    ("operation", "parameters"): ("request", "request-parameter"),
    ("operation", "requestBody"): ("request", "request-body"),
    ("operation", "responses"): ("response", "response-body"),
    ("response", "headers"): ("response", "response-header"),
    ("encoding", "headers"): ("request", "request-header"),
}


@frozen
class Comparison:
    """Two documents, the changes found so far, and the pairs of places that were compared."""

    old: Document
    new: Document
    changes: list[Change] = field(factory=list)
    _seen: set[object] = field(factory=set)

    def run(self) -> list[Change]:
        """Return the changes from the old to the new document."""
        self._node(self.old, self.new, _Place("document"))
        self._unused()
        if not self.changes and canonical(self.old) != canonical(self.new):
            self._report(UNKNOWN, _Place("document"), "the documents differ")
        return list(dict.fromkeys(self.changes))

    def _report(
        self, rule: Rule, place: _Place, text: str, *steps: str | int, gone: bool = False, member: str = ""
    ) -> None:
        path = place.old if gone else place.new
        rule_id = rule.id.format(at=place.at, direction=place.direction)
        impact = rule.impact(place.direction, place.sense)
        about = pointer((*path, "properties", member)) if member else ""
        self.changes.append(Change(rule_id, impact, "openapi.yaml", pointer((*path, *steps)), text, about))

    def _changed(self, place: _Place, key: str, action: str, text: str, *steps: str | int, **more: Any) -> None:
        self._report(RULES.get((place.kind, key, action), UNKNOWN), place, text, key, *steps, **more)

    def _node(self, old: Any, new: Any, place: _Place) -> None:
        (before, old_path), (after, new_path) = _target(self.old, old, place.old), _target(self.new, new, place.new)
        if (is_old := is_wrapped(before, after)) or is_wrapped(after, before):
            self._seen.add((old_path, new_path))
            self._report(RESTATED, place, "allOf of one schema")
            if is_old:
                self._node(unwrapped(before), new, evolve(place, old=(*old_path, "allOf", 0)))
            else:
                self._node(old, unwrapped(after), evolve(place, new=(*new_path, "allOf", 0)))
            return
        if place.kind == "schema" and self._nullable(before, after, evolve(place, old=old_path, new=new_path)):
            return
        if _ref(old) != _ref(new):
            self._report(RESTATED, place, f"reference {shown(_ref(old))} → {shown(_ref(new))}")
        old, new, place = before, after, evolve(place, old=old_path, new=new_path)
        if not isinstance(old, dict) or not isinstance(new, dict):
            if canonical(old) != canonical(new):
                self._report(UNKNOWN, place, f"{shown(old)} → {shown(new)}")
            return
        if (seen := (old_path, new_path, canonical([old, new]), place.direction, place.sense)) in self._seen:
            return
        self._seen.add(seen)
        self._seen.add((old_path, new_path))
        if place.kind == "operation":
            self._security(old, new, place)
        elif place.kind == "path":
            old, new = _with_operations(old), _with_operations(new)
        self._members(old, new, place)

    def _nullable(self, old: Any, new: Any, place: _Place) -> bool:
        """Compare a union with null by whether null is allowed, and by what else is. Return whether there is one."""
        before = split_null(old, lambda each: _target(self.old, each, ())[0])
        after = split_null(new, lambda each: _target(self.new, each, ())[0])
        if before is None or after is None or not (before[2] or after[2]):
            return False
        self._seen.add((place.old, place.new))
        key = after[2][0] if after[2] else "type"
        if before[0] == after[0]:
            self._report(RESTATED, place, "union with null", key)
        else:
            action = "became-nullable" if after[0] else "became-not-nullable"
            self._report(RULES["schema", "type", action], place, action.replace("-", " "), key)
        self._node(before[1], after[1], evolve(place, old=(*place.old, *before[2]), new=(*place.new, *after[2])))
        return True

    def _members(self, old: dict[str, Any], new: dict[str, Any], place: _Place) -> None:
        before, after = normal(place.kind, old), normal(place.kind, new)
        for key in dict.fromkeys((*old, *new, *before, *after)):
            if key == "$ref":
                continue
            self._member(key, before, after, place)
            if not _is_alike(key, old, new) and all(
                _is_alike(it, before, after) for it in (key, SAID_BY.get(key, key))
            ):
                text = f"{key}: {shown(old.get(key, ABSENT))} → {shown(new.get(key, ABSENT))}"
                self._report(RESTATED, place, text, key, gone=key not in new)

    def _member(self, key: str, old: dict[str, Any], new: dict[str, Any], place: _Place) -> None:
        kind, before, after = place.kind, old.get(key, ABSENT), new.get(key, ABSENT)
        shape, inner = _BELOW.get((kind, key), ("", ""))
        containers = (list,) if shape == "list" else (dict,)
        if (kind, key) == ("operation", "security"):
            return  # compared already
        if shape == "one" and isinstance(before, dict) and isinstance(after, dict):
            self._node(before, after, self._below(place, key, inner))
        elif key in {"anyOf", "oneOf"} and kind == "schema" and ABSENT in (before, after):
            self._changed(
                place, key, "set" if before is ABSENT else "unset", f"{key}: {shown(before)} → {shown(after)}"
            )
        elif shape in {"map", "list"} and all(it is ABSENT or isinstance(it, containers) for it in (before, after)):
            self._children(key, old, new, place)
        elif kind != "components" or key == "securitySchemes":
            if canonical(before) != canonical(after) or (before is ABSENT) != (after is ABSENT):
                self._leaf(key, before, after, old, new, place)
        elif canonical(before) != canonical(after) and not (isinstance(before, dict) and isinstance(after, dict)):
            self._report(UNKNOWN, place, f"{key}: {shown(before)} → {shown(after)}", key)

    def _below(self, place: _Place, key: str, kind: str, *steps: tuple[str | int, str | int]) -> _Place:
        direction, at = _SIDES.get((place.kind, key), (place.direction, place.at))
        if (place.kind, key) == ("schema", "properties"):
            at = f"{direction}-property"
        sense = {"not": -place.sense, "if": 0, "then": 0, "else": 0}.get(key, place.sense)
        old, new = ((*path, key, *(step[n] for step in steps)) for n, path in enumerate((place.old, place.new)))
        if key == "operations":
            old, new = ((*path, steps[0][0]) for path in (place.old, place.new))
        return _Place(kind, old, new, direction, at, sense)

    def _children(self, key: str, old: dict[str, Any], new: dict[str, Any], place: _Place) -> None:
        """Compare the objects in a map or a list, each with the one of the same name."""
        shape, kind = _BELOW[place.kind, key]
        before, after = _by_name(self.old, kind, old.get(key)), _by_name(self.new, kind, new.get(key))
        lengths = [len(owner.get(key) or ()) for owner in (old, new)]
        if lengths != [len(before), len(after)] and canonical(old.get(key)) != canonical(new.get(key)):
            self._report(UNKNOWN, place, f"{key}: one name is there twice", key)
        pairs = {name: name for name in before if name in after}
        if shape == "list" and list(pairs) != [name for name in after if name in pairs]:
            rule = RESTATED if kind == "schema" else RULES.get((place.kind, key, "reordered"), UNKNOWN)
            self._report(rule, place, f"{key}: {', '.join(before)} → {', '.join(after)}", key)
        if shape == "list" and kind == "schema":  # what is no longer there as it was, is compared by its order
            gone, come = ([name for name in each if name not in pairs] for each in (before, after))
            pairs |= dict(zip(gone, come, strict=True)) if len(gone) == len(come) else {}
        if kind == "scheme":
            pairs |= renamed_schemes(self.old, self.new)
        for name, (step, child) in before.items():
            if name in pairs:
                other_step, other = after[pairs[name]]
                if shape == "map" and step != other_step:
                    self._report(RESTATED, place, f"{key}: {step} → {other_step}", key, other_step)
                self._node(child, other, self._below(place, key, kind, (step, other_step)))
            else:
                word = _qualified(self.old, (old, new), key, name, child, place.direction)
                text = f"{key}: {step if shape == 'map' else name} removed"
                self._changed(place, key, f"{word}removed", text, step, gone=True)
        for name, (step, child) in after.items():
            if name not in pairs.values():
                word = _qualified(self.new, (new, old), key, name, child, place.direction)
                text = f"{key}: {step if shape == 'map' else name} added"
                self._changed(place, key, f"{word}added", text, step)

    def _leaf(self, key: str, before: Any, after: Any, old: Any, new: Any, place: _Place) -> None:
        if key in WORD_KEYS:
            self._report(REWORDED, place, f"{key}", key, gone=after is ABSENT)
            return
        for action, value in actions(place.kind, key, before, after):
            member = value if (place.kind, key) == ("schema", "required") and isinstance(value, str) else ""
            if member and _in_one(member, old, new):
                continue  # the property itself was added or removed
            text = f"{shown(before)} → {shown(after)}"
            if value is not ABSENT:
                text = f"{shown(value)} {action.rpartition('-')[2]}"
            if action == "restated":
                self._report(RESTATED, place, f"{key}: {text}", key, gone=after is ABSENT)
            else:
                document, child = (self.new, after) if before is ABSENT else (self.old, before)
                is_whole = action in {"added", "removed"}
                word = _qualified(document, (old, new), key, "", child, place.direction) if is_whole else ""
                word = f"{place.direction}-" if (key, action) == ("x-open", "enabled") else word
                self._changed(place, key, word + action, f"{key}: {text}", gone=after is ABSENT, member=member)

    def _security(self, old: dict[str, Any], new: dict[str, Any], place: _Place) -> None:
        """Compare the security that holds for an operation, which may be that of the document."""
        stated = [each.get("security", ABSENT) for each in (old, new)]
        valid = [self._alternatives(own, document) for own, document in zip(stated, (self.old, self.new), strict=True)]
        if None in valid:
            if canonical(stated[0]) != canonical(stated[1]):
                self._changed(place, "security", "unknown", f"security: {shown(stated[0])} → {shown(stated[1])}")
            return
        before, after = (each or {} for each in valid)
        for name in [*before, *(name for name in after if name not in before)]:
            if name in before and name in after:
                continue
            gained = name in after
            action = "value-added" if gained else "no-longer-checked" if "{}" in after else "value-removed"
            if name == "{}":
                action = "became-optional" if gained else "became-required"
            self._changed(place, "security", action, f"security: {name} {'added' if gained else 'removed'}")
        if set(before) == set(after) and canonical(stated[0]) != canonical(stated[1]):
            self._report(RESTATED, place, "security", "security")

    def _alternatives(self, stated: Any, document: Document) -> dict[str, None] | None:
        security = document.get("security", []) if stated is ABSENT else stated
        if not isinstance(security, list):
            return None
        names = renamed_schemes(self.old, self.new) if document is self.old else {}
        return dict.fromkeys(
            canonical({names.get(name, name): scopes for name, scopes in each.items()})
            if isinstance(each, dict)
            else canonical(each)
            for each in security or [{}]
        )

    def _unused(self) -> None:
        """Report the components that were not compared on the way: no operation has them, or only one document does."""
        sections = [
            each["components"] if isinstance(each.get("components"), dict) else {} for each in (self.old, self.new)
        ]
        for section in dict.fromkeys((*sections[0], *sections[1])):
            before, after = (each.get(section) or {} for each in sections)
            if section == "securitySchemes" or not (isinstance(before, dict) and isinstance(after, dict)):
                continue
            noun = "schema" if section == "schemas" else "component"
            for name in dict.fromkeys((*before, *after)):
                path = ("components", section, name)
                if canonical(before.get(name)) == canonical(after.get(name)) or (path, path) in self._seen:
                    continue
                action = "removed" if name not in after else "changed" if name in before else "added"
                place = _Place("components", ("components",), ("components",))
                used = any(f'"#{pointer(path)}"' in canonical(each) for each in (self.old, self.new))
                owner = before if action == "removed" else after
                is_class = section == "schemas" and has_class(owner[name])
                impact = CLASSES.get(action, WORDS) if is_class else WORDS
                rule = UNKNOWN if used and action == "changed" else Rule(f"api-{noun}-{action}", impact)
                self._report(rule, place, f"{section}: {name} {action}", section, name, gone=action == "removed")


def _ref(node: Any) -> Any:
    return node.get("$ref", ABSENT) if isinstance(node, dict) else ABSENT


def _target(document: Document, node: Any, path: NodePath) -> tuple[Any, NodePath]:
    """Return what a node refers to, with the members beside the reference, and its path; or the node itself."""
    followed: set[str] = set()
    while isinstance(node, dict) and isinstance(reference := node.get("$ref"), str) and reference not in followed:
        followed.add(reference)
        try:
            target = resolve(document, reference)
        except LookupError:
            break  # the reference stays a member, and counts as it stands
        beside = {key: value for key, value in node.items() if key != "$ref"}
        if not isinstance(target, dict):
            break
        path = tuple(step.replace("~1", "/").replace("~0", "~") for step in reference[2:].split("/"))
        node = {**target, **beside} if beside else target
    return node, path


def _with_operations(path_item: dict[str, Any]) -> dict[str, Any]:
    """Return a path item with its operations in one map."""
    others = {key: value for key, value in path_item.items() if key not in METHODS}
    return {**others, "operations": {key: path_item[key] for key in METHODS if key in path_item}}


def _by_name(document: Document, kind: str, container: Any) -> dict[str, tuple[str | int, Any]]:
    """Return the objects in a map or a list by name, each with its key or index."""
    if isinstance(container, dict):
        return {name.lower() if kind == "header" else name: (name, child) for name, child in container.items()}
    return {_name(kind, _target(document, child, ())[0], child): (n, child) for n, child in enumerate(container or ())}


def _name(kind: str, item: Any, child: Any) -> str:
    keys = {"server": ("url",), "tag": ("name",), "parameter": ("in", "name")}.get(kind, ())
    if not keys or not isinstance(item, dict) or any(key not in item for key in keys):
        return canonical(child)
    return " ".join(str(item[key]) for key in keys)


def _qualified(
    document: Document, owners: tuple[dict[str, Any], dict[str, Any]], key: str, name: str, child: Any, side: Direction
) -> str:
    """Return what stands before added or removed, such as `required-`, if it matters.

    `owners` are the object that has the child, and the one that has not.
    """
    if key == "servers":
        return "first-" if owners[1].get(key) and owners[0][key][0] is child else ""
    if key == "responses":
        return "success-" if name.startswith("2") else "non-success-"
    if key == "properties":
        names = owners[0].get("required")
        is_required = isinstance(names, list) and name in names
        is_closed = owners[1].get("additionalProperties", True) is not True  # so it was said what else may be there
        return "closed-" if is_closed else f"{side}-required-" if is_required else f"{side}-optional-"
    if key in {"headers", "parameters", "requestBody"}:
        target = _target(document, child, ())[0]
        return "required-" if isinstance(target, dict) and target.get("required") is True else "optional-"
    return ""


def _is_alike(key: str, old: dict[str, Any], new: dict[str, Any]) -> bool:
    return (key in old) == (key in new) and canonical(old.get(key)) == canonical(new.get(key))


def _in_one(name: str, old: dict[str, Any], new: dict[str, Any]) -> bool:
    return (name in (old.get("properties") or ())) != (name in (new.get("properties") or ()))
