"""Tells others what has happened: notes where each new event is to be sent, and sends what is due.

    dispatch   events → one delivery for each webhook of the account that wants them, and for EventBridge
    send       at least once, and normally once; what fails is tried again, later and later
    give up    after the last attempt, or at once where trying again cannot help: a dead letter

Any number of workers may do so at once: each claims deliveries for a while. What a worker had claimed when it
died is due again when that while is over.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from entrepot.database import event_deliveries, events, webhooks
from entrepot.database.connection import Database
from entrepot.domain.errors import (
    ConfigurationError,
    DatabaseError,
    IntegrationError,
    IntegrationRefused,
    IntegrationUnavailable,
    TargetForbidden,
)
from entrepot.domain.event import StoredEvent
from entrepot.domain.timestamp import Timestamp
from entrepot.domain.webhook import EVENT_BRIDGE, DueDelivery
from entrepot.events.senders import EventBridgeSender, WebhookSender

DISPATCHED_AT_ONCE = 200

_events_log = logging.getLogger("entrepot.events")
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Pace:
    """How often, how long and how much at once; times in seconds."""

    attempts: int = 16
    """With the pauses below: for about 19 hours."""
    first_pause: float = 2.0
    growth: float = 4.0
    longest_pause: float = 7200.0
    jitter: float = 0.25
    """A pause is longer or shorter by up to this part, so that not everything comes back at one moment."""
    sending: float = 20.0
    claim: float = 30.0
    """How long a delivery is a worker's own: longer than an attempt takes."""
    look: float = 0.5
    """Between two looks for what is new or due, while something is being sent."""
    at_once: int = 64
    at_once_to_a_target: int = 4
    """A slow receiver holds up itself, and hardly the others. It may be exceeded by a few."""

    def pause(self, attempt: int) -> float:
        pause = min(self.first_pause * self.growth ** min(attempt - 1, 64), self.longest_pause)
        return pause * random.uniform(1 - self.jitter, 1 + self.jitter)


class Deliveries:
    """What one worker does about events; belongs to its event loop."""

    def __init__(
        self,
        database: Database,
        webhook_sender: WebhookSender,
        event_bridge: EventBridgeSender | None,
        clock: Callable[[], Timestamp],
        *,
        pace: Pace | None = None,
    ) -> None:
        self._database = database
        self._webhook_sender = webhook_sender
        self._event_bridge = event_bridge
        self._clock = clock
        self._pace = pace or Pace()
        self._under_way: dict[asyncio.Task[None], str] = {}
        """With the target of each."""

    async def work(self) -> None:
        """Dispatches and sends until nothing is to be done now; called again and again by a worker.

        Raises `DatabaseError`. When it raises or is cancelled, what was being sent is given up for now, and
        is due again when its claim ends.
        """
        try:
            while True:
                dispatched = await self.dispatch()
                await self._begin_sending()
                if not self._under_way and not dispatched:
                    return
                if self._under_way:
                    pause = 0.0 if dispatched else self._pace.look  # there may be more of them
                    await asyncio.wait(self._under_way, timeout=pause, return_when=asyncio.FIRST_COMPLETED)
                    self._under_way = {
                        task: name for task, name in self._under_way.items() if not task.done()
                    }
        finally:
            for task in self._under_way:
                task.cancel()
            await asyncio.gather(*self._under_way, return_exceptions=True)
            self._under_way = {}

    async def dispatch(self) -> int:
        """Notes the deliveries of events that have none noted yet, and logs these events; returns how many.

        Crash: an event is dispatched with all its deliveries, or it is dispatched by somebody later.
        """
        if not await events.any_to_dispatch(self._database):
            return 0
        async with self._database.transaction() as connection:
            found = await events.to_dispatch(connection, DISPATCHED_AT_ONCE)
            known = await webhooks.of_accounts(connection, {event.account_id for event in found})
            noted = [
                (event.sequence, webhook.id)
                for event in found
                for webhook in known
                if webhook.account_id == event.account_id and webhook.wants(event.detail_type)
            ]
            if self._event_bridge is not None:
                noted += [(event.sequence, EVENT_BRIDGE) for event in found]
            await event_deliveries.insert(connection, noted, self._clock())
            await events.mark_dispatched(connection, found)
        for event in found:
            _events_log.info(
                "%s %s account=%s region=%s type=%r resources=%s",
                event.at.isoformat(),
                event.id,
                event.account_id,
                event.region,
                event.detail_type,
                ",".join(event.resources),
            )
        return len(found)

    async def _begin_sending(self) -> None:
        """Claims what is due, a few at a time, as long as there is room for it."""
        pace = self._pace
        while (free := pace.at_once - len(self._under_way)) > 0:
            busy = {
                target
                for target, count in Counter(self._under_way.values()).items()
                if count >= pace.at_once_to_a_target
            }
            if self._event_bridge is None:
                busy.add(EVENT_BRIDGE)  # of a worker that has it configured
            now = self._clock()
            claimed = await event_deliveries.claim(
                self._database,
                besides=busy,
                limit=min(free, pace.at_once_to_a_target),
                now=now,
                until=now.plus_seconds(pace.claim),
            )
            if not claimed:
                return
            for delivery in claimed:
                self._under_way[asyncio.create_task(self._deliver(delivery))] = delivery.target

    async def _deliver(self, delivery: DueDelivery) -> None:
        """Sends, and notes what came of it; does not raise."""
        try:
            await self._send_and_settle(delivery)
        except DatabaseError as error:
            _log.warning("what came of a delivery cannot be noted, so it will be sent again: %s", error)
        except Exception:  # noqa: BLE001 - one delivery must not stop the others; its claim ends by itself
            _log.exception("a delivery to %s failed unexpectedly", delivery.target)

    async def _send_and_settle(self, delivery: DueDelivery) -> None:
        event = await events.get(self._database, delivery.sequence)
        if event is None:
            return  # it was deleted meanwhile, and its deliveries with it
        try:
            async with asyncio.timeout(self._pace.sending):
                known = await self._send(delivery, event)
        except TimeoutError:
            await self._failed(delivery, event, IntegrationUnavailable("It took too long."))
        except (IntegrationError, ConfigurationError) as error:
            await self._failed(delivery, event, error)
        else:
            if known:
                await event_deliveries.delivered(self._database, delivery, self._clock())
            else:
                await event_deliveries.forget(self._database, delivery)

    async def _send(self, delivery: DueDelivery, event: StoredEvent) -> bool:
        """Whether the target is still known, and then it has the event."""
        if delivery.target == EVENT_BRIDGE and self._event_bridge is not None:
            await self._event_bridge.send(event)
            return True
        webhook = await webhooks.get(self._database, delivery.target)
        if webhook is None:
            return False
        await self._webhook_sender.send(webhook, event, delivery.attempt)
        return True

    async def _failed(
        self, delivery: DueDelivery, event: StoredEvent, error: IntegrationError | ConfigurationError
    ) -> None:
        now = self._clock()
        hopeless = isinstance(error, (IntegrationRefused, TargetForbidden, ConfigurationError))
        if hopeless or delivery.attempt >= self._pace.attempts:
            await event_deliveries.given_up(self._database, delivery, error.message, now)
            _log.warning(
                "event %s is a dead letter of %s after %d attempts (%s); once that is mended, "
                "`entrepot webhook replay %s` sends it again",
                event.id,
                delivery.target,
                delivery.attempt,
                error.message,
                delivery.target,
            )
        else:
            again = now.plus_seconds(self._pace.pause(delivery.attempt))
            await event_deliveries.failed(self._database, delivery, error.message, next_try_at=again, now=now)
