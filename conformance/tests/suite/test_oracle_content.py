"""The oracles on images, links, errors and state: responses that break a requirement, and correct ones."""

import base64
import io
import json
import random
import time
from collections.abc import Sequence
from typing import Any

import pytest
from attrs import evolve
from image_variations_conformance.media.pictures import paint
from image_variations_conformance.oracles import Finding, judge
from image_variations_conformance.wire.exchange import Exchange, NotTested, Request, Response
from image_variations_conformance.wire.reasons import MaxFetches
from PIL import Image, ImageEnhance
from support.requests import CONTRACT, builder, observed

JSON = (("Content-Type", "application/json"),)
NOW = time.time()
B64 = {"size": "256x256", "response_format": "b64_json"}


def variation(seed: int, side: int = 256, original: Image.Image | None = None) -> Image.Image:
    """Return a painted picture, or a variation of `original`."""
    picture = paint(random.Random(seed), side) if original is None else original.resize((side, side))
    return ImageEnhance.Brightness(picture).enhance(0.8 + seed % 7 / 100)


def encoded(picture: Image.Image, file_format: str = "PNG") -> str:
    out = io.BytesIO()
    picture.save(out, file_format)
    return base64.b64encode(out.getvalue()).decode()


def response(*images: str, **members: object) -> Response:
    items = [{"b64_json": image} for image in images]
    return Response(200, JSON, json.dumps({"created": int(NOW), "data": items, **members}).encode())


def failed(*exchanges: Exchange) -> set[str]:
    """Return the ids of the requirements that the exchanges of one run break."""
    return {finding.requirement for finding in findings(exchanges) if finding.result == "fail"}


def findings(exchanges: Sequence[Exchange]) -> list[Finding]:
    return list(judge([observed(exchange) for exchange in exchanges], CONTRACT))


def exchange(label: str, request: Request, outcome: Response, **changes: Any) -> Exchange:
    return Exchange(label, request, outcome, NOW, 0.5, **changes)


def answered(outcome: Response, **fields: str) -> Exchange:
    return exchange("a-case", builder().form(**{**B64, **fields}), outcome)


GOOD = encoded(variation(1))


@pytest.mark.parametrize(
    ("outcome", "fields", "requirements"),
    [
        (response(GOOD), {}, set()),
        (response(GOOD, encoded(variation(2))), {"n": "2"}, set()),
        (response(encoded(variation(1).convert("RGB"), "JPEG")), {}, {"IV-OUT-B64-PNG"}),
        (response(encoded(variation(1), "GIF")), {}, {"IV-OUT-B64-PNG", "IV-OUT-FORMAT"}),
        (response(encoded(variation(1, 512))), {}, {"IV-OUT-SIZE"}),
        (response(encoded(Image.new("RGB", (256, 256), "red"))), {}, {"IV-OUT-BLANK"}),
        (response(GOOD, GOOD), {"n": "2"}, {"IV-OUT-DISTINCT"}),
        (response(GOOD, output_format="webp"), {}, {"IV-OUT-FORMAT"}),
        (response(GOOD, background="green"), {}, {"IV-RES-BACKGROUND"}),
        (response(GOOD, quality="best"), {}, {"IV-RES-QUALITY"}),
        (response(GOOD, output_format="bmp"), {}, {"IV-RES-OUTPUT-FORMAT"}),
    ],
)
def test_the_images_and_members_of_a_response_break_the_stated_requirements(
    outcome: Response, fields: dict[str, str], requirements: set[str]
) -> None:
    assert failed(answered(outcome, **fields)) == requirements


def test_a_revised_prompt_that_is_no_string_breaks_iv_res_revised_prompt() -> None:
    body = {"created": int(NOW), "data": [{"b64_json": GOOD, "revised_prompt": 1}]}
    assert failed(answered(Response(200, JSON, json.dumps(body).encode()))) == {"IV-RES-REVISED-PROMPT"}


def test_the_input_image_sent_back_breaks_iv_out_changed() -> None:
    b = builder()
    content = b.png(side=256)
    sent_back = response(base64.b64encode(content).decode())
    assert failed(exchange("a-case", b.form(b.image(content), **B64), sent_back)) == {"IV-OUT-CHANGED"}


@pytest.mark.parametrize("own", [True, False])
def test_only_images_that_resemble_the_inputs_of_other_requests_break_iv_out_resembles(own: bool) -> None:
    exchanges, inputs = [], []
    for number in range(6):
        b = builder(f"case-{number}")
        content = b.png(side=64)
        inputs.append(Image.open(io.BytesIO(content)))
        exchanges.append((b.form(b.image(content), **B64), number))
    run = [
        exchange(
            f"case-{number}",
            request,
            response(encoded(variation(number, original=inputs[number if own else number - 1]))),
        )
        for request, number in exchanges
    ]
    assert ("IV-OUT-RESEMBLES" in failed(*run)) is not own


def linked(link: str, fetched: Response) -> Exchange:
    body = {"created": int(NOW), "data": [{"url": link}]}
    fetch = exchange("a-case/0", Request("GET", link, ()), fetched)
    outcome = Response(200, JSON, json.dumps(body).encode())
    return exchange("a-case", builder().form(size="256x256"), outcome, fetches=(fetch,))


PNG = Response(200, (("Content-Type", "image/png"),), base64.b64decode(GOOD))


@pytest.mark.parametrize(
    ("link", "fetched", "requirements"),
    [
        ("http://127.0.0.1/a.png", PNG, set()),
        ("data:image/png;base64,AAAA", PNG, {"IV-URL-HTTP"}),
        ("/a.png", PNG, {"IV-URL-ABSOLUTE"}),
        ("http://127.0.0.1/a.png", evolve(PNG, headers=(("Content-Type", "text/html"),)), {"IV-URL-TYPE"}),
        ("http://127.0.0.1/a.png", Response(404), {"IV-URL-FETCH"}),
        ("http://127.0.0.1/a.png", evolve(PNG, body=PNG.body[:-100]), {"IV-URL-FETCH"}),
    ],
)
def test_a_link_or_the_response_behind_it_breaks_the_stated_requirements(
    link: str, fetched: Response, requirements: set[str]
) -> None:
    assert failed(linked(link, fetched)) == requirements


@pytest.mark.parametrize(
    ("message", "requirements"),
    [
        ("n must be from 1 to 10", set()),
        ('n: {"error": {"message": "upstream failed"}}', {"IV-ERR-READABLE"}),
        ("n: <!doctype html><p>Bad Request</p>", {"IV-ERR-READABLE"}),
        ("None", {"IV-ERR-NULL"}),
    ],
)
def test_an_error_message_that_is_not_readable_text_breaks_the_stated_requirement(
    message: str, requirements: set[str]
) -> None:
    error = {"error": {"message": message, "type": "t", "param": "n", "code": None}}
    assert failed(answered(Response(400, JSON, json.dumps(error).encode()), n="0")) == requirements


def test_a_different_response_to_the_same_request_breaks_iv_state_independent() -> None:
    b = builder()
    request = b.form(**B64)
    two_images = response(GOOD, encoded(variation(2)))
    first, later = exchange("first", request, response(GOOD)), exchange("later", request, two_images)
    assert failed(first, exchange("again", request, response(GOOD))) == set()
    assert "IV-STATE-INDEPENDENT" in failed(first, later)


def test_a_concurrent_request_that_fails_although_it_succeeds_alone_breaks_iv_state_parallel() -> None:
    request = builder().form(**B64)
    alone = exchange("alone", request, response(GOOD))
    same = exchange("together-1", request, response(GOOD), concurrent_with="together")
    other = exchange("together-2", request, Response(500), concurrent_with="together")
    assert failed(alone, same) == set()
    assert failed(alone, same, other) == {"IV-STATE-PARALLEL", "IV-ERR-NO-5XX"}


def test_a_link_that_was_not_followed_says_nothing_about_the_size_of_its_image() -> None:
    first = linked("http://127.0.0.1/a.png", PNG)
    not_followed = Exchange(
        "later/0", Request("GET", "http://127.0.0.1/b.png", ()), NotTested(MaxFetches(60)), 0.0, 0.0
    )
    body = {"created": int(NOW), "data": [{"url": "http://127.0.0.1/b.png"}]}
    later = exchange("later", first.request, Response(200, JSON, json.dumps(body).encode()), fetches=(not_followed,))
    assert failed(first, later) == set()
