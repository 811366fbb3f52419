"""The certificates that the stub server shows: a good one, one of another host, a self-signed one."""

from __future__ import annotations

import datetime as dt
import ipaddress
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

AUTHORITY: Final = "authority.pem"
GOOD: Final = "good.pem"
WRONG_HOST: Final = "wrong-host.pem"
SELF_SIGNED: Final = "self-signed.pem"

_REGIONS = (
    "us-east-1", "us-east-2", "us-west-1", "us-west-2", "eu-west-1", "eu-central-1", "ap-southeast-2",
    "us-gov-west-1", "mars-north-1", "us-iso-east-1",
)  # fmt: skip
_ELSEWHERE = ("dataexchange.cn-north-1.amazonaws.com.cn", "dataexchange.us-iso-east-1.c2s.ic.gov")


def make_certificates(folder: Path) -> None:
    """Writes the authority and the three chains, key first, into `folder`; they are good for a day."""
    authority_key = ec.generate_private_key(ec.SECP256R1())
    authority_name = _name("Stub authority")
    authority = (
        _builder(authority_name, authority_name, authority_key)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(authority_key.public_key()), critical=False)
        .sign(authority_key, hashes.SHA256())
    )
    (folder / AUTHORITY).write_bytes(authority.public_bytes(serialization.Encoding.PEM))
    _write_chain(folder / GOOD, _served_names(), authority_name, authority_key)
    _write_chain(folder / WRONG_HOST, ["elsewhere.example"], authority_name, authority_key)
    _write_chain(folder / SELF_SIGNED, _served_names(), None, None)


def _served_names() -> list[str]:
    services = ("dataexchange", "dataexchange-fips")
    ends = ("amazonaws.com", "api.aws")
    names = [f"{service}.{region}.{end}" for region in _REGIONS for service in services for end in ends]
    return ["localhost", *names, *_ELSEWHERE, "api-fulfill.dataexchange.us-east-1.amazonaws.com"]


def _write_chain(
    path: Path, names: Sequence[str], issuer: x509.Name | None, issuer_key: ec.EllipticCurvePrivateKey | None
) -> None:
    """Without an issuer, the certificate signs itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = _name(path.stem)
    alternatives: list[x509.GeneralName] = [x509.DNSName(name) for name in names]
    if "localhost" in names:
        alternatives.append(x509.IPAddress(ipaddress.ip_address("127.0.0.1")))
    certificate = (
        _builder(subject, issuer or subject, key)
        .add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=False)
        .add_extension(_usage(signs_certificates=False), critical=False)
        .sign(issuer_key or key, hashes.SHA256())
    )
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + certificate.public_bytes(serialization.Encoding.PEM)
    )


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey
) -> x509.CertificateBuilder:
    now = dt.datetime.now(dt.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + dt.timedelta(days=1))
    )


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )
