"""A short run of `make chaos`: twenty seconds of torment, then all is waited for and looked at.

The same program with the same checks; what happens in it, and how often, is less than in a long run.
"""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

SECONDS, SEED = 20, 1


@pytest.mark.seaweedfs
@pytest.mark.timeout(600)
def test_whatever_happens_jobs_say_the_truth_and_nothing_is_left_behind() -> None:
    program = [sys.executable, "-m", "tests.chaos"]
    ended = subprocess.run(
        [*program, "--seconds", str(SECONDS), "--seed", str(SEED)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.stdout, ended.stderr
    told = json.loads(ended.stdout)
    assert told["Violations"] == [], ended.stderr
    assert told["Torments"], told
    assert sum(told["Jobs"].values()) > 0, told
    assert ended.returncode == 0
