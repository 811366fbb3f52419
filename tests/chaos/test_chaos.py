"""A short run of `make chaos`: fifteen seconds of torment, then all is waited for and looked at.

The same program with the same checks; what happens in it, and how often, is less than in a long run.
"""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

SECONDS, SEED, USERS = 15, 1, 2
TORMENTS = {"kill -9 of a worker", "pause of a worker", "burst of faults", "restart of S3"}
"""Each of them at least once; the disk is full where the system lets a program mount one."""


@pytest.mark.seaweedfs
@pytest.mark.timeout(600)
def test_whatever_happens_jobs_say_the_truth_and_nothing_is_left_behind() -> None:
    options = {"--seconds": SECONDS, "--seed": SEED, "--users": USERS}
    words = [str(word) for option in options.items() for word in option]
    program = [sys.executable, "-m", "tests.chaos", *words]
    ended = subprocess.run(program, capture_output=True, text=True, check=False)
    assert ended.stdout, ended.stderr
    told = json.loads(ended.stdout)
    assert told["Violations"] == [], ended.stderr
    assert set(told["Torments"]) - {"disk full"} == TORMENTS
    assert told["Jobs"]["import COMPLETED"] > 0
    assert ended.returncode == 0
