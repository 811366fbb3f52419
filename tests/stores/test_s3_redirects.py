"""Redirects: an endpoint is what the operator allowed, and passes no request on; hosts of Amazon S3 may."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.servers.certificates import make_certificates
from tests.servers.scripted_http import Scripted, ScriptedServer, answer, scripted_server
from tests.stores.objects import get, put
from tests.stores.scripted_bucket import OK, bucket_at, found, playing

from entrepot.domain.errors import InvalidStoreRequest, StoreError, StoreUnavailable
from entrepot.http.pool import ConnectionOptions
from entrepot.stores.s3 import S3Store

AWS = "https://bucket.s3.us-east-1.amazonaws.com"
IRELAND = "bucket.s3.eu-west-1.amazonaws.com"


def redirect(status: int, *, location: str = "", endpoint: str = "", region: str = "") -> bytes:
    """As S3 answers it: the address in a header, in the document, or only the Region."""
    named = f"<Endpoint>{endpoint}</Endpoint>" if endpoint else ""
    body = f"<Error><Code>PermanentRedirect</Code><Message>as scripted</Message>{named}</Error>".encode()
    headers = [("Location", location)] if location else []
    return answer(status, body, [*headers, *([("x-amz-bucket-region", region)] if region else [])])


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("way", ["location", "endpoint"])
@pytest.mark.parametrize("region", ["", "eu-west-1"])
def test_an_endpoint_does_not_pass_requests_on(status: int, way: str, region: str) -> None:
    with scripted_server(*[found(b"secret")] * 4) as inside:
        target = f"{inside.url}/bucket/key" if way == "location" else f"127.0.0.1:{inside.port}"
        moved = redirect(status, region=region, **{way: target})
        with playing(*[moved] * 4) as (store, server):
            requests = [store.open, store.delete, lambda key: put(store, key, b"bytes")]
            if way == "location":  # to HEAD there is no document
                requests.append(store.head)
            for request in requests:
                with pytest.raises(InvalidStoreRequest) as caught:
                    request("key")
                assert server.url in caught.value.message
                assert target in caught.value.message
        assert inside.requests == []


@pytest.mark.parametrize(
    "target",
    [
        AWS,
        "https://s3.amazonaws.com",
        "https://127.0.0.1/",
        "http://169.254.169.254/latest/meta-data/",
        "http://[::1]:80/",
        "http://localhost/",
        "//127.0.0.1/bucket/key",
        "/bucket/key",
        "file:///etc/passwd",
        "gopher://127.0.0.1:6379/_",
        "http://",
        "nonsense",
    ],
)
def test_no_kind_of_target_is_followed(target: str) -> None:
    with playing(redirect(307, location=target)) as (store, server):
        with pytest.raises(InvalidStoreRequest) as caught:
            put(store, "key", b"bytes")
        assert target in caught.value.message
        assert len(server.requests) == 1


def test_a_body_that_can_be_sent_once_is_not_passed_on_either() -> None:
    with (
        playing(found(b"bytes"), redirect(307, location="http://127.0.0.1:1/")) as (store, _),
        store.open("source") as reader,
        pytest.raises(InvalidStoreRequest, match="redirects to 'http://127"),
    ):
        store.put("key", reader, 5)


def test_a_redirect_in_the_middle_of_an_object_is_not_followed() -> None:
    torn = Scripted(found(b"0123456789")[:-5], hang_up=True)
    with (
        playing(torn, redirect(307, location="http://127.0.0.1:1/")) as (store, _),
        pytest.raises(InvalidStoreRequest, match="redirects to"),
    ):
        get(store, "key")


@pytest.mark.parametrize("region", ["eu-west-1/../", "evil.example", "a b", "x" * 50, "\u00e9"])
def test_what_is_no_region_is_not_taken_for_one(region: str) -> None:
    with playing(redirect(301, region=region).decode("latin-1").encode("latin-1")) as (store, server):
        with pytest.raises(InvalidStoreRequest):
            put(store, "key", b"bytes")
        assert len(server.requests) == 1


def test_an_error_is_shown_in_part_where_it_is_long() -> None:
    body = f"<Error><Code>{'C' * 9000}</Code><Message>{'m' * 9000}</Message></Error>".encode()
    for status in (200, 400):
        with playing(answer(status, body)) as (store, _), pytest.raises(StoreError) as caught:
            store.list("")
        assert len(caught.value.message) < 2000


@contextmanager
def amazon(
    folder: Path, *script: bytes, hosts: Sequence[str] = (), url: str | None = None
) -> Iterator[tuple[S3Store, ScriptedServer]]:
    """Amazon S3 as this script has it: a proxy opens a tunnel for each host in turn, and is the host."""
    certificates = make_certificates(
        folder, [AWS.removeprefix("https://"), "s3.us-east-1.amazonaws.com", *hosts]
    )
    steps: list[Scripted | bytes] = []
    for each in script:
        tunnel = Scripted(b"HTTP/1.1 200 Connection established\r\n\r\n", turns_to_tls=True)
        steps += [tunnel, Scripted(each, hang_up=True)]
    with scripted_server(*steps, tls=certificates.server) as proxy:
        options = ConnectionOptions(
            proxies={"https": proxy.url, "http": proxy.url}, ca_bundle=certificates.ca_bundle
        )
        with bucket_at(url, connection=options, attempts=1) as store:
            yield store, proxy


def tunnels(proxy: ScriptedServer) -> list[str]:
    return [
        request.line.split()[1].removesuffix(":443")
        for request in proxy.requests
        if request.line.startswith("CONNECT")
    ]


@pytest.mark.parametrize("way", ["location", "endpoint", "region"])
def test_hosts_of_amazon_pass_requests_on_to_each_other(tmp_path: Path, way: str) -> None:
    target = {"location": f"https://{IRELAND}/key", "endpoint": IRELAND, "region": "eu-west-1"}[way]
    with amazon(tmp_path, redirect(307, **{way: target}), OK, hosts=[IRELAND]) as (store, proxy):
        put(store, "key", b"bytes")
        assert tunnels(proxy) == [AWS.removeprefix("https://"), IRELAND]
        assert [request.line for request in proxy.requests[1::2]] == ["PUT /key HTTP/1.1"] * 2


def test_an_endpoint_that_is_amazon_by_name_may_do_so_too(tmp_path: Path) -> None:
    moved = redirect(301, endpoint=IRELAND, region="eu-west-1")
    url = "https://s3.us-east-1.amazonaws.com"
    with amazon(tmp_path, moved, OK, hosts=[IRELAND], url=url) as (store, proxy):
        put(store, "key", b"bytes")
        assert [request.line for request in proxy.requests[1::2]] == [
            "PUT /bucket/key HTTP/1.1",
            "PUT /key HTTP/1.1",
        ]
        assert "/eu-west-1/s3/" in proxy.requests[-1].headers["authorization"]


@pytest.mark.parametrize(
    "target",
    [
        "http://bucket.s3.eu-west-1.amazonaws.com/key",
        "https://bucket.s3.eu-west-1.amazonaws.com:8443/key",
        "https://ec2-10-0-0-1.compute-1.amazonaws.com/",
        "https://internal-s3-1234.us-east-1.elb.amazonaws.com/",
        "https://s3-1234.us-east-1.elb.amazonaws.com/",
        "https://abc.execute-api.us-east-1.amazonaws.com/",
        "https://amazonaws.com/",
        "https://bucket.s3.amazonaws.com.evil.example/",
        "https://s3.amazonaws.com@evil.example/",
        "https://evil.example/.s3.amazonaws.com/",
        "https://evil.example\\.s3.amazonaws.com/",
        "https://s3.evilamazonaws.com/",
        "https://127.0.0.1/",
    ],
)
def test_amazon_passes_requests_on_to_nobody_else(tmp_path: Path, target: str) -> None:
    with amazon(tmp_path, redirect(307, location=target), OK) as (store, proxy):
        with pytest.raises(InvalidStoreRequest, match="redirects to"):
            put(store, "key", b"bytes")
        assert len(tunnels(proxy)) == 1


@pytest.mark.parametrize(
    "host",
    [
        "s3.amazonaws.com",
        "bucket.s3-eu-west-1.amazonaws.com",
        "bucket.s3-4c25d83b.amazonaws.com",
        "bucket.s3.dualstack.eu-west-1.amazonaws.com",
        "bucket.s3-accelerate.dualstack.amazonaws.com",
        "bucket.vpce-1a2b3c4d-5e6f.s3.us-east-1.vpce.amazonaws.com",
        "bucket.s3-fips.us-gov-west-1.amazonaws.com",
        "bucket.s3.cn-north-1.amazonaws.com.cn",
    ],
)
def test_every_kind_of_host_of_amazon_is_one(tmp_path: Path, host: str) -> None:
    with amazon(tmp_path, redirect(307, endpoint=host)) as (store, proxy):
        with pytest.raises(StoreUnavailable):  # the script ends there
            put(store, "key", b"bytes")
        assert tunnels(proxy)[1:] == [host]
