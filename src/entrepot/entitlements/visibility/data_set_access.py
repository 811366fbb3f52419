"""Where a data set that an account names really is, and by what right the account names it.

    its own                        the rows are the account's, every identifier is what it is
    granted to it, accepted,       the rows are the owner's; what is finalized is seen, under the identifiers
    not ended                      of the grant
    granted by it                  the same view, for the owner of what was granted: with SourceId, also
                                   before the grant is accepted and after its end

Everything else does not exist. `now` decides about a grant's end, so each question asks anew.
"""

from __future__ import annotations

from dataclasses import dataclass

from entrepot.database import data_grants
from entrepot.database.connection import Connection
from entrepot.domain.data_grant import DataGrant
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
        """Of the ARNs of what is seen."""
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
