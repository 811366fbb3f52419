from __future__ import annotations

import shlex

import pytest
from hypothesis import given
from hypothesis import strategies as st

from entrepot.cli.aws.completion.line import read_line


@pytest.mark.parametrize(
    ("text", "words", "current", "quote"),
    [
        ("", [], "", ""),
        ("entrepot", [], "entrepot", ""),
        ("entrepot ", ["entrepot"], "", ""),
        ("entrepot  get-job\t--j", ["entrepot", "get-job"], "--j", ""),
        ("a 'b c' d", ["a", "b c"], "d", ""),
        ("a 'b c", ["a"], "b c", "'"),
        ('a "b \\" c', ["a"], 'b " c', '"'),
        ('a "b\\c"d', ["a"], "b\\cd", ""),
        ("a b\\ c", ["a"], "b c", ""),
        ("a \\", ["a"], "", ""),
        ("a '' ", ["a", ""], "", ""),
        ("a $X ${X}y '$X' \"$X\" $Z ", ["a", "1", "1y", "$X", "1", "$Z"], "", ""),
        ("a ${X", ["a"], "${X", ""),
        ("a $", ["a"], "$", ""),
    ],
)
def test_a_half_typed_line_is_read_as_a_shell_would(
    text: str, words: list[str], current: str, quote: str
) -> None:
    line = read_line(text, {"X": "1"})
    assert (line.words, line.current, line.quote) == (words, current, quote)


@given(st.text())
def test_nothing_is_wrong(text: str) -> None:
    line = read_line(text, {})
    assert text.endswith(line.raw)


@given(st.lists(st.text(st.characters(exclude_categories=["C"], exclude_characters="$`"))))
def test_finished_words_are_what_a_shell_would_pass(words: list[str]) -> None:
    assert read_line(shlex.join(words) + " ", {}).words == words
