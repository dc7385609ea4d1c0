"""The faults: each is a defect that servers have had or are likely to have.

A fault is a subclass of Service that overrides a step. It is registered with the requirements that it breaks. Several
faults can be combined in one server. A correct conformance suite reports each of them.
"""

from .catalogue import FAULTS, faulty
from .registry import Fault

__all__ = ["FAULTS", "Fault", "faulty"]
