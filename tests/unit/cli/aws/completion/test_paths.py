from __future__ import annotations

from pathlib import Path

import pytest

from entrepot.cli.aws.completion.values import paths


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "inner").mkdir()
    for name in ("a.json", "b c.json", ".hidden"):
        (tmp_path / name).write_text("")
    return tmp_path


def test_entries_of_a_folder_are_whole_paths(folder: Path) -> None:
    found = paths(f"{folder}/", prefix="file://")
    assert [(one.value, one.final) for one in found] == [
        (f"file://{folder}/a.json", True),
        (f"file://{folder}/b c.json", True),
        (f"file://{folder}/inner/", False),
    ]


def test_hidden_ones_are_shown_once_their_dot_is_typed(folder: Path) -> None:
    assert [one.value for one in paths(f"{folder}/.")] == [f"{folder}/.hidden"]


def test_folders_alone_where_a_folder_is_wanted(folder: Path) -> None:
    assert [one.value for one in paths(f"{folder}/", folders_only=True)] == [f"{folder}/inner/"]


def test_a_path_may_be_relative(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    assert [one.value for one in paths("a")] == ["a.json"]


def test_the_tilde_stays(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(folder))
    assert [one.value for one in paths("~")] == ["~/"]
    assert [one.value for one in paths("~/a")] == ["~/a.json"]


def test_a_folder_that_is_not_there_has_nothing(tmp_path: Path) -> None:
    assert paths(f"{tmp_path}/none/") == []
