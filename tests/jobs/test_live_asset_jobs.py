"""What the four job types that make live assets have in common: what they refuse, and where they end."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest
from tests.grants import an_accepted_grant
from tests.jobs.harness import OTHER_SCOPE, SCOPE, Harness, now

from entrepot.database import data_grants, data_sets, revisions
from entrepot.domain.data_grant import MaskedKind
from entrepot.domain.data_set import AssetType
from entrepot.domain.errors import AccessDenied, Conflict, ResourceNotFound, ResourceType, ValidationFailed
from entrepot.domain.job import JobErrorCode, JobState, JobType
from entrepot.domain.revision import Revision
from entrepot.model import shapes

Details = dict[str, object]
UNKNOWN = "f" * 32
NAMESPACE = "86b5169f-01dc-4a6f-9fbb-e2e24359e9a8"
TAG = {"TagKey": "env", "TagValues": ["prod"]}


@dataclass(frozen=True)
class Kind:
    """One of the job types: what it makes, and a request that is good."""

    job_type: JobType
    asset_type: AssetType
    member: str
    good: Details

    def details(self, revision: Revision, **changes: object) -> Details:
        parents = {"DataSetId": revision.data_set_id, "RevisionId": revision.id}
        return {self.member: {**self.good, **parents, **changes}}


def datashare(name: str = "sales") -> Details:
    arn = f"arn:aws:redshift:us-east-1:{SCOPE.account_id}:datashare:{NAMESPACE}/{name}"
    return {"DataShareArn": arn}


REDSHIFT = Kind(
    JobType.IMPORT_ASSETS_FROM_REDSHIFT_DATA_SHARES,
    AssetType.REDSHIFT_DATA_SHARE,
    "ImportAssetsFromRedshiftDataShares",
    {"AssetSources": [datashare()]},
)
API = Kind(
    JobType.IMPORT_ASSET_FROM_API_GATEWAY_API,
    AssetType.API_GATEWAY_API,
    "ImportAssetFromApiGatewayApi",
    {
        "ApiId": "abcdef1234",
        "ApiName": "weather",
        "ApiSpecificationMd5Hash": "1B2M2Y8AsgTpgAmY7PhCfg==",
        "ProtocolType": "REST",
        "Stage": "prod",
    },
)
S3 = Kind(
    JobType.CREATE_S3_DATA_ACCESS_FROM_S3_BUCKET,
    AssetType.S3_DATA_ACCESS,
    "CreateS3DataAccessFromS3Bucket",
    {"AssetSource": {"Bucket": "source", "KeyPrefixes": ["prices/"]}},
)
LAKE = Kind(
    JobType.IMPORT_ASSETS_FROM_LAKE_FORMATION_TAG_POLICY,
    AssetType.LAKE_FORMATION_DATA_PERMISSION,
    "ImportAssetsFromLakeFormationTagPolicy",
    {
        "CatalogId": SCOPE.account_id,
        "RoleArn": f"arn:aws:iam::{SCOPE.account_id}:role/exchange",
        "Table": {"Expression": [TAG], "Permissions": ["DESCRIBE"]},
    },
)
KINDS = (REDSHIFT, API, S3, LAKE)
each_kind = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.member)


async def open_revision(harness: Harness, asset_type: AssetType) -> Revision:
    return await harness.revision(await harness.data_set(asset_type))


@each_kind
async def test_details_echo_the_request(harness: Harness, kind: Kind) -> None:
    revision = await open_revision(harness, kind.asset_type)
    asked = kind.details(revision)
    _, checked = await harness.check(kind.job_type, asked)
    echoed = shapes.convert(asked, shapes.ResponseDetails) if kind is not API else checked.details
    assert checked.details == echoed
    assert (checked.data_set_id, checked.revision_ids) == (revision.data_set_id, (revision.id,))


@each_kind
async def test_what_belongs_to_another_account_does_not_exist(harness: Harness, kind: Kind) -> None:
    revision = await open_revision(harness, kind.asset_type)
    with pytest.raises(ResourceNotFound) as caught:
        await harness.check(kind.job_type, kind.details(revision), OTHER_SCOPE)
    assert caught.value.resource_id == revision.data_set_id


@each_kind
async def test_an_entitled_data_set_takes_no_assets(harness: Harness, kind: Kind) -> None:
    source = await open_revision(harness, kind.asset_type)
    await harness.finalized(source)
    moment = now()
    grant = an_accepted_grant(
        moment,
        scope=SCOPE,
        receiver_id=OTHER_SCOPE.account_id,
        source_data_set_id=source.data_set_id,
        asset_type=kind.asset_type,
    )
    await data_grants.insert(harness.database, grant)
    entitled = {
        "DataSetId": grant.data_set_id,
        "RevisionId": grant.masked(MaskedKind.REVISION, source.id),
    }
    with pytest.raises(AccessDenied, match="read-only"):
        await harness.check(kind.job_type, kind.details(source, **entitled), OTHER_SCOPE)


@each_kind
async def test_an_unknown_data_set_or_revision_is_not_found(harness: Harness, kind: Kind) -> None:
    revision = await open_revision(harness, kind.asset_type)
    for member, resource_type in (
        ("DataSetId", ResourceType.DATA_SET),
        ("RevisionId", ResourceType.REVISION),
    ):
        with pytest.raises(ResourceNotFound) as caught:
            await harness.check(kind.job_type, kind.details(revision, **{member: UNKNOWN}))
        assert (caught.value.resource_id, caught.value.resource_type) == (UNKNOWN, resource_type)


@each_kind
async def test_a_data_set_of_another_type_is_refused(harness: Harness, kind: Kind) -> None:
    for other in set(AssetType) - {kind.asset_type}:
        revision = await open_revision(harness, other)
        with pytest.raises(ValidationFailed, match=kind.asset_type):
            await harness.check(kind.job_type, kind.details(revision))


@each_kind
@pytest.mark.parametrize("revoked", [False, True])
async def test_a_closed_revision_is_a_conflict(harness: Harness, kind: Kind, *, revoked: bool) -> None:
    revision = await harness.finalized(await open_revision(harness, kind.asset_type))
    if revoked:
        ended = replace(revision, revocation_comment="shared by mistake", revoked_at=now())
        await revisions.save(harness.database, ended)
    with pytest.raises(Conflict) as caught:
        await harness.check(kind.job_type, kind.details(revision))
    assert caught.value.resource_id == revision.id


@each_kind
async def test_details_of_another_type_are_refused(harness: Harness, kind: Kind) -> None:
    other = KINDS[KINDS.index(kind) - 1]
    revision = await open_revision(harness, kind.asset_type)
    with pytest.raises(ValidationFailed, match=f"A job of type {kind.job_type} needs Details"):
        await harness.check(kind.job_type, other.details(revision))


@pytest.mark.parametrize(
    ("kind", "changes"),
    [
        (REDSHIFT, {"AssetSources": [datashare(f"share{number}") for number in range(11)]}),
        (REDSHIFT, {"AssetSources": []}),
        (S3, {"AssetSource": {"Bucket": "source", "Keys": [f"k{number}" for number in range(6)]}}),
        (S3, {"AssetSource": {"Bucket": "source", "KeyPrefixes": [f"p{number}/" for number in range(6)]}}),
        (
            S3,
            {"AssetSource": {"Bucket": "source", "Keys": ["a", "b", "c"], "KeyPrefixes": ["d/", "e/", "f/"]}},
        ),
        (LAKE, {"Table": {"Expression": [], "Permissions": ["DESCRIBE"]}}),
        (
            LAKE,
            {
                "Table": {
                    "Expression": [{"TagKey": f"k{n}", "TagValues": ["v"]} for n in range(51)],
                    "Permissions": ["DESCRIBE"],
                }
            },
        ),
    ],
)
async def test_a_list_that_is_too_long_or_empty_is_refused(
    harness: Harness, kind: Kind, changes: Details
) -> None:
    revision = await open_revision(harness, kind.asset_type)
    with pytest.raises(ValidationFailed):
        await harness.check(kind.job_type, kind.details(revision, **changes))


@pytest.mark.parametrize(
    ("kind", "changes", "setting"),
    [
        (REDSHIFT, {}, "ENTREPOT_REDSHIFT_ENDPOINT_URL"),
        (LAKE, {}, "ENTREPOT_LAKE_FORMATION_ENDPOINT_URL"),
        (
            S3,
            {
                "AssetSource": {
                    "Bucket": "source",
                    "KeyPrefixes": ["prices/"],
                    "KmsKeysToGrant": [
                        {"KmsKeyArn": f"arn:aws:kms:us-east-1:{SCOPE.account_id}:key/{NAMESPACE}"}
                    ],
                }
            },
            "ENTREPOT_KMS_ENDPOINT_URL",
        ),
    ],
    ids=["Redshift", "LakeFormation", "KMS"],
)
async def test_where_the_service_is_not_configured_the_job_fails_and_names_the_setting(
    harness: Harness, kind: Kind, changes: Details, setting: str
) -> None:
    harness.put("source", {"prices/today.csv": b"1"})
    revision = await open_revision(harness, kind.asset_type)
    job = await harness.finish(await harness.create(kind.job_type, kind.details(revision, **changes)))
    (error,) = job.errors
    assert (job.state, error.code) == (JobState.ERROR, JobErrorCode.VALIDATION_EXCEPTION)
    assert setting in error.message
    assert await harness.assets(revision) == [], "it does not pretend"


@each_kind
async def test_a_data_set_that_is_deleted_meanwhile_ends_the_job(harness: Harness, kind: Kind) -> None:
    revision = await open_revision(harness, kind.asset_type)
    job = await harness.create(kind.job_type, kind.details(revision))
    await revisions.delete(harness.database, SCOPE, revision.data_set_id, revision.id)
    await data_sets.delete(harness.database, SCOPE, revision.data_set_id)
    ended = await harness.finish(job)
    assert ended.state is JobState.ERROR
    assert ended.errors[0].code is JobErrorCode.RESOURCE_NOT_FOUND_EXCEPTION
