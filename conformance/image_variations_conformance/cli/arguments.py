"""Types of command-line arguments. No error message quotes a value that may be a secret."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from typing import Any

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


def read_key(option: str | None, environment: Mapping[str, str], headers: Headers) -> ApiKey:
    """Return the key that `--api-key` or else the first of KEY_VARIABLES in the environment has.

    Raises click.UsageError where one of them is set and is no key, or stands beside a header for it.
    """
    found = {"--api-key": option} | {name: environment.get(name) for name in KEY_VARIABLES}
    key = ApiKey()
    for source, value in found.items():
        if value is not None:
            key = ApiKey(checked_key(value, source), f"key from {source}")
            break
    if key.value is not None and any(name.lower() == "authorization" for name, _ in headers):
        raise click.UsageError(f"Authorization cannot be set beside the API key: {key.source}")
    return key


def checked_key(key: str, source: str) -> str:
    """Return a key as it came from `source`. Raises click.UsageError if it is none."""
    if not key:
        raise click.UsageError(f"{source} is empty. Give a key, or leave it out.")
    if not re.fullmatch(r"[!-~]+", key):
        raise click.UsageError(
            f"{source} is not an API key: expected printable ASCII characters without spaces or line breaks."
        )
    return key


def target_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that say how a server is spoken to: --api-key, --header and --timeout."""
    for option in (
        click.option("--timeout", type=Seconds(positive=True), default=60.0, show_default=True,
                     help="Seconds for one request and its response."),
        click.option("--header", "headers", multiple=True, metavar="HEADER", callback=read_headers,
                     help="A header for every request: 'Name: value'; repeatable."),
        click.option("--api-key", help="The API key. By default that of IMAGE_VARIATIONS_API_KEY, or else of "
                     "OPENAI_API_KEY. Without one, no key is sent and no requirement about keys is tested."),
    ):  # fmt: skip
        command = option(command)
    return command


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
