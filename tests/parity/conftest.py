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
from tests.servers.warm_program import WarmProgram, warm_program

ANOTHER_COMMAND = "ENTREPOT_PARITY_COMMAND"
_LOADED = (
    "entrepot.cli.aws.operation.*",
    "entrepot.cli.aws.output.*",
    "entrepot.cli.aws.help.*",
    "entrepot.client.*",
    *("jmespath", "ruamel.yaml", "dateutil.parser", "dateutil.tz", "ssl", "gzip", "unicodedata"),
)


@pytest.fixture(scope="session")
def stub_servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StubServers]:
    with open_stub_servers(tmp_path_factory.mktemp("stand")) as stub_servers:
        yield stub_servers


@pytest.fixture(scope="session")
def command() -> Iterator[list[str]]:
    """`entrepot`, or what ENTREPOT_PARITY_COMMAND names, such as the real `aws dataexchange`."""
    # A child inherits that SIGINT is ignored, as it is in what a shell starts in the background.
    former = signal.signal(signal.SIGINT, signal.default_int_handler)
    other = os.environ.get(ANOTHER_COMMAND)
    yield shlex.split(other) if other else [str(Path(sysconfig.get_path("scripts")) / "entrepot")]
    signal.signal(signal.SIGINT, former)


@pytest.fixture(scope="session")
def warm(command: list[str]) -> Iterator[WarmProgram | None]:
    """Runs without the start of an interpreter; there are none of another command."""
    if ANOTHER_COMMAND in os.environ:
        yield None
    else:
        with warm_program(_LOADED) as program:
            yield program
