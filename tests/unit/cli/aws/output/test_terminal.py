"""What a terminal on standard output changes."""

from __future__ import annotations

import fcntl
import os
import pty
import struct
import subprocess
import sys
import termios
from pathlib import Path

import pytest

from entrepot.cli.aws.output.terminal import on_terminal, terminal_width

_PROGRAM = """
import sys
from entrepot.cli.aws.output.terminal import Pager
from entrepot.cli.aws.output.writer import write
answer = {"Arn": "arn:aws:dataexchange", "Id": "x" * 20}
pager = Pager(sys.argv[1], {"PATH": sys.argv[2]})
write([answer], operation_name="GetJob", output_format="table", pager=pager)
"""
_ACROSS = ["|  arn:aws:dataexchange |  xxxxxxxxxxxxxxxxxxxx  |"]
_DOWN = ["|  Arn|  arn:aws:dataexchange   |", "|  Id |  xxxxxxxxxxxxxxxxxxxx   |"]


def shown_on_terminal(columns: int, pager: str = "") -> str:
    """What a table looks like to somebody with so many columns."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    with os.fdopen(ours, "rb", buffering=0) as screen:
        arguments = [sys.executable, "-c", _PROGRAM, pager, os.environ["PATH"]]
        process = subprocess.Popen(arguments, stdin=subprocess.DEVNULL, stdout=theirs)
        os.close(theirs)
        seen = b""
        try:
            while part := screen.read(65536):
                seen += part
        except OSError:
            pass  # how Linux says that the other side of a terminal is gone
        assert process.wait() == 0
    return seen.decode().replace("\r\n", "\n")


def uncoloured(text: str) -> str:
    for code in ("\x1b[0m", "\x1b[1m", "\x1b[34m", "\x1b[2m", "\x1b[33m"):
        text = text.replace(code, "")
    return text


@pytest.mark.parametrize(("columns", "rows"), [(200, _ACROSS), (40, _DOWN), (0, _DOWN)])
def test_a_table_fits_the_terminal_where_it_can(columns: int, rows: list[str]) -> None:
    lines = uncoloured(shown_on_terminal(columns)).splitlines()
    assert [line for line in lines if "x" * 20 in line or "arn" in line] == rows


def test_colours_are_on_and_end_with_the_output() -> None:
    shown = shown_on_terminal(200)
    assert "\x1b[1m\x1b[34m" + "x" * 20 + "\x1b[0m" in shown
    assert shown.endswith("\n\x1b[0m\x1b[0m")


def test_a_pager_gets_the_colours_and_the_terminal_the_last_reset() -> None:
    shown = shown_on_terminal(200, "sed s/^/P:/")
    assert shown.startswith("P:-----")
    assert "\x1b[1m\x1b[34m" in shown
    assert shown.endswith("+\n\x1b[0m")


def test_without_a_terminal_there_are_80_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    with Path(os.devnull).open("w") as nowhere:
        monkeypatch.setattr(sys, "stdout", nowhere)
        assert terminal_width() == 80
        assert not on_terminal()
    assert not on_terminal()  # closed by now
    monkeypatch.setattr(sys, "stdout", None)
    assert terminal_width() == 80
    assert not on_terminal()
