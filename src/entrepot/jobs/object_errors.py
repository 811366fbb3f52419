"""Store errors become the `Errors` of a job, here alone; `CODES` says which code each gets.

Anything else is INTERNAL_SERVER_EXCEPTION. The exchange's own store is not the caller's to mend: what fails
there is INTERNAL_SERVER_EXCEPTION too, told without its paths (the log has them), unless the object is simply
gone, or is an upload that was replaced. Which code AWS chooses is known for what is not found or denied only
[L]; the rest is our choice [G] (behaviour reference, 2.3).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from entrepot.domain.errors import (
    BucketNotFound,
    ChecksumMismatch,
    DamagedAsset,
    DamagedRequest,
    EncryptionNotApplied,
    IntegrationError,
    IntegrationRefused,
    IntegrationUnavailable,
    InvalidStoreRequest,
    JobFailed,
    JobHeldUp,
    ObjectChanged,
    ObjectNotFound,
    StoreAccessDenied,
    StoreError,
    StoreFull,
    StoreUnavailable,
    TargetChanged,
    TargetForbidden,
    UnprovenSource,
)
from entrepot.domain.job import JobError, JobErrorCode, JobItem

CODES: Mapping[type[StoreError], JobErrorCode] = MappingProxyType(
    {
        ObjectNotFound: JobErrorCode.RESOURCE_NOT_FOUND_EXCEPTION,
        BucketNotFound: JobErrorCode.RESOURCE_NOT_FOUND_EXCEPTION,
        StoreAccessDenied: JobErrorCode.ACCESS_DENIED_EXCEPTION,
        ObjectChanged: JobErrorCode.VALIDATION_EXCEPTION,
        TargetChanged: JobErrorCode.VALIDATION_EXCEPTION,
        InvalidStoreRequest: JobErrorCode.VALIDATION_EXCEPTION,
        EncryptionNotApplied: JobErrorCode.VALIDATION_EXCEPTION,
        UnprovenSource: JobErrorCode.VALIDATION_EXCEPTION,
        DamagedAsset: JobErrorCode.INTERNAL_SERVER_EXCEPTION,
        ChecksumMismatch: JobErrorCode.INTERNAL_SERVER_EXCEPTION,
        DamagedRequest: JobErrorCode.INTERNAL_SERVER_EXCEPTION,
        StoreFull: JobErrorCode.INTERNAL_SERVER_EXCEPTION,
        StoreUnavailable: JobErrorCode.INTERNAL_SERVER_EXCEPTION,
    }
)

MESSAGES_IN_ONE = 5
"""How many different messages one entry of `Errors` quotes; the objects are listed in full beside them."""

ENOUGH_FAILURES = 100
"""After so many bad objects no further one is tried: the job has failed, and the reader has seen enough."""


@dataclass(frozen=True, slots=True)
class Failure:
    item: JobItem
    error: Exception


def tells_of_the_others(failure: Failure) -> bool:
    """Whether the other items of the job would fail alike, so that trying them is of no use."""
    error = failure.error
    if isinstance(error, StoreAccessDenied):
        return error.key is None
    return not isinstance(error, StoreError) or isinstance(
        error, BucketNotFound | StoreFull | StoreUnavailable
    )


def job_errors(failures: Sequence[Failure]) -> tuple[JobError, ...]:
    """The entries of `Errors`: one for each code, naming every object that failed with it."""
    groups: dict[tuple[JobErrorCode, str | None], list[Failure]] = {}
    for failure in sorted(failures, key=lambda failure: failure.item.number):
        groups.setdefault((_code(failure), _uploaded_asset(failure.item)), []).append(failure)
    return tuple(_job_error(code, asset_name, group) for (code, asset_name), group in groups.items())


def failed(failures: Sequence[Failure], further: Sequence[JobError] = ()) -> JobFailed:
    """What ends a job with these failures, or holds it up where all are of stores that cannot be used now."""
    if further:
        return JobFailed((*job_errors(failures), *further))
    return failed_by([failure.error for failure in failures], job_errors(failures))


def failed_by(causes: Sequence[Exception], errors: tuple[JobError, ...]) -> JobFailed:
    """The same with these entries of `Errors`."""
    may_pass = all(isinstance(cause, StoreUnavailable | DamagedRequest | JobHeldUp) for cause in causes)
    return (JobHeldUp if may_pass else JobFailed)(errors)


def integration_error(error: IntegrationError) -> JobError:
    """The entry for a service outside of the exchange that failed.

    A refusal because of who asks is ACCESS_DENIED_EXCEPTION; because of what is asked, or where the service
    is not configured, VALIDATION_EXCEPTION; a service that fails is INTERNAL_SERVER_EXCEPTION [G].
    """
    denied = isinstance(error, TargetForbidden) or (isinstance(error, IntegrationRefused) and error.denied)
    code = JobErrorCode.ACCESS_DENIED_EXCEPTION if denied else JobErrorCode.VALIDATION_EXCEPTION
    if isinstance(error, IntegrationUnavailable):
        code = JobErrorCode.INTERNAL_SERVER_EXCEPTION
    return JobError(code, error.message)


def unexpected(job_id: str) -> JobError:
    """The entry for a failure of the program itself; what happened is in its log, not in the answer."""
    return JobError(
        JobErrorCode.INTERNAL_SERVER_EXCEPTION,
        f"Something unexpected happened; the server's log has it under job {job_id}. Create the job again.",
    )


def _code(failure: Failure) -> JobErrorCode:
    error = failure.error
    if isinstance(error, JobFailed) and error.errors:
        return error.errors[0].code
    code = next((code for kind, code in CODES.items() if isinstance(error, kind)), None)
    if code is None or (_in_own_store(failure) and not _tells_of_callers_object(failure)):
        return JobErrorCode.INTERNAL_SERVER_EXCEPTION
    return code


def _in_own_store(failure: Failure) -> bool:
    item, error = failure.item, failure.error
    own_keys = tuple(place.key for place in (item.source, item.destination) if place.bucket is None)
    return isinstance(error, StoreError) and error.key is not None and error.key.endswith(own_keys)


def _tells_of_callers_object(failure: Failure) -> bool:
    replaced = isinstance(failure.error, ObjectChanged) and _uploaded_asset(failure.item) is not None
    return replaced or isinstance(failure.error, ObjectNotFound)


def _uploaded_asset(item: JobItem) -> str | None:
    return item.name if item.source.bucket is None and item.destination.bucket is None else None


def _job_error(code: JobErrorCode, asset_name: str | None, group: Sequence[Failure]) -> JobError:
    imported = [failure.item for failure in group if failure.item.destination.bucket is None]
    return JobError(
        code,
        _message(group),
        objects=tuple(item.source for item in imported if item.source.bucket is not None),
        asset_name=asset_name,
    )


def _message(group: Sequence[Failure]) -> str:
    messages = list(dict.fromkeys(_text(failure) for failure in group))
    quoted = " ".join(messages[:MESSAGES_IN_ONE])
    if len(group) == 1:
        return quoted
    rest = len(messages) - MESSAGES_IN_ONE
    return f"{len(group)} objects failed. {quoted}" + (f" And {rest} more like these." if rest > 0 else "")


_OWN_STORE: Mapping[type[StoreError], str] = MappingProxyType(
    {
        ObjectChanged: "The exchange's store tells another ETag than at first of the bytes of",
        ChecksumMismatch: "On the way to the exchange's store, or from it, damage was done to the bytes of",
        StoreAccessDenied: "The exchange's store refuses the exchange the bytes of",
        StoreUnavailable: "The exchange's store does not answer as it should when it comes to the bytes of",
    }
)
"""What went wrong in the exchange's own store, without its addresses."""


def _text(failure: Failure) -> str:
    name, error = failure.item.name, failure.error
    if _in_own_store(failure):
        if isinstance(error, ObjectNotFound):
            return f"The bytes of asset {name!r} are no longer in the exchange's store."
        if _tells_of_callers_object(failure):
            return f"The file that was uploaded for asset {name!r} was replaced while the job was running."
        for kind, what in _OWN_STORE.items():
            if isinstance(error, kind):
                return (
                    f"{what} {name!r}. Create the job again; if this repeats, have whoever runs the exchange "
                    "look into it: the server's log has more."
                )
    elif isinstance(error, StoreError | JobFailed):
        return error.message
    if isinstance(error, StoreFull):
        return (
            f"The exchange's store has no space left for {name!r}. "
            "Have whoever runs the exchange free some, then create the job again."
        )
    return f"Entrepot could not move {name!r}; the server's log says why. Create the job again."
