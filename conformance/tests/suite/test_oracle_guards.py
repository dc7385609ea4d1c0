"""What the oracles leave alone: each case here was judged wrongly once a condition of an oracle was switched off."""

import base64
import io
import json
import random
import time

import pytest
from attrs import evolve
from image_variations_conformance.cases.transforms import with_chunked_coding, with_header, with_query
from image_variations_conformance.contract.document import Contract
from image_variations_conformance.contract.expectation import classify
from image_variations_conformance.media.pictures import paint
from image_variations_conformance.oracles import Finding, Observation, judge, observe
from image_variations_conformance.oracles.links import AT_THE_END
from image_variations_conformance.oracles.refusal import is_wrong_refusal
from image_variations_conformance.wire.exchange import Exchange, Request, Response
from PIL import Image
from support.profiles import effective
from support.requests import CONTRACT, KEY, builder, observed

JSON = (("Content-Type", "application/json"),)
NOW = time.time()
TEXT = b"This is no image."


def png(seed: int, side: int = 256) -> bytes:
    out = io.BytesIO()
    paint(random.Random(seed), side).save(out, "PNG")
    return out.getvalue()


def jpeg(content: bytes, side: int = 256) -> bytes:
    out = io.BytesIO()
    Image.open(io.BytesIO(content)).resize((side, side)).save(out, "JPEG")
    return out.getvalue()


def answer(*items: dict[str, str], status: int = 200, created: int = int(NOW)) -> Response:
    return Response(status, JSON, json.dumps({"created": created, "data": items}).encode())


def error(message: str = "Something is wrong.", status: int = 400, param: object = None) -> Response:
    members = {"message": message, "type": "invalid_request_error", "param": param, "code": None}
    return Response(status, JSON, json.dumps({"error": members}).encode())


def exchange(request: Request, outcome: Response, label: str = "a-case", *fetches: Exchange) -> Exchange:
    return Exchange(label, request, outcome, NOW, 0.5, fetches=fetches)


def fetch(link: str, content: bytes, label: str = "a-case/0") -> Exchange:
    response = Response(200, (("Content-Type", "image/png"),), content)
    return Exchange(label, Request("GET", link, ()), response, NOW, 0.1)


def found(*observations: Observation, contract: Contract = CONTRACT) -> list[Finding]:
    return list(judge(list(observations), contract))


def broken(*observations: Observation, contract: Contract = CONTRACT) -> set[str]:
    return {it.requirement for it in found(*observations, contract=contract) if it.state == "contradicted"}


def wrong_image() -> Request:
    return builder().form(builder().image(TEXT), size="256x256")


def test_what_is_in_the_answer_to_an_accepted_invalid_request_is_not_judged() -> None:
    inline = exchange(wrong_image(), answer({"b64_json": "###"}))
    assert broken(observed(inline)) == {"IV-IMAGE-FORMAT"}
    link = exchange(wrong_image(), answer({"url": "not absolute"}), "a-case", fetch("not absolute", TEXT))
    assert broken(observed(link)) == {"IV-IMAGE-FORMAT"}


def test_an_image_of_any_size_is_right_where_the_profile_leaves_the_size_open() -> None:
    contract = effective(default_size="any")
    request = builder().form(response_format="b64_json")
    one = exchange(request, answer({"b64_json": base64.b64encode(png(1, 300)).decode()}))
    seen = observe(one, classify(request, contract, KEY))
    assert broken(seen, contract=contract) == set()
    assert "IV-OUT-SIZE" not in {it.requirement for it in found(seen, contract=contract)}


def test_a_link_with_the_image_in_it_outlives_the_run() -> None:
    link = f"data:image/png;base64,{base64.b64encode(png(1)).decode()}"
    request = builder().form(size="256x256")
    seen = found(observed(exchange(request, answer({"url": link}), "a-case", fetch(link, png(1)))))
    assert ("IV-URL-END", "holds") in {(it.requirement, it.state) for it in seen}


@pytest.mark.parametrize(
    ("last", "link", "requirements"),
    [
        (png(1), "http://127.0.0.1/a.png", set()),
        (png(2), "http://127.0.0.1/a.png", {"IV-URL-END"}),
        # Compressed again on the way.
        (jpeg(png(1)), "http://127.0.0.1/a.png", set()),
        (jpeg(png(1), 300), "http://127.0.0.1/a.png", {"IV-URL-END"}),
        (jpeg(png(2)), "http://127.0.0.1/a.png", {"IV-URL-END"}),
        # Of another link, it may be another image.
        (png(2), "http://127.0.0.1/b.png", set()),
    ],
)
def test_a_link_leads_to_the_same_image_at_the_end(last: bytes, link: str, requirements: set[str]) -> None:
    first = fetch("http://127.0.0.1/a.png", png(1))
    others = [fetch(link, png(2), "a-case/1")] if link != first.request.target else []
    at_the_end = fetch(link, last, f"a-case/0{AT_THE_END}")
    items = [{"url": each.request.target} for each in (first, *others)]
    request = builder().form(size="256x256", n=str(len(items)))
    seen = exchange(request, answer(*items), "a-case", first, *others, at_the_end)
    assert broken(observed(seen)) == requirements


def test_links_in_refusals_are_not_compared() -> None:
    links = [f"http://127.0.0.1/image-{number}.png" for number in (41, 42)]
    refused = [exchange(builder().form(), answer({"url": link}, status=402), f"case-{link}") for link in links]
    assert "IV-URL-GUESS" not in {it.requirement for it in found(*map(observed, refused))}


@pytest.mark.parametrize(
    ("request_", "outcome", "is_wrong"),
    [
        (builder().form(), error(), False),
        (builder().form(), error(status=500), True),
        (builder().form(n="0"), error(), False),
        (builder().form(n="0"), error(status=500), True),
        (builder().form(n="0"), answer({"b64_json": ""}), False),
        (builder().form(n="0"), Response(302, ()), True),
        (with_chunked_coding()(builder().form(n="0")), error(status=411), False),
    ],
)
def test_a_refusal_is_wrong_if_no_violation_allows_its_status(
    request_: Request, outcome: Response, is_wrong: bool
) -> None:
    assert is_wrong_refusal(observed(exchange(request_, outcome)), CONTRACT) is is_wrong


def test_a_crash_at_what_is_unusual_in_other_ways_too_is_no_wrong_refusal() -> None:
    request = builder().form(builder().image(), builder().image(TEXT), n="0")
    seen = observed(exchange(request, error(status=500)))
    assert seen.expectation.unspecified
    assert broken(seen) == {"IV-ERR-NO-5XX"}
    assert "IV-N-BOUNDS" in broken(observed(exchange(builder().form(n="0"), error(status=500))))


def test_a_wrong_key_may_be_refused_before_the_form_where_keys_are_optional() -> None:
    contract = effective(auth="optional", error_statuses=[422])
    plain = builder().form(n="0")
    request = with_header(plain, "Authorization", "Bearer sk-wrong")
    states = {
        status: {
            it.state
            for it in found(
                observe(exchange(request, error(status=status)), classify(request, contract, KEY)), contract=contract
            )
            if it.requirement == "IV-N-BOUNDS"
        }
        for status in (401, 422)
    }
    assert states == {401: set(), 422: {"holds"}}
    accepted = exchange(request, answer({"b64_json": ""}))
    assert "IV-N-BOUNDS" in broken(observe(accepted, classify(request, contract, KEY)), contract=contract)


def test_a_form_that_is_refused_for_want_of_a_key_that_is_optional_shows_nothing_of_its_values() -> None:
    contract = effective(auth="optional")
    request = builder().form(n="0")
    request = evolve(request, headers=tuple(pair for pair in request.headers if pair[0] != "Authorization"))
    seen = observe(exchange(request, error(status=401)), classify(request, contract, KEY))
    assert "IV-N-BOUNDS" not in {it.requirement for it in found(seen, contract=contract)}


def test_a_method_with_a_chunked_body_may_be_answered_411() -> None:
    request = evolve(with_chunked_coding()(builder().form()), method="PUT")
    assert "IV-OP-METHOD" not in {it.requirement for it in found(observed(exchange(request, error(status=411))))}


def test_the_message_on_a_body_that_is_no_json_quotes_it() -> None:
    seen = found(observed(exchange(builder().form(), Response(200, JSON, b"{'created': 1}"))))
    (message,) = {it.message for it in seen if it.requirement == "IV-RES-JSON"}
    assert "{'created': 1}" in message


def test_an_empty_link_is_a_wrong_key_and_no_relative_link() -> None:
    request = builder().form(size="256x256", response_format="url")
    assert broken(observed(exchange(request, answer({"url": ""})))) >= {"IV-RES-KEY"}
    parts = {it.requirement for it in found(observed(exchange(request, answer({"url": ""})))) if "schema" in it.message}
    assert "IV-URL-ABSOLUTE" not in parts


def test_members_of_an_error_are_not_those_of_a_response() -> None:
    refused = exchange(builder().form(n="2"), answer({"b64_json": ""}, status=400, created=1))
    assert broken(observed(refused)).isdisjoint({"IV-RES-CREATED", "IV-RES-COUNT", "IV-RES-KEY", "IV-OUT-B64"})
    assert observed(refused).content.items == ()


@pytest.mark.parametrize(
    ("message", "is_named"),
    [
        ("n must be from 1 to 10.", True),
        ("n must be from 1 to 10 for a size of 256x256.", True),
        ("One of image, model, n, size, response_format and user is wrong.", False),
    ],
)
def test_an_error_that_names_most_fields_names_none(message: str, is_named: bool) -> None:
    seen = found(observed(exchange(builder().form(n="0"), error(message))))
    states = {it.state for it in seen if it.requirement == "IV-ERR-PARAM"}
    assert states == {"holds" if is_named else "contradicted"}


@pytest.mark.parametrize(("param", "is_named"), [("n", True), ("size", False), ("", True), (None, True), (7, True)])
def test_the_param_of_an_error_counts_before_its_message(param: object, is_named: bool) -> None:
    seen = found(observed(exchange(builder().form(n="0"), error("n must be from 1 to 10.", param=param))))
    states = {it.state for it in seen if it.requirement == "IV-ERR-PARAM"}
    assert states == {"holds" if is_named else "contradicted"}


@pytest.mark.parametrize("media_type", ["application/json", "text/plain"])
def test_a_stack_trace_is_found_in_json_and_in_text(media_type: str) -> None:
    trace = 'Traceback (most recent call last):\n  File "/srv/app.py", line 3, in make\n    x()\n'
    body = json.dumps({"error": {"message": trace}}).encode() if media_type == "application/json" else trace.encode()
    outcome = Response(400, (("Content-Type", media_type),), body)
    assert "IV-ERR-SECRETS" in broken(observed(exchange(builder().form(n="0"), outcome)))


@pytest.mark.parametrize("query", ["%zz", "%", "a=b[]", "a=%0", "a b", 'a="b"', "a=\u00e9", "a=1#b", "a={}", "a=^|`"])
def test_a_target_that_is_no_url_may_be_refused_in_any_way_but_not_break_the_server(query: str) -> None:
    request = with_query(query)(builder().form(size="256x256"))
    assert broken(observed(exchange(request, Response(400, (("Content-Type", "text/plain"),), b"Bad")))) == set()
    assert broken(observed(exchange(request, Response(500)))) == {"IV-ERR-NO-5XX"}


@pytest.mark.parametrize("query", ["", "a=1;b=2&&=&c%5B%5D", "a=1&b=/?:@-._~!$'()*+,;=", "%C3%A9%00"])
def test_a_target_with_an_unusual_query_is_answered_like_any_other(query: str) -> None:
    request = with_query(query)(builder().form(size="256x256"))
    plain = Response(400, (("Content-Type", "text/plain"),), b"Bad")
    assert "IV-ERR-JSON" in broken(observed(exchange(request, plain)))


def test_a_status_other_than_417_has_nothing_to_do_with_an_expectation() -> None:
    request = with_header(with_header(builder().form(), "Authorization", None), "Expect", "100-continue")
    assert "IV-AUTH-REQUIRED" in broken(observed(exchange(request, error(status=418))))


@pytest.mark.parametrize(("version", "is_broken"), [("1.0", False), ("1.1", True)])
def test_http_1_0_may_be_answered_505(version: str, is_broken: bool) -> None:
    request = evolve(builder().form(), http_version=version)
    assert ("IV-ERR-NO-5XX" in broken(observed(exchange(request, Response(505))))) is is_broken


def test_a_status_that_is_not_recommended_is_no_warning_where_something_is_open_too() -> None:
    open_too = builder().form(builder().image(), builder().image(), n="0")
    assert "IV-ERR-400" not in broken(observed(exchange(open_too, error(status=422))))


def test_retry_after_makes_a_limit_of_a_503_alone() -> None:
    wait = (*JSON, ("Retry-After", "1"))
    keyless = with_header(builder().form(), "Authorization", None)
    for status, is_limit in ((503, True), (500, False), (418, False)):
        seen = observed(exchange(keyless, evolve(error(status=status), headers=wait)))
        assert seen.limited is is_limit
        assert ("IV-AUTH-REQUIRED" in broken(seen)) is not is_limit


def test_an_input_that_is_too_large_to_decode_is_compared_with_nothing() -> None:
    contract = effective(image_sides={"max": 8192})
    request = builder().form(builder().image(builder().png(side=4096)), size="256x256", response_format="b64_json")
    text = base64.b64encode(png(1)).decode()
    seen = [
        observe(exchange(request, answer({"b64_json": text}), label), classify(request, contract, KEY))
        for label in ("one", "other")
    ]
    assert seen[0].expectation.validity == "valid"
    assert seen[0].input is None
    assert broken(*seen, contract=contract) == set()


@pytest.mark.parametrize("in_one_response", [True, False])
def test_links_that_are_counted_within_one_response_are_not_guessed_from_another(in_one_response: bool) -> None:
    one, two = ({"url": f"http://127.0.0.1/3f9a{number}.png"} for number in (41, 42))
    responses = [answer(one, two)] if in_one_response else [answer(one), answer(two)]
    other = {"url": "http://127.0.0.1/another.png"}
    seen = [exchange(builder().form(), it, f"case-{at}") for at, it in enumerate((*responses, answer(other)))]
    assert ("IV-URL-GUESS" in broken(*map(observed, seen))) is not in_one_response


def test_a_key_of_a_few_characters_is_found_in_a_link_by_chance() -> None:
    found_with = {}
    for key in ("a1b2", KEY):
        request = with_header(builder().form(size="256x256"), "Authorization", f"Bearer {key}")
        outcome = answer({"url": f"http://127.0.0.1/{key}.png"})
        found_with[key] = broken(observe(exchange(request, outcome), classify(request, CONTRACT, key)))
    assert ["IV-URL-NO-KEY" in found_with[key] for key in ("a1b2", KEY)] == [False, True]


def test_a_success_with_a_list_of_images_and_an_error_of_null_is_accepted() -> None:
    document = {"created": int(NOW), "data": [{"b64_json": base64.b64encode(png(1)).decode()}], "error": None}
    outcomes = [Response(200, JSON, json.dumps(it).encode()) for it in (document, {"error": None})]
    assert [observed(exchange(builder().form(), outcome)).accepted for outcome in outcomes] == [True, False]
