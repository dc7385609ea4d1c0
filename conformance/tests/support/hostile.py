"""What hostile servers say, and a small run of the suite against one, in seconds."""

import base64
import json
import random
import struct
import time
import zlib
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
    """What came of a small run: the run itself, and how long it all took, reports and all."""

    run: Run
    seconds: float

    def verdict(self, requirement: str) -> str:
        """Return the verdict on one requirement."""
        return next(it.result for it in self.run.verdicts if it.requirement.id == requirement)

    @property
    def failed(self) -> set[str]:
        """The requirements that are broken."""
        return {it.requirement.id for it in self.run.verdicts if it.result == "fail"}


def judge_small(base_url: str, report: Path, timeout: float, rounds: int = 1, memory: Memory | None = None) -> Judged:
    """Send an image to come back as text, one to come back as a link, and a wrong form; so many times; and report."""
    target = Target.parse(base_url, KEY)
    b = builder(target=target)
    cases = [
        each
        for turn in range(1, rounds + 1)
        for each in (
            case(f"text-{turn}", "as text", b.form(size="256x256", response_format="b64_json"), target),
            case(f"link-{turn}", "as a link", b.form(size="256x256"), target),
            case(f"wrong-{turn}", "a wrong n", b.form(n="0"), target),
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
    """Return the answer with a JSON value; bytes are taken as they are."""
    body = value if isinstance(value, bytes) else json.dumps(value).encode()
    return answer(status, body, JSON, *headers)


def with_items(*items: object, **more: object) -> dict[str, object]:
    """Return the value of an answer with these items, made now."""
    return {"created": int(time.time()), "data": list(items), **more}


def as_text(image: bytes) -> dict[str, object]:
    """Return the value of an answer with one image."""
    return with_items({"b64_json": base64.b64encode(image).decode()})


def zeros(size_bytes: int) -> bytes:
    """Return so many zeros under gzip, made without having them all."""
    deflate = zlib.compressobj(9, wbits=zlib.MAX_WBITS | 16)
    block = bytes(1 << 20)
    pieces = [deflate.compress(block) for _ in range(size_bytes >> 20)]
    return b"".join([*pieces, deflate.flush()])


def raw_png(width: int, height: int, pixels: bytes, more: bytes = b"") -> bytes:
    """Return a PNG whose header says one thing and whose pixel data, compressed already, may hold another."""
    header = struct.pack(">IIBBBBB", width, height, 8, png.RGB, 0, 0, 0)
    chunks = [png.chunk(b"IHDR", header), more, png.chunk(b"IDAT", pixels), png.chunk(b"IEND", b"")]
    return png.SIGNATURE + b"".join(chunks)
