"""Asks a server what it accepts, one request at a time, and notes what came of it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from attrs import define, evolve, field, frozen

from ..cases.builder import Base, Builder
from ..cases.case import Case
from ..contract.document import Contract
from ..contract.expectation import Expectation
from ..contract.extensions import ViolationKind
from ..oracles.base import Observation, observe, shortened
from ..oracles.summary import quoted, summarize, words
from ..wire.exchange import Request
from ..wire.json_body import count_images
from ..wire.multipart import file_part
from ..wire.target import Target
from .scheduler import Scheduler

_NO_JUDGEMENT = frozenset({402, 408, 425, 429})
"""Statuses that say nothing of the request itself."""
_BODY_CHARACTERS = 80
_NONE: Mapping[str, str | None] = {}


@frozen
class Answer:
    """What came of a request: the status, or 0 without a response; of a 200, the images; of an error, its body.

    `size` and `key` are those of all images, or else empty. `shape` is that of an error: openai, detail or any. `shown`
    is all that in words, `words` what the server says of an error.
    """

    status: int
    count: int
    key: str
    size: str
    shape: str
    words: str
    shown: str
    document: Any = field(repr=False, default=None)

    @property
    def accepted(self) -> bool:
        """Whether there is an image."""
        return 200 <= self.status < 300 and self.count > 0

    @property
    def refused(self) -> bool:
        """Whether the request was refused as wrong."""
        return 400 <= self.status < 500 and self.status not in _NO_JUDGEMENT

    def __str__(self) -> str:
        return self.shown


@define
class Asker:
    """Sends requests to a target through a scheduler, which limits their images.

    `base`, `image` and `field_name` make a form that the server accepts. `statuses` are those of refusals by kind of
    violation, and `shapes` those of their bodies, each with an answer that shows it. `bugs` are what looks like one,
    and `unseen` what no image was left for.
    """

    contract: Contract
    target: Target
    scheduler: Scheduler
    seed: int
    base: Base = field(factory=Base)
    image: bytes | None = None
    field_name: str = "image"
    sent: int = 0
    statuses: dict[ViolationKind, dict[int, Answer]] = field(factory=dict)
    shapes: dict[str, Answer] = field(factory=dict)
    bugs: list[str] = field(factory=list)
    unseen: list[str] = field(factory=list)

    @property
    def builder(self) -> Builder:
        """The builder of the next request."""
        return Builder.of(self.contract, self.target, self.seed, f"draft-{self.sent + 1}", self.base)

    def enum(self, name: str) -> list[str]:
        """Return the values of a field of the contract."""
        return [str(value) for value in self.contract.fields[name]["enum"]]

    def form(
        self, texts: Mapping[str, str | None] = _NONE, *, name: str | None = None, content: bytes | None = None
    ) -> Request:
        """Return the form of the base with these texts, of which None leaves one out, and perhaps another image."""
        builder = self.builder
        content = content or self.image or builder.png()
        image = file_part(name or self.field_name, content, "picture.png", "image/png")
        return builder.multipart((image, *builder.texts(**dict(texts))))

    def ask(
        self,
        what: str,
        request: Request,
        kind: ViolationKind | None = None,
        *,
        may_be_accepted: bool = True,
        images: int = 1,
    ) -> Answer | None:
        """Return what comes of a request, and note it; None where its images are too many, or no response was kept.

        `what` describes it. If it is refused, that is for a violation of `kind`.
        """
        answer = self.send(request, images)
        if answer is None:
            self.note_unseen(what, images)
        elif answer.refused:
            self.shapes.setdefault(answer.shape, answer)
            if kind is not None:
                self.statuses.setdefault(kind, {}).setdefault(answer.status, answer)
        elif not answer.accepted or not may_be_accepted:
            self.bugs.append(f"{what} \u2192 {answer}")
        return answer

    def note_unseen(self, what: str, images: int = 1) -> None:
        """Note what was not sent, and that it takes so many images where fewer are left."""
        left = self.images_left
        why = f": {left} of {self.scheduler.budget.limits.max_images} images are left; --max-images allows more"
        self.unseen.append(f"{what}{why if left < max(images, 1) else ''}")

    @property
    def images_left(self) -> float:
        """How many images may still be asked for."""
        left = self.scheduler.budget.images_left()
        return math.inf if left is None else left

    def send(self, request: Request, images: int = 1) -> Answer | None:
        """Return what comes of a request, or None where its images are too many. Raises Unreachable and KeyRefused."""
        self.sent += 1
        case = Case(f"draft-{self.sent}", "to draft a profile", request, Expectation(image_count=images))
        (exchange,) = self.scheduler.run([case])
        if not exchange.sent:
            return None
        observation = observe(exchange, Expectation())
        # An item with both keys is one image.
        summary = evolve(summarize(observation), count=count_images(observation.content.document))
        own = quoted(observation) or _start_of_error(observation)
        accepted = 200 <= summary.status < 300
        shown = f"{summary.status} with {summary}" if accepted else str(summary.status or observation.answer)
        return Answer(
            summary.status,
            summary.count,
            "".join(summary.keys) if len(summary.keys) == 1 else "",
            "".join(summary.sizes or ()) if len(summary.sizes or ()) == 1 else "",
            _shape_of(observation, self.contract),
            words(observation.content.document),
            f"{shown} {own}" if own else shown,
            observation.content.document,
        )


def _shape_of(observation: Observation, contract: Contract) -> str:
    """Return which of the bodies of errors that a profile can declare the body of a response is."""
    response, document = observation.response, observation.content.document
    if next(iter(contract.schema_errors("ErrorResponse", document)), None) is None:
        return "openai"
    is_json = response is not None and response.media_type == "application/json"
    return "detail" if is_json and isinstance(document, Mapping) and "detail" in document else "any"


def _start_of_error(observation: Observation) -> str:
    """Return the first characters of an error that has no words of a known form."""
    response = observation.response
    body = response.body[:_BODY_CHARACTERS] if response is not None and not observation.accepted else b""
    return shortened(body.decode("utf-8", "replace"))


def is_accepted(answer: Answer | None) -> bool:
    """Return whether a request was sent and accepted."""
    return answer is not None and answer.accepted


def is_refused(answer: Answer | None) -> bool:
    """Return whether a request was sent and refused."""
    return answer is not None and answer.refused
