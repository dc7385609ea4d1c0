"""What the first version of the suite judged wrongly on servers of others, each shown by the smallest such server."""

from functools import cache
from typing import Any

import pytest
from image_variations_conformance.engine.run import Run
from image_variations_conformance.media import png
from image_variations_conformance.reference.app.api_error import ApiError
from image_variations_conformance.reference.app.form import Part
from image_variations_conformance.reference.app.service import Service, Wanted
from image_variations_conformance.reference.variants import faulty, quirky
from image_variations_conformance.wire.reasons import Masked
from PIL import Image
from support.judging import KEY, judge_app, verdicts

pytestmark = pytest.mark.slow


@cache
def run_of(*faults: str, seed: int = 1) -> Run:
    return judged(faulty(faults, api_key=KEY) if faults else Service(api_key=KEY), seed=seed)


def judged(server: Service, **settings: Any) -> Run:
    """Return a standard run on a server, with the limits of its depth."""
    return judge_app(server, **{"max_requests": None, "max_images": None, **settings})


def broken(*faults: str, seed: int = 1) -> set[str]:
    return set(verdicts(run_of(*faults, seed=seed), "fail", "warn"))


@pytest.mark.parametrize("seed", [1, 2])
def test_a_server_with_few_sizes_few_images_and_a_model_of_its_own_has_three_failures_and_all_else_is_judged(
    seed: int,
) -> None:
    """It passed IV-N-RANGE, since most requests asked for 256x256, and failed IV-USER-TEXT because of the model."""
    faults = ("size-256-refused", "n-over-four-refused", "model-refused")
    run, right = run_of(*faults, seed=seed), run_of(seed=seed)
    assert set(verdicts(run, "fail", "warn")) == {"IV-SIZE-ENUM", "IV-N-RANGE", "IV-MODEL-ACCEPTED"}
    assert set(verdicts(run, "not-tested")) == set(verdicts(right, "not-tested"))
    # What else they need is masked by a value that this server does not have. With few values of n left, it depends on
    # the seed whether several images are seen in each format.
    in_part = {it.requirement.id: it.reason for it in run.verdicts if it.result == "partial"}
    assert {name for name, reason in in_part.items() if not isinstance(reason, Masked)} <= {"IV-OUT-DISTINCT"}
    assert run.cost.requests <= right.cost.requests + 60
    assert run.cost.images <= right.cost.images + 20


def test_a_format_that_is_refused_each_time_breaks_the_requirement_on_formats() -> None:
    """IV-FORMAT-ENUM passed: one of its values was accepted, and the other was sent with a size that was refused."""
    assert broken("url-refused", "size-256-refused") == {"IV-FORMAT-ENUM", "IV-SIZE-ENUM"}


@pytest.mark.parametrize("fault", ["boundary-signs-refused", "boundary-over-64-refused", "boundary-quotes-refused"])
def test_one_kind_of_boundary_that_is_refused_breaks_the_requirement(fault: str) -> None:
    """It passed on one of three kinds where the others were sent with a size that was refused."""
    assert broken(fault, "size-256-refused") == {"IV-WIRE-BOUNDARY", "IV-SIZE-ENUM"}


def test_errors_name_their_field_where_two_others_are_refused() -> None:
    """IV-ERR-PARAM was warned of."""
    assert broken("n-over-five-refused", "model-refused") == {"IV-N-RANGE", "IV-MODEL-ACCEPTED"}


@pytest.mark.parametrize("seed", [1, 3, 4])
def test_the_verdict_on_a_known_kind_of_bug_is_the_same_at_every_seed(seed: int) -> None:
    """A server failed with seed 1, and conformed with seeds 3 and 4."""
    assert broken("n-hexadecimal-read", seed=seed) == {"IV-N-INTEGER"}


def test_a_crash_is_found_behind_a_value_that_breaks_the_same_requirement() -> None:
    """The cases of a requirement that was broken already were not sent."""
    found = run_of("n-eleven-accepted", "n-negative-crashes")
    (bounds,) = (it for it in found.verdicts if it.requirement.id == "IV-N-BOUNDS")
    assert {item.name for item in bounds.items if item.state == "contradicted"} >= {"n-eleven", "n-negative"}
    assert "IV-ERR-NO-5XX" in bounds.also


def test_a_missing_file_name_is_refused_with_and_without_other_properties() -> None:
    """It was sent only with the type application/octet-stream, for which the server made an exception."""

    class RefusesTypedPartsWithoutName(Service):
        def read_image(self, part: Part) -> Image.Image:
            if part.filename is None and part.content_type == "image/png":
                raise ApiError("The image must have a file name.", "image")
            return super().read_image(part)

    assert set(verdicts(judged(RefusesTypedPartsWithoutName(api_key=KEY)), "fail", "warn")) == {"IV-IMAGE-NO-FILENAME"}


def test_fields_in_the_query_are_sent_without_the_same_in_the_form() -> None:
    """A server that reads a field from the query where the form lacks it passed."""
    assert broken("query-fills-absent-fields") == {"IV-WIRE-QUERY"}


def test_an_accepted_invalid_request_does_not_keep_a_must_from_being_tested() -> None:
    """It took the image of n=10, and the run still exited with 0."""
    run = run_of("n-eleven-accepted")
    assert set(verdicts(run, "fail", "warn")) == {"IV-N-BOUNDS"}
    assert "IV-N-RANGE" in verdicts(run, "pass")
    assert run.exit_code == 1


def test_blank_inputs_and_those_of_one_pixel_may_have_blank_and_equal_outputs() -> None:
    """IV-OUT-BLANK was warned of, and IV-OUT-DISTINCT failed."""

    class CopiesTheColour(Service):
        async def make(self, picture: Image.Image, wanted: Wanted) -> list[bytes]:
            colours = picture.convert("RGB").getcolors(1)
            if colours is None:
                return await super().make(picture, wanted)
            ((_, colour),) = colours
            return [png.encode(Image.new("RGB", wanted.size or picture.size, colour))] * wanted.count

    assert set(verdicts(judged(CopiesTheColour(api_key=KEY)), "fail", "warn")) == set()


def test_a_crash_at_another_content_type_is_one_failure_and_the_status_is_not_passed() -> None:
    """It was two failures, and IV-OP-MULTIPART-STATUS passed although its requests were answered 500."""
    run = run_of("other-body-crashes")
    assert set(verdicts(run, "fail", "warn")) == {"IV-OP-MULTIPART"}
    assert "IV-OP-MULTIPART-STATUS" not in verdicts(run, "pass")


@pytest.mark.parametrize("quirk", ["options-200", "options-204"])
def test_options_may_be_answered(quirk: str) -> None:
    """IV-OP-METHOD was failed for a 200."""
    assert set(verdicts(judged(quirky([quirk], api_key=KEY)), "fail", "warn")) == set()
