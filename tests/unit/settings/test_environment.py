from __future__ import annotations

import os
from pathlib import Path

import platformdirs
import pytest

from entrepot.settings.environment import data_directory, debugging, environment


@pytest.mark.parametrize("base", [None, "", "/somewhere", "relative/folder", " /spaces ", "~/there"])
def test_the_default_data_directory_is_where_platformdirs_has_it(
    base: str | None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    if base is None:
        monkeypatch.delenv("XDG_DATA_HOME", raising=False)
    else:
        monkeypatch.setenv("XDG_DATA_HOME", base)
    expected = platformdirs.user_data_dir("entrepot", appauthor=False)
    assert data_directory(dict(os.environ) | {"ENTREPOT_DATA_DIR": ""}) == expected


def test_the_variable_names_another_data_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", "/home/somebody")
    assert data_directory({"ENTREPOT_DATA_DIR": "here"}) == str(tmp_path / "here")
    assert data_directory({"ENTREPOT_DATA_DIR": "~/there"}) == "/home/somebody/there"


def test_the_environment_is_a_copy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ENTREPOT_DEBUG", "1")
    taken = environment()
    taken["ENTREPOT_DEBUG"] = "0"
    assert debugging(environment())
    assert not debugging(taken)
