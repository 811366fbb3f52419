"""`publish --through` and `fetch --through`, killed at each point of their way, leave nothing in a bucket."""

from __future__ import annotations

import dataclasses
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from secrets import token_hex
from typing import Any

import pytest
from tests.functional.conftest import Port
from tests.functional.gate import Gate, Passing, gate_before
from tests.functional.transfers import PATIENCE_SECONDS, User, read_files, sizes, some, until, write_files
from tests.servers.warm_program import WarmProgram

ROADS = pytest.mark.parametrize("road", ["", "/x"], ids=["bucket", "prefix"])


@pytest.fixture
def to_s3(port: Port) -> Iterator[Gate]:
    """The way from the user's program to S3."""
    with gate_before(port.storage.endpoint_url) as gate:
        yield gate


@pytest.fixture
def to_exchange(port: Port) -> Iterator[Gate]:
    """The way from the user's program to the exchange."""
    with gate_before(port.exchange.url) as gate:
        yield gate


@pytest.fixture
def user(
    port: Port,
    s3_of_users: Any,
    tmp_path: Path,
    to_s3: Gate,
    to_exchange: Gate,
    program: WarmProgram,
) -> Iterator[User]:
    exchange = dataclasses.replace(port.exchange, url=to_exchange.url)
    behind = dataclasses.replace(port, exchange=exchange)
    user = User(behind, tmp_path, port.account.client, s3_of_users, program)
    user.environ["AWS_ENDPOINT_URL_S3"] = to_s3.url
    yield user
    user.tidy_up()


def creates_job(request: Passing) -> bool:
    return request.method == "POST" and request.target == "/v1/jobs"


def starts_job(request: Passing) -> bool:
    return request.method == "PATCH" and request.target.startswith("/v1/jobs/")


def finalizes(request: Passing) -> bool:
    return request.method == "PATCH" and "/revisions/" in request.target and b"Finalized" in request.body


def deletes(request: Passing) -> bool:
    return request.method == "POST" and request.target.endswith("?delete=")


def puts(request: Passing) -> bool:
    return request.method == "PUT" and "partNumber" not in request.target


def lists_uploads(request: Passing) -> bool:
    return request.method == "GET" and "uploads=" in request.target


def completes_upload(request: Passing) -> bool:
    return request.method == "POST" and "uploadId=" in request.target


def puts_second_part(request: Passing) -> bool:
    return request.method == "PUT" and "partNumber=2" in request.target


def kill(user: User, command: list[str], gate: Gate) -> None:
    """Runs the command until the gate holds it, and kills it there."""
    with user.interrupted(*command, by=signal.SIGKILL):
        gate.await_held()


def forget(user: User) -> None:
    """A new home: a container that was started anew."""
    for path in (user.home / "state").rglob("*.jsonl"):
        path.unlink()


def publishing(user: User, folder: Path, road: str) -> tuple[str, list[str]]:
    bucket = user.bucket({"other": b"stays"})
    return bucket, ["publish", str(folder), "--name", token_hex(6), "--through", f"s3://{bucket}{road}"]


@ROADS
@pytest.mark.parametrize(
    "point", ["before CreateJob", "at StartJob", "after StartJob", "before deletion", "finalized"]
)
def test_what_a_killed_publish_had_staged_is_removed_by_the_next(
    user: User, tmp_path: Path, to_s3: Gate, to_exchange: Gate, road: str, point: str
) -> None:
    """The one file makes one job: killed before the deletion, everything is imported for the second run."""
    gate = to_s3 if point == "before deletion" else to_exchange
    gate.holds, gate.after = {
        "before CreateJob": (creates_job, False),
        "at StartJob": (starts_job, False),
        "after StartJob": (starts_job, True),
        "before deletion": (deletes, False),
        "finalized": (finalizes, True),
    }[point]
    folder = write_files(tmp_path / "product", {"a/b.csv": b"content"})
    bucket, command = publishing(user, folder, road)
    kill(user, command, gate)
    summary = user.run(*command).summary
    assert user.objects(bucket) == {"other": b"stays"}
    assert user.contents(summary) == {"a/b.csv": b"content"}
    assert summary["Finalized"] is True


@ROADS
def test_what_was_staged_of_files_that_are_gone_since_is_removed(
    user: User, tmp_path: Path, to_exchange: Gate, road: str
) -> None:
    to_exchange.holds = creates_job
    folder = write_files(tmp_path / "product", {"gone.csv": b"gone"})
    bucket, command = publishing(user, folder, road)
    kill(user, command, to_exchange)
    assert len(user.objects(bucket)) == 2
    (folder / "gone.csv").unlink()
    write_files(folder, {"new.csv": b"new"})
    summary = user.run(*command).summary
    assert user.objects(bucket) == {"other": b"stays"}
    assert user.contents(summary) == {"new.csv": b"new"}


@ROADS
def test_what_arrives_after_the_death_of_whoever_sent_it_is_removed(
    user: User, tmp_path: Path, to_s3: Gate, road: str
) -> None:
    """It is let through when the next run has removed its own of that name, and has seen that it is gone."""
    deleted = False

    def looks_after_deletion(request: Passing) -> bool:
        nonlocal deleted
        deleted = deleted or deletes(request)
        return deleted and "list-type=2" in request.target

    to_s3.holds, to_s3.opens = puts, looks_after_deletion
    folder = write_files(tmp_path / "product", {"a.csv": b"content"})
    bucket, command = publishing(user, folder, road)
    kill(user, command, to_s3)
    summary = user.run(*command).summary
    assert to_s3.passed.is_set()
    assert user.objects(bucket) == {"other": b"stays"}
    assert user.contents(summary) == {"a.csv": b"content"}


@pytest.mark.parametrize(
    ("late", "road", "home"),
    [
        ("PutObject", "", "the same home"),
        ("PutObject", "/x", "the same home"),
        ("PutObject", "/x", "a new home"),
        ("CompleteMultipartUpload", "", "the same home"),
        ("CompleteMultipartUpload", "/x", "a new home"),
        ("DeleteObjects", "/x", "a new home"),
    ],
)
def test_what_a_killed_run_had_sent_takes_effect_once_the_next_run_has_put_the_file_anew(
    user: User, tmp_path: Path, to_s3: Gate, late: str, road: str, home: str
) -> None:
    """The file has changed in silence between the runs: what is published is what is there now."""
    old = os.urandom(9_000_000) if late == "CompleteMultipartUpload" else b"old"
    puts_it = completes_upload if late == "CompleteMultipartUpload" else puts
    to_s3.holds = deletes if late == "DeleteObjects" else puts_it
    to_s3.opens = puts_it
    to_s3.refuses = lists_uploads  # so that the next run cannot abort what the killed one had begun
    folder = write_files(tmp_path / "product", {"a.csv": old})
    bucket, command = publishing(user, folder, road)
    kill(user, command, to_s3)
    if home == "a new home":
        forget(user)
    before = (folder / "a.csv").stat()
    write_files(folder, {"a.csv": old[::-1]})
    os.utime(folder / "a.csv", ns=(before.st_atime_ns, before.st_mtime_ns))
    summary = user.run(*command).summary
    assert to_s3.passed.is_set()
    assert user.contents(summary) == {"a.csv": old[::-1]}
    assert summary["Finalized"] is True
    assert user.objects(bucket) == {"other": b"stays"}


def test_a_run_is_taken_up_where_nothing_was_remembered_of_it(
    user: User, tmp_path: Path, to_exchange: Gate
) -> None:
    def creates_the_smaller_job(request: Passing) -> bool:
        """Not the second: which of the two is made first is open."""
        return creates_job(request) and request.body.count(b'"Key"') < 100

    to_exchange.holds = creates_the_smaller_job
    objects = some(110)
    bucket = user.bucket(objects)
    command = ["publish", f"s3://{bucket}", "--name", bucket, "--concurrency", "1"]
    with user.interrupted(*command, by=signal.SIGKILL):
        to_exchange.await_held()
        user.await_assets(bucket, least=100)
    forget(user)
    # As large as before, and not what was imported: nothing tells, so everything is imported again.
    changed = {key: content[::-1] for key, content in objects.items()}
    user.put(bucket, changed)
    summary = user.run(*command).summary
    assert user.assets(summary) == sizes(objects)
    assert user.contents(summary) == changed
    assert summary["Skipped"] == 0
    assert len(user.data_sets(bucket)) == 1
    assert len(user.revisions(summary["DataSetId"])) == 1


def test_without_its_journal_a_run_removes_what_is_below_its_own_prefix(
    user: User, tmp_path: Path, to_s3: Gate
) -> None:
    to_s3.holds = deletes
    folder = write_files(tmp_path / "product", {"a.csv": b"content"})
    bucket, command = publishing(user, folder, "/x")
    kill(user, command, to_s3)
    forget(user)
    user.run(*command)
    assert user.objects(bucket) == {"other": b"stays"}


def test_objects_of_which_nobody_knows_whose_they_are_are_left_alone(
    user: User, tmp_path: Path, to_s3: Gate
) -> None:
    to_s3.holds = deletes
    folder = write_files(tmp_path / "product", {"a.csv": b"content"})
    bucket, command = publishing(user, folder, "")
    kill(user, command, to_s3)
    forget(user)
    assert "overwritten" in user.run(*command, status=255).errors
    assert user.objects(bucket) == {"other": b"stays", "a.csv": b"content"}


def test_an_object_that_the_user_has_put_there_between_two_runs_is_left_alone(
    user: User, tmp_path: Path
) -> None:
    folder = write_files(tmp_path / "product", {"a.csv": b"content"})
    bucket, command = publishing(user, folder, "")
    user.run(*command)
    user.s3.put_object(Bucket=bucket, Key="a.csv", Body=b"the user's own")
    write_files(folder, {"a.csv": b"another content"})
    assert "overwritten" in user.run(*command, status=255).errors
    assert user.objects(bucket) == {"other": b"stays", "a.csv": b"the user's own"}


@ROADS
def test_parts_of_a_large_file_that_a_killed_run_had_sent_are_removed(
    user: User, tmp_path: Path, to_s3: Gate, road: str
) -> None:
    to_s3.holds = puts_second_part
    folder = write_files(tmp_path / "product", {"large.bin": os.urandom(9_000_000)})
    bucket, command = publishing(user, folder, road)
    theirs = user.s3.create_multipart_upload(Bucket=bucket, Key="theirs")["UploadId"]
    kill(user, command, to_s3)
    assert len(user.s3.list_multipart_uploads(Bucket=bucket)["Uploads"]) == 2
    user.run(*command)
    (left,) = user.s3.list_multipart_uploads(Bucket=bucket)["Uploads"]
    assert left["UploadId"] == theirs
    assert user.objects(bucket) == {"other": b"stays"}
    user.s3.abort_multipart_upload(Bucket=bucket, Key="theirs", UploadId=theirs)


@pytest.mark.parametrize("newer", [False, True], ids=["the same revision", "a newer revision"])
@pytest.mark.parametrize("point", ["at StartJob", "after StartJob", "before deletion"])
def test_what_was_exported_for_a_killed_fetch_is_removed_by_the_next(
    user: User, tmp_path: Path, to_s3: Gate, to_exchange: Gate, point: str, newer: bool
) -> None:
    source, way, target = user.bucket(some(3)), user.bucket({"other": b"stays"}), tmp_path / "target"
    made = user.run("publish", f"s3://{source}").summary
    command = ["fetch", made["DataSetId"], str(target), "--through", f"s3://{way}/x"]
    gate = to_s3 if point == "before deletion" else to_exchange
    gate.holds, gate.after = {
        "at StartJob": (starts_job, False),
        "after StartJob": (starts_job, True),
        "before deletion": (deletes, False),
    }[point]
    kill(user, command, gate)
    if newer:
        user.s3.put_object(Bucket=source, Key="newer", Body=b"1")
        user.run("publish", f"s3://{source}")
    user.run(*command)
    gate.opened.set()
    assert gate.passed.wait(PATIENCE_SECONDS)
    until(
        lambda: (
            not [
                job
                for job in user.exchange.list_jobs(DataSetId=made["DataSetId"])["Jobs"]
                if job["State"] == "IN_PROGRESS"
            ]
        )
    )
    assert user.objects(way) == {"other": b"stays"}
    assert read_files(target) == {**some(3), **({"newer": b"1"} if newer else {})}
