"""One recorded run of the real command line: what it was given, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from tests.parity.answers import read_lines
from tests.parity.conversation import Request

Mode = Literal["exact", "contains", "nonempty", "ignore"]


@dataclass(frozen=True, slots=True)
class Terminal:
    """A terminal, and the descriptors that are one; what is written to it counts as standard output."""

    cols: int = 80
    rows: int = 24
    fds: tuple[int, ...] = (1,)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run left behind, without what differs from machine to machine."""

    exit: int | str
    stdout: str
    stderr: str
    requests: list[Request]
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Case:
    """Texts may hold placeholders: see `placeholders.py`."""

    id: str
    args: list[str]
    expected: Outcome
    env: dict[str, str | None] = field(default_factory=dict)
    """Beside the base environment; None takes a variable away."""
    files: dict[str, str | dict[str, str]] = field(default_factory=dict)
    """By path in the case's folder: `work/` is the current folder, `home/` is the home."""
    stdin: str | None = None
    terminal: Terminal | None = None
    special: Literal["", "sigint", "stdout-full", "stdout-closed", "no-proxy-tunnel"] = ""
    answers: tuple[str, ...] = ()
    """The scripted answers that the server gives, in order; without any it answers by job id."""
    stdout_mode: Mode = "exact"
    stderr_mode: Mode = "exact"
    needles: tuple[str, ...] = ()
    """What must be found where a mode is `contains`."""
    compares_requests: bool = True
    waits: bool = False
    """Whether the run spends its time waiting (for timeouts, between retries) rather than working."""


def read_cases(name: str) -> list[Case]:
    """The cases of one of this folder's data files."""
    return [_case(line) for line in read_lines(name)]


def _case(line: dict[str, Any]) -> Case:
    expected, terminal = line["expect"], line.get("pty")
    stderr_mode: Mode = line.get("stderr_mode", "exact")
    if line.get("internal") and stderr_mode == "exact":
        stderr_mode = "nonempty"  # the text of an exception that nobody meant to be seen
    return Case(
        id=line["id"],
        args=line["args"],
        expected=Outcome(
            expected["exit"],
            expected.get("stdout", ""),
            expected.get("stderr", ""),
            expected.get("requests", []),
        ),
        env=line.get("env", {}),
        files=line.get("files", {}),
        stdin=line.get("stdin"),
        terminal=Terminal(**{**terminal, "fds": tuple(terminal.get("fds", [1]))}) if terminal else None,
        special=line.get("special", ""),
        answers=tuple(line.get("answers", ())),
        stdout_mode=line.get("stdout_mode", "exact"),
        stderr_mode=stderr_mode,
        needles=tuple(line.get("stdout_contains", ()) or line.get("stderr_contains", ())),
        compares_requests=line.get("requests_mode", "exact") == "exact",
        waits=line.get("waits", False),
    )
