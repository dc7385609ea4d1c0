"""Runs probes on servers with faults or quirks."""

from attrs import define, field
from image_variations_conformance.reference.app.service import Service
from image_variations_conformance.reference.app.serving import Running
from image_variations_conformance.reference.variants import FAULTS, QUIRKS, combined
from reference.probes import KEY, Probe, Traits, probes_for, run
from starlette.types import ASGIApp, Receive, Scope, Send


@define
class Switch:
    """An ASGI app that forwards requests to `app`, which a test can replace, so that all tests share one server.

    `escaped` records the exceptions that the apps raised. `now` is the time of their clock in seconds, which stands
    still until a probe puts it forward.
    """

    app: ASGIApp = field(factory=lambda: Service(KEY))
    escaped: list[Exception] = field(factory=list)
    now: float = 0.0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            raise NotImplementedError
        try:
            await self.app(scope, receive, send)
        except Exception as error:
            self.escaped.append(error)
            raise

    def clock(self) -> float:
        return self.now


@define
class Prober:
    """Runs probes on servers with faults. Each probe has a new server, so that it depends on no other."""

    switch: Switch
    server: Running
    _correct: dict[Probe, list[Traits]] = field(factory=dict)

    def results(self, names: list[str], probe: Probe) -> list[Traits]:
        """Return the properties of the responses of a server with these faults or quirks."""
        self.switch.now = 0.0
        self.switch.app = combined(names)(api_key=KEY, clock=self.switch.clock)
        return run(probe, self.server.port, self.age)

    def age(self, seconds: int) -> None:
        self.switch.now += seconds

    def correct(self, probe: Probe) -> list[Traits]:
        """Return the results of a server without faults."""
        if probe not in self._correct:
            self._correct[probe] = self.results([], probe)
        return self._correct[probe]

    def shown(self, name: str) -> Probe | None:
        """Return the first probe that shows a fault or quirk, those of the requirements that it breaks first."""
        breaks = FAULTS[name].breaks if name in FAULTS else QUIRKS[name].warns
        return next((probe for probe in probes_for(breaks) if self.results([name], probe) != self.correct(probe)), None)
