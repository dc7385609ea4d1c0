"""Profiles: how they are read, how they change the contract, and that they can be taken back."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from image_variations_conformance.contract.declarations import KEYS
from image_variations_conformance.contract.document import folder
from image_variations_conformance.contract.effective import apply, inverse
from image_variations_conformance.contract.profile import (
    ProfileError,
    find,
    key_schemas,
    names,
    parse_value,
    read,
)
from openapi_spec_validator import OpenAPIV31SpecValidator
from support.profiles import declared, effective
from support.requests import CONTRACT

SIZE = st.builds("{0}x{0}".format, st.integers(1, 4096))
OTHER_SIZE = SIZE.filter(lambda size: size != "1024x1024")
STATUSES = st.lists(st.integers(400, 499), min_size=1, max_size=3, unique=True)
KINDS = st.sampled_from(sorted(CONTRACT.operation["x-statuses"]))
VALUES: Mapping[str, st.SearchStrategy[Any]] = {
    "models": st.lists(st.text("abc-/.", min_size=1), min_size=1, unique=True),
    "model_required": st.booleans(),
    "sizes": st.just("any") | st.lists(OTHER_SIZE, max_size=3, unique=True).map(lambda sizes: ["1024x1024", *sizes]),
    "default_size": st.sampled_from(["input", "any", "1024x1024"]),
    "response_formats": st.sampled_from([["url"], ["url", "b64_json"], ["b64_json", "url"]]),
    "default_response_format": st.just("url"),
    "max_n": st.just("unlimited") | st.integers(1, 100),
    "auth": st.sampled_from(["bearer", "optional", "none"]),
    "image_kinds": st.lists(st.sampled_from(["jpeg", "webp"]), unique=True).map(lambda kinds: ["png", *kinds]),
    "square": st.booleans(),
    "image_sides": st.fixed_dictionaries(
        {}, optional={"min": st.integers(1, 9), "max": st.integers(64, 9999), "multiple_of": st.integers(1, 64)}
    ).filter(bool),
    "max_image_bytes": st.integers(65_536, 10**8),
    "image_field": st.sampled_from(["picture", "image[]", ["image", "image[]"], ["image[]", "image"], ["a.b", "c-d"]]),
    "error_body": st.sampled_from(["openai", "detail", "any"]),
    "error_statuses": STATUSES | st.dictionaries(KINDS, STATUSES, max_size=3),
    "json_body": st.booleans(),
    "extra_fields": st.dictionaries(st.sampled_from(["strength", "seed", "x[]"]), st.just({"type": "integer"})),
}
PROFILES = st.fixed_dictionaries({}, optional=dict(VALUES))


def write(path: Path, text: str) -> Path:
    path.write_text(text, "utf-8")
    return path


# --- reading


def test_every_key_has_a_schema_and_a_strategy() -> None:
    assert set(KEYS) == set(key_schemas()) - {"extends"} == set(VALUES)


@pytest.mark.parametrize("name", names())
def test_a_ready_made_profile_fits_the_schema_by_another_validator(name: str) -> None:
    schema = yaml.safe_load((folder() / "profile.schema.json").read_text("utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(dict(read(name).declared), schema)


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("max_nn = 3", 1, "max_nn is not a key of profiles; did you mean max_n?"),
        ("\n# a comment\nmax_n = 0", 3, "max_n: expected a whole number from 1 to 1000"),
        ("sizes = ['512']", 1, "sizes: expected a list of sizes"),
        ('sizes = "all"', 1, "sizes: expected a list of sizes"),
        ("auth = 'optonal'", 1, "did you mean optional?"),
        ("image_kinds = ['jpeg']", 1, "and perhaps jpeg, webp or gif, got ['jpeg']\n"),
        ("square = 'no'", 1, "square: expected true or false, got 'no'"),
        ("max_n = 3\n[image_sides]\nminimum = 2", 2, "image_sides: expected a table of min, max and multiple_of"),
        ("[image_sides]\nmin = 3000", 1, "image_sides: min is larger than max"),
        ("max_n = 3\n\n[error_statuses]\ntoo-big = [413]", 3, "error_statuses: expected a list of different statuses"),
        (
            "sizes = ['512x512']",
            1,
            "the default of size is 1024x1024, which is not one of 512x512: declare default_size, or sizes with it",
        ),
        ("image_field = 'user'", 1, "image_field: the contract has another field of this name"),
        ("[extra_fields.n]\ntype = 'integer'", 1, "extra_fields: the contract already has the field n"),
        ("[extra_fields.tags]\ntype = 'array'", 1, "extra_fields: tags: a form field is a string"),
        ("[extra_fields.tags]\ntype = 3", 1, "extra_fields: tags: not a valid JSON Schema"),
        ("\nextends = 'lemonaid'", 2, "did you mean lemonade?"),
        ("extends = 3", 1, "extends: expected the name or the file of a profile, got 3"),
    ],
)
def test_a_wrong_declaration_is_refused_with_its_file_and_line(
    text: str, line: int, message: str, tmp_path: Path
) -> None:
    path = write(tmp_path / "mine.toml", text)
    with pytest.raises(ProfileError) as refused:
        apply(CONTRACT, read(str(path)))
    assert str(refused.value).startswith(f"{path}:{line}: ")
    assert message in f"{refused.value}\n"


@pytest.mark.parametrize("text", ["max_n = ", "max_n = 1\nmax_n = 2", "\ud800"])
def test_a_file_that_is_no_toml_is_refused_with_its_name(text: str, tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    with pytest.raises(ProfileError, match=r"mine\.toml"):
        read(str(path))


def test_a_file_with_a_byte_order_mark_and_crlf_is_read(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_bytes(b"\xef\xbb\xbfmax_n = 4\r\nsquare = false\r\n")
    assert read(str(path)).declared == {"max_n": 4, "square": False}


def test_a_profile_that_extends_itself_is_refused(tmp_path: Path) -> None:
    write(tmp_path / "a.toml", "extends = 'b.toml'")
    write(tmp_path / "b.toml", "extends = 'a.toml'")
    with pytest.raises(ProfileError, match=r"a\.toml extends itself"):
        read(str(tmp_path / "a.toml"))


def test_a_profile_has_the_declarations_of_the_profile_that_it_extends_unless_it_replaces_them(tmp_path: Path) -> None:
    write(tmp_path / "outer.toml", "max_n = 4\nsquare = false")
    profile = read(str(write(tmp_path / "mine.toml", "extends = 'outer.toml'\nmax_n = 5")))
    assert profile.declared == {"max_n": 5, "square": False}
    assert profile.places == {"max_n": f"{tmp_path / 'mine.toml'}:2", "square": f"{tmp_path / 'outer.toml'}:2"}


def test_an_unknown_name_is_refused_with_the_nearest() -> None:
    with pytest.raises(
        ProfileError, match="lemonad is neither a file nor the name of a profile; did you mean lemonade"
    ):
        read("lemonad")


@pytest.mark.parametrize("name", ["image-variations.toml", "pyproject.toml"])
def test_the_profile_of_a_folder_is_found(name: str, tmp_path: Path) -> None:
    header = "[project]\nname = 'x'\n[tool.image-variations]\n" if name == "pyproject.toml" else ""
    write(tmp_path / name, f"{header}max_n = 4")
    profile = find(tmp_path)
    assert profile is not None
    assert profile.declared == {"max_n": 4}
    assert profile.places["max_n"] == f"{tmp_path / name}:{header.count(chr(10)) + 1}"


def test_a_profile_of_comments_alone_declares_nothing_and_an_empty_file_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "image-variations.toml", "# Nothing is to be declared.\n")
    profile = find(tmp_path)
    assert profile is not None
    assert apply(CONTRACT, profile) is CONTRACT
    write(path, "\n")
    with pytest.raises(ProfileError, match=r"image-variations\.toml is empty; write a key or a comment, or remove"):
        find(tmp_path)


@pytest.mark.parametrize(
    ("text", "got"),
    [
        ("\n[[tool.image-variations]]\nmax_n = 4", "[{'max_n': 4}]"),
        ("[tool]\nimage-variations = 3", "3"),
        ("[tool]\nimage-variations = 'four-images'", "'four-images'"),
    ],
)
def test_what_is_no_table_in_pyproject_is_refused_with_its_line(text: str, got: str, tmp_path: Path) -> None:
    path = write(tmp_path / "pyproject.toml", text)
    with pytest.raises(ProfileError) as refused:
        find(tmp_path)
    expected = "tool.image-variations: expected one table of keys, [tool.image-variations], got"
    assert str(refused.value) == f"{path}:2: {expected} {got}"


@pytest.mark.parametrize("text", ["[project]\nname = 'image-variations'", "[project", "tool = 3", "[[tool]]\nx = 1"])
def test_a_folder_without_a_profile_has_none(text: str, tmp_path: Path) -> None:
    write(tmp_path / "pyproject.toml", text)
    assert find(tmp_path) is None


@pytest.mark.parametrize(
    ("text", "value"),
    [("4", 4), ("unlimited", "unlimited"), ('"any"', "any"), ("['1x1']", ["1x1"]), ("true", True), ("a b", "a b")],
)
def test_the_value_of_a_setting_is_toml_or_a_text(text: str, value: object) -> None:
    assert parse_value(text) == value


# --- applying


@given(PROFILES)
def test_a_profile_and_its_inverse_give_back_the_contract(keys: dict[str, Any]) -> None:
    profile = declared(**keys)
    restored = apply(apply(CONTRACT, profile), inverse(CONTRACT, profile))
    assert restored.document == CONTRACT.document
    assert restored.requirements == CONTRACT.requirements
    assert restored.changes == ()


@given(PROFILES)
def test_the_effective_document_is_a_valid_openapi_document(keys: dict[str, Any]) -> None:
    document = effective(**keys).document
    assert not [error.message for error in OpenAPIV31SpecValidator(dict(document)).iter_errors()]


@given(PROFILES)
def test_what_an_effective_contract_says_about_each_key_is_what_was_declared(keys: dict[str, Any]) -> None:
    profile = declared(**keys)
    said = inverse(apply(CONTRACT, profile), profile).declared
    again = effective(**said)
    assert again.document == apply(CONTRACT, profile).document


@pytest.mark.parametrize("name", names())
def test_every_declaration_of_a_ready_made_profile_changes_the_document(name: str) -> None:
    contract = apply(CONTRACT, read(name))
    assert {change.key for change in contract.changes} == set(read(name).declared)
    for change in contract.changes:
        assert change.source.partition(":")[0].endswith(f"{name}.toml")


def test_schemas_are_those_of_the_effective_contract_whichever_contract_was_used_first() -> None:
    with_detail = effective(error_body="detail")
    for _ in range(2):
        assert list(CONTRACT.schema_errors("ErrorResponse", {"detail": "no"}))
        assert not list(with_detail.schema_errors("ErrorResponse", {"detail": "no"}))


def test_the_contract_itself_is_not_changed() -> None:
    before = yaml.safe_dump(dict(CONTRACT.document))
    apply(CONTRACT, read("xinference"))
    assert yaml.safe_dump(dict(CONTRACT.document)) == before


def test_a_profile_that_declares_what_the_contract_says_changes_nothing() -> None:
    assert effective(max_n=10, sizes=["256x256", "512x512", "1024x1024"], auth="bearer") is CONTRACT


def test_a_change_names_the_part_of_the_document_the_place_and_the_requirements(tmp_path: Path) -> None:
    path = write(tmp_path / "mine.toml", "# a server with a limit of its own\nmax_n = 4")
    changes = {change.pointer: change for change in apply(CONTRACT, read(str(path))).changes}
    maximum = changes["/components/schemas/CreateImageVariationRequest/properties/n/maximum"]
    assert (maximum.key, maximum.source) == ("max_n", f"{path}:2")
    assert "IV-N-BOUNDS" in maximum.requirements


# --- texts and evidence


@given(PROFILES, st.integers(0, 9))
def test_every_requirement_has_a_text_and_evidence_in_any_effective_contract(keys: dict[str, Any], seed: int) -> None:
    contract = effective(**keys)
    for requirement in contract.requirements.values():
        assert requirement.text
        assert "{" not in requirement.text
        if requirement.evidence is not None:
            assert requirement.evidence.items(contract, seed)


@given(PROFILES)
def test_another_name_of_the_image_field_leaves_texts_and_evidence_as_they_are(keys: dict[str, Any]) -> None:
    named, renamed = ({**keys, "image_field": name} for name in ("image", "picture"))
    said, expected = (
        {name: (it.text, it.evidence) for name, it in effective(**each).requirements.items()}
        for each in (renamed, named)
    )
    assert said == expected


@pytest.mark.parametrize(
    ("keys", "requirement", "text", "items"),
    [
        ({"models": ["a", "b"]}, "IV-MODEL-ACCEPTED", "As model, a or b is accepted.", ("model=a", "model=b")),
        ({"max_n": 4}, "IV-N-RANGE", "Every integer from 1 to 4 is accepted as n.", ("n=1", "n=2", "n=4", "n=3")),
        (
            {"max_n": "unlimited"},
            "IV-N-RANGE",
            "Integers from 1 on are accepted as n.",
            ("n=1", "n=2", "n=10", "n=11"),
        ),
        (
            {"max_n": 17},
            "IV-N-RANGE",
            "Every integer from 1 to 17 is accepted as n.",
            ("n=1", "n=2", "n=17", "n=3", "n=10"),
        ),
        (
            {"max_n": 100},
            "IV-RES-COUNT",
            "The list data has exactly n items.",
            ("n=1", "n=2", "n=11", "n=100", "n=3", "n=10"),
        ),
        (
            {"sizes": ["64x64", "1024x1024"]},
            "IV-SIZE-ENUM",
            "The sizes 64x64 and 1024x1024 are accepted.",
            ("size=64x64", "size=1024x1024"),
        ),
        ({"default_size": "512x512"}, "IV-SIZE-DEFAULT", "Without size, the images are 512x512.", ("size=absent",)),
        (
            {"default_size": "input"},
            "IV-SIZE-DEFAULT",
            "Without size, the images are as wide and high as the input image.",
            ("size=absent",),
        ),
        (
            {"model_required": True},
            "IV-MODEL-OPTIONAL",
            "A request without a model is answered 4XX.",
            ("field-model-none",),
        ),
        ({"auth": "optional"}, "IV-AUTH-REQUIRED", "A request without an API key is accepted.", ("key=absent",)),
        (
            {"square": False},
            "IV-IMAGE-SQUARE",
            "An image that is not square is accepted.",
            ("image-wide", "image-off-by-one"),
        ),
        (
            {"max_image_bytes": 999_999},
            "IV-IMAGE-MAX-BYTES",
            "An image of 1,000,000 bytes or more is answered 4XX.",
            ("image-too-large", "image-far-too-large"),
        ),
        (
            {"error_statuses": [422]},
            "IV-SIZE-UNKNOWN",
            "Any other size than 256x256, 512x512 and 1024x1024, or an empty one, is answered 422.",
            ("size-unknown", "size-empty", "size-of-another-model", "size-half"),
        ),
        (
            {"image_sides": {"min": 64, "max": 1024, "multiple_of": 16}},
            "IV-IMAGE-PNG-SIDES",
            "A square PNG with sides of 64 to 1024 pixels that are multiples of 16 is accepted.",
            ("side=minimum", "side=512", "side=1000", "side=maximum"),
        ),
        (
            {"image_sides": {"min": 3}},
            "IV-IMAGE-PNG-KINDS",
            "Palette, grey, 1-bit, 16-bit and interlaced PNGs are accepted.",
            tuple(f"png={kind}" for kind in ("palette", "grey", "grey-alpha", "1-bit", "16-bit", "interlaced")),
        ),
        (
            {"image_sides": {"multiple_of": 2}},
            "IV-IMAGE-PNG-KINDS",
            "Palette, grey, 1-bit, 16-bit and interlaced PNGs are accepted.",
            tuple(f"png={kind}" for kind in ("palette", "grey", "grey-alpha", "1-bit", "16-bit", "interlaced")),
        ),
        (
            {"image_sides": {"min": 64}},
            "IV-IMAGE-PNG-SIDES",
            "A square PNG with sides of 64 to 2048 pixels, odd ones too, is accepted.",
            ("side=minimum", "side=odd", "side=512", "side=1000", "side=maximum"),
        ),
        (
            {"error_statuses": {"other-method": [405]}},
            "IV-OP-METHOD",
            "The methods GET, PUT, PATCH and DELETE are answered 405.",
            ("method-get", "method-put", "method-patch", "method-delete"),
        ),
        (
            {"response_formats": ["b64_json"], "default_response_format": "b64_json"},
            "IV-RES-JSON",
            "The body of a 200 is JSON by RFC 8259, of the type application/json.",
            ("b64_json",),
        ),
    ],
)
def test_a_profile_changes_the_text_and_the_evidence_of_a_requirement(
    keys: dict[str, Any], requirement: str, text: str, items: tuple[str, ...]
) -> None:
    contract = effective(**keys)
    changed = contract.requirements[requirement]
    assert changed.evidence is not None
    assert (changed.text, changed.evidence.items(contract)) == (text, items)


@pytest.mark.parametrize(
    ("keys", "ids"),
    [
        ({"auth": "none"}, {"IV-AUTH-WRONG", "IV-AUTH-401", "IV-AUTH-FIRST"}),
        ({"default_size": "any"}, {"IV-SIZE-DEFAULT"}),
        ({"error_body": "detail"}, {"IV-ERR-MESSAGE", "IV-ERR-READABLE", "IV-ERR-NULL", "IV-ERR-PARAM"}),
        ({"response_formats": ["url"]}, {"IV-OUT-B64", "IV-OUT-B64-CANONICAL", "IV-OUT-B64-PNG"}),
        ({"max_n": 4, "sizes": "any", "square": False, "json_body": True}, set()),
    ],
)
def test_a_requirement_is_open_if_the_document_no_longer_says_anything_about_it(
    keys: dict[str, Any], ids: set[str]
) -> None:
    requirements = effective(**keys).requirements.values()
    assert {requirement.id for requirement in requirements if requirement.is_open} == ids
