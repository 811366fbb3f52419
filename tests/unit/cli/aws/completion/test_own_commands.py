from __future__ import annotations

import json
from pathlib import Path

from entrepot.cli.aws.completion.own_commands import TABLE, describe_own_commands, read_own_command


def test_the_table_says_what_the_commands_take() -> None:
    """Where this fails a command has changed: `python -m entrepot.cli.aws.completion.own_commands`."""
    assert json.loads(Path(TABLE).read_text()) == json.loads(json.dumps(describe_own_commands()))


def test_words_that_repeat_go_on() -> None:
    watch = read_own_command("watch")
    assert watch.word(0) is watch.word(5)
    key = read_own_command("key")
    assert key.word(0) is not None and key.word(5) is None


def test_a_command_that_is_not_in_the_table_takes_nothing() -> None:
    command = read_own_command("help")
    assert command.options == []
    assert command.word(0) is None
