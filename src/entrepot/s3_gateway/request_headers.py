"""Headers of requests to S3 that are not honoured, and the errors with which S3 refuses them.

What S3 documents for a request is honoured or refused, never ignored: whoever sends a condition, a key or a
checksum counts on it. Headers that S3 does not know it ignores, and so does the exchange.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from entrepot.http.messages import Header
from entrepot.s3_gateway.s3_errors import ObjectProblem, ObjectRefused

_ACCOUNT = re.compile(r"[0-9]{12}")
_OF_A_PROXY = frozenset({"x-amz-cf-id"})
"""CloudFront adds it to every request that it passes on."""
_CUSTOMER_KEY = "x-amz-server-side-encryption-customer-"
_OF_UPLOADS_REFUSED = ("transfer-encoding", "content-range", "expires")
_TWO_AUTHORIZATIONS = ObjectProblem(
    400,
    "InvalidArgument",
    "Only one auth mechanism allowed: a signed URL is sent without an Authorization header.",
)
_OTHER_OWNER = ObjectProblem(
    403, "AccessDenied", "Access Denied: x-amz-expected-bucket-owner is not the account that shares this."
)
_NO_OWNER = ObjectProblem(
    400,
    "InvalidBucketOwnerAWSAccountID",
    "The value of the expected bucket owner parameter must be an AWS account ID.",
)


def headers_by_name(headers: Iterable[Header]) -> dict[str, str]:
    """The headers by lower-case name; several of one name are one list (RFC 9110, section 5.3)."""
    found: dict[str, str] = {}
    for raw_name, raw_value in headers:
        name, value = raw_name.decode("latin-1"), raw_value.decode("latin-1").strip()
        found[name] = f"{found[name]}, {value}" if name in found else value
    return found


def require_allowed_by_signed_url(method: str, headers: Mapping[str, str]) -> None:
    """What S3 refuses of a request by a presigned URL. Raises `ObjectRefused`.

    Headers of S3's own (`x-amz-…`) must be signed with the URL, and the exchange signs none. So they are all
    refused: server-side encryption, ACLs, tags, user metadata, checksums, and whatever comes to be.
    """
    if "authorization" in headers:
        raise ObjectRefused(_TWO_AUTHORIZATIONS)
    unsigned = [name for name in headers if name.startswith("x-amz-") and name not in _OF_A_PROXY]
    if unsigned:
        raise ObjectRefused(
            ObjectProblem(
                403,
                "AccessDenied",
                f"There were headers present in the request which were not signed: {', '.join(unsigned)}",
            )
        )
    if method == "PUT":
        for name in _OF_UPLOADS_REFUSED:
            if name in headers:
                raise ObjectRefused(_not_implemented(name))
        if headers.get("if-none-match", "*") != "*":
            raise ObjectRefused(_not_implemented("if-none-match"))


def require_honoured(headers: Mapping[str, str], owner_id: str) -> None:
    """What the gateway refuses of a request to read from a bucket of `owner_id`. Raises `ObjectRefused`."""
    owner = headers.get("x-amz-expected-bucket-owner")
    if owner is not None and _ACCOUNT.fullmatch(owner) is None:
        raise ObjectRefused(_NO_OWNER)
    if owner is not None and owner != owner_id:
        raise ObjectRefused(_OTHER_OWNER)
    for name in headers:
        if name.startswith(_CUSTOMER_KEY) or name == "x-amz-optional-object-attributes":
            raise ObjectRefused(_not_implemented(name))
    for name, only in (("x-amz-request-payer", "requester"), ("x-amz-checksum-mode", "ENABLED")):
        # One SDK of AWS writes `enabled`.
        if headers.get(name, only).lower() != only.lower():
            raise ObjectRefused(ObjectProblem(400, "InvalidArgument", f"The value of {name} must be {only}."))


def _not_implemented(name: str) -> ObjectProblem:
    return ObjectProblem(
        501, "NotImplemented", f"A header you provided implies functionality that is not implemented: {name}"
    )
