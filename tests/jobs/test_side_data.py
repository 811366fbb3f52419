"""What goes with an asset beside its bytes, on every route by which these go: always the same.

`ObjectHeaders` is the rule. The provider's objects have all that S3 keeps of an object; what an asset and
what a receiver's object have of that does not depend on the exchange's store, nor on who makes the copies.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import msgspec
import pytest
import sqlalchemy as sql
from tests.jobs.harness import OTHER_SCOPE, SCOPE, Harness, import_details, now, opened
from tests.jobs.s3_buckets import S3Buckets
from tests.jobs.test_entitled_exports import Granted

from entrepot.database import jobs
from entrepot.database.connection import Query
from entrepot.database.expressions import same
from entrepot.database.tables import ASSETS
from entrepot.domain.asset import Asset
from entrepot.domain.identifiers import upload_store_key
from entrepot.domain.job import Job, JobErrorCode, JobState, JobType
from entrepot.domain.object_headers import NO_HEADERS, ObjectHeaders
from entrepot.domain.revision import Revision
from entrepot.domain.scope import Scope
from entrepot.entitlements.visibility import assets as seen_assets
from entrepot.stores.local import LocalStore
from entrepot.stores.s3 import S3Store
from entrepot.stores.s3_client import S3Request
from entrepot.stores.s3_headers import carries_more
from entrepot.stores.store import ObjectStore
from entrepot.transfer.heads import LISTING_PAYS_FROM
from entrepot.transfer.signed_urls import StoreSignedUrls

pytestmark = pytest.mark.seaweedfs

HEADERS = ObjectHeaders(
    content_type='text/csv; charset="utf-8"',
    content_encoding="gzip",
    content_language="de, en",
    content_disposition='attachment; filename="a b.csv"',
    cache_control="max-age=5",
)
SECRETS = {
    "expires": "Thu, 01 Dec 2033 16:00:00 GMT",
    "x-amz-meta-owner": "somebody",
    "x-amz-storage-class": "REDUCED_REDUNDANCY",
    "x-amz-tagging": "cost-centre=4711",
    "x-amz-website-redirect-location": "/elsewhere",
}
CSV = ObjectHeaders("text/csv")
PART = 5 * 1024**2
"""The least that S3 takes."""
LARGE = bytes(PART + 1)


@dataclass(frozen=True)
class Row:
    """What a provider puts with an object, and what is to come of it."""

    put: Mapping[str, str]
    carried: ObjectHeaders
    data: bytes = b"1,2,3"


TABLE = {
    "plain": Row({"content-type": "text/csv"}, CSV),
    "all five": Row(dict(HEADERS.named()), HEADERS),
    "secrets": Row({**dict(HEADERS.named()), **SECRETS}, HEADERS),
    "user metadata": Row({"content-type": "text/csv", "x-amz-meta-a": "b"}, CSV),
    "tags": Row({"content-type": "text/csv", "x-amz-tagging": "a=b"}, CSV),
    "storage class": Row({"content-type": "text/csv", "x-amz-storage-class": "REDUCED_REDUNDANCY"}, CSV),
    "as it was sent": Row(
        {"content-type": "text/csv", "content-encoding": "aws-chunked,gzip"},
        replace(CSV, content_encoding="gzip"),
    ),
    "too long": Row({"content-type": "text/csv", "cache-control": "x" * 3000}, CSV),
    "empty": Row({**dict(HEADERS.named()), **SECRETS}, HEADERS, b""),
    "two MiB": Row({**dict(HEADERS.named()), **SECRETS}, HEADERS, bytes(2 * 1024**2)),
    "large": Row({**dict(HEADERS.named()), **SECRETS}, HEADERS, LARGE),
    "large and plain": Row(dict(HEADERS.named()), HEADERS, LARGE),
}
MANY = {f"{number:02}": TABLE["all five"] for number in range(LISTING_PAYS_FROM)}
"""So many that a listing tells of them, which knows nothing of headers."""

ROUTES = ["folder", "bucket", "bucket without server-side copies"]


def put_with(store: S3Store, key: str, row: Row) -> None:
    store.client.call(
        S3Request(
            "PutObject",
            "PUT",
            store.bucket,
            store.whole_key(key),
            (),
            tuple(row.put.items()),
            memoryview(row.data),
            len(row.data),
        )
    )


def require_only(store: S3Store, key: str, headers: ObjectHeaders) -> None:
    """The object has these headers, and nothing of its origin's metadata, tags, class or lifetime."""
    whole = store.whole_key(key)
    told = store.client.call(S3Request("HeadObject", "HEAD", store.bucket, whole)).headers
    assert (key, ObjectHeaders.of(told), carries_more(told)) == (key, headers, False)
    assert told.get("x-amz-storage-class", "STANDARD") == "STANDARD"
    tagging = S3Request("GetObjectTagging", "GET", store.bucket, whole, (("tagging", ""),))
    assert b"<Tag>" not in store.client.call(tagging).body


def by_route(template: Path, buckets: S3Buckets, route: str) -> dict[str, Any]:
    """What `opened` is told of the route."""
    return {
        "template": template,
        "buckets": buckets,
        "server_side_copy": "without" not in route,
        "part_bytes": PART,
    }


@pytest.mark.parametrize("route", ROUTES)
async def test_five_headers_go_with_an_asset_and_nothing_else_does(
    tmp_path: Path, template: Path, s3_buckets: S3Buckets, route: str
) -> None:
    source, target = s3_buckets("source"), s3_buckets("target")
    rows = TABLE | MANY
    for key, row in rows.items():
        put_with(source, key, row)
    own = own_store(tmp_path, s3_buckets, route)
    async with opened(tmp_path, own=own, **by_route(template, s3_buckets, route)) as harness:
        revision = await harness.revision()
        for keys in (TABLE, MANY):
            await done(harness, JobType.IMPORT_ASSETS_FROM_S3, import_details(revision, "source", keys))
        assets = {asset.name: asset for asset in await harness.assets(revision)}
        assert {name: asset.headers for name, asset in assets.items()} == {
            name: row.carried for name, row in rows.items()
        }
        if isinstance(own, S3Store):  # from which whoever has a signed URL reads
            for asset in assets.values():
                require_only(own, asset.store_key, asset.headers)
        await export(harness, revision, {name: assets[name] for name in TABLE})
    for name, row in rows.items():
        require_only(target, f"revision/{name}", row.carried)
    for name, row in TABLE.items():
        require_only(target, f"asset/{name}", row.carried)


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize("headers", [HEADERS, NO_HEADERS], ids=["all five", "none"])
async def test_headers_of_an_upload_by_signed_url_go_with_its_asset(
    tmp_path: Path, template: Path, s3_buckets: S3Buckets, route: str, headers: ObjectHeaders
) -> None:
    data = b"1,2,3"
    own = own_store(tmp_path, s3_buckets, route)
    async with opened(tmp_path, own=own, **by_route(template, s3_buckets, route)) as harness:
        revision = await harness.revision()
        details = {
            "AssetName": "uploaded",
            "DataSetId": revision.data_set_id,
            "RevisionId": revision.id,
            "Md5Hash": base64.b64encode(hashlib.md5(data, usedforsecurity=False).digest()).decode(),
        }
        job = await harness.create(
            JobType.IMPORT_ASSET_FROM_SIGNED_URL, {"ImportAssetFromSignedUrl": details}
        )
        expected = headers
        key = upload_store_key(job.id)
        if isinstance(own, S3Store):
            put_with(own, key, Row({**dict(headers.named()), **SECRETS}, headers, data))
            expected = own.head(key).headers or NO_HEADERS  # a server may guess a type
        else:
            own.put(key, memoryview(data), len(data))
            assert await jobs.keep_upload_headers(harness.database, job.id, headers)
        ended = await harness.finish(job)
        assert (ended.state, ended.errors) == (JobState.COMPLETED, ())
        (asset,) = await harness.assets(revision)
        assert asset.headers == expected
        assert headers == NO_HEADERS or expected == headers
        if isinstance(own, S3Store):
            require_only(own, asset.store_key, expected)
        await export(harness, revision, {"uploaded": asset})
    if expected != NO_HEADERS:
        require_only(s3_buckets("target"), "asset/uploaded", expected)


@pytest.mark.parametrize(
    ("row", "disposition"),
    [
        ("secrets", HEADERS.content_disposition),
        ("tags", "attachment; filename*=UTF-8''tags"),
        ("empty", HEADERS.content_disposition),
    ],
)
async def test_a_signed_url_of_an_s3_store_answers_with_the_headers_of_the_asset(
    tmp_path: Path, template: Path, s3_buckets: S3Buckets, row: str, disposition: str
) -> None:
    own = S3Store(s3_buckets.client, "own", s3_buckets.prefix)
    put_with(s3_buckets("source"), row, TABLE[row])
    async with opened(tmp_path, template=template, own=own, buckets=s3_buckets, part_bytes=PART) as plain:
        harness = replace(plain, signed_urls=StoreSignedUrls(own))
        revision = await harness.revision()
        await done(harness, JobType.IMPORT_ASSETS_FROM_S3, import_details(revision, "source", [row]))
        (asset,) = await harness.assets(revision)
        told, data = await fetched(harness, asset)
    expected = {**dict(TABLE[row].carried.named()), "content-disposition": disposition}
    assert {name: told[name] for name in expected} == expected
    assert data == TABLE[row].data
    assert not carries_more(told)


@pytest.mark.parametrize("route", ROUTES)
async def test_an_asset_of_an_earlier_version_has_what_its_store_says_and_nothing_else(
    tmp_path: Path, template: Path, s3_buckets: S3Buckets, route: str
) -> None:
    """Its record knows no headers, and in a bucket its bytes still lie with all that the provider had put."""
    own = own_store(tmp_path, s3_buckets, route)
    keys = ["secrets", "plain", "large"]
    async with opened(tmp_path, own=own, **by_route(template, s3_buckets, route)) as harness:
        revision = await harness.revision()
        for key in keys:
            put_with(s3_buckets("source"), key, TABLE[key])
        await done(harness, JobType.IMPORT_ASSETS_FROM_S3, import_details(revision, "source", keys))
        assets = {asset.name: asset for asset in await harness.assets(revision)}
        for asset in assets.values():
            if isinstance(own, S3Store):
                put_with(own, asset.store_key, TABLE[asset.name])
            await record_as_an_earlier_version(harness, asset)
        await export(harness, revision, assets)
    for key in keys if isinstance(own, S3Store) else ():
        require_only(s3_buckets("target"), f"asset/{key}", TABLE[key].carried)


async def test_no_receiver_gets_a_url_of_a_store_that_still_has_what_an_earlier_version_copied(
    tmp_path: Path, template: Path, s3_buckets: S3Buckets
) -> None:
    own = S3Store(s3_buckets.client, "own", s3_buckets.prefix)
    async with opened(tmp_path, template=template, own=own, part_bytes=PART) as plain:
        harness = replace(plain, signed_urls=StoreSignedUrls(own))
        granted = await Granted.on(harness, {"a": b"1"})
        (asset,) = await harness.assets(granted.source)
        place = (OTHER_SCOPE, granted.grant.data_set_id, granted.seen.id)
        (seen,) = await seen_assets.all_of_revision(harness.database, *place, now())
        assert (await fetched(harness, seen, OTHER_SCOPE))[1] == b"1"
        put_with(own, asset.store_key, replace(TABLE["tags"], data=b"1"))
        ended = await url_job(harness, seen, OTHER_SCOPE)
        (error,) = ended.errors
        assert (ended.state, error.code) == (JobState.ERROR, JobErrorCode.ACCESS_DENIED_EXCEPTION)
        assert "EXPORT_ASSETS_TO_S3" in error.message
        assert (await fetched(harness, asset))[1] == b"1"


async def record_as_an_earlier_version(harness: Harness, asset: Asset) -> None:
    recorded = {"headers_json": None, "store_etag": harness.own.head(asset.store_key).etag}
    values = {name: sql.bindparam(name) for name in recorded}
    query = Query(sql.update(ASSETS).where(*same(ASSETS.c.id)).values(values))
    assert await harness.database.execute(query, id=asset.id, **recorded) == 1


def own_store(folder: Path, buckets: S3Buckets, route: str) -> ObjectStore:
    if route == "folder":
        return LocalStore(folder / "own")
    return S3Store(buckets.client, "own", buckets.prefix)


async def url_job(harness: Harness, asset: Asset, scope: Scope) -> Job:
    details = {"DataSetId": asset.data_set_id, "RevisionId": asset.revision_id, "AssetId": asset.id}
    job = await harness.create(
        JobType.EXPORT_ASSET_TO_SIGNED_URL, {"ExportAssetToSignedUrl": details}, scope=scope
    )
    return await harness.finish(job)


async def fetched(harness: Harness, asset: Asset, scope: Scope = SCOPE) -> tuple[Mapping[str, str], bytes]:
    """What a signed URL of the asset answers: headers by names in small letters, and the bytes."""
    ended = await url_job(harness, asset, scope)
    assert (ended.state, ended.errors) == (JobState.COMPLETED, ())
    url = msgspec.json.decode(ended.details_json)["ExportAssetToSignedUrl"]["SignedUrl"]
    with urlopen(url, timeout=10) as answer:
        return {name.lower(): value for name, value in answer.headers.items()}, answer.read()


async def done(harness: Harness, job_type: JobType, details: Mapping[str, object]) -> None:
    ended = await harness.finish(await harness.create(job_type, details))
    assert (ended.state, ended.errors) == (JobState.COMPLETED, ())


async def export(harness: Harness, revision: Revision, assets: Mapping[str, Asset]) -> None:
    """All assets of the revision, and these by name, to the bucket `target`."""
    place = {"DataSetId": revision.data_set_id}
    everything = {"RevisionId": revision.id, "Bucket": "target", "KeyPattern": "revision/${Asset.Name}"}
    await done(
        harness,
        JobType.EXPORT_REVISIONS_TO_S3,
        {"ExportRevisionsToS3": {**place, "RevisionDestinations": [everything]}},
    )
    each = [
        {"AssetId": asset.id, "Bucket": "target", "Key": f"asset/{name}"} for name, asset in assets.items()
    ]
    await done(
        harness,
        JobType.EXPORT_ASSETS_TO_S3,
        {"ExportAssetsToS3": {**place, "RevisionId": revision.id, "AssetDestinations": each}},
    )
