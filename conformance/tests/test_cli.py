"""The command: its exit codes, its messages, and that no traceback reaches a user."""

import json
import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from image_variations_conformance import cli
from image_variations_conformance.reference import FAULTS, ODDITIES, faulty, running
from judged import KEY


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the command in a process of its own."""
    command = [sys.executable, "-m", "image_variations_conformance", *arguments]
    settings = {"PATH": "/usr/bin:/bin", "LC_ALL": "C", **environment}
    return subprocess.run(command, capture_output=True, text=True, env=settings, timeout=120, check=False)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


def test_check_without_a_url_judges_the_reference_server_and_exits_0() -> None:
    done = run("check", "--seed", "3")
    assert done.returncode == 0
    # On a slow machine it says how far it is.
    assert re.fullmatch(r"(\d+ of \d+ sent, next is [\w-]+\n)*", done.stderr)
    lines = done.stdout.splitlines()
    assert lines[0].startswith("image-variations ")
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


def test_the_wrong_key_is_said_in_the_headline() -> None:
    with running(faulty([], api_key=KEY)) as server:
        done = run("check", server.base_url, "--api-key", "sk-something-else")
    assert done.returncode == 1
    assert done.stdout.splitlines()[-1].startswith("Does not conform: the server does not take the API key")


def test_an_endpoint_that_is_not_there_gets_one_headline() -> None:
    with running(faulty([], api_key=KEY)) as server:
        done = run("check", server.base_url.replace("/v1", "/v2"), "--api-key", KEY)
    assert done.returncode == 1
    assert "there is no POST /images/variations here" in done.stdout.splitlines()[-1]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("check", f"http://127.0.0.1:{_free_port()}/v1"), "cannot be reached"),
        (("check", "127.0.0.1:8000/v1"), "is not a base URL"),
        (("check", "http://127.0.0.1:8000/v1/images/variations"), "goes too far"),
        (("check", "--seed", "x"), "Invalid value for '--seed'"),
        (("check", "--timeout", "0"), "Invalid value for '--timeout'"),
        (("check", "--header", "no colon"), "expected 'Name: value'"),
        (("check", "--report-dir", "/dev/null"), "cannot write a report to /dev/null"),
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

    monkeypatch.setattr(cli, "run_check", broken)
    monkeypatch.setattr(sys, "argv", ["image-variations", "check"])
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
    listed = run("serve", "--list-oddities").stdout
    assert all(name in listed for name in ODDITIES)
    both = run("serve", "--oddity", "gzip", "--fault", "n-capped")
    assert (both.returncode, both.stdout) == (2, "")
    assert "do not go together" in both.stderr
    unknown = run("serve", "--oddity", "no-such", "--port", "0")
    assert (unknown.returncode, "no-such" in unknown.stderr) == (2, True)


def test_a_dry_run_lists_the_plan_and_sends_nothing() -> None:
    done = run(
        "check", f"http://127.0.0.1:{_free_port()}/v1", "--api-key", KEY, "--dry-run", "--depth", "quick", "--seed", "1"
    )
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert lines[0].startswith("plain                    1 image")
    assert "54 requests, and 15 images of a correct server, seed 1." in lines
    assert KEY not in done.stdout


def test_a_requirement_that_does_not_exist_is_a_wrong_call() -> None:
    done = run("check", "--only", "no-such")
    assert done.returncode == 2
    assert "there is no requirement 'no-such'" in done.stderr
