"""The quirks: each is unusual behaviour that the contract allows.

As with faults, most are made by a function of `faults.factories`, which changes one step of the reference server; the
others are subclasses of Service. A quirk is registered with the rule that allows it. A correct conformance suite
reports nothing about a quirk, except the warnings that the quirk declares.
"""

from . import documents, limits, links, load, pictures, refusals, wire

__all__ = ["documents", "limits", "links", "load", "pictures", "refusals", "wire"]
