# Written by scripts/regenerate of image-variations from an OpenAPI document; _stamp.py says from which. Do not edit it:
# change the document, or scripts/templates, and run scripts/regenerate again.
"""Image operations."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from ...models.create_image_variation_request import CreateImageVariationRequest
from ...models.image_model import ImageModel
from ...models.image_response_format import ImageResponseFormat
from ...models.image_size import ImageSize
from ...models.images_response import ImagesResponse
from ...types import NOT_GIVEN, FileInput, NotGiven, Response
from . import create_image_variation

if TYPE_CHECKING:
    from ...client import AsyncClient, Client


class Images:
    """Image operations."""

    def __init__(self, client: Client) -> None:
        self._client = client

    @property
    def with_raw_response(self) -> ImagesWithRawResponse:
        """The same methods, but each returns a `Response`: status, headers, bytes, and the value decoded from them."""
        return ImagesWithRawResponse(self._client)

    def create_variation(
        self,
        *,
        image: FileInput,
        model: ImageModel | str | None = None,
        n: int | None = None,
        response_format: ImageResponseFormat | None = None,
        size: ImageSize | None = None,
        user: str | None = None,
        extra_headers: Mapping[str, str] | None = None,
        extra_query: Mapping[str, object] | None = None,
        extra_body: Mapping[str, object] | None = None,
        timeout: float | None | NotGiven = NOT_GIVEN,
    ) -> ImagesResponse:
        """Create image variations

        Makes `n` new images. Each resembles the input image, and differs from it and from the others. The only
        model of the original service with this operation is `dall-e-2`.

        Args:
            image: The input image: a complete, square PNG file of less than 4 MB. Whether that means 4,000,000 or
                4,194,304 bytes was never documented; files between the two may be refused.
            model: The model. `dall-e-2` is the only one with this operation. Default: dall-e-2. Example: dall-e-2.
            n: How many images to make. Default: 1. From 1 to 10. Example: 2.
            response_format: How the images are returned: as links (`url`), which work for 60 minutes after the
                images were made, or in the response itself (`b64_json`). Default: url. One of url, b64_json. Example:
                b64_json.
            size: Width and height of the new images, in pixels. Default: 1024x1024. One of 256x256, 512x512,
                1024x1024. Example: 256x256.
            user: Your identifier of your end user, which helps the provider to detect abuse. Any text of printable
                characters. Example: user-1234.
            extra_headers: Additional headers.
            extra_query: Additional query parameters.
            extra_body: Additional fields of the body, for a server with fields that are not in the contract.
            timeout: The limit of one attempt in seconds, instead of that of the client; None for no limit.

        Raises:
            InvalidRequestError: An argument violates the contract or cannot be sent.
            APIError: There was no response, an error response, or an invalid response.
        """

        return create_image_variation.sync(
            client=self._client,
            body=CreateImageVariationRequest(
                image=image, model=model, n=n, response_format=response_format, size=size, user=user
            ),
            extra_headers=extra_headers,
            extra_query=extra_query,
            extra_body=extra_body,
            timeout=timeout,
        )


class ImagesWithRawResponse:
    """The methods of `Images`, which return the whole response."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def create_variation(
        self,
        *,
        image: FileInput,
        model: ImageModel | str | None = None,
        n: int | None = None,
        response_format: ImageResponseFormat | None = None,
        size: ImageSize | None = None,
        user: str | None = None,
        extra_headers: Mapping[str, str] | None = None,
        extra_query: Mapping[str, object] | None = None,
        extra_body: Mapping[str, object] | None = None,
        timeout: float | None | NotGiven = NOT_GIVEN,
    ) -> Response[ImagesResponse]:
        """Like `Images.create_variation`, but return the whole response."""
        return create_image_variation.sync_detailed(
            client=self._client,
            body=CreateImageVariationRequest(
                image=image, model=model, n=n, response_format=response_format, size=size, user=user
            ),
            extra_headers=extra_headers,
            extra_query=extra_query,
            extra_body=extra_body,
            timeout=timeout,
        )


class AsyncImages:
    """Image operations."""

    def __init__(self, client: AsyncClient) -> None:
        self._client = client

    @property
    def with_raw_response(self) -> AsyncImagesWithRawResponse:
        """The same methods, but each returns a `Response`: status, headers, bytes, and the value decoded from them."""
        return AsyncImagesWithRawResponse(self._client)

    async def create_variation(
        self,
        *,
        image: FileInput,
        model: ImageModel | str | None = None,
        n: int | None = None,
        response_format: ImageResponseFormat | None = None,
        size: ImageSize | None = None,
        user: str | None = None,
        extra_headers: Mapping[str, str] | None = None,
        extra_query: Mapping[str, object] | None = None,
        extra_body: Mapping[str, object] | None = None,
        timeout: float | None | NotGiven = NOT_GIVEN,
    ) -> ImagesResponse:
        """Create image variations

        Makes `n` new images. Each resembles the input image, and differs from it and from the others. The only
        model of the original service with this operation is `dall-e-2`.

        Args:
            image: The input image: a complete, square PNG file of less than 4 MB. Whether that means 4,000,000 or
                4,194,304 bytes was never documented; files between the two may be refused.
            model: The model. `dall-e-2` is the only one with this operation. Default: dall-e-2. Example: dall-e-2.
            n: How many images to make. Default: 1. From 1 to 10. Example: 2.
            response_format: How the images are returned: as links (`url`), which work for 60 minutes after the
                images were made, or in the response itself (`b64_json`). Default: url. One of url, b64_json. Example:
                b64_json.
            size: Width and height of the new images, in pixels. Default: 1024x1024. One of 256x256, 512x512,
                1024x1024. Example: 256x256.
            user: Your identifier of your end user, which helps the provider to detect abuse. Any text of printable
                characters. Example: user-1234.
            extra_headers: Additional headers.
            extra_query: Additional query parameters.
            extra_body: Additional fields of the body, for a server with fields that are not in the contract.
            timeout: The limit of one attempt in seconds, instead of that of the client; None for no limit.

        Raises:
            InvalidRequestError: An argument violates the contract or cannot be sent.
            APIError: There was no response, an error response, or an invalid response.
        """

        return await create_image_variation.asyncio(
            client=self._client,
            body=CreateImageVariationRequest(
                image=image, model=model, n=n, response_format=response_format, size=size, user=user
            ),
            extra_headers=extra_headers,
            extra_query=extra_query,
            extra_body=extra_body,
            timeout=timeout,
        )


class AsyncImagesWithRawResponse:
    """The methods of `AsyncImages`, which return the whole response."""

    def __init__(self, client: AsyncClient) -> None:
        self._client = client

    async def create_variation(
        self,
        *,
        image: FileInput,
        model: ImageModel | str | None = None,
        n: int | None = None,
        response_format: ImageResponseFormat | None = None,
        size: ImageSize | None = None,
        user: str | None = None,
        extra_headers: Mapping[str, str] | None = None,
        extra_query: Mapping[str, object] | None = None,
        extra_body: Mapping[str, object] | None = None,
        timeout: float | None | NotGiven = NOT_GIVEN,
    ) -> Response[ImagesResponse]:
        """Like `AsyncImages.create_variation`, but return the whole response."""
        return await create_image_variation.asyncio_detailed(
            client=self._client,
            body=CreateImageVariationRequest(
                image=image, model=model, n=n, response_format=response_format, size=size, user=user
            ),
            extra_headers=extra_headers,
            extra_query=extra_query,
            extra_body=extra_body,
            timeout=timeout,
        )
