"""The oddities: each a way in which a server is unusual, and keeps the contract all the same.

An oddity is a subclass of Service that overrides a step, as a fault is, and is registered with what allows it. A judge
that is worth its name finds nothing wrong with any of them, but for the warnings that an oddity itself announces.
"""

from .catalogue import ODDITIES, odd
from .registry import Oddity

__all__ = ["ODDITIES", "Oddity", "odd"]
