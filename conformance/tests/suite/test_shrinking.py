"""Shrinking: bugs that only fuzzing finds are reported with a small request."""

import itertools
import random
from collections.abc import Callable, Mapping
from contextlib import closing
from functools import lru_cache

import pytest
from attrs import evolve, frozen
from image_variations_conformance.cases.builder import Base
from image_variations_conformance.cases.case import Case
from image_variations_conformance.cases.plan import Plan
from image_variations_conformance.cases.strategies import ANCILLARY
from image_variations_conformance.engine.budget import Budget, Limits
from image_variations_conformance.engine.exploring import Explored, Explorer
from image_variations_conformance.engine.fuzzing import Fuzzed, fuzzed
from image_variations_conformance.engine.judging import findings_of
from image_variations_conformance.engine.recipe import Drawing, Recipe
from image_variations_conformance.engine.scheduler import Scheduler
from image_variations_conformance.engine.session import Session
from image_variations_conformance.engine.shrinking import Measure, shrunk
from image_variations_conformance.media import png
from image_variations_conformance.media.pictures import paint
from image_variations_conformance.reference.app.api_error import ApiError
from image_variations_conformance.reference.app.form import Part
from image_variations_conformance.reference.app.incoming import IncomingRequest
from image_variations_conformance.reference.app.service import Service, Wanted
from image_variations_conformance.reference.app.serving import running
from image_variations_conformance.reference.app.variations import VariationMaker
from image_variations_conformance.sources.transport import Transport
from image_variations_conformance.wire.target import Target
from starlette.responses import Response
from support.requests import CONTRACT, KEY, TARGET, classified

pytestmark = pytest.mark.slow

LARGE = Recipe(
    fields=(
        ("n", b"4"),
        ("user", b'somebody "quoted" from far away'),
        ("size", b"1024x1024"),
        ("model", b"dall-e-2"),
    ),
    image=Drawing(png.Kind(png.PALETTE, 8, interlaced=True), 96, extra=ANCILLARY[:2]),
    filename="my own picture.png",
    part_type="application/octet-stream",
    position=2,
    typed=True,
    boundary="-" * 60,
    chunked=True,
    lower_case=True,
)


def make(recipe: Recipe) -> Fuzzed:
    return fuzzed(recipe, "a-case", CONTRACT, TARGET)


def smallest(recipe: Recipe, breaks: Callable[[Recipe], bool | None], max_tries: int = 100) -> tuple[Recipe, int]:
    """Return the smallest recipe found, and the number of tries."""
    requested: list[Recipe] = []

    def retry(smaller: Fuzzed) -> bool | None:
        requested.append(smaller.recipe)
        return breaks(smaller.recipe)

    return shrunk(make(recipe), make, retry, max_tries).recipe, len(requested)


def test_a_failure_of_every_request_is_shrunk_to_a_form_without_fields_and_image() -> None:
    recipe, tries = smallest(LARGE, lambda _: True)
    assert recipe.fields == ()
    assert recipe.image is None
    assert Measure.of(make(recipe)).images == 0
    assert tries < 30


def test_a_failure_by_the_kind_of_image_is_shrunk_to_that_kind_of_image() -> None:
    def breaks(recipe: Recipe) -> bool:
        drawing = recipe.image
        return isinstance(drawing, Drawing) and drawing.kind.interlaced and b"tEXt" in dict(drawing.extra)

    recipe, tries = smallest(LARGE, breaks)
    assert isinstance(recipe.image, Drawing)
    assert (recipe.image.side, recipe.image.extra) == (2, ((b"tEXt", b"a\0b"),))
    assert len(recipe.request(CONTRACT, TARGET).body) < 260
    assert Measure.of(make(recipe)).images == 1
    assert tries < 60


def test_a_failure_by_one_character_is_shrunk_to_that_character() -> None:
    recipe, _ = smallest(LARGE, lambda recipe: b'"' in dict(recipe.fields).get("user", b""))
    assert recipe.fields == (("user", b'"'),)


def test_fewer_images_are_preferred_to_fewer_bytes() -> None:
    recipe, _ = smallest(LARGE, lambda recipe: classified(recipe.request(CONTRACT, TARGET)).validity == "valid")
    requested = classified(recipe.request(CONTRACT, TARGET)).requested
    assert requested is not None
    assert requested.n == 1


def test_a_failure_that_does_not_occur_again_is_not_shrunk() -> None:
    assert smallest(LARGE, lambda _: False) == (LARGE, 1)


def test_shrinking_ends_after_the_maximum_number_of_tries() -> None:
    recipe, tries = smallest(LARGE, lambda recipe: recipe == LARGE, 20)
    assert (recipe, tries) == (LARGE, 20)


def test_the_smallest_recipe_so_far_is_returned_when_nothing_more_can_be_sent() -> None:
    results = iter([True, True, None])
    recipe, tries = smallest(LARGE, lambda _: next(results))
    assert tries == 3
    assert Measure.of(make(recipe)) < Measure.of(make(LARGE))


# --- servers with one bug that needs two features at once


class QuickService(Service):
    """Responds with prepared pictures, so that hundreds of requests take seconds."""

    numbers = itertools.count()

    def make_one(self, maker: VariationMaker) -> bytes:
        return _picture(maker.size[0], next(self.numbers) % 30)


@lru_cache(maxsize=100)
def _picture(side: int, number: int) -> bytes:
    return png.encode(paint(random.Random(1000 + number), side))


class QuoteAndOne(QuickService):
    """Refuses a user with a quote if the form also has n=1."""

    def wanted(self, fields: Mapping[str, Part]) -> Wanted:
        texts = {name: part.content for name, part in fields.items() if name != "image"}
        if b'"' in texts.get("user", b"") and texts.get("n") == b"1":
            raise ApiError("user must not be quoted.", "user")
        return super().wanted(fields)


class TextInInterlacedPalette(QuickService):
    """Responds with 500 to an interlaced palette PNG with a tEXt chunk."""

    def wanted(self, fields: Mapping[str, Part]) -> Wanted:
        image = fields["image"].content if "image" in fields else b""
        if image[25:26] == b"\3" and image[28:29] == b"\1" and b"tEXt" in image:
            raise ApiError("Something went wrong.", status=500)
        return super().wanted(fields)


class SmallBehindLinks(QuickService):
    """Makes images of 256x256 if 512x512 and links are requested."""

    def wanted(self, fields: Mapping[str, Part]) -> Wanted:
        wanted = super().wanted(fields)
        is_affected = (wanted.size, wanted.response_format) == ((512, 512), "url")
        return evolve(wanted, size=(256, 256)) if is_affected else wanted


class LowerCaseWithoutFileName(QuickService):
    """Responds with 500 if Authorization has the scheme bearer in lower case and the file has no name."""

    async def respond(self, request: IncomingRequest) -> Response:
        self.lower = any(name == b"authorization" and b"bearer" in value for name, value in request.scope["headers"])
        return await super().respond(request)

    def wanted(self, fields: Mapping[str, Part]) -> Wanted:
        if self.lower and "image" in fields and fields["image"].filename is None:
            raise ApiError("Something went wrong.", status=500)
        return super().wanted(fields)


@frozen
class Bug:
    """A server, the requirement it breaks, and the most bytes that the body of the shrunk request may have."""

    service: type[Service]
    requirement: str
    max_bytes: int


BUGS = (
    Bug(QuoteAndOne, "IV-OP-VALID", 450),
    Bug(TextInInterlacedPalette, "IV-ERR-NO-5XX", 400),
    Bug(SmallBehindLinks, "IV-OUT-SIZE", 400),
    Bug(LowerCaseWithoutFileName, "IV-ERR-NO-5XX", 400),
)


def fuzz(service: Service, requirement: str) -> Explored:
    """Return the result of fuzzing a server after a quick plan, up to the shrunk case of a requirement."""
    sent: list[str] = []

    def watch(_: int, __: int, case: Case) -> None:
        if case.label.startswith("fuzz-") and f"shrunk-{requirement.lower()}" in sent:
            raise KeyboardInterrupt
        sent.append(case.label)

    with running(service) as server:
        target = Target.parse(server.base_url, KEY)
        scheduler = Scheduler(Transport(target), watch, budget=Budget(Limits(max_requests=1500)))
        session = Session(Plan.of(CONTRACT, target, 1, "quick"), scheduler)
        with closing(scheduler.transport):
            session.run()
        findings = findings_of(session)
        # The plan does not show the bug. It may show that the pictures do not resemble their inputs.
        assert requirement not in [it.requirement for it in findings if it.state == "contradicted"]
        return Explorer(CONTRACT, target, 1, scheduler, session.experiment.cheap or Base()).explore(
            list(session.observations.values()), findings
        )


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.service.__name__)
def test_a_bug_that_needs_two_features_is_found_and_shown_by_a_small_request(bug: Bug) -> None:
    result = fuzz(bug.service(api_key=KEY), bug.requirement)
    finding = next(it for it in result.findings if it.requirement == bug.requirement and it.state == "contradicted")
    case = next(case for case in result.cases if case.label == finding.label)
    broken = {it.requirement for it in result.findings if it.state == "contradicted"}
    # Other features of the refused requests are not reported.
    assert broken <= {bug.requirement, "IV-OP-VALID", "IV-ERR-PARAM"}
    assert finding.label == f"shrunk-{bug.requirement.lower()}"
    assert case.note.startswith("the smallest found that breaks what fuzz-")
    assert case.image_count <= 1
    assert len(case.request.body) <= bug.max_bytes
