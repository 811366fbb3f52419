from __future__ import annotations

import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from entrepot.cli.aws.completion.line import read_line
from entrepot.cli.aws.completion.shells import SHELLS, run, words_for_bash, words_for_zsh, words_with_meanings
from entrepot.cli.aws.completion.values import Candidate

BREAKS = " \t\n\"'><=;|&(:"


def for_bash(line: str, value: str, *, final: bool = True) -> str:
    (word,) = words_for_bash([Candidate(value, final=final)], read_line(line, {}), BREAKS)
    return word


@pytest.mark.parametrize(
    ("line", "value", "expected"),
    [
        ("e get-j", "get-job", "get-job "),
        ("e --output=t", "--output=table", "table "),
        ("e --x file://a", "file://a b", "//a\\ b "),
        ("e --x arn:aws:d", "arn:aws:dataexchange:x", "dataexchange:x "),
        ("e --x 'file://a", "file://a b", "file://a b"),
        ('e --x "file://a', "file://a$b", "file://a\\$b"),
        ("e --x a\\ b", "a b c", "a\\ b\\ c "),
        ("e --x a\\:b", "a:bc", "a:bc "),
        ("e --x ", "~/a", "~/a "),
    ],
)
def test_bash_gets_what_readline_takes_for_the_word(line: str, value: str, expected: str) -> None:
    assert for_bash(line, value) == expected


def test_what_goes_on_has_no_blank_behind_it() -> None:
    assert for_bash("e fi", "file://", final=False) == "file://"


@given(st.text(st.characters(exclude_categories=["C"]), min_size=1).filter(lambda text: text[0] != "~"))
def test_bash_reads_an_escaped_word_as_it_was_meant(value: str) -> None:
    assert read_line(for_bash("e ", value), {}).words == [value]


@pytest.mark.parametrize(
    "value", ["a b", "$HOME", "it's", 'a"b', "*", "a;b|c&d", "(x)", "{a,b}", "!x", "#x", "`x`"]
)
def test_bash_itself_agrees(value: str) -> None:
    script = f"printf %s {for_bash('e ', value)}"
    shown = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True)
    assert shown.stdout == value


def test_fish_and_zsh_get_meanings_in_one_short_line() -> None:
    candidates = [Candidate("a", "one\ntwo"), Candidate("b", final=False), Candidate("c", "x" * 200)]
    assert words_with_meanings(candidates) == ["a\tone two", "b", "c\t" + "x" * 99 + "…"]
    assert words_for_zsh(candidates) == ["a\t1\tone two", "b\t0\t", "c\t1\t" + "x" * 99 + "…"]


@pytest.mark.parametrize("shell", SHELLS)
def test_each_shell_has_a_script(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([shell]) == 0
    script = capsys.readouterr().out
    assert f"__complete {shell}" in script
