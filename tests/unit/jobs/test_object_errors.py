from __future__ import annotations

import pytest

from entrepot.domain import errors
from entrepot.domain.errors import (
    BucketNotFound,
    ChecksumMismatch,
    JobFailed,
    ObjectChanged,
    ObjectNotFound,
    StoreAccessDenied,
    StoreError,
    StoreUnavailable,
)
from entrepot.domain.job import JobError, JobErrorCode, JobItem, Location
from entrepot.jobs.object_errors import CODES, Failure, job_errors, tells_of_the_others

OWN = Location(None, "assets/ab/abcd")


def imported(number: int, key: str = "prices.csv") -> JobItem:
    return JobItem(number, key, Location("source", key), OWN, 1, "etag")


def exported(number: int, key: str = "prices.csv") -> JobItem:
    return JobItem(number, key, OWN, Location("destination", key), 1, "etag")


def not_found(key: str) -> ObjectNotFound:
    return ObjectNotFound(f"There is no {key} in bucket source.", bucket="source", key=key)


def test_every_store_error_has_a_code() -> None:
    kinds = {
        kind
        for kind in vars(errors).values()
        if isinstance(kind, type) and issubclass(kind, StoreError) and kind is not StoreError
    }
    assert set(CODES) == kinds


@pytest.mark.parametrize(("kind", "code"), CODES.items())
def test_a_store_error_becomes_its_code_with_its_own_words(
    kind: type[StoreError], code: JobErrorCode
) -> None:
    error = kind("Something is wrong with it.", bucket="source", key="prices.csv")
    (entry,) = job_errors([Failure(imported(0), error)])
    assert entry == JobError(code, "Something is wrong with it.", objects=(Location("source", "prices.csv"),))


def test_all_objects_with_one_code_are_listed_in_one_entry_in_their_order() -> None:
    failures = [
        Failure(imported(2, "c"), not_found("c")),
        Failure(imported(0, "a"), not_found("a")),
        Failure(imported(1, "b"), StoreAccessDenied("Not yours.", bucket="source", key="b")),
    ]
    missing, denied = job_errors(failures)
    assert missing.code is JobErrorCode.RESOURCE_NOT_FOUND_EXCEPTION
    assert missing.objects == (Location("source", "a"), Location("source", "c"))
    assert missing.message == (
        "2 objects failed. There is no a in bucket source. There is no c in bucket source."
    )
    assert (denied.code, denied.objects) == (
        JobErrorCode.ACCESS_DENIED_EXCEPTION,
        (Location("source", "b"),),
    )


def test_a_message_stays_readable_however_many_objects_fail() -> None:
    failures = [Failure(imported(number, f"k{number}"), not_found(f"k{number}")) for number in range(100)]
    (entry,) = job_errors(failures)
    assert len(entry.objects) == 100
    assert entry.message.startswith("100 objects failed. There is no k0 in")
    assert entry.message.endswith("There is no k4 in bucket source. And 95 more like these.")


def test_one_message_for_all_objects_is_told_once() -> None:
    failures = [Failure(imported(number), BucketNotFound("No bucket source.")) for number in range(3)]
    assert [entry.message for entry in job_errors(failures)] == ["3 objects failed. No bucket source."]


def test_exports_name_no_objects_as_the_api_has_no_place_for_them() -> None:
    (entry,) = job_errors(
        [Failure(exported(0), StoreAccessDenied("Not yours.", bucket="destination", key="prices.csv"))]
    )
    assert (entry.objects, entry.asset_name) == ((), None)


def test_an_uploaded_file_is_named_as_the_asset_it_was_to_become() -> None:
    upload = JobItem(0, "prices.csv", Location(None, "uploads/ab/abcd"), OWN, 1, "etag")
    (entry,) = job_errors([Failure(upload, ObjectChanged("It was replaced.", key="uploads/ab/abcd"))])
    assert (entry.objects, entry.asset_name) == ((), "prices.csv")
    assert entry.code is JobErrorCode.VALIDATION_EXCEPTION
    assert "was replaced" in entry.message


def test_trouble_in_the_exchanges_own_store_is_not_the_callers() -> None:
    own = StoreAccessDenied("The key AKIA1 expired.", bucket="ours", key=f"prefix/{OWN.key}")
    (entry,) = job_errors([Failure(exported(0), own)])
    assert entry.code is JobErrorCode.INTERNAL_SERVER_EXCEPTION
    assert "AKIA1" not in entry.message


def test_bytes_that_are_gone_from_the_exchanges_store_are_not_found() -> None:
    (entry,) = job_errors([Failure(exported(0), ObjectNotFound("No file.", key=OWN.key))])
    assert entry.code is JobErrorCode.RESOURCE_NOT_FOUND_EXCEPTION
    assert entry.message == "The bytes of asset 'prices.csv' are no longer in the exchange's store."


@pytest.mark.parametrize(
    ("kind", "cause"),
    [
        (ObjectChanged, "another ETag"),
        (ChecksumMismatch, "damage"),
        (StoreAccessDenied, "refuses"),
        (StoreUnavailable, "does not answer as it should"),
    ],
)
def test_what_goes_wrong_in_the_exchanges_store_has_a_cause_without_its_paths(
    kind: type[StoreError], cause: str
) -> None:
    error = kind(f"400 of s3://ours/prefix/{OWN.key}", bucket="ours", key=f"prefix/{OWN.key}")
    (entry,) = job_errors([Failure(exported(0), error)])
    assert entry.code is JobErrorCode.INTERNAL_SERVER_EXCEPTION
    assert cause in entry.message and "'prices.csv'" in entry.message
    assert "ours" not in entry.message


def test_what_nobody_expected_is_internal_and_tells_no_secrets() -> None:
    (entry,) = job_errors([Failure(imported(0), RuntimeError("password=hunter2"))])
    assert entry.code is JobErrorCode.INTERNAL_SERVER_EXCEPTION
    assert "hunter2" not in entry.message


def test_a_failure_that_knows_its_own_entry_keeps_its_code() -> None:
    failed = JobFailed((JobError(JobErrorCode.VALIDATION_EXCEPTION, "Too long."),))
    (entry,) = job_errors([Failure(exported(0), failed)])
    assert (entry.code, entry.message) == (JobErrorCode.VALIDATION_EXCEPTION, "Too long.")


@pytest.mark.parametrize(
    ("error", "hopeless"),
    [
        (BucketNotFound("", bucket="b"), True),
        (StoreUnavailable("", bucket="b", key="k"), True),
        (StoreAccessDenied("", bucket="b"), True),
        (StoreAccessDenied("", bucket="b", key="k"), False),
        (ObjectNotFound("", bucket="b", key="k"), False),
        (ChecksumMismatch("", bucket="b", key="k"), False),
        (RuntimeError(), True),
    ],
)
def test_only_what_would_stop_the_others_too_stops_a_job(error: Exception, hopeless: bool) -> None:
    assert tells_of_the_others(Failure(imported(0), error)) is hopeless
