"""Types of command-line arguments. No error message quotes a value that may be a secret."""

from __future__ import annotations

import math
import re

import click
from attrs import field, frozen

from ..wire.exchange import Headers

KEY_VARIABLES = ("IMAGE_VARIATIONS_API_KEY", "OPENAI_API_KEY")
# RFC 9110, section 5.6.2.
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
# Headers that say how the request is framed or where it goes. The suite writes them, and breaks them on purpose.
_FRAMING = frozenset(
    {
        "connection",
        "content-length",
        "content-type",
        "expect",
        "host",
        "keep-alive",
        "proxy-connection",
        "te",
        "trailer",
    }
    | {"transfer-encoding", "upgrade"}
)
_MOST_SECONDS = 86_400.0


class Seconds(click.ParamType[float]):
    """A number of seconds, up to a day; `positive` excludes 0."""

    name = "seconds"

    def __init__(self, *, positive: bool) -> None:
        self.positive = positive

    def convert(self, value: str | float, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Return the number."""
        try:
            seconds = float(value)
        except ValueError:
            seconds = math.nan
        if not 0 <= seconds <= _MOST_SECONDS or (self.positive and seconds == 0):
            least = "more than 0" if self.positive else "0 or more"
            self.fail(
                f"expected a number of seconds, {least} and at most {_MOST_SECONDS:.0f}, got {value!r}", param, ctx
            )
        return seconds


@frozen
class ApiKey:
    """The API key of a run, and its source as the first line of the run names it."""

    value: str | None = field(default=None, repr=False)
    source: str = "no key"


def read_key(option: str | None, environment: dict[str, str] | None) -> ApiKey:
    """Return the key that `--api-key` or else the first of KEY_VARIABLES in the environment has.

    Raises click.UsageError where one of them is set and is no key.
    """
    if option is not None:
        return ApiKey(_checked_key(option, "--api-key"), "key from --api-key")
    for name in KEY_VARIABLES:
        if name in (environment or {}):
            return ApiKey(_checked_key((environment or {})[name], name), f"key from {name}")
    return ApiKey()


def _checked_key(key: str, source: str) -> str:
    if not key:
        raise click.UsageError(f"{source} is empty. Give a key, or leave it out to test a server without one.")
    if not re.fullmatch(r"[!-~]+", key):
        raise click.UsageError(
            f"{source} is not an API key: expected printable ASCII characters without spaces or line breaks."
        )
    return key


def read_headers(_: click.Context, __: click.Parameter, values: tuple[str, ...]) -> Headers:
    """Return the headers that the values of `--header` stand for. Raises click.BadParameter."""
    return tuple(map(_header, values))


def _header(text: str) -> tuple[str, str]:
    name, colon, value = text.partition(":")
    value = value.removeprefix(" ")
    if not colon or not _TOKEN.fullmatch(name):
        raise click.BadParameter("expected 'Name: value', with a name of letters, digits and hyphens before the colon")
    if name.lower() in _FRAMING:
        raise click.BadParameter(f"{name} cannot be set: the suite writes it, since it is part of what is tested")
    if not value:
        raise click.BadParameter(f"the value of {name} is empty")
    if value != value.strip() or not value.isprintable() or not value.isascii():
        raise click.BadParameter(
            f"the value of {name} must be printable ASCII, without line breaks and without spaces at its ends"
        )
    return name, value
