"""The oracles on images, links, errors and state: responses that break a requirement, and correct ones."""

import base64
import io
import json
import random
import time
from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import quote

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st
from image_variations_conformance.media import png
from image_variations_conformance.media.pictures import paint, transparent
from image_variations_conformance.oracles import Finding, judge
from image_variations_conformance.oracles.content import is_canonical
from image_variations_conformance.wire.exchange import Exchange, Failure, NotTested, Outcome, Request, Response
from image_variations_conformance.wire.reasons import MaxFetches, RateLimited
from PIL import Image, ImageEnhance, PngImagePlugin
from support.profiles import effective
from support.requests import CONTRACT, KEY, builder, observed

Encode = Callable[[bytes], bytes]

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
    return {finding.requirement for finding in findings(exchanges) if finding.state == "contradicted"}


def findings(exchanges: Sequence[Exchange]) -> list[Finding]:
    return list(judge([observed(exchange) for exchange in exchanges], CONTRACT))


def exchange(label: str, request: Request, outcome: Outcome, **changes: Any) -> Exchange:
    return Exchange(label, request, outcome, NOW, 0.5, **changes)


def answered(outcome: Response, **fields: str) -> Exchange:
    return exchange("a-case", builder().form(**{**B64, **fields}), outcome)


def held(*exchanges: Exchange) -> set[str]:
    """Return the ids of the requirements that the exchanges of one run show to hold."""
    return {finding.requirement for finding in findings(exchanges) if finding.state == "holds"}


GOOD = encoded(variation(1))
OF_ANY_RESPONSE = {
    *("IV-OP-VALID", "IV-ERR-NO-5XX", "IV-ERR-SECRETS", "IV-RES-JSON", "IV-RES-SCHEMA", "IV-RES-MEMBERS-ONCE"),
    *("IV-RES-CREATED", "IV-RES-OUTPUT-FORMAT", "IV-RES-QUALITY", "IV-RES-REVISED-PROMPT", "IV-RES-USAGE"),
    *("IV-RES-TOKENS", "IV-RES-SIZE", "IV-RES-SIZE-TRUE", "IV-RES-BACKGROUND", "IV-RES-BACKGROUND-TRUE"),
    *("IV-OUT-FORMAT", "IV-OUT-SIZE", "IV-OUT-BLANK", "IV-OUT-CHANGED"),
}
"""What the response with one right image shows to hold, whether that comes as base64 or as a link."""


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


def test_one_right_response_shows_exactly_what_it_can_show() -> None:
    of_base64 = {"IV-OUT-B64", "IV-OUT-B64-PNG", "IV-OUT-B64-CANONICAL"}
    assert held(answered(response(GOOD), n="1")) == {*OF_ANY_RESPONSE, *of_base64, "IV-RES-COUNT", "IV-RES-KEY"}
    of_links = {"IV-URL-ABSOLUTE", "IV-URL-FETCH", "IV-URL-HTTP", "IV-URL-NO-KEY", "IV-URL-TYPE"}
    defaults = {"IV-N-DEFAULT", "IV-FORMAT-DEFAULT"}
    assert held(linked("http://127.0.0.1/a.png", PNG)) == {*OF_ANY_RESPONSE, *of_links, *defaults}


def test_a_size_that_was_not_requested_breaks_iv_size_default() -> None:
    request = builder().form(response_format="b64_json")
    assert failed(exchange("a-case", request, response(GOOD))) == {"IV-SIZE-DEFAULT"}
    assert failed(exchange("a-case", request, response(encoded(variation(1, 1024))))) == set()


@pytest.mark.parametrize("media_type", ["text/plain", "text/json; charset=utf-8", None])
def test_json_of_another_content_type_breaks_iv_res_json(media_type: str | None) -> None:
    headers = () if media_type is None else (("Content-Type", media_type),)
    assert failed(answered(evolve(response(GOOD), headers=headers))) == {"IV-RES-JSON"}


def test_the_message_of_equal_images_tells_them_from_equal_links() -> None:
    def message(found: Exchange) -> str:
        return next(it.message for it in findings([found]) if it.requirement == "IV-OUT-DISTINCT")

    assert message(answered(response(GOOD, GOOD), n="2")) == "2 images, but not all different"
    body = {"created": int(NOW), "data": [{"url": "http://127.0.0.1/a.png"}] * 2}
    outcome = Response(200, JSON, json.dumps(body).encode())
    assert message(exchange("a-case", builder().form(size="256x256", n="2"), outcome)) == "the same link twice"


def test_variations_of_a_picture_in_which_nothing_is_visible_may_all_be_equal() -> None:
    clear = transparent(variation(1, 64))
    request = builder().form(builder().image(png.encode(clear, png.Kind(png.RGBA))), **B64, n="2")
    empty = encoded(Image.new("RGBA", (256, 256)))
    assert failed(exchange("a-case", request, response(empty, empty))) == set()
    assert "IV-OUT-DISTINCT" not in held(exchange("a-case", request, response(empty, empty)))


def test_a_revised_prompt_that_is_no_string_breaks_iv_res_revised_prompt() -> None:
    body = {"created": int(NOW), "data": [{"b64_json": GOOD, "revised_prompt": 1}]}
    assert failed(answered(Response(200, JSON, json.dumps(body).encode()))) == {"IV-RES-REVISED-PROMPT"}


def test_the_input_image_sent_back_breaks_iv_out_changed() -> None:
    b = builder()
    content = b.png(side=256)
    sent_back = response(base64.b64encode(content).decode())
    assert failed(exchange("a-case", b.form(b.image(content), **B64), sent_back)) == {"IV-OUT-CHANGED"}


def test_an_input_of_one_colour_that_is_sent_back_breaks_nothing() -> None:
    blank = Image.new("RGBA", (256, 256), (255, 0, 0, 0))
    assert failed(made_of("a-case", blank, encoded(blank))) == set()


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


def made_of(label: str, original: Image.Image, image: str) -> Exchange:
    """Return an exchange in which `original` was sent, and `image` came back."""
    b = builder(label)
    return exchange(label, b.form(b.image(base64.b64decode(encoded(original))), **B64), response(image))


def test_an_image_too_small_to_compare_does_not_break_iv_out_changed() -> None:
    for side, requirements in ((8, set()), (16, {"IV-OUT-CHANGED"})):
        original = variation(1, side)
        enlarged = original.resize((256, 256), Image.Resampling.NEAREST)
        assert failed(made_of("a-case", original, encoded(enlarged))) == requirements


def test_an_image_that_cannot_be_read_is_nothing_to_compare_with() -> None:
    lost, found = linked("http://127.0.0.1/a.png", Response(404)), linked("http://127.0.0.1/b.png", PNG)
    again = exchange("again", found.request, found.outcome, fetches=(evolve(found.fetches[0], label="again/0"),))
    assert failed(lost, again) == {"IV-URL-FETCH"}


@pytest.mark.parametrize(
    ("inputs", "is_broken"),
    [
        ((variation(7, 64), variation(8, 64)), True),
        ((variation(7, 64), variation(7, 64)), False),
        ((variation(7, 64), Image.new("RGB", (64, 64), "green")), False),
        ((Image.new("RGB", (64, 64), "red"), Image.new("RGB", (64, 64), "green")), False),
        ((Image.new("RGBA", (64, 64), (1, 0, 0, 0)), Image.new("RGBA", (64, 64), (2, 0, 0, 0))), False),
    ],
)
def test_the_same_image_for_two_inputs_that_are_not_blank_breaks_iv_out_resembles(
    inputs: tuple[Image.Image, Image.Image], is_broken: bool
) -> None:
    right = [(variation(number, 64), variation(number)) for number in range(6)]
    exchanges = [made_of(f"case-{at}", sent, encoded(got)) for at, (sent, got) in enumerate(right)]
    exchanges += [made_of(f"again-{at}", sent, encoded(variation(7))) for at, sent in enumerate(inputs)]
    assert ("IV-OUT-RESEMBLES" in failed(*exchanges)) is is_broken


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
        ("http://127.0.0.1/a.png", evolve(PNG, status=203), set()),
        ("http://127.0.0.1/a.png", evolve(PNG, status=201), {"IV-URL-FETCH"}),
        ("http://127.0.0.1/a.png", Response(404), {"IV-URL-FETCH"}),
        ("http://127.0.0.1/a.png", Response(503), {"IV-URL-FETCH"}),
        ("http://127.0.0.1/a.png", evolve(PNG, body=PNG.body[:-100]), {"IV-URL-FETCH"}),
    ],
)
def test_a_link_or_the_response_behind_it_breaks_the_stated_requirements(
    link: str, fetched: Response, requirements: set[str]
) -> None:
    assert failed(linked(link, fetched)) == requirements


@pytest.mark.parametrize("status", [429, 503])
def test_a_link_that_stays_limited_is_not_judged(status: int) -> None:
    limited = Response(status, (("Retry-After", "1"),))
    found = findings([linked("http://127.0.0.1/a.png", limited)])
    assert [(it.state, it.reason) for it in found if it.requirement == "IV-URL-FETCH"] == [("blocked", RateLimited())]
    assert [it.state for it in found if it.requirement == "IV-LIMIT-RETRY-AFTER"] == ["holds"]


@pytest.mark.parametrize(
    ("message", "requirements"),
    [
        ("n must be from 1 to 10", set()),
        ('n: {"error": {"message": "upstream failed"}}', {"IV-ERR-READABLE"}),
        ("n: <!doctype html><p>Bad Request</p>", {"IV-ERR-READABLE"}),
        ("None", {"IV-ERR-NULL"}),
        ("null", {"IV-ERR-NULL"}),
        # A number or a word is JSON, but not a document.
        ("400", set()),
        ('"n"', set()),
        ('{"n": 0}', {"IV-ERR-READABLE"}),
        ("[1]", {"IV-ERR-READABLE"}),
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


@pytest.mark.parametrize(("keys", "broken"), [({}, True), ({"default_size": "any"}, False)])
def test_another_size_breaks_iv_state_independent_where_the_contract_names_the_size(
    keys: dict[str, Any], broken: bool
) -> None:
    contract, request = effective(**keys), builder().form(response_format="b64_json")
    sent = [
        observed(exchange(f"{side}", request, response(encoded(variation(1, side)))), contract=contract)
        for side in (200, 333)
    ]
    found = {it.requirement for it in judge(sent, contract) if it.state == "contradicted"}
    assert ("IV-STATE-INDEPENDENT" in found) is broken


@pytest.mark.parametrize(
    ("company", "requirement"),
    [
        ({"concurrent_with": "together"}, "IV-STATE-PARALLEL"),
        ({"connection": "kept-connection"}, "IV-STATE-CONNECTION"),
    ],
)
def test_a_request_that_is_answered_otherwise_in_company_than_alone_breaks_the_stated_requirement(
    company: dict[str, str], requirement: str
) -> None:
    request = builder().form(**B64)
    alone = exchange("alone", request, response(GOOD))
    same = exchange("together-1", request, response(GOOD), **company)
    other = exchange("together-2", request, response(GOOD, encoded(variation(2))), **company)
    assert failed(alone, same) == set()
    assert requirement in failed(alone, same, other)
    # There is nothing to compare with.
    assert requirement not in failed(same, other)


@pytest.mark.parametrize(("images", "is_broken"), [(1, False), (2, True)])
def test_another_response_to_the_same_form_with_a_query_breaks_iv_wire_query(images: int, is_broken: bool) -> None:
    request = builder().form(**B64)
    queried = evolve(request, target=f"{request.target}?n=2")
    answer = response(*(encoded(variation(number)) for number in range(images)))
    found = findings([exchange("plain", request, response(GOOD)), exchange("queried", queried, answer)])
    (of_query,) = (finding for finding in found if finding.requirement == "IV-WIRE-QUERY")
    assert (of_query.state == "contradicted") is is_broken
    # A response that is wrong itself is no model.
    wrong = exchange("plain", request, response(GOOD, GOOD))
    assert "IV-WIRE-QUERY" not in failed(wrong, exchange("queried", queried, response(GOOD)))


@pytest.mark.parametrize(
    ("connections", "is_broken"), [(("kept", "kept"), True), (("kept", "other"), False), ((None, None), False)]
)
def test_the_image_of_another_input_on_the_same_connection_breaks_iv_state_connection(
    connections: tuple[str | None, str | None], is_broken: bool
) -> None:
    exchanges = [
        evolve(made_of(f"case-{at}", variation(at, 64), encoded(variation(7))), connection=connection)
        for at, connection in enumerate(connections)
    ]
    assert ("IV-STATE-CONNECTION" in failed(*exchanges)) is is_broken


def test_that_a_server_recovers_is_shown_only_after_a_request_that_failed() -> None:
    request = builder().form(**B64)
    first, again = exchange("first", request, response(GOOD)), exchange("again", request, response(GOOD))
    refused = exchange("n-zero", builder().form(**B64, n="0"), Response(400))
    assert "IV-STATE-RECOVERS" not in held(first, again)
    assert "IV-STATE-RECOVERS" in held(first, refused, again)


@pytest.mark.parametrize(
    ("mixed_up", "concurrent", "repeated", "is_broken"),
    [
        (True, 6, False, True),
        (False, 6, False, False),
        # Too few to tell from chance.
        (True, 3, False, False),
        # An image that is repeated is reported by itself.
        (True, 6, True, False),
    ],
)
def test_images_of_the_inputs_of_concurrent_requests_break_iv_state_parallel(
    mixed_up: bool, concurrent: int, repeated: bool, is_broken: bool
) -> None:
    inputs = [variation(at, 64) for at in range(6 + concurrent)]
    made = [encoded(variation(at, original=picture)) for at, picture in enumerate(inputs)]
    alone = [made_of(f"case-{at}", inputs[at], made[at]) for at in range(6)]
    together = [
        evolve(
            made_of(f"together-{at}", inputs[6 + at], made[6 + (at + mixed_up) % concurrent]),
            concurrent_with="together",
        )
        for at in range(concurrent)
    ]
    others = [made_of("repeated", variation(20, 64), made[0])] if repeated else []
    assert ("IV-STATE-PARALLEL" in failed(*alone, *together, *others)) is is_broken


def test_a_link_that_was_not_followed_says_nothing_about_the_size_of_its_image() -> None:
    first = linked("http://127.0.0.1/a.png", PNG)
    not_followed = Exchange(
        "later/0", Request("GET", "http://127.0.0.1/b.png", ()), NotTested(MaxFetches(60)), 0.0, 0.0
    )
    body = {"created": int(NOW), "data": [{"url": "http://127.0.0.1/b.png"}]}
    later = exchange("later", first.request, Response(200, JSON, json.dumps(body).encode()), fetches=(not_followed,))
    assert failed(first, later) == set()


# --- members of a response


def answered_with(body: bytes, **fields: str) -> set[str]:
    """Return what a successful response with this body breaks."""
    return failed(answered(Response(200, JSON, body), **fields))


@pytest.mark.parametrize(
    ("before", "after", "is_broken"),
    [
        ('"created"', '"created"', False),
        ('"created"', '"created": 1, "created"', True),
        ('"b64_json"', '"b64_json": "", "b64_json"', True),
        ('"data"', '"more": {"a": 1, "a": 1}, "data"', True),
        ('"data"', '"more": [{"a": 1}, {"a": 2}], "a": 1, "data"', False),
    ],
)
def test_a_member_that_an_object_has_twice_breaks_iv_res_members_once(before: str, after: str, is_broken: bool) -> None:
    body = response(GOOD).body.decode().replace(before, after, 1)
    assert answered_with(body.encode()) == ({"IV-RES-MEMBERS-ONCE"} if is_broken else set())


@pytest.mark.parametrize(
    ("size", "requirements"),
    [
        ("256x256", set()),
        ("512x512", {"IV-RES-SIZE-TRUE"}),
        ("1024x1024", {"IV-RES-SIZE-TRUE"}),
        # Not the size of any image, which the schema says.
        ("auto", {"IV-RES-SIZE"}),
        ([256], {"IV-RES-SIZE"}),
    ],
)
def test_a_size_that_is_not_that_of_the_images_breaks_iv_res_size_true(size: object, requirements: set[str]) -> None:
    assert failed(answered(response(GOOD, size=size))) == requirements


def with_alpha(alpha: int) -> str:
    picture = variation(1).convert("RGBA")
    picture.putalpha(alpha)
    return encoded(picture)


@pytest.mark.parametrize(
    ("background", "image", "requirements"),
    [
        ("opaque", GOOD, set()),
        ("opaque", with_alpha(255), set()),
        ("transparent", with_alpha(0), set()),
        ("transparent", with_alpha(128), set()),
        ("transparent", GOOD, {"IV-RES-BACKGROUND-TRUE"}),
        ("transparent", with_alpha(255), {"IV-RES-BACKGROUND-TRUE"}),
        ("opaque", with_alpha(128), {"IV-RES-BACKGROUND-TRUE"}),
        (["opaque"], GOOD, {"IV-RES-BACKGROUND"}),
    ],
)
def test_a_background_that_is_not_that_of_the_images_breaks_iv_res_background_true(
    background: object, image: str, requirements: set[str]
) -> None:
    found = failed(answered(response(image, background=background)))
    assert found & {"IV-RES-BACKGROUND", "IV-RES-BACKGROUND-TRUE"} == requirements


@given(st.integers(0, 9), st.integers(0, 9), st.integers(0, 20))
def test_total_tokens_that_are_not_the_sum_break_iv_res_tokens(sent: int, received: int, total: int) -> None:
    details = {"image_tokens": 1, "text_tokens": 0}
    usage = {"input_tokens": sent, "output_tokens": received, "total_tokens": total, "input_tokens_details": details}
    found = failed(answered(response(GOOD, usage=usage)))
    assert found == (set() if sent + received == total else {"IV-RES-TOKENS"})


@pytest.mark.parametrize("total", ["3", True, None, 1.5])
def test_tokens_that_are_no_numbers_break_iv_res_usage_alone(total: object) -> None:
    details = {"image_tokens": 1, "text_tokens": 0}
    usage = {"input_tokens": 1, "output_tokens": 2, "total_tokens": total, "input_tokens_details": details}
    assert failed(answered(response(GOOD, usage=usage))) <= {"IV-RES-USAGE", "IV-RES-SCHEMA"}


# --- base64


@given(st.binary(max_size=40), st.integers(0, 63))
def test_base64_is_canonical_if_encoding_the_decoded_bytes_gives_it_again(content: bytes, at: int) -> None:
    text = base64.b64encode(content).decode()
    assert is_canonical(text[-4:])
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    stem = text.rstrip("=")
    changed = stem[:-1] + alphabet[at] + text[len(stem) :] if stem else text
    assert is_canonical(changed[-4:]) is (base64.b64encode(base64.b64decode(changed)).decode() == changed)


def test_base64_with_unused_bits_that_are_not_zero_breaks_iv_out_b64_canonical() -> None:
    content = base64.b64decode(GOOD)
    # Behind the end of a PNG, decoders read nothing.
    padded = base64.b64encode(content + bytes(-len(content) % 3 + 1)).decode()
    assert padded.endswith("AA==")
    assert failed(answered(response(padded))) == set()
    assert failed(answered(response(f"{padded[:-4]}AB=="))) == {"IV-OUT-B64-CANONICAL"}


# --- links


def test_a_link_with_the_api_key_breaks_iv_url_no_key() -> None:
    for key in (KEY, KEY.replace("-", "%2d")):
        assert failed(linked(f"http://127.0.0.1/a.png?key={key}", PNG)) == {"IV-URL-NO-KEY"}
    assert failed(linked(f"http://127.0.0.1/a.png?key={KEY[:-1]}", PNG)) == set()


def test_an_error_to_the_fetch_of_a_link_with_the_api_key_may_quote_the_link() -> None:
    link = f"http://127.0.0.1/a.png?key={KEY}"
    assert failed(linked(link, Response(404, (), f"there is no {link}".encode()))) == {"IV-URL-NO-KEY", "IV-URL-FETCH"}


@given(st.binary(max_size=40), st.binary(max_size=40), st.sampled_from((base64.b64encode, base64.urlsafe_b64encode)))
def test_a_link_with_the_api_key_in_base64_breaks_iv_url_no_key(before: bytes, after: bytes, encode: Encode) -> None:
    for key, is_broken in ((KEY, True), (KEY[::-1], False)):
        token = quote(encode(before + key.encode() + after).decode())
        assert failed(linked(f"http://127.0.0.1/a.png?t={token}", PNG)) == ({"IV-URL-NO-KEY"} if is_broken else set())


@pytest.mark.parametrize(
    ("at_the_end", "requirements"),
    [
        (PNG, set()),
        (Response(404), {"IV-URL-END"}),
        (Response(200, PNG.headers, PNG.body[:-100]), {"IV-URL-END"}),
        (Failure("timeout", "none within 1 s"), {"IV-URL-END"}),
        (NotTested(MaxFetches(60)), set()),
    ],
)
def test_a_link_that_is_dead_at_the_end_of_the_run_breaks_iv_url_end(
    at_the_end: Outcome, requirements: set[str]
) -> None:
    first = linked("http://127.0.0.1/a.png", PNG)
    again = evolve(first.fetches[0], label="a-case/end", outcome=at_the_end)
    assert failed(evolve(first, fetches=(*first.fetches, again))) == requirements


@pytest.mark.parametrize(
    ("links", "is_broken"),
    [
        (("http://a.example/1.png", "http://a.example/2.png"), True),
        (("http://a.example/999.png", "http://a.example/1000.png"), True),
        (("http://a.example/1-1.png", "http://a.example/2-2.png"), False),
        (("http://a.example/1.png", "http://a.example/123456.png"), False),
        (("http://a.example/1.png", "http://b.example/x2.png"), False),
    ],
)
def test_links_of_two_responses_that_can_be_counted_break_iv_url_guess(links: tuple[str, str], is_broken: bool) -> None:
    one, other = (evolve(linked(link, PNG), label=f"case-{at}") for at, link in enumerate(links))
    assert ("IV-URL-GUESS" in failed(one, other)) is is_broken


@pytest.mark.parametrize(
    ("link", "is_broken"),
    [("http://a.example/1.png", True), (f"http://a.example/{'a' * 70_000}.png", False)],
    ids=["short", "cut"],
)
def test_a_link_of_two_responses_to_different_images_breaks_iv_url_end(link: str, is_broken: bool) -> None:
    other_png = evolve(PNG, body=base64.b64decode(encoded(variation(2))))
    one, same, other = (
        evolve(linked(link, png_file), label=f"case-{at}") for at, png_file in enumerate((PNG, PNG, other_png))
    )
    assert "IV-URL-END" not in failed(one, same)
    assert ("IV-URL-END" in failed(one, other)) is is_broken


# --- blank images


def clear(picture: Image.Image, alpha: int) -> Image.Image:
    """Return a picture with this alpha everywhere, 0 to 255."""
    picture = picture.convert("RGBA")
    picture.putalpha(alpha)
    return picture


def test_images_of_a_wholly_transparent_input_need_not_resemble_it() -> None:
    """A server that drops the alpha channel makes them of the colours below."""
    inputs = [variation(number, 64) for number in range(7)]
    run = [made_of(f"case-{at}", inputs[at], encoded(variation(at, original=inputs[at]))) for at in range(6)]
    b = builder("clear")
    images = [encoded(variation(number, original=inputs[6])) for number in range(7)]
    request = b.form(b.image(base64.b64decode(encoded(clear(inputs[6], 0)))), **B64, n="7")
    assert failed(*run, exchange("clear", request, response(*images))) == set()


@pytest.mark.parametrize(
    ("original", "requirements"),
    [
        (variation(1, 64), {"IV-OUT-BLANK"}),
        (Image.new("RGB", (64, 64), "green"), set()),
        (Image.new("RGBA", (64, 64), (0, 0, 0, 0)), set()),
        (clear(variation(1, 64), 128), {"IV-OUT-BLANK"}),
        (clear(variation(1, 64), 0), set()),
    ],
)
def test_a_blank_image_breaks_iv_out_blank_only_where_the_input_is_not_blank(
    original: Image.Image, requirements: set[str]
) -> None:
    b = builder()
    request = b.form(b.image(base64.b64decode(encoded(original))), **B64)
    blank = response(encoded(Image.new("RGB", (256, 256), "red")))
    assert failed(exchange("a-case", request, blank)) == requirements


# --- statuses and secrets


@pytest.mark.parametrize("status", [201, 202, 203, 206])
def test_a_success_with_another_status_than_200_breaks_iv_op_valid_alone(status: int) -> None:
    assert failed(answered(evolve(response(GOOD), status=status))) == {"IV-OP-VALID"}
    # Whatever else is wrong is judged as in a 200.
    assert failed(answered(evolve(response(), status=status))) == {"IV-OP-VALID", "IV-N-DEFAULT"}


@pytest.mark.parametrize("outcome", [Response(202, JSON, b'{"id": "job-1"}'), Response(204)])
def test_a_success_without_images_breaks_iv_op_valid_alone(outcome: Response) -> None:
    assert failed(answered(outcome)) == {"IV-OP-VALID"}


@pytest.mark.parametrize("method", ["HEAD", "OPTIONS"])
@pytest.mark.parametrize(
    ("outcome", "is_broken"),
    [
        (Response(200), False),
        (Response(204), False),
        (Response(405), False),
        (Response(501), False),
        (Response(500), True),
        (Response(503), True),
        (Failure("dropped", "the connection broke"), True),
    ],
)
def test_only_a_crash_at_head_or_options_breaks_iv_op_head_options(
    method: str, outcome: Outcome, is_broken: bool
) -> None:
    found = failed(exchange("a-case", Request(method, "/v1/images/variations", ()), outcome))
    assert found == ({"IV-OP-HEAD-OPTIONS"} if is_broken else set())


TOO_FAST = Response(429, JSON, json.dumps({"error": {"message": "Too fast."}}).encode())
WITH_TIME = evolve(TOO_FAST, headers=(*JSON, ("Retry-After", "1")))


@pytest.mark.parametrize(
    ("earlier", "last", "is_broken"),
    [
        ((), response(GOOD), False),
        ((WITH_TIME,), response(GOOD), False),
        ((TOO_FAST,), response(GOOD), True),
        ((WITH_TIME, TOO_FAST), WITH_TIME, True),
        ((), TOO_FAST, True),
        ((), WITH_TIME, False),
        ((evolve(TOO_FAST, status=503),), response(GOOD), True),
        ((evolve(WITH_TIME, status=503),), response(GOOD), False),
        # An account without credit: waiting does not help.
        ((evolve(TOO_FAST, status=402),), response(GOOD), False),
        ((), evolve(TOO_FAST, status=402), False),
    ],
)
def test_a_limit_without_retry_after_breaks_iv_limit_retry_after(
    earlier: tuple[Response, ...], last: Response, is_broken: bool
) -> None:
    found = failed(evolve(answered(last), limited=earlier, retries=len(earlier)))
    assert found == ({"IV-LIMIT-RETRY-AFTER"} if is_broken else set())


@pytest.mark.parametrize(
    ("outcome", "reveals"),
    [
        (response(GOOD, debug=f"key {KEY}"), True),
        (response(GOOD, debug="Traceback (most recent call last):"), True),
        (response(GOOD, debug="from the model"), False),
        (Response(200, (), f"Bearer {KEY}".encode()), True),
        (Response(302, (("Location", "/"),), b'File "/app/main.py", line 3'), True),
        (Response(500, (), b"panicked at src/main.rs:3"), True),
        (Response(500, (), b"Internal Server Error"), False),
    ],
)
def test_a_secret_in_a_response_of_any_status_breaks_iv_err_secrets(outcome: Response, reveals: bool) -> None:
    assert ("IV-ERR-SECRETS" in failed(answered(outcome))) is reveals


@given(st.text("abc", max_size=5))
def test_an_image_with_the_api_key_in_a_text_breaks_iv_err_secrets(name: str) -> None:
    for text, broken in ((KEY, {"IV-ERR-SECRETS"}), (KEY[::-1], set())):
        info = PngImagePlugin.PngInfo()
        info.add_text(f"Requester{name}", text)
        file = io.BytesIO()
        variation(1).save(file, "PNG", pnginfo=info)
        body = response(base64.b64encode(file.getvalue()).decode()).body
        assert failed(answered(Response(200, JSON, body))) == broken
        assert failed(answered(Response(200, JSON, body.replace(b"/", b"\\/")))) == broken
        assert failed(linked("http://127.0.0.1/a.png", evolve(PNG, body=file.getvalue()))) == broken
