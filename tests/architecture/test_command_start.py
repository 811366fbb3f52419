"""What is imported on the way to an answer, and that the table of commands tells the truth."""

from __future__ import annotations

import importlib
import re
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest
from tests.parity.case import Case, Outcome
from tests.parity.running import run
from tests.parity.stub_servers import open_stub_servers

from entrepot.cli.commands import COMMANDS, own_command
from entrepot.cli.main import main
from entrepot.client.command_line_model import commands

PROGRAM = Path(sysconfig.get_path("scripts")) / "entrepot"

# Costly, or of no use to one request and one answer. Modules below these count too.
TOO_HEAVY = {
    # of the standard library
    "typing", "dataclasses", "inspect", "pathlib", "asyncio", "logging", "configparser", "subprocess", "uuid",
    "tempfile", "unicodedata", "concurrent", "importlib.metadata", "importlib.resources", "urllib.request",
    "zipfile", "gzip", "multiprocessing", "sqlite3", "xml", "optparse", "pickle", "decimal", "secrets",
    # of others
    "botocore", "boto3", "awscrt", "jmespath", "ruamel", "dateutil", "prompt_toolkit", "msgspec", "alembic",
    "sqlalchemy", "psycopg", "uvicorn", "uvloop", "httptools", "cryptography", "platformdirs",
    # of this program
    "entrepot.wiring", "entrepot.database", "entrepot.engine", "entrepot.jobs", "entrepot.model",
    "entrepot.operations", "entrepot.server", "entrepot.settings.settings", "entrepot.settings.options",
    "entrepot.stores", "entrepot.transfer", "entrepot.wire", "entrepot.testing", "entrepot.cli.aws.help",
    "entrepot.emulation",
    "entrepot.cli.aws.completion", "entrepot.cli.aws.prompt", "entrepot.cli.bulk",
}  # fmt: skip


def _imported(importtime: str) -> set[str]:
    """The modules that `-X importtime` wrote down."""
    return set(re.findall(r"^import time:.*\| +(\S+)$", importtime, re.MULTILINE))


@pytest.fixture(scope="module")
def bare_interpreter() -> set[str]:
    """What an environment brings before the program's first line: nothing that it could help."""
    ran = subprocess.run(
        [sys.executable, "-X", "importtime", "-c", "pass"], capture_output=True, text=True, check=True
    )
    return _imported(ran.stderr)


def _too_heavy(modules: set[str]) -> list[str]:
    return sorted(
        module
        for module in modules
        if any(module == heavy or module.startswith(f"{heavy}.") for heavy in TOO_HEAVY)
    )


def _run_with_importtime(arguments: list[str], folder: Path) -> Outcome:
    case = Case("importtime", arguments, Outcome(0, "", "", []))
    with open_stub_servers(folder) as stub_servers:
        return run(case, [sys.executable, "-X", "importtime", str(PROGRAM)], stub_servers)


def test_get_job_imports_nothing_heavy(bare_interpreter: set[str], tmp_path: Path) -> None:
    ran = _run_with_importtime(
        ["get-job", "--job-id", "{JOB:import-s3-completed}", "--endpoint-url", "{ENDPOINT}"], tmp_path
    )
    assert ran.exit == 0
    assert '"State": "COMPLETED"' in ran.stdout
    assert _too_heavy(_imported(ran.stderr) - bare_interpreter) == []


def test_a_missing_job_imports_nothing_heavy(bare_interpreter: set[str], tmp_path: Path) -> None:
    ran = _run_with_importtime(["get-job", "--job-id", "none", "--endpoint-url", "{ENDPOINT}"], tmp_path)
    assert ran.exit == 254
    assert _too_heavy(_imported(ran.stderr) - bare_interpreter) == []


@pytest.mark.parametrize("output", ["text", "table"])
def test_an_output_imports_no_more_than_it_needs(
    output: str, bare_interpreter: set[str], tmp_path: Path
) -> None:
    job = ["get-job", "--job-id", "{JOB:import-s3-completed}", "--endpoint-url", "{ENDPOINT}"]
    ran = _run_with_importtime([*job, "--output", output], tmp_path)
    assert ran.exit == 0
    allowed = {"unicodedata"} if output == "table" else set()
    assert set(_too_heavy(_imported(ran.stderr) - bare_interpreter)) <= allowed


def test_the_commands_of_the_table_can_be_run() -> None:
    for command in COMMANDS:
        assert own_command(command.name) is command
        assert callable(importlib.import_module(command.module).run), command.name


def _status_of(arguments: list[str]) -> object:
    try:
        return main(arguments)
    except SystemExit as ended:
        return ended.code


def test_a_command_has_help_that_fits_in_80_columns(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    for command in COMMANDS:
        if not command.group:
            continue
        assert command.help and not command.help.endswith("."), command.name
        assert _status_of([command.name, "--help"]) == 0
        said = capsys.readouterr()
        assert command.name in said.out
        assert said.err == ""
        assert max(map(len, said.out.splitlines())) <= 80, command.name


def test_no_command_hides_an_operation() -> None:
    names = [command.name for command in COMMANDS]
    assert len(set(names)) == len(names)
    assert set(names).isdisjoint(commands())
    assert len(commands()) == 37
