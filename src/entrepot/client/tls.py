"""TLS as the client's side uses it. Apart, because `ssl` takes long to import and plain HTTP needs none."""

from __future__ import annotations

import importlib.util
import os.path
import ssl

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_WRONG_HOST, _WRONG_ADDRESS = 62, 64
"""OpenSSL's X509_V_ERR_HOSTNAME_MISMATCH and X509_V_ERR_IP_ADDRESS_MISMATCH."""


def make_context(verify: bool | str) -> ssl.SSLContext:
    """A context for one server after another.

    `verify` is True for the certificates that the system trusts, a path for those in that file, and False or
    empty to trust everybody. Raises `OSError` where the file cannot be read or holds no certificates.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.set_alpn_protocols(["http/1.1"])
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    elif isinstance(verify, str):
        context.load_verify_locations(os.path.expanduser(verify))  # noqa: PTH111 - a text like any other here
    else:
        _trust_the_system(context)
    return context


def _trust_the_system(context: ssl.SSLContext) -> None:
    places = ssl.get_default_verify_paths()
    if places.cafile or places.capath:
        context.load_default_certs()
        return
    # A machine without certificates of its own, as small containers are: those that botocore brings.
    botocore = importlib.util.find_spec("botocore")
    if botocore is not None and botocore.origin is not None:
        context.load_verify_locations(os.path.join(os.path.dirname(botocore.origin), "cacert.pem"))  # noqa: PTH118, PTH120


def reason_of(error: Exception) -> str | None:
    """What TLS says is wrong, or None where it is not TLS's error."""
    return str(error) if isinstance(error, ssl.SSLError) else None


def is_wrong_host(error: Exception) -> bool:
    """Whether a certificate was refused for being another host's."""
    return isinstance(error, ssl.SSLCertVerificationError) and error.verify_code in {
        _WRONG_HOST,
        _WRONG_ADDRESS,
    }


def wrong_host_reason(host: str, certificate: dict[str, Any]) -> str:
    """Says which hosts the certificate is for."""
    names = [value for _, value in certificate.get("subjectAltName", ())]
    if not any(kind == "DNS" for kind, _ in certificate.get("subjectAltName", ())):
        subject = [pair for group in certificate.get("subject", ()) for pair in group]
        names += [value for key, value in subject if key == "commonName"]
    if not names:
        return "no appropriate commonName or subjectAltName fields were found"
    shown = ", ".join([repr(name) for name in names])
    return f"hostname {host!r} doesn't match {'either of ' if len(names) > 1 else ''}{shown}"
