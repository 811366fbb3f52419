"""Pages: every row once and in order, read from indexes alone, on both databases."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable
from functools import partial
from itertools import product
from typing import TypeVar

import psycopg
import pytest
from tests.databases.rows import ELSEWHERE, SCOPE, add_parents, an_id, asset, at, data_set, job, revision

from entrepot.database import assets, data_grants, data_sets, event_actions, jobs, revisions
from entrepot.database.connection import Database, Statements
from entrepot.database.expressions import Pages
from entrepot.database.postgresql import dialect as postgresql_dialect

T = TypeVar("T")

SIZES = [1, 3, 20, 21]
FEW_TIMES = [at(n % 3) for n in range(20)]
NAMES = ["a", "B", "ä", "Z", "z", "", " ", "a/b", "a.b", "é", "e\u0301", "東京", "\uffff", "🜨", "10", "9"]


async def walk(page: Callable[..., Awaitable[list[T]]], position: Callable[[T], object]) -> list[T]:
    """All items, a page after the other, until a page is empty."""
    found: list[T] = []
    after: object = None
    while items := await page(after=after):
        found += items
        after = position(items[-1])
    return found


async def test_data_sets_come_newest_first(database: Database) -> None:
    every = [data_set(f"{n}", created_at=time) for n, time in enumerate(FEW_TIMES)]
    random.Random(1).shuffle(every)
    async with database.transaction() as c:
        for each in every:
            await data_sets.insert(c, each)
        for scope in ELSEWHERE:
            await data_sets.insert(c, data_set(f"{scope}", scope=scope, created_at=at(1)))
    for size in SIZES:
        walked = await walk(
            partial(data_sets.page, database, SCOPE, limit=size),
            lambda each: (each.created_at.milliseconds, each.id),
        )
        assert walked == sorted(every, key=lambda each: (each.created_at, each.id), reverse=True)


async def test_revisions_come_newest_first(database: Database) -> None:
    every = [revision(f"{n}", created_at=time) for n, time in enumerate(FEW_TIMES)]
    random.Random(1).shuffle(every)
    async with database.transaction() as c:
        await data_sets.insert(c, data_set())
        await data_sets.insert(c, data_set("another"))
        await revisions.insert(c, revision("another", data_set_id=an_id("another")))
        for each in every:
            await revisions.insert(c, each)
    for size in SIZES:
        walked = await walk(
            partial(revisions.page, database, SCOPE, data_set().id, limit=size),
            lambda each: (each.created_at.milliseconds, each.id),
        )
        assert walked == sorted(every, key=lambda each: (each.created_at, each.id), reverse=True)


async def test_assets_come_by_name_in_descending_code_points(database: Database) -> None:
    every = [asset(name, id=an_id(f"{name}{n}")) for name in NAMES for n in range(2)]
    random.Random(1).shuffle(every)
    await add_parents(database)
    await revisions.insert(database, revision("another"))
    await assets.insert_many(database, [*every, asset("b", revision_id=an_id("another"))])
    for size in SIZES:
        walked = await walk(
            partial(assets.page, database, SCOPE, data_set().id, revision().id, limit=size),
            lambda each: (each.name, each.id),
        )
        assert walked == sorted(every, key=lambda each: (each.name, each.id), reverse=True)
    assert walked == await assets.all_of_revision(database, SCOPE, data_set().id, revision().id)


async def test_jobs_come_newest_first_under_every_filter(database: Database) -> None:
    revision_ids = ((an_id("r1"),), (an_id("r1"), an_id("r2")), (an_id("r2"), an_id("r2")), ())
    every = [
        job(
            f"{n}",
            created_at=time,
            data_set_id=an_id(f"data set {n % 2}"),
            revision_ids=revision_ids[n // 2 % 4],
        )
        for n, time in enumerate(FEW_TIMES)
    ]
    random.Random(1).shuffle(every)
    async with database.transaction() as c:
        for each in every:
            await jobs.insert(c, each)
        for scope in ELSEWHERE:
            foreign = job(
                f"{scope}", scope=scope, data_set_id=an_id("data set 0"), revision_ids=(an_id("r1"),)
            )
            await jobs.insert(c, foreign)
    of_data_sets = (None, an_id("data set 0"), an_id("data set 1"), "unknown")
    of_revisions = (None, an_id("r1"), an_id("r2"), "unknown")
    for size, of_data_set, of_revision in product(SIZES, of_data_sets, of_revisions):
        walked = await walk(
            partial(jobs.page, database, SCOPE, data_set_id=of_data_set, revision_id=of_revision, limit=size),
            lambda each: (each.created_at.milliseconds, each.id),
        )
        expected = [
            each
            for each in every
            if of_data_set in (None, each.data_set_id)
            and (of_revision is None or of_revision in each.revision_ids)
        ]
        assert walked == sorted(expected, key=lambda each: (each.created_at, each.id), reverse=True)


PAGES: dict[str, tuple[Pages, dict[str, str]]] = {
    "data_sets_newest": (data_sets.PAGES, {}),
    "revisions_newest": (revisions.PAGES, {"data_set_id": data_set().id}),
    "revisions_published": (revisions.PUBLISHED_PAGES, {"data_set_id": data_set().id}),
    "data_grants_sent": (data_grants.SENT_PAGES, {}),
    "data_grants_received": (data_grants.RECEIVED_PAGES, {"receiver_id": "2"}),
    "data_grants_received and pending": (data_grants.PENDING_PAGES, {"receiver_id": "2"}),
    "data_grants_received and accepted": (data_grants.ACCEPTED_PAGES, {"receiver_id": "2"}),
    "assets_by_name": (assets.PAGES, {"data_set_id": data_set().id, "revision_id": revision().id}),
    "jobs_newest": (jobs.PAGES, {}),
    "jobs_of_data_set": (jobs.PAGES_OF_DATA_SET, {"data_set_id": data_set().id}),
    "event_actions_newest": (event_actions.PAGES, {}),
    "event_actions_of_data_set": (event_actions.PAGES_OF_DATA_SET, {"data_set_id": data_set().id}),
    "job_revisions_pkey": (jobs.PAGES_OF_REVISION, {"revision_id": revision().id}),
    "job_revisions_pkey and a data set": (
        jobs.PAGES_OF_BOTH,
        {"revision_id": revision().id, "data_set_id": data_set().id},
    ),
}

_FILL = (  # two parents with two thousand children each
    """INSERT INTO data_sets
    SELECT md5(n::text), '123456789012', 'us-east-1', 'S3_SNAPSHOT', 'n', '', 'OWNED', n, n
    FROM generate_series(1, 4000) n""",
    """INSERT INTO revisions
    SELECT md5(n::text), '123456789012', 'us-east-1', md5((n % 2 + 1)::text), NULL, true, NULL, NULL, n, n, n
    FROM generate_series(1, 4000) n""",
    """INSERT INTO assets
    SELECT md5(n::text), '123456789012', 'us-east-1', md5('1'), md5((n % 2 + 1)::text), '', n::text, n, n, 1,
        '', '', NULL, NULL, NULL
    FROM generate_series(1, 4000) n""",
    """INSERT INTO jobs
    SELECT md5(n::text), '123456789012', 'us-east-1', 'aws', 't', 'COMPLETED', 1, n, n,
        md5((n % 2 + 1)::text), md5((n % 2 + 1)::text), '{}', NULL, NULL, NULL
    FROM generate_series(1, 4000) n""",
    """INSERT INTO data_grants
    SELECT md5(n::text), '123456789012', 'us-east-1', 'aws', md5((n % 2 + 1)::text), md5('1'),
        md5('copy ' || n), '', 'n', NULL, 'NONE', 'S3_SNAPSHOT', 'n', '', NULL,
        CASE WHEN n % 4 < 2 THEN n END, n, n
    FROM generate_series(1, 4000) n""",
    """INSERT INTO event_actions
    SELECT md5(n::text), '123456789012', 'us-east-1', 'aws', md5((n % 2 + 1)::text), '{}', n, n
    FROM generate_series(1, 4000) n""",
    "INSERT INTO job_revisions SELECT account_id, region, data_set_id, created_at, id FROM jobs",
    "ANALYZE",
)


@pytest.mark.postgresql
def test_postgresql_reads_a_page_from_its_index_without_sorting(migrated_postgresql_url: str) -> None:
    """With thousands of rows, half of them below one parent: what a planner would rather scan."""
    statements = Statements(postgresql_dialect())
    with psycopg.connect(migrated_postgresql_url) as connection:
        for statement in _FILL:
            connection.execute(statement.encode())
        one_id = connection.execute("SELECT md5('1')").fetchone()
        assert one_id is not None
        for name, (pages, parameters) in PAGES.items():
            for query in pages.queries:
                values = {
                    "account_id": "123456789012",
                    "region": "us-east-1",
                    "after_0": "2000" if name == "assets_by_name" else 2000,
                    "after_1": one_id[0],
                    "limit": 20,
                    **dict.fromkeys(parameters, one_id[0]),
                }
                rows = connection.execute(f"EXPLAIN {statements[query].text}".encode(), values).fetchall()
                plan = "\n".join(row[0] for row in rows)
                assert f"using {name.partition(' ')[0]}" in plan
                assert "Sort" not in plan
                assert "Seq Scan" not in plan
        connection.rollback()
