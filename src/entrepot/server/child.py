"""An Entrepot server as a process of its own for the time of a `with` block, on loopback and a free port.

with running_entrepot(tmp_path, arguments=["--auth", "trust"]) as server:
    client = boto3.client("dataexchange", endpoint_url=server.url, …)
"""

from __future__ import annotations

import configparser
import os
import re
import select
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from entrepot.domain.errors import EntrepotError

_START_SECONDS = 60.0
_STOP_SECONDS = 15.0
_READY = re.compile(r"listening on (http\S+)")


class ServerDidNotStart(EntrepotError):
    """The process ended, or said nothing, before it was ready; the message holds what it wrote."""


@dataclass(frozen=True, slots=True)
class RunningServer:
    url: str
    data_dir: Path
    log: Path
    process: subprocess.Popen[bytes] = field(repr=False)

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def access_key_id(self) -> str:
        """Of the account that the first start made; empty in trust mode."""
        return self._credential("aws_access_key_id")

    @property
    def secret_access_key(self) -> str:
        return self._credential("aws_secret_access_key")

    def stop(self) -> int:
        """SIGTERM; returns the exit status once the process has ended. Harmless when it has already."""
        with suppress(ProcessLookupError):
            self.process.terminate()
        return self.process.wait(_STOP_SECONDS)

    def kill(self) -> None:
        """SIGKILL: the process ends here and now, as in a crash."""
        with suppress(ProcessLookupError):
            self.process.kill()
        self.process.wait(_STOP_SECONDS)

    def _credential(self, name: str) -> str:
        profiles = configparser.ConfigParser()
        profiles.read(self.data_dir / "aws" / "credentials")
        return profiles.get("entrepot", name, fallback="")


@contextmanager
def running_entrepot(
    folder: Path, *, arguments: Sequence[str] = (), environ: Mapping[str, str] | None = None
) -> Iterator[RunningServer]:
    """A server with its data in `folder`, which it finds again when it is started there once more.

    `arguments` are options of `entrepot serve`; `environ` is laid over this process's environment, of which
    Entrepot's own variables are left out. Raises `ServerDidNotStart`.
    """
    data_dir, log = folder / "data", folder / "server.log"
    folder.mkdir(parents=True, exist_ok=True)
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("ENTREPOT_")}
    with log.open("ab") as errors:
        process = subprocess.Popen(  # noqa: S603 - this program itself, without a shell
            [sys.executable, "-m", "entrepot", "serve", "--port", "0", "--data-dir", data_dir, *arguments],
            env=inherited | dict(environ or {}),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=errors,
        )
    with process:
        try:
            yield RunningServer(_url(process, log), data_dir, log, process)
        finally:
            _end(process)


def _url(process: subprocess.Popen[bytes], log: Path) -> str:
    """Waits for the line that says where it listens."""
    if process.stdout is None:
        raise ValueError("the process was started without a pipe to read from")
    descriptor, said, deadline = process.stdout.fileno(), b"", time.monotonic() + _START_SECONDS
    while (left := deadline - time.monotonic()) > 0:
        ready, _, _ = select.select([descriptor], [], [], left)
        chunk = os.read(descriptor, 65_536) if ready else b""
        said += chunk
        found = _READY.search(said.decode(errors="replace"))
        if found is not None and b"\n" in said:
            return found.group(1)
        if ready and not chunk:
            break
    _end(process)
    raise ServerDidNotStart(f"entrepot serve did not start: {said.decode()}{log.read_text(errors='replace')}")


def _end(process: subprocess.Popen[bytes]) -> None:
    """Ends the process by its pid alone; its job workers notice by themselves."""
    with suppress(ProcessLookupError):
        process.terminate()
    try:
        process.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(_STOP_SECONDS)
