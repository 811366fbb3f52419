from __future__ import annotations

import re
from pathlib import Path

import pytest

from entrepot.cli import exit_codes
from entrepot.cli.aws.help.command import introduce, run, show_operation_help
from entrepot.cli.aws.help.texts import TOPICS, Topic, find_topic
from entrepot.cli.commands import COMMANDS
from entrepot.client.client_errors import UsageError
from entrepot.client.command_line_model import commands

SOURCES = Path(__file__).parents[5] / "src" / "entrepot"


def test_help_lists_every_command_operation_and_topic(capsys: pytest.CaptureFixture[str]) -> None:
    assert run([]) == 0
    shown = capsys.readouterr().out
    names = [command.name for command in COMMANDS if command.group] + list(commands())
    for name in [*names, *(topic.name for topic in TOPICS)]:
        assert len(re.findall(rf"^ +{re.escape(name)}  ", shown, flags=re.MULTILINE)) >= 1, name
    assert "__complete" not in shown
    assert max(map(len, shown.splitlines())) <= 80


def test_nobody_who_asked_for_nothing_is_told_so_on_standard_error(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert introduce(asked=False) == 252
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "OPERATIONS OF THE API" in captured.err


def test_the_list_of_topics(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["topics"]) == 0
    shown = capsys.readouterr().out
    for topic in TOPICS:
        assert f"  {topic.name} " in shown


@pytest.mark.parametrize("topic", TOPICS, ids=lambda topic: topic.name)
def test_a_topic_fits_the_page(topic: Topic, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([topic.name]) == 0
    shown = capsys.readouterr().out
    assert shown.count("\n") > 20
    assert max(map(len, shown.splitlines())) <= 80


def test_topics_have_no_file_without_a_name() -> None:
    folder = SOURCES / "cli" / "aws" / "help" / "topics"
    assert {path.stem for path in folder.iterdir()} == {topic.name for topic in TOPICS}


def words_of(topic: str, pattern: str) -> set[str]:
    found = find_topic(topic)
    assert found is not None
    return set(re.findall(pattern, found.page().render(80, bold=False)))


def test_the_topic_of_exit_codes_has_every_one() -> None:
    told = {int(code) for code in words_of("exit-codes", r"(?m)^ {8}(\d+) ")}
    values = vars(exit_codes).items()
    assert {value for name, value in values if name.isupper() and isinstance(value, int)} <= told


def test_every_variable_that_the_topic_of_settings_names_is_read() -> None:
    source = "".join(path.read_text() for path in SOURCES.rglob("*.py"))
    variables = words_of("config-vars", r"\b(?:AWS|ENTREPOT)_[A-Z_]+\b")
    assert len(variables) > 15
    assert [variable for variable in variables if f'"{variable}"' not in source] == []


@pytest.mark.parametrize("name", ["settings", "return-codes", "query", "prompt", "config-vars"])
def test_topics_are_found_under_other_names_too(name: str) -> None:
    assert find_topic(name) is not None


def test_an_operation_is_explained(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["get-job"]) == 0
    by_help = capsys.readouterr().out
    assert show_operation_help("get-job") == 0
    assert capsys.readouterr().out == by_help
    assert run(["dataexchange", "get-job"]) == 0
    assert capsys.readouterr().out == by_help


def test_a_command_of_ours_is_explained_by_itself(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        run(["doctor"])
    assert ended.value.code == 0
    assert capsys.readouterr().out.startswith("usage: entrepot doctor")


@pytest.mark.parametrize(
    ("word", "hint"), [("get-jobs", "entrepot help get-job"), ("xyzzy", "`entrepot help` lists everything")]
)
def test_an_unknown_word_is_met_with_a_hint(word: str, hint: str) -> None:
    with pytest.raises(UsageError, match=hint):
        run([word])
