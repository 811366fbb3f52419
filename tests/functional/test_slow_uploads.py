"""Whoever has one upload URL cannot stop the transfers of others."""

from __future__ import annotations

import base64
import hashlib
import http.client
import select
import socket
from contextlib import ExitStack
from typing import Any
from urllib.parse import urlsplit

import pytest
from tests.functional.accounts import new_account
from tests.functional.flow import import_by_signed_url, open_revision, run_job
from tests.servers.exchanges import Exchange

SLOW = 70
PATIENCE_SECONDS = 60
CONTENT = b"a" * 1_000_000


def upload_url(client: Any, place: dict[str, str], content: bytes) -> str:
    md5 = base64.b64encode(hashlib.md5(content).digest()).decode()
    details = {"AssetName": "slow", "Md5Hash": md5, **place}
    job = client.create_job(
        Type="IMPORT_ASSET_FROM_SIGNED_URL", Details={"ImportAssetFromSignedUrl": details}
    )
    url: str = job["Details"]["ImportAssetFromSignedUrl"]["SignedUrl"]
    return url


def begin(url: str, content: bytes, sent: int) -> socket.socket:
    """A PUT of which only the first bytes come."""
    parts = urlsplit(url)
    connection = socket.create_connection((parts.hostname, parts.port), timeout=PATIENCE_SECONDS)
    md5 = base64.b64encode(hashlib.md5(content).digest()).decode()
    head = f"PUT {parts.path}?{parts.query} HTTP/1.1\r\nHost: {parts.netloc}\r\nContent-MD5: {md5}\r\n"
    connection.sendall(f"{head}Content-Length: {len(content)}\r\n\r\n".encode() + content[:sent])
    return connection


def answer_of(connection: socket.socket) -> tuple[int, str]:
    answer = http.client.HTTPResponse(connection)
    answer.begin()
    body = answer.read().decode()
    assert answer.status != 503 or answer.headers["retry-after"] == "5"
    return answer.status, body


def refused_but(count: int, connections: list[socket.socket], why: str) -> list[socket.socket]:
    """Waits until all but so many are refused; those others."""
    waiting = list(connections)
    while len(waiting) > count:
        answered, _, _ = select.select(waiting, [], [], PATIENCE_SECONDS)
        assert answered, "some are neither refused nor among those that may go on"
        for connection in answered:
            status, body = answer_of(connection)
            assert status == 503
            assert why in body
            waiting.remove(connection)
    return waiting


@pytest.fixture(scope="module")
def account(sigv4_exchange: Exchange) -> Any:
    made = new_account(sigv4_exchange, "slow")
    yield made
    made.client.close()


def test_slow_uploads_by_one_url_hold_up_nobody(sigv4_exchange: Exchange, account: Any, port: Any) -> None:
    url = upload_url(account.client, open_revision(account.client, "Slow"), CONTENT)
    with ExitStack() as connections:
        slow = [connections.enter_context(begin(url, CONTENT, 1)) for _ in range(SLOW)]
        (accepted,) = refused_but(1, slow, "only one can be")
        place = open_revision(port.account.client, "Fast")
        assert import_by_signed_url(port.account.client, place, "a.csv", b"a")["State"] == "COMPLETED"
        asset_id = port.account.client.list_revision_assets(**place)["Assets"][0]["Id"]
        export = {"AssetId": asset_id, **place}
        job = run_job(port.account.client, "EXPORT_ASSET_TO_SIGNED_URL", ExportAssetToSignedUrl=export)
        assert job["State"] == "COMPLETED"
        accepted.sendall(CONTENT[1:])
        assert answer_of(accepted)[0] == 200


def test_slow_uploads_of_one_account_leave_room_for_others(
    sigv4_exchange: Exchange, account: Any, port: Any
) -> None:
    place = open_revision(account.client, "Slow")
    with ExitStack() as connections:
        urls = [upload_url(account.client, place, CONTENT) for _ in range(30)]
        slow = [connections.enter_context(begin(url, CONTENT, 1)) for url in urls]
        refused_but(24, slow, "This account has 24 uploads")
        other = open_revision(port.account.client, "Fast")
        assert import_by_signed_url(port.account.client, other, "a.csv", b"a")["State"] == "COMPLETED"


def test_a_retry_after_a_lost_connection_succeeds(sigv4_exchange: Exchange, account: Any) -> None:
    url = upload_url(account.client, open_revision(account.client, "Lost"), CONTENT)
    with begin(url, CONTENT, 1000):
        pass
    for _ in range(100):
        with begin(url, CONTENT, len(CONTENT)) as again:
            status, body = answer_of(again)
        if status != 503:
            break
    assert status == 200, body
