"""The example of every operation is a command line that this program takes; `functional` runs them."""

from __future__ import annotations

import shlex
from itertools import pairwise
from string import Template

import pytest

from entrepot.cli.aws.help.texts import OperationText, operation_texts
from entrepot.cli.aws.operation.options import OperationOptions, read_globals
from entrepot.cli.aws.operation.parameters import PAGING, read_parameters
from entrepot.cli.aws.output.query import compile_query
from entrepot.client.command_line_model import commands, load_operation
from entrepot.client.validation import validate

VALUES = {
    "DATA_SET": "0" * 32,
    "REVISION": "1" * 32,
    "ASSET": "2" * 32,
    "JOB": "3" * 32,
    "EVENT_ACTION": "4" * 32,
    "GRANT": "5" * 32,
    "GRANT_ARN": "arn:aws:dataexchange:us-east-1:123456789012:data-grants/" + "5" * 32,
    "RESOURCE_ARN": "arn:aws:dataexchange:us-east-1:123456789012:data-sets/" + "0" * 32,
    "BUCKET": "bucket",
}


def command_line(text: OperationText) -> list[str]:
    """The arguments of the example's operation, as a shell would make them."""
    script = Template("\n".join(text.command)).safe_substitute(VALUES).replace("\\\n", " ")
    words = shlex.split(script.removeprefix("DATA_SET=$(").removeprefix("REVISION=$(").removesuffix(")"))
    begins = [place for place, word in enumerate(words) if word == "entrepot"]
    commands_of_it = [words[begin + 1 : end] for begin, end in pairwise([*begins, len(words)])]
    return next(command for command in commands_of_it if command[0] == text.name)


def test_every_operation_has_a_line_and_an_example() -> None:
    assert sorted(text.name for text in operation_texts()) == sorted(commands())


@pytest.mark.parametrize("text", operation_texts(), ids=lambda text: text.name)
def test_an_example_is_understood(text: OperationText) -> None:
    options, rest = read_globals(command_line(text))
    assert rest[0] == text.name
    operation = load_operation(text.name)
    own = OperationOptions(operation)
    values, unknown = own.grammar(rest[1:]).read(rest[1:])
    assert unknown == []
    parameters = read_parameters(own, values, {})
    parameters.pop(PAGING, None)
    validate(parameters, operation.input)
    if options.query is not None:
        compile_query(options.query)


@pytest.mark.parametrize("text", operation_texts(), ids=lambda text: text.name)
def test_texts_fit_their_places(text: OperationText) -> None:
    assert len(text.summary) <= 52
    assert text.summary[0].islower() and not text.summary.endswith(".")
    assert text.words.endswith(":")
    assert all(len(line) <= 72 for line in text.command)
