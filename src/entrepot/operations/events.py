"""The events of the caller's account and Region, read in their order. AWS has no such operation."""

from __future__ import annotations

import json
from contextlib import suppress

from entrepot.database import events
from entrepot.domain.errors import ValidationFailed
from entrepot.domain.event import StoredEvent
from entrepot.operations.context import Context

LATEST = "latest"
"""The cursor that begins after all events there are."""


async def events_after(context: Context, position: int, limit: int) -> list[StoredEvent]:
    return await events.after(context.services.database, context.scope, position, limit)


async def position_of(context: Context, cursor: str | None) -> int:
    """The position of a cursor; 0 without one. Raises `ValidationFailed` for one of somebody else."""
    if cursor is None:
        return 0
    if cursor == LATEST:
        return await events.latest(context.services.database, context.scope)
    with suppress(ValidationFailed):
        match context.services.page_tokens.decode(_binding(context), cursor):
            case (int(position),):
                return position
    raise ValidationFailed(
        "The cursor is not one of this account and Region. Use the Cursor of a former answer unchanged, "
        f"{LATEST} to begin after all events there are, or none to begin at the oldest."
    )


def cursor_at(context: Context, position: int) -> str:
    """The cursor of a position, good for this account and Region alone."""
    return context.services.page_tokens.encode(_binding(context), [position])


def _binding(context: Context) -> str:
    scope = context.scope
    return json.dumps(["events", scope.partition, scope.region, scope.account_id])
