"""The documentation's examples run as written."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from tests.functional import tools
from tests.parity.case import read_cases

from entrepot.cli.jobs.outcome import EXIT_CODES
from entrepot.cli.jobs.wait_job import WAITED_TOO_LONG
from entrepot.client.command_line_model import commands
from entrepot.domain.job import JobType
from entrepot.domain.limits import Limit
from entrepot.jobs.registry import DEFINITIONS
from entrepot.model.loader import load_model
from entrepot.operations.registry import OPERATIONS
from entrepot.settings.options import OPTIONS
from entrepot.testing import running_entrepot

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
    variables = set(
        re.findall(r"ENTREPOT_[A-Z0-9_]+", (ROOT / "src/entrepot/settings/settings.py").read_text())
    )
    documented = set(re.findall(r"ENTREPOT_[A-Z0-9_]+", (ROOT / "docs/running.md").read_text()))
    assert variables <= documented
    page = (ROOT / "docs/running.md").read_text()
    assert {name for option in OPTIONS for name in option.variables if f"`{name}`" not in page} == set()
    assert Limit.ASSETS_PER_REVISION in (ROOT / "docs/running.md").read_text()


def test_the_readme_counts_the_operations_and_job_types_right() -> None:
    readme = (ROOT / "README.md").read_text()
    assert f"| {len(OPERATIONS)} of {len(load_model().operations)} |" in readme
    assert f"| {len(DEFINITIONS)} of {len(JobType)} types |" in readme
    assert {kind for kind in JobType if f"`{kind}`" not in readme} == set()


def test_the_tests_that_the_readme_names_are_there() -> None:
    named = re.findall(r"`(tests/[^`]+)`", (ROOT / "README.md").read_text())
    assert len(named) > 10
    assert [path for path in named if not (ROOT / path).exists()] == []


def test_links_between_pages_lead_somewhere() -> None:
    pages = [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]
    links = [
        (page.name, link)
        for page in pages
        for link in re.findall(r"\]\(([^)#]+)", page.read_text())
        if "://" not in link and not (page.parent / link).exists()
    ]
    assert links == []


def test_every_room_is_on_the_map() -> None:
    rooms = {
        path.name for path in (ROOT / "src" / "entrepot").iterdir() if path.is_dir() and path.name[0] != "_"
    }
    page = (ROOT / "docs/architecture.md").read_text()
    assert {room for room in rooms if f"`{room}/`" not in page} == set()


def test_the_examples_of_the_command_line_run_from_top_to_bottom(tmp_path: Path) -> None:
    script = "set -eu\n" + "\n".join(_blocks("docs/command-line.md", "sh"))
    folder = tmp_path / "work"
    folder.mkdir()
    with running_entrepot(tmp_path / "exchange") as server:
        environ = {
            "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin",
            "HOME": str(tmp_path),
            "ENTREPOT_DATA_DIR": str(server.data_dir),
        }
        ran = subprocess.run(
            ["bash", "-c", script], cwd=folder, env=environ, capture_output=True, text=True, check=False
        )
    assert ran.returncode == 0, ran.stderr
    assert '"Finalized": true' in ran.stdout
    assert "it is there" in ran.stdout


def test_the_exit_codes_of_jobs_are_documented() -> None:
    page = (ROOT / "docs/command-line.md").read_text()
    for state, code in EXIT_CODES.items():
        assert re.search(rf"^\| {code} \|.*`{state}`", page, flags=re.MULTILINE), state
    assert re.search(rf"^\| {WAITED_TOO_LONG} \|.*--timeout", page, flags=re.MULTILINE)


def test_the_page_on_parity_counts_the_recorded_runs_right() -> None:
    page = (ROOT / "docs/parity.md").read_text()
    of_get_job = len(read_cases("cases.jsonl")) + len(read_cases("further_cases.jsonl"))
    assert f"| `get-job`: {of_get_job} runs |" in page
    assert f"| the other 36 operations: {len(read_cases('other_operations.jsonl'))} runs |" in page
    assert len(commands()) == 37
