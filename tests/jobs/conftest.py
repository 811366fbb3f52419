from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from secrets import token_hex

import pytest
import pytest_asyncio
from tests.jobs.harness import Harness, migrated, opened
from tests.jobs.s3_buckets import S3Buckets

from entrepot.testing import S3Server


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return migrated(tmp_path_factory.mktemp("template"))


@pytest_asyncio.fixture
async def harness(
    tmp_path: Path, template: Path, database_kind: str, request: pytest.FixtureRequest
) -> AsyncIterator[Harness]:
    url = request.getfixturevalue("empty_postgresql_url") if database_kind == "postgresql" else None
    async with opened(tmp_path, template=template, database_url=url) as opened_stage:
        yield opened_stage


@pytest.fixture
def s3_buckets(s3_server: S3Server) -> Iterator[S3Buckets]:
    with S3Buckets.opened(s3_server, f"{token_hex(4)}/") as buckets:
        yield buckets
