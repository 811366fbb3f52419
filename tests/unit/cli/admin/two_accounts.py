"""An exchange of two accounts, for tests of commands that work on its database."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from entrepot.cli.main import main

ONE, TWO = "111122223333", "444455556666"
Say = Callable[..., Any]


def exchange_of_two(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Its data directory, which the environment names: a copy of one that is made once in a process."""
    folder, made = tmp_path / "data", tmp_path.parent / "exchange-of-two"
    for name in ("ENTREPOT_DEBUG", "ENTREPOT_AUTH", "ENTREPOT_DATABASE", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    if not made.exists():
        monkeypatch.setenv("ENTREPOT_DATA_DIR", str(made))
        for account in (ONE, TWO):
            assert main(["account", "create", "--account-id", account]) == 0
    monkeypatch.setenv("ENTREPOT_DATA_DIR", str(folder))
    return Path(shutil.copytree(made, folder))


def saying(command: str, capsys: pytest.CaptureFixture[str]) -> Say:
    """Runs `entrepot` and the command; its answer."""
    capsys.readouterr()

    def run(*arguments: str) -> Any:
        code = main([command, *arguments])
        captured = capsys.readouterr()
        assert code == 0, captured.err
        return json.loads(captured.out)

    return run
