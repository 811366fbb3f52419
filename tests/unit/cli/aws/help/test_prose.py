from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from entrepot.cli.aws.help.page import first_sentence, paragraphs


@pytest.mark.parametrize(
    ("documentation", "expected"),
    [
        ("", []),
        ("<p>One.</p>", ["One."]),
        ("<p>One\n  line.</p> <p>Two.</p>", ["One line.", "Two."]),
        ("No markup at all", ["No markup at all"]),
        ("<p>See <i>the</i> <code>guide</code>.</p>", ["See the guide."]),
        (
            '<p>See <a href="https://example.com/a#b">key\npatterns</a>.</p>',
            ["See key patterns (https://example.com/a#b)."],
        ),
        ("<p>One of:</p><ul><li><p>a</p></li> <li>b</li></ul>", ["One of:", "- a", "- b"]),
        ("<p>a &lt; b &amp; c</p>", ["a < b & c"]),
    ],
)
def test_markup_becomes_paragraphs(documentation: str, expected: list[str]) -> None:
    assert paragraphs(documentation) == expected


@pytest.mark.parametrize(
    ("documentation", "expected"),
    [
        ("<p>One. Two.</p>", "One."),
        ("<p>One</p><p>Two.</p>", "One"),
        ("<p>By name, e.g. a.csv. Or not.</p>", "By name, e.g. a.csv."),
        ("<p>About 1.5 units of it. More.</p>", "About 1.5 units of it."),
        ("", ""),
    ],
)
def test_a_first_sentence_is_found(documentation: str, expected: str) -> None:
    assert first_sentence(documentation) == expected


@given(st.text(alphabet=st.characters(exclude_characters="<>&\0", exclude_categories=["C", "Z"]), min_size=1))
def test_text_without_markup_stays_as_it_is(text: str) -> None:
    assert paragraphs(f"<p>{text}</p>") == [text]
