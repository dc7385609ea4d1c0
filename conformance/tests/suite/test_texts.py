"""Texts of requirements are rendered from templates and the OpenAPI document."""

import pytest
from image_variations_conformance.contract.pointers import value_at
from image_variations_conformance.contract.texts import TextError, render

DOCUMENT = {
    "n": {"minimum": 1, "maximum": 10, "enum": ["a", "b", "c"], "one": ["a"], "big": 4194304, "year": 2048},
    "operation": {"statuses": {"must": ["4XX", 501]}, "flag": True, "empty": [], "nested": [[1]]},
    "reference": {"$ref": "#/n"},
    "a/b": {"~": "found"},
}


def rendered(template: str, *bases: str) -> str:
    return render(template, DOCUMENT, bases or ("/n", "/operation"), "IV-N-RANGE")


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("From {minimum} to {maximum}.", "From 1 to 10."),
        ("All of {enum}.", "All of a, b and c."),
        ("Any of {enum:or}.", "Any of a, b or c."),
        ("Only {one}.", "Only a."),
        ("{big} bytes, {year} pixels.", "4,194,304 bytes, 2048 pixels."),
        ("Answered {statuses/must:or}.", "Answered 4XX or 501."),
        ("No placeholder.", "No placeholder."),
        ("{minimum}, {minimum}.", "1, 1."),
    ],
)
def test_a_placeholder_is_replaced_by_its_value(template: str, text: str) -> None:
    assert rendered(template) == text


def test_a_placeholder_is_found_through_a_reference() -> None:
    assert rendered("{minimum}", "/reference") == "1"


@pytest.mark.parametrize(
    "placeholder", ["{gone}", "{minimum/more}", "{flag}", "{empty}", "{nested}", "{statuses}", "{}"]
)
def test_a_placeholder_without_a_value_is_refused_with_its_requirement(placeholder: str) -> None:
    with pytest.raises(TextError) as error:
        rendered(f"Text {placeholder}.")
    assert (error.value.requirement, error.value.placeholder) == ("IV-N-RANGE", placeholder)


def test_a_pointer_may_have_escaped_characters() -> None:
    assert value_at(DOCUMENT, "/a~1b/~0") == "found"


@pytest.mark.parametrize("pointer", ["/gone", "/n/enum/3", "/n/enum/x", "/n/minimum/0"])
def test_a_pointer_to_nothing_is_refused(pointer: str) -> None:
    with pytest.raises(LookupError, match="does not exist"):
        value_at(DOCUMENT, pointer)
