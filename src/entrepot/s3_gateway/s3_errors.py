"""The answers of the signed-URL routes when something is wrong: XML, with the codes and statuses of S3."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

from entrepot.domain.errors import DatabaseError, ObjectChanged, ObjectNotFound, StoreError, StoreFull
from entrepot.http.messages import Header, HttpResponse
from entrepot.transfer.signed_urls import SignedUrlRefused


@dataclass(frozen=True, slots=True)
class ObjectProblem:
    """What is wrong with a request of the signed-URL routes, as S3 would say it."""

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


def invalid_range(size_bytes: int) -> ObjectProblem:
    """The range asked for lies outside the object."""
    return ObjectProblem(
        416,
        "InvalidRange",
        "The requested range is not satisfiable",
        ((b"content-range", b"bytes */%d" % size_bytes),),
    )


def problem_of(error: StoreError | DatabaseError) -> ObjectProblem:
    """How an error of ours is told to who holds a signed URL: without the names of keys and folders."""
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
    """The XML answer."""
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
