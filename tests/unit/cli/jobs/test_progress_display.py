"""Progress: what a terminal shows after every redraw, and what a log gets."""

from __future__ import annotations

import io
import os
import pty
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from entrepot.cli.jobs.progress_display import ProgressDisplay, ProgressLine, Severity
from entrepot.cli.jobs.progress_text import Rate, bytes_of, cells, cut, duration_text, size_text
from entrepot.cli.terminal_text import printable
from entrepot.client.job_following import Counts

JOB = "a1b2c3d4e5f6a7b8a1b2c3d4e5f6a7b8"
MIB = 1 << 20


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Screen(io.StringIO):
    """A terminal that understands what a display may write: newlines, `ESC[nA`, `ESC[J`, and colours."""

    encoding = "utf-8"

    def rows(self) -> list[str]:
        rows, at = [""], 0
        for piece in re.findall(r"\x1b\[\d*[A-Za-z]|\r|\n|[^\x1b\r\n]+", self.getvalue()):
            if piece == "\n":
                at += 1
                if at == len(rows):
                    rows.append("")
            elif up := re.fullmatch(r"\x1b\[(\d+)A", piece):
                at -= int(up.group(1))
                assert at >= 0, "the cursor went above the first line"
            elif piece == "\x1b[J":
                rows[at:] = [""]
            elif piece != "\r" and not piece.startswith("\x1b"):
                rows[at] += piece
        return rows[:-1]


def live(clock: Clock, *, columns: int = 120, rows: int = 24, colour: bool = False) -> ProgressDisplay:
    return ProgressDisplay(Screen(), live=True, colour=colour, clock=clock, size=lambda: (columns, rows))


def screen(display: ProgressDisplay) -> list[str]:
    assert isinstance(display._stream, Screen)
    return display._stream.rows()


def under_way(done: int, *, label: str = JOB) -> ProgressLine:
    return ProgressLine(label, "IN_PROGRESS", Counts(12, done, 12 * MIB, done * MIB))


def test_a_terminal_shows_each_line_once_however_often_it_is_drawn() -> None:
    clock = Clock()
    display = live(clock)
    for done in range(6):
        clock.now += 2
        display.show([under_way(done), ProgressLine("other", "WAITING")])
    assert screen(display) == [
        f"{JOB}  IN_PROGRESS   41%  5/12 assets  5.0/12.0 MiB  512.0 KiB/s  14 s left",
        "other  WAITING",
    ]


def test_notes_stay_above_the_live_lines() -> None:
    clock = Clock()
    display = live(clock)
    display.show([ProgressLine("one", "WAITING")])
    display.note("first")
    display.note("second")
    display.show([ProgressLine("one", "COMPLETED", severity=Severity.GOOD)])
    display.close()
    assert screen(display) == ["first", "second", "one  COMPLETED"]


def test_lines_that_are_closed_without_keeping_leave_nothing() -> None:
    display = live(Clock())
    display.show([ProgressLine("one", "WAITING")])
    display.close(keep=False)
    assert screen(display) == []


def test_what_is_shown_after_closing_starts_anew_below() -> None:
    display = live(Clock())
    display.show([ProgressLine("one", "COMPLETED")])
    display.close()
    display.show([ProgressLine("two", "WAITING")])
    assert screen(display) == ["one  COMPLETED", "two  WAITING"]


def test_a_terminal_is_not_drawn_more_often_than_an_eye_can_follow() -> None:
    clock = Clock()
    display = live(clock)
    display.show([under_way(1)])
    clock.now += 0.01
    display.show([under_way(2)])
    assert "1/12" in screen(display)[0]
    display.show([ProgressLine(JOB, "COMPLETED")])
    assert "COMPLETED" in screen(display)[0]


@pytest.mark.parametrize(
    ("columns", "shown"),
    [
        (90, f"{JOB[:8]}…  IN_PROGRESS   41%  5/12 assets  5.0/12.0 MiB  512.0 KiB/s  14 s left"),
        (75, f"{JOB[:8]}…  IN_PROGRESS   41%  5/12 assets  5.0/12.0 MiB  14 s left"),
        (60, f"{JOB[:8]}…  IN_PROGRESS   41%  5.0/12.0 MiB  14 s left"),
        (40, f"{JOB[:8]}…  IN_PROGRESS   41%  14 s left"),
        (20, f"{JOB[:8]}…  IN_PROG…"),
    ],
)
def test_a_narrow_window_gets_what_matters_most(columns: int, shown: str) -> None:
    clock = Clock()
    display = live(clock, columns=columns)
    for done in range(6):
        clock.now += 2
        display.show([under_way(done)])
    assert screen(display) == [shown]


@given(
    st.integers(1, 200),
    st.lists(st.builds(ProgressLine, st.text(max_size=40), st.text(max_size=12)), max_size=8),
)
def test_no_line_is_ever_wider_than_its_window(columns: int, lines: list[ProgressLine]) -> None:
    display = live(Clock(), columns=columns)
    display.show(lines)
    assert all(cells(row) < max(columns, 11) for row in screen(display))


def test_a_window_made_narrower_takes_its_wrapped_lines_along() -> None:
    clock, width = Clock(), [100]
    stream = Screen()
    display = ProgressDisplay(stream, live=True, clock=clock, size=lambda: (width[0], 24))
    display.show([ProgressLine(JOB, "WAITING")])
    width[0] = 20
    clock.now += 1
    display.show([ProgressLine(JOB, "WAITING")])
    assert "\x1b[3A" in stream.getvalue()  # 41 cells make three rows of 20


def test_more_lines_than_rows_show_those_under_way_and_count_the_rest() -> None:
    display = live(Clock(), rows=5)
    ended = [ProgressLine(f"ended {number}", "COMPLETED", severity=Severity.GOOD) for number in range(4)]
    running = [ProgressLine(f"running {number}", "IN_PROGRESS") for number in range(2)]
    display.show([*ended, *running])
    assert screen(display) == [
        "running 0  IN_PROGRESS",
        "running 1  IN_PROGRESS",
        "ended 0  COMPLETED",
        "and 3 more",
    ]


def test_colour_is_only_on_the_status() -> None:
    display = live(Clock(), colour=True)
    display.show([ProgressLine("COMPLETED", "COMPLETED", severity=Severity.GOOD)])
    assert isinstance(display._stream, Screen)
    assert display._stream.getvalue() == "COMPLETED  \x1b[32mCOMPLETED\x1b[0m\n"


def test_a_log_gets_changes_and_not_too_many() -> None:
    clock, log = Clock(), io.StringIO()
    display = ProgressDisplay(log, live=False, clock=clock)
    for second in range(12):
        display.show([under_way(second)])
        clock.now += 1
    display.show([ProgressLine(JOB, "COMPLETED", severity=Severity.GOOD)])
    display.show([ProgressLine(JOB, "COMPLETED", severity=Severity.GOOD)])
    display.close()
    assert log.getvalue().splitlines() == [
        f"{JOB}: IN_PROGRESS, 0 of 12 assets, 0.0 of 12.0 MiB",
        f"{JOB}: IN_PROGRESS, 5 of 12 assets, 5.0 of 12.0 MiB, 1.0 MiB/s, 7 s left",
        f"{JOB}: IN_PROGRESS, 10 of 12 assets, 10.0 of 12.0 MiB, 1.0 MiB/s, 2 s left",
        f"{JOB}: COMPLETED",
    ]


def test_a_log_gets_the_last_state_at_the_end() -> None:
    log = io.StringIO()
    display = ProgressDisplay(log, live=False, clock=Clock())
    display.show([under_way(1)])
    display.show([under_way(2)])
    display.close()
    assert [line.split(", ")[1] for line in log.getvalue().splitlines()] == [
        "1 of 12 assets",
        "2 of 12 assets",
    ]


def test_what_would_move_the_cursor_is_not_passed_on() -> None:
    log = io.StringIO()
    display = ProgressDisplay(log, live=False, clock=Clock())
    display.show([ProgressLine("a\x1b[2Jb", "WAITING", detail="\n")])
    display.note("c\rd")
    assert log.getvalue() == "a\\x1b[2Jb: WAITING, \\n\nc\\rd\n"


@pytest.mark.parametrize("live_lines", [True, False])
def test_a_stream_that_nobody_reads_disturbs_nothing(live_lines: bool) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w", encoding="utf-8") as stream:
        display = ProgressDisplay(stream, live=live_lines, clock=Clock())
        display.show([under_way(1)])
        display.note("still there")
        display.close()
    without = ProgressDisplay.on(None, {})
    without.show([under_way(1)])
    without.close()


@pytest.mark.parametrize(
    ("environ", "is_live", "coloured"),
    [
        ({"TERM": "xterm"}, True, True),
        ({"TERM": "xterm", "NO_COLOR": "1"}, True, False),
        ({"TERM": "xterm", "NO_COLOR": ""}, True, True),
        ({"TERM": "dumb"}, False, False),
        ({}, False, False),
    ],
)
def test_the_terminal_and_its_user_decide(environ: dict[str, str], is_live: bool, coloured: bool) -> None:
    far, near = pty.openpty()
    with os.fdopen(near, "w", encoding="utf-8") as stream, os.fdopen(far, "rb", buffering=0) as terminal:
        display = ProgressDisplay.on(stream, environ)
        display.show([ProgressLine("one", "ERROR", severity=Severity.BAD)])
        said = terminal.read(1000)
    assert display.is_live is is_live
    assert (b"\x1b[31m" in said) is coloured


def test_a_file_is_no_terminal(tmp_path: Path) -> None:
    with (tmp_path / "log").open("w", encoding="utf-8") as stream:
        assert not ProgressDisplay.on(stream, {"TERM": "xterm"}).is_live


def test_many_small_things_are_awaited_by_their_number_and_large_ones_by_their_bytes() -> None:
    clock = Clock()
    display = live(clock)
    for step in range(20):  # all bytes are there in ten steps more, half of the items takes longer
        display.show([ProgressLine("one", "IN_PROGRESS", Counts(1000, step * 10, 30 * MIB, step * MIB))])
        clock.now += 1
    assert screen(display)[0].endswith("1 min 21 s left")


def test_a_rate_is_not_told_at_once_and_starts_where_it_was_first_seen() -> None:
    rate = Rate()
    rate.add(0, 5_000)
    assert rate.per_second is None
    rate.add(0.5, 5_100)
    assert rate.per_second is None
    rate.add(2, 5_200)
    assert rate.per_second == pytest.approx(100, rel=0.05)


def test_a_rate_forgets() -> None:
    rate = Rate()
    for second in range(30):
        rate.add(second, second * 100)
    assert rate.per_second == pytest.approx(100)
    for second in range(30, 90):
        rate.add(second, 3_000)
    assert rate.per_second is not None
    assert rate.per_second < 1


def test_a_number_that_shrinks_starts_anew() -> None:
    rate = Rate()
    rate.add(0, 0)
    rate.add(10, 1_000)
    rate.add(11, 10)
    assert rate.per_second is None
    rate.add(13, 30)
    assert rate.per_second == pytest.approx(10)


@given(st.lists(st.tuples(st.floats(0, 100), st.integers(0, 10**12)), min_size=1))
def test_a_rate_is_never_negative_and_never_above_the_fastest_step(steps: list[tuple[float, int]]) -> None:
    rate, now, done, fastest = Rate(), 0.0, 0, 0.0
    rate.add(now, done)
    for seconds, more in steps:
        now, done = now + seconds, done + more
        fastest = max(fastest, more / seconds if seconds > 1e-9 else float("inf"))
        rate.add(now, done)
        if rate.per_second is not None:
            assert 0 <= rate.per_second <= fastest * 1.001 + 1e-9


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0 bytes"),
        (1023, "1,023 bytes"),
        (1024, "1.0 KiB"),
        (MIB - 1, "1.0 MiB"),
        (int(1.5 * MIB), "1.5 MiB"),
        (1 << 30, "1.00 GiB"),
        (5 << 40, "5.00 TiB"),
    ],
)
def test_sizes(size: int, text: str) -> None:
    assert size_text(size) == text


def test_both_parts_of_a_whole_are_in_its_unit() -> None:
    assert bytes_of(512 * 1024, MIB, " of ") == "0.5 of 1.0 MiB"
    assert bytes_of(7, 900, "/") == "7/900 bytes"
    assert bytes_of(2048, None, "/") == "2.0 KiB"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.2, "1 s"),
        (59, "59 s"),
        (59.5, "1 min 00 s"),
        (200, "3 min 20 s"),
        (3600, "1 h 00 min"),
        (3 * 3600 + 61, "3 h 02 min"),
        (86400 * 2 + 1, "2 d 1 h"),
    ],
)
def test_times(seconds: float, text: str) -> None:
    assert duration_text(seconds) == text


@given(st.text(max_size=30), st.integers(1, 30))
def test_a_cut_text_fits(text: str, room: int) -> None:
    assert cells(cut(printable(text), room, "…")) <= room


def test_wide_characters_take_two_cells_and_combining_ones_none() -> None:
    assert cells("日本") == 4
    assert cells("e\u0301") == 1
    assert cut("日本語", 5, "…") == "日本…"
