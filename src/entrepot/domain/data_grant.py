"""Data grants: an account gives another one a data set, and all that is published in it (reference, 6).

    PENDING_RECEIVER_ACCEPTANCE ──AcceptDataGrant──▶ ACCEPTED      (its deletion, or its end, takes all back)

The receiver has no copies. What it sees is the owner's data set under identifiers of the grant's own: each is
the owner's identifier, masked by a secret of the grant, so that it is found again without a table, and nobody
who has two grants of one data set can tell that they are of one.
"""

from __future__ import annotations

import hmac
import re
from dataclasses import dataclass
from enum import StrEnum

from entrepot.domain.data_set import AssetType
from entrepot.domain.errors import Conflict, ResourceType, ValidationFailed
from entrepot.domain.scope import Scope
from entrepot.domain.timestamp import Timestamp

_MASKED_ID = re.compile(r"[0-9a-f]{32}")


class AcceptanceState(StrEnum):
    """Whether the receiver has accepted. There is no other state: an end is told by EndsAt."""

    PENDING_RECEIVER_ACCEPTANCE = "PENDING_RECEIVER_ACCEPTANCE"
    ACCEPTED = "ACCEPTED"


class DistributionScope(StrEnum):
    """Whether the receiver may share the licence inside its organization.

    That sharing is a matter of AWS License Manager: an exchange keeps and shows the value, and gives
    access to the receiver's account alone.
    """

    AWS_ORGANIZATION = "AWS_ORGANIZATION"
    NONE = "NONE"


class MaskedKind(StrEnum):
    """What a masked identifier is of; each has a mask of its own."""

    REVISION = "revision"
    ASSET = "asset"


@dataclass(frozen=True, slots=True)
class DataGrant:
    """One grant, with the data set as it was when it was granted."""

    scope: Scope
    """The sender's, who owns the data set."""
    id: str
    receiver_id: str
    source_data_set_id: str
    data_set_id: str
    """What the receiver calls the data set."""
    id_mask: str
    """32 hex digits; never shown."""
    name: str
    description: str | None
    distribution_scope: DistributionScope
    asset_type: AssetType
    data_set_name: str
    data_set_description: str
    created_at: Timestamp
    updated_at: Timestamp
    ends_at: Timestamp | None = None
    accepted_at: Timestamp | None = None

    @property
    def acceptance_state(self) -> AcceptanceState:
        accepted = self.accepted_at is not None
        return AcceptanceState.ACCEPTED if accepted else AcceptanceState.PENDING_RECEIVER_ACCEPTANCE

    @property
    def receiver(self) -> Scope:
        """The receiver's account, in the Region of the data set."""
        return Scope(self.receiver_id, self.scope.region, self.scope.partition)

    def ended(self, now: Timestamp) -> bool:
        return self.ends_at is not None and now.milliseconds >= self.ends_at.milliseconds

    def gives_access(self, now: Timestamp) -> bool:
        """Whether the receiver may see and use the data set at this moment."""
        return self.accepted_at is not None and not self.ended(now)

    def masked(self, kind: MaskedKind, source_id: str) -> str:
        """What the receiver calls one of the owner's revisions or assets."""
        return _permuted(source_id, self._keys(kind))

    def unmasked(self, kind: MaskedKind, entitled_id: str) -> str | None:
        """The owner's identifier behind a receiver's; None for a text that is none."""
        if _MASKED_ID.fullmatch(entitled_id) is None:
            return None
        swapped = entitled_id[16:] + entitled_id[:16]
        permuted = _permuted(swapped, tuple(reversed(self._keys(kind))))
        return permuted[16:] + permuted[:16]

    def _keys(self, kind: MaskedKind) -> tuple[bytes, ...]:
        return tuple(f"{kind}:{number}:{self.id_mask}".encode() for number in range(4))


def _permuted(identifier: str, keys: tuple[bytes, ...]) -> str:
    """A permutation of the 128-bit numbers: a Feistel network of four rounds, each a keyed hash.

    With the keys in reverse order, and the halves exchanged before and after, it is its own inverse (Luby and
    Rackoff, "How to construct pseudorandom permutations from pseudorandom functions", 1988).
    """
    left, right = bytes.fromhex(identifier[:16]), bytes.fromhex(identifier[16:])
    for key in keys:
        digest = hmac.digest(key, right, "sha256")
        left, right = right, bytes(a ^ b for a, b in zip(left, digest[:8], strict=True))
    return (left + right).hex()


def require_grantable(
    *, sender_id: str, receiver_id: str, ends_at: Timestamp | None, now: Timestamp, published: bool
) -> None:
    """Raises `ValidationFailed` where no grant may be made.

    A data set without a finalized revision [C, code L], an EndsAt that is no longer ahead [G], or a grant to
    oneself [G].
    """
    if receiver_id == sender_id:
        raise ValidationFailed(
            f"ReceiverPrincipal {receiver_id} is your own account; grant the data set to another one."
        )
    if ends_at is not None and ends_at.milliseconds <= now.milliseconds:
        raise ValidationFailed(f"EndsAt {ends_at.isoformat()} is in the past; a grant ends in the future.")
    if not published:
        raise ValidationFailed(
            "The data set has no finalized revision, so there is nothing to grant; finalize one first."
        )


def require_acceptable(grant: DataGrant, now: Timestamp) -> None:
    """Raises `Conflict` unless the grant may be accepted now: once, and before its end."""
    if grant.accepted_at is not None:
        raise Conflict(
            f"Data grant {grant.id} has been accepted already.",
            resource_id=grant.id,
            resource_type=ResourceType.DATA_GRANT,
        )
    if grant.ended(now):
        raise Conflict(
            f"Data grant {grant.id} has ended; ask its sender for another one.",
            resource_id=grant.id,
            resource_type=ResourceType.DATA_GRANT,
        )
