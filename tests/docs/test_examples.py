"""The documentation's examples run as written."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from tests.functional import tools

from entrepot.domain.limits import Limit
from entrepot.operations.registry import OPERATIONS
from entrepot.settings import OPTIONS
from entrepot.testing.server import running_entrepot

ROOT = Path(__file__).parents[2]


def _blocks(page: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", (ROOT / page).read_text(), flags=re.DOTALL)


def test_the_readme_examples_run_with_the_profile_that_the_server_writes(tmp_path: Path) -> None:
    (python,) = _blocks("README.md", "python")
    aws = next(block for block in _blocks("README.md", "sh") if "aws dataexchange" in block)
    with running_entrepot(tmp_path / "exchange") as server:
        environ = {
            "PATH": "/usr/bin:/bin",
            "HOME": str(tmp_path),
            "AWS_SHARED_CREDENTIALS_FILE": str(server.data_dir / "aws" / "credentials"),
            "AWS_CONFIG_FILE": str(server.data_dir / "aws" / "config"),
            "AWS_PROFILE": "entrepot",
            "AWS_PAGER": "",
            "AWS_ENDPOINT_URL": server.url,
        }
        ran = subprocess.run(
            [sys.executable, "-c", python], env=environ, capture_output=True, text=True, check=False
        )
        assert ran.returncode == 0, ran.stderr
        program = tools.aws_cli()
        for line in aws.strip().splitlines():
            # the AWS CLI of Debian is older than the endpoint_url of profiles
            command = [program, *shlex.split(line)[1:], "--endpoint-url", server.url]
            ran = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
            assert ran.returncode == 0, ran.stderr
        assert '"Weather"' in ran.stdout


@pytest.mark.parametrize("target", ["demo", "serve", "test", "check", "bench"])
def test_the_makefile_has_the_targets_that_the_pages_name(target: str) -> None:
    assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(), flags=re.MULTILINE)


def test_every_setting_is_documented() -> None:
    variables = set(re.findall(r"ENTREPOT_[A-Z0-9_]+", (ROOT / "src/entrepot/settings.py").read_text()))
    documented = set(re.findall(r"ENTREPOT_[A-Z0-9_]+", (ROOT / "docs/running.md").read_text()))
    assert variables <= documented
    page = (ROOT / "docs/running.md").read_text()
    assert {name for option in OPTIONS for name in option.variables if f"`{name}`" not in page} == set()
    assert Limit.ASSETS_PER_REVISION in (ROOT / "docs/running.md").read_text()


def test_the_readme_counts_the_operations_right() -> None:
    later = {
        name for name in OPERATIONS if re.search("EventAction|DataGrant|Notification|SendApiAsset", name)
    }
    readme = (ROOT / "README.md").read_text()
    assert f"{len(OPERATIONS) - len(later)} of {len(OPERATIONS)}, the other {len(later)}" in readme


def test_every_room_is_on_the_map() -> None:
    rooms = {
        path.name for path in (ROOT / "src" / "entrepot").iterdir() if path.is_dir() and path.name[0] != "_"
    }
    page = (ROOT / "docs/architecture.md").read_text()
    assert {room for room in rooms if f"`{room}/`" not in page} == set()
