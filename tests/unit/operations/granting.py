"""A provider with a published data set, and a receiver: what tests of entitlement begin with."""

from __future__ import annotations

from dataclasses import dataclass

from tests.unit.operations.application import Application, present

from entrepot.domain.timestamp import Timestamp
from entrepot.model import shapes
from entrepot.operations.context import Context
from entrepot.operations.data_grants import accept_data_grant, create_data_grant, delete_data_grant
from entrepot.operations.revisions import revoke_revision, update_revision

RECEIVER_ID = "222222222222"
STRANGER_ID = "333333333333"


@dataclass(frozen=True)
class Exchange:
    """The provider's data set has one finalized revision with assets a.csv and b.csv."""

    application: Application
    provider: Context
    receiver: Context
    data_set_id: str
    revision_id: str
    asset_ids: list[str]

    @classmethod
    async def opened(cls, application: Application) -> Exchange:
        provider, receiver = application.context(), application.context(RECEIVER_ID)
        data_set_id = await application.data_set(provider)
        revision_id = await application.revision(provider, data_set_id)
        asset_ids = await application.assets(provider, data_set_id, revision_id, ["a.csv", "b.csv"])
        exchange = cls(application, provider, receiver, data_set_id, revision_id, asset_ids)
        await exchange.finalize(revision_id)
        return exchange

    async def finalize(self, revision_id: str, finalized: bool = True) -> None:
        await update_revision(
            self.provider,
            shapes.UpdateRevisionRequest(
                data_set_id=self.data_set_id, revision_id=revision_id, finalized=finalized
            ),
        )

    async def publish(self, *names: str) -> str:
        """Another finalized revision; its id."""
        self.application.clock.advance()
        revision_id = await self.application.revision(self.provider, self.data_set_id)
        await self.application.assets(self.provider, self.data_set_id, revision_id, names or ("c.csv",))
        self.application.clock.advance()
        await self.finalize(revision_id)
        return revision_id

    async def revoke(self, revision_id: str, comment: str = "wrong numbers") -> None:
        await revoke_revision(
            self.provider,
            shapes.RevokeRevisionRequest(
                data_set_id=self.data_set_id, revision_id=revision_id, revocation_comment=comment
            ),
        )

    async def grant(
        self, receiver_id: str = RECEIVER_ID, ends_at: Timestamp | None = None
    ) -> shapes.CreateDataGrantResponse:
        self.application.clock.advance()
        request = shapes.CreateDataGrantRequest(
            name="for you",
            grant_distribution_scope="NONE",
            receiver_principal=receiver_id,
            source_data_set_id=self.data_set_id,
            ends_at=ends_at,
        )
        return await create_data_grant(self.provider, request)

    async def accept(self, arn: str, context: Context | None = None) -> shapes.AcceptDataGrantResponse:
        request = shapes.AcceptDataGrantRequest(data_grant_arn=arn)
        return await accept_data_grant(context or self.receiver, request)

    async def entitle(self, ends_at: Timestamp | None = None) -> shapes.CreateDataGrantResponse:
        """A grant that the receiver has accepted."""
        granted = await self.grant(ends_at=ends_at)
        await self.accept(present(granted.arn))
        return granted

    async def take_back(self, grant_id: str) -> None:
        await delete_data_grant(self.provider, shapes.DeleteDataGrantRequest(data_grant_id=grant_id))
