"""The features of valid requests, a row for each value that the register names, and the probes of a run.

Probes of the text fields are made from the evidence of the register, and so from the contract.
"""

from __future__ import annotations

from collections.abc import Iterator

from ..contract.document import Contract
from ..contract.evidence import ABSENT, AcceptsFeature, AcceptsField, Sample
from . import transforms
from .builder import Builder, Draft
from .changes import field, image_part
from .form_features import FORM_FEATURES
from .probes import KEY, Change, Probe
from .rows import Row
from .wire_features import WIRE_FEATURES

FEATURES: tuple[Row, ...] = (*FORM_FEATURES, *WIRE_FEATURES)

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
            for item in evidence.items(contract, seed):
                value: str | None = item.partition("=")[2]
                value = None if value == ABSENT else value
                images = int(value) if name == "n" and value is not None else 1
                # A seed adds some numbers of images, which cost most.
                quick = images <= 2
                first = item in {"n=2", "response_format=url"}
                yield Probe(requirement_id or "", item, frozenset({name}), field(name, value), images, quick, first)
    if contract.fields["n"].get("maximum") == 2 and "b64_json" in contract.fields["response_format"]["enum"]:
        # The only request for several images asks for links.
        axes = frozenset({"n", "response_format"})
        yield Probe("IV-N-RANGE", "n=2 in b64_json", axes, _two_in_base64, 2)
    for name in contract.image_rules.other_names:
        yield Probe(
            "IV-IMAGE-REQUIRED",
            f"image-field={name}",
            frozenset({"filename", "part-type"}),
            _image_named(name),
            quick=True,
        )


def _two_in_base64(_: Builder, draft: Draft) -> Draft:
    return draft.text("n", "2").text("response_format", "b64_json")


def _image_named(name: str) -> Change:
    return image_part(
        lambda _, part: transforms.with_disposition(part, f'form-data; name="{name}"; filename="picture.png"')
    )
