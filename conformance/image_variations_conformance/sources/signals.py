"""Ends a run early on Ctrl-C, SIGTERM or SIGHUP, so that what was judged until then is still reported.

Within `handled`, a signal raises KeyboardInterrupt only in `interruptible` blocks: once in the current one, and at the
start of each later one. So neither judging nor writing a report is interrupted, even by further signals. CI services
send several signals, seconds apart.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import NoReturn

from attrs import define

# Windows has no SIGHUP, which reports the end of the terminal.
_ENDING = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))


@define
class _Signals:
    """Whether a signal was received, and whether it may raise KeyboardInterrupt now."""

    received: bool = False
    armed: bool = False

    def note(self, _: int, __: FrameType | None) -> None:
        self.received = True
        self.raise_once()

    def raise_once(self) -> None:
        # Disarmed first, so that a further signal does not interrupt the cleanup.
        if self.received and self.armed:
            self.armed = False
            raise KeyboardInterrupt


_handled: _Signals | None = None


@contextmanager
def handled() -> Iterator[None]:
    """Handle the signals that end a process until the block ends. Signals that are ignored stay ignored.

    Outside the main thread, where Python allows no signal handlers, do nothing.
    """
    global _handled  # noqa: PLW0603 - signal handlers are global, too
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    # None stands for a handler that was not installed from Python, so it could not be restored.
    handlers = {number: signal.getsignal(number) for number in _ENDING}
    replaced = {number: handler for number, handler in handlers.items() if handler not in {signal.SIG_IGN, None}}
    _handled = _Signals()
    try:
        for number in replaced:
            signal.signal(number, _handled.note)
        yield
    finally:
        for number, handler in replaced.items():
            signal.signal(number, handler)
        _handled = None


@contextmanager
def interruptible() -> Iterator[None]:
    """Let a handled signal raise KeyboardInterrupt in this block, or at its start if it was received before."""
    signals = _handled if threading.current_thread() is threading.main_thread() else None
    if signals is None:
        yield
        return
    try:
        signals.armed = True
        signals.raise_once()
        yield
    finally:
        signals.armed = False


def exit_now(code: int) -> NoReturn:
    """Flush the output and end the process at once, without waiting for threads that still wait for responses."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError):
            stream.flush()
    os._exit(code)
