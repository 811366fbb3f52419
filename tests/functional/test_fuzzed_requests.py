"""Requests full of wrong numbers, dates, names and lengths are answered, and never by a 5xx."""

from __future__ import annotations

import http.client
import random
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any
from urllib.parse import quote, urlsplit

import pytest
from tests.functional.accounts import new_account
from tests.functional.flow import import_by_signed_url, open_revision, run_job
from tests.functional.shared_bucket_exchange import OBJECTS, Place
from tests.servers.exchanges import Exchange

SEED = 10
REQUESTS = 250
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


class Sender:
    """Sends what no HTTP library would, on one connection as long as the server keeps it."""

    def __init__(self, url: str) -> None:
        self._host = urlsplit(url).netloc
        self._connection = http.client.HTTPConnection(self._host, timeout=60)
        self.statuses: Counter[int] = Counter()

    def close(self) -> None:
        self._connection.close()

    def send(self, method: str, target: str, headers: dict[str, str], body: bytes = b"") -> int:
        self._connection.putrequest(method, target, skip_accept_encoding=True)
        for name, value in headers.items():
            self._connection.putheader(name, re.sub(r"[^\x20-\x7e\t]", "?", value))
        if body or method in {"POST", "PUT", "PATCH"}:
            self._connection.putheader("Content-Length", str(len(body)))
        self._connection.endheaders(body or None)
        answer = self._connection.getresponse()
        answer.read()
        self.statuses[answer.status] += 1
        if answer.will_close:
            self._connection.close()
        assert answer.status < 500, (method, target[:300], headers, body[:300])
        return answer.status


@pytest.fixture
def sender(request: pytest.FixtureRequest) -> Iterator[Sender]:
    exchange: Exchange = request.getfixturevalue(request.param)
    made = Sender(exchange.url)
    yield made
    made.close()


@pytest.mark.parametrize("sender", ["trusting_exchange", "sigv4_exchange"], indirect=True)
def test_strangers_get_no_5xx(sender: Sender) -> None:
    choose = random.Random(SEED)
    for _ in range(REQUESTS):
        path = choose.choice(PATHS).replace("{text}", quote(choose.choice(TEXTS), safe="%"))
        pairs = [f"{name}={quote(value)}" for name, value in written(choose, QUERIES, 4).items()]
        headers = {"Host": choose.choice(("localhost", f"{ALIAS}.localhost", "api-fulfill.localhost"))}
        method = choose.choice(("GET", "GET", "GET", "HEAD", "PUT", "POST", "PATCH", "DELETE"))
        body = choose.choice((b"", b"{}", b'{"Name": ' + DIGITS.encode() + b"}", b"[" * 2000))
        target = f"{path}?{'&'.join(pairs)}" if pairs else path
        sender.send(
            method, target, headers | written(choose, HEADERS, 10), b"" if method in {"GET", "HEAD"} else body
        )
    assert len(sender.statuses) > 3, sender.statuses


@pytest.mark.parametrize("name", ["Date", "X-Amz-Date"])
@pytest.mark.parametrize("date", DATES, ids=lambda date: date[:30])
@pytest.mark.parametrize("service", ["dataexchange", "s3"])
def test_no_date_of_a_stranger_is_a_5xx(sigv4_exchange: Exchange, name: str, date: str, service: str) -> None:
    sender = Sender(sigv4_exchange.url)
    signature = f"SignedHeaders=host;{name.lower()}, Signature={'0' * 64}"
    scope = f"Credential=AKIA/20240101/us-east-1/{service}/aws4_request"
    headers = {"Authorization": f"AWS4-HMAC-SHA256 {scope}, {signature}", name: date}
    try:
        assert sender.send("GET", "/v1/jobs", headers) in {400, 403}
    finally:
        sender.close()


@pytest.fixture(scope="module")
def download(port: Any) -> tuple[str, bytes]:
    """The signed URL of an asset, and what it is."""
    content = b"0123456789"
    client = port.account.client
    place = open_revision(client, "Ranges")
    import_by_signed_url(client, place, "a.csv", content)
    asset_id = client.list_revision_assets(**place)["Assets"][0]["Id"]
    job = run_job(client, "EXPORT_ASSET_TO_SIGNED_URL", ExportAssetToSignedUrl={"AssetId": asset_id, **place})
    return job["Details"]["ExportAssetToSignedUrl"]["SignedUrl"], content


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        (f"bytes=0-{DIGITS}", 206),
        (f"bytes=-{DIGITS}", 206),
        (f"bytes={DIGITS}-", 416),
        (f"bytes={DIGITS}-{DIGITS}", 416),
        (f"bytes=1-{2**64}", 206),
        ("bytes=0-٣", 200),
    ],
    ids=lambda value: ascii(value)[:30],
)
def test_a_range_of_any_length_is_a_range(download: tuple[str, bytes], asked: str, status: int) -> None:
    parts = urlsplit(download[0])
    sender = Sender(download[0])
    try:
        assert sender.send("GET", f"{parts.path}?{parts.query}", {"Range": asked}) == status
    finally:
        sender.close()


@pytest.mark.parametrize("asked", [f"bytes=0-{DIGITS}", f"bytes=-{DIGITS}", f"bytes=1-{2**64}"])
def test_a_range_of_any_length_is_one_to_the_s3_gateway(place: Place, asked: str) -> None:
    alias = place.aliases[place.receiver.id]
    answer = place.s3(place.receiver).get_object(Bucket=alias, Key="catalog.csv", Range=asked)
    content = OBJECTS["catalog.csv"]
    assert answer["Body"].read() == (content[1:] if asked.startswith("bytes=1") else content)
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 206


@pytest.fixture(scope="module")
def receiver(sigv4_exchange: Exchange) -> Iterator[tuple[Any, str]]:
    """Somebody who is entitled to a data set of objects: a client, and the data set's id."""
    provider, account = (new_account(sigv4_exchange, name) for name in ("provider", "receiver"))
    place = open_revision(provider.client, "Prices")
    import_by_signed_url(provider.client, place, "a.csv", b"a")
    provider.client.update_revision(**place, Finalized=True)
    grant = provider.client.create_data_grant(
        Name="for you",
        GrantDistributionScope="NONE",
        ReceiverPrincipal=account.id,
        SourceDataSetId=place["DataSetId"],
    )
    account.client.accept_data_grant(DataGrantArn=grant["Arn"])
    yield account.client, grant["DataSetId"]
    provider.client.close()
    account.client.close()


@pytest.mark.parametrize(
    "bucket", ["_", "a b", "../x", "x" * 256, "A", "a", "-x-", "\u00e9", "a/b", "a\n", "a?b", "."]
)
def test_a_bucket_that_cannot_be_is_a_wrong_input(receiver: tuple[Any, str], bucket: str) -> None:
    """Of event actions, which look at the bucket at once; jobs do when they run."""
    client, data_set_id = receiver
    with pytest.raises(client.exceptions.ValidationException) as refused:
        client.create_event_action(
            Action={"ExportRevisionToS3": {"RevisionDestination": {"Bucket": bucket}}},
            Event={"RevisionPublished": {"DataSetId": data_set_id}},
        )
    assert "bucket" in refused.value.response["Error"]["Message"]
