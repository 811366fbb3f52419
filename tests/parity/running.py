"""Runs a command as a case says: in a folder and an environment of its own, with files and a terminal."""

from __future__ import annotations

import errno
import fcntl
import os
import pty
import shutil
import signal
import struct
import subprocess
import tempfile
import termios
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Final

from tests.parity.answers import bytes_of, scripted
from tests.parity.case import Case, Outcome
from tests.parity.conversation import Conversation
from tests.parity.placeholders import filled, without_places, without_program
from tests.parity.stub_servers import StubServers
from tests.servers.warm_program import WarmProgram, WarmRun

_PATIENCE_SECONDS: Final = 60.0
_BASE_ENVIRONMENT: Final = {
    "HOME": "{TMP}/home",
    "LANG": "C.UTF-8",
    "TZ": "UTC",
    "TERM": "xterm",
    "AWS_ACCESS_KEY_ID": "AKIAPARITYENV0000001",
    "AWS_SECRET_ACCESS_KEY": "{SECRET:AKIAPARITYENV0000001}",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_PAGER": "",
    "AWS_EC2_METADATA_DISABLED": "true",
}


def run(
    case: Case, command: Sequence[str], stub_servers: StubServers, warm: WarmProgram | None = None
) -> Outcome:
    """The outcome of the command with the case's arguments, in a new interpreter or in a fork of `warm`."""
    answers = [scripted()[name] for name in case.answers]
    conversation = stub_servers.begin(answers, tunnels=case.special != "no-proxy-tunnel")
    folder = Path(tempfile.mkdtemp(prefix="parity-"))
    try:
        _write_files(case, stub_servers, folder)
        began = time.monotonic()
        status, out, err = _run_in(folder, case, command, stub_servers, conversation, warm)
        seconds = time.monotonic() - began
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    conversation.over.set()
    stdout, stderr = (
        without_places(raw.decode("utf-8", "surrogateescape"), stub_servers, folder) for raw in (out, err)
    )
    if case.terminal and 2 in case.terminal.fds:
        stdout = without_program(stdout)
    requests = stub_servers.described(conversation.requests())
    return Outcome(status, stdout, without_program(stderr), requests, seconds)


def _write_files(case: Case, stub_servers: StubServers, folder: Path) -> None:
    for name in ("home", "work"):
        (folder / name).mkdir()
    for name, content in case.files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(
            bytes_of(filled(content, stub_servers, folder) if isinstance(content, str) else content)
        )


def _environment(case: Case, stub_servers: StubServers, folder: Path) -> dict[str, str]:
    merged = {**_BASE_ENVIRONMENT, **case.env}
    given = {name: filled(value, stub_servers, folder) for name, value in merged.items() if value is not None}
    return {"PATH": os.environ.get("PATH", os.defpath), **given}


def _run_in(
    folder: Path,
    case: Case,
    command: Sequence[str],
    stub_servers: StubServers,
    conversation: Conversation,
    warm: WarmProgram | None,
) -> tuple[int | str, bytes, bytes]:
    given = None if case.stdin is None else bytes_of(filled(case.stdin, stub_servers, folder))
    filled_command = [*command, *(filled(argument, stub_servers, folder) for argument in case.args)]
    environment, work = _environment(case, stub_servers, folder), folder / "work"
    shown: list[bytes] = []
    process: subprocess.Popen[bytes] | WarmRun
    with ExitStack() as stack:
        with _descriptors(case, shown, stack) as descriptors:
            if warm is not None:
                process = warm.start(
                    filled_command, environment, work, descriptors, takes_input=given is not None
                )
            else:
                process = subprocess.Popen(
                    filled_command,
                    env=environment,
                    cwd=work,
                    stdin=descriptors.get(0, subprocess.DEVNULL if given is None else subprocess.PIPE),
                    stdout=descriptors.get(1, subprocess.PIPE),
                    stderr=descriptors.get(2, subprocess.PIPE),
                    start_new_session=True,  # so that a pager it leaves behind can be ended too
                )
        if case.special == "sigint":
            interrupt = threading.Thread(target=_interrupt, args=(process.pid, conversation))
            interrupt.start()
            stack.callback(interrupt.join)
        status, out, err = _wait_for(process, given)
    return status, b"".join(shown) + out, err


def _wait_for(
    process: subprocess.Popen[bytes] | WarmRun, given: bytes | None
) -> tuple[int | str, bytes, bytes]:
    status: int | str
    try:
        out, err = process.communicate(given, timeout=_PATIENCE_SECONDS)
        status = process.returncode
    except subprocess.TimeoutExpired:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        out, err = process.communicate()
        status = "timeout"
    return status, out or b"", err or b""


@contextmanager
def _descriptors(case: Case, shown: list[bytes], stack: ExitStack) -> Iterator[dict[int, int]]:
    """Those of the child that are no pipes; closed here as soon as it has them.

    What is written to a terminal ends up in `shown`, once `stack` is closed.
    """
    ours = -1
    if case.terminal:
        master, ours = pty.openpty()
        size = struct.pack("HHHH", case.terminal.rows, case.terminal.cols, 0, 0)
        fcntl.ioctl(ours, termios.TIOCSWINSZ, size)
        reader = threading.Thread(target=_read_terminal, args=(master, shown), daemon=True)
        reader.start()
        stack.callback(os.close, master)
        stack.callback(reader.join, 5)
    elif case.special == "stdout-full":
        ours = os.open("/dev/full", os.O_WRONLY)
    elif case.special == "stdout-closed":
        nobody, ours = os.pipe()
        os.close(nobody)
    try:
        yield {} if ours < 0 else dict.fromkeys(case.terminal.fds if case.terminal else (1,), ours)
    finally:
        if ours >= 0:
            os.close(ours)


def _read_terminal(master: int, shown: list[bytes]) -> None:
    while True:
        try:
            part = os.read(master, 65_536)
        except OSError as error:
            if error.errno == errno.EIO:  # the last one who had it open is gone
                return
            raise
        if not part:
            return
        shown.append(part)


def _interrupt(pid: int, conversation: Conversation) -> None:
    if conversation.heard.wait(_PATIENCE_SECONDS):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGINT)
