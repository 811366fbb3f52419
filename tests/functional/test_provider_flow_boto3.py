"""The provider's flow through boto3, unmodified."""

from __future__ import annotations

import pytest
from tests.functional import flow
from tests.functional.conftest import MakeClient, Port

# Those that SeaweedFS keeps; what it refuses or empties is in test_another_s3_server.py.
AWKWARD_KEYS = [
    "plain.csv",
    "a//b",
    "späte/Grüße 日本.txt",
    "100% + more&?#",
    "/leading",
    "/".join(["x" * 127] * 8),
]


def test_a_data_product_goes_in_and_comes_out_with_every_byte(port: Port, client: MakeClient) -> None:
    s3, exchange = client("s3"), client("dataexchange")
    contents = {"flow/empty": b"", "flow/small": b"hello", "flow/large": bytes(range(256)) * 100_000}
    for key, content in contents.items():
        s3.put_object(Bucket=port.source, Key=key, Body=content)
    place = flow.open_revision(exchange)
    imported = flow.import_objects(exchange, place, port.source, list(contents))
    assert imported["State"] == "COMPLETED"
    assert "Errors" not in imported
    signed = flow.import_by_signed_url(exchange, place, "flow/by-url", b"uploaded")
    assert signed["State"] == "COMPLETED"
    assert exchange.update_revision(**place, Finalized=True)["Finalized"] is True

    sizes = {
        asset["Name"]: asset["AssetDetails"]["S3SnapshotAsset"]["Size"]
        for asset in flow.assets(exchange, place)
    }
    assert sizes == {key: len(content) for key, content in contents.items()} | {"flow/by-url": 8}

    destination = {
        "RevisionId": place["RevisionId"],
        "Bucket": port.destination,
        "KeyPattern": "${DataSet.Id}/${Revision.Id}/${Asset.Name}",
    }
    exported = flow.run_job(
        exchange,
        "EXPORT_REVISIONS_TO_S3",
        ExportRevisionsToS3={"DataSetId": place["DataSetId"], "RevisionDestinations": [destination]},
    )
    assert exported["State"] == "COMPLETED"
    for name, content in (contents | {"flow/by-url": b"uploaded"}).items():
        key = f"{place['DataSetId']}/{place['RevisionId']}/{name}"
        assert s3.get_object(Bucket=port.destination, Key=key)["Body"].read() == content

    asset = next(asset for asset in flow.assets(exchange, place) if asset["Name"] == "flow/large")
    to_url = flow.run_job(
        exchange, "EXPORT_ASSET_TO_SIGNED_URL", ExportAssetToSignedUrl={"AssetId": asset["Id"], **place}
    )
    assert flow.get(to_url["Details"]["ExportAssetToSignedUrl"]["SignedUrl"]) == contents["flow/large"]


@pytest.mark.parametrize("key", AWKWARD_KEYS, ids=lambda key: ascii(key)[:24])
def test_every_key_that_s3_allows_arrives_unchanged(port: Port, client: MakeClient, key: str) -> None:
    s3, exchange = client("s3"), client("dataexchange")
    content = f"content of {key}".encode()
    s3.put_object(Bucket=port.source, Key=key, Body=content)
    place = flow.open_revision(exchange)
    assert flow.import_objects(exchange, place, port.source, [key])["State"] == "COMPLETED"
    (asset,) = flow.assets(exchange, place)
    assert asset["Name"] == key
    export = flow.run_job(
        exchange,
        "EXPORT_ASSETS_TO_S3",
        ExportAssetsToS3={
            "AssetDestinations": [{"AssetId": asset["Id"], "Bucket": port.destination}],
            **place,
        },
    )
    assert export["State"] == "COMPLETED", export.get("Errors")
    assert s3.get_object(Bucket=port.destination, Key=key)["Body"].read() == content


def test_an_import_with_bad_objects_names_all_of_them_and_makes_nothing_visible(
    port: Port, client: MakeClient
) -> None:
    s3, exchange = client("s3"), client("dataexchange")
    s3.put_object(Bucket=port.source, Key="good", Body=b"good")
    place = flow.open_revision(exchange)
    job = flow.import_objects(exchange, place, port.source, ["good", "absent-1", "absent-2"])
    assert job["State"] == "ERROR"
    (error,) = job["Errors"]
    assert error["Code"] == "RESOURCE_NOT_FOUND_EXCEPTION"
    assert error["Details"]["ImportAssetsFromS3JobErrorDetails"] == [
        {"Bucket": port.source, "Key": "absent-1"},
        {"Bucket": port.source, "Key": "absent-2"},
    ]
    assert flow.assets(exchange, place) == []


def test_an_import_from_a_bucket_that_does_not_exist_says_so(port: Port, client: MakeClient) -> None:
    exchange = client("dataexchange")
    place = flow.open_revision(exchange)
    job = flow.import_objects(exchange, place, "no-such-bucket", ["key"])
    assert job["State"] == "ERROR"
    assert job["Errors"][0]["Code"] == "RESOURCE_NOT_FOUND_EXCEPTION"
    assert "no-such-bucket" in job["Errors"][0]["Message"]


def test_exports_are_encrypted_as_asked(port: Port, client: MakeClient) -> None:
    s3, exchange = client("s3"), client("dataexchange")
    place = flow.open_revision(exchange)
    flow.import_by_signed_url(exchange, place, "secret.txt", b"keep me safe")
    (asset,) = flow.assets(exchange, place)
    destination = {"AssetId": asset["Id"], "Bucket": port.destination, "Key": "encrypted.txt"}
    job = flow.run_job(
        exchange,
        "EXPORT_ASSETS_TO_S3",
        ExportAssetsToS3={"AssetDestinations": [destination], "Encryption": {"Type": "AES256"}, **place},
    )
    assert job["State"] == "COMPLETED", job.get("Errors")
    assert s3.head_object(Bucket=port.destination, Key="encrypted.txt")["ServerSideEncryption"] == "AES256"


def test_lists_walk_every_page(client: MakeClient) -> None:
    exchange = client("dataexchange")
    place = flow.open_revision(exchange, "Pages")
    made = [place["RevisionId"]] + [
        exchange.create_revision(DataSetId=place["DataSetId"])["Id"] for _ in range(6)
    ]
    pages = exchange.get_paginator("list_data_set_revisions").paginate(
        DataSetId=place["DataSetId"], PaginationConfig={"PageSize": 2}
    )
    seen = [[entry["Id"] for entry in page["Revisions"]] for page in pages]
    assert [len(page) for page in seen] == [2, 2, 2, 1]
    assert [revision for page in seen for revision in page] == made[::-1]
