"""Puts a page in front of a reader: through the pager on a terminal, plainly where it is piped."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Mapping

from entrepot.cli.aws.help.page import Page
from entrepot.client.client_errors import ClientError

_WIDEST = 80
_NARROWEST = 40


def show(page: Page, environ: Mapping[str, str], *, paged: bool = True) -> None:
    """Prints the page, at most 80 columns wide; never through a pager unless it is `paged`.

    On a terminal, names are bold and the pager is the one that answers go through; a pager that cannot be
    started is no reason to withhold help, so the page is then printed without it.
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
