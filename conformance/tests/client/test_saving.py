"""Saving an item writes the whole file or nothing. Items that no client created can be read if they have base64."""

import asyncio
import base64
import copy
import os
import pickle
import resource
import socket
import stat
import tempfile
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from client.driving import KEY, Driver, Make, SyncDriver, outcome
from client.endings import flood
from client.items import FILE, file_response, item_at, item_with
from client.recorder import CannedResponse, Recorder
from client.uploads import image
from image_variations import Image, ImagesResponse, ImageVariationsError, InvalidRequestError
from support.loopback import Peer, answer, hear_request, say, scripted_server

ITEM = Image(b64_json="YQ==")


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
        with pytest.raises(OSError, match="too large") as caught:
            driver.save(item, tmp_path / "a.png")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert caught.value.filename == str(tmp_path / "a.png")
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


# --- what is there already


@pytest.mark.parametrize("permissions", [0o640, 0o600, 0o666, 0o755, 0o200])
def test_the_permissions_of_an_existing_file_are_kept(driver: Driver, tmp_path: Path, permissions: int) -> None:
    (tmp_path / "a.png").write_bytes(b"before")
    (tmp_path / "a.png").chmod(permissions)
    path = driver.save(ITEM, tmp_path / "a.png")
    assert (stat.S_IMODE(path.stat().st_mode), path.read_bytes()) == (permissions, b"a")


def test_the_permissions_are_those_of_the_file_that_is_replaced_whatever_its_path(
    driver: Driver, tmp_path: Path
) -> None:
    (tmp_path / "a.png").touch(0o600)
    driver.save(ITEM, tmp_path / "missing" / ".." / "a.png")
    assert stat.S_IMODE((tmp_path / "a.png").stat().st_mode) == 0o600


@pytest.mark.parametrize("umask", [0o022, 0o077, 0o007])
def test_a_new_file_has_the_permissions_of_the_umask(driver: Driver, tmp_path: Path, umask: int) -> None:
    before = os.umask(umask)
    try:
        path = driver.save(ITEM, tmp_path / "a.png")
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o666 & ~umask


def test_a_file_is_never_readable_by_more_users_than_the_one_that_it_replaces(
    driver: Driver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.png").touch(0o600)
    modes: list[int] = []
    chmod = Path.chmod

    def record(path: Path, mode: int) -> None:
        modes.append(path.stat().st_mode)
        chmod(path, mode)

    monkeypatch.setattr(Path, "chmod", record)
    driver.save(ITEM, tmp_path / "a.png")
    assert [stat.S_IMODE(mode) for mode in modes] == [0o600]


@pytest.mark.parametrize("before", [None, b"before"])
@pytest.mark.parametrize("link", ["../real/b.png", "relative", "link-to-link"])
def test_a_symbolic_link_is_followed_and_stays_a_link(
    driver: Driver, tmp_path: Path, link: str, before: bytes | None
) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "links").mkdir()
    real = tmp_path / "real" / "b.png"
    if before is not None:
        real.write_bytes(before)
    (tmp_path / "links" / "relative").symlink_to("../real/b.png")
    (tmp_path / "links" / "a.png").symlink_to(link if link != "link-to-link" else tmp_path / "links" / "relative")
    path = driver.save(ITEM, tmp_path / "links" / "a.png")
    assert path == tmp_path / "links" / "a.png"
    assert path.is_symlink()
    assert not real.is_symlink()
    assert real.read_bytes() == b"a"
    assert listing(tmp_path) == ["links", "links/a.png", "links/relative", "real", "real/b.png"]


def test_another_name_of_a_replaced_file_keeps_the_old_content(driver: Driver, tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"before")
    (tmp_path / "b.png").hardlink_to(tmp_path / "a.png")
    driver.save(ITEM, tmp_path / "a.png")
    assert ((tmp_path / "a.png").read_bytes(), (tmp_path / "b.png").read_bytes()) == (b"a", b"before")


# --- paths that are refused


def _special(folder: Path, kind: str) -> Any:
    path = folder / "special"
    match kind:
        case "folder":
            path.mkdir()
        case "link to a folder":
            path.symlink_to(folder)
        case "pipe":
            os.mkfifo(path)
        case "link to a pipe":
            os.mkfifo(folder / "pipe")
            path.symlink_to("pipe")
        case "device" | "link to a device":
            # Not /dev/null, which root could replace if the client were wrong.
            terminal = os.ttyname(os.openpty()[1])
            if kind == "device":
                return terminal
            path.symlink_to(terminal)
        case "socket":
            with socket.socket(socket.AF_UNIX) as server:
                server.bind(str(path))
        case "ends like a folder":
            return f"{path}/"
        case _:
            return {"empty": "", "nothing": None, "number": 7, "bytes": b"a.png"}.get(kind, kind)
    return path


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("folder", "is a folder"),
        ("link to a folder", "is a folder"),
        ("/", "folder"),
        (".", "is a folder"),
        ("ends like a folder", "ends like a folder"),
        ("pipe", "is a pipe"),
        ("link to a pipe", "is a pipe"),
        ("socket", "is a socket"),
        ("device", "is a device"),
        ("link to a device", "is a device"),
        ("empty", "is empty"),
        ("a\0b", "cannot be the name of a file"),
        ("a\ud800", "cannot be the name of a file"),
        ("nothing", "not NoneType"),
        ("number", "not int"),
        ("bytes", "not bytes"),
    ],
)
def test_a_path_of_something_else_than_a_regular_file_is_refused_before_the_link_is_fetched(
    driver: Driver, recorder: Recorder, store: Recorder, tmp_path: Path, kind: str, reason: str
) -> None:
    item = item_at(driver, recorder, store)
    path = _special(tmp_path, kind)
    before = listing(tmp_path)
    with pytest.raises(InvalidRequestError) as caught:
        driver.save(item, path)
    assert caught.value.param == "path"
    assert "path" in str(caught.value)
    assert reason in str(caught.value)
    assert str(caught.value).isprintable()
    assert listing(tmp_path) == before
    assert store.received == []


@contextmanager
def without_privileges() -> Iterator[None]:
    """Run as a user for whom the permissions of files count."""
    user = os.geteuid()
    if user == 0:
        os.seteuid(65534)
    try:
        yield
    finally:
        if user == 0:
            os.seteuid(0)


@pytest.fixture
def public_folder() -> Iterator[Path]:
    """A folder that every user can look into, unlike that of pytest."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "file").write_bytes(b"before")
        (folder / "loop").symlink_to("loop")
        (folder / "nowhere").symlink_to("missing/a.png")
        (folder / "file").chmod(0o444)
        folder.chmod(0o555)
        yield folder
        folder.chmod(0o755)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("missing/a.png", FileNotFoundError),
        ("nowhere", FileNotFoundError),
        ("file/a.png", NotADirectoryError),
        ("a.png", PermissionError),
        ("file", PermissionError),
        ("loop", OSError),
        ("a" * 300, OSError),
    ],
)
def test_what_the_operating_system_refuses_is_an_os_error_with_the_path_asked_for(
    driver: Driver, public_folder: Path, name: str, kind: type[OSError]
) -> None:
    before = listing(public_folder)
    path = public_folder / name
    with without_privileges(), pytest.raises(kind) as caught:
        driver.save(ITEM, path)
    assert type(caught.value) is kind
    assert caught.value.filename == str(path)
    assert ".part" not in str(caught.value)
    assert caught.value.__suppress_context__
    assert listing(public_folder) == before
    assert (public_folder / "file").read_bytes() == b"before"


def test_a_read_only_file_in_a_folder_of_ones_own_is_not_replaced(driver: Driver, public_folder: Path) -> None:
    public_folder.chmod(0o777)
    with without_privileges(), pytest.raises(PermissionError):
        driver.save(ITEM, public_folder / "file")
    assert (public_folder / "file").read_bytes() == b"before"


def test_a_folder_that_vanishes_during_the_download_is_named_by_the_path_asked_for(
    driver: Driver, recorder: Recorder, tmp_path: Path
) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()

    def vanish(peer: Peer) -> None:
        hear_request(peer)
        folder.rmdir()
        peer.socket.sendall(answer(200, FILE))

    with scripted_server((vanish,)) as server:
        item = item_with(driver, recorder, url=server.origin)
        with pytest.raises(FileNotFoundError) as caught:
            driver.save(item, folder / "a.png")
    assert caught.value.filename == str(folder / "a.png")
    assert listing(tmp_path) == []


def test_a_reader_sees_the_old_or_the_new_file_and_nothing_between(driver: Driver, tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    contents = [bytes([number]) * 300_000 for number in range(40)]
    path.write_bytes(contents[0])
    seen, done = [], threading.Event()

    def watch() -> None:
        while not done.is_set():
            seen.append(path.read_bytes())

    with ThreadPoolExecutor(1) as pool:
        watching = pool.submit(watch)
        for content in contents:
            driver.save(Image(b64_json=base64.b64encode(content).decode()), path)
        done.set()
        watching.result(10)
    assert seen
    assert set(seen) <= set(contents)


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
