"""Requests that repeat what others asked for, or ask for something else: a server may have kept or remembered it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from attrs import evolve, frozen

from ..cases.builder import Base
from ..cases.changes import same_image
from ..cases.plan import ALIKE, Plan
from ..cases.probes import Probe
from ..contract.evidence import ABSENT
from .experiment import Experiment
from .steps import ASKING

_LINKS, _SIZES, _USER = "response_format=url", "size=", "user=ascii"
_LOOKS = ASKING - {"n"}


@frozen
class Repetitions:
    """The probes of such requests, of what the experiment of a run has seen accepted."""

    plan: Plan
    experiment: Experiment

    def of_several(self, labels: Mapping[tuple[Probe, ...], str]) -> Probe:
        """Return the probe of the image and the user of requests for several images, given by their packs.

        The image is, if possible, that of one that differs from the base only in n.
        """
        packs = list(labels)
        in_n_alone = (pack for pack in packs if not any(probe.images == 1 and probe.axes & _LOOKS for probe in pack))
        pack = next(in_n_alone, packs[0])
        probes = [probe for each in packs for probe in each]
        users = [probe for probe in probes if probe.item.startswith("user=") and probe.item != f"user={ABSENT}"]
        return self._image(labels[pack], pack, users[-1:])

    def at_the_same_time(self, label: str) -> list[tuple[Probe, ...]]:
        """Return what is requested at the same time: links, which a server may confuse, if it has any.

        Each image is sent twice, the second time with another size, if the server has one. The first was sent before,
        under this label: a server may have kept what it made of that. All requests have the same user, whose answers a
        server may confuse.
        """
        user = self._accepted(_USER)
        links = (*self._accepted(_LINKS), *user)
        cheap = f"{_SIZES}{(self.experiment.cheap or Base()).texts.get('size', ABSENT)}"
        sizes = tuple(probe for probe in self._accepted(_SIZES) if probe.item != cheap)[:1]
        kept = self._image(label)
        of_kept = [(*links, kept), (*links, *sizes, kept), (*sizes, *user, kept)]
        others = range(self.plan.at_the_same_time - len(of_kept))
        images = (self._image(f"{ALIKE}-{number // 2}") for number in others)
        return [*of_kept, *((*links, *(sizes if at % 2 else ()), image) for at, image in enumerate(images))]

    def other_values(self) -> list[Probe]:
        """Return the probes of a size and of a format that are not the defaults, for one request, and of a link."""
        others = [*self._others("size"), *self._others("response_format")]
        links = [evolve(probe, first=False) for probe in self._accepted(_LINKS)[:1] if probe not in others]
        return [*(evolve(probe, first=True) for probe in others), *links]

    def _others(self, name: str) -> list[Probe]:
        """Return the probe of a value of a field that is not its default, if the server accepts one."""
        usual = {f"{name}={value}" for value in (ABSENT, self.plan.contract.defaults.get(name))}
        return [probe for probe in self._accepted(f"{name}=") if probe.item not in usual][:1]

    def _accepted(self, beginning: str) -> tuple[Probe, ...]:
        """Return the probes of MUSTs that the server accepted, whose items begin like this."""
        named = (probe for probe in self.plan.must_probes if probe.item.startswith(beginning))
        return tuple(probe for probe in named if self.experiment.was_accepted((probe,), alone=False))

    def _image(self, label: str, pack: tuple[Probe, ...] = (), users: Sequence[Probe] = ()) -> Probe:
        return same_image(self.plan.image_of(label, self.experiment.cheap or Base(), pack), users)
