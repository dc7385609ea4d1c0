"""How calls end: against a server that plays a script, in time, and with a message that is fit to be shown."""

import json
import time

from client.driving import KEY, Driver, outcome
from client.subject import http
from client.uploads import image
from image_variations import ImagesResponse, ImageVariationsError
from support.loopback import Peer, ScriptedServer, Step

# One attempt may take TIMEOUT, and this machine some more: much less than any of the servers below would go on.
TIMEOUT, SLACK = 0.25, 3.0
IMAGE_MARK = b"a-mark-in-the-image-0123456789"
IMAGE = image() + IMAGE_MARK
GOOD = json.dumps({"created": 1, "data": [{"url": "https://images.example/a.png"}]}).encode()


def drip(data: bytes) -> Step:
    """Return the step that sends these bytes again and again, every 20 ms, for longer than any call may last."""

    def play(peer: Peer) -> None:
        for _ in range(int((TIMEOUT + 2 * SLACK) / 0.02)):
            peer.socket.sendall(data)
            if peer.stopping.wait(0.02):
                return

    return play


def flood(data: bytes) -> Step:
    """Return the step that sends these bytes again and again, until they are 192 MiB: more than any call may take."""

    def play(peer: Peer) -> None:
        for _ in range((192 << 20) // len(data)):
            peer.socket.sendall(data)

    return play


def ended(
    driver: Driver, server: ScriptedServer, *script: Step, timeout: float = TIMEOUT
) -> ImagesResponse | ImageVariationsError:
    """Return how a call ends against this script, which is a value or an error of ours, in time, with a fit message."""
    server.scripts = [script]
    began = time.monotonic()
    end = outcome(lambda: driver.call(image=IMAGE))
    assert time.monotonic() - began < timeout + SLACK
    if isinstance(end, ImageVariationsError):
        fit(end)
    else:
        assert isinstance(end, ImagesResponse)
    return end


def fit(error: ImageVariationsError) -> None:
    """Check what an error says, in each of the ways it can be printed."""
    for text in (str(error), repr(error), str(error.args)):
        assert text
        assert len(text) < 1000
        assert KEY not in text
        assert IMAGE_MARK.decode() not in text
    assert "httpx" not in str(error).lower()
    assert http.__name__ not in str(error)
    assert str(error).isprintable(), repr(str(error))
