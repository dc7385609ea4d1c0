"""Variations: the properties in which a random request differs from a plain one, each with the code that makes it.

`Drawn(text("n", "2"), feature("boundary=quoted"))` is a request for two images with a boundary in quotes. What is
expected of a request is classified from its bytes, as everywhere.
"""

from __future__ import annotations

import ast
import random
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from functools import cache

from attrs import evolve, field, frozen

from ..contract.evidence import ABSENT
from ..media import png
from ..media.damage import DAMAGES
from ..media.pictures import paint, put_clear_pixel
from ..media.variants import ANCILLARY, LAYOUTS
from ..wire.multipart import decode, file_part, text_part
from .builder import Builder, Draft
from .changes import content, extra, header
from .changes import field as text_field
from .features import FEATURES
from .named_case import Build
from .open_probes import OPEN
from .probes import DRAWN, IMAGE, KEY, WHOLE, Change, Probe
from .refusals import IMAGES, KEYS, REFUSALS

_CHARACTERS = {
    '"': "quote",
    "'": "apostrophe",
    "\\": "backslash",
    "%": "percent sign",
    "\0": "NUL",
    "\r": "line end",
    "\n": "line end",
    ";": "semicolon",
    "=": "equals sign",
    "--": "dashes",
}
"""What forms and their parsers have a meaning for."""
_COLOURS = {png.RGBA: "rgba", png.PALETTE: "palette", png.GREY: "grey", png.GREY_ALPHA: "grey-alpha"}


@frozen(eq=False)
class Variation:
    """One property in which a request differs from a plain one, as the code that makes it.

    Variations of one axis exclude each other. `names` say what it is, so coarsely that requests that show the same
    defect mostly have the same names.
    """

    probe: Probe
    axis: str
    names: frozenset[str]


def _made(code: str, axis: str, apply: Change, *names: str, images: int = 1) -> Variation:
    return Variation(Probe(DRAWN, code, frozenset({axis}), apply, images), axis, frozenset(names))


@cache
def _table() -> dict[str, tuple[str, Probe]]:
    rows = {row.probe().item: (row.axes.partition("+")[0], row.probe()) for row in FEATURES}
    return rows | {probe.item: (next(iter(probe.axes)), probe) for probe in OPEN}


def feature(item: str) -> Variation:
    """Return a property of our tables of valid requests and of what the contract leaves open, by its item."""
    axis, probe = _table()[item]
    return Variation(probe, axis, frozenset({item}))


def wrong(label: str) -> Variation:
    """Return what is wrong with the request of a named case that must be refused, by its label."""
    row = next(row for row in REFUSALS if row.label == label)

    def other_image(b: Builder, draft: Draft) -> Draft:
        request = row.build(b)
        parts = decode(request.header("content-type") or "", request.body)
        return evolve(draft, image=evolve(draft.image, content=parts[0].content))

    def key(b: Builder, draft: Draft) -> Draft:
        return header("Authorization", row.build(b).header("authorization"))(b, draft)

    change, axis = (other_image, IMAGE) if row in IMAGES else (key, KEY) if row in KEYS else (_whole(row.build), WHOLE)
    return _made(f"wrong({label!r})", axis, change, label)


def _whole(build: Build) -> Change:
    return lambda b, draft: draft.finally_(lambda _: build(b))


def text(name: str, value: str | bytes | None, *, free: bool = False) -> Variation:
    """Return a value of a text field, or its absence. `free` is one that may be any text."""
    images = int(value) if name == "n" and isinstance(value, str) and value.isdecimal() and len(value) < 3 else 1
    if free and value is not None:
        names = [f"{name}: {each}" for each in _classes(value)]
    else:
        names = [f"{name}={ABSENT if value is None else _shown(value)}"]
    code = f"text({name!r}, {value!r}{', free=True' if free else ''})"
    return _made(code, name, text_field(name, value), *names, images=images)


def _shown(value: str | bytes) -> str:
    return value if isinstance(value, str) else value.decode("utf-8", "replace")


def _classes(value: str | bytes) -> Iterator[str]:
    """Yield what is unusual about a text, or else that it is one."""
    shown = _shown(value)
    found = {name for character, name in _CHARACTERS.items() if character in shown}
    found |= {"not UTF-8"} if isinstance(value, bytes) else set()
    found |= {"not ASCII"} if not shown.isascii() else set()
    found |= {"long"} if len(shown) > 100 else set()
    yield from found or {"text" if shown else "empty"}


def picture(
    kind: png.Kind = png.PLAIN,
    side: int = 2,
    seed: int = 0,
    chunks: Sequence[str] = (),
    damage: str | None = None,
    wider: int = 0,
) -> Variation:
    """Return a PNG of a kind, with ancillary chunks or a layout of our tables, damaged as in our table.

    `side` is its height in pixels, `wider` by how many it is wider than high. `seed` is that of the picture.
    """

    def make(_: Builder) -> bytes:
        made = _encoded(kind, side, seed, wider)
        for name in chunks:
            made = (ANCILLARY.get(name) or LAYOUTS[name])(made)
        return made if damage is None else next(each for each in DAMAGES if each.label == damage).apply(made)

    values = {"kind": kind, "side": side, "seed": seed, "chunks": tuple(chunks), "damage": damage, "wider": wider}
    defaults = {"kind": png.PLAIN, "side": 2, "seed": 0, "chunks": (), "damage": None, "wider": 0}
    code = ", ".join(f"{name}={value!r}" for name, value in values.items() if value != defaults[name])
    names = [*chunks, *([damage] if damage else ()), *(["not square"] if wider else ()), *_names_of(kind, side)]
    return _made(f"picture({code})", IMAGE, content(make), *names)


@cache
def _encoded(kind: png.Kind, side: int, seed: int, wider: int) -> bytes:
    painted = paint(random.Random(seed), side + max(0, wider))  # noqa: S311 - test data
    painted = painted.crop((0, 0, side + wider, side))
    if kind.colour in {png.RGBA, png.GREY_ALPHA}:
        put_clear_pixel(painted)
    return png.encode(painted, kind)


def file_name(name: str) -> Variation:
    """Return the file name of the image."""

    def change(b: Builder, draft: Draft) -> Draft:
        part = draft.image
        named = file_part(b.contract.image_field, part.content, name, part.content_type)
        return evolve(draft, image=evolve(part, headers=(named.headers[0], *part.headers[1:])))

    return _made(f"file_name({name!r})", "filename", change, *(f"filename: {each}" for each in _classes(name)))


def added(name: str, value: bytes) -> Variation:
    """Return one more text field, which the contract does not have or which the form has already."""
    return _made(f"added({name!r}, {value!r})", f"added {name}", extra(text_part(name, value)), f"added {name}")


def image(file: bytes) -> Variation:
    """Return other bytes as the image."""
    try:
        info = png.inspect(file)
        names = _names_of(info.kind, info.width) or ["other image"]
    except png.Broken:
        names = ["no PNG"]
    return _made(f"image({file!r})", IMAGE, content(lambda _: file), *names)


def _names_of(kind: png.Kind, side: int) -> list[str]:
    """Return what is unusual about a PNG, in the words of our tables."""
    names = [f"png={_COLOURS[kind.colour]}"] if kind.colour != png.RGB else []
    names += [f"png={kind.depth}-bit"] if kind.depth != 8 else []
    names += ["png=interlaced"] if kind.interlaced else []
    return [*names, *(["png=1x1"] if side == 1 else ["side=odd"] if side % 2 else [])]


def code_of(probes: Sequence[Probe], *, cheap: bool) -> str:
    """Return the code of a request with these probes of variations."""
    table = _table()
    codes = [f"feature({probe.item!r})" if probe.item in table else probe.item for probe in probes]
    return f"Drawn({', '.join([*codes, *(['cheap=True'] if cheap else [])])})"


def kind_of(name: str) -> str:
    """Return the kind of a property by its name: "boundary" of "boundary=quoted", "user" of "user: quote"."""
    return re.split("=|: ", name)[0]


@frozen(init=False, eq=False)
class Drawn:
    """A random request: variations of a plain request, which has an image and what the server requires.

    With `cheap`, it also asks for the cheapest images.
    """

    variations: tuple[Variation, ...]
    cheap: bool = field(default=False)

    def __init__(self, *variations: Variation, cheap: bool = False) -> None:
        self.__attrs_init__(variations, cheap)

    def __repr__(self) -> str:
        return code_of(self.probes, cheap=self.cheap)

    @property
    def names(self) -> frozenset[str]:
        """What is unusual about the request."""
        return frozenset().union(*(it.names for it in self.variations))

    def without(self, known: Collection[str]) -> Drawn:
        """Return the request without one of the variations that have some names, or kinds of names."""
        left_out = next(it for it in self.variations if not it.names.union(map(kind_of, it.names)).isdisjoint(known))
        return Drawn(*(it for it in self.variations if it is not left_out), cheap=self.cheap)

    @property
    def probes(self) -> tuple[Probe, ...]:
        """The variations as probes."""
        return tuple(it.probe for it in self.variations)


_FUNCTIONS: Mapping[str, Callable[..., object]] = {
    "Drawn": Drawn,
    "Kind": png.Kind,
    **{function.__name__: function for function in (added, feature, file_name, image, picture, text, wrong)},
}


def parsed(code: str) -> tuple[Drawn, ...]:
    """Return the requests of the code of one, or of several. Raises ValueError for anything else, and runs nothing."""
    try:
        tree = ast.parse(f"({code},)", mode="eval").body
    except (SyntaxError, RecursionError, MemoryError) as error:
        raise ValueError("no code of a request") from error
    found = tuple(map(_value_of, tree.elts)) if isinstance(tree, ast.Tuple) else ()
    drawn = tuple(each for each in found if isinstance(each, Drawn))
    if not drawn or len(drawn) < len(found):
        raise ValueError("no code of a request")
    return drawn


def _value_of(node: ast.expr) -> object:
    if isinstance(node, ast.Tuple):
        return tuple(map(_value_of, node.elts))
    if not isinstance(node, ast.Call):
        return ast.literal_eval(node)
    function = _FUNCTIONS.get(node.func.id) if isinstance(node.func, ast.Name) else None
    if function is None:
        raise ValueError("no function of a request")
    try:
        return function(*map(_value_of, node.args), **{str(it.arg): _value_of(it.value) for it in node.keywords})
    except (TypeError, LookupError, StopIteration, AttributeError) as error:
        raise ValueError("no arguments of a request") from error
