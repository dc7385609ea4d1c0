"""Hypothesis strategies for whole requests, and for what they are made of: PNG files, and texts of fields.

A request is a list of variations of a plain one. In each strategy, the plainest value comes first, since Hypothesis
reduces what it has found towards that.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from hypothesis import strategies as st

from ..contract.document import Contract
from ..contract.extensions import ImageRules
from ..contract.fields import Schema, enum_values, is_bounded, kind_of, known_values, validity_of
from ..media import png
from ..media.damage import DAMAGES
from ..media.variants import ANCILLARY as CHUNKS
from ..media.variants import LAYOUTS
from .features import FEATURES
from .named_case import is_of_key
from .open_probes import OPEN
from .probes import IMAGE, KEY, WHOLE
from .refusals import REFUSALS
from .schemathesis_cases import forms
from .variations import Drawn, Variation, added, feature, file_name, picture, text, wrong


def wrong_values(schema: Schema) -> st.SearchStrategy[str] | None:
    """Return a strategy for invalid texts of a field, many of them almost valid; None if no text is invalid."""
    if not is_bounded(schema):
        return None
    near: st.SearchStrategy[str]
    match kind_of(schema):
        case "integer" | "number":
            low, high = schema.get("minimum", 0), schema.get("maximum", 10)
            beyond = st.one_of(st.integers(max_value=int(low) - 1), st.integers(min_value=int(high) + 1)).map(str)
            inside = st.integers(int(low), int(high)).map(str)
            noise = st.sampled_from(["a", ".5", ",0", "%", " 1", "\u0661", "_0", "e1", "\0"])
            near = st.one_of(
                beyond, st.builds("{}{}".format, inside, noise), st.builds("0x{}".format, inside), st.just("")
            )
        case "enum":
            members = st.sampled_from(enum_values(schema))
            noise = st.sampled_from(["x", "0", ",", "\0", ";", "\u00d7"])
            near = st.one_of(
                st.builds("{}{}".format, members, noise),
                st.builds("{}{}".format, noise, members),
                members.map(lambda member: member[:-1]),
                st.text(max_size=20),
            ).filter(lambda text: validity_of(schema, text.strip()) == "invalid")
        case _:
            # Arbitrary texts, and texts whose length is around the bounds.
            lengths = [schema[keyword] for keyword in ("minLength", "maxLength") if keyword in schema]
            longest = max(lengths, default=10) + 10
            near = st.one_of(st.text(max_size=20), st.integers(0, longest).map("a".__mul__))
    return near.filter(lambda text: validity_of(schema, text) in {"invalid", "out_of_range", "lenient"})


def users() -> st.SearchStrategy[str]:
    """Return a strategy for texts of up to 100 characters in any script, most with characters special in forms."""
    special = st.sampled_from(["", "", '"', "\r\n", "--", "\r\n--", "%22", "\\", "\0", "\u2028", "=", ";", "\t"])
    return st.builds("{}{}{}".format, st.text(max_size=48), special, st.text(max_size=48))


# --- variations

_SIDES = (2, 1, 3, 64, 7, 8, 15, 16, 17, 31, 32, 33, 48, 63, 65, 96, 128)
# Chunks that are the same in PNGs of every kind.
_OF_EVERY_KIND = (
    "text",
    "compressed-text",
    "unicode-text",
    "physical-size",
    "time",
    "exif",
    "srgb",
    "cicp",
    "private-before",
    "private-after",
)
# And those that fit the plain kind alone.
_OF_PLAIN = tuple(name for name in CHUNKS if name not in _OF_EVERY_KIND)
_DEAR = frozenset({"side=512", "side=1000", "side=maximum", "image-bytes=largest-valid"})
"""What takes long to make, to send or to decode."""
_DEAR_EVERY, _RARE = 40, 30
_USERS = (
    "u",
    '"',
    "'",
    "",
    "\u00e9",
    "\u7528",
    "\U0001f600",
    "%22",
    "\\",
    "--",
    "a;b=c",
    " u ",
    "u" * 1000,
    "null",
    "007",
)
_ODD_USERS: tuple[str | bytes, ...] = (b"\xff\xfe", b"\xc3", "a\0b", "\r\n")
_OFTEN_FEW = (*[1] * 14, *[2] * 10, *[3] * 8, *[4] * 4)
_NAMES = (
    "picture.png",
    "",
    "upload",
    "a b.png",
    'a"b.png',
    "B\u00e4r.png",
    "\u718a.png",
    "a;b=c.png",
    "../a.png",
    "%00.png",
)
_ADDED = (
    "quality",
    "prompt",
    "",
    "N",
    "images",
    "n[]",
    "mask",
    "\u7528\u6237",
    'a"b',
    "__proto__",
    "stream",
    "n",
    "user",
)


Axis = st.SearchStrategy[Variation | None]
"""A strategy for a variation of one axis. The plainest is that there is none."""


@st.composite
def pictures(draw: st.DrawFn, rules: ImageRules) -> Variation:
    """Return a PNG of any kind, side, ancillary chunks and layout."""
    ancillary = draw(st.sampled_from((*(None, None, *_OF_EVERY_KIND) * 4, *_OF_PLAIN)))
    chunks = [ancillary, draw(st.sampled_from((None, None, None, *LAYOUTS)))]
    kind = png.PLAIN if ancillary in _OF_PLAIN else draw(_kinds())
    side = rules.nearest_side(draw(st.sampled_from(_SIDES)))
    return picture(kind, side, draw(st.integers(0, 3)), [name for name in chunks if name is not None])


@st.composite
def broken_pictures(draw: st.DrawFn, rules: ImageRules) -> Variation:
    """Return a PNG that is damaged or not square."""
    damage = draw(st.sampled_from((None, *DAMAGES)))
    side = rules.nearest_side(draw(st.sampled_from(_SIDES)))
    if damage is None:
        return picture(draw(_kinds()), side, wider=draw(st.sampled_from((1, 2, 64))))
    return picture(damage.kind, max(side, 2), damage=damage.label)


@st.composite
def _kinds(draw: st.DrawFn) -> png.Kind:
    colour = draw(st.sampled_from((png.RGB, png.RGBA, png.PALETTE, png.GREY, png.GREY_ALPHA)))
    depth = draw(st.sampled_from(sorted(png.DEPTHS[colour], key=lambda bits: bits != 8)))
    return png.Kind(colour, depth, draw(st.booleans()))


def valid_texts(name: str, schema: Schema, *, optional: bool) -> list[Variation]:
    """Return valid values of a text field, those that cost less more often; and its absence."""
    values: list[str | None] = [None] if optional else []
    if kind_of(schema) == "enum":
        # The largest images, which are the default, take most of the time.
        members = enum_values(schema)
        values += [*members, *(members[:-1] * 5 if name == "size" else ())]
    elif kind_of(schema) == "integer" and {"minimum", "maximum"} <= set(schema):
        numbers = range(schema["minimum"], schema["maximum"] + 1)
        values += [str(number) for number in [*_OFTEN_FEW, *numbers] if number in numbers]
    elif is_bounded(schema) or kind_of(schema) != "text":
        values += known_values(schema)
    else:
        return [text(name, value, free=True) for value in _USERS]
    return [text(name, value) for value in values]


def _often(variations: Sequence[Variation]) -> Axis:
    """Return the strategy for one of some variations, in two thirds of the requests."""
    return st.sampled_from([*[None] * (1 + len(variations) // 2), *variations])


def _axes(contract: Contract, *, has_key: bool) -> list[Axis]:
    """Return a strategy for each axis of the variations of a valid request."""
    fields = contract.text_fields.items()
    axes = [
        _often(valid_texts(name, schema, optional=name not in contract.required_texts))
        for name, schema in fields
        if kind_of(schema) is not None
    ]
    items: dict[str, list[Variation]] = {"filename": [file_name(name) for name in _NAMES]}
    for row in FEATURES:
        axis = row.axes.partition("+")[0]
        usable = row.requirement in contract.requirements and (has_key or axis != KEY)
        if usable and axis not in {IMAGE, WHOLE, *contract.text_fields}:
            items.setdefault(axis, []).append(feature(row.probe().item))
    dear = [feature(item) for item in _DEAR]
    image = st.integers(0, _DEAR_EVERY).flatmap(
        lambda number: st.sampled_from(dear) if number == _DEAR_EVERY else pictures(contract.image_rules)
    )
    # A server that does not answer it keeps each such request waiting for a second.
    waiting = items.pop("expect", [])
    rare = [st.sampled_from([*[None] * _RARE, *waiting])] if waiting else []
    return [*axes, *map(_often, items.values()), *rare, st.one_of(st.none(), image, image)]


def _wrong(contract: Contract, *, has_key: bool) -> st.SearchStrategy[Variation]:
    """Return the strategy for what is wrong with a request."""
    wrong_texts = ((name, wrong_values(schema)) for name, schema in contract.text_fields.items())
    labels = [row.label for row in REFUSALS if has_key or not is_of_key(row.label)]
    return st.one_of(
        *(_texts(name, values) for name, values in wrong_texts if values is not None),
        broken_pictures(contract.image_rules),
        st.sampled_from(labels).map(wrong),
    )


def _texts(name: str, values: st.SearchStrategy[str]) -> st.SearchStrategy[Variation]:
    return values.map(lambda value: text(name, value))


def _left_open() -> st.SearchStrategy[Variation]:
    """Return the strategy for what the contract leaves open."""
    return st.one_of(
        st.sampled_from([probe.item for probe in OPEN]).map(feature),
        st.builds(added, st.sampled_from(_ADDED), st.sampled_from((b"", b"1", b"\xff", b"x" * 300))),
        st.one_of(st.sampled_from(_ODD_USERS), users()).map(lambda value: text("user", value, free=True)),
    )


# --- whole requests

_LATE = frozenset({"filename", "part-type", "text-type", "headers", "order"})
_VALID, _INVALID, _OPEN, _SCHEMA = "valid", "invalid", "open", "schema"
_MODES = (*[_VALID] * 24, *[_INVALID] * 12, *[_OPEN] * 4, _SCHEMA)


def requests(contract: Contract, *, has_key: bool) -> st.SearchStrategy[Drawn]:
    """Return a strategy for requests: half of them valid, most others with one thing wrong.

    Each differs from a plain one in many properties, since some defects need two of them. Without a key, none has a
    wrong one.
    """
    axes = _axes(contract, has_key=has_key)
    others = {_INVALID: _wrong(contract, has_key=has_key), _OPEN: _left_open()}
    schema = forms(contract)

    @st.composite
    def drawn(draw: st.DrawFn) -> Drawn:
        mode = draw(st.sampled_from(_MODES))
        if mode == _SCHEMA:
            return Drawn(*_compatible(draw(schema)))
        found = [draw(others[mode])] if mode in others else []
        found += [variation for axis in axes if (variation := draw(axis)) is not None]
        # The plainest request first; most often the cheapest.
        return Drawn(*_compatible(found), cheap=draw(st.sampled_from((False, *[True] * 15))))

    return drawn()


def _compatible(found: Iterable[Variation]) -> Iterator[Variation]:
    """Yield variations of different axes, the first of each: fields and image before what depends on them."""
    by_axis: dict[str, Variation] = {}
    for variation in found:
        by_axis.setdefault(variation.axis, variation)
    if WHOLE in by_axis:
        yield by_axis[WHOLE]
    else:
        yield from sorted(by_axis.values(), key=lambda variation: variation.axis in _LATE)
