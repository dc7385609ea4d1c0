"""Invalid arguments are refused with the name of the argument before a byte is sent, unless `preflight` is off."""

import io
import struct
from contextlib import ExitStack
from decimal import Decimal
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from client.driving import Driver, outcome
from client.recorder import Recorder
from client.subject import MODULES, image_variations
from client.uploads import KINDS, SIGNATURE, head, image
from hypothesis import example, given
from hypothesis import strategies as st
from image_variations_conformance.cases.png_strategies import pngs
from image_variations_conformance.media import png

preflight: Any = MODULES["image_variations._preflight"]
InvalidRequestError = image_variations.InvalidRequestError
TOO_LARGE = 4_194_304
NOT_PNGS = {
    "jpeg": b"\xff\xd8\xff\xe0\0\x10JFIF\0" + bytes(100),
    "gif": b"GIF89a\x01\0\x01\0" + bytes(100),
    "webp": b"RIFF\x64\0\0\0WEBPVP8 " + bytes(100),
    "text": b"a path perhaps",
    "empty": b"",
    "one byte": b"\x89",
    "signature": SIGNATURE,
    "half a header chunk": head()[:20],
    "no header": SIGNATURE + b"\0\0\0\x0dtEXt" + bytes(20),
    "png as text": SIGNATURE.replace(b"\r\n", b"\n") + head()[8:],
}


def refusal(driver: Driver, recorder: Recorder, param: str, **arguments: Any) -> str:
    """Check that all three ways to call refuse this argument and send nothing. Return the error message."""
    recorder.expect()
    before = recorder.connections
    for call in (driver.call, driver.plain, driver.detailed, driver.raw):
        with pytest.raises(InvalidRequestError) as caught:
            call(**{"image": image(), **arguments})
        assert caught.value.param == param
        assert param in str(caught.value)
        assert len(str(caught.value)) < 400
    assert recorder.received == []
    assert recorder.connections == before
    return str(caught.value)


def sent(driver: Driver, recorder: Recorder, **arguments: Any) -> dict[str | None, bytes]:
    """Return the contents of the parts that a call sends, by their names."""
    recorder.expect()
    driver.call(**{"image": image(), **arguments})
    return {name: part.content for name, part in recorder.only().parts().items()}


@pytest.fixture(scope="module")
def unchecked(driver: Driver) -> Driver:
    return driver.copy(preflight=False)


# --- the image


@pytest.mark.parametrize("content", NOT_PNGS.values(), ids=NOT_PNGS)
def test_an_image_that_is_not_a_png_is_refused(
    driver: Driver, unchecked: Driver, recorder: Recorder, tmp_path: Path, content: bytes
) -> None:
    for kind in KINDS:
        with ExitStack() as stack:
            recorder.expect()
            with pytest.raises(InvalidRequestError) as caught:
                driver.call(image=KINDS[kind](content, tmp_path, stack).argument)
            assert caught.value.param == "image"
            assert recorder.received == []
    refusal(driver, recorder, "image", image=content)
    assert sent(unchecked, recorder, image=content)["image"] == content


@given(content=st.binary(max_size=40))
def test_arbitrary_short_bytes_are_refused_as_an_image(driver: Driver, recorder: Recorder, content: bytes) -> None:
    refusal(driver, recorder, "image", image=content)


@given(content=pngs(max_side=16))
def test_any_square_png_is_sent(driver: Driver, recorder: Recorder, content: bytes) -> None:
    assert sent(driver, recorder, image=content) == {"image": content}


@given(width=st.integers(1, 2**31 - 1), height=st.integers(1, 2**31 - 1))
def test_an_image_that_is_not_square_is_refused(
    driver: Driver, unchecked: Driver, recorder: Recorder, width: int, height: int
) -> None:
    for other_height in {height, width + 1, width - 1} - {width, 0}:
        message = refusal(driver, recorder, "image", image=head(width, other_height))
        assert str(width) in message
        assert str(other_height) in message
    assert sent(driver, recorder, image=head(width, width)) == {"image": head(width, width)}
    assert sent(unchecked, recorder, image=head(width, width + 1)) == {"image": head(width, width + 1)}


def test_an_image_that_is_too_large_is_refused(
    driver: Driver, unchecked: Driver, recorder: Recorder, tmp_path: Path
) -> None:
    for kind in ("bytes", "path", "open-file", "bytes-io-at-the-end", "pipe", "reader"):
        with ExitStack() as stack:
            recorder.expect()
            with pytest.raises(InvalidRequestError) as caught:
                driver.call(image=KINDS[kind](image(TOO_LARGE), tmp_path, stack).argument)
            assert caught.value.param == "image"
            assert recorder.received == []
    assert "must have less than 4194304 bytes" in refusal(driver, recorder, "image", image=image(TOO_LARGE))
    assert sent(unchecked, recorder, image=image(TOO_LARGE))["image"] == image(TOO_LARGE)


def test_an_image_of_the_largest_allowed_size_is_sent(driver: Driver, recorder: Recorder) -> None:
    assert sent(driver, recorder, image=image(TOO_LARGE - 1))["image"] == image(TOO_LARGE - 1)


def test_an_endless_file_is_refused_and_not_read_forever(driver: Driver, recorder: Recorder) -> None:
    class Endless:
        bytes_read = 0

        def read(self, size: int = -1, /) -> bytes:
            self.bytes_read += max(size, 1 << 16)
            assert self.bytes_read < 64 << 20
            return bytes(max(size, 1 << 16)) if self.bytes_read > 1 << 16 else (head() + bytes(size))[:size]

    refusal(driver, recorder, "image", image=Endless())


class Failing(io.RawIOBase):
    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int:  # noqa: ARG002 - the signature of a file
        raise OSError(5, "Input/output error")


class Surprising:
    def __init__(self, result: Any) -> None:
        self._result = result

    def read(self, size: int = -1, /) -> Any:  # noqa: ARG002 - the signature of a file
        return self._result


def closed_file() -> io.BytesIO:
    file = io.BytesIO(image())
    file.close()
    return file


UNREADABLE: dict[str, Any] = {
    "missing file": "/nonexistent/a.png",
    "missing path": Path("/nonexistent/a.png"),
    "folder": "/",
    "invalid path": "\0",
    "empty path": "",
    "text file": io.StringIO("a text"),
    "empty text file": io.StringIO(""),
    "closed file": closed_file(),
    "failing file": Failing(),
    "file that returns None": Surprising(None),
    "file that returns a number": Surprising(7),
    "number": 7,
    "list": [image()],
    "list of two": [image(), image()],
    "empty list": [],
    "dict": {"content": image()},
    "object": object(),
    "empty tuple": (),
    "tuple of one": (image(),),
    "tuple of four": ("a", image(), "image/png", {}),
    "tuple with a number as name": (7, image()),
    "tuple without content": ("a.png", None),
    "tuple in a tuple": ("a.png", ("b.png", image())),
    "content type that is not a text": ("a.png", image(), 7),
    "file opened for writing": None,
}


@pytest.mark.parametrize("unreadable", UNREADABLE)
def test_an_unreadable_image_is_refused_with_and_without_preflight(
    driver: Driver, unchecked: Driver, recorder: Recorder, tmp_path: Path, unreadable: str
) -> None:
    argument = UNREADABLE[unreadable]
    with (tmp_path / "out").open("wb") as write_file:
        argument = write_file if unreadable == "file opened for writing" else argument
        for client in (driver, unchecked):
            message = refusal(client, recorder, "image", image=argument)
            assert "PNG" not in message.replace("image/png", "").replace(".png", "")


def test_a_file_opened_as_text_is_refused_with_a_hint_to_open_it_as_binary(
    driver: Driver, recorder: Recorder, tmp_path: Path
) -> None:
    (tmp_path / "a.png").write_bytes(b"a")
    with (tmp_path / "a.png").open() as file:
        assert "rb" in refusal(driver, recorder, "image", image=file)


def test_a_missing_file_is_refused_with_the_reason(driver: Driver, recorder: Recorder) -> None:
    assert "No such file" in refusal(driver, recorder, "image", image="/nonexistent/a.png")


def test_an_image_of_none_is_left_out_without_preflight(unchecked: Driver, recorder: Recorder) -> None:
    assert sent(unchecked, recorder, image=None, n=1) == {"n": b"1"}


# --- the other arguments


@pytest.mark.parametrize("n", [0, 11, -1, 10**30, True, False, 1.5, 1.0, "1", "", [1], float("nan")], ids=repr)
def test_an_invalid_n_is_refused(driver: Driver, recorder: Recorder, n: Any) -> None:
    refusal(driver, recorder, "n", n=n)


@given(n=st.integers().filter(lambda n: not 1 <= n <= 10))
def test_an_n_out_of_bounds_is_refused_and_sent_without_preflight(
    driver: Driver, unchecked: Driver, recorder: Recorder, n: int
) -> None:
    refusal(driver, recorder, "n", n=n)
    assert sent(unchecked, recorder, n=n)["n"] == str(n).encode()


ENUMS = {
    "response_format": ["url", "b64_json"],
    "size": ["256x256", "512x512", "1024x1024"],
}


@pytest.mark.slow
@given(name=st.sampled_from(sorted(ENUMS)), text=st.text(max_size=12))
def test_an_unknown_enum_value_is_refused_with_the_valid_values_and_sent_without_preflight(
    driver: Driver, unchecked: Driver, recorder: Recorder, name: str, text: str
) -> None:
    similar = {text, *(f"{word}{text}" for word in ENUMS[name]), *(word.upper() for word in ENUMS[name])}
    for value in sorted(similar - set(ENUMS[name])):
        assert all(word in refusal(driver, recorder, name, **{name: value}) for word in ENUMS[name])
        assert sent(unchecked, recorder, **{name: value})[name] == value.encode()


@pytest.mark.parametrize("name", ENUMS)
@pytest.mark.parametrize("value", [256, True], ids=repr)
def test_a_number_as_enum_value_is_refused(driver: Driver, recorder: Recorder, name: str, value: Any) -> None:
    refusal(driver, recorder, name, **{name: value})


@pytest.mark.parametrize("name", [*ENUMS, "model", "user"])
@pytest.mark.parametrize(
    "value",
    [b"256x256", ["256x256"], ["a", "b"], [], {"a": "b"}, object()],
    ids=["bytes", "list", "list of two", "empty list", "dict", "object"],
)
def test_a_text_argument_of_another_type_is_refused(driver: Driver, recorder: Recorder, name: str, value: Any) -> None:
    refusal(driver, recorder, name, **{name: value})


def test_an_n_of_thousands_of_digits_is_refused_with_and_without_preflight(
    driver: Driver, unchecked: Driver, recorder: Recorder
) -> None:
    for n in (10**5000, -(10**5000)):
        for client in (driver, unchecked):
            refusal(client, recorder, "n", n=n)


_FLOATS = st.floats(allow_nan=False, allow_infinity=False)
_INTEGERS = st.integers() | st.integers(1, 400).map(lambda digits: 10**digits)
_DECIMALS = st.builds(lambda digits, places: digits / 10**places, st.integers(-(10**6), 10**6), st.integers(0, 6))
_STEPS = st.sampled_from([0.1, 0.01, 0.25, 0.3, 1e-7, 1, 3, 7.5, 10, 1e-300, 1e300])


@given(value=_DECIMALS | _INTEGERS | _FLOATS | st.sampled_from([0.3, -0.0, 1e308, 5e-324, 4.35]), step=_STEPS)
@example(value=0.3, step=0.1)
@example(value=1e308, step=0.1)
@example(value=10**400, step=0.1)
def test_a_number_is_a_multiple_exactly_if_an_independent_validator_says_so(value: float, step: float) -> None:
    expected = jsonschema_rs.is_valid({"multipleOf": step}, value)
    result = outcome(lambda: preflight.number("strength", value, step=step))
    assert (result is None) == expected
    if result is not None:
        assert isinstance(result, InvalidRequestError)
        assert f"a multiple of {step}" in str(result)


@given(numerator=st.integers(-(10**9), 10**9), step=_STEPS)
def test_every_multiple_is_accepted_and_half_a_step_beside_it_is_refused(numerator: int, step: float) -> None:
    exact = Decimal(repr(step)) * numerator
    value = float(exact)
    if Decimal(repr(value)) == exact:
        preflight.number("strength", value, step=step)
    beside = float(exact + Decimal(repr(step)) / 2)
    if Decimal(repr(beside)) == exact + Decimal(repr(step)) / 2:
        with pytest.raises(InvalidRequestError):
            preflight.number("strength", beside, step=step)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")], ids=repr)
@pytest.mark.parametrize("bounds", [{}, {"step": 0.1}, {"minimum": 0}, {"maximum": 0}])
def test_a_number_that_json_does_not_have_is_refused(value: float, bounds: dict[str, float]) -> None:
    with pytest.raises(InvalidRequestError, match="must be a finite number") as caught:
        preflight.number("strength", value, **bounds)
    assert caught.value.param == "strength"


def test_an_unknown_model_is_sent(driver: Driver, recorder: Recorder) -> None:
    """Compatible servers have models that the contract does not list."""
    assert sent(driver, recorder, model="stable-diffusion")["model"] == b"stable-diffusion"


def test_every_n_and_enum_value_of_the_contract_is_sent(driver: Driver, recorder: Recorder) -> None:
    for n in range(1, 11):
        assert sent(driver, recorder, n=n)["n"] == str(n).encode()
    for name, values in ENUMS.items():
        for value in values:
            assert sent(driver, recorder, **{name: value})[name] == value.encode()


def test_an_image_is_checked_by_its_bytes_and_not_by_its_name_or_content_type(
    driver: Driver, recorder: Recorder
) -> None:
    refusal(driver, recorder, "image", image=("a.webp", NOT_PNGS["webp"], "image/webp"))
    refusal(driver, recorder, "image", image=("a.png", NOT_PNGS["webp"], "image/png"))
    assert sent(driver, recorder, image=("a.webp", image(), "image/webp"))["image"] == image()


def test_the_heads_in_these_tests_are_valid_beginnings_of_pngs() -> None:
    whole = head(5, 5) + png.chunk(b"IDAT", __import__("zlib").compress(bytes(5 * 21))) + png.chunk(b"IEND", b"")
    assert (png.inspect(whole).width, png.inspect(whole).height) == (5, 5)
    assert struct.unpack(">II", head(3, 4)[16:24]) == (3, 4)
