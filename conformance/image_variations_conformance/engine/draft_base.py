"""Finds a form that a server accepts: with which name of the image, model, format, size and picture."""

from __future__ import annotations

import itertools
import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Any

from ..cases.builder import Base
from ..media import png
from ..wire.exchange import Request
from .asking import Answer, Asker

SIDES = (64, 512, 1024)
"""Sides of input images, in pixels."""
MOST_NAMED = 8
"""How many of the sizes, and of the names of fields, that a server names in an error are tried."""
_FIRST_BASES, _MOST_BASES, _MOST_MODELS = 2, 120, 4
UNKNOWN_MODEL = "no-such-model-3f1c"
_FIELD_NAME = re.compile(r"[A-Za-z_][\w-]*(?:\[\])?")
_NAME = re.compile(r"[A-Za-z0-9][\w./:-]*\w")


class NothingAccepted(Exception):
    """No request was accepted. The message is what came of the plain one."""


def find_base(asker: Asker, given: Sequence[str] = ()) -> Answer:
    """Find a form that is accepted, with as few fields as possible, and return the answer. Raises NothingAccepted."""
    answers: list[Answer] = []
    tried: set[tuple[str, str]] = set()
    models: Collection[str | None] = given or [None]
    names: Sequence[str] = (asker.contract.image_field, "image[]", "file")
    most = _FIRST_BASES
    while True:
        untried = (each for each in _bases(names, list(models)) if (each[0], str(each[1])) not in tried)
        for field_name, base in itertools.islice(untried, most):
            tried.add((field_name, str(base)))
            asker.field_name, asker.base = field_name, base
            asker.image = asker.builder.png(side=base.side)
            answer = asker.send(asker.form())
            if answer is not None and answer.accepted:
                return answer
            answers += [answer] if answer is not None else []
        known = dict.fromkeys([*given, None, *(() if given else known_models(asker)), *named_models(answers)])
        fields = dict.fromkeys([*names, *_named_fields(asker, known)])
        if most > _FIRST_BASES and set(known) <= set(models) and set(fields) <= set(names):
            raise NothingAccepted(str(answers[0]) if answers else "no request was sent")
        models, names, most = known, list(fields), _MOST_BASES


def _bases(names: Sequence[str], models: Sequence[str | None]) -> Iterator[tuple[str, Base]]:
    """Yield names of the image field and bases, those that differ from the plain ones in few things first."""
    formats, sizes = (None, "b64_json", "url"), (None, "512x512", "1024x1024", "256x256")
    pictures = [(png.Kind(colour), side) for colour in (png.RGB, png.RGBA) for side in SIDES]
    axes = [range(len(each)) for each in (names, models, formats, sizes, pictures)]
    for name, model, of_format, size, image in sorted(
        itertools.product(*axes), key=lambda at: (sum(map(bool, at)), at)
    ):
        texts = {"model": models[model], "response_format": formats[of_format], "size": sizes[size]}
        yield names[name], Base({key: text for key, text in texts.items() if text}, *pictures[image])


def _named_fields(asker: Asker, models: Iterable[str | None]) -> list[str]:
    """Return what may be names of the field with the image in the refusals of forms without one, with these models."""
    names: list[Any] = []
    for model in models:
        asker.base = Base({"model": model} if model else {})
        builder = asker.builder
        answer = asker.send(builder.multipart(builder.texts(user="user-1")), images=0)
        if answer is not None:
            names += [*_places(answer.document), *_FIELD_NAME.findall(answer.shown)]
    found = (name for name in names if isinstance(name, str) and name not in asker.contract.text_fields)
    return list(dict.fromkeys(filter(_FIELD_NAME.fullmatch, found)))[:MOST_NAMED]


def _places(document: Any) -> Iterator[Any]:
    """Yield the places of the mistake that an error names: its param, or in FastAPI, the last step of each loc."""
    error, details = (document.get(key) for key in ("error", "detail")) if isinstance(document, dict) else (None, None)
    if isinstance(error, dict):
        yield error.get("param")
    for each in details if isinstance(details, list) else ():
        place = each.get("loc") if isinstance(each, dict) else None
        yield from place[-1:] if isinstance(place, list) else ()


def known_models(asker: Asker) -> list[str]:
    """Return names of models: the contract's, and those of `GET …/models`."""
    path = asker.target.path.removesuffix("/images/variations") + "/models"
    listed = asker.send(Request("GET", path, asker.builder.headers()), images=0)
    names = [*asker.enum("model"), *(_ids(listed.document) if listed is not None and listed.status == 200 else ())]
    return list(dict.fromkeys(names))[:_MOST_MODELS]


def named_models(answers: Iterable[Answer]) -> list[str]:
    """Return what may be names of models in the words of refusals."""
    names = (name for answer in answers for name in _NAME.findall(answer.words) if re.search(r"[-0-9/]", name))
    return [name for name in dict.fromkeys(names) if name != UNKNOWN_MODEL][:_MOST_MODELS]


def _ids(document: Any) -> Iterator[str]:
    """Yield the ids of a list of models."""
    listed = document.get("data", document.get("models")) if isinstance(document, dict) else document
    for each in listed if isinstance(listed, list) else ():
        name = each.get("id", each.get("name")) if isinstance(each, dict) else each
        if isinstance(name, str) and 0 < len(name) < 100 and name.isprintable():
            yield name
