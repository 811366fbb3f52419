"""`entrepot webhook`: what it takes, what it says, and that a secret is shown once."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.unit.cli.admin.two_accounts import ONE, TWO, Say, exchange_of_two, saying

from entrepot.cli.main import main

URL = "https://example.com/hook?token=x"


@pytest.fixture(autouse=True)
def data_dir(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    return exchange_of_two(monkeypatch, tmp_path)


@pytest.fixture
def say(capsys: pytest.CaptureFixture[str]) -> Say:
    return saying("webhook", capsys)


def test_a_webhook_is_added_listed_and_removed(say: Say) -> None:
    types = ("Revision Revoked", "Data Grant Revoked")
    added = say("add", URL, "--account", ONE, "--event", types[0], "--event", types[1], "--event", types[0])
    other = say("add", "http://example.com", "--account", TWO)
    assert (added["AccountId"], added["Url"]) == (ONE, URL)
    assert added["Secret"].startswith("whsec_")
    assert len(added["Secret"]) > 40
    assert added["Secret"] != other["Secret"]
    (listed,) = say("list", "--account", ONE)["Webhooks"]
    assert listed.pop("CreatedAt").endswith("Z")
    assert listed == {
        "WebhookId": added["WebhookId"],
        "AccountId": ONE,
        "Url": URL,
        "DetailTypes": list(types),
    }
    both = say("list")["Webhooks"]
    assert [each["DetailTypes"] for each in both] == [list(types), "all"]
    assert say("remove", added["WebhookId"]) == {"WebhookId": added["WebhookId"], "Status": "Removed"}
    assert [each["WebhookId"] for each in say("list")["Webhooks"]] == [other["WebhookId"]]


def test_the_secret_is_nowhere_to_be_read(say: Say, data_dir: Path) -> None:
    secret = say("add", URL, "--account", ONE)["Secret"]
    assert secret not in json.dumps(say("list"))
    written = b"".join(path.read_bytes() for path in data_dir.rglob("*") if path.is_file())
    assert URL.encode() in written
    assert secret.encode() not in written


def test_nothing_is_dead_at_first(say: Say) -> None:
    webhook_id = say("add", URL, "--account", ONE)["WebhookId"]
    assert say("dead-letters") == say("dead-letters", webhook_id) == {"DeadLetters": []}
    assert say("replay", webhook_id, "--all") == {"WebhookId": webhook_id, "Replayed": 0}
    assert say("replay", "event-bridge") == {"WebhookId": "event-bridge", "Replayed": 0}


def test_in_trust_mode_every_twelve_digits_are_an_account(say: Say) -> None:
    assert say("add", URL, "--account", "999999999999", "--auth", "trust")["AccountId"] == "999999999999"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["add"], "add takes a URL"),
        (["add", URL], "--account"),
        (["add", URL, "--account", "999999999999"], "no account 999999999999"),
        (["add", URL, "--account", "1", "--auth", "trust"], "twelve digits"),
        (["add", "ftp://example.com", "--account", ONE], "http"),
        (["add", "https://user:password@example.com", "--account", ONE], "password"),
        (["add", "https://example.com/" + "x" * 2048, "--account", ONE], "2048"),
        (["add", "https://example.com/a b", "--account", ONE], "percent-encoded"),
        (["add", URL, "--account", ONE, "--event", "Revision Published"], "Revision Published To Data Set"),
        (["add", URL, "--account", ONE, "--all"], "add takes"),
        (["list", "x"], "list takes"),
        (["remove"], "remove takes"),
        (["remove", "x"], "no webhook x"),
        (["remove", "x", "--account", ONE], "remove takes"),
        (["dead-letters", "x"], "no webhook x"),
        (["dead-letters", "--event", "Revision Revoked"], "dead-letters takes"),
        (["replay"], "replay takes"),
        (["replay", "x"], "no webhook x"),
        (["ring"], "ring"),
    ],
)
def test_what_it_does_not_take(arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["webhook", *arguments]) == 252
    error = capsys.readouterr().err
    assert words in error
    assert error.count("\n") == 1


@pytest.mark.parametrize(
    ("url", "noted"),
    [("http://10.0.0.1/x", "10.0.0.1 is private"), ("http://8.8.8.8/x", ""), ("https://example.com", "")],
)
def test_an_address_that_is_not_public_is_noted_at_once(
    url: str, noted: str, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    assert main(["webhook", "add", url, "--account", ONE]) == 0
    said = capsys.readouterr().err
    assert said.startswith(f"note: {noted}") if noted else said == ""
