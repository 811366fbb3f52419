"""An exchange of two accounts, for tests of commands that work on its database."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from entrepot.cli.main import main

ONE, TWO = "111122223333", "444455556666"
Say = Callable[..., Any]


def exchange_of_two(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Its data directory, which the environment names."""
    folder = tmp_path / "data"
    for name in ("ENTREPOT_DEBUG", "ENTREPOT_AUTH", "ENTREPOT_DATABASE", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("ENTREPOT_DATA_DIR", str(folder))
    for account in (ONE, TWO):
        assert main(["account", "create", "--account-id", account]) == 0
    return folder


def saying(command: str, capsys: pytest.CaptureFixture[str]) -> Say:
    """Runs `entrepot` and the command; its answer."""
    capsys.readouterr()

    def run(*arguments: str) -> Any:
        code = main([command, *arguments])
        captured = capsys.readouterr()
        assert code == 0, captured.err
        return json.loads(captured.out)

    return run
