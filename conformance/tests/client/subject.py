"""The package under test, and the HTTP library that it was generated for.

All tests of the client import the package from here, so that they can test another build of it: the environment
variable CLIENT_UNDER_TEST may name a folder with a package `image_variations`.
"""

import importlib
import os
import pkgutil
import sys
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

_FOLDER = os.environ.get("CLIENT_UNDER_TEST")
if _FOLDER:
    sys.path.insert(0, str(Path(_FOLDER).resolve()))

import image_variations  # noqa: E402 - after the change of sys.path

PACKAGE = Path(image_variations.__file__).parent
if _FOLDER and PACKAGE.parent != Path(_FOLDER).resolve():
    raise ImportError(f"CLIENT_UNDER_TEST is {_FOLDER}, but {PACKAGE} was imported")

# Every module of the package by its name.
MODULES: dict[str, ModuleType] = {
    name: importlib.import_module(name)
    for _, name, _ in pkgutil.walk_packages([str(PACKAGE)], f"{image_variations.__name__}.")
}


def _http_library() -> ModuleType:
    """Return the HTTP library that the modules of the package import: httpx or httpx2."""
    libraries = {
        value.__name__: value
        for module in MODULES.values()
        for value in vars(module).values()
        if isinstance(value, ModuleType) and value.__name__ in {"httpx", "httpx2"}
    }
    (library,) = libraries.values()
    return library


if TYPE_CHECKING:
    import httpx as http
else:
    http = _http_library()

__all__ = ["MODULES", "PACKAGE", "http", "image_variations"]
