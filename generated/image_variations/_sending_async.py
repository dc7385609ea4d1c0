"""Sending calls, for `AsyncClient`: attempt after attempt, each within the time limit. `_sending` is its counterpart."""

from __future__ import annotations

from itertools import count

import anyio
import httpx
from anyio.lowlevel import RunVar

from ._answers import Answer, Body
from ._calls import LIMITS, SENDING_ERRORS, Call, OpenCall
from ._options import Options
from .errors import APIConnectionError


class AsyncConnections:
    """The connections of a client and its copies, opened when first needed, and anew after they were closed.

    Each event loop has its own, for connections cannot go from one to another. Those of an `http_client` are its
    owner's: they are used, and left open.
    """

    def __init__(self, http_client: httpx.AsyncClient | None) -> None:
        self._given = http_client
        self._own: RunVar[httpx.AsyncClient | None] = RunVar("connections", None)

    def get(self) -> httpx.AsyncClient:
        """The client of httpx to send by in this event loop."""
        if self._given is not None:
            if self._given.is_closed:
                raise APIConnectionError("The http_client given is closed.")
            return self._given
        own = self._own.get()
        if own is None:
            own = httpx.AsyncClient(limits=LIMITS)
            self._own.set(own)
        return own

    async def close(self) -> None:
        """Close what was opened here in this event loop."""
        own = self._own.get()
        self._own.set(None)
        if own is not None:
            await own.aclose()


async def send(connections: AsyncConnections, options: Options, call: Call) -> tuple[Answer, OpenCall]:
    """Send the call, again where that may help, and return the last answer. Raises where there is none."""
    with call.opened(options) as opened:
        for attempts in count(1):
            try:
                answer = await _attempt(connections.get(), opened)
            except SENDING_ERRORS as error:
                delay = opened.delay_after_error(attempts, error)
                if delay is None:
                    raise opened.failure(error) from None
            else:
                delay = opened.delay_after_answer(attempts, answer.status_code, answer.headers)
                if delay is None:
                    return answer, opened
            await anyio.sleep(delay)
    raise AssertionError("unreachable")


async def _attempt(http: httpx.AsyncClient, call: OpenCall) -> Answer:
    with anyio.fail_after(call.timeout):
        response = await http.send(
            call.request(http),
            stream=True,
            auth=httpx.USE_CLIENT_DEFAULT if call.of_api else None,
            follow_redirects=not call.of_api,
        )
        try:
            body = Body(response.status_code, response.headers, call)
            if body.is_wanted:
                try:
                    async for chunk in response.aiter_bytes():
                        if not body.add(chunk):
                            break
                except httpx.DecodingError:
                    body.spoil()
            return body.answer()
        finally:
            await response.aclose()
