# Written by scripts/regenerate of image-variations from an OpenAPI document; _stamp.py says from which. Do not edit it:
# change the document, or scripts/templates, and run scripts/regenerate again.
"""Create image variations."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from ... import _answers, _bodies, _encoding, _preflight
from ..._calls import Call
from ...models.create_image_variation_request import CreateImageVariationRequest
from ...models.error_response import ErrorResponse
from ...models.images_response import ImagesResponse
from ...types import NOT_GIVEN, NotGiven, Response

if TYPE_CHECKING:
    from ...client import AsyncClient, Client

_READING: _answers.Reading[ImagesResponse] = _answers.Reading(
    {
        "200": _answers.as_json(ImagesResponse.from_dict),
    },
    {
        "4XX": _answers.as_json(ErrorResponse.from_dict),
        "5XX": _answers.as_json(ErrorResponse.from_dict),
    },
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
        _preflight.each(body)
    return Call(
        method="POST",
        url="/images/variations",
        secured=True,
        query=[
            *_encoding.all_texts(extra_query),
        ],
        headers={
            **(extra_headers or {}),
        },
        body=_bodies.form(body.parts(), extra_body),
        timeout=timeout,
    )


def sync_detailed(
    *,
    client: Client,
    body: CreateImageVariationRequest,
    extra_headers: Mapping[str, str] | None = None,
    extra_query: Mapping[str, object] | None = None,
    extra_body: Mapping[str, object] | None = None,
    timeout: float | None | NotGiven = NOT_GIVEN,
) -> Response[ImagesResponse]:
    """Create image variations

    Makes `n` new images. Each resembles the input image, and differs from it and from the others. The only model
    of the original service with this operation is `dall-e-2`.

    Args:
        client: The client that sends the request.
        body: The fields of the form, each at most once, in any order.
        extra_headers: Additional headers.
        extra_query: Additional query parameters.
        extra_body: Additional fields of the body, for a server with fields that are not in the contract.
        timeout: The limit of one attempt in seconds, instead of that of the client; None for no limit.

    Raises:
        InvalidRequestError: An argument violates the contract or cannot be sent.
        APIError: There was no response, an error response, or an invalid response.

    Returns:
        The response with its status, headers, body, and the value decoded from the body.
    """

    return client._send(
        _call(
            client=client,
            body=body,
            extra_headers=extra_headers,
            extra_query=extra_query,
            extra_body=extra_body,
            timeout=timeout,
        ),
        _READING,
    )


def sync(
    *,
    client: Client,
    body: CreateImageVariationRequest,
    extra_headers: Mapping[str, str] | None = None,
    extra_query: Mapping[str, object] | None = None,
    extra_body: Mapping[str, object] | None = None,
    timeout: float | None | NotGiven = NOT_GIVEN,
) -> ImagesResponse:
    """Create image variations

    Makes `n` new images. Each resembles the input image, and differs from it and from the others. The only model
    of the original service with this operation is `dall-e-2`.

    Args:
        client: The client that sends the request.
        body: The fields of the form, each at most once, in any order.
        extra_headers: Additional headers.
        extra_query: Additional query parameters.
        extra_body: Additional fields of the body, for a server with fields that are not in the contract.
        timeout: The limit of one attempt in seconds, instead of that of the client; None for no limit.

    Raises:
        InvalidRequestError: An argument violates the contract or cannot be sent.
        APIError: There was no response, an error response, or an invalid response.

    Returns:
        The value decoded from the body of the response.
    """

    return sync_detailed(
        client=client,
        body=body,
        extra_headers=extra_headers,
        extra_query=extra_query,
        extra_body=extra_body,
        timeout=timeout,
    ).parsed


async def asyncio_detailed(
    *,
    client: AsyncClient,
    body: CreateImageVariationRequest,
    extra_headers: Mapping[str, str] | None = None,
    extra_query: Mapping[str, object] | None = None,
    extra_body: Mapping[str, object] | None = None,
    timeout: float | None | NotGiven = NOT_GIVEN,
) -> Response[ImagesResponse]:
    """Create image variations

    Makes `n` new images. Each resembles the input image, and differs from it and from the others. The only model
    of the original service with this operation is `dall-e-2`.

    Args:
        client: The client that sends the request.
        body: The fields of the form, each at most once, in any order.
        extra_headers: Additional headers.
        extra_query: Additional query parameters.
        extra_body: Additional fields of the body, for a server with fields that are not in the contract.
        timeout: The limit of one attempt in seconds, instead of that of the client; None for no limit.

    Raises:
        InvalidRequestError: An argument violates the contract or cannot be sent.
        APIError: There was no response, an error response, or an invalid response.

    Returns:
        The response with its status, headers, body, and the value decoded from the body.
    """

    return await client._send(
        _call(
            client=client,
            body=body,
            extra_headers=extra_headers,
            extra_query=extra_query,
            extra_body=extra_body,
            timeout=timeout,
        ),
        _READING,
    )


async def asyncio(
    *,
    client: AsyncClient,
    body: CreateImageVariationRequest,
    extra_headers: Mapping[str, str] | None = None,
    extra_query: Mapping[str, object] | None = None,
    extra_body: Mapping[str, object] | None = None,
    timeout: float | None | NotGiven = NOT_GIVEN,
) -> ImagesResponse:
    """Create image variations

    Makes `n` new images. Each resembles the input image, and differs from it and from the others. The only model
    of the original service with this operation is `dall-e-2`.

    Args:
        client: The client that sends the request.
        body: The fields of the form, each at most once, in any order.
        extra_headers: Additional headers.
        extra_query: Additional query parameters.
        extra_body: Additional fields of the body, for a server with fields that are not in the contract.
        timeout: The limit of one attempt in seconds, instead of that of the client; None for no limit.

    Raises:
        InvalidRequestError: An argument violates the contract or cannot be sent.
        APIError: There was no response, an error response, or an invalid response.

    Returns:
        The value decoded from the body of the response.
    """

    response = await asyncio_detailed(
        client=client,
        body=body,
        extra_headers=extra_headers,
        extra_query=extra_query,
        extra_body=extra_body,
        timeout=timeout,
    )
    return response.parsed
