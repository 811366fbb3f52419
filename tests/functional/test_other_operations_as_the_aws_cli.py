"""The operations beside get-job as the installed AWS CLI has them: same server, same arguments, same bytes.

What that edition lacks (data grants, for one) and what an exchange does not answer is held against recordings
of a newer one, in `tests/parity`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest
from tests.functional import tools
from tests.functional.two_programs import (
    ACCOUNT,
    ENTREPOT,
    Program,
    Ran,
    without_response_metadata,
    without_what_is_made_up,
)

from entrepot.testing import running_entrepot

FORMATS = ("json", "text", "table", "yaml", "yaml-stream")
MISSING = "00000000000000000000000000000000"


@dataclass(frozen=True, slots=True)
class Stocked:
    """An exchange in trust mode, where one account has something of every kind."""

    url: str
    names: dict[str, str]
    """Ids and an ARN, by the words that stand for them in arguments."""


@pytest.fixture(scope="module")
def stocked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stocked]:
    with running_entrepot(
        tmp_path_factory.mktemp("trusting"), arguments=["--auth", "trust", "--job-workers", "0"]
    ) as exchange:
        client = boto3.session.Session(ACCOUNT, "any", region_name="us-east-1").client(
            "dataexchange", endpoint_url=exchange.url
        )
        yield Stocked(exchange.url, _stock(client))
        client.close()


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
        Program([tools.aws_cli(), "dataexchange"], stocked.url, folder),
        Program(ENTREPOT, stocked.url, folder),
    )


def _same(stocked: Stocked, programs: tuple[Program, Program], line: str, *more: str) -> Ran:
    """Runs the words of `line`, with ids for what is in braces, and `more` as it is, with both."""
    for name, value in stocked.names.items():
        line = line.replace(name, value)
    theirs, ours = (program.run(*line.split(), *more) for program in programs)
    assert ours == without_response_metadata(theirs)
    return ours


READING = (
    "list-data-sets",
    "list-data-set-revisions --data-set-id {DATA SET}",
    "list-revision-assets --data-set-id {DATA SET} --revision-id {REVISION}",
    "list-jobs --data-set-id {DATA SET}",
    "list-event-actions",
    "list-tags-for-resource --resource-arn {ARN}",
    "get-data-set --data-set-id {DATA SET}",
    "get-revision --data-set-id {DATA SET} --revision-id {REVISION}",
    "get-job --job-id {JOB}",
)


@pytest.mark.parametrize("output", FORMATS)
@pytest.mark.parametrize("line", READING, ids=[line.split()[0] for line in READING])
def test_reading(stocked: Stocked, programs: tuple[Program, Program], line: str, output: str) -> None:
    assert _same(stocked, programs, line, "--output", output).status == 0


PAGES = (
    "list-data-sets --max-items 2",
    "list-data-sets --max-items 3 --page-size 2 --output text",
    "list-data-sets --page-size 1 --output yaml-stream",
    "list-data-sets --no-paginate --max-results 1 --query DataSets[].Name",
    "list-data-sets --origin ENTITLED",
    "list-data-set-revisions --data-set-id {DATA SET} --max-items 1 --query Revisions[].Comment",
    "list-jobs --page-size 2 --query Jobs[].[Id,State] --output text",
    "list-jobs --starting-token nonsense",
    "list-jobs --max-results 201",
)


@pytest.mark.parametrize("line", PAGES)
def test_pages(stocked: Stocked, programs: tuple[Program, Program], line: str) -> None:
    _same(stocked, programs, line)


def test_a_listing_goes_on_where_the_other_program_stopped(
    stocked: Stocked, programs: tuple[Program, Program]
) -> None:
    first = _same(stocked, programs, "list-data-sets --max-items 3 --page-size 2")
    token = json.loads(first.stdout)["NextToken"]
    rest = _same(stocked, programs, "list-data-sets --starting-token", token)
    assert len(json.loads(rest.stdout)["DataSets"]) == 1


REFUSED = (
    ("get-data-set --data-set-id {MISSING}", 254),
    ("get-revision --data-set-id {DATA SET} --revision-id {MISSING}", 254),
    ("get-asset --data-set-id {DATA SET} --revision-id {REVISION} --asset-id {MISSING}", 254),
    ("delete-asset --data-set-id {DATA SET} --revision-id {REVISION} --asset-id {MISSING}", 254),
    ("delete-data-set --data-set-id {MISSING}", 254),
    ("start-job --job-id {MISSING}", 254),
    ("create-job --type EXPORT_ASSETS_TO_S3 --details ExportAssetToSignedUrl={AssetId=a,DataSetId=d}", 252),
    ("create-job --type NOPE --details ExportAssetToSignedUrl={AssetId=a,DataSetId=d,RevisionId=r}", 254),
    ("create-job --type IMPORT_ASSETS_FROM_S3 --details ImportAssetsFromS3={", 252),
    ("create-data-set --asset-type S3_SNAPSHOT --name n", 252),
    ("create-data-set --asset-type MOON --name n --description d", 254),
    ("create-event-action --event RevisionPublished={DataSetId=d} --action ExportRevisionToS3={}", 252),
    ("update-event-action --event-action-id {MISSING}", 254),
    ("tag-resource --resource-arn {ARN} --tags file://missing.json", 252),
    ("tag-resource --resource-arn nonsense --tags a=b", 254),
    ("untag-resource --resource-arn {ARN}", 252),
    ("revoke-revision --data-set-id {DATA SET} --revision-id {REVISION} --revocation-comment short", 252),
    ("list-jobs --max-items many", 252),
    ("list-jobs --nope", 252),
    ("get-data-set", 252),
)


@pytest.mark.parametrize(("line", "status"), REFUSED, ids=[line for line, _ in REFUSED])
def test_what_is_refused(stocked: Stocked, programs: tuple[Program, Program], line: str, status: int) -> None:
    ran = _same(stocked, programs, line)
    assert (ran.status, ran.stdout) == (status, "")
    assert ran.stderr


@pytest.mark.parametrize(
    "line",
    [
        "create-data-set --generate-cli-skeleton",
        "create-event-action --generate-cli-skeleton",
        "update-revision --generate-cli-skeleton yaml-input",
        "list-jobs --generate-cli-skeleton",
        "tag-resource --generate-cli-skeleton",
    ],
)
def test_skeletons(stocked: Stocked, programs: tuple[Program, Program], line: str) -> None:
    assert _same(stocked, programs, line).status == 0


STORY = (
    "create-data-set --asset-type S3_SNAPSHOT --name Prices --description daily --tags team=data,cost=1",
    "create-revision --data-set-id {DataSetId} --comment first --tags {'a':'b'}",
    "update-data-set --data-set-id {DataSetId} --name Prices-2",
    "update-revision --data-set-id {DataSetId} --revision-id {RevisionId} --comment second --no-finalized",
    "create-job --type IMPORT_ASSETS_FROM_S3 --details"
    " ImportAssetsFromS3={AssetSources=[{Bucket=b,Key=k},{Bucket=b,Key=l}],"
    "DataSetId={DataSetId},RevisionId={RevisionId}}",
    "create-job --type IMPORT_ASSET_FROM_SIGNED_URL --details {'ImportAssetFromSignedUrl':{"
    "'AssetName':'a.csv','Md5Hash':'1B2M2Y8AsgTpgAmY7PhCfg==','DataSetId':'{DataSetId}','RevisionId':'{RevisionId}'}}",
    "cancel-job --job-id {JobId}",
    "cancel-job --job-id {JobId}",
    "start-job --job-id {JobId}",
    "tag-resource --resource-arn {Arn} --tags file://tags.json",
    "untag-resource --resource-arn {Arn} --tag-keys team cost",
    "list-tags-for-resource --resource-arn {Arn}",
    "update-revision --data-set-id {DataSetId} --revision-id {RevisionId} --finalized",
    "delete-data-set --data-set-id {DataSetId}",
    "delete-revision --data-set-id {DataSetId} --revision-id {RevisionId}",
    "delete-data-set --data-set-id {DataSetId}",
    "get-data-set --data-set-id {DataSetId}",
    "list-data-sets",
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
        for program, account in zip(programs, ("444455556666", "777788889999"), strict=True)
    )
    assert ours == theirs
    assert {ran.status for _, ran in ours} == {0, 254}
