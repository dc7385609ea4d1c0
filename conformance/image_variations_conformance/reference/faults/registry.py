"""The description of a fault, and the decorator that registers it."""

import inspect
from collections.abc import Callable
from typing import TypeVar

from attrs import frozen

from ..app.service import Service

S = TypeVar("S", bound=Service)


@frozen
class Fault:
    """A defect of a server.

    `breaks` are the ids of the most specific requirements that the fault breaks: the suite must report each of them.
    `also` are ids that the suite may report too, because the fault has several effects. With `everywhere`, the suite
    may report any id, because the fault breaks nearly every requirement. With `hangs`, some requests get no response,
    so that a run needs a short timeout.
    """

    name: str
    family: str
    breaks: tuple[str, ...]
    summary: str
    service: type[Service]
    also: tuple[str, ...] = ()
    everywhere: bool = False
    hangs: bool = False


class FaultFamily:
    """The faults of one kind. Calling it returns a decorator that registers a fault."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.faults: list[Fault] = []

    def __call__(
        self,
        name: str,
        *,
        breaks: tuple[str, ...],
        summary: str | None = None,
        also: tuple[str, ...] = (),
        everywhere: bool = False,
        hangs: bool = False,
    ) -> Callable[[type[S]], type[S]]:
        """Return a decorator that registers a Service as a fault.

        `summary` is by default the first line of the docstring of the Service.
        """

        def register(service: type[S]) -> type[S]:
            text = summary or inspect.cleandoc(service.__doc__ or "").partition("\n")[0]
            self.faults.append(Fault(name, self.name, breaks, text, service, also, everywhere, hangs))
            return service

        return register
