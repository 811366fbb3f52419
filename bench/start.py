"""Start-up: seconds until the first answer and memory then, beside moto_server."""

from __future__ import annotations

import sys
from pathlib import Path

from bench.measuring import free_port, median, resident_mebibytes, server, table

BIN = Path(sys.executable).parent


def run(folder: Path, quick: bool) -> str:
    """Starts both in turn, several times; the data dir is new for the first start and kept for the others."""
    rounds = 2 if quick else 7
    seen: dict[str, tuple[list[float], list[float]]] = {}
    for number in range(rounds):
        for name, path in (("first start", folder / f"new-{number}"), ("start", folder / "kept")):
            port = free_port()
            command = [str(BIN / "entrepot"), "serve", "--port", str(port), "--data-dir", str(path)]
            _measure(f"entrepot serve, {name}", command, f"http://127.0.0.1:{port}/healthz", seen)
        port = free_port()
        command = [str(BIN / "moto_server"), "-H", "127.0.0.1", "-p", str(port)]
        _measure("moto_server", command, f"http://127.0.0.1:{port}/moto-api/", seen)
    rows = [[name, median(seconds), median(memory)] for name, (seconds, memory) in seen.items()]
    return table(["server", "ready in s (median)", "API process, MiB (median)"], rows)


def _measure(
    name: str, command: list[str], url: str, seen: dict[str, tuple[list[float], list[float]]]
) -> None:
    seconds, memory = seen.setdefault(name, ([], []))
    with server(command, url) as started:
        seconds.append(started.seconds)
        memory.append(resident_mebibytes(started.process.pid))
