"""Check the register of requirements against openapi.yaml, the pages that it cites, and the catalogue of cases.

All problems are found in one run. Each names the file and the line, what was expected, and what to do.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml
from attrs import field, frozen
from image_variations_conformance.cases.catalogue import SITUATIONS
from image_variations_conformance.contract.document import OPERATION_POINTER, Contract
from image_variations_conformance.contract.evidence import Evidence, EvidenceError, parse_evidence
from image_variations_conformance.contract.pointers import value_at
from image_variations_conformance.contract.texts import TextError, render
from image_variations_conformance.contract.unjudged import unjudged
from image_variations_conformance.oracles import JUDGED
from jsonschema import Draft202012Validator

from regeneration import literals, proofs
from regeneration.citations import Page, matches, read_page
from regeneration.form import misplaced_form
from regeneration.marks import MarkedYaml, NotUtf8Error, read_text
from regeneration.mistakes import mistakes
from regeneration.problem import hint

OPENAPI = "openapi.yaml"
REQUIREMENTS = "requirements.yaml"
REFERENCE_PAGE = "reference-page.md"
READINGS = "readings.md"
SCHEMA = "requirements.schema.json"
_SECTIONS = ("requirements", "planned")
_RFCS = ("2046", "3986", "4648", "7578", "8259", "9110", "9112")
_SECTION = re.compile(rf"(RFC ({'|'.join(_RFCS)})|PNG) section [1-9][0-9]*(\.[1-9][0-9]*)*")


@frozen(order=True)
class Problem:
    """A mistake in a file of spec/: its name, the line, the check that found it, and what is wrong."""

    file: str
    line: int
    check: str
    message: str

    def __str__(self) -> str:
        return f"spec/{self.file}:{self.line}: {self.message} [{self.check}]"


@frozen
class Entry:
    """An entry of the register that is valid by its schema: its section, its index, and its keys and values."""

    section: str
    index: int
    keys: Mapping[str, Any]

    @property
    def id(self) -> str:
        """The id of the requirement."""
        return str(self.keys["id"])

    @property
    def sources(self) -> list[str]:
        """The sources, also if there is only one."""
        source = self.keys["source"]
        return source if isinstance(source, list) else [source]


@frozen
class SpecFiles:
    """The files of spec/ that are compared with each other."""

    openapi: MarkedYaml
    register: MarkedYaml
    reference_page: Page
    readings: Page
    schema: Mapping[str, Any] = field(repr=False)

    @classmethod
    def read(cls, folder: Path) -> "SpecFiles":
        """Return the files of a folder. Raises yaml.MarkedYAMLError or NotUtf8Error with the file, or OSError."""
        page, readings, schema = (read_text(folder / name) for name in (REFERENCE_PAGE, READINGS, SCHEMA))
        openapi, register = (MarkedYaml.read(folder / name) for name in (OPENAPI, REQUIREMENTS))
        return cls(openapi, register, read_page(page), read_page(readings), json.loads(schema))

    @property
    def contract(self) -> Contract:
        """The contract of the document, without requirements."""
        return Contract(self.openapi.value, {}, "", ())

    def entries(self) -> Iterator[Entry]:
        """Yield the entries of both sections that are valid by the schema."""
        broken = {path[:2] for path, _ in self.schema_errors}
        for section in _SECTIONS:
            listed = self.register.value.get(section)
            for index, keys in enumerate(listed if isinstance(listed, list) else ()):
                if (section, index) not in broken:
                    yield Entry(section, index, keys)

    @cached_property
    def schema_errors(self) -> tuple[tuple[tuple[str | int, ...], str], ...]:
        """The path and the message of each error of the register by its schema."""
        return tuple(self._schema_errors())

    def _schema_errors(self) -> Iterator[tuple[tuple[str | int, ...], str]]:
        errors = Draft202012Validator(self.schema).iter_errors(self.register.value)
        inner = [max(error.context or [error], key=lambda each: len(each.absolute_path)) for error in errors]
        misspelt = {(*error.absolute_path,) for error in inner if any(near for _, near in _unknown_keys(error))}
        for error in inner:
            path = (*error.absolute_path,)
            for key, near in _unknown_keys(error):
                yield (*path, key), f"there is no key {key!r} here{near}"
            if error.validator != "additionalProperties" and path not in misspelt:  # where the right key is missing
                yield path, error.message


def _unknown_keys(error: Any) -> list[tuple[str, str]]:
    """Return the keys that an error by the schema is about, each with the hint at a known one."""
    if error.validator != "additionalProperties":
        return []
    known = error.schema["properties"]
    return [(key, hint(key, known)) for key in sorted(map(str, set(error.instance) - set(known)))]


def check_register(folder: Path) -> list[Problem]:
    """Return the problems of the files in a folder such as spec/, in the order of files and lines."""
    try:
        files = SpecFiles.read(folder)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        name, line = ("*.yaml", 1) if mark is None else (mark.name, mark.line + 1)
        return [Problem(name, line, "yaml", f"not YAML: {error.problem}")]
    except NotUtf8Error as error:
        return [Problem(error.name, error.line, "yaml", str(error))]
    if not isinstance(files.register.value, dict):
        return [Problem(REQUIREMENTS, 1, "schema", "expected the keys requirements and planned")]
    if not isinstance(files.openapi.value, dict):
        return [Problem(OPENAPI, 1, "document", "expected an OpenAPI document")]
    # A scalar that is not what it looks like leads to other mistakes, and the other checks rely on a sound document.
    broken = [*_alike(files)] or [*_document(files)] or [*_form(files)]
    if broken:
        return sorted(broken)
    checks = [
        _schema,
        _unjudged,
        _ids,
        _pointers,
        _fields,
        _sources,
        _texts,
        _evidence,
        _since,
        _anchors,
        _values,
        _limits,
    ]
    if not files.schema_errors:  # an entry that is not valid is missing for these
        checks += [_probes, _coverage, _judged]
    return sorted({problem for check in checks for problem in check(files)})


def _of_entry(files: SpecFiles, entry: Entry, key: str, check: str, message: str) -> Problem:
    line = files.register.line((entry.section, entry.index, *key.split("/")))
    return Problem(REQUIREMENTS, line, check, f"{entry.id}: {message}")


def _schema(files: SpecFiles) -> Iterator[Problem]:
    """The register is valid by requirements.schema.json."""
    for path, message in files.schema_errors:
        where = "/".join(map(str, path)) or "the file"
        end = "" if message.endswith("?") else "."
        described = f"{where}: {message}{end} {SCHEMA} describes the keys."
        yield Problem(REQUIREMENTS, files.register.line(path), "schema", described)


def _document(files: SpecFiles) -> Iterator[Problem]:
    """The document is a sound OpenAPI document with a version of three numbers."""
    for problem in mistakes(files.openapi.value):
        line = files.openapi.line_at(problem.pointer)
        yield Problem(OPENAPI, line, "document", f"{problem.pointer or '/'}: {problem.message}")
    version = files.openapi.value.get("info", {}).get("version")
    if not re.fullmatch(r"(0|[1-9]\d*)(\.(0|[1-9]\d*)){2}", str(version)) or not isinstance(version, str):
        line = files.openapi.line_at("/info/version")
        yield Problem(OPENAPI, line, "document", f"/info/version: expected a version such as 1.2.0, not {version!r}")


def _form(files: SpecFiles) -> Iterator[Problem]:
    """The form is described where the suite and the profiles look for it."""
    for pointer, message in misplaced_form(files.openapi.value):
        yield Problem(OPENAPI, files.openapi.line_at(pointer), "form", f"{pointer}: {message}")


def _limits(files: SpecFiles) -> Iterator[Problem]:
    """No image is both valid and too large."""
    try:
        rules, field = files.contract.image_rules, files.contract.image_field
    except (LookupError, TypeError, StopIteration):
        return  # `_values` reports what is missing
    if rules.valid_below_bytes > rules.invalid_from_bytes:
        pointer = f"{files.contract.fields_pointer}/{field}/x-image/valid-below-bytes"
        message = (
            f"{pointer}: expected at most invalid-from-bytes {rules.invalid_from_bytes}, got {rules.valid_below_bytes}"
        )
        yield Problem(OPENAPI, files.openapi.line_at(pointer), "limits", message)


def _judged(files: SpecFiles) -> Iterator[Problem]:
    """An oracle judges each requirement of the register, unless its evidence is that something is accepted."""
    entries = {entry.id: entry for entry in files.entries() if entry.section == "requirements"}
    for entry in entries.values():
        if "excluded" not in entry.keys and entry.id not in JUDGED and "every" in entry.keys.get("evidence", {}):
            message = "no oracle judges it; an id never changes, and a new one needs an oracle, or stands under planned"
            yield _of_entry(files, entry, "id", "oracle", message)
    for missing in sorted(JUDGED - set(entries)):
        message = f"{missing}: an oracle judges it, and no entry has this id; restore it, or remove the oracle"
        yield Problem(REQUIREMENTS, 1, "oracle", message)


def _unjudged(files: SpecFiles) -> Iterator[Problem]:
    """Each part of openapi.yaml is judged by the suite."""
    try:
        parts = list(unjudged(files.openapi.value))
    except (LookupError, TypeError, AttributeError):
        return  # `mistakes` reports what is missing
    for pointer, what in parts:
        message = f"{pointer}: {what} would not be judged by the suite; remove it, or teach the suite to judge it"
        yield Problem(OPENAPI, files.openapi.line_at(pointer), "unjudged", message)


def _alike(files: SpecFiles) -> Iterator[Problem]:
    """All parsers read the same: no key is there twice, and no scalar is one of YAML 1.1 only."""
    for name, marked in ((OPENAPI, files.openapi), (REQUIREMENTS, files.register)):
        for each in marked.ambiguities:
            yield Problem(name, each.line, each.check, f"{each.pointer}: {each.message}")


def _ids(files: SpecFiles) -> Iterator[Problem]:
    """No id and no text is there twice."""
    first: dict[tuple[str, str], Entry] = {}
    for entry in files.entries():
        for key in ("id", "text"):
            other = first.setdefault((key, entry.keys[key]), entry)
            if other is not entry:
                line = files.register.line((other.section, other.index, key))
                yield _of_entry(files, entry, key, "duplicate", f"the {key} is that of line {line}; give it another")


def _pointers(files: SpecFiles) -> Iterator[Problem]:
    """Each pointer exists in openapi.yaml."""
    for entry in files.entries():
        variants = enumerate(entry.keys.get("variants", ()))
        pointers = {f"variants/{at}/pointer": variant.get("pointer") for at, variant in variants}
        for key, pointer in {"pointer": entry.keys.get("pointer"), **pointers}.items():
            if pointer is None:
                continue
            try:
                value_at(files.openapi.value, pointer)
            except LookupError as error:
                line = files.openapi.line_at(pointer)
                message = f"{key}: {error.args[0]} (spec/{OPENAPI}:{line}); correct it, or restore what it points at"
                yield _of_entry(files, entry, key, "pointer", message)


def _fields(files: SpecFiles) -> Iterator[Problem]:
    """The fields that a requirement is about exist."""
    fields = files.contract.fields
    for entry in files.entries():
        named = entry.keys.get("about", {}).get("field", [])
        for name in [named] if isinstance(named, str) else named:
            if name not in fields:
                message = f"about: the document has no field {name!r}, but {', '.join(fields)}"
                yield _of_entry(files, entry, "about", "field", message)


def _sources(files: SpecFiles) -> Iterator[Problem]:
    """Each source names an anchor that exists, or a section of a known document."""
    pages = {"page": (REFERENCE_PAGE, files.reference_page), "reading": (READINGS, files.readings)}
    for entry in files.entries():
        for source in entry.sources:
            kind, _, anchor = source.partition(":")
            if kind in pages:
                name, page = pages[kind]
                if anchor not in page.anchors:
                    message = f"source: spec/{name} has no anchor {anchor!r}; add it there, or cite another"
                    yield _of_entry(files, entry, "source", "source", message)
            elif not (kind == "upstream" and anchor.startswith("/")) and not _SECTION.fullmatch(source):
                message = (
                    f"source: {source!r}; expected page:ANCHOR, reading:ANCHOR, upstream:/POINTER, 'PNG section 11.2' "
                    f"or 'RFC 7578 section 4.2' (of the RFCs {', '.join(_RFCS)})"
                )
                yield _of_entry(files, entry, "source", "source", message)


def _texts(files: SpecFiles) -> Iterator[Problem]:
    """Each placeholder has a value, and no text contains a value of the document."""
    document = files.openapi.value
    for entry in files.entries():
        bases = [base for base in (entry.keys.get("pointer"), OPERATION_POINTER) if base is not None]
        try:
            render(entry.keys["text"], document, bases, entry.id)
        except TextError as error:
            message = f"text: {error.placeholder} has no value: {error.reason}"
            line = files.openapi.line_at(bases[0])
            advice = f"{message} (spec/{OPENAPI}:{line}); correct the placeholder, or restore the value"
            yield _of_entry(files, entry, "text", "placeholder", advice)
        for word, where in literals.values_in(entry.keys["text"], document, entry.keys.get("pointer")):
            message = (
                f"text: {word!r} is the value of {where}; write a placeholder such as {{{where.rpartition('/')[2]}}}"
            )
            yield _of_entry(files, entry, "text", "literal", message)


def _evidence(files: SpecFiles) -> Iterator[Problem]:
    """The evidence names fields, values, cases and requirements that exist."""
    ids = {entry.id for entry in files.entries()}
    for entry in files.entries():
        if "evidence" not in entry.keys:
            continue
        # The cases of a planned requirement do not exist yet. Another requirement may be one that is not valid.
        known = None if entry.section == "planned" or files.schema_errors else SITUATIONS | ids - {entry.id}
        for key, check, message in proofs.problems(entry.id, entry.keys["evidence"], files.contract, known):
            yield _of_entry(files, entry, f"evidence/{key}".rstrip("/"), check, f"evidence/{key}: {message}")


def _probes(files: SpecFiles) -> Iterator[Problem]:
    """The evidence of a requirement, in some contract, names each probe of the catalogue."""
    entries = {entry.id: entry for entry in files.entries()}
    for requirement, message in proofs.unnamed(_all_evidence(entries.values())):
        if requirement in entries:
            yield _of_entry(files, entries[requirement], "evidence", "evidence", message)
        else:
            yield Problem(REQUIREMENTS, 1, "evidence", f"{requirement}: {message}, and no entry has this id")


def _all_evidence(entries: Iterable[Entry]) -> Iterator[Evidence]:
    """Yield the evidence of requirements, and that of their variants."""
    for entry in entries:
        for keys in (entry.keys, *entry.keys.get("variants", ())):
            with suppress(EvidenceError):  # `_evidence` reports it
                yield parse_evidence(entry.id, keys.get("evidence"))


def _since(files: SpecFiles) -> Iterator[Problem]:
    """No requirement is newer than the contract."""
    version = str(value_at(files.openapi.value, "/info/version"))
    for entry in files.entries():
        since = entry.keys["since"]
        if _number(since) > _number(version):
            line = files.openapi.line_at("/info/version")
            message = f"since: {since} is newer than info.version {version} (spec/{OPENAPI}:{line}); raise that"
            yield _of_entry(files, entry, "since", "since", message)


def _number(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".") if part.isdecimal())


def _anchors(files: SpecFiles) -> Iterator[Problem]:
    """No anchor is there twice, and the tables of the pages name anchors that exist."""
    for name, page in ((REFERENCE_PAGE, files.reference_page), (READINGS, files.readings)):
        for anchor, line in page.repeated:
            yield Problem(name, line, "anchor", f"the anchor {anchor!r} is that of line {page.anchors[anchor]}")
        for row in (*page.values, *page.reasons):
            if row.cells[0] not in page.anchors:
                yield Problem(name, row.line, "anchor", f"there is no anchor {row.cells[0]!r} on this page")
        for row in page.differences:
            if row.cells[1] not in page.anchors:
                yield Problem(name, row.line, "anchor", f"there is no anchor {row.cells[1]!r} on this page")


def _values(files: SpecFiles) -> Iterator[Problem]:
    """The values in the tables of the two pages are those of openapi.yaml."""
    for name, page in ((REFERENCE_PAGE, files.reference_page), (READINGS, files.readings)):
        for row in page.values:
            anchor, pointer, cell = row.cells
            try:
                found = value_at(files.openapi.value, pointer)
                if not matches(cell, found):
                    at = f"spec/{OPENAPI}:{files.openapi.line_at(pointer)}"
                    message = f"{anchor}: expected {cell} at {pointer}, found {json.dumps(found)} in {at}; correct one"
                    yield Problem(name, row.line, "fact", message)
            except LookupError as error:
                at = f"spec/{OPENAPI}:{files.openapi.line_at(pointer)}"
                yield Problem(name, row.line, "fact", f"{anchor}: {error.args[0]}; restore it at {at}")
            except ValueError as error:
                yield Problem(name, row.line, "fact", f"{anchor}: the value {cell} is not JSON: {error}")


def _coverage(files: SpecFiles) -> Iterator[Problem]:
    """Each fact has a place in openapi.yaml, and a requirement or the reason why not; each reading is cited."""
    cited = {source for entry in files.entries() for source in entry.sources}
    page = files.reference_page
    placed, excused = ({row.cells[0] for row in rows} for rows in (page.values, page.reasons))
    for anchor, line in page.anchors.items():
        if anchor not in placed:
            message = f"{anchor}: no place in {OPENAPI}; add a row with its pointer to the table"
            yield Problem(REFERENCE_PAGE, line, "coverage", message)
        if f"page:{anchor}" in cited and anchor in excused:
            yield Problem(REFERENCE_PAGE, line, "coverage", f"{anchor}: has a requirement; remove it from the reasons")
        if f"page:{anchor}" not in cited and anchor not in excused:
            message = f"{anchor}: no requirement cites it; add one, or a row with the reason to the table"
            yield Problem(REFERENCE_PAGE, line, "coverage", message)
    for anchor, line in files.readings.anchors.items():
        if f"reading:{anchor}" not in cited:
            yield Problem(READINGS, line, "coverage", f"{anchor}: no requirement cites it; cite or remove it")
