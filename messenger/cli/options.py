"""The settings as options, where a person would type them: from the one table of settings."""

from collections.abc import Callable
from typing import Any, TypeVar

import click

from messenger.settings import SETTINGS, Settings, load

_Command = TypeVar("_Command", bound=Callable[..., Any])

STORE = ("store_url", "data_dir")


def settings_options(*names: str) -> Callable[[_Command], _Command]:
    """Gives a command an option for each named setting; load_settings turns them into Settings."""
    chosen = [setting for setting in SETTINGS if setting.name in names]

    def decorate(command: _Command) -> _Command:
        for setting in reversed(chosen):
            option = "--" + setting.name.replace("_", "-")
            text = f"{setting.help} ({setting.variable}; {setting.default or 'empty'})"
            command = click.option(option, setting.name, metavar="VALUE", help=text)(command)
        return command

    return decorate


def load_settings(given: dict[str, str | None]) -> Settings:
    return load(given)


def json_option(command: _Command) -> _Command:
    return click.option("--json", "as_json", is_flag=True, help="Print JSON, a line each.")(command)
