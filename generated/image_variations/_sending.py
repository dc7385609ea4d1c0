# Written by scripts/regenerate of image-variations from an OpenAPI document; _stamp.py says from which. Do not edit it:
# change the document, or scripts/templates, and run scripts/regenerate again.
"""Send the calls of a `Client`, with retries. `_sending_async` is the counterpart for `AsyncClient`."""

from __future__ import annotations

import os
import threading
import time
from functools import partial
from itertools import count

import httpx

from ._answers import Answer, Body
from ._calls import LIMITS, MAX_REDIRECTS, Call, OpenCall, opening
from ._links import require_allowed
from ._options import Options
from .errors import APIConnectionError, ImageVariationsError


class Connections:
    """The connections of a client and its copies, opened by the first call, and reopened if they were closed.

    An `http_client` given by the caller is used instead, and never closed.
    """

    def __init__(self, http_client: httpx.Client | None) -> None:
        self._given = http_client
        self._own: httpx.Client | None = None
        self._lock = threading.Lock()
        self._process = os.getpid()

    def get(self) -> httpx.Client:
        """Return the client of httpx that sends requests."""
        if self._given is not None:
            if self._given.is_closed:
                raise APIConnectionError("The http_client given is closed.")
            return self._given
        self._leave_to_parent()
        with self._lock:
            if self._own is None:
                from ._transport import connect

                self._own = opening(partial(connect, LIMITS))
            return self._own

    def close(self) -> None:
        """Close the connections opened here."""
        self._leave_to_parent()
        with self._lock:
            own, self._own = self._own, None
        if own is not None:
            own.close()

    def _leave_to_parent(self) -> None:
        """Drop the connections after a fork, without closing them: the parent process goes on using them."""
        if self._process != os.getpid():
            # A thread of the parent may have held the lock, and there is no such thread here.
            self._lock, self._own = threading.Lock(), None
            self._process = os.getpid()  # last: another thread that sees it uses the new lock


def send(connections: Connections, options: Options, call: Call) -> tuple[Answer, OpenCall]:
    """Send the call, with retries, and return the last response. Raises `ImageVariationsError` if there is none."""
    failure: Exception = AssertionError("unreachable")
    with call.opened(options) as opened:
        for attempts in count(1):
            http = connections.get()
            try:
                answer = _attempt(http, opened)
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
            time.sleep(delay)
    # Raised here, where its context is not the exception of the transport, which can have the key.
    raise failure


def _attempt(http: httpx.Client, call: OpenCall) -> Answer:
    from ._transport import require_time, time_limit

    with time_limit(call.timeout):
        response = _response(http, call)
        try:
            body = Body(response.status_code, response.headers, call)
            with body.received():
                if response.is_stream_consumed:  # the response of a mock transport is already read
                    body.add_plain(response.content)
                elif body.is_wanted:
                    for chunk in response.iter_raw():
                        require_time()
                        for _ in body.add(chunk):
                            require_time()
                    body.end()
            return body.answer()
        finally:
            response.close()


def _response(http: httpx.Client, call: OpenCall) -> httpx.Response:
    """Send a request, and return the response without its body; of a download, the one after its redirects."""
    request = call.request(http)
    if call.of_api:
        return http.send(request, stream=True, follow_redirects=False)
    for _ in range(MAX_REDIRECTS + 1):
        require_allowed(request.url, call.options)
        response = http.send(request, stream=True, auth=None, follow_redirects=False)
        if response.next_request is None:
            return response
        response.close()
        request = call.request(http, response.next_request.url)
    raise httpx.TooManyRedirects("", request=request)
