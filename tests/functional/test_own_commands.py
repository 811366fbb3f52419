"""Own commands at their edges: output that finds no room, signals, names, what a shell completes, JSON."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.functional.conftest import Port
from tests.functional.hostile_exchange import HostileExchange, hostile_exchange
from tests.functional.transfers import PATIENCE_SECONDS, User, read_files, some, write_files
from tests.servers.warm_program import WarmProgram

Own = Callable[..., subprocess.CompletedProcess[bytes]]


@pytest.fixture
def user(port: Port, s3_of_users: Any, tmp_path: Path, program: WarmProgram) -> Iterator[User]:
    user = User(port, tmp_path, port.account.client, s3_of_users, program)
    yield user
    user.tidy_up()


@pytest.fixture
def exchange(program: WarmProgram) -> Iterator[HostileExchange]:
    with hostile_exchange(program) as exchange:
        yield exchange


def environ_of(home: Path) -> dict[str, str]:
    """That of an operator with a data directory of their own."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "ENTREPOT_"))}
    return kept | {"ENTREPOT_DATA_DIR": str(home / "data")}


@pytest.fixture
def own(program: WarmProgram, tmp_path: Path) -> Own:
    """Runs an operator's command."""

    def run(*arguments: str) -> subprocess.CompletedProcess[bytes]:
        return program.run(["entrepot", *arguments], environ_of(tmp_path), seconds=PATIENCE_SECONDS)

    return run


def started(
    home: Path, *arguments: str, unbuffered: bool = False, **streams: Any
) -> subprocess.CompletedProcess[bytes]:
    """An operator's command in an interpreter of its own."""
    pipe = subprocess.PIPE
    return subprocess.run(
        [sys.executable, "-m", "entrepot", *arguments],
        env=environ_of(home) | {"PYTHONUNBUFFERED": "1" if unbuffered else ""},
        timeout=PATIENCE_SECONDS,
        check=False,
        **{"stdout": pipe, "stderr": pipe, **streams},
    )


@pytest.mark.parametrize(
    ("command", "unbuffered"), [("account list", False), ("bucket list", True), ("doctor", False)]
)
def test_output_that_finds_no_room_is_120(tmp_path: Path, command: str, unbuffered: bool) -> None:
    with Path("/dev/full").open("wb") as full:
        ended = started(tmp_path, *command.split(), unbuffered=unbuffered, stdout=full)
        assert ended.returncode == 120
        assert ended.stderr == b"entrepot: The output could not be written: No space left on device\n"


def test_a_message_that_finds_no_room_leaves_the_exit_code(tmp_path: Path) -> None:
    with Path("/dev/full").open("wb") as full:
        assert started(tmp_path, "key", "disable", "AKIANOBODY", stderr=full).returncode == 252


def test_fetch_and_wait_job_whose_output_finds_no_room(exchange: HostileExchange, tmp_path: Path) -> None:
    for arguments in (["fetch", "d" * 32, tmp_path / "target"], ["wait-job", "--any", "b" * 32]):
        shell = 'exec "$@" > /dev/full'
        command = ["sh", "-c", shell, "sh", sys.executable, "-m", "entrepot", *map(str, arguments)]
        environ = {**os.environ, "AWS_ACCESS_KEY_ID": "A" * 20, "AWS_SECRET_ACCESS_KEY": "s"}
        environ |= {"AWS_REGION": "us-east-1", "AWS_ENDPOINT_URL": exchange.url}
        ended = subprocess.run(
            command, env=environ, capture_output=True, timeout=PATIENCE_SECONDS, check=False
        )
        assert ended.returncode == 120, ended.stderr
        assert b"No space left" in ended.stderr
        assert b"OSError" not in ended.stderr


@pytest.mark.parametrize("command", ["account list", "doctor"])
def test_closed_output_is_no_failure(tmp_path: Path, command: str) -> None:
    shell = f'exec "$0" -m entrepot {command} >&-'
    environ = {**os.environ, "ENTREPOT_DATA_DIR": str(tmp_path / "data")}
    ended = subprocess.run(["sh", "-c", shell, sys.executable], env=environ, capture_output=True, check=False)
    assert (ended.returncode, ended.stderr) == (0, b"")


@pytest.mark.parametrize(("by", "status"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
@pytest.mark.parametrize("verb", ["publish", "fetch"])
def test_a_run_that_is_ended_says_by_what(
    user: User, tmp_path: Path, verb: str, by: signal.Signals, status: int
) -> None:
    folder = write_files(tmp_path / f"ended {verb} {by}", some(60))
    target = tmp_path / "target"
    command: list[str | Path] = ["publish", folder, "--concurrency", "1"]
    if verb == "fetch":
        user.run("publish", folder, "--through", f"s3://{user.bucket()}")
        command = ["fetch", folder.name, target, "--concurrency", "1"]
    with user.start(*command) as process:
        if verb == "publish":
            user.await_assets(folder.name, least=1)
        else:
            while not (target.is_dir() and read_files(target)):
                assert process.poll() is None
        process.send_signal(by)
        _, errors = process.communicate(timeout=PATIENCE_SECONDS)
    assert process.returncode == status, errors
    assert b"run the same command again" in errors


def test_names_that_are_no_utf_8_are_told_in_json_that_any_reader_takes(user: User, tmp_path: Path) -> None:
    folder = write_files(tmp_path / "broken names", {"good": b"1"})
    for name in (b"caf\xe9.csv", b"\xff\xfe", b"\x9b2J\x1b"):
        Path(os.fsdecode(os.fsencode(folder) + b"/" + name)).write_bytes(b"x")
    ended = user.run("publish", folder, status=1)
    ended.output.encode()  # no lone surrogates
    assert "\\ud" not in ended.output
    names = {failure["Name"] for failure in ended.summary["Failures"]}
    assert "caf\\xe9.csv" in names
    assert "caf\\xe9.csv" in ended.errors
    assert user.assets(ended.summary) == {"good": 1}


def test_a_folder_whose_own_name_is_no_utf_8(user: User, tmp_path: Path) -> None:
    folder = Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9"))
    write_files(folder, {"a": b"1"})
    assert "--name" in user.run("publish", folder, status=252).errors
    summary = user.run("publish", folder, "--name", "named café").summary
    target = Path(os.fsdecode(os.fsencode(tmp_path) + b"/t\xe9"))
    ended = user.run("fetch", summary["DataSetId"], target)
    assert read_files(target) == {"a": b"1"}
    assert "\\ud" not in ended.output
    assert ended.summary["Destination"].endswith("t\\xe9")


# What a shell completes


def completed(own: Own, line: str) -> list[str]:
    return own("__complete", "bash", "--", line).stdout.decode().split()


def test_what_operators_commands_take_by_id_is_completed(own: Own) -> None:
    account = json.loads(own("account", "create").stdout)
    url = "https://hooks.example.com/x"
    added = own("webhook", "add", url, "--account", account["AccountId"])
    webhook = json.loads(added.stdout)["WebhookId"]
    disabled = json.loads(own("key", "create").stdout)["AccessKeyId"]
    own("key", "disable", disabled)
    keys = json.loads(own("key", "list").stdout)["AccessKeys"]
    enabled = {key["AccessKeyId"] for key in keys if key["Status"] == "Enabled"}
    for action in ("remove", "replay", "dead-letters"):
        assert completed(own, f"entrepot webhook {action} {webhook[:4]}") == [webhook]
    assert set(completed(own, "entrepot key disable A")) == enabled
    assert disabled not in enabled
    for line in ("entrepot webhook add h", "entrepot webhook list w", "entrepot key create A"):
        assert completed(own, line) == []
    assert own("webhook", "remove", webhook).returncode == 0


def test_completing_makes_no_database(own: Own, tmp_path: Path) -> None:
    assert completed(own, "entrepot key disable A") == []
    assert not (tmp_path / "data").exists()


def test_fetch_completes_names_that_it_takes(exchange: HostileExchange, tmp_path: Path) -> None:
    def complete(line: str) -> list[str]:
        return exchange.run(tmp_path, "__complete", "bash", "--", line).stdout.decode().splitlines()

    # The one entry is in the list of owned and in that of entitled ones.
    exchange.data_set["Name"] = "NASDAQ $(prices)"
    assert complete("entrepot fetch NA") == []
    exchange.is_entitled_too = False
    assert complete("entrepot fetch NA") == ["NASDAQ\\ \\$\\(prices\\) "]
    assert complete("entrepot fetch dd") == ["d" * 32 + " "]
    assert complete("entrepot publish --data-set NA") == []
    exchange.data_set["Name"] = "NA\x1b[2J"
    assert complete("entrepot fetch NA") == []


# JSON


def test_doctor_and_buckets_are_json(own: Own, tmp_path: Path) -> None:
    own("account", "create")
    assert json.loads(own("bucket", "list").stdout) == {"BucketPermissions": []}
    report = json.loads(own("doctor", "--output", "json").stdout)
    assert report["Well"] is True
    assert "entrepot" in report["Versions"]
    settings = {entry["Name"]: entry for entry in report["Settings"]}
    assert settings["data_dir"] == {
        "Name": "data_dir",
        "Value": str(tmp_path / "data"),
        "Source": "ENTREPOT_DATA_DIR",
    }
    assert {finding["Subject"] for finding in report["Reachability"]} >= {
        "data directory",
        "database",
        "store",
    }
    ended = own("doctor", "--output", "json", "--s3-endpoint-url", "http://127.0.0.1:1")
    assert ended.returncode == 1
    assert json.loads(ended.stdout)["Well"] is False
