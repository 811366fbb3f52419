"""`entrepot bucket`: what it takes, what it says, and that it keeps secrets to itself."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from tests.unit.cli.admin.two_accounts import ONE, TWO, Say, exchange_of_two, saying

from entrepot.cli.main import main

SECRET, TOKEN = "hush/+hush+secret/of/the/bucket", "hush-token-of-the-bucket"
KEYS = {"AccessKeyId": "AKIAOFTHEBUCKET", "SecretAccessKey": SECRET}


@pytest.fixture(autouse=True)
def data_dir(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    return exchange_of_two(monkeypatch, tmp_path)


@pytest.fixture
def say(capsys: pytest.CaptureFixture[str]) -> Say:
    return saying("bucket", capsys)


def written(path: Path, content: object) -> str:
    path.write_text(json.dumps(content))
    return str(path)


def test_a_bucket_is_allowed_listed_and_denied(say: Say) -> None:
    made = say("allow", "prices", "--account", ONE, "--read", "--prefix", "daily/")
    assert made.pop("CreatedAt").endswith("Z")
    assert made == {
        "AccountId": ONE,
        "Bucket": "prices",
        "Prefix": "daily/",
        "Read": True,
        "Write": False,
        "HasCredentials": False,
    }
    say("allow", "prices", "--account", TWO, "--write")
    assert [each["AccountId"] for each in say("list")["BucketPermissions"]] == [ONE, TWO]
    assert [each["AccountId"] for each in say("list", "--account", TWO)["BucketPermissions"]] == [TWO]
    assert say("deny", "prices", "--account", ONE, "--prefix", "daily/")["Status"] == "Denied"
    assert [each["AccountId"] for each in say("list")["BucketPermissions"]] == [TWO]


def test_allowing_again_replaces_all_of_it(say: Say, tmp_path: Path) -> None:
    file = written(tmp_path / "keys", KEYS)
    place = ("--endpoint-url", "http://s3.example:9000/", "--region", "eu-west-1", "--credentials", file)
    first = say("allow", "prices", "--account", ONE, "--read", *place)
    assert (first["EndpointUrl"], first["Region"]) == ("http://s3.example:9000", "eu-west-1")
    assert first["HasCredentials"]
    say("allow", "prices", "--account", ONE, "--write")
    (listed,) = say("list")["BucketPermissions"]
    assert (listed["Read"], listed["Write"], listed["HasCredentials"]) == (False, True, False)
    assert "EndpointUrl" not in listed


@pytest.mark.parametrize("given", ["file", "stdin", "nested", "profile", "config"])
def test_credentials_come_from_files_and_are_never_seen_again(
    given: str,
    data_dir: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    keys = KEYS | {"SessionToken": TOKEN}
    sources = {
        "file": ["--credentials", written(tmp_path / "keys", keys)],
        "stdin": ["--credentials", "-"],
        "nested": [
            "--credentials",
            written(tmp_path / "nested", {"Credentials": keys | {"Expiration": "x"}}),
        ],
        "profile": ["--profile", "partner"],
        "config": ["--profile", "other"],
    }
    monkeypatch.setattr("sys.stdin", io.StringIO(json.dumps(keys)))
    of_profile = (
        f"aws_access_key_id = {KEYS['AccessKeyId']}\naws_secret_access_key = {SECRET}\n"
        f"aws_session_token = {TOKEN}\n"
    )
    (tmp_path / "credentials").write_text(f"[partner]\n{of_profile}")
    (tmp_path / "config").write_text(f"[profile other]\n{of_profile}")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAOFSOMEBODYELSE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "of somebody else")
    assert main(["bucket", "allow", "prices", "--account", ONE, "--read", *sources[given]]) == 0
    assert main(["bucket", "list"]) == 0
    said = capfd.readouterr()
    assert '"HasCredentials": true' in said.out
    assert "temporary" in said.err
    for hidden in (SECRET, TOKEN, KEYS["AccessKeyId"]):
        assert hidden not in said.out + said.err
        for file in data_dir.rglob("*"):
            assert not file.is_file() or hidden.encode() not in file.read_bytes(), file


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["allow", "prices", "--account", ONE], "say what is allowed: --read, --write, or both"),
        (["allow", "--account", ONE, "--read"], "allow takes the name of a bucket"),
        (["allow", "prices", "--read"], "and the account with --account"),
        (["allow", "prices", "--account", "999999999999", "--read"], "there is no account 999999999999"),
        (["allow", "prices", "--account", "1", "--read"], "twelve digits of an account, not '1'"),
        (["allow", "s3://prices/a", "--account", ONE, "--read"], "the bucket's name alone"),
        (["allow", "..", "--account", ONE, "--read"], "bucket '..' cannot be used"),
        (["allow", "b", "--account", ONE, "--read", "--prefix", "/a"], "keys do not begin with a slash"),
        (["allow", "b", "--account", ONE, "--read", "--prefix", "a/../b"], "servers differ"),
        (["allow", "b", "--account", ONE, "--read", "--endpoint-url", "s3.example"], "--endpoint-url takes"),
        (
            ["allow", "b", "--account", ONE, "--read", "--endpoint-url", "http://me:hush@h"],
            "no user and no password",
        ),
        (["allow", "b", "--account", ONE, "--read", "--region", "EU West"], "--region takes"),
        (
            ["allow", "b", "--account", ONE, "--read", "--credentials", "f", "--profile", "p"],
            "give --credentials or --profile, not both",
        ),
        (
            ["allow", "b", "--account", ONE, "--read", "--credentials", "AKIAX:hush"],
            "the file of --credentials cannot be read: No such file or directory",
        ),
        (["allow", "b", "--account", ONE, "--read", "--profile", "nobody"], "nobody"),
        (["deny", "b", "--account", ONE], f"account {ONE} has no permission for bucket b;"),
        (["deny", "b", "--account", ONE, "--read"], "deny takes away the whole permission"),
        (["deny", "b"], "deny takes the name of a bucket"),
        (["list", "b"], "list takes --account and nothing else"),
        (["list", "--read"], "list takes --account and nothing else"),
    ],
)
def test_a_mistake_is_one_line_and_changes_nothing(
    arguments: list[str],
    words: str,
    say: Say,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert main(["bucket", *arguments]) in {252, 253, 255}
    captured = capsys.readouterr()
    assert words in captured.err
    assert captured.err.strip().count("\n") == 0
    assert "hush" not in captured.err
    assert captured.out == ""
    assert say("list")["BucketPermissions"] == []


@pytest.mark.parametrize(
    "document",
    [
        "",
        "hush",
        "[]",
        '"hush"',
        '{"AccessKeyId": "A"}',
        '{"AccessKeyId": "A", "SecretAccessKey": 5}',
        '{"AccessKeyId": "A", "SecretAccessKey": "hush\\r\\nX-Evil: 1"}',
    ],
)
def test_what_are_no_credentials_is_told_without_repeating_them(
    document: str, say: Say, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "keys"
    file.write_text(document)
    assert main(["bucket", "allow", "b", "--account", ONE, "--read", "--credentials", str(file)]) == 252
    captured = capsys.readouterr()
    assert "hush" not in captured.err
    assert captured.err.count("\n") == 1
    assert say("list")["BucketPermissions"] == []


def test_in_trust_mode_every_number_is_an_account(say: Say, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ENTREPOT_AUTH", "trust")
    assert say("allow", "b", "--account", "999999999999", "--read")["AccountId"] == "999999999999"


def test_in_an_exchange_of_one_account_it_says_when_a_permission_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ENTREPOT_DATA_DIR", str(tmp_path / "another"))
    assert main(["account", "create", "--account-id", ONE]) == 0
    assert "bucket allow" not in capsys.readouterr().err
    assert main(["bucket", "allow", "b", "--account", ONE, "--read"]) == 0
    assert "note: this exchange has one account" in capsys.readouterr().err
    assert main(["account", "create", "--account-id", TWO]) == 0
    assert "entrepot bucket allow" in capsys.readouterr().err
