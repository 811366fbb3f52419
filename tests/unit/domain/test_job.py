from __future__ import annotations

from dataclasses import replace

import pytest

from entrepot.domain.errors import Conflict, ResourceType
from entrepot.domain.job import Job, JobState, JobType, RunId, require_cancellable, require_startable
from entrepot.domain.scope import Scope
from entrepot.domain.timestamp import Timestamp

NOW = Timestamp(1_600_000_000_000)
WAITING = Job(
    scope=Scope("123456789012", "us-east-1"),
    id="a" * 32,
    type=JobType.IMPORT_ASSETS_FROM_S3,
    state=JobState.WAITING,
    created_at=NOW,
    updated_at=NOW,
    details_json=b"{}",
    data_set_id="d" * 32,
    revision_ids=("e" * 32,),
)
OTHER_STATES = [state for state in JobState if state is not JobState.WAITING]


def test_a_waiting_job_can_be_started_and_cancelled() -> None:
    require_startable(WAITING)
    require_cancellable(WAITING)


@pytest.mark.parametrize("state", OTHER_STATES)
def test_a_job_in_any_other_state_cannot_be_started(state: JobState) -> None:
    with pytest.raises(Conflict, match=f"is {state}; only a job that is WAITING can be started") as caught:
        require_startable(replace(WAITING, state=state))
    assert (caught.value.resource_id, caught.value.resource_type) == (WAITING.id, ResourceType.JOB)


@pytest.mark.parametrize("state", OTHER_STATES)
def test_a_job_in_any_other_state_cannot_be_cancelled(state: JobState) -> None:
    with pytest.raises(Conflict, match=f"is {state}; only a job that is WAITING can be cancelled") as caught:
        require_cancellable(replace(WAITING, state=state))
    assert (caught.value.resource_id, caught.value.resource_type) == (WAITING.id, ResourceType.JOB)


def test_four_states_are_final() -> None:
    assert {state for state in JobState if state.final} == {
        JobState.COMPLETED,
        JobState.ERROR,
        JobState.CANCELLED,
        JobState.TIMED_OUT,
    }


def test_a_run_is_named_for_job_and_attempt() -> None:
    assert str(RunId("a" * 32, 3)) == "a" * 32 + ".3"
