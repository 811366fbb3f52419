"""CREATE_S3_DATA_ACCESS_FROM_S3_BUCKET: what is refused at once, what is looked at, what becomes of it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from tests.jobs.harness import SCOPE, Harness, Interrupted, interrupt_at, opened
from tests.jobs.s3_buckets import S3Buckets
from tests.servers.both_databases import on_both_databases

from entrepot.domain.asset import Asset
from entrepot.domain.data_set import AssetType
from entrepot.domain.errors import (
    IntegrationRefused,
    IntegrationUnavailable,
    StoreAccessDenied,
    ValidationFailed,
)
from entrepot.domain.identifiers import derived_asset_id
from entrepot.domain.job import Job, JobErrorCode, JobState, JobType
from entrepot.domain.kms import DecryptGrant, KmsKey
from entrepot.domain.revision import Revision
from entrepot.integrations.protocols import Integrations
from entrepot.jobs.crash_points import CrashPoint
from entrepot.model import shapes
from entrepot.stores.store import ObjectStore
from entrepot.transfer.user_buckets import Access

KIND = JobType.CREATE_S3_DATA_ACCESS_FROM_S3_BUCKET
KMS_KEY = f"arn:aws:kms:us-east-1:{SCOPE.account_id}:key/11112222-3333-4444-5555-666677778888"


def details(revision: Revision, **source: object) -> dict[str, object]:
    named = {"Bucket": "source", **source}
    parents = {"DataSetId": revision.data_set_id, "RevisionId": revision.id}
    return {"CreateS3DataAccessFromS3Bucket": {"AssetSource": named, **parents}}


async def revision_on(harness: Harness) -> Revision:
    return await harness.revision(await harness.data_set(AssetType.S3_DATA_ACCESS))


async def run(harness: Harness, revision: Revision, **source: object) -> Job:
    return await harness.finish(await harness.create(KIND, details(revision, **source)))


async def the_asset(harness: Harness, revision: Revision) -> tuple[Asset, shapes.S3DataAccessAsset]:
    (asset,) = await harness.assets(revision)
    assert asset.details_json is not None
    access = shapes.decode(asset.details_json, shapes.AssetDetails).s3_data_access_asset
    assert access is not None
    return asset, access


@on_both_databases
async def test_the_asset_says_what_is_shared_and_keeps_nothing(harness: Harness) -> None:
    harness.put("source", {"prices/eur.csv": b"1", "catalog.csv": b"2"})
    revision = await revision_on(harness)
    job = await run(harness, revision, KeyPrefixes=["prices/"], Keys=["catalog.csv"])
    assert (job.state, job.errors) == (JobState.COMPLETED, ())
    asset, access = await the_asset(harness, revision)
    assert asset.id == derived_asset_id(job.id, 0)
    assert asset.name == f"s3-data-access-{asset.id}"
    assert (asset.asset_type, asset.size_bytes, asset.store_key) == (AssetType.S3_DATA_ACCESS, 0, "")
    assert (access.bucket, access.key_prefixes, access.keys) == ("source", ["prices/"], ["catalog.csv"])
    assert access.s3_access_point_alias is None, "each viewer has one of its own"
    assert harness.stored_keys() == set()
    assert await harness.nothing_is_left_of(job)


async def test_a_job_that_runs_twice_makes_the_asset_once(harness: Harness) -> None:
    harness.put("source", {"a": b"1"})
    revision = await revision_on(harness)
    job = await harness.create(KIND, details(revision))
    run_id = await harness.start(job)
    with pytest.raises(Interrupted):
        await harness.runner(at=interrupt_at(CrashPoint.BEFORE_FINISH)).run(run_id)
    assert await harness.assets(revision) == []
    await harness.runner().run(run_id)
    asset, _ = await the_asset(harness, revision)
    assert asset.id == derived_asset_id(job.id, 0)


async def test_without_places_it_is_the_whole_bucket(harness: Harness) -> None:
    harness.bucket("source")
    revision = await revision_on(harness)
    assert (await run(harness, revision)).state is JobState.COMPLETED
    _, access = await the_asset(harness, revision)
    assert (access.key_prefixes, access.keys) == (None, None)


async def test_a_prefix_may_still_be_empty(harness: Harness) -> None:
    harness.bucket("source")
    assert (
        await run(harness, await revision_on(harness), KeyPrefixes=["later/"])
    ).state is JobState.COMPLETED


async def test_every_key_that_is_missing_is_named_in_one_error(harness: Harness) -> None:
    harness.put("source", {"here": b"1"})
    revision = await revision_on(harness)
    job = await run(harness, revision, Keys=["here", "gone", "lost/too"])
    (error,) = job.errors
    assert (job.state, error.code) == (JobState.ERROR, JobErrorCode.RESOURCE_NOT_FOUND_EXCEPTION)
    assert "gone" in error.message and "lost/too" in error.message
    assert await harness.assets(revision) == []


async def test_a_bucket_that_is_not_there_is_named(harness: Harness) -> None:
    job = await run(harness, await revision_on(harness), Bucket="no-such", KeyPrefixes=["a/", "b/"])
    (error,) = job.errors
    assert (job.state, error.code) == (JobState.ERROR, JobErrorCode.RESOURCE_NOT_FOUND_EXCEPTION)
    assert error.message.count("no-such") == 1


@dataclass(frozen=True)
class _Denying:
    """Allows the keys that begin with one prefix."""

    harness: Harness
    prefix: str

    async def of_account(self, account_id: str) -> _Denying:
        return self

    def open(self, bucket: str, key: str, access: Access) -> ObjectStore:
        if not key.startswith(self.prefix) or access is not Access.READ:
            raise StoreAccessDenied(f"may not {access.value} {key}", bucket=bucket, key=key)
        return self.harness.bucket(bucket)


@pytest.mark.parametrize(
    "source", [{"KeyPrefixes": ["mine/", "theirs/"]}, {"Keys": ["mine/a", "theirs/b"]}, {}]
)
async def test_nobody_shares_what_he_may_not_read(harness: Harness, source: dict[str, object]) -> None:
    harness.put("source", {"mine/a": b"1", "theirs/b": b"2"})
    limited = replace(harness, buckets=_Denying(harness, "mine/"))
    job = await run(limited, await revision_on(harness), **source)
    assert (job.state, job.errors[0].code) == (JobState.ERROR, JobErrorCode.ACCESS_DENIED_EXCEPTION)


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ({"Bucket": ""}, "name the bucket"),
        ({"Keys": ["a", "b", "c"], "KeyPrefixes": ["d", "e", "f"]}, "6 entries together"),
        ({"Keys": ["a", "a"]}, "Keys names 'a' more than once"),
        ({"KeyPrefixes": ["a/", "a/"]}, "KeyPrefixes names 'a/' more than once"),
        ({"Keys": [""]}, "is empty"),
        ({"KeyPrefixes": [""]}, "to share the whole bucket, name none"),
        ({"Keys": ["ü" * 513]}, "1026 bytes"),
        ({"KeyPrefixes": ["ü" * 513]}, "1026 bytes"),
        ({"Keys": ["a/../b"]}, "cannot be shared"),
        ({"KeyPrefixes": ["./"]}, "cannot be shared"),
        ({"KmsKeysToGrant": [{"KmsKeyArn": KMS_KEY.replace("key/", "alias/")}]}, "an alias is none"),
        ({"KmsKeysToGrant": [{"KmsKeyArn": KMS_KEY.replace("1234", "4321")}]}, "your own account"),
        ({"KmsKeysToGrant": [{"KmsKeyArn": KMS_KEY}] * 2}, "more than once"),
    ],
)  # fmt: skip
async def test_what_makes_no_sense_is_refused_at_once(
    harness: Harness, source: dict[str, object], words: str
) -> None:
    with pytest.raises(ValidationFailed, match=words):
        await harness.check(KIND, details(await revision_on(harness), **source))


# Keys of KMS


@dataclass
class _KeyManagement:
    """Says of every key what it is told to."""

    problem: Exception | None = None
    asked: list[str] = field(default_factory=list)

    async def require_usable(self, key: KmsKey) -> None:
        self.asked.append(key.arn)
        if self.problem is not None:
            raise self.problem

    async def grant(self, grant: DecryptGrant) -> str:
        raise AssertionError(grant)

    async def retire(self, key: KmsKey, grant_id: str) -> None:
        raise AssertionError(grant_id)

    async def find(self, grant: DecryptGrant) -> str | None:
        raise AssertionError(grant)


async def test_keys_that_can_be_granted_are_kept_with_the_asset(harness: Harness) -> None:
    harness.bucket("source")
    kms, revision = _KeyManagement(), await revision_on(harness)
    connected = replace(harness, integrations=Integrations(key_management=kms))
    job = await run(connected, revision, KmsKeysToGrant=[{"KmsKeyArn": KMS_KEY}])
    assert job.state is JobState.COMPLETED
    _, access = await the_asset(harness, revision)
    assert access.kms_keys_to_grant == [shapes.KmsKeyToGrant(kms_key_arn=KMS_KEY)]
    assert kms.asked == [KMS_KEY]


@pytest.mark.parametrize(
    ("problem", "code"),
    [
        (IntegrationRefused("The key is disabled."), JobErrorCode.VALIDATION_EXCEPTION),
        (IntegrationRefused("You may not.", denied=True), JobErrorCode.ACCESS_DENIED_EXCEPTION),
        (IntegrationUnavailable("KMS is down."), JobErrorCode.INTERNAL_SERVER_EXCEPTION),
    ],
)
async def test_a_key_that_cannot_be_granted_ends_the_job(
    harness: Harness, problem: Exception, code: JobErrorCode
) -> None:
    harness.bucket("source")
    connected = replace(harness, integrations=Integrations(key_management=_KeyManagement(problem)))
    job = await run(connected, await revision_on(harness), KmsKeysToGrant=[{"KmsKeyArn": KMS_KEY}])
    assert (job.state, job.errors[0].code, job.errors[0].message) == (JobState.ERROR, code, str(problem))


async def test_without_kms_the_setting_is_named(harness: Harness) -> None:
    harness.bucket("source")
    revision = await revision_on(harness)
    job = await run(harness, revision, KmsKeysToGrant=[{"KmsKeyArn": KMS_KEY}])
    (error,) = job.errors
    assert (job.state, error.code) == (JobState.ERROR, JobErrorCode.VALIDATION_EXCEPTION)
    assert "ENTREPOT_KMS_ENDPOINT_URL" in error.message
    assert await harness.assets(revision) == []


# On a real S3 server


@pytest.mark.seaweedfs
async def test_a_real_s3_server_is_asked_the_same(
    s3_buckets: S3Buckets, tmp_path: Path, template: Path
) -> None:
    async with opened(tmp_path, template=template, buckets=s3_buckets) as harness:
        for key in ("prices/a", "one"):
            s3_buckets("source").put(key, memoryview(b"x"), 1)
        good = await run(harness, await revision_on(harness), KeyPrefixes=["prices/", "none/"], Keys=["one"])
        assert (good.state, good.errors) == (JobState.COMPLETED, ())
        missing = await run(harness, await revision_on(harness), Keys=["one", "two", "three"])
        (error,) = missing.errors
        assert error.code is JobErrorCode.RESOURCE_NOT_FOUND_EXCEPTION
        assert "two" in error.message and "three" in error.message
        nowhere = await run(harness, await revision_on(harness), Bucket="no-such-bucket")
        assert nowhere.errors[0].code is JobErrorCode.RESOURCE_NOT_FOUND_EXCEPTION
