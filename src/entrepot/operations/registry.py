"""All operations of the API, by name: what the wire dispatches to."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from types import MappingProxyType
from typing import Any

from entrepot.operations import (
    api_assets,
    assets,
    data_grants,
    data_sets,
    event_actions,
    jobs,
    notifications,
    revisions,
    tags,
)
from entrepot.operations.context import Context

# Each function takes the one request class that its name says; a table of all can only say `Any`.
OperationFunction = Callable[[Context, Any], Awaitable[Any]]

OPERATIONS: Mapping[str, OperationFunction] = MappingProxyType(
    {
        "AcceptDataGrant": data_grants.accept_data_grant,
        "CancelJob": jobs.cancel_job,
        "CreateDataGrant": data_grants.create_data_grant,
        "CreateDataSet": data_sets.create_data_set,
        "CreateEventAction": event_actions.create_event_action,
        "CreateJob": jobs.create_job,
        "CreateRevision": revisions.create_revision,
        "DeleteAsset": assets.delete_asset,
        "DeleteDataGrant": data_grants.delete_data_grant,
        "DeleteDataSet": data_sets.delete_data_set,
        "DeleteEventAction": event_actions.delete_event_action,
        "DeleteRevision": revisions.delete_revision,
        "GetAsset": assets.get_asset,
        "GetDataGrant": data_grants.get_data_grant,
        "GetDataSet": data_sets.get_data_set,
        "GetEventAction": event_actions.get_event_action,
        "GetJob": jobs.get_job,
        "GetReceivedDataGrant": data_grants.get_received_data_grant,
        "GetRevision": revisions.get_revision,
        "ListDataGrants": data_grants.list_data_grants,
        "ListDataSetRevisions": revisions.list_data_set_revisions,
        "ListDataSets": data_sets.list_data_sets,
        "ListEventActions": event_actions.list_event_actions,
        "ListJobs": jobs.list_jobs,
        "ListReceivedDataGrants": data_grants.list_received_data_grants,
        "ListRevisionAssets": assets.list_revision_assets,
        "ListTagsForResource": tags.list_tags_for_resource,
        "RevokeRevision": revisions.revoke_revision,
        "SendApiAsset": api_assets.send_api_asset,
        "SendDataSetNotification": notifications.send_data_set_notification,
        "StartJob": jobs.start_job,
        "TagResource": tags.tag_resource,
        "UntagResource": tags.untag_resource,
        "UpdateAsset": assets.update_asset,
        "UpdateDataSet": data_sets.update_data_set,
        "UpdateEventAction": event_actions.update_event_action,
        "UpdateRevision": revisions.update_revision,
    }
)
