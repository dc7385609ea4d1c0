"""What is known of an quirk, and the decorator that says it."""

import inspect
from collections.abc import Callable
from typing import TypeVar

from attrs import frozen

from ..app.service import Service

S = TypeVar("S", bound=Service)


@frozen
class Quirk:
    """A way to be unusual. `by` is what allows it: an RFC, or what the register says or leaves open.

    `warns` are the ids of the SHOULDs that it departs from, and that a judge is to warn of. No MUST is among them.
    """

    name: str
    family: str
    by: str
    summary: str
    service: type[Service]
    warns: tuple[str, ...] = ()


class QuirkFamily:
    """The quirks of one kind. A call of it gives the decorator of one more."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.quirks: list[Quirk] = []

    def __call__(self, name: str, *, by: str, warns: tuple[str, ...] = ()) -> Callable[[type[S]], type[S]]:
        """Decorates the Service that has the quirk. The summary is the first line of its docstring."""

        def register(service: type[S]) -> type[S]:
            line = inspect.cleandoc(service.__doc__ or "").partition("\n")[0]
            self.quirks.append(Quirk(name, self.name, by, line, service, warns))
            return service

        return register
