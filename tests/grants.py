"""Data grants as values, with everything set that a test does not care about."""

from __future__ import annotations

from dataclasses import replace
from secrets import token_hex
from typing import Any

from entrepot.domain.data_grant import DataGrant, DistributionScope
from entrepot.domain.data_set import AssetType
from entrepot.domain.scope import Scope
from entrepot.domain.timestamp import Timestamp


def a_grant(moment: Timestamp, **changes: Any) -> DataGrant:
    """A pending one that was made at that moment, with ids that no other one has."""
    plain = DataGrant(
        scope=Scope("111111111111", "us-east-1"),
        id=token_hex(16),
        receiver_id="222222222222",
        source_data_set_id=token_hex(16),
        data_set_id=token_hex(16),
        id_mask=token_hex(16),
        name="for you",
        description=None,
        distribution_scope=DistributionScope.NONE,
        asset_type=AssetType.S3_SNAPSHOT,
        data_set_name="prices",
        data_set_description="",
        created_at=moment,
        updated_at=moment,
    )
    return replace(plain, **changes)


def an_accepted_grant(moment: Timestamp, **changes: Any) -> DataGrant:
    """One that was accepted as soon as it was made."""
    return a_grant(moment, **{"accepted_at": moment, **changes})
