"""Operations on event actions (behaviour reference, section 5).

An event action is the receiver's: it names a data set that was granted to the account, and exports each
revision that is published to it from then on. It outlives the grant, without any effect.

Whether the bucket can be written to is found out at once, by an object that is written there and removed
again. Which error tells of it is known to be ValidationException, and of what cause is our choice [G]:

    S3AccessDenied              the account may not use the bucket here (`entrepot bucket allow`), or there is
                                no such bucket
    InsufficientS3BucketPolicy  S3 itself refuses to let the exchange write there
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace

from entrepot.database import event_actions, tags
from entrepot.database.connection import Connection
from entrepot.domain.arn import event_action_arn
from entrepot.domain.errors import (
    BucketNotFound,
    InternalError,
    InvalidStoreRequest,
    ResourceType,
    ServiceLimitExceeded,
    StoreAccessDenied,
    StoreError,
    StoreUnavailable,
    ValidationFailed,
)
from entrepot.domain.event_action import AUTO_EXPORT_KEY_PATTERN, EventAction, probe_key, require_exportable
from entrepot.domain.job import Encryption
from entrepot.domain.key_pattern import KeyPattern
from entrepot.domain.limits import Limit
from entrepot.domain.tags import require_valid
from entrepot.entitlements.visibility.data_sets import Entitled, entitled
from entrepot.jobs.definition import answer
from entrepot.jobs.destinations import encryption_of
from entrepot.jobs.parents import require_bucket
from entrepot.model import shapes
from entrepot.operations.context import Context
from entrepot.operations.lookups import missing
from entrepot.operations.pages import Listing
from entrepot.stores.store import ObjectStore
from entrepot.transfer.user_buckets import Access, AccountBuckets

PROBE_SECONDS = 20.0
"""How long a request waits for S3. What was begun there goes on: it removes what it writes."""
_DENIED = "S3AccessDenied"
_POLICY = "InsufficientS3BucketPolicy"

_log = logging.getLogger(__name__)


def _entry(action: EventAction) -> shapes.EventActionEntry:
    """What every answer about an event action says; the action as it was given [G]."""
    return shapes.EventActionEntry(
        action=shapes.encoded(action.action_json),
        arn=event_action_arn(action.scope, action.id),
        created_at=action.created_at,
        event=shapes.Event(revision_published=shapes.RevisionPublished(data_set_id=action.data_set_id)),
        id=action.id,
        updated_at=action.updated_at,
    )


async def create_event_action(
    context: Context, request: shapes.CreateEventActionRequest
) -> shapes.CreateEventActionResponse:
    """Makes an event action, for what is published from now on.

    Raises `ValidationFailed` unless the data set is entitled and holds files, and where the bucket cannot be
    written to; and `ServiceLimitExceeded`.
    Crash: the event action and its tags are there together or not at all; what was written to the bucket, to
    look, may stay there.
    """
    given_tags = request.tags or {}
    require_valid(given_tags)
    if request.event.revision_published is None:
        raise ValidationFailed("Event needs RevisionPublished, with the DataSetId of an entitled data set.")
    data_set_id = request.event.revision_published.data_set_id
    export = _checked(request.action)
    services, scope = context.services, context.scope
    await _require_entitled(services.database, context, data_set_id)
    await _require_room(services.database, context, data_set_id)
    await _require_writable(context, export)
    now = services.clock()
    action = EventAction(
        scope=scope,
        id=services.new_identifier(),
        data_set_id=data_set_id,
        action_json=shapes.encode(request.action),
        created_at=now,
        updated_at=now,
    )
    async with services.database.transaction() as connection:
        # held so that their count stays true until this one is written
        await connection.hold(f"event actions {scope.account_id} {scope.region}")
        await _require_entitled(connection, context, data_set_id)
        await _require_room(connection, context, data_set_id)
        await event_actions.insert(connection, action)
        if given_tags:
            await tags.put(connection, scope, event_action_arn(scope, action.id), given_tags)
    return answer(shapes.CreateEventActionResponse, _entry(action), tags=given_tags or None)


async def get_event_action(
    context: Context, request: shapes.GetEventActionRequest
) -> shapes.GetEventActionResponse:
    """One event action, with its tags."""
    database, scope = context.services.database, context.scope
    action = await existing_event_action(database, context, request.event_action_id)
    present_tags = await tags.get(database, scope, event_action_arn(scope, action.id))
    return answer(shapes.GetEventActionResponse, _entry(action), tags=present_tags or None)


async def update_event_action(
    context: Context, request: shapes.UpdateEventActionRequest
) -> shapes.UpdateEventActionResponse:
    """Replaces the action; what is absent, or the same as before, changes nothing. The event stays.

    Raises `ValidationFailed` as CreateEventAction does.
    Crash: changed or not.
    """
    services = context.services
    action = await existing_event_action(services.database, context, request.event_action_id)
    if request.action is None:
        return answer(shapes.UpdateEventActionResponse, _entry(action))
    export = _checked(request.action)
    await _require_entitled(services.database, context, action.data_set_id)
    await _require_writable(context, export)
    async with services.database.transaction() as connection:
        action = await existing_event_action(connection, context, request.event_action_id, lock=True)
        await _require_entitled(connection, context, action.data_set_id)
        changed = replace(action, action_json=shapes.encode(request.action))
        if changed != action:
            changed = replace(changed, updated_at=services.clock())
            await event_actions.save(connection, changed)
    return answer(shapes.UpdateEventActionResponse, _entry(changed))


async def delete_event_action(context: Context, request: shapes.DeleteEventActionRequest) -> None:
    """Deletes an event action; the jobs that it has started go on.

    Crash: the event action and its tags are gone together or not at all.
    """
    scope = context.scope
    async with context.services.database.transaction() as connection:
        if not await event_actions.delete(connection, scope, request.event_action_id):
            raise missing(ResourceType.EVENT_ACTION, request.event_action_id)
        await tags.remove_prefix(connection, scope, event_action_arn(scope, request.event_action_id))


async def list_event_actions(
    context: Context, request: shapes.ListEventActionsRequest
) -> shapes.ListEventActionsResponse:
    """The event actions of the account, newest first [G]; of one data set if so asked.

    A filter that names nothing that exists finds nothing [G]: event actions outlive their grants.
    """
    listing = Listing.of(context, "ListEventActions", request, request.event_source_id)
    rows = await event_actions.page(
        context.services.database,
        context.scope,
        data_set_id=request.event_source_id,
        after=listing.after_moment,
        limit=listing.fetch,
    )
    page = listing.page(rows, lambda action: (action.created_at.milliseconds, action.id))
    return shapes.ListEventActionsResponse(
        event_actions=[_entry(action) for action in page.entries], next_token=page.next_token
    )


async def existing_event_action(
    connection: Connection, context: Context, event_action_id: str, *, lock: bool = False
) -> EventAction:
    """The caller's event action, locked until the transaction ends if so wished.

    Raises `ResourceNotFound`.
    """
    found = await event_actions.get(connection, context.scope, event_action_id, lock=lock)
    if found is None:
        raise missing(ResourceType.EVENT_ACTION, event_action_id)
    return found


def _checked(action: shapes.Action) -> shapes.AutoExportRevisionToS3RequestDetails:
    """The export that the action asks for. Raises `ValidationFailed` where no job could do it."""
    export = action.export_revision_to_s3
    if export is None:
        raise ValidationFailed("Action needs ExportRevisionToS3, with the RevisionDestination of an export.")
    require_bucket(export.revision_destination.bucket)
    _pattern(export)
    encryption_of(export.encryption)
    return export


def _pattern(export: shapes.AutoExportRevisionToS3RequestDetails) -> KeyPattern:
    text = export.revision_destination.key_pattern
    return KeyPattern.parse(AUTO_EXPORT_KEY_PATTERN if text is None else text)


async def _require_entitled(connection: Connection, context: Context, data_set_id: str) -> Entitled:
    """The grant by which the caller receives the data set.

    Raises `ValidationFailed` for an owned data set [C], and for an unknown one: the operation declares no
    ResourceNotFound.
    """
    seen = await entitled(connection, context.scope, data_set_id, context.services.clock())
    if seen is None or seen.by_owner:
        raise ValidationFailed(
            f"Data set {data_set_id} is none that this account is entitled to. An event action takes one of "
            "those that ListDataSets shows with Origin ENTITLED; its owner needs none."
        )
    require_exportable(data_set_id, seen.grant.asset_type)
    return seen


async def _require_room(connection: Connection, context: Context, data_set_id: str) -> None:
    """Raises `ServiceLimitExceeded` when there are as many event actions as there may be."""
    scope, limits = context.scope, context.services.limits
    counted = (
        (Limit.EVENT_ACTIONS_PER_DATA_SET, f"Data set {data_set_id}", data_set_id),
        (Limit.EVENT_ACTIONS_PER_ACCOUNT, f"This account in {scope.region}", None),
    )
    for limit, whose, only in counted:
        if await event_actions.count(connection, scope, only) >= limits[limit]:
            raise ServiceLimitExceeded(
                f"{whose} has {limits[limit]} event actions, the most it may have; delete one.",
                limit_name=limit,
                limit_value=float(limits[limit]),
            )


async def _require_writable(context: Context, export: shapes.AutoExportRevisionToS3RequestDetails) -> None:
    """Writes an object to where the exports go, and removes it.

    Raises `ValidationFailed` where that is refused, and `InternalError` where it may succeed later.
    """
    bucket = export.revision_destination.bucket
    account_id = context.scope.account_id
    key = _pattern(export).beginning + probe_key(account_id)
    buckets = await context.services.buckets.of_account(account_id)
    try:
        async with asyncio.timeout(PROBE_SECONDS):
            await asyncio.to_thread(_probe, buckets, bucket, key, encryption_of(export.encryption))
    except TimeoutError as error:
        raise _unknown(bucket, f"S3 took longer than {PROBE_SECONDS:g} seconds.") from error


def _probe(buckets: AccountBuckets, bucket: str, key: str, encryption: Encryption | None) -> None:
    """Blocks for as long as S3 takes."""
    try:
        store = buckets.open(bucket, key, Access.WRITE)
    except InvalidStoreRequest as error:
        raise ValidationFailed(error.message) from error
    except StoreAccessDenied as error:
        raise ValidationFailed(error.message, exception_cause=_DENIED) from error
    try:
        store.put(key, memoryview(b""), 0, encryption=encryption)
    except BucketNotFound as error:
        raise _not_writable(error, _DENIED) from error
    except StoreAccessDenied as error:
        raise _not_writable(error, _POLICY) from error
    except StoreUnavailable as error:
        raise _unknown(bucket, error.message) from error
    except StoreError as error:
        raise _not_writable(error, None) from error
    _remove(store, key)


def _unknown(bucket: str, why: str) -> InternalError:
    return InternalError(
        f"Whether bucket {bucket} can be written to could not be found out; try again. {why}"
    )


def _not_writable(error: StoreError, cause: str | None) -> ValidationFailed:
    return ValidationFailed(
        f"Exports could not be written to bucket {error.bucket}: {error.message}", exception_cause=cause
    )


def _remove(store: ObjectStore, key: str) -> None:
    """Removes the probe; where that fails it stays. Only writing is asked for, the next replaces it [G]."""
    try:
        store.delete(key)
    except StoreError as error:
        _log.info("the object that was written to look stays: %s", error)
