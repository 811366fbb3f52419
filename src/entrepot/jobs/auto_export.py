"""Auto-export: the jobs that event actions make and start, and what their end is told as.

Such a job is one like any other (EXPORT_REVISIONS_TO_S3, in the scope of the event action's account), but
that nobody called CreateJob and StartJob: so it does not count among the jobs that its account may have in
progress.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from entrepot.database import data_grants
from entrepot.domain.arn import event_action_arn
from entrepot.domain.event import auto_export
from entrepot.domain.event_action import AUTO_EXPORT_KEY_PATTERN, EventAction
from entrepot.domain.job import Job, JobState, JobType
from entrepot.domain.timestamp import Timestamp
from entrepot.entitlements.visibility.data_sets import Entitled
from entrepot.entitlements.visibility.revisions import get_entitled
from entrepot.events.event_log import record
from entrepot.model import shapes

if TYPE_CHECKING:
    from entrepot.database.connection import Connection


def export_job(action: EventAction, revision_id: str, *, job_id: str, now: Timestamp) -> Job:
    """The job that does what the event action says with the entitled revision; it waits to be started."""
    export = exported_by(action)
    destination = export.revision_destination
    pattern = AUTO_EXPORT_KEY_PATTERN if destination.key_pattern is None else destination.key_pattern
    details = shapes.ExportRevisionsToS3ResponseDetails(
        data_set_id=action.data_set_id,
        encryption=export.encryption,
        revision_destinations=[
            shapes.RevisionDestinationEntry(
                bucket=destination.bucket, key_pattern=pattern, revision_id=revision_id
            )
        ],
        event_action_arn=event_action_arn(action.scope, action.id),
    )
    return Job(
        scope=action.scope,
        id=job_id,
        type=JobType.EXPORT_REVISIONS_TO_S3,
        state=JobState.WAITING,
        created_at=now,
        updated_at=now,
        details_json=shapes.encode(shapes.ResponseDetails(export_revisions_to_s3=details)),
        data_set_id=action.data_set_id,
        revision_ids=(revision_id,),
        event_action_id=action.id,
    )


def exported_by(action: EventAction) -> shapes.AutoExportRevisionToS3RequestDetails:
    export = shapes.decode(action.action_json, shapes.Action).export_revision_to_s3
    if export is None:
        raise ValueError(f"event action {action.id} exports nothing")
    return export


async def tell_of_end(connection: Connection, job: Job, *, completed: bool, now: Timestamp) -> None:
    """Tells the account of an event action that a job of it has ended; of other jobs nobody is told.

    For use in the transaction that ends the job, near its end. Where the data grant is gone nothing is told:
    the account was told of that, and there is no name left that it knows the data by.
    """
    if job.event_action_id is None:
        return
    grant = await data_grants.of_data_set(connection, job.scope.region, job.data_set_id)
    if grant is None or grant.receiver_id != job.scope.account_id:
        return
    seen = Entitled(grant, by_owner=False)
    found = [await get_entitled(connection, seen, revision_id) for revision_id in job.revision_ids]
    revisions = [revision for revision in found if revision is not None]
    await record(connection, [auto_export(grant, revisions, completed=completed)], now)
