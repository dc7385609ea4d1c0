"""What ends a run early: Ctrl-C, SIGTERM, SIGHUP. What was judged until then is still reported.

While signals are `handled`, the first of them is one KeyboardInterrupt, raised in an `interruptible` block: at once where
the run is in one, or else as the next one begins. So it never breaks into the judging or the writing of a report,
and neither does the second signal of whoever is impatient: CI services send several, seconds apart.
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

# SIGHUP, the end of the terminal, is not known everywhere.
_ENDING = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))


@define
class _Signals:
    came: bool = False
    raising: bool = False

    def note(self, _: int, __: FrameType | None) -> None:
        self.came = True
        self.raise_once()

    def raise_once(self) -> None:
        # Lowered before it raises, so that what puts things in order after it is not broken into.
        if self.came and self.raising:
            self.raising = False
            raise KeyboardInterrupt


_handled: _Signals | None = None


@contextmanager
def handled() -> Iterator[None]:
    """Take the signals that end a process for interruptions, until the block ends. Those ignored stay ignored.

    Signals are a matter of the main thread; in another one, this does nothing.
    """
    global _handled  # noqa: PLW0603 - so are the handlers, in all of a process
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    # None stands for a handler that is not Python's, and that could not be put back.
    before = {it: signal.getsignal(it) for it in _ENDING}
    replaced = {it: handler for it, handler in before.items() if handler not in {signal.SIG_IGN, None}}
    _handled = _Signals()
    try:
        for it in replaced:
            signal.signal(it, _handled.note)
        yield
    finally:
        for it, handler in replaced.items():
            signal.signal(it, handler)
        _handled = None


@contextmanager
def interruptible() -> Iterator[None]:
    """Let a signal that is taken raise KeyboardInterrupt in this block, and one that came before it, too."""
    signals = _handled if threading.current_thread() is threading.main_thread() else None
    if signals is None:
        yield
        return
    try:
        signals.raising = True
        signals.raise_once()
        yield
    finally:
        signals.raising = False


def exit_now(code: int) -> NoReturn:
    """End the process at once: its own end would wait for threads that wait for answers nobody wants any more."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError):
            stream.flush()
    os._exit(code)
