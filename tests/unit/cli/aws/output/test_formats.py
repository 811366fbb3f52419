"""What each format makes of answers; the expected texts are what the AWS CLI 2.23.6 prints for them."""

from __future__ import annotations

import io
import json
import sys
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from entrepot.cli.aws.output.table_format import Palette, TableFormat, width_of
from entrepot.cli.aws.output.text_format import write_text
from entrepot.cli.aws.output.writer import write_json
from entrepot.cli.aws.output.yaml_format import write_yaml, write_yaml_item
from entrepot.client.client_errors import OutputError

JOB = {
    "Arn": "arn:aws:dataexchange:us-east-1:123456789012:jobs/27fb",
    "Details": {
        "ImportAssetsFromS3": {
            "AssetSources": [{"Bucket": "source", "Key": "a.csv"}, {"Bucket": "source", "Key": "b.csv"}],
            "DataSetId": "bc57",
        }
    },
    "Errors": [
        {"Code": "ACCESS_DENIED_EXCEPTION", "Message": "Denied."},
        {"Code": "VALIDATION_EXCEPTION", "Details": {"Keys": ["x", None]}, "LimitValue": 1.0},
    ],
    "State": "ERROR",
}
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=40) | st.sampled_from(
    ["true", "~", "1e5", "0x1F", "2020-01-01", "- a", "a: b", "a #b", "<<", "=", "word " * 30, "a  b " * 30]
)
answers = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=12,
)


def as_json(answer: Any) -> str:
    stream = io.StringIO()
    write_json("GetJob", answer, stream)
    return stream.getvalue()


def as_text(answer: Any) -> str:
    stream = io.StringIO()
    write_text(answer, stream)
    return stream.getvalue()


def as_yaml(answer: Any) -> str:
    stream = io.StringIO()
    write_yaml("GetJob", answer, stream)
    return stream.getvalue()


def as_table(answer: Any, *, coloured: bool = False) -> str:
    stream = io.StringIO()
    TableFormat(Palette(coloured=coloured)).write("GetJob", answer, stream)
    return stream.getvalue()


# --- json


def test_json_keeps_the_order_and_escapes_only_what_it_must() -> None:
    answer = {"b": 'é🚀 "\\ \u2028', "a": [1.0, 1e16, None, True, [], {}], "\x7f": "\x1f\n"}
    assert as_json(answer) == (
        '{\n    "b": "é🚀 \\"\\\\ \u2028",\n    "a": [\n        1.0,\n        1e+16,\n        null,\n'
        '        true,\n        [],\n        {}\n    ],\n    "\x7f": "\\u001f\\n"\n}\n'
    )


@given(answers)
def test_json_reads_back(answer: Any) -> None:
    written = as_json(answer)
    assert written == "" if answer == {} else json.loads(written) == answer


# --- text


def test_text_has_scalars_first_and_names_the_innermost_container() -> None:
    assert as_text(JOB) == (
        "arn:aws:dataexchange:us-east-1:123456789012:jobs/27fb\tERROR\n"
        "IMPORTASSETSFROMS3\tbc57\n"
        "ASSETSOURCES\tsource\ta.csv\n"
        "ASSETSOURCES\tsource\tb.csv\n"
        "ERRORS\tACCESS_DENIED_EXCEPTION\t\tDenied.\n"
        "ERRORS\tVALIDATION_EXCEPTION\t1.0\t\n"
        "KEYS\tx\n"
        "KEYS\tNone\n"
    )


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ({}, ""),
        ([], ""),
        (None, "None\n"),
        (True, "True\n"),
        ("a\tb\nc", "a\tb\nc\n"),
        ([1, "a", None], "1\ta\tNone\n"),
        ([[1, 2], [3]], "1\t2\n3\n"),
        ([1, [2, 3], 4], "1\t4\n2\t3\n"),
        ([{"b": 1, "a": [2]}, {"c": 3}], "1\t\nA\t2\n\t3\n"),
    ],
)
def test_text_of_what_queries_make(answer: Any, expected: str) -> None:
    assert as_text(answer) == expected


# --- table


def test_a_table_has_a_section_for_each_structure_and_a_bar_for_each_level() -> None:
    assert (
        as_table(JOB)
        == """\
--------------------------------------------------------------------
|                              GetJob                              |
+---------------------------------------------------------+--------+
|                           Arn                           | State  |
+---------------------------------------------------------+--------+
|  arn:aws:dataexchange:us-east-1:123456789012:jobs/27fb  |  ERROR |
+---------------------------------------------------------+--------+
||                             Details                            ||
|+----------------------------------------------------------------+|
|||                      ImportAssetsFromS3                      |||
||+--------------------------------------+-----------------------+||
|||  DataSetId                           |  bc57                 |||
||+--------------------------------------+-----------------------+||
||||                        AssetSources                        ||||
|||+-------------------------------+----------------------------+|||
||||            Bucket             |            Key             ||||
|||+-------------------------------+----------------------------+|||
||||  source                       |  a.csv                     ||||
||||  source                       |  b.csv                     ||||
|||+-------------------------------+----------------------------+|||
||                             Errors                             ||
|+--------------------------------+-----------------+-------------+|
||              Code              |   LimitValue    |   Message   ||
|+--------------------------------+-----------------+-------------+|
||  ACCESS_DENIED_EXCEPTION       |                 |  Denied.    ||
|+--------------------------------+-----------------+-------------+|
||                             Errors                             ||
|+------------------------------+------------------+--------------+|
||             Code             |   LimitValue     |   Message    ||
|+------------------------------+------------------+--------------+|
||  VALIDATION_EXCEPTION        |  1.0             |              ||
|+------------------------------+------------------+--------------+|
|||                            Details                           |||
||+--------------------------------------------------------------+||
||||                            Keys                            ||||
|||+------------------------------------------------------------+|||
||||  x                                                         ||||
||||  None                                                      ||||
|||+------------------------------------------------------------+|||
"""
    )


def test_a_row_that_is_wider_than_the_terminal_is_turned() -> None:
    assert as_table({"Arn": "x" * 70, "Id": "y"}).splitlines() == [
        "-" * 83,
        "|" + " " * 37 + "GetJob" + " " * 38 + "|",
        "+-----+" + "-" * 75 + "+",
        "|  Arn|  " + "x" * 70 + "   |",
        "|  Id |  y" + " " * 72 + "|",
        "+-----+" + "-" * 75 + "+",
    ]


def test_wide_characters_take_two_columns() -> None:
    assert as_table({"名": "日本"}) == (
        "----------------\n|    GetJob    |\n+-----+--------+\n|  名 |  日本  |\n+-----+--------+\n"
    )


@pytest.mark.parametrize("answer", [{}, [], None, False, 0, "", [[]][0]])
def test_a_table_of_nothing_is_nothing(answer: Any) -> None:
    assert as_table(answer) == ""


def test_a_table_of_a_scalar_is_an_empty_frame() -> None:
    assert as_table("COMPLETED") == "--------\n|GetJob|\n+------+\n"


def test_rows_of_different_lengths_are_no_table() -> None:
    with pytest.raises(ValueError, match=r"^Row should have 1 elements, instead it has 2$"):
        as_table(["ERROR", ["x", "y"]])


def test_colours_are_for_values_and_for_the_bars_around_sections() -> None:
    shown = as_table({"a": {"b": "c"}}, coloured=True)
    bar = "\x1b[2m\x1b[33m|\x1b[0m"
    assert f"{bar}|  \x1b[1m\x1b[34mb\x1b[0m |  \x1b[1m\x1b[34mc\x1b[0m  |{bar}\n" in shown
    assert shown.splitlines()[1] == "|   GetJob   |"


@given(st.dictionaries(texts, texts | st.lists(st.dictionaries(texts, texts, max_size=3), max_size=3)))
def test_all_lines_of_a_table_are_equally_wide(answer: dict[str, Any]) -> None:
    def tame(value: Any) -> Any:
        if isinstance(value, str):
            return "".join(character for character in value if character.isprintable())
        if isinstance(value, list):
            return [tame(item) for item in value]
        return {tame(name): tame(inner) for name, inner in value.items()}

    assert len({width_of(line) for line in as_table(tame(answer)).splitlines()}) <= 1


# --- yaml


@pytest.mark.parametrize(
    ("scalar", "written"),
    [
        ("yes", "yes"),
        ("12:30:45", "12:30:45"),
        ("true", "'true'"),
        ("~", "'~'"),
        ("", "''"),
        ("1_000", "'1_000'"),
        ("0o17", "'0o17'"),
        (".5", "'.5'"),
        ("2020-01-01", "'2020-01-01'"),
        ("2023-01-17T18:53:30+00:00", "'2023-01-17T18:53:30+00:00'"),
        ("<<", "'<<'"),
        ("-_", "'-_'"),
        ("_1", "_1"),
        ("- a", "'- a'"),
        ("-a", "-a"),
        ("a: b", "'a: b'"),
        ("a:b", "a:b"),
        ("a #b", "'a #b'"),
        ("it's", "it's"),
        ("'tis: it", "'''tis: it'"),
        (" a", "' a'"),
        ("a\nb", "'a\n\n    b'"),
        ("a\n b", '"a\\n b"'),
        ("\ttab", '"\\ttab"'),
        ("🚀", '"\\U0001F680"'),
        ("é", "é"),
        ("\ufeff\x1b\x85", '"\\uFEFF\\e\\N"'),
        (1, "1"),
        (1.0, "1.0"),
        (1e16, "1e+16"),
        (float("inf"), ".inf"),
        (float("-inf"), "-.inf"),
        (float("nan"), ".nan"),
        (None, "null"),
        (False, "false"),
    ],
)
def test_yaml_quotes_what_would_read_as_something_else(scalar: Any, written: str) -> None:
    assert as_yaml({"a": {"b": scalar}}) == f"a:\n  b: {written}\n"


def test_yaml_sorts_members_and_does_not_indent_lists() -> None:
    assert as_yaml({"b": [1, {"d": [], "c": {}}, [2, [3]]], "B": None}) == (
        "B: null\nb:\n- 1\n- c: {}\n  d: []\n- - 2\n  - - 3\n"
    )


def test_yaml_folds_at_the_first_single_blank_after_column_80() -> None:
    assert as_yaml({"a": "word " * 17 + "end"}) == ("a: " + "word " * 15 + "word\n  word end\n")
    assert as_yaml({"a": "x" * 90 + " y"}) == "a: " + "x" * 90 + "\n  y\n"
    assert as_yaml({"a": "x" * 90 + "  y"}) == "a: " + "x" * 90 + "  y\n"
    assert as_yaml({"a": "\x01" + "x" * 90 + "  y"}) == 'a: "\\x01' + "x" * 90 + '\n  \\ y"\n'


def test_yaml_gives_a_long_name_a_line_of_its_own() -> None:
    assert as_yaml({"k" * 129: {"a": 1}}) == "? " + "k" * 129 + "\n: a: 1\n"
    assert as_yaml({"a\nb": [1]}) == "? 'a\n\n  b'\n: - 1\n"


def test_yaml_writes_once_what_a_query_repeats() -> None:
    shared = {"a": [1]}
    assert as_yaml([shared, shared, shared["a"]]) == "- &id001\n  a: &id002\n  - 1\n- *id001\n- *id002\n"


@pytest.mark.parametrize(
    ("answer", "written"), [("a: b", '"a: b"\n'), (None, "null\n"), (1.5, "1.5\n"), ([], "[]\n"), ({}, "")]
)
def test_a_yaml_scalar_alone_is_json_and_an_empty_structure_nothing(answer: Any, written: str) -> None:
    assert as_yaml(answer) == written


def test_a_yaml_item_is_part_of_a_list() -> None:
    stream = io.StringIO()
    write_yaml_item({"a": [1]}, stream)
    write_yaml_item("COMPLETED", stream)
    write_yaml_item({}, stream)
    assert stream.getvalue() == "- a:\n  - 1\n- COMPLETED\n- {}\n"


@settings(max_examples=40, deadline=None)  # the reader is slow
@given(st.dictionaries(texts, answers, min_size=1) | st.lists(answers, min_size=1))
def test_yaml_reads_back(answer: Any) -> None:
    reader = YAML(typ="safe", pure=True)
    assert reader.load(as_yaml(answer)) == answer


def test_yaml_without_libyaml_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "_ruamel_yaml", None)  # as Python marks what cannot be imported
    stream = io.StringIO()
    with pytest.raises(OutputError, match=r"pip install ruamel\.yaml\.clib"):
        write_yaml("GetJob", {"a": 1}, stream)
    assert stream.getvalue() == ""


def test_long_yaml_is_written_in_blocks_that_split_no_character() -> None:
    stream = _Blocks()
    write_yaml("GetJob", {"a": "é" * 20_000}, stream)
    assert [len(block) for block in stream.blocks] == [8191, 8190, 3623]


class _Blocks(io.StringIO):
    def __init__(self) -> None:
        super().__init__()
        self.blocks: list[str] = []

    def write(self, text: str, /) -> int:
        self.blocks.append(text)
        return len(text)
