"""What those who are not known can make a server hold: measured on its process."""

from __future__ import annotations

import re
import select
import socket
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from entrepot.sigv4.arithmetic import format_timestamp
from entrepot.sigv4.signature_parameters import Credentials
from entrepot.sigv4.signer import Signer
from entrepot.testing import RunningServer, running_entrepot

MEBIBYTE = 1024 * 1024
BODY_BYTES = 10 * MEBIBYTE
SENDERS = 20
BUDGET_BYTES = 64 * MEBIBYTE
PATIENCE_SECONDS = 60


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    with running_entrepot(tmp_path_factory.mktemp("held"), arguments=["--job-workers", "0"]) as running:
        yield running


def resident_bytes(server: RunningServer) -> int:
    status = Path(f"/proc/{server.pid}/status").read_text()
    return int(re.findall(r"VmHWM:\s+(\d+) kB", status)[0]) * 1024


def held_bytes(server: RunningServer) -> int:
    with urllib.request.urlopen(f"{server.url}/metrics") as answer:
        return int(float(re.findall(rb"\nentrepot_request_bodies_bytes (\S+)", answer.read())[0]))


def connected(server: RunningServer) -> socket.socket:
    return socket.create_connection(
        (str(urlsplit(server.url).hostname), int(urlsplit(server.url).port or 0)), timeout=PATIENCE_SECONDS
    )


def head(server: RunningServer, headers: list[tuple[str, str]]) -> bytes:
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers)
    return f"POST /v1 HTTP/1.1\r\n{lines}\r\n".encode()


def signed(server: RunningServer, *, key: str | None = None) -> list[tuple[str, str]]:
    """Headers of a request whose body is to be of `BODY_BYTES`, and tell nothing of it."""
    credentials = Credentials(key or server.access_key_id, server.secret_access_key)
    sent = [("host", urlsplit(server.url).netloc), ("content-length", str(BODY_BYTES))]
    signer = Signer(credentials, region="us-east-1", service="dataexchange")
    return sent + signer.sign_headers(
        "POST", "/v1", "", sent, payload_hash="0" * 64, timestamp=format_timestamp(time.time())
    )


def test_long_bodies_that_never_end_are_held_within_the_budget(server: RunningServer) -> None:
    before = resident_bytes(server)
    with ExitStack() as open_until_then:
        answers = []
        for _ in range(SENDERS):
            connection = open_until_then.enter_context(connected(server))
            connection.sendall(head(server, signed(server)))
            with suppress(ConnectionError):
                connection.sendall(bytes(BODY_BYTES - 1))
            answers.append(connection)
            assert held_bytes(server) <= BUDGET_BYTES
        told, _, _ = select.select(answers, [], [], PATIENCE_SECONDS)
        refused = told[0].recv(4096)
        # On a machine that takes a minute until here, its time was over before its room was needed.
        assert re.match(rb"HTTP/1.1 (429|408) ", refused), refused
        # Twice the longest for the one that is being put together, and the room that lists take beside it.
        assert resident_bytes(server) - before < BUDGET_BYTES + 4 * BODY_BYTES
    deadline = time.monotonic() + PATIENCE_SECONDS
    while held_bytes(server) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert held_bytes(server) == 0


@pytest.mark.parametrize("who", ["nobody", "an unknown key", "a forged signature"])
def test_of_who_is_refused_anyway_no_long_body_is_read(server: RunningServer, who: str) -> None:
    sent = {
        "nobody": [("host", "x"), ("content-length", str(BODY_BYTES))],
        "an unknown key": signed(server, key="AKIANOBODY"),
        "a forged signature": [*signed(server), ("x-amz-content-sha256", "1" * 64)],
    }[who]
    with connected(server) as connection:
        connection.sendall(head(server, sent))
        assert connection.recv(4096).startswith(b"HTTP/1.1 403 ")
    assert held_bytes(server) == 0


def test_trailers_without_end_cost_a_server_nothing(server: RunningServer) -> None:
    before = resident_bytes(server)
    with connected(server) as connection:
        connection.sendall(b"POST /v1 HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n")
        with suppress(ConnectionError):
            for _ in range(40):
                connection.sendall(b"X-Trailer: value\r\n" * 50_000)
            connection.recv(1)
    assert resident_bytes(server) - before < 10 * MEBIBYTE
