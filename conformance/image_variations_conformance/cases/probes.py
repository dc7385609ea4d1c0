"""Probes: properties of a valid request that a server must accept, each a change of a form that it accepts anyway."""

from __future__ import annotations

from collections.abc import Callable

from attrs import frozen

from .builder import Builder, Draft

Change = Callable[[Builder, Draft], Draft]
"""Changes one property of a form. The builder makes what is random, such as pictures."""

WHOLE = "whole request"
"""The axis of probes that are sent alone."""
ALONE = "alone"
"""The axis of probes that are sent with no other request at the same time."""
IMAGE = "image"
"""The axis of probes of the content of the image."""
KEY = "key"
"""The axis of probes of the API key, which a request without one does not show."""
DEFAULT = "default"
"""The axis of probes of defaults: a request with two of them would not show that fields are ignored."""
TEXT_TYPE = "text-type"
"""The axis of probes of the types of text parts."""
NO_5XX = "IV-ERR-NO-5XX"
DRAWN = "IV-OP-VALID"
"""The requirement of probes that were drawn at random, until it is known which one says more."""


@frozen(eq=False)
class Probe:
    """A property of a request, and the item of evidence that it gives. `images` is how many images it costs.

    Two probes with a common axis are not sent together. A probe of several axes is kept apart from properties that
    real servers confuse it with. `quick` ones are sent at every depth, and `first` ones in the first pack: several
    links in one response show what one link does not.
    """

    requirement: str
    item: str
    axes: frozenset[str]
    apply: Change
    images: int = 1
    quick: bool = False
    first: bool = False

    @property
    def open(self) -> bool:
        """Whether the contract does not say if a request with this property is accepted."""
        return self.requirement == NO_5XX

    @property
    def fits_others(self) -> bool:
        """Whether the probe can be sent with others at all."""
        return WHOLE not in self.axes

    def fits(self, other: Probe) -> bool:
        """Return whether two probes can be sent in one request."""
        return not self.axes & other.axes and self.fits_others and other.fits_others
