"""Numbers, dates, names, headers and paths that are wrong in one way or another: what strangers send."""

from __future__ import annotations

import random
from collections.abc import Sequence
from urllib.parse import quote

from tests.fuzz.sending import Request

DIGITS = "9" * 5_000
NUMBERS = (
    "0",
    "-1",
    "+1",
    "1_0",
    "1e9",
    "٣",
    "0x5",
    str(2**31),
    str(2**63),
    str(2**64),
    DIGITS,
    "",
    " ",
    "nan",
)
DATES = (
    "Thu, 01 Jan 99999999999 00:00:00 GMT",
    "Thu, 99999999999 Jan 2024 00:00:00 GMT",
    "Thu, 01 Jan 2024 00:00:99999999999 GMT",
    "Thu, 01 Jan 2024 00:00:00 +99999999999",
    "Thu, 01 Jan 0001 00:00:00 +2359",
    "Thu, 01 Jan 99999 00:00:00 GMT",
    f"Thu, 01 Jan {DIGITS} 00:00:00 GMT",
    "Thu, 01 Jan 0000 00:00:00 GMT",
    "Thu, 31 Feb 2024 00:00:00 GMT",
    "Thu, 01 Jan 2024 00:00:00 +9999",
    f"Thu, 01 Jan 2024 00:00:00 +{DIGITS}",
    "Thu, 01 Jan 9999 23:59:59 -9959",
    "99991231T235959Z",
    "00000101T000000Z",
    f"{DIGITS}T000000Z",
    "2024-02-30T25:61:61Z",
    "9999-12-31T23:59:59-99:99",
    ",,,,",
    "",
)
RANGES = (
    *(f"bytes={first}-{last}" for first in ("", "0", DIGITS) for last in ("", "0", DIGITS)),
    *("bytes=0-1,2-3", "bytes=-0", "items=0-1", "bytes=5-1"),
)
TEXTS = ("_", "a b", "../x", "x" * 256, "%00", "%ff", "a\tb", "'", "{}", "é", "\\u0000", "arn:aws:x")
HEADERS: dict[str, Sequence[str]] = {
    "Date": DATES,
    "X-Amz-Date": DATES,
    "Range": RANGES,
    "If-Modified-Since": DATES,
    "If-Unmodified-Since": DATES,
    "If-Match": TEXTS,
    "If-None-Match": TEXTS,
    "If-Range": DATES,
    "X-Amz-Content-Sha256": TEXTS,
    "X-Amz-Decoded-Content-Length": NUMBERS,
    "Content-MD5": TEXTS,
    "Content-Type": TEXTS,
    "X-Amz-Security-Token": TEXTS,
    "Authorization": (
        *(
            f"AWS4-HMAC-SHA256 Credential=AKIA/20240101/us-east-1/{service}/aws4_request, "
            f"SignedHeaders=date;host, Signature={'0' * 64}"
            for service in ("dataexchange", "s3")
        ),
        "AWS4-HMAC-SHA256",
        "Basic YTpi",
        "",
    ),
}
QUERIES: dict[str, Sequence[str]] = {
    "maxResults": NUMBERS,
    "nextToken": TEXTS,
    "origin": TEXTS,
    "cursor": TEXTS,
    "limit": NUMBERS,
    "wait": ("-1", "x", DIGITS),
    "max-keys": NUMBERS,
    "partNumber": NUMBERS,
    "list-type": ("2", *NUMBERS),
    "continuation-token": TEXTS,
    "X-Amz-Date": DATES,
    "X-Amz-Expires": NUMBERS,
    "X-Amz-Algorithm": ("AWS4-HMAC-SHA256", ""),
    "X-Amz-Credential": (
        "AKIA/20240101/us-east-1/dataexchange/aws4_request",
        "AKIA/20240101/x/s3/aws4_request",
    ),
    "X-Amz-SignedHeaders": ("host", "date;host"),
    "X-Amz-Signature": ("0" * 64, DIGITS),
    "expires": NUMBERS,
    "signature": TEXTS,
}
SOME_ID = "0" * 32
ALIAS = f"{'a' * 52}-s3alias"
PATHS = (
    "/v1/jobs",
    "/v1/data-sets",
    f"/v1/jobs/{SOME_ID}",
    "/v1/jobs/{text}",
    "/v1/data-sets/{text}/revisions",
    "/tags/{text}",
    "/v1/event-actions",
    "/v1/received-data-grants",
    "/entrepot/events",
    "/entrepot/jobs/{text}/progress",
    "/entrepot/objects/{text}",
    f"/{ALIAS}",
    f"/{ALIAS}/{{text}}",
    "/{text}",
)


def written(choose: random.Random, table: dict[str, Sequence[str]], most: int) -> dict[str, str]:
    names = choose.sample(sorted(table), choose.randint(0, most))
    return {name: choose.choice(table[name]) for name in names}


def strange_request(choose: random.Random) -> Request:
    """Of somebody who has no key, to any path, full of strange values."""
    path = choose.choice(PATHS).replace("{text}", quote(choose.choice(TEXTS), safe="%"))
    pairs = [f"{name}={quote(value)}" for name, value in written(choose, QUERIES, 4).items()]
    headers = {"Host": choose.choice(("localhost", f"{ALIAS}.localhost", "api-fulfill.localhost"))}
    method = choose.choice(("GET", "GET", "GET", "HEAD", "PUT", "POST", "PATCH", "DELETE"))
    body = choose.choice((b"", b"{}", b'{"Name": ' + DIGITS.encode() + b"}", b"[" * 2000))
    return Request(
        "stranger",
        method,
        f"{path}?{'&'.join(pairs)}" if pairs else path,
        headers | written(choose, HEADERS, 10),
        b"" if method in {"GET", "HEAD"} else body,
        refused=True,
    )
