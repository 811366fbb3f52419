"""A server with few descriptors, and more connections than it has."""

from __future__ import annotations

import re
import resource
import socket
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from entrepot.testing import RunningServer, running_entrepot

DESCRIPTORS = 256
"""Of which 64 connections follow, 32 of one address."""
CONNECTIONS = 300
PATIENCE_SECONDS = 60


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[RunningServer]:
    """One whose soft limit is low, and whose hard limit is not much higher."""
    program = tmp_path / "python"
    program.write_text(f'#!/bin/sh\nulimit -Sn 128 && ulimit -Hn {DESCRIPTORS}\nexec {sys.executable} "$@"\n')
    program.chmod(0o700)
    monkeypatch.setattr(sys, "executable", str(program))
    with running_entrepot(tmp_path, arguments=["--job-workers", "0"]) as running:
        yield running


def get(server: RunningServer, path: str) -> bytes:
    with urllib.request.urlopen(server.url + path, timeout=PATIENCE_SECONDS) as answer:
        body: bytes = answer.read()
    return body


def test_the_limit_is_raised_as_far_as_it_may_be(server: RunningServer) -> None:
    assert resource.prlimit(server.pid, resource.RLIMIT_NOFILE) == (DESCRIPTORS, DESCRIPTORS)


def test_idle_connections_without_end_do_not_keep_others_out(server: RunningServer) -> None:
    address = (urlsplit(server.url).hostname, urlsplit(server.url).port)
    with ExitStack() as connections:
        for number in range(CONNECTIONS):
            connection = connections.enter_context(
                socket.create_connection(address, timeout=PATIENCE_SECONDS)
            )
            if number % 2:
                connection.sendall(b"GET /healthz HTTP/1.1\r\nHo")
            if number % 50 == 0:
                assert b"ok" in get(server, "/healthz")
        metrics = get(server, "/metrics").decode()
        assert len(list(Path(f"/proc/{server.pid}/fd").iterdir())) < DESCRIPTORS
    (count,) = re.findall(r"\nentrepot_connections (\d+)", metrics)
    assert int(count) <= 32
    (cut,) = re.findall(r'\nentrepot_connections_cut_total{reason="idle"} (\d+)', metrics)
    assert int(cut) >= CONNECTIONS - 32
    said = server.log.read_text()
    assert "as many connections are open as may be (64 in all, 32 of one address" in said
    assert said.count("\n") == 1
