"""The faults: each a way in which a server has been wrong, or well could be.

A fault is a subclass of Service that overrides a step, and is registered with the requirements that it breaks. Several
make one server together. A judge that is worth its name finds each of them.
"""

from .catalogue import FAULTS, faulty
from .registry import Fault

__all__ = ["FAULTS", "Fault", "faulty"]
