"""Ways of sending an event: to a webhook, and to EventBridge.

Each raises `IntegrationUnavailable` where trying again may help, and another `IntegrationError` where it does
not.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol

from entrepot import __version__
from entrepot.domain.errors import IntegrationError, IntegrationRefused, IntegrationUnavailable
from entrepot.domain.event import SOURCE, StoredEvent
from entrepot.domain.timestamp import Timestamp
from entrepot.domain.webhook import Webhook
from entrepot.integrations.event_bridge import EventBridge
from entrepot.integrations.guarded_http import GuardedHttp, GuardedResponse

CONTENT_TYPE = "application/cloudevents+json; charset=utf-8"
SIGNATURE_HEADER = "Entrepot-Signature"
DELIVERY_HEADER = "Entrepot-Delivery"
ATTEMPT_HEADER = "Entrepot-Attempt"


def cloud_event(event: StoredEvent) -> bytes:
    """The body: the same bytes each time, for the same event.

    `type` is the detail-type and `data` the detail of EventBridge; `account` and `region` are extensions.
    """
    return json.dumps(
        {
            "specversion": "1.0",
            "id": event.id,
            "source": SOURCE,
            "type": event.detail_type,
            "subject": event.resources[0] if event.resources else event.account_id,
            "time": event.at.isoformat(),
            "account": event.account_id,
            "region": event.region,
            "datacontenttype": "application/json",
            "data": json.loads(event.detail_json),
        }
    ).encode()


def signature(secret: str, epoch_seconds: int, body: bytes) -> str:
    """The value of `SIGNATURE_HEADER`: `t=1704067200,v1=` and the HMAC-SHA256 over `1704067200.{body}`.

    The time is signed, so that a receiver may refuse what somebody recorded and sends again.
    """
    signed = f"{epoch_seconds}.".encode() + body
    return f"t={epoch_seconds},v1={hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()}"


def delivery_id(webhook_id: str, event_id: str) -> str:
    """The value of `DELIVERY_HEADER`: of this event to this webhook, at every attempt and replay."""
    return hashlib.sha256(f"{webhook_id}:{event_id}".encode()).hexdigest()[:32]


ANSWER_SECONDS = 10.0
_READ_BYTES = 64 * 1024
"""Of an answer's body, which nobody looks at: a connection whose answer was read can be used again."""


class OpenSecret(Protocol):
    def __call__(self, sealed: str, context: str) -> bytes:
        """Raises `ConfigurationError` when it was sealed with another key file or context."""


@dataclass(frozen=True, slots=True)
class WebhookSender:
    http: GuardedHttp
    open_secret: OpenSecret
    clock: Callable[[], Timestamp]
    answer_seconds: float = ANSWER_SECONDS

    async def send(self, webhook: Webhook, event: StoredEvent, attempt: int) -> None:
        """Returns when the receiver has answered with a status of 2xx.

        Raises `IntegrationUnavailable`, `IntegrationRefused` for 410 (it wants no more), `TargetForbidden`
        for an address that nobody may name, and `ConfigurationError` where the secret cannot be opened.
        """
        secret = self.open_secret(webhook.encrypted_secret, webhook.id).decode()
        body = cloud_event(event)
        headers = {
            "Content-Type": CONTENT_TYPE,
            "User-Agent": f"Entrepot/{__version__}",
            SIGNATURE_HEADER: signature(secret, self.clock().milliseconds // 1000, body),
            DELIVERY_HEADER: delivery_id(webhook.id, event.id),
            ATTEMPT_HEADER: str(attempt),
        }
        sent = [(name.encode(), value.encode()) for name, value in headers.items()]
        async with self.http.send(
            "POST", webhook.url, sent, body, timeout_seconds=self.answer_seconds
        ) as response:
            status = response.status
            with suppress(IntegrationUnavailable):  # the status is here, and says all
                await _read(response)
        if status == 410:
            raise IntegrationRefused("The receiver answered 410 Gone: it wants no more events.")
        if 300 <= status < 400:
            raise IntegrationUnavailable(f"The receiver answered {status}, and redirects are not followed.")
        if not 200 <= status < 300:
            raise IntegrationUnavailable(f"The receiver answered {status}.")


async def _read(response: GuardedResponse) -> None:
    read = 0
    async for chunk in response:
        read += len(chunk)
        if read > _READ_BYTES:
            return


@dataclass(frozen=True, slots=True)
class EventBridgeSender:
    bridge: EventBridge

    async def send(self, event: StoredEvent) -> None:
        """Raises `IntegrationUnavailable`, for a refusal too: what an operator has to mend may take a while.

        The bus belongs to one account of AWS, and gives its events ids of its own; so the detail says whose
        event this is, and which.
        """
        detail = json.loads(event.detail_json)
        detail["Exchange"] = {"AccountId": event.account_id, "EventId": event.id}
        try:
            await self.bridge.put(
                event.region,
                detail_type=event.detail_type,
                resources=event.resources,
                detail_json=json.dumps(detail),
                at=event.at,
            )
        except IntegrationError as error:
            raise IntegrationUnavailable(error.message) from error
