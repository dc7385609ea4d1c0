"""A pattern of JSON Schema matches the same texts in the client as in a validator."""

import re

import jsonschema_rs
import pytest
from hypothesis import given
from hypothesis import strategies as st
from regeneration.patterns import python_pattern

TRANSLATED = [
    "^[0-9]+x[0-9]+$",
    "a",
    "^$",
    "^a|b$",
    r"^\d{2,3}$",
    r"^\w+@\w+\.\w{2,}$",
    "^.$",
    "^(?:ab?)*$",
    r"^a\-\/\$$",
    "^(?=a)[^b]",
    r"[\w.-]",
    "^é$",
]
REFUSED = [
    r"\s",
    r"\bword\b",
    r"\p{L}",
    "(?<year>a)",
    "(?<=a)b",
    r"\cA",
    r"\x41",
    r"(a)\1",
    "a{",
    "[[a]",
    "[a--b]",
    "(",
]


@pytest.mark.parametrize("pattern", TRANSLATED)
@given(text=st.text(st.sampled_from("ab019x_-./@$é٣\n "), max_size=6))
def test_a_translated_pattern_matches_what_a_validator_accepts(pattern: str, text: str) -> None:
    translated = python_pattern(pattern)
    assert translated is not None
    validator = jsonschema_rs.Draft202012Validator({"pattern": pattern})
    assert bool(re.search(translated, text, re.ASCII)) == validator.is_valid(text)


@pytest.mark.parametrize("pattern", REFUSED)
def test_a_pattern_that_python_reads_otherwise_is_not_translated(pattern: str) -> None:
    assert python_pattern(pattern) is None


@pytest.mark.parametrize("text", ["\n", "\r", "\u2028", "\u2029"])
def test_a_dot_matches_no_line_end(text: str) -> None:
    assert re.search(python_pattern(".") or "", text, re.ASCII) is None
