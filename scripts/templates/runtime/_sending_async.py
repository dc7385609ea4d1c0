"""Send the calls of an `AsyncClient`, with retries. `_sending` is the counterpart for `Client`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from itertools import count

import anyio
import anyio.lowlevel
import httpx
from anyio import to_thread

from ._answers import Answer, Body
from ._calls import LIMITS, MAX_REDIRECTS, Call, OpenCall, forget_malformed_location, no_cookies, opening
from ._links import require_allowed
from ._options import Options
from ._proxies import environment_proxies
from .errors import APIConnectionError, APITimeoutError, ImageVariationsError

_MAX_CLOSING_SECONDS = 1.0


class AsyncConnections:
    """The connections of a client and its copies, opened by the first call, and reopened if they were closed.

    Each event loop has its own connections, because loops cannot share them. An `http_client` given by the caller is
    used instead, and never closed.
    """

    def __init__(self, http_client: httpx.AsyncClient | None) -> None:
        self._given = http_client
        self._own: dict[object, httpx.AsyncClient] = {}

    def get(self) -> httpx.AsyncClient:
        """Return the client of httpx that sends requests in this event loop."""
        if self._given is not None:
            if self._given.is_closed:
                raise APIConnectionError("The http_client given is closed.")
            return self._given
        self._forget_ended_loops()
        loop = _event_loop()
        if loop not in self._own:
            self._own[loop] = opening(_connect)
        return self._own[loop]

    async def close(self) -> None:
        """Close the connections opened here in this event loop."""
        self._forget_ended_loops()
        own = self._own.pop(_event_loop(), None)
        if own is not None:
            await own.aclose()

    def _forget_ended_loops(self) -> None:
        """Drop the connections of closed event loops, which can no longer be closed themselves."""
        for loop in list(self._own):
            if isinstance(loop, asyncio.AbstractEventLoop) and loop.is_closed():
                self._own.pop(loop, None)


def _connect() -> httpx.AsyncClient:
    ssl_context = httpx.create_ssl_context()
    mounts = {
        pattern: None if proxy is None else httpx.AsyncHTTPTransport(ssl_context, limits=LIMITS, proxy=proxy)
        for pattern, proxy in environment_proxies().items()
    }
    return httpx.AsyncClient(
        verify=ssl_context,
        limits=LIMITS,
        mounts=mounts,
        trust_env=False,
        cookies=no_cookies(),
        event_hooks={"response": [_forget_malformed_location]},
    )


async def _forget_malformed_location(response: httpx.Response) -> None:
    forget_malformed_location(response)


def _event_loop() -> asyncio.AbstractEventLoop | None:
    """Return the running asyncio event loop, or None for a loop of another library."""
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


async def send(connections: AsyncConnections, options: Options, call: Call) -> tuple[Answer, OpenCall]:
    """Send the call, with retries, and return the last response. Raises `ImageVariationsError` if there is none."""
    failure: Exception = AssertionError("unreachable")
    async with _opened(call, options) as opened:
        for attempts in count(1):
            http = connections.get()
            try:
                answer = await _in_a_scope(http, opened)
            except ImageVariationsError:
                raise
            except Exception as error:  # noqa: BLE001 - a transport that was given can raise anything
                delay = None if http.is_closed else opened.delay_after_error(attempts, error)
                failure = opened.failure(error, http.is_closed)
            else:
                delay = opened.delay_after_answer(attempts, answer.status_code, answer.headers)
                if delay is None:
                    return answer, opened
            if delay is None:
                break
            await anyio.sleep(delay)
    # Raised here, where its context is not the exception of the transport, which can have the key.
    raise failure


@asynccontextmanager
async def _opened(call: Call, options: Options) -> AsyncGenerator[OpenCall]:
    """Open the call, in a thread and within its timeout if it has files that may be slow: a pipe, a network drive.

    A thread that takes longer is abandoned. The files that it has opened are closed when it ends.
    """
    opening_call = call.opened(options)
    if call.is_in_memory:
        opened = opening_call.__enter__()
    else:
        timeout = call.seconds(options)
        try:
            with anyio.fail_after(timeout):
                opened = await to_thread.run_sync(opening_call.__enter__, abandon_on_cancel=True)
        except TimeoutError:
            raise APITimeoutError(f"A file could not be read within {timeout:g} seconds.") from None
    try:
        yield opened
    finally:
        if call.is_in_memory:
            opening_call.__exit__(None, None, None)
        else:
            # A thread that still reads a file keeps it from being closed; that thread is not waited for.
            with anyio.move_on_after(_MAX_CLOSING_SECONDS, shield=True):
                await to_thread.run_sync(opening_call.__exit__, None, None, None, abandon_on_cancel=True)


async def _in_a_scope(http: httpx.AsyncClient, call: OpenCall) -> Answer:
    """Run an attempt in its own task, in a task group that ends with this function.

    httpcore 1.0.9 leaks a connection of its pool if a task is cancelled just after connecting or while closing. It
    shields itself only from anyio cancel scopes, and the task of a group is cancelled by the scope of the group.
    """
    answers: list[Answer] = []
    failures: list[Exception] = []

    async def attempt() -> None:
        try:
            answers.append(await _attempt(http, call))
        except Exception as failure:  # noqa: BLE001 - raised below, without the ExceptionGroup of the task group
            failures.append(failure)

    async with anyio.create_task_group() as group:
        group.start_soon(attempt)
    if failures:
        raise failures[0]
    if not answers:  # something cancelled the task of the attempt alone
        raise anyio.get_cancelled_exc_class()
    return answers[0]


async def _attempt(http: httpx.AsyncClient, call: OpenCall) -> Answer:
    body = None
    with anyio.move_on_after(call.timeout):
        response = await _response(http, call)
        try:
            body = Body(response.status_code, response.headers, call)
            with body.received():
                if response.is_stream_consumed:  # the response of a mock transport is already read
                    body.add_plain(response.content)
                elif body.is_wanted:
                    async for chunk in response.aiter_raw():
                        for _ in body.add(chunk):
                            await anyio.lowlevel.checkpoint()
                    body.end()
            return body.answer()
        finally:
            await response.aclose()
    if body is not None and body.is_error:
        return body.answer()
    raise TimeoutError


async def _response(http: httpx.AsyncClient, call: OpenCall) -> httpx.Response:
    """Send a request, and return the response without its body; of a download, the one after its redirects."""
    request = call.request(http)
    if call.of_api:
        return await http.send(request, stream=True, follow_redirects=False)
    for _ in range(MAX_REDIRECTS + 1):
        await to_thread.run_sync(require_allowed, request.url, call.options, abandon_on_cancel=True)
        response = await http.send(request, stream=True, auth=None, follow_redirects=False)
        if response.next_request is None:
            return response
        await response.aclose()
        request = call.request(http, response.next_request.url)
    raise httpx.TooManyRedirects("", request=request)
