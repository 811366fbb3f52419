"""`entrepot publish`: what is in a folder or a bucket is in a finalized revision, once, whatever happens."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.functional.conftest import Port
from tests.functional.transfers import User, sizes, some, until, write_files
from tests.servers.warm_program import WarmProgram


@pytest.fixture
def user(port: Port, s3_of_users: Any, tmp_path: Path, program: WarmProgram) -> Iterator[User]:
    user = User(port, tmp_path, port.account.client, s3_of_users, program)
    yield user
    user.tidy_up()


def test_objects_of_a_bucket_become_a_finalized_revision(user: User) -> None:
    objects = some(110, "in/")
    bucket = user.bucket({**objects, "out/other.csv": b"not this one"})
    ended = user.run("publish", f"s3://{bucket}/in", "--comment", "First", "--tag", "team=data", anew=True)
    summary = ended.summary
    assert user.assets(summary) == sizes(objects)
    assert summary["Finalized"] is True
    assert (summary["Assets"], summary["Jobs"], summary["Skipped"], summary["Failed"]) == (110, 2, 0, 0)
    assert summary["Bytes"] == sum(sizes(objects).values())
    place = {"DataSetId": summary["DataSetId"], "RevisionId": summary["RevisionId"]}
    revision = user.exchange.get_revision(**place)
    assert (revision["Comment"], revision["Finalized"], revision["Tags"]["team"]) == ("First", True, "data")
    data_set = user.exchange.get_data_set(DataSetId=summary["DataSetId"])
    assert (data_set["Name"], data_set["AssetType"]) == ("in", "S3_SNAPSHOT")
    assert "110 of 110 assets" in ended.errors


def test_publishing_the_same_again_changes_nothing(user: User) -> None:
    bucket = user.bucket(some(3))
    first = user.run("publish", f"s3://{bucket}").summary
    second = user.run("publish", f"s3://{bucket}").summary
    for key in ("DataSetId", "RevisionId", "Finalized"):
        assert second[key] == first[key]
    assert (second["Skipped"], second["Jobs"]) == (3, 0)
    assert len(user.revisions(first["DataSetId"])) == 1


def test_what_has_changed_since_makes_a_new_revision_of_the_same_data_set(user: User) -> None:
    bucket = user.bucket(some(3))
    first = user.run("publish", f"s3://{bucket}").summary
    user.s3.put_object(Bucket=bucket, Key="new.csv", Body=b"new")
    second = user.run("publish", f"s3://{bucket}").summary
    assert second["DataSetId"] == first["DataSetId"]
    assert second["RevisionId"] != first["RevisionId"]
    assert len(user.assets(second)) == 4
    assert len(user.assets(first)) == 3


@pytest.mark.parametrize("road", ["signed URLs", "a bucket of its own", "a prefix"])
def test_files_of_a_folder_are_named_by_their_paths_below_it(user: User, tmp_path: Path, road: str) -> None:
    files = {**some(25), "empty": b"", "ünï cödé/x y.txt": b"1", "large.bin": os.urandom(9_000_000)}
    folder = write_files(tmp_path / "product", files)
    bucket = user.bucket({"other/object": b"stays"})
    through = {"signed URLs": [], "a bucket of its own": ["--through", f"s3://{bucket}"]}
    options = through.get(road, ["--through", f"s3://{bucket}/way"])
    summary = user.run("publish", folder, *options).summary
    assert user.contents(summary) == files
    assert summary["Finalized"] is True
    assert user.exchange.get_data_set(DataSetId=summary["DataSetId"])["Name"] == "product"
    assert user.objects(bucket) == {"other/object": b"stays"}
    again = user.run("publish", folder, *options).summary
    assert (again["Skipped"], again["RevisionId"]) == (len(files), summary["RevisionId"])


def test_a_bucket_with_objects_under_the_same_names_is_not_gone_through(user: User, tmp_path: Path) -> None:
    folder = write_files(tmp_path / "not gone through", {"a.csv": b"mine"})
    bucket = user.bucket({"a.csv": b"theirs"})
    ended = user.run("publish", folder, "--through", f"s3://{bucket}", status=255)
    assert "a.csv" in ended.errors and "overwritten" in ended.errors
    assert user.objects(bucket) == {"a.csv": b"theirs"}
    assert user.data_sets("not gone through") == []


@pytest.mark.parametrize("road", ["signed URLs", "bucket", "prefix"])
@pytest.mark.parametrize("by", [signal.SIGKILL, signal.SIGINT])
def test_a_run_that_was_broken_off_is_taken_up_where_it_stopped(
    user: User, tmp_path: Path, by: signal.Signals, road: str
) -> None:
    files = some(40)
    name = f"broken off {by} {road}"
    folder = write_files(tmp_path / "product", files)
    bucket = user.bucket()
    through = {"bucket": ["--through", f"s3://{bucket}"], "prefix": ["--through", f"s3://{bucket}/x"]}
    command = ["publish", str(folder), "--name", name, "--concurrency", "2", *through.get(road, [])]
    with user.interrupted(*command, by=by) as process:
        user.await_assets(name, least=2)
    assert process.returncode == (130 if by == signal.SIGINT else -by)
    summary = user.run(*command).summary
    assert user.contents(summary) == files
    assert summary["Finalized"] is True
    assert summary["Skipped"] >= 2
    (data_set,) = user.data_sets(name)
    assert len(user.revisions(data_set["Id"])) == 1
    assert user.objects(bucket) == {}


def test_files_that_changed_between_two_runs_are_replaced(user: User, tmp_path: Path) -> None:
    folder = write_files(tmp_path / "product", {"a": b"old a", "b": b"old b", "c": b"old c"})
    first = user.run("publish", folder, "--no-finalize").summary
    assert first["Finalized"] is False
    write_files(folder, {"a": b"new a", "b": b"longer than before"})
    (folder / "c").unlink()
    os.utime(folder / "a", ns=(1, 1))
    second = user.run("publish", folder).summary
    assert second["RevisionId"] == first["RevisionId"]
    assert user.contents(second) == {"a": b"new a", "b": b"longer than before"}
    assert (second["Removed"], second["Skipped"], second["Finalized"]) == (3, 0, True)


def test_two_runs_of_the_same_command_do_not_disturb_each_other(user: User, tmp_path: Path) -> None:
    folder = write_files(tmp_path / "at once", some(40))
    with user.start("publish", folder) as first:
        until(lambda: list((tmp_path / "state").rglob("*.jsonl")))
        first.send_signal(signal.SIGSTOP)  # or it would be over sooner on a busy machine
        try:
            second = user.run("publish", folder, status=255)
        finally:
            first.send_signal(signal.SIGCONT)
        output, _ = first.communicate()
    assert "is running already" in second.errors
    assert first.returncode == 0, output
    (data_set,) = user.data_sets("at once")
    assert len(user.revisions(data_set["Id"])) == 1


def test_what_cannot_be_read_is_named_and_the_revision_stays_open(user: User, tmp_path: Path) -> None:
    folder = write_files(tmp_path / "unreadable", {"a.csv": b"a", "b.csv": b"b"})
    (folder / "broken").symlink_to(folder / "nowhere")
    os.mkfifo(folder / "pipe")
    (folder / "loop").symlink_to(folder)
    ended = user.run("publish", folder, status=1)
    assert {failure["Name"] for failure in ended.summary["Failures"]} == {"broken", "pipe", "loop"}
    assert ended.summary["Finalized"] is False
    assert user.assets(ended.summary) == {"a.csv": 1, "b.csv": 1}
    for name in ("broken", "pipe", "loop"):
        assert f"publish: {name}: " in ended.errors
        (folder / name).unlink()
    mended = user.run("publish", folder).summary
    assert (mended["RevisionId"], mended["Finalized"]) == (ended.summary["RevisionId"], True)
    assert mended["Skipped"] == 2


def test_a_dry_run_says_what_it_would_do_and_does_nothing(user: User, tmp_path: Path) -> None:
    folder = write_files(tmp_path / "rehearsal", some(30))
    ended = user.run("publish", folder, "--dry-run")
    assert ended.summary["DryRun"] is True
    assert ended.summary["DataSetId"] is None
    assert "would import 30 assets" in ended.errors
    assert "and 20 more" in ended.errors
    assert user.data_sets("rehearsal") == []
    assert not (tmp_path / "state").exists()


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("empty", "nothing to publish"),
        ("missing", "cannot be read"),
        ("file", "is not a folder"),
        ("s3://no-such-bucket-anywhere", "bucket"),
    ],
)
def test_a_source_without_anything_is_told_before_anything_is_made(
    user: User, tmp_path: Path, source: str, words: str
) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").write_bytes(b"x")
    place = source if source.startswith("s3:") else str(tmp_path / source)
    ended = user.run("publish", place, status=255)
    assert words in ended.errors
    assert user.data_sets(source) == []


def test_more_assets_than_a_revision_takes_are_told_before_anything_is_made(
    user: User, tmp_path: Path
) -> None:
    folder = write_files(tmp_path / "many", some(4))
    ended = user.run("publish", folder, "--assets-per-revision", "3", status=255)
    assert "4 assets are more than the 3" in ended.errors
    assert user.data_sets("many") == []


def test_another_data_set_can_be_named(user: User) -> None:
    data_set = user.exchange.create_data_set(AssetType="S3_SNAPSHOT", Name="Theirs", Description="x")
    bucket = user.bucket({"a": b"1"})
    summary = user.run("publish", f"s3://{bucket}", "--data-set", data_set["Id"]).summary
    assert summary["DataSetId"] == data_set["Id"]
    ended = user.run("publish", f"s3://{bucket}", "--data-set", "0" * 32, status=255)
    assert "There is no data set" in ended.errors


def test_wrong_usage_is_told(user: User) -> None:
    assert "s3://bucket/prefix" in user.run("publish", "s3://", status=252).errors
    assert "--through" in user.run("publish", "s3://a", "--through", "s3://b", status=252).errors
    assert "KEY=VALUE" in user.run("publish", user.home, "--tag", "x", status=252).errors
    assert "--concurrency" in user.run("publish", user.home, "--concurrency", "0", status=252).errors
