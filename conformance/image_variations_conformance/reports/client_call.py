"""The call of the generated client that sends the same form as a case, where there is one."""

from __future__ import annotations

import re

from ..contract.document import Contract
from ..contract.fields import kind_of
from ..wire.exchange import Request
from ..wire.multipart import Part
from .curl import IMAGE_FILE, plain_form

_WHOLE_NUMBER = re.compile(r"0|-?[1-9]\d{0,17}")


def client_call(request: Request, contract: Contract, folder: str, *, preflight: bool) -> str | None:
    """Return the call, or None where the client would send something else.

    `folder` is the path of the image. Without `preflight`, the client is told not to check what it sends.
    """
    parts = plain_form(request)
    files = [part for part in parts or () if part.filename is not None]
    if parts is None or len(files) != 1 or files[0].name != contract.image_field:
        return None
    texts = [part for part in parts if part is not files[0]]
    if len({part.name for part in texts}) < len(texts):
        return None
    known = {part.name: _value(part, contract) for part in texts if part.name in contract.text_fields}
    others = {part.name: part.content.decode() for part in texts if part.name not in contract.text_fields}
    arguments = [f"image={_image(files[0], folder)}", *(f"{name}={value!r}" for name, value in known.items())]
    arguments += [f"extra_body={others!r}"] if others else []
    client = "client" if preflight and not others else "client.with_options(preflight=False)"
    return f"{client}.images.create_variation({', '.join(arguments)})"


def _image(part: Part, folder: str) -> str:
    path = f"{folder}/{IMAGE_FILE}"
    return f'({part.filename!r}, open({path!r}, "rb"), {part.content_type!r})'


def _value(part: Part, contract: Contract) -> object:
    value = part.content.decode()
    is_number = kind_of(contract.text_fields[part.name or ""]) == "integer" and _WHOLE_NUMBER.fullmatch(value)
    return int(value) if is_number else value
