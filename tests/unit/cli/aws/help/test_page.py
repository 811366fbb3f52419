from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from entrepot.cli.aws.help.page import Heading, Lines, Page, Paragraph, topic_page

WORDS = st.lists(st.text("abc-,=", min_size=1, max_size=9), min_size=1, max_size=30).map(" ".join)
DEPTHS = st.integers(0, 9)
BLOCKS = st.lists(
    st.builds(Paragraph, WORDS, DEPTHS) | st.builds(lambda text, depth: Lines((text,), depth), WORDS, DEPTHS),
    min_size=1,
)


def page(*blocks: Paragraph | Lines | Heading) -> Page:
    made = Page()
    made.section("TITLE", list(blocks))
    return made


@given(BLOCKS, st.integers(40, 80))
def test_no_line_is_wider_than_the_page(blocks: list[Paragraph | Lines], width: int) -> None:
    lines = page(*blocks).render(width, bold=False).splitlines()
    assert max(map(len, lines)) <= width


@given(BLOCKS)
def test_nothing_gets_lost(blocks: list[Paragraph | Lines]) -> None:
    shown = page(*blocks).render(60, bold=False).removeprefix("TITLE")
    texts = [block.text if isinstance(block, Paragraph) else "".join(block.lines) for block in blocks]
    assert "".join(shown.split()) == "".join("".join(texts).split())


def test_headings_are_close_to_what_they_name_and_apart_from_each_other() -> None:
    shown = page(Heading("--a (string)"), Paragraph("About a.", 1), Heading("--b"), Heading("--c")).render(
        60, bold=False
    )
    assert shown == "TITLE\n    --a (string)\n        About a.\n\n    --b\n\n    --c\n"


def test_items_of_a_list_stand_together_and_hang() -> None:
    shown = page(Paragraph("Of:"), Paragraph("- one two three four five six"), Paragraph("- two")).render(
        28, bold=False
    )
    assert shown == "TITLE\n    Of:\n\n    - one two three four\n      five six\n    - two\n"


def test_a_line_of_syntax_is_cut_where_it_may_be() -> None:
    shown = page(Lines(("Outer={Inner={First=string,Second=string},Third=string}",))).render(40, bold=False)
    assert shown == (
        "TITLE\n    Outer={Inner={First=string,\n      Second=string},Third=string}\n"
    )  # fmt: skip


def test_names_are_bold_where_that_is_wanted() -> None:
    shown = page(Heading("--a (string)"), Heading("(structure)")).render(60, bold=True)
    assert shown == "\x1b[1mTITLE\x1b[0m\n    \x1b[1m--a\x1b[0m (string)\n\n    (structure)\n"


def test_a_topic_is_titles_flowing_text_and_lines_that_stay() -> None:
    text = "ONE\n    A text that\n    flows.\n\n        $ stays\n          there\n\nTWO\n    End.\n"
    assert topic_page(text).render(60, bold=False) == (
        "ONE\n    A text that flows.\n\n        $ stays\n          there\n\nTWO\n    End.\n"
    )
