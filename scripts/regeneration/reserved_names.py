"""Find the names of a document that would collide with a name of the client, or with each other.

The names of the client are read from its templates, so that a new method of a template is reserved at once.
"""

import re
from collections.abc import Iterator
from functools import cache

from regeneration.document import Document, NodePath, operations, pointer, schemas
from regeneration.facts import method_names
from regeneration.generator import class_name, python_name
from regeneration.layout import TEMPLATES, classes, named_operations
from regeneration.problem import Problem

_METHOD = re.compile(r"^    (?:async )?def (\w+)", re.MULTILINE)
_ATTRIBUTE = re.compile(r"^    (\w+): ", re.MULTILINE)
# Functions that the body of a class calls, such as `field`: a member of the same name would be called in their place.
_CALLED_IN_CLASS = re.compile(r"^    \w.* = (\w+)\(", re.MULTILINE)
_IMPORT = re.compile(r"^(?:from \S+ )?import (.+)$", re.MULTILINE)
_CLASS = re.compile(r"^class (\w+)|^(\w+)(?:: TypeAlias)? = ", re.MULTILINE)
_WORD = re.compile(r"\b[A-Za-z_]\w*\b")
_OF_MODELS = ("model", "_models", "_downloads")
_OF_CLIENTS = ("client", "_clients")
_OF_TAGS = ("endpoint_init",)
_RAW = "WithRawResponse"
_LONGEST_NAME = 200  # of the 255 bytes that the name of a file can have
_NAMELESS = python_name("")


def reserved(document: Document) -> Iterator[Problem]:
    """Yield the names of a sound, lowered document that the client cannot have."""
    yield from _class_names(document)
    yield from _member_names(document)
    yield from _operation_names(document)


def _class_names(document: Document) -> Iterator[Problem]:
    tags = {class_name(tag) for tag, _, _ in named_operations(document)}
    taken = _module_names().union(*map(_collections, tags))
    seen: dict[str, NodePath] = {}
    paths = {id(schema): path for path, schema in schemas(document)}
    for name, schema in classes(document):
        path = paths.get(id(schema), ())
        module = python_name(name)
        if len(name) > _LONGEST_NAME:
            yield Problem.at(path, f"the class of this schema would have a name of {len(name)} letters; shorten it")
        elif name in taken:
            yield Problem.at(path, f"the class of this schema would be {name}, which the client has already; rename it")
        elif module in seen:
            other = pointer(seen[module])
            yield Problem.at(path, f"the class of this schema would be {name}, as that of {other}; rename one")
        seen.setdefault(module, path)


def _collections(tag: str) -> frozenset[str]:
    """Return the names of the classes of the operations of a tag."""
    return frozenset(f"{prefix}{tag}{suffix}" for prefix in ("", "Async") for suffix in ("", _RAW))


def _member_names(document: Document) -> Iterator[Problem]:
    taken = model_members()
    for path, schema in schemas(document):
        names: dict[str, str] = {}
        for name in schema.get("properties", {}):
            attribute = python_name(name)
            where = (*path, "properties", name)
            if not name.isprintable():
                yield Problem.at(where, "the name has a control character, which would be dropped; remove it")
            elif attribute in taken:
                yield Problem.at(where, f"a model has {attribute} already; rename the property")
            elif attribute in names:
                message = f"the attribute would be {attribute}, as that of {names[attribute]!r}; rename one"
                yield Problem.at(where, message)
            names.setdefault(attribute, name)


def _operation_names(document: Document) -> Iterator[Problem]:
    clients, tag_members = client_members(), _members(_OF_TAGS)
    names: dict[tuple[str, str], str] = {}
    methods = method_names(document)
    for (place, method, operation), (tag, name, _) in zip(
        operations(document), named_operations(document), strict=True
    ):
        path: NodePath = ("paths", place, method)
        where = (*path, "operationId") if "operationId" in operation else path
        at = (*path, "tags", 0) if operation.get("tags") else path
        if tag in clients:
            yield Problem.at(at, f"a client has {tag} already; rename the tag")
        elif taken := _collections(class_name(tag)) & _module_names():
            yield Problem.at(
                at, f"the class of this tag would be {min(taken)}, which the client has already; rename it"
            )
        for what, where_named in ((tag, at), (name, where)):
            if len(what.encode()) > _LONGEST_NAME:
                yield Problem.at(where_named, f"its module would have a name of {len(what)} letters; shorten it")
        if name == _NAMELESS:
            yield Problem.at(where, "no name of a function can be made of this; write letters")
        if methods[name] in tag_members:
            yield Problem.at(where, f"the operations of a tag have {methods[name]} already; rename the operation")
        if (tag, name) in names:
            yield Problem.at(where, f"the function would be {name}, as that of {names[tag, name]}; rename one")
        names.setdefault((tag, name), pointer(path))


@cache
def model_members() -> frozenset[str]:
    """Return the names that a model has for itself, besides the properties of its schema."""
    return _members(_OF_MODELS) | {name for text in _texts(_OF_MODELS) for name in _CALLED_IN_CLASS.findall(text)}


@cache
def client_members() -> frozenset[str]:
    """Return the names that a client has for itself, besides its tags."""
    return _members(_OF_CLIENTS)


def _members(stems: tuple[str, ...]) -> frozenset[str]:
    found = (pattern.findall(text) for text in _texts(stems) for pattern in (_METHOD, _ATTRIBUTE))
    return frozenset(name for names in found for name in names)


@cache
def _module_names() -> frozenset[str]:
    """Return the names of classes and types that the modules of the client define or import."""
    names: set[str] = set()
    public = [TEMPLATES / "runtime" / "errors.py", TEMPLATES / "runtime" / "types.py"]
    for path in [*TEMPLATES.glob("*.jinja"), *public]:  # the modules that import models, or stand beside them
        text = path.read_text(encoding="utf-8")
        for line in _IMPORT.findall(text):
            names |= set(_WORD.findall(line))
        names |= {name for found in _CLASS.findall(text) for name in found if name}
    return frozenset(name for name in names if name[:1].isupper())


def _texts(stems: tuple[str, ...]) -> Iterator[str]:
    for path in (*TEMPLATES.glob("*"), *TEMPLATES.glob("runtime/*")):
        if path.name.split(".")[0] in stems:
            yield path.read_text(encoding="utf-8")
