"""Data sets, on both databases."""

from __future__ import annotations

from dataclasses import replace

from tests.databases.rows import (
    ELSEWHERE,
    SCOPE,
    add_assets,
    add_parents,
    an_id,
    asset,
    at,
    data_set,
    revision,
)

from entrepot.database import assets, data_sets, garbage, revisions, tags
from entrepot.database.connection import Database
from entrepot.domain.arn import asset_arn, data_set_arn, revision_arn
from entrepot.domain.data_set import AssetType, Origin


async def test_a_data_set_is_read_as_it_was_written(database: Database) -> None:
    written = data_set(
        "Zürich, 東京 and 🜨",
        asset_type=AssetType.API_GATEWAY_API,
        description="",
        origin=Origin.ENTITLED,
        created_at=at(7),
        updated_at=at(8),
    )
    await data_sets.insert(database, written)
    assert await data_sets.get(database, SCOPE, written.id) == written
    assert await data_sets.get(database, SCOPE, an_id("another")) is None


async def test_an_update_changes_what_is_given(database: Database) -> None:
    await data_sets.insert(database, data_set())
    before = data_set()
    assert await data_sets.update(database, SCOPE, before.id, name="new", description=None, updated_at=at(5))
    assert await data_sets.get(database, SCOPE, before.id) == replace(before, name="new", updated_at=at(5))
    assert await data_sets.update(database, SCOPE, before.id, name=None, description="", updated_at=at(6))
    after = await data_sets.get(database, SCOPE, before.id)
    assert after == replace(before, name="new", description="", updated_at=at(6))


async def test_an_update_of_another_scope_changes_nothing(database: Database) -> None:
    await data_sets.insert(database, data_set())
    for scope in ELSEWHERE:
        assert not await data_sets.update(
            database, scope, data_set().id, name="mine now", description=None, updated_at=at(5)
        )
        assert not await data_sets.delete(database, scope, data_set().id)
    assert await data_sets.get(database, SCOPE, data_set().id) == data_set()


async def test_deleting_a_data_set_takes_everything_below_it_and_nothing_beside_it(
    database: Database,
) -> None:
    await add_assets(database, "one", "two")
    neighbour, its_revision = data_set("neighbour"), revision("its", data_set_id=an_id("neighbour"))
    kept = asset("kept", data_set_id=neighbour.id, revision_id=its_revision.id)
    await data_sets.insert(database, neighbour)
    await revisions.insert(database, its_revision)
    await assets.insert_many(database, [kept])
    arns = [
        data_set_arn(SCOPE, data_set().id),
        revision_arn(SCOPE, data_set().id, revision().id),
        asset_arn(SCOPE, data_set().id, revision().id, asset("one").id),
        data_set_arn(SCOPE, neighbour.id),
    ]
    await tags.put_many(database, SCOPE, {arn: {"key": "value"} for arn in arns})

    assert await data_sets.delete(database, SCOPE, data_set().id)

    assert await data_sets.get(database, SCOPE, data_set().id) is None
    assert await revisions.get(database, SCOPE, data_set().id, revision().id) is None
    assert await assets.all_of_revision(database, SCOPE, data_set().id, revision().id) == []
    assert [await tags.get(database, SCOPE, arn) for arn in arns] == [{}, {}, {}, {"key": "value"}]
    assert set(await garbage.page(database, 10)) == {asset("one").store_key, asset("two").store_key}
    assert await assets.all_of_revision(database, SCOPE, neighbour.id, its_revision.id) == [kept]
    assert not await data_sets.delete(database, SCOPE, data_set().id)


async def test_data_sets_are_counted_by_scope(database: Database) -> None:
    await add_parents(database)
    await data_sets.insert(database, data_set("second"))
    await data_sets.insert(database, data_set("elsewhere", scope=ELSEWHERE[0]))
    assert await data_sets.count(database, SCOPE) == 2
    assert await data_sets.count(database, ELSEWHERE[0]) == 1
    assert await data_sets.count(database, ELSEWHERE[1]) == 0
