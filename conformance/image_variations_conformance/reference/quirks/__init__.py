"""The quirks: each is unusual behaviour that the contract allows.

Like a fault, a quirk is a subclass of Service that overrides a step. It is registered with the rule that allows it. A
correct conformance suite reports nothing about a quirk, except the warnings that the quirk declares.
"""

from . import documents, limits, links, load, pictures, refusals, wire

__all__ = ["documents", "limits", "links", "load", "pictures", "refusals", "wire"]
