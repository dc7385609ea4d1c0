"""Responses of hostile servers, and a run of the suite on a hostile server that takes only seconds."""

import base64
import json
import random
import struct
import time
from pathlib import Path

from attrs import frozen
from image_variations_conformance.engine.run import Run
from image_variations_conformance.engine.scheduler import Scheduler
from image_variations_conformance.engine.verdicts import conclude
from image_variations_conformance.media import png
from image_variations_conformance.media.pictures import paint
from image_variations_conformance.reports.folder import ReportFolder
from image_variations_conformance.sources.reader import Memory
from image_variations_conformance.sources.transport import Transport
from image_variations_conformance.wire.target import Target
from support.loopback import answer
from support.requests import CONTRACT, KEY, builder, case

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


def judge_small(base_url: str, report: Path, timeout: float, rounds: int = 1, memory: Memory | None = None) -> Judged:
    """Run three cases per round on a server and write the report folder.

    The cases ask for an image in base64, for an image by link, and for an invalid `n`. `timeout` is in seconds.
    """
    target = Target.parse(base_url, KEY)
    b = builder(target=target)
    cases = [
        new_case
        for number in range(1, rounds + 1)
        for new_case in (
            case(f"text-{number}", "image in base64", b.form(size="256x256", response_format="b64_json"), target),
            case(f"link-{number}", "image by link", b.form(size="256x256"), target),
            case(f"wrong-{number}", "invalid n", b.form(n="0"), target),
        )
    ]
    started = time.monotonic()
    exchanges = Scheduler(Transport(target, timeout, memory=memory or Memory()), lambda *_: None, lambda _: None).run(
        cases
    )
    run = conclude(CONTRACT, target, cases, exchanges, seed=1, seconds=time.monotonic() - started)
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
