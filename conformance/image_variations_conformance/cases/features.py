"""The features of valid requests, a row for each value that the register names, and the probes of a run.

Probes of the text fields are made from the evidence of the register, and so from the contract.
"""

from __future__ import annotations

from collections.abc import Iterator

from ..contract.document import Contract
from ..contract.evidence import ABSENT, MANY_IMAGES, AcceptsFeature, AcceptsField, Sample
from . import transforms
from .builder import Builder, Draft
from .changes import field, image_part
from .form_features import FORM_FEATURES
from .probes import DEFAULT, KEY, TEXT_TYPE, WHOLE, Change, Probe
from .rows import Row
from .wire_features import WIRE_FEATURES

FEATURES: tuple[Row, ...] = (*FORM_FEATURES, *WIRE_FEATURES)

_VISIBLE = frozenset({"size", "response_format"})
"""The fields whose values show in the response, for no more images."""

KEY_ITEMS = frozenset(row.probe().item for row in FEATURES if row.axes == KEY)
"""The items of evidence on spellings of the API key, which a request without one does not show."""


def probes(contract: Contract, seed: int) -> list[Probe]:
    """Return the probes of a run: what the effective contract says that a valid request may have."""
    found = [*_field_probes(contract, seed)]
    for row in FEATURES:
        requirement = contract.requirements.get(row.requirement)
        evidence = requirement.evidence if requirement is not None else None
        if isinstance(evidence, AcceptsFeature) and row.value in evidence.values and row.feature == evidence.feature:
            found.append(row.probe())
    return found


def _field_probes(contract: Contract, seed: int) -> Iterator[Probe]:
    """Yield the probes of values of text fields, and of requests without a field."""
    for name, rules in contract.rules.items():
        for requirement_id in (rules.valid, rules.absent):
            requirement = contract.requirements.get(requirement_id or "")
            evidence = requirement.evidence if requirement is not None else None
            if not isinstance(evidence, AcceptsField | Sample) or evidence.field != name:
                continue
            items = evidence.items(contract, seed)
            yield from (_field_probe(requirement_id or "", name, item, contract) for item in items)
    if contract.fields["n"].get("maximum") == 2 and "b64_json" in contract.fields["response_format"]["enum"]:
        # The only request for several images asks for links.
        yield Probe("IV-N-RANGE", "n=2 in b64_json", frozenset({"n", *_VISIBLE}), _two_in_base64, 2)
    for name in contract.image_rules.other_names:
        yield Probe(
            "IV-IMAGE-REQUIRED",
            f"image-field={name}",
            frozenset({"filename", "part-type"}),
            _image_named(name),
            quick=True,
        )


def _field_probe(requirement: str, name: str, item: str, contract: Contract) -> Probe:
    """Return the probe of a value of a text field, or of its absence."""
    text = item.partition("=")[2]
    value = None if text == ABSENT else text
    images = int(value) if name == "n" and value is not None else 1
    axes = {name}
    if name in _VISIBLE and value in {None, contract.defaults.get(name)}:
        axes.add(DEFAULT)
    if name == "user" and value is None:
        # A request whose text parts have a type needs one.
        axes.add(TEXT_TYPE)
    if images > 2:
        # It differs from other requests in n alone: a server may keep the images that it made of an input. And many
        # images of the default size, which is the largest, take long.
        axes |= _VISIBLE
    if images > MANY_IMAGES:
        # It may be left out for its images, and nothing else with it.
        axes.add(WHOLE)
    # A seed adds some numbers of images, which cost most.
    is_quick, is_first = images <= 2, item in {"n=2", "response_format=url"}
    return Probe(requirement, item, frozenset(axes), field(name, value), images, is_quick, is_first)


def _two_in_base64(_: Builder, draft: Draft) -> Draft:
    return draft.text("n", "2").text("response_format", "b64_json")


def _image_named(name: str) -> Change:
    return image_part(
        lambda _, part: transforms.with_disposition(part, f'form-data; name="{name}"; filename="picture.png"')
    )
