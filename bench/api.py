"""GetJob: requests a second and user-space instructions a request, beside moto_server and a bare server.

moto has no Data Exchange, so the peer is a comparable GET through its rest-json machinery: IoT's
DescribeThing, one signed GET by name that answers one small document.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import boto3
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from bench import instructions
from bench.exchange_with_a_job import exchange_with_a_job
from bench.measuring import free_port, median, server, table

CONNECTIONS = 16
BIN = Path(sys.executable).parent


@dataclass(frozen=True, slots=True)
class Target:
    """One server, how to start it, and the one request it gets."""

    name: str
    command: tuple[str, ...]
    port: int
    ready_path: str
    pid: int
    request: bytes
    requests: int

    def load(self, requests: int) -> float:
        """Makes so many requests; the seconds it took."""
        command = [sys.executable, "-m", "bench.load", str(self.port), str(CONNECTIONS), str(requests)]
        ran = subprocess.run(command, input=self.request, capture_output=True, check=False)
        if ran.returncode:
            raise RuntimeError(f"{self.name}: {ran.stderr.decode()}")
        return float(ran.stdout)


def run(folder: Path, quick: bool) -> str:
    """All servers run at once, the load visits them in turn."""
    scale = 10 if quick else 1
    rounds = 2 if quick else 5
    counts: dict[str, float | None] = {}
    with ExitStack() as stack:
        targets = [
            stack.enter_context(_hello(20_000 // scale)),
            stack.enter_context(_entrepot(folder, 20_000 // scale)),
            stack.enter_context(_moto(1_000 // scale)),
        ]
        rates: dict[str, list[float]] = {target.name: [] for target in targets}
        for target in targets:
            target.load(max(50, target.requests // 10))  # warms caches and prepared statements
        for _ in range(rounds):
            for target in targets:
                rates[target.name].append(target.requests / target.load(target.requests))
        perf = instructions.perf_counts()
        if perf:
            for target in targets:
                counts[target.name] = instructions.by_perf(target.pid, target.load, target.requests)
    if not perf:
        for target in targets[:2]:  # moto takes minutes to start there, and is not compared by instructions
            url = f"http://127.0.0.1:{target.port}{target.ready_path}"
            measure = partial(instructions.by_valgrind, target.command, url, target.load)
            counts[target.name] = measure(1_000 // scale, folder)
    return _report(targets, rates, counts)


def _report(targets: list[Target], rates: dict[str, list[float]], counts: dict[str, float | None]) -> str:
    floor, ours, moto = (median(rates[target.name]) for target in targets)
    rows: list[list[object]] = []
    for target in targets:
        rate, count = median(rates[target.name]), counts.get(target.name)
        rows.append([target.name, rate, rate / moto, "not counted" if count is None else count / 1000])
    lines = [table(["server", "requests/s (median)", "x moto", "kinstr/request"], rows), ""]
    lines.append(
        f"GetJob: {ours / moto:.1f} x moto's requests/s (target 15), {ours / floor:.2f} x the bare server's"
    )
    bare, own = (counts.get(target.name) for target in targets[:2])
    if bare is not None and own is not None:
        lines.append(f"GetJob: {own / bare:.2f} x the bare server's instructions (target at most 3)")
    return "\n".join(lines)


def _signed(url: str, service: str, access_key_id: str, secret_access_key: str) -> bytes:
    request = AWSRequest("GET", url, headers={"Host": url.split("/")[2]})
    SigV4Auth(Credentials(access_key_id, secret_access_key), service, "us-east-1").add_auth(request)
    path = "/" + url.split("/", 3)[3]
    lines = [f"GET {path} HTTP/1.1", *(f"{name}: {value}" for name, value in request.headers.items())]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


@contextmanager
def _hello(requests: int) -> Iterator[Target]:
    port = free_port()
    command = (sys.executable, "-m", "bench.hello", str(port))
    with server(command, f"http://127.0.0.1:{port}/") as started:
        request = f"GET / HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode()
        yield Target("bare uvicorn", command, port, "/", started.process.pid, request, requests)


@contextmanager
def _entrepot(folder: Path, requests: int) -> Iterator[Target]:
    with exchange_with_a_job(folder) as exchange:
        signing = (exchange.access_key_id, exchange.secret_access_key)
        request = _signed(f"{exchange.url}/v1/jobs/{exchange.job_id}", "dataexchange", *signing)
        name = "entrepot GetJob"
        yield Target(name, exchange.command, exchange.port, "/healthz", exchange.pid, request, requests)


@contextmanager
def _moto(requests: int) -> Iterator[Target]:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    command = (str(BIN / "moto_server"), "-H", "127.0.0.1", "-p", str(port))
    with server(command, f"{url}/moto-api/") as started:
        keys = {"aws_access_key_id": "testing", "aws_secret_access_key": "testing"}
        iot: Any = boto3.client("iot", endpoint_url=url, region_name="us-east-1", **keys)
        iot.create_thing(thingName="thing", attributePayload={"attributes": {"a": "b"}})
        iot.close()
        request = _signed(f"{url}/things/thing", "iot", "testing", "testing")
        name = "moto_server DescribeThing"
        yield Target(name, command, port, "/moto-api/", started.process.pid, request, requests)
