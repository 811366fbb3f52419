"""`publish` and `fetch` without keys for the buckets of users, or with wrong ones: told, before all else."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.functional.conftest import Port
from tests.functional.gate import Passing, gate_before
from tests.functional.transfers import PATIENCE_SECONDS, User, write_files
from tests.servers.warm_program import WarmProgram


@pytest.fixture
def user(port: Port, s3_of_users: Any, tmp_path: Path, program: WarmProgram) -> Iterator[User]:
    user = User(port, tmp_path, port.account.client, s3_of_users, program)
    yield user
    user.tidy_up()


@pytest.fixture
def keyless(user: User) -> User:
    """The exchange is known from the data directory of its server, and no AWS program knows any keys."""
    for name in (*(name for name in user.environ if name.startswith("AWS_")), "HOME"):
        user.environ.pop(name, None)
    user.environ.update(
        ENTREPOT_DATA_DIR=str(user.home / "exchange"),
        HOME=str(user.home),
        AWS_ENDPOINT_URL_S3=user.port.storage.endpoint_url,
        AWS_EC2_METADATA_DISABLED="true",
    )
    return user


def run(user: User, *arguments: str | Path) -> tuple[int, str]:
    command = ["entrepot", *map(str, arguments), "--endpoint-url", user.port.exchange.url]
    ended = user.program.run(command, user.environ, seconds=PATIENCE_SECONDS)
    assert b"Traceback" not in ended.stderr
    return ended.returncode, ended.stderr.decode()


def commands(user: User, tmp_path: Path) -> list[list[str | Path]]:
    """Everything that needs keys for buckets."""
    folder, bucket = write_files(tmp_path / "keyless", {"a": b"1"}), user.bucket({"x/a": b"1"})
    found = user.exchange.create_data_set(AssetType="S3_SNAPSHOT", Name="x", Description="x")["Id"]
    return [
        ["publish", f"s3://{bucket}/x", "--name", "keyless"],
        ["publish", folder, "--through", f"s3://{bucket}"],
        ["publish", folder, "--through", f"s3://{bucket}/way"],
        ["publish", folder, "--through", f"s3://{bucket}/way", "--dry-run"],
        ["fetch", found, f"s3://{bucket}/way"],
        ["fetch", found, tmp_path / "target", "--through", f"s3://{bucket}/way"],
    ]


def test_without_keys_nothing_is_begun(keyless: User, tmp_path: Path) -> None:
    for command in commands(keyless, tmp_path):
        status, errors = run(keyless, *command)
        assert status == 253, errors
        assert "AWS_ACCESS_KEY_ID" in errors and "--s3-profile" in errors
        assert "server" not in errors
    assert keyless.data_sets("keyless") == []
    assert not (tmp_path / "target").exists()


def test_a_profile_for_buckets_that_does_not_exist_is_told(user: User, tmp_path: Path) -> None:
    for command in commands(user, tmp_path):
        ended = user.run(*command, "--s3-profile", "nobody", status=255)
        assert "The config profile (nobody) could not be found" in ended.errors
    assert user.data_sets("keyless") == []
    assert not (tmp_path / "target").exists()


def test_a_profile_without_keys_is_told(user: User, tmp_path: Path) -> None:
    with Path(user.environ["AWS_CONFIG_FILE"]).open("a") as file:
        file.write("\n[profile bare]\nregion = us-east-1\n")
    user.environ["AWS_EC2_METADATA_DISABLED"] = "true"
    for command in commands(user, tmp_path):
        assert "--s3-profile" in user.run(*command, "--s3-profile", "bare", status=253).errors
    assert user.data_sets("keyless") == []


@pytest.mark.parametrize("known", [True, False])
def test_keys_that_are_refused_are_the_users_own(user: User, tmp_path: Path, known: bool) -> None:
    user.environ["AWS_SECRET_ACCESS_KEY"] = "wrong"
    if not known:
        user.environ["AWS_ACCESS_KEY_ID"] = "AKIAUNKNOWN000000000"
    for command in commands(user, tmp_path)[:3]:
        errors = user.run(*command, status=255).errors
        assert "credentials" in errors and "server" not in errors
    assert user.data_sets("keyless") == []


@pytest.mark.parametrize("road", ["", "/way"])
def test_who_may_only_read_the_bucket_on_the_way_makes_nothing(user: User, tmp_path: Path, road: str) -> None:
    def writes(request: Passing) -> bool:
        return request.method != "GET"

    folder, bucket = write_files(tmp_path / "readers", {"a": b"1"}), user.bucket()
    with gate_before(user.port.storage.endpoint_url) as gate:
        gate.refuses = writes
        user.environ["AWS_ENDPOINT_URL_S3"] = gate.url
        ended = user.run("publish", folder, "--through", f"s3://{bucket}{road}", status=255)
    assert "AccessDenied" in ended.errors
    assert user.data_sets("readers") == []
