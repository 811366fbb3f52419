from __future__ import annotations

from typing import Any

import pytest

from entrepot.cli.aws.output.query import compile_query
from entrepot.client.client_errors import OutputError, ParameterError

JOB = {
    "State": "COMPLETED",
    "Details": {"ImportAssetsFromS3": {"DataSetId": "bc57", "AssetSources": [{"Key": "a"}]}},
}


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("State", "COMPLETED"),
        ("Details.*.DataSetId", ["bc57"]),
        ("Details.*.AssetSources.Key", None),
        ("Nope", None),
        ("{s:State}", {"s": "COMPLETED"}),
        ("avg(`[9007199254740993, 0]`)", 4503599627370496.0),
        ("avg(`[]`)", None),
    ],
)
def test_a_query_selects_from_an_answer(expression: str, expected: Any) -> None:
    assert compile_query(expression).search(JOB) == expected


@pytest.mark.parametrize(
    ("expression", "told"),
    [
        ("", "Invalid JMESPath expression: cannot be empty."),
        ("é", "Bad jmespath expression: Unknown token é:\né\n^"),
        ("foo(", 'Invalid jmespath expression: Incomplete expression:\n"foo("\n     ^'),
        ("]", 'invalid token: Parse error at column 0, token "]" (RBRACKET), for expression:\n"]"\n ^'),
    ],
)
def test_what_does_not_parse_is_a_bad_parameter(expression: str, told: str) -> None:
    with pytest.raises(ParameterError) as raised:
        compile_query(expression)
    assert raised.value.message == f"Bad value for --query {expression}: {told}"


@pytest.mark.parametrize(
    ("expression", "told"),
    [
        ("nofunc(@)", "Unknown function: nofunc()"),
        ("length(State,State)", "Expected 1 argument for function length(), received 2"),
        ("ceil(`1e999`)", "cannot convert float infinity to integer"),
        (
            "sum(State)",
            "In function sum(), invalid type for value: COMPLETED, "
            "expected one of: ['array-number'], received: \"string\"",
        ),
    ],
)
def test_what_does_not_fit_the_answer_shows_when_there_is_one(expression: str, told: str) -> None:
    query = compile_query(expression)
    with pytest.raises(OutputError) as raised:
        query.search(JOB)
    assert raised.value.message == told
