"""Who sends a request: AWS Signature Version 4 verified, or, for tests, believed.

Both forms are understood: the `Authorization` header, and the query parameters of a presigned URL. The error
codes are AWS's common ones, and its messages are followed: what is wrong, and what the signature was
calculated over, but never the secret.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Protocol, TypeVar

from entrepot.domain.errors import AuthenticationFailed
from entrepot.domain.scope import Scope
from entrepot.domain.timestamp import Timestamp
from entrepot.http.messages import HttpRequest
from entrepot.sigv4 import arithmetic, signature_parameters
from entrepot.sigv4.aws_chunked import (
    SIGNED_WITH_TRAILER,
    STREAMING_PAYLOADS,
    UNSIGNED_WITH_TRAILER,
    ChunkedBody,
    parse_chunks,
    verify_chunks,
)
from entrepot.sigv4.signature_claim import Claim, claimed_scope, incomplete, invalid, read_claim, refuse

_Key = TypeVar("_Key")
_Value = TypeVar("_Value")

TRUSTED_ACCOUNT_ID = "123456789012"
"""Whose a request is in `trust` mode when its access key id is not twelve digits."""
KEY_LIFETIME_SECONDS = 1.0
"""How long a looked-up key is believed: a key that is disabled may still work for this long."""

MAXIMUM_SKEW_SECONDS = 15 * 60
"""How far a client's clock may be off, either way."""

_CACHED_ENTRIES = 1024
_NO_KEY = (0, None)
_ACCESS_KEY_ID = re.compile(r"[\w.@+=-]{1,128}", re.ASCII)
_ACCOUNT_ID = re.compile(r"\d{12}", re.ASCII)
_REGION = re.compile(r"[a-z0-9-]{1,63}")
_SERVICE = "dataexchange"
_UNSIGNED = frozenset({arithmetic.UNSIGNED_PAYLOAD, UNSIGNED_WITH_TRAILER})
_SERVICES = (_SERVICE, "s3")


@dataclass(frozen=True, slots=True)
class Principal:
    """Who sends a request, and to which service it is signed."""

    scope: Scope
    access_key_id: str | None
    service: str

    def require_data_exchange(self) -> None:
        """Raises `AuthenticationFailed` where the request is meant for another service."""
        if self.service != _SERVICE:
            raise _other_service()


@dataclass(frozen=True, slots=True)
class AccessKey:
    """A key as verification needs it, its secret in the clear."""

    access_key_id: str
    account_id: str
    secret_access_key: str = field(repr=False)
    enabled: bool = True


class SignatureOutOfTime(AuthenticationFailed):
    """Signed too long ago or ahead of this machine's clock; or the URL's time is over."""

    def __init__(self, message: str, *, of_url: bool = False) -> None:
        super().__init__("InvalidSignatureException", message)
        self.of_url = of_url


class SessionTokenRefused(AuthenticationFailed):
    """A session token beside a key of this exchange: all of them are for good, and have none."""

    def __init__(self) -> None:
        super().__init__(
            "UnrecognizedClientException",
            "The security token included in the request is invalid: access keys of this exchange have none. "
            "Send the request without it (AWS_SESSION_TOKEN, or aws_session_token of the profile).",
        )


class Authenticator(Protocol):
    """Finds out who sends a request."""

    async def look_at_head(self, request: HttpRequest, now: Timestamp) -> bool:
        """Looks at a request whose body is not here yet, which `authenticate` still has to see whole.

        Whether the head alone proves who sends it: it does where it tells the body's hash.
        Raises `AuthenticationFailed` where no body can make it hold.
        """

    async def authenticate(self, request: HttpRequest, now: Timestamp) -> Principal:
        """Raises `AuthenticationFailed` when the request does not prove who sends it."""


@dataclass(frozen=True, slots=True)
class _Session:
    """What a key's requests to one service in one Region have in common for a day."""

    signing_key: arithmetic.SigningKey
    principal: Principal


_Identity = tuple[str, str, signature_parameters.CredentialScope]
"""What a session hangs on: account, secret and scope."""


class SigV4Authenticator:
    """Verifies every request's signature.

    It remembers, within bounds, keys for `KEY_LIFETIME_SECONDS`, and signing keys for as long as there is
    room: only those that a verified request has used, so that strangers cannot crowd them out.
    """

    def __init__(
        self, find_key: Callable[[str], Awaitable[AccessKey | None]], default_region: str = "us-east-1"
    ) -> None:
        self._find_key = find_key
        self._default_region = default_region
        self._keys: dict[str, tuple[int, AccessKey | None]] = {}
        self._sessions: dict[_Identity, _Session] = {}
        self._remembered_parameters = lru_cache(_CACHED_ENTRIES)(signature_parameters.parse_parameters)

    async def look_at_head(self, request: HttpRequest, now: Timestamp) -> bool:
        claim = read_claim(request, self._parse_parameters)
        key, session, _ = await self._session_of(claim, now)
        if claim.declared_payload is None:
            return False
        _check_signature(claim, session.signing_key)
        _check_payload_is_signed(claim)
        _check_key(key, claim)
        return True

    async def authenticate(self, request: HttpRequest, now: Timestamp) -> Principal:
        claim = read_claim(request, self._parse_parameters)
        key, session, identity = await self._session_of(claim, now)
        _check_signature(claim, session.signing_key)
        _check_payload_is_signed(claim)
        _check_payload(request, claim, session.signing_key)
        _check_key(key, claim)
        if identity not in self._sessions:
            _keep(self._sessions, identity, session)
        return session.principal

    async def _session_of(self, claim: Claim, now: Timestamp) -> tuple[AccessKey, _Session, _Identity]:
        """The key that the claim names and what goes with it; nothing of the claim is proven by that."""
        _check_time(claim, now.milliseconds // 1000)
        scope = claim.scope
        looked_up_at, key = self._keys.get(scope.access_key_id, _NO_KEY)
        if key is None or not 0 <= now.milliseconds - looked_up_at < KEY_LIFETIME_SECONDS * 1000:
            key = await self._look_up(scope.access_key_id)
            _keep(self._keys, scope.access_key_id, (now.milliseconds, key))
        identity = (key.account_id, key.secret_access_key, scope)
        session = self._sessions.get(identity)
        return key, self._open_session(key, claim) if session is None else session, identity

    def _parse_parameters(self, text: str) -> signature_parameters.SignatureParameters:
        # What no client sends is not worth remembering, and may be sent to fill the memory.
        return (
            self._remembered_parameters(text)
            if len(text) <= 1024
            else signature_parameters.parse_parameters(text)
        )

    async def _look_up(self, access_key_id: str) -> AccessKey:
        known = _ACCESS_KEY_ID.fullmatch(access_key_id) is not None
        key = await self._find_key(access_key_id) if known else None
        if key is None:
            raise refuse(
                "UnrecognizedClientException",
                "The security token included in the request is invalid: this exchange has no access key "
                f"{access_key_id[:128]!r}.",
            )
        return key

    def _open_session(self, key: AccessKey, claim: Claim) -> _Session:
        _check_scope(claim)
        scope = claim.scope
        derived = arithmetic.derive_key(key.secret_access_key, scope.date, scope.region, scope.service)
        region = scope.region or self._default_region
        where = Scope(key.account_id, region, partition_of(region))
        return _Session(arithmetic.SigningKey(derived), Principal(where, key.access_key_id, scope.service))


class TrustAuthenticator:
    """Believes every request, signed or not: for tests on one's own machine.

    An access key id of twelve digits names the account; any other, and none, means `TRUSTED_ACCOUNT_ID`.
    """

    def __init__(self, default_region: str = "us-east-1") -> None:
        self._default_region = default_region

    async def look_at_head(self, request: HttpRequest, now: Timestamp) -> bool:
        return True

    async def authenticate(self, request: HttpRequest, now: Timestamp) -> Principal:
        scope = claimed_scope(request)
        if scope is None:
            where = Scope(TRUSTED_ACCOUNT_ID, self._default_region, partition_of(self._default_region))
            return Principal(where, None, _SERVICE)
        region = scope.region if _REGION.fullmatch(scope.region) else self._default_region
        known = _ACCOUNT_ID.fullmatch(scope.access_key_id) is not None
        account_id = scope.access_key_id if known else TRUSTED_ACCOUNT_ID
        return Principal(Scope(account_id, region, partition_of(region)), scope.access_key_id, scope.service)


def partition_of(region: str) -> str:
    """The partition that a Region belongs to, told by its name."""
    if region.startswith("cn-"):
        return "aws-cn"
    return "aws-us-gov" if region.startswith("us-gov-") else "aws"


def decoded_body(request: HttpRequest) -> bytes:
    """The body that was meant: itself, or what `aws-chunked` carries.

    Signatures are the authenticator's concern. Raises `AuthenticationFailed` when the chunks are malformed.
    """
    for name, value in request.headers:
        if name == b"x-amz-content-sha256" and value.decode("latin-1") in STREAMING_PAYLOADS:
            return _chunks(request).data
    return request.body


def _check_scope(claim: Claim) -> None:
    scope = claim.scope
    if scope.service not in _SERVICES:
        raise _other_service()
    if scope.region and _REGION.fullmatch(scope.region) is None:
        raise invalid("Credential should be scoped to a valid Region.")


def _other_service() -> AuthenticationFailed:
    return invalid(f"Credential should be scoped to correct service: {_SERVICE!r}.")


def _check_time(claim: Claim, now: int) -> None:
    if claim.scope.date != claim.timestamp[:8]:
        raise invalid(
            "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: "
            f"{claim.scope.date!r} != {claim.timestamp[:8]!r}, from {claim.timestamp!r}."
        )
    if claim.epoch_seconds > now + MAXIMUM_SKEW_SECONDS:
        limit = arithmetic.format_timestamp(now + MAXIMUM_SKEW_SECONDS)
        raise SignatureOutOfTime(
            f"Signature not yet current: {claim.timestamp} is still later than {limit} "
            f"({arithmetic.format_timestamp(now)} + 15 min.). Set the client's clock."
        )
    if claim.expires_in_seconds is not None:
        end = claim.epoch_seconds + claim.expires_in_seconds
        if now > end:
            raise SignatureOutOfTime(
                f"Signature expired: the URL was valid until {arithmetic.format_timestamp(end)}, "
                f"and it is now {arithmetic.format_timestamp(now)}. Ask for a new one.",
                of_url=True,
            )
    elif claim.epoch_seconds < now - MAXIMUM_SKEW_SECONDS:
        limit = arithmetic.format_timestamp(now - MAXIMUM_SKEW_SECONDS)
        raise SignatureOutOfTime(
            f"Signature expired: {claim.timestamp} is now earlier than {limit} "
            f"({arithmetic.format_timestamp(now)} - 15 min.). Set the client's clock."
        )


def _check_signature(claim: Claim, signing_key: arithmetic.SigningKey) -> None:
    text = arithmetic.string_to_sign(claim.timestamp, claim.scope.text, claim.canonical_request)
    if not hmac.compare_digest(signing_key.sign(text), claim.signature):
        raise invalid(
            "The request signature we calculated does not match the signature you provided. Check your AWS "
            "Secret Access Key and signing method. Consult the service documentation for details.\n\n"
            f"The Canonical String for this request should have been\n'{claim.canonical_request}'\n\n"
            f"The String-to-Sign should have been\n'{text}'\n"
        )


def _check_key(key: AccessKey, claim: Claim) -> None:
    """What a key does not allow though its signature holds."""
    if claim.has_session_token:
        raise SessionTokenRefused
    if not key.enabled:
        raise refuse(
            "AccessDeniedException", f"The access key {key.access_key_id} is disabled. Use another one."
        )


def _check_payload_is_signed(claim: Claim) -> None:
    """Only S3 takes bodies that nobody signed; over plain HTTP, anybody on the way could change them."""
    if claim.scope.service != "s3" and claim.declared_payload in _UNSIGNED:
        raise invalid(
            f"x-amz-content-sha256 must be the SHA-256 of the body. {claim.declared_payload} is for requests "
            "to S3 alone."
        )


def _check_payload(request: HttpRequest, claim: Claim, signing_key: arithmetic.SigningKey) -> None:
    """That the body is the one whose hash was signed, or that its chunks are signed one by one."""
    payload = claim.declared_payload
    if payload is None or payload == arithmetic.UNSIGNED_PAYLOAD:
        return
    if payload in STREAMING_PAYLOADS:
        body = _chunks(request)
        if payload != UNSIGNED_WITH_TRAILER and not verify_chunks(
            body,
            key=signing_key,
            timestamp=claim.timestamp,
            scope=claim.scope,
            seed=claim.signature,
            with_trailer=payload == SIGNED_WITH_TRAILER,
        ):
            raise invalid("The signature of a chunk of the aws-chunked body is wrong.")
    elif payload != arithmetic.payload_hash(request.body):
        raise invalid("The value of x-amz-content-sha256 is not the SHA-256 of the body that arrived.")


def _chunks(request: HttpRequest) -> ChunkedBody:
    try:
        body = parse_chunks(request.body)
    except signature_parameters.MalformedSignature as error:
        raise incomplete(str(error)) from None
    for name, value in request.headers:
        if name == b"x-amz-decoded-content-length" and value.strip() != b"%d" % len(body.data):
            raise incomplete("x-amz-decoded-content-length is not the length of the body that arrived.")
    return body


def _keep(cache: dict[_Key, _Value], key: _Key, value: _Value) -> None:
    """Bounded: the oldest entry makes room."""
    if key not in cache and len(cache) >= _CACHED_ENTRIES:
        del cache[next(iter(cache))]
    cache[key] = value
