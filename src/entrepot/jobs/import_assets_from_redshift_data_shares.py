"""IMPORT_ASSETS_FROM_REDSHIFT_DATA_SHARES: live tables that stay where they are (behaviour reference, 3.6).

No bytes move. Each datashare, of Amazon Redshift or of a PostgreSQL database that this exchange was told of,
is looked at; receivers are let in once they are entitled.
"""

from __future__ import annotations

from collections.abc import Sequence

from entrepot.database import datashares
from entrepot.domain.data_set import AssetType
from entrepot.domain.datashare import DatashareArn
from entrepot.domain.errors import IntegrationError, JobFailed, ShareGone, ValidationFailed
from entrepot.domain.job import JobError, JobErrorCode, JobItem, JobType
from entrepot.domain.limits import Limit
from entrepot.integrations.protocols import not_configured
from entrepot.jobs.definition import Checked, Creation, JobDefinition, Outcome, Run, answer
from entrepot.jobs.imports import live_asset, live_outcome
from entrepot.jobs.object_errors import integration_error
from entrepot.jobs.parents import importing_into, require_count, required
from entrepot.model import shapes


class ImportAssetsFromRedshiftDataShares(JobDefinition):
    type = JobType.IMPORT_ASSETS_FROM_REDSHIFT_DATA_SHARES

    async def check(self, creation: Creation) -> Checked:
        """The ARNs are datashares' of the data set's Region, each named once."""
        request = required(creation.details.import_assets_from_redshift_data_shares, self.type)
        limit = creation.limits[Limit.REDSHIFT_ASSETS_PER_IMPORT_JOB]
        require_count("AssetSources", len(request.asset_sources), limit)
        shares = _shares(request.asset_sources)
        for number, share in enumerate(shares):
            if share in shares[:number]:
                raise ValidationFailed(f"AssetSources names datashare {share} twice; name each one once.")
            if share.owner.region != creation.scope.region:
                raise ValidationFailed(
                    f"Datashare {share} is in Region {share.owner.region}, and the data set in "
                    f"{creation.scope.region}; create a data set in the Region of the datashare."
                )
        await importing_into(
            creation, request.data_set_id, request.revision_id, AssetType.REDSHIFT_DATA_SHARE
        )
        return Checked.of(
            self.type, answer(shapes.ImportAssetsFromRedshiftDataSharesResponseDetails, request)
        )

    async def plan(self, run: Run) -> tuple[JobItem, ...]:
        """No items. Every share is looked at; all that cannot be shared are named."""
        shares = _shares(_details(run).asset_sources)
        errors = []
        for share in shares:
            try:
                await _require_shareable(run, share)
            except ShareGone as error:
                errors.append(JobError(JobErrorCode.RESOURCE_NOT_FOUND_EXCEPTION, error.message))
            except IntegrationError as error:
                errors.append(integration_error(error))
        if errors:
            raise JobFailed(tuple(dict.fromkeys(errors)))
        return ()

    async def finish(self, run: Run, items: Sequence[JobItem]) -> Outcome:
        return live_outcome(
            run,
            [
                live_asset(
                    run,
                    number,
                    share.name,
                    AssetType.REDSHIFT_DATA_SHARE,
                    shapes.AssetDetails(
                        redshift_data_share_asset=shapes.RedshiftDataShareAsset(arn=str(share))
                    ),
                )
                for number, share in enumerate(_shares(_details(run).asset_sources))
            ],
        )


def _shares(sources: Sequence[shapes.RedshiftDataShareAssetSourceEntry]) -> list[DatashareArn]:
    return [DatashareArn.parse(source.data_share_arn, "DataShareArn") for source in sources]


def _details(run: Run) -> shapes.ImportAssetsFromRedshiftDataSharesResponseDetails:
    return required(run.details.import_assets_from_redshift_data_shares, run.job.type)


async def _require_shareable(run: Run, share: DatashareArn) -> None:
    """Raises `IntegrationError` unless the caller may give the share to others.

    Somebody else's share of PostgreSQL is met with the same words as one that does not exist.
    """
    if not share.is_of_postgresql:
        if run.integrations.redshift is None:
            error = not_configured("Amazon Redshift", "ENTREPOT_REDSHIFT_ENDPOINT_URL")
            raise type(error)(
                f"{error.message} A PostgreSQL database can serve datashares instead; "
                "`entrepot datashare add` makes one known to this exchange, and prints its ARN."
            )
        await run.integrations.redshift.require_shareable(share, run.job.scope)
        return
    found = None
    if (share.owner.account_id, share.owner.region) == (run.job.scope.account_id, run.job.scope.region):
        found = await datashares.get(run.database, share)
    if found is None:
        raise ShareGone(
            f"This exchange has no datashare {share} of account {run.job.scope.account_id}; "
            "`entrepot datashare list` shows whoever runs it which ones there are."
        )
    if run.integrations.postgresql is None:
        raise IntegrationError(
            "The worker that ran this job was not given the key file of the exchange, with which it could "
            "open the database of the datashare. Give it ENTREPOT_DATA_DIR with that file."
        )
    await run.integrations.postgresql.check(found)
