"""Report everything that is wrong with an OpenAPI document before anything is generated from it.

A document is refused if it has a mistake (`lint`), if it says something that the client cannot express (`expressible`),
or if one of its names is one that the client has for itself (`reserved_names`).
"""

from pathlib import Path

from regeneration.document import Document
from regeneration.expressible import inexpressible
from regeneration.lint import lint
from regeneration.lowering import lower
from regeneration.marks import MarkedYaml
from regeneration.problem import Problem
from regeneration.refused import Refused, shown_path
from regeneration.reserved_names import reserved
from regeneration.values import examples


def mistakes(document: Document, *, is_as_written: bool = True) -> list[Problem]:
    """Return the mistakes of a document, one for each place.

    What cannot be expressed is only searched in a document that is sound. `is_as_written` is False for the document of
    a profile: it changes the schemas of the contract, whose examples stay as they are, and are not compared.
    """
    return _checked(document, is_as_written=is_as_written)[0]


def _checked(document: Document, *, is_as_written: bool) -> tuple[list[Problem], Document]:
    """Return the mistakes, and the lowered document if the document is sound."""
    problems = lint(document)
    if not problems and is_as_written:
        problems = list(examples(document))
    if problems:
        return _one_for_each_place(problems), {}
    lowered = lower(document)
    return _one_for_each_place([*inexpressible(document, lowered), *reserved(lowered)]), lowered


def _one_for_each_place(problems: list[Problem]) -> list[Problem]:
    return list({problem.pointer: problem for problem in reversed(problems)}.values())[::-1]


def lowered_if_right(document: Document, path: Path, *, is_as_written: bool = True) -> Document:
    """Return the lowered document. Raise `Refused` with all mistakes of the document, which was read from `path`."""
    problems, lowered = _checked(document, is_as_written=is_as_written)
    if problems:
        marked = MarkedYaml.read(path)
        shown = shown_path(path)
        count = "1 mistake" if len(problems) == 1 else f"{len(problems)} mistakes"
        lines = sorted((marked.line_at(problem.pointer), str(problem)) for problem in problems)
        raise Refused("\n  ".join([f"{shown} has {count}:", *(f"{shown}:{line}: {text}" for line, text in lines)]))
    return lowered
