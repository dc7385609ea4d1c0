"""What this machine can run out of. That is no fault of the server under test, and ends the run."""

from __future__ import annotations

import errno
import socket
from collections.abc import Iterator
from contextlib import contextmanager

_OURS = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})


class OutOfResources(Exception):
    """This machine has no file descriptors, memory or threads left."""


@contextmanager
def own_resources() -> Iterator[None]:
    """Raise OutOfResources for errors in this block that mean so."""
    try:
        yield
    except MemoryError as error:
        raise OutOfResources("out of memory") from error
    except OSError as error:
        if error.errno in _OURS:
            raise OutOfResources(error.strerror or str(error)) from error
        raise
    except RuntimeError as error:
        # Python has no type of its own for this.
        if "can't start new thread" in str(error):
            raise OutOfResources("no more threads can be started") from error
        raise


def require_sockets() -> None:
    """Raise OutOfResources where no socket can be opened, which the system's resolver does not tell apart."""
    with own_resources():
        socket.socket().close()
