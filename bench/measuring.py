"""What the benchmarks share: processes, their memory and instructions, medians, and a table."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Started:
    """A server that answers, and how long that took."""

    process: subprocess.Popen[bytes]
    seconds: float


def free_port() -> int:
    """A port of the loopback interface that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def server(
    command: Sequence[str],
    url: str,
    *,
    environ: Mapping[str, str] | None = None,
    patience_seconds: float = 60,
) -> Iterator[Started]:
    """Starts a server, waits until `url` answers with anything, and ends it by its own process group."""
    began = time.perf_counter()
    process = subprocess.Popen(
        list(command),
        env=dict(os.environ) | dict(environ or {}),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        while not _answers(url):
            if process.poll() is not None or time.perf_counter() - began > patience_seconds:
                raise RuntimeError(f"{command[0]} does not answer at {url}")
            time.sleep(0.005)
        yield Started(process, time.perf_counter() - began)
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(timeout=15)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=1):
            return True
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False


def resident_mebibytes(pid: int) -> float:
    """The process's resident memory now (Linux)."""
    return _status(pid, "VmRSS") / 1024


def peak_mebibytes(pid: int) -> float:
    """The most resident memory the process ever had (Linux)."""
    return _status(pid, "VmHWM") / 1024


def _status(pid: int, name: str) -> float:
    lines = Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines()
    return next(float(line.split()[1]) for line in lines if line.startswith(f"{name}:"))


def children(pid: int) -> list[int]:
    """The processes that this one started (Linux)."""
    names = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii")
    return [int(name) for name in names.split()]


def median(values: Sequence[float]) -> float:
    """The middle one."""
    ordered = sorted(values)
    middle = len(ordered) // 2
    return ordered[middle] if len(ordered) % 2 else (ordered[middle - 1] + ordered[middle]) / 2


def table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """A Markdown table."""
    cells = [[_cell(value) for value in row] for row in (head, *rows)]
    lines = ["| " + " | ".join(row) + " |" for row in cells]
    return "\n".join([lines[0], "|" + "---|" * len(head), *lines[1:]])


def _cell(value: object) -> str:
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
    return str(value)
