"""Tests of scripts/bench: figures, environments, exit codes, server, worker, and one short round of each measure."""

import base64
import json
import socket
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from statistics import median
from typing import cast

import pytest
from benchmark import __main__, lock, table
from benchmark.environments import REQUIREMENTS, SCRIPTS, Environment, Unavailable
from benchmark.figures import Figure, Target, figures, ratio
from benchmark.material import Material
from benchmark.measures import Bench, Effort
from benchmark.regeneration_costs import GENERATOR, OURS, costs
from benchmark.subjects import SUBJECTS, Subject
from benchmark.suite import PLAIN, SUITE, cases_per_second
from benchmark.turns import Turns, rotate, server
from benchmark.worker import Worker, WrongWork
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from image_variations_conformance.media.pictures import look
from image_variations_conformance.media.png import inspect
from support.loopback import answer, hear_request, say, scripted_server

pytestmark = pytest.mark.slow

_THIS_ENVIRONMENT = Environment(Path(sys.executable))
_LINUX = pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="memory is read from /proc")

_seconds = st.floats(1e-6, 1e3)


# Figures


@given(base=st.lists(_seconds, min_size=1, max_size=15), factor=st.floats(0.1, 10), data=st.data())
def test_a_ratio_does_not_change_if_the_machine_slows_down_between_rounds(
    base: list[float], factor: float, data: st.DataObject
) -> None:
    slowdowns = data.draw(st.lists(st.floats(1, 100), min_size=len(base), max_size=len(base)))
    baseline = [seconds * slowdown for seconds, slowdown in zip(base, slowdowns, strict=True)]
    assert ratio([factor * seconds for seconds in baseline], baseline) == pytest.approx(factor)


@given(values=st.lists(_seconds, min_size=1, max_size=9), bound=_seconds)
def test_a_target_without_another_subject_bounds_the_median(values: list[float], bound: float) -> None:
    (at_most,) = figures("call", "ms", ["client"], {"client": values}, {}, {"client": Target(bound)})
    (at_least,) = figures("call", "ms", ["client"], {"client": values}, {}, {"client": Target(bound, "at least")})
    assert at_most.value == at_most.found == median(values)
    assert at_most.met == (median(values) <= bound)
    assert at_least.met == (median(values) >= bound)


def test_a_target_beside_another_subject_bounds_the_ratio_to_that_subject() -> None:
    rounds = {"httpx": [1.0, 2.0, 4.0], "openai": [10.0, 20.0, 40.0], "client": [2.0, 4.0, 8.0]}
    httpx, client, openai = figures(
        "call", "ms", ["httpx", "client", "openai"], rounds, {}, {"client": Target(0.2, beside="openai")}
    )
    assert (client.value, client.ratio, client.found, client.met) == (4.0, 2.0, 0.2, True)
    assert (httpx.ratio, httpx.met) == (1.0, None)
    assert (openai.ratio, openai.met) == (10.0, None)


def test_a_target_is_missed_if_its_subject_or_the_one_beside_it_was_not_measured() -> None:
    targets = {"client": Target(100.0), "fast": Target(100.0, beside="openai")}
    notes = {"client": "no memory", "openai": "it died"}
    client, fast, openai = figures("call", "ms", ["client", "fast", "openai"], {"fast": [1.0]}, notes, targets)
    assert (client.value, client.note, client.met) == (None, "no memory", False)
    assert (fast.value, fast.found, fast.met) == (1.0, None, False)
    assert (openai.value, openai.note, openai.met) == (None, "it died", None)


def test_a_measure_of_memory_has_no_ratio() -> None:
    (httpx,) = figures("peak", "MiB", ["httpx"], {"httpx": [0.0, 0.0]}, {}, {})
    assert (httpx.value, httpx.ratio) == (0.0, None)


# Turns


def test_each_subject_is_called_once_per_round_and_every_round_starts_with_the_next_subject() -> None:
    order: list[str] = []

    def work(subject: str) -> float:
        order.append(subject)
        return float(len(order))

    values, notes = rotate(["a", "b", "c"], 3, work)
    assert order == ["a", "b", "c", "b", "c", "a", "c", "a", "b", "a", "b", "c"]
    # The values of the first round are discarded.
    assert values == {"a": [6.0, 8.0, 10.0], "b": [4.0, 9.0, 11.0], "c": [5.0, 7.0, 12.0]}
    assert notes == {}


def test_a_subject_that_becomes_unavailable_gets_a_note_and_the_others_are_measured() -> None:
    calls_left = 2

    def work(subject: str) -> float:
        nonlocal calls_left
        calls_left -= subject == "b"
        if subject == "b" and calls_left < 0:
            raise Unavailable("out of order")
        return 1.0

    assert rotate(["a", "b"], 4, work) == ({"a": [1.0] * 4}, {"b": "out of order"})


# Environments

_LOCK = """\
anyio==4.16.0 \\
    --hash=sha256:aa
    # via
    #   -c scripts/requirements.txt
    #   httpx
colour==1.0 ; sys_platform == 'win32' \\
    --hash=sha256:bb \\
    --hash=sha256:cc
    # via anyio
httpx==0.28.1 \\
    --hash=sha256:dd
    # via -r scripts/benchmark/requirements.in
other==2.0 \\
    --hash=sha256:ee
    # via
    #   -r scripts/benchmark/requirements.in
"""


def test_the_closure_of_a_package_has_its_direct_and_indirect_dependencies() -> None:
    pins = lock.parse(_LOCK)
    assert lock.closure(pins, ["httpx"]) == ["anyio", "colour", "httpx"]
    assert lock.closure(pins, ["other"]) == ["other"]
    assert pins["colour"].lines == (
        "colour==1.0 ; sys_platform == 'win32' \\\n    --hash=sha256:bb \\\n    --hash=sha256:cc\n"
    )


def test_a_package_without_a_version_is_refused() -> None:
    with pytest.raises(ValueError, match=r"not a pinned package: 'httpx>=0\.28'"):
        lock.parse("httpx>=0.28\n")


def test_the_requirements_of_all_subjects_are_locked_with_hashes_and_match_the_versions_of_the_project() -> None:
    pins = lock.parse((SCRIPTS / "benchmark" / "requirements.txt").read_text(encoding="utf-8"))
    project = lock.parse((SCRIPTS / "requirements.txt").read_text(encoding="utf-8"))
    assert REQUIREMENTS.keys() == SUBJECTS.keys()
    for roots in REQUIREMENTS.values():
        assert set(lock.closure(pins, roots)) > set(roots)
    for name, pin in pins.items():
        assert "--hash=sha256:" in pin.lines
        if name in project:
            assert pin.lines.split()[0] == project[name].lines.split()[0]


# Exit codes and output

_MET = Figure("1 KB call", "client", "ms", 0.5, 1.04, Target(1.10, beside="httpx"), 1.04)
_MISSED = Figure("import", "client", "ms", 90.0, 1.5, Target(1.40, beside="httpx"), 1.5)
_UNMEASURED = Figure("flight", "client", "calls/s", target=Target(0.95, "at least", beside="httpx"), note="died")
_PLAIN = Figure("flight", "httpx", "calls/s", 1234.5, 1.0)


@pytest.mark.parametrize("name", ["client", "suite"])
@pytest.mark.parametrize(
    ("measured", "arguments", "code"),
    [
        ([_MET, _PLAIN], [], 0),
        ([_MET, _MISSED], [], 1),
        ([_UNMEASURED], [], 1),
        ([_MISSED, _UNMEASURED], ["--no-gate"], 0),
    ],
)
def test_the_exit_code_is_1_if_a_target_is_missed_unless_no_gate_is_given(
    name: str, measured: list[Figure], arguments: list[str], code: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(__main__, f"measure_{name}", lambda: measured)
    file = tmp_path / "figures.json"
    result = CliRunner().invoke(__main__.command, [name, "--json", str(file), *arguments])
    assert result.exit_code == code
    report = json.loads(file.read_text())
    assert report["met"] == all(figure.met is not False for figure in measured)
    assert [(entry["measure"], entry["subject"], entry["value"], entry["met"]) for entry in report["figures"]] == [
        (figure.measure, figure.subject, figure.value, figure.met) for figure in measured
    ]


def test_the_exit_code_is_2_if_an_environment_cannot_be_created(monkeypatch: pytest.MonkeyPatch) -> None:
    def prepare(_: str) -> Environment:
        raise Unavailable("pip failed: no network")

    monkeypatch.setattr(__main__, "prepare", prepare)
    result = CliRunner().invoke(__main__.command, ["client", "--no-gate"])
    assert result.exit_code == 2
    assert "pip failed: no network" in result.output


def test_the_table_shows_each_figure_with_its_target_and_whether_it_is_met() -> None:
    assert table.lines([_MET, _MISSED, _UNMEASURED, _PLAIN]) == [
        "           median           to httpx  target                      met",
        "1 KB call",
        "  client     0.50  ms           1.04  1.04, at most 1.10 x httpx  yes",
        "import",
        "  client    90.00  ms           1.50  1.50, at most 1.40 x httpx  NO",
        "flight",
        "  client        -                     died                        NO",
        "  httpx     1,234  calls/s      1.00",
    ]
    assert table.missed([_MET, _MISSED, _UNMEASURED, _PLAIN]) == [
        "missed: import, client: 1.50, at most 1.40 x httpx",
        "missed: flight, client: not measured, at least 0.95 x httpx (died)",
    ]


def test_a_table_without_ratios_has_no_ratio_column() -> None:
    assert table.lines([Figure("cases", "check", "cases/s", 250.4)]) == [
        "         median             target  met",
        "cases",
        "  check     250  cases/s",
    ]


# The server, the files and the worker


@pytest.fixture(scope="module")
def material(tmp_path_factory: pytest.TempPathFactory) -> Material:
    return Material.make(tmp_path_factory.mktemp("material"))


@pytest.fixture(scope="module")
def url(material: Material) -> Iterator[str]:
    with server(material.small_picture) as url:
        yield url


@pytest.mark.parametrize("split", [1, 30, 90, 95, 100])
def test_the_server_responds_with_the_body_length_once_the_body_is_complete(url: str, split: int) -> None:
    head = b"POST /url/images/variations HTTP/1.1\r\nHost: a\r\ncontent-length: 20\r\n\r\n"
    request = head + b"\r\n\r\n" * 5
    host, port = url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=5) as connection:
        for _ in range(2):  # The second request shows that the connection stays open.
            connection.sendall(request[:split])
            connection.settimeout(0.05)
            if split < len(request):
                with pytest.raises(TimeoutError):
                    connection.recv(1)
            connection.settimeout(5)
            connection.sendall(request[split:])
            response = connection.recv(4096)
            assert response.startswith(b"HTTP/1.1 200 OK\r\n")
            assert json.loads(response.partition(b"\r\n\r\n")[2])["created"] == 20


@pytest.mark.parametrize(
    "request_head",
    [
        b"POST /url/images/variations HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"POST /elsewhere HTTP/1.1\r\nContent-Length: 0\r\n\r\n",
    ],
)
def test_the_server_refuses_a_request_without_content_length_or_to_an_unknown_path(
    url: str, request_head: bytes
) -> None:
    host, port = url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=5) as connection:
        connection.sendall(request_head)
        assert connection.recv(4096).startswith(b"HTTP/1.1 400 ")
        assert connection.recv(1) == b""


def test_the_files_are_square_pngs_of_the_sizes_in_their_names(material: Material) -> None:
    for file, size in ((material.kilobyte, 1000), (material.four_megabytes, 4_000_000)):
        info = inspect(file.read_bytes())
        assert (info.width, file.stat().st_size) == (info.height, size)
    assert material.hundred_megabytes.stat().st_size == 100 * 2**20


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"GET /any/images/variations HTTP/1.1\r\nConnection: close\r\n\r\n",
        b"POST /any/images/variations?n=3 HTTP/1.1\r\nconnection: close\r\nContent-Length: 5\r\n\r\nabcde",
        b"POST /any/images/variations HTTP/1.1\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
        b"3\r\n0\r\n\r\n5\r\nabcde\r\n0\r\n\r\n",
    ],
    ids=["no body", "body with length", "chunked body"],
)
def test_the_server_returns_the_picture_for_any_request_under_the_path_any_and_closes_the_connection(
    url: str, material: Material, request_bytes: bytes
) -> None:
    host, port = url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=5) as connection:
        for start in range(0, len(request_bytes), 7):
            connection.sendall(request_bytes[start : start + 7])
        response = b"".join(iter(lambda: connection.recv(1 << 16), b""))
    head, _, body = response.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 OK\r\n")
    value = json.loads(body)
    assert abs(value["created"] - time.time()) < 60
    assert base64.b64decode(value["data"][0]["b64_json"]) == material.small_picture.read_bytes()
    assert look(material.small_picture.read_bytes()).size == "256x256"


class _IdleSubject:
    """A subject that returns results without doing the work."""

    def call(self, *_: object) -> Callable[[], int]:
        return lambda: 500

    def upload(self, *_: object) -> Callable[[Path], int]:
        return lambda _: 17

    def decode(self, *_: object) -> Callable[[], list[bytes]]:
        return lambda: [b"anything"] * 10

    def concurrent_call(self, *_: object) -> Callable[[], Awaitable[int]]:
        async def run() -> int:
            return 17

        return run


@_LINUX
def test_a_subject_that_does_not_do_the_work_raises_wrong_work(material: Material) -> None:
    worker = Worker(cast(Subject, _IdleSubject()))
    kilobyte, large, ten_images = map(str, (material.kilobyte, material.hundred_megabytes, material.ten_images))
    with pytest.raises(WrongWork, match="a form of 500 bytes for an image of 1000"):
        worker.do({"do": "call", "url": "", "image": kilobyte, "response_format": "url", "times": 1})
    with pytest.raises(WrongWork, match="the images are not those of the response"):
        worker.do({"do": "decode", "body": ten_images, "image": kilobyte, "times": 1})
    with pytest.raises(WrongWork, match="a form of 17 bytes"):
        worker.do({"do": "upload_peak", "url": "", "small": kilobyte, "file": large})
    with pytest.raises(ExceptionGroup) as caught:
        worker.do({"do": "flight", "url": "", "image": kilobyte, "tasks": 2, "each": 1})
    assert caught.group_contains(WrongWork, match="a form of 17 bytes")
    worker.close()


class _WholeFileSubject(_IdleSubject):
    """A subject that reads the whole file into memory."""

    def upload(self, *_: object) -> Callable[[Path], int]:
        return lambda path: len(path.read_bytes()) + 500


@_LINUX
def test_the_upload_peak_of_a_file_read_into_memory_is_its_size(material: Material) -> None:
    worker = Worker(cast(Subject, _WholeFileSubject()))
    files = {"small": str(material.kilobyte), "file": str(material.hundred_megabytes)}
    assert worker.do({"do": "upload_peak", "url": "", **files}) == pytest.approx(100 * 2**20, rel=0.1)


# One short round of each measure, in the project's own environment

_ONCE = Effort(
    calls=1, kilobyte_calls=2, four_megabyte_calls=1, imports=1, decodes=1, flights=1, tasks=3, calls_each=2, peaks=1
)


@pytest.mark.parametrize(
    ("measure", "targets"),
    [
        ("kilobyte_call", {"client": Target(1.10, beside="httpx")}),
        ("four_megabyte_call", {"client": Target(1.05, beside="httpx")}),
        ("in_flight", {"client": Target(0.95, "at least", beside="httpx")}),
        ("decoding", {"client": Target(1.05, beside="openai"), "client[speed]": Target(0.20, beside="openai")}),
        ("importing", {"client": Target(1.40, beside="httpx")}),
        pytest.param("upload_peak", {"client": Target(1.0)}, marks=_LINUX),
    ],
)
def test_a_measure_has_a_value_for_each_subject_and_the_right_targets(
    url: str, material: Material, measure: str, targets: dict[str, Target]
) -> None:
    environments = dict.fromkeys(SUBJECTS, _THIS_ENVIRONMENT)
    with Turns(environments) as turns:
        measured = getattr(Bench(turns, environments, material, url, _ONCE), measure)()
    assert {figure.subject for figure in measured} == {"httpx", "openai", *targets}
    for figure in measured:
        assert figure.note == ""
        assert figure.value is not None
        assert figure.value >= 0
        assert figure.target == targets.get(figure.subject)
        assert (figure.found is None) == (figure.target is None)
        assert (figure.ratio is None) == (figure.unit == "MiB")


def test_a_subject_whose_process_dies_is_unavailable(tmp_path: Path) -> None:
    crashing = Environment(Path(sys.executable), (tmp_path,))
    (tmp_path / "httpx.py").write_text("import os; os._exit(1)")
    with Turns({"httpx": crashing}) as turns, pytest.raises(Unavailable, match="the process died"):
        turns.do("httpx", {"do": "flight", "url": "", "image": "/dev/null", "tasks": 1, "each": 1})


# The suite


def test_the_cases_per_second_of_a_check_are_compared_with_those_of_plain_schemathesis(url: str) -> None:
    check, plain = cases_per_second(f"{url}/any", rounds=1, depth="quick", max_seconds=0)
    assert (check.subject, plain.subject) == (SUITE, PLAIN)
    assert check.target == Target(3.0, "at least", beside=PLAIN)
    assert check.value is not None
    assert plain.value is not None
    assert plain.value > 0
    assert check.found == pytest.approx(check.value / plain.value)


def test_a_check_with_a_request_without_response_has_no_figure() -> None:
    with scripted_server((hear_request, say(answer())), (hear_request,)) as failing_server:
        check, _ = cases_per_second(failing_server.base_url, rounds=1, depth="quick", max_seconds=0)
    assert (check.value, check.met) == (None, False)
    assert "had no response" in check.note


# scripts/regenerate


def test_time_and_peak_memory_of_regenerate_are_compared_with_those_of_the_generator() -> None:
    made = costs(3, rounds=1)
    assert [(it.measure, it.subject, it.unit) for it in made] == [
        (f"3 operations, {measure}", subject, unit)
        for measure, unit in (("time", "ms"), ("peak", "MiB"))
        for subject in (OURS, GENERATOR)
    ]
    assert all(it.value for it in made)
    assert [it.found is not None for it in made] == [True, False] * 2
