from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import pytest
import pytest_asyncio
from tests.jobs.harness import OTHER_SCOPE, SCOPE, Harness, import_details, imported, now

from entrepot.database import revisions
from entrepot.domain.asset import Asset
from entrepot.domain.data_set import AssetType
from entrepot.domain.errors import Conflict, ResourceNotFound, ResourceType, ValidationFailed
from entrepot.domain.identifiers import upload_store_key
from entrepot.domain.job import JobType
from entrepot.domain.revision import Revision
from entrepot.domain.timestamp import Timestamp
from entrepot.jobs.definition import Checked, Creation
from entrepot.jobs.registry import DEFINITIONS
from entrepot.model import shapes

MD5 = "1B2M2Y8AsgTpgAmY7PhCfg=="
UNKNOWN = "f" * 32
Details = dict[str, object]


@dataclass(frozen=True)
class Subject:
    """An open revision with two assets, and requests about it that are good."""

    harness: Harness
    revision: Revision
    assets: list[Asset]

    def details(self, job_type: JobType, **changes: object) -> Details:
        parents = {"DataSetId": self.revision.data_set_id, "RevisionId": self.revision.id}
        members: dict[JobType, tuple[str, Details]] = {
            JobType.IMPORT_ASSETS_FROM_S3: (
                "ImportAssetsFromS3",
                {**parents, "AssetSources": [{"Bucket": "source", "Key": "a"}]},
            ),
            JobType.IMPORT_ASSET_FROM_SIGNED_URL: (
                "ImportAssetFromSignedUrl",
                {**parents, "AssetName": "a", "Md5Hash": MD5},
            ),
            JobType.EXPORT_ASSETS_TO_S3: (
                "ExportAssetsToS3",
                {**parents, "AssetDestinations": [{"AssetId": self.assets[0].id, "Bucket": "b"}]},
            ),
            JobType.EXPORT_ASSET_TO_SIGNED_URL: (
                "ExportAssetToSignedUrl",
                {**parents, "AssetId": self.assets[0].id},
            ),
            JobType.EXPORT_REVISIONS_TO_S3: (
                "ExportRevisionsToS3",
                {
                    "DataSetId": self.revision.data_set_id,
                    "RevisionDestinations": [{"RevisionId": self.revision.id, "Bucket": "b"}],
                },
            ),
        }
        name, good = members[job_type]
        return {name: {**good, **changes}}

    async def check(self, job_type: JobType, **changes: object) -> Checked:
        return (await self.harness.check(job_type, self.details(job_type, **changes)))[1]

    async def export_to(self, *destinations: Details, **changes: object) -> Checked:
        return await self.check(JobType.EXPORT_ASSETS_TO_S3, AssetDestinations=list(destinations), **changes)

    async def export_by(self, **destination: object) -> Checked:
        entry = {"RevisionId": self.revision.id, "Bucket": "b", **destination}
        return await self.check(JobType.EXPORT_REVISIONS_TO_S3, RevisionDestinations=[entry])


@pytest_asyncio.fixture
async def subject(harness: Harness) -> Subject:
    revision = await harness.revision()
    return Subject(harness, revision, await imported(harness, revision, {"a": b"a", "folder/b": b"b"}))


IMPORTS = [JobType.IMPORT_ASSETS_FROM_S3, JobType.IMPORT_ASSET_FROM_SIGNED_URL]
EXPORTS_WITH_REVISION_ID = [JobType.EXPORT_ASSETS_TO_S3, JobType.EXPORT_ASSET_TO_SIGNED_URL]
EXPORTS = [*EXPORTS_WITH_REVISION_ID, JobType.EXPORT_REVISIONS_TO_S3]
ALL = [*IMPORTS, *EXPORTS]
each_type = pytest.mark.parametrize("job_type", ALL)


def test_all_nine_job_types_are_defined_under_their_own_name() -> None:
    assert set(DEFINITIONS) == set(JobType)
    assert all(definition.type is job_type for job_type, definition in DEFINITIONS.items())


@each_type
async def test_details_echo_the_request(subject: Subject, job_type: JobType) -> None:
    checked = await subject.check(job_type)
    echo = shapes.encode(checked.details)
    asked = shapes.encode(shapes.convert(subject.details(job_type), shapes.RequestDetails))
    if job_type is JobType.IMPORT_ASSET_FROM_SIGNED_URL:
        assert checked.details.import_asset_from_signed_url is not None
        assert echo.startswith(asked[:-2].rpartition(b',"RevisionId"')[0])
    else:
        assert echo == asked
    assert (checked.data_set_id, checked.revision_ids) == (
        subject.revision.data_set_id,
        (subject.revision.id,),
    )


@each_type
async def test_an_unknown_data_set_is_not_found(subject: Subject, job_type: JobType) -> None:
    with pytest.raises(ResourceNotFound) as error:
        await subject.check(job_type, DataSetId=UNKNOWN)
    assert (error.value.resource_id, error.value.resource_type) == (UNKNOWN, ResourceType.DATA_SET)


@pytest.mark.parametrize("job_type", [*IMPORTS, *EXPORTS_WITH_REVISION_ID])
async def test_an_unknown_revision_is_not_found(subject: Subject, job_type: JobType) -> None:
    with pytest.raises(ResourceNotFound) as error:
        await subject.check(job_type, RevisionId=UNKNOWN)
    assert (error.value.resource_id, error.value.resource_type) == (UNKNOWN, ResourceType.REVISION)


async def test_an_unknown_revision_to_export_is_not_found(subject: Subject) -> None:
    with pytest.raises(ResourceNotFound) as error:
        await subject.export_by(RevisionId=UNKNOWN)
    assert (error.value.resource_id, error.value.resource_type) == (UNKNOWN, ResourceType.REVISION)


@pytest.mark.parametrize("job_type", [*IMPORTS, *EXPORTS_WITH_REVISION_ID])
async def test_a_revision_of_another_data_set_is_not_found(subject: Subject, job_type: JobType) -> None:
    other = await subject.harness.revision()
    with pytest.raises(ResourceNotFound):
        await subject.check(job_type, RevisionId=other.id)


@each_type
async def test_what_belongs_to_another_account_does_not_exist(subject: Subject, job_type: JobType) -> None:
    with pytest.raises(ResourceNotFound):
        await subject.harness.check(job_type, subject.details(job_type), OTHER_SCOPE)


async def test_an_unknown_asset_is_not_found(subject: Subject) -> None:
    for asking in (
        subject.export_to({"AssetId": UNKNOWN, "Bucket": "b"}),
        subject.check(JobType.EXPORT_ASSET_TO_SIGNED_URL, AssetId=UNKNOWN),
    ):
        with pytest.raises(ResourceNotFound) as error:
            await asking
        assert (error.value.resource_id, error.value.resource_type) == (UNKNOWN, ResourceType.ASSET)


@each_type
async def test_a_data_set_that_holds_no_files_is_refused(subject: Subject, job_type: JobType) -> None:
    data_set = await subject.harness.data_set(AssetType.API_GATEWAY_API)
    revision = await subject.harness.revision(data_set)
    other = replace(subject, revision=revision)
    with pytest.raises(ValidationFailed, match="API_GATEWAY_API"):
        await other.check(job_type)


async def _finalize(harness: Harness, revision: Revision) -> None:
    await harness.finalized(revision)


async def _revoke(harness: Harness, revision: Revision) -> None:
    await revisions.save(
        harness.database, replace(revision, finalized=True, revocation_comment="x" * 10, revoked_at=now())
    )


@pytest.mark.parametrize("close", [_finalize, _revoke])
@pytest.mark.parametrize("job_type", IMPORTS)
async def test_importing_into_a_closed_revision_is_a_conflict(
    subject: Subject, job_type: JobType, close: Callable[..., object]
) -> None:
    await close(subject.harness, subject.revision)  # type: ignore[misc]
    with pytest.raises(Conflict) as error:
        await subject.check(job_type)
    assert (error.value.resource_id, error.value.resource_type) == (
        subject.revision.id,
        ResourceType.REVISION,
    )


@pytest.mark.parametrize("close", [_finalize, _revoke])
@pytest.mark.parametrize("job_type", EXPORTS)
async def test_an_owner_may_export_whatever_state_the_revision_is_in(
    subject: Subject, job_type: JobType, close: Callable[..., object]
) -> None:
    await subject.check(job_type)
    await close(subject.harness, subject.revision)  # type: ignore[misc]
    await subject.check(job_type)


@pytest.mark.parametrize("count", [0, 101])
async def test_a_job_imports_1_to_100_objects(subject: Subject, count: int) -> None:
    details = import_details(subject.revision, "source", [f"k{number}" for number in range(count)])
    with pytest.raises(ValidationFailed, match=f"AssetSources has {count} entries"):
        await subject.harness.check(JobType.IMPORT_ASSETS_FROM_S3, details)


async def test_100_objects_and_the_same_object_twice_are_fine(subject: Subject) -> None:
    details = import_details(subject.revision, "source", ["same"] * 100)
    await subject.harness.check(JobType.IMPORT_ASSETS_FROM_S3, details)


@pytest.mark.parametrize(
    ("bucket", "key", "words"),
    [("", "k", "Bucket is empty"), ("b", "", "is empty"), ("b", "é" * 512 + "x", "1025 bytes long")],
)
async def test_a_source_that_cannot_exist_is_refused(
    subject: Subject, bucket: str, key: str, words: str
) -> None:
    with pytest.raises(ValidationFailed, match=words):
        await subject.harness.check(
            JobType.IMPORT_ASSETS_FROM_S3, import_details(subject.revision, bucket, [key])
        )
    with pytest.raises(ValidationFailed, match=words):
        await subject.export_to({"AssetId": subject.assets[0].id, "Bucket": bucket, "Key": key})


@pytest.mark.parametrize("count", [0, 101])
async def test_a_job_exports_1_to_100_assets(subject: Subject, count: int) -> None:
    entries: list[Details] = [
        {"AssetId": subject.assets[0].id, "Bucket": "b", "Key": f"k{number}"} for number in range(count)
    ]
    with pytest.raises(ValidationFailed, match=f"AssetDestinations has {count} entries"):
        await subject.export_to(*entries)


async def test_one_asset_may_go_to_several_places_but_no_two_to_one(subject: Subject) -> None:
    first, second = (asset.id for asset in subject.assets)
    await subject.export_to(
        {"AssetId": first, "Bucket": "b", "Key": "x"}, {"AssetId": first, "Bucket": "b", "Key": "y"}
    )
    for other in (first, second):
        with pytest.raises(ValidationFailed, match="the same key"):
            await subject.export_to(
                {"AssetId": first, "Bucket": "b", "Key": "x"},
                {"AssetId": other, "Bucket": "b", "Key": "x"},
            )


async def test_the_default_key_counts_when_places_are_compared(subject: Subject) -> None:
    first, second = (asset.id for asset in subject.assets)
    with pytest.raises(ValidationFailed, match="the same key"):
        await subject.export_to(
            {"AssetId": first, "Bucket": "b"}, {"AssetId": second, "Bucket": "b", "Key": "a"}
        )


async def test_a_key_that_was_left_out_stays_out_of_the_echo(subject: Subject) -> None:
    checked = await subject.export_to({"AssetId": subject.assets[0].id, "Bucket": "b"})
    assert checked.details.export_assets_to_s3 is not None
    assert [entry.key for entry in checked.details.export_assets_to_s3.asset_destinations] == [None]


@pytest.mark.parametrize("job_type", [JobType.EXPORT_ASSETS_TO_S3, JobType.EXPORT_REVISIONS_TO_S3])
@pytest.mark.parametrize(
    "encryption", [{"Type": "aws:kms"}, {"Type": "AES256", "KmsKeyArn": "arn:aws:kms:us-east-1:1:key/1"}]
)
async def test_a_kms_key_goes_with_aws_kms_alone(
    subject: Subject, job_type: JobType, encryption: Details
) -> None:
    with pytest.raises(ValidationFailed, match="KmsKeyArn"):
        await subject.check(job_type, Encryption=encryption)
    await subject.check(job_type, Encryption={"Type": "aws:kms", "KmsKeyArn": "arn:aws:kms:::key/1"})


@pytest.mark.parametrize("count", [0, 2])
async def test_a_job_exports_exactly_one_revision(subject: Subject, count: int) -> None:
    entry = {"RevisionId": subject.revision.id, "Bucket": "b"}
    with pytest.raises(ValidationFailed, match=f"RevisionDestinations has {count} entries"):
        await subject.check(JobType.EXPORT_REVISIONS_TO_S3, RevisionDestinations=[entry] * count)


@pytest.mark.parametrize("pattern", ["", "all.csv", "${Asset.Nam}", "${Asset.Id"])
async def test_a_wrong_key_pattern_is_refused(subject: Subject, pattern: str) -> None:
    with pytest.raises(ValidationFailed, match="key pattern"):
        await subject.export_by(KeyPattern=pattern)


async def test_exporting_to_a_bucket_without_a_name_is_refused(subject: Subject) -> None:
    with pytest.raises(ValidationFailed, match="Bucket is empty"):
        await subject.export_by(Bucket="")


async def test_exporting_a_revision_without_assets_is_refused(subject: Subject) -> None:
    empty = replace(subject, revision=await subject.harness.revision())
    with pytest.raises(ValidationFailed, match="no assets"):
        await empty.export_by()


async def test_an_upload_url_comes_with_the_job_and_lasts_an_hour(subject: Subject) -> None:
    details = subject.details(JobType.IMPORT_ASSET_FROM_SIGNED_URL)
    before = now()
    job_id, checked = await subject.harness.check(JobType.IMPORT_ASSET_FROM_SIGNED_URL, details)
    answer = checked.details.import_asset_from_signed_url
    assert answer is not None and answer.signed_url is not None and answer.signed_url_expires_at is not None
    assert before.plus_seconds(3600) <= answer.signed_url_expires_at <= now().plus_seconds(3600)
    path, _, query = answer.signed_url.removeprefix("http://127.0.0.1:8250").partition("?")
    verified = subject.harness.signed_urls.verify(
        "PUT", path, query.encode(), [(b"content-md5", MD5.encode())], Timestamp(before.milliseconds)
    )
    assert (verified.store_key, verified.content_md5) == (upload_store_key(job_id), MD5)


@pytest.mark.parametrize("md5", ["", "1B2M2Y8AsgTpgAmY7PhCfg", "1B2M2Y8AsgTpgAmY7PhCfg==\n", "é" * 24])
async def test_an_md5_of_another_shape_is_refused(subject: Subject, md5: str) -> None:
    details = shapes.ImportAssetFromSignedUrlRequestDetails(
        asset_name="a",
        data_set_id=subject.revision.data_set_id,
        md5_hash=md5,
        revision_id=subject.revision.id,
    )
    creation = Creation(
        scope=SCOPE,
        job_id=UNKNOWN,
        now=now(),
        details=shapes.RequestDetails(import_asset_from_signed_url=details),
        database=subject.harness.database,
        limits=subject.harness.limits,
        signed_urls=subject.harness.signed_urls,
    )
    with pytest.raises(ValidationFailed, match="Md5Hash"):
        await DEFINITIONS[JobType.IMPORT_ASSET_FROM_SIGNED_URL].check(creation)


async def test_24_characters_that_are_no_md5_are_accepted_until_the_job_runs(subject: Subject) -> None:
    await subject.check(JobType.IMPORT_ASSET_FROM_SIGNED_URL, Md5Hash="A" * 24)


@pytest.mark.parametrize(("name", "size"), [("", "0"), ("n" * 1025, "1,025"), ("é" * 513, "1,026")])
async def test_an_upload_needs_a_name_of_1_to_1024_bytes(subject: Subject, name: str, size: str) -> None:
    with pytest.raises(ValidationFailed) as caught:
        await subject.check(JobType.IMPORT_ASSET_FROM_SIGNED_URL, AssetName=name)
    assert caught.value.message == f"AssetName has {size} bytes of UTF-8; an asset's name has 1 to 1,024."


@pytest.mark.parametrize("name", ["n", "n" * 1024, "é" * 512])
async def test_an_upload_may_have_a_name_as_long_as_a_key(subject: Subject, name: str) -> None:
    await subject.check(JobType.IMPORT_ASSET_FROM_SIGNED_URL, AssetName=name)


@each_type
async def test_details_of_another_type_are_refused(subject: Subject, job_type: JobType) -> None:
    other = ALL[ALL.index(job_type) - 1]
    with pytest.raises(ValidationFailed, match=f"A job of type {job_type} needs Details"):
        await subject.harness.check(job_type, subject.details(other))
