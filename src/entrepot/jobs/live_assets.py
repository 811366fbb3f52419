"""What the four job types of live assets share: an asset describes something that stays where it is."""

from __future__ import annotations

from collections.abc import Sequence

from entrepot.domain.asset import Asset, require_asset_name
from entrepot.domain.data_set import AssetType
from entrepot.domain.identifiers import derived_asset_id
from entrepot.jobs.definition import Outcome, Run
from entrepot.jobs.imports import asset_tags
from entrepot.model import shapes


def live_asset(
    run: Run, number: int, name: str, asset_type: AssetType, details: shapes.AssetDetails
) -> Asset:
    """The asset that entry `number` of the job becomes; its id follows from both, so a rerun makes the same.

    `details` is what the owner gave: what depends on who looks is added when somebody does.
    """
    require_asset_name(name, "The asset's name")
    now = run.clock()
    (revision_id,) = run.job.revision_ids
    return Asset(
        scope=run.job.scope,
        data_set_id=run.job.data_set_id,
        revision_id=revision_id,
        id=derived_asset_id(run.job.id, number),
        asset_type=asset_type,
        name=name,
        created_at=now,
        updated_at=now,
        size_bytes=0,
        store_key="",
        store_etag="",
        checksum=None,
        details_json=shapes.encode(details),
    )


def live_outcome(run: Run, assets: Sequence[Asset]) -> Outcome:
    """The assets, with the tags of the job's AssetConfiguration."""
    return Outcome(assets=tuple(assets), asset_tags=asset_tags(run.job))
