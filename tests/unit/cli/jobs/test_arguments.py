"""What `watch` and `wait-job` do not take."""

from __future__ import annotations

from types import ModuleType

import pytest

from entrepot.cli.jobs import wait_job, watch
from entrepot.client.client_errors import UsageError


@pytest.mark.parametrize("timeout", ["-1", "soon", "nan", "inf", ""])
def test_a_time_that_is_none_is_refused(timeout: str) -> None:
    with pytest.raises(UsageError, match="--timeout"):
        wait_job.run(["a", f"--timeout={timeout}"])


def test_any_and_all_exclude_each_other() -> None:
    with pytest.raises(UsageError, match="not allowed with"):
        wait_job.run(["a", "--any", "--all"])


@pytest.mark.parametrize("command", [watch, wait_job])
def test_at_least_one_job_is_named(command: ModuleType) -> None:
    with pytest.raises(UsageError, match="JOB"):
        command.run([])


def test_an_unknown_output_is_refused() -> None:
    with pytest.raises(UsageError, match="--output"):
        watch.run(["a", "--output", "xml"])
