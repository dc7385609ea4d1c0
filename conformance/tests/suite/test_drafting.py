"""`profile URL`: the draft of a server's profile, by which the server conforms, and a fault still fails."""

import base64
import datetime
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from image_variations_conformance.contract.document import Contract, load
from image_variations_conformance.contract.effective import apply
from image_variations_conformance.engine.asking import Asker
from image_variations_conformance.engine.budget import Budget, Limits
from image_variations_conformance.engine.draft import Draft
from image_variations_conformance.engine.draft_base import NothingAccepted
from image_variations_conformance.engine.drafting import MOST_IMAGES, draft
from image_variations_conformance.engine.liveness import KeyRefused, Unreachable
from image_variations_conformance.engine.scheduler import Scheduler
from image_variations_conformance.media import png
from image_variations_conformance.reference.app.api_error import ApiError
from image_variations_conformance.reference.app.form import Part
from image_variations_conformance.reference.app.service import Service
from image_variations_conformance.reference.app.serving import running
from image_variations_conformance.reference.variants import combined, faulty
from image_variations_conformance.reports.draft import render
from image_variations_conformance.sources.transport import Transport
from image_variations_conformance.wire.target import Target
from PIL import Image
from qualification.profiles import SERVERS, contract_of
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp
from support.judging import KEY, judge_app, verdicts
from support.processes import free_port
from support.profiles import declared

pytestmark = pytest.mark.slow

TODAY = datetime.date(2026, 11, 29)


def drafted(app: ASGIApp, *, model: str | None = None, key: str | None = KEY, images: int = MOST_IMAGES) -> Draft:
    with running(app) as server:
        return drafted_of(server.base_url, model=model, key=key, images=images)


def drafted_of(base_url: str, *, model: str | None = None, key: str | None = KEY, images: int = MOST_IMAGES) -> Draft:
    target = Target.parse(base_url, key)
    scheduler = Scheduler(Transport(target, 20.0), lambda *_: None, budget=Budget(Limits(300, images)))
    return draft(Asker(load(), target, scheduler, seed=1), [model] if model else [])


def contract_of_draft(made: Draft) -> Contract:
    """Return the contract by the text of a draft, as a user would have it."""
    keys: dict[str, Any] = tomllib.loads(render(made, "http://127.0.0.1/v1", TODAY))
    return apply(load(), declared(**keys))


def keys_of(made: Draft) -> dict[str, Any]:
    return {line.key: line.value for line in made.lines}


def model_of(server: str) -> str | None:
    models = SERVERS[server].get("models")
    return models[0] if models else None


def test_the_draft_of_a_server_that_keeps_the_contract_is_empty() -> None:
    made = drafted(Service(api_key=KEY))
    assert (made.lines, made.bugs, made.unseen) == ([], [], [])
    assert made.images <= MOST_IMAGES
    assert "# Nothing is to be declared." in render(made, "http://127.0.0.1/v1", TODAY)


@pytest.mark.parametrize("server", SERVERS)
def test_a_server_that_differs_conforms_by_its_draft(server: str) -> None:
    made = drafted(Service(api_key=KEY, contract=contract_of(server)), model=model_of(server))
    assert made.images <= MOST_IMAGES
    assert made.bugs == []
    run = judge_app(Service(api_key=KEY, contract=contract_of(server)), contract=contract_of_draft(made))
    assert (run.outcome, verdicts(run, "fail", "warn")) == ("conforms", {})


@pytest.mark.parametrize(
    "keys",
    [
        {"sizes": ["512x512", "300x300"], "default_size": "300x300"},
        {"sizes": ["640x480"], "default_size": "640x480"},
    ],
    ids=str,
)
def test_a_default_size_that_the_contract_does_not_have_is_one_of_the_sizes(keys: dict[str, Any]) -> None:
    made = drafted(Service(api_key=KEY, contract=apply(load(), declared(**keys))))
    assert (keys_of(made), made.bugs) == (keys, [])
    assert list(keys_of(made)) == list(keys)


class RefusesItsDefaultSize(Service):
    """Makes 1024x1024 without a size, and refuses a request for it."""

    def size(self, size: str | None) -> str | None:
        """Return the size. Raises ApiError for that without a size."""
        if size == "1024x1024":
            raise ApiError("size is invalid.", "size")
        return super().size(size)


def test_a_default_size_that_is_refused_stays_one_of_the_sizes_and_is_a_bug() -> None:
    made = drafted(RefusesItsDefaultSize(api_key=KEY))
    assert keys_of(made) == {}
    assert made.bugs == ["size=1024x1024 \u2192 400 \u201csize is invalid.\u201d, but it is the default"]


class HasNoFormats(Service):
    """Refuses every form with a response_format."""

    def response_format(self, response_format: str | None) -> str:
        """Return the format. Raises ApiError for any in the form."""
        if response_format is not None:
            raise ApiError("There is no field response_format.", "response_format")
        return super().response_format(None)


def test_a_field_that_is_refused_whatever_its_value_is_a_bug_and_not_declared() -> None:
    made = drafted(HasNoFormats(api_key=KEY))
    assert keys_of(made) == {}
    seen = "400 \u201cThere is no field response_format.\u201d"
    assert made.bugs == [f"response_format \u2192 {seen}, whatever its value; no key declares that"]


class ChangesItsDefaultSize(Service):
    """Makes larger images each time without a size."""

    turn = 0

    def dimensions(self, size: str | None) -> tuple[int, int] | None:
        """Return the width and height of the new images in pixels."""
        self.turn += size is None
        return (32 + self.turn, 32 + self.turn) if size is None else super().dimensions(size)


def test_a_default_size_that_depends_on_the_order_of_requests_is_a_bug_and_not_declared() -> None:
    made = drafted(ChangesItsDefaultSize(api_key=KEY))
    assert "default_size" not in keys_of(made)
    assert any(bug.startswith("without size \u2192 ") for bug in made.bugs)


class WidensItsDefaultSize(Service):
    """Makes images without a size that are 8 pixels wider than the input image."""

    side = 0

    def wanted(self, fields: Any) -> Any:
        """Return the parameters of a request with its image."""
        part = self.image_part(fields)
        # The width in the first chunk of a PNG.
        self.side = int.from_bytes(part.content[16:20]) if part is not None else 0
        return super().wanted(fields)

    def dimensions(self, size: str | None) -> tuple[int, int] | None:
        """Return the width and height of the new images in pixels."""
        return (self.side + 8, self.side) if size is None else super().dimensions(size)


def test_a_default_size_that_no_key_expresses_is_any_with_what_was_seen_and_that_it_is_not_judged() -> None:
    made = drafted(WidensItsDefaultSize(api_key=KEY))
    (line,) = made.lines
    assert (line.key, line.value) == ("default_size", "any")
    assert line.seen == (
        "without size \u2192 72x64 for 64 pixels, 1032x1024 for 1024; "
        "if that is a bug, delete this: no size is judged then"
    )


def small_server(error: Response) -> Starlette:
    """Return a server of b64_json alone whose items have both keys, with its error."""

    async def answer(request: Request) -> Response:
        async with request.form() as form:
            texts = {name: str(form.get(name, given)) for name, given in (("response_format", "b64_json"), ("n", "1"))}
        if texts["response_format"] != "b64_json":
            return error
        image = base64.b64encode(png.encode(Image.new("RGB", (8, 8)), png.PLAIN)).decode()
        item = {"b64_json": image, "url": "http://127.0.0.1:1/"}
        return JSONResponse({"created": 1, "data": [item] * int(texts["n"])})

    return Starlette(routes=[Route("/v1/images/variations", answer, methods=["POST"])])


def test_the_only_format_is_the_default_and_an_item_with_both_keys_is_one_image() -> None:
    made = drafted(small_server(JSONResponse({"detail": "response_format is invalid"}, 400)))
    keys = keys_of(made)
    assert (keys["response_formats"], keys["default_response_format"]) == (["b64_json"], "b64_json")
    assert "response_format=b64_json \u2192 200 with 1 b64_json/url of unknown size" in made.bugs
    assert not any("n=11" in bug for bug in made.bugs)


@pytest.mark.parametrize(
    ("error", "shown"),
    [
        (JSONResponse({"detail": "Refused."}, 400, media_type="application/problem+json"), "400 \u201cRefused.\u201d"),
        (JSONResponse({"message": "Refused."}, 400), '400 {"message":"Refused."}'),
        (PlainTextResponse("Refused.", 400), "400 Refused."),
    ],
    ids=["problem", "other-json", "text"],
)
def test_an_error_of_another_media_type_or_form_is_any_and_shown(error: Response, shown: str) -> None:
    made = drafted(small_server(error))
    (line,) = (line for line in made.lines if line.key == "error_body")
    assert (line.value, line.seen) == ("any", f"such as {shown}")


@pytest.mark.parametrize(
    ("server", "fault", "broken"),
    [
        ("b64-only", "created-date", "IV-RES-CREATED"),
        ("jpeg-and-oblong", "checksum-ignored", "IV-IMAGE-INTACT"),
        ("any-size", "user-control-characters-crash", "IV-ERR-NO-5XX"),
        ("brackets", "boundary-quotes-refused", "IV-WIRE-BOUNDARY"),
    ],
)
def test_a_fault_that_no_key_expresses_fails_by_the_draft_too(server: str, fault: str, broken: str) -> None:
    def app() -> ASGIApp:
        return faulty([fault], api_key=KEY, contract=contract_of(server))

    made = drafted(app(), model=model_of(server))
    run = judge_app(app(), contract=contract_of_draft(made))
    assert broken in verdicts(run, "fail", "warn")


@pytest.mark.parametrize(
    ("fault", "key"),
    [
        ("n-capped", "max_n"),
        ("size-ignored", "sizes"),
        ("model-ignored", "models"),
        ("any-key-accepted", "auth"),
        ("size-512-crashes", "sizes"),
    ],
)
def test_what_looks_like_a_bug_is_noted_and_not_declared(fault: str, key: str) -> None:
    made = drafted(faulty([fault], api_key=KEY))
    assert key not in keys_of(made)
    assert made.bugs


@pytest.mark.parametrize(
    ("variant", "keys"),
    [("chunked-refused", {"error_statuses": {"chunked-body": [400, 411]}}), ("chunked-411", {})],
)
def test_a_refusal_of_chunked_bodies_is_declared_where_its_status_is_not_that_of_the_contract(
    variant: str, keys: dict[str, Any]
) -> None:
    made = drafted(combined([variant])(api_key=KEY))
    assert (keys_of(made), made.bugs) == (keys, [])


def test_a_model_is_found_in_the_list_of_models() -> None:
    service = Service(api_key=KEY, contract=contract_of("b64-only"))

    async def models(_: Request) -> JSONResponse:
        return JSONResponse({"object": "list", "data": [{"id": "sdxl"}, {"id": "whisper-1"}]})

    app = Starlette(routes=[Route("/v1/models", models)])
    app.mount("/", service)
    assert keys_of(drafted(app, key=None))["models"] == ["sdxl"]


def test_a_model_is_found_in_the_words_of_a_refusal() -> None:
    # The reference server says which models there are.
    contract = apply(load(), declared(models=["flux-1"], model_required=True))
    assert keys_of(drafted(Service(api_key=KEY, contract=contract)))["models"] == ["flux-1"]


def test_other_models_that_check_takes_for_unknown_are_found_beside_a_given_one() -> None:
    contract = apply(load(), declared(models=["flux-1", "dall-e-2", "gpt-image-1"]))
    (line,) = drafted(Service(api_key=KEY, contract=contract), model="flux-1").lines
    assert line.value == ["flux-1", "dall-e-2", "gpt-image-1"]
    assert line.seen.startswith("flux-1 given; model=dall-e-2 \u2192 200 with ")


class NamesPlaces(Service):
    """Has the errors of FastAPI."""

    def error(self, problem: ApiError) -> object:
        """Return an error with a list of places."""
        return {"detail": [{"loc": ["body", problem.param], "msg": "Field required", "type": "missing"}]}


@pytest.mark.parametrize("server", [Service, NamesPlaces])
@pytest.mark.parametrize("keys", [{"image_field": "input_image"}, {"image_field": "picture", "models": ["flux-1"]}])
def test_the_name_of_the_image_field_is_found_in_the_refusal_of_a_form_without_image(
    server: type[Service], keys: dict[str, Any]
) -> None:
    app = server(api_key=KEY, contract=apply(load(), declared(**keys)))
    made = drafted(app, model=keys.get("models", [None])[0])
    assert keys_of(made)["image_field"] == keys["image_field"]


def test_few_images_are_never_exceeded_and_what_was_not_seen_is_said() -> None:
    made = drafted(Service(api_key=KEY), images=6)
    assert made.images <= 6
    assert "n=2 to n=11: 0 of 6 images are left; --max-images allows more" in made.unseen
    assert made.lines == []


GENEROUS = {
    "sizes": "any",
    "default_size": "input",
    "max_n": "unlimited",
    "auth": "none",
    "image_kinds": ["png", "jpeg", "webp"],
    "square": False,
    "max_image_bytes": {"valid_below": 10_000_001, "invalid_from": 25_000_000},
}


@pytest.mark.parametrize(
    ("most", "images", "left_out"),
    [("unlimited", 35, set()), ("unlimited", MOST_IMAGES, {"max_n"}), (2, MOST_IMAGES, set())],
)
def test_all_of_a_server_that_refuses_little_is_seen_and_many_images_at_once_last(
    most: int | str, images: int, left_out: set[str]
) -> None:
    keys = {**GENEROUS, "max_n": most}
    made = drafted(Service(api_key=KEY, contract=apply(load(), declared(**keys))), images=images)
    assert keys_of(made) == {key: value for key, value in keys.items() if key not in left_out}
    assert all(
        re.match(r"(n=\d+ to n=11|a chunked body): \d+ of 25 images are left; --max-images", text)
        for text in made.unseen
    )


class LimitsSides(Service):
    """Refuses images whose sides are not multiples of 16 from 128 to 1024."""

    def read_image(self, part: Part) -> Image.Image:
        """Return the decoded image. Raises ApiError for other sides."""
        picture = super().read_image(part)
        if picture.width not in range(128, 1025, 16):
            raise ApiError("The image has a wrong size.", "image")
        return picture


def test_the_comments_of_a_draft_show_what_its_values_were_read_from() -> None:
    made = drafted(LimitsSides(api_key=KEY, contract=apply(load(), declared(error_statuses=[422]))))
    seen = {line.key: line.seen for line in made.lines}
    assert keys_of(made)["image_sides"] == {"min": 128, "max": 1024, "multiple_of": 16}
    assert re.findall(r"(\d+) pixels \u2192 422", seen["image_sides"]) == ["520", "64", "1536"]
    assert seen["error_statuses"].endswith("; not seen, but in the contract: 400")


def test_a_server_that_accepts_nothing_cannot_be_reached_or_wants_a_key_is_an_error() -> None:
    with pytest.raises(NothingAccepted, match="400"):
        drafted(Service(api_key=KEY, contract=contract_of("b64-only")), model="unknown-model")
    with pytest.raises(KeyRefused):
        drafted(Service(api_key=KEY), key="sk-wrong")
    with pytest.raises(Unreachable):
        drafted_of(f"http://127.0.0.1:{free_port()}/v1")


@given(st.text(), st.text(), st.lists(st.text(min_size=1), min_size=1))
def test_any_words_of_a_server_are_comments_and_any_values_survive(seen: str, bug: str, models: list[str]) -> None:
    made = Draft(bugs=[bug], unseen=[seen])
    made.declare("models", models, seen)
    made.declare("image_sides", {"min": 8, "multiple_of": 8}, bug)
    text = render(made, "http://127.0.0.1/v1", TODAY)
    assert tomllib.loads(text) == {"models": models, "image_sides": {"min": 8, "multiple_of": 8}}


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "image_variations_conformance", "profile", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


def test_the_command_writes_a_draft_without_the_key() -> None:
    with running(Service(api_key=KEY, contract=contract_of("four-images"))) as server:
        completed = run(server.base_url, "--api-key", KEY)
    assert (completed.returncode, completed.stderr) == (0, "")
    # Requests that the draft did not send may be refused as is usual.
    assert tomllib.loads(completed.stdout) == {**SERVERS["four-images"], "error_statuses": [400, 422]}
    assert KEY not in completed.stdout


def test_a_draft_that_contradicts_itself_is_written_to_its_file_and_exits_with_1(tmp_path: Path) -> None:
    file = tmp_path / "draft.toml"
    contract = apply(load(), declared(sizes=["512x512"], default_size="512x512"))
    with running(ChangesItsDefaultSize(api_key=KEY, contract=contract)) as server:
        completed = run(server.base_url, "--api-key", KEY, "--output", str(file))
    assert (completed.returncode, completed.stdout) == (1, "")
    assert completed.stderr.startswith("The draft contradicts itself, and must be mended: ")
    assert tomllib.loads(file.read_text("utf-8"))["sizes"] == ["512x512"]


@pytest.mark.parametrize(
    ("words", "advice"),
    [
        ("The model is missing.", "Name a model of the server with --model."),
        ("The image must be a JPEG.", "a server that takes no PNG cannot be tested."),
    ],
)
def test_where_nothing_is_accepted_advice_is_given_and_an_earlier_draft_stays(
    words: str, advice: str, tmp_path: Path
) -> None:
    file = tmp_path / "draft.toml"
    file.write_text("max_n = 4\n")

    async def answer(_: Request) -> Response:
        return JSONResponse({"error": {"message": words}}, 400)

    with running(Starlette(routes=[Route("/v1/images/variations", answer, methods=["POST"])])) as server:
        completed = run(server.base_url, "--output", str(file))
    assert (completed.returncode, file.read_text()) == (2, "max_n = 4\n")
    assert advice in completed.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        ((f"http://127.0.0.1:{free_port()}/v1",), 2, "cannot be reached"),
        (("127.0.0.1/v1",), 2, "does not begin with http"),
        ((), 2, "expected either a URL or --app, got neither"),
        (
            ("http://127.0.0.1/v1", "--output", "no/such/folder/draft.toml"),
            2,
            "there is no folder no/such/folder; make",
        ),
        (("http://127.0.0.1/v1", "--dry-run"), 0, "At most 300 requests and 25 images"),
    ],
)
def test_a_wrong_call_says_what_is_wrong(arguments: tuple[str, ...], code: int, message: str) -> None:
    completed = run(*arguments)
    assert completed.returncode == code
    assert message in completed.stdout + completed.stderr
    assert "Traceback" not in completed.stderr
