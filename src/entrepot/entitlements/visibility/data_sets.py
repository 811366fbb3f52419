"""Data sets as an account sees them."""

from __future__ import annotations

from dataclasses import dataclass

from entrepot.database import data_grants, data_sets
from entrepot.database.connection import Connection
from entrepot.domain.data_grant import DataGrant
from entrepot.domain.data_set import DataSet, Origin
from entrepot.domain.scope import Scope
from entrepot.domain.timestamp import Timestamp


@dataclass(frozen=True, slots=True)
class Entitled:
    """A data set that is seen through a grant."""

    grant: DataGrant
    by_owner: bool
    """Whether the owner itself looks; it is told the SourceIds, and is not a receiver."""

    @property
    def scope(self) -> Scope:
        """The scope of the ARNs of what is seen."""
        return self.grant.scope.without_account()


async def entitled(connection: Connection, scope: Scope, data_set_id: str, now: Timestamp) -> Entitled | None:
    """The grant through which the account sees the data set at this moment; None where it sees none."""
    grant = await data_grants.of_data_set(connection, scope.region, data_set_id)
    if grant is None:
        return None
    if grant.receiver_id == scope.account_id and grant.gives_access(now):
        return Entitled(grant, by_owner=False)
    if grant.scope.account_id == scope.account_id:
        return Entitled(grant, by_owner=True)
    return None


async def get(connection: Connection, scope: Scope, data_set_id: str, now: Timestamp) -> DataSet | None:
    """The account's own data set of that id, or the entitled one."""
    own = await data_sets.get(connection, scope, data_set_id)
    if own is not None:
        return own
    seen = await entitled(connection, scope, data_set_id, now)
    return None if seen is None else entitled_data_set(seen.grant, by_owner=seen.by_owner)


async def page_entitled(
    connection: Connection, scope: Scope, now: Timestamp, *, after: tuple[int, str] | None, limit: int
) -> list[tuple[DataSet, str]]:
    """Entitled data sets, the last granted first, each with the id of its grant.

    `after` is (created at in milliseconds, grant id) of the last one of the former page.
    """
    grants = await data_grants.page_entitled(connection, scope, now, after=after, limit=limit)
    return [(entitled_data_set(grant, by_owner=False), grant.id) for grant in grants]


def entitled_data_set(grant: DataGrant, *, by_owner: bool) -> DataSet:
    """The data set as it was granted: later changes of its name and description do not touch it [C]."""
    return DataSet(
        scope=Entitled(grant, by_owner).scope,
        id=grant.data_set_id,
        asset_type=grant.asset_type,
        name=grant.data_set_name,
        description=grant.data_set_description,
        created_at=grant.created_at,
        updated_at=grant.created_at,
        origin=Origin.ENTITLED,
        data_grant_id=grant.id,
        source_id=grant.source_data_set_id if by_owner else None,
    )
