"""Runs of `entrepot` that are forks of one process: the other side of `warm_process.py`."""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Self

from tests.servers import warm_process


class WarmProgram:
    """Starts runs, as many at a time as there are to be."""

    def __init__(self, process: subprocess.Popen[bytes], orders: socket.socket) -> None:
        self._process, self._orders = process, orders

    def start(
        self,
        command: Sequence[str],
        environment: Mapping[str, str],
        folder: Path,
        descriptors: Mapping[int, int] | None = None,
        *,
        takes_input: bool = False,
    ) -> WarmRun:
        """A run in `folder`; a stream without a descriptor is a pipe, or nothing if it is an unused input."""
        order = {"command": list(command), "environment": dict(environment), "folder": str(folder)}
        ours: dict[int, int] = {}
        theirs = dict(descriptors or {})
        with ExitStack() as stack:
            for number in {0, 1, 2} - theirs.keys():
                if number:
                    ours[number], theirs[number] = os.pipe()
                elif takes_input:
                    theirs[0], ours[0] = os.pipe()
                else:
                    theirs[0] = os.open(os.devnull, os.O_RDONLY)
                stack.callback(os.close, theirs[number])
            told, tells = os.pipe()
            stack.callback(os.close, tells)
            sent = [theirs[0], theirs[1], theirs[2], tells]
            socket.send_fds(self._orders, [json.dumps(order).encode()], sent)
        return WarmRun(ours, told)

    def run(
        self, command: Sequence[str], environment: Mapping[str, str], *, seconds: float
    ) -> subprocess.CompletedProcess[bytes]:
        """A run here and its end; raises `subprocess.TimeoutExpired`."""
        with self.start(command, environment, Path.cwd()) as run:
            output, errors = run.communicate(timeout=seconds)
        return subprocess.CompletedProcess(command, run.returncode or 0, output, errors)


class WarmRun:
    """One run, with what `subprocess.Popen` has."""

    def __init__(self, pipes: Mapping[int, int], told: int) -> None:
        self.returncode: int | None = None
        self._told = os.fdopen(told, "rb", buffering=0)
        self._pipes = pipes
        self._read: dict[int, bytes] = {}
        self._threads = [threading.Thread(target=self._drain, args=(number,)) for number in pipes if number]
        for thread in self._threads:
            thread.start()
        self.pid = self._next_number()

    def poll(self) -> int | None:
        """Its exit status as soon as there is one."""
        if self.returncode is None and select.select([self._told], [], [], 0)[0]:
            self._end()
        return self.returncode

    def send_signal(self, number: int) -> None:
        """Nothing where it has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def communicate(self, given: bytes | None = None, timeout: float | None = None) -> tuple[bytes, bytes]:
        """Its outputs, as soon as nobody can add to them; raises `subprocess.TimeoutExpired`."""
        if given is not None:
            self._threads.append(threading.Thread(target=self._give, args=(given,)))
            self._threads[-1].start()
        end = time.monotonic() + timeout if timeout else None
        for thread in self._threads:
            thread.join(max(0.0, end - time.monotonic()) if end else None)
            if thread.is_alive():
                raise subprocess.TimeoutExpired("entrepot", timeout or 0.0)
        if self.returncode is None:
            self._end()
        return self._read.get(1, b""), self._read.get(2, b"")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.send_signal(signal.SIGKILL)
        self.communicate()

    def _end(self) -> None:
        self.returncode = self._next_number()
        self._told.close()

    def _next_number(self) -> int:
        line = self._told.readline()
        if not line:
            raise RuntimeError("The process that forks for every run has ended.")
        return int(line)

    def _drain(self, number: int) -> None:
        with os.fdopen(self._pipes[number], "rb") as pipe:
            self._read[number] = pipe.read()

    def _give(self, given: bytes) -> None:
        with suppress(BrokenPipeError), os.fdopen(self._pipes[0], "wb") as pipe:
            pipe.write(given)


@contextmanager
def warm_program(modules: Sequence[str]) -> Iterator[WarmProgram]:
    """The process that forks, with these modules loaded, in an environment as most interpreters have it."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with ours, theirs:
        process = subprocess.Popen(
            [sys.executable, "-P", warm_process.__file__, str(theirs.fileno()), *modules],
            pass_fds=[theirs.fileno()],
            env={"LANG": "C.UTF-8", "PATH": os.environ.get("PATH", os.defpath)},
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )
        theirs.close()
        with process:
            yield WarmProgram(process, ours)
            ours.close()
