"""What is put on a bus, and what becomes of an answer that moto never gives."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from tests.servers.scripted_http import ScriptedServer, answer, scripted_server

from entrepot.domain.errors import IntegrationUnavailable
from entrepot.domain.event import DetailType, StoredEvent
from entrepot.domain.timestamp import Timestamp
from entrepot.events.senders import EventBridgeSender
from entrepot.integrations.aws import AwsOptions, AwsService, AwsServices
from entrepot.integrations.event_bridge import EventBridge
from entrepot.sigv4.signature_parameters import Credentials

EVENT = StoredEvent(
    sequence=7,
    id="an-event",
    account_id="222222222222",
    region="eu-west-1",
    at=Timestamp(1_704_067_200_123),
    detail_type=DetailType.REVISION_PUBLISHED,
    resources=("a-data-set",),
    detail_json='{"RevisionIds": ["x"]}',
)
TAKEN = answer(200, b'{"FailedEntryCount": 0, "Entries": [{"EventId": "1"}]}')

Opening = Callable[..., tuple[EventBridgeSender, ScriptedServer]]


@pytest.fixture
def opened() -> Iterator[Opening]:
    """A sender on a server that plays the script."""
    with ExitStack() as stack:

        def open_on(*script: bytes) -> Any:
            server = stack.enter_context(scripted_server(*script))
            options = AwsOptions({AwsService.EVENT_BRIDGE: server.url}, Credentials("AKID", "secret"))
            aws = AwsServices(options)
            stack.callback(aws.close)
            return EventBridgeSender(EventBridge(aws, "a-bus", "aws.dataexchange")), server

        yield open_on


async def test_an_event_is_put_on_the_bus_with_whose_it_is(opened: Opening) -> None:
    sender, server = opened(TAKEN)
    await sender.send(EVENT)
    (request,) = server.requests
    assert request.headers["x-amz-target"].endswith(".PutEvents")
    assert "/eu-west-1/events/" in request.headers["authorization"]
    (entry,) = json.loads(request.body)["Entries"]
    assert json.loads(entry.pop("Detail")) == {
        "RevisionIds": ["x"],
        "Exchange": {"AccountId": "222222222222", "EventId": "an-event"},
    }
    assert entry.pop("Time") == pytest.approx(1_704_067_200, abs=1)
    assert entry == {
        "Source": "aws.dataexchange",
        "DetailType": "Revision Published To Data Set",
        "Resources": ["a-data-set"],
        "EventBusName": "a-bus",
    }


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (
            answer(
                200,
                b'{"FailedEntryCount": 1, "Entries": [{"ErrorCode": "ThrottlingException",'
                b' "ErrorMessage": "slow down"}]}',
            ),
            "ThrottlingException: slow down",
        ),
        (
            answer(400, b'{"__type": "AccessDeniedException", "message": "no"}'),
            "events:PutEvents",
        ),
        (
            answer(400, b'{"__type": "ResourceNotFoundException", "message": "no bus"}'),
            "no bus",
        ),
    ],
)
async def test_whatever_is_not_taken_may_be_taken_later(opened: Opening, said: bytes, words: str) -> None:
    sender, _ = opened(said)
    with pytest.raises(IntegrationUnavailable, match=words):
        await sender.send(EVENT)


async def test_a_region_that_cannot_be_is_no_crash(opened: Opening) -> None:
    from dataclasses import replace

    sender, server = opened(TAKEN)
    with pytest.raises(IntegrationUnavailable):
        await sender.send(replace(EVENT, region="not a region!"))
    assert server.requests == []
