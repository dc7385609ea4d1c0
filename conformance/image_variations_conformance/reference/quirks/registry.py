"""The description of a quirk, and the decorator that registers it."""

import inspect
from collections.abc import Callable
from typing import TypeVar

from attrs import frozen

from ..app.service import Service

S = TypeVar("S", bound=Service)


@frozen
class Quirk:
    """Unusual but conforming behaviour of a server.

    `by` names the rule that allows it: an RFC, a requirement, or what the contract leaves open. `warns` are the ids of
    the SHOULD requirements that it violates, of which the suite must warn. It violates no MUST.
    """

    name: str
    family: str
    by: str
    summary: str
    service: type[Service]
    warns: tuple[str, ...] = ()


class QuirkFamily:
    """The quirks of one kind. Calling it returns a decorator that registers a quirk."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.quirks: list[Quirk] = []

    def __call__(self, name: str, *, by: str, warns: tuple[str, ...] = ()) -> Callable[[type[S]], type[S]]:
        """Return a decorator that registers a Service as a quirk. The first line of its docstring is the summary."""

        def register(service: type[S]) -> type[S]:
            summary = inspect.cleandoc(service.__doc__ or "").partition("\n")[0]
            self.quirks.append(Quirk(name, self.name, by, summary, service, warns))
            return service

        return register
