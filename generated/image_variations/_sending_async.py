"""Sending calls, for `AsyncClient`: attempt after attempt, each within the time limit. `_sending` is its counterpart."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from functools import partial
from itertools import count

import anyio
import anyio.lowlevel
import httpx

from ._answers import Answer, Body, Enough
from ._calls import LIMITS, MAX_REDIRECTS, SENDING_ERRORS, Call, OpenCall, no_cookies, opening
from ._options import Options
from .errors import APIConnectionError


class AsyncConnections:
    """The connections of a client and its copies, opened when first needed, and anew after they were closed.

    Each event loop has its own, for connections cannot go from one to another. Those of an `http_client` are its
    owner's: they are used, and left open.
    """

    def __init__(self, http_client: httpx.AsyncClient | None) -> None:
        self._given = http_client
        self._own: dict[object, httpx.AsyncClient] = {}

    def get(self) -> httpx.AsyncClient:
        """The client of httpx to send by in this event loop."""
        if self._given is not None:
            if self._given.is_closed:
                raise APIConnectionError("The http_client given is closed.")
            return self._given
        self._forget_ended_loops()
        here = _event_loop()
        if here not in self._own:
            self._own[here] = opening(
                partial(httpx.AsyncClient, limits=LIMITS, max_redirects=MAX_REDIRECTS, cookies=no_cookies())
            )
        return self._own[here]

    async def close(self) -> None:
        """Close what was opened here in this event loop."""
        self._forget_ended_loops()
        own = self._own.pop(_event_loop(), None)
        if own is not None:
            await own.aclose()

    def _forget_ended_loops(self) -> None:
        """Let go of connections that were not closed before their loop was: nothing can be awaited there any more."""
        for loop in list(self._own):
            if isinstance(loop, asyncio.AbstractEventLoop) and loop.is_closed():
                self._own.pop(loop, None)


def _event_loop() -> asyncio.AbstractEventLoop | None:
    """The loop that runs; None for one that is not asyncio's."""
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


async def send(connections: AsyncConnections, options: Options, call: Call) -> tuple[Answer, OpenCall]:
    """Send the call, again where that may help, and return the last answer. Raises where there is none."""
    with call.opened(options) as opened:
        for attempts in count(1):
            try:
                answer = await _in_a_scope(connections.get(), opened)
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


async def _in_a_scope(http: httpx.AsyncClient, call: OpenCall) -> Answer:
    """Make an attempt in a task of its own, which ends with this one.

    httpcore 1.0.9 loses a place among its connections when a task is cancelled just after connecting or while closing.
    The task of a group is cancelled through the group's scope, from which it protects itself.
    """
    answers: list[Answer] = []
    failures: list[Exception] = []

    async def attempt() -> None:
        try:
            answers.append(await _attempt(http, call))
        except Exception as failure:  # noqa: BLE001 - handed on, so that it does not come out in an ExceptionGroup
            failures.append(failure)

    async with anyio.create_task_group() as group:
        group.start_soon(attempt)
    if failures:
        raise failures[0]
    return answers[0]


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
            with suppress(Enough):
                if response.is_stream_consumed:  # of a transport for tests, whose answers are read already
                    body.add_plain(response.content)
                elif body.is_wanted:
                    async for chunk in response.aiter_raw():
                        for _ in body.add(chunk):
                            await anyio.lowlevel.checkpoint()
                    body.end()
            return body.answer()
        finally:
            await response.aclose()
