"""The ways to S3: addresses, certificates, proxies."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from tests.servers.certificates import make_certificates
from tests.servers.scripted_http import Scripted, answer, scripted_server
from tests.stores.objects import MIB, get, pattern, put
from tests.stores.scripted_bucket import OK, bucket_at, found

from entrepot.domain.errors import (
    ConfigurationError,
    StoreUnavailable,
)
from entrepot.http.pool import ConnectionOptions
from entrepot.stores.credentials import StaticCredentials
from entrepot.stores.s3_client import S3Client, S3Options, S3Request


def test_https_trusts_the_given_authority_and_no_other(tmp_path: Path) -> None:
    certificates = make_certificates(tmp_path)
    trusting = ConnectionOptions(ca_bundle=certificates.ca_bundle)
    with scripted_server(
        OK, found(pattern(3 * MIB)), tls=certificates.server, begins_with_tls=True
    ) as server:
        with bucket_at(server.url, connection=trusting) as store:
            store.put("key", memoryview(pattern(3 * MIB)), 3 * MIB)
            assert server.requests[0].body == pattern(3 * MIB)
            assert get(store, "key") == pattern(3 * MIB)
        before = time.monotonic()
        with (
            bucket_at(server.url, pause_seconds=30) as store,
            pytest.raises(StoreUnavailable, match="certif"),
        ):
            store.head("key")
        assert time.monotonic() - before < 10


def test_a_ca_bundle_that_is_missing_is_named(tmp_path: Path) -> None:
    options = ConnectionOptions(ca_bundle=tmp_path / "missing.pem")
    with (
        scripted_server() as server,
        bucket_at(f"https://127.0.0.1:{server.port}", connection=options) as store,
        pytest.raises(StoreUnavailable, match=r"missing\.pem"),
    ):
        store.head("key")


def test_http_goes_through_a_proxy_with_its_whole_url() -> None:
    with scripted_server(OK) as proxy:
        options = ConnectionOptions(proxies={"http": proxy.url.replace("//", "//user:p%40ss@")})
        with bucket_at("http://s3.example:9000", connection=options) as store:
            put(store, "a b", b"bytes")
        (request,) = proxy.requests
        assert request.line == "PUT http://s3.example:9000/bucket/a%20b HTTP/1.1"
        assert request.headers["host"] == "s3.example:9000"
        assert request.headers["proxy-authorization"] == "Basic dXNlcjpwQHNz"


def test_https_goes_through_a_tunnel(tmp_path: Path) -> None:
    certificates = make_certificates(tmp_path)
    tunnel = Scripted(b"HTTP/1.1 200 Connection established\r\n\r\n", turns_to_tls=True)
    with scripted_server(tunnel, OK, tls=certificates.server) as proxy:
        options = ConnectionOptions(proxies={"https": proxy.url}, ca_bundle=certificates.ca_bundle)
        with bucket_at("https://127.0.0.1:9", connection=options) as store:
            put(store, "key", b"bytes")
        assert [request.line for request in proxy.requests] == [
            "CONNECT 127.0.0.1:9 HTTP/1.1",
            "PUT /bucket/key HTTP/1.1",
        ]


def test_a_proxy_that_refuses_is_named() -> None:
    with scripted_server(answer(407, reason="Proxy Authentication Required")) as proxy:
        options = ConnectionOptions(proxies={"https": proxy.url})
        with (
            bucket_at("https://127.0.0.1:9", connection=options) as store,
            pytest.raises(StoreUnavailable, match="407 Proxy Authentication Required"),
        ):
            store.head("key")


@pytest.mark.parametrize("rule", ["127.0.0.1", "127.0.0.1:PORT", "*", ".0.0.1"])
def test_hosts_without_proxy_are_reached_directly(rule: str) -> None:
    with scripted_server(OK) as server:
        name = rule.replace("PORT", str(server.port))
        options = ConnectionOptions(proxies={"http": "http://127.0.0.1:1"}, no_proxy=(name,))
        with bucket_at(server.url, connection=options) as store:
            put(store, "key", b"bytes")
        assert len(server.requests) == 1


@pytest.mark.parametrize("url", ["127.0.0.1:9000", "ftp://host", "http://", ""])
def test_an_endpoint_that_is_no_url_is_a_mistake_in_the_configuration(url: str) -> None:
    with pytest.raises(ConfigurationError, match="must have the form"):
        S3Client(StaticCredentials("key", "secret"), endpoint_url=url)


def test_a_proxy_that_is_no_url_is_a_mistake_in_the_configuration() -> None:
    options = S3Options(connection=ConnectionOptions(proxies={"http": "socks5://me:hidden@host"}))
    with pytest.raises(ConfigurationError, match=r"proxy 'socks5://host'"):
        S3Client(StaticCredentials("key", "secret"), options=options)


@pytest.mark.parametrize(
    ("bucket", "region", "expected"),
    [
        ("bucket", "us-east-1", "https://bucket.s3.us-east-1.amazonaws.com/a%20b?"),
        ("bucket", "cn-north-1", "https://bucket.s3.cn-north-1.amazonaws.com.cn/a%20b?"),
        ("dotted.bucket", "eu-west-1", "https://s3.eu-west-1.amazonaws.com/dotted.bucket/a%20b?"),
        ("Old_Bucket", "us-east-1", "https://s3.us-east-1.amazonaws.com/Old_Bucket/a%20b?"),
    ],
)
def test_aws_is_addressed_by_the_buckets_host_where_that_is_possible(
    bucket: str, region: str, expected: str
) -> None:
    client = S3Client(StaticCredentials("key", "secret"), region=region)
    url = client.presign(S3Request("GetObject", "GET", bucket, "a b"), expires_in_seconds=60)
    client.close()
    assert url.startswith(expected)


def test_an_endpoint_may_have_a_path_and_use_virtual_hosts() -> None:
    client = S3Client(
        StaticCredentials("key", "secret"),
        endpoint_url="https://storage.example/s3/",
        options=S3Options(path_style=False),
    )
    url = client.presign(S3Request("GetObject", "GET", "bucket", "key"), expires_in_seconds=60)
    client.close()
    assert url.startswith("https://bucket.storage.example/s3/key?")
