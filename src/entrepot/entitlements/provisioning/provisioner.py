"""A keeper gives one kind of live asset to receivers, outside of the exchange, and takes it back.

The reconciler says what there should be; a keeper makes it so, in Amazon Redshift, Lake Formation, KMS or a
PostgreSQL database. Whatever dies, the reconciler asks again: a keeper does not count on being asked once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from entrepot.domain.data_grant import DataGrant
from entrepot.domain.data_set import AssetType
from entrepot.domain.errors import IntegrationRefused
from entrepot.domain.event import NewEvent
from entrepot.domain.scope import Scope
from entrepot.model import shapes

Given = Mapping[str, str]
"""What a keeper needs to take back what it gave: the id of a grant, the name of a role. Never a secret."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One live asset for one receiver. It stands by itself: grant and asset may be gone by now."""

    grant_id: str
    asset_id: str
    """The owner's id of the asset."""
    owner: Scope
    receiver_id: str
    """The receiver's account; its Region is the owner's."""
    entitled_data_set_id: str
    entitled_asset_id: str
    """The receiver's id of the asset."""
    asset_type: AssetType
    details: shapes.AssetDetails


class AccessLost(IntegrationRefused):
    """What is to be given is no longer there. The receiver is told, once, if it had been given before."""

    def __init__(self, message: str, tell: Callable[[DataGrant], NewEvent]) -> None:
        super().__init__(message)
        self.tell = tell


class Provisioner(Protocol):
    """Keeps the access to assets of one type.

    Both `give` and `withdraw` are idempotent, are given half a minute, and are cancelled after that. They may
    be called for several entries at once, never at once for the same one. Blocking calls belong in a thread.
    They raise an `IntegrationError` where they fail; its message is kept with the entry and logged, so it
    holds no secret. The reconciler then tries again, at first after a second, later every few minutes.
    """

    @property
    def asset_type(self) -> AssetType:
        """Whose access it keeps."""
        ...

    @property
    def renewed_after_seconds(self) -> float | None:
        """After how long what was given is given again, to follow what has changed outside; None: never."""
        ...

    def is_shared(self, entry: Entry) -> bool:
        """Whether the outside service knows the receiver alone, and not which asset or grant it came by.

        Then two entries for one receiver with the same details are one and the same outside: it is taken
        back with the last of them alone. And whatever is taken back, the receiver's other entries of the
        type are given once more, in case their access overlapped.
        """
        ...

    async def give(self, entry: Entry) -> Given | None:
        """Gives the receiver access, or makes sure that it still has it."""
        ...

    async def withdraw(self, entry: Entry, given: Given | None) -> None:
        """Takes the access back; fine where there is none.

        `given` is what `give` returned the last time. None where it returned that, or where it was called and
        nobody knows how it ended: then it may have given, and what it gave must be found by the entry.
        """
        ...
