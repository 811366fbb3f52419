"""Operations on event actions (behaviour reference, section 5). None can be made yet, so none exist."""

from __future__ import annotations

from entrepot.domain.errors import ResourceType
from entrepot.model import shapes
from entrepot.operations.context import Context
from entrepot.operations.existing import missing
from entrepot.operations.not_offered import not_offered
from entrepot.operations.pages import Listing


async def create_event_action(
    context: Context, request: shapes.CreateEventActionRequest
) -> shapes.CreateEventActionResponse:
    """Raises `ValidationFailed`: not available yet."""
    raise not_offered("CreateEventAction")


async def get_event_action(
    context: Context, request: shapes.GetEventActionRequest
) -> shapes.GetEventActionResponse:
    """Raises `ResourceNotFound`."""
    raise missing(ResourceType.EVENT_ACTION, request.event_action_id)


async def update_event_action(
    context: Context, request: shapes.UpdateEventActionRequest
) -> shapes.UpdateEventActionResponse:
    """Raises `ResourceNotFound`."""
    raise missing(ResourceType.EVENT_ACTION, request.event_action_id)


async def delete_event_action(context: Context, request: shapes.DeleteEventActionRequest) -> None:
    """Raises `ResourceNotFound`."""
    raise missing(ResourceType.EVENT_ACTION, request.event_action_id)


async def list_event_actions(
    context: Context, request: shapes.ListEventActionsRequest
) -> shapes.ListEventActionsResponse:
    """None. Raises `ValidationFailed` for any token, since none was ever handed out."""
    Listing.of(
        context,
        "ListEventActions",
        request.event_source_id,
        max_results=request.max_results,
        next_token=request.next_token,
    )
    return shapes.ListEventActionsResponse(event_actions=[])
