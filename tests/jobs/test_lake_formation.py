"""IMPORT_ASSETS_FROM_LAKE_FORMATION_TAG_POLICY, with moto's Lake Formation."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import msgspec
import pytest
from tests.jobs.harness import SCOPE, Harness, Interrupted, interrupt_at
from tests.servers.lake_formation import Catalog, catalog_of, lake_formation_on
from tests.servers.scripted_http import answer, scripted_server

from entrepot.domain.data_set import AssetType
from entrepot.domain.errors import AccessDenied, ValidationFailed
from entrepot.domain.identifiers import derived_asset_id
from entrepot.domain.job import Job, JobErrorCode, JobState, JobType
from entrepot.domain.limits import Limit, Limits
from entrepot.domain.revision import Revision
from entrepot.integrations.protocols import Integrations
from entrepot.jobs.crash_points import CrashPoint

KIND = JobType.IMPORT_ASSETS_FROM_LAKE_FORMATION_TAG_POLICY
Details = dict[str, object]


@pytest.fixture(scope="module")
def catalog(moto_url: str) -> Iterator[Catalog]:
    with catalog_of(SCOPE.account_id, moto_url) as opened:
        yield opened


@pytest.fixture
def connected(harness: Harness, moto_url: str) -> Iterator[Harness]:
    """The harness, with Lake Formation."""
    with lake_formation_on(moto_url) as lake_formation:
        yield replace(harness, integrations=Integrations(lake_formation=lake_formation))


async def revision_on(harness: Harness) -> Revision:
    return await harness.revision(await harness.data_set(AssetType.LAKE_FORMATION_DATA_PERMISSION))


def policy(key: str, *values: str, permissions: list[str] | None = None) -> Details:
    return {
        "Expression": [{"TagKey": key, "TagValues": list(values)}],
        "Permissions": permissions or ["DESCRIBE"],
    }


def details(revision: Revision, catalog_id: str = SCOPE.account_id, **members: object) -> Details:
    return {
        "ImportAssetsFromLakeFormationTagPolicy": {
            "CatalogId": catalog_id,
            "RoleArn": f"arn:aws:iam::{SCOPE.account_id}:role/exchange",
            "DataSetId": revision.data_set_id,
            "RevisionId": revision.id,
            **members,
        }
    }


async def run(harness: Harness, revision: Revision, **members: object) -> Job:
    return await harness.finish(await harness.create(KIND, details(revision, **members), {"origin": "lake"}))


async def test_each_kind_of_resource_becomes_one_asset_as_the_service_names_it(
    connected: Harness, catalog: Catalog
) -> None:
    key, other = catalog.tag("gold", "silver"), catalog.tag("open")
    tables = {
        "Expression": [
            {"TagKey": key, "TagValues": ["gold", "silver"]},
            {"TagKey": other, "TagValues": ["open"]},
        ],
        "Permissions": ["DESCRIBE", "SELECT"],
    }
    revision = await revision_on(connected)
    job = await run(connected, revision, Database=policy(key, "gold"), Table=tables)
    assert (job.state, job.errors) == (JobState.COMPLETED, ())
    by_id = {asset.id: asset for asset in await connected.assets(revision)}
    databases, table = (by_id[derived_asset_id(job.id, number)] for number in (0, 1))
    assert databases.name == "Database(s) included in LF-tag policy"
    assert table.name == "Table(s) included in LF-tag policy"
    assert {asset.asset_type for asset in (databases, table)} == {AssetType.LAKE_FORMATION_DATA_PERMISSION}
    assert table.details_json is not None and databases.details_json is not None
    assert msgspec.json.decode(table.details_json) == {
        "LakeFormationDataPermissionAsset": {
            "LakeFormationDataPermissionDetails": {
                "LFTagPolicy": {
                    "CatalogId": SCOPE.account_id,
                    "ResourceType": "TABLE",
                    "ResourceDetails": {"Table": {"Expression": tables["Expression"]}},
                }
            },
            "LakeFormationDataPermissionType": "LFTagPolicy",
            "Permissions": ["DESCRIBE", "SELECT"],
            "RoleArn": catalog.role_arn,
        }
    }
    of_databases = msgspec.json.decode(databases.details_json)["LakeFormationDataPermissionAsset"]
    assert of_databases["Permissions"] == ["DESCRIBE"]
    assert of_databases["LakeFormationDataPermissionDetails"]["LFTagPolicy"] == {
        "CatalogId": SCOPE.account_id,
        "ResourceType": "DATABASE",
        "ResourceDetails": {"Database": {"Expression": [{"TagKey": key, "TagValues": ["gold"]}]}},
    }
    assert catalog.grants(key) == [], "nobody is given anything before there is a data grant"


async def test_tags_that_the_catalogue_does_not_have_are_all_named(
    connected: Harness, catalog: Catalog
) -> None:
    key = catalog.tag("gold")
    revision = await revision_on(connected)
    job = await run(connected, revision, Database=policy("none-such", "x"), Table=policy(key, "gold", "tin"))
    assert job.state is JobState.ERROR
    assert [error.code for error in job.errors] == [JobErrorCode.VALIDATION_EXCEPTION] * 2
    assert "there is no LF-tag 'none-such'" in job.errors[0].message
    assert f"LF-tag '{key}' has no value 'tin'" in job.errors[1].message
    assert await connected.assets(revision) == []


@pytest.mark.parametrize(
    "point", [CrashPoint.PLAN_RECORDED, CrashPoint.BEFORE_FINISH, CrashPoint.INSIDE_FINISH]
)
async def test_a_job_that_dies_and_is_resumed_makes_the_same_assets_once(
    connected: Harness, catalog: Catalog, point: CrashPoint
) -> None:
    key = catalog.tag("gold")
    revision = await revision_on(connected)
    job = await connected.create(
        KIND, details(revision, Database=policy(key, "gold"), Table=policy(key, "gold"))
    )
    run_id = await connected.start(job)
    with pytest.raises(Interrupted):
        await connected.runner(at=interrupt_at(point)).run(run_id)
    assert await connected.assets(revision) == []
    await connected.runner().run(await connected.taken_over(run_id))
    assert (await connected.job(job.id)).state is JobState.COMPLETED
    made = {asset.id for asset in await connected.assets(revision)}
    assert made == {derived_asset_id(job.id, number) for number in (0, 1)}


async def test_the_case_of_tags_does_not_matter(connected: Harness, catalog: Catalog) -> None:
    key = catalog.tag("gold")
    job = await run(connected, await revision_on(connected), Table=policy(key, "GOLD"))
    assert job.state is JobState.COMPLETED


async def test_a_tag_of_another_accounts_catalogue_is_not_there(connected: Harness, moto_url: str) -> None:
    with catalog_of("111122223333", moto_url) as another:
        key = another.tag("gold")
    job = await run(connected, await revision_on(connected), Table=policy(key, "gold"))
    assert job.state is JobState.ERROR
    assert f"there is no LF-tag '{key}'" in job.errors[0].message


async def test_a_revision_takes_only_so_many(connected: Harness, catalog: Catalog) -> None:
    key = catalog.tag("gold")
    limit = Limit.LAKE_FORMATION_ASSETS_PER_REVISION
    small = replace(connected, limits=Limits({limit: 1}))
    revision = await revision_on(small)
    job = await run(small, revision, Database=policy(key, "gold"), Table=policy(key, "gold"))
    (error,) = job.errors
    assert (job.state, error.code) == (JobState.ERROR, JobErrorCode.SERVICE_QUOTA_EXCEEDED_EXCEPTION)
    assert (error.limit_name, error.limit_value) == (limit, 1.0)
    assert (await run(small, revision, Table=policy(key, "gold"))).state is JobState.COMPLETED


@pytest.mark.parametrize(
    ("code", "status", "expected"),
    [
        ("AccessDeniedException", 400, JobErrorCode.ACCESS_DENIED_EXCEPTION),
        ("InvalidInputException", 400, JobErrorCode.VALIDATION_EXCEPTION),
        ("InternalServiceException", 500, JobErrorCode.INTERNAL_SERVER_EXCEPTION),
    ],
)
async def test_what_lake_formation_refuses_ends_the_job_with_its_reason(
    harness: Harness, code: str, status: int, expected: JobErrorCode
) -> None:
    refused = answer(status, b'{"Message": "as scripted"}', [("x-amzn-errortype", code)])
    sts = answer(
        200,
        b"<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>A</AccessKeyId><SecretAccessKey>s"
        b"</SecretAccessKey><SessionToken>t</SessionToken></Credentials></AssumeRoleResult>"
        b"</AssumeRoleResponse>",
        [("content-type", "text/xml")],
    )
    with scripted_server(sts, refused, refused, refused) as server, lake_formation_on(server.url) as port:
        refusing = replace(harness, integrations=Integrations(lake_formation=port))
        job = await run(refusing, await revision_on(harness), Table=policy("k", "v"))
    (error,) = job.errors
    assert (job.state, error.code) == (JobState.ERROR, expected)
    assert f"GetLFTag ({code}: as scripted)" in error.message


async def test_neither_databases_nor_tables_is_nothing_to_share(harness: Harness) -> None:
    with pytest.raises(ValidationFailed, match="Neither Database nor Table"):
        await harness.check(KIND, details(await revision_on(harness)))


@pytest.mark.parametrize("member", ["Database", "Table"])
async def test_an_expression_without_tags_or_values_is_refused(harness: Harness, member: str) -> None:
    revision = await revision_on(harness)
    for wrong in (
        {"Expression": [], "Permissions": ["DESCRIBE"]},
        {"Expression": [{"TagKey": "k", "TagValues": []}], "Permissions": ["DESCRIBE"]},
        {"Expression": [{"TagKey": "k", "TagValues": ["v"]}] * 2, "Permissions": ["DESCRIBE"]},
        {"Expression": [{"TagKey": "k", "TagValues": ["v"]}], "Permissions": []},
    ):
        with pytest.raises(ValidationFailed, match=member):
            await harness.check(KIND, details(revision, **{member: wrong}))


async def test_anothers_catalogue_or_role_is_denied(harness: Harness) -> None:
    revision, other = await revision_on(harness), "999988887777"
    with pytest.raises(AccessDenied, match="CatalogId"):
        await harness.check(KIND, details(revision, other, Table=policy("k", "v")))
    role = f"arn:aws:iam::{other}:role/exchange"
    with pytest.raises(AccessDenied, match="RoleArn"):
        await harness.check(KIND, details(revision, Table=policy("k", "v"), RoleArn=role))
