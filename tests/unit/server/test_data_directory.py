from __future__ import annotations

import os
import shlex
import stat
from pathlib import Path

import pytest

from entrepot.domain.errors import ConfigurationError
from entrepot.server.data_directory import DataDirectory, profile_variables, write_private_file


def test_a_missing_directory_is_made_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b"
    DataDirectory(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o700


def test_a_file_is_no_data_directory(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigurationError, match="--data-dir"):
        DataDirectory(tmp_path / "file")


def test_a_directory_that_cannot_be_made_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="cannot be made or written to"):
        DataDirectory(Path("/proc/entrepot"))


def test_an_instance_keeps_its_name(tmp_path: Path) -> None:
    name = DataDirectory(tmp_path).instance_id()
    assert len(name) == 8
    assert DataDirectory(tmp_path).instance_id() == name
    assert [path.name for path in tmp_path.iterdir()] == ["instance-id"]


def test_one_server_at_a_time(tmp_path: Path) -> None:
    lock = DataDirectory(tmp_path).lock_for_serving()
    with pytest.raises(ConfigurationError, match=rf"pid {os.getpid()}\)"):
        DataDirectory(tmp_path).lock_for_serving()
    lock.release()
    DataDirectory(tmp_path).lock_for_serving().release()


def test_a_lock_tells_that_its_folder_was_removed_or_replaced(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    with DataDirectory(folder).lock_for_serving() as lock:
        assert lock.is_in_place()
        folder.rename(tmp_path / "away")
        assert not lock.is_in_place()
        with DataDirectory(folder).lock_for_serving() as other:
            assert not lock.is_in_place()
            assert other.is_in_place()


def test_the_variables_of_the_profile_are_read_whole_by_a_shell(tmp_path: Path) -> None:
    variables = dict(word.split("=", 1) for word in shlex.split(profile_variables(tmp_path / "it's here")))
    assert variables == {
        "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "it's here" / "aws" / "credentials"),
        "AWS_CONFIG_FILE": str(tmp_path / "it's here" / "aws" / "config"),
        "AWS_PROFILE": "entrepot",
    }


def test_workers_take_the_lowest_free_number(tmp_path: Path) -> None:
    directory = DataDirectory(tmp_path)
    (first, one), (second, other) = directory.lock_worker_slot(), directory.lock_worker_slot()
    one.release()
    third, again = directory.lock_worker_slot()
    assert (first, second, third) == (0, 1, 0)
    other.release()
    again.release()


def test_a_private_file_is_its_owners_and_is_replaced_whole(tmp_path: Path) -> None:
    path = tmp_path / "aws" / "credentials"
    write_private_file(path, "old")
    write_private_file(path, "new")
    assert path.read_text() == "new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [entry.name for entry in path.parent.iterdir()] == ["credentials"]
