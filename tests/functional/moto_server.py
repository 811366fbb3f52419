"""moto's S3 server, for as long as a `with` block lasts."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

CREDENTIALS = {"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing"}
_START_SECONDS = 60.0


@contextmanager
def running_moto(folder: Path) -> Iterator[str]:
    """Its URL; the process is ended afterwards."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        number = probe.getsockname()[1]
    url = f"http://127.0.0.1:{number}"
    program = Path(sys.executable).parent / "moto_server"
    with (folder / "log").open("wb") as log:
        command = [program, "-H", "127.0.0.1", "-p", str(number)]
        process = subprocess.Popen(command, stdout=log, stderr=log, env=os.environ | CREDENTIALS)
        try:
            _wait_until_it_answers(process, f"{url}/moto-api/")
            yield url
        finally:
            process.terminate()
            process.wait()


def _wait_until_it_answers(process: subprocess.Popen[bytes], url: str) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while True:
        try:
            urllib.request.urlopen(url, timeout=5).close()
        except OSError:
            assert time.monotonic() < deadline, "moto_server does not start"
            assert process.poll() is None, "moto_server ended"
            time.sleep(0.05)  # another process: there is nothing to wait on but its answer
        else:
            return
