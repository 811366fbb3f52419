"""`entrepot help`, `entrepot help <command>`, `entrepot help topics`, and the help of a single operation."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Mapping

from entrepot.cli.aws.help.page import Block, Lines, Page, Paragraph
from entrepot.cli.aws.help.texts import TOPICS, Topic, find_topic, operation_texts
from entrepot.cli.commands import COMMANDS, own_command
from entrepot.cli.exit_codes import SUCCESS, USAGE
from entrepot.client.client_errors import ClientError, UsageError
from entrepot.settings.environment import environment

_WIDEST = 80
_NARROWEST = 40


def show(page: Page, environ: Mapping[str, str], *, paged: bool = True) -> None:
    """Prints the page, at most 80 columns wide; on a terminal through the pager if `paged`.

    Where the pager cannot be started, the page is printed without it.
    """
    if not sys.stdout.isatty():
        sys.stdout.write(page.render(_WIDEST, bold=False))
        return
    bold = not environ.get("NO_COLOR") and environ.get("TERM") != "dumb"
    text = page.render(_terminal_width(), bold=bold)
    command = _pager_command(environ) if paged else ""
    if not command or not _paged(text, command, environ):
        sys.stdout.write(text)


def _paged(text: str, command: str, environ: Mapping[str, str]) -> bool:
    from entrepot.cli.aws.output.terminal import Pager

    sys.stdout.flush()
    pager = Pager(command, environ)
    try:
        pager.open()
        with contextlib.suppress(BrokenPipeError):  # whoever has read enough may leave
            pager.write(text)
            pager.close()
    except (ClientError, OSError, ValueError):
        return False
    return True


def _pager_command(environ: Mapping[str, str]) -> str:
    from entrepot.client.configuration import Configuration

    try:
        return Configuration(environ).pager()
    except ClientError:
        # Help is shown however broken the configuration is: it may be what help is wanted for.
        return environ.get("AWS_PAGER", environ.get("PAGER", "less"))


def _terminal_width() -> int:
    try:
        columns = os.get_terminal_size(sys.stdout.fileno()).columns
    except (OSError, ValueError):
        return _WIDEST
    return max(_NARROWEST, min(_WIDEST, columns)) if columns else _WIDEST


_TOPICS = "topics"
_SERVICE = "dataexchange"
"""Whoever types what the AWS CLI takes is understood."""


def run(arguments: list[str]) -> int:
    """Shows help for a command, an operation, a topic, or all. Raises `UsageError` for any other word."""
    words = [word for word in arguments if word != _SERVICE]
    if not words or words[0] in {"--help", "-h", "help"}:
        return introduce(asked=True)
    word = words[0]
    if word == _TOPICS:
        page = Page()
        page.section("TOPICS", [_topics()])
        page.section("HOW TO READ THEM", [Lines(("entrepot help <topic>",))])
        show(page, environment())
        return SUCCESS
    topic, command = find_topic(word), own_command(word)
    if topic is not None:
        show(_topic_page(topic), environment())
        return SUCCESS
    if command is not None:
        from importlib import import_module

        status: int = import_module(command.module).run(["--help"])
        return status
    if word in {text.name for text in operation_texts()}:
        return show_operation_help(word)
    raise _unknown(word)


def introduce(*, asked: bool) -> int:
    """Lists every command and operation; where nobody asked, on standard error, as a usage error (252)."""
    if asked:
        show(introduction(), environment())
        return SUCCESS
    print(introduction().render(80, bold=False), end="", file=sys.stderr)
    return USAGE


def show_operation_help(command: str, *, paged: bool = True) -> int:
    """Shows the help page of an operation, on a terminal through the pager if `paged`. Raises `KeyError`."""
    from entrepot.cli.aws.help.operation_page import operation_page
    from entrepot.client.command_line_model import load_operation
    from entrepot.model.document import read_document

    show(operation_page(load_operation(command), read_document()), environment(), paged=paged)
    return SUCCESS


def introduction() -> Page:
    page = Page()
    page.section(
        "ENTREPOT",
        [
            Paragraph("A self-hosted data exchange that speaks the AWS Data Exchange API."),
            Lines(
                (
                    "entrepot <command> [options]",
                    "entrepot <operation> [options]    as aws dataexchange takes them",
                    "entrepot help <command, operation or topic>",
                )
            ),
        ],
    )
    commands = [(command.group, command.name, command.help) for command in COMMANDS if command.group]
    page.section("COMMANDS", _grouped(commands))
    operations = [(text.group.lower(), text.name, text.summary) for text in operation_texts()]
    page.section("OPERATIONS OF THE API", _grouped(operations))
    page.section("TOPICS", [_topics()])
    return page


def _grouped(rows: list[tuple[str, str, str]]) -> list[Block]:
    """One table for each group of rows of group, name and words."""
    return [
        Lines((group, *_columns([(name, words) for of, name, words in rows if of == group])))
        for group in dict.fromkeys(group for group, _, _ in rows)
    ]


def _topics() -> Lines:
    return Lines(_columns([(topic.name, topic.summary) for topic in TOPICS]))


def _columns(rows: list[tuple[str, str]]) -> tuple[str, ...]:
    width = max(len(name) for name, _ in rows)
    return tuple(f"  {name:{width}}  {words}" for name, words in rows)


def _topic_page(topic: Topic) -> Page:
    page = topic.page()
    command = own_command(topic.name)
    if command is not None:
        page.section("THE COMMAND", [Paragraph(f"{command.help}: see entrepot {command.name} --help.")])
    return page


def _unknown(word: str) -> UsageError:
    from difflib import get_close_matches

    known = [command.name for command in COMMANDS if command.group]
    known += [text.name for text in operation_texts()] + [topic.name for topic in TOPICS]
    close = get_close_matches(word, known, n=1)
    hint = f"Did you mean `entrepot help {close[0]}`?" if close else "`entrepot help` lists everything."
    return UsageError(f"{word!r} is neither a command nor an operation nor a topic. {hint}")
