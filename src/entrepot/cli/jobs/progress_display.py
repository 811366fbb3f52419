"""Progress on standard error, for whatever takes a while: a live block on a terminal, plain lines elsewhere.

A terminal gets one line for each `ProgressLine`, drawn again in its place and cut to its width. A pipe, a
file, a dumb terminal (`TERM=dumb`) get a line when something changed, and no more than one every few seconds
unless a status changed. Nothing here ever fails because nobody can read it.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from enum import Enum
from typing import Self, TextIO

from entrepot.cli.jobs.progress_text import (
    Rate,
    bytes_of,
    cells,
    cut,
    duration_text,
    items_of,
    rate_text,
)
from entrepot.cli.terminal_text import printable
from entrepot.client.job_following import Counts

_LIVE_SECONDS = 0.1
_PLAIN_SECONDS = 5.0
_FULL_LABEL_CELLS = 40
_SHORT_LABEL_CELLS = 9
_WIDTH_ELSEWHERE = (80, 24)
_FIRST_TO_GO = ("detail", "rate", "items", "bytes", "left", "percent")  # when a window is narrow


class Severity(Enum):
    """How a status is to be taken: its colour on a terminal."""

    UNDER_WAY = ""
    GOOD = "32"
    BAD = "31"
    WARNING = "33"


@dataclass(frozen=True, slots=True)
class ProgressLine:
    """One thing under way. `label` names it; rates are measured for each label by itself."""

    label: str
    status: str
    counts: Counts | None = None
    severity: Severity = Severity.UNDER_WAY
    detail: str = ""
    noun: str = "assets"


@dataclass(slots=True)
class _Pace:
    items: Rate = field(default_factory=Rate)
    bytes: Rate = field(default_factory=Rate)

    def add(self, now: float, counts: Counts) -> None:
        self.items.add(now, counts.items_done)
        self.bytes.add(now, counts.bytes_done)

    def seconds_left(self, counts: Counts) -> float | None:
        """By whichever of items and bytes takes longer; None where it is unknown."""
        guesses = [
            self.items.seconds_for(counts.items - counts.items_done) if counts.items is not None else None,
            self.bytes.seconds_for(counts.bytes - counts.bytes_done) if counts.bytes is not None else None,
        ]
        return max((guess for guess in guesses if guess is not None), default=None)


class ProgressDisplay:
    """Shows lines of progress on one stream. May be used from several threads. Times are in seconds."""

    def __init__(
        self,
        stream: TextIO | None,
        *,
        live: bool,
        colour: bool = False,
        clock: Callable[[], float] = time.monotonic,
        size: Callable[[], tuple[int, int]] = lambda: _WIDTH_ELSEWHERE,
    ) -> None:
        """`live` redraws; `size` gives the terminal's columns and rows of now. No stream, nothing shown."""
        self._stream = stream
        self.is_live = live
        """Whether lines are drawn again in their place."""
        self._colour = colour
        self._clock = clock
        self._size = size
        self._lock = threading.Lock()
        self._paces: dict[str, _Pace] = {}
        self._lines: list[ProgressLine] = []
        self._drawn_cells: list[int] = []
        self._drawn_at = float("-inf")
        self._told: dict[str, tuple[ProgressLine, float]] = {}

    @classmethod
    def on(
        cls, stream: TextIO | None, environ: Mapping[str, str], *, clock: Callable[[], float] = time.monotonic
    ) -> Self:
        """Live on a terminal that can do it, in colour unless `NO_COLOR` is set; plain lines elsewhere."""
        live = stream is not None and _is_terminal(stream) and environ.get("TERM", "dumb") not in {"", "dumb"}
        colour = live and not environ.get("NO_COLOR")
        return cls(stream, live=live, colour=colour, clock=clock, size=lambda: _terminal_size(stream))

    def show(self, lines: Sequence[ProgressLine]) -> None:
        """Shows these lines and no others."""
        with self._lock:
            now = self._clock()
            for line in lines:
                if line.counts is not None:
                    self._paces.setdefault(line.label, _Pace()).add(now, line.counts)
            changed = _statuses(lines) != _statuses(self._lines)
            self._lines = list(lines)
            if not self.is_live:
                self._tell(now)
            elif changed or now - self._drawn_at >= _LIVE_SECONDS:
                self._draw(now)

    def note(self, text: str) -> None:
        """Prints a line that stays, above the live lines."""
        with self._lock:
            self._erase()
            self._write(f"{printable(text)}\n")
            if self.is_live:
                self._draw(self._clock())

    def close(self, *, keep: bool = True) -> None:
        """Draws the last state for good, or takes the live lines away. What is shown later starts anew."""
        with self._lock:
            if self.is_live and keep:
                self._draw(self._clock())
            elif self.is_live:
                self._erase()
            elif keep:
                self._tell(self._clock(), at_last=True)
            self._drawn_cells = []
            self._lines = []

    def _tell(self, now: float, *, at_last: bool = False) -> None:
        for line in self._lines:
            told, at = self._told.get(line.label, (None, float("-inf")))
            same_status = told is not None and told.status == line.status
            if line == told or (same_status and now - at < _PLAIN_SECONDS and not at_last):
                continue
            self._told[line.label] = line, now
            parts = [line.status, *self._parts(line, joint=" of ").values()]
            self._write(printable(f"{line.label}: {', '.join(parts)}") + "\n")

    def _draw(self, now: float) -> None:
        columns, rows = self._size()
        room = max(columns - 1, 10)
        shown, hidden = self._lines, 0
        if len(shown) > rows - 1:  # what scrolled out of the window could not be drawn again
            by_state = sorted(self._lines, key=lambda line: line.severity is not Severity.UNDER_WAY)
            shown = by_state[: max(rows - 2, 1)]
            hidden = len(self._lines) - len(shown)
        texts = [self._text(line, room) for line in shown]
        widths = [width for _, width in texts]
        drawn = [text for text, _ in texts]
        if hidden:
            drawn.append(f"and {hidden} more")
            widths.append(cells(drawn[-1]))
        self._erase(columns, "".join(f"{text}\n" for text in drawn))
        self._drawn_cells = widths
        self._drawn_at = now

    def _erase(self, columns: int | None = None, then: str = "") -> None:
        """Replaces what was drawn in one write, so that nothing flickers."""
        back = ""
        if self._drawn_cells:
            across = self._size()[0] if columns is None else columns
            # A window made narrower since then has wrapped the lines.
            rows = sum(max(1, -(-width // max(across, 1))) for width in self._drawn_cells)
            back = f"\x1b[{rows}A\r\x1b[J"
        self._drawn_cells = []
        if back or then:
            self._write(back + then)

    def _text(self, line: ProgressLine, room: int) -> tuple[str, int]:
        """The line in its colours, and its width: the richest form that fits."""
        label, ellipsis = printable(line.label), self._ellipsis()
        parts = {"status": line.status, "percent": _percent(line)} | self._parts(line, joint="/")
        texts = {name: printable(text) for name, text in parts.items() if text}
        short = cut(label, _SHORT_LABEL_CELLS, ellipsis)
        forms = [[cut(label, _FULL_LABEL_CELLS, ellipsis), *texts.values()], [short, *texts.values()]]
        for name in _FIRST_TO_GO:
            texts.pop(name, None)
            forms.append([short, *texts.values()])
        fitting = next((form for form in forms if cells("  ".join(form)) <= room), forms[-1])
        plain = "  ".join(fitting)
        text = cut(plain, room, ellipsis)
        if self._colour and line.severity.value and text == plain:
            status = f"\x1b[{line.severity.value}m{line.status}\x1b[0m"
            return "  ".join([fitting[0], status, *fitting[2:]]), cells(text)
        return text, cells(text)

    def _parts(self, line: ProgressLine, *, joint: str) -> dict[str, str]:
        """The further parts of a line by name, in the order in which they are shown."""
        parts: dict[str, str] = {}
        counts = line.counts
        if counts is not None:
            if counts.items is not None or counts.items_done:
                parts["items"] = items_of(counts.items_done, counts.items, line.noun, joint)
            if counts.bytes is not None or counts.bytes_done:
                parts["bytes"] = bytes_of(counts.bytes_done, counts.bytes, joint)
            pace = self._paces.get(line.label)
            if line.severity is Severity.UNDER_WAY and pace is not None:
                if pace.bytes.per_second:
                    parts["rate"] = rate_text(pace.bytes.per_second)
                left = pace.seconds_left(counts)
                if left:
                    parts["left"] = f"{duration_text(left)} left"
        if line.detail:
            parts["detail"] = line.detail
        return parts

    def _ellipsis(self) -> str:
        try:
            "…".encode(getattr(self._stream, "encoding", None) or "ascii")
        except (UnicodeEncodeError, LookupError):
            return "..."
        return "…"

    def _write(self, text: str) -> None:
        if self._stream is None:
            return
        try:
            self._stream.write(text)
            self._stream.flush()
        except (OSError, ValueError):  # closed, full, or read by nobody: the work itself goes on
            _drain(self._stream)
            self._stream = None


def _percent(line: ProgressLine) -> str:
    counts = line.counts
    if counts is None:
        return ""
    done, whole = (counts.bytes_done, counts.bytes) if counts.bytes else (counts.items_done, counts.items)
    return f"{min(done, whole) * 100 // whole:3d}%" if whole else ""


def _statuses(lines: Sequence[ProgressLine]) -> list[tuple[str, str]]:
    return [(line.label, line.status) for line in lines]


def _drain(stream: TextIO) -> None:
    """Redirects a broken stream to nowhere: Python flushes it at exit, and would fail there."""
    with suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)
        stream.flush()


def _is_terminal(stream: TextIO) -> bool:
    try:
        return stream.isatty()
    except ValueError:  # closed
        return False


def _terminal_size(stream: TextIO | None) -> tuple[int, int]:
    try:
        found = os.get_terminal_size(stream.fileno() if stream is not None else 2)
    except (OSError, ValueError):
        return _WIDTH_ELSEWHERE
    return (found.columns or _WIDTH_ELSEWHERE[0], found.lines or _WIDTH_ELSEWHERE[1])
