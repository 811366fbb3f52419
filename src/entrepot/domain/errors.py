"""Every error of the project, one tree.

    EntrepotError
    ├── ServiceError         an answer of the API; only `wire` turns it into a response
    ├── StoreError           an object store failed; only the job runner makes it a JobError
    ├── IntegrationError     a service outside of the exchange failed; the message names it
    ├── JobFailed, JobLost   how a run of a job ends early
    ├── DatabaseError
    ├── ConfigurationError   a setting, folder or port that a person must mend; the command line prints it
    └── ClientError          on the client's side of the API; see `client/client_errors.py`

Messages answer: what is wrong, with which resource, what to do next.
"""

from __future__ import annotations

from enum import StrEnum

TYPE_CHECKING = False  # typing's own costs every start of the command line 4 ms
if TYPE_CHECKING:
    from typing import ClassVar

    from entrepot.domain.job import JobError


class EntrepotError(Exception):
    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class ResourceType(StrEnum):
    """The values of `ResourceType` in Conflict and ResourceNotFound."""

    DATA_SET = "DATA_SET"
    REVISION = "REVISION"
    ASSET = "ASSET"
    JOB = "JOB"
    EVENT_ACTION = "EVENT_ACTION"
    DATA_GRANT = "DATA_GRANT"


class ServiceError(EntrepotError):
    """An error that the API answers with; `code` and `status` (HTTP) are those of the service model."""

    code: ClassVar[str]
    status: ClassVar[int]


class AccessDenied(ServiceError):
    code = "AccessDeniedException"
    status = 403


class InternalError(ServiceError):
    """Something failed that the caller cannot mend."""

    code = "InternalServerException"
    status = 500


class Throttled(ServiceError):
    code = "ThrottlingException"
    status = 429


class ValidationFailed(ServiceError):
    """The request is wrong in itself."""

    code = "ValidationException"
    status = 400

    def __init__(self, message: str, *, exception_cause: str | None = None) -> None:
        super().__init__(message)
        self.exception_cause = exception_cause


class _ResourceError(ServiceError):
    """`resource_id` and `resource_type` are None where no resource is meant: a path that does not exist."""

    def __init__(self, message: str, *, resource_id: str | None, resource_type: ResourceType | None) -> None:
        super().__init__(message)
        self.resource_id = resource_id
        self.resource_type = resource_type


class Conflict(_ResourceError):
    """The resource is in a state that does not allow this."""

    code = "ConflictException"
    status = 409


class ResourceNotFound(_ResourceError):
    """No such resource in the caller's account and Region."""

    code = "ResourceNotFoundException"
    status = 404


class ServiceLimitExceeded(ServiceError):
    code = "ServiceLimitExceededException"
    status = 402

    def __init__(self, message: str, *, limit_name: str, limit_value: float) -> None:
        super().__init__(message)
        self.limit_name = limit_name
        self.limit_value = limit_value


class AuthenticationFailed(ServiceError):
    """Not signed, or not by a key this exchange knows; `authentication_code` is one of AWS's."""

    status = 403

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.authentication_code = code


class StoreError(EntrepotError):
    """An object store refused or failed. `bucket` is None for the exchange's own store."""

    def __init__(self, message: str, *, bucket: str | None = None, key: str | None = None) -> None:
        super().__init__(message)
        self.bucket = bucket
        self.key = key


class ObjectNotFound(StoreError):
    """There is no object under this key."""


class BucketNotFound(StoreError):
    """There is no such bucket."""


class StoreAccessDenied(StoreError):
    """The store refused the credentials: missing, wrong, expired or not sufficient."""


class ObjectChanged(StoreError):
    """The object is no longer the one that was pinned (If-Match, 412)."""


class TargetChanged(StoreError):
    """At the destination lies something else than was to be replaced; nothing was written."""


class ChecksumMismatch(StoreError):
    """The bytes at the far end are not those that were sent."""


class DamagedRequest(ChecksumMismatch):
    """What arrived at the store was not what was sent, and is not kept there; sending it again may help."""


class DamagedAsset(StoreError):
    """The stored bytes of an asset are not those that were recorded; it is served to nobody."""


class UnprovenSource(StoreError):
    """Nothing proves the object's bytes, and this exchange refuses such sources."""


class EncryptionNotApplied(StoreError):
    """The store did not encrypt as it was told."""


class InvalidStoreRequest(StoreError):
    """The store calls the request wrong (400): key too long, bad KMS key; trying again does not help."""


class StoreFull(StoreError):
    """No space left in the store."""


class StoreUnavailable(StoreError):
    """The store is unreachable, overloaded or failing; trying again may help."""


class IntegrationError(EntrepotError):
    """A service outside of the exchange failed."""


class IntegrationNotConfigured(IntegrationError):
    """The exchange was given no endpoint for this service; the message names the setting."""


class IntegrationRefused(IntegrationError):
    """The service refuses; trying again does not help.

    `code` is the service's own, "" where it has none. `denied`: because of who asks, not of what is asked.
    """

    def __init__(self, message: str, *, code: str = "", denied: bool = False) -> None:
        super().__init__(message)
        self.code = code
        self.denied = denied


class ShareGone(IntegrationRefused):
    """A datashare was deleted, or something that it shares."""


class IntegrationUnavailable(IntegrationError):
    """The service is unreachable, overloaded or failing; trying again may help."""


class TargetForbidden(IntegrationError):
    """A user named an address that this server must not call: private, link-local, or its own."""


class JobFailed(EntrepotError):
    """A job ends in ERROR with these entries of `Errors`."""

    def __init__(self, errors: tuple[JobError, ...]) -> None:
        super().__init__("; ".join(error.message for error in errors))
        self.errors = errors


class JobHeldUp(JobFailed):
    """A store or a service that the job needs cannot be used now; it may be possible later."""


class JobLost(EntrepotError):
    """Another attempt owns the job; whatever this worker still had in hand is void."""


class DatabaseError(EntrepotError):
    """The database failed."""


class DatabaseUnavailable(DatabaseError):
    """The database is unreachable, or its schema is newer than this program."""


class TableMissing(DatabaseError):
    """The database has no tables yet, or not this one: it was never migrated."""


class ConfigurationError(EntrepotError):
    """A person must mend a setting, a folder or a port before the program can run."""
