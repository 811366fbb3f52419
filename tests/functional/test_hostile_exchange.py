"""Whatever an exchange answers: own commands write nowhere else, end, and leave the terminal alone."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from tests.functional.hostile_exchange import (
    CONTENT,
    HostileExchange,
    hostile_exchange,
    send,
    send_without_end,
)
from tests.servers.warm_program import WarmProgram

BEFORE = b"export PATH=mine\n"
NASTY = "\x1b]0;owned\x07\x1b[2J\x9b2J\r\x7f\u202egpj.\u2066\x00x"
_ACTING = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


@pytest.fixture
def exchange(program: WarmProgram) -> Iterator[HostileExchange]:
    with hostile_exchange(program) as exchange:
        yield exchange


@pytest.fixture
def victim(tmp_path: Path) -> Iterator[Path]:
    """A file of somebody that nobody may touch, and nothing else may be beside it afterwards."""
    file = tmp_path / "victim" / ".bashrc"
    file.parent.mkdir()
    file.write_bytes(BEFORE)
    yield file
    assert file.read_bytes() == BEFORE
    assert list(file.parent.iterdir()) == [file]


def files(folder: Path) -> list[str]:
    return sorted(
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if path.is_file() and path.relative_to(folder).parts[0] != ".entrepot-fetch"
    )


def assert_quiet(*outputs: bytes) -> None:
    """Nothing in it moves a cursor, or shows a text in another order."""
    for output in outputs:
        found = _ACTING.search(output.decode())
        assert found is None, (found, output)


def test_an_honest_one_is_fetched_from(exchange: HostileExchange, tmp_path: Path) -> None:
    ended = exchange.run(tmp_path, "fetch", "d" * 32, tmp_path / "target", anew=True)
    assert ended.returncode == 0, ended.stderr
    assert (tmp_path / "target" / "prices.csv").read_bytes() == CONTENT


IDS: list[Any] = ["../../../victim/.bashrc", "$(touch victim)", "\x1b[2J", 12]


@pytest.mark.parametrize("whose", ["asset", "revision", "data set", "job"])
def test_an_id_that_is_none_is_used_for_nothing(
    exchange: HostileExchange, tmp_path: Path, victim: Path, whose: str
) -> None:
    whole = exchange.data_set, exchange.revision, exchange.asset, exchange.job
    entry = dict(zip(["data set", "revision", "asset", "job"], whole, strict=True))[whose]
    for bad in (*IDS, str(victim)):
        entry["Id"] = bad
        ended = exchange.run(
            tmp_path,
            "fetch",
            "Prices" if whose == "data set" else "d" * 32,
            tmp_path / "target",
            "--all-revisions",
        )
        assert ended.returncode in {1, 255}, (bad, ended.stderr)
        assert b"no id" in ended.stderr, (bad, ended.stderr)
        assert_quiet(ended.stderr, ended.stdout)
        assert not (tmp_path / "target").exists() or files(tmp_path / "target") == []


@pytest.mark.parametrize(
    ("name", "escape"),
    [
        ("../victim/.bashrc", False),
        ("a/../../victim/.bashrc", True),
        ("link/.bashrc", False),
        ("link/new/file", True),
        ("link/new/", False),
        ("inner/link/.bashrc", False),
        (".Entrepot-Fetch/record.jsonl", False),
        ("a\x00b", False),
    ],
)
def test_a_name_leads_nowhere_else(
    exchange: HostileExchange, tmp_path: Path, victim: Path, name: str, escape: bool
) -> None:
    target = tmp_path / "target"
    (target / "inner").mkdir(parents=True)
    for link in (target / "link", target / "inner" / "link"):
        link.symlink_to(victim.parent)
    exchange.asset["Name"] = name
    if name.endswith("/"):
        exchange.asset["AssetDetails"]["S3SnapshotAsset"]["Size"] = 0
    options = ["--escape-names"] if escape else []
    ended = exchange.run(tmp_path, "fetch", "d" * 32, target, *options)
    written = {"a/%2E%2E/%2E%2E/victim/.bashrc"}
    there = set(files(target)) - {"link", "inner/link"}
    assert there <= (written if escape else set())
    assert ended.returncode == (0 if there else 1), ended.stderr


def test_what_is_absolute_is_not_written(exchange: HostileExchange, tmp_path: Path, victim: Path) -> None:
    exchange.asset["Name"] = str(victim)
    ended = exchange.run(tmp_path, "fetch", "d" * 32, tmp_path / "target")
    assert ended.returncode == 1
    assert files(tmp_path / "target") == []


@pytest.mark.parametrize("where", ["name", "job", "message", "code", "object"])
def test_nothing_that_is_said_acts_on_the_terminal(
    exchange: HostileExchange, tmp_path: Path, where: str
) -> None:
    refusal = json.dumps({"message": NASTY, "code": NASTY}).encode()
    match where:
        case "name":
            exchange.asset["Name"] = f"{NASTY}/../x"
        case "job":
            exchange.job |= {"State": "ERROR", "Errors": [{"Code": NASTY, "Message": NASTY}]}
        case "message":
            exchange.instead["GET", f"/v1/data-sets/{'d' * 32}"] = lambda one: send(one, refusal, 400)
        case "code":
            exchange.instead["POST", "/v1/jobs"] = lambda one: send(one, refusal, 403)
        case _:
            content = f"<Error><Code>No</Code><Message>{NASTY}</Message></Error>".encode()
            exchange.instead["GET", "/object"] = lambda one: send(one, content, 403)
    ended = exchange.run(tmp_path, "fetch", "d" * 32, tmp_path / "target")
    assert ended.returncode in {1, 254}, ended.stderr
    assert b"owned" in ended.stderr
    assert_quiet(ended.stderr, ended.stdout)
    if ended.stdout:
        json.loads(ended.stdout)


@pytest.mark.parametrize("command", ["watch json", "watch text", "watch table", "wait-job"])
def test_following_a_job_says_nothing_to_the_terminal(
    exchange: HostileExchange, tmp_path: Path, command: str
) -> None:
    command, _, output = command.partition(" ")
    exchange.job |= {"State": "ERROR", "Errors": [{"Code": NASTY, "Message": NASTY}], "Id": NASTY}
    exchange.progress = {"State": NASTY, "Bytes": NASTY, "Items": {}, "BytesDone": None}
    options = ["--output", output] if output else []
    ended = exchange.run(tmp_path, command, "b" * 32, *options)
    assert ended.returncode == 1, ended.stderr
    assert_quiet(ended.stderr, ended.stdout.replace(b"\t", b" "))
    exchange.instead["GET", f"/v1/jobs/{'b' * 32}"] = lambda one: send(
        one, json.dumps({"message": NASTY}).encode(), 404
    )
    ended = exchange.run(tmp_path, command, "b" * 32)
    assert ended.returncode == 254
    assert_quiet(ended.stderr, ended.stdout)


@pytest.mark.parametrize(
    ("entry", "member"),
    [("asset", "AssetDetails"), ("asset", "CreatedAt"), ("job", "State"), ("job", "Details")],
)
def test_an_answer_of_another_shape_is_told(
    exchange: HostileExchange, tmp_path: Path, entry: str, member: str
) -> None:
    """The program must end, and never by an error of its own."""
    for wrong in (12, {"S3SnapshotAsset": {"Size": "text"}, "ExportAssetToSignedUrl": [1]}):
        getattr(exchange, entry)[member] = wrong
        exchange.run(tmp_path, "fetch", "d" * 32, tmp_path / "target")
    getattr(exchange, entry).pop(member)
    exchange.run(tmp_path, "fetch", "d" * 32, tmp_path / "target")


def test_a_list_that_is_none_is_told(exchange: HostileExchange, tmp_path: Path) -> None:
    path = f"/v1/data-sets/{'d' * 32}/revisions"
    for body in (b"", b"[]", b'{"Revisions": 1}', b'{"Revisions": [1]}', b"[" * 100_000):
        exchange.instead["GET", path] = partial(send, body=body)
        ended = exchange.run(tmp_path, "fetch", "d" * 32, tmp_path / "target")
        assert ended.returncode == 255, (body[:20], ended.stderr)
    assert not (tmp_path / "target").exists()


def test_an_answer_without_end_is_not_read_for_ever(exchange: HostileExchange, tmp_path: Path) -> None:
    exchange.instead["GET", f"/v1/data-sets/{'d' * 32}"] = send_without_end
    ended = exchange.run(tmp_path, "fetch", "d" * 32, tmp_path / "target")
    assert ended.returncode == 255
    assert not (tmp_path / "target").exists()


def test_an_asset_without_end_is_not_written(exchange: HostileExchange, tmp_path: Path) -> None:
    exchange.instead["GET", "/object"] = send_without_end
    ended = exchange.run(tmp_path, "fetch", "d" * 32, tmp_path / "target")
    there = [path for path in (tmp_path / "target").rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in there) < 1024 * 1024
    assert ended.returncode in {0, 1}


def test_pages_that_lead_back_are_not_followed_for_ever(exchange: HostileExchange, tmp_path: Path) -> None:
    page = json.dumps({"Revisions": [], "NextToken": "again"}).encode()
    exchange.instead["GET", f"/v1/data-sets/{'d' * 32}/revisions"] = lambda one: send(one, page)
    ended = exchange.run(tmp_path, "fetch", "d" * 32, tmp_path / "target")
    assert ended.returncode == 255
    assert b"page" in ended.stderr


@pytest.mark.parametrize("url", ["file:///etc/passwd", "http://127.0.0.1:1/x\r\nHost: y", ""])
def test_a_signed_url_that_is_none_is_not_asked(exchange: HostileExchange, tmp_path: Path, url: str) -> None:
    exchange.job["Details"]["ExportAssetToSignedUrl"]["SignedUrl"] = url
    ended = exchange.run(tmp_path, "fetch", "d" * 32, tmp_path / "target")
    assert ended.returncode == 1, ended.stderr
    assert_quiet(ended.stderr, ended.stdout)
    assert files(tmp_path / "target") == []


def test_publishing_to_it_ends_and_says_nothing_to_the_terminal(
    exchange: HostileExchange, tmp_path: Path
) -> None:
    folder = tmp_path / "Prices"
    folder.mkdir()
    (folder / "a").write_bytes(b"1")
    exchange.revision["Finalized"] = False
    for bad in IDS[:2]:
        for entry in (exchange.data_set, exchange.revision, exchange.asset, exchange.job):
            good, entry["Id"] = entry["Id"], bad
            ended = exchange.run(tmp_path, "publish", folder)
            assert ended.returncode in {1, 254, 255}, (bad, ended.stderr)
            assert_quiet(ended.stderr, ended.stdout)
            entry["Id"] = good


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_what_a_shell_completes_is_an_id_or_nothing(
    exchange: HostileExchange, tmp_path: Path, shell: str
) -> None:
    line = "entrepot get-job --job-id "
    exchange.job["Type"] = NASTY
    ended = exchange.run(tmp_path, "__complete", shell, "--", line)
    assert b"b" * 32 in ended.stdout
    assert_quiet(ended.stdout.replace(b"\t", b" "))
    for bad in ("$(touch x)", "a;b", "`x`", "a b", NASTY, "-x", "../x", 12):
        exchange.job["Id"] = bad
        assert exchange.run(tmp_path, "__complete", shell, "--", line).stdout == b""


def test_an_answer_that_trickles_is_not_read_for_ever(
    exchange: HostileExchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    from entrepot.client import client
    from entrepot.client.client_errors import TransportError
    from entrepot.client.command_line_model import load_operation
    from entrepot.client.configuration import Configuration
    from entrepot.client.target import Options, resolve_target

    stop = threading.Event()

    def trickle(handler: Any) -> None:
        handler.send_response(200)
        handler.end_headers()
        while not stop.wait(0.05):
            handler.wfile.write(b" ")

    monkeypatch.setattr(client, "_ANSWER_SECONDS", 0.5)
    exchange.instead["GET", "/v1/jobs/x"] = trickle
    environ = {
        "AWS_ACCESS_KEY_ID": "A",
        "AWS_SECRET_ACCESS_KEY": "s",
        "AWS_REGION": "r",
        "AWS_MAX_ATTEMPTS": "1",
    }
    options = Options(endpoint_url=exchange.url)
    asked = client.Client(resolve_target(Configuration(environ), options))
    with closing(asked), pytest.raises(TransportError):
        asked.call(load_operation("get-job"), {"JobId": "x"})
    stop.set()
