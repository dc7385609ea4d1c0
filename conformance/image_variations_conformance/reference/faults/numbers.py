"""Faults in the validation of the field n."""

from __future__ import annotations

import contextlib
import re
import unicodedata
from collections.abc import Callable

from ..registry import FaultFamily
from .factories import accepts, crashes_on, reads, refuses
from .features import absent
from .texts import default, like, replaced, sent

fault = FaultFamily("validation")

_INTEGER, _BOUNDS, _STRICT = "IV-N-INTEGER", "IV-N-BOUNDS", "IV-N-STRICT"
_BOTH = (_INTEGER, _STRICT)


def _parsed(parse: Callable[[str], float]) -> Callable[[str | None], str | None]:
    """Return a change that reads a number by a parser. What the parser refuses, and fractions, are left as they are."""

    def read(text: str | None) -> str | None:
        with contextlib.suppress(ValueError, OverflowError):
            if text is not None and parse(text) == int(parse(text)):
                return str(int(parse(text)))
        return text

    return read


def _javascript(text: str) -> float:
    """Return the number that Number() of JavaScript returns, without Infinity and NaN."""
    text = text.strip()
    if re.fullmatch("0[xXoObB][0-9a-fA-F]+", text):
        return int(text, 0)
    if not re.fullmatch(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?|", text):
        raise ValueError(text)
    return float(text or 0)


# --- n: valid values

# fmt: off
fault("n-over-five-refused", "Refuses n greater than 5.",
      refuses("IV-N-RANGE", lambda received: received.wanted.count > 5, param="n", message="n must be from 1 to 5."))
fault("n-over-four-refused", "Refuses n greater than 4.",
      refuses("IV-N-RANGE", lambda received: received.wanted.count > 4, param="n", message="n must be from 1 to 4."))
fault("n-ten-refused", "Refuses n=10, as a comparison does that is off by one.",
      refuses("IV-N-RANGE", lambda received: received.wanted.count == 10, param="n", message="n must be below 10."))
fault("n-other-than-one-refused", "Refuses any n but 1.",
      refuses("IV-N-RANGE", lambda received: received.wanted.count > 1, param="n", message="n must be 1."))
fault("many-images-time-out", "Answers 504 to n greater than 5, as a gateway with a short timeout does.",
      refuses("IV-N-RANGE", lambda received: received.wanted.count > 5, 504))
fault("n-default-two", "Makes two images if n is missing.", reads("IV-N-DEFAULT", n=default("2")))
fault("n-required", "Refuses a request without n.",
      refuses("IV-N-DEFAULT", absent("n"), param="n", message="n is missing."))
fault("n-absent-crashes", "Answers 500 to a request without n.", refuses("IV-N-DEFAULT", absent("n"), 500))

# --- n: out of range

fault("n-zero-accepted", "Accepts n=0 and returns an empty list.", accepts(_BOUNDS, sent("0"), instead=lambda _: 0))
fault("n-zero-as-default", "Takes n=0 for a missing n.", accepts(_BOUNDS, sent("0")))
fault("n-zero-crashes", "Answers 500 to n=0.", crashes_on(_BOUNDS, when=sent("0")))
fault("n-clamped", "Clamps n to the range from 1 to 10 instead of refusing values outside it.",
      accepts(_BOUNDS, like("-?[0-9]{1,9}"), instead=lambda problem: min(max(int(problem.text), 1), 10)))
fault("n-eleven-accepted", "Accepts n=11 and makes eleven images.", accepts(_BOUNDS, sent("11"), instead=lambda _: 11))
fault("n-eleven-crashes", "Answers 500 to n=11.", crashes_on(_BOUNDS, when=sent("11")))
fault("n-negative-accepted", "Accepts a negative n as one image.", accepts(_BOUNDS, like("-[1-9][0-9]*")))
fault("n-negative-crashes", "Answers 500 to a negative n.", crashes_on(_BOUNDS, when=like("-[1-9][0-9]*")))
fault("n-wraps-at-32-bits", "Reads n modulo 2 to the power of 32.",
      reads(_BOUNDS, n=_parsed(lambda text: int(text) % 2**32 if re.fullmatch("[0-9]{10,30}", text) else float("nan"))))
fault("n-wraps-at-8-bits", "Reads n modulo 256.",
      reads(_BOUNDS, n=_parsed(lambda text: int(text) % 256 if re.fullmatch("[0-9]{3,30}", text) else float("nan"))))
fault("n-huge-crashes", "Answers 500 to an n that does not fit into 64 bits.",
      crashes_on(_BOUNDS, when=lambda problem: len(problem.text) > 18))

# --- n: not an integer

fault("n-start-read", "Parses n as C does: a leading space or plus sign and any text after the digits are ignored.",
      reads(_BOTH, n=lambda text: found[1] if (found := re.match(r"\s*\+?([0-9]+)", text or "")) else text))
fault("n-rounded", "Accepts fractions in n and drops them, so n=1.5 makes one image.",
      reads(_INTEGER, n=replaced(r"\.[0-9]+$", "")))
fault("n-words-as-one", "Accepts an n of letters and makes one image.",
      accepts(_INTEGER, lambda problem: problem.text.isalpha()))
fault("n-not-integer-crashes", "Answers 500 to an n that is not an integer.", crashes_on(_INTEGER))
fault("n-as-python-reads-it", "Accepts an n with a plus sign or with spaces around it.",
      accepts(_STRICT, instead=lambda problem: int(problem.text)))
fault("n-as-python-int",
      "Reads n with int() of Python: white space, signs, underscores and digits beyond ASCII are accepted.",
      reads(_BOTH, n=_parsed(int)))
fault("n-as-python-literal", "Reads n as an integer literal, which may be hexadecimal, octal or binary.",
      reads(_INTEGER, n=_parsed(lambda text: int(text, 0) if text.isalnum() else float("nan"))))
fault("n-as-javascript-number",
      "Reads n with Number() of JavaScript: hexadecimal digits, exponents, trailing dots and white space are accepted.",
      reads(_BOTH, n=_parsed(_javascript)))
fault("n-hexadecimal-read", "Reads an n in hexadecimal digits after 0x.", accepts(_INTEGER, like("0[xX][1-9aA]")))
fault("n-underscore-read", "Accepts an n with underscores, as in 1_0.",
      reads(_INTEGER, n=replaced("(?<=[0-9])_(?=[0-9])", "")))
fault("n-exponent-read", "Reads an n with an exponent, as in 1e0.", accepts(_INTEGER, like("[1-9][eE][+]?0")))
fault("n-trailing-dot-read", "Accepts an n with a dot after it.", reads(_INTEGER, n=replaced(r"(?<=[0-9])\.$", "")))
fault("n-point-zero-read", "Accepts an n with a fraction of zero, as in 1.0.",
      reads(_INTEGER, n=replaced(r"\.0+$", "")))
fault("n-other-digits-read", "Accepts an n in digits beyond ASCII, such as Arabic ones.",
      accepts(_INTEGER, lambda problem: problem.text.isdecimal(),
              instead=lambda problem: unicodedata.decimal(problem.text[-1], 1)))
fault("n-no-break-space-read", "Accepts an n with a no-break space around it.",
      reads(_INTEGER, n=replaced("^\u00a0+|\u00a0+$", "")))
fault("n-nul-cut", "Reads n up to a NUL character, as C does.", reads(_INTEGER, n=replaced("\0.*", "")))
fault("n-true-as-one", "Accepts the words true, yes and on as n=1.", accepts(_INTEGER, sent("true", "yes", "on")))
fault("n-list-read", "Accepts a JSON list of one number as n.", accepts(_INTEGER, like(r"\[[0-9]+\]")))
fault("n-infinity-crashes", "Answers 500 to an n that is Infinity or NaN, which is a number but no integer.",
      crashes_on(_INTEGER, when=sent("Infinity", "NaN")))
fault("n-empty-as-missing", "Takes an empty n for a missing n.", accepts(_INTEGER, sent("")))
fault("n-empty-crashes", "Answers 500 to an empty n.", crashes_on(_INTEGER, when=sent("")))
fault("n-fraction-crashes", "Answers 500 to an n with a fraction.", crashes_on(_INTEGER, when=like(r"[0-9]+\.[0-9]+")))
fault("n-trimmed", "Accepts an n with white space around it.", reads(_STRICT, n=replaced(r"(?a:^\s+|\s+$)", "")))
fault("n-line-end-ignored", "Accepts an n with a line end after it, as $ in a regular expression does.",
      reads(_STRICT, n=replaced(r"\n$", "")))
fault("n-plus-accepted", "Accepts an n with a plus sign.", reads(_STRICT, n=replaced(r"^\+(?=[0-9])", "")))
