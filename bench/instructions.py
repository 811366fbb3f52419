"""User-space instructions of a server per request: stable from run to run where seconds are not.

By `perf stat` where the machine has counters, else by valgrind's callgrind, which runs the server some fifty
times slower and counts the instructions of SHA-256 in software, against whoever verifies signatures.
"""

from __future__ import annotations

import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from bench.measuring import server


def perf_counts() -> bool:
    """Whether perf can count on this machine."""
    perf = shutil.which("perf")
    if perf is None:
        return False
    tried = subprocess.run(
        [perf, "stat", "-x,", "-e", "instructions:u", "true"], capture_output=True, text=True, check=False
    )
    return _counted(tried.stderr) is not None


def by_perf(pid: int, load: Callable[[int], float], requests: int) -> float | None:
    """Instructions per request of a process that runs, while `load` makes so many."""
    command = ["perf", "stat", "-x,", "-e", "instructions:u", "-p", str(pid)]
    counter = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    time.sleep(0.3)  # until perf has attached; it does not say when
    load(requests)
    counter.send_signal(signal.SIGINT)
    _, report = counter.communicate()
    counted = _counted(report)
    return None if counted is None else counted / requests


def by_valgrind(
    command: Sequence[str], url: str, load: Callable[[int], float], requests: int, folder: Path
) -> float | None:
    """Instructions per request of a server that is started for it; None where there is no valgrind."""
    if shutil.which("valgrind") is None:
        return None
    output = folder / "callgrind.out"
    watched = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={output}", *command]
    with server(watched, url, patience_seconds=600) as started:
        load(50)  # warms caches and prepared statements
        control = ["callgrind_control"]
        subprocess.run([*control, "--zero", str(started.process.pid)], check=True, capture_output=True)
        load(requests)
        subprocess.run([*control, "--dump", str(started.process.pid)], check=True, capture_output=True)
        dump = next(path for path in folder.glob("callgrind.out.*") if path.name != output.name)
        totals = next(line for line in dump.read_text().splitlines() if line.startswith("totals:"))
        dump.unlink()
    return float(totals.split()[1]) / requests


def _counted(report: str) -> float | None:
    lines = [line for line in report.splitlines() if "instructions" in line and line[:1].isdigit()]
    return float(lines[0].split(",")[0]) if lines else None
