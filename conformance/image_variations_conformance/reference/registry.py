"""The registry of faults and quirks: what is known of each, and the functions that register them."""

import inspect
from collections.abc import Callable
from typing import TypeVar

from attrs import frozen

from .app.service import Service

S = TypeVar("S", bound=Service)


@frozen
class Change:
    """A Service with changed behaviour, and the ids of the requirements that it breaks.

    `breaks`, `also` and `hangs` are those of a Fault.
    """

    service: type[Service]
    breaks: tuple[str, ...] = ()
    also: tuple[str, ...] = ()
    hangs: bool = False


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


FAULTS: dict[str, Fault] = {}
QUIRKS: dict[str, Quirk] = {}
"""All that are registered, by name. `variants` imports the modules that register them."""


@frozen
class FaultFamily:
    """The faults of one kind."""

    name: str

    def __call__(
        self, name: str, summary: str, change: Change, *, also: tuple[str, ...] = (), everywhere: bool = False
    ) -> None:
        """Register a change as a fault. `also` is added to that of the change."""
        if name in FAULTS:
            raise ValueError(f"two faults are named {name}")
        also = tuple(dict.fromkeys((*change.also, *also)))
        FAULTS[name] = Fault(
            name, self.name, change.breaks, summary, change.service, also, everywhere=everywhere, hangs=change.hangs
        )

    def service(
        self,
        name: str,
        *breaks: str,
        also: tuple[str, ...] = (),
        everywhere: bool = False,
        hangs: bool = False,
    ) -> Callable[[type[S]], type[S]]:
        """Return a decorator that registers a Service. The first line of its docstring is the summary."""

        def register(service: type[S]) -> type[S]:
            change = Change(service, breaks, also, hangs)
            self(name, _summary(service), change, everywhere=everywhere)
            return service

        return register


@frozen
class QuirkFamily:
    """The quirks of one kind."""

    name: str

    def __call__(self, name: str, by: str, summary: str, change: Change) -> None:
        """Register a change as a quirk. What it breaks are requirements that the suite must warn of."""
        if name in QUIRKS:
            raise ValueError(f"two quirks are named {name}")
        QUIRKS[name] = Quirk(name, self.name, by, summary, change.service, change.breaks)

    def service(self, name: str, by: str, *warns: str) -> Callable[[type[S]], type[S]]:
        """Return a decorator that registers a Service. The first line of its docstring is the summary."""

        def register(service: type[S]) -> type[S]:
            self(name, by, _summary(service), Change(service, warns))
            return service

        return register


def _summary(service: type[Service]) -> str:
    return inspect.cleandoc(service.__doc__ or "").partition("\n")[0]
