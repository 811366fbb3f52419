"""What a request asks of S3: which operation, of which access point, and of which key."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from urllib.parse import parse_qsl, unquote_to_bytes

from entrepot.domain.access_point import AliasedAsset, aliased_asset, asset_of_host_label
from entrepot.http.messages import HttpRequest
from entrepot.s3_gateway.request_headers import headers_by_name
from entrepot.s3_gateway.s3_errors import ObjectProblem, ObjectRefused
from entrepot.wire.asgi import AsgiScope

_OF_S3 = re.compile(rb"(?:/|%2[Ff])s3(?:/|%2[Ff])aws4_request")
_ALIAS_IN_PATH = re.compile(rb"/[a-z2-7]{52}-s3alias(?:/|\Z)")
_ACCESS_POINT_IN_HOST = re.compile(
    rb"(?:[a-z2-7]{52}-s3alias|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}-[0-9]{12})\."
)


def is_for_s3(scope: AsgiScope) -> bool:
    host = b""
    for name, value in scope["headers"]:
        if name == b"authorization":
            return _OF_S3.search(value) is not None
        if name == b"host":
            host = value
    query: bytes = scope["query_string"]
    if query and b"X-Amz-Credential=" in query:
        return _OF_S3.search(query) is not None
    return (
        _ALIAS_IN_PATH.match(scope["raw_path"]) is not None
        or _ACCESS_POINT_IN_HOST.match(host.lower()) is not None
    )


_SUBRESOURCES = frozenset(
    {
        "abac", "accelerate", "acl", "analytics", "annotation", "attributes", "cors", "delete",
        "encryption", "intelligent-tiering", "inventory", "legal-hold", "lifecycle", "logging",
        "metadataConfiguration", "metadataTable", "metrics", "notification", "object-lock",
        "ownershipControls", "policy", "policyStatus", "publicAccessBlock", "replication", "requestPayment",
        "restore", "retention", "select", "session", "tagging", "torrent", "uploadId", "uploads", "versionId",
        "versioning", "versions", "website",
    }
)  # fmt: skip

_BAD_PATH = ObjectProblem(400, "InvalidURI", "Couldn't parse the specified URI.")
_BAD_QUERY = ObjectProblem(400, "InvalidArgument", "The query of the request is not UTF-8.")


class S3Operation(Enum):
    """What a client can ask for; the value is the name in metrics and in the audit log."""

    GET_OBJECT = "S3GetObject"
    HEAD_OBJECT = "S3HeadObject"
    LIST_OBJECTS_V2 = "S3ListObjectsV2"
    LIST_OBJECTS = "S3ListObjects"
    GET_BUCKET_LOCATION = "S3GetBucketLocation"
    HEAD_BUCKET = "S3HeadBucket"
    OTHER = "S3Other"


@dataclass(frozen=True, slots=True)
class S3Call:
    """One request, understood but not allowed yet."""

    operation: S3Operation
    bucket: str
    """As the client calls it: an alias, or the host label that was made of an ARN; perhaps empty."""
    key: str
    """Empty where the request is about the bucket."""
    query: Mapping[str, str]
    headers: Mapping[str, str]
    """By lower-case name; in presigned URLs, S3's own headers may be in the query as well."""
    alias: AliasedAsset | None
    access_point: str | None
    """The asset id of an access point's ARN."""


def understood(request: HttpRequest) -> S3Call:
    """Parses a request to S3. Raises `ObjectRefused` for a path or query that cannot be read."""
    label = _host_label(request)
    path = request.raw_path
    access_point = asset_of_host_label(label)
    if access_point is not None or aliased_asset(label) is not None:
        bucket, key = label, _decoded(path.removeprefix("/"))
    else:
        first, _, rest = path.removeprefix("/").partition("/")
        bucket, key = _decoded(first), _decoded(rest)
    query = _query(request)
    in_query = {name.lower(): value for name, value in query.items() if name.lower().startswith("x-amz-")}
    return S3Call(
        operation=_operation(request.method, bucket, key, query),
        bucket=bucket,
        key=key,
        query=query,
        headers=in_query | headers_by_name(request.headers),
        alias=aliased_asset(bucket),
        access_point=access_point,
    )


def _operation(method: str, bucket: str, key: str, query: Mapping[str, str]) -> S3Operation:
    if method not in {"GET", "HEAD"} or not bucket or not _SUBRESOURCES.isdisjoint(query):
        return S3Operation.OTHER
    if key:
        return S3Operation.GET_OBJECT if method == "GET" else S3Operation.HEAD_OBJECT
    if method == "HEAD":
        return S3Operation.HEAD_BUCKET
    if "location" in query:
        return S3Operation.GET_BUCKET_LOCATION
    return S3Operation.LIST_OBJECTS_V2 if query.get("list-type") == "2" else S3Operation.LIST_OBJECTS


def _host_label(request: HttpRequest) -> str:
    for name, value in request.headers:
        if name == b"host":
            return value.decode("latin-1").partition(".")[0].lower()
    return ""


def _decoded(text: str) -> str:
    try:
        return unquote_to_bytes(text.encode("latin-1")).decode()
    except UnicodeDecodeError:
        raise ObjectRefused(_BAD_PATH) from None


def _query(request: HttpRequest) -> dict[str, str]:
    try:
        pairs = parse_qsl(
            request.query_string.decode("latin-1"), keep_blank_values=True, errors="strict", max_num_fields=64
        )
    except ValueError:
        raise ObjectRefused(_BAD_QUERY) from None
    return dict(pairs)
