"""IMPORT_ASSETS_FROM_REDSHIFT_DATA_SHARES: which datashares become assets, and for whom."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import pytest
from tests.jobs.harness import OTHER_SCOPE, SCOPE, Harness, now

from entrepot.database import datashares
from entrepot.domain.data_set import AssetType
from entrepot.domain.datashare import DatabaseLogin, DatashareArn, PostgresqlShare, namespace_of
from entrepot.domain.errors import IntegrationRefused, IntegrationUnavailable, ShareGone, ValidationFailed
from entrepot.domain.job import Job, JobState, JobType
from entrepot.domain.revision import Revision
from entrepot.domain.scope import Scope
from entrepot.domain.timestamp import Timestamp
from entrepot.integrations.protocols import Integrations
from entrepot.model import shapes

TYPE = JobType.IMPORT_ASSETS_FROM_REDSHIFT_DATA_SHARES
NAMESPACE = "86b5169f-01dc-4a6f-9fbb-e2e24359e9a8"


def redshift_arn(name: str, owner: Scope = SCOPE) -> str:
    return str(DatashareArn(owner, NAMESPACE, name))


def postgresql_arn(name: str, owner: Scope = SCOPE) -> str:
    return str(DatashareArn(owner, namespace_of(owner, b"k" * 32), name))


@dataclass
class Services:
    """Redshift and databases that answer as a test says."""

    problems: dict[str, Exception] = field(default_factory=dict)
    """By the names of shares."""
    asked: list[str] = field(default_factory=list)

    async def require_shareable(self, share: DatashareArn, owner: Scope) -> None:
        self._ask(share.name)

    async def authorize(self, share: DatashareArn, consumer_id: str) -> None:
        raise NotImplementedError

    async def deauthorize(self, share: DatashareArn, consumer_id: str) -> None:
        raise NotImplementedError

    async def check(self, share: PostgresqlShare) -> None:
        self._ask(share.name)

    async def give(self, share: PostgresqlShare, role: str) -> None:
        raise NotImplementedError

    async def withdraw(self, share: PostgresqlShare, role: str) -> None:
        raise NotImplementedError

    async def let_in(
        self, share: PostgresqlShare, role: str, password: str, expires_at: Timestamp | None
    ) -> DatabaseLogin:
        raise NotImplementedError

    def _ask(self, name: str) -> None:
        self.asked.append(name)
        if name in self.problems:
            raise self.problems[name]


@pytest.fixture
def services() -> Services:
    return Services()


@pytest.fixture
def connected(harness: Harness, services: Services) -> Harness:
    return replace(harness, integrations=Integrations(redshift=services, postgresql=services))


async def revision_for_shares(harness: Harness, scope: Scope = SCOPE) -> Revision:
    return await harness.revision(await harness.data_set(AssetType.REDSHIFT_DATA_SHARE, scope))


def details(revision: Revision, arns: Sequence[str]) -> dict[str, object]:
    return {
        "ImportAssetsFromRedshiftDataShares": {
            "AssetSources": [{"DataShareArn": arn} for arn in arns],
            "DataSetId": revision.data_set_id,
            "RevisionId": revision.id,
        }
    }


async def imported(harness: Harness, revision: Revision, *arns: str, scope: Scope = SCOPE) -> Job:
    return await harness.finish(await harness.create(TYPE, details(revision, arns), scope=scope))


async def register(harness: Harness, name: str, owner: Scope = SCOPE) -> None:
    share = PostgresqlShare(postgresql_arn(name, owner), owner, name, "sealed", "sales", now())
    await datashares.insert(harness.database, share)


async def test_each_share_becomes_an_asset_of_its_name(connected: Harness, services: Services) -> None:
    await register(connected, 'sales "2024"')
    revision = await revision_for_shares(connected)
    arns = [redshift_arn("warehouse"), postgresql_arn('sales "2024"')]
    job = await imported(connected, revision, *arns)
    assert (job.state, job.errors) == (JobState.COMPLETED, ())
    made = {asset.name: asset for asset in await connected.assets(revision)}
    assert sorted(made) == ['sales "2024"', "warehouse"]
    assert services.asked == ["warehouse", 'sales "2024"']
    for arn in arns:
        asset = made[DatashareArn.parse(arn, "Arn").name]
        assert asset.asset_type is AssetType.REDSHIFT_DATA_SHARE
        assert asset.details_json is not None
        live = shapes.decode(asset.details_json, shapes.AssetDetails).redshift_data_share_asset
        assert live == shapes.RedshiftDataShareAsset(arn=arn)


@pytest.mark.parametrize(
    "arn",
    [
        "",
        "sales",
        f"arn:aws:redshift:us-east-1:123456789012:datashare:{NAMESPACE}/",
        "arn:aws:redshift:us-east-1:123456789012:datashare:sales",
        f"arn:aws:redshift:us-east-1:12345:datashare:{NAMESPACE}/sales",
        f"arn:aws:redshift:us-east-1:123456789012:datashare:{NAMESPACE}/sa\nles",
        f"arn:aws:redshift:us-east-1:123456789012:datashare:{NAMESPACE}/{'x' * 128}",
        f"arn:aws:s3:us-east-1:123456789012:datashare:{NAMESPACE}/sales",
        redshift_arn("sales", Scope("123456789012", "eu-west-1")),
    ],
)
async def test_what_is_no_datashare_of_the_region_is_refused(harness: Harness, arn: str) -> None:
    revision = await revision_for_shares(harness)
    with pytest.raises(ValidationFailed, match="atashare"):
        await harness.check(TYPE, details(revision, [arn]))


async def test_a_job_takes_one_to_ten_shares_each_once(harness: Harness) -> None:
    revision = await revision_for_shares(harness)
    many = [redshift_arn(f"share-{number}") for number in range(11)]
    await harness.check(TYPE, details(revision, many[:10]))
    for wrong in ([], many, [many[0], many[0]]):
        with pytest.raises(ValidationFailed):
            await harness.check(TYPE, details(revision, wrong))


async def test_a_data_set_of_files_takes_no_shares(harness: Harness) -> None:
    with pytest.raises(ValidationFailed, match="REDSHIFT_DATA_SHARE"):
        await harness.check(TYPE, details(await harness.revision(), [redshift_arn("sales")]))


async def test_a_revision_takes_twenty_shares(connected: Harness) -> None:
    revision = await revision_for_shares(connected)
    names = [f"share-{number}" for number in range(21)]
    for start in (0, 10):
        await imported(connected, revision, *(redshift_arn(name) for name in names[start : start + 10]))
    job = await imported(connected, revision, redshift_arn(names[20]))
    assert [error.code for error in job.errors] == ["SERVICE_QUOTA_EXCEEDED_EXCEPTION"]
    assert job.errors[0].limit_name == "Amazon Redshift datashare assets per revision"
    assert len(await connected.assets(revision)) == 20


async def test_without_redshift_the_error_names_the_setting_and_the_other_way(harness: Harness) -> None:
    revision = await revision_for_shares(harness)
    job = await imported(harness, revision, redshift_arn("sales"))
    (error,) = job.errors
    assert (job.state, error.code) == (JobState.ERROR, "VALIDATION_EXCEPTION")
    assert "ENTREPOT_REDSHIFT_ENDPOINT_URL" in error.message
    assert "entrepot datashare add" in error.message
    assert await harness.assets(revision) == []


async def test_another_accounts_share_is_as_if_it_did_not_exist(
    connected: Harness, services: Services
) -> None:
    await register(connected, "sales", SCOPE)
    revision = await revision_for_shares(connected, OTHER_SCOPE)
    there = await imported(connected, revision, postgresql_arn("sales", SCOPE), scope=OTHER_SCOPE)
    nowhere = await imported(connected, revision, postgresql_arn("other", SCOPE), scope=OTHER_SCOPE)
    for job in (there, nowhere):
        assert [error.code for error in job.errors] == ["RESOURCE_NOT_FOUND_EXCEPTION"]
    assert there.errors[0].message.replace("sales", "other") == nowhere.errors[0].message
    assert services.asked == []


async def test_all_shares_that_cannot_be_shared_are_named(connected: Harness, services: Services) -> None:
    services.problems = {
        "gone": ShareGone("gone is gone"),
        "denied": IntegrationRefused("denied is denied", denied=True),
        "away": IntegrationUnavailable("away is away"),
    }
    revision = await revision_for_shares(connected)
    names = ("gone", "fine", "denied", "away")
    job = await imported(connected, revision, *(redshift_arn(name) for name in names))
    assert [(error.code, error.message) for error in job.errors] == [
        ("RESOURCE_NOT_FOUND_EXCEPTION", "gone is gone"),
        ("ACCESS_DENIED_EXCEPTION", "denied is denied"),
        ("INTERNAL_SERVER_EXCEPTION", "away is away"),
    ]
    assert await connected.assets(revision) == []
