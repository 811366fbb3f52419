"""For every operation: what somebody meets who names what belongs to others, and what a receiver may do."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import NamedTuple


class Stranger(Enum):
    """What an account meets that names what it can not see."""

    NOT_FOUND = "ResourceNotFoundException"
    INVALID = "ValidationException"
    """The operation declares no ResourceNotFoundException [C]."""
    FINDS_NOTHING = "finds nothing"
    """A list whose filter names it is empty [G]."""
    NAMES_NOTHING = "names nothing"
    """The operation names nothing."""


class Receiver(Enum):
    """What an account meets that names what it was granted, by the names that it knows."""

    ALLOWED = "allowed"
    DENIED = "AccessDeniedException"
    NOT_FOUND = "ResourceNotFoundException"
    """An ARN without account: no tags are there for the receiver [G]."""
    INVALID = "ValidationException"
    """What is granted in these tests are files; the operation is for other things."""
    NOT_OF_DATA_SETS = "not of data sets"
    """The operation names no data set, revision or asset."""


class Row(NamedTuple):
    """One operation."""

    stranger: Stranger
    receiver: Receiver
    owner: Receiver | None = None
    """What the owner meets that looks at what it granted, where it differs."""


_NOT_NAMED = Row(Stranger.NOT_FOUND, Receiver.NOT_OF_DATA_SETS)
_READ = Row(Stranger.NOT_FOUND, Receiver.ALLOWED)
_CHANGE = Row(Stranger.NOT_FOUND, Receiver.DENIED)
_TAGS = Row(Stranger.NOT_FOUND, Receiver.NOT_FOUND)
_OF_THE_CALLER = Row(Stranger.NAMES_NOTHING, Receiver.NOT_OF_DATA_SETS)
_FILTER = Row(Stranger.FINDS_NOTHING, Receiver.ALLOWED)

ROWS: Mapping[str, Row] = {
    "AcceptDataGrant": _NOT_NAMED,
    "CancelJob": _NOT_NAMED,
    "CreateDataGrant": _CHANGE,
    "CreateDataSet": _OF_THE_CALLER,
    "CreateEventAction": Row(Stranger.INVALID, Receiver.ALLOWED, Receiver.INVALID),
    "CreateJob": _CHANGE,  # but for exports: see `row`
    "CreateRevision": _CHANGE,
    "DeleteAsset": _CHANGE,
    "DeleteDataGrant": _NOT_NAMED,
    "DeleteDataSet": _CHANGE,
    "DeleteEventAction": _NOT_NAMED,
    "DeleteRevision": _CHANGE,
    "GetAsset": _READ,
    "GetDataGrant": _NOT_NAMED,
    "GetDataSet": _READ,
    "GetEventAction": _NOT_NAMED,
    "GetJob": _NOT_NAMED,
    "GetReceivedDataGrant": _NOT_NAMED,
    "GetRevision": _READ,
    "ListDataGrants": _OF_THE_CALLER,
    "ListDataSetRevisions": _READ,
    "ListDataSets": _OF_THE_CALLER,
    "ListEventActions": _FILTER,
    "ListJobs": _FILTER,
    "ListReceivedDataGrants": _OF_THE_CALLER,
    "ListRevisionAssets": _READ,
    "ListTagsForResource": _TAGS,
    "RevokeRevision": _CHANGE,
    "SendApiAsset": Row(Stranger.NOT_FOUND, Receiver.INVALID),
    "SendDataSetNotification": _CHANGE,
    "StartJob": _NOT_NAMED,
    "TagResource": _TAGS,
    "UntagResource": _TAGS,
    "UpdateAsset": _CHANGE,
    "UpdateDataSet": _CHANGE,
    "UpdateEventAction": _NOT_NAMED,
    "UpdateRevision": _CHANGE,
}


def row(operation: str, label: str) -> Row:
    """Of one form of the operation."""
    if operation == "CreateJob" and label.startswith("EXPORT_"):
        return _READ
    return ROWS[operation]
