"""Revisions, on both databases."""

from __future__ import annotations

from tests.databases.rows import ELSEWHERE, SCOPE, add_assets, an_id, asset, at, data_set, revision

from entrepot.database import assets, data_sets, garbage, revisions, tags
from entrepot.database.connection import Database
from entrepot.domain.arn import revision_arn


async def test_a_revision_is_read_as_it_was_written(database: Database) -> None:
    await data_sets.insert(database, data_set())
    plain = revision("plain", comment=None)
    full = revision(
        "full", finalized=True, revocation_comment="wrong numbers", revoked_at=at(9), updated_at=at(9)
    )
    for written in (plain, full):
        await revisions.insert(database, written)
        assert await revisions.get(database, SCOPE, data_set().id, written.id) == written
        assert await revisions.get(database, SCOPE, an_id("another data set"), written.id) is None


async def test_saving_writes_what_can_change(database: Database) -> None:
    await data_sets.insert(database, data_set())
    await revisions.insert(database, revision())
    changed = revision(
        comment="a revision", finalized=True, revocation_comment="no", revoked_at=at(3), updated_at=at(3)
    )
    assert await revisions.save(database, changed)
    assert await revisions.get(database, SCOPE, data_set().id, changed.id) == changed
    reopened = revision(updated_at=at(4))
    assert await revisions.save(database, reopened)
    assert await revisions.get(database, SCOPE, data_set().id, changed.id) == reopened


async def test_saving_in_another_scope_changes_nothing(database: Database) -> None:
    await data_sets.insert(database, data_set())
    await revisions.insert(database, revision())
    for scope in ELSEWHERE:
        assert not await revisions.save(database, revision(scope=scope, finalized=True))
        assert not await revisions.delete(database, scope, data_set().id, revision().id)
    assert await revisions.get(database, SCOPE, data_set().id, revision().id) == revision()


async def test_deleting_a_revision_takes_its_assets_and_tags(database: Database) -> None:
    await add_assets(database, "one")
    await revisions.insert(database, revision("next"))
    kept = asset("kept", revision_id=an_id("next"))
    await assets.insert_many(database, [kept])
    arn = revision_arn(SCOPE, data_set().id, revision().id)
    await tags.put(database, SCOPE, arn, {"key": "value"})

    assert await revisions.delete(database, SCOPE, data_set().id, revision().id)

    assert await revisions.count(database, SCOPE, data_set().id) == 1
    assert await assets.get(database, SCOPE, data_set().id, revision().id, asset("one").id) is None
    assert await assets.count(database, SCOPE, an_id("next")) == 1
    assert await tags.get(database, SCOPE, arn) == {}
    assert await garbage.page(database, 10) == [asset("one").store_key]
