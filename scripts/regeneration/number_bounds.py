"""The numbers that the bounds of a schema allow, computed by their decimal digits: 0.3 is a multiple of 0.1."""

from fractions import Fraction
from math import ceil, floor
from typing import Any

from regeneration.document import Schema


def exact(number: Any) -> Fraction:
    """Return the number that its decimal digits say."""
    return Fraction(str(number))


def plain(number: Fraction) -> int | float:
    """Return the number as a value of JSON: one of more than 64 bits as a float, as YAML has it."""
    return int(number) if number.denominator == 1 and abs(number) < 1 << 64 else float(number)


def step_of(schema: Schema, *, is_integer: bool) -> Fraction | None:
    """Return the number of which all valid ones are multiples, or None if there is none."""
    step = exact(schema["multipleOf"]) if "multipleOf" in schema else None
    return Fraction(1 if step is None else step.numerator) if is_integer else step


def is_within(schema: Schema, number: Fraction) -> bool:
    """Return whether a number is within the bounds; `multipleOf` is not one."""
    return (
        ("minimum" not in schema or number >= exact(schema["minimum"]))
        and ("maximum" not in schema or number <= exact(schema["maximum"]))
        and ("exclusiveMinimum" not in schema or number > exact(schema["exclusiveMinimum"]))
        and ("exclusiveMaximum" not in schema or number < exact(schema["exclusiveMaximum"]))
    )


def valid_number(schema: Schema, *, is_integer: bool) -> Fraction | None:
    """Return a number that the schema allows, or None if it allows none."""
    lows = [exact(schema[keyword]) for keyword in ("minimum", "exclusiveMinimum") if keyword in schema]
    highs = [exact(schema[keyword]) for keyword in ("maximum", "exclusiveMaximum") if keyword in schema]
    step = step_of(schema, is_integer=is_integer)
    near = max(lows) if lows else min([Fraction(0), *highs])
    candidates = [near, near - 1 if not lows else (near + min(highs)) / 2 if highs else near + 1]
    if step is not None:
        first = (ceil(near / step) if lows else floor(near / step)) * step
        candidates = [first, first + step if lows else first - step]
    return next((each for each in candidates if is_within(schema, each)), None)
