"""Errors of the exchange and of providers' endpoints, in the words of S3.

What a provider's endpoint says of its own accounts, policies and addresses is not for its receivers: they
are told the kind of the problem, and the log has the rest.
"""

from __future__ import annotations

from entrepot.domain.errors import (
    AuthenticationFailed,
    BucketNotFound,
    DatabaseError,
    EntrepotError,
    InvalidStoreRequest,
    ObjectChanged,
    ObjectNotFound,
    StoreAccessDenied,
)
from entrepot.s3_gateway.s3_errors import NO_SUCH_KEY, PRECONDITION_FAILED, ObjectProblem
from entrepot.sigv4.verification import SignatureOutOfTime

NO_SUCH_BUCKET = ObjectProblem(404, "NoSuchBucket", "The specified bucket does not exist")
"""Also of what exists and is not shared with the caller: who may not know, does not learn it."""
READ_ONLY = ObjectProblem(
    403, "AccessDenied", "Access Denied: this is an access point of shared data, which can only be read."
)
NOT_SHARED = ObjectProblem(403, "AccessDenied", "Access Denied")
KEY_TOO_LONG = ObjectProblem(400, "KeyTooLongError", "Your key is too long")
UNKNOWN_AUTHORIZATION = ObjectProblem(
    400,
    "InvalidRequest",
    "The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256 "
    "(in boto3: Config(signature_version='s3v4')).",
)
INTERNAL_ERROR = ObjectProblem(500, "InternalError", "We encountered an internal error. Please try again.")
_PROVIDER_DENIES = ObjectProblem(
    403,
    "AccessDenied",
    "The exchange cannot read this from the provider's bucket. Ask the provider of the data set.",
)
_BUCKET_GONE = ObjectProblem(
    404, "NoSuchBucket", "The provider's bucket does not exist. Ask the provider of the data set."
)
_REFUSED_BY_PROVIDER = ObjectProblem(
    400, "InvalidRequest", "The provider's bucket does not take this request; mend its headers and its query."
)
SLOW_DOWN = ObjectProblem(503, "SlowDown", "The provider's bucket does not answer now. Please try again.")
_EXCHANGE_UNAVAILABLE = ObjectProblem(
    503, "ServiceUnavailable", "The exchange cannot answer now. Please try again."
)
_PROBLEMS: tuple[tuple[type[EntrepotError], ObjectProblem], ...] = (
    (ObjectNotFound, NO_SUCH_KEY),
    (BucketNotFound, _BUCKET_GONE),
    (StoreAccessDenied, _PROVIDER_DENIES),
    (ObjectChanged, PRECONDITION_FAILED),
    (InvalidStoreRequest, _REFUSED_BY_PROVIDER),
    (DatabaseError, _EXCHANGE_UNAVAILABLE),
)
_CODES = {
    "AccessDeniedException": (403, "AccessDenied"),
    "IncompleteSignatureException": (400, "AuthorizationHeaderMalformed"),
    "InvalidSignatureException": (403, "SignatureDoesNotMatch"),
    "MissingAuthenticationTokenException": (403, "AccessDenied"),
    "UnrecognizedClientException": (403, "InvalidAccessKeyId"),
}


def problem_of_signature(error: AuthenticationFailed) -> ObjectProblem:
    """Why the caller is not believed to be whom it says."""
    if isinstance(error, SignatureOutOfTime):
        if error.of_url:
            return ObjectProblem(403, "AccessDenied", "Request has expired")
        return ObjectProblem(403, "RequestTimeTooSkewed", error.message)
    status, code = _CODES.get(error.authentication_code, (403, "AccessDenied"))
    return ObjectProblem(status, code, error.message)


def problem_of_error(error: EntrepotError) -> ObjectProblem:
    """What else went wrong, here or at the provider's endpoint."""
    for kind, problem in _PROBLEMS:
        if isinstance(error, kind):
            return problem
    return SLOW_DOWN
