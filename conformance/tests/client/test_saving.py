"""What saving an item leaves: the whole file or nothing; and what items do that no client has made."""

import asyncio
import base64
import copy
import pickle
import resource
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from client.driving import KEY, Driver, Make, SyncDriver, outcome
from client.endings import flood
from client.items import FILE, item_at, item_with, kept
from client.recorder import Answer, Recorder
from client.uploads import image
from image_variations import Image, ImagesResponse, ImageVariationsError
from support.loopback import answer, hear_request, say, scripted_server


def listing(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


@pytest.mark.parametrize("kind", ["b64_json", "url"])
@pytest.mark.parametrize("form", [Path, str], ids=["path", "text"])
def test_an_item_is_saved_whole_under_its_path(
    driver: Driver, recorder: Recorder, store: Recorder, tmp_path: Path, kind: str, form: Any
) -> None:
    item = (
        item_at(driver, recorder, store, kept())
        if kind == "url"
        else item_with(driver, recorder, b64_json=base64.b64encode(FILE).decode())
    )
    path = driver.save(item, form(tmp_path / "a.png"))
    assert path == tmp_path / "a.png"
    assert isinstance(path, Path)
    assert path.read_bytes() == FILE
    assert listing(tmp_path) == ["a.png"]


def test_a_saved_file_may_be_read_by_whom_any_new_file_may(driver: Driver, tmp_path: Path) -> None:
    (tmp_path / "plain").write_bytes(b"")
    path = driver.save(Image(b64_json="YQ=="), tmp_path / "a.png")
    assert stat.S_IMODE(path.stat().st_mode) == stat.S_IMODE((tmp_path / "plain").stat().st_mode)


def test_saving_takes_the_place_of_what_was_there(driver: Driver, tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"before, and longer")
    driver.save(Image(b64_json="YQ=="), tmp_path / "a.png")
    assert (tmp_path / "a.png").read_bytes() == b"a"
    assert listing(tmp_path) == ["a.png"]


FAILURES = ["404", "cut off", "too long", "no base64", "no image"]


@pytest.mark.parametrize("failure", FAILURES)
@pytest.mark.parametrize("before", [None, b"before"])
def test_what_cannot_be_read_leaves_the_folder_as_it_was(
    make: Make, recorder: Recorder, store: Recorder, tmp_path: Path, failure: str, before: bytes | None
) -> None:
    if before is not None:
        (tmp_path / "a.png").write_bytes(before)
    with (
        scripted_server((hear_request, say(answer(200, FILE)[:-1]))) as cutting,
        scripted_server((hear_request, say(b"HTTP/1.1 200 OK\r\n\r\n"), flood(bytes(1 << 20)))) as endless,
        make(base_url=recorder.base_url, max_retries=0) as driver,
    ):
        items: dict[str, Callable[[], Image]] = {
            "404": lambda: item_at(driver, recorder, store, kept(b"", 404)),
            "cut off": lambda: item_with(driver, recorder, url=cutting.origin),
            "too long": lambda: item_with(driver, recorder, url=endless.origin),
            "no base64": lambda: Image(b64_json="YQ="),
            "no image": lambda: Image(revised_prompt="a"),
        }
        item = items[failure]()
        with pytest.raises(ImageVariationsError):
            driver.save(item, tmp_path / "a.png")
    assert listing(tmp_path) == ([] if before is None else ["a.png"])
    if before is not None:
        assert (tmp_path / "a.png").read_bytes() == before


def test_a_file_that_cannot_be_written_to_its_end_leaves_the_folder_as_it_was(driver: Driver, tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"before")
    item = Image(b64_json=base64.b64encode(FILE).decode())
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
    try:
        with pytest.raises((ImageVariationsError, OSError)):
            driver.save(item, tmp_path / "a.png")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert listing(tmp_path) == ["a.png"]
    assert (tmp_path / "a.png").read_bytes() == b"before"


@pytest.mark.parametrize("place", ["missing/a.png", "", "a-folder"])
def test_where_nothing_can_be_saved_is_an_error_and_leaves_nothing(driver: Driver, tmp_path: Path, place: str) -> None:
    (tmp_path / "a-folder").mkdir()
    with pytest.raises((ImageVariationsError, OSError)):
        driver.save(Image(b64_json="YQ=="), tmp_path / place)
    assert listing(tmp_path) == ["a-folder"]


# --- items that no client has made


def test_an_item_made_by_hand_has_its_bytes_but_no_way_to_a_link(driver: Driver, tmp_path: Path) -> None:
    assert driver.read(Image(b64_json="YQ==")) == b"a"
    for call in (driver.read, lambda item: driver.save(item, tmp_path / "a.png")):
        with pytest.raises(ImageVariationsError) as caught:
            call(Image(url="http://127.0.0.1:1/a.png"))
        assert "client" in str(caught.value).lower()
    assert listing(tmp_path) == []


@pytest.mark.parametrize("again", ["copy", "deepcopy", "pickle", "from_dict"])
def test_an_item_that_was_copied_reads_its_link_or_says_why_not(
    driver: Driver, recorder: Recorder, store: Recorder, again: str
) -> None:
    item = item_at(driver, recorder, store, kept())
    ways: dict[str, Callable[[Image], Image]] = {
        "copy": copy.copy,
        "deepcopy": copy.deepcopy,
        "pickle": lambda it: pickle.loads(pickle.dumps(it)),  # noqa: S301 - our own bytes
        "from_dict": lambda it: Image.from_dict(it.to_dict()),
    }
    copied = ways[again](item)
    assert copied.to_dict() == item.to_dict()
    end = outcome(lambda: driver.read(copied))
    if isinstance(end, ImageVariationsError):
        assert "client" in str(end).lower()
    else:
        assert end == FILE
    assert driver.read(item_with(driver, recorder, b64_json="YQ==")) == b"a"


def test_a_pickled_answer_holds_no_key(driver: Driver, recorder: Recorder) -> None:
    recorder.expect(Answer())
    answer = driver.call(image=image())
    data = pickle.dumps(answer)
    assert KEY.encode() not in data
    again = pickle.loads(data)  # noqa: S301 - our own bytes
    assert isinstance(again, ImagesResponse)
    assert again.to_dict() == answer.to_dict()
    assert again == answer


def test_an_item_is_read_by_the_other_kind_of_client_or_says_what_to_call(
    driver: Driver, recorder: Recorder, store: Recorder
) -> None:
    """`read` of an item of the asynchronous client, and `aread` of one of the other."""
    item = item_at(driver, recorder, store, kept())
    is_sync = isinstance(driver, SyncDriver)
    end = outcome(lambda: asyncio.run(item.aread())) if is_sync else outcome(item.read)
    assert end == FILE or (isinstance(end, ImageVariationsError) and "read" in str(end))
