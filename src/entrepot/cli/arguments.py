"""How commands read their arguments: argparse, with our exit codes and the settings' own table of options."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import NoReturn

from entrepot.client.client_errors import UsageError
from entrepot.settings.environment import environment
from entrepot.settings.options import OPTIONS
from entrepot.settings.settings import Settings


class Parser(argparse.ArgumentParser):
    """An argument parser that raises instead of ending the process."""

    def __init__(self, command: str, description: str) -> None:
        super().__init__(
            prog=f"entrepot {command}",
            description=description,
            allow_abbrev=False,
            formatter_class=_Paragraphs,
        )

    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message}. See `{self.prog} --help`.")


class _Paragraphs(argparse.HelpFormatter):
    """Wraps a description to the terminal's width, and keeps its empty lines."""

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        paragraphs = text.split("\n\n")
        return "\n\n".join(super(_Paragraphs, self)._fill_text(one, width, indent) for one in paragraphs)


def add_settings(parser: argparse.ArgumentParser, names: Sequence[str] | None = None) -> None:
    """Adds the options of these settings, or of all that have one."""
    group = parser.add_argument_group("settings, each also as an environment variable")
    for option in OPTIONS:
        if option.on_command_line and (names is None or option.name in names):
            text = f"{option.help} [{', then '.join(option.variables)}; default: {option.default}]"
            text = text.replace("%", "%%")
            if option.is_switch:
                group.add_argument(
                    option.flag, dest=option.name, action="store_const", const="true", help=text
                )
            else:
                group.add_argument(option.flag, dest=option.name, metavar=option.metavar, help=text)


def settings_of(options: argparse.Namespace) -> Settings:
    """Reads settings from the command line and the environment. Raises `ConfigurationError`."""
    return Settings.load(vars(options), environment())
