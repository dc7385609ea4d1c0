"""The folders that a report may be written to. Only the files of an earlier report are ever removed."""

import json
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from image_variations_conformance.engine.run import Run
from image_variations_conformance.reference.variants import faulty
from image_variations_conformance.reports.folder import LIST, ReportFolder, UnusableFolder
from support.judging import KEY, judge_app


@pytest.fixture(scope="module")
def run() -> Run:
    return judge_app(faulty(["n-zero-accepted"], api_key=KEY), depth="quick")


# The folder of the only broken requirement of that run.
BROKEN = "IV-N-BOUNDS"


def contents(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_second_report_replaces_the_first_and_leaves_other_files_alone(run: Run, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    ReportFolder.at(tmp_path).write(run)
    first = contents(tmp_path)
    assert {path.name for path in tmp_path.iterdir() if path.is_dir()} == {BROKEN}
    (tmp_path / BROKEN / "notes.txt").write_text("mine too")
    (tmp_path / "IV").mkdir()
    ReportFolder.at(tmp_path).write(run)
    assert contents(tmp_path) == {**first, f"{BROKEN}/notes.txt": b"mine too"}
    ReportFolder.at(tmp_path).clear()
    assert contents(tmp_path) == {"notes.txt": b"mine", f"{BROKEN}/notes.txt": b"mine too"}
    assert (tmp_path / "IV").is_dir()


@pytest.mark.slow
def test_a_request_with_bytes_that_are_not_in_utf_8_is_reported_whole(tmp_path: Path) -> None:
    run = judge_app(faulty(["key-no-break-space-accepted"], api_key=KEY))
    ReportFolder.at(tmp_path).write(run)
    requirements = json.loads((tmp_path / "report.json").read_text())["requirements"]
    (failed,) = (it for it in requirements if it["verdict"] == "fail")
    assert failed["id"] == "IV-AUTH-WRONG"
    assert r"Authorization: Bearer %s\240\r\n" in failed["curl"]
    assert b"Bearer ${IMAGE_VARIATIONS_API_KEY}\xa0\r\n" in (tmp_path / "IV-AUTH-WRONG" / "request.head").read_bytes()


@pytest.mark.parametrize("name", ["report.json", "junit.xml", "IV-N-BOUNDS/request.body", "IV-N-RANGE/x", LIST])
def test_a_user_file_with_the_name_of_a_report_file_is_refused_and_kept(name: str, tmp_path: Path) -> None:
    (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / name).write_text("{}")
    with pytest.raises(UnusableFolder, match="choose another folder"):
        ReportFolder.at(tmp_path)
    assert contents(tmp_path) == {name: b"{}"}


def test_a_report_file_that_the_user_has_changed_is_refused_and_kept(run: Run, tmp_path: Path) -> None:
    ReportFolder.at(tmp_path).write(run)
    (tmp_path / "junit.xml").write_text("edited")
    with pytest.raises(UnusableFolder, match=r"junit.xml has changed since it was written"):
        ReportFolder.at(tmp_path)
    assert (tmp_path / "junit.xml").read_text() == "edited"


def test_a_folder_that_is_a_symbolic_link_is_refused(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    with pytest.raises(UnusableFolder, match="symbolic link"):
        ReportFolder.at(tmp_path / "link")


@pytest.mark.parametrize(
    "name", ["report.json", "junit.xml", BROKEN, f"{BROKEN}/request.head", f"{BROKEN}/image.png", LIST]
)
@pytest.mark.parametrize("target", ["a file", "a folder", "nothing"])
def test_a_symbolic_link_in_an_earlier_report_is_not_followed(run: Run, name: str, target: str, tmp_path: Path) -> None:
    folder, victim = tmp_path / "report", tmp_path / "victim"
    ReportFolder.at(folder).write(run)
    if target == "a file":
        victim.write_text("precious")
    elif target == "a folder":
        (folder / name).rename(victim) if (folder / name).is_dir() else victim.mkdir()
    before = contents(tmp_path) if target != "a file" else {"victim": b"precious"}
    path = folder / name
    if path.is_dir():
        path.rename(tmp_path / "moved")
    path.unlink(missing_ok=True)
    path.symlink_to(victim)
    with pytest.raises(UnusableFolder):
        ReportFolder.at(folder)
    # Also if the link appears after the folder was checked.
    with pytest.raises((OSError, UnusableFolder)):
        ReportFolder(folder).write(run)
    after = contents(tmp_path)
    assert {path: after[path] for path in before if path.startswith("victim")} == {
        path: content for path, content in before.items() if path.startswith("victim")
    }


@given(
    st.recursive(
        st.none() | st.text(max_size=5) | st.integers(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=9), inner),
        max_leaves=5,
    )
)
def test_an_arbitrary_list_of_files_removes_nothing_outside_the_folder(
    tmp_path_factory: pytest.TempPathFactory, value: object
) -> None:
    folder = tmp_path_factory.mktemp("report")
    (folder.parent / "precious").write_text("precious")
    (folder / LIST).write_text(json.dumps({"files": value}))
    with suppress(UnusableFolder):
        ReportFolder.at(folder).clear()
    assert (folder.parent / "precious").read_text() == "precious"


@pytest.mark.parametrize(
    "name",
    [
        "../precious",
        "/etc/passwd",
        "IV-N-BOUNDS/../../precious",
        "precious",
        "./report.json",
        "cases/x",
        "IV-/../..",
        "",
    ],
)
def test_a_list_with_files_that_are_not_of_a_report_is_refused(name: str, tmp_path: Path) -> None:
    (tmp_path / LIST).write_text(json.dumps({"files": {name: ""}}))
    with pytest.raises(UnusableFolder, match="is not the list of an earlier report"):
        ReportFolder.at(tmp_path)


def test_a_full_disk_leaves_no_partial_report(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    replace, counter = Path.replace, iter(range(100))

    def fail_at_the_fifth(path: Path, target: Path) -> Path:
        if next(counter) == 4:
            raise OSError(28, "No space left on device")
        return replace(path, target)

    monkeypatch.setattr(Path, "replace", fail_at_the_fifth)
    with pytest.raises(OSError, match="No space left"):
        ReportFolder.at(tmp_path / "report").write(run)
    assert contents(tmp_path) == {}


def test_checking_a_folder_changes_nothing(tmp_path: Path) -> None:
    ReportFolder.at(tmp_path / "a" / "b")
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "file").write_text("x")
    with pytest.raises(UnusableFolder):
        ReportFolder.at(tmp_path / "file" / "below")
