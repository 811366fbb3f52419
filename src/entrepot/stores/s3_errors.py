"""What an S3 endpoint refused, as an error of the domain with a message that a person can act on.

404 NoSuchBucket → BucketNotFound      400 BadDigest …     → DamagedRequest
404 other        → ObjectNotFound      other 4xx           → InvalidStoreRequest
401, 403         → StoreAccessDenied   507, out of space   → StoreFull
3xx elsewhere    → InvalidStoreRequest
412              → ObjectChanged       500, 502, 503, 504, 429 and what never answered → StoreUnavailable
"""

from __future__ import annotations

from dataclasses import dataclass

from entrepot.domain.errors import (
    BucketNotFound,
    DamagedRequest,
    InvalidStoreRequest,
    ObjectChanged,
    ObjectNotFound,
    StoreAccessDenied,
    StoreError,
    StoreFull,
    StoreUnavailable,
)

_THROTTLE_CODES = frozenset(
    {
        "BandwidthLimitExceeded",
        "RequestLimitExceeded",
        "RequestThrottled",
        "RequestThrottledException",
        "SlowDown",
        "SlowDownRead",
        "SlowDownWrite",
        "ThrottledException",
        "Throttling",
        "ThrottlingException",
        "TooManyRequests",
        "TooManyRequestsException",
    }
)
"""The throttling errors of AWS's SDKs ("Retry behavior"), and those of servers that speak as S3 does."""
_DAMAGED_CODES = frozenset(
    {
        "EntityTooSmall",
        "IncompleteBody",
        "InvalidDigest",
        "InvalidPart",
        "InvalidPartOrder",
        "MalformedXML",
        "MissingContentLength",
        "RequestTimeout",
        "XAmzContentSHA256Mismatch",
    }
)
"""What requests that are right by their making are never answered, unless they were damaged on the way."""
_RETRIED_CODES = (
    _THROTTLE_CODES
    | _DAMAGED_CODES
    | {"ConditionalRequestConflict", "InternalError", "OperationAborted", "ServiceUnavailable"}
)
_FULL_CODES = frozenset({"InsufficientStorage", "XMinioStorageFull", "InsufficientCapacity", "QuotaExceeded"})
_CHECKSUM_CODES = frozenset({"BadDigest", "XAmzContentChecksumMismatch"})
"""The bytes of an object were damaged; here or on the way, so whoever has them reads them anew."""
_EXPIRED_CODES = frozenset(
    {"ExpiredToken", "ExpiredTokenException", "TokenRefreshRequired", "RequestExpired"}
)
_UNSIGNED_CODES = frozenset({"InvalidAccessKeyId", "SignatureDoesNotMatch"})
_DENIED_CODES = _UNSIGNED_CODES | _EXPIRED_CODES | {"InvalidToken"}
_STATUS_OF_CODE = {
    "AccessDenied": 403,
    "InternalError": 500,
    "NoSuchBucket": 404,
    "NoSuchKey": 404,
    "NoSuchUpload": 404,
    "PreconditionFailed": 412,
    "ServiceUnavailable": 503,
    **dict.fromkeys(_THROTTLE_CODES, 503),
}
_HINTS = {
    "InvalidAccessKeyId": "The endpoint does not know the access key: check the credentials.",
    "SignatureDoesNotMatch": "The secret access key is not that of the access key: check the credentials.",
    "RequestTimeTooSkewed": "The clocks of this machine and of the endpoint differ: set the clock.",
    "InvalidObjectState": "The object is archived: restore it first.",
}


@dataclass(frozen=True, slots=True)
class Refusal:
    status: int
    code: str
    """Empty where the answer has no body, as to HEAD."""
    message: str
    target: str = ""
    """Where a redirect leads, as the endpoint said it."""

    @property
    def is_redirect(self) -> bool:
        return self.status in (301, 302, 303, 307, 308)

    @property
    def is_retried(self) -> bool:
        """Whether the same request may pass a moment later."""
        if self.is_full:
            return False
        return self.status in (429, 500, 502, 503, 504) or self.code in _RETRIED_CODES

    @property
    def is_unsigned(self) -> bool:
        """Whether the signature is none of the credentials: they are wrong, or the request was damaged."""
        return self.code in _UNSIGNED_CODES

    @property
    def is_throttled(self) -> bool:
        """Whether fewer requests are asked for; S3 says so by 503, to HEAD without a code."""
        return not self.is_full and (self.status in (429, 503) or self.code in _THROTTLE_CODES)

    @property
    def is_full(self) -> bool:
        return self.status == 507 or self.code in _FULL_CODES

    @property
    def is_expired(self) -> bool:
        """Whether newer credentials may help; to HEAD the code is not told, only the status."""
        return self.code in _EXPIRED_CODES or (not self.code and self.status == 400)

    @classmethod
    def inside_success(cls, code: str, message: str) -> Refusal:
        """An error that came with status 200, because S3 began to answer before it was done."""
        return cls(_STATUS_OF_CODE.get(code, 400), code, message)

    def __str__(self) -> str:
        words = [str(self.status), self.code, f"({self.message})" if self.message else ""]
        return " ".join(word for word in words if word)


def store_error(
    refusal: Refusal, *, endpoint: str, operation: str, bucket: str, key: str | None
) -> StoreError:
    """The error of the domain that a refusal means."""
    where = object_name(bucket, key)
    kind, advice = _meaning(refusal, bucket, where)
    return kind(f"{operation} of {where} at {endpoint} failed: {refusal}. {advice}", bucket=bucket, key=key)


def _meaning(refusal: Refusal, bucket: str, where: str) -> tuple[type[StoreError], str]:  # noqa: PLR0911
    status, code = refusal.status, refusal.code
    if refusal.is_full:
        return StoreFull, "The store has no space left: free some, or raise its quota."
    if status in (401, 403) or code in _DENIED_CODES:
        advice = f"Allow the credentials that asked for it to do this in bucket {bucket}."
        return StoreAccessDenied, _HINTS.get(code, advice)
    if code == "NoSuchBucket":
        return BucketNotFound, f"Create bucket {bucket}, or mend its name."
    if code == "NoSuchUpload":
        return ObjectNotFound, "The multipart upload is finished, aborted or expired: begin another."
    if status == 404:
        return ObjectNotFound, f"There is no object {where}: mend the key, or upload it."
    if status == 412:
        return ObjectChanged, "The object is no longer the one that was pinned: begin again with the new one."
    if refusal.target:
        return InvalidStoreRequest, (
            f"It redirects to {refusal.target!r}, and requests go to no other address than the endpoint that "
            "was allowed (only hosts of Amazon S3 may redirect, to each other): if that address is right, "
            "allow it as the endpoint."
        )
    if code in _CHECKSUM_CODES:
        return DamagedRequest, "The bytes did not arrive as they were sent: send them again."
    if code in _DAMAGED_CODES:
        return StoreUnavailable, "What arrived is not what was sent: check the way to the endpoint."
    if refusal.is_retried or (status >= 500 and status != 501):
        return StoreUnavailable, "The endpoint is overloaded or failing: try again later."
    return InvalidStoreRequest, "Trying again does not help: mend what the endpoint complains of."


def unreachable(
    reason: str, *, endpoint: str, operation: str, bucket: str, key: str | None
) -> StoreUnavailable:
    return StoreUnavailable(
        f"{operation} of {object_name(bucket, key)} at {endpoint} failed: {reason}. "
        "Check that the endpoint's URL is right and that it can be reached from here.",
        bucket=bucket,
        key=key,
    )


def object_name(bucket: str, key: str | None) -> str:
    return f"s3://{bucket}" if key is None else f"s3://{bucket}/{key}"
