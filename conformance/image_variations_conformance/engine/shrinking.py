"""Shrinks a request that broke a requirement, as long as it still breaks it: first in images, then in bytes.

Hypothesis shrinks towards fewer and smaller choices. The result here should be cheap to repeat and easy to read, so the
recipe is simplified step by step, beginning with the steps that remove the most. Each attempt is sent.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from attrs import define, evolve, field, frozen

from ..media import png
from .fuzzing import Fuzzed
from .recipe import SMALL, Drawing, Recipe

MAX_TRIES = 100
_OF_THE_WIRE = (
    *("boundary", "quoted", "chunked", "lower_case", "typed", "position", "as_file", "key", "filename", "part_type"),
)
# Without 1, because servers may treat a picture of one pixel in another way.
_SIDES = (2, 8, 16, 32, 64)


@frozen
class Measure:
    """The cost of a request: images, then bytes on the wire. Measures are compared in this order."""

    images: int
    size_bytes: int

    @classmethod
    def of(cls, it: Fuzzed) -> Measure:
        """Return the cost of a request."""
        return cls(it.case.image_count, len(it.case.request.head()) + len(it.case.request.body))

    def __lt__(self, other: Measure) -> bool:
        return (self.images, self.size_bytes) < (other.images, other.size_bytes)


def shrunk(
    broken: Fuzzed,
    make: Callable[[Recipe], Fuzzed],
    breaks: Callable[[Fuzzed], bool | None],
    max_tries: int = MAX_TRIES,
) -> Fuzzed:
    """Return the smallest request found that breaks the same requirement as `broken`.

    `make` returns the request of a recipe. `breaks` sends a request and returns whether it breaks the requirement, or
    None if no more requests can be sent. `broken` itself is sent again first. It is returned if it breaks nothing then.
    """
    return _Search(broken, make, breaks, max_tries).run()


@define
class _Search:
    """A search for a smaller request. `smallest` is the smallest found so far, `tries` how many may still be sent."""

    smallest: Fuzzed
    make: Callable[[Recipe], Fuzzed]
    breaks: Callable[[Fuzzed], bool | None]
    tries: int
    _tried: set[Recipe] = field(factory=set)

    def run(self) -> Fuzzed:
        """Return the smallest request found."""
        if self._works(self.smallest):
            size = None
            while size != Measure.of(self.smallest):
                size = Measure.of(self.smallest)
                # A step that found nothing may find something after another step did.
                for step in _STEPS:
                    while self._taken(step):
                        pass
        return self.smallest

    def _taken(self, step: Callable[[Recipe], Iterator[Recipe]]) -> bool:
        """Apply a step to the smallest request, and return whether that gave a smaller one."""
        for recipe in step(self.smallest.recipe):
            if recipe not in self._tried:
                candidate = self.make(recipe)
                if Measure.of(candidate) < Measure.of(self.smallest) and self._works(candidate):
                    self.smallest = candidate
                    return True
        return False

    def _works(self, candidate: Fuzzed) -> bool:
        self._tried.add(candidate.recipe)
        self.tries -= 1
        said = self.breaks(candidate) if self.tries >= 0 else None
        if said is None:
            self.tries = 0
        return bool(said)


def _fewer_images(recipe: Recipe) -> Iterator[Recipe]:
    """Yield recipes with one image of the smallest size, or with fewer images."""
    names = dict(recipe.fields)
    cheap = {"n": b"1", "size": SMALL["size"].encode()}
    if any(names.get(name) != value for name, value in cheap.items()):
        yield _with_values(recipe, cheap)
    for name, value in cheap.items():
        if name in names and names[name] != value:
            yield _with_values(recipe, {name: value})
    if names.get("n") not in {None, b"1", b"2"}:
        yield _with_values(recipe, {"n": b"2"})


def _with_values(recipe: Recipe, values: dict[str, bytes]) -> Recipe:
    fields = tuple((name, values.get(name, value)) for name, value in recipe.fields)
    return evolve(recipe, fields=fields)


def _without_form(recipe: Recipe) -> Iterator[Recipe]:
    """Yield recipes with an empty body, or with half of it, if the request is not a form."""
    if recipe.body:
        yield evolve(recipe, body=b"")
        yield evolve(recipe, body=recipe.body[: len(recipe.body) // 2])


def _without_image(recipe: Recipe) -> Iterator[Recipe]:
    """Yield recipes without the image, or with the smallest plain one."""
    if recipe.body is None and recipe.image is not None:
        yield evolve(recipe, image=None)
        yield evolve(recipe, image=Drawing(side=_SIDES[0]), copies=1, filename="picture.png", part_type="image/png")


def _smaller_image(recipe: Recipe) -> Iterator[Recipe]:
    """Yield recipes with a simpler image."""
    image = recipe.image
    if recipe.copies > 1:
        yield evolve(recipe, copies=1)
    if isinstance(image, bytes):
        # The kind of PNG may be the cause.
        yield from (evolve(recipe, image=Drawing(kind, side=_SIDES[0])) for kind in (png.PLAIN, png.Kind(png.RGBA)))
        yield evolve(recipe, image=Drawing(side=16))
        return
    if image is None:
        return
    simpler = [
        *([evolve(image, size_bytes=None)] if image.size_bytes else []),
        *([evolve(image, damage=None, extra=())] if image.damage and image.extra else []),
        *([evolve(image, damage=None)] if image.damage else []),
        *([evolve(image, side=side) for side in _SIDES if side < image.side]),
        *([evolve(image, wider=1)] if image.wider not in {0, 1} else []),
        *([evolve(image, wider=0)] if image.wider else []),
        *([evolve(image, extra=())] if image.extra else []),
        *([evolve(image, extra=(one,)) for one in image.extra] if len(image.extra) > 1 else []),
        *([evolve(image, extra=((image.extra[0][0], b"a\0b"),))] if len(image.extra) == 1 else []),
        *([evolve(image, format="PNG")] if image.format != "PNG" else []),
        *([evolve(image, kind=evolve(image.kind, interlaced=False))] if image.kind.interlaced else []),
        *([evolve(image, kind=png.PLAIN)] if image.kind != png.PLAIN else []),
        *([evolve(image, kind=evolve(image.kind, depth=8))] if image.kind.depth == 16 else []),
        *([evolve(image, damage=evolve(image.damage, at=at)) for at in (0, 250, 500)] if image.damage else []),
    ]
    yield from (evolve(recipe, image=drawing) for drawing in simpler)


def _fewer_fields(recipe: Recipe) -> Iterator[Recipe]:
    """Yield recipes without half of the fields, or without one."""
    fields = recipe.fields
    half = len(fields) // 2
    cuts = [fields[half:], fields[:half]] if half > 1 else []
    cuts += [fields[:at] + fields[at + 1 :] for at in range(len(fields))]
    for cut in cuts:
        yield evolve(recipe, fields=cut, position=min(recipe.position, len(cut)))


def _plain_wire(recipe: Recipe) -> Iterator[Recipe]:
    """Yield recipes with all or one of the unusual properties of the wire format removed."""
    if recipe.body is not None:
        yield evolve(recipe, content_type=None)
        return
    plain = Recipe(
        recipe.fields, recipe.image, copies=recipe.copies, method=recipe.method, content_type=recipe.content_type
    )
    yield plain
    yield evolve(plain, filename=recipe.filename, part_type=recipe.part_type)
    changes: dict[str, Any] = {name: getattr(plain, name) for name in _OF_THE_WIRE}
    for name, value in changes.items():
        if getattr(recipe, name) != value:
            yield evolve(recipe, **{name: value})
    # A short boundary and a short file name.
    yield evolve(recipe, boundary="x", quoted=False)
    if recipe.filename and len(recipe.filename) > len("a.png"):
        yield evolve(recipe, filename="a.png")


def _shorter_texts(recipe: Recipe) -> Iterator[Recipe]:
    """Yield recipes with one text shortened."""
    for at, (name, value) in enumerate(recipe.fields):
        for text in _shorter(value.decode("utf-8", "surrogateescape")):
            short = (name, text.encode("utf-8", "surrogateescape"))
            yield evolve(recipe, fields=(*recipe.fields[:at], short, *recipe.fields[at + 1 :]))


def _shorter(text: str) -> Iterator[str]:
    piece = (len(text) + 1) // 2
    if text:
        yield ""
    while piece:
        # A large piece is kept alone, which shortens the text most; a small piece is removed.
        if piece * 3 > len(text):
            yield from (text[at : at + piece] for at in range(0, len(text), piece) if piece < len(text))
        else:
            # Only the first few pieces of a long text, because the number of tries is limited.
            ends = range(0, min(len(text), 8 * piece), piece)
            yield from (text[:at] + text[at + piece :] for at in ends)
        piece //= 2


_STEPS: tuple[Callable[[Recipe], Iterator[Recipe]], ...] = (
    _fewer_images,
    _without_form,
    _without_image,
    _plain_wire,
    _fewer_fields,
    _smaller_image,
    _shorter_texts,
)
