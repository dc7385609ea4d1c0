"""The registry of faults and quirks: what is known of each, and the decorators that register them."""

import inspect
from collections.abc import Callable
from typing import TypeVar

from attrs import frozen

from .app.service import Service

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
    """The faults of one kind. Calling it returns a decorator that registers a Service as a fault."""

    name: str

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
        """Return the decorator. `summary` is by default the first line of the docstring of the Service."""

        def register(service: type[S]) -> type[S]:
            text = summary or _summary(service)
            if name in FAULTS:
                raise ValueError(f"two faults are named {name}")
            FAULTS[name] = Fault(name, self.name, breaks, text, service, also, everywhere, hangs)
            return service

        return register


@frozen
class QuirkFamily:
    """The quirks of one kind. Calling it returns a decorator that registers a Service as a quirk."""

    name: str

    def __call__(self, name: str, *, by: str, warns: tuple[str, ...] = ()) -> Callable[[type[S]], type[S]]:
        """Return the decorator. The first line of the docstring of the Service is the summary."""

        def register(service: type[S]) -> type[S]:
            if name in QUIRKS:
                raise ValueError(f"two quirks are named {name}")
            QUIRKS[name] = Quirk(name, self.name, by, _summary(service), service, warns)
            return service

        return register


def _summary(service: type[Service]) -> str:
    return inspect.cleandoc(service.__doc__ or "").partition("\n")[0]
