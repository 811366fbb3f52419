"""`entrepot datashare`: what it takes, what it refuses, and what it never shows."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from tests.datashares.owner_database import OwnerDatabase, administrator, close_to_public
from tests.servers.postgresql import new_database

from entrepot.cli.admin.datashare import run
from entrepot.client.client_errors import UsageError

ACCOUNT = "111111111111"


@pytest.fixture(autouse=True)
def exchange(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An exchange of its own, in which accounts need not be made."""
    monkeypatch.setenv("ENTREPOT_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("ENTREPOT_AUTH", "trust")
    monkeypatch.delenv("ENTREPOT_DATABASE", raising=False)
    return tmp_path / "data"


def add(monkeypatch: pytest.MonkeyPatch, url: str, *options: str, name: str = "sales") -> int:
    monkeypatch.setattr("sys.stdin", io.StringIO(url + "\n"))
    line = ["add", name, "--account", ACCOUNT, "--database", "-", "--schema", "sales", *options]
    return run(line)


def test_a_share_is_added_listed_checked_and_removed(
    sharing_shop: OwnerDatabase,
    exchange: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    add(monkeypatch, sharing_shop.url, "--table", "orders", "--table", "big", "--endpoint", "db.example.com")
    added = json.loads(capsys.readouterr().out)
    assert added["AccountId"] == ACCOUNT
    run(["list"])
    printed = capsys.readouterr().out
    (listed,) = json.loads(printed)["Datashares"]
    assert listed["Arn"] == added["Arn"]
    assert listed["Tables"] == ["orders", "big"]
    assert listed["Endpoint"] == "db.example.com"
    assert listed["Receivers"] == []
    assert run(["check", "sales"]) == 0
    assert json.loads(capsys.readouterr().out) == {"Arn": added["Arn"], "Reach": []}
    password = sharing_shop.url.partition("@")[0].rpartition(":")[2]
    for file in (file for file in exchange.rglob("*") if file.is_file()):
        content = file.read_bytes()
        assert sharing_shop.url.encode() not in content
        assert "owner_" not in password or password.encode() not in content
    run(["remove", added["Arn"]])
    assert json.loads(capsys.readouterr().out) == {"Arn": added["Arn"], "Status": "Removed"}
    add(monkeypatch, sharing_shop.url)
    assert json.loads(capsys.readouterr().out)["Arn"] == added["Arn"], "the same name, the same ARN"


def test_a_share_that_receivers_could_reach_beyond_is_refused_unless_that_is_accepted(
    owner_database: OwnerDatabase, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    owner_database.run("GRANT SELECT ON public.notes TO PUBLIC")
    with pytest.raises(UsageError, match="nothing was added"):
        add(monkeypatch, owner_database.url)
    told = capsys.readouterr().err
    assert "they can use public.notes, which is not shared" in told
    assert 'REVOKE ALL ON "public"."notes" FROM PUBLIC;' in told
    run(["list"])
    assert json.loads(capsys.readouterr().out) == {"Datashares": []}
    add(monkeypatch, owner_database.url, "--accept-reach")
    assert "public.notes" in capsys.readouterr().err
    assert run(["check", "sales"]) == 1


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--table", "none"], "no table or view 'none'"),
        (["--endpoint", "host:port"], "--endpoint takes"),
    ],
)
def test_what_cannot_be_shared_is_refused_with_what_is_wrong(
    owner_database: OwnerDatabase, monkeypatch: pytest.MonkeyPatch, options: list[str], said: str
) -> None:
    with pytest.raises(UsageError, match=said):
        add(monkeypatch, owner_database.url, *options)


def test_a_user_who_may_not_create_roles_is_refused(
    owner_database: OwnerDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner_database.give_to_an_owner()
    owner_database.run(f"ALTER ROLE {owner_database.made[0]} NOCREATEROLE")
    with pytest.raises(UsageError, match="must be able to create roles"):
        add(monkeypatch, owner_database.url)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "mysql://root:hidden@127.0.0.1/x",
        "postgresql://u:hidden@127.0.0.1:1/x",
        "postgresql://%zz:hidden@h/",
    ],
)
def test_a_url_that_cannot_be_used_is_refused_without_its_password(
    monkeypatch: pytest.MonkeyPatch, url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(UsageError) as refused:
        add(monkeypatch, url)
    assert "hidden" not in refused.value.message + capsys.readouterr().err


def test_the_url_comes_from_the_environment_where_no_option_gives_it(
    owner_database: OwnerDatabase, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ENTREPOT_DATASHARE_DATABASE", owner_database.url)
    run(["add", "sales", "--account", ACCOUNT, "--schema", "sales"])
    assert json.loads(capsys.readouterr().out)["Name"] == "sales"


def test_a_password_on_the_command_line_is_warned_of(
    owner_database: OwnerDatabase, capsys: pytest.CaptureFixture[str]
) -> None:
    line = ["add", "sales", "--account", ACCOUNT, "--schema", "sales", "--database"]
    run([*line, owner_database.url])
    assert capsys.readouterr().err == "", "there is none in it"
    owner_database.give_to_an_owner()
    with pytest.raises(UsageError, match="already"):
        run([*line, owner_database.url])
    assert "note: others on this machine" in capsys.readouterr().err


def test_a_name_that_is_taken_is_refused(
    owner_database: OwnerDatabase, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    add(monkeypatch, owner_database.url)
    with pytest.raises(UsageError, match="already"):
        add(monkeypatch, owner_database.url)


def test_a_share_whose_database_is_gone_is_removed_by_force_alone(
    owners_server: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with new_database(owners_server) as url, administrator(url) as connection:
        close_to_public(connection)
        OwnerDatabase(url, connection).fill()
        add(monkeypatch, url)
    with pytest.raises(UsageError, match="cannot be used now"):
        run(["check", "sales"])
    with pytest.raises(UsageError, match="there is no datashare 'other'"):
        run(["remove", "other"])
    capsys.readouterr()
    run(["remove", "sales", "--force"])
    assert json.loads(capsys.readouterr().out)["Status"] == "Removed"


@pytest.mark.parametrize(
    "line",
    [
        ["add", "sales"],
        ["add", "sales", "--account", ACCOUNT],
        ["list", "sales"],
        ["check"],
        ["remove", "sales", "--schema", "x"],
        ["credentials", "id", "--account", ACCOUNT],
        ["check", "sales", "--force"],
        ["add", "a\nb", "--account", ACCOUNT, "--schema", "s"],
        ["add", "sales", "--account", ACCOUNT, "--schema", "pg_catalog"],
        ["add", "sales", "--account", ACCOUNT, "--schema", "information_schema"],
        ["add", "sales", "--account", "1", "--schema", "s", "--database", "postgresql://h/d"],
        ["credentials", "../x"],
    ],
)
def test_what_an_action_does_not_take_is_refused(line: list[str]) -> None:
    with pytest.raises(UsageError):
        run(line)
