"""Reading `~/.aws/config`, `~/.aws/credentials` and files like them, as the AWS CLI reads them.

The format is that of Python's configparser, with three additions: a value that starts on the next line is a
section of its own, one level deep; in a config file profiles are called `[profile NAME]`, apart from
`[default]`; and beside profiles there are `[sso-session NAME]` and `[services NAME]`.
"""

from __future__ import annotations

import os.path

from entrepot.client.client_errors import ConfigFileInvalid

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    Value = str | dict[str, str]
    Section = dict[str, Value]
    Sections = dict[str, Section]


class ConfigFile:
    """What one config file says, by the kinds of its sections."""

    __slots__ = ("profiles", "services", "sso_sessions")

    def __init__(self, sections: Sections) -> None:
        self.profiles: Sections = {}
        self.sso_sessions: Sections = {}
        self.services: Sections = {}
        for title, section in sections.items():
            if title.startswith("profile"):
                self._put(self.profiles, title, section)
            elif title.startswith("sso-session"):
                self._put(self.sso_sessions, title, section)
            elif title.startswith("services"):
                self._put(self.services, title, section)
            elif title == "default":
                self.profiles[title] = section

    @staticmethod
    def _put(kind: Sections, title: str, section: Section) -> None:
        words = _words(title)
        if len(words) == 2:
            kind[words[1]] = section


def read_config(path: str) -> ConfigFile | None:
    """The config file at this path, or None where there is none.

    Raises ConfigFileInvalid.
    """
    sections = read_sections(path)
    return None if sections is None else ConfigFile(sections)


def read_sections(path: str) -> Sections | None:
    """The sections of a file as they are titled; None where there is none, {} where it may not be read.

    Raises ConfigFileInvalid: two sections or two keys of one name, a line outside any section, a byte that is
    no text.
    """
    if not os.path.isfile(path):  # noqa: PTH113 - pathlib costs 5 ms of start
        return None
    # Two milliseconds, and most containers have no such file.
    import configparser

    parser = configparser.RawConfigParser()
    try:
        parser.read([path])
        return {
            title: {key: _value(parser.get(title, key)) for key in parser.options(title)}
            for title in parser.sections()
        }
    except (configparser.Error, ValueError) as error:
        raise ConfigFileInvalid(path) from error


def expand(path: str, environ: Mapping[str, str]) -> str:
    """The path with `$NAME`, `${NAME}` and a leading `~` replaced; what is not set stays as it is."""
    return expand_home(_with_variables(path, environ) if "$" in path else path, environ)


def expand_home(path: str, environ: Mapping[str, str]) -> str:
    """The path with a leading `~` replaced."""
    if path.startswith("~"):
        if "HOME" in environ and (path == "~" or path.startswith("~/")):
            return environ["HOME"].rstrip("/") + path[1:] or "/"
        return os.path.expanduser(path)  # noqa: PTH111 - as above
    return path


def _value(text: str) -> Value:
    """The value, or the section in it. Raises ValueError where a line of that has no `=`."""
    if not text.startswith("\n"):
        return text
    inner: dict[str, str] = {}
    for line in text.splitlines():
        if line.strip():
            key, value = line.strip().split("=", 1)
            inner[key.strip()] = value.strip()
    return inner


def _words(title: str) -> list[str]:
    """The title as a shell would split it; no words at all where it could not."""
    if title.isascii() and title.isprintable() and not any(quote in title for quote in "'\"\\"):
        return title.split()
    import shlex

    try:
        return shlex.split(title)
    except ValueError:
        return []


def _with_variables(path: str, environ: Mapping[str, str]) -> str:
    import re

    def value(found: re.Match[str]) -> str:
        return environ.get(found[1].strip("{}"), found[0])

    return re.sub(r"\$([A-Za-z0-9_]+|\{[^}]*\})", value, path)
