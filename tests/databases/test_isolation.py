"""Account and Region isolate everything: what belongs to another scope does not exist, on both databases."""

from __future__ import annotations

import pytest
from tests.databases.rows import ELSEWHERE, SCOPE, add_assets, add_running_job, asset, data_set, job, revision

from entrepot.database import assets, data_sets, jobs, revisions, tags
from entrepot.database.connection import Database
from entrepot.domain.arn import data_set_arn
from entrepot.domain.job import JobType
from entrepot.domain.scope import Scope

ARN = data_set_arn(SCOPE, data_set().id)


async def _everything(c: Database, scope: Scope) -> list[object]:
    """What every getter, list and count finds in the scope of what there is."""
    parent, child, leaf = data_set().id, revision().id, asset("one").id
    return [
        await data_sets.get(c, scope, parent),
        await data_sets.get(c, scope, parent, lock=True),
        await data_sets.page(c, scope, after=None, limit=5),
        await data_sets.count(c, scope),
        await revisions.get(c, scope, parent, child),
        await revisions.get(c, scope, parent, child, lock=True),
        await revisions.page(c, scope, parent, after=None, limit=5),
        await revisions.count(c, scope, parent),
        await assets.get(c, scope, parent, child, leaf),
        await assets.many(c, scope, parent, child, [leaf]),
        await assets.all_of_revision(c, scope, parent, child),
        await assets.page(c, scope, parent, child, after=None, limit=5),
        await assets.count(c, scope, child),
        await jobs.get(c, scope, job().id),
        await jobs.page(c, scope, after=None, limit=5),
        await jobs.page(c, scope, data_set_id=parent, after=None, limit=5),
        await jobs.page(c, scope, revision_id=child, after=None, limit=5),
        await jobs.page(c, scope, data_set_id=parent, revision_id=child, after=None, limit=5),
        await jobs.count_in_progress(c, scope, JobType.IMPORT_ASSETS_FROM_S3),
        await tags.get(c, scope, ARN),
    ]


@pytest.mark.parametrize("elsewhere", ELSEWHERE, ids=["another Region", "another account"])
async def test_another_scope_sees_nothing(database: Database, elsewhere: Scope) -> None:
    await add_assets(database, "one")
    await add_running_job(database)
    await tags.put(database, SCOPE, ARN, {"key": "value"})
    assert all(await _everything(database, SCOPE))
    assert not any(await _everything(database, elsewhere))
