"""Webhooks, and deliveries of events: what is sent where, and how far that has come.

PENDING ──sent──▶ DELIVERED
   └──refused, or failed too often──▶ DEAD      (a replay makes both PENDING again)
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from entrepot.domain.timestamp import Timestamp

EVENT_BRIDGE = "event-bridge"
"""The target that is no webhook."""


@dataclass(frozen=True, slots=True)
class Webhook:
    """An address to which an account's events are sent, from every Region."""

    id: str
    account_id: str
    url: str
    encrypted_secret: str = field(repr=False)
    """The key that deliveries are signed with, sealed for the webhook's id."""
    detail_types: tuple[str, ...] | None  # None: all of them
    created_at: Timestamp

    def wants(self, detail_type: str) -> bool:
        return self.detail_types is None or detail_type in self.detail_types


class DeliveryState(StrEnum):
    PENDING = "PENDING"
    DELIVERED = "DELIVERED"
    DEAD = "DEAD"
    """A dead letter: nobody tries it again unless told to."""


@dataclass(frozen=True, slots=True)
class DueDelivery:
    """One attempt to deliver an event, which belongs to the worker that claimed it."""

    sequence: int
    """Of the event."""
    target: str
    """The id of a webhook, or `EVENT_BRIDGE`."""
    attempt: int
    """From 1; only who holds the last attempt may say what came of it."""


@dataclass(frozen=True, slots=True)
class DeadLetter:
    target: str
    event_id: str
    detail_type: str
    account_id: str
    attempts: int
    error: str
    given_up_at: Timestamp
