from __future__ import annotations

from entrepot.domain.job import JobType
from entrepot.domain.limits import CONCURRENT_JOBS
from entrepot.jobs.definition import JobDefinition
from entrepot.jobs.registry import DEFINITIONS
from entrepot.model.loader import load_model


def test_every_job_type_of_the_model_is_run_and_has_a_quota() -> None:
    assert set(load_model().shapes["Type"].enum) == set(JobType) == set(DEFINITIONS) == set(CONCURRENT_JOBS)
    assert all(definition.type is job_type for job_type, definition in DEFINITIONS.items())


def _names_a_bucket(shape_name: str) -> bool:
    shapes = load_model().shapes
    shape = shapes[shape_name]
    inside = [member.shape for member in shape.members] + ([] if shape.item is None else [shape.item])
    return any(member.name == "Bucket" for member in shape.members) or any(map(_names_a_bucket, inside))


def test_a_type_says_which_buckets_a_request_names_where_requests_name_any() -> None:
    """So that no job is made for the bucket in which the exchange keeps its own bytes."""
    members = {member.python_name: member.shape for member in load_model().shapes["RequestDetails"].members}
    naming = {job_type for job_type in JobType if _names_a_bucket(members[job_type.lower()])}
    assert len(naming) == 4
    assert {
        definition.type
        for definition in DEFINITIONS.values()
        if type(definition).buckets is not JobDefinition.buckets
    } == naming
