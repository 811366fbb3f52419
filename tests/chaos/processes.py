"""Servers that can be killed and started again, and an exchange with three workers."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from tests.functional.watching import free_port

from entrepot.testing import RunningServer, running_entrepot


class Restartable:
    """A server that this process has started: ended as by a crash, started by its command line."""

    def __init__(self, program: str, ready: Callable[[], None], crash: signal.Signals) -> None:
        (self.pid,) = (pid for pid in children(os.getpid()) if command_line(pid)[0].endswith(f"/{program}"))
        self._ready = ready
        self._crash = crash
        self._argv = command_line(self.pid)
        process = Path(f"/proc/{self.pid}")
        self._cwd = (process / "cwd").resolve()
        self._user = process.stat().st_uid

    def kill(self) -> None:
        os.kill(self.pid, self._crash)
        os.waitpid(self.pid, 0)

    def start(self) -> None:
        """Returns when it answers."""
        with (self._cwd / "log-of-restarts").open("ab") as log:
            process = subprocess.Popen(
                self._argv, cwd=self._cwd, user=self._user, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        self.pid, process.returncode = process.pid, 0  # waited for by its pid alone
        self._ready()


def children(parent: int) -> list[int]:
    """The processes that this one has started and that still run."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError, IndexError, ValueError):
            state, ppid = stat.read_text().rpartition(")")[2].split()[:2]
            if int(ppid) == parent and state != "Z":
                found.append(int(stat.parent.name))
    return found


def command_line(pid: int) -> list[str]:
    """Its words; one empty word where the process has gone."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_text().rstrip("\0").split("\0")
    except OSError:
        return [""]


@dataclass(slots=True)
class Fleet:
    """The processes of one exchange."""

    servers: list[RunningServer]
    environ: Mapping[str, str]
    own_workers: dict[Path, subprocess.Popen[bytes]] = field(default_factory=dict)
    """`entrepot worker` by data directory, beside those that the servers keep."""

    @property
    def data_dir(self) -> Path:
        return self.servers[0].data_dir

    def workers(self) -> list[int]:
        """The pids of all workers, those that were killed and are not there again left out."""
        kept = [
            pid for server in self.servers for pid in children(server.pid) if "worker" in command_line(pid)
        ]
        return sorted([*kept, *(one.pid for one in self.own_workers.values() if one.poll() is None)])

    def kill_workers(self) -> None:
        """All at once; others take their place."""
        for pid in self.workers():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.keep_up()

    def keep_up(self) -> None:
        """Starts again the workers that died and that no server keeps."""
        for data_dir, process in self.own_workers.items():
            if process.poll() is not None:
                self.start_worker(data_dir)

    def start_worker(self, data_dir: Path) -> None:
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("ENTREPOT_")}
        with (data_dir.parent / "worker.log").open("ab") as log:
            self.own_workers[data_dir] = subprocess.Popen(
                [sys.executable, "-m", "entrepot", "worker", "--data-dir", data_dir],
                env=inherited | dict(self.environ),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    def stop_workers(self) -> None:
        for process in self.own_workers.values():
            process.send_signal(signal.SIGCONT)
            process.terminate()
        for process in self.own_workers.values():
            process.wait()


@contextmanager
def running_fleet(folder: Path, environ: Mapping[str, str], *, machines: int) -> Iterator[Fleet]:
    """Three workers: all beside one server; or one beside the first of two, and one on each machine."""
    with ExitStack() as stack:
        of_first = "3" if machines == 1 else "1"
        first = stack.enter_context(_server(folder / "first", environ, of_first))
        fleet = Fleet([first], environ)
        if machines > 1:
            other = folder / "second" / "data"
            other.mkdir(parents=True)
            shutil.copy(first.data_dir / "secrets.key", other / "secrets.key")
            fleet.servers.append(stack.enter_context(_server(other.parent, environ, "0")))
            stack.callback(fleet.stop_workers)
            for data_dir in (first.data_dir, other):
                fleet.start_worker(data_dir)
        wait_until(lambda: len(fleet.workers()) == 3, "three workers run")
        yield fleet


@contextmanager
def _server(folder: Path, environ: Mapping[str, str], workers: str) -> Iterator[RunningServer]:
    options = ["--port", str(free_port()), "--job-workers", workers]
    with running_entrepot(folder, arguments=options, environ=environ) as server:
        yield server


def wait_until(condition: Callable[[], bool], what: str, seconds: float = 180.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"after {seconds:g} s it is not so that {what}")
        time.sleep(0.1)
