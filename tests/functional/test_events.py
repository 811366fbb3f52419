"""What happens between accounts is told to whom it concerns: by a route, by webhooks, by EventBridge."""

from __future__ import annotations

import json
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from secrets import token_hex
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest
from botocore.auth import SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from tests.functional.accounts import Account, new_account, run_entrepot
from tests.functional.clients import client as make_client
from tests.functional.flow import import_by_signed_url, open_revision, until
from tests.functional.moto_server import CREDENTIALS
from tests.servers.exchanges import Exchange, known
from tests.servers.webhook_receiver import Receiver, webhook_receiver

from entrepot.testing import running_entrepot

PATIENCE_SECONDS = 60.0
PUBLISHED = "Revision Published To Data Set"
ACCEPTED = "Data Grant Accepted"


@dataclass(frozen=True)
class Port:
    server: Exchange
    provider: Account
    receiver: Account
    moto: str
    queue: str
    """Where the bus of moto sends what it gets."""

    def publish(self, data_set_id: str) -> None:
        """A finalized revision of a data set."""
        place = {
            "DataSetId": data_set_id,
            "RevisionId": self.provider.client.create_revision(DataSetId=data_set_id)["Id"],
        }
        assert import_by_signed_url(self.provider.client, place, "a", b"a")["State"] == "COMPLETED"
        self.provider.client.update_revision(**place, Finalized=True)

    def trade(self) -> tuple[str, str]:
        """A data set that the receiver has accepted: its id, and what the receiver calls it."""
        client = self.provider.client
        place = open_revision(client)
        assert import_by_signed_url(client, place, "a", b"a")["State"] == "COMPLETED"
        client.update_revision(**place, Finalized=True)
        granted = client.create_data_grant(
            Name="for you",
            GrantDistributionScope="NONE",
            ReceiverPrincipal=self.receiver.id,
            SourceDataSetId=place["DataSetId"],
        )
        self.receiver.client.accept_data_grant(DataGrantArn=granted["Arn"])
        return place["DataSetId"], granted["DataSetId"]


@pytest.fixture(scope="module")
def exchange(tmp_path_factory: pytest.TempPathFactory, moto_url: str) -> Iterator[tuple[Exchange, str]]:
    """A running exchange, and the queue that gets what it puts on its bus."""
    bus = f"exchange-{token_hex(4)}"
    queue = _queue_of_bus(moto_url, bus)
    with running_entrepot(
        tmp_path_factory.mktemp("exchange"),
        arguments=["--job-workers", "2"],
        environ=CREDENTIALS
        | {
            "ENTREPOT_ALLOWED_NETWORKS": "127.0.0.0/8",
            "ENTREPOT_EVENT_BRIDGE_ENDPOINT_URL": moto_url,
            "ENTREPOT_EVENT_BUS": bus,
        },
    ) as server:
        yield known(server), queue


@pytest.fixture
def port(exchange: tuple[Exchange, str], moto_url: str) -> Iterator[Port]:
    """With accounts of its own: what still has to be told of other tests goes to others."""
    server, queue = exchange
    provider, receiver = new_account(server, "provider"), new_account(server, "receiver")
    yield Port(server, provider, receiver, moto_url, queue)
    provider.client.close()
    receiver.client.close()


def _client(moto: str, service: str) -> Any:
    return make_client(service, moto, "testing", "testing")


def _queue_of_bus(moto: str, bus: str) -> str:
    """A queue that gets what is put on the bus."""
    sqs, bridge = _client(moto, "sqs"), _client(moto, "events")
    url: str = sqs.create_queue(QueueName=bus)["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    bridge.create_event_bus(Name=bus)
    pattern = json.dumps({"source": ["aws.dataexchange"]})
    bridge.put_rule(Name="all", EventBusName=bus, EventPattern=pattern)
    bridge.put_targets(Rule="all", EventBusName=bus, Targets=[{"Id": "queue", "Arn": arn}])
    sqs.close()
    bridge.close()
    return url


@pytest.fixture
def hook() -> Iterator[Receiver]:
    with webhook_receiver() as running:
        yield running


def get(account: Account, *, presigned: bool = False, **parameters: object) -> tuple[int, Any]:
    """Status and body of one look at the events."""
    url = f"{account.url}/entrepot/events?{urlencode(parameters)}"
    request = AWSRequest("GET", url)
    keys = Credentials(account.access_key_id, account.secret_access_key)
    signer = (SigV4QueryAuth if presigned else SigV4Auth)(keys, "dataexchange", "us-east-1")
    signer.add_auth(request)
    try:
        with urllib.request.urlopen(
            urllib.request.Request(request.url, headers=dict(request.headers)), timeout=90
        ) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)


def cursor_now(account: Account) -> str:
    """Where the account's next event will be."""
    cursor: str = get(account, cursor="latest")[1]["Cursor"]
    return cursor


def test_what_is_published_is_told_to_the_receiver_and_acceptance_to_the_sender(port: Port) -> None:
    ours, theirs = cursor_now(port.provider), cursor_now(port.receiver)
    data_set_id, entitled_id = port.trade()
    port.publish(data_set_id)
    _, told = get(port.receiver, cursor=theirs)
    (event,) = told["Events"]
    assert event["detail-type"] == PUBLISHED
    assert event["resources"] == [entitled_id]
    assert event["account"] == port.receiver.id
    assert data_set_id not in json.dumps(event), "the receiver is told what it must not know"
    (accepted,) = get(port.provider, cursor=ours)[1]["Events"]
    assert accepted["detail-type"] == ACCEPTED
    assert get(port.receiver, cursor=told["Cursor"])[1]["Events"] == []
    assert get(port.provider, cursor=theirs)[0] == 400, "a foreign cursor"


def test_who_waits_is_answered_when_it_happens(port: Port) -> None:
    data_set_id, _ = port.trade()
    cursor = cursor_now(port.receiver)
    answers: list[Any] = []
    waiting = threading.Thread(target=lambda: answers.append(get(port.receiver, cursor=cursor, wait=60)))
    waiting.start()
    port.publish(data_set_id)
    waiting.join(45)  # well before it would be answered that nothing has happened
    ((status, body),) = answers
    assert status == 200
    assert [event["detail-type"] for event in body["Events"]] == [PUBLISHED]


def test_requests_for_events_are_signed_like_all_others(port: Port) -> None:
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(f"{port.server.url}/entrepot/events")
    assert caught.value.code == 403
    caught.value.close()
    assert get(port.receiver, presigned=True, limit=1)[0] == 200


def test_a_webhook_is_sent_signed_events_after_failures_too(port: Port, hook: Receiver) -> None:
    added = run_entrepot(
        port.server, "webhook", "add", f"{hook.url}/hook", "--account", port.receiver.id, "--event", PUBLISHED
    )
    hook.answer = lambda delivery: 500 if len(hook.deliveries) == 1 else 204
    data_set_id, entitled_id = port.trade()
    port.publish(data_set_id)
    until(lambda: len(hook.deliveries) == 2, "the second attempt does not come")
    first, second = hook.deliveries
    assert first.event == second.event
    assert second.event["type"] == PUBLISHED
    assert second.event["subject"] == entitled_id
    assert second.event["account"] == port.receiver.id
    assert first.is_signed_with(added["Secret"])
    assert second.is_signed_with(added["Secret"])
    assert second.headers["entrepot-attempt"] == "2"


def test_a_dead_letter_is_shown_and_replayed(port: Port, hook: Receiver) -> None:
    added = run_entrepot(port.server, "webhook", "add", hook.url, "--account", port.provider.id)
    webhook_id = added["WebhookId"]
    hook.answer = lambda delivery: 410
    port.trade()
    until(lambda: f"is a dead letter of {webhook_id}" in port.server.log.read_text())
    (letter,) = run_entrepot(port.server, "webhook", "dead-letters", webhook_id)["DeadLetters"]
    assert letter["DetailType"] == ACCEPTED
    assert "410" in letter["Error"]
    hook.answer = lambda delivery: 200
    assert run_entrepot(port.server, "webhook", "replay", webhook_id)["Replayed"] == 1
    until(lambda: len(hook.deliveries) == 2)
    assert hook.event_ids == [letter["EventId"]] * 2
    run_entrepot(port.server, "webhook", "remove", webhook_id)


def test_events_arrive_at_eventbridge_as_rules_expect_them(port: Port) -> None:
    data_set_id, entitled_id = port.trade()
    port.publish(data_set_id)
    queue = _client(port.moto, "sqs")

    def of_this_data_set() -> list[dict[str, Any]]:
        got = queue.receive_message(QueueUrl=port.queue, MaxNumberOfMessages=10).get("Messages", [])
        events = [json.loads(message["Body"]) for message in got]
        return [event for event in events if event["resources"] == [entitled_id]]

    (event,) = until(of_this_data_set, "the event does not arrive")
    queue.close()
    assert event["detail-type"] == PUBLISHED
    assert event["source"] == "aws.dataexchange"
    assert event["detail"]["Exchange"]["AccountId"] == port.receiver.id
    known = {each["id"]: each for each in port.receiver.events()}
    assert (
        known[event["detail"]["Exchange"]["EventId"]]["detail"]["RevisionIds"]
        == event["detail"]["RevisionIds"]
    )


def test_the_log_has_no_complaint_and_no_secret(port: Port) -> None:
    """The last one of this module: all that a server wrote meanwhile."""
    log = port.server.log.read_text()
    complaints = [line for line in log.splitlines() if "is a dead letter of" not in line]
    assert complaints == []
    assert "whsec_" not in log


def test_who_waits_does_not_hold_up_the_end_and_private_addresses_are_not_called(
    tmp_path: Path, hook: Receiver
) -> None:
    with running_entrepot(tmp_path, arguments=["--auth", "trust"]) as server:
        run_entrepot(
            known(server), "webhook", "add", hook.url, "--account", "222222222222", "--auth", "trust"
        )
        sender = make_client("dataexchange", server.url, "111111111111", "any")
        place = open_revision(sender)
        assert import_by_signed_url(sender, place, "a", b"a")["State"] == "COMPLETED"
        sender.update_revision(**place, Finalized=True)
        granted = sender.create_data_grant(
            Name="for you",
            GrantDistributionScope="NONE",
            ReceiverPrincipal="222222222222",
            SourceDataSetId=place["DataSetId"],
        )
        sender.delete_data_grant(DataGrantId=granted["Id"])
        sender.close()
        until(lambda: "ENTREPOT_ALLOWED_NETWORKS" in server.log.read_text())
        assert hook.deliveries == []
        address = urlsplit(server.url)
        with closing(HTTPConnection(str(address.hostname), address.port, timeout=20)) as connection:
            connection.request("GET", "/entrepot/events?cursor=latest&wait=60")
            # an answer to another one means that the server has read this one before
            urllib.request.urlopen(f"{server.url}/healthz").close()
            started = time.monotonic()
            assert server.stop() == 0
            assert time.monotonic() - started < 10
            answer = connection.getresponse()
            assert answer.status == 200
            assert json.load(answer)["Events"] == []
