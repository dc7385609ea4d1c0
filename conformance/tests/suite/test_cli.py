"""The command: its exit codes, its messages, and that no traceback reaches a user."""

import json
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
from image_variations_conformance.reference.faults.catalogue import FAULTS, faulty
from image_variations_conformance.reference.quirks.catalogue import QUIRKS
from support.hostile import said
from support.judging import KEY
from support.loopback import hear_request, say, scripted_server


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the command in a process of its own."""
    command = [sys.executable, "-m", "image_variations_conformance", *arguments]
    settings = {"PATH": "/usr/bin:/bin", "LC_ALL": "C", **environment}
    return subprocess.run(command, capture_output=True, text=True, env=settings, timeout=120, check=False)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


def test_check_reference_judges_the_reference_server_and_exits_0() -> None:
    done = run("check", "--reference", "--seed", "3")
    assert done.returncode == 0
    # On a slow machine it says how far it is.
    assert re.fullmatch(r"(\d+ of \d+ sent, next is [\w-]+\n)*", done.stderr)
    lines = done.stdout.splitlines()
    assert re.fullmatch(
        r"image-variations \S+, contract \S+, seed 3, a key made for the run: http://127.0.0.1:\d+/v1", lines[0]
    )
    assert "pass       must   IV-RES-COUNT           The list data has exactly n items." in lines
    assert lines[-1] == "Conforms."


def test_a_broken_must_exits_1_and_the_report_says_the_same(tmp_path: Path) -> None:
    with running(faulty(["n-capped"], api_key=KEY)) as server:
        done = run("check", server.base_url, "--api-key", KEY, "--report-dir", str(tmp_path / "report"))
    assert done.returncode == 1
    assert "FAIL IV-RES-COUNT (must)" in done.stdout
    assert done.stdout.splitlines()[-1] == "Does not conform: 1 requirement broken."
    assert f"--data-binary @{tmp_path}/report/cases/n-ten/request.body" in done.stdout
    assert json.loads((tmp_path / "report/report.json").read_text())["outcome"] == "fails"
    assert KEY not in done.stdout + done.stderr


def test_a_broken_should_exits_0_and_with_strict_1() -> None:
    with running(faulty(["errors-as-422"], api_key=KEY)) as server:
        lenient = run("check", server.base_url, IMAGE_VARIATIONS_API_KEY=KEY)
        strict = run("check", server.base_url, "--strict", OPENAI_API_KEY=KEY)
    assert (lenient.returncode, strict.returncode) == (0, 1)
    assert lenient.stdout.splitlines()[-1] == "Conforms, with 2 warnings."


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
        done = run("check", server.base_url, *arguments, **environment)
    assert done.returncode == 2
    assert source in done.stdout.splitlines()[0]
    said = " ".join(done.stderr.split())
    assert re.search(
        r"Stopped after 2 requests: each was answered 401 \(.*API key.*\)\. Give the API key with --api-key", said
    )
    assert f"This run had {source}." in said
    assert "sk-something-else" not in done.stdout + done.stderr


def test_a_run_that_only_tests_wrong_keys_is_not_stopped_by_401() -> None:
    with running(faulty([], api_key=KEY)) as server:
        done = run("check", server.base_url, "--api-key", KEY, "--only", "IV-AUTH-REQUIRED", "--only", "IV-AUTH-WRONG")
    assert done.returncode == 0


def test_an_endpoint_that_is_not_there_gets_one_headline() -> None:
    with running(faulty([], api_key=KEY)) as server:
        done = run("check", server.base_url.replace("/v1", "/v2"), "--api-key", KEY)
    assert done.returncode == 1
    assert "there is no POST /images/variations here" in done.stdout.splitlines()[-1]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("check", f"http://127.0.0.1:{_free_port()}/v1"), "cannot be reached"),
        (("check", "127.0.0.1:8000/v1"), "does not begin with http:// or https://"),
        (("check",), "expected either a URL or --reference, got neither"),
        (("check", ""), "the base URL is empty"),
        (("check", "http://127.0.0.1:1/v1", "--reference"), "got both"),
        (("check", "http://127.0.0.1:1/v1", "http://127.0.0.1:2/v1"), "expected one URL, got 2 arguments"),
        (("check", "--reference", "--timeout", "inf"), "expected a number of seconds, more than 0"),
        (("check", "--reference", "--timeout", "nan"), "expected a number of seconds, more than 0"),
        (("check", "--reference", "--timeout", "1e300"), "at most 86400"),
        (("check", "--reference", "--max-seconds", "nan"), "expected a number of seconds, 0 or more"),
        (("serve", "--latency", "inf"), "expected a number of seconds, 0 or more"),
        (("check", "http://127.0.0.1:8000/v1/images/variations"), "goes too far"),
        (("check", "--seed", "x"), "Invalid value for '--seed'"),
        (("check", "--timeout", "0"), "Invalid value for '--timeout'"),
        (("check", "--reference", "--report-dir", "/dev/null"), "/dev/null is not a folder"),
        (("explain", "no-such"), "'image-variations list' shows them all"),
        (("serve", "--fault", "n-caped"), "n-capped"),
        (("serve", "--port", "99999"), "Invalid value for '--port'"),
        (("chek",), "No such command"),
    ],
)
def test_a_wrong_call_exits_2_with_what_to_do_and_no_traceback(arguments: tuple[str, ...], says: str) -> None:
    done = run(*arguments)
    assert done.returncode == 2
    assert says in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr + done.stdout


def test_a_port_in_use_is_said() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        done = run("serve", "--port", str(server.getsockname()[1]))
    assert done.returncode == 2
    assert "Cannot listen at 127.0.0.1" in done.stderr


def test_a_bug_of_ours_exits_3_and_asks_for_a_report(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(*_: object) -> None:
        raise KeyError("a bug")

    monkeypatch.setattr(check_module, "run_check", broken)
    monkeypatch.setattr(sys, "argv", ["image-variations", "check", "--reference"])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 3
    assert "not of the server. Please report it" in capsys.readouterr().err


def test_list_and_explain_read_the_register() -> None:
    listed = run("list").stdout
    assert "IV-RES-COUNT           must   The list data has exactly n items." in listed.splitlines()
    explained = run("explain", "iv-res-count").stdout
    assert "Source: page: n" in explained
    assert "Broken by the fault n-capped" in explained


def test_list_faults_shows_each_fault() -> None:
    done = run("serve", "--list-faults")
    assert done.returncode == 0
    assert [name for name in FAULTS if name not in done.stdout.split()] == []


def test_serve_listens_until_interrupted_and_then_exits_0() -> None:
    command = [sys.executable, "-m", "image_variations_conformance", "serve", "--port", "0", "--api-key", KEY]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        url = next(word for word in process.stdout.readline().split() if word.startswith("http"))
        assert run("check", url, "--api-key", KEY).returncode == 0
        process.send_signal(2)
        _, errors = process.communicate(timeout=20)
    assert (process.returncode, errors) == (0, "")


def test_the_oddities_are_listed_and_one_of_them_conforms() -> None:
    listed = run("serve", "--list-quirks").stdout
    assert all(name in listed for name in QUIRKS)
    both = run("serve", "--quirk", "gzip", "--fault", "n-capped")
    assert (both.returncode, both.stdout) == (2, "")
    assert "do not go together" in both.stderr
    unknown = run("serve", "--quirk", "no-such", "--port", "0")
    assert (unknown.returncode, "no-such" in unknown.stderr) == (2, True)


def test_a_dry_run_lists_the_plan_and_sends_nothing() -> None:
    done = run(
        "check", f"http://127.0.0.1:{_free_port()}/v1", "--api-key", KEY, "--dry-run", "--depth", "quick", "--seed", "1"
    )
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert lines[0].startswith("plain                    1 image")
    assert "54 requests, for which a correct server makes 15 images, with seed 1." in lines
    assert KEY not in done.stdout


def test_a_requirement_that_does_not_exist_is_a_wrong_call() -> None:
    done = run("check", "--reference", "--only", "no-such")
    assert done.returncode == 2
    assert "there is no requirement 'no-such'" in done.stderr


SECRET = "tok-4f7d2a91c3"  # noqa: S105 - none of anybody's


@pytest.mark.parametrize(
    ("arguments", "environment", "says"),
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
def test_a_call_that_misleads_is_refused_without_sending_anything_or_quoting_a_secret(
    arguments: tuple[str, ...], environment: dict[str, str], says: str, tmp_path: Path
) -> None:
    with scripted_server() as server:
        done = run("check", server.base_url, "--report-dir", str(tmp_path / "report"), *arguments, **environment)
        assert server.heard == []
    assert (done.returncode, done.stdout) == (2, "")
    assert says in " ".join(done.stderr.split())
    assert SECRET not in done.stderr
    assert "Traceback" not in done.stderr
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
def test_a_url_that_is_refused_is_not_quoted(url: str) -> None:
    done = run("check", url)
    assert (done.returncode, done.stdout) == (2, "")
    assert "expected the part before /images/variations" in " ".join(done.stderr.split())
    assert SECRET not in done.stderr


def test_a_key_of_the_users_own_is_not_shown_by_serve() -> None:
    command = [sys.executable, "-m", "image_variations_conformance", "serve", "--port", "0", "--api-key", SECRET]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        said = process.stdout.readline()
        process.terminate()
    assert said.startswith("The reference server listens at ")
    assert SECRET not in said


def test_without_the_packages_of_its_extra_the_command_says_in_one_line_what_to_install(tmp_path: Path) -> None:
    (tmp_path / "click.py").write_text("raise ModuleNotFoundError(\"No module named 'click'\", name='click')")
    done = run("list", PYTHONPATH=str(tmp_path))
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == ("image-variations: the package click is missing. Install 'image-variations[conformance]'.\n")


@pytest.mark.parametrize(
    "arguments", [("list",), ("explain", "IV-RES-COUNT"), ("check", "--reference", "--depth", "quick")]
)
def test_output_that_cannot_be_written_ends_in_a_sentence(arguments: tuple[str, ...]) -> None:
    command = [sys.executable, "-m", "image_variations_conformance", *arguments]
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (2, "Error: the output cannot be written: No space left on device\n")


def test_a_reader_that_has_seen_enough_is_no_error() -> None:
    command = f"{sys.executable} -m image_variations_conformance list | head -1; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, timeout=60, check=False)
    # Which code it is depends on how much the pipe took.
    assert done.stdout.splitlines()[1:] in [["0"], ["1"]]
    assert done.stderr == ""


def test_where_no_stream_can_be_written_the_exit_code_still_tells() -> None:
    with running(faulty(["n-capped"], api_key=KEY)) as server, Path("/dev/full").open("w") as full:
        command = [sys.executable, "-m", "image_variations_conformance", "check", server.base_url, "--api-key", KEY]
        done = subprocess.run([*command, "--depth", "quick"], stdout=full, stderr=full, timeout=60, check=False)
    assert done.returncode == 2


def test_text_between_colons_is_no_emoji() -> None:
    error = {"error": {"message": "not :b: but :smile: [bold]", "type": "t", "param": None, "code": None}}
    with scripted_server((hear_request, say(said(error, 500)))) as server:
        done = run("check", server.base_url, "--only", "IV-OP-VALID", "--max-requests", "2", "--header", "X-A: :b:")
    assert "\U0001f171" not in done.stdout
    with running(faulty([], api_key=KEY)) as server:
        url = server.base_url.replace("/v1", "/:b:")
        done = run("check", url, "--api-key", KEY, "--depth", "quick")
    assert done.stdout.splitlines()[0].endswith("/:b:")


def test_a_lack_of_file_descriptors_is_not_the_servers_fault(tmp_path: Path) -> None:
    with running(Service(api_key=KEY, latency=0.5)) as server:
        command = [sys.executable, "-m", "image_variations_conformance", "check", server.base_url, "--api-key", KEY]
        command += ["--workers", "64", "--report-dir", str(tmp_path / "report")]
        done = subprocess.run(
            ["bash", "-c", f"ulimit -n 24; exec {shlex.join(command)}"],
            capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
    assert done.returncode == 3
    assert "this machine cannot go on: Too many open files" in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "report" / "report.json").exists()


def test_a_lack_of_threads_is_not_the_servers_fault(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(*_: object) -> None:
        raise RuntimeError("can't start new thread")

    with scripted_server((hear_request, say(said({}, 500)))) as server:
        monkeypatch.setattr(sys, "argv", ["image-variations", "check", server.base_url, "--workers", "2"])
        monkeypatch.setattr(ThreadPoolExecutor, "submit", refuse)
        with pytest.raises(SystemExit) as ended:
            cli.main()
    assert ended.value.code == 3
    assert "this machine cannot go on: no more threads can be started" in " ".join(capsys.readouterr().err.split())
