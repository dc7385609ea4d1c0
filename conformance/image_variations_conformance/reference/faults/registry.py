"""What is known of a fault, and the decorator that says it."""

import inspect
from collections.abc import Callable
from typing import TypeVar

from attrs import frozen

from ..app.service import Service

S = TypeVar("S", bound=Service)


@frozen
class Fault:
    """A way to be wrong. `breaks` are the ids of the requirements that a judge must find broken, the narrowest ones.

    `also` are those that it may find broken besides, because the fault shows in more than one way; with `everywhere`,
    these may be any, because the fault breaks nearly all that a judge looks at. A fault that `hangs` does not answer
    some of its requests: a judge is not to be patient with it.
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
    """The faults of one kind. A call of it gives the decorator of one more."""

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
        """Decorates the Service that has the fault. The summary is the first line of its docstring, if not given."""

        def register(service: type[S]) -> type[S]:
            line = summary or inspect.cleandoc(service.__doc__ or "").partition("\n")[0]
            self.faults.append(Fault(name, self.name, breaks, line, service, also, everywhere, hangs))
            return service

        return register
