"""`entrepot publish` ends with 0 only where receivers get the names and bytes that there are to publish.

Whatever looks unchanged is not: by size and time, by a journal, or by none, from this machine or another.
"""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from secrets import token_hex
from typing import Any

import pytest
from tests.functional.conftest import Port
from tests.functional.transfers import User, some, write_files
from tests.servers.warm_program import WarmProgram

ROADS = pytest.mark.parametrize("road", ["signed URLs", "a bucket of its own", "a prefix"])


@pytest.fixture
def user(port: Port, s3_of_users: Any, tmp_path: Path, program: WarmProgram) -> Iterator[User]:
    user = User(port, tmp_path, port.account.client, s3_of_users, program)
    yield user
    user.tidy_up()


@pytest.fixture
def name() -> str:
    return f"product {token_hex(4)}"


def options_of(user: User, road: str) -> list[str]:
    if road == "signed URLs":
        return []
    return ["--through", f"s3://{user.bucket()}" + ("/way" if road == "a prefix" else "")]


def forget(user: User) -> None:
    """A new home: a container that was started anew."""
    shutil.rmtree(user.home / "state", ignore_errors=True)


def rewrite_in_silence(path: Path, content: bytes) -> None:
    """Other bytes, of the same number and time, as `cp -p`, `tar` and `rsync -t` write them."""
    before = path.stat()
    assert before.st_size == len(content)
    path.write_bytes(content)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def replace_in_silence(path: Path, content: bytes) -> None:
    """The same by another file that is moved there."""
    before = path.stat()
    beside = path.with_name("beside")
    beside.write_bytes(content)
    os.utime(beside, ns=(before.st_atime_ns, before.st_mtime_ns))
    beside.replace(path)


@pytest.mark.parametrize(
    ("road", "change"),
    [
        ("signed URLs", rewrite_in_silence),
        ("signed URLs", replace_in_silence),
        ("a bucket of its own", rewrite_in_silence),
        ("a prefix", replace_in_silence),
    ],
)
def test_other_bytes_of_the_same_size_and_time_are_published(
    user: User, tmp_path: Path, name: str, road: str, change: Callable[[Path, bytes], None]
) -> None:
    folder = write_files(tmp_path / name, {"a": b"old", "b": b"stays", "large": b"x" * 2_000_000})
    options = options_of(user, road)
    first = user.run("publish", folder, *options).summary
    change(folder / "a", b"new")
    change(folder / "large", b"x" * 1_999_999 + b"y")
    second = user.run("publish", folder, *options).summary
    assert second["DataSetId"] == first["DataSetId"]
    assert second["RevisionId"] != first["RevisionId"]
    assert user.contents(second) == {"a": b"new", "b": b"stays", "large": b"x" * 1_999_999 + b"y"}


@ROADS
def test_other_bytes_of_the_same_size_and_time_are_replaced_in_an_open_revision(
    user: User, tmp_path: Path, name: str, road: str
) -> None:
    folder = write_files(tmp_path / name, {"a": b"old", "b": b"stays"})
    options = options_of(user, road)
    first = user.run("publish", folder, "--no-finalize", *options).summary
    rewrite_in_silence(folder / "a", b"new")
    second = user.run("publish", folder, *options).summary
    assert (second["RevisionId"], second["Skipped"]) == (first["RevisionId"], 1)
    assert user.contents(second) == {"a": b"new", "b": b"stays"}


@ROADS
@pytest.mark.parametrize("keeps", ["size and time", "size"])
def test_without_a_journal_other_bytes_of_the_same_size_are_replaced(
    user: User, tmp_path: Path, name: str, road: str, keeps: str
) -> None:
    folder = write_files(tmp_path / name, {"a": b"old", "b": b"stays"})
    options = options_of(user, road)
    first = user.run("publish", folder, "--no-finalize", *options).summary
    (rewrite_in_silence if keeps == "size and time" else Path.write_bytes)(folder / "a", b"new")
    forget(user)
    second = user.run("publish", folder, *options).summary
    assert second["RevisionId"] == first["RevisionId"]
    assert user.contents(second) == {"a": b"new", "b": b"stays"}


def test_an_open_revision_that_another_machine_has_changed_is_mended(
    user: User, tmp_path: Path, name: str
) -> None:
    """Its journal knows what this machine had sent, and not that it was replaced since."""
    folder = write_files(tmp_path / name, {"a": b"old", "b": b"stays"})
    first = user.run("publish", folder, "--no-finalize").summary
    kept = shutil.copytree(tmp_path / "state", tmp_path / "kept")
    forget(user)
    rewrite_in_silence(folder / "a", b"new")
    user.run("publish", folder, "--no-finalize")
    forget(user)
    shutil.copytree(kept, tmp_path / "state")
    rewrite_in_silence(folder / "a", b"old")
    second = user.run("publish", folder).summary
    assert second["RevisionId"] == first["RevisionId"]
    assert user.contents(second) == {"a": b"old", "b": b"stays"}


@pytest.mark.parametrize("home", ["the same home", "a new home"])
def test_objects_that_changed_and_kept_their_size_are_published(user: User, home: str) -> None:
    bucket = user.bucket({"a": b"old", "b": b"stays"})
    first = user.run("publish", f"s3://{bucket}", "--no-finalize").summary
    user.s3.put_object(Bucket=bucket, Key="a", Body=b"new")
    if home == "a new home":
        forget(user)
    second = user.run("publish", f"s3://{bucket}").summary
    assert second["RevisionId"] == first["RevisionId"]
    assert user.contents(second) == {"a": b"new", "b": b"stays"}
    user.s3.put_object(Bucket=bucket, Key="a", Body=b"wen")
    if home == "a new home":
        forget(user)
    third = user.run("publish", f"s3://{bucket}").summary
    assert user.contents(third) == {"a": b"wen", "b": b"stays"}


@ROADS
def test_a_new_home_publishes_nothing_again_where_nothing_has_changed(
    user: User, tmp_path: Path, name: str, road: str
) -> None:
    folder = write_files(tmp_path / name, {"a": b"1", "b": b"2", "empty": b""})
    options = options_of(user, road)
    first = user.run("publish", folder, *options).summary
    os.utime(folder / "a", ns=(1, 1))
    forget(user)
    user.environ["HOME"] = str(tmp_path / "another home")
    second = user.run("publish", folder, *options).summary
    assert (second["RevisionId"], second["Skipped"], second["Jobs"]) == (first["RevisionId"], 3, 0)
    assert second["Finalized"] is True
    assert len(user.revisions(first["DataSetId"])) == 1
    planned = user.run("publish", folder, "--dry-run", *options)
    assert "would import 0 assets" in planned.errors


def test_a_new_home_publishes_objects_not_again_where_nothing_has_changed(user: User) -> None:
    bucket = user.bucket(some(3))
    first = user.run("publish", f"s3://{bucket}").summary
    forget(user)
    second = user.run("publish", f"s3://{bucket}").summary
    assert (second["RevisionId"], second["Skipped"], second["Jobs"]) == (first["RevisionId"], 3, 0)


@pytest.mark.parametrize("home", ["the same home", "a new home"])
@pytest.mark.parametrize("source", ["folder", "bucket"])
def test_going_back_to_older_content_publishes_it(
    user: User, tmp_path: Path, name: str, home: str, source: str
) -> None:
    bucket = user.bucket()

    def publish(content: bytes) -> dict[str, Any]:
        if source == "folder":
            write_files(tmp_path / name, {"a": content})
        else:
            user.s3.put_object(Bucket=bucket, Key="a", Body=content)
        if home == "a new home":
            forget(user)
        place = tmp_path / name if source == "folder" else f"s3://{bucket}"
        return user.run("publish", place).summary

    revisions = [publish(content) for content in (b"one", b"two", b"one")]
    assert len({summary["RevisionId"] for summary in revisions}) == 3
    assert len({summary["DataSetId"] for summary in revisions}) == 1
    assert user.contents(revisions[-1]) == {"a": b"one"}


def test_what_was_published_since_by_others_is_not_what_there_is_here(
    user: User, tmp_path: Path, name: str
) -> None:
    """This machine's journal says that all is published; receivers have the other machine's content."""
    folder = write_files(tmp_path / name, {"a": b"here"})
    first = user.run("publish", folder).summary
    elsewhere = write_files(tmp_path / "elsewhere", {"a": b"else"})
    second = user.run("publish", elsewhere, "--data-set", first["DataSetId"]).summary
    third = user.run("publish", folder).summary
    assert third["RevisionId"] not in {first["RevisionId"], second["RevisionId"]}
    assert user.contents(third) == {"a": b"here"}


def test_a_revoked_revision_is_published_by_another(user: User, tmp_path: Path, name: str) -> None:
    folder = write_files(tmp_path / name, {"a": b"1"})
    first = user.run("publish", folder).summary
    place = {"DataSetId": first["DataSetId"], "RevisionId": first["RevisionId"]}
    user.exchange.revoke_revision(**place, RevocationComment="wrong numbers")
    second = user.run("publish", folder).summary
    assert second["RevisionId"] != first["RevisionId"]
    assert user.contents(second) == {"a": b"1"}


def test_a_revision_that_is_older_than_what_people_have_is_not_gone_on_with(
    user: User, tmp_path: Path, name: str
) -> None:
    folder = write_files(tmp_path / name, {"a": b"1"})
    left = user.run("publish", folder, "--no-finalize").summary
    elsewhere = write_files(tmp_path / "elsewhere", {"a": b"2"})
    newer = user.run("publish", elsewhere, "--data-set", left["DataSetId"]).summary
    last = user.run("publish", folder).summary
    assert last["RevisionId"] not in {left["RevisionId"], newer["RevisionId"]}
    received = tmp_path / "received"
    user.run("fetch", left["DataSetId"], received)
    assert (received / "a").read_bytes() == b"1"


# Which data set is meant


def test_every_machine_publishes_in_the_one_data_set_of_the_name(
    user: User, tmp_path: Path, name: str
) -> None:
    folder = write_files(tmp_path / name, {"a": b"1"})
    first = user.run("publish", folder).summary
    forget(user)
    write_files(folder, {"a": b"2"})
    # Another machine, as far as a program can tell: another name and another home.
    moved = folder.rename(tmp_path / "mounted elsewhere")
    second = user.run("publish", moved, "--name", name).summary
    assert second["DataSetId"] == first["DataSetId"]
    assert len(user.data_sets(name)) == 1


def test_a_data_set_that_somebody_made_by_hand_is_the_one_that_is_meant(
    user: User, tmp_path: Path, name: str
) -> None:
    made = user.exchange.create_data_set(AssetType="S3_SNAPSHOT", Name=name, Description="x")
    folder = write_files(tmp_path / name, {"a": b"1"})
    assert user.run("publish", folder).summary["DataSetId"] == made["Id"]


def test_of_several_data_sets_of_the_name_none_is_guessed(user: User, tmp_path: Path, name: str) -> None:
    folder = write_files(tmp_path / name, {"a": b"1"})
    first = user.run("publish", folder).summary
    other = user.exchange.create_data_set(AssetType="S3_SNAPSHOT", Name=name, Description="x")
    write_files(folder, {"a": b"2"})
    ended = user.run("publish", folder, status=255)
    assert "--data-set" in ended.errors
    assert first["DataSetId"] in ended.errors and other["Id"] in ended.errors
    assert len(user.data_sets(name)) == 2
    assert len(user.revisions(first["DataSetId"])) == 1
    chosen = user.run("publish", folder, "--data-set", other["Id"]).summary
    assert chosen["DataSetId"] == other["Id"]


def test_a_data_set_that_was_renamed_is_still_the_one(user: User, tmp_path: Path, name: str) -> None:
    folder = write_files(tmp_path / name, {"a": b"1"})
    first = user.run("publish", folder).summary
    user.exchange.update_data_set(DataSetId=first["DataSetId"], Name=f"{name}, renamed")
    write_files(folder, {"a": b"2"})
    assert user.run("publish", folder).summary["DataSetId"] == first["DataSetId"]


@ROADS
def test_a_run_that_was_killed_is_taken_up_on_another_machine(
    user: User, tmp_path: Path, name: str, road: str
) -> None:
    files = some(40)
    folder = write_files(tmp_path / name, files)
    command = ["publish", str(folder), "--concurrency", "2", *options_of(user, road)]
    with user.interrupted(*command, by=signal.SIGKILL):
        user.await_assets(name, least=2)
    changed = min(files)
    files[changed] = files[changed][::-1]
    rewrite_in_silence(folder / changed, files[changed])
    if road != "a bucket of its own":  # whose objects without a journal are anybody's
        forget(user)
    summary = user.run(*command).summary
    assert user.contents(summary) == files
    (data_set,) = user.data_sets(name)
    assert len(user.revisions(data_set["Id"])) == 1
