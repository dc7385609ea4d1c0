"""What was probably meant by a word that is unknown."""

from __future__ import annotations

import difflib
from collections.abc import Collection


def suggestion(word: str, known: Collection[str], otherwise: str | None = None) -> str:
    """Return the question whether the known word that is most like `word` was meant.

    If none is like it, the text is `otherwise`, by default a list of all known words.
    """
    near = difflib.get_close_matches(word, known, n=1)
    if near:
        return f"did you mean {near[0]}?"
    return f"there are {', '.join(known)}" if otherwise is None else otherwise


def no_requirement(given: str, ids: Collection[str]) -> str:
    """Return the message that no requirement has an id, with the one that was probably meant."""
    hint = suggestion(given.upper(), ids, "'image-variations list' shows them all")
    return f"there is no requirement {given!r}; {hint}"
