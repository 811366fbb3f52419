"""Help on a real terminal, and through the program as a whole."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.functional.terminal import on_terminal

ENTREPOT = [sys.executable, "-m", "entrepot"]
BOLD = b"\x1b[1m"


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "ENTREPOT_DATA_DIR": str(tmp_path / "data"),
        "TERM": "xterm",
        "AWS_PAGER": "",
    }


def shown(environ: dict[str, str], *arguments: str, columns: int = 100) -> bytes:
    with on_terminal([*ENTREPOT, *arguments], environ, columns=columns) as terminal:
        assert terminal.wait_for_end() == 0
        return terminal.said


def test_names_are_bold_on_a_terminal_alone(environ: dict[str, str]) -> None:
    assert b"\x1b[1mSYNOPSIS\x1b[0m" in shown(environ, "get-job", "help")
    piped = subprocess.run([*ENTREPOT, "get-job", "help"], env=environ, capture_output=True, check=True)
    assert b"SYNOPSIS" in piped.stdout and b"\x1b" not in piped.stdout


@pytest.mark.parametrize("setting", [{"NO_COLOR": "1"}, {"TERM": "dumb"}])
def test_nothing_is_bold_where_nobody_wants_it(environ: dict[str, str], setting: dict[str, str]) -> None:
    assert BOLD not in shown(environ | setting, "help", "jobs")


def test_a_page_fits_a_narrow_terminal(environ: dict[str, str]) -> None:
    lines = shown(environ | {"NO_COLOR": "1"}, "help", "config-vars", columns=60).decode().splitlines()
    prose = [line for line in lines if not line.startswith("     ")]
    assert max(map(len, prose)) <= 60


@pytest.mark.parametrize(
    "setting", [{"AWS_PAGER": "sed s/^/:/"}, {"PAGER": "sed s/^/:/"}], ids=["AWS_PAGER", "PAGER"]
)
def test_the_pager_is_the_one_of_all_answers(environ: dict[str, str], setting: dict[str, str]) -> None:
    del environ["AWS_PAGER"]
    lines = shown(environ | setting, "get-job", "help").decode().splitlines()
    assert len(lines) > 300
    assert all(line.startswith(":") for line in lines)


def test_the_pager_can_be_left_out(environ: dict[str, str]) -> None:
    said = shown(environ | {"AWS_PAGER": "sed s/^/:/"}, "get-job", "help", "--no-cli-pager")
    assert said.startswith(b"\x1b[1mNAME")


@pytest.mark.parametrize("pager", ["no-such-pager", "'open", "true"])
def test_a_pager_that_cannot_show_it_is_no_failure(environ: dict[str, str], pager: str) -> None:
    said = shown(environ | {"AWS_PAGER": pager}, "get-job", "help")
    assert (b"The unique identifier for a job." in said) == (pager != "true")


def test_help_is_shown_however_broken_the_configuration_is(environ: dict[str, str]) -> None:
    broken = Path(environ["HOME"]) / "config"
    broken.write_text("no section\n")
    del environ["AWS_PAGER"]
    said = shown(environ | {"AWS_CONFIG_FILE": str(broken), "PAGER": "cat"}, "help", "config-vars")
    assert b"FILES" in said


@pytest.mark.parametrize(
    ("arguments", "code", "on_stdout"),
    [
        (["help"], 0, True),
        (["--help"], 0, True),
        ([], 252, False),
        (["help", "topics"], 0, True),
        (["help", "get-job"], 0, True),
        (["get-job", "help"], 0, True),
        (["--output", "text", "get-job", "help"], 0, True),
        (["help", "nothing"], 252, False),
        (["help", "completion"], 0, True),
        (["completion", "bash"], 0, True),
        (["completion", "csh"], 252, False),
    ],
    ids=str,
)
def test_what_is_asked_for_goes_to_standard_output(
    environ: dict[str, str], arguments: list[str], code: int, on_stdout: bool
) -> None:
    done = subprocess.run([*ENTREPOT, *arguments], env=environ, capture_output=True, check=False)
    assert done.returncode == code
    assert bool(done.stdout) == on_stdout
    assert bool(done.stderr) != on_stdout
