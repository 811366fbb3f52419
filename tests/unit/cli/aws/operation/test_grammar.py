from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from entrepot.cli.aws.operation.grammar import MANY, OPTIONAL, SWITCH_ON, Grammar, Option, VersionAsked, Word
from entrepot.cli.aws.operation.options import read_globals
from entrepot.client.client_errors import UsageError


def grammar() -> Grammar:
    skeleton = Option("--skeleton", OPTIONAL, choices=("input", "output"))
    skeleton.implied = "input"
    size = Option("--size")
    size.integer = True
    options = (Option("--job-id"), Option("--keys", MANY), Option("--debug", SWITCH_ON), skeleton, size)
    return Grammar(options, Word("help", required=False), "usage: x\n")


def given_values(*arguments: str) -> dict[str, Any]:
    values, unknown = grammar().read(arguments)
    assert unknown == []
    return {name: value for name, value in values.items() if value is not None}


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--job-id", "x"], {"job_id": "x"}),
        (["--job-id=x"], {"job_id": "x"}),
        (["--job-id="], {"job_id": ""}),
        (["--job-id=-x=y"], {"job_id": "-x=y"}),
        (["--job-id", "-"], {"job_id": "-"}),
        (["--job-id", "-1"], {"job_id": "-1"}),
        (["--job-id", "-.5"], {"job_id": "-.5"}),
        (["--job-id", "-a b"], {"job_id": "-a b"}),
        (["--job-id", "a", "--job-id", "b"], {"job_id": "b"}),
        (["--j", "x"], {"job_id": "x"}),
        (["--j=x"], {"job_id": "x"}),
        (["--keys", "a", "b", "-2"], {"keys": ["a", "b", "-2"]}),
        (["--keys"], {"keys": []}),
        (["--keys=a"], {"keys": ["a"]}),
        (["--keys", "a", "--keys", "b"], {"keys": ["b"]}),
        (["--debug"], {"debug": True}),
        (["--skeleton"], {"skeleton": "input"}),
        (["--skeleton", "output"], {"skeleton": "output"}),
        (["--skeleton", "--debug"], {"skeleton": "input", "debug": True}),
        (["--size", " 7"], {"size": 7}),
        (["word"], {"help": "word"}),
        (["--", "word"], {"help": "word"}),
        (["--job-id", "x", "--"], {"job_id": "x"}),
        ([""], {"help": ""}),
        (["--job-id=--"], {"job_id": []}),
    ],
)
def test_options_and_words_are_read_as_the_aws_cli_reads_them(
    arguments: list[str], expected: dict[str, Any]
) -> None:
    assert given_values(*arguments) == expected


@pytest.mark.parametrize(
    ("arguments", "unknown"),
    [
        (["--nope"], ["--nope"]),
        (["--nope=1", "--job-id", "x"], ["--nope=1"]),
        (["--nope", "1", "2"], ["--nope", "2"]),
        (["-x"], ["-x"]),
        (["one", "two"], ["two"]),
        (["--job-id", "x", "y", "--debug", "z"], ["z"]),
        (["--job-id", "x", "--", "--debug", "z"], ["z"]),
    ],
)
def test_what_belongs_to_nothing_is_handed_back_in_its_order(
    arguments: list[str], unknown: list[str]
) -> None:
    assert grammar().read(arguments)[1] == unknown


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--job-id"], "argument --job-id: expected one argument"),
        (["--job-id", "--debug"], "argument --job-id: expected one argument"),
        (["--job-id", "--"], "argument --job-id: expected one argument"),
        (["--debug=1"], "argument --debug: ignored explicit argument '1'"),
        (["--debug="], "argument --debug: ignored explicit argument ''"),
        (["--s", "x"], "ambiguous option: --s could match --skeleton, --size"),
        (["--s=x"], "ambiguous option: --s=x could match --skeleton, --size"),
        (["--size", "x"], "argument --size: invalid int value: 'x'"),
    ],
)
def test_what_cannot_be_read_is_named(arguments: list[str], told: str) -> None:
    with pytest.raises(UsageError) as caught:
        grammar().read(arguments)
    assert caught.value.message == told
    assert caught.value.usage == "usage: x\n"


def test_choices_stand_in_two_columns_with_the_word_that_was_meant_below() -> None:
    with pytest.raises(UsageError) as caught:
        grammar().read(["--skeleton", "inpu"])
    assert caught.value.message == (
        "argument --skeleton: Invalid choice, valid choices are:\n\n"
        f"{'input':40} | {'output':40}\n\n\n"
        "Invalid choice: 'inpu', maybe you meant:\n\n  * input"
    )


def test_what_is_required_is_missed_in_the_order_of_the_grammar() -> None:
    first, second = Option("--first"), Option("--second")
    first.required = second.required = True
    with pytest.raises(UsageError, match="the following arguments are required: --first, --second, name"):
        Grammar((first, second), Word("name"), "").read([])


def test_an_ambiguity_is_noticed_before_anything_else() -> None:
    with pytest.raises(UsageError, match="ambiguous option"):
        grammar().read(["--debug=1", "--s"])


def test_a_version_counts_up_to_the_first_mistake() -> None:
    with pytest.raises(VersionAsked):
        read_globals(["get-job", "--version", "--output", "xml"])
    with pytest.raises(UsageError):
        read_globals(["get-job", "--output", "xml", "--version"])


def test_shared_options_stand_anywhere_and_leave_the_rest_in_its_order() -> None:
    options, rest = read_globals(
        ["--region", "r", "get-job", "--o", "text", "--job-id", "x", "--no-paginate"]
    )
    assert (options.region, options.output, options.paginate) == ("r", "text", False)
    assert rest == ["get-job", "--job-id", "x"]


def test_options_of_later_editions_work_without_a_trace() -> None:
    options, _ = read_globals(["get-job", "--output", "off", "--cli-error-format", "json"])
    assert (options.output, options.error_format) == ("off", "json")
    with pytest.raises(UsageError) as caught:
        read_globals(["--c", "x"])
    assert "--cli-error-format" not in caught.value.message
    with pytest.raises(UsageError) as caught:
        read_globals(["--output", "of"])
    assert "off" not in caught.value.message


WORDS = st.text(st.characters(exclude_characters="-", exclude_categories=["Cs"]), max_size=5)


@given(st.lists(WORDS, max_size=5), st.lists(WORDS, max_size=4))
def test_no_argument_is_lost(first: list[str], second: list[str]) -> None:
    arguments = [*first, "--keys", *second, "--nope", *first]
    values, unknown = grammar().read(arguments)
    word = [] if values["help"] is None else [values["help"]]
    keys = values["keys"]
    assert isinstance(keys, list)
    assert sorted([*word, *keys, *unknown], key=str) == sorted([*first, *second, "--nope", *first], key=str)


@given(WORDS)
def test_any_value_can_be_given_with_an_equals_sign(value: str) -> None:
    assert given_values(f"--job-id={value}")["job_id"] == value
