"""Checks Signature Version 4 on its own account, so that the client's arithmetic is not its own judge."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Iterable, Mapping
from typing import Final
from urllib.parse import parse_qsl, quote

SECRETS: Final = {
    key_id: hashlib.sha256(key_id.encode()).hexdigest()[:40]
    for key_id in (
        "AKIAPARITYENV0000001",
        "AKIAPARITYDEFAULT001",
        "AKIAPARITYALPHA00001",
        "AKIAPARITYBETA000001",
        "ASIAPARITYSESSION001",
        "AKIAPARITYPROCESS001",
        "ASIAPARITYCONTAINER1",
    )
}
"""The access keys that the stub server knows, with their secrets."""

_CLAIM = re.compile(
    r"AWS4-HMAC-SHA256 Credential=(?P<key>[^/]+)/(?P<date>\d{8})/(?P<region>[^/]*)/(?P<service>[^/]*)"
    r"/aws4_request, ?SignedHeaders=(?P<names>[^,]+), ?Signature=(?P<signature>[0-9a-f]{64})"
)
_UNRESERVED = "-_.~"


def facts_of_signature(
    method: str, target: str, sent: Iterable[tuple[str, str]], body: bytes
) -> dict[str, str]:
    """`sig` (ok, bad, none or unparsable) and, where the request claims one, `key`, `region` and `service`.

    `sent` are the headers; `target` may be a whole URL, as a proxy gets it.
    """
    headers = {name.lower(): value for name, value in sent}
    authorization = headers.get("authorization")
    if not authorization:
        return {"sig": "none"}
    claim = _CLAIM.fullmatch(authorization)
    if claim is None:
        return {"sig": "unparsable"}
    good = _is_right(claim, _canonical_request(method, target, headers, body, claim["names"]), headers)
    return {"sig": "ok" if good else "bad", **{name: claim[name] for name in ("key", "region", "service")}}


def _is_right(claim: re.Match[str], canonical: str, headers: Mapping[str, str]) -> bool:
    secret, moment = SECRETS.get(claim["key"]), headers.get("x-amz-date", "")
    if secret is None or moment[:8] != claim["date"] or "host" not in claim["names"].split(";"):
        return False
    scope = [claim["date"], claim["region"], claim["service"], "aws4_request"]
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    key = f"AWS4{secret}".encode()
    for part in (*scope, "\n".join(["AWS4-HMAC-SHA256", moment, "/".join(scope), digest])):
        key = hmac.digest(key, part.encode(), "sha256")
    return key.hex() == claim["signature"]


def _canonical_request(method: str, target: str, headers: Mapping[str, str], body: bytes, names: str) -> str:
    path, _, query = re.sub(r"^https?://[^/]*", "", target).partition("?")
    pairs = sorted(
        (quote(name, safe=_UNRESERVED), quote(value, safe=_UNRESERVED))
        for name, value in parse_qsl(query, keep_blank_values=True)
    )
    return "\n".join(
        [
            method,
            quote(path, safe="/" + _UNRESERVED),
            "&".join(f"{name}={value}" for name, value in pairs),
            *(f"{name}:{' '.join(headers.get(name, '').split())}" for name in names.split(";")),
            "",
            names,
            headers.get("x-amz-content-sha256") or hashlib.sha256(body).hexdigest(),
        ]
    )
