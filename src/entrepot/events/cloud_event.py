"""What a webhook receives: a CloudEvent 1.0 in structured mode, and a signature over it."""

from __future__ import annotations

import hashlib
import hmac
import json

from entrepot.domain.event import SOURCE, StoredEvent

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
