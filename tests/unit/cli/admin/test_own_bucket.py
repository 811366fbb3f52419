"""`entrepot bucket allow` knows the bucket of the exchange's own bytes from the start of the server."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

import pytest
from tests.unit.cli.admin.two_accounts import ONE, Say, exchange_of_two, saying

from entrepot.cli.main import main
from entrepot.domain.own_bucket import OwnBucket
from entrepot.server.data_directory import DataDirectory
from entrepot.server.serve import _note_own_bucket
from entrepot.wiring.shared import prepare_database

OWN = OwnBucket("own", "exchange/", "http://s3.server:9000")


@pytest.fixture(autouse=True)
def directory(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> DataDirectory:
    return DataDirectory(exchange_of_two(monkeypatch, tmp_path))


@pytest.fixture
def say(capsys: pytest.CaptureFixture[str]) -> Say:
    return saying("bucket", capsys)


def refused(capsys: pytest.CaptureFixture[str], *options: str) -> bool:
    status = main(["bucket", "allow", "own", "--account", ONE, "--read", *options])
    assert (status == 252) == ("keeps its own bytes in bucket own" in capsys.readouterr().err)
    return status != 0


def test_what_was_noted_last_counts(directory: DataDirectory) -> None:
    assert directory.own_bucket() is None
    for own in (OWN, OwnBucket("another", "", None, is_shared=True), None, OWN):
        directory.note_own_bucket(own)
        assert directory.own_bucket() == own


def test_it_cannot_be_allowed_by_any_of_its_names(
    directory: DataDirectory, capsys: pytest.CaptureFixture[str], say: Say
) -> None:
    directory.note_own_bucket(OWN)
    for options in (
        (),
        ("--prefix", "mine/"),
        ("--endpoint-url", "http://S3.Server:9000/"),
        ("--endpoint-url", "https://own.s3.server:9000"),
    ):
        assert refused(capsys, *options)
    assert say("list")["BucketPermissions"] == []


def test_other_buckets_can(directory: DataDirectory, capsys: pytest.CaptureFixture[str], say: Say) -> None:
    directory.note_own_bucket(OWN)
    say("allow", "owned", "--account", ONE, "--read")
    directory.note_own_bucket(None)
    assert not refused(capsys)


def test_a_shared_one_can_outside_of_its_prefix(
    directory: DataDirectory, capsys: pytest.CaptureFixture[str]
) -> None:
    directory.note_own_bucket(OwnBucket("own", "exchange/", None, is_shared=True))
    assert not refused(capsys)
    assert not refused(capsys, "--prefix", "mine/")
    for prefix in ("exchange/", "exchange/assets/", "Exchange/", "\\exchange/"):
        assert refused(capsys, "--prefix", prefix)


def test_the_server_says_at_its_start_which_permissions_are_void(
    directory: DataDirectory, say: Say, caplog: pytest.LogCaptureFixture
) -> None:
    for bucket in ("own", "prices"):
        say("allow", bucket, "--account", ONE, "--read")

    async def start() -> None:
        database = await prepare_database(f"sqlite:///{directory.path / 'entrepot.sqlite'}")
        try:
            await _note_own_bucket(OWN, directory, database)
        finally:
            await database.close()

    with caplog.at_level(logging.WARNING):
        asyncio.run(start())
    (record,) = caplog.records
    assert f"a permission of account {ONE} is void" in record.getMessage()
    assert directory.own_bucket() == OWN
