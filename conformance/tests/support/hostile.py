"""Responses of hostile servers, and a run of the suite on a hostile server that takes only seconds."""

import base64
import json
import random
import struct
import time
from pathlib import Path

from attrs import frozen
from image_variations_conformance.engine.check import Settings, check
from image_variations_conformance.engine.run import Run
from image_variations_conformance.media import png
from image_variations_conformance.media.pictures import paint
from image_variations_conformance.reports.folder import ReportFolder
from image_variations_conformance.wire.target import Target
from support.loopback import answer
from support.requests import KEY

JSON = "Content-Type: application/json"
IMAGE = png.encode(paint(random.Random(1), 256))


@frozen
class Judged:
    """A finished small run. `seconds` is its duration, including the time to write the report."""

    run: Run
    seconds: float

    def verdict(self, requirement: str) -> str:
        """Return the result of the verdict on a requirement, given by its id."""
        return next(it.result for it in self.run.verdicts if it.requirement.id == requirement)

    @property
    def failed(self) -> set[str]:
        """The ids of the requirements whose verdict is "fail"."""
        return {it.requirement.id for it in self.run.verdicts if it.result == "fail"}


def judge_small(base_url: str, report: Path, timeout: float, max_requests: int = 3) -> Judged:
    """Run the first requests of a quick check on a server, and write the report folder.

    They are valid: an image with links, one of 256x256 in base64, and requests with more. On a server that accepts none
    of them, 20 are valid, and those after them are not. `timeout` is in seconds. Nothing is waited for.
    """
    settings = Settings(seed=1, timeout=timeout, depth="quick", max_requests=max_requests)
    started = time.monotonic()
    run = check(Target.parse(base_url, KEY), settings, lambda *_: None, lambda _: None)
    ReportFolder.at(report).write(run)
    return Judged(run, time.monotonic() - started)


def said(value: object, status: int = 200, *headers: str) -> bytes:
    """Return a raw HTTP response whose body is `value` in JSON. If `value` is bytes, it is the body itself."""
    body = value if isinstance(value, bytes) else json.dumps(value).encode()
    return answer(status, body, JSON, *headers)


def with_items(*items: object, **more: object) -> dict[str, object]:
    """Return the JSON value of a response with these items, created now, and with `more` top-level fields."""
    return {"created": int(time.time()), "data": list(items), **more}


def as_text(image: bytes) -> dict[str, object]:
    """Return the JSON value of a response with one image in base64."""
    return with_items({"b64_json": base64.b64encode(image).decode()})


def raw_png(width: int, height: int, pixels: bytes, more: bytes = b"") -> bytes:
    """Return an RGB PNG with these dimensions in its header and `pixels` as its compressed data.

    The dimensions and the data need not match. `more` is inserted between the header chunk and the pixel data.
    """
    header = struct.pack(">IIBBBBB", width, height, 8, png.RGB, 0, 0, 0)
    chunks = [png.chunk(b"IHDR", header), more, png.chunk(b"IDAT", pixels), png.chunk(b"IEND", b"")]
    return png.SIGNATURE + b"".join(chunks)
