from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from entrepot.cli.aws.operation.parameters import FileNotRead
from entrepot.cli.aws.operation.shorthand import ShorthandError, fit_to_model, parse_shorthand
from entrepot.client.command_line_model import load_operation


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a=b", {"a": "b"}),
        ("a=b,c=d", {"a": "b", "c": "d"}),
        ("a=b,c", {"a": ["b", "c"]}),
        ("a=b,c,d=e", {"a": ["b", "c"], "d": "e"}),
        ("a=", {"a": ""}),
        ("a=,b", {"a": ["", "b"]}),
        ("=b", {"": "b"}),
        (" a = b ", None),
        ("a = b , c = d", {"a": "b", "c": "d"}),
        ("a=[]", {"a": []}),
        ("a=[b,[c,d],{e=f}]", {"a": ["b", ["c", "d"], {"e": "f"}]}),
        ("a={b=c,d={e=f,g=[h]}}", {"a": {"b": "c", "d": {"e": "f", "g": ["h"]}}}),
        ("a={b=c,b=d}", {"a": {"b": "d"}}),
        ("a='b,c=d'", {"a": "b,c=d"}),
        ('a="b\\"c"', {"a": 'b"c'}),
        ("a='it\\'s'", {"a": "it's"}),
        ("a='x\\\\y'", {"a": "x\\y"}),
        ("a=b\\,c", {"a": "b,c"}),
        ("aws:tag/x.y-z#1_2=v", {"aws:tag/x.y-z#1_2": "v"}),
        ("a=é ü", {"a": "é ü"}),
        ("a=file://b", {"a": "file://b"}),
    ],
)
def test_shorthand_is_read(text: str, expected: dict[str, Any] | None) -> None:
    if expected is None:
        with pytest.raises(ShorthandError):
            parse_shorthand(text, {})
    else:
        assert parse_shorthand(text, {}) == expected


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "Expected: '=', received: 'EOF' for input:\n\n^"),
        ("a", "Expected: '=', received: 'EOF' for input:\na\n ^"),
        ("a==b", "Expected: ',', received: '=' for input:\na==b\n  ^"),
        ("a={b", "Expected: '=', received: 'EOF' for input:\na={b\n    ^"),
        ("a=[b", "Expected: ',', received: 'EOF' for input:\na=[b\n    ^"),
        ("a='b", "Expected: '<singled quoted>', received: '<none>' for input:\na='b\n  ^"),
        ('a="b', "Expected: '<double quoted>', received: '<none>' for input:\na=\"b\n  ^"),
        ('a=b,"c', "Expected: '=', received: '\"' for input:\na=b,\"c\n    ^"),
        ("a=b,\nc==d\ne=f", "Expected: ',', received: '=' for input:\na=b,\nc==d\n  ^\ne=f"),
        (
            "a=b,a=c",
            'Second instance of key "a" encountered for input:\na=b,a=c\n    ^\n'
            'This is often because there is a preceding "," instead of a space.',
        ),
    ],
)
def test_a_caret_shows_where_shorthand_goes_wrong(text: str, told: str) -> None:
    with pytest.raises(ShorthandError) as caught:
        parse_shorthand(text, {})
    assert caught.value.message == told


def test_values_come_from_files_where_the_key_says_so(tmp_path: Path) -> None:
    file = tmp_path / "v.txt"
    file.write_text("a,b=c\n")
    text = f"a@=file://{file},b={{c@=fileb://{file},d=file://x}},e@=plain"
    assert parse_shorthand(text, {}) == {
        "a": "a,b=c\n",
        "b": {"c": b"a,b=c\n", "d": "file://x"},
        "e": "plain",
    }
    with pytest.raises(FileNotRead, match="Unable to load paramfile file://absent"):
        parse_shorthand("a@=file://absent", {})


KEYS = st.text("abcXYZ019-_.#/:", min_size=1, max_size=6)
LEAVES = st.text(st.characters(exclude_categories=["Cs"]), max_size=6)
VALUES = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3), max_leaves=6
)


def written(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ",".join(f"{key}={written(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(written(item) for item in value) + "]"
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


@given(st.dictionaries(KEYS, VALUES, min_size=1, max_size=3))
def test_what_is_written_in_full_is_read_as_it_was(value: dict[str, Any]) -> None:
    text = written(value)[1:-1]
    if "\\" not in str(value):  # a backslash before a quote cannot be written
        assert parse_shorthand(text, {}) == value


@given(st.text(max_size=30))
def test_any_text_is_read_or_refused(text: str) -> None:
    with contextlib.suppress(ShorthandError, FileNotRead):
        assert isinstance(parse_shorthand(text, {}), dict)


def test_the_model_makes_lists_of_single_values() -> None:
    shape = load_operation("create-job").input.members["Details"].shape
    parsed = parse_shorthand("CreateS3DataAccessFromS3Bucket={AssetSource={Bucket=b,Keys=k}}", {})
    fit_to_model(parsed, shape)
    assert parsed["CreateS3DataAccessFromS3Bucket"]["AssetSource"] == {"Bucket": "b", "Keys": ["k"]}
    parsed = parse_shorthand("ImportAssetsFromS3={AssetSources={Bucket=b,Key=k}}", {})
    fit_to_model(parsed, shape)
    assert parsed["ImportAssetsFromS3"]["AssetSources"] == [{"Bucket": "b", "Key": "k"}]
