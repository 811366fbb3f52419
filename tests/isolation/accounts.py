"""Everybody who could want what is somebody's: each has the whole household of `AccountResources`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass

from tests.isolation.account_resources import (
    AccountResources,
    Client,
    PutAsset,
    as_seen,
    goods_of,
    grant_request,
    settle,
)
from tests.isolation.checks import Angle

OWNER, RECEIVER, ANOTHER, STRANGER = "111111111111", "222222222222", "242424242424", "333333333333"
PENDING, ENDED, DELETED, SUPPLIER = "444444444444", "555555555555", "666666666666", "101010101010"
HERE, ELSEWHERE = "us-east-1", "eu-west-1"
Place = tuple[str, str]
"""An account and a Region."""
EVERYBODY: tuple[Place, ...] = (
    *((account, HERE) for account in (OWNER, RECEIVER, ANOTHER, STRANGER, PENDING, ENDED, DELETED)),
    (OWNER, ELSEWHERE),
    (RECEIVER, ELSEWHERE),
)
ClientOf = Callable[[str, str], Client]


@dataclass(frozen=True)
class Scene:
    """What everybody has, and by which names receivers know what the owner granted them."""

    resources: Mapping[Place, AccountResources]
    granted: Mapping[str, AccountResources]
    """By the receiver's account: the owner's belongings, by the names of the grant."""

    @classmethod
    async def set(
        cls,
        client_of: ClientOf,
        put_asset: PutAsset,
        *,
        ends_at: str,
        end: Callable[[], Awaitable[None]],
        everybody: Collection[Place] = EVERYBODY,
    ) -> Scene:
        """Everybody settles, and the owner grants its data set; then `end` lets `ends_at` pass."""
        goods = {
            region: await goods_of(client_of(SUPPLIER, region), put_asset)
            for region in {region for _, region in everybody}
        }
        resources = {
            (account, region): await settle(
                client_of(account, region), client_of(SUPPLIER, region), goods[region], put_asset
            )
            for account, region in everybody
        }
        owner = client_of(OWNER, HERE)
        owned = resources[OWNER, HERE]
        granted = {}
        for account in (RECEIVER, ANOTHER, PENDING, ENDED, DELETED):
            if (account, HERE) not in everybody:
                continue
            more = {"EndsAt": ends_at} if account == ENDED else {}
            receiver = client_of(account, HERE)
            request = grant_request(owned.data_set, receiver.account_id, **more)
            grant = await owner.call("CreateDataGrant", request)
            if account != PENDING:
                await receiver.call("AcceptDataGrant", {"DataGrantArn": grant["Arn"]})
            granted[account] = await as_seen(owner, owned, grant["DataSetId"])
            if account == DELETED:
                await owner.call("DeleteDataGrant", {"DataGrantId": grant["Id"]})
        await end()
        return cls(resources, granted)

    def strangers(self, client_of: ClientOf) -> list[Angle]:
        """Everybody who is to see nothing of what they name."""
        owned = self.resources[OWNER, HERE]
        receivers = self.resources[RECEIVER, HERE]
        seen = self.granted
        angles = [
            ("a stranger", STRANGER, HERE, owned),
            ("a stranger, of a receiver", STRANGER, HERE, receivers),
            ("a stranger, by a receiver's names", STRANGER, HERE, seen[RECEIVER]),
            ("the same account elsewhere", OWNER, ELSEWHERE, owned),
            ("the receiver elsewhere", RECEIVER, ELSEWHERE, seen[RECEIVER]),
            ("before acceptance", PENDING, HERE, seen.get(PENDING)),
            ("after the end", ENDED, HERE, seen.get(ENDED)),
            ("after the deletion", DELETED, HERE, seen.get(DELETED)),
            ("a receiver, by the owner's names", RECEIVER, HERE, owned),
            ("a receiver, by another one's names", RECEIVER, HERE, seen.get(ANOTHER)),
            ("a receiver, of another one", RECEIVER, HERE, self.resources.get((ANOTHER, HERE))),
            ("the owner, of a receiver", OWNER, HERE, receivers),
        ]
        return [
            Angle(words, client_of(account, region), self.resources[account, region], theirs)
            for words, account, region, theirs in angles
            if theirs is not None and (account, region) in self.resources
        ]

    def entitled(self, client_of: ClientOf) -> list[Angle]:
        """Whoever sees what was granted, by the names of the grant: the receiver, and the owner who looks."""
        return [
            Angle(words, client_of(account, HERE), self.resources[account, HERE], self.granted[RECEIVER])
            for words, account in (("the receiver", RECEIVER), ("the owner of the copy", OWNER))
        ]
