"""The exit codes and messages of the command. No failure shows a traceback."""

import json
import os
import re
import shlex
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from image_variations_conformance.cli import check as check_module
from image_variations_conformance.cli import main as cli
from image_variations_conformance.reference.app.service import Service
from image_variations_conformance.reference.app.serving import running
from image_variations_conformance.reference.variants import FAULTS, QUIRKS, faulty
from support.hostile import said
from support.judging import KEY
from support.loopback import hear_request, say, scripted_server
from support.processes import free_port
from support.requests import CONTRACT

pytestmark = pytest.mark.slow


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the command in a process of its own."""
    command = [sys.executable, "-m", "image_variations_conformance", *arguments]
    settings = {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "PYTHONPATH": os.environ.get("PYTHONPATH", ""), **environment}
    return subprocess.run(command, capture_output=True, text=True, env=settings, timeout=120, check=False)


VERSION = r"[0-9][^ ]*"


def test_check_reference_judges_the_reference_server_and_exits_0() -> None:
    completed = run("check", "--reference", "--seed", "3")
    assert completed.returncode == 0
    # A slow run shows its progress.
    assert re.fullmatch(r"(\d+ of \d+ sent, next is [\w-]+\n)*", completed.stderr)
    first, *lines = completed.stdout.splitlines()
    parts = [f"image-variations {VERSION}", f"contract {VERSION}", "seed 3", "a key made for the run"]
    assert re.fullmatch(" \u00b7 ".join([*parts, r"http://127.0.0.1:\d+/v1"]), first)
    assert re.fullmatch(
        r"\d+ pass \u00b7 0 fail \u00b7 0 warn \u00b7 3 not tested     \d+ requests, .* \d+ s", lines[-2]
    )
    assert re.fullmatch(rf"Conforms to contract {VERSION}\.", lines[-1])
    # At most one screen.
    assert len(lines) < 10


def test_verbose_shows_every_requirement_and_quiet_the_outcome_alone() -> None:
    verbose = run("check", "--reference", "--depth", "quick", "--verbose", "--seed", "1").stdout.splitlines()
    text = CONTRACT.requirements["IV-N-DEFAULT"].text
    assert f"pass       must   {'IV-N-DEFAULT':26} {text}" in verbose
    assert "           holds  n=absent" in verbose
    quiet = run("check", "--reference", "--depth", "quick", "--quiet", "--seed", "1").stdout.splitlines()
    assert quiet == verbose[-1:]


def test_a_violated_must_exits_1_and_is_in_the_report(tmp_path: Path) -> None:
    report = tmp_path / "report"
    with running(faulty(["n-capped"], api_key=KEY)) as server:
        completed = run("check", server.base_url, "--api-key", KEY, "--report-dir", str(report), "--seed", "1")
    assert completed.returncode == 1
    lines = completed.stdout.splitlines()
    (heading,) = (line for line in lines if line.startswith("FAIL"))
    assert heading.startswith("FAIL  IV-RES-COUNT  must  The list data has exactly n items.  reference-page.md#n; ")
    assert any(line.startswith("      n=10: expected 10 items, got 4") for line in lines)
    assert any(f"{report}/IV-RES-COUNT/" in line for line in lines if "curl -sS" in line or "/dev/tcp/" in line)
    assert "Failed     IV-RES-COUNT" in lines
    assert lines[-2:] == [
        f"{report}/report.json",
        f"Does not conform to contract {read_version(report)}: 1 requirement broken.",
    ]
    assert json.loads((report / "report.json").read_text())["outcome"] == "fails"
    assert KEY not in completed.stdout + completed.stderr


def read_version(report: Path) -> str:
    return str(json.loads((report / "report.json").read_text())["provenance"]["contract_version"])


def test_a_violated_should_exits_0_and_with_strict_exits_1() -> None:
    with running(faulty(["errors-as-422"], api_key=KEY)) as server:
        lenient = run("check", server.base_url, IMAGE_VARIATIONS_API_KEY=KEY)
        strict = run("check", server.base_url, "--strict", OPENAI_API_KEY=KEY)
    assert (lenient.returncode, strict.returncode) == (0, 1)
    assert re.fullmatch(rf"Conforms to contract {VERSION} with 2 warnings\.", lenient.stdout.splitlines()[-1])
    assert re.fullmatch(
        rf"Does not conform to contract {VERSION}: 2 requirements broken\.", strict.stdout.splitlines()[-1]
    )


@pytest.mark.parametrize("choice", [("--depth", "quick"), ("--only", "IV-N-BOUNDS"), ("--max-images", "5")])
def test_what_the_user_left_out_exits_0_and_with_require_complete_exits_1(choice: tuple[str, str]) -> None:
    lenient = run("check", "--reference", "--seed", "1", *choice)
    complete = run("check", "--reference", "--seed", "1", "--require-complete", *choice)
    assert (lenient.returncode, complete.returncode) == (0, 1)
    assert lenient.stdout.splitlines()[-1].startswith("Incomplete: no requirement of contract ")
    assert complete.stdout.splitlines()[-1] == lenient.stdout.splitlines()[-1]


def test_a_run_with_only_counts_what_was_selected_alone() -> None:
    completed = run(
        "check", "--reference", "--seed", "1", "--depth", "quick", "--only", "IV-N-BOUNDS", "--only", "IV-RES-KEY"
    )
    counts = completed.stdout.splitlines()[-2]
    assert counts.startswith(f"2 of {len(CONTRACT.requirements)} requirements selected: ")
    assert "not tested" not in counts
    assert "--only left it out" not in completed.stdout


def test_a_whole_run_is_complete() -> None:
    assert run("check", "--reference", "--require-complete", "--seed", "2").returncode == 0


@pytest.mark.parametrize(
    ("arguments", "environment", "source"),
    [
        (("--api-key", "sk-something-else"), {"OPENAI_API_KEY": KEY}, "key from --api-key"),
        (
            (),
            {"IMAGE_VARIATIONS_API_KEY": "sk-something-else", "OPENAI_API_KEY": KEY},
            "key from IMAGE_VARIATIONS_API_KEY",
        ),
        ((), {"OPENAI_API_KEY": "sk-something-else"}, "key from OPENAI_API_KEY"),
        ((), {}, "no key"),
        (("--only", "IV-N-BOUNDS", "--workers", "8"), {}, "no key"),
    ],
)
def test_a_run_whose_first_responses_are_all_401_stops_and_says_how_to_give_a_key(
    arguments: tuple[str, ...], environment: dict[str, str], source: str
) -> None:
    with running(faulty([], api_key=KEY)) as server:
        completed = run("check", server.base_url, *arguments, **environment)
    assert completed.returncode == 2
    assert source in completed.stdout.splitlines()[0]
    message = " ".join(completed.stderr.split())
    assert re.search(
        r"Stopped after 2 requests: each was answered 401 \(.*API key.*\)\. Give the API key with --api-key", message
    )
    assert f"This run had {source}." in message
    assert "sk-something-else" not in completed.stdout + completed.stderr


def test_a_run_that_only_tests_wrong_keys_is_not_stopped_by_401() -> None:
    with running(faulty([], api_key=KEY)) as server:
        completed = run(
            "check", server.base_url, "--api-key", KEY, "--only", "IV-AUTH-REQUIRED", "--only", "IV-AUTH-WRONG"
        )
    assert completed.returncode == 0


def test_a_missing_endpoint_exits_1_and_is_named_in_the_headline() -> None:
    with running(faulty([], api_key=KEY)) as server:
        completed = run("check", server.base_url.replace("/v1", "/v2"), "--api-key", KEY)
    assert completed.returncode == 1
    assert completed.stdout.splitlines()[-1].endswith(
        ": POST /images/variations is not offered; every request was answered 404."
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("check", f"http://127.0.0.1:{free_port()}/v1"), "cannot be reached"),
        (("check", "127.0.0.1:8000/v1"), "does not begin with http:// or https://"),
        (("check",), "expected either a URL, --app or --reference, got neither"),
        (("check", ""), "the base URL is empty"),
        (("check", "http://127.0.0.1:1/v1", "--reference"), "got both"),
        (("check", "http://127.0.0.1:1/v1", "http://127.0.0.1:2/v1"), "expected one URL, got 2 arguments"),
        (("check", "--reference", "--verbose", "--quiet"), "--verbose and --quiet exclude each other"),
        (("check", "--reference", "--timeout", "inf"), "expected a number of seconds, more than 0"),
        (("check", "--reference", "--timeout", "nan"), "expected a number of seconds, more than 0"),
        (("check", "--reference", "--timeout", "1e300"), "at most 86400"),
        (("check", "--reference", "--max-seconds", "nan"), "expected a number of seconds, 0 or more"),
        (("serve", "--latency", "inf"), "expected a number of seconds, 0 or more"),
        (("check", "http://127.0.0.1:8000/v1/images/variations"), "goes too far"),
        (("check", "--seed", "x"), "Invalid value for '--seed'"),
        (("check", "--timeout", "0"), "Invalid value for '--timeout'"),
        (("check", "--reference", "--report-dir", "/dev/null"), "/dev/null is not a folder"),
        (("check", "--reference", "--report-dir", "/proc/report"), "/proc/report cannot be written to: /proc: "),
        (("serve", "--api-key", ""), "--api-key is empty"),
        (("serve", "--api-key", "a b"), "--api-key is not an API key"),
        (("explain", "no-such"), "'image-variations list' shows them all"),
        (("explain", "iv-n-rang"), "there is no requirement 'iv-n-rang'; did you mean IV-N-RANGE?"),
        (("check", "--reference", "--only", "iv-n-rang"), "did you mean IV-N-RANGE?"),
        (("serve", "--fault", "n-caped"), "n-capped"),
        (("serve", "--port", "99999"), "Invalid value for '--port'"),
        (("chek",), "No such command"),
    ],
)
def test_an_invalid_call_exits_2_with_a_message_and_no_traceback(arguments: tuple[str, ...], message: str) -> None:
    completed = run(*arguments)
    assert completed.returncode == 2
    assert message in " ".join(completed.stderr.split())
    assert "Traceback" not in completed.stderr + completed.stdout


def test_serving_on_a_port_in_use_exits_2_with_a_message() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        completed = run("serve", "--port", str(server.getsockname()[1]))
    assert completed.returncode == 2
    assert "Cannot listen at 127.0.0.1" in completed.stderr


def test_an_internal_error_exits_3_and_asks_for_a_report(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def raise_key_error(*_: object) -> None:
        raise KeyError("a bug")

    monkeypatch.setattr(check_module, "run_check", raise_key_error)
    monkeypatch.setattr(sys, "argv", ["image-variations", "check", "--reference"])
    with pytest.raises(SystemExit) as raised:
        cli.main()
    assert raised.value.code == 3
    assert "not of the server. Please report it" in capsys.readouterr().err


def test_list_and_explain_show_the_requirements_of_the_register() -> None:
    listed = run("list").stdout
    assert "IV-RES-COUNT           must   The list data has exactly n items." in listed.splitlines()
    assert len(listed.splitlines()) == len(CONTRACT.requirements)
    explained = run("explain", "iv-res-count").stdout
    assert "Source: page:n; page:data; reading:data" in explained
    assert "Evidence: n=1, n=2, n=10, n=3, n=8" in explained.splitlines()
    assert "Broken by the fault n-capped" in explained


def test_each_model_that_is_named_is_one_of_the_contract() -> None:
    explained = run("explain", "IV-MODEL-ACCEPTED", "--model", "flux", "--model", "sdxl").stdout
    assert "As model, flux or sdxl is accepted." in explained


@pytest.mark.parametrize("arguments", [("list",), ("explain", "IV-N-RANGE")])
def test_list_and_explain_read_the_profile_of_the_working_folder_and_say_so(
    tmp_path: Path, arguments: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "image-variations.toml").write_text("max_n = 4\n")
    monkeypatch.chdir(tmp_path)
    completed = run(*arguments)
    assert "from 1 to 4" in completed.stdout
    assert completed.stderr == f"By the profile image-variations: max_n ({tmp_path}/image-variations.toml:1)\n"
    without = run(*arguments, "--profile", "none")
    assert ("from 1 to 10" in without.stdout, without.stderr) == (True, "")


def test_list_faults_shows_each_fault() -> None:
    completed = run("serve", "--list-faults")
    assert completed.returncode == 0
    assert [name for name in FAULTS if name not in completed.stdout.split()] == []


def test_serve_listens_until_interrupted_and_then_exits_0() -> None:
    command = [sys.executable, "-m", "image_variations_conformance", "serve", "--port", "0", "--api-key", KEY]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        url = next(word for word in process.stdout.readline().split() if word.startswith("http"))
        assert run("check", url, "--api-key", KEY).returncode == 0
        process.send_signal(2)
        _, errors = process.communicate(timeout=20)
    assert (process.returncode, errors) == (0, "")


def test_quirks_are_listed_and_a_quirk_that_is_unknown_or_used_with_a_fault_exits_2() -> None:
    listed = run("serve", "--list-quirks").stdout
    assert all(name in listed for name in QUIRKS)
    both = run("serve", "--quirk", "gzip", "--fault", "n-capped")
    assert (both.returncode, both.stdout) == (2, "")
    assert "do not go together" in both.stderr
    unknown = run("serve", "--quirk", "no-such", "--port", "0")
    assert (unknown.returncode, "no-such" in unknown.stderr) == (2, True)


def test_a_dry_run_lists_the_plan_and_sends_nothing() -> None:
    command = ("check", f"http://127.0.0.1:{free_port()}/v1", "--api-key", KEY, "--dry-run", "--seed", "1")
    completed = run(*command, "--depth", "quick")
    assert (completed.returncode, completed.stderr) == (0, "")
    lines = completed.stdout.splitlines()
    assert [line for line in lines if re.fullmatch(r"n-zero +to be refused +[\d,]+ bytes  n='0'", line)]
    assert [line for line in lines if re.fullmatch(r"n=2 +to be accepted +2 images +IV-N-RANGE", line)]
    assert [line for line in lines if re.fullmatch(r"method-head +not to break the server", line)]
    assert re.match(r"\d+ requests to be refused; \d+ properties to be accepted, .* Seed 1\.", lines[-2])
    assert re.fullmatch(r"At most \d+ requests and \d+ images\.", lines[-1])
    assert KEY not in completed.stdout
    deep = run(*command, "--depth", "deep", "--max-seconds", "9").stdout.splitlines()
    assert deep[-2:] == [
        "There is no limit on requests and images.",
        "Then random requests, until 9 s after the start or until a limit is reached.",
    ]


def test_a_run_with_random_requests_writes_nothing_to_the_working_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    completed = run("check", "--reference", "--only", "IV-OP-VALID", XDG_CACHE_HOME=str(tmp_path / "cache"))
    assert completed.returncode == 0
    assert list(Path.cwd().iterdir()) == []
    assert (tmp_path / "cache/image-variations/hypothesis").is_dir()


def test_only_with_an_unknown_requirement_exits_2() -> None:
    completed = run("check", "--reference", "--only", "no-such")
    assert completed.returncode == 2
    assert "there is no requirement 'no-such'" in completed.stderr


def test_a_baseline_that_is_no_toml_exits_2_and_says_where(tmp_path: Path) -> None:
    path = tmp_path / "known.toml"
    path.write_text("x = [\n")
    completed = run("check", "--reference", "--baseline", str(path))
    assert completed.returncode == 2
    assert completed.stderr == f"Error: {path} is not valid TOML: Invalid value (at end of document)\n"


SECRET = "tok-4f7d2a91c3"  # noqa: S105 - not a real secret


@pytest.mark.parametrize(
    ("arguments", "environment", "message"),
    [
        (("--api-key", ""), {}, "--api-key is empty"),
        ((), {"OPENAI_API_KEY": ""}, "OPENAI_API_KEY is empty"),
        ((), {"IMAGE_VARIATIONS_API_KEY": "", "OPENAI_API_KEY": SECRET}, "IMAGE_VARIATIONS_API_KEY is empty"),
        (("--api-key", f"{SECRET}\n"), {}, "--api-key is not an API key"),
        ((), {"OPENAI_API_KEY": f" {SECRET}"}, "OPENAI_API_KEY is not an API key"),
        (("--api-key", f"{SECRET} {SECRET}"), {}, "without spaces"),
        (("--api-key", f"{SECRET}\u00e9"), {}, "printable ASCII"),
        (("--header", SECRET), {}, "expected 'Name: value'"),
        (("--header", f"X Y: {SECRET}"), {}, "expected 'Name: value'"),
        (("--header", "X-Token:"), {}, "the value of X-Token is empty"),
        (("--header", f"X-Token: {SECRET} "), {}, "without spaces at its ends"),
        (("--header", f"X-Token:  {SECRET}"), {}, "without spaces at its ends"),
        (("--header", f"X-Token: {SECRET}\r\nX-More: 1"), {}, "without line breaks"),
        (("--header", f"content-length: {SECRET}"), {}, "content-length cannot be set"),
        (("--header", f"Host: {SECRET}"), {}, "Host cannot be set"),
        (("--header", f"Transfer-Encoding: {SECRET}"), {}, "Transfer-Encoding cannot be set"),
        (("--header", f"Authorization: Basic {SECRET}"), {"OPENAI_API_KEY": SECRET}, "beside the API key"),
        ((SECRET,), {}, "expected one URL, got 2 arguments"),
        (("--timeout", "0", "--api-key", SECRET), {}, "Invalid value for '--timeout'"),
        (("--api-kye", SECRET), {}, "--api-k"),
    ],
)
def test_an_unusable_key_header_or_argument_exits_2_before_anything_is_sent_and_is_not_quoted(
    arguments: tuple[str, ...], environment: dict[str, str], message: str, tmp_path: Path
) -> None:
    with scripted_server() as server:
        completed = run("check", server.base_url, "--report-dir", str(tmp_path / "report"), *arguments, **environment)
        assert server.heard == []
    assert (completed.returncode, completed.stdout) == (2, "")
    assert message in " ".join(completed.stderr.split())
    assert SECRET not in completed.stderr
    assert "Traceback" not in completed.stderr
    assert not (tmp_path / "report").exists()


@pytest.mark.parametrize(
    "url",
    [
        f"http://me:{SECRET}@127.0.0.1:1/v1",
        f"http://127.0.0.1:1/v1?key={SECRET}",
        SECRET,
        f"http://127.0.0.1:1/{SECRET}/images/variations",
    ],
)
def test_a_refused_url_is_not_quoted_in_the_message(url: str) -> None:
    completed = run("check", url)
    assert (completed.returncode, completed.stdout) == (2, "")
    assert "expected the part before /images/variations" in " ".join(completed.stderr.split())
    assert SECRET not in completed.stderr


def test_serve_does_not_show_the_api_key_that_the_user_gave() -> None:
    command = [sys.executable, "-m", "image_variations_conformance", "serve", "--port", "0", "--api-key", SECRET]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        first_line = process.stdout.readline()
        process.terminate()
    assert first_line.startswith("The reference server listens at ")
    assert SECRET not in first_line


def test_text_between_colons_is_not_shown_as_an_emoji() -> None:
    error = {"error": {"message": "not :b: but :smile: [bold]", "type": "t", "param": None, "code": None}}
    with scripted_server((hear_request, say(said(error, 500)))) as server:
        completed = run(
            "check", server.base_url, "--only", "IV-OP-VALID", "--max-requests", "2", "--header", "X-A: :b:"
        )
    assert "\U0001f171" not in completed.stdout
    with running(faulty([], api_key=KEY)) as server:
        url = server.base_url.replace("/v1", "/:b:")
        completed = run("check", url, "--api-key", KEY, "--depth", "quick")
    assert completed.stdout.splitlines()[0].endswith("/:b:")


def test_running_out_of_file_descriptors_exits_3_without_a_report(tmp_path: Path) -> None:
    with running(Service(api_key=KEY, latency=0.5)) as server:
        command = [sys.executable, "-m", "image_variations_conformance", "check", server.base_url, "--api-key", KEY]
        command += ["--workers", "64", "--report-dir", str(tmp_path / "report")]
        completed = subprocess.run(
            ["bash", "-c", f"ulimit -n 24; exec {shlex.join(command)}"],
            capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
    assert completed.returncode == 3
    assert "this machine cannot go on: Too many open files" in " ".join(completed.stderr.split())
    assert "Traceback" not in completed.stderr
    assert not (tmp_path / "report" / "report.json").exists()


def test_running_out_of_threads_exits_3(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def refuse(*_: object) -> None:
        raise RuntimeError("can't start new thread")

    with scripted_server((hear_request, say(said({}, 500)))) as server:
        monkeypatch.setattr(sys, "argv", ["image-variations", "check", server.base_url, "--workers", "2"])
        monkeypatch.setattr(ThreadPoolExecutor, "submit", refuse)
        with pytest.raises(SystemExit) as raised:
            cli.main()
    assert raised.value.code == 3
    assert "this machine cannot go on: no more threads can be started" in " ".join(capsys.readouterr().err.split())
