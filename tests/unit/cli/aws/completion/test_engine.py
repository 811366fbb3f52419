from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import pytest
from botocore.session import Session

from entrepot.cli.aws.completion.engine import Engine
from entrepot.cli.aws.completion.live import LiveIds
from entrepot.cli.aws.completion.values import REGIONS, Candidate
from entrepot.cli.commands import COMMANDS
from entrepot.client.command_line_model import commands


class KnownIds(LiveIds):
    """Answers with what it was asked."""

    def ids(
        self,
        member: str,
        command: str,
        known: Mapping[str, str],
        given: Mapping[str, list[str]],
        typed: str = "",
    ) -> list[Candidate]:
        return [
            Candidate(f"{member}-of-{command}", " ".join(f"{name}={known[name]}" for name in sorted(known)))
        ]


def engine(*, explain: bool = False, own_commands: bool = True, **environ: str) -> Engine:
    return Engine(environ, KnownIds({}), explain=explain, own_commands=own_commands)


def complete(text: str, **environ: str) -> list[str]:
    *words, current = text.split(" ")
    return [candidate.value for candidate in engine(**environ).complete(words, current)]


def test_the_first_word_is_a_command_or_an_operation() -> None:
    own = [command.name for command in COMMANDS if command.group]
    assert complete("") == [*own, *commands()]
    assert complete("get-j") == ["get-job"]
    assert complete("xyzzy") == []


def test_a_prompt_offers_operations_alone() -> None:
    found = engine(own_commands=False).complete([], "")
    assert [candidate.value for candidate in found] == list(commands())


def test_options_that_are_needed_come_first() -> None:
    found = complete("update-asset --")
    assert found[:4] == ["--asset-id", "--data-set-id", "--name", "--revision-id"]
    assert "--output" in found
    assert complete("update-asset ") == found


def test_what_is_given_is_not_offered_again() -> None:
    assert "--job-id" not in complete("get-job --job-id x --")
    assert "--job-id" not in complete("get-job --job-id=x --")
    assert "--finalized" not in complete("update-revision --no-finalized --")
    assert "--no-finalized" not in complete("update-revision --finalized --")


def test_options_before_the_operation_count_too() -> None:
    assert complete("--region us-east-1 get-j") == ["get-job"]
    assert "--region" not in complete("--region us-east-1 get-job --")
    assert complete("--output ta") == ["table"]


def test_lists_offer_the_pagination_of_the_command_line() -> None:
    assert complete("list-jobs --max") == ["--max-items"]
    assert complete("list-jobs --next") == []


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("get-job --output ", ["json", "text", "table", "yaml", "yaml-stream"]),
        ("get-job --output=y", ["--output=yaml", "--output=yaml-stream"]),
        ("get-job --out y", ["yaml", "yaml-stream"]),
        ("get-job --color o", ["on", "off"]),
        ("get-job --cli-binary-format r", ["raw-in-base64-out"]),
        ("create-data-set --asset-type S3", ["S3_SNAPSHOT", "S3_DATA_ACCESS"]),
        ("get-job --region eu-w", ["eu-west-1", "eu-west-2"]),
        ("get-job --generate-cli-skeleton y", ["yaml-input"]),
        ("get-job --cli-input-json f", ["file://", "fileb://"]),
        ("get-job --cli-input-json ", ["file://"]),
        ("get-job he", ["help"]),
        ("completion ", ["bash", "zsh", "fish"]),
        ("key dis", ["disable"]),
        ("serve --auth ", ["sigv4", "trust"]),
        ("help confi", ["config-vars"]),
        ("help top", ["topics"]),
        ("help get-j", ["get-job"]),
        ("get-job --query Det", ["Details"]),
    ],
)
def test_values_are_offered(line: str, expected: list[str]) -> None:
    assert complete(line) == expected


def test_an_optional_value_may_be_left_out() -> None:
    found = complete("get-job --generate-cli-skeleton ")
    assert found[:3] == ["input", "output", "yaml-input"]
    assert "--region" in found


def test_after_the_first_of_several_words_options_may_follow() -> None:
    found = complete("untag-resource --tag-keys a --reso")
    assert found == ["--resource-arn"]


def test_ids_are_asked_with_what_is_known() -> None:
    found = engine().complete(["get-asset", "--data-set-id", "d", "--revision-id=r", "--asset-id"], "")
    assert [(one.value, one.meaning) for one in found] == [
        ("AssetId-of-get-asset", "DataSetId=d RevisionId=r")
    ]
    assert complete("start-job --job-id=") == ["--job-id=JobId-of-start-job"]
    assert complete("watch ") == ["JobId-of-watch"]
    assert complete("fetch ") == ["DataSetId-of-fetch"]
    assert complete("publish here --data-set ") == ["DataSetId-of-publish"]
    (revision,) = engine().complete(["fetch", "d", "--revision"], "")
    assert revision.meaning == "DataSetId=d"


def test_our_own_commands_take_folders(tmp_path: Path) -> None:
    (tmp_path / "inner").mkdir()
    (tmp_path / "file").write_text("")
    assert complete(f"publish {tmp_path}/") == [f"{tmp_path}/inner/"]
    assert complete(f"fetch d {tmp_path}/in") == [f"{tmp_path}/inner/"]
    assert complete(f"serve --data-dir {tmp_path}/") == [f"{tmp_path}/inner/"]
    assert complete(f"watch --ca-bundle {tmp_path}/f") == [f"{tmp_path}/file"]


def test_profiles_come_from_the_files(tmp_path: Path) -> None:
    config = tmp_path / "config"
    config.write_text("[default]\nregion = x\n[profile blue]\nregion = x\n[profile black]\nregion = x\n")
    environ = {"AWS_CONFIG_FILE": str(config), "AWS_SHARED_CREDENTIALS_FILE": os.devnull}
    assert complete("get-job --profile bl", **environ) == ["black", "blue"]
    config.write_text("no section\n")
    assert complete("get-job --profile ", **environ) == []


def test_meanings_are_told_where_they_are_wanted() -> None:
    told = {one.value: one.meaning for one in engine(explain=True).complete(["get-job"], "--")}
    assert told["--job-id"] == "(required) The unique identifier for a job."
    assert told["--color"] == "Whether tables are coloured."
    assert all(told.values())
    silent = engine().complete(["get-job"], "--")
    assert not any(one.meaning for one in silent)


def test_every_operation_and_option_means_something() -> None:
    telling = engine(explain=True)
    assert all(one.meaning for one in telling.complete([], ""))
    for command in commands():
        assert all(one.meaning for one in telling.complete([command], "--")), command


def test_regions_are_those_of_the_service() -> None:
    assert list(REGIONS) == sorted(Session().get_available_regions("dataexchange"))
