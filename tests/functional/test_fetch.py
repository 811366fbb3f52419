"""`entrepot fetch`: a revision's assets are in a folder or a bucket, whole, whatever happens on the way."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from secrets import token_hex
from typing import Any

import pytest
from tests.functional import tools
from tests.functional.conftest import Port
from tests.functional.flow import import_by_signed_url, import_objects, open_revision
from tests.functional.transfers import User, read_files, some, until, write_files
from tests.servers.warm_program import WarmProgram


@pytest.fixture
def user(port: Port, s3_of_users: Any, tmp_path: Path, program: WarmProgram) -> Iterator[User]:
    user = User(port, tmp_path, port.account.client, s3_of_users, program)
    yield user
    user.tidy_up()


def published(user: User, contents: dict[str, bytes]) -> dict[str, Any]:
    """A finalized revision with these assets: its ids, and the name of its data set."""
    name, bucket, keys = f"data {token_hex(4)}", user.bucket(contents), list(contents)
    place = open_revision(user.exchange, name)
    for first in range(0, len(keys), 100):
        job = import_objects(user.exchange, place, bucket, keys[first : first + 100])
        assert job["State"] == "COMPLETED", job
    user.exchange.update_revision(**place, Finalized=True)
    return {**place, "Name": name}


@pytest.mark.parametrize("road", ["signed URLs", "a bucket on the way"])
def test_assets_become_files_under_their_names(user: User, tmp_path: Path, road: str) -> None:
    files = {**some(25), "empty": b"", "ünï cödé/x y.txt": b"1", "large.bin": os.urandom(9_000_000)}
    made = published(user, {**files, "a folder/": b""})
    way = user.bucket({"other": b"stays"})
    through = [] if road == "signed URLs" else ["--through", f"s3://{way}/tmp"]
    target = tmp_path / "new" / "target"
    summary = user.run("fetch", made["DataSetId"], target, *through, anew=True).summary
    assert read_files(target) == files
    assert (target / "a folder").is_dir()
    assert (summary["Assets"], summary["Skipped"], summary["Failed"]) == (len(files) + 1, 0, 0)
    assert (summary["DataSetId"], summary["RevisionId"]) == (made["DataSetId"], made["RevisionId"])
    assert user.objects(way) == {"other": b"stays"}
    assert not list((target / ".entrepot-fetch").glob("incoming/*"))
    again = user.run("fetch", made["Name"], target, *through).summary
    assert (again["Skipped"], again["Jobs"]) == (len(files), 0)


def test_assets_become_objects_below_a_prefix(user: User) -> None:
    objects = {**some(120), "ünï cödé/x y.txt": b"1", "${x}": b"3", "empty": b""}
    made = published(user, objects)
    bucket = user.bucket({"else": b"stays"})
    summary = user.run("fetch", made["Name"], f"s3://{bucket}/in").summary
    assert user.objects(bucket) == {"else": b"stays", **{f"in/{key}": body for key, body in objects.items()}}
    assert summary["Jobs"] == 1
    again = user.run("fetch", made["Name"], f"s3://{bucket}/in").summary
    assert (again["Skipped"], again["Jobs"]) == (len(objects), 0)


def test_only_what_is_missing_or_wrong_is_exported_again(user: User) -> None:
    objects = some(30)
    made = published(user, objects)
    bucket = user.bucket({"in/unrelated": b""})
    user.run("fetch", made["Name"], f"s3://{bucket}/in")
    names = list(objects)
    user.s3.delete_object(Bucket=bucket, Key=f"in/{names[0]}")
    user.s3.put_object(Bucket=bucket, Key=f"in/{names[1]}", Body=b"something much longer than it was before")
    summary = user.run("fetch", made["Name"], f"s3://{bucket}/in").summary
    assert (summary["Skipped"], summary["Jobs"]) == (28, 1)
    assert user.objects(bucket) == {"in/unrelated": b"", **{f"in/{key}": one for key, one in objects.items()}}


def test_an_object_of_the_same_size_that_is_not_ours_is_replaced(user: User) -> None:
    made = published(user, {"a": b"ours"})
    bucket = user.bucket({"a": b"else"})
    assert user.run("fetch", made["Name"], f"s3://{bucket}").summary["Skipped"] == 0
    assert user.objects(bucket) == {"a": b"ours"}


def test_files_that_are_there_are_kept_where_they_are_the_same_and_replaced_elsewhere(
    user: User, tmp_path: Path
) -> None:
    files = {"same": b"11", "touched": b"22", "changed": b"33", "gone": b"44", "shorter": b"55"}
    made = published(user, files)
    target = write_files(tmp_path / "target", {"theirs": b"stays", "changed": b"before"})
    user.run("fetch", made["Name"], target)
    os.utime(target / "touched", ns=(1, 1))
    write_files(target, {"changed": b"xx", "shorter": b"5"})
    (target / "gone").unlink()
    summary = user.run("fetch", made["Name"], target).summary
    assert read_files(target) == {"theirs": b"stays", **files}
    assert (summary["Skipped"], summary["Jobs"]) == (2, 3)


def test_other_bytes_of_the_same_size_and_time_are_replaced(user: User, tmp_path: Path) -> None:
    made = published(user, {"a": b"right", "b": b"stays"})
    target = tmp_path / "target"
    user.run("fetch", made["Name"], target)
    before = (target / "a").stat()
    (target / "a").write_bytes(b"wrong")
    os.utime(target / "a", ns=(before.st_atime_ns, before.st_mtime_ns))
    summary = user.run("fetch", made["Name"], target).summary
    assert read_files(target) == {"a": b"right", "b": b"stays"}
    assert (summary["Skipped"], summary["Jobs"]) == (1, 1)


@pytest.mark.parametrize("through", [False, True])
@pytest.mark.parametrize("by", [signal.SIGKILL, signal.SIGINT])
def test_a_run_into_a_folder_that_was_broken_off_is_taken_up(
    user: User, tmp_path: Path, by: signal.Signals, through: bool
) -> None:
    files = some(40)
    made = published(user, files)
    target, way = tmp_path / "target", user.bucket()
    command = ["fetch", made["Name"], str(target), "--concurrency", "2"]
    command += ["--through", f"s3://{way}"] if through else []
    with user.interrupted(*command, by=by) as process:
        # Two at a time: as many as that may be there and not in the journal yet.
        until(lambda: target.exists() and len(read_files(target)) >= 4)
    assert process.returncode == (130 if by == signal.SIGINT else -by)
    whole = read_files(target)
    assert whole.items() <= files.items()
    summary = user.run(*command).summary
    assert read_files(target) == files
    assert summary["Skipped"] >= 2
    assert user.objects(way) == {}
    assert not list((target / ".entrepot-fetch").glob("incoming/*"))


def test_an_export_that_goes_on_after_a_kill_is_waited_for(user: User) -> None:
    objects = some(150)
    made = published(user, objects)
    bucket = user.bucket()
    command = ["fetch", made["Name"], f"s3://{bucket}/x"]
    with user.interrupted(*command, by=signal.SIGKILL):
        until(lambda: user.s3.list_objects_v2(Bucket=bucket).get("Contents"), longest_pause=0.02)
    summary = user.run(*command).summary
    assert user.objects(bucket) == {f"x/{key}": content for key, content in objects.items()}
    assert summary["Skipped"] == len(objects)


def test_names_that_are_no_safe_paths_are_refused_and_the_others_arrive(user: User, tmp_path: Path) -> None:
    place = open_revision(user.exchange)
    unsafe = ["../up", "/absolute", "two//slashes", "file/below", "./here", "x" * 300]
    for name in ("good", "file", ".entrepot-fetch/record.jsonl", *unsafe):
        import_by_signed_url(user.exchange, place, name, name.encode())
    target, escaped = tmp_path / "in" / "target", tmp_path / "escaped"
    which = ["--revision", place["RevisionId"]]
    ended = user.run("fetch", place["DataSetId"], target, *which, status=1)
    assert read_files(target) == {"good": b"good", "file": b"file"}
    assert not (tmp_path / "in" / "up").exists()
    assert ended.summary["Failed"] == len(unsafe) + 1
    assert "--escape-names" in ended.errors
    user.run("fetch", place["DataSetId"], escaped, *which, "--escape-names", status=1)
    assert read_files(escaped) == {
        "good": b"good",
        "file": b"file",
        "%2E%2E/up": b"../up",
        "%2Fabsolute": b"/absolute",
        "two/%2Fslashes": b"two//slashes",
        "%2E/here": b"./here",
    }


def test_a_folder_or_file_in_the_way_is_told_and_left_alone(user: User, tmp_path: Path) -> None:
    made = published(user, {"a": b"1", "b/c": b"2", "d": b"3"})
    target = write_files(tmp_path / "target", {"a/inside": b"theirs", "b": b"theirs"})
    ended = user.run("fetch", made["Name"], target, status=1)
    assert {failure["Name"] for failure in ended.summary["Failures"]} == {"a", "b/c"}
    assert read_files(target) == {"a/inside": b"theirs", "b": b"theirs", "d": b"3"}


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 8 MiB of its own; needs the right to mount, as CI has."""
    folder = tmp_path / "small"
    folder.mkdir()
    as_root = [] if os.geteuid() == 0 else [shutil.which("sudo") or "sudo is not installed", "-n"]
    options = f"size=8m,mode=700,uid={os.geteuid()},gid={os.getegid()}"
    try:
        mount = [*as_root, "mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
        subprocess.run(mount, capture_output=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        tools.missing("a small file system cannot be mounted (it takes root, or sudo without a password)")
    yield folder
    subprocess.run([*as_root, "umount", "--lazy", str(folder)], check=True)


@pytest.mark.parametrize("through", [False, True])
def test_a_full_disk_is_told_and_nothing_is_left_half_written(
    user: User, small_disk: Path, through: bool
) -> None:
    files = {f"file-{number}": os.urandom(3_000_000) for number in range(4)}
    made = published(user, files)
    options = ["--through", f"s3://{user.bucket()}"] if through else []
    ended = user.run("fetch", made["Name"], small_disk, *options, status=1)
    assert "no space left" in ended.errors
    there = read_files(small_disk)
    assert there.items() <= files.items()
    assert there
    assert not list((small_disk / ".entrepot-fetch").glob("incoming/*"))
    assert ended.summary["Failed"] == len(files) - len(there)


def test_the_newest_finalized_revision_is_fetched_or_another_one_that_is_named(
    user: User, tmp_path: Path
) -> None:
    bucket = user.bucket({"a": b"1"})
    first = user.run("publish", f"s3://{bucket}").summary
    user.s3.put_object(Bucket=bucket, Key="b", Body=b"2")
    second = user.run("publish", f"s3://{bucket}").summary
    user.exchange.create_revision(DataSetId=first["DataSetId"])
    newest, older, every = (tmp_path / name for name in ("newest", "older", "every"))
    user.run("fetch", first["DataSetId"], newest)
    assert set(read_files(newest)) == {"a", "b"}
    user.run("fetch", first["DataSetId"], older, "--revision", first["RevisionId"])
    assert set(read_files(older)) == {"a"}
    summary = user.run("fetch", first["DataSetId"], every, "--all-revisions").summary
    assert set(read_files(every)) == {
        f"{second['RevisionId']}/a",
        f"{second['RevisionId']}/b",
        f"{first['RevisionId']}/a",
    }
    assert summary["RevisionIds"] == [second["RevisionId"], first["RevisionId"]]


def test_a_dry_run_says_what_it_would_do_and_does_nothing(user: User, tmp_path: Path) -> None:
    made = published(user, some(12))
    ended = user.run("fetch", made["Name"], tmp_path / "target", "--dry-run")
    assert "would fetch 12 assets" in ended.errors
    assert ended.summary["DryRun"] is True
    assert not (tmp_path / "target").exists()


def test_what_there_is_not_is_told(user: User, tmp_path: Path) -> None:
    target = tmp_path / "target"
    assert "There is no data set" in user.run("fetch", "no such thing", target, status=255).errors
    for _ in range(2):
        user.exchange.create_data_set(AssetType="S3_SNAPSHOT", Name="twins", Description="x")
    assert "2 data sets are named" in user.run("fetch", "twins", target, status=255).errors
    data_set = user.data_sets("twins")[0]
    assert "no finalized revision" in user.run("fetch", data_set["Id"], target, status=255).errors
    assert not target.exists()


def test_two_runs_into_one_folder_do_not_disturb_each_other(user: User, tmp_path: Path) -> None:
    files = some(40)
    made = published(user, files)
    target = tmp_path / "target"
    with user.start("fetch", made["Name"], target) as first:
        until((target / ".entrepot-fetch" / "record.jsonl").exists)
        second = user.run("fetch", made["Name"], target, status=255)
        first.communicate()
    assert "is running already" in second.errors
    assert first.returncode == 0
    assert read_files(target) == files
