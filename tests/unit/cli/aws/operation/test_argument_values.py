from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from entrepot.cli.aws.operation.parameters import load_option, load_paramfile, read_value
from entrepot.client.client_errors import ClientError, ParameterError
from entrepot.client.command_line_model import Shape, load_operation


def shape(command: str, member: str) -> Shape:
    return load_operation(command).input.members[member].shape


TAGS = shape("tag-resource", "Tags")
KEYS = shape("untag-resource", "TagKeys")
DETAILS = shape("create-job", "Details")
NUMBER = shape("list-jobs", "MaxResults")


@pytest.mark.parametrize(
    ("given", "of", "expected"),
    [
        ("a=b", TAGS, {"a": "b"}),
        (' {"a": "b"}', TAGS, {"a": "b"}),
        ('{"a": 1}', TAGS, {"a": 1}),
        (["a", "b"], KEYS, ["a", "b"]),
        (["a=b"], KEYS, ["a=b"]),
        ([], KEYS, []),
        (['["a", 1]'], KEYS, ["a", 1]),
        ('["a"]', KEYS, ["a"]),
        ("ab", KEYS, ["a", "b"]),
        ("7", NUMBER, 7),
        ("x", shape("get-job", "JobId"), "x"),
        ("2024-01-01", shape("create-data-grant", "EndsAt"), "2024-01-01"),
    ],
)
def test_values_are_shorthand_json_or_lists(given: Any, of: Shape, expected: Any) -> None:
    assert read_value("--x", given, of, {}) == expected


@pytest.mark.parametrize(
    ("given", "of", "told"),
    [
        ("[1]", DETAILS, "Error parsing parameter '--x': Invalid JSON:\n[1]"),
        (
            "{a",
            DETAILS,
            "Error parsing parameter '--x': Invalid JSON: Expecting property name enclosed in double quotes: "
            "line 1 column 2 (char 1)\nJSON received: {a",
        ),
        (
            '{"a":1 , }',
            DETAILS,
            "Error parsing parameter '--x': Invalid JSON: Expecting property name enclosed in double quotes: "
            'line 1 column 10 (char 9)\nJSON received: {"a":1 , }',
        ),
        (
            ["[1,]"],
            KEYS,
            "Error parsing parameter '--x': Invalid JSON: Expecting value: line 1 column 4 (char 3)\n"
            "JSON received: [1,]",
        ),
        ("a", TAGS, "Error parsing parameter '--x': Expected: '=', received: 'EOF' for input:\na\n ^"),
    ],
)
def test_what_cannot_be_read_is_told_as_the_aws_cli_tells_it(given: Any, of: Shape, told: str) -> None:
    with pytest.raises(ParameterError) as caught:
        read_value("--x", given, of, {})
    assert caught.value.message == told


def test_a_number_that_is_none_is_told_by_python() -> None:
    with pytest.raises(ValueError, match=r"invalid literal for int\(\) with base 10: 'x'"):
        read_value("--x", "x", NUMBER, {})


def test_an_object_of_json_shows_itself_the_same_under_every_python() -> None:
    value = read_value("--x", '{"a": {}, "b": [{"c": 1}]}', TAGS, {})
    assert f"{value} {type(value)}" == (
        "OrderedDict([('a', OrderedDict()), ('b', [OrderedDict([('c', 1)])])]) "
        "<class 'collections.OrderedDict'>"
    )


def test_an_empty_file_is_no_list() -> None:
    with pytest.raises(ClientError, match="empty"):
        read_value("--x", "", KEYS, {})


def test_a_missing_file_within_shorthand_is_told() -> None:
    with pytest.raises(ClientError, match="Unable to load paramfile file://absent"):
        read_value("--x", "a@=file://absent", TAGS, {})


def test_files_are_read_as_text_or_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "v").write_bytes(b"n\xe9\r\n")
    monkeypatch.setenv("HERE", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    assert load_paramfile("fileb://$HERE/v", {}) == b"n\xe9\r\n"
    assert load_paramfile("file://~/v", {"AWS_CLI_FILE_ENCODING": "latin-1"}) == "né\n"
    assert load_paramfile("FILE://v", {}) is None
    assert load_paramfile(["file://v"], {}) is None


def test_a_list_of_one_item_may_be_a_file(tmp_path: Path) -> None:
    (tmp_path / "v").write_text('["a"]')
    assert load_option("--x", [f"file://{tmp_path}/v"], {}) == '["a"]'
    assert load_option("--x", ["file://v", "b"], {}) == ["file://v", "b"]


def test_what_is_wrong_with_a_file_is_told(tmp_path: Path) -> None:
    (tmp_path / "v").write_bytes(b"\xff")
    with pytest.raises(ParameterError) as caught:
        load_option("--x", "file://absent", {})
    assert caught.value.message == (
        "Error parsing parameter '--x': Unable to load paramfile file://absent: "
        "[Errno 2] No such file or directory: 'absent'"
    )
    with pytest.raises(ParameterError, match="text contents could not be decoded"):
        load_option("--x", f"file://{tmp_path}/v", {"AWS_CLI_FILE_ENCODING": "utf-8"})
