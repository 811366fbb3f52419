from __future__ import annotations

from entrepot.domain.job import JobType
from entrepot.domain.limits import CONCURRENT_JOBS
from entrepot.jobs.registry import DEFINITIONS
from entrepot.model.loader import load_model


def test_every_job_type_of_the_model_is_run_and_has_a_quota() -> None:
    assert set(load_model().shapes["Type"].enum) == set(JobType) == set(DEFINITIONS) == set(CONCURRENT_JOBS)
    assert all(definition.type is job_type for job_type, definition in DEFINITIONS.items())
