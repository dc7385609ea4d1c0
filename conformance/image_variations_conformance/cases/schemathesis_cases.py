"""Forms that Schemathesis derives from the OpenAPI document, through its public interface.

Schemathesis chooses the fields and their values; the bytes are ours. Whether a case is valid is classified from those
bytes and not taken from Schemathesis: many of its negative cases (a number for a text field, for instance) are valid
once they are a form on the wire.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import schemathesis
from hypothesis import strategies as st
from schemathesis import GenerationMode

from ..contract.document import Contract
from ..contract.fields import is_bounded
from ..contract.unjudged import PATH
from ..media import png
from .png_strategies import pngs
from .variations import Variation, added, image, text, wrong

# Registered for the format and not for the media type image/png of the part, because Schemathesis would replace the
# whole form by it.
schemathesis.openapi.format("binary", pngs((png.PLAIN, png.Kind(png.RGBA)), max_side=64))


def forms(contract: Contract) -> st.SearchStrategy[list[Variation]]:
    """Return the strategy for forms of the operation, positive and negative, as variations of a plain form."""
    operation = schemathesis.openapi.from_dict(dict(contract.document))[PATH]["POST"]
    modes = (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)
    strategies = [operation.as_strategy(generation_mode=mode) for mode in modes]
    return st.one_of(strategies).map(lambda case: list(_variations(case, contract)))


def _variations(case: schemathesis.Case[Any], contract: Contract) -> Iterator[Variation]:
    """Yield in what the form that Schemathesis would send differs from a plain one."""
    files = case.as_transport_kwargs(base_url="http://127.0.0.1").get("files") or ()
    seen = set()
    for name, (filename, value, *_) in files:
        if filename is not None and name == contract.image_field and name not in seen:
            yield image(_bytes(value))
        elif name in contract.text_fields and name not in seen:
            yield text(name, _bytes(value).decode(), free=not is_bounded(contract.text_fields[name]))
        else:
            yield added(name, _bytes(value))
        seen.add(name)
    if contract.image_field not in seen:
        yield wrong("image-none")


def _bytes(value: object) -> bytes:
    return value if isinstance(value, bytes) else str(value).encode("utf-8", "replace")
