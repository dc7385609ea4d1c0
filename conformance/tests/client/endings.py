"""Check how calls end against a scripted server: in time, and with an error message that can be shown to users."""

import json
import time

from client.driving import KEY, Driver, outcome
from client.subject import http
from client.uploads import image
from image_variations import ImagesResponse, ImageVariationsError
from support.loopback import Peer, ScriptedServer, Step

# Seconds: the timeout of one attempt, and the delay tolerated on a slow machine. `drip` sends for longer than both.
TIMEOUT, SLACK = 0.25, 3.0
IMAGE_MARK = b"a-mark-in-the-image-0123456789"
IMAGE = image() + IMAGE_MARK
GOOD = json.dumps({"created": 1, "data": [{"url": "https://images.example/a.png"}]}).encode()


def drip(data: bytes) -> Step:
    """Return the step that sends these bytes every 20 ms, for longer than a call with TIMEOUT may take."""

    def play(peer: Peer) -> None:
        for _ in range(int((TIMEOUT + 2 * SLACK) / 0.02)):
            peer.socket.sendall(data)
            if peer.stopping.wait(0.02):
                return

    return play


def flood(data: bytes) -> Step:
    """Return the step that sends these bytes repeatedly, 192 MiB in total, which exceeds the limits of all calls."""

    def play(peer: Peer) -> None:
        for _ in range((192 << 20) // len(data)):
            peer.socket.sendall(data)

    return play


def checked_outcome(
    driver: Driver, server: ScriptedServer, *script: Step, timeout: float = TIMEOUT
) -> ImagesResponse | ImageVariationsError:
    """Make one call against a script and return its response or its ImageVariationsError.

    Check that the call ends within `timeout` + SLACK seconds, and check the message of an error.
    """
    server.scripts = [script]
    started = time.monotonic()
    result = outcome(lambda: driver.call(image=IMAGE))
    assert time.monotonic() - started < timeout + SLACK
    if isinstance(result, ImageVariationsError):
        check_message(result)
    else:
        assert isinstance(result, ImagesResponse)
    return result


def check_message(error: ImageVariationsError) -> None:
    """Check that the texts of an error are short and printable and reveal no key, no image and no HTTP library."""
    for text in (str(error), repr(error), str(error.args)):
        assert text
        assert len(text) < 1000
        assert KEY not in text
        assert IMAGE_MARK.decode() not in text
    assert "httpx" not in str(error).lower()
    assert http.__name__ not in str(error)
    assert str(error).isprintable(), repr(str(error))
