"""An exchange whose jobs take as long as a test wants, and the program `entrepot` beside it."""

from __future__ import annotations

import os
import re
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.functional.clients import client as make_client
from tests.functional.flow import finished, open_revision
from tests.functional.terminal import Terminal, on_terminal
from tests.servers.slow_bucket import SlowBucket

from entrepot.testing import RunningServer, running_entrepot

PATIENCE_SECONDS = 60.0


@contextmanager
def client(server: RunningServer) -> Iterator[Any]:
    made = make_client("dataexchange", server.url, server.access_key_id, server.secret_access_key)
    try:
        yield made
    finally:
        made.close()


@contextmanager
def exchange_on(folder: Path, slow: SlowBucket, port: int = 0) -> Iterator[RunningServer]:
    """An exchange that imports from the slow bucket."""
    arguments = ["--s3-endpoint-url", slow.endpoint_url, "--port", str(port)]
    keys = {"AWS_ACCESS_KEY_ID": "anybody", "AWS_SECRET_ACCESS_KEY": "secret"}
    with running_entrepot(folder, arguments=arguments, environ=keys) as server:
        yield server


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def slow_job(exchange: Any, *, start: bool = True) -> str:
    """A job that imports the slow object."""
    sources = [{"Bucket": "slow", "Key": "object"}]
    details = {"ImportAssetsFromS3": {"AssetSources": sources, **open_revision(exchange)}}
    job_id: str = exchange.create_job(Type="IMPORT_ASSETS_FROM_S3", Details=details)["Id"]
    if start:
        exchange.start_job(JobId=job_id)
    return job_id


def all_ended(exchange: Any) -> None:
    """Waits until no job runs any more."""
    for job in exchange.list_jobs()["Jobs"]:
        if job["State"] == "IN_PROGRESS":
            finished(exchange, job["Id"])


def environ_of(server: RunningServer, **more: str) -> dict[str, str]:
    """Of a user on the server's machine, who has configured nothing."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "ENTREPOT_"))}
    home = server.data_dir.parent / "home"
    home.mkdir(exist_ok=True)
    return kept | {"HOME": str(home), "ENTREPOT_DATA_DIR": str(server.data_dir), "TERM": "dumb"} | more


def entrepot(server: RunningServer, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """Runs a command to its end."""
    command = [sys.executable, "-m", "entrepot", *arguments]
    return subprocess.run(
        command,
        capture_output=True,
        text=True,
        env=environ_of(server, **environ),
        timeout=PATIENCE_SECONDS,
        check=False,
    )


@dataclass(slots=True)
class Running:
    """A command that runs, and what it has said so far on standard error."""

    process: subprocess.Popen[bytes]
    descriptor: int
    said: bytes = b""
    _deadline: float = field(default_factory=lambda: time.monotonic() + PATIENCE_SECONDS)

    def wait_for(self, pattern: str) -> str:
        """Reads until it has said something that fits."""
        while not (found := re.search(pattern, self.text)):
            if not self._read():
                raise AssertionError(f"it ended without saying {pattern!r}: {self.text}")
        return found.group()

    def interrupt(self) -> None:
        """What Ctrl-C does."""
        self.process.send_signal(signal.SIGINT)

    def end(self) -> int:
        """Reads the rest, and returns the exit code."""
        while self._read():
            pass
        return self.process.wait(PATIENCE_SECONDS)

    @property
    def text(self) -> str:
        return self.said.decode()

    def _read(self) -> bool:
        ready, _, _ = select.select([self.descriptor], [], [], self._deadline - time.monotonic())
        assert ready, f"it says nothing more: {self.text}"
        chunk = os.read(self.descriptor, 65_536)
        self.said += chunk
        return bool(chunk)


@contextmanager
def started(server: RunningServer, *arguments: str, output: Path, **environ: str) -> Iterator[Running]:
    """A command with its standard error in a pipe and its standard output in a file."""
    reading, writing = os.pipe()
    with output.open("wb") as stdout:
        process = subprocess.Popen(
            [sys.executable, "-m", "entrepot", *arguments],
            env=environ_of(server, **environ),
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=writing,
        )
    os.close(writing)
    try:
        yield Running(process, reading)
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        process.wait()
        os.close(reading)


@contextmanager
def in_terminal(
    server: RunningServer, *arguments: str, columns: int = 120, **environ: str
) -> Iterator[Terminal]:
    """A command with all it says on a terminal."""
    command = [sys.executable, "-m", "entrepot", *arguments]
    with on_terminal(command, environ_of(server, **{"TERM": "xterm"} | environ), columns=columns) as terminal:
        yield terminal
