from __future__ import annotations

import asyncio

import pytest
from tests.servers.both_databases import on_both_databases
from tests.unit.operations.application import NOWHERE, START, Application

from entrepot.database.assets import count
from entrepot.domain.errors import Conflict, JobFailed, ResourceNotFound, ResourceType, ValidationFailed
from entrepot.domain.limits import Limit
from entrepot.model import shapes
from entrepot.operations.assets import get_asset
from entrepot.operations.context import Context
from entrepot.operations.revisions import (
    create_revision,
    delete_revision,
    get_revision,
    list_data_set_revisions,
    revoke_revision,
    update_revision,
)

REASON = "the numbers are wrong"


class Shelf:
    """One data set with one revision, and the operations on it with few words."""

    def __init__(
        self, application: Application, context: Context, data_set_id: str, revision_id: str
    ) -> None:
        self.application, self.context = application, context
        self.data_set_id, self.revision_id = data_set_id, revision_id

    async def update(
        self, comment: str | None = None, finalized: bool | None = None
    ) -> shapes.UpdateRevisionResponse:
        request = shapes.UpdateRevisionRequest(
            data_set_id=self.data_set_id, revision_id=self.revision_id, comment=comment, finalized=finalized
        )
        return await update_revision(self.context, request)

    async def get(self) -> shapes.GetRevisionResponse:
        request = shapes.GetRevisionRequest(data_set_id=self.data_set_id, revision_id=self.revision_id)
        return await get_revision(self.context, request)

    async def delete(self) -> None:
        request = shapes.DeleteRevisionRequest(data_set_id=self.data_set_id, revision_id=self.revision_id)
        await delete_revision(self.context, request)

    async def revoke(self, comment: str = REASON) -> shapes.RevokeRevisionResponse:
        request = shapes.RevokeRevisionRequest(
            data_set_id=self.data_set_id, revision_id=self.revision_id, revocation_comment=comment
        )
        return await revoke_revision(self.context, request)

    async def put_assets(self, count: int = 1) -> list[str]:
        names = [f"{number}.csv" for number in range(count)]
        return await self.application.assets(self.context, self.data_set_id, self.revision_id, names)


@pytest.fixture
async def shelf(application: Application, context: Context) -> Shelf:
    data_set_id = await application.data_set(context)
    return Shelf(application, context, data_set_id, await application.revision(context, data_set_id))


async def ids(context: Context, data_set_id: str) -> list[str]:
    request = shapes.ListDataSetRevisionsRequest(data_set_id=data_set_id)
    return [entry.id for entry in (await list_data_set_revisions(context, request)).revisions or ()]


async def test_a_revision_is_created_open_and_says_nothing_of_revocation(
    application: Application, context: Context
) -> None:
    data_set_id = await application.data_set(context)
    created = await create_revision(
        context, shapes.CreateRevisionRequest(data_set_id=data_set_id, comment="May", tags={"month": "5"})
    )
    assert created == shapes.CreateRevisionResponse(
        arn=f"arn:aws:dataexchange:us-east-1:111111111111:data-sets/{data_set_id}/revisions/{created.id}",
        comment="May",
        created_at=START,
        data_set_id=data_set_id,
        finalized=False,
        id=created.id,
        tags={"month": "5"},
        updated_at=START,
    )
    assert b'"Finalized":false' in shapes.encode(created)
    assert b"Revo" not in shapes.encode(created)


async def test_what_was_created_is_what_get_answers_later(application: Application, context: Context) -> None:
    data_set_id = await application.data_set(context)
    created = await create_revision(
        context, shapes.CreateRevisionRequest(data_set_id=data_set_id, tags={"month": "5"})
    )
    got = await get_revision(
        context, shapes.GetRevisionRequest(data_set_id=data_set_id, revision_id=created.id or "")
    )
    assert shapes.encode(got) == shapes.encode(created)


async def test_bad_tags_are_refused_and_no_revision_is_made(
    application: Application, context: Context
) -> None:
    data_set_id = await application.data_set(context)
    with pytest.raises(ValidationFailed):
        await create_revision(
            context, shapes.CreateRevisionRequest(data_set_id=data_set_id, tags={"aws:a": "1"})
        )
    assert await ids(context, data_set_id) == []


async def test_a_revision_of_an_unknown_data_set_blames_the_data_set(
    application: Application, context: Context
) -> None:
    nowhere = Shelf(application, context, NOWHERE, NOWHERE)
    attempts = (
        create_revision(context, shapes.CreateRevisionRequest(data_set_id=NOWHERE)),
        nowhere.get(),
        nowhere.update(),
        nowhere.delete(),
        nowhere.revoke(),
        list_data_set_revisions(context, shapes.ListDataSetRevisionsRequest(data_set_id=NOWHERE)),
    )
    for attempt in attempts:
        with pytest.raises(ResourceNotFound) as caught:
            await attempt
        assert (caught.value.resource_id, caught.value.resource_type) == (NOWHERE, ResourceType.DATA_SET)


async def test_an_unknown_revision_is_blamed_itself(
    application: Application, context: Context, shelf: Shelf
) -> None:
    other = Shelf(application, context, await application.data_set(context), shelf.revision_id)
    for attempt in (other.get(), other.update(), other.delete(), other.revoke()):
        with pytest.raises(ResourceNotFound) as caught:
            await attempt
        assert (caught.value.resource_id, caught.value.resource_type) == (
            shelf.revision_id,
            ResourceType.REVISION,
        )


async def test_the_limit_of_revisions_is_a_validation_error(application: Application) -> None:
    context = application.with_limits({Limit.REVISIONS_PER_DATA_SET: 1}).context()
    data_set_id, other = await application.data_set(context), await application.data_set(context)
    await application.revision(context, data_set_id)
    with pytest.raises(ValidationFailed, match="Revisions per data set"):
        await application.revision(context, data_set_id)
    await application.revision(context, other)


async def test_an_update_of_nothing_leaves_the_revision_as_it_was(
    application: Application, shelf: Shelf
) -> None:
    before = await shelf.get()
    application.clock.advance()
    updated = await shelf.update()
    assert shapes.encode(updated) == shapes.encode(before) == shapes.encode(await shelf.get())


async def test_the_comment_of_an_open_revision_changes(application: Application, shelf: Shelf) -> None:
    later = application.clock.advance()
    updated = await shelf.update(comment="May, corrected")
    assert (updated.comment, updated.finalized, updated.updated_at) == ("May, corrected", False, later)
    assert (await shelf.update(comment="")).comment == ""
    assert shapes.encode(await shelf.get()) == shapes.encode(await shelf.update())


async def test_finalizing_needs_an_asset(application: Application, shelf: Shelf) -> None:
    with pytest.raises(ValidationFailed, match="no assets"):
        await shelf.update(finalized=True)
    assert (await shelf.get()).finalized is False
    await shelf.put_assets()
    later = application.clock.advance()
    updated = await shelf.update(finalized=True)
    assert (updated.finalized, updated.updated_at) == (True, later)
    assert (await shelf.get()).finalized is True


async def test_a_refused_finalization_changes_no_comment_either(shelf: Shelf) -> None:
    with pytest.raises(ValidationFailed):
        await shelf.update(comment="done", finalized=True)
    assert (await shelf.get()).comment is None


async def test_finalizing_again_is_fine_and_changes_nothing(application: Application, shelf: Shelf) -> None:
    await shelf.put_assets()
    await shelf.update(finalized=True)
    application.clock.advance()
    assert (await shelf.update(finalized=True)).updated_at == START


async def test_a_finalized_revision_can_be_opened_again(application: Application, shelf: Shelf) -> None:
    await shelf.put_assets()
    await shelf.update(finalized=True)
    assert (await shelf.update(finalized=False)).finalized is False
    assert (await shelf.get()).finalized is False


async def test_the_comment_of_a_finalized_revision_changes_only_by_opening_it(shelf: Shelf) -> None:
    await shelf.put_assets()
    await shelf.update(comment="first", finalized=True)
    with pytest.raises(Conflict) as caught:
        await shelf.update(comment="second")
    assert (caught.value.code, caught.value.resource_id, caught.value.resource_type) == (
        "ConflictException",
        shelf.revision_id,
        ResourceType.REVISION,
    )
    assert (await shelf.update(comment="second", finalized=False)).comment == "second"


@pytest.mark.parametrize("import_first", [True, False])
async def test_an_import_that_ends_while_a_revision_is_finalized_is_in_it_or_finds_it_closed(
    application: Application, context: Context, shelf: Shelf, import_first: bool
) -> None:
    await shelf.put_assets(1)
    job_id = await application.job(context, shelf.data_set_id, shelf.revision_id)
    ends = [application.end_import(context, job_id, "new.csv"), shelf.update(finalized=True)]
    answers = await asyncio.gather(*(ends if import_first else ends[::-1]), return_exceptions=True)
    refused = [answer for answer in answers if isinstance(answer, JobFailed)]
    assert [error.errors[0].code for error in refused] == ([] if import_first else ["VALIDATION_EXCEPTION"])
    assert await count(application.database, context.scope, shelf.revision_id) == 2 - len(refused)
    assert (await shelf.get()).finalized is True


@on_both_databases
async def test_finalizing_and_imports_that_end_at_once_agree_on_what_the_revision_holds(
    application: Application, context: Context
) -> None:
    for _ in range(5):
        data_set_id = await application.data_set(context)
        revision_id = await application.revision(context, data_set_id)
        await application.assets(context, data_set_id, revision_id)
        jobs = [await application.job(context, data_set_id, revision_id) for _ in range(3)]
        request = shapes.UpdateRevisionRequest(
            data_set_id=data_set_id, revision_id=revision_id, finalized=True
        )
        imports = [application.end_import(context, job_id, f"{job_id}.csv") for job_id in jobs]
        finalizing = update_revision(context, request)
        answers = await asyncio.gather(imports[0], finalizing, *imports[1:], return_exceptions=True)
        added = sum(answer is None for answer in answers)
        assert sum(isinstance(answer, JobFailed) for answer in answers) == len(jobs) - added
        assert await count(application.database, context.scope, revision_id) == 1 + added


async def test_revoking_keeps_the_revision_finalized_and_says_when_and_why(
    application: Application, shelf: Shelf
) -> None:
    await shelf.put_assets()
    await shelf.update(finalized=True)
    later = application.clock.advance()
    revoked = await shelf.revoke()
    assert (revoked.finalized, revoked.revoked, revoked.revocation_comment) == (True, True, REASON)
    assert revoked.revoked_at == revoked.updated_at == later
    assert shapes.encode(await shelf.get()) == shapes.encode(revoked)
    listed = await list_data_set_revisions(
        shelf.context, shapes.ListDataSetRevisionsRequest(data_set_id=shelf.data_set_id)
    )
    assert [shapes.encode(entry) for entry in listed.revisions or ()] == [shapes.encode(revoked)]


async def test_revoking_again_replaces_the_comment(shelf: Shelf) -> None:
    await shelf.put_assets()
    await shelf.update(finalized=True)
    await shelf.revoke()
    assert (await shelf.revoke("a better explanation")).revocation_comment == "a better explanation"
    assert (await shelf.get()).revocation_comment == "a better explanation"


async def test_revoking_again_leaves_the_moment_of_revocation(application: Application, shelf: Shelf) -> None:
    await shelf.put_assets()
    await shelf.update(finalized=True)
    revoked = await shelf.revoke()
    later = application.clock.advance()
    assert shapes.encode(await shelf.revoke()) == shapes.encode(revoked)
    explained = await shelf.revoke("a better explanation")
    assert (explained.revoked_at, explained.updated_at) == (revoked.revoked_at, later)
    assert shapes.encode(await shelf.get()) == shapes.encode(explained)


async def test_an_open_revision_cannot_be_revoked(shelf: Shelf) -> None:
    with pytest.raises(Conflict) as caught:
        await shelf.revoke()
    assert (caught.value.resource_id, caught.value.resource_type) == (
        shelf.revision_id,
        ResourceType.REVISION,
    )
    assert (await shelf.get()).revoked is None


async def test_a_revoked_revision_stays_as_it_is(shelf: Shelf) -> None:
    await shelf.put_assets()
    await shelf.update(finalized=True)
    await shelf.revoke()
    for attempt in (shelf.update(comment="new"), shelf.update(finalized=False)):
        with pytest.raises(Conflict) as caught:
            await attempt
        assert caught.value.resource_id == shelf.revision_id
    assert (await shelf.update(finalized=True)).revoked is True


@pytest.mark.parametrize("state", ["open", "finalized", "revoked"])
async def test_a_revision_in_any_state_can_be_deleted_with_its_assets(shelf: Shelf, state: str) -> None:
    (asset_id,) = await shelf.put_assets()
    if state != "open":
        await shelf.update(finalized=True)
    if state == "revoked":
        await shelf.revoke()
    await shelf.delete()
    with pytest.raises(ResourceNotFound) as caught:
        await get_asset(
            shelf.context,
            shapes.GetAssetRequest(
                data_set_id=shelf.data_set_id, revision_id=shelf.revision_id, asset_id=asset_id
            ),
        )
    assert caught.value.resource_type is ResourceType.REVISION
    with pytest.raises(ResourceNotFound):
        await shelf.delete()
    assert await ids(shelf.context, shelf.data_set_id) == []


async def test_revisions_are_listed_newest_first_and_only_those_of_the_data_set(
    application: Application, context: Context
) -> None:
    data_set_id, other = await application.data_set(context), await application.data_set(context)
    made = []
    for _ in range(3):
        made.append(await application.revision(context, data_set_id))
        await application.revision(context, other)
        application.clock.advance()
    assert await ids(context, data_set_id) == made[::-1]


async def test_a_data_set_without_revisions_has_an_empty_list(
    application: Application, context: Context
) -> None:
    assert await ids(context, await application.data_set(context)) == []
