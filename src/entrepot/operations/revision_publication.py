"""What follows for receivers when an owner publishes a revision, or revokes one (reference, 5 and 8).

Both are called inside the owner's own transaction: a revision that is finalized is told of, and exported, or
it is not finalized.
"""

from __future__ import annotations

from entrepot.database import data_grants, event_actions, jobs
from entrepot.database.connection import Connection
from entrepot.domain import event
from entrepot.domain.data_grant import DataGrant
from entrepot.domain.data_set import DataSet
from entrepot.domain.revision import Revision
from entrepot.domain.timestamp import Timestamp
from entrepot.entitlements.visibility.data_set_access import Entitled
from entrepot.entitlements.visibility.revisions import entitled_revision
from entrepot.events.recording import record
from entrepot.jobs.auto_export import export_job
from entrepot.operations.context import Services


async def publish(connection: Connection, services: Services, revision: Revision, data_set: DataSet) -> None:
    """Everyone who has access to the data set is told of the revision, and what event actions say is begun.

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
    """Everyone who has access to the data set is told that the revision was revoked, and why.

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
