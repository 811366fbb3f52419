from __future__ import annotations

import pytest
from prompt_toolkit.completion import CompleteEvent
from prompt_toolkit.document import Document

from entrepot.cli.aws.prompt import Choice, Choices


@pytest.fixture
def choices() -> Choices:
    return Choices({"AWS_CONFIG_FILE": "/dev/null", "AWS_SHARED_CREDENTIALS_FILE": "/dev/null"})


def rows(choices: Choices, text: str) -> list[Choice]:
    found = list(choices.get_completions(Document(text), CompleteEvent()))
    return [row for row in found if isinstance(row, Choice)]


def test_a_row_replaces_the_word_at_the_cursor(choices: Choices) -> None:
    (row,) = rows(choices, "get-job --output tab")
    assert (row.text, row.start_position, row.final) == ("table", -3, True)


def test_rows_say_what_they_mean(choices: Choices) -> None:
    (row,) = rows(choices, "get-job --job")
    assert row.display_meta_text == "(required) The unique identifier for a job."


def test_the_options_of_the_prompt_itself_are_not_offered(choices: Choices) -> None:
    shown = [row.text for row in rows(choices, "get-job --")]
    assert "--cli-input-json" in shown
    assert "--cli-auto-prompt" not in shown


def test_what_a_shell_would_split_is_quoted(choices: Choices) -> None:
    (row,) = rows(choices, "list-jobs --query Jobs[].St")
    assert row.text == "'Jobs[].State'"
    (row,) = rows(choices, "list-jobs --query 'Jobs[].St")
    assert row.text == "'Jobs[].State"
    assert row.start_position == -len("'Jobs[].St")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("get-jo", True),
        ("get-job", False),
        ("list-data-set", True),
        ("get-job --job-id", False),
        ("nothing", False),
    ],
)
def test_a_word_that_is_done_is_known(choices: Choices, text: str, expected: bool) -> None:
    assert choices.can_go_on(text) is expected
