"""The names that openapi-python-client gives to classes, functions and packages.

This is the only module that imports the generator. What it imports is no public interface of the generator, so another
version is tried with `scripts/regenerate --generator-version`, which runs everything with that version.
"""

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
