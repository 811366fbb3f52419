"""AWS Signature Version 4: the values of both sides, those who sign and those who verify.

    request → canonical request → string to sign → signature → `Authorization` header, or query parameters of
    a presigned URL

What is computed on the way is in `arithmetic`; what a header or a URL says is read and written here.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from entrepot.signing.arithmetic import (
    ALGORITHM,
    EMPTY_PAYLOAD_HASH,
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

MAXIMUM_EXPIRY_SECONDS = 7 * 24 * 60 * 60
"""How long a presigned URL may live."""

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

_TIMESTAMP = re.compile(r"\d{8}T\d{6}Z", re.ASCII)
_SIGNATURE = re.compile(r"[0-9a-f]{64}")
_SIGNED_HEADERS = re.compile(r"[a-z0-9!#$%&'*+.^_`|~-]+(?:;[a-z0-9!#$%&'*+.^_`|~-]+)*")


class MalformedSignature(ValueError):
    """A signature, or what came with it, is not of the form that Signature Version 4 prescribes."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a client signs with."""

    access_key_id: str
    secret_access_key: str = field(repr=False)
    session_token: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class CredentialScope:
    """Whose signature, and what for: `{access key id}/{date}/{region}/{service}/aws4_request`."""

    access_key_id: str
    date: str
    region: str
    service: str

    @classmethod
    def parse(cls, text: str) -> CredentialScope:
        """Reads a `Credential`; raises `MalformedSignature`. The access key id may contain slashes."""
        parts = text.rsplit("/", 4)
        if len(parts) != 5 or not parts[0]:
            raise MalformedSignature(
                "Credential must have the form {access key id}/{date}/{region}/{service}/aws4_request, "
                f"and is {text!r}."
            )
        access_key_id, date, region, service, end = parts
        if end != "aws4_request":
            raise MalformedSignature(f"Credential must end in 'aws4_request', and ends in {end!r}.")
        return cls(access_key_id, date, region, service)

    @property
    def text(self) -> str:
        """The scope without the access key id, as the string to sign has it."""
        return f"{self.date}/{self.region}/{self.service}/aws4_request"


@dataclass(frozen=True, slots=True)
class SignatureParameters:
    """What an `Authorization` header says beside the signature; a client sends the same for a whole day."""

    scope: CredentialScope
    signed_headers: tuple[str, ...]
    """Lower-case names, in the order in which they were signed."""


# Time


def parse_timestamp(text: str) -> int:
    """Epoch seconds of an `X-Amz-Date`; raises `ValueError` when the text has another form or is no date."""
    if _TIMESTAMP.fullmatch(text) is None:
        raise ValueError(f"{text!r} has not the form YYYYMMDDTHHMMSSZ")
    return int(datetime.fromisoformat(text).timestamp())


# The Authorization header


def split_authorization(value: str) -> tuple[str, str]:
    """An `Authorization` header as its parameters, for `parse_parameters`, and its signature.

    Its parts may come in any order; raises `MalformedSignature` where there is not one signature.
    """
    parameters, separator, signature = value.rpartition(", Signature=")
    if not separator or _SIGNATURE.fullmatch(signature) is None:
        algorithm, _, rest = value.strip().partition(" ")
        parts = [part.strip() for part in rest.split(",")]
        signatures = [part for part in parts if part.startswith("Signature=")]
        if len(signatures) != 1:
            raise MalformedSignature("The Authorization header requires one 'Signature'.")
        parameters = f"{algorithm} {','.join([part for part in parts if part != signatures[0]])}"
        signature = parse_signature(signatures[0].removeprefix("Signature="))
    return parameters, signature


def parse_parameters(text: str) -> SignatureParameters:
    """Reads an `Authorization` header without its signature; raises `MalformedSignature`."""
    algorithm, _, rest = text.strip().partition(" ")
    if algorithm != ALGORITHM:
        raise MalformedSignature(
            f"The Authorization header must begin with {ALGORITHM!r}, and begins with {algorithm[:40]!r}."
        )
    given: dict[str, str] = {}
    for part in rest.split(","):
        name, _, value = part.strip().partition("=")
        if name in given:
            raise MalformedSignature(f"The Authorization header has more than one {name[:40]!r}.")
        given[name] = value
    for name in ("Credential", "SignedHeaders"):
        if not given.get(name):
            raise MalformedSignature(f"The Authorization header requires {name!r}.")
    return SignatureParameters(
        CredentialScope.parse(given["Credential"]), parse_signed_headers(given["SignedHeaders"])
    )


def parse_signed_headers(text: str) -> tuple[str, ...]:
    """The names in a `SignedHeaders`; raises `MalformedSignature`, also where a name is not lower-case."""
    if _SIGNED_HEADERS.fullmatch(text) is None:
        raise MalformedSignature(
            f"SignedHeaders must be lower-case names of headers, joined by ';', and is {text!r}."
        )
    return tuple(text.split(";"))


def parse_signature(text: str) -> str:
    """The text itself, which is 64 lower-case hex digits; raises `MalformedSignature`."""
    if _SIGNATURE.fullmatch(text) is None:
        raise MalformedSignature("Signature must be 64 lower-case hexadecimal digits.")
    return text


# The client's side


class Signer:
    """Signs requests with one set of credentials to one service in one Region; keeps the day's key.

    Several threads may use one signer.
    """

    def __init__(self, credentials: Credentials, *, region: str, service: str) -> None:
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

    def _scope(self, timestamp: str) -> CredentialScope:
        return CredentialScope(self.credentials.access_key_id, timestamp[:8], self.region, self.service)

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
        signature = self._day_key(scope.date).sign(string_to_sign(timestamp, scope.text, canonical))
        added.append(
            ("authorization", build_authorization(scope.access_key_id, scope.text, signed[1], signature))
        )
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
            ("X-Amz-Credential", f"{scope.access_key_id}/{scope.text}"),
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
        signature = self._day_key(scope.date).sign(string_to_sign(timestamp, scope.text, canonical))
        return f"{whole}&X-Amz-Signature={signature}"


def _signable(headers: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    return [header for header in headers if header[0].lower() not in UNSIGNED_HEADERS]
