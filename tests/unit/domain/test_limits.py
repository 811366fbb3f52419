from __future__ import annotations

import pytest

from entrepot.domain.job import JobType
from entrepot.domain.limits import CONCURRENT_JOBS, DEFAULT_LIMITS, Limit, Limits
from entrepot.model.loader import load_model


def test_every_limit_has_a_default() -> None:
    assert set(DEFAULT_LIMITS) == set(Limit)


def test_every_limit_has_a_name_of_the_model_but_those_that_no_error_carries() -> None:
    documented = {
        Limit.WAITING_JOBS,
        Limit.SIGNED_URL_IMPORT_SIZE_IN_GB,
        Limit.CROSS_REGION_EXPORT_ASSETS,
        Limit.CROSS_REGION_EXPORT_SIZE_IN_GB,
    }
    assert {limit.value for limit in set(Limit) - documented} <= set(load_model().shapes["LimitName"].enum)


def test_the_limits_that_end_jobs_are_named_as_job_errors_name_them() -> None:
    assert {Limit.ASSETS_PER_REVISION, Limit.ASSET_SIZE_IN_GB} <= set(
        load_model().shapes["JobErrorLimitName"].enum
    )


def test_each_job_type_with_a_concurrency_limit_has_its_own() -> None:
    assert len(set(CONCURRENT_JOBS.values())) == len(CONCURRENT_JOBS)
    assert CONCURRENT_JOBS[JobType.EXPORT_REVISIONS_TO_S3] is Limit.CONCURRENT_REVISION_EXPORTS


@pytest.mark.parametrize("limit", Limit)
def test_an_override_replaces_one_limit_and_no_other(limit: Limit) -> None:
    limits = Limits({limit: 7})
    assert limits[limit] == 7
    assert all(limits[other] == DEFAULT_LIMITS[other] for other in Limit if other is not limit)
    assert all(Limits()[any_limit] == DEFAULT_LIMITS[any_limit] for any_limit in Limit)
