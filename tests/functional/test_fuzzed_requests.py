"""Requests full of wrong numbers, dates, names and lengths are answered, and never by a 5xx."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from tests.functional.accounts import new_account
from tests.functional.flow import import_by_signed_url, open_revision, run_job
from tests.functional.shared_bucket_exchange import OBJECTS, Place
from tests.fuzz.belongings import settled
from tests.fuzz.run import fuzz
from tests.fuzz.sending import Request, Sender
from tests.fuzz.strange_values import DATES, DIGITS, strange_request
from tests.servers.exchanges import Exchange

from entrepot.testing import S3Server

SEED = 10
REQUESTS = 250


@pytest.fixture
def sender(request: pytest.FixtureRequest) -> Iterator[Sender]:
    exchange: Exchange = request.getfixturevalue(request.param)
    made = Sender(exchange.url)
    yield made
    made.close()


@pytest.mark.parametrize("sender", ["trusting_exchange", "sigv4_exchange"], indirect=True)
def test_strangers_get_no_5xx(sender: Sender) -> None:
    choose, statuses = random.Random(SEED), set()
    for _ in range(REQUESTS):
        asked = strange_request(choose)
        status = sender.send(asked).status
        assert 0 < status < 500, (status, asked)
        statuses.add(status)
    assert len(statuses) > 3, statuses


@pytest.mark.postgresql
def test_requests_of_accounts_get_good_answers_and_nothing_of_others(
    postgresql_exchange: Exchange, storage: S3Server
) -> None:
    """A short `make fuzz`: every operation, good requests and spoilt ones, each answer looked at."""
    with settled(postgresql_exchange, storage, 2) as accounts:
        summary = fuzz(postgresql_exchange, accounts, REQUESTS, SEED)
    assert summary["Violations"] == []


@pytest.mark.parametrize("name", ["Date", "X-Amz-Date"])
@pytest.mark.parametrize("date", DATES, ids=lambda date: date[:30])
@pytest.mark.parametrize("service", ["dataexchange", "s3"])
def test_no_date_of_a_stranger_is_a_5xx(sigv4_exchange: Exchange, name: str, date: str, service: str) -> None:
    sender = Sender(sigv4_exchange.url)
    signature = f"SignedHeaders=host;{name.lower()}, Signature={'0' * 64}"
    scope = f"Credential=AKIA/20240101/us-east-1/{service}/aws4_request"
    headers = {"Authorization": f"AWS4-HMAC-SHA256 {scope}, {signature}", name: date}
    try:
        assert sender.send(Request("stranger", "GET", "/v1/jobs", headers)).status in {400, 403}
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
        request = Request("signed URL get", "GET", f"{parts.path}?{parts.query}", {"Range": asked})
        assert sender.send(request).status == status
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
