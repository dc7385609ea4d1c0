"""The options that choose the contract of a command: a profile, and single declarations."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from ..contract import profile as profiles
from ..contract.document import Contract, load
from ..contract.effective import apply
from ..contract.profile import ProfileError
from .errors import CommandError

_NONE = "none"


def contract_options(*, finds_profile: bool = False) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Add the options --profile, --model and --set to a command, which gets the contract that they choose.

    Without --profile and if `finds_profile`, the profile is that of the working folder, if that has one.
    """

    default = f" By default, that of {profiles.FOUND_FILE} or pyproject.toml here." if finds_profile else ""

    def add(command: Callable[..., Any]) -> Callable[..., Any]:
        @click.option("--profile", "profile_name", metavar="NAME|FILE",
                      help="What the server does differently on purpose: a ready-made profile (see 'image-variations "
                      f"profiles') or a TOML file; '{_NONE}' for none.{default}")  # fmt: skip
        @click.option("--model", "model_names", multiple=True, metavar="NAME",
                      help="A model of the server, as key models of a profile; repeatable.")  # fmt: skip
        @click.option("--set", "settings", multiple=True, metavar="KEY=VALUE",
                      help="Declare one key of a profile, with its value in TOML; repeatable.")  # fmt: skip
        @functools.wraps(command)
        def with_contract(
            *arguments: Any,
            profile_name: str | None,
            model_names: tuple[str, ...],
            settings: tuple[str, ...],
            **options: Any,
        ) -> Any:
            folder = Path.cwd() if finds_profile else None
            contract = _read_contract(profile_name, model_names, settings, folder)
            return command(*arguments, contract=contract, **options)

        return with_contract

    return add


def show_profile(contract: Contract) -> None:
    """Say on standard error what a contract is changed by, and where that is declared."""
    keys = dict.fromkeys(f"{change.key} ({change.source})" for change in contract.changes)
    if keys:
        click.echo(f"By the profile {contract.profile}: {', '.join(keys)}", err=True)


def _read_contract(
    profile_name: str | None, model_names: tuple[str, ...], settings: tuple[str, ...], folder: Path | None
) -> Contract:
    """Return the contract that the options choose. Raises CommandError."""
    try:
        profile = None
        if profile_name is not None and profile_name != _NONE:
            profile = profiles.read(profile_name)
        elif profile_name is None and folder is not None:
            profile = profiles.find(folder)
        declared = [_split(setting) for setting in settings]
        if model_names:
            declared.append(("models", list(dict.fromkeys(model_names)), "--model"))
        for key, value, place in declared:
            profile = (profile or profiles.EMPTY).with_declared(key, value, place)
        return load() if profile is None else apply(load(), profile)
    except ProfileError as error:
        raise CommandError(str(error)) from error


def _split(setting: str) -> tuple[str, Any, str]:
    key, equals, text = setting.partition("=")
    if not equals:
        raise CommandError(f"--set: expected KEY=VALUE, such as max_n=4, got {setting!r}")
    return key.strip(), profiles.parse_value(text.strip()), "--set"
