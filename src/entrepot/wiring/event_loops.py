"""What a worker does about events beside its runs."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from entrepot.database.connection import Database
from entrepot.domain.event import SOURCE
from entrepot.settings.settings import Settings
from entrepot.settings.values import AWS_ENDPOINT
from entrepot.wiring.shared import Secrets, clock

if TYPE_CHECKING:
    from entrepot.engine.loops import Loop
    from entrepot.integrations.aws import AwsServices

_DELIVER_EVERY_SECONDS = 0.5
_FORGET_EVERY_SECONDS = 60.0
_DAY_SECONDS = 86_400

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class EventLoops:
    """The loops, and the end of what they hold."""

    loops: tuple[Loop, ...]
    close: Callable[[], Awaitable[None]]


def make_event_loops(
    settings: Settings, database: Database, secrets: Secrets | None, aws: AwsServices
) -> EventLoops:
    """Deliveries and retention; without `secrets` retention alone, since webhooks are signed."""
    from entrepot.engine.loops import Loop
    from entrepot.events.deliveries import Deliveries
    from entrepot.events.event_log import sweep_events
    from entrepot.events.senders import EventBridgeSender, WebhookSender
    from entrepot.integrations.aws import AwsService
    from entrepot.integrations.event_bridge import SOURCE_AT_AWS, EventBridge
    from entrepot.integrations.guarded_http import GuardedHttp

    async def forget() -> None:
        await sweep_events(database, clock().plus_seconds(-settings.event_retention_days * _DAY_SECONDS))

    http = GuardedHttp(settings.allowed_networks)
    retention = Loop("deletion of old events", forget, _FORGET_EVERY_SECONDS)
    if secrets is None:
        _log.warning("events are left to workers that have the key file: this one cannot sign what it sends")
        return EventLoops((retention,), http.aclose)
    bridge = None
    if aws.is_configured(AwsService.EVENT_BRIDGE):
        source = SOURCE_AT_AWS if settings.event_bridge_endpoint_url == AWS_ENDPOINT else SOURCE
        bridge = EventBridgeSender(EventBridge(aws, settings.event_bus, source))
    deliveries = Deliveries(database, WebhookSender(http, secrets.open, clock), bridge, clock)
    return EventLoops(
        (Loop("delivery of events", deliveries.work, _DELIVER_EVERY_SECONDS), retention), http.aclose
    )
