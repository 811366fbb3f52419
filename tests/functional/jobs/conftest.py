"""One exchange with a slow bucket, for the commands that follow a job."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.functional.watching import all_ended, client, exchange_on
from tests.servers.slow_bucket import SlowBucket, slow_bucket

from entrepot.testing import RunningServer


@pytest.fixture(scope="session")
def one_exchange(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[SlowBucket, RunningServer]]:
    with slow_bucket() as bucket, exchange_on(tmp_path_factory.mktemp("exchange"), bucket) as server:
        yield bucket, server


@pytest.fixture
def slow(one_exchange: tuple[SlowBucket, RunningServer]) -> Iterator[SlowBucket]:
    """Nobody reads from it yet, and whoever does waits."""
    bucket, server = one_exchange
    bucket.hold()
    yield bucket
    bucket.release()
    with client(server) as api:
        all_ended(api)


@pytest.fixture
def exchange(one_exchange: tuple[SlowBucket, RunningServer]) -> RunningServer:
    return one_exchange[1]
