from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from entrepot import __version__
from entrepot.cli.commands import COMMANDS, HIDDEN
from entrepot.cli.main import main
from entrepot.client.command_line_model import commands


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("ENTREPOT_DEBUG", raising=False)
    monkeypatch.setenv("ENTREPOT_DATA_DIR", str(tmp_path / "data"))


@pytest.mark.parametrize("arguments", [["--help"], ["-h"], ["help"]])
def test_the_introduction_names_every_command(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 0
    shown = capsys.readouterr().out
    for command in COMMANDS:
        assert (f"  {command.name} " in shown) == (command.group != HIDDEN)
    for operation in commands():
        assert f"  {operation} " in shown


def test_without_a_command_it_is_shown_as_a_mistake(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 252
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "  get-job " in captured.err


def test_the_version_is_told_as_the_aws_cli_tells_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out.startswith(f"entrepot/{__version__} Python/3.")


@pytest.mark.parametrize("command", ["serve", "worker", "account", "key", "doctor"])
def test_every_command_explains_itself(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([command, "--help"])
    assert ended.value.code == 0
    assert "ENTREPOT_DATA_DIR" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (
            ["serve", "--prot", "1"],
            252,
            "entrepot: unrecognized arguments: --prot 1. See `entrepot serve --help`.",
        ),
        (["serve", "--port", "many"], 253, "--port or ENTREPOT_PORT takes a number from 0 to 65535"),
        (["key", "disable"], 252, "disable takes the id of a key"),
        (["key", "disable", "AKIANOBODY"], 252, "there is no access key AKIANOBODY"),
        (["key", "create", "--account-id", "1"], 252, "there is no account 1"),
        (["account", "create", "--account-id", "1"], 252, "--account-id takes twelve digits, not '1'"),
        (["account", "destroy"], 252, "invalid choice: 'destroy'"),
        (["demo", "--data"], 252, "argument --data: expected one argument. See `entrepot demo --help`."),
    ],
)
def test_a_mistake_is_one_line_and_an_exit_code(
    arguments: list[str], code: int, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == code
    captured = capsys.readouterr()
    assert words in captured.err
    assert captured.err.startswith("entrepot: ")
    assert captured.err.count("\n") == 1
    assert captured.out == ""


def test_output_that_nobody_reads_to_its_end_is_no_failure() -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "entrepot", "doctor"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as doctor:
        assert doctor.stdout is not None
        assert doctor.stderr is not None
        doctor.stdout.close()
        assert doctor.stderr.read() == b""
    assert doctor.returncode == 141


def test_the_demo_names_a_file_whose_name_no_object_can_have(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff")).touch()
    assert main(["demo", "--data", str(tmp_path)]) == 253
    assert "\\udcff' is not a name in Unicode" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("word", "meant"), [("serv", "serve"), ("get-jobs", "get-job"), ("wait-jobs", "wait-job")]
)
def test_a_slip_of_the_fingers_is_told_what_is_close(
    word: str, meant: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([word]) == 252
    assert f"* {meant}\n" in capsys.readouterr().err


def test_accounts_and_keys_are_json(capsys: pytest.CaptureFixture[str]) -> None:
    def said(*arguments: str) -> dict[str, object]:
        assert main(list(arguments)) == 0
        answer: dict[str, object] = json.loads(capsys.readouterr().out)
        return answer

    account = said("account", "create", "--name", "Größe")
    assert set(account) == {"AccountId", "AccessKeyId", "SecretAccessKey"}
    key = said("key", "create")
    assert key["AccountId"] == account["AccountId"]
    said("key", "disable", str(account["AccessKeyId"]))
    listed = said("key", "list", "--account-id", str(account["AccountId"]))["AccessKeys"]
    assert isinstance(listed, list)
    assert {(one["AccessKeyId"], one["Status"]) for one in listed} == {
        (account["AccessKeyId"], "Disabled"),
        (key["AccessKeyId"], "Enabled"),
    }
    assert "SecretAccessKey" not in listed[0]
    (shown,) = said("account", "list")["Accounts"]  # type: ignore[misc]
    assert shown["Name"] == "Größe"


def test_an_account_may_have_its_id_of_aws_and_no_two_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    create = ["account", "create", "--account-id", "111122223333"]
    assert main(create) == 0
    assert json.loads(capsys.readouterr().out)["AccountId"] == "111122223333"
    assert main(create) == 252
    assert "There is an account 111122223333 already" in capsys.readouterr().err
    assert main(["account", "list"]) == 0
    assert len(json.loads(capsys.readouterr().out)["Accounts"]) == 1


def test_what_is_unexpected_is_one_line_unless_debugging(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "entrepot.sqlite").mkdir()
    status = main(["account", "list"])
    assert status in {1, 255}
    assert capsys.readouterr().err.count("\n") == 1
    monkeypatch.setenv("ENTREPOT_DEBUG", "1")
    with pytest.raises(Exception, match=r"entrepot\.sqlite"):
        main(["account", "list"])


def test_doctor_changes_nothing_where_nothing_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor"]) == 0
    assert "is not there yet; the first start makes it" in capsys.readouterr().out
    assert list(tmp_path.iterdir()) == []
