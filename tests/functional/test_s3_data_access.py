"""S3 data access between two accounts: who reads what, until when, and that nothing else is ever read.

A running exchange, a provider's bucket on a real S3 server, and boto3 against the gateway.
"""

from __future__ import annotations

import socket
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError
from tests.functional import flow
from tests.functional.accounts import allow_bucket, new_account, run_entrepot
from tests.functional.clients import client as make_client
from tests.functional.shared_bucket_exchange import KIND, LARGE, OBJECTS, SHARED, Place

pytestmark = pytest.mark.seaweedfs


@pytest.fixture(params=["provider", "receiver"])
def reader(place: Place, request: pytest.FixtureRequest) -> tuple[Any, str]:
    """A client of either account, and its alias of the same asset."""
    account = getattr(place, request.param)
    return place.s3(account), place.aliases[account.id]


def code_of(call: Callable[..., Any], **parameters: Any) -> str:
    with pytest.raises(ClientError) as raised:
        call(**parameters)
    return str(raised.value.response["Error"]["Code"])


def test_owner_and_receiver_read_what_is_shared_by_aliases_of_their_own(
    place: Place, reader: tuple[Any, str]
) -> None:
    s3, alias = reader
    for key, body in SHARED.items():
        assert s3.get_object(Bucket=alias, Key=key)["Body"].read() == body
        assert s3.head_object(Bucket=alias, Key=key)["ContentLength"] == len(body)
    assert len(set(place.aliases.values())) == 2


def test_what_s3_says_of_an_object_comes_through(reader: tuple[Any, str]) -> None:
    s3, alias = reader
    found = s3.get_object(Bucket=alias, Key="shared/a.txt", ChecksumMode="ENABLED")
    assert found["Body"].read() == b"the first"
    assert (found["ContentType"], found["Metadata"]) == ("text/x-test", {"origin": "provider"})
    assert found["ETag"]
    assert found["LastModified"] <= datetime.now(UTC) + timedelta(seconds=60)


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ("bytes=0-9", slice(0, 10)),
        ("bytes=5000000-", slice(5_000_000, None)),
        ("bytes=-7", slice(-7, None)),
        ("bytes=100-99999999", slice(100, None)),
    ],
)
def test_ranges(reader: tuple[Any, str], asked: str, expected: slice) -> None:
    s3, alias = reader
    found = s3.get_object(Bucket=alias, Key=LARGE, Range=asked)
    assert found["ResponseMetadata"]["HTTPStatusCode"] == 206
    assert found["Body"].read() == OBJECTS[LARGE][expected]
    assert found["ContentRange"].endswith(f"/{len(OBJECTS[LARGE])}")


def test_conditions_are_the_providers_to_decide(reader: tuple[Any, str]) -> None:
    s3, alias = reader
    head = s3.head_object(Bucket=alias, Key="shared/a.txt")
    etag, written_at = head["ETag"], head["LastModified"]
    asked = {"Bucket": alias, "Key": "shared/a.txt"}
    assert s3.get_object(**asked, IfMatch=etag)["Body"].read() == b"the first"
    assert code_of(s3.get_object, **asked, IfMatch='"other"') == "PreconditionFailed"
    assert code_of(s3.get_object, **asked, IfNoneMatch=etag) == "304"
    assert code_of(s3.get_object, **asked, IfModifiedSince=written_at) == "304"
    old = datetime(2000, 1, 1, tzinfo=UTC)
    assert code_of(s3.get_object, **asked, IfUnmodifiedSince=old) == "PreconditionFailed"
    assert code_of(s3.get_object, **asked, Range="bytes=100-") == "InvalidRange"


def test_the_bucket_of_an_alias_is_there(reader: tuple[Any, str]) -> None:
    s3, alias = reader
    assert s3.head_bucket(Bucket=alias)["BucketRegion"] == "us-east-1"
    assert s3.get_bucket_location(Bucket=alias)["LocationConstraint"] is None


@pytest.mark.parametrize("operation", ["list_objects_v2", "list_objects"])
@pytest.mark.parametrize("page_size", [1, 2, 1000])
def test_a_listing_is_what_is_shared_and_nothing_else(
    reader: tuple[Any, str], operation: str, page_size: int
) -> None:
    s3, alias = reader
    pages = s3.get_paginator(operation).paginate(Bucket=alias, PaginationConfig={"PageSize": page_size})
    listed = [entry for page in pages for entry in page.get("Contents", [])]
    assert {entry["Key"]: entry["Size"] for entry in listed} == {
        key: len(body) for key, body in SHARED.items()
    }
    assert [entry["Key"] for entry in listed] == sorted(SHARED)


@pytest.mark.parametrize(
    ("prefix", "keys", "folders"),
    [
        ("", ["catalog.csv"], ["shared/"]),
        ("sha", [], ["shared/"]),
        ("shared/", ["shared/a.txt", "shared/größe.txt"], ["shared/deep/", "shared/tables/"]),
        ("shared/deep/", [key for key in sorted(SHARED) if "/deep/" in key], []),
        ("shared/nonesuch/", [], []),
        ("catalog.csv", ["catalog.csv"], []),
    ],
)
def test_folders_as_clients_see_them(
    reader: tuple[Any, str], prefix: str, keys: list[str], folders: list[str]
) -> None:
    s3, alias = reader
    for operation in (s3.list_objects_v2, s3.list_objects):
        found = operation(Bucket=alias, Prefix=prefix, Delimiter="/")
        assert [entry["Key"] for entry in found.get("Contents", [])] == keys
        assert [entry["Prefix"] for entry in found.get("CommonPrefixes", [])] == folders


@pytest.mark.parametrize(
    "prefix",
    ["secret/", "sharedx", "/shared/", "SHARED/", "catalog.csv/", "catalog.csvx", "shared/../secret/"],
)
def test_where_nothing_is_shared_there_is_no_empty_listing(reader: tuple[Any, str], prefix: str) -> None:
    s3, alias = reader
    for operation in (s3.list_objects_v2, s3.list_objects):
        for further in ({}, {"Delimiter": "/"}, {"MaxKeys": 0}):
            assert code_of(operation, Bucket=alias, Prefix=prefix, **further) == "AccessDenied"


@pytest.mark.parametrize(
    "key",
    [
        "secret/x.txt", "sharedx.txt", "shared/../secret/x.txt", "shared/./a.txt", "/shared/a.txt",
        "catalog.csv/", "catalog.csvx", "SHARED/a.txt", "shared/deep/../../secret/x.txt", "x" * 1025,
    ],
)  # fmt: skip
def test_nothing_else_can_be_read(reader: tuple[Any, str], key: str) -> None:
    s3, alias = reader
    assert code_of(s3.get_object, Bucket=alias, Key=key) == "AccessDenied"
    assert code_of(s3.head_object, Bucket=alias, Key=key) == "403"


def test_keys_are_never_taken_for_other_ones(reader: tuple[Any, str]) -> None:
    s3, alias = reader
    assert code_of(s3.get_object, Bucket=alias, Key="shared/a.txt/") == "NoSuchKey"
    assert code_of(s3.get_object, Bucket=alias, Key="shared/%61.txt") == "NoSuchKey"
    assert code_of(s3.get_object, Bucket=alias, Key="shared/a.txt ") == "NoSuchKey"


def test_folders_above_what_is_shared_are_no_objects(reader: tuple[Any, str]) -> None:
    s3, alias = reader
    assert code_of(s3.head_object, Bucket=alias, Key="shared") == "404"


def test_nothing_can_be_written(place: Place, reader: tuple[Any, str]) -> None:
    s3, alias = reader
    asked = {"Bucket": alias, "Key": "shared/a.txt"}
    refused = [
        code_of(s3.put_object, **asked, Body=b"mine"),
        code_of(s3.put_object, **asked, Body=b"m" * 3_000_000),
        code_of(s3.delete_object, **asked),
        code_of(s3.delete_objects, Bucket=alias, Delete={"Objects": [{"Key": "shared/a.txt"}]}),
        code_of(s3.copy_object, **asked, CopySource=f"{alias}/shared/a.txt"),
        code_of(s3.create_multipart_upload, **asked),
        code_of(s3.put_object_tagging, **asked, Tagging={"TagSet": []}),
        code_of(s3.get_object_tagging, **asked),
        code_of(s3.get_object_acl, **asked),
        code_of(s3.get_object, **asked, VersionId="null"),
        code_of(s3.get_bucket_policy, Bucket=alias),
        code_of(s3.list_object_versions, Bucket=alias),
        code_of(s3.delete_bucket, Bucket=alias),
        code_of(s3.list_buckets),
    ]
    assert set(refused) == {"AccessDenied"}
    assert s3.get_object(**asked)["Body"].read() == b"the first"


def test_to_everybody_else_there_is_no_such_bucket(place: Place) -> None:
    provider_s3, receiver_s3 = place.s3(place.provider), place.s3(place.receiver)
    own, entitled = place.aliases[place.provider.id], place.aliases[place.receiver.id]
    stranger = place.s3(place.stranger)
    for s3, name in (
        (stranger, own), (stranger, entitled), (receiver_s3, own), (receiver_s3, place.bucket),
        (provider_s3, place.bucket), (provider_s3, "a" * 52 + "-s3alias"), (provider_s3, "nonesuch"),
    ):  # fmt: skip
        assert code_of(s3.get_object, Bucket=name, Key="shared/a.txt") == "NoSuchBucket"
        assert code_of(s3.list_objects_v2, Bucket=name) == "NoSuchBucket"
        assert code_of(s3.get_object, Bucket=name, Key="secret/x.txt") == "NoSuchBucket"
        assert code_of(s3.head_bucket, Bucket=name) == "404"
    assert provider_s3.head_bucket(Bucket=entitled), "the owner may look at what it has granted"


def test_a_presigned_url_reads_one_object_and_nothing_else(place: Place) -> None:
    s3 = place.s3(place.receiver, signature_version="s3v4")
    alias = place.aliases[place.receiver.id]
    url = s3.generate_presigned_url(
        "get_object",
        Params={
            "Bucket": alias,
            "Key": "shared/deep/c d+e%2F.txt",
            "ResponseContentType": "text/plain",
            "ResponseContentDisposition": 'attachment; filename="x.txt"',
        },
    )
    with urllib.request.urlopen(url) as answer:
        assert answer.read() == b"an odd name"
        assert answer.headers["content-type"] == "text/plain"
        assert answer.headers["content-disposition"] == 'attachment; filename="x.txt"'
        assert answer.headers["content-security-policy"] == "sandbox"
    for changed in (url.replace("c%20d", "x"), url.replace("text%2Fplain", "text%2Fhtml"), url + "0"):
        assert status_of(changed) in {400, 403}
    assert status_of(url.partition("?")[0]) == 403


def status_of(url: str, **headers: str) -> int:
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers)) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        error.close()
        return error.code


def test_an_old_signature_is_told_what_to_use_instead(place: Place) -> None:
    url = place.s3(place.receiver, signature_version="s3").generate_presigned_url(
        "get_object", Params={"Bucket": place.aliases[place.receiver.id], "Key": "shared/a.txt"}
    )
    with pytest.raises(urllib.error.HTTPError) as raised:
        urllib.request.urlopen(url)
    with raised.value as answer:
        assert b"AWS4-HMAC-SHA256" in answer.read()


def test_names_of_hosts_lead_to_the_bucket_too(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    every_name_is_here(monkeypatch)
    url = place.server.url.replace("127.0.0.1", "exchange.test")
    access = place.entitled({"DataSetId": entitled_data_set(place)})
    virtual = place.s3(place.receiver, endpoint_url=url, s3={"addressing_style": "virtual"})
    alias = access["S3AccessPointAlias"]
    assert virtual.get_object(Bucket=alias, Key="shared/größe.txt")["Body"].read() == b"umlauts"
    assert virtual.list_objects_v2(Bucket=alias)["KeyCount"] == len(SHARED)
    by_arn = place.s3(place.receiver, endpoint_url=url)
    arn = access["S3AccessPointArn"]
    for key, body in SHARED.items():
        assert by_arn.get_object(Bucket=arn, Key=key)["Body"].read() == body
    assert by_arn.list_objects_v2(Bucket=arn)["KeyCount"] == len(SHARED)
    assert code_of(by_arn.get_object, Bucket=arn, Key="secret/x.txt") == "AccessDenied"
    own = place.own_asset(place.data_set)["S3AccessPointArn"]
    assert code_of(by_arn.get_object, Bucket=own, Key="shared/a.txt") == "NoSuchBucket"
    provider = place.s3(place.provider, endpoint_url=url)
    assert provider.get_object(Bucket=own, Key="shared/a.txt")["Body"].read() == b"the first"


def every_name_is_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """As a wildcard in the DNS would have it."""
    resolve = socket.getaddrinfo

    def here(host: Any, *arguments: Any, **options: Any) -> Any:
        known = isinstance(host, str) and host.endswith("exchange.test")
        return resolve("127.0.0.1" if known else host, *arguments, **options)

    monkeypatch.setattr(socket, "getaddrinfo", here)


def entitled_data_set(place: Place) -> str:
    listed = place.receiver.client.list_received_data_grants()["DataGrantSummaries"]
    first: str = min(listed, key=lambda grant: grant["CreatedAt"])["DataSetId"]
    return first


def test_no_access_outlives_the_grant(place: Place) -> None:
    grant = place.grant(place.new_data_set(KeyPrefixes=["shared/"]))
    s3 = place.s3(place.receiver, signature_version="s3v4")
    alias = place.entitled(grant)["S3AccessPointAlias"]
    token = s3.list_objects_v2(Bucket=alias, MaxKeys=1)["NextContinuationToken"]
    url = s3.generate_presigned_url("get_object", Params={"Bucket": alias, "Key": "shared/a.txt"})
    assert status_of(url) == 200
    place.provider.client.delete_data_grant(DataGrantId=grant["Id"])
    assert status_of(url) == 404
    assert code_of(s3.list_objects_v2, Bucket=alias, ContinuationToken=token) == "NoSuchBucket"
    assert code_of(s3.get_object, Bucket=alias, Key="shared/a.txt") == "NoSuchBucket"


def test_access_ends_when_the_grant_does(place: Place) -> None:
    where, s3 = place.new_data_set(KeyPrefixes=["shared/"]), place.s3(place.receiver)

    def read_from(ends_at: datetime) -> tuple[datetime, str]:
        grant = place.grant(where, EndsAt=ends_at)
        alias = place.entitled(grant, of=place.provider)["S3AccessPointAlias"]
        s3.head_object(Bucket=alias, Key="shared/a.txt")
        return ends_at, alias

    ends_at, alias = flow.before_the_end(read_from)
    while datetime.now(UTC) < ends_at:
        try:
            s3.head_object(Bucket=alias, Key="shared/a.txt")
        except ClientError:
            assert datetime.now(UTC) >= ends_at
        else:
            time.sleep(0.05)  # until the very moment that the grant names
    assert code_of(s3.get_object, Bucket=alias, Key="shared/a.txt") == "NoSuchBucket"


def test_a_revoked_revision_gives_no_access(place: Place) -> None:
    where = place.new_data_set(KeyPrefixes=["shared/"])
    s3, alias = place.s3(place.receiver), place.entitled(place.grant(where))["S3AccessPointAlias"]
    assert s3.head_object(Bucket=alias, Key="shared/a.txt")
    place.provider.client.revoke_revision(**where, RevocationComment="It was wrong to share this.")
    assert code_of(s3.get_object, Bucket=alias, Key="shared/a.txt") == "NoSuchBucket"


def test_a_new_revision_replaces_the_access_of_the_one_before(place: Place) -> None:
    where = place.new_data_set(KeyPrefixes=["shared/"])
    grant = place.grant(where)
    s3, before = place.s3(place.receiver), place.entitled(grant)["S3AccessPointAlias"]
    assert s3.head_object(Bucket=before, Key="shared/a.txt")
    newer = place.new_revision(where["DataSetId"], Keys=["catalog.csv"])
    after = place.entitled(grant)["S3AccessPointAlias"]
    assert code_of(s3.get_object, Bucket=before, Key="shared/a.txt") == "NoSuchBucket"
    assert s3.get_object(Bucket=after, Key="catalog.csv")["Body"].read() == OBJECTS["catalog.csv"]
    assert code_of(s3.get_object, Bucket=after, Key="shared/a.txt") == "AccessDenied"
    place.provider.client.revoke_revision(**newer, RevocationComment="Back to the one before, please.")
    assert s3.head_object(Bucket=before, Key="shared/a.txt"), "what is newest now is the one before"


def test_before_it_is_accepted_nothing_can_be_read(place: Place) -> None:
    where = place.new_data_set(KeyPrefixes=["shared/"])
    pending = place.provider.client.create_data_grant(
        Name="not yet",
        GrantDistributionScope="NONE",
        ReceiverPrincipal=place.receiver.id,
        SourceDataSetId=where["DataSetId"],
    )
    s3, alias = place.s3(place.receiver), place.entitled(pending, of=place.provider)["S3AccessPointAlias"]
    assert code_of(s3.get_object, Bucket=alias, Key="shared/a.txt") == "NoSuchBucket"
    place.receiver.client.accept_data_grant(DataGrantArn=pending["Arn"])
    assert s3.head_object(Bucket=alias, Key="shared/a.txt")


def test_what_its_owner_may_no_longer_read_nobody_may(place: Place) -> None:
    where = place.new_data_set(Keys=["catalog.csv"])
    s3, alias = place.s3(place.receiver), place.entitled(place.grant(where))["S3AccessPointAlias"]
    assert s3.head_object(Bucket=alias, Key="catalog.csv")
    run_entrepot(place.server, "bucket", "deny", place.bucket, "--account", place.provider.id)
    try:
        with pytest.raises(ClientError, match="AccessDenied") as raised:
            s3.get_object(Bucket=alias, Key="catalog.csv")
        assert place.bucket not in str(raised.value)
        assert place.provider.id not in str(raised.value)
    finally:
        allow_bucket(place.server, place.provider, place.bucket, "--read")


def test_a_token_is_good_for_its_own_listing_alone(place: Place) -> None:
    receiver = place.s3(place.receiver)
    alias = place.aliases[place.receiver.id]
    token = receiver.list_objects_v2(Bucket=alias, MaxKeys=1)["NextContinuationToken"]
    for forged in (token[:-2] + "AA", "", "x", token + "A", token.swapcase()):
        if forged:
            assert (
                code_of(receiver.list_objects_v2, Bucket=alias, ContinuationToken=forged) == "InvalidArgument"
            )
    assert (
        code_of(receiver.list_objects_v2, Bucket=alias, Prefix="shared/", ContinuationToken=token)
        == "InvalidArgument"
    )
    provider, own = place.s3(place.provider), place.aliases[place.provider.id]
    assert code_of(provider.list_objects_v2, Bucket=own, ContinuationToken=token) == "InvalidArgument"


def test_a_job_names_everything_that_is_not_there(place: Place) -> None:
    client = place.provider.client
    made = client.create_data_set(AssetType="S3_DATA_ACCESS", Name="wrong", Description="keys")
    where = {"DataSetId": made["Id"], "RevisionId": client.create_revision(DataSetId=made["Id"])["Id"]}
    job = place.share(where, Keys=["catalog.csv", "no/such", "nor/this"])
    (error,) = job["Errors"]
    assert (job["State"], error["Code"]) == ("ERROR", "RESOURCE_NOT_FOUND_EXCEPTION")
    assert "no/such" in error["Message"]
    assert "nor/this" in error["Message"]
    denied = flow.run_job(
        client,
        KIND,
        CreateS3DataAccessFromS3Bucket={"AssetSource": {"Bucket": "not-allowed"}, **where},
    )
    assert (denied["State"], denied["Errors"][0]["Code"]) == ("ERROR", "ACCESS_DENIED_EXCEPTION")
    assert client.list_revision_assets(**where)["Assets"] == []


def test_receivers_may_decrypt_with_the_keys_that_are_named_while_they_may_read(place: Place) -> None:
    owner = new_account(place.server, "with keys", "--account-id", "123456789012")  # moto's
    allow_bucket(place.server, owner, place.bucket, "--read")
    theirs = replace(place, provider=owner)
    kms = make_client("kms", place.moto_url, "testing", "testing")
    key = kms.create_key()["KeyMetadata"]["Arn"]

    def await_grantees(*expected: str) -> None:
        deadline = time.monotonic() + 60
        while True:
            grantees = [grant["GranteePrincipal"] for grant in kms.list_grants(KeyId=key)["Grants"]]
            if grantees == [f"arn:aws:iam::{account_id}:root" for account_id in expected]:
                return
            assert time.monotonic() < deadline, f"{grantees}; {place.server.log.read_text()}"
            time.sleep(0.1)

    where = theirs.new_data_set(KeyPrefixes=["shared/"], KmsKeysToGrant=[{"KmsKeyArn": key}])
    grant = theirs.grant(where)
    assert theirs.entitled(grant)["KmsKeysToGrant"] == [{"KmsKeyArn": key}]
    await_grantees(place.receiver.id)
    owner.client.delete_data_grant(DataGrantId=grant["Id"])
    await_grantees()
    owner.client.close()
    kms.close()
