"""The databases of datashares in PostgreSQL; the driver is loaded when the first of them is needed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from entrepot.domain.datashare import DatabaseLogin, PostgresqlShare
from entrepot.domain.timestamp import Timestamp
from entrepot.integrations.protocols import OpenShare

if TYPE_CHECKING:
    from entrepot.integrations.postgresql_shares import PostgresqlShares


class LatePostgresql:
    def __init__(self, open_share: OpenShare) -> None:
        self._open_share = open_share
        self._loaded: PostgresqlShares | None = None

    async def check(self, share: PostgresqlShare) -> None:
        await self._shares().check(share)

    async def give(self, share: PostgresqlShare, role: str) -> None:
        await self._shares().give(share, role)

    async def withdraw(self, share: PostgresqlShare, role: str) -> None:
        await self._shares().withdraw(share, role)

    async def let_in(
        self, share: PostgresqlShare, role: str, password: str, expires_at: Timestamp | None
    ) -> DatabaseLogin:
        return await self._shares().let_in(share, role, password, expires_at)

    def _shares(self) -> PostgresqlShares:
        if self._loaded is None:
            from entrepot.integrations.postgresql_shares import PostgresqlShares

            self._loaded = PostgresqlShares(self._open_share)
        return self._loaded
