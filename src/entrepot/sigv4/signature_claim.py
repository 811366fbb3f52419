"""What a request claims about its signature, before anything of it is proven."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple
from urllib.parse import parse_qsl

from entrepot.domain.errors import AuthenticationFailed
from entrepot.domain.outside_numbers import http_date, number_within
from entrepot.http.messages import HttpRequest
from entrepot.sigv4 import arithmetic, signature_parameters
from entrepot.sigv4.signature_parameters import CredentialScope, MalformedSignature, SignatureParameters

_PARAMETERS = ("X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Date", "X-Amz-SignedHeaders", "X-Amz-Signature")
_MARK_OF_A_PRESIGNED_URL = re.compile(rb"(?:\A|&)X-Amz-(?:Algorithm|Signature)=")
_MUST_BE_SIGNED = (
    ("x-amz-date", b"x-amz-date"),
    ("x-amz-content-sha256", b"x-amz-content-sha256"),
    ("x-amz-target", b"x-amz-target"),
)
"""If they are there at all. AWS wants this of every `x-amz-*`; but proxies add more (`x-amz-cf-id`), so only
what changes our answer counts."""
_NAMES_AN_API = b"x-amzn-dataexchange-asset-id"
_OF_API_CALLS = b"x-amzn-dataexchange-"
"""They say which API is called, and how: a URL that was signed for one is good for no other."""
_SESSION_TOKEN = b"x-amz-security-token"
_CREDENTIAL = re.compile(r"Credential=([^\s,]+)")


class Claim(NamedTuple):
    """A signature and what it is said to be calculated over.

    A tuple, since it is made for every request and a frozen dataclass takes five times as long to make.
    """

    scope: CredentialScope
    signature: str
    timestamp: str
    """`YYYYMMDDTHHMMSSZ`, as it was signed."""
    epoch_seconds: int
    """The same moment."""
    expires_in_seconds: int | None
    """Of a presigned URL; None with an `Authorization` header."""
    declared_payload: str | None
    """What the client says of the body: its hash, or a word in place of it. None: the hash of what arrived
    is part of the canonical request."""
    canonical_request: str
    has_session_token: bool


def refuse(code: str, message: str) -> AuthenticationFailed:
    """The error to raise; `code` is one of AWS's common ones."""
    return AuthenticationFailed(code, message)


def incomplete(message: str) -> AuthenticationFailed:
    """The error for a signature that is not there whole, or not of the prescribed form."""
    return refuse("IncompleteSignatureException", message)


def invalid(message: str) -> AuthenticationFailed:
    """The error for a signature that does not hold."""
    return refuse("InvalidSignatureException", message)


def read_claim(
    request: HttpRequest,
    parse_parameters: Callable[[str], SignatureParameters] = signature_parameters.parse_parameters,
) -> Claim:
    """Reads the `Authorization` header or the parameters of a presigned URL, whichever is there.

    The caller may give a `parse_parameters` that remembers.
    Raises `AuthenticationFailed` when there is neither, both, or one that is incomplete.
    """
    headers = _merged(request)
    authorization = headers.get(b"authorization")
    presigned = (
        bool(request.query_string) and _MARK_OF_A_PRESIGNED_URL.search(request.query_string) is not None
    )
    if authorization is not None:
        if presigned:
            raise incomplete(
                "A request is signed by the Authorization header or by the query's X-Amz-*, not by both."
            )
        try:
            rest, signature = signature_parameters.split_authorization(_text(authorization))
            parameters = parse_parameters(rest)
        except MalformedSignature as error:
            raise incomplete(str(error)) from None
        return _claim_of_header(request, headers, parameters, signature)
    if presigned:
        return _claim_of_query(request, headers)
    raise refuse(
        "MissingAuthenticationTokenException",
        "Missing Authentication Token: the request is not signed. "
        "Configure your client with an access key of this exchange.",
    )


def claimed_scope(request: HttpRequest) -> CredentialScope | None:
    """Whose the request says it is, however the rest of its signature looks; None where it does not say."""
    for name, value in request.headers:
        if name == b"authorization":
            found = _CREDENTIAL.search(_text(value))
            credential = found.group(1) if found else ""
            break
    else:
        pairs = parse_qsl(_text(request.query_string))
        credential = next((value for name, value in pairs if name == "X-Amz-Credential"), "")
    try:
        return CredentialScope.parse(credential)
    except MalformedSignature:
        return None


def _claim_of_header(
    request: HttpRequest, headers: dict[bytes, bytes], parameters: SignatureParameters, signature: str
) -> Claim:
    _check_signed_headers(parameters.signed_headers, headers)
    date = headers.get(b"x-amz-date")
    timestamp, epoch_seconds = _moment(_text(date)) if date is not None else _moment_of_date(headers)
    given = headers.get(b"x-amz-content-sha256")
    declared = None if given is None else _text(given).strip()
    canonical = _canonical(request, headers, parameters, _text(request.query_string), declared)
    has_token = bool(headers.get(_SESSION_TOKEN))
    return Claim(parameters.scope, signature, timestamp, epoch_seconds, None, declared, canonical, has_token)


def _claim_of_query(request: HttpRequest, headers: dict[bytes, bytes]) -> Claim:
    query = _text(request.query_string)
    given: dict[str, str] = {}
    for name, value in parse_qsl(query, keep_blank_values=True):
        if name.startswith("X-Amz-"):
            if name in given:
                raise incomplete(f"The query has more than one {name!r}.")
            given[name] = value
    for name in (*_PARAMETERS, "X-Amz-Expires"):
        if not given.get(name):
            raise incomplete(f"AWS query-string parameters must include {name!r}.")
    if given["X-Amz-Algorithm"] != arithmetic.ALGORITHM:
        raise incomplete(f"X-Amz-Algorithm must be {arithmetic.ALGORITHM!r}.")
    try:
        parameters = SignatureParameters(
            CredentialScope.parse(given["X-Amz-Credential"]),
            signature_parameters.parse_signed_headers(given["X-Amz-SignedHeaders"]),
        )
        signature = signature_parameters.parse_signature(given["X-Amz-Signature"])
    except MalformedSignature as error:
        raise incomplete(str(error)) from None
    _check_signed_headers(parameters.signed_headers, headers)
    timestamp, epoch_seconds = _moment(given["X-Amz-Date"])
    declared = _declared_payload(headers, given, parameters.scope.service)
    unsigned = "&".join([part for part in query.split("&") if not part.startswith("X-Amz-Signature=")])
    return Claim(
        scope=parameters.scope,
        signature=signature,
        timestamp=timestamp,
        epoch_seconds=epoch_seconds,
        expires_in_seconds=_expiry(given["X-Amz-Expires"]),
        declared_payload=declared,
        canonical_request=_canonical(request, headers, parameters, unsigned, declared),
        has_session_token=bool(given.get("X-Amz-Security-Token") or headers.get(_SESSION_TOKEN)),
    )


def _declared_payload(headers: dict[bytes, bytes], given: dict[str, str], service: str) -> str | None:
    header = headers.get(b"x-amz-content-sha256")
    if header is not None:
        return _text(header).strip()
    return given.get("X-Amz-Content-Sha256", arithmetic.UNSIGNED_PAYLOAD) if service == "s3" else None


def _expiry(text: str) -> int:
    seconds = number_within(text, 1, arithmetic.MAXIMUM_EXPIRY_SECONDS)
    if seconds is None:
        raise incomplete(
            f"X-Amz-Expires must be from 1 to {arithmetic.MAXIMUM_EXPIRY_SECONDS} seconds (seven days), "
            f"and is {text[:40]!r}."
        )
    return seconds


def _check_signed_headers(signed: tuple[str, ...], headers: dict[bytes, bytes]) -> None:
    if "host" not in signed:
        raise invalid("'Host' must be a 'SignedHeader' in the AWS Authorization.")
    for name, as_sent in _MUST_BE_SIGNED:
        if as_sent in headers and name not in signed:
            raise _not_signed(name)
    if _NAMES_AN_API in headers:
        for as_sent in headers:
            name = _text(as_sent)
            if as_sent.startswith(_OF_API_CALLS) and name not in signed:
                raise _not_signed(name)


def _not_signed(name: str) -> AuthenticationFailed:
    return invalid(f"{name!r} must be a 'SignedHeader' in the AWS Authorization.")


def _canonical(
    request: HttpRequest,
    headers: dict[bytes, bytes],
    parameters: SignatureParameters,
    query: str,
    declared_payload: str | None,
) -> str:
    # A header that was signed and did not arrive counts as empty: the signature then differs, and the
    # canonical string in the error shows the client which one a proxy took away.
    names = parameters.signed_headers
    lines = [f"{name}:{' '.join(_text(headers.get(name.encode(), b'')).split())}\n" for name in names]
    service = parameters.scope.service
    return arithmetic.canonical_request(
        request.method,
        arithmetic.canonical_path(request.raw_path, service),
        arithmetic.canonical_query(query),
        ("".join(lines), ";".join(names)),
        arithmetic.payload_hash(request.body) if declared_payload is None else declared_payload,
    )


def _moment(text: str) -> tuple[str, int]:
    text = text.strip()
    try:
        return text, signature_parameters.parse_timestamp(text)
    except ValueError:
        raise incomplete(
            f"Date must be in ISO-8601 'basic format' (YYYYMMDD'T'HHMMSS'Z'). Got {text[:40]!r}."
        ) from None


def _moment_of_date(headers: dict[bytes, bytes]) -> tuple[str, int]:
    """Of the `Date` header, in HTTP's form or in that of `X-Amz-Date`."""
    value = headers.get(b"date")
    if value is None:
        raise incomplete(
            "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header."
        )
    epoch_seconds = http_date(_text(value))
    if epoch_seconds is None:
        return _moment(_text(value))
    return arithmetic.format_timestamp(epoch_seconds), epoch_seconds


def _merged(request: HttpRequest) -> dict[bytes, bytes]:
    """The headers by name; of repeated ones the values, each folded, joined by commas."""
    headers = dict(request.headers)
    if len(headers) != len(request.headers):
        headers = {}
        for name, value in request.headers:
            folded = b" ".join(value.split())
            headers[name] = headers[name] + b"," + folded if name in headers else folded
    return headers


def _text(value: bytes) -> str:
    """UTF-8 where it is that; else a character for each byte, as HTTP libraries send text that they sign."""
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.decode("latin-1")
