"""Requests signed by our own signer, the keys they are signed with, and changes made to them afterwards."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import pytest

from entrepot.domain.errors import AuthenticationFailed
from entrepot.domain.timestamp import Timestamp
from entrepot.http.messages import HttpRequest
from entrepot.sigv4 import signature_parameters
from entrepot.sigv4.signer import Signer
from entrepot.sigv4.verification import (
    AccessKey,
    SigV4Authenticator,
)

KEY = AccessKey("AKIA234567ABCDEFGHIJ", "111122223333", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")
OTHER = AccessKey("AKIAOTHEROTHEROTHERO", "444455556666", "another+secret/another+secret/another+se")
DISABLED = AccessKey("AKIADISABLEDDISABLED", "111122223333", KEY.secret_access_key, enabled=False)
TIMESTAMP = "20240229T120000Z"
NOW = Timestamp(signature_parameters.parse_timestamp(TIMESTAMP) * 1000)
HOST = "127.0.0.1:8250"
JOB = "/v1/jobs/0123456789abcdef0123456789abcdef"


class Keys:
    """The keys of the exchange, and how often they were asked for."""

    def __init__(self, *keys: AccessKey) -> None:
        self.by_id = {key.access_key_id: key for key in keys}
        self.look_ups = 0

    async def find(self, access_key_id: str) -> AccessKey | None:
        self.look_ups += 1
        return self.by_id.get(access_key_id)


def authenticator() -> SigV4Authenticator:
    return SigV4Authenticator(Keys(KEY, OTHER, DISABLED).find, "eu-west-1")


async def refusal(request: HttpRequest, now: Timestamp = NOW) -> AuthenticationFailed:
    with pytest.raises(AuthenticationFailed) as raised:
        await authenticator().authenticate(request, now)
    assert KEY.secret_access_key not in raised.value.message
    return raised.value


def signed(
    method: str = "POST",
    path: str = "/v1/jobs",
    query: str = "b=2&a=x%2Fy",
    body: bytes = b'{"Type": "IMPORT_ASSETS_FROM_S3"}',
    *,
    key: AccessKey = KEY,
    region: str = "us-east-1",
    service: str = "dataexchange",
    timestamp: str = TIMESTAMP,
    payload_hash: str | None = None,
    headers: tuple[tuple[str, str], ...] = (("content-type", "application/json"),),
    token: str | None = None,
) -> HttpRequest:
    signer = Signer(
        signature_parameters.Credentials(key.access_key_id, key.secret_access_key, token),
        region=region,
        service=service,
    )
    sent = [("host", HOST), ("user-agent", "test"), *headers]
    sent += signer.sign_headers(
        method,
        path,
        query,
        sent,
        payload_hash=payload_hash or hashlib.sha256(body).hexdigest(),
        timestamp=timestamp,
    )
    wire = [(name.encode(), value.encode()) for name, value in sent]
    return HttpRequest(method, path, query.encode(), wire, body)


def presigned(
    method: str = "GET",
    path: str = JOB,
    query: str = "a=1",
    *,
    expires: int = 600,
    timestamp: str = TIMESTAMP,
    service: str = "dataexchange",
) -> HttpRequest:
    signer = Signer(
        signature_parameters.Credentials(KEY.access_key_id, KEY.secret_access_key),
        region="us-east-1",
        service=service,
    )
    whole = signer.presign(
        method, path, query, [("host", HOST)], expires_in_seconds=expires, timestamp=timestamp
    )
    return HttpRequest(method, path, whole.encode(), [(b"host", HOST.encode())], b"")


def with_header(request: HttpRequest, name: str, value: str | None) -> HttpRequest:
    headers = [header for header in request.headers if header[0] != name.encode()]
    if value is not None:
        headers.append((name.encode(), value.encode()))
    return replace(request, headers=headers)


def with_authorization(request: HttpRequest, old: str, new: str) -> HttpRequest:
    value = dict(request.headers)[b"authorization"].decode()
    assert old in value
    return with_header(request, "authorization", value.replace(old, new))
