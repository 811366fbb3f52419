from __future__ import annotations

import json

import pytest

from entrepot.cli.terminal_text import json_text, printable, printable_values


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain, ünï cödé 日本 👩‍🔬", "plain, ünï cödé 日本 👩‍🔬"),
        ("\x1b[2J\x07\x7f", "\\x1b[2J\\x07\\x7f"),
        ("\x9b2J", "\\x9b2J"),
        ("a\nb\rc\td", "a\\nb\\rc\\td"),
        ("\u202egpj.exe\u2066", "\\u202egpj.exe\\u2066"),
        ("caf\udce9 \ud800", "caf\\xe9 \\ud800"),
    ],
)
def test_what_acts_on_a_terminal_is_escaped(text: str, shown: str) -> None:
    assert printable(text) == shown


def test_lines_stay_where_they_are_wanted() -> None:
    assert printable("a\n\tb\x1b\r", lines=True) == "a\n\tb\\x1b\\r"
    assert printable_values({"a\x1b": ["b\x9b", 1, {"c": "d\n"}]}) == {"a\\x1b": ["b\\x9b", 1, {"c": "d\n"}]}


@pytest.mark.parametrize("encoding", ["utf-8", "ascii", "latin-1", None, "nonsense"])
def test_json_is_read_by_any_reader_and_does_nothing_to_a_terminal(encoding: str | None) -> None:
    document = {"ü\x9b": "caf\udce9\ud800 \x1b\x7f\u202e日本", "n": [1, None, True]}
    text = json_text(document, encoding)
    text.encode("utf-8" if encoding == "utf-8" else "ascii")
    assert not set(text) & {"\x1b", "\x7f", "\x9b", "\u202e"}
    assert json.loads(text) == {"ü\x9b": "caf\\xe9\\ud800 \x1b\x7f\u202e日本", "n": [1, None, True]}
    assert "\\ud8" not in text.replace("\\\\ud800", "")
