"""Sending calls, for `AsyncClient`: attempt after attempt, each within the time limit. `_sending` is its counterpart."""

from __future__ import annotations

from itertools import count
from weakref import WeakKeyDictionary

import anyio
import httpx
from anyio.lowlevel import RunVar

from ._answers import Answer, Body
from ._calls import LIMITS, SENDING_ERRORS, Call, OpenCall
from ._options import Options
from .errors import APIConnectionError

# The connections of each client in an event loop; they go with the client, or with the loop.
_own: RunVar[WeakKeyDictionary[AsyncConnections, httpx.AsyncClient]] = RunVar("connections")


class AsyncConnections:
    """The connections of a client and its copies, opened when first needed, and anew after they were closed.

    Each event loop has its own, for connections cannot go from one to another. Those of an `http_client` are its
    owner's: they are used, and left open.
    """

    def __init__(self, http_client: httpx.AsyncClient | None) -> None:
        self._given = http_client

    def get(self) -> httpx.AsyncClient:
        """The client of httpx to send by in this event loop."""
        if self._given is not None:
            if self._given.is_closed:
                raise APIConnectionError("The http_client given is closed.")
            return self._given
        here = _own.get(None)
        if here is None:
            here = WeakKeyDictionary[AsyncConnections, httpx.AsyncClient]()
            _own.set(here)
        if self not in here:
            here[self] = httpx.AsyncClient(limits=LIMITS)
        return here[self]

    async def close(self) -> None:
        """Close what was opened here in this event loop."""
        here = _own.get(None)
        own = here.pop(self, None) if here is not None else None
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
