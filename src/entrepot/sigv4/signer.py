"""The side of Signature Version 4 that signs: `Authorization` headers and presigned URLs.

The command line signs at every start, so this module, like `arithmetic`, imports nothing that takes time.
"""

from __future__ import annotations

from entrepot.sigv4.arithmetic import (
    ALGORITHM,
    EMPTY_PAYLOAD_HASH,
    MAXIMUM_EXPIRY_SECONDS,
    S3_SERVICES,
    UNSIGNED_PAYLOAD,
    SigningKey,
    build_authorization,
    canonical_headers,
    canonical_path,
    canonical_query,
    canonical_request,
    derive_key,
    encode_query,
    string_to_sign,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Protocol

    class Keys(Protocol):
        """What a client signs with: `sigv4.Credentials`, or whatever else has the same three."""

        @property
        def access_key_id(self) -> str: ...
        @property
        def secret_access_key(self) -> str: ...
        @property
        def session_token(self) -> str | None: ...


UNSIGNED_HEADERS = frozenset(
    {
        "authorization",
        "baggage",
        "connection",
        "expect",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "te",
        "traceparent",
        "tracestate",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "user-agent",
        "x-amzn-trace-id",
    }
)
"""Headers that proxies and HTTP libraries change on the way; nobody signs them."""


class Signer:
    """Signs requests with one set of credentials to one service in one Region; keeps the day's key.

    Several threads may use one signer.
    """

    def __init__(self, credentials: Keys, *, region: str, service: str) -> None:
        self.credentials = credentials
        self.region = region
        self.service = service
        self._s3 = service in S3_SERVICES
        self._key: tuple[str, SigningKey] | None = None

    def _day_key(self, date: str) -> SigningKey:
        kept = self._key  # one read of one tuple: another thread may replace it at any time
        if kept is not None and kept[0] == date:
            return kept[1]
        key = SigningKey(derive_key(self.credentials.secret_access_key, date, self.region, self.service))
        self._key = (date, key)
        return key

    def _scope(self, timestamp: str) -> str:
        return f"{timestamp[:8]}/{self.region}/{self.service}/aws4_request"

    def _signature(self, timestamp: str, scope: str, canonical: str) -> str:
        return self._day_key(timestamp[:8]).sign(string_to_sign(timestamp, scope, canonical))

    def sign_headers(
        self,
        method: str,
        path: str,
        query: str,
        headers: Sequence[tuple[str, str]],
        *,
        payload_hash: str,
        timestamp: str,
    ) -> list[tuple[str, str]]:
        """The headers to add to a request, `authorization` the last of them.

        `path` and `query` are those of the request line, encoded; `headers` must contain `host` and nothing
        that this adds (`x-amz-date`, `x-amz-content-sha256`, `x-amz-security-token`). `payload_hash` is the
        hex SHA-256 of the body, or `UNSIGNED_PAYLOAD`, or one of the STREAMING names. `timestamp` is that of
        `format_timestamp`.
        """
        added = [("x-amz-date", timestamp)]
        if self._s3 or len(payload_hash) != 64:
            added.append(("x-amz-content-sha256", payload_hash))
        if self.credentials.session_token is not None:
            added.append(("x-amz-security-token", self.credentials.session_token))
        signed = canonical_headers([*_signable(headers), *added])
        canonical = canonical_request(
            method, canonical_path(path, self.service), canonical_query(query), signed, payload_hash
        )
        scope = self._scope(timestamp)
        signature = self._signature(timestamp, scope, canonical)
        value = build_authorization(self.credentials.access_key_id, scope, signed[1], signature)
        added.append(("authorization", value))
        return added

    def presign(
        self,
        method: str,
        path: str,
        query: str,
        headers: Sequence[tuple[str, str]],
        *,
        expires_in_seconds: int,
        timestamp: str,
        payload_hash: str | None = None,
    ) -> str:
        """The whole query string of a presigned URL, `query` included.

        Who uses the URL must send exactly these `headers`, `host` among them. The body is free with S3, and
        empty with any other service, unless `payload_hash` says what it must be. Raises `ValueError` when
        the URL would not expire within 1 s to 7 days.
        """
        if not 1 <= expires_in_seconds <= MAXIMUM_EXPIRY_SECONDS:
            raise ValueError(f"a presigned URL lives from 1 to {MAXIMUM_EXPIRY_SECONDS} seconds")
        scope = self._scope(timestamp)
        signed = canonical_headers(_signable(headers))
        parameters = [
            ("X-Amz-Algorithm", ALGORITHM),
            ("X-Amz-Credential", f"{self.credentials.access_key_id}/{scope}"),
            ("X-Amz-Date", timestamp),
            ("X-Amz-Expires", str(expires_in_seconds)),
            ("X-Amz-SignedHeaders", signed[1]),
        ]
        if self.credentials.session_token is not None:
            parameters.append(("X-Amz-Security-Token", self.credentials.session_token))
        whole = canonical_query(f"{query}&{encode_query(parameters)}")
        if payload_hash is None:
            payload_hash = UNSIGNED_PAYLOAD if self._s3 else EMPTY_PAYLOAD_HASH
        canonical = canonical_request(method, canonical_path(path, self.service), whole, signed, payload_hash)
        signature = self._signature(timestamp, scope, canonical)
        return f"{whole}&X-Amz-Signature={signature}"


def _signable(headers: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    return [header for header in headers if header[0].lower() not in UNSIGNED_HEADERS]
