"""scripts/bench: its arithmetic, its gate, its servers, a tiny round of what it measures."""

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
from benchmark.subjects import SUBJECTS, Subject
from benchmark.suite import IDEAL, PLAIN, REPLAY, SUITE, SuiteBench, slow_server
from benchmark.suite import Effort as SuiteEffort
from benchmark.turns import Turns, rotate, server
from benchmark.worker import Worker, WrongWork
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from image_variations_conformance.cases import Builder
from image_variations_conformance.pictures import look
from image_variations_conformance.png import inspect
from image_variations_conformance.transport import Target as Server
from image_variations_conformance.transport import Transport
from qualification.subjects import KEY
from scripted_server import answer, hear_request, say, scripted_server

_HERE = Environment(Path(sys.executable))
_LINUX = pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="memory is read from /proc")

_seconds = st.floats(1e-6, 1e3)


# Figures


@given(base=st.lists(_seconds, min_size=1, max_size=15), factor=st.floats(0.1, 10), data=st.data())
def test_a_ratio_is_the_factor_however_the_machine_slows_down_between_rounds(
    base: list[float], factor: float, data: st.DataObject
) -> None:
    slower = data.draw(st.lists(st.floats(1, 100), min_size=len(base), max_size=len(base)))
    theirs = [seconds * slow for seconds, slow in zip(base, slower, strict=True)]
    assert ratio([factor * seconds for seconds in theirs], theirs) == pytest.approx(factor)


@given(values=st.lists(_seconds, min_size=1, max_size=9), bound=_seconds)
def test_a_target_without_another_subject_is_about_the_median(values: list[float], bound: float) -> None:
    (at_most,) = figures("it", "ms", ["client"], {"client": values}, targets={"client": Target(bound)})
    (at_least,) = figures("it", "ms", ["client"], {"client": values}, targets={"client": Target(bound, "at least")})
    assert at_most.value == at_most.found == median(values)
    assert at_most.met == (median(values) <= bound)
    assert at_least.met == (median(values) >= bound)


def test_a_target_beside_a_subject_is_about_the_ratio_to_that_one() -> None:
    rounds = {"httpx": [1.0, 2.0, 4.0], "openai": [10.0, 20.0, 40.0], "client": [2.0, 4.0, 8.0]}
    httpx, client, openai = figures(
        "it", "ms", ["httpx", "client", "openai"], rounds, targets={"client": Target(0.2, beside="openai")}
    )
    assert (client.value, client.ratio, client.found, client.met) == (4.0, 2.0, 0.2, True)
    assert (httpx.ratio, httpx.met) == (1.0, None)
    assert (openai.ratio, openai.met) == (10.0, None)


def test_what_was_not_measured_meets_no_target() -> None:
    targets = {"client": Target(100.0), "fast": Target(100.0, beside="openai")}
    client, fast, other = figures(
        "it", "ms", ["client", "fast", "other"], {"fast": [1.0]}, notes={"client": "needs java"}, targets=targets
    )
    assert (client.value, client.note, client.met) == (None, "needs java", False)
    assert (fast.value, fast.found, fast.met) == (1.0, None, False)
    assert (other.value, other.note, other.met) == (None, "not measured", None)


# Turns


def test_in_each_round_each_subject_works_once_and_another_one_begins() -> None:
    order: list[str] = []

    def work(subject: str) -> float:
        order.append(subject)
        return float(len(order))

    found, notes = rotate(["a", "b", "c"], 3, work)
    assert order == ["a", "b", "c", "b", "c", "a", "c", "a", "b", "a", "b", "c"]
    assert found == {"a": [6.0, 8.0, 10.0], "b": [4.0, 9.0, 11.0], "c": [5.0, 7.0, 12.0]}  # not the first round
    assert notes == {}


def test_a_subject_that_fails_is_left_out_with_the_reason_and_the_others_go_on() -> None:
    left = 2

    def work(subject: str) -> float:
        nonlocal left
        left -= subject == "b"
        if subject == "b" and left < 0:
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


def test_a_subject_gets_what_it_needs_and_what_that_needs_in_turn() -> None:
    pins = lock.parse(_LOCK)
    assert lock.closure(pins, ["httpx"]) == ["anyio", "colour", "httpx"]
    assert lock.closure(pins, ["other"]) == ["other"]
    assert pins["colour"].lines == (
        "colour==1.0 ; sys_platform == 'win32' \\\n    --hash=sha256:bb \\\n    --hash=sha256:cc\n"
    )


def test_a_lock_file_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match=r"not a pinned package: 'httpx>=0\.28'"):
        lock.parse("httpx>=0.28\n")


def test_every_subject_is_locked_with_hashes_at_the_versions_of_the_project() -> None:
    pins = lock.parse((SCRIPTS / "benchmark" / "requirements.txt").read_text(encoding="utf-8"))
    project = lock.parse((SCRIPTS / "requirements.txt").read_text(encoding="utf-8"))
    assert REQUIREMENTS.keys() == SUBJECTS.keys()
    for roots in REQUIREMENTS.values():
        assert set(lock.closure(pins, roots)) > set(roots)
    for name, pin in pins.items():
        assert "--hash=sha256:" in pin.lines
        if name in project:
            assert pin.lines.split()[0] == project[name].lines.split()[0]


# The gate

_MET = Figure("1 KB call", "client", "ms", 0.5, 1.04, Target(1.10, beside="httpx"), 1.04)
_MISSED = Figure("import", "client", "ms", 90.0, 1.5, Target(1.40, beside="httpx"), 1.5)
_LACKING = Figure("flight", "client", "calls/s", target=Target(0.95, "at least", beside="httpx"), note="no java")
_PLAIN = Figure("flight", "httpx", "calls/s", 1234.5, 1.0)


@pytest.mark.parametrize(
    ("measured", "arguments", "code"),
    [
        ([_MET, _PLAIN], [], 0),
        ([_MET, _MISSED], [], 1),
        ([_LACKING], [], 1),
        ([_MISSED, _LACKING], ["--no-gate"], 0),
    ],
)
def test_a_missed_target_ends_with_1_unless_told_otherwise(
    measured: list[Figure], arguments: list[str], code: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(__main__, "measure_client", lambda: measured)
    file = tmp_path / "figures.json"
    result = CliRunner().invoke(__main__.command, ["client", "--json", str(file), *arguments])
    assert result.exit_code == code
    report = json.loads(file.read_text())
    assert report["met"] == all(figure.met is not False for figure in measured)
    assert [(it["measure"], it["subject"], it["value"], it["met"]) for it in report["figures"]] == [
        (it.measure, it.subject, it.value, it.met) for it in measured
    ]


def test_the_table_shows_each_figure_with_its_target_and_whether_it_is_met() -> None:
    assert table.lines([_MET, _MISSED, _LACKING, _PLAIN]) == [
        "           median           to httpx  target                      met",
        "1 KB call",
        "  client     0.50  ms           1.04  1.04, at most 1.10 x httpx  yes",
        "import",
        "  client    90.00  ms           1.50  1.50, at most 1.40 x httpx  NO",
        "flight",
        "  client        -                     no java                     NO",
        "  httpx     1,234  calls/s      1.00",
    ]
    assert table.missed([_MET, _MISSED, _LACKING, _PLAIN]) == [
        "missed: import, client: 1.50, at most 1.40 x httpx",
        "missed: flight, client: not measured, at least 0.95 x httpx (no java)",
    ]


def test_a_table_without_ratios_has_no_heading_for_them() -> None:
    assert table.lines([Figure("cases", "check", "cases/s", 250.4)]) == [
        "         median             target  met",
        "cases",
        "  check     250  cases/s",
    ]


# The server, the material and the worker


@pytest.fixture(scope="module")
def material(tmp_path_factory: pytest.TempPathFactory) -> Material:
    return Material.make(tmp_path_factory.mktemp("material"))


@pytest.fixture(scope="module")
def url(material: Material) -> Iterator[str]:
    with server(material.small_picture) as url:
        yield url


@pytest.mark.parametrize("at", [1, 30, 90, 95, 100])
def test_the_server_answers_when_a_body_is_whole_and_tells_its_length(url: str, at: int) -> None:
    head = b"POST /url/images/variations HTTP/1.1\r\nHost: a\r\ncontent-length: 20\r\n\r\n"
    request = head + b"\r\n\r\n" * 5
    host, port = url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=5) as connection:
        for _ in range(2):  # the connection stays open
            connection.sendall(request[:at])
            connection.settimeout(0.05)
            if at < len(request):
                with pytest.raises(TimeoutError):
                    connection.recv(1)
            connection.settimeout(5)
            connection.sendall(request[at:])
            answer = connection.recv(4096)
            assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
            assert json.loads(answer.partition(b"\r\n\r\n")[2])["created"] == 20


@pytest.mark.parametrize(
    "request_head",
    [
        b"POST /url/images/variations HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"POST /elsewhere HTTP/1.1\r\nContent-Length: 0\r\n\r\n",
    ],
)
def test_the_server_refuses_what_no_subject_should_send(url: str, request_head: bytes) -> None:
    host, port = url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=5) as connection:
        connection.sendall(request_head)
        assert connection.recv(4096).startswith(b"HTTP/1.1 400 ")
        assert connection.recv(1) == b""


def test_the_images_are_whole_squares_of_the_sizes_they_are_named_after(material: Material) -> None:
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
    ids=["no body", "by length", "in chunks"],
)
def test_the_server_answers_whatever_comes_with_the_picture_and_closes(
    url: str, material: Material, request_bytes: bytes
) -> None:
    host, port = url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=5) as connection:
        for at in range(0, len(request_bytes), 7):
            connection.sendall(request_bytes[at : at + 7])
        answer = b"".join(iter(lambda: connection.recv(1 << 16), b""))
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 OK\r\n")
    value = json.loads(body)
    assert abs(value["created"] - time.time()) < 60
    assert base64.b64decode(value["data"][0]["b64_json"]) == material.small_picture.read_bytes()
    assert look(material.small_picture.read_bytes()).size == "256x256"


class _Careless:
    """A subject that is fast because it does not do the work."""

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
def test_a_subject_that_does_not_do_the_work_is_not_timed(material: Material) -> None:
    worker = Worker(cast(Subject, _Careless()))
    kilobyte, large, answer = map(str, (material.kilobyte, material.hundred_megabytes, material.ten_images))
    with pytest.raises(WrongWork, match="a form of 500 bytes for an image of 1000"):
        worker.do({"do": "call", "url": "", "image": kilobyte, "answer": "url", "times": 1})
    with pytest.raises(WrongWork, match="the images are not those of the answer"):
        worker.do({"do": "decode", "body": answer, "image": kilobyte, "times": 1})
    with pytest.raises(WrongWork, match="a form of 17 bytes"):
        worker.do({"do": "upload_peak", "url": "", "small": kilobyte, "file": large})
    with pytest.raises(ExceptionGroup) as several:
        worker.do({"do": "flight", "url": "", "image": kilobyte, "tasks": 2, "each": 1})
    assert several.group_contains(WrongWork, match="a form of 17 bytes")
    worker.close()


# One tiny round, in the project's own environment

_TINY = Effort(
    calls=1,
    kilobyte_calls=2,
    four_megabyte_calls=1,
    imports=1,
    starts=1,
    decodes=1,
    flights=1,
    tasks=3,
    calls_each=2,
    peaks=1,
)


@pytest.fixture(scope="module")
def bench(url: str, material: Material) -> Iterator[Bench]:
    here = dict.fromkeys(("httpx", "client", "openai"), _HERE)
    with Turns(here) as turns:
        yield Bench(turns, here, {"openapi-generator": "needs java"}, material, url, _TINY)


@pytest.mark.parametrize("measure", ["kilobyte_call", "four_megabyte_call", "in_flight", "decoding", "importing"])
def test_a_tiny_round_gives_a_figure_for_each_subject_that_is_there(bench: Bench, measure: str) -> None:
    # Importing has two figures a subject; the first is the one with a target.
    made = {figure.subject: figure for figure in reversed(getattr(bench, measure)())}
    for subject in ("httpx", "client", "openai"):
        figure = made[subject]
        assert figure.note == ""
        assert figure.value is not None
        assert figure.value > 0
        assert figure.ratio is not None
        assert figure.ratio > 0
    assert made["client"].target is not None
    assert made["client"].found is not None
    if "openapi-generator" in made:
        assert (made["openapi-generator"].value, made["openapi-generator"].note) == (None, "needs java")


@_LINUX
def test_the_peak_of_reading_a_whole_file_is_seen_and_that_of_streaming_it_is_small(bench: Bench) -> None:
    streamed = {figure.subject: figure.value for figure in bench.upload_peak()}
    assert streamed["httpx"] is not None
    assert 0 <= streamed["httpx"] < 4
    decoded = {figure.subject: figure.value for figure in bench.decoding_peak()}
    assert decoded["httpx"] is not None
    assert decoded["httpx"] > 10  # of an answer of 13 MB ten images of 1 MB


def test_a_subject_whose_process_dies_is_unavailable(tmp_path: Path) -> None:
    nobody = Environment(Path(sys.executable), (tmp_path,))
    (tmp_path / "httpx.py").write_text("import os; os._exit(1)")
    with Turns({"httpx": nobody}) as turns, pytest.raises(Unavailable, match="its process died"):
        turns.do("httpx", {"do": "flight", "url": "", "image": "/dev/null", "tasks": 1, "each": 1})


# The suite

_QUICK_SUITE = SuiteEffort(
    rounds=1, depth="quick", deep_seconds=0, waits=1, waiting_depth="quick", latency_seconds=0.01, slots=3, workers=(4,)
)


@pytest.fixture(scope="module")
def suite_figures(url: str) -> list[Figure]:
    """The figures of a tiny run; Schemathesis has its usual length."""
    bench = SuiteBench(f"{url}/any", _QUICK_SUITE)
    return [*bench.cases_in_a_second(), *bench.waiting()]


def test_the_suite_is_held_against_a_replay_and_against_schemathesis(suite_figures: list[Figure]) -> None:
    cases = [figure for figure in suite_figures if figure.unit == "cases/s"]
    assert [figure.subject for figure in cases] == [SUITE, REPLAY, SUITE, PLAIN]
    assert all(figure.value is not None and figure.value > 0 for figure in cases)
    for own, other, bound in ((cases[0], cases[1], 0.25), (cases[2], cases[3], 2.5)):
        assert own.target == Target(bound, "at least", beside=other.subject)
        assert own.value is not None
        assert other.value is not None
        assert own.found == pytest.approx(own.value / other.value)


def test_the_time_on_a_slow_server_is_held_against_that_of_its_images(suite_figures: list[Figure]) -> None:
    waiting = [figure for figure in suite_figures if figure.unit == "s"]
    assert [figure.subject for figure in waiting] == ["check --workers 4", IDEAL]
    assert waiting[0].target == Target(1.3, beside=IDEAL)
    # A quick run asks for so many images; a third of each's hundredth of a second is what they take at least.
    assert waiting[1].value == pytest.approx(15 * 0.01 / 3, abs=0.02)
    assert waiting[0].value is not None
    assert waiting[0].value > (waiting[1].value or 0)


def test_a_run_without_all_its_answers_is_no_figure() -> None:
    with scripted_server((hear_request, say(answer())), (hear_request,)) as silent:
        bench = SuiteBench(silent.base_url, _QUICK_SUITE)
        (own, *_) = bench.cases_in_a_second()
    assert (own.value, own.met) == (None, False)
    assert "had no answer" in own.note


def test_the_slow_server_makes_as_many_images_at_a_time_as_it_has_slots() -> None:
    with slow_server(0.3, 2) as base_url:
        target = Server.parse(base_url, KEY)
        form = Builder.of(target, 1, "four").form(n="4", size="256x256")
        exchange = Transport(target).send("four", form)
    assert exchange.response is not None
    assert exchange.response.status == 200
    assert 0.6 <= exchange.seconds < 1.2  # two rounds of two, and not four of one


@pytest.mark.parametrize(("measured", "code"), [([_MET], 0), ([_MISSED], 1)])
def test_a_missed_target_of_the_suite_ends_with_1(
    measured: list[Figure], code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(__main__, "measure_suite", lambda: measured)
    assert CliRunner().invoke(__main__.command, ["suite"]).exit_code == code
