"""The quirks: each a way in which a server is unusual, and keeps the contract all the same.

An quirk is a subclass of Service that overrides a step, as a fault is, and is registered with what allows it. A judge
that is worth its name finds nothing wrong with any of them, but for the warnings that an quirk itself announces.
"""

from .catalogue import QUIRKS, quirky
from .registry import Quirk

__all__ = ["QUIRKS", "Quirk", "quirky"]
