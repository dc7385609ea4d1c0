"""Saving an item writes the whole file or nothing. Items that no client created can be read if they have base64."""

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
from client.items import FILE, file_response, item_at, item_with
from client.recorder import CannedResponse, Recorder
from client.uploads import image
from image_variations import Image, ImagesResponse, ImageVariationsError
from support.loopback import answer, hear_request, say, scripted_server


def listing(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


@pytest.mark.parametrize("kind", ["b64_json", "url"])
@pytest.mark.parametrize("form", [Path, str], ids=["path", "text"])
def test_an_item_is_saved_completely_under_its_path(
    driver: Driver, recorder: Recorder, store: Recorder, tmp_path: Path, kind: str, form: Any
) -> None:
    item = (
        item_at(driver, recorder, store, file_response())
        if kind == "url"
        else item_with(driver, recorder, b64_json=base64.b64encode(FILE).decode())
    )
    path = driver.save(item, form(tmp_path / "a.png"))
    assert path == tmp_path / "a.png"
    assert isinstance(path, Path)
    assert path.read_bytes() == FILE
    assert listing(tmp_path) == ["a.png"]


def test_a_saved_file_has_the_permissions_of_any_new_file(driver: Driver, tmp_path: Path) -> None:
    (tmp_path / "plain").write_bytes(b"")
    path = driver.save(Image(b64_json="YQ=="), tmp_path / "a.png")
    assert stat.S_IMODE(path.stat().st_mode) == stat.S_IMODE((tmp_path / "plain").stat().st_mode)


def test_saving_replaces_an_existing_file(driver: Driver, tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"before, and longer")
    driver.save(Image(b64_json="YQ=="), tmp_path / "a.png")
    assert (tmp_path / "a.png").read_bytes() == b"a"
    assert listing(tmp_path) == ["a.png"]


FAILURES = ["404", "truncated", "too long", "invalid base64", "no image"]


@pytest.mark.parametrize("failure", FAILURES)
@pytest.mark.parametrize("before", [None, b"before"])
def test_a_failed_save_does_not_change_the_folder(
    make: Make, recorder: Recorder, store: Recorder, tmp_path: Path, failure: str, before: bytes | None
) -> None:
    if before is not None:
        (tmp_path / "a.png").write_bytes(before)
    with (
        scripted_server((hear_request, say(answer(200, FILE)[:-1]))) as truncating,
        scripted_server((hear_request, say(b"HTTP/1.1 200 OK\r\n\r\n"), flood(bytes(1 << 20)))) as endless,
        make(base_url=recorder.base_url, max_retries=0) as driver,
    ):
        items: dict[str, Callable[[], Image]] = {
            "404": lambda: item_at(driver, recorder, store, file_response(b"", 404)),
            "truncated": lambda: item_with(driver, recorder, url=truncating.origin),
            "too long": lambda: item_with(driver, recorder, url=endless.origin),
            "invalid base64": lambda: Image(b64_json="YQ="),
            "no image": lambda: Image(revised_prompt="a"),
        }
        item = items[failure]()
        with pytest.raises(ImageVariationsError):
            driver.save(item, tmp_path / "a.png")
    assert listing(tmp_path) == ([] if before is None else ["a.png"])
    if before is not None:
        assert (tmp_path / "a.png").read_bytes() == before


def test_a_file_that_cannot_be_written_completely_does_not_change_the_folder(driver: Driver, tmp_path: Path) -> None:
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


@pytest.mark.parametrize("path", ["missing/a.png", "", "a-folder"])
def test_saving_under_an_invalid_path_raises_an_error_and_leaves_no_file(
    driver: Driver, tmp_path: Path, path: str
) -> None:
    (tmp_path / "a-folder").mkdir()
    with pytest.raises((ImageVariationsError, OSError)):
        driver.save(Image(b64_json="YQ=="), tmp_path / path)
    assert listing(tmp_path) == ["a-folder"]


# --- items that no client created


def test_an_item_that_no_client_created_can_read_base64_but_not_a_link(driver: Driver, tmp_path: Path) -> None:
    assert driver.read(Image(b64_json="YQ==")) == b"a"
    for call in (driver.read, lambda item: driver.save(item, tmp_path / "a.png")):
        with pytest.raises(ImageVariationsError) as caught:
            call(Image(url="http://127.0.0.1:1/a.png"))
        assert "client" in str(caught.value).lower()
    assert listing(tmp_path) == []


@pytest.mark.parametrize("method", ["copy", "deepcopy", "pickle", "from_dict"])
def test_a_copied_item_reads_its_link_or_raises_an_error_that_mentions_the_client(
    driver: Driver, recorder: Recorder, store: Recorder, method: str
) -> None:
    item = item_at(driver, recorder, store, file_response())
    methods: dict[str, Callable[[Image], Image]] = {
        "copy": copy.copy,
        "deepcopy": copy.deepcopy,
        "pickle": lambda it: pickle.loads(pickle.dumps(it)),  # noqa: S301 - our own bytes
        "from_dict": lambda it: Image.from_dict(it.to_dict()),
    }
    copied = methods[method](item)
    assert copied.to_dict() == item.to_dict()
    result = outcome(lambda: driver.read(copied))
    if isinstance(result, ImageVariationsError):
        assert "client" in str(result).lower()
    else:
        assert result == FILE
    assert driver.read(item_with(driver, recorder, b64_json="YQ==")) == b"a"


def test_a_pickled_response_does_not_contain_the_key(driver: Driver, recorder: Recorder) -> None:
    recorder.expect(CannedResponse())
    images = driver.call(image=image())
    data = pickle.dumps(images)
    assert KEY.encode() not in data
    unpickled = pickle.loads(data)  # noqa: S301 - our own bytes
    assert isinstance(unpickled, ImagesResponse)
    assert unpickled.to_dict() == images.to_dict()
    assert unpickled == images


def test_the_reading_method_of_the_other_mode_works_or_raises_an_error_that_names_the_right_one(
    driver: Driver, recorder: Recorder, store: Recorder
) -> None:
    """The methods are `aread` for an item of the synchronous client, and `read` for one of the asynchronous client."""
    item = item_at(driver, recorder, store, file_response())
    is_sync = isinstance(driver, SyncDriver)
    result = outcome(lambda: asyncio.run(item.aread())) if is_sync else outcome(item.read)
    assert result == FILE or (isinstance(result, ImageVariationsError) and "read" in str(result))
