"""What is looked at in answers of an exchange before anything is made of them.

Whoever answers may be hostile, or no exchange at all. An id becomes part of paths, keys and command lines, so
it is letters, digits, hyphens and underscores; texts are texts, numbers are numbers and lists are lists.
"""

from __future__ import annotations

from entrepot.client.client_errors import UnreadableAnswer

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any

_IDS = frozenset({"Id", "DataSetId", "RevisionId", "AssetId", "JobId"})
_LONGEST_ID = 100
_TEXTS = frozenset(
    {"Arn", "AssetName", "AssetType", "Bucket", "Code", "Key", "KeyPattern", "Md5Hash", "Message", "Name"}
    | {"NextToken", "Origin", "SignedUrl", "State", "Type"}
)
_LISTS = frozenset(
    {"AssetDestinations", "AssetSources", "Assets", "DataSets", "Errors", "Jobs", "RevisionDestinations"}
    | {"ImportAssetsFromS3JobErrorDetails", "Revisions"}
)
_OBJECTS = frozenset(
    {
        "AssetDetails",
        "Details",
        "ExportAssetToSignedUrl",
        "ExportAssetsToS3",
        "ExportRevisionsToS3",
        "S3SnapshotAsset",
    }
    | {"ImportAssetFromSignedUrl", "ImportAssetsFromS3", "Tags"}
)
_LARGEST = 2**63
_NEEDED = {
    "AssetDestinations": ("AssetId", "Bucket"),
    "AssetSources": ("Bucket", "Key"),
    "Assets": ("Id", "Name", "AssetType", "AssetDetails"),
    "DataSets": ("Id", "Name", "AssetType"),
    "Errors": ("Code",),
    "ImportAssetFromSignedUrl": ("AssetName",),
    "ImportAssetsFromS3JobErrorDetails": ("Key",),
    "Jobs": ("Id", "State", "Type", "Details"),
    "RevisionDestinations": ("RevisionId", "Bucket"),
    "Revisions": ("Id", "Finalized"),
    "S3SnapshotAsset": ("Size",),
    "create-data-set": ("Id",),
    "create-job": ("Id",),
    "create-revision": ("Id",),
    "get-data-set": ("Id", "AssetType", "Origin"),
    "get-job": ("Id", "State", "Type", "Details"),
    "get-revision": ("Id", "Arn", "Finalized"),
}
"""The members that are made use of, by list, object or command."""


def is_id(value: object) -> bool:
    """Whether this may be an id of an exchange, and does no harm in a path or in a command line."""
    return (
        isinstance(value, str)
        and 0 < len(value) <= _LONGEST_ID
        and value[0].isalnum()
        and value.replace("-", "").replace("_", "").isalnum()
        and value.isascii()
    )


def check_answer(command: str, answer: Mapping[str, Any]) -> None:
    """Raises `UnreadableAnswer` where the answer to a command is not what the API says of it."""
    try:
        _require(answer, _NEEDED.get(command, ()), command)
        _check(answer, command)
    except RecursionError as error:
        raise _unreadable(command, "it is nested too deeply") from error


def _check(answer: Mapping[str, Any], command: str) -> None:
    for name, value in answer.items():
        problem = None if value is None else _problem(name, value)
        if problem is not None:
            raise _unreadable(command, f"{name} is {problem}")
        if name in _LISTS:
            for one in value or ():
                _require(one, _NEEDED.get(name, ()), command)
                _check(one, command)
        elif isinstance(value, dict) and name != "Tags":  # whose keys are anybody's
            _require(value, _NEEDED.get(name, ()), command)
            _check(value, command)


def _problem(name: str, value: object) -> str | None:
    """What is wrong with a member."""
    if name in _IDS:
        return None if is_id(value) else f"{value!r:.200}, which is no id"
    if name in _TEXTS:
        return None if isinstance(value, str) else "no text"
    if name in _LISTS:
        is_list = isinstance(value, list) and all(isinstance(one, dict) for one in value)
        return None if is_list else "no list of objects"
    if name == "Size":
        is_number = isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value < _LARGEST
        return None if is_number else "no number of bytes"
    if name in _OBJECTS:
        return None if isinstance(value, dict) else "no object"
    return None


def _require(entry: Mapping[str, Any], members: Iterable[str], command: str) -> None:
    for member in members:
        if entry.get(member) is None:
            raise _unreadable(command, f"{member} is missing")


def _unreadable(command: str, reason: str) -> UnreadableAnswer:
    return UnreadableAnswer(
        f"The answer to {command} is none of an exchange: {reason}. Check the endpoint's URL, or ask whoever "
        "runs the exchange."
    )
