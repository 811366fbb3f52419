"""A receiver with a bucket: what tests of event actions and notifications begin with, beside `granting`."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from tests.unit.operations.application import Application, present
from tests.unit.operations.granting import Exchange
from tests.unit.operations.watched_buckets import WatchedBuckets

from entrepot.database import events, jobs
from entrepot.domain.job import Job
from entrepot.model import shapes
from entrepot.operations.context import Context
from entrepot.operations.event_actions import create_event_action

BUCKET = "receivers-bucket"


async def with_buckets(application: Application, folder: Path) -> tuple[Exchange, WatchedBuckets]:
    """An exchange whose buckets are folders, `BUCKET` among them."""
    (folder / BUCKET).mkdir(parents=True)
    buckets = WatchedBuckets(folder)
    return await Exchange.opened(
        replace(application, services=replace(application.services, buckets=buckets))
    ), buckets


def action(bucket: str = BUCKET, pattern: str | None = None, **encryption: str) -> shapes.Action:
    """An export to the bucket; `encryption` are members of Encryption."""
    return shapes.Action(
        export_revision_to_s3=shapes.AutoExportRevisionToS3RequestDetails(
            revision_destination=shapes.AutoExportRevisionDestinationEntry(
                bucket=bucket, key_pattern=pattern
            ),
            encryption=shapes.convert(encryption, shapes.ExportServerSideEncryption) if encryption else None,
        )
    )


async def create(
    context: Context, data_set_id: str, wanted: shapes.Action | None = None, **tags: str
) -> shapes.CreateEventActionResponse:
    """Makes an event action on the data set."""
    request = shapes.CreateEventActionRequest(
        action=wanted or action(),
        event=shapes.Event(revision_published=shapes.RevisionPublished(data_set_id=data_set_id)),
        tags=tags or None,
    )
    return await create_event_action(context, request)


async def create_id(context: Context, data_set_id: str, wanted: shapes.Action | None = None) -> str:
    """Makes an event action; its id."""
    return present((await create(context, data_set_id, wanted)).id)


async def jobs_of(context: Context) -> list[Job]:
    """All jobs of the account, newest first."""
    return await jobs.page(context.services.database, context.scope, after=None, limit=100)


async def told(context: Context) -> list[tuple[str, tuple[str, ...], dict[str, Any]]]:
    """The events of the account: detail type, resources and detail."""
    found = await events.after(context.services.database, context.scope, 0, 1000)
    return [(event.detail_type, event.resources, json.loads(event.detail_json)) for event in found]
