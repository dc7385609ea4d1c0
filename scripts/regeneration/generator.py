"""The names that openapi-python-client gives to classes, functions and packages.

This is the only module that imports the generator. What it imports is no public interface of the generator, so another
version is tried with `scripts/regenerate --generator-version`, which runs everything with that version.

As a program, it is the generator itself, whose templates see the facts of the document as the variable `facts`:

    python generator.py FACTS generate ...

FACTS is a file with the repr of the facts. As a template, they would take Jinja2 longer than all the rest.
"""

import gc
import sys
from ast import literal_eval
from pathlib import Path

from jinja2.defaults import DEFAULT_NAMESPACE
from openapi_python_client.cli import app
from openapi_python_client.parser.openapi import generate_operation_id
from openapi_python_client.schema.untrusted_string import UntrustedString
from openapi_python_client.strings import ClassName, PythonIdentifier, pascal_case

_PREFIX = "field_"  # the generator's default prefix for names that are not Python identifiers


def class_name(name: str, owner: str = "") -> str:
    """Return the name of the class of the schema `name`, which is within the class or operation `owner`, if any."""
    return ClassName(f"{pascal_case(owner)}{pascal_case(name)}" if owner else name, _PREFIX)


def python_name(name: str) -> str:
    """Return the name of an attribute, argument, function or module."""
    return PythonIdentifier(name, _PREFIX)


def tag_name(tag: str) -> str:
    """Return the name of the package of a tag."""
    return PythonIdentifier(tag, "tag")


def function_name(path: str, method: str) -> str:
    """Return the function name of an operation without an operationId."""
    return generate_operation_id(path=UntrustedString(path), method=method, prefix=_PREFIX)


if __name__ == "__main__":
    gc.disable()  # there is little but what is needed to the end, and it would be searched again and again
    # The variables that every environment of Jinja2 begins with, since the generator makes its own.
    DEFAULT_NAMESPACE["facts"] = literal_eval(Path(sys.argv.pop(1)).read_text(encoding="utf-8"))
    app()
