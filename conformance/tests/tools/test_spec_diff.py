"""Tests of scripts/spec-diff on the contract: what an edit breaks, the version that it needs, and git revisions."""

import os
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from spec_diff.__main__ import run
from spec_diff.members import plain
from support.spec_edits import ADDITIVE, BREAKING, EDITORIAL, compared

ROOT = Path(__file__).parents[3]
DOCUMENT = (ROOT / "spec" / "openapi.yaml").read_text()
SPEC = plain(yaml.safe_load(DOCUMENT))

FIELD = "        user:\n          type: string\n"
NEW_FIELD = "        seed:\n          type: integer\n          description: A number.\n" + FIELD
VERSION = ("  version: 1.1.0\n", "  version: 1.2.0\n")


def git(folder: Path, *arguments: str) -> None:
    """Run a git command that reads no configuration of the user."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
    identity = {f"GIT_{who}_{what}": "a@b" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    environment |= identity | {"GIT_CONFIG_NOSYSTEM": "1", "HOME": str(folder), "XDG_CONFIG_HOME": str(folder)}
    subprocess.run(["git", "-C", folder, *arguments], check=True, capture_output=True, env=environment)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A git repository with the contract on the branch main, and the branch topic checked out."""
    folder = tmp_path / "tree"
    folder.mkdir()
    for name in ("spec/openapi.yaml", "spec/requirements.yaml", "CHANGELOG.md"):
        (folder / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, folder / name)
    version = SPEC["info"]["version"]
    change(folder, "spec/openapi.yaml", f"  version: {version}\n", "  version: 1.1.0\n")
    (folder / "CHANGELOG.md").write_text("# Changelog\n\n## Unreleased\n\n- The contract 1.1.0.\n")
    git(folder, "init", "--initial-branch", "main")
    commit(folder)
    git(folder, "checkout", "-b", "topic")
    return folder


def commit(folder: Path) -> None:
    """Commit everything."""
    git(folder, "add", "--all")
    git(folder, "commit", "--message", "Change the contract")


def change(folder: Path, file: str, old: str, new: str) -> None:
    """Replace the first occurrence of a text in a file."""
    text = (folder / file).read_text()
    assert old in text
    (folder / file).write_text(text.replace(old, new, 1))


def line_of(folder: Path, file: str, text: str) -> int:
    """Return the line on which a text stands first."""
    return (folder / file).read_text().split(text)[0].count("\n") + 1


USER = DOCUMENT[DOCUMENT.index("        user:\n") : DOCUMENT.index("    ImageModel:\n")]
TOO_LARGE = '        "413":\n          $ref: "#/components/responses/ContentTooLarge"\n'
# What an edit replaces, by what, and the id, the effect for callers, that for servers, and the bump.
EDITS = {
    "a field added": (FIELD, NEW_FIELD, "new-optional-request-property", ADDITIVE, BREAKING, "minor"),
    "a field removed": (USER, "", "request-property-removed", BREAKING, ADDITIVE, "major"),
    "a field required": (
        *("required: [image]", "required: [image, user]"),
        *("request-property-became-required", BREAKING, BREAKING, "major"),
    ),
    "a model added": (
        *("enum: [dall-e-2]", "enum: [dall-e-2, dall-e-3]"),
        *("request-property-enum-value-added", ADDITIVE, BREAKING, "major"),
    ),
    "a size removed": (
        *("512x512, 1024x1024]\n      default", "1024x1024]\n      default"),
        *("request-property-enum-value-removed", BREAKING, BREAKING, "major"),
    ),
    "n lowered": (
        *("          maximum: 10\n", "          maximum: 8\n"),
        *("request-property-max-decreased", BREAKING, BREAKING, "major"),
    ),
    "a quality added": (
        *("[low, medium, high]", "[low, medium, high, hd]"),
        *("response-property-enum-value-added", BREAKING, ADDITIVE, "major"),
    ),
    "a refusal removed": (TOO_LARGE, "", "response-non-success-status-removed", ADDITIVE, BREAKING, "major"),
    "no key": (
        *("        - bearerAuth: []\n", "        - bearerAuth: []\n        - {}\n"),
        *("api-security-became-optional", ADDITIVE, BREAKING, "major"),
    ),
    "a JPEG part": (
        *("contentType: image/png", "contentType: image/png, image/jpeg"),
        *("request-part-content-type-added", ADDITIVE, BREAKING, "major"),
    ),
    "larger images": (
        *("valid-below-bytes: 4000000", "valid-below-bytes: 4100000"),
        *("request-property-valid-bytes-increased", ADDITIVE, BREAKING, "minor"),
    ),
    "another default": (
        *("default: 1024x1024", "default: 512x512"),
        *("request-property-default-value-changed", BREAKING, BREAKING, "major"),
    ),
    "fewer statuses": (
        *("wrong-key: {must: [401, 403]", "wrong-key: {must: [401]"),
        *("refusal-status-removed", ADDITIVE, BREAKING, "major"),
    ),
    "fewer recommended statuses": (
        *("image-too-large: {must: [4XX], should: [400, 413]}", "image-too-large: {must: [4XX], should: [400]}"),
        *("refusal-status-no-longer-recommended", ADDITIVE, BREAKING, "major"),
    ),
    "an enum closed": ("      x-open: true\n", "", "request-property-enum-closed", BREAKING, EDITORIAL, "major"),
    "another operationId": (
        *("createImageVariation", "makeImageVariation"),
        *("api-operation-id-changed", BREAKING, EDITORIAL, "major"),
    ),
    "another server first": (
        *("servers:\n", "servers:\n  - url: https://images.example/v1\n"),
        *("api-first-server-added", BREAKING, EDITORIAL, "major"),
    ),
    "another server behind the first": (
        *("tags:\n  - name: images", "  - url: https://images.example/v1\ntags:\n  - name: images"),
        *("api-server-added", ADDITIVE, EDITORIAL, "minor"),
    ),
    "another first tag": (
        *("tags: [images]", "tags: [other, images]"),
        *("api-first-tag-added", BREAKING, EDITORIAL, "major"),
    ),
    "another title": (
        *("  title: Image variations", "  title: Variations"),
        *("description-changed", EDITORIAL, EDITORIAL, "patch"),
    ),
    "an unknown key": (
        *("    ImageModel:\n", "    ImageModel:\n      x-secret: 1\n"),
        *("unknown-change", BREAKING, BREAKING, "major"),
    ),
}


@pytest.mark.parametrize("name", EDITS)
def test_an_edit_of_the_contract_says_what_it_breaks(name: str) -> None:
    old_text, new_text, *expected = EDITS[name]
    assert old_text in DOCUMENT
    changes = compared(SPEC, plain(yaml.safe_load(DOCUMENT.replace(old_text, new_text, 1))))
    found = [[it.id, it.impact.callers, it.impact.servers, it.impact.bump] for it in changes]
    assert found == [expected]


def test_a_change_without_a_new_version_fails_with_file_and_line(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    change(root, "spec/openapi.yaml", FIELD, NEW_FIELD)
    assert run(root, None) == 1
    line = line_of(root, "spec/openapi.yaml", "  version: 1.1.0")
    out = capsys.readouterr().out
    assert f"spec/openapi.yaml:{line}: info.version is 1.1.0; minor changes since 1.1.0 need 1.2.0 or later" in out
    assert f"new-optional-request-property  spec/openapi.yaml:{line_of(root, 'spec/openapi.yaml', 'seed:')}" in out


def test_a_new_version_without_a_line_in_the_changelog_fails(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    change(root, "spec/openapi.yaml", FIELD, NEW_FIELD)
    change(root, "spec/openapi.yaml", *VERSION)
    change(root, "CHANGELOG.md", "1.1.0.", "1.1.0, and not the contract 1.2.0.1 or 1.2.01.")
    assert run(root, None) == 1
    assert "CHANGELOG.md:3: expected “contract 1.2.0”" in capsys.readouterr().out
    change(root, "CHANGELOG.md", "1.1.0,", "1.1.0, and the contract 1.2.0.")
    assert run(root, None) == 0
    assert capsys.readouterr().out.endswith("bump: minor\ninfo.version and CHANGELOG.md match.\n")


@pytest.mark.parametrize(
    ("changelog", "code"),
    [
        ("## Unreleased\n\n- The contract 1.2.0.\n\n## 0.1.0\n\n- The contract 1.1.0.\n", 0),
        ("## 0.2.0\n\n- The contract 1.2.0.\n\n## 0.1.0\n\n- The contract 1.1.0.\n", 0),  # Unreleased until now
        ("## Unreleased\n\n- Nothing.\n\n## 0.1.0\n\n- The contract 1.1.0, and soon the contract 1.2.0.\n", 1),
    ],
)
def test_the_new_version_stands_above_what_was_released_or_the_run_fails(root: Path, changelog: str, code: int) -> None:
    (root / "CHANGELOG.md").write_text("## Unreleased\n\n## 0.1.0\n\n- The contract 1.1.0.\n")
    commit(root)
    change(root, "spec/openapi.yaml", FIELD, NEW_FIELD)
    change(root, "spec/openapi.yaml", *VERSION)
    (root / "CHANGELOG.md").write_text(changelog)
    assert run(root, "HEAD") == code


@pytest.mark.parametrize(
    ("edit", "version", "code"),
    [
        (("maximum: 10", "maximum: 8"), "1.2.0", 1),
        (("maximum: 10", "maximum: 8"), "2.0.0", 0),
        (("title: Image variations", "title: Variations"), "1.1.1", 0),
        (("title: Image variations", "title: Variations"), "1.0.9", 1),
        (("title: Image variations", "title: Variations"), "2.0.0", 0),
        (("title: Image variations", "title: Variations"), "1.1", 1),
        (("title: Image variations", "title: Variations"), "v1.1.1", 1),
    ],
)
def test_the_version_is_high_enough_for_the_change_or_the_run_fails(
    root: Path, edit: tuple[str, str], version: str, code: int
) -> None:
    change(root, "spec/openapi.yaml", *edit)
    change(root, "spec/openapi.yaml", "  version: 1.1.0", f"  version: {version}")
    change(root, "CHANGELOG.md", "1.1.0", version)
    assert run(root, None) == code


def test_another_id_of_a_requirement_fails_at_any_version(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    change(root, "spec/requirements.yaml", "id: IV-N-BOUNDS", "id: IV-N-" + "LIMITED")
    change(root, "spec/openapi.yaml", "  version: 1.1.0", "  version: 2.0.0")
    change(root, "CHANGELOG.md", "1.1.0", "2.0.0")
    assert run(root, None) == 1
    assert "an id never changes: IV-N-BOUNDS → " in capsys.readouterr().out


def test_the_heading_of_changes_says_the_bump_and_why(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    required = "      required: [created, data]\n"
    change(root, "spec/openapi.yaml", required, "      required: [created, data, usage, seed]\n")
    change(root, "spec/openapi.yaml", "        background:\n", "        seed: {type: integer}\n        background:\n")
    run(root, None)
    taken_back, added = capsys.readouterr().out.split("\n\n")[1:3]
    heading = "additive for callers, breaking for servers"
    assert taken_back.startswith(f"{heading} (major: it takes back what one could rely on)\n")
    assert "response-property-became-required" in taken_back
    assert added.startswith(f"{heading} (minor: it says more than before)\n")
    assert "response-required-property-added" in added


def named(out: str) -> set[str]:
    """Return the requirements, cases and profiles that the output names."""
    lines = [line for line in out.splitlines() if line.startswith("      ")]
    return set(re.findall(r"[\w=-]+", " ".join(lines)))


def test_a_change_names_its_requirements_cases_and_profiles(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    change(root, "spec/openapi.yaml", "          maximum: 10\n", "          maximum: 8\n")
    run(root, None)
    # easel declares max_n
    assert {"IV-N-RANGE", "n=1", "easel"} <= named(capsys.readouterr().out)


def test_a_new_field_names_the_requirements_that_are_generated_for_it(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    change(root, "spec/openapi.yaml", FIELD, NEW_FIELD)
    run(root, None)
    assert "IV-FIELD-" + "SEED-ACCEPTED" in capsys.readouterr().out


def test_a_removed_field_still_names_what_was_about_it(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    change(root, "spec/openapi.yaml", USER, "")
    run(root, None)
    assert "IV-USER-TEXT" in capsys.readouterr().out


SIZE = '        size:\n          $ref: "#/components/schemas/ImageSize"\n'
USAGE = '        usage:\n          $ref: "#/components/schemas/ImageUsage"\n'
RETRY_AFTER = '        Retry-After:\n          $ref: "#/components/headers/RetryAfter"\n'
TOO_MANY = '        "429":\n          $ref: "#/components/responses/TooManyRequests"\n'


@pytest.mark.parametrize(
    ("old", "new", "names"),
    [
        (SIZE, "", {"IV-SIZE-ENUM", "IV-SIZE-DEFAULT", "size-unknown", "easel"}),
        (SIZE, SIZE.replace("size:", "sides:"), {"IV-SIZE-ENUM", "IV-SIZE-DEFAULT", "size-unknown", "easel"}),
        (USAGE, "", {"IV-RES-SCHEMA", "IV-RES-USAGE", "IV-RES-TOKENS"}),
        (RETRY_AFTER, "", {"IV-LIMIT-RETRY", "IV-LIMIT-RETRY-AFTER"}),
        (TOO_LARGE, "", {"IV-ERR-JSON", "IV-ERR-OBJECT", "error-for-browsers"}),
        (TOO_MANY, "", {"IV-LIMIT-RETRY", "IV-LIMIT-RETRY-AFTER", "IV-ERR-OBJECT"}),
    ],
)
def test_a_removed_reference_names_what_is_about_that_to_which_it_refers(
    root: Path, capsys: pytest.CaptureFixture[str], old: str, new: str, names: set[str]
) -> None:
    change(root, "spec/openapi.yaml", old, new)
    run(root, None)
    assert names <= named(capsys.readouterr().out)


def test_a_reference_replaced_by_something_else_names_what_is_about_its_target(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    change(root, "spec/openapi.yaml", RETRY_AFTER, "        Retry-After: {required: true, schema: {type: string}}\n")
    run(root, None)
    assert {"IV-LIMIT-RETRY", "IV-LIMIT-RETRY-AFTER"} <= named(capsys.readouterr().out)


@pytest.mark.parametrize(
    ("old", "new", "names", "others"),
    [
        (
            "wrong-key: {must: [401, 403]",
            "wrong-key: {must: [401]",
            "IV-AUTH-REQUIRED IV-AUTH-WRONG key-none",
            "IV-AUTH-401",
        ),
        (
            "must: [401, 403], should: [401]",
            "must: [401, 403], should: [401, 403]",
            "IV-AUTH-401 IV-AUTH-FIRST",
            "IV-AUTH-WRONG",
        ),
        (
            "not-multipart: {must: [4XX]",
            "not-multipart: {must: [415]",
            "IV-OP-MULTIPART body-json",
            "IV-OP-MULTIPART-STATUS",
        ),
        (
            "invalid-request: {must: [4XX]",
            "invalid-request: {must: [400]",
            "IV-IMAGE-REQUIRED image-none",
            "IV-ERR-400",
        ),
    ],
)
def test_a_status_of_refusals_names_the_requirements_whose_text_shows_it_and_no_others(
    root: Path, capsys: pytest.CaptureFixture[str], old: str, new: str, names: str, others: str
) -> None:
    change(root, "spec/openapi.yaml", old, new)
    run(root, None)
    found = named(capsys.readouterr().out)
    assert set(names.split()) <= found
    assert others not in found


@pytest.mark.parametrize(
    ("old", "new", "names"),
    [
        ("required: [image]", "required: [image, user]", {"IV-USER-OPTIONAL", "user=absent"}),
        ("required: [image]", "required: [image, model]", {"IV-MODEL-OPTIONAL"}),
        ("required: [image]", "required: []", {"IV-IMAGE-REQUIRED"}),
        ("required: [created, data]", "required: [data]", {"IV-RES-SCHEMA", "IV-RES-CREATED"}),
        ("required: [created, data]", "required: [created, data, usage]", {"IV-RES-SCHEMA", "IV-RES-USAGE"}),
    ],
)
def test_a_member_made_required_or_optional_names_what_is_about_this_member(
    root: Path, capsys: pytest.CaptureFixture[str], old: str, new: str, names: set[str]
) -> None:
    change(root, "spec/openapi.yaml", old, new)
    run(root, None)
    found = named(capsys.readouterr().out)
    assert names <= found
    assert ("IV-IMAGE-REQUIRED" in found) is ("IV-IMAGE-REQUIRED" in names)


def test_a_change_names_the_requirements_that_say_something_else_then(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    security = "        - bearerAuth: []\n"
    change(root, "spec/openapi.yaml", security, f"{security}        - {{}}\n")
    run(root, None)
    ids = {"IV-AUTH-REQUIRED", "IV-AUTH-WRONG", "IV-AUTH-401", "IV-AUTH-FIRST"}
    assert ids <= named(capsys.readouterr().out)


def test_a_change_does_not_name_requirements_whose_condition_it_leaves_as_it_is(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    change(root, "spec/openapi.yaml", "enum: [url, b64_json]", "enum: [url, b64_json, png]")
    run(root, None)
    found = named(capsys.readouterr().out)
    assert "IV-FORMAT-ENUM" in found
    assert "IV-URL-ABSOLUTE" not in found


def test_a_document_that_the_suite_cannot_read_is_compared(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    change(root, "spec/openapi.yaml", "paths:\n", "paths:\n  /images/edits: {post: {responses: {}}}\n")
    assert run(root, None) == 1
    assert "endpoint-added" in capsys.readouterr().out


# --- the revision


def test_the_last_tag_of_a_version_is_the_base(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    git(root, "tag", "v0.1.0")
    git(root, "tag", "before-the-rewrite")
    change(root, "spec/openapi.yaml", *VERSION)
    commit(root)
    git(root, "branch", "--force", "main", "HEAD")
    run(root, None)
    assert capsys.readouterr().out.startswith("contract 1.1.0 at v0.1.0 (")


def test_a_branch_is_compared_with_where_it_left_main(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    git(root, "checkout", "main")
    change(root, "spec/openapi.yaml", "maximum: 10", "maximum: 9")
    commit(root)
    git(root, "checkout", "topic")
    assert run(root, None) == 0
    assert "no changes" in capsys.readouterr().out
    assert run(root, "main") == 1
    assert "request-property-max-increased" in capsys.readouterr().out


def test_on_main_without_a_tag_what_is_not_committed_is_compared(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    git(root, "checkout", "main")
    assert run(root, None) == 0
    change(root, "spec/openapi.yaml", "maximum: 10", "maximum: 9")
    assert run(root, None) == 1
    assert "1 change" in capsys.readouterr().out


def test_a_worktree_is_compared_as_a_checkout_is(root: Path, tmp_path: Path) -> None:
    git(root, "worktree", "add", str(tmp_path / "other"), "main")
    change(tmp_path / "other", "spec/openapi.yaml", "maximum: 10", "maximum: 9")
    assert run(tmp_path / "other", None) == 1


def without_git(folder: Path) -> None:
    """Make an exported tree of a repository."""
    shutil.rmtree(folder / ".git")


def without_main(folder: Path) -> None:
    """Leave nothing to compare with, as a clone of one commit of a tag or a pull request does."""
    git(folder, "branch", "--delete", "--force", "main")


def replacing(file: str, content: bytes) -> Callable[[Path], None]:
    """Return a change that overwrites a file."""

    def change_it(folder: Path) -> None:
        (folder / file).write_bytes(content)

    return change_it


def editing(file: str, old: str, new: str) -> Callable[[Path], None]:
    """Return a change that replaces a text in a file of spec/."""
    return lambda folder: change(folder, f"spec/{file}", old, new)


@pytest.mark.parametrize(
    ("break_it", "base", "words"),
    [
        (without_git, None, "is no git checkout, so there is nothing to compare with"),
        (without_main, None, "there is neither a tag nor a branch main; name a revision"),
        (lambda _: None, "nonsense", "'nonsense' is no revision of this checkout"),
        (lambda _: None, "--all", "'--all' is no revision of this checkout"),
        (lambda _: None, "main:spec", "'main:spec' is no revision of this checkout"),
        (replacing("spec/openapi.yaml", b"a: [1\nb: 2\n"), None, "spec/openapi.yaml:2: not YAML"),
        (replacing("spec/openapi.yaml", b""), None, "spec/openapi.yaml:1: expected a mapping, got NoneType"),
        (replacing("spec/openapi.yaml", b"- 1"), None, "spec/openapi.yaml:1: expected a mapping, got list"),
        (replacing("spec/requirements.yaml", b"a: \xff"), None, "spec/requirements.yaml cannot be read"),
        (replacing("spec/openapi.yaml", b"a: &a [*a]\n"), None, "refers to itself without end"),
        (
            editing("openapi.yaml", "  title:", "  title: Images\n  title:"),
            None,
            "/info/title: this key is there twice",
        ),
        (editing("openapi.yaml", "/ImageSize", "/Size"), None, "'#/components/schemas/Size' points to nothing"),
        (editing("openapi.yaml", '"#/', '"https://a.example/b.yaml#/'), None, "points to nothing in this document"),
        (
            editing("requirements.yaml", "\nrequirements:", "\nrules:"),
            None,
            "expected the key requirements with a list",
        ),
        (editing("requirements.yaml", "id: IV-OP-METHOD\n", "id: IV-OP-VALID\n"), None, "has the id IV-OP-VALID"),
        (lambda folder: (folder / "spec/openapi.yaml").unlink(), None, "spec/openapi.yaml cannot be read"),
    ],
)
def test_what_cannot_be_compared_is_refused_with_the_reason(
    root: Path, capsys: pytest.CaptureFixture[str], break_it: Callable[[Path], None], base: str | None, words: str
) -> None:
    break_it(root)
    assert run(root, base) == 2
    captured = capsys.readouterr()
    assert words in captured.err
    assert captured.out == ""


def test_a_revision_whose_contract_is_not_yaml_is_named(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = (root / "spec/openapi.yaml").read_text()
    (root / "spec/openapi.yaml").write_text(f"<<<<<<< HEAD\n{text}")
    commit(root)
    (root / "spec/openapi.yaml").write_text(text)
    assert run(root, "HEAD") == 2
    assert re.search(r"HEAD \([0-9a-f]{9}\): spec/openapi.yaml:\d+: not YAML", capsys.readouterr().err)


def test_a_revision_without_the_contract_is_refused(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    git(root, "rm", "-r", "--cached", "spec")
    git(root, "commit", "--message", "Remove the contract")
    assert run(root, "HEAD") == 2
    assert "spec/openapi.yaml is not in HEAD (" in capsys.readouterr().err


def test_version_and_changelog_of_this_tree_match_what_changed_since_its_base() -> None:
    if not (ROOT / ".git").exists():
        pytest.skip("this tree is no git checkout, so nothing is compared")
    result = subprocess.run([ROOT / "scripts" / "spec-diff"], capture_output=True, text=True, check=False)
    if result.returncode == 2 and "there is neither a tag nor a branch main" in result.stderr:
        pytest.skip("this clone has neither a tag nor main, so nothing is compared")
    assert result.returncode == 0, result.stdout + result.stderr
