"""What the functional tests find on the machine, and what happens when it is missing.

On a developer's machine a missing tool skips its tests with the reason; with ENTREPOT_TEST_EVERYTHING set,
as in CI, it fails them: nothing passes there by not having run.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from functools import cache
from pathlib import Path

import pytest

JAVASCRIPT = Path(__file__).parent / "javascript"


def missing(what: str) -> None:
    """Skips the test that needs it, or fails it where every test must run."""
    if os.environ.get("ENTREPOT_TEST_EVERYTHING"):
        pytest.fail(f"{what}, and ENTREPOT_TEST_EVERYTHING says that every test must run")
    pytest.skip(what)


@cache
def aws_cli() -> str:
    """The path of AWS CLI version 2."""
    for candidate in (Path("/usr/bin/aws"), *map(Path, filter(None, [shutil.which("aws")]))):
        if candidate.exists():
            version = subprocess.run([candidate, "--version"], capture_output=True, text=True, check=False)
            if version.stdout.startswith("aws-cli/2"):
                return str(candidate)
    missing("AWS CLI version 2 is not installed (Debian: apt-get install awscli)")
    raise AssertionError


def node() -> str:
    """The path of Node.js, with the SDK for JavaScript installed beside the script."""
    found = shutil.which("node")
    if found is None:
        missing("Node.js is not installed")
    if not (JAVASCRIPT / "node_modules" / "@aws-sdk").is_dir():
        missing(f"the SDK for JavaScript is not installed (npm ci in {JAVASCRIPT.name}/)")
    assert found is not None
    return found


def rclone() -> str:
    """The path of rclone."""
    found = shutil.which("rclone")
    if found is None:
        missing("rclone is not installed (Debian: apt-get install rclone)")
    assert found is not None
    return found
