"""Signed URLs of a running exchange: what a PUT was sent with comes back, and what S3 refuses is refused."""

from __future__ import annotations

import base64
import hashlib
import http.client
import socket
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from tests.functional import flow
from tests.functional.clients import client as make_client

CONTENT = b"0123456789"
MD5 = base64.b64encode(hashlib.md5(CONTENT).digest()).decode()
SAID = {
    "Content-Type": "text/csv",
    "Content-Encoding": "gzip",
    "Content-Language": "de",
    "Content-Disposition": "inline",
    "Cache-Control": "no-store",
}


@pytest.fixture
def exchange(trusting_exchange: Any) -> Iterator[Any]:
    made = make_client("dataexchange", trusting_exchange.url, "345678901234", "any")
    yield made
    made.close()


def upload_url(exchange: Any, place: dict[str, str]) -> tuple[str, str]:
    """The id of a job that waits for an upload, and where to."""
    details = {"ImportAssetFromSignedUrl": {"AssetName": "a.csv.gz", "Md5Hash": MD5, **place}}
    job = exchange.create_job(Type="IMPORT_ASSET_FROM_SIGNED_URL", Details=details)
    return job["Id"], job["Details"]["ImportAssetFromSignedUrl"]["SignedUrl"]


def ask(method: str, url: str, body: bytes | None = None, **headers: str) -> tuple[int, Any, bytes]:
    parts = urlsplit(url)
    assert parts.hostname is not None
    connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=60)
    try:
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, f"{parts.path}?{parts.query}", body, sent)
        with connection.getresponse() as answer:
            return answer.status, answer.headers, answer.read()
    finally:
        connection.close()


def test_what_an_upload_was_sent_with_comes_back_with_the_asset(exchange: Any) -> None:
    place = flow.open_revision(exchange)
    job_id, url = upload_url(exchange, place)
    said = {name.replace("-", "_"): value for name, value in SAID.items()}
    assert ask("PUT", url, CONTENT, Content_MD5=MD5, **said)[0] == 200
    exchange.start_job(JobId=job_id)
    assert flow.finished(exchange, job_id)["State"] == "COMPLETED"
    (asset,) = flow.assets(exchange, place)
    asked = {"AssetId": asset["Id"], **place}
    job = flow.run_job(exchange, "EXPORT_ASSET_TO_SIGNED_URL", ExportAssetToSignedUrl=asked)
    download = job["Details"]["ExportAssetToSignedUrl"]["SignedUrl"]
    for method, headers, status, body in (
        ("GET", {}, 200, CONTENT),
        ("HEAD", {}, 200, b""),
        ("GET", {"Range": "bytes=2-4"}, 206, b"234"),
    ):
        found_status, found, found_body = ask(method, download, **headers)
        assert (found_status, found_body) == (status, body)
        assert {name: found[name] for name in SAID} == SAID
    status, found, body = ask("GET", download, Range="bytes=10-")
    assert (status, found["Content-Range"]) == (416, "bytes */10")
    assert b"<Code>InvalidRange</Code>" in body


@pytest.mark.parametrize(
    ("framing", "status", "code"),
    [
        ("Transfer-Encoding: chunked\r\n", 501, b"NotImplemented"),
        ("Transfer-Encoding: chunked\r\nExpect: 100-continue\r\n", 501, b"NotImplemented"),
        ("", 411, b"MissingContentLength"),
        ("Content-Length: 10\r\nExpect: 100-continue\r\nx-amz-acl: private\r\n", 403, b"AccessDenied"),
        ("Content-Length: 10\r\nExpect: 100-continue\r\nIf-Match: *\r\n", 404, b"NoSuchKey"),
    ],
)
def test_an_upload_that_s3_would_refuse_is_refused_before_its_body(
    exchange: Any, framing: str, status: int, code: bytes
) -> None:
    job_id, url = upload_url(exchange, flow.open_revision(exchange))
    parts = urlsplit(url)
    line = f"PUT {parts.path}?{parts.query} HTTP/1.1"
    head = f"{line}\r\nHost: {parts.netloc}\r\nContent-MD5: {MD5}\r\n{framing}\r\n"
    with socket.create_connection((parts.hostname or "", parts.port or 80), timeout=60) as connection:
        connection.sendall(head.encode())
        answer = b""
        while b"</Error>" not in answer:
            more = connection.recv(65536)
            assert more, answer
            answer += more
    assert answer.startswith(b"HTTP/1.1 %d" % status), answer
    assert b"<Code>%s</Code>" % code in answer
    exchange.cancel_job(JobId=job_id)
