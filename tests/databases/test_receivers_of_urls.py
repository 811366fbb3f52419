"""For how long a URL that was made for a receiver is good."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.databases.rows import SCOPE, add_assets, asset, at, data_set, revision
from tests.grants import an_accepted_grant

from entrepot.database import data_grants, revisions
from entrepot.database.connection import Database
from entrepot.domain.data_grant import DataGrant
from entrepot.entitlements.visibility.assets import entitled_asset
from entrepot.entitlements.visibility.data_sets import Entitled
from entrepot.entitlements.visibility.download_receiver import Receiver

GRANT = an_accepted_grant(at(0), scope=SCOPE, source_data_set_id=data_set().id, ends_at=at(100))


def receiver_of(through: DataGrant) -> Receiver:
    return Receiver.of(through.receiver, entitled_asset(Entitled(through, by_owner=False), asset()))


async def test_it_is_good_while_the_grant_gives_access_and_the_revision_is_not_revoked(
    database: Database,
) -> None:
    await add_assets(database, "an asset")
    receiver = receiver_of(GRANT)
    assert not await receiver.is_entitled(database, at(1))
    await data_grants.insert(database, GRANT)
    assert not await receiver.is_entitled(database, at(1))  # not finalized
    finalized = replace(revision(), finalized=True)
    await revisions.save(database, finalized)
    assert await receiver.is_entitled(database, at(1))
    assert Receiver.parse(str(receiver)) == receiver
    assert not await receiver.is_entitled(database, at(100))
    assert not await replace(receiver, account_id="999999999999").is_entitled(database, at(1))
    assert not await replace(receiver, account_id=SCOPE.account_id).is_entitled(database, at(1))
    await revisions.save(database, replace(finalized, revocation_comment="wrong", revoked_at=at(2)))
    assert not await receiver.is_entitled(database, at(3))


@pytest.mark.parametrize("text", ["", "a/b/c", "a/b/c/d/e"])
def test_what_is_no_receiver_is_none(text: str) -> None:
    with pytest.raises(ValueError, match="unpack"):
        Receiver.parse(text)
