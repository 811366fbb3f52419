"""Assets, their garbage, on both databases."""

from __future__ import annotations

from dataclasses import replace

from tests.databases.rows import (
    ELSEWHERE,
    SCOPE,
    add_assets,
    add_parents,
    add_running_job,
    an_id,
    asset,
    at,
    data_set,
    item,
    revision,
)

from entrepot.database import assets, garbage, job_items, jobs, tags
from entrepot.database.connection import Database
from entrepot.domain.arn import asset_arn
from entrepot.domain.job import JobState, Location
from entrepot.domain.object_headers import ObjectHeaders

HEADERS = ObjectHeaders(content_type='text/csv; charset="utf-8"', content_encoding="gzip")
OF_REVISION = (SCOPE, data_set().id, revision().id)


async def test_an_asset_is_read_as_it_was_written(database: Database) -> None:
    await add_parents(database)
    named, bare = asset("a/../b//c d%ä"), asset("no checksum", checksum=None, size_bytes=0)
    gzipped = asset("with headers", headers=HEADERS)
    await assets.insert_many(database, [named, bare, gzipped])
    assert await assets.get(database, *OF_REVISION, named.id) == named
    assert await assets.get(database, *OF_REVISION, gzipped.id) == gzipped
    assert await assets.get(database, *OF_REVISION, bare.id) == bare


async def test_an_asset_is_found_by_its_three_ids_together_only(database: Database) -> None:
    [one] = await add_assets(database, "one")
    assert await assets.get(database, SCOPE, an_id("another"), revision().id, one.id) is None
    assert await assets.get(database, SCOPE, data_set().id, an_id("another"), one.id) is None


async def test_no_assets_are_no_error(database: Database) -> None:
    await add_parents(database)
    await assets.insert_many(database, [])
    assert await assets.all_of_revision(database, *OF_REVISION) == []
    assert await assets.many(database, *OF_REVISION, []) == []
    assert await assets.count(database, SCOPE, revision().id) == 0


async def test_many_gives_those_that_exist_in_the_order_asked_for(database: Database) -> None:
    one, two, three = await add_assets(database, "one", "two", "three")
    asked = [three.id, an_id("missing"), one.id, three.id]
    assert await assets.many(database, *OF_REVISION, asked) == [three, one]
    assert await assets.many(database, ELSEWHERE[0], data_set().id, revision().id, asked) == []
    assert set(await assets.all_of_revision(database, *OF_REVISION)) == {one, two, three}


async def test_renaming_touches_one_asset_of_the_scope(database: Database) -> None:
    one, two = await add_assets(database, "one", "two")
    assert await assets.rename(database, *OF_REVISION, one.id, "new", at(9))
    for scope in ELSEWHERE:
        assert not await assets.rename(database, scope, data_set().id, revision().id, two.id, "new", at(9))
    assert await assets.get(database, *OF_REVISION, one.id) == replace(one, name="new", updated_at=at(9))
    assert await assets.get(database, *OF_REVISION, two.id) == two


async def test_a_deleted_asset_leaves_its_bytes_as_garbage(database: Database) -> None:
    one, two = await add_assets(database, "one", "two")
    arn = asset_arn(SCOPE, data_set().id, revision().id, one.id)
    await tags.put(database, SCOPE, arn, {"key": "value"})
    for scope in ELSEWHERE:
        assert not await assets.delete(database, scope, data_set().id, revision().id, two.id)

    assert await assets.delete(database, *OF_REVISION, one.id)
    assert not await assets.delete(database, *OF_REVISION, one.id)

    assert await assets.all_of_revision(database, *OF_REVISION) == [two]
    assert await tags.get(database, SCOPE, arn) == {}
    assert await garbage.page(database, 10) == [one.store_key]
    await garbage.remove(database, [one.store_key])
    assert await garbage.page(database, 10) == []


async def test_garbage_that_a_running_job_reads_stays_until_the_job_has_ended(database: Database) -> None:
    one, two = await add_assets(database, "one", "two")
    run_id = await add_running_job(database)
    plan = [item(0, source=Location(None, one.store_key)), item(1, source=Location("b", two.store_key))]
    await job_items.record_plan(database, run_id.job_id, 1, plan)
    await assets.delete(database, *OF_REVISION, one.id)
    await assets.delete(database, *OF_REVISION, two.id)
    assert await garbage.page(database, 10) == [two.store_key]
    await jobs.finish(
        database,
        run_id.job_id,
        attempt=1,
        state=JobState.COMPLETED,
        details_json=None,
        errors=(),
        now=at(5),
    )
    assert set(await garbage.page(database, 10)) == {one.store_key, two.store_key}


async def test_garbage_is_recorded_once_and_paged(database: Database) -> None:
    await garbage.record(database, ["b", "a"])
    await garbage.record(database, ["a", "c"])
    assert len(await garbage.page(database, 2)) == 2
    assert sorted(await garbage.page(database, 10)) == ["a", "b", "c"]
    await garbage.record(database, [])
    await garbage.remove(database, ["a", "c", "unknown"])
    assert await garbage.page(database, 10) == ["b"]
