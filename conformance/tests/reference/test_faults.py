import base64
import io
import itertools
import re
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from attrs import define, field
from hypothesis import given, settings
from hypothesis import strategies as st
from image_variations_conformance.reference.app.service import Service
from image_variations_conformance.reference.app.serving import running
from image_variations_conformance.reference.app.variations import png
from image_variations_conformance.reference.faults.fault_helpers import Crash
from image_variations_conformance.reference.registry import FaultFamily, QuirkFamily
from image_variations_conformance.reference.variants import FAULTS, UnknownVariantError, faulty
from PIL import Image
from starlette.types import ASGIApp, Receive, Scope, Send

KEY = "sk-faults"
REGISTER = Path(__file__).parents[3] / "spec" / "requirements.yaml"
LEVELS = {entry["id"]: entry["level"] for entry in yaml.safe_load(REGISTER.read_text())["requirements"]}
KINDS = {
    *("schema", "status", "content-type", "semantics", "validation", "errors"),
    *("protocol", "authentication", "state", "concurrency", "liveness"),
}

RED = Image.merge(
    "RGB",
    [Image.effect_noise((256, 256), 30).point([min(v + offset, 255) for v in range(256)]) for offset in (90, 0, 0)],
)
BLUE = Image.merge("RGB", RED.rotate(90).split()[::-1])
IMAGE_BYTES = 4_194_304
IMAGE_BYTES = 4_194_304
SMALL_IMAGE = RED.resize((32, 32))


# --- the catalogue


@pytest.mark.parametrize("requirement", [name for name, level in LEVELS.items() if level != "may"])
def test_every_must_and_should_is_broken_by_a_fault(requirement: str) -> None:
    assert any(requirement in fault.breaks for fault in FAULTS.values())


@pytest.mark.parametrize("fault", FAULTS.values(), ids=lambda fault: fault.name)
def test_fault_has_a_valid_name_family_summary_and_list_of_broken_requirements(fault: Any) -> None:
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+){1,4}", fault.name)
    assert fault.family in KINDS
    assert fault.breaks
    assert all(LEVELS[requirement] in {"must", "should"} for requirement in fault.breaks)
    assert re.fullmatch(r"[A-Z].*\.", fault.summary)


def test_every_family_has_faults() -> None:
    assert {fault.family for fault in FAULTS.values()} == KINDS


def test_a_second_fault_or_quirk_of_the_same_name_is_refused() -> None:
    with pytest.raises(ValueError, match="two faults are named n-capped"):
        FaultFamily("semantics")("n-capped", breaks=())(Service)
    with pytest.raises(ValueError, match="two quirks are named gzip"):
        QuirkFamily("wire")("gzip", by="")(Service)


def test_unknown_fault_name_raises_an_error_that_suggests_a_similar_name() -> None:
    with pytest.raises(UnknownVariantError, match="n-capped"):
        faulty(["n-caped"])


def test_any_two_faults_can_be_combined_in_one_server() -> None:
    for names in itertools.combinations(FAULTS, 2):
        assert isinstance(faulty(names), Service)


def test_options_are_passed_to_the_faulty_server() -> None:
    server = faulty(["link-once", "n-capped"], api_key="other", latency=1.0, seed=3)
    assert (server.api_key, server.latency, server.seed) == ("other", 1.0, 3)


# --- the effects of faults on responses


@define
class Switch:
    """An ASGI app that forwards requests to `app`, which a test can replace, so that all tests share one server.

    `escaped` records the exceptions that the apps raised.
    """

    app: ASGIApp = field(factory=lambda: Service(KEY))
    escaped: list[Exception] = field(factory=list)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            raise NotImplementedError
        try:
            await self.app(scope, receive, send)
        except Exception as error:
            self.escaped.append(error)
            raise


@pytest.fixture(scope="module")
def switch() -> Switch:
    return Switch()


@pytest.fixture(scope="module")
def base_url(switch: Switch) -> Iterator[str]:
    with running(switch) as server:
        yield server.base_url


# For links and for requests without a key. It is shared because creating a client takes longer than one request.
FETCHER = httpx.Client(timeout=20)


# Session scope, because a closed client cannot be reopened and a module's fixtures may be torn down between its tests.
@pytest.fixture(scope="session", autouse=True)
def _close_fetcher() -> Iterator[None]:
    with FETCHER:
        yield


def image_traits(data: bytes) -> object:
    """Return the properties of an image file that do not depend on chance, or "no image"."""
    try:
        with Image.open(io.BytesIO(data)) as image:
            rgb = image.convert("RGB")
            average = rgb.resize((1, 1), Image.Resampling.BOX).tobytes()
            blank = all(low == high for low, high in rgb.getextrema())  # type: ignore[misc] # pairs, in RGB
            return image.format, image.size, blank, rgb.tobytes() == RED.tobytes(), average[0] > average[2]
    except OSError:
        return "no image"


def text_traits(text: object) -> object:
    """Return the properties of a link or of base64 that do not depend on chance. A link is fetched twice."""
    if not isinstance(text, str) or not re.match(r"https?://127\.0\.0\.1:", text):
        try:
            return image_traits(base64.b64decode(str(text), validate=True))
        except ValueError:
            return re.sub(r"[\w-]{32}", "TOKEN", str(text)[:99])
    fetched = []
    for _ in range(2):
        response = FETCHER.get(text)
        fetched.append((response.status_code, response.headers.get("content-type"), image_traits(response.content)))
    return re.sub(r"\d+/", "PORT/", re.sub(r"[\w-]{32}", "TOKEN", text)), fetched


def traits(response: httpx.Response) -> object:
    """Return the properties of a response that do not depend on chance. Its links are fetched."""
    head = (
        response.content[:1],
        response.status_code,
        response.headers.get("content-type"),
        response.headers.get("allow"),
    )
    try:
        document = response.json()
    except ValueError:
        return head, response.text[:50]
    if not isinstance(document, dict) or not isinstance(document.get("data"), list):
        return head, document
    items = [item if isinstance(item, dict) else {"": item} for item in document.pop("data")]
    texts = [str(text) for item in items for text in item.values()]
    created = document.get("created")
    if isinstance(created, int) and abs(created - time.time()) < 60:
        document["created"] = "now"
    item_traits = [{key: text_traits(value) for key, value in item.items()} for item in items]
    return head, document, item_traits, len(set(texts)) == len(texts), ":NaN" in response.text


Form = list[tuple[str, tuple[str | None, bytes, str | None]]]
SMALL = ("size", (None, b"256x256", None))


def form(
    image: Image.Image | bytes = SMALL_IMAGE, name: str | None = "a.png", part: str | None = "image/png", **more: str
) -> Form:
    data = image if isinstance(image, bytes) else png(image)
    return [("image", (name, data, part)), *((key, (None, text.encode(), None)) for key, text in more.items())]


def file(image: Image.Image, file_format: str) -> bytes:
    data = io.BytesIO()
    image.save(data, file_format)
    return data.getvalue()


def raw_form(boundary: str, quoted: str, disposition: str = 'form-data; name="image"') -> dict[str, Any]:
    """Return the arguments of a request whose form differs from those that httpx writes.

    `boundary` is used in the body, `quoted` in the Content-Type.
    """
    delimiter = f"--{boundary}".encode()
    size = delimiter + b'\r\nContent-Disposition: form-data; name="size"\r\n\r\n256x256\r\n'
    image = delimiter + f"\r\nContent-Disposition: {disposition}\r\n\r\n".encode() + png(SMALL_IMAGE) + b"\r\n"
    content_type = f"multipart/form-data; boundary={quoted}"
    return {"content": image + size + delimiter + b"--", "headers": {"Content-Type": content_type}}


def reframed(request: dict[str, Any], before: bytes, after: bytes, times: int = -1) -> dict[str, Any]:
    """Return the request with `times` occurrences of `before` in its body replaced, all by default."""
    return {**request, "content": request["content"].replace(before, after, times)}


def small_form(
    image: Image.Image | bytes = SMALL_IMAGE, name: str | None = "a.png", part: str | None = "image/png", **more: str
) -> Form:
    """Return a form with the smallest size and base64, which is cheap to process and to compare."""
    return form(image, name, part, size="256x256", response_format="b64_json", **more)


PROBES: list[dict[str, Any]] = [
    {"files": form(RED, response_format="b64_json", size="256x256", n="2")},
    {"files": form(size="256x256")},
    {"files": form(n="2", size="256x256")},
    {"method": "GET"},
    {"files": small_form(n="11")},
    {"files": small_form(n="x")},
    {"files": small_form(n="0")},
    {"files": small_form(n="1.5")},
    {"files": small_form(n="+3")},
    {"files": small_form(n="")},
    {"files": form(size="9x9")},
    {"files": form(size="256X256")},
    {"files": form(response_format="x", size="256x256")},
    {"files": small_form(model="x")},
    {"files": small_form(model="dall-e-3")},
    {"files": small_form(user="")},
    {"files": small_form(user="x" * 65)},
    {"files": small_form(user="ü")},
    {"files": small_form(other="")},
    {"files": [SMALL, *form()]},
    {"files": [SMALL]},
    {"files": form() + form()},
    {"files": small_form(name="")},
    {"files": small_form(name="a")},
    {"files": small_form(name="ü.png")},
    {"files": small_form(part="text/plain")},
    {"files": small_form(part="application/octet-stream")},
    {"files": small_form(BLUE)},
    {"files": small_form(SMALL_IMAGE.convert("RGBA"))},
    {"files": small_form(SMALL_IMAGE.convert("P"))},
    {"files": small_form(RED.crop((0, 0, 1, 1)))},
    {"files": small_form(RED.crop((0, 0, 8, 9)))},
    {"files": small_form(RED.crop((0, 0, 8, 4)))},
    {"files": small_form(file(SMALL_IMAGE, "JPEG"))},
    {"files": small_form(b"x")},
    {"files": small_form(b"")},
    {"files": small_form(png(RED)[:999])},
    {"files": small_form(png(SMALL_IMAGE) + bytes(IMAGE_BYTES - len(png(SMALL_IMAGE))))},
    {"files": small_form(png(SMALL_IMAGE) + bytes(IMAGE_BYTES))},
    {"files": small_form(png(SMALL_IMAGE) + bytes(1 << 20))},
    {"files": small_form(), "params": {"n": "3"}},
    {"json": {}},
    {"keyless": True, "files": small_form()},
    {"headers": {"Authorization": "Bearer wrong"}, "files": small_form()},
    {"headers": {"Authorization": "Bearer wrong"}, "files": form(n="x")},
    {"headers": {"Authorization": f"bearer {KEY}"}, "files": small_form()},
    raw_form("b", '"b"'),
    raw_form("B", "B"),
    raw_form("b" * 70, "b" * 70),
    raw_form("a'b", "a'b"),
    raw_form("b", "b", disposition="form-data"),
    raw_form("b", "b", disposition='form-data; name="image"; filename="a.png"'),
    raw_form("b", "b", disposition='form-data; name="image"; filename="\\".png"'),
    {**raw_form("b", "b"), "chunked": True},
    reframed(raw_form("b", "b"), b"\r\n\r\n", b"\r\nX-Part: 1\r\n\r\n"),
    reframed(raw_form("b", "b"), b"--b--", b""),
    reframed(raw_form("b", "b"), b"\r\n", b"\n"),
    reframed(raw_form("b", "b"), b"--b\r\n", b"before\r\n--b\r\n", 1),
    # The expensive requests come last, because a test stops at the first request that shows the fault.
    {"files": small_form()},
    {"files": small_form(n="6")},
    {"files": form(size="512x512", response_format="url", model="dall-e-2")},
    {"files": form(size="256x256", n="5")},
    {"files": form()},
]


INVALID_REQUESTS = ({"files": small_form(n="x")}, {"files": small_form(png(RED)[:999])})


def probe(client: httpx.Client, request: dict[str, Any]) -> object:
    method, chunked, arguments = request.get("method", "POST"), "chunked" in request, dict(request)
    for name in ("method", "chunked", "keyless"):
        arguments.pop(name, None)
    url = client.base_url.join("images/variations")
    if "keyless" in request:
        client = FETCHER
    if chunked:
        arguments["content"] = iter([arguments["content"]])
    try:
        return traits(client.request(method, url, **arguments))
    except httpx.TransportError:
        return "no response"


@pytest.fixture(scope="module")
def prober(base_url: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=base_url, headers={"Authorization": f"Bearer {KEY}"}, timeout=20) as client:
        yield client


def probe_in_parallel(client: httpx.Client) -> list[object]:
    def send_form(n: int) -> object:
        return probe(client, {"files": form(n=str(n), size="256x256")})

    with ThreadPoolExecutor(3) as pool:
        return list(pool.map(send_form, (1, 2, 3)))


@pytest.fixture(scope="module")
def correct_results(prober: httpx.Client) -> list[object]:
    """The results of all probes on the reference server without a fault."""
    return [probe(prober, request) for request in PROBES]


@pytest.mark.slow
@pytest.mark.parametrize("name", [fault.name for fault in FAULTS.values() if fault.family != "concurrency"])
def test_fault_changes_the_result_of_a_probe(
    prober: httpx.Client, switch: Switch, correct_results: list[object], name: str
) -> None:
    switch.app = faulty([name], api_key=KEY)
    results = (probe(prober, request) for request in PROBES)
    assert any(result != correct for result, correct in zip(results, correct_results, strict=True)), (
        f"no request of PROBES shows the fault {name}: add one that does"
    )


@pytest.mark.slow
def test_probes_of_a_server_without_faults_give_the_same_results_again(
    prober: httpx.Client, switch: Switch, correct_results: list[object]
) -> None:
    """If results depended on chance, a changed result would not prove that a fault has an effect."""
    switch.app = faulty([], api_key=KEY)
    switch.escaped.clear()
    assert [probe(prober, request) for request in PROBES] == correct_results
    assert probe_in_parallel(prober) == probe_in_parallel(prober)
    assert switch.escaped == []


@pytest.mark.slow
@pytest.mark.parametrize("name", [fault.name for fault in FAULTS.values() if fault.family == "concurrency"])
def test_concurrency_fault_changes_the_results_of_parallel_requests_only(
    prober: httpx.Client, switch: Switch, correct_results: list[object], name: str
) -> None:
    switch.app = Service(KEY)
    correct = probe_in_parallel(prober)
    switch.app = faulty([name], api_key=KEY)
    assert [probe(prober, request) for request in PROBES[:3]] == correct_results[:3]
    assert any(probe_in_parallel(prober) != correct for _ in range(5))


@pytest.mark.slow
@given(names=st.lists(st.sampled_from(sorted(FAULTS)), min_size=2, max_size=4))
@settings(max_examples=40, deadline=None, database=None)
def test_combined_faults_raise_only_intended_exceptions(prober: httpx.Client, switch: Switch, names: list[str]) -> None:
    """Intended are Crash, and ValueError from a deliberately unchecked conversion."""
    switch.app = faulty(names, api_key=KEY)
    switch.escaped.clear()
    for request in (PROBES[0], PROBES[1], *INVALID_REQUESTS):
        probe(prober, request)
    assert [error for error in switch.escaped if not isinstance(error, Crash | ValueError)] == []
