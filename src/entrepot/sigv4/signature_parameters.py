"""AWS Signature Version 4 as values: credentials, scopes, and what an `Authorization` header says.

What is computed from them is in `arithmetic`; `signer` is the side that signs, `wire` the one that verifies.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from entrepot.domain.outside_numbers import basic_iso_date
from entrepot.sigv4.arithmetic import ALGORITHM

_SIGNATURE = re.compile(r"[0-9a-f]{64}")
_SIGNED_HEADERS = re.compile(r"[a-z0-9!#$%&'*+.^_`|~-]+(?:;[a-z0-9!#$%&'*+.^_`|~-]+)*")


class MalformedSignature(ValueError):
    """A signature, or what came with it, is not of the form that Signature Version 4 prescribes."""


@dataclass(frozen=True, slots=True)
class Credentials:
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
    epoch_seconds = basic_iso_date(text)
    if epoch_seconds is None:
        raise ValueError(f"{text[:40]!r} has not the form YYYYMMDDTHHMMSSZ, or is no date")
    return epoch_seconds


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
