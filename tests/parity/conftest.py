"""The stand of a worker, and the command whose runs are held against the recorded ones."""

from __future__ import annotations

import os
import shlex
import signal
import sysconfig
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.parity.stub_servers import StubServers, open_stub_servers


@pytest.fixture(scope="session")
def stub_servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StubServers]:
    with open_stub_servers(tmp_path_factory.mktemp("stand")) as stub_servers:
        yield stub_servers


@pytest.fixture(scope="session")
def command() -> Iterator[list[str]]:
    """`entrepot`, or what ENTREPOT_PARITY_COMMAND names, such as the real `aws dataexchange`."""
    # A child inherits that SIGINT is ignored, as it is in what a shell starts in the background.
    former = signal.signal(signal.SIGINT, signal.default_int_handler)
    other = os.environ.get("ENTREPOT_PARITY_COMMAND")
    yield shlex.split(other) if other else [str(Path(sysconfig.get_path("scripts")) / "entrepot")]
    signal.signal(signal.SIGINT, former)
