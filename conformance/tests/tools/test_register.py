"""Mistakes in the files of spec/ are found, each by a named check that says in which file and line it is."""

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from regeneration.__main__ import check_spec_files, derive_spec_files
from regeneration.refused import Refused
from regeneration.register import Problem, check_register
from regeneration.spec_files import compare_derived_files, require_consistent, write_derived_files
from regeneration.versions import check_version

ROOT = Path(__file__).parents[3]
OPENAPI = "openapi.yaml"
REGISTER = "requirements.yaml"
PAGE = "reference-page.md"
# In parts, because a test looks for unknown ids in all files.
RENAMED = "-".join(["IV", "N", "DEFUALT"])

FORM = "/paths/~1images~1variations/post/requestBody"

Change = Callable[[Path], None]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A source tree with copies of spec/ and docs/."""
    shutil.copytree(ROOT / "spec", tmp_path / "spec")
    shutil.copytree(ROOT / "docs", tmp_path / "docs")
    return tmp_path


def replaced(name: str, old: str, new: str) -> Change:
    """Return a change that replaces the first occurrence of a text in a file."""

    def change(folder: Path) -> None:
        text = (folder / name).read_text()
        assert old in text
        (folder / name).write_text(text.replace(old, new, 1))

    return change


def latin_1(name: str) -> Change:
    """Return a change that adds a letter to the end of a file, and saves it in Latin-1."""

    def change(folder: Path) -> None:
        (folder / name).write_bytes(f"{(folder / name).read_text()}# ö\n".encode("latin-1", errors="replace"))

    return change


def emptied(folder: Path) -> None:
    """Make the document an empty file."""
    (folder / OPENAPI).write_text("")


def moved_body(folder: Path) -> None:
    """Move the request body to the components."""
    text = (folder / OPENAPI).read_text()
    [body] = re.findall(r"^      requestBody:\n(?:        .*\n)+", text, re.MULTILINE)
    text = text.replace(body, '      requestBody:\n        $ref: "#/components/requestBodies/Form"\n')
    moved = body.replace("      requestBody:", "    Form:")
    (folder / OPENAPI).write_text(text.replace("components:\n", f"components:\n  requestBodies:\n{moved}", 1))


def without_statuses(folder: Path) -> None:
    """Remove four responses and their components."""
    text = (folder / OPENAPI).read_text()
    for status, component in (
        ("403", "Forbidden"),
        ("404", "NotFound"),
        ("413", "ContentTooLarge"),
        ("415", "UnsupportedMediaType"),
    ):
        use = f'        "{status}":\n          $ref: "#/components/responses/{component}"\n'
        definition = re.search(rf"^    {component}:\n(?:      .*\n)+", text, re.MULTILINE)
        assert use in text
        assert definition is not None
        text = text.replace(use, "").replace(definition[0], "")
    (folder / OPENAPI).write_text(text)


MISTAKES: dict[str, tuple[Change, str, str, str]] = {
    "the default of n dropped": (
        replaced(OPENAPI, "          default: 1\n", ""),
        "placeholder",
        REGISTER,
        "IV-N-DEFAULT: text: {default} has no value",
    ),
    "a required name of usage dropped": (
        replaced(OPENAPI, "output_tokens, total_tokens]", "output_tokens]"),
        "fact",
        "readings.md",
        "response-members: expected",
    ),
    "four statuses and their components dropped": (without_statuses, "fact", "readings.md", "invalid-request: "),
    "Retry-After dropped from 429": (
        replaced(OPENAPI, '        Retry-After:\n          $ref: "#/components/headers/RetryAfter"\n', ""),
        "fact",
        "readings.md",
        "/components/responses/TooManyRequests/headers/Retry-After",
    ),
    "a bound off by one": (
        replaced(OPENAPI, "maximum: 10\n", "maximum: 9\n"),
        "fact",
        PAGE,
        "n-range: expected 10 at /components/schemas/CreateImageVariationRequest/properties/n/maximum, found 9",
    ),
    "a pointer to nothing": (
        replaced(REGISTER, "pointer: /components/headers/RetryAfter", "pointer: /components/headers/RetryLater"),
        "pointer",
        REGISTER,
        "IV-LIMIT-RETRY: pointer: /components/headers/RetryLater does not exist",
    ),
    "a value in a text": (
        replaced(REGISTER, "integer from {minimum} to {maximum} is", "integer from 1 to 10 is"),
        "literal",
        REGISTER,
        "IV-N-RANGE: text: '10' is the value of /components/schemas/CreateImageVariationRequest/properties/n/maximum",
    ),
    "an unknown key": (replaced(REGISTER, "    level: must\n", "    levl: must\n"), "schema", REGISTER, "'levl'"),
    "a reference to nothing": (
        replaced(OPENAPI, 'schemas/ImageSize"', 'schemas/ImageSzie"'),
        "document",
        OPENAPI,
        "'#/components/schemas/ImageSzie' points to nothing in this document",
    ),
    "a misspelt keyword": (
        replaced(
            OPENAPI, "          description: How many images to make.", "          descripton: How many images to make."
        ),
        "document",
        OPENAPI,
        "no schema has the keyword 'descripton'; did you mean 'description'?",
    ),
    "a version that is no version": (
        replaced(OPENAPI, "  version: 1.1.0", "  version: v1.2.0"),
        "document",
        OPENAPI,
        "expected a version such as 1.2.0, not 'v1.2.0'",
    ),
    "a document in another encoding": (latin_1(OPENAPI), "yaml", OPENAPI, "not text in UTF-8: invalid"),
    "a page in another encoding": (latin_1(PAGE), "yaml", PAGE, "not text in UTF-8: invalid"),
    "a request body behind a reference": (
        moved_body,
        "form",
        OPENAPI,
        f"{FORM}/$ref: the suite follows no reference here; write out what it refers to",
    ),
    "a path of another name": (
        replaced(OPENAPI, "  /images/variations:\n", "  /images/variants:\n"),
        "form",
        OPENAPI,
        "/paths/~1images~1variations: this is not there, and the suite reads the fields of the form in it; restore it",
    ),
    "an empty document": (emptied, "document", OPENAPI, "expected an OpenAPI document"),
    "a renamed id": (
        replaced(REGISTER, "id: IV-N-BOUNDS\n", f"id: {RENAMED}\n"),
        "oracle",
        REGISTER,
        f"{RENAMED}: no oracle judges it",
    ),
    "limits of bytes that contradict each other": (
        replaced(OPENAPI, "valid-below-bytes: 4000000", "valid-below-bytes: 5000000"),
        "limits",
        OPENAPI,
        "expected at most invalid-from-bytes 4194304, got 5000000",
    ),
    "a field of a type that no form has": (
        replaced(
            OPENAPI,
            "        user:\n",
            "        tags:\n          type: array\n          items: {type: string}\n        user:\n",
        ),
        "unjudged",
        OPENAPI,
        "the field tags, which is no string, integer, number, boolean or enum would not be judged by the suite",
    ),
    "a requirement about a field that does not exist": (
        replaced(REGISTER, "about: {field: user, values: absent}", "about: {field: usr, values: absent}"),
        "field",
        REGISTER,
        "IV-USER-OPTIONAL: about: the document has no field 'usr'",
    ),
    "a variant that points at nothing": (
        replaced(
            REGISTER, "        pointer: /paths/~1images~1variations/post/security\n", "        pointer: /security\n"
        ),
        "pointer",
        REGISTER,
        "variants/0/pointer: /security does not exist",
    ),
    "an anchor that does not exist": (
        replaced(REGISTER, "source: page:n-range", "source: page:n-rage"),
        "source",
        REGISTER,
        "spec/reference-page.md has no anchor 'n-rage'",
    ),
    "evidence of a field that is gone": (
        replaced(
            OPENAPI,
            '        size:\n          $ref: "#/components/schemas/ImageSize"',
            '        dimensions:\n          $ref: "#/components/schemas/ImageSize"',
        ),
        "evidence",
        REGISTER,
        "IV-SIZE-ENUM: evidence/accepts: the document has no field 'size'",
    ),
    "a value of the document in the evidence": (
        replaced(
            REGISTER,
            "evidence: {accepts: {field: size, values: enum",
            "evidence: {accepts: {field: size, values: [256x256]",
        ),
        "literal",
        REGISTER,
        "evidence/accepts/values: '256x256' is a value of the document; write enum",
    ),
    "evidence of an enum that is gone": (
        replaced(REGISTER, "{field: model, values: enum}", "{field: model, values: [dall-e-9]}"),
        "evidence",
        REGISTER,
        "'dall-e-9' is not a valid model",
    ),
    "evidence of a case that does not exist": (
        replaced(REGISTER, "[n-plus, n-space]", "[n-plus, n-spaces]"),
        "evidence",
        REGISTER,
        "IV-N-STRICT: evidence/situations: no case or group of the catalogue and no other",
    ),
    "a value of a feature that no probe sends": (
        replaced(REGISTER, "values: [image-last]", "values: [image-last, image-first]"),
        "evidence",
        REGISTER,
        "IV-WIRE-ORDER: evidence/accepts/values: no probe sends part-order=image-first",
    ),
    "a probe that no evidence names": (
        replaced(REGISTER, "values: [quoted, 70-characters, ", "values: [70-characters, "),
        "evidence",
        REGISTER,
        "IV-WIRE-BOUNDARY: a probe sends boundary=quoted; name it in the evidence, or remove the probe",
    ),
    "a feature of another name": (
        replaced(REGISTER, "{feature: expect, values", "{feature: expectation, values"),
        "evidence",
        REGISTER,
        "IV-WIRE-EXPECT: a probe sends expect=100-continue",
    ),
    "a probe of a requirement that is gone": (
        replaced(REGISTER, "id: IV-WIRE-EXPECT\n", f"id: {RENAMED}\n"),
        "evidence",
        REGISTER,
        "IV-WIRE-EXPECT: a probe sends expect=100-continue; name it in the evidence, or remove the probe, and no entry",
    ),
    "a probe that only a variant named": (
        replaced(REGISTER, "{accepts: {feature: key, values: [absent]}}", "{every: request, situations: [key-none]}"),
        "evidence",
        REGISTER,
        "IV-AUTH-REQUIRED: a probe sends key=absent",
    ),
    "evidence with an unknown key": (
        replaced(REGISTER, "{field: n, values: [absent]}", "{field: n, value: [absent]}"),
        "schema",
        REGISTER,
        "evidence/accepts",
    ),
    "evidence of an unknown response format": (
        replaced(REGISTER, "{every: image, situations: [b64_json]}", "{every: image, situations: [b64]}"),
        "evidence",
        REGISTER,
        "IV-OUT-B64: evidence",
    ),
    "an id twice": (
        replaced(REGISTER, "id: IV-N-BOUNDS", "id: IV-N-RANGE"),
        "duplicate",
        REGISTER,
        "the id is that of",
    ),
    "a key twice": (
        replaced(REGISTER, "    level: must\n", "    level: must\n    level: may\n"),
        "duplicate",
        REGISTER,
        "/level: this key is there twice",
    ),
    "a section that is no section": (
        replaced(REGISTER, "RFC 2046 section 5.1.1", "RFC 2046 section 5-1"),
        "source",
        REGISTER,
        "IV-WIRE-BOUNDARY: source: 'RFC 2046 section 5-1'; expected",
    ),
    "a requirement newer than the contract": (
        replaced(REGISTER, "since: 1.0.0", "since: 9.0.0"),
        "since",
        REGISTER,
        "IV-OP-VALID: since: 9.0.0 is newer than info.version",
    ),
    "a fact without a requirement": (
        replaced(REGISTER, "source: page:quality", "source: reading:images"),
        "coverage",
        PAGE,
        "quality: no requirement cites it",
    ),
    "a fact without a place": (
        replaced(PAGE, "| quality | /components/schemas/ImagesResponse/properties/quality/enum |", "| size | /info |"),
        "coverage",
        PAGE,
        "quality: no place in openapi.yaml",
    ),
    "an anchor twice": (
        replaced(PAGE, 'id="quality"', 'id="background"'),
        "anchor",
        PAGE,
        "the anchor 'background' is",
    ),
    "a difference explained by no reading": (
        replaced("readings.md", "| request/n/nullable | valid-request |", "| request/n/nullable | nulls |"),
        "anchor",
        "readings.md",
        "there is no anchor 'nulls' on this page",
    ),
    "a reading that nothing cites": (
        replaced("readings.md", '<a id="n"></a>', '<a id="n"></a><a id="m"></a>'),
        "coverage",
        "readings.md",
        "m: no requirement cites it",
    ),
    "no YAML": (replaced(REGISTER, "requirements:\n", "requirements: [\n"), "yaml", REGISTER, "not YAML"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_found_by_its_check(root: Path, mistake: str) -> None:
    change, check, file, message = MISTAKES[mistake]
    change(root / "spec")
    problems = check_register(root / "spec")
    found = [problem for problem in problems if problem.check == check and message in problem.message]
    assert found, problems
    assert found[0].file == file
    assert found[0].line > 0


def test_the_files_of_the_project_have_no_problems() -> None:
    assert check_register(ROOT / "spec") == []
    assert check_version(ROOT / "spec") == []


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("level: should\n", "level: shuold\n"),
        ("level: should\n", "levl: should\n"),
        ("since: 1.0.0", "since: 1.0"),
        ("source: [RFC 9110 section 15.5.6, reading:other-methods]", "source: RFC 9110 sec 9.1"),
        ("evidence: {every: refusal", "evidence: {evry: refusal"),
        ("id: IV-OP-METHOD-405", "idd: IV-OP-METHOD-405"),
    ],
)
def test_an_entry_that_breaks_the_schema_is_one_problem_on_its_line(root: Path, old: str, new: str) -> None:
    before, name, after = (root / "spec" / REGISTER).read_text().partition("  - id: IV-OP-METHOD-405")
    (root / "spec" / REGISTER).write_text(before + (name + after).replace(old, new, 1))
    (problem,) = check_register(root / "spec")
    assert problem.check == "schema"
    assert new.strip() in (root / "spec" / REGISTER).read_text().splitlines()[problem.line - 1]


def test_every_problem_is_reported_in_one_run(root: Path) -> None:
    for name in ("a bound off by one", "a pointer to nothing", "an unknown key", "an anchor that does not exist"):
        MISTAKES[name][0](root / "spec")
    with pytest.raises(Refused) as refused:
        require_consistent(root)
    assert {"fact", "pointer", "schema", "source", "version"} <= set(
        re.findall(r"\[(\w+)\]$", str(refused.value), re.MULTILINE)
    )


def test_a_problem_names_the_line_of_the_mistake(root: Path) -> None:
    MISTAKES["a pointer to nothing"][0](root / "spec")
    (problem,) = check_register(root / "spec")
    lines = (root / "spec" / REGISTER).read_text().splitlines()
    assert lines[problem.line - 1] == "    pointer: /components/headers/RetryLater"
    assert str(problem).startswith(f"spec/requirements.yaml:{problem.line}: IV-LIMIT-RETRY: ")


@pytest.mark.parametrize(
    ("name", "old", "new"), [(OPENAPI, "maximum: 10\n", "maximum: 11\n"), (REGISTER, "level: must", "level: should")]
)
def test_a_change_without_a_new_version_is_refused(root: Path, name: str, old: str, new: str) -> None:
    replaced(name, old, new)(root / "spec")
    (problem,) = check_version(root / "spec")
    assert (problem.file, problem.check) == (OPENAPI, "version")
    assert (root / "spec" / OPENAPI).read_text().splitlines()[problem.line - 1].startswith("  version: ")
    assert problem.message.startswith(f"{name} changed since version ")
    assert "raise info.version, or remove that entry" in problem.message


@pytest.mark.parametrize(
    ("name", "old", "new", "message"),
    [
        ("versions.yaml", "1.1.0:", "1.1:", "versions.yaml:7: expected a version such as 1.2.0, got 1.1; restore it"),
        ("versions.yaml", "1.1.0:", "v1.1.0:", "versions.yaml:7: expected a version such as 1.2.0, got v1.1.0"),
        (
            "versions.yaml",
            "  openapi.yaml:",
            "  openapi:",
            "versions.yaml:4: 1.0.0: expected the digests of openapi.yaml",
        ),
        ("versions.yaml", "1.0.0:", "[", "versions.yaml:6: not YAML: "),
        ("profiles/easel.toml", "", "max = 1\n", "profiles/easel.toml:1: "),
        ("profiles/easel.toml", "", "max_n = [\n", "profiles/easel.toml is not valid TOML: "),
    ],
)
def test_a_mistake_in_the_record_of_versions_or_a_profile_is_refused(
    root: Path, name: str, old: str, new: str, message: str
) -> None:
    replaced(name, old, new)(root / "spec")
    with pytest.raises(Refused, match=re.escape(f"spec/ has 1 mistake:\n  spec/{message}")):
        require_consistent(root)


def test_a_changed_comment_needs_no_new_version(root: Path) -> None:
    for name in (OPENAPI, REGISTER):
        (root / "spec" / name).write_text("# A comment.\n" + (root / "spec" / name).read_text())
    assert check_version(root / "spec") == []


def test_a_new_version_is_recorded(root: Path) -> None:
    replaced(OPENAPI, "  version: ", "  version: 9")(root / "spec")
    assert [line for line in compare_derived_files(root) if line.startswith("+9")] != []
    write_derived_files(root)
    assert compare_derived_files(root) == []
    replaced(OPENAPI, "summary: Makes n variations", "summary: Makes many variations")(root / "spec")
    assert [problem.check for problem in check_version(root / "spec")] == ["version"]


def test_the_files_made_of_spec_are_in_step() -> None:
    assert compare_derived_files(ROOT) == []


def test_the_table_of_the_contract_has_every_fact_and_no_empty_cell() -> None:
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in (ROOT / "docs" / "contract.md").read_text().splitlines()
        if line.startswith("| [")
    ]
    anchors = re.findall(r'<a id="([^"]+)">', (ROOT / "spec" / PAGE).read_text())
    assert {row[0].partition("]")[0].removeprefix("[") for row in rows} == set(anchors)
    assert [row for row in rows if len(row) != 4 or not all(row)] == []


def test_mistakes_end_the_command_with_exit_code_2(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    MISTAKES["a pointer to nothing"][0](root / "spec")
    before = {path: path.read_bytes() for path in root.rglob("*") if path.is_file()}
    assert check_spec_files(root) == 2
    assert "spec/requirements.yaml:" in capsys.readouterr().err
    assert {path: path.read_bytes() for path in root.rglob("*") if path.is_file()} == before


def test_check_ends_with_exit_code_1_if_a_file_is_out_of_step(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert derive_spec_files(root, check=True) == 0
    (root / "docs" / "contract.md").unlink()
    assert derive_spec_files(root, check=True) == 1
    assert "Update them with: scripts/regenerate" in capsys.readouterr().out


def test_a_problem_is_shown_with_file_line_and_check() -> None:
    assert str(Problem("a.yaml", 3, "pointer", "gone")) == "spec/a.yaml:3: gone [pointer]"
