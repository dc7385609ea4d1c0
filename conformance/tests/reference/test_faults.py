import base64
import io
import itertools
import re
import time
from collections import Counter
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
from image_variations_conformance.reference.app.service import IMAGE_BYTES, Service
from image_variations_conformance.reference.app.serving import running
from image_variations_conformance.reference.app.variations import png
from image_variations_conformance.reference.faults.catalogue import _FAMILIES, FAULTS, faulty
from image_variations_conformance.reference.faults.fault_helpers import Crash
from image_variations_conformance.reference.variants import UnknownVariantError
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
    "RGB", [Image.effect_noise((256, 256), 30).point([min(v + add, 255) for v in range(256)]) for add in (90, 0, 0)]
)
BLUE = Image.merge("RGB", RED.rotate(90).split()[::-1])
LITTLE = RED.resize((32, 32))


# --- the catalogue


@pytest.mark.parametrize("requirement", [name for name, level in LEVELS.items() if level != "may"])
def test_every_must_and_should_is_broken_by_a_fault(requirement: str) -> None:
    assert any(requirement in fault.breaks for fault in FAULTS.values())


@pytest.mark.parametrize("fault", FAULTS.values(), ids=lambda fault: fault.name)
def test_fault_is_well_described(fault: Any) -> None:
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+){1,4}", fault.name)
    assert fault.family in KINDS
    assert fault.breaks
    assert all(LEVELS[requirement] in {"must", "should"} for requirement in fault.breaks)
    assert re.fullmatch(r"[A-Z].*\.", fault.summary)


def test_no_two_faults_have_one_name() -> None:
    names = Counter(fault.name for family in _FAMILIES for fault in family.faults)
    assert names.most_common(1)[0][1] == 1
    assert {fault.family for fault in FAULTS.values()} == KINDS


def test_unknown_fault_is_told_of_with_those_that_are_close() -> None:
    with pytest.raises(UnknownVariantError, match="n-capped"):
        faulty(["n-caped"])


def test_any_two_faults_make_one_server() -> None:
    for names in itertools.combinations(FAULTS, 2):
        assert isinstance(faulty(names), Service)


def test_options_reach_the_server() -> None:
    server = faulty(["link-once", "n-capped"], api_key="other", latency=1.0, seed=3)
    assert (server.api_key, server.latency, server.seed) == ("other", 1.0, 3)


# --- what is to be seen of a fault


@define
class Switch:
    """An ASGI app that is another one at any time: a server for them all. Notes what they let escape."""

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


# Without the key: for links. One for all, because to make one takes longer than to use it.
FETCHER = httpx.Client(timeout=20)


# For the session: a client that was closed does not open again, and the tests of a module may come in several goes.
@pytest.fixture(scope="session", autouse=True)
def _close_fetcher() -> Iterator[None]:
    with FETCHER:
        yield


def seen_image(data: bytes) -> object:
    """What can be told of an image file that does not depend on chance."""
    try:
        with Image.open(io.BytesIO(data)) as image:
            picture = image.convert("RGB")
            small = picture.resize((1, 1), Image.Resampling.BOX).tobytes()
            blank = all(low == high for low, high in picture.getextrema())  # type: ignore[misc] # pairs, in RGB
            return image.format, image.size, blank, picture.tobytes() == RED.tobytes(), small[0] > small[2]
    except OSError:
        return "no image"


def seen_text(text: object) -> object:
    """What can be told of a link or of base64."""
    if not isinstance(text, str) or not re.match(r"https?://127\.0\.0\.1:", text):
        try:
            return seen_image(base64.b64decode(str(text), validate=True))
        except ValueError:
            return re.sub(r"[\w-]{32}", "TOKEN", str(text)[:99])
    fetched = []
    for _ in range(2):
        response = FETCHER.get(text)
        fetched.append((response.status_code, response.headers.get("content-type"), seen_image(response.content)))
    return re.sub(r"\d+/", "PORT/", re.sub(r"[\w-]{32}", "TOKEN", text)), fetched


def seen(response: httpx.Response) -> object:
    """What can be told of an answer that does not depend on chance."""
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
    looks = [{key: seen_text(value) for key, value in item.items()} for item in items]
    return head, document, looks, len(set(texts)) == len(texts), ":NaN" in response.text


Form = list[tuple[str, tuple[str | None, bytes, str | None]]]
SMALL = ("size", (None, b"256x256", None))


def form(
    image: Image.Image | bytes = LITTLE, name: str | None = "a.png", part: str | None = "image/png", **more: str
) -> Form:
    data = image if isinstance(image, bytes) else png(image)
    return [("image", (name, data, part)), *((key, (None, text.encode(), None)) for key, text in more.items())]


def file(image: Image.Image, file_format: str) -> bytes:
    data = io.BytesIO()
    image.save(data, file_format)
    return data.getvalue()


def raw(boundary: str, quoted: str, disposition: str = 'form-data; name="image"') -> dict[str, Any]:
    """A form as httpx does not write it."""
    delimiter = f"--{boundary}".encode()
    size = delimiter + b'\r\nContent-Disposition: form-data; name="size"\r\n\r\n256x256\r\n'
    image = delimiter + f"\r\nContent-Disposition: {disposition}\r\n\r\n".encode() + png(LITTLE) + b"\r\n"
    content_type = f"multipart/form-data; boundary={quoted}"
    return {"content": image + size + delimiter + b"--", "headers": {"Content-Type": content_type}}


def reframed(request: dict[str, Any], before: bytes, after: bytes, times: int = -1) -> dict[str, Any]:
    """The same form, otherwise."""
    return {**request, "content": request["content"].replace(before, after, times)}


def small(
    image: Image.Image | bytes = LITTLE, name: str | None = "a.png", part: str | None = "image/png", **more: str
) -> Form:
    """A form that costs little to answer, and to look at the answer of."""
    return form(image, name, part, size="256x256", response_format="b64_json", **more)


PROBES: list[dict[str, Any]] = [
    {"files": form(RED, response_format="b64_json", size="256x256", n="2")},
    {"files": form(size="256x256")},
    {"files": form(n="2", size="256x256")},
    {"method": "GET"},
    {"files": small(n="11")},
    {"files": small(n="x")},
    {"files": small(n="0")},
    {"files": small(n="1.5")},
    {"files": small(n="+3")},
    {"files": small(n="")},
    {"files": form(size="9x9")},
    {"files": form(size="256X256")},
    {"files": form(response_format="x", size="256x256")},
    {"files": small(model="x")},
    {"files": small(model="dall-e-3")},
    {"files": small(user="")},
    {"files": small(user="x" * 65)},
    {"files": small(user="ü")},
    {"files": small(other="")},
    {"files": [SMALL, *form()]},
    {"files": [SMALL]},
    {"files": form() + form()},
    {"files": small(name="")},
    {"files": small(name="a")},
    {"files": small(name="ü.png")},
    {"files": small(part="text/plain")},
    {"files": small(part="application/octet-stream")},
    {"files": small(BLUE)},
    {"files": small(LITTLE.convert("RGBA"))},
    {"files": small(LITTLE.convert("P"))},
    {"files": small(RED.crop((0, 0, 1, 1)))},
    {"files": small(RED.crop((0, 0, 8, 9)))},
    {"files": small(RED.crop((0, 0, 8, 4)))},
    {"files": small(file(LITTLE, "JPEG"))},
    {"files": small(b"x")},
    {"files": small(b"")},
    {"files": small(png(RED)[:999])},
    {"files": small(png(LITTLE) + bytes(IMAGE_BYTES - len(png(LITTLE))))},
    {"files": small(png(LITTLE) + bytes(IMAGE_BYTES))},
    {"files": small(png(LITTLE) + bytes(1 << 20))},
    {"files": small(), "params": {"n": "3"}},
    {"json": {}},
    {"keyless": True, "files": small()},
    {"headers": {"Authorization": "Bearer wrong"}, "files": small()},
    {"headers": {"Authorization": "Bearer wrong"}, "files": form(n="x")},
    {"headers": {"Authorization": f"bearer {KEY}"}, "files": small()},
    raw("b", '"b"'),
    raw("B", "B"),
    raw("b" * 70, "b" * 70),
    raw("a'b", "a'b"),
    raw("b", "b", disposition="form-data"),
    raw("b", "b", disposition='form-data; name="image"; filename="a.png"'),
    raw("b", "b", disposition='form-data; name="image"; filename="\\".png"'),
    {**raw("b", "b"), "chunked": True},
    reframed(raw("b", "b"), b"\r\n\r\n", b"\r\nX-Part: 1\r\n\r\n"),
    reframed(raw("b", "b"), b"--b--", b""),
    reframed(raw("b", "b"), b"\r\n", b"\n"),
    reframed(raw("b", "b"), b"--b\r\n", b"before\r\n--b\r\n", 1),
    # The dear ones last, because a fault is done with as soon as it shows.
    {"files": small()},
    {"files": small(n="6")},
    {"files": form(size="512x512", response_format="url", model="dall-e-2")},
    {"files": form(size="256x256", n="5")},
    {"files": form()},
]


BAD = ({"files": small(n="x")}, {"files": small(png(RED)[:999])})


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
        return seen(client.request(method, url, **arguments))
    except httpx.TransportError:
        return "no answer"


@pytest.fixture(scope="module")
def prober(base_url: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=base_url, headers={"Authorization": f"Bearer {KEY}"}, timeout=20) as client:
        yield client


def in_parallel(client: httpx.Client) -> list[object]:
    def ask(n: int) -> object:
        return probe(client, {"files": form(n=str(n), size="256x256")})

    with ThreadPoolExecutor(3) as pool:
        return list(pool.map(ask, (1, 2, 3)))


@pytest.fixture(scope="module")
def right_answers(prober: httpx.Client) -> list[object]:
    """What the reference server without a fault answers."""
    return [probe(prober, request) for request in PROBES]


@pytest.mark.parametrize("name", [fault.name for fault in FAULTS.values() if fault.family != "concurrency"])
def test_fault_shows(prober: httpx.Client, switch: Switch, right_answers: list[object], name: str) -> None:
    switch.app = faulty([name], api_key=KEY)
    assert any(probe(prober, request) != right for request, right in zip(PROBES, right_answers, strict=True))


def test_no_fault_shows_nothing(prober: httpx.Client, switch: Switch, right_answers: list[object]) -> None:
    """Else the test above would prove nothing: what is seen of an answer must not depend on chance."""
    switch.app = faulty([], api_key=KEY)
    switch.escaped.clear()
    assert [probe(prober, request) for request in PROBES] == right_answers
    assert in_parallel(prober) == in_parallel(prober)
    assert switch.escaped == []


@pytest.mark.parametrize("name", [fault.name for fault in FAULTS.values() if fault.family == "concurrency"])
def test_fault_shows_in_parallel_only(
    prober: httpx.Client, switch: Switch, right_answers: list[object], name: str
) -> None:
    switch.app = Service(KEY)
    right = in_parallel(prober)
    switch.app = faulty([name], api_key=KEY)
    assert [probe(prober, request) for request in PROBES[:3]] == right_answers[:3]
    assert any(in_parallel(prober) != right for _ in range(5))


@given(names=st.lists(st.sampled_from(sorted(FAULTS)), min_size=2, max_size=4))
@settings(max_examples=40, deadline=None, database=None)
def test_faults_together_break_nothing_that_they_do_not_mean_to(
    prober: httpx.Client, switch: Switch, names: list[str]
) -> None:
    """What escapes from them is a crash on purpose, or the error of a conversion that is wrong on purpose."""
    switch.app = faulty(names, api_key=KEY)
    switch.escaped.clear()
    for request in (PROBES[0], PROBES[1], *BAD):
        probe(prober, request)
    assert [error for error in switch.escaped if not isinstance(error, Crash | ValueError)] == []
