"""Which requests are meant for S3; looked at first of all, since every path may be the key of an object.

A request is, whose signature names the service `s3`, and one without a signature that names an access point.
"""

from __future__ import annotations

import re

from entrepot.wire.asgi import AsgiScope

_OF_S3 = re.compile(rb"(?:/|%2[Ff])s3(?:/|%2[Ff])aws4_request")
_ALIAS_IN_PATH = re.compile(rb"/[a-z2-7]{52}-s3alias(?:/|\Z)")
_ACCESS_POINT_IN_HOST = re.compile(
    rb"(?:[a-z2-7]{52}-s3alias|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}-[0-9]{12})\."
)


def is_for_s3(scope: AsgiScope) -> bool:
    """Whether the gateway is to answer the request."""
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
