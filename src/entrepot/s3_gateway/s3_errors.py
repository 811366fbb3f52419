"""Errors as S3 answers them, in XML, for the signed-URL routes and for the S3 gateway.

What a provider's endpoint says of its own accounts, policies and addresses is not for its receivers: they
are told the kind of the problem, and the log has the rest.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

from entrepot.domain.errors import (
    AuthenticationFailed,
    BucketNotFound,
    DatabaseError,
    EntrepotError,
    InvalidStoreRequest,
    ObjectChanged,
    ObjectNotFound,
    StoreAccessDenied,
    StoreError,
    StoreFull,
)
from entrepot.http.messages import Header, HttpResponse
from entrepot.sigv4.verification import SessionTokenRefused, SignatureOutOfTime
from entrepot.transfer.signed_urls import SignedUrlRefused


@dataclass(frozen=True, slots=True)
class ObjectProblem:
    """What is wrong with a request, as S3 would say it."""

    status: int
    code: str
    message: str
    headers: Sequence[Header] = ()


class ObjectRefused(Exception):
    """The request is answered with this problem."""

    def __init__(self, problem: ObjectProblem) -> None:
        super().__init__(problem.message)
        self.problem = problem


NO_SUCH_KEY = ObjectProblem(404, "NoSuchKey", "The specified key does not exist.")
METHOD_NOT_ALLOWED = ObjectProblem(
    405,
    "MethodNotAllowed",
    "The specified method is not allowed against this resource.",
    ((b"allow", b"GET, HEAD, PUT"),),
)
PRECONDITION_FAILED = ObjectProblem(
    412, "PreconditionFailed", "At least one of the pre-conditions you specified did not hold"
)
ENTITY_TOO_LARGE = ObjectProblem(
    400, "EntityTooLarge", "Your proposed upload exceeds the maximum allowed size of 5 GB for a signed URL."
)
NO_LENGTH = ObjectProblem(411, "MissingContentLength", "You must provide the Content-Length HTTP header.")
METADATA_TOO_LARGE = ObjectProblem(
    400, "MetadataTooLarge", "Your metadata headers exceed the maximum allowed metadata size"
)
INCOMPLETE_BODY = ObjectProblem(
    400,
    "IncompleteBody",
    "You did not provide the number of bytes specified by the Content-Length HTTP header",
)
UPLOAD_NOT_AWAITED = ObjectProblem(
    403,
    "AccessDenied",
    "Request has expired: the job that this upload is for is no longer waiting. Create another job.",
)
NO_LONGER_ENTITLED = ObjectProblem(
    403,
    "AccessDenied",
    "Request has expired: the account that this URL was made for is no longer entitled to the asset.",
)
REQUEST_TIMEOUT = ObjectProblem(
    400,
    "RequestTimeout",
    "Your socket connection to the server was not read from or written to within the timeout period.",
)


HARMLESS: tuple[Header, ...] = (
    (b"content-security-policy", b"sandbox"),
    (b"x-content-type-options", b"nosniff"),
)
"""With every object: what others bring never runs as a page of the exchange's own origin."""


def invalid_range(size_bytes: int) -> ObjectProblem:
    return ObjectProblem(
        416,
        "InvalidRange",
        "The requested range is not satisfiable",
        ((b"content-range", b"bytes */%d" % size_bytes),),
    )


def damaged(name: str) -> ObjectProblem:
    """An asset whose stored bytes are not those that were imported."""
    return ObjectProblem(
        403,
        "InvalidObjectState",
        f"The stored bytes of asset {name!r} are damaged, so they are not served. Its owner imports it "
        "again, or whoever runs the exchange puts back a good copy.",
    )


def problem_of(error: StoreError | DatabaseError) -> ObjectProblem:
    """The S3 error for who holds a signed URL: without the names of keys and folders."""
    match error:
        case SignedUrlRefused():
            return ObjectProblem(error.refusal.status, error.refusal.code, error.refusal.words)
        case ObjectNotFound():
            return NO_SUCH_KEY
        case ObjectChanged():
            return PRECONDITION_FAILED
        case StoreFull():
            return ObjectProblem(507, "InsufficientStorage", "The store has no space left; nothing was kept.")
        case DatabaseError():
            return ObjectProblem(
                503, "ServiceUnavailable", "The exchange cannot answer now. Please try again."
            )
        case _:
            return ObjectProblem(
                503, "ServiceUnavailable", "The store does not answer now. Please try again."
            )


def problem_response(problem: ObjectProblem, request_id: str) -> HttpResponse:
    body = (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f"<Error><Code>{escape(problem.code)}</Code><Message>{escape(problem.message)}</Message>"
        f"<RequestId>{escape(request_id)}</RequestId></Error>"
    )
    headers = (
        (b"content-type", b"application/xml"),
        (b"x-amz-request-id", request_id.encode()),
        *problem.headers,
    )
    return HttpResponse(problem.status, headers, body.encode())


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
    """The S3 error for a request whose signature is refused."""
    if isinstance(error, SignatureOutOfTime):
        if error.of_url:
            return ObjectProblem(403, "AccessDenied", "Request has expired")
        return ObjectProblem(403, "RequestTimeTooSkewed", error.message)
    if isinstance(error, SessionTokenRefused):
        return ObjectProblem(400, "InvalidToken", error.message)
    status, code = _CODES.get(error.authentication_code, (403, "AccessDenied"))
    return ObjectProblem(status, code, error.message)


def problem_of_error(error: EntrepotError) -> ObjectProblem:
    """The S3 error for any other error, here or at the provider's endpoint."""
    for kind, problem in _PROBLEMS:
        if isinstance(error, kind):
            return problem
    return SLOW_DOWN
