"""`check` on an app that it serves itself, on a server that is starting, and with a baseline, as its users call it."""

import re
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from image_variations_conformance.reference.app.service import Service
from image_variations_conformance.reference.app.serving import running
from support.judging import KEY
from support.processes import free_port

pytestmark = pytest.mark.slow

APP = f"""
from image_variations_conformance.contract.document import load
from image_variations_conformance.contract.effective import apply
from image_variations_conformance.contract.profile import EMPTY
from image_variations_conformance.reference.app.service import Service
from image_variations_conformance.reference.variants import faulty

app = Service(api_key={KEY!r})
detail = Service(api_key={KEY!r}, contract=apply(load(), EMPTY.with_declared("error_body", "detail", "")))
lenient = faulty(["model-ignored"], api_key={KEY!r})

def make():
    return app

def wsgi(environ, start_response):
    return []

class Shop:
    def __init__(self):
        self.app = app
    async def __call__(self, scope, receive, send):
        await self.app(scope, receive, send)

def number():
    return 7

async def later():
    return app
"""
QUICK = ("--depth", "quick", "--seed", "1", "--api-key", KEY)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("shop")
    (made / "shop.py").write_text(APP)
    (made / "broken.py").write_text("import not_there_at_all\n")
    (made / "leaves.py").write_text("raise SystemExit(0)\n")
    return made


def check(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "image_variations_conformance", "check", *arguments]
    return subprocess.run(command, capture_output=True, text=True, cwd=folder, timeout=120, check=False)


@pytest.mark.parametrize("name", ["shop:app", "shop:make", "shop:Shop"])
def test_an_asgi_app_and_its_factory_are_served_for_the_run(name: str, folder: Path) -> None:
    completed = check(folder, "--app", name, *QUICK)
    assert (completed.returncode, completed.stderr) == (0, "")
    assert re.search(r"http://127\.0\.0\.1:\d+/v1$", completed.stdout.splitlines()[0])
    assert completed.stdout.splitlines()[-1].startswith(("Conforms", "Incomplete"))


def test_the_profile_of_an_app_is_drafted_by_the_command_that_a_check_of_it_proposes(folder: Path) -> None:
    shown = check(folder, "--app", "shop:detail", "/v1", *QUICK).stdout
    (proposed,) = re.findall(r"^  image-variations (profile .*)$", shown, re.MULTILINE)
    assert proposed == "profile --app shop:detail /v1 --output image-variations.toml"
    command = [sys.executable, "-m", "image_variations_conformance", *proposed.split(), "--api-key", KEY]
    subprocess.run(command, check=True, cwd=folder, timeout=120)
    file = folder / "image-variations.toml"
    drafted = file.read_text("utf-8")
    file.unlink()
    assert drafted.startswith("# Profile of --app shop:detail /v1, drafted on ")
    assert "\nerror_body = " in drafted


def test_the_url_beside_an_app_is_its_path(folder: Path) -> None:
    completed = check(folder, "--app", "shop:app", "/other/v2", *QUICK)
    assert completed.returncode == 1
    assert "is not offered; every request was answered 404" in completed.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--app", "shop"), "expected MODULE:ATTRIBUTE, such as shop.main:app, got 'shop'"),
        (("--app", "shap:app"), "--app shap:app cannot be imported: ModuleNotFoundError: No module named 'shap'"),
        (("--app", "shop:ap"), "cannot be imported: AttributeError"),
        (("--app", "broken:app"), "ModuleNotFoundError: No module named 'not_there_at_all'"),
        (("--app", "leaves:app"), "cannot be imported: SystemExit"),
        (("--app", "shop:wsgi"), "is a WSGI app"),
        (("--app", "shop:number"), "expected a factory of an ASGI app; it returned int"),
        (("--app", "shop:later"), "expected a factory of an ASGI app; it returned coroutine"),
        (("--app", "shop:app", "v1"), "with --app, URL is the path before /images/variations"),
        (("--app", "shop:app", "--reference"), "got --app and --reference"),
    ],
)
def test_what_is_no_app_exits_2_with_one_message(arguments: tuple[str, ...], message: str, folder: Path) -> None:
    completed = check(folder, *arguments)
    assert completed.returncode == 2
    assert message in completed.stderr
    assert "Traceback" not in completed.stderr


def test_a_server_that_is_starting_is_waited_for(folder: Path) -> None:
    port, ended = free_port(), threading.Event()

    def serve() -> None:
        time.sleep(1)
        with running(Service(api_key=KEY), port=port):
            ended.wait(120)

    thread = threading.Thread(target=serve)
    thread.start()
    completed = check(folder, f"http://127.0.0.1:{port}/v1", "--wait", "30", *QUICK)
    ended.set()
    thread.join()
    assert completed.returncode == 0, completed.stderr


def test_a_server_that_does_not_start_in_time_exits_2(folder: Path) -> None:
    completed = check(folder, f"http://127.0.0.1:{free_port()}/v1", "--wait", "0.5", *QUICK)
    assert completed.returncode == 2
    assert "was not ready within --wait 0.5 s: there was no response at last" in completed.stderr


# --- baselines


@pytest.fixture
def baseline(tmp_path: Path) -> Path:
    return tmp_path / "known.toml"


def test_a_baseline_is_written_read_and_out_of_date_once_the_server_is_mended(folder: Path, baseline: Path) -> None:
    lenient, mended = ("--app", "shop:lenient", *QUICK), ("--app", "shop:app", *QUICK)
    assert check(folder, *lenient).returncode == 1
    written = check(folder, *lenient, "--baseline", str(baseline), "--update-baseline")
    assert written.returncode == 0, written.stdout
    assert 'requirement = "IV-MODEL-UNKNOWN"' in baseline.read_text()
    read = check(folder, *lenient, "--baseline", str(baseline))
    assert read.returncode == 0
    assert re.search(
        r"^Known +IV-MODEL-UNKNOWN: no reason given yet \(since \d{4}-\d\d-\d\d\)$", read.stdout, re.MULTILINE
    )
    stale = check(folder, *mended, "--baseline", str(baseline))
    assert stale.returncode == 1
    assert re.search(r"^Stale +\S+known\.toml:\d+: IV-MODEL-UNKNOWN holds now", stale.stdout, re.MULTILINE)
    assert check(folder, *mended, "--baseline", str(baseline), "--update-baseline").returncode == 0
    assert "known" not in baseline.read_text().split("\n", 1)[1]


def test_the_seed_of_a_baseline_is_that_of_the_next_run_and_other_versions_are_named(
    folder: Path, baseline: Path
) -> None:
    baseline.write_text('seed = 4711\ncontract = "9.9.9"\n')
    without_seed = [each for each in QUICK if each not in {"--seed", "1"}]
    shown = check(folder, "--app", "shop:app", "--baseline", str(baseline), *without_seed).stdout
    assert "seed 4711" in shown
    assert "The baseline is of contract 9.9.9 and suite ?, not those of this run." in shown


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--update-baseline",), "--update-baseline needs --baseline FILE"),
        (("--baseline", "missing.toml"), "missing.toml does not exist; --update-baseline writes it"),
        (("--baseline", "."), "is a directory"),
        (("--baseline", "shop.py"), "shop.py is not valid TOML"),
    ],
)
def test_an_unusable_baseline_exits_2_before_anything_is_sent(
    arguments: tuple[str, ...], message: str, folder: Path
) -> None:
    completed = check(folder, "--app", "shop:app", *QUICK, *arguments)
    assert completed.returncode == 2
    assert message in completed.stderr
    assert completed.stdout == ""
