"""What reaches the client of what a provider's endpoint answers, and how transfers end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.servers.scripted_http import Scripted, ScriptedServer, answer, error, scripted_server
from tests.unit.s3_gateway.gateway_in_asgi import ALIAS, NOW, OWNER, RECEIVER, Exchange, filled_exchange

from entrepot.database import data_grants
from entrepot.domain.errors import AuthenticationFailed, StoreAccessDenied
from entrepot.domain.own_bucket import OwnBucket
from entrepot.domain.scope import Scope
from entrepot.s3_gateway import objects
from entrepot.s3_gateway.gateway import S3Gateway
from entrepot.sigv4.verification import Principal, SignatureOutOfTime
from entrepot.stores.s3 import S3Store
from entrepot.transfer.account_buckets import PermittedBuckets, Place

BODY = b"0123456789" * 100_000
ETAG = ("ETag", '"e-tag"')
KEY = f"/{ALIAS}/shared/key"

Opening = Callable[..., Awaitable[tuple[Exchange, ScriptedServer]]]


@pytest.fixture
async def opened(tmp_path: Path, migrated: Path) -> AsyncIterator[Opening]:
    """An exchange whose provider's endpoint plays the script."""
    async with AsyncExitStack() as stack:

        async def open_on(*script: Scripted | bytes) -> tuple[Exchange, ScriptedServer]:
            server = stack.enter_context(scripted_server(*script))
            exchange = await filled_exchange(stack, migrated, tmp_path, server.url)
            return exchange, server

        yield open_on


async def test_bytes_and_headers_of_the_object_come_through(opened: Opening) -> None:
    headers = [
        ETAG, ("Last-Modified", "Wed, 01 Jan 2020 00:00:00 GMT"), ("Content-Type", "text/csv"),
        ("Content-Encoding", "gzip"), ("Cache-Control", "no-cache"), ("Content-Disposition", "attachment"),
        ("x-amz-meta-colour", "blue"), ("x-amz-checksum-crc32", "AAAA"),
        ("x-amz-storage-class", "STANDARD_IA"),
    ]  # fmt: skip
    exchange, _ = await opened(answer(200, BODY, headers))
    found = await exchange.ask("GET", KEY, x_amz_checksum_mode="ENABLED")
    assert (found.status, found.body, found.whole) == (200, BODY, True)
    assert {name.lower(): value for name, value in headers}.items() <= found.headers.items()
    assert found.headers["content-length"] == str(len(BODY))
    assert exchange.sent_bytes == len(BODY)


async def test_what_the_provider_says_of_itself_does_not(opened: Opening) -> None:
    headers = [
        ETAG, ("x-amz-version-id", "v1"), ("x-amz-id-2", "host"), ("Server", "secret"), ("Set-Cookie", "a=b"),
        ("x-amz-tagging-count", "3"), ("x-amz-server-side-encryption-aws-kms-key-id", "arn"), ("Location", "http://inside"),
        ("Access-Control-Allow-Origin", "*"), ("x-amz-meta-split", "a\nset-cookie: b=c"),
    ]  # fmt: skip
    exchange, _ = await opened(answer(200, b"x", headers))
    found = await exchange.ask("GET", KEY)
    assert set(found.headers) == {
        "accept-ranges", "etag", "content-length", "content-type", "content-security-policy",
        "x-content-type-options", "x-amz-request-id",
    }  # fmt: skip


async def test_the_provider_sees_what_part_is_wanted_and_nothing_else_of_the_client(opened: Opening) -> None:
    head = answer(200, b"", [ETAG]).replace(b"Content-Length: 0", b"Content-Length: 10")
    exchange, server = await opened(head, answer(206, b"23", [ETAG, ("Content-Range", "bytes 2-3/10")]))
    found = await exchange.ask(
        "GET",
        KEY,
        "x-id=GetObject",
        range="bytes=2-3",
        if_match='"e-tag"',
        if_modified_since="Wed, 01 Jan 2020 00:00:00 GMT",
        x_amz_checksum_mode="ENABLED",
        x_amz_request_payer="requester",
        cookie="session=1",
        x_amz_security_token="token",
        x_forwarded_for="1.2.3.4",
    )
    assert (found.status, found.headers["content-range"], found.body) == (206, "bytes 2-3/10", b"23")
    looked, asked = server.requests
    assert looked.line == "HEAD /provider/shared/key HTTP/1.1"
    assert asked.line == "GET /provider/shared/key HTTP/1.1"
    assert asked.headers["range"] == "bytes=2-3"
    assert asked.headers["if-match"] == '"e-tag"'
    for each in (looked, asked):
        assert each.headers["x-amz-checksum-mode"] == "ENABLED"
        assert each.headers["x-amz-request-payer"] == "requester"
        strangers = {"cookie", "x-amz-security-token", "x-forwarded-for", "if-modified-since"}
        assert not each.headers.keys() & strangers


@pytest.mark.parametrize(
    "changed",
    [error(412, "PreconditionFailed"), answer(200, b"new", [("ETag", '"other"')]), answer(200, b"new")],
)
async def test_an_object_that_is_replaced_between_two_looks_is_to_be_asked_for_again(
    opened: Opening, changed: bytes
) -> None:
    head = answer(200, b"", [ETAG]).replace(b"Content-Length: 0", b"Content-Length: 3")
    exchange, _ = await opened(head, changed)
    found = await exchange.ask("GET", KEY, if_match='"e-tag"')
    assert (found.status, exchange.audited[-1].error_code) == (503, "SlowDown")
    assert b"new" not in found.body


@pytest.mark.parametrize(
    ("provider", "status", "code"),
    [
        (error(404, "NoSuchKey"), 404, "NoSuchKey"),
        (error(404, "NoSuchBucket"), 404, "NoSuchBucket"),
        (error(403, "AccessDenied"), 403, "AccessDenied"),
        (error(403, "InvalidAccessKeyId"), 403, "AccessDenied"),
        (error(403, "InvalidObjectState"), 403, "AccessDenied"),
        (error(400, "InvalidArgument"), 400, "InvalidRequest"),
        (error(412, "PreconditionFailed"), 503, "SlowDown"),
        (error(416, "InvalidRange"), 503, "SlowDown"),
        (answer(304), 503, "SlowDown"),
        (answer(206, b"23", [("Content-Range", "bytes 2-3/10")]), 503, "SlowDown"),
        (answer(206, b"23"), 503, "SlowDown"),
        (answer(204), 503, "SlowDown"),
        (error(500, "InternalError"), 503, "SlowDown"),
        (error(503, "SlowDown"), 503, "SlowDown"),
        (Scripted(b"nonsense\r\n\r\n", hang_up=True), 503, "SlowDown"),
        (Scripted(hang_up=True), 503, "SlowDown"),
    ],
)
async def test_a_providers_error_is_told_by_its_kind_alone(
    opened: Opening, provider: Any, status: int, code: str
) -> None:
    exchange, server = await opened(provider, provider)
    found = await exchange.ask("GET", KEY)
    assert (found.status, exchange.audited[-1].error_code) == (status, code)
    assert f"<Code>{code}</Code>".encode() in found.body
    for secret in (b"provider</", b"scripted", b"AKID", str(server.port).encode(), OWNER.account_id.encode()):
        assert secret not in found.body


async def test_head_tells_the_size_and_sends_nothing(opened: Opening) -> None:
    head = answer(200, b"", [ETAG]).replace(b"Content-Length: 0", b"Content-Length: 12345")
    exchange, server = await opened(head)
    found = await exchange.ask("HEAD", KEY)
    assert (found.status, found.headers["content-length"], found.body) == (200, "12345", b"")
    assert server.requests[0].line.startswith("HEAD /provider/shared/key")


async def test_an_answer_of_unknown_length_is_passed_on_to_its_end(opened: Opening) -> None:
    raw = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n"
    exchange, _ = await opened(raw)
    found = await exchange.ask("GET", KEY)
    assert (found.body, found.whole) == (b"hello world", True)
    assert "content-length" not in found.headers


async def test_a_connection_that_breaks_is_taken_up_at_the_same_byte(opened: Opening) -> None:
    first = answer(200, BODY, [ETAG])[: -len(BODY) // 2]
    rest = BODY[len(BODY) // 2 :]
    ranged = [ETAG, ("Content-Range", f"bytes {len(BODY) - len(rest)}-{len(BODY) - 1}/{len(BODY)}")]
    exchange, server = await opened(Scripted(first, hang_up=True), answer(206, rest, ranged))
    found = await exchange.ask("GET", KEY)
    assert (found.body, found.whole) == (BODY, True)
    assert server.requests[1].headers["if-match"] == '"e-tag"'
    assert server.requests[1].headers["range"] == f"bytes={len(BODY) // 2}-{len(BODY) - 1}"


async def test_an_object_that_is_replaced_while_it_is_read_is_cut_and_never_mixed(opened: Opening) -> None:
    first = answer(200, BODY, [ETAG])[: -len(BODY) // 2]
    exchange, _ = await opened(Scripted(first, hang_up=True), error(412, "PreconditionFailed"))
    found = await exchange.ask("GET", KEY)
    assert not found.whole
    assert BODY[: len(BODY) // 2].startswith(found.body)
    assert exchange.audited[-1].error_code == "PreconditionFailed"


async def test_when_the_client_goes_the_providers_connection_ends(opened: Opening) -> None:
    """The provider has fallen silent, so that only the end of the connection lets anybody go on."""
    first = answer(200, BODY, [ETAG])[: -len(BODY) // 2]
    exchange, server = await opened(Scripted(first, silent=True))
    gone = asyncio.Event()
    async with asyncio.timeout(20):
        found = await exchange.ask("GET", KEY, gone=gone, on_body=gone.set)
        assert not found.whole
        assert exchange.audited[-1].status == 499
        await asyncio.to_thread(server._threads[0].join)  # it waits for the end of its connection


async def test_a_transfer_ends_with_the_access(opened: Opening, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(objects, "_LOOK_SECONDS", -1.0)  # with every piece
    exchange, _ = await opened(answer(200, BODY * 5, [ETAG]))

    def revoke() -> None:
        exchange.now = NOW.plus_seconds(10)

    await data_grants.delete(exchange.database, OWNER, exchange.grant.id)
    exchange.grant = replace(exchange.grant, ends_at=NOW.plus_seconds(10))
    await data_grants.insert(exchange.database, exchange.grant)
    path = f"/{exchange.entitled_alias}/shared/key"
    found = await exchange.ask("GET", path, account=RECEIVER, on_body=revoke)
    assert found.status == 200
    assert 0 < len(found.body) < len(BODY) * 5
    assert not found.whole
    assert (await exchange.ask("GET", path, account=RECEIVER)).status == 404


async def test_answers_override_headers_but_never_split_them(opened: Opening) -> None:
    exchange, _ = await opened(*[answer(200, b"x", [ETAG, ("Content-Type", "text/html")])] * 2)
    query = "response-content-type=text%2Fplain&response-cache-control=no-store"
    found = await exchange.ask("GET", KEY, query)
    assert (found.headers["content-type"], found.headers["cache-control"]) == ("text/plain", "no-store")
    for refused in ("a%0d%0aset-cookie:%20a=b", "%E2%82%AC", "%7f"):
        split = await exchange.ask("GET", KEY, f"response-content-type={refused}")
        assert split.status == 400
        assert b"<Code>InvalidArgument</Code>" in split.body
    umlaut = await exchange.ask("GET", KEY, "response-content-language=%C3%BC")
    assert umlaut.headers["content-language"] == "ü"


async def test_what_is_shared_never_runs_as_a_page_of_the_exchange(opened: Opening) -> None:
    exchange, _ = await opened(answer(200, b"<script>", [ETAG, ("Content-Type", "text/html")]))
    found = await exchange.ask("GET", KEY)
    assert found.headers["content-security-policy"] == "sandbox"
    assert found.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    "key", ["secret", "shared", "shared/../secret", "shared/%2e%2e/secret", "shared/%2e/x", "%2e%2e/other/x"]
)
async def test_for_what_is_not_shared_the_provider_is_not_even_asked(opened: Opening, key: str) -> None:
    exchange, server = await opened(answer(200, b"secret"))
    assert (await exchange.ask("GET", f"/{ALIAS}/{key}")).status in {403, 404}
    assert server.requests == []


async def test_requests_of_strangers_never_reach_the_provider(opened: Opening) -> None:
    exchange, server = await opened(answer(200, b"secret"))
    for account in (RECEIVER, Scope("999999999999", "us-east-1"), Scope(OWNER.account_id, "eu-west-1")):
        found = await exchange.ask("GET", KEY, account=account)
        assert (found.status, exchange.audited[-1].error_code) == (404, "NoSuchBucket")
        assert (await exchange.ask("GET", f"/{ALIAS}", "list-type=2", account=account)).status == 404
    assert server.requests == []


async def test_without_signatures_whoever_asks_is_the_trusted_account(opened: Opening) -> None:
    exchange, _ = await opened(answer(200, b"hello", [ETAG]))
    assert (await exchange.ask("GET", KEY, account=None)).body == b"hello"


async def test_a_signature_for_another_service_opens_nothing(opened: Opening) -> None:
    exchange, server = await opened(answer(200, b"secret"))
    credential = f"{OWNER.account_id}/20240101/us-east-1/dataexchange/aws4_request"
    found = await exchange.ask("GET", KEY, authorization=f"AWS4-HMAC-SHA256 Credential={credential}")
    assert (found.status, exchange.audited[-1].error_code) == (403, "SignatureDoesNotMatch")
    assert server.requests == []


@pytest.mark.parametrize(
    ("failure", "status", "code"),
    [
        (AuthenticationFailed("UnrecognizedClientException", "unknown"), 403, "InvalidAccessKeyId"),
        (AuthenticationFailed("InvalidSignatureException", "wrong"), 403, "SignatureDoesNotMatch"),
        (AuthenticationFailed("IncompleteSignatureException", "half"), 400, "AuthorizationHeaderMalformed"),
        (AuthenticationFailed("MissingAuthenticationTokenException", "none"), 403, "AccessDenied"),
        (AuthenticationFailed("AccessDeniedException", "disabled"), 403, "AccessDenied"),
        (SignatureOutOfTime("Set the client's clock."), 403, "RequestTimeTooSkewed"),
        (SignatureOutOfTime("Ask for a new one.", of_url=True), 403, "AccessDenied"),
    ],
)
async def test_a_signature_that_does_not_hold_is_refused_in_the_words_of_s3(
    opened: Opening, failure: AuthenticationFailed, status: int, code: str
) -> None:
    class Refusing:
        async def authenticate(self, request: object, now: object) -> Principal:
            raise failure

    exchange, server = await opened(answer(200, b"secret"))
    exchange.gateway._parts = replace(exchange.gateway._parts, authenticator=Refusing())
    found = await exchange.ask("GET", KEY)
    assert (found.status, exchange.audited[-1].error_code) == (status, code)
    assert server.requests == []


@pytest.mark.parametrize("method", ["PUT", "POST", "DELETE"])
async def test_writing_is_refused_before_anybody_is_asked(opened: Opening, method: str) -> None:
    exchange, server = await opened(answer(200))
    found = await exchange.ask(method, KEY, account=None, content_length="5", expect="100-continue")
    assert (found.status, found.headers["connection"]) == (403, "close")
    assert b"can only be read" in found.body
    assert server.requests == []


async def test_every_request_leaves_a_line(opened: Opening) -> None:
    exchange, _ = await opened(answer(200, b"hello", [ETAG]))
    found = await exchange.ask("GET", KEY)
    await exchange.ask("PUT", KEY)
    await exchange.ask("HEAD", f"/{ALIAS}")
    assert [(entry.operation, entry.status, entry.account_id) for entry in exchange.audited] == [
        ("S3GetObject", 200, OWNER.account_id),
        ("S3Other", 403, None),
        ("S3HeadBucket", 200, OWNER.account_id),
    ]
    assert exchange.audited[0].request_id == found.headers["x-amz-request-id"]


@pytest.mark.parametrize(
    "query",
    [
        "max-keys=x",
        "max-keys=-1",
        "max-keys=99999999999",
        "encoding-type=base64",
        "list-type=2&continuation-token=x",
    ],
)
async def test_a_listing_that_makes_no_sense_is_refused(opened: Opening, query: str) -> None:
    exchange, server = await opened(answer(200))
    found = await exchange.ask("GET", f"/{ALIAS}", query)
    assert (found.status, exchange.audited[-1].error_code) == (400, "InvalidArgument")
    assert server.requests == []


async def test_keys_in_a_listing_are_encoded_as_they_were_asked_for(opened: Opening) -> None:
    page = (
        b"<ListBucketResult><IsTruncated>false</IsTruncated><EncodingType>url</EncodingType><Contents>"
        b"<Key>shared/a+b%2Bc%26%3C%01</Key><Size>1</Size><ETag>&quot;e&quot;</ETag>"
        b"<LastModified>2024-01-01T00:00:00Z</LastModified></Contents></ListBucketResult>"
    )
    exchange, server = await opened(*[answer(200, page)] * 2)
    plain = await exchange.ask("GET", f"/{ALIAS}", "list-type=2&prefix=shared/")
    assert b"<Key>shared/a b+c&amp;&lt;&#1;</Key>" in plain.body
    encoded = await exchange.ask("GET", f"/{ALIAS}", "list-type=2&prefix=shared/&encoding-type=url")
    assert b"<Key>shared/a%20b%2Bc%26%3C%01</Key>" in encoded.body
    assert "prefix=shared%2F" in server.requests[0].line


async def test_a_listing_that_is_none_is_no_listing(opened: Opening) -> None:
    exchange, _ = await opened(answer(200, b"<html>"))
    found = await exchange.ask("GET", f"/{ALIAS}", "list-type=2")
    assert (found.status, exchange.audited[-1].error_code) == (503, "SlowDown")


async def test_the_exchanges_own_bytes_are_not_listed_in_the_bucket_where_they_are(opened: Opening) -> None:
    keys = ("shared/mine", "shared/own/secret-id")
    contents = "".join(
        f"<Contents><Key>{key}</Key><Size>1</Size><ETag>e</ETag><LastModified>2024</LastModified></Contents>"
        for key in keys
    )
    prefixes = "<CommonPrefixes><Prefix>shared/own/</Prefix></CommonPrefixes>"
    page = f"<ListBucketResult>{contents}{prefixes}</ListBucketResult>".encode()
    exchange, _ = await opened(answer(200, page))

    class WithoutOwn:
        async def of_account(self, account_id: str) -> WithoutOwn:
            return self

        def open(self, bucket: str, key: str, access: object) -> S3Store:
            if key.startswith("shared/own/"):
                raise StoreAccessDenied("it is the exchange's own")
            return S3Store(exchange.client, bucket)

    parts = replace(exchange.gateway._parts, buckets=WithoutOwn(), own_bucket="provider")
    exchange.gateway = S3Gateway(parts)
    found = await exchange.ask("GET", f"/{ALIAS}", "list-type=2&delimiter=/&prefix=shared/")
    assert b"<Key>shared/mine</Key>" in found.body
    assert b"own" not in found.body


@pytest.mark.parametrize("proven", [True, False])
async def test_what_was_shared_of_the_exchanges_own_bucket_is_served_to_nobody(
    opened: Opening, proven: bool
) -> None:
    exchange, server = await opened(answer(200, b"bytes"))

    def open_bucket(bucket: str, place: Place) -> S3Store:
        return S3Store(exchange.client, bucket)

    buckets = PermittedBuckets(
        exchange.database,
        open_bucket,
        None,
        accounts_are_proven=proven,
        own=OwnBucket("provider", "exchange/", exchange.endpoint_url),
    )
    exchange.gateway = S3Gateway(replace(exchange.gateway._parts, buckets=buckets, own_bucket="provider"))
    for path, query in ((f"/{ALIAS}/shared/a", ""), (f"/{ALIAS}", "list-type=2&prefix=shared/")):
        found = await exchange.ask("GET", path, query)
        assert (found.status, exchange.audited[-1].error_code) == (403, "AccessDenied")
    assert server.requests == []
