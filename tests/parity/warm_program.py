"""Runs of `entrepot` that are forks of one process: the other side of `warm_process.py`."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from tests.parity import warm_process


class WarmProgram:
    """Starts one run at a time."""

    def __init__(self, process: subprocess.Popen[bytes], orders: socket.socket) -> None:
        self._process, self._orders = process, orders

    def start(
        self,
        command: Sequence[str],
        environment: Mapping[str, str],
        folder: Path,
        descriptors: Mapping[int, int],
        *,
        takes_input: bool,
    ) -> WarmRun:
        """A run in `folder`; a stream without a descriptor is a pipe, or nothing if it is an unused input."""
        order = {"command": list(command), "environment": dict(environment), "folder": str(folder)}
        ours: dict[int, int] = {}
        theirs = dict(descriptors)
        with ExitStack() as stack:
            for number in {0, 1, 2} - theirs.keys():
                if number:
                    ours[number], theirs[number] = os.pipe()
                elif takes_input:
                    theirs[0], ours[0] = os.pipe()
                else:
                    theirs[0] = os.open(os.devnull, os.O_RDONLY)
                stack.callback(os.close, theirs[number])
            socket.send_fds(self._orders, [json.dumps(order).encode()], [theirs[0], theirs[1], theirs[2]])
            return WarmRun(int(self.told()), ours, self)

    def told(self) -> bytes:
        """What the process tells next; raises with its last words where it has ended."""
        message = self._orders.recv(100)
        if not message:
            raise RuntimeError(self._process.communicate()[1].decode())
        return message


class WarmRun:
    """One run, with what `subprocess.Popen` has."""

    returncode = 0

    def __init__(self, pid: int, pipes: Mapping[int, int], program: WarmProgram) -> None:
        self.pid = pid
        self._pipes, self._program = pipes, program
        self._read: dict[int, bytes] = {}
        self._threads = [threading.Thread(target=self._drain, args=(number,)) for number in pipes if number]
        for thread in self._threads:
            thread.start()

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
        self.returncode = int(self._program.told())
        return self._read.get(1, b""), self._read.get(2, b"")

    def _drain(self, number: int) -> None:
        with os.fdopen(self._pipes[number], "rb") as pipe:
            self._read[number] = pipe.read()

    def _give(self, given: bytes) -> None:
        with suppress(BrokenPipeError), os.fdopen(self._pipes[0], "wb") as pipe:
            pipe.write(given)


@contextmanager
def warm_program() -> Iterator[WarmProgram]:
    """The process that forks, in an environment that decides what the interpreters of most cases would."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with ours, theirs:
        process = subprocess.Popen(
            [sys.executable, "-P", warm_process.__file__, str(theirs.fileno())],
            pass_fds=[theirs.fileno()],
            env={"LANG": "C.UTF-8", "PATH": os.environ.get("PATH", os.defpath)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        theirs.close()
        with process:
            yield WarmProgram(process, ours)
            ours.close()
