"""What this version does not do yet: it says so, and still answers truly what can be answered."""

from __future__ import annotations

import pytest
from tests.unit.operations.house import NOWHERE, House

from entrepot.domain.errors import ResourceNotFound, ResourceType, ValidationFailed
from entrepot.model import shapes
from entrepot.operations.api_assets import send_api_asset
from entrepot.operations.context import Context
from entrepot.operations.data_grants import (
    accept_data_grant,
    create_data_grant,
    delete_data_grant,
    get_data_grant,
    get_received_data_grant,
    list_data_grants,
    list_received_data_grants,
)
from entrepot.operations.event_actions import (
    create_event_action,
    delete_event_action,
    get_event_action,
    list_event_actions,
    update_event_action,
)
from entrepot.operations.notifications import send_data_set_notification

GRANT_ARN = f"arn:aws:dataexchange:us-east-1:333333333333:data-grants/{NOWHERE}"


async def test_the_creating_operations_are_refused_by_name(house: House, context: Context) -> None:
    data_set_id = await house.data_set(context)
    revision_id = await house.revision(context, data_set_id)
    (asset_id,) = await house.assets(context, data_set_id, revision_id)
    attempts = {
        "CreateEventAction": create_event_action(
            context, shapes.CreateEventActionRequest(action=shapes.Action(), event=shapes.Event())
        ),
        "CreateDataGrant": create_data_grant(context, grant_request(data_set_id)),
        "SendApiAsset": send_api_asset(
            context,
            shapes.SendApiAssetRequest(data_set_id=data_set_id, revision_id=revision_id, asset_id=asset_id),
        ),
        "SendDataSetNotification": send_data_set_notification(
            context, shapes.SendDataSetNotificationRequest(data_set_id=data_set_id, type="DATA_DELAY")
        ),
    }
    for operation, attempt in attempts.items():
        with pytest.raises(
            ValidationFailed, match=f"^{operation} is not available in this version of Entrepot"
        ):
            await attempt


async def test_those_that_name_a_resource_look_for_it_first(house: House, context: Context) -> None:
    data_set_id = await house.data_set(context)
    revision_id = await house.revision(context, data_set_id)
    attempts = [
        (create_data_grant(context, grant_request(NOWHERE)), ResourceType.DATA_SET),
        (
            send_api_asset(
                context,
                shapes.SendApiAssetRequest(
                    data_set_id=data_set_id, revision_id=revision_id, asset_id=NOWHERE
                ),
            ),
            ResourceType.ASSET,
        ),
        (
            send_data_set_notification(
                context, shapes.SendDataSetNotificationRequest(data_set_id=NOWHERE, type="DATA_DELAY")
            ),
            ResourceType.DATA_SET,
        ),
    ]
    for attempt, resource_type in attempts:
        with pytest.raises(ResourceNotFound) as caught:
            await attempt
        assert (caught.value.resource_id, caught.value.resource_type) == (NOWHERE, resource_type)


async def test_there_are_no_event_actions_and_no_grants(context: Context) -> None:
    event_actions = await list_event_actions(context, shapes.ListEventActionsRequest())
    grants = await list_data_grants(context, shapes.ListDataGrantsRequest())
    received = await list_received_data_grants(
        context, shapes.ListReceivedDataGrantsRequest(acceptance_state=["ACCEPTED"])
    )
    assert shapes.encode(event_actions) == b'{"EventActions":[]}'
    assert shapes.encode(grants) == shapes.encode(received) == b'{"DataGrantSummaries":[]}'


async def test_no_token_is_good_for_lists_that_never_gave_one(context: Context) -> None:
    attempts = (
        list_event_actions(context, shapes.ListEventActionsRequest(next_token="x")),
        list_data_grants(context, shapes.ListDataGrantsRequest(next_token="x")),
        list_received_data_grants(context, shapes.ListReceivedDataGrantsRequest(next_token="x")),
    )
    for attempt in attempts:
        with pytest.raises(ValidationFailed, match="NextToken"):
            await attempt


async def test_no_event_action_is_found(context: Context) -> None:
    attempts = (
        get_event_action(context, shapes.GetEventActionRequest(event_action_id=NOWHERE)),
        update_event_action(context, shapes.UpdateEventActionRequest(event_action_id=NOWHERE)),
        delete_event_action(context, shapes.DeleteEventActionRequest(event_action_id=NOWHERE)),
    )
    for attempt in attempts:
        with pytest.raises(ResourceNotFound) as caught:
            await attempt
        assert (caught.value.resource_id, caught.value.resource_type) == (NOWHERE, ResourceType.EVENT_ACTION)


async def test_no_grant_is_found_by_id_or_arn(context: Context) -> None:
    attempts = (
        get_data_grant(context, shapes.GetDataGrantRequest(data_grant_id=NOWHERE)),
        get_data_grant(context, shapes.GetDataGrantRequest(data_grant_id=GRANT_ARN)),
        delete_data_grant(context, shapes.DeleteDataGrantRequest(data_grant_id=NOWHERE)),
        accept_data_grant(context, shapes.AcceptDataGrantRequest(data_grant_arn=GRANT_ARN)),
        get_received_data_grant(context, shapes.GetReceivedDataGrantRequest(data_grant_arn=GRANT_ARN)),
    )
    for attempt in attempts:
        with pytest.raises(ResourceNotFound) as caught:
            await attempt
        assert (caught.value.resource_id, caught.value.resource_type) == (NOWHERE, ResourceType.DATA_GRANT)


def grant_request(data_set_id: str) -> shapes.CreateDataGrantRequest:
    return shapes.CreateDataGrantRequest(
        name="grant",
        grant_distribution_scope="NONE",
        receiver_principal="222222222222",
        source_data_set_id=data_set_id,
    )
