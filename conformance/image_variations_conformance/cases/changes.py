"""Changes of a form: each makes one property of a valid request, such as the kind of its image, unusual."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from urllib.parse import quote, urlencode

from attrs import evolve

from ..media import png
from ..media.variants import ANCILLARY, LAYOUTS
from ..wire.multipart import Part
from . import transforms
from .builder import Builder, Draft
from .probes import IMAGE, Change, Probe


def content(make: Callable[[Builder], bytes]) -> Change:
    """Return the change of the bytes of the image."""
    return lambda b, draft: evolve(draft, image=evolve(draft.image, content=make(b)))


SAME_IMAGE = "same-image"
"""The item of an image that is sent more than once: a server may have kept what it made of it."""


def same_image(image: bytes, users: Sequence[Probe] = ()) -> Probe:
    """Return the probe of an image that is sent more than once, with the user of an earlier request if it had one."""

    def apply(b: Builder, draft: Draft) -> Draft:
        for user in users:
            draft = user.apply(b, draft)
        return content(lambda _: image)(b, draft)

    return Probe("IV-STATE-INDEPENDENT", SAME_IMAGE, frozenset({IMAGE}), apply)


def of_kind(kind: png.Kind) -> Change:
    """Return the change to a picture of another kind of PNG."""
    return content(lambda b: b.png(kind))


def variant(*names: str) -> Change:
    """Return the change to a PNG with these chunks or this layout, one after the other."""

    def make(b: Builder) -> bytes:
        # The chunk tRNS is for pictures without an alpha channel.
        content = b.png(png.PLAIN if "transparent-colour" in names else None)
        for name in names:
            content = (ANCILLARY.get(name) or LAYOUTS[name])(content)
        return content

    return content(make)


def side(wanted: int) -> Change:
    """Return the change to a picture whose sides, in pixels, are valid and nearest to the wanted ones."""

    return content(lambda b: b.png(side=b.contract.image_rules.nearest_side(wanted)))


def image_part(alter: Callable[[Builder, Part], Part]) -> Change:
    """Return the change of the image part."""
    return lambda b, draft: evolve(draft, image=alter(b, draft.image))


def filename(parameters: str) -> Change:
    """Return the change of the parameters of Content-Disposition after the name of the field."""
    return image_part(
        lambda b, part: transforms.with_disposition(part, f'form-data; name="{b.contract.image_field}"{parameters}')
    )


def image_type(media_type: str | None) -> Change:
    """Return the change of the content type of the image part; None leaves it out."""
    return image_part(lambda _, part: transforms.with_media_type(part, media_type))


def user(value: str | bytes) -> Change:
    """Return the change of the user."""
    return field("user", value)


def boundary(make: Callable[[Builder], str], announced: str = "{boundary}") -> Change:
    """Return the change to another boundary, announced as the text after `boundary=`."""

    def apply(b: Builder, draft: Draft) -> Draft:
        return evolve(draft, boundary=make(b), content_type=f"multipart/form-data; boundary={announced}")

    return apply


def content_type(template: str) -> Change:
    """Return the change of the content type of the form, in which {boundary} stands for the boundary."""
    return lambda _, draft: evolve(draft, content_type=template)


def with_text(draft: Draft) -> Draft:
    """Return the draft with a text field: the user, if it has none."""
    return draft if draft.texts else draft.text("user", "user-1234")


def text_type(media_type: str) -> Change:
    """Return the change that gives every text part a type. If there is none, the user is sent."""

    def apply(_: Builder, draft: Draft) -> Draft:
        texts = (transforms.with_media_type(part, media_type) for part in with_text(draft).texts)
        return evolve(draft, texts=tuple(texts))

    return apply


def header(name: str, value: str | None) -> Change:
    """Return the change of a header of the request; None leaves it out."""
    return lambda _, draft: draft.finally_(lambda request: transforms.with_header(request, name, value))


def extra(*parts: Part) -> Change:
    """Return the change that adds parts after the text fields."""
    return lambda _, draft: evolve(draft, texts=(*draft.texts, *parts))


def field(name: str, value: str | bytes | None) -> Change:
    """Return the change of a text field; None leaves it out."""
    return lambda _, draft: draft.text(name, value)


def other_value(b: Builder, name: str) -> str:
    """Return a valid value of a field that is not the one of the base."""
    schema = b.contract.text_fields[name]
    others = (str(value) for value in schema.get("enum", ("3",)) if str(value) != b.base.texts.get(name))
    return next(others, "3")


def with_query(b: Builder, draft: Draft) -> Draft:
    """Add a query string with other values of the fields, those that the form has and those that it does not have."""
    values = {name: other_value(b, name) for name in b.contract.text_fields}
    return draft.finally_(transforms.with_query(urlencode(values, quote_via=quote)))


def with_odd_query(_: Builder, draft: Draft) -> Draft:
    """Add a query string that servers refuse that parse it: with a semicolon, and contradictory brackets."""
    return draft.finally_(transforms.with_query("a=1;b=2&c=1&c%5Bd%5D=2&c%5B%5D=3"))


def lower_part(part: Part) -> Part:
    """Return a part with header names in lower case."""
    return evolve(part, headers=tuple((name.lower(), value) for name, value in part.headers))
