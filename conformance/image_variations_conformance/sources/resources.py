"""Detects that this machine has run out of resources, which ends the run and is not a fault of the server."""

from __future__ import annotations

import errno
import socket
from collections.abc import Iterator
from contextlib import contextmanager

_EXHAUSTED = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})


class OutOfResources(Exception):
    """This machine has no file descriptors, memory or threads left."""


@contextmanager
def own_resources() -> Iterator[None]:
    """Convert errors in this block that mean exhausted resources into OutOfResources."""
    try:
        yield
    except MemoryError as error:
        raise OutOfResources("out of memory") from error
    except OSError as error:
        if error.errno in _EXHAUSTED:
            raise OutOfResources(error.strerror or str(error)) from error
        raise
    except RuntimeError as error:
        # Python has no exception type of its own for this.
        if "can't start new thread" in str(error):
            raise OutOfResources("no more threads can be started") from error
        raise


def require_sockets() -> None:
    """Raise OutOfResources if no socket can be opened. The system's resolver reports that as an unknown host."""
    with own_resources():
        socket.socket().close()
