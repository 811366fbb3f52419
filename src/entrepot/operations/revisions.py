"""Operations on revisions (behaviour reference, section 4.2). The rules are in `domain.revision`."""

from __future__ import annotations

from dataclasses import replace

from entrepot.database import assets, data_grants, event_actions, jobs, revisions, tags
from entrepot.database.connection import Connection
from entrepot.domain import event
from entrepot.domain.arn import revision_arn
from entrepot.domain.data_grant import DataGrant
from entrepot.domain.data_set import DataSet
from entrepot.domain.errors import ResourceType, ValidationFailed
from entrepot.domain.limits import REVISIONS_PER_DATA_SET
from entrepot.domain.revision import Revision, require_finalizable, require_revocable, require_updatable
from entrepot.domain.tags import require_valid
from entrepot.domain.timestamp import Timestamp
from entrepot.entitlements.visibility.data_sets import Entitled, entitled
from entrepot.entitlements.visibility.revisions import entitled_revision, page_entitled
from entrepot.events.event_log import record
from entrepot.jobs.auto_export import export_job
from entrepot.jobs.definition import answer
from entrepot.model import shapes
from entrepot.operations import lookups
from entrepot.operations.context import Context, Services
from entrepot.operations.data_sets import require_not_granted
from entrepot.operations.pages import Listing


def _entry(revision: Revision) -> shapes.RevisionEntry:
    """What every answer about a revision says; of revocation nothing until it is revoked."""
    return shapes.RevisionEntry(
        arn=revision_arn(revision.scope, revision.data_set_id, revision.id),
        comment=revision.comment,
        created_at=revision.created_at,
        data_set_id=revision.data_set_id,
        finalized=revision.finalized,
        id=revision.id,
        source_id=revision.source_id,
        updated_at=revision.updated_at,
        revocation_comment=revision.revocation_comment,
        revoked=True if revision.revoked else None,
        revoked_at=revision.revoked_at,
    )


async def create_revision(
    context: Context, request: shapes.CreateRevisionRequest
) -> shapes.CreateRevisionResponse:
    """Makes an open, empty revision.

    Raises `ValidationFailed` when the data set has enough: the operation declares no ServiceLimitExceeded.
    Crash: the revision and its tags are there together or not at all.
    """
    given_tags = request.tags or {}
    require_valid(given_tags)
    services, scope = context.services, context.scope
    now = services.clock()
    revision = Revision(
        scope=scope,
        data_set_id=request.data_set_id,
        id=services.new_identifier(),
        created_at=now,
        updated_at=now,
        comment=request.comment,
    )
    async with services.database.transaction() as connection:
        data_set = await lookups.own_data_set(connection, context, request.data_set_id, lock=True)
        quota = REVISIONS_PER_DATA_SET[data_set.asset_type]
        limit = services.limits[quota]
        if await revisions.count(connection, scope, request.data_set_id) >= limit:
            raise ValidationFailed(
                f"Data set {request.data_set_id} has {limit} revisions, the most it may have "
                f"({quota}); delete one, or make another data set."
            )
        await revisions.insert(connection, revision)
        if given_tags:
            arn = revision_arn(scope, revision.data_set_id, revision.id)
            await tags.put(connection, scope, arn, given_tags)
    return answer(shapes.CreateRevisionResponse, _entry(revision), tags=given_tags or None)


async def get_revision(context: Context, request: shapes.GetRevisionRequest) -> shapes.GetRevisionResponse:
    """One revision; an own one with its tags, which no receiver sees [C]."""
    database = context.services.database
    revision = await lookups.seen_revision(database, context, request.data_set_id, request.revision_id)
    entry = _entry(revision)
    present_tags = await lookups.own_tags(database, context, revision.scope, entry.arn)
    return answer(shapes.GetRevisionResponse, entry, tags=present_tags)


async def update_revision(
    context: Context, request: shapes.UpdateRevisionRequest
) -> shapes.UpdateRevisionResponse:
    """Changes the comment, finalizes or un-finalizes; what is absent, or the same as before, changes nothing.

    The revision stays locked from the count of its assets to the end: an import that completes meanwhile is
    either in the finalized revision or finds it closed.

    Finalizing publishes the revision to everyone who has access to the data set [C]; from then on it can only
    be revoked.
    Crash: changed, and everyone told, or not.
    """
    services = context.services
    async with services.database.transaction() as connection:
        data_set, revision = await _held(connection, context, request.data_set_id, request.revision_id)
        require_updatable(revision, comment=request.comment, finalized=request.finalized)
        if request.finalized and not revision.finalized:
            require_finalizable(revision, await assets.count(connection, context.scope, revision.id))
        if revision.finalized and request.finalized is False:
            done = "opened again; it can only be revoked"
            await _require_not_granted(connection, context, revision, done)
        changed = replace(
            revision,
            comment=revision.comment if request.comment is None else request.comment,
            finalized=revision.finalized if request.finalized is None else request.finalized,
        )
        if changed != revision:
            changed = replace(changed, updated_at=services.clock())
            await revisions.save(connection, changed)
        if changed.finalized and not revision.finalized:
            await publish(connection, services, changed, data_set)
    return answer(shapes.UpdateRevisionResponse, _entry(changed))


async def _held(
    connection: Connection, context: Context, data_set_id: str, revision_id: str
) -> tuple[DataSet, Revision]:
    """The caller's own data set and revision, locked in this order until the transaction ends.

    The data set too: whoever grants it holds it, and looks for a finalized revision.
    """
    data_set = await lookups.own_data_set(connection, context, data_set_id, lock=True)
    revision = await lookups.own_revision(connection, context, data_set_id, revision_id, lock=True)
    return data_set, revision


async def _require_not_granted(
    connection: Connection, context: Context, revision: Revision, done: str
) -> None:
    place = revision.data_set_id, revision.id
    await require_not_granted(connection, context, *place, ResourceType.REVISION, done)


async def delete_revision(context: Context, request: shapes.DeleteRevisionRequest) -> None:
    """Deletes a revision with its assets and tags, a finalized one too as long as nobody was granted it [L].

    Crash: all of it is gone or none; the bytes of its assets go later.
    """
    async with context.services.database.transaction() as connection:
        _, revision = await _held(connection, context, request.data_set_id, request.revision_id)
        if revision.finalized:
            done = "deleted; it can only be revoked"
            await _require_not_granted(connection, context, revision, done)
        await revisions.delete(connection, context.scope, revision.data_set_id, revision.id)


async def revoke_revision(
    context: Context, request: shapes.RevokeRevisionRequest
) -> shapes.RevokeRevisionResponse:
    """Revokes a finalized revision for good, for all who were granted it.

    Once more replaces the comment [L], of which everyone is told; RevokedAt stays [G]. With the same comment
    it changes nothing.

    Crash: revoked with its comment, and everyone told, or as before.
    """
    services = context.services
    async with services.database.transaction() as connection:
        data_set, revision = await _held(connection, context, request.data_set_id, request.revision_id)
        require_revocable(revision)
        now = services.clock()
        revoked = replace(revision, revocation_comment=request.revocation_comment)
        if revoked != revision:
            revoked = replace(revoked, revoked_at=revision.revoked_at or now, updated_at=now)
            await revisions.save(connection, revoked)
            await announce_revocation(connection, services, revoked, data_set)
    return answer(shapes.RevokeRevisionResponse, _entry(revoked))


async def list_data_set_revisions(
    context: Context, request: shapes.ListDataSetRevisionsRequest
) -> shapes.ListDataSetRevisionsResponse:
    """The revisions of a data set, newest first; of an entitled one those that are published."""
    database, scope = context.services.database, context.scope
    listing = Listing.of(context, "ListDataSetRevisions", request, request.data_set_id)
    position, limit = listing.after_moment, listing.fetch
    own = await revisions.page(database, scope, request.data_set_id, after=position, limit=limit)
    rows = [(revision, revision.created_at.milliseconds) for revision in own]
    if not rows:
        seen = await entitled(database, scope, request.data_set_id, context.services.clock())
        if seen is None:
            await lookups.own_data_set(database, context, request.data_set_id)
        else:
            rows = await page_entitled(database, seen, after=position, limit=limit)
    page = listing.page(rows, lambda row: (row[1], row[0].id))
    return shapes.ListDataSetRevisionsResponse(
        revisions=[_entry(revision) for revision, _ in page.entries], next_token=page.next_token
    )


async def publish(connection: Connection, services: Services, revision: Revision, data_set: DataSet) -> None:
    """Tells everyone who has access to the data set of the revision, and starts what event actions say.

    `revision` and `data_set` are the owner's; the revision is finalized in this transaction. The jobs of
    event actions are the receivers': they see them, under the ids that they know, and no quota of StartJob
    counts them. What was published before an event action was made is not exported [L].
    Crash: events and started jobs are there together with the revision, or none of it is.
    """
    now = services.clock()
    receivers = await receivers_of(connection, data_set, now)
    if not receivers:
        return
    seen = {grant.data_set_id: _as_seen(grant, revision) for grant in receivers}
    for action in await event_actions.of_receivers(connection, data_set.id, now):
        job = export_job(action, seen[action.data_set_id].id, job_id=services.new_identifier(), now=now)
        await jobs.insert(connection, job)
        await jobs.start(connection, job.id, now=now)
    # Last, since it holds the recipients until the commit.
    told = [event.revision_published(grant, [seen[grant.data_set_id]]) for grant in receivers]
    await record(connection, told, now)


async def announce_revocation(
    connection: Connection, services: Services, revision: Revision, data_set: DataSet
) -> None:
    """Tells everyone who has access to the data set that the revision was revoked, and why.

    Told again when the reason is replaced [G].
    Crash: the events are there together with the revocation, or neither is.
    """
    now = services.clock()
    receivers = await receivers_of(connection, data_set, now)
    told = [event.revision_revoked(grant, _as_seen(grant, revision)) for grant in receivers]
    await record(connection, told, now)


async def receivers_of(connection: Connection, data_set: DataSet, now: Timestamp) -> list[DataGrant]:
    """The grants that give somebody access to the owned data set now, and until the transaction ends.

    So nobody hears of a data set after the grant was deleted.
    """
    live = await data_grants.live_of_source(connection, data_set.id, now, keep=True)
    return [grant for grant in live if grant.gives_access(now)]


def _as_seen(grant: DataGrant, revision: Revision) -> Revision:
    return entitled_revision(Entitled(grant, by_owner=False), revision, revision.updated_at)
