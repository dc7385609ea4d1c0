"""Asks which input images a server accepts: formats, shapes, sides in pixels, and sizes in bytes."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable

from ..media import png
from .asking import Answer, Asker, is_accepted, is_refused
from .draft import Draft

_SMALL_SIDES, _LARGE_SIDES = (8, 16, 32, 64, 128, 256, 512), (1536, 1024, 768, 512, 256)
_SMALLER_FILES, _LARGER_FILES = (2_000_000, 1_000_000, 500_000, 100_000), (10_000_000, 25_000_000)


def kinds(asker: Asker, made: Draft) -> None:
    """Ask for files in other formats, broken ones, and one that is not square."""
    builder, side = asker.builder, asker.base.side
    seen = {}
    for name in ("jpeg", "webp", "gif"):
        answer = asker.ask(f"a file in {name}", asker.form(content=builder.picture_as(name)), "wrong-image-kind")
        if is_accepted(answer):
            seen[name] = answer
    if seen:
        told = [f"{name} \u2192 {answer.status}" for name, answer in seen.items() if answer is not None]
        made.declare("image_kinds", ["png", *seen], *told)
    text = asker.form(content=b"This is no image.\n" * 9)
    asker.ask("a text as the image", text, "wrong-image-kind", may_be_accepted=False)
    damaged = builder.png(side=side)[:-20]
    asker.ask("a PNG without its end", asker.form(content=damaged), "wrong-image-kind", may_be_accepted=False)
    what = f"an image of {side}x{side // 2}"
    wide = asker.ask(what, asker.form(content=builder.png(side=side, height=side // 2)), "invalid-request")
    if is_accepted(wide):
        made.declare("square", False, f"{what} \u2192 {wide}")


def sides(asker: Asker, made: Draft) -> None:
    """Ask for the smallest and largest sides, and for those that are no multiples of some number."""
    rules, own = asker.contract.image_rules, asker.base.side
    found: dict[str, int] = {}
    refused: list[str] = []
    seen: list[str] = []

    def ask(side: int) -> Answer | None:
        answer = asker.ask(f"an image of {side} pixels", asker.form(content=asker.builder.png(side=side)))
        if is_refused(answer):
            refused.append(f"{side} pixels \u2192 {answer}")
        return answer

    def find(key: str, value: int) -> None:
        found[key] = value
        # The last one that was refused is next to the value.
        seen.append(refused[-1])

    # A single pixel is a multiple of no other number, so that a server that takes it needs no further image.
    takes_one = rules.min_side == 1 and is_accepted(ask(1))
    step = 1 if takes_one else _first_accepted(lambda step: ask(own + step), (1, 2, 4, 8, 16, 32), own)
    if step > 1:
        find("multiple_of", step)
    small = [side - side % step for side in (rules.min_side, *_SMALL_SIDES) if step <= side < own]
    smallest = 1 if takes_one else _first_accepted(ask, small, own)
    if smallest > max(rules.min_side, step):
        find("min", smallest)
    largest = _first_accepted(ask, [side for side in (rules.max_side, *_LARGE_SIDES) if side > own], own)
    if largest < rules.max_side:
        find("max", largest)
    if found:
        made.declare("image_sides", found, *seen)


def _first_accepted(ask: Callable[[int], Answer | None], values: Iterable[int], otherwise: int) -> int:
    """Return the first value that is not refused, or else another one."""
    return next((value for value in values if not is_refused(ask(value))), otherwise)


def file_sizes(asker: Asker, made: Draft) -> None:
    """Ask for the largest files."""
    rules = asker.contract.image_rules
    plain = asker.image or asker.builder.png()

    def ask(size: int) -> Answer | None:
        form = asker.form(content=png.padded(plain, size))
        return asker.ask(f"a file of {size:,} bytes", form, "image-too-large")

    beyond = ask(rules.invalid_from_bytes)
    if is_accepted(beyond):
        _larger_files(asker, made, ask)
    elif is_refused(beyond):
        refused: list[tuple[int, Answer | None]] = []
        for size in (rules.valid_below_bytes - 1, *_SMALLER_FILES):
            answer = ask(size)
            if not is_refused(answer):
                break
            refused.append((size, answer))
        if refused and is_accepted(answer):
            larger, refusal = refused[-1]
            limits = {"valid_below": size + 1, "invalid_from": larger}
            made.declare("max_image_bytes", limits, f"a file of {larger:,} bytes \u2192 {refusal}")


def _larger_files(asker: Asker, made: Draft, ask: Callable[[int], Answer | None]) -> None:
    for size, larger in itertools.pairwise([asker.contract.image_rules.invalid_from_bytes, *_LARGER_FILES]):
        answer = ask(larger)
        if is_refused(answer):
            limits = {"valid_below": size + 1, "invalid_from": larger}
            made.declare("max_image_bytes", limits, f"a file of {size:,} bytes is accepted, {larger:,} \u2192 {answer}")
        if not is_accepted(answer):
            return
    asker.bugs.append(f"a file of {_LARGER_FILES[-1]:,} bytes is accepted")
