"""The random requests that a deep run sends after its plan, in batches without end.

The batch of a number depends on seed, contract and target alone. Time and limits only decide how many batches are sent.
What is expected of a request is classified from its bytes, as everywhere.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterable, Iterator

from attrs import frozen
from hypothesis import strategies as st

from ..cases.builder import Base, Builder
from ..cases.case import Case
from ..cases.schemathesis_cases import forms, operation
from ..cases.strategies import ANCILLARY, KINDS, draw, users, wrong_values
from ..contract.document import Contract
from ..contract.expectation import Expectation, classify
from ..contract.extensions import ImageRules
from ..contract.fields import Schema, boundary_values, is_bounded, kind_of, sample_values, validity_of
from ..media import png
from ..wire.multipart import Part
from ..wire.target import Target
from .recipe import BOUNDARY, SMALL, Damage, Drawing, Format, Key, Recipe

BATCH = 64
# The forms that Schemathesis generates take thirty times as long to draw as ours.
_FROM_SCHEMA_EVERY, _FROM_SCHEMA = 32, 16
# Probability that a text is an arbitrary one, and that an image of an unusual kind varies in other properties, too.
_OF_UNUSUAL, _OF_RARE_FILES = 0.25, 0.1

# Small, because painting and decoding take time.
_SIDES = (1, 2, 7, 8, 15, 16, 17, 31, 32, 33, 48, 63, 64, 64, 64, 65, 96, 128)
_PLAIN_KINDS = (png.PLAIN, png.Kind(png.RGBA))
_ALL_KINDS = tuple(png.Kind(kind.colour, kind.depth, interlaced) for kind in KINDS for interlaced in (False, True))
_EXTRAS = ((), (), (), (), *((chunk,) for chunk in ANCILLARY), (ANCILLARY[0], ANCILLARY[1]), (ANCILLARY[3],) * 2)
_FILENAMES: tuple[str | None, ...] = (
    *("picture.png",) * 12,
    *(
        None,
        None,
        None,
        "",
        "upload",
        "picture.jpg",
        "PICTURE.PNG",
        "my own picture.png",
        'a "b".png',
        "Bär 熊.png",
        "😀.png",
    ),
    *("a;b=c.png", "semi;colon", "..png", "../../etc/passwd.png", "C:\\pictures\\a.png", "p" * 200 + ".png", "%00.png"),
    *("'.png", "a%20b.png", "image", "\u202egnp.png"),
)
_PART_TYPES: tuple[str | None, ...] = (
    *("image/png",) * 12,
    *(
        None,
        "application/octet-stream",
        "image/jpeg",
        "IMAGE/PNG",
        "image/png; charset=binary",
        "text/plain",
        "image/*",
    ),
)
_BOUNDARIES = (
    *((BOUNDARY, False),) * 10,
    *((BOUNDARY, True), ("x", False), ("-" * 24 + "0", False), (f"=_{BOUNDARY}:(+)?", True), ("a b", True)),
    *(((BOUNDARY * 5)[:70], False), ("'()+_,./:=?", True), ("----WebKitFormBoundaryf2A9c07D", False)),
)
_OTHER_BODIES = (
    (b"", "multipart/form-data"),
    (b"", f"multipart/form-data; boundary={BOUNDARY}"),
    (b"\0" * 40, f"multipart/form-data; boundary={BOUNDARY}"),
    (b'{"n": 1}', "application/json"),
    (b"[]", "application/json"),
    (b"{", "application/json"),
    (b"n=1&size=256x256", "application/x-www-form-urlencoded"),
    (b"n=1", "text/plain"),
    (png.SIGNATURE, "image/png"),
    (b"n=1", None),
    (b"", None),
    (b"x", "multipart/mixed; boundary=x"),
)
_UNKNOWN_FIELDS = (
    *(
        ("quality", b"low"),
        ("prompt", b"a cat"),
        ("", b""),
        ("N", b"2"),
        ("images", b"x"),
        ("n[]", b"1"),
        ("mask", b""),
    ),
    *(("\u7528\u6237", b"x"), ("x" * 300, b"1"), ('a"b', b"1"), ("__proto__", b"{}"), ("stream", b"true")),
)
_FORMATS: tuple[Format, ...] = ("JPEG", "GIF", "WEBP", "BMP", "TIFF")
_KEYS: tuple[Key, ...] = ("none", "wrong", "basic")
_NOT_UTF_8 = (b"\xff\xfe", b"abc\x80", b"\xc3", b"\xed\xa0\x80")
# The weights of the kinds of requests. Half are valid. Most others have one violation, so that its effect is seen.
_MODES = (
    *("valid",) * 300,
    *("field",) * 90,
    *("image",) * 70,
    *("open",) * 40,
    *("no image",) * 6,
    *("several",) * 20,
    *("body",) * 20,
    *("key",) * 14,
    *("method",) * 4,
    *("large",) * 2,
)


@frozen
class Fuzzed:
    """One random request: its recipe, its case, and its expectation."""

    recipe: Recipe
    case: Case
    expectation: Expectation


def batches(contract: Contract, target: Target, seed: int) -> Iterator[tuple[int, list[Fuzzed]]]:
    """Yield the number and the requests of one batch after another, without end."""
    strategy, schema = recipes(contract, BATCH), operation(contract)
    for number in itertools.count(1):
        # The seeds of batches are independent of each other and of the plan.
        batch_seed = random.Random(f"{seed}/fuzz/{number}").getrandbits(64)  # noqa: S311 - test data
        drawn: Iterable[Recipe]
        if number % _FROM_SCHEMA_EVERY == 2:
            drawn = map(of_schema, forms(schema, batch_seed, _FROM_SCHEMA))
        else:
            (drawn,) = draw(strategy, 1, batch_seed)
        yield number, [fuzzed(recipe, f"fuzz-{number}-{at}", contract, target) for at, recipe in enumerate(drawn, 1)]


def fuzzed(recipe: Recipe, label: str, contract: Contract, target: Target, note: str | None = None) -> Fuzzed:
    """Return the request of a recipe, as a case with this label."""
    request = recipe.request(contract, target)
    expectation = classify(request, contract, target.api_key)
    note = "drawn at random" if note is None else note
    return Fuzzed(recipe, Case(label, note, request, expectation, is_random=True), expectation)


def probe(number: int, contract: Contract, target: Target, seed: int, base: Base) -> Case:
    """Return the control case that is sent after each batch: a request with fields that the server accepts."""
    label = f"fuzz-{number}-end"
    request = Builder.of(contract, target, seed, label, base).form()
    return Case(label, "an accepted request again", request, classify(request, contract, target.api_key))


def of_schema(parts: tuple[Part, ...]) -> Recipe:
    """Return the recipe of a form that Schemathesis made."""
    files = [part for part in parts if part.filename is not None]
    fields = tuple((part.name or "", part.content) for part in parts if part.filename is None)
    return Recipe(fields=fields, image=files[0].content if files else None, copies=len(files))


def recipes(contract: Contract, number: int) -> st.SearchStrategy[list[Recipe]]:
    """Return the strategy for lists of `number` recipes, of valid and invalid requests."""
    fields = tuple(_Field.of(name, schema) for name, schema in contract.text_fields.items())
    return _recipes(fields, contract.image_rules, number)


@frozen
class _Field:
    """A field of the form. `usual` are valid values, cheap ones more than once; None stands for absence.

    `unusual` are further valid values, which take longer to draw. `wrong` are invalid values, None if there are none.
    """

    name: str
    usual: tuple[bytes | None, ...]
    unusual: st.SearchStrategy[bytes] | None
    wrong: st.SearchStrategy[bytes] | None

    @classmethod
    def of(cls, name: str, schema: Schema) -> _Field:
        """Return the field of that name and schema."""
        wrong = wrong_values(schema)
        any_text = kind_of(schema) == "text" and not is_bounded(schema)
        return cls(
            name,
            _usual(name, schema),
            users().map(_encoded) if any_text else None,
            None if wrong is None else wrong.map(_encoded),
        )


def _usual(name: str, schema: Schema) -> tuple[bytes | None, ...]:
    if kind_of(schema) == "integer" and {"minimum", "maximum"} <= set(schema):
        low, high = schema["minimum"], schema["maximum"]
        numbers = [*[low] * 20, *[min(high, low + 1)] * 5, min(high, low + 2), high]
        return (*[None] * 15, *(str(number).encode() for number in numbers))
    if name in SMALL and "enum" in schema:
        others = [member.encode() for member in schema["enum"]]
        # Only the size changes the price of an image.
        often = 25 if name == "size" else 5
        return (*[SMALL[name].encode()] * often, *others, *others, None, None)
    if is_bounded(schema) or kind_of(schema) != "text":
        values = [
            text
            for text in (*boundary_values(schema).valid, *sample_values(schema))
            if validity_of(schema, text) == "valid"
        ]
        return (None, None, *(text.encode() for text in values))
    return (None, None, None, None, b"", b"user-1234", b"u" * 1000, "\u7528\u6237 \U0001f600".encode())


def _encoded(text: str) -> bytes:
    return text.encode()


# The seed of all choices of a batch. It is a single draw of Hypothesis, because each draw is slow; shrinking works on
# recipes and not on draws. The simplest example, which Hypothesis tries first in every batch, is filtered out.
_ENTROPY = st.binary(min_size=16, max_size=16).filter(any)


@st.composite
def _recipes(draw: st.DrawFn, fields: tuple[_Field, ...], rules: ImageRules, number: int) -> list[Recipe]:
    chance = random.Random(draw(_ENTROPY))  # noqa: S311 - test data
    return [_recipe(draw, chance, fields, rules) for _ in range(number)]


def _recipe(draw: st.DrawFn, chance: random.Random, fields: tuple[_Field, ...], rules: ImageRules) -> Recipe:
    mode = chance.choice(_MODES)
    if mode == "body":
        body, content_type = chance.choice(_OTHER_BODIES)
        return Recipe(body=body, content_type=content_type)
    if mode == "method":
        return Recipe(body=b"", method=chance.choice(["GET", "PUT", "DELETE", "PATCH", "OPTIONS"]))
    values = {each.name: chance.choice(each.usual) for each in fields}
    for each in fields:
        if each.unusual is not None and chance.random() < _OF_UNUSUAL:
            values[each.name] = draw(each.unusual)
    wrong = [each for each in fields if each.wrong is not None]
    if mode == "field":
        wrong = [chance.choice(wrong)]
    for each in wrong if mode in {"field", "several"} else ():
        values[each.name] = draw(each.wrong) if each.wrong is not None else None
    texts = [(name, value) for name, value in values.items() if value is not None]
    boundary, quoted = chance.choice(_BOUNDARIES)
    wire = chance.randrange(32)
    copies, as_file = 1, None
    if mode == "open":
        copies, as_file = _opened(chance, fields, texts)
    if wire == 7:
        chance.shuffle(texts)
    return Recipe(
        fields=tuple(texts),
        image=_drawing(chance, mode, rules),
        filename=chance.choice(_FILENAMES),
        part_type=chance.choice(_PART_TYPES),
        position=chance.randint(0, len(texts)) if wire & 1 else 0,
        copies=copies,
        typed=wire == 8,
        as_file=as_file,
        boundary=boundary,
        quoted=quoted,
        chunked=wire in {10, 12, 14},
        lower_case=wire in {11, 12, 13, 15},
        key=chance.choice(_KEYS) if mode == "key" else "right",
    )


def _opened(
    chance: random.Random, fields: tuple[_Field, ...], texts: list[tuple[str, bytes]]
) -> tuple[int, str | None]:
    """Make a request unspecified by another text, or return the number of images and the text to send as a file."""
    which = chance.randrange(5)
    if which == 0:
        return 2, None
    if which == 1 and texts:
        return 1, chance.choice(texts)[0]
    if which == 2 and texts:
        texts.append(chance.choice(texts))
    elif which == 3:
        texts.append((chance.choice(fields).name, chance.choice(_NOT_UTF_8)))
    else:
        texts.append(chance.choice(_UNKNOWN_FIELDS))
    return 1, None


def _drawing(chance: random.Random, mode: str, rules: ImageRules) -> Drawing | None:
    """Return the image of a request, which is invalid in the mode "image" and may be too large in the mode "large"."""
    if mode == "no image":
        return None
    if mode == "large":
        valid, invalid = rules.valid_below_bytes, rules.invalid_from_bytes
        return Drawing(size_bytes=chance.choice((valid - 2, valid - 1, invalid, invalid + 1)))
    side = chance.choice(_SIDES)
    if mode != "image":
        kind = chance.choice((*_PLAIN_KINDS * 8, *_ALL_KINDS))
        # Most files are used more than once, because making and decoding them would take half of the time.
        if kind in _PLAIN_KINDS or chance.random() < _OF_RARE_FILES:
            return Drawing(kind=kind, side=side, picture=chance.randrange(2), extra=chance.choice(_EXTRAS))
        return Drawing(kind=kind, side=side)
    which = chance.randrange(4)
    if which == 0:
        return Drawing(kind=chance.choice((*_PLAIN_KINDS * 4, *_ALL_KINDS)), side=side, damage=_damage(chance))
    if which == 1:
        return Drawing(kind=chance.choice(_ALL_KINDS), side=side, wider=chance.choice((1, 1, 2, 64)))
    if which == 2:
        return Drawing(side=chance.choice((64, 65, 256)), wider=chance.choice((-1, -32)))
    return Drawing(side=chance.choice((1, 16, 64)), format=chance.choice(_FORMATS))


def _damage(chance: random.Random) -> Damage:
    # Not PLTE and not IEND, because good decoders tolerate damage to these.
    part = chance.choice((b"IHDR", b"IDAT"))
    return chance.choice(
        (
            Damage("cut", at=chance.randrange(1000)),
            Damage("without", part),
            Damage("changed", part, chance.randrange(1 << 16)),
        )
    )
