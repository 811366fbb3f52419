from __future__ import annotations

import pytest

from entrepot.cli.aws.operation.options import OperationOptions, option_name
from entrepot.client.client_errors import UsageError
from entrepot.client.command_line_model import commands, load_operation


def options(command: str) -> OperationOptions:
    return OperationOptions(load_operation(command))


@pytest.mark.parametrize(
    ("member", "option"), [("JobId", "job-id"), ("Type", "type"), ("S3AccessPointArn", "s3-access-point-arn")]
)
def test_options_are_named_for_members(member: str, option: str) -> None:
    assert option_name(member) == option


def test_a_truth_value_has_two_options() -> None:
    flags = [option.flag for option in options("update-revision").all]
    assert flags[2:4] == ["--finalized", "--no-finalized"]
    grammar = options("update-revision").grammar([])
    needed = ["--data-set-id", "d", "--revision-id", "r"]
    assert grammar.read([*needed])[0]["finalized"] is None
    assert grammar.read([*needed, "--finalized"])[0]["finalized"] is True
    assert grammar.read([*needed, "--finalized", "--no-finalized"])[0]["finalized"] is False


def test_listings_have_options_for_their_pages() -> None:
    flags = [option.flag for option in options("list-jobs").all]
    assert flags[-6:] == [
        "--cli-input-json",
        "--cli-input-yaml",
        "--starting-token",
        "--page-size",
        "--max-items",
        "--generate-cli-skeleton",
    ]
    assert "--max-items" not in [option.flag for option in options("get-job").all]


@pytest.mark.parametrize(
    "arguments",
    [
        ["--generate-cli-skeleton"],
        ["--generate-cli-skeleton", "input"],
        ["--generate-cli-skeleton", "yaml-input"],
        ["--cli-input-json", "{}"],
        ["--cli-input-yaml", "{}"],
    ],
)
def test_a_whole_input_or_a_skeleton_lifts_what_is_required(arguments: list[str]) -> None:
    values, unknown = options("get-job").grammar(arguments).read(arguments)
    assert (values["job_id"], unknown) == (None, [])


@pytest.mark.parametrize(
    "arguments",
    [
        ["--cli-input-json={}"],
        ["--generate-cli-skeleton=input"],
        ["--generate", "input"],
        ["--generate-cli-skeleton", "output"],
        ["--generate-cli-skeleton", "output", "--generate-cli-skeleton", "input"],
    ],
)
def test_it_is_lifted_only_where_the_full_name_stands_alone_and_never_for_a_sample(
    arguments: list[str],
) -> None:
    with pytest.raises(UsageError, match="the following arguments are required: --job-id"):
        options("get-job").grammar(arguments).read(arguments)


@pytest.mark.parametrize("command", commands())
def test_the_usage_of_every_operation_says_where_its_help_is(command: str) -> None:
    assert f"entrepot {command} help" in options(command).grammar([]).usage
