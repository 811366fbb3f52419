"""Access that a receiver has, or is to have, to a live asset outside of the exchange.

    WANTED ──▶ GIVING ──▶ GIVEN ──▶ WITHDRAWING ──▶ (no longer there)
       ◀──failed──┘ ◀──renewed──┘

Whoever tries notes first that it does, and until when nobody else must: what dies in the midst is tried again
after that moment.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from entrepot.domain.data_set import AssetType
from entrepot.domain.scope import Scope


class AccessState(StrEnum):
    """How far giving or withdrawing it is."""

    WANTED = "WANTED"
    """To be given, or given once more, at `next_try_at`; nobody tries now."""
    GIVING = "GIVING"
    """Somebody tries, until `next_try_at` at most."""
    GIVEN = "GIVEN"
    """The receiver has it; renewed at `next_try_at`."""
    WITHDRAWING = "WITHDRAWING"
    """It is being taken back, and tried again at `next_try_at`."""


@dataclass(frozen=True, slots=True)
class ExternalAccess:
    """One live asset for one receiver."""

    grant_id: str
    asset_id: str
    owner: Scope
    receiver_id: str
    entitled_data_set_id: str
    entitled_asset_id: str
    asset_type: AssetType
    details_json: bytes
    """AssetDetails of the asset, in the form of the wire."""
    state: AccessState
    given_json: bytes | None
    """What is needed to take it back; None where that is not known, or nothing is."""
    attempts: int
    """How many in a row have failed or were not heard of again."""
    next_try_at: int
    """In milliseconds since the epoch."""
    error: str | None = None
