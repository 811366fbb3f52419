"""Every parameter that S3 documents for the requests which are taken here changes the answer, or is refused.

The list of parameters is that of S3's own service model, so that a new one fails here until somebody decides.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode

import botocore.session
import pytest
from tests.servers.odd_bucket import ETAG, Oddity, odd_bucket
from tests.servers.scripted_http import answer, scripted_server
from tests.unit.s3_gateway import gateway_in_asgi
from tests.unit.s3_gateway.gateway_in_asgi import ALIAS, NOW, OWNER
from tests.unit.server import signed_urls_in_asgi
from tests.unit.server.signed_urls_in_asgi import JOB_ID, md5

from entrepot.domain.identifiers import upload_store_key
from entrepot.domain.object_headers import ObjectHeaders
from entrepot.http.messages import HttpRequest
from entrepot.s3_gateway.s3_request import S3Operation, understood
from entrepot.stores.local import LocalStore
from entrepot.transfer.signed_urls import LocalSignedUrls

MODEL = botocore.session.get_session().get_service_model("s3")
IN_THE_PATH = {"Bucket", "Key"}
LONG_AGO, IN_FUTURE = "Wed, 01 Jan 2020 00:00:00 GMT", "Wed, 01 Jan 2087 00:00:00 GMT"
CONTENT = b"0123456789"


@dataclass(frozen=True)
class Asked:
    """A value of a parameter, and what shows in the answer that it was not ignored."""

    value: str
    status: int = 200
    code: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    says: str = ""


def denied(value: str, code: str = "AccessDenied") -> Asked:
    return Asked(value, 403, code)


def not_implemented(value: str) -> Asked:
    return Asked(value, 501, "NotImplemented")


OF_OWNERS = denied("999999999999")
READING = {
    "IfMatch": Asked('"other"', 412, "PreconditionFailed"),
    "IfModifiedSince": Asked(IN_FUTURE, 304),
    "IfNoneMatch": Asked("*", 304),
    "IfUnmodifiedSince": Asked(LONG_AGO, 412, "PreconditionFailed"),
    "Range": Asked("bytes=10-", 416, "InvalidRange"),
    "ResponseCacheControl": Asked("no-store", headers={"cache-control": "no-store"}),
    "ResponseContentDisposition": Asked("inline", headers={"content-disposition": "inline"}),
    "ResponseContentEncoding": Asked("gzip", headers={"content-encoding": "gzip"}),
    "ResponseContentLanguage": Asked("de", headers={"content-language": "de"}),
    "ResponseContentType": Asked("text/csv", headers={"content-type": "text/csv"}),
    "ResponseExpires": Asked(IN_FUTURE, headers={"expires": IN_FUTURE}),
    "VersionId": denied("null"),
    "SSECustomerAlgorithm": not_implemented("AES256"),
    "SSECustomerKey": not_implemented("a2V5"),
    "SSECustomerKeyMD5": not_implemented("bWQ1"),
    "RequestPayer": Asked("me", 400, "InvalidArgument"),
    "PartNumber": Asked("2", 501, "NotImplemented"),
    "ExpectedBucketOwner": OF_OWNERS,
    "ChecksumMode": Asked("DISABLED", 400, "InvalidArgument"),
}
LISTING = {
    "Delimiter": Asked("a", says="<Delimiter>a</Delimiter>"),
    "EncodingType": Asked("base64", 400, "InvalidArgument"),
    "MaxKeys": Asked("-1", 400, "InvalidArgument"),
    "Prefix": denied("elsewhere/"),
    "RequestPayer": Asked("me", 400, "InvalidArgument"),
    "ExpectedBucketOwner": OF_OWNERS,
    "OptionalObjectAttributes": not_implemented("RestoreStatus"),
}
SHARED_BUCKET = {
    "GetObject": READING,
    "HeadObject": READING,
    "ListObjects": {**LISTING, "Marker": Asked("shared/zzz", says="<Marker>shared/zzz</Marker>")},
    "ListObjectsV2": {
        **LISTING,
        "ContinuationToken": Asked("forged", 400, "InvalidArgument"),
        "FetchOwner": Asked("true", says=f"<Owner><ID>{OWNER.account_id}</ID></Owner>"),
        "StartAfter": Asked("shared/zzz", says="<StartAfter>shared/zzz</StartAfter>"),
    },
    "HeadBucket": {"ExpectedBucketOwner": OF_OWNERS},
    "GetBucketLocation": {"ExpectedBucketOwner": OF_OWNERS},
}
"""Of the operations that the gateway has, by their parameters."""

OTHER_QUERY = denied("x", "SignatureDoesNotMatch")
UNSIGNED = denied("x")
_IN_QUERY = (
    "PartNumber", "ResponseCacheControl", "ResponseContentDisposition", "ResponseContentEncoding",
    "ResponseContentLanguage", "ResponseContentType", "ResponseExpires", "VersionId",
)  # fmt: skip
_S3_HEADERS = (
    "ChecksumMode", "ExpectedBucketOwner", "RequestPayer", "SSECustomerAlgorithm", "SSECustomerKey",
    "SSECustomerKeyMD5",
)  # fmt: skip
DOWNLOADS = READING | dict.fromkeys(_IN_QUERY, OTHER_QUERY) | dict.fromkeys(_S3_HEADERS, UNSIGNED)
"""Of GetObject and HeadObject by an own signed URL, which binds its query."""

KEPT = {
    "CacheControl": ("no-store", ObjectHeaders(cache_control="no-store")),
    "ContentDisposition": ("inline", ObjectHeaders(content_disposition="inline")),
    "ContentEncoding": ("gzip", ObjectHeaders(content_encoding="gzip")),
    "ContentLanguage": ("de", ObjectHeaders(content_language="de")),
    "ContentType": ("text/csv", ObjectHeaders(content_type="text/csv")),
}
"""Of PutObject by an own signed URL: what becomes the asset's."""
_S3_HEADERS_OF_UPLOADS = (
    "ACL", "BucketKeyEnabled", "ChecksumAlgorithm", "ChecksumCRC32", "ChecksumCRC32C", "ChecksumCRC64NVME",
    "ChecksumMD5", "ChecksumSHA1", "ChecksumSHA256", "ChecksumSHA512", "ChecksumXXHASH128", "ChecksumXXHASH3",
    "ChecksumXXHASH64", "ExpectedBucketOwner", "GrantFullControl", "GrantRead", "GrantReadACP",
    "GrantWriteACP", "Metadata", "ObjectLockEventHold", "ObjectLockEventHoldDurationDays",
    "ObjectLockEventHoldDurationYears", "ObjectLockLegalHoldStatus", "ObjectLockMode",
    "ObjectLockRetainUntilDate", "RequestPayer", "SSECustomerAlgorithm", "SSECustomerKey",
    "SSECustomerKeyMD5", "SSEKMSEncryptionContext", "SSEKMSKeyId", "ServerSideEncryption", "StorageClass",
    "Tagging", "WebsiteRedirectLocation", "WriteOffsetBytes",
)  # fmt: skip
UPLOADS = {
    "ContentLength": Asked("", 411, "MissingContentLength"),
    "ContentMD5": denied(md5(b"other"), "SignatureDoesNotMatch"),
    "Expires": not_implemented(IN_FUTURE),
    "IfMatch": Asked('"other"', 412, "PreconditionFailed"),
    "IfNoneMatch": Asked("*", 412, "PreconditionFailed"),
    **dict.fromkeys(_S3_HEADERS_OF_UPLOADS, UNSIGNED),
}
"""Of PutObject by an own signed URL: what is refused; S3's own headers, since the URL does not sign them."""


def parameters_of(operation: str) -> dict[str, tuple[str, str]]:
    """Where each parameter of S3's model is in a request, `querystring` or `header`, and its name there."""
    members = MODEL.operation_model(operation).input_shape.members.items()
    places = {
        name: (shape.serialization.get("location", ""), shape.serialization.get("name", ""))
        for name, shape in members
    }
    return {
        name: ("header", f"{wire}x") if place == "headers" else (place, wire)
        for name, (place, wire) in places.items()
        if place not in ("uri", "")
    }


@pytest.mark.parametrize("operation", SHARED_BUCKET)
def test_it_is_decided_what_each_parameter_does_in_a_shared_bucket(operation: str) -> None:
    assert parameters_of(operation).keys() == SHARED_BUCKET[operation].keys()


def test_it_is_decided_what_each_parameter_does_by_a_signed_url() -> None:
    assert parameters_of("PutObject").keys() == UPLOADS.keys() | KEPT.keys()
    for operation in ("GetObject", "HeadObject"):
        assert parameters_of(operation).keys() == DOWNLOADS.keys()


@pytest.fixture
async def opening(tmp_path: Path, migrated: Path) -> AsyncIterator[Any]:
    """Opens the gateway before a provider's endpoint."""
    async with AsyncExitStack() as stack:

        async def open_on(url: str) -> gateway_in_asgi.Exchange:
            return await gateway_in_asgi.filled_exchange(stack, migrated, tmp_path, url)

        yield open_on


PAGE = (
    b"<ListBucketResult><IsTruncated>false</IsTruncated><Contents><Key>shared/key</Key><Size>10</Size>"
    b'<ETag>"e"</ETag><LastModified>2024-01-01T00:00:00.000Z</LastModified></Contents>'
    b"<CommonPrefixes><Prefix>shared/a</Prefix></CommonPrefixes></ListBucketResult>"
)


@pytest.mark.parametrize("operation", SHARED_BUCKET)
async def test_no_parameter_is_ignored_in_a_shared_bucket(opening: Any, operation: str) -> None:
    """Each is sent with a value that is refused, or that must show in the answer."""
    model = MODEL.operation_model(operation)
    path, _, fixed = model.http["requestUri"].partition("?")
    path = path.replace("{Bucket}", ALIAS).replace("{Key+}", "shared/10")
    of_object = "{Key+}" in model.http["requestUri"]
    provider: Any = (
        odd_bucket({"10": CONTENT}, NOW.milliseconds // 1000, Oddity.NONE) if of_object else pages()
    )
    with provider as opened:
        exchange = await opening(opened if of_object else opened.url)
        plain = await exchange.ask(model.http["method"], path, fixed)
        assert plain.status == 200
        wrong = []
        for name, (place, wire) in parameters_of(operation).items():
            asked = SHARED_BUCKET[operation][name]
            assert not shows(asked, plain), name
            query, headers = fixed, {}
            in_query = urlencode({wire: asked.value}, quote_via=quote)
            if place == "querystring":
                query = "&".join(filter(None, (fixed, in_query)))
            else:
                headers[wire.lower()] = asked.value
            found = await exchange.ask(model.http["method"], path, query, **headers)
            if not shows(asked, found):
                wrong.append((name, found))
            if wire.lower().startswith("x-amz-"):  # some SDKs presign them as parameters of the query
                query = "&".join(filter(None, (fixed, in_query)))
                found = await exchange.ask(model.http["method"], path, query)
                if not shows(asked, found):
                    wrong.append((f"{name} in the query", found))
        assert wrong == []


def pages() -> Any:
    return scripted_server(*[answer(200, PAGE)] * 20)


def shows(asked: Asked, found: Any) -> bool:
    code = f"<Code>{asked.code}</Code>" if asked.code else ""
    return (
        found.status == asked.status
        and code.encode() in found.body
        and asked.says.encode() in found.body
        and asked.headers.items() <= found.headers.items()
    )


@pytest.fixture
def signed_urls(tmp_path: Path) -> Iterator[signed_urls_in_asgi.Exchange]:
    with ThreadPoolExecutor(2) as executor:
        urls = LocalSignedUrls("http://127.0.0.1:8250", b"secret")
        yield signed_urls_in_asgi.Exchange(LocalStore(tmp_path), urls, executor)


@pytest.mark.parametrize("operation", ["GetObject", "HeadObject"])
async def test_no_parameter_is_ignored_by_a_signed_url_to_download(
    signed_urls: signed_urls_in_asgi.Exchange, operation: str
) -> None:
    key, method = signed_urls_in_asgi.KEY, "GET" if operation == "GetObject" else "HEAD"
    signed_urls.store.put(key, memoryview(CONTENT), len(CONTENT))
    signed_urls.assets[key] = signed_urls_in_asgi.asset_with(CONTENT)
    url = signed_urls.download_url()
    plain, wrong = await signed_urls.ask(method, url), []
    assert plain.status == 200
    for name, (place, wire) in parameters_of(operation).items():
        asked = DOWNLOADS[name]
        assert not shows(asked, plain), name
        if place == "querystring":
            found = await signed_urls.ask(method, f"{url}&{wire}={quote(asked.value)}")
        else:
            found = await signed_urls.ask(method, url, **{wire.lower(): asked.value})
        if not shows(asked, found):
            wrong.append((name, found))
    assert wrong == []


async def test_no_parameter_is_ignored_by_a_signed_url_to_upload(
    signed_urls: signed_urls_in_asgi.Exchange,
) -> None:
    signed_urls.waiting.add(JOB_ID)
    key = upload_store_key(JOB_ID)
    url, content_md5 = signed_urls.upload_url(CONTENT, key), md5(CONTENT)

    async def put(**headers: str) -> Any:
        return await signed_urls.ask("PUT", url, CONTENT, **({"content-md5": content_md5} | headers))

    assert (await put()).status == 200
    wrong = []
    for name, (_, wire) in parameters_of("PutObject").items():
        if name in KEPT:
            value, kept = KEPT[name]
            assert (await put(**{wire.lower(): value})).status == 200
            assert signed_urls.upload_headers == {JOB_ID: kept}, name
            continue
        asked = UPLOADS[name]
        found = await put(**{wire.lower(): asked.value})
        if not shows(asked, found):
            wrong.append((name, found))
    assert wrong == []


async def test_a_signed_url_is_all_the_authorization_there_is(
    signed_urls: signed_urls_in_asgi.Exchange,
) -> None:
    for method, url in (("GET", signed_urls.download_url()), ("PUT", signed_urls.upload_url(CONTENT))):
        headers = {"content-md5": md5(CONTENT), "authorization": "Basic dTpw"}
        found = await signed_urls.ask(method, url, CONTENT if method == "PUT" else b"", **headers)
        assert found.status == 400
        assert b"<Code>InvalidArgument</Code>" in found.body


SHOWN = {
    "CacheControl", "ContentDisposition", "ContentEncoding", "ContentLanguage", "ContentType", "ETag",
    "Expires", "LastModified", "Metadata", "MissingMeta", "PartsCount", "RequestCharged",
    "ServerSideEncryption", "StorageClass",
    "ChecksumCRC32", "ChecksumCRC32C", "ChecksumCRC64NVME", "ChecksumSHA1", "ChecksumSHA256",
    "ChecksumSHA512", "ChecksumMD5", "ChecksumXXHASH64", "ChecksumXXHASH3", "ChecksumXXHASH128",
    "ChecksumType",
}  # fmt: skip
"""What a provider's endpoint says of an object that its receivers are told."""
MADE_HERE = {"AcceptRanges", "ContentLength", "ContentRange"}
HELD_BACK = {
    "ArchiveStatus", "BucketKeyEnabled", "DeleteMarker", "Expiration", "ObjectLockEventHold",
    "ObjectLockEventHoldDurationDays", "ObjectLockEventHoldDurationYears", "ObjectLockLegalHoldStatus",
    "ObjectLockMode", "ObjectLockRetainUntilDate", "ReplicationStatus", "Restore", "SSECustomerAlgorithm",
    "SSECustomerKeyMD5", "SSEKMSKeyId", "TagCount", "VersionId", "WebsiteRedirectLocation",
}  # fmt: skip
"""What is the provider's own affair, or nothing that can be asked for here."""


@pytest.mark.parametrize("operation", ["GetObject", "HeadObject"])
async def test_of_what_s3_says_of_an_object_receivers_are_told_what_was_decided(
    opening: Any, operation: str
) -> None:
    method = MODEL.operation_model(operation).http["method"]
    members = MODEL.operation_model(operation).output_shape.members
    names = {
        name: f"{shape.serialization['name']}x" if name == "Metadata" else shape.serialization["name"]
        for name, shape in members.items()
        if name != "Body"
    }
    assert names.keys() <= SHOWN | MADE_HERE | HELD_BACK
    dates = {"LastModified": LONG_AGO, "Expires": LONG_AGO, "ETag": f'"{ETAG}"'}
    said = [(wire, dates.get(name, "value")) for name, wire in names.items() if name not in MADE_HERE]
    with scripted_server(answer(200, b"", said)) as server:
        exchange = await opening(server.url)
        found = await exchange.ask(method, f"/{ALIAS}/shared/key", x_amz_checksum_mode="ENABLED")
    told = {name for name, wire in names.items() if wire.lower() in found.headers}
    assert told - MADE_HERE == names.keys() & SHOWN


async def test_a_checksum_that_was_not_asked_for_is_not_told(opening: Any) -> None:
    said = [
        ("ETag", f'"{ETAG}"'),
        ("x-amz-checksum-crc32", "AAAAAA=="),
        ("x-amz-checksum-type", "FULL_OBJECT"),
    ]
    ranged = [*said, ("Content-Range", "bytes 0-0/10")]
    with scripted_server(answer(200, CONTENT, said), answer(206, b"0", ranged)) as server:
        exchange = await opening(server.url)
        plain = await exchange.ask("GET", f"/{ALIAS}/shared/key")
        part = await exchange.ask(
            "GET", f"/{ALIAS}/shared/key", x_amz_checksum_mode="enabled", range="bytes=0-0"
        )
    assert (plain.status, part.status) == (200, 206)
    assert not any(name.startswith("x-amz-checksum") for name in plain.headers | part.headers)
    assert server.requests[1].headers["x-amz-checksum-mode"] == "ENABLED"


async def test_who_pays_is_told_to_the_provider(opening: Any) -> None:
    with scripted_server(answer(200, PAGE), answer(200, PAGE)) as server:
        exchange = await opening(server.url)
        for query in ("list-type=2", ""):
            found = await exchange.ask("GET", f"/{ALIAS}", query, x_amz_request_payer="requester")
            assert found.status == 200
    assert [each.headers.get("x-amz-request-payer") for each in server.requests] == ["requester"] * 2


@pytest.mark.parametrize(
    ("method", "query", "headers", "status", "code"),
    [
        ("GET", "partNumber=0", {}, 400, "InvalidArgument"),
        ("GET", "partNumber=10001", {}, 400, "InvalidArgument"),
        ("GET", "partNumber=x", {}, 400, "InvalidArgument"),
        ("GET", "partNumber=1", {"range": "bytes=0-1"}, 400, "InvalidRequest"),
        ("HEAD", "partNumber=1", {"range": "bytes=0-1"}, 400, "InvalidRequest"),
        ("GET", "", {"x-amz-expected-bucket-owner": "me"}, 400, "InvalidBucketOwnerAWSAccountID"),
        ("GET", "", {"x-amz-expected-bucket-owner": ""}, 400, "InvalidBucketOwnerAWSAccountID"),
        ("GET", "", {"x-amz-expected-bucket-owner": OWNER.account_id}, 200, ""),
        ("GET", "", {"x-amz-request-payer": "Requester", "x-amz-checksum-mode": "enabled"}, 200, ""),
        ("GET", "x-id=GetObject&unknown=1", {"x-amz-unknown": "1"}, 200, ""),
        ("GET", "partNumber=1", {}, 206, ""),
        ("HEAD", "partNumber=1", {}, 206, ""),
        ("GET", "partNumber=1", {"if-none-match": f'"{ETAG}"'}, 304, ""),
        ("GET", "partNumber=1", {"if-match": '"other"'}, 412, "PreconditionFailed"),
        ("HEAD", "partNumber=2", {}, 501, "NotImplemented"),
    ],
)
async def test_parts_and_values_are_those_of_s3(
    opening: Any, method: str, query: str, headers: dict[str, str], status: int, code: str
) -> None:
    """The object was not uploaded in parts: of such a one there is the first part only."""
    with odd_bucket({"10": CONTENT}, NOW.milliseconds // 1000, Oddity.NONE) as url:
        exchange = await opening(url)
        found = await exchange.ask(method, f"/{ALIAS}/shared/10", query, **headers)
    assert found.status == status
    assert (f"<Code>{code}</Code>" if code else "").encode() in found.body
    if status == 206:
        assert found.headers["content-range"] == "bytes 0-9/10"
        assert found.body == (CONTENT if method == "GET" else b"")


@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_a_part_is_what_the_provider_says_it_is(opening: Any, method: str) -> None:
    body = b"34" if method == "GET" else b""
    said = [("ETag", '"e-2"'), ("Content-Range", "bytes 3-4/10"), ("x-amz-mp-parts-count", "4")]
    part = answer(206, body, said).replace(b"Content-Length: 0", b"Content-Length: 2")
    with scripted_server(part, answer(416)) as server:
        exchange = await opening(server.url)
        found = await exchange.ask(method, f"/{ALIAS}/shared/key", "partNumber=2")
        beyond = await exchange.ask(method, f"/{ALIAS}/shared/key", "partNumber=5")
    assert (found.status, found.body, found.headers["content-range"]) == (206, body, "bytes 3-4/10")
    assert (found.headers["content-length"], found.headers["x-amz-mp-parts-count"]) == ("2", "4")
    assert beyond.status == 416
    assert b"<Code>InvalidPartNumber</Code>" in beyond.body


def test_whatever_else_can_be_asked_of_s3_is_refused() -> None:
    """Each operation of S3's model that reads, as its path and its query name it."""
    taken = set()
    for name in MODEL.operation_names:
        http = MODEL.operation_model(name).http
        path, _, query = http["requestUri"].partition("?")
        path = path.replace("{Bucket}", ALIAS).replace("{Key+}", "shared/key")
        pairs = dict(parse_qsl(query, keep_blank_values=True)) | {
            wire: "x"
            for member, (place, wire) in parameters_of(name).items()
            if place == "querystring" and member in MODEL.operation_model(name).input_shape.required_members
        }
        request = HttpRequest(http["method"], path, urlencode(pairs).encode(), [(b"host", b"127.0.0.1")], b"")
        if understood(request).operation is not S3Operation.OTHER:
            taken.add(name)
    assert taken == SHARED_BUCKET.keys()
