"""Who a download URL was made for, so that it is good only for as long as that receiver is entitled."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from entrepot.database.connection import Connection
from entrepot.domain.asset import Asset
from entrepot.domain.scope import Scope
from entrepot.domain.timestamp import Timestamp
from entrepot.entitlements.visibility import revisions
from entrepot.entitlements.visibility.data_sets import entitled


@dataclass(frozen=True, slots=True)
class Receiver:
    """An account, and the entitled revision of which it was given an asset. As text it is part of a URL."""

    account_id: str
    region: str
    data_set_id: str
    revision_id: str

    @classmethod
    def of(cls, scope: Scope, asset: Asset) -> Self:
        return cls(scope.account_id, scope.region, asset.data_set_id, asset.revision_id)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Reads what `str` gave. Raises `ValueError` for any other text."""
        account_id, region, data_set_id, revision_id = text.split("/")
        return cls(account_id, region, data_set_id, revision_id)

    def __str__(self) -> str:
        return f"{self.account_id}/{self.region}/{self.data_set_id}/{self.revision_id}"

    async def is_entitled(self, connection: Connection, now: Timestamp) -> bool:
        """Whether its grant gives access now, and the revision is not revoked."""
        scope = Scope(self.account_id, self.region)
        seen = await entitled(connection, scope, self.data_set_id, now)
        if seen is None or seen.by_owner:
            return False
        revision = await revisions.get_entitled(connection, seen, self.revision_id)
        return revision is not None and not revision.revoked
