"""Amazon EventBridge: puts events on a bus."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from entrepot.domain.errors import IntegrationUnavailable
from entrepot.domain.timestamp import Timestamp
from entrepot.integrations.aws import AwsService, AwsServices, call

SOURCE_AT_AWS = "entrepot.dataexchange"
"""AWS lets nobody else put events whose source begins with `aws.`."""


@dataclass(frozen=True, slots=True)
class EventBridge:
    """One bus, by its name in every Region."""

    aws: AwsServices
    bus: str
    source: str

    async def put(
        self, region: str, *, detail_type: str, resources: Sequence[str], detail_json: str, at: Timestamp
    ) -> None:
        """Puts one event on that Region's bus. Raises `IntegrationUnavailable` and `IntegrationRefused`."""
        entry = {
            "Source": self.source,
            "DetailType": detail_type,
            "Resources": list(resources),
            "Detail": detail_json,
            "Time": at.to_datetime(),
            "EventBusName": self.bus,
        }
        await asyncio.to_thread(self._put, region, entry)

    def _put(self, region: str, entry: dict[str, Any]) -> None:
        client = self.aws.client(AwsService.EVENT_BRIDGE, region)
        answer = call(AwsService.EVENT_BRIDGE, client.put_events, Entries=[entry])
        if answer.get("FailedEntryCount"):
            (result,) = answer["Entries"]
            raise IntegrationUnavailable(
                f"Amazon EventBridge did not take the event ({result.get('ErrorCode', 'no code')}: "
                f"{result.get('ErrorMessage', 'no message')})."
            )
