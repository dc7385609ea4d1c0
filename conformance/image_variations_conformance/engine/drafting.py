"""Drafts a profile: finds out by a few requests what a server does differently, with what was seen for each line.

What looks like a bug, such as a 5xx or a wrong number of images, is noted and never declared.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from attrs import evolve

from ..cases.refusals import WRONG_KEY
from ..cases.transforms import with_chunked_coding, with_header
from ..contract.declarations import KEYS
from ..contract.extensions import ViolationKind
from . import draft_images as images
from .asking import Answer, Asker, is_accepted, is_refused
from .draft import Draft
from .draft_base import MOST_NAMED, SIDES, UNKNOWN_MODEL, find_base, known_models, named_models

MOST_IMAGES, MOST_REQUESTS = 25, 300
_OTHER_MODELS = ("dall-e-3", "gpt-image-1", "gpt-image-1-mini", "gpt-image-1.5")
"""Models of other operations, which `check` sends as unknown ones."""
_OTHER_SIZES = ("320x192", "448x448")
"""Only a server of any size makes these."""
_SIZE = re.compile(r"(?<![\dx])[1-9]\d{1,3}x[1-9]\d{1,3}(?![\dx])")
_SIBLING_SIZES = ("768x768", "1024x1536", "1536x1024", "1024x1792", "1792x1024")
_WRONG_NUMBERS = ("0", "-1", "abc", "1.5")
_OF_FORMS: tuple[ViolationKind, ...] = (
    "invalid-request",
    "unknown-model",
    "image-too-large",
    "wrong-image-kind",
    "not-multipart",
)
_USUAL: Mapping[ViolationKind, int] = {"wrong-key": 401, "other-method": 405, "chunked-body": 411}


def draft(asker: Asker, given: Sequence[str] = ()) -> Draft:
    """Ask a server, with the models of the user's if there are some, and return the draft.

    Raises NothingAccepted, Unreachable and KeyRefused.
    """
    made = Draft()
    plain = find_base(asker, given)
    _models(asker, made, given)
    _image_fields(asker, made)
    _keys(asker, made)
    plain = _formats(asker, made, plain)
    _sizes(asker, made, _default_size(asker, made, plain))
    # Many images at once come late, since they leave none for others, but for what few servers refuse.
    for step in (images.kinds, images.sides, images.file_sizes, _bodies, _numbers, _chunks, _errors):
        step(asker, made)
    made.lines.sort(key=lambda line: list(KEYS).index(line.key))
    budget = asker.scheduler.budget
    made.bugs, made.unseen = list(dict.fromkeys(asker.bugs)), list(dict.fromkeys(asker.unseen))
    made.requests, made.images = budget.requests, budget.images
    return made


def _field(asker: Asker, name: str, value: str | None, kind: ViolationKind | None = None, **how: Any) -> Answer | None:
    """Ask for the base with a value of a text field, or without the field."""
    what = f"without {name}" if value is None else f"{name}={value}"
    return asker.ask(what, asker.form({name: value}), kind, **how)


# --- the fields of the form


def _models(asker: Asker, made: Draft, given: Sequence[str]) -> None:
    own = asker.base.texts.get("model")
    unknown = _field(asker, "model", UNKNOWN_MODEL, "unknown-model", may_be_accepted=False)
    if is_accepted(unknown):
        # It ignores the model.
        return
    if own is not None and is_refused(without := _field(asker, "model", None)):
        made.declare("model_required", True, f"without model \u2192 {without}")
    names = [*([own] if own is not None else ()), *given, *asker.enum("model"), *_OTHER_MODELS]
    if not given:
        names += [*known_models(asker), *(named_models([unknown]) if unknown is not None else ())]
    answers = {name: _field(asker, "model", name, "unknown-model") for name in dict.fromkeys(names)}
    accepted = [name for name, answer in answers.items() if is_accepted(answer)]
    refused = [f"model={name} \u2192 {answer}" for name, answer in answers.items() if is_refused(answer)]
    if accepted and set(accepted) != set(asker.enum("model")):
        seen = (f"{name} given" if name in given else f"model={name} \u2192 {answers[name]}" for name in accepted)
        made.declare("models", accepted, *seen, *refused[:1])
    elif not accepted:
        asker.unseen.append(f"models; name one with --model ({'; '.join(refused[:1])})")


def _image_fields(asker: Asker, made: Draft) -> None:
    plain, used = asker.contract.image_field, asker.field_name
    other = "image[]" if used == plain else plain
    answer = asker.ask(f"{other} as the name of the image", asker.form(name=other), "invalid-request")
    if is_accepted(answer):
        # A server that needs no image at all reads neither.
        form = asker.form(name="picture")
        nobody = asker.ask("picture as the name of the image", form, may_be_accepted=False, images=0)
        if not is_accepted(nobody):
            made.declare("image_field", [used, other], f"{other} \u2192 {answer}")
    elif used != plain:
        made.declare("image_field", used, f"{other} \u2192 {answer}")


def _keys(asker: Asker, made: Draft) -> None:
    without = asker.ask("no key", with_header(asker.form(), "Authorization", None), "wrong-key")
    wrong = asker.ask("a wrong key", with_header(asker.form(), "Authorization", WRONG_KEY), "wrong-key")
    seen = f"no key \u2192 {without}; a wrong key \u2192 {wrong}"
    if is_accepted(without):
        made.declare("auth", "none" if is_accepted(wrong) else "optional", seen)
    elif is_accepted(wrong):
        asker.bugs.append(seen)


def _formats(asker: Asker, made: Draft, plain: Answer) -> Answer:
    """Ask for formats, and return the answer to a plain request whose images can be read, if there is one."""
    known = asker.enum("response_format")
    answers = {name: _field(asker, "response_format", name, "invalid-request") for name in known}
    _field(asker, "response_format", "base64", "invalid-request", may_be_accepted=False)
    for name, answer in answers.items():
        if answer is not None and answer.accepted and answer.key != name:
            asker.bugs.append(f"response_format={name} \u2192 {answer}")
    default = _default_format(asker, made, plain, [name for name in known if not is_refused(answers[name])])
    _declare_values(asker, made, "response_format", known, answers, default)
    inline = answers.get("b64_json")
    if not plain.size and inline is not None and inline.size:
        # The links lead nowhere, so that the sizes of what they stand for are not known.
        asker.base = evolve(asker.base, texts={**asker.base.texts, "response_format": "b64_json"})
        return inline
    return plain


def _default_format(asker: Asker, made: Draft, plain: Answer, accepted: Sequence[str]) -> str:
    """Return the format without response_format, which is the only one that there is if an item does not show it."""
    default = plain if "response_format" not in asker.base.texts else _field(asker, "response_format", None)
    key = default.key if default is not None else ""
    if not key and len(accepted) == 1:
        key = accepted[0]
    if key and key != asker.contract.defaults["response_format"]:
        made.declare("default_response_format", key, f"without response_format \u2192 {default}")
    return key


def _sizes(asker: Asker, made: Draft, default: str) -> None:
    known = asker.enum("size")
    _field(asker, "size", "small", "invalid-request", may_be_accepted=False)
    first = dict.fromkeys((*known, *_OTHER_SIZES, *filter(None, [default])))
    answers = {size: _field(asker, "size", size, "invalid-request") for size in first}
    others = [size for size in _OTHER_SIZES if _has_size(answers[size], size)]
    if others != list(_OTHER_SIZES):
        siblings = {size: _field(asker, "size", size, "invalid-request") for size in _SIBLING_SIZES}
        answers |= siblings
        # What the server names when it refuses others.
        words = " ".join(answer.words for answer in answers.values() if answer is not None and answer.refused)
        named = [size for size in dict.fromkeys(_SIZE.findall(words)) if size not in answers]
        answers |= {size: _field(asker, "size", size, "invalid-request") for size in named[:MOST_NAMED]}
        tried = {*known, *others}
        others += [size for size, answer in answers.items() if size not in tried and _has_size(answer, size)]
    for size, answer in answers.items():
        # The size of an image may be unknown, where its link leads nowhere.
        if answer is not None and answer.accepted and answer.size != size and (answer.size or size not in known):
            asker.bugs.append(f"size={size} \u2192 {answer}")
    if set(others) >= set(_OTHER_SIZES) and not any(is_refused(answers[size]) for size in known):
        made.declare("sizes", "any", *(f"size={size} \u2192 {answers[size]}" for size in _OTHER_SIZES))
    else:
        _declare_values(asker, made, "size", [*known, *others], answers, default)


def _has_size(answer: Answer | None, size: str) -> bool:
    return answer is not None and answer.accepted and answer.size == size


def _declare_values(
    asker: Asker,
    made: Draft,
    name: str,
    values: Collection[str],
    answers: Mapping[str, Answer | None],
    default: str,
) -> None:
    """Declare the values of a field that are not refused, with its default, if these are not those of the contract.

    A value of the contract that was not seen, or that breaks the server, stays.
    """
    known = asker.enum(name)
    refused = [value for value in values if is_refused(answers[value])]
    left = [value for value in values if value not in refused]
    if not left and (not default or default in known):
        asker.bugs.append(f"{name} \u2192 {answers[refused[0]]}, whatever its value; no key declares that")
        return
    if default and default not in left:
        left.append(default)
        if is_refused(answers[default]):
            asker.bugs.append(f"{name}={default} \u2192 {answers[default]}, but it is the default")
    if left and set(left) != set(known):
        others = [value for value in left if value not in known]
        seen = (f"{value} \u2192 {answers[value]}" for value in (*refused[:1], *others[:1]))
        made.declare(f"{name}s", left, *seen)


def _default_size(asker: Asker, made: Draft, plain: Answer) -> str:
    """Return the size of images without size, or an empty text if it is not known or not always the same."""
    first = plain if "size" not in asker.base.texts else _field(asker, "size", None)
    if first is None or not first.size or first.size == asker.contract.defaults["size"]:
        return first.size if first is not None else ""
    own = asker.base.side
    other = next(side for side in reversed(SIDES) if side != own)

    def of_image(side: int) -> Answer | None:
        form = asker.form({"size": None}, content=asker.builder.png(side=side))
        return asker.ask(f"an image of {side} pixels without size", form)

    second = of_image(other)
    if second is None or not second.size or second.size == first.size:
        made.declare("default_size", first.size, f"without size \u2192 {first}")
        return first.size
    seen = f"without size \u2192 {first.size} for {own} pixels, {second.size} for {other}"
    again = of_image(own)
    if again is not None and again.size == first.size:
        follows = (first.size, second.size) == (f"{own}x{own}", f"{other}x{other}")
        if follows:
            made.declare("default_size", "input", seen)
        else:
            made.declare("default_size", "any", seen, "if that is a bug, delete this: no size is judged then")
    elif again is not None:
        asker.bugs.append(f"{seen}, then {again.size} for {own}")
    return ""


def _numbers(asker: Asker, made: Draft) -> None:
    most = int(asker.contract.fields["n"]["maximum"])
    for text in _WRONG_NUMBERS:
        _field(asker, "n", text, "invalid-request", may_be_accepted=False)
    # A refusal costs no image, so that only the largest number that is accepted does.
    first = int(min(most + 1, asker.images_left))
    beyond: Answer | None = None
    for number in range(first, 0, -1):
        answer = _field(asker, "n", str(number), "invalid-request", images=number)
        if answer is None or answer.refused:
            beyond = answer or beyond
            continue
        if not answer.accepted:
            return
        if number > most:
            _of_many(asker, made, number, answer)
        elif answer.count != number:
            asker.bugs.append(f"n={number} \u2192 {answer}")
        elif beyond is None:
            break
        elif number < most:
            made.declare("max_n", number, f"n={number + 1} \u2192 {beyond}")
        return
    if first <= most and beyond is None:
        unseen = f"n={first + 1}" if first == most else f"n={max(1, first) + 1} to n={most + 1}"
        asker.note_unseen(unseen, most + 1)


def _of_many(asker: Asker, made: Draft, number: int, answer: Answer | None) -> None:
    if answer is not None and answer.count == number:
        made.declare("max_n", "unlimited", f"n={number} \u2192 {answer}; no limit was looked for")
    else:
        asker.bugs.append(f"n={number} \u2192 {answer}")


# --- bodies and errors


def _bodies(asker: Asker, made: Draft) -> None:
    builder = asker.builder
    no_image = builder.multipart(builder.texts(user="user-1"))
    asker.ask("no image", no_image, "invalid-request", may_be_accepted=False, images=0)
    form = builder.post(b"image=none", "application/x-www-form-urlencoded")
    asker.ask("an encoded form", form, "not-multipart", may_be_accepted=False, images=0)
    image = base64.b64encode(asker.image or builder.png()).decode()
    for value in (image, f"data:image/png;base64,{image}"):
        body = json.dumps({"image": value, **asker.base.texts}).encode()
        answer = asker.ask("a JSON body", builder.post(body, "application/json"), "not-multipart")
        if is_accepted(answer):
            made.declare("json_body", True, f"a JSON body \u2192 {answer}")
            break
    asker.ask("GET", evolve(builder.post(b"", None), method="GET"), "other-method", may_be_accepted=False, images=0)


def _chunks(asker: Asker, _: Draft) -> None:
    asker.ask("a chunked body", with_chunked_coding()(asker.form()), "chunked-body")


def _errors(asker: Asker, made: Draft) -> None:
    unusual = [answer for shape, answer in asker.shapes.items() if shape != "openai"]
    if unusual:
        made.declare("error_body", "detail" if set(asker.shapes) == {"detail"} else "any", f"such as {unusual[0]}")
    # Other requests may be refused as is usual.
    statuses = {
        kind: sorted({*answers, _USUAL.get(kind, 400)})
        for kind, answers in asker.statuses.items()
        if not all(status == _USUAL.get(kind) or asker.contract.statuses(kind).recommends(status) for status in answers)
    }
    if not statuses:
        return
    seen = next(answer for kind in statuses for answer in asker.statuses[kind].values())
    of_forms = {tuple(statuses.get(kind, ())) for kind in _OF_FORMS if kind in asker.statuses}
    is_list = set(statuses) <= set(_OF_FORMS) and len(of_forms) == 1
    unseen = dict.fromkeys(
        str(status) if is_list else f"{status} ({kind})"
        for kind in statuses
        for status in statuses[kind]
        if status not in asker.statuses[kind]
    )
    of_contract = [f"not seen, but in the contract: {', '.join(unseen)}"] if unseen else []
    made.declare("error_statuses", list(of_forms.pop()) if is_list else statuses, f"such as {seen}", *of_contract)
