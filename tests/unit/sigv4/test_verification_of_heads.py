"""What a request's head proves before its body is here."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.unit.sigv4.signed_requests import (
    DISABLED,
    KEY,
    NOW,
    authenticator,
    presigned,
    signed,
    with_authorization,
    with_header,
)

from entrepot.domain.errors import AuthenticationFailed
from entrepot.http.messages import HttpRequest
from entrepot.sigv4.arithmetic import payload_hash
from entrepot.sigv4.verification import AccessKey, TrustAuthenticator

BODY = b'{"Name": "n"}'
TELLS_HASH = (("x-amz-content-sha256", payload_hash(BODY)),)


def telling_its_hash(key: AccessKey = KEY) -> HttpRequest:
    return signed(body=BODY, headers=TELLS_HASH, key=key)


def without_body(request: HttpRequest) -> HttpRequest:
    return replace(request, body=b"")


async def code_of(request: HttpRequest) -> str:
    with pytest.raises(AuthenticationFailed) as raised:
        await authenticator().look_at_head(without_body(request), NOW)
    return raised.value.authentication_code


async def test_a_head_that_tells_the_hash_of_its_body_proves_who_sends_it() -> None:
    assert await authenticator().look_at_head(without_body(telling_its_hash()), NOW)


async def test_the_body_itself_is_still_compared() -> None:
    request = telling_its_hash()
    await authenticator().authenticate(request, NOW)
    with pytest.raises(AuthenticationFailed, match="is not the SHA-256 of the body"):
        await authenticator().authenticate(replace(request, body=BODY + b" "), NOW)


async def test_without_the_hash_nothing_is_proven_and_nothing_refused() -> None:
    assert not await authenticator().look_at_head(without_body(signed(body=BODY)), NOW)
    assert not await authenticator().look_at_head(presigned(), NOW)
    assert not await authenticator().look_at_head(without_body(signed(body=BODY, key=DISABLED)), NOW)


async def test_what_no_body_can_mend_is_refused_at_once() -> None:
    assert (
        await code_of(with_header(signed(), "authorization", None)) == "MissingAuthenticationTokenException"
    )
    assert await code_of(with_header(signed(), "authorization", "AWS4")) == "IncompleteSignatureException"
    assert await code_of(signed(timestamp="20240229T110000Z")) == "InvalidSignatureException"
    assert await code_of(signed(service="sqs")) == "InvalidSignatureException"
    unknown = replace(KEY, access_key_id="AKIANOBODY")
    assert await code_of(signed(key=unknown)) == "UnrecognizedClientException"
    forged = with_authorization(telling_its_hash(), "Signature=", "Signature=0")
    assert await code_of(forged) == "IncompleteSignatureException"
    changed = with_header(telling_its_hash(), "x-amz-content-sha256", payload_hash(b"another"))
    assert await code_of(changed) == "InvalidSignatureException"
    assert await code_of(telling_its_hash(DISABLED)) == "AccessDeniedException"


async def test_in_trust_mode_every_head_is_believed() -> None:
    assert await TrustAuthenticator().look_at_head(HttpRequest("POST", "/v1/jobs", b"", [], b""), NOW)
