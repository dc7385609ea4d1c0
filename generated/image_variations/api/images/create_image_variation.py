# Written by scripts/regenerate of image-variations from an OpenAPI document; _stamp.py says from which. Do not edit it:
# change the document, or scripts/templates, and run scripts/regenerate again.
"""Create image variations."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Unpack

from ... import _answers, _bodies, _encoding, _preflight
from ..._calls import Call
from ...models.create_image_variation_request import CreateImageVariationRequest
from ...models.error_response import ErrorResponse
from ...models.images_response import ImagesResponse
from ...types import NOT_GIVEN, BodyCallOptions, NotGiven, Response

if TYPE_CHECKING:
    from ...client import AsyncClient, Client

_READING: _answers.Reading[ImagesResponse] = _answers.Reading(
    {"200": _answers.as_json(ImagesResponse.from_dict)},
    {"4XX": _answers.as_json(ErrorResponse.from_dict), "5XX": _answers.as_json(ErrorResponse.from_dict)},
)


def _call(
    *,
    client: Client | AsyncClient,
    body: CreateImageVariationRequest,
    extra_headers: Mapping[str, str] | None = None,
    extra_query: Mapping[str, object] | None = None,
    extra_body: Mapping[str, object] | None = None,
    timeout: float | None | NotGiven = NOT_GIVEN,
) -> Call:
    if client.preflight:
        _preflight.instance("body", body, ("CreateImageVariationRequest",))
        _preflight.each(body)
    return Call(
        method="POST",
        url="/images/variations",
        secured=True,
        query=[*_encoding.all_texts(extra_query)],
        headers={**(extra_headers or {})},
        body=_bodies.form(body.parts(), extra_body),
        timeout=timeout,
    )


def sync_detailed(
    *, client: Client, body: CreateImageVariationRequest, **options: Unpack[BodyCallOptions]
) -> Response[ImagesResponse]:
    """Call `create_variation`, whose method documents the arguments, and return the whole response."""
    return client._send(  # pyright: ignore[reportPrivateUsage]
        _call(client=client, body=body, **options), _READING
    )


def sync(*, client: Client, body: CreateImageVariationRequest, **options: Unpack[BodyCallOptions]) -> ImagesResponse:
    """Call `create_variation`, whose method documents the arguments, and return the value decoded from its body."""
    return sync_detailed(client=client, body=body, **options).parsed


async def asyncio_detailed(
    *, client: AsyncClient, body: CreateImageVariationRequest, **options: Unpack[BodyCallOptions]
) -> Response[ImagesResponse]:
    """Call `create_variation`, whose method documents the arguments, and return the whole response."""
    return await client._send(  # pyright: ignore[reportPrivateUsage]
        _call(client=client, body=body, **options), _READING
    )


async def asyncio(
    *, client: AsyncClient, body: CreateImageVariationRequest, **options: Unpack[BodyCallOptions]
) -> ImagesResponse:
    """Call `create_variation`, whose method documents the arguments, and return the value decoded from its body."""
    response = await asyncio_detailed(client=client, body=body, **options)
    return response.parsed
