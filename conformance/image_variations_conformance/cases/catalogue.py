"""The catalogue of all named cases. plan.py says in which order they are sent."""

from __future__ import annotations

from .invalid import INVALID, UNSPECIFIED
from .valid import (
    AFTER_ERRORS,
    COMBINED,
    COMBINED_OPTIONAL,
    PLAIN,
    PLAIN_AFTER_TEN,
    PLAIN_AT_THE_END,
    QUICK_TOGETHER,
    QUICK_VALUES,
    SMALL_ONE,
    TEN,
    TOGETHER,
    VALUES,
)

_IN_ORDER = (
    *(PLAIN, SMALL_ONE, *INVALID, AFTER_ERRORS, *VALUES, *COMBINED, *COMBINED_OPTIONAL, TEN, PLAIN_AFTER_TEN),
    *(*TOGETHER, *UNSPECIFIED, PLAIN_AT_THE_END),
)
ONLY_QUICK = (*(case for case in QUICK_VALUES if case not in _IN_ORDER), *QUICK_TOGETHER)
NAMED_CASES = (*(each for case in _IN_ORDER for each in (case, *case.parts)), *ONLY_QUICK)
FIELD_VALUES = frozenset(pair for case in NAMED_CASES for pair in case.fields.items())
"""The values of text fields that some named case sends."""
