"""The operations beside get-job as the installed AWS CLI has them: same server, same arguments, same bytes.

One run of each kind, against a real exchange. All operations, outputs and refusals are held against recorded
runs of a newer edition, in `tests/parity`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tests.functional import tools
from tests.functional.accounts import new_account_id
from tests.functional.clients import client
from tests.functional.two_programs import (
    ENTREPOT,
    Program,
    Ran,
    without_response_metadata,
    without_what_is_made_up,
)
from tests.servers.exchanges import Exchange

MISSING = "00000000000000000000000000000000"


@dataclass(frozen=True, slots=True)
class Stocked:
    """An exchange in trust mode, where one account has something of every kind."""

    url: str
    account_id: str
    names: dict[str, str]
    """Ids and an ARN, by the words that stand for them in arguments."""


@pytest.fixture(scope="module")
def stocked(trusting_exchange: Exchange) -> Iterator[Stocked]:
    account_id = new_account_id()
    exchange = client("dataexchange", trusting_exchange.url, account_id, "any")
    yield Stocked(trusting_exchange.url, account_id, _stock(exchange))
    exchange.close()


def _stock(client: Any) -> dict[str, str]:
    data_sets = [
        client.create_data_set(
            AssetType="S3_SNAPSHOT",
            Name=f"Prices {number}",
            Description=description,
            Tags={"team": "data", "Kosten": "grün"},
        )
        for number, description in enumerate(("plain", "naïve – 日本語", "true", "a longer text " * 9), 1)
    ]
    data_set = data_sets[1]["Id"]
    revisions = [
        client.create_revision(DataSetId=data_set, Comment=comment, Tags={"n": "1"})["Id"]
        for comment in ("first", "", "third: better")
    ]
    place = {"DataSetId": data_set, "RevisionId": revisions[0]}
    jobs = [
        client.create_job(
            Type="IMPORT_ASSET_FROM_SIGNED_URL",
            Details={
                "ImportAssetFromSignedUrl": {
                    "AssetName": f"part {n}.csv",
                    "Md5Hash": "1B2M2Y8AsgTpgAmY7PhCfg==",
                    **place,
                }
            },
        )["Id"]
        for n in range(3)
    ]
    return {
        "{DATA SET}": data_set,
        "{REVISION}": revisions[0],
        "{JOB}": jobs[0],
        "{ARN}": data_sets[1]["Arn"],
        "{MISSING}": MISSING,
    }


@pytest.fixture(scope="module")
def programs(stocked: Stocked, tmp_path_factory: pytest.TempPathFactory) -> tuple[Program, Program]:
    folder = tmp_path_factory.mktemp("home")
    (folder / "tags.json").write_text('{"from": "file"}')
    return (
        Program([tools.aws_cli(), "dataexchange"], stocked.url, folder, stocked.account_id),
        Program(ENTREPOT, stocked.url, folder, stocked.account_id),
    )


def _same(stocked: Stocked, programs: tuple[Program, Program], line: str, *more: str) -> Ran:
    """Runs the words of `line`, with ids for what is in braces, and `more` as it is, with both."""
    for name, value in stocked.names.items():
        line = line.replace(name, value)
    theirs, ours = (program.run(*line.split(), *more) for program in programs)
    assert ours == without_response_metadata(theirs)
    return ours


@pytest.mark.parametrize(
    ("line", "status"),
    [
        ("list-data-sets --output table", 0),
        ("list-jobs --page-size 2 --query Jobs[].[Id,State] --output text", 0),
        ("get-revision --data-set-id {DATA SET} --revision-id {MISSING}", 254),
        ("create-data-set --asset-type S3_SNAPSHOT --name n", 252),
        ("create-event-action --generate-cli-skeleton", 0),
    ],
)
def test_one_of_each_kind(
    stocked: Stocked, programs: tuple[Program, Program], line: str, status: int
) -> None:
    ran = _same(stocked, programs, line)
    assert ran.status == status
    assert bool(ran.stdout) is not bool(ran.stderr)


def test_a_listing_goes_on_where_the_other_program_stopped(
    stocked: Stocked, programs: tuple[Program, Program]
) -> None:
    first = _same(stocked, programs, "list-data-sets --max-items 3 --page-size 2")
    token = json.loads(first.stdout)["NextToken"]
    rest = _same(stocked, programs, "list-data-sets --starting-token", token)
    assert len(json.loads(rest.stdout)["DataSets"]) == 1


STORY = (
    "create-data-set --asset-type S3_SNAPSHOT --name Prices --description daily --tags team=data,cost=1",
    "create-revision --data-set-id {DataSetId} --comment first --tags {'a':'b'}",
    "create-job --type IMPORT_ASSETS_FROM_S3 --details"
    " ImportAssetsFromS3={AssetSources=[{Bucket=b,Key=k},{Bucket=b,Key=l}],"
    "DataSetId={DataSetId},RevisionId={RevisionId}}",
    "cancel-job --job-id {JobId}",
    "cancel-job --job-id {JobId}",
    "tag-resource --resource-arn {Arn} --tags file://tags.json",
)


def _live_through(program: Program) -> list[tuple[str, Ran]]:
    """The story, and what was said at each step, without what the exchange made up."""
    known: dict[str, str] = {}
    ids: dict[str, str] = {}
    told = []
    for step in STORY:
        line = step.replace("'", '"')
        for name, value in known.items():
            line = line.replace(f"{{{name}}}", value)
        ran = program.run(*line.split())
        operation = step.split()[0]
        if operation.startswith("create-") and ran.status == 0:
            made = json.loads(ran.stdout)
            kind = {"create-data-set": "DataSetId", "create-revision": "RevisionId", "create-job": "JobId"}
            known |= {kind[operation]: made["Id"]}
            known.setdefault("Arn", made["Arn"])
        told.append((step, without_what_is_made_up(ran, program.account, ids)))
    return told


def test_making_changing_and_removing(
    stocked: Stocked, programs: tuple[Program, Program], tmp_path: Path
) -> None:
    """Each program lives through the same with an account of its own."""
    (tmp_path / "tags.json").write_text('{"from": "file", "n": "1"}')
    theirs, ours = (
        _live_through(Program(program.command, stocked.url, tmp_path, account))
        for program, account in ((program, new_account_id()) for program in programs)
    )
    assert ours == theirs
    assert [ran.status for _, ran in ours] == [0, 0, 0, 0, 254, 0]
