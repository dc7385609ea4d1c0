"""Translate a `pattern` of JSON Schema, which is an ECMA-262 expression, to Python's `re`.

Only what means the same in both, after the rewrites below, is translated:

    $    the end of the text, and in Python also the place before a last line feed: becomes \\Z
    .    any character but four line ends, and in Python but a line feed: becomes a class
    \\d \\D \\w \\W   ASCII, which `re.ASCII` makes of Python's

Others, such as \\s, \\b, \\p{L}, look-behinds and named groups, differ between the two.
"""

import re
from contextlib import suppress
from functools import cache

from hypothesis import Phase, find, settings
from hypothesis import strategies as st
from hypothesis.errors import InvalidArgument, NoSuchExample

_TOKEN = re.compile(
    r"(?P<escaped>\\(?:[dDwWnrtfv]|[^\w\s]))"  # a class, a control character, or a literal
    r"|(?P<class>\[\^?(?:[^\\\[\]]|\\(?:[dDwWnrtfv]|[^\w\s]))+\])"
    r"|(?P<group>\((?:\?[:=!])?(?!\?)|[)|])"
    r"|(?P<quantifier>(?:[*+?]|\{[0-9]+(?:,[0-9]*)?\})\??)"
    r"|(?P<anchor>[\^$.])"
    r"|(?P<literal>[^\\\[\](){}*+?^$.|])",
    re.DOTALL,
)
_REWRITTEN = {"$": r"\Z", ".": r"[^\n\r\u2028\u2029]"}


def python_pattern(pattern: str) -> str | None:
    """Return the expression for `re.search` with `re.ASCII`, or None if it does not mean the same in Python."""
    translated, position = "", 0
    while position < len(pattern):
        token = _TOKEN.match(pattern, position)
        if token is None:
            return None
        text = token[0]
        if token.lastgroup == "class" and re.search(r"--|&&|~~|\|\|", text):
            return None  # reserved for set operations of Python
        translated += _REWRITTEN.get(text, text) if token.lastgroup == "anchor" else text
        position = token.end()
    try:
        re.compile(translated, re.ASCII)
    except (re.error, OverflowError):
        return None
    return translated


@cache
def matching(pattern: str, shortest: int, longest: int | None) -> str | None:
    """Return a text that matches a pattern, with a number of characters, or None if none is found."""
    expression = re.compile(python_pattern(pattern) or "", re.ASCII)
    quiet = settings(database=None, derandomize=True, phases=[Phase.generate])
    for alphabet in (st.characters(min_codepoint=33, max_codepoint=126), st.characters(exclude_categories=["C"])):
        strategy = st.from_regex(expression, fullmatch=True, alphabet=alphabet)
        with suppress(NoSuchExample, InvalidArgument):  # the pattern needs characters beyond the alphabet
            text = find(strategy, lambda text: longest is None or len(text) <= longest, settings=quiet)
            return text if len(text) >= shortest else _stretched(expression, text, shortest)
    return None


def _stretched(expression: re.Pattern[str], text: str, length: int) -> str | None:
    """Return the text with one of its characters repeated so that it has a length, or None if none matches then."""
    longer = (text[:at] + text[at] * (length - len(text)) + text[at:] for at in range(len(text)))
    return next(filter(expression.search, longer), None)
