"""Operations on revisions (behaviour reference, section 4.2). The rules are in `domain.revision`."""

from __future__ import annotations

from dataclasses import replace
from typing import TypedDict

from entrepot.database import assets, revisions, tags
from entrepot.domain.arn import revision_arn
from entrepot.domain.errors import ValidationFailed
from entrepot.domain.limits import Limit
from entrepot.domain.revision import Revision, require_finalizable, require_revocable, require_updatable
from entrepot.domain.tags import require_valid
from entrepot.domain.timestamp import Timestamp
from entrepot.model import shapes
from entrepot.operations import existing
from entrepot.operations.context import Context
from entrepot.operations.pages import Listing


class _Members(TypedDict):
    arn: str
    comment: str | None
    created_at: Timestamp
    data_set_id: str
    finalized: bool
    id: str
    updated_at: Timestamp
    revocation_comment: str | None
    revoked: bool | None
    revoked_at: Timestamp | None


def _members(revision: Revision) -> _Members:
    """What every answer about a revision says; of revocation nothing until it is revoked."""
    return {
        "arn": revision_arn(revision.scope, revision.data_set_id, revision.id),
        "comment": revision.comment,
        "created_at": revision.created_at,
        "data_set_id": revision.data_set_id,
        "finalized": revision.finalized,
        "id": revision.id,
        "updated_at": revision.updated_at,
        "revocation_comment": revision.revocation_comment,
        "revoked": True if revision.revoked else None,
        "revoked_at": revision.revoked_at,
    }


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
        await existing.data_set(connection, scope, request.data_set_id, lock=True)
        limit = services.limits[Limit.REVISIONS_PER_DATA_SET]
        if await revisions.count(connection, scope, request.data_set_id) >= limit:
            raise ValidationFailed(
                f"Data set {request.data_set_id} has {limit} revisions, the most it may have "
                f"({Limit.REVISIONS_PER_DATA_SET}); delete one, or make another data set."
            )
        await revisions.insert(connection, revision)
        if given_tags:
            arn = revision_arn(scope, revision.data_set_id, revision.id)
            await tags.put(connection, scope, arn, given_tags)
    return shapes.CreateRevisionResponse(**_members(revision), tags=given_tags or None)


async def get_revision(context: Context, request: shapes.GetRevisionRequest) -> shapes.GetRevisionResponse:
    """One revision, with its tags."""
    database, scope = context.services.database, context.scope
    revision = await existing.revision(database, scope, request.data_set_id, request.revision_id)
    arn = revision_arn(scope, revision.data_set_id, revision.id)
    present_tags = await tags.get(database, scope, arn)
    return shapes.GetRevisionResponse(**_members(revision), tags=present_tags or None)


async def update_revision(
    context: Context, request: shapes.UpdateRevisionRequest
) -> shapes.UpdateRevisionResponse:
    """Changes the comment, finalizes or un-finalizes; what is absent, or the same as before, changes nothing.

    The revision stays locked from the count of its assets to the end: an import that completes meanwhile is
    either in the finalized revision or finds it closed.

    Crash: changed or not.
    """
    services = context.services
    async with services.database.transaction() as connection:
        revision = await existing.revision(
            connection, context.scope, request.data_set_id, request.revision_id, lock=True
        )
        require_updatable(revision, comment=request.comment, finalized=request.finalized)
        if request.finalized and not revision.finalized:
            require_finalizable(revision, await assets.count(connection, context.scope, revision.id))
        changed = replace(
            revision,
            comment=revision.comment if request.comment is None else request.comment,
            finalized=revision.finalized if request.finalized is None else request.finalized,
        )
        if changed != revision:
            changed = replace(changed, updated_at=services.clock())
            await revisions.save(connection, changed)
    return shapes.UpdateRevisionResponse(**_members(changed))


async def delete_revision(context: Context, request: shapes.DeleteRevisionRequest) -> None:
    """Deletes a revision with its assets and tags, a finalized one too as long as nobody was given it [L].

    Crash: all of it is gone or none; the bytes of its assets go later.
    """
    scope = context.scope
    async with context.services.database.transaction() as connection:
        await existing.revision(connection, scope, request.data_set_id, request.revision_id, lock=True)
        await revisions.delete(connection, scope, request.data_set_id, request.revision_id)


async def revoke_revision(
    context: Context, request: shapes.RevokeRevisionRequest
) -> shapes.RevokeRevisionResponse:
    """Revokes a finalized revision for good; once more replaces the comment [L].

    Crash: revoked with its comment, or as before.
    """
    services = context.services
    async with services.database.transaction() as connection:
        revision = await existing.revision(
            connection, context.scope, request.data_set_id, request.revision_id, lock=True
        )
        require_revocable(revision)
        now = services.clock()
        revoked = replace(
            revision, revocation_comment=request.revocation_comment, revoked_at=now, updated_at=now
        )
        await revisions.save(connection, revoked)
    return shapes.RevokeRevisionResponse(**_members(revoked))


async def list_data_set_revisions(
    context: Context, request: shapes.ListDataSetRevisionsRequest
) -> shapes.ListDataSetRevisionsResponse:
    """The revisions of a data set, newest first."""
    database, scope = context.services.database, context.scope
    listing = Listing.of(
        context,
        "ListDataSetRevisions",
        request.data_set_id,
        max_results=request.max_results,
        next_token=request.next_token,
    )
    rows = await revisions.page(
        database, scope, request.data_set_id, after=listing.after_moment, limit=listing.fetch
    )
    if not rows:
        await existing.data_set(database, scope, request.data_set_id)
    page = listing.page(rows, lambda revision: (revision.created_at.milliseconds, revision.id))
    return shapes.ListDataSetRevisionsResponse(
        revisions=[shapes.RevisionEntry(**_members(revision)) for revision in page.entries],
        next_token=page.next_token,
    )
