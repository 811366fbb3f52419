"""AWS Signature Version 4: the arithmetic of both sides, for those who sign and for those who verify.

    request → canonical request → string to sign → signature (HMAC-SHA256 with a key derived for day,
    Region and service) → `Authorization` header, or query parameters of a presigned URL

Two flavours, chosen by the service's name. S3: the path stays as it was sent, since `a//b` and `a/../b` are
keys. All others: the path is normalised and its escapes are encoded once more.
Source: AWS, "Create a signed AWS API request"; where that page is silent, botocore's signer is followed.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from urllib.parse import quote

ALGORITHM = "AWS4-HMAC-SHA256"
UNSIGNED_PAYLOAD = "UNSIGNED-PAYLOAD"
EMPTY_PAYLOAD_HASH = hashlib.sha256(b"").hexdigest()
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

_S3_SERVICES = frozenset({"s3", "s3express", "s3-object-lambda", "s3-outposts"})
_PLAIN_PATH = re.compile(r"/[A-Za-z0-9_.~/-]*")
_ENCODED_PATH = re.compile(r"(?:[A-Za-z0-9_.~/-]|%[0-9A-F]{2})*")
_ENCODED_QUERY = re.compile(r"(?:[A-Za-z0-9_.~=&-]|%[0-9A-F]{2})*")
_TO_MEND = re.compile(r"%[0-9A-Fa-f]{2}|[^A-Za-z0-9_.~-]")
_TO_MEND_IN_PATH = re.compile(r"%[0-9A-Fa-f]{2}|[^A-Za-z0-9_.~/-]")
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


def format_timestamp(epoch_seconds: float) -> str:
    """The moment in the form of `X-Amz-Date`: `20150830T123600Z`."""
    return time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(epoch_seconds))


def parse_timestamp(text: str) -> int:
    """Epoch seconds of an `X-Amz-Date`; raises `ValueError` when the text has another form or is no date."""
    if _TIMESTAMP.fullmatch(text) is None:
        raise ValueError(f"{text!r} has not the form YYYYMMDDTHHMMSSZ")
    return int(datetime.fromisoformat(text).timestamp())


# The canonical request


def _escape(found: re.Match[str]) -> str:
    text = found.group()
    return text.upper() if len(text) == 3 else quote(text, safe="", errors="surrogateescape")


def canonical_path(path: str, service: str) -> str:
    """The path of a request line (still encoded, without the query) in the form that is signed."""
    if service in _S3_SERVICES:
        if _ENCODED_PATH.fullmatch(path) is not None:
            return path or "/"
        return _TO_MEND_IN_PATH.sub(_escape, path)
    if _PLAIN_PATH.fullmatch(path) is not None and "//" not in path and "/." not in path:
        return path
    segments: list[str] = []
    for segment in path.split("/"):
        if segment == "..":
            del segments[-1:]
        elif segment not in ("", "."):
            segments.append(segment)
    end = "/" if segments and path.endswith("/") else ""
    return quote(f"/{'/'.join(segments)}{end}", safe="/~", errors="surrogateescape")


def canonical_query(query: str) -> str:
    """The query of a request line (still encoded, without `?`) sorted, with what came unencoded encoded.

    A `+` is a space, as in a form; a name without `=` has an empty value; empty parts are left out.
    """
    if not query:
        return ""
    encoded = _ENCODED_QUERY.fullmatch(query) is not None
    pairs = []
    for part in query.split("&"):
        if part:
            name, _, value = part.partition("=")
            if not encoded:
                name = _TO_MEND.sub(_escape, name.replace("+", "%20"))
                value = _TO_MEND.sub(_escape, value.replace("+", "%20"))
            elif "=" in value:
                value = value.replace("=", "%3D")
            pairs.append((name, value))
    pairs.sort()
    return "&".join([f"{name}={value}" for name, value in pairs])


def encode_query(pairs: Iterable[tuple[str, str]]) -> str:
    """A query string of decoded names and values, encoded as it is signed."""
    return "&".join([f"{quote(name, safe='-_.~')}={quote(value, safe='-_.~')}" for name, value in pairs])


def canonical_headers(headers: Iterable[tuple[str, str]]) -> tuple[str, str]:
    """The block of canonical headers, each line ended, and the names signed, joined by `;`.

    Names may come in any case and repeatedly; runs of white space in values become one space.
    """
    values: dict[str, str] = {}
    for name, value in headers:
        lower = name.lower()
        folded = " ".join(value.split())
        values[lower] = f"{values[lower]},{folded}" if lower in values else folded
    names = sorted(values)
    return "".join([f"{name}:{values[name]}\n" for name in names]), ";".join(names)


def canonical_request(method: str, path: str, query: str, headers: tuple[str, str], payload_hash: str) -> str:
    """The canonical request, of parts that are canonical already."""
    block, signed_headers = headers
    return f"{method}\n{path}\n{query}\n{block}\n{signed_headers}\n{payload_hash}"


# The signature


def string_to_sign(timestamp: str, scope: CredentialScope, canonical: str) -> str:
    """What is signed: algorithm, time, scope and the hash of the canonical request."""
    digest = hashlib.sha256(canonical.encode("utf-8", "surrogateescape")).hexdigest()
    return f"{ALGORITHM}\n{timestamp}\n{scope.text}\n{digest}"


def derive_key(secret_access_key: str, date: str, region: str, service: str) -> bytes:
    """The key that signs a day's requests to one service in one Region. It costs four HMACs: keep it."""
    key = hmac.digest(b"AWS4" + secret_access_key.encode(), date.encode(), "sha256")
    for part in (region, service, "aws4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    return key


def sign(key: bytes, text: str) -> str:
    """The signature: 64 lower-case hex digits."""
    return hmac.digest(key, text.encode("utf-8", "surrogateescape"), "sha256").hex()


class SigningKey:
    """A derived key whose own half of each HMAC is done in advance: signs in 60 % of the time of `sign`.

    Several threads may use one.
    """

    __slots__ = ("_inner", "_outer")

    def __init__(self, key: bytes) -> None:
        block = key.ljust(64, b"\0")  # RFC 2104: SHA-256 works on blocks of 64 bytes
        self._inner = hashlib.sha256(bytes([byte ^ 0x36 for byte in block]))
        self._outer = hashlib.sha256(bytes([byte ^ 0x5C for byte in block]))

    def sign(self, text: str) -> str:
        """The same as `sign` with the key."""
        inner = self._inner.copy()
        inner.update(text.encode("utf-8", "surrogateescape"))
        outer = self._outer.copy()
        outer.update(inner.digest())
        return outer.hexdigest()


# The Authorization header


def build_authorization(scope: CredentialScope, signed_headers: str, signature: str) -> str:
    """The value of the `Authorization` header; `signed_headers` are joined by `;`."""
    return (
        f"{ALGORITHM} Credential={scope.access_key_id}/{scope.text}, "
        f"SignedHeaders={signed_headers}, Signature={signature}"
    )


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
        self._s3 = service in _S3_SERVICES
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
        signature = self._day_key(scope.date).sign(string_to_sign(timestamp, scope, canonical))
        added.append(("authorization", build_authorization(scope, signed[1], signature)))
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
        signature = self._day_key(scope.date).sign(string_to_sign(timestamp, scope, canonical))
        return f"{whole}&X-Amz-Signature={signature}"


def _signable(headers: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    return [header for header in headers if header[0].lower() not in UNSIGNED_HEADERS]
