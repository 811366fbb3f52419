from __future__ import annotations

import pytest

from entrepot.domain.asset import Asset, Checksum
from entrepot.domain.data_set import AssetType
from entrepot.domain.errors import JobFailed, ValidationFailed
from entrepot.domain.job import Encryption, JobErrorCode, JobItem, Location
from entrepot.domain.scope import Scope
from entrepot.domain.timestamp import Timestamp
from entrepot.jobs.destinations import Destination, encryption_of, planned, problem
from entrepot.model import shapes

NOW = Timestamp(0)


def destination(name: str, key: str, bucket: str = "bucket") -> Destination:
    asset = Asset(
        scope=Scope("123456789012", "us-east-1"),
        data_set_id="d" * 32,
        revision_id="e" * 32,
        id="a" * 32,
        asset_type=AssetType.S3_SNAPSHOT,
        name=name,
        created_at=NOW,
        updated_at=NOW,
        size_bytes=7,
        store_key=f"assets/{name}",
        store_etag="etag",
        checksum=Checksum("CRC64NVME", "AAAAAAAAAAA="),
    )
    return Destination(asset, Location(bucket, key))


def test_places_that_differ_in_anything_are_possible() -> None:
    assert problem([destination("a", "k"), destination("a", "k", "other"), destination("a", "K")]) is None


def test_all_assets_that_share_a_place_are_named() -> None:
    message = problem([destination("one", "k"), destination("two", "k"), destination("three", "other")])
    assert message == "Several assets would be written to the same key: 'one', 'two'. Give each its own."


def test_a_key_may_have_1024_bytes_of_utf_8_and_no_more() -> None:
    assert problem([destination("a", "é" * 512)]) is None
    assert "1024 bytes" in (problem([destination("a", "é" * 512 + "x")]) or "")


def test_an_empty_key_is_not_possible() -> None:
    assert "is empty" in (problem([destination("a", "")]) or "")


def test_a_thousand_bad_names_make_no_endless_message() -> None:
    message = problem([destination("n" * 500, "k") for _ in range(1000)]) or ""
    assert len(message) < 2000
    assert "and 990 more" in message


def test_items_are_pinned_to_the_bytes_that_were_imported() -> None:
    assert planned([destination("a", "k")]) == (
        JobItem(
            number=0,
            name="a",
            source=Location(None, "assets/a"),
            destination=Location("bucket", "k"),
            size_bytes=7,
            source_etag="etag",
            source_checksum=Checksum("CRC64NVME", "AAAAAAAAAAA="),
        ),
    )


def test_an_impossible_plan_fails_the_job() -> None:
    with pytest.raises(JobFailed) as failed:
        planned([destination("one", "k"), destination("two", "k")])
    assert [error.code for error in failed.value.errors] == [JobErrorCode.VALIDATION_EXCEPTION]


def test_encryption_is_what_was_asked_for() -> None:
    asked = shapes.ExportServerSideEncryption
    assert encryption_of(None) is None
    assert encryption_of(asked(type="AES256")) == Encryption("AES256")
    assert encryption_of(asked(type="aws:kms", kms_key_arn="arn")) == Encryption("aws:kms", "arn")


@pytest.mark.parametrize(
    ("kind", "key"), [("aws:kms", None), ("aws:kms", ""), ("AES256", "arn"), ("AES256", "")]
)
def test_a_kms_key_goes_with_aws_kms_and_with_nothing_else(kind: str, key: str | None) -> None:
    with pytest.raises(ValidationFailed, match="KmsKeyArn"):
        encryption_of(shapes.ExportServerSideEncryption(type=kind, kms_key_arn=key))
