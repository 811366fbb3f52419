"""IMPORT_ASSETS_FROM_LAKE_FORMATION_TAG_POLICY: databases and tables that bear LF-tags (reference, 3.9).

No bytes move. The assets say what is shared; Lake Formation gives it to receivers once they are entitled.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from entrepot.domain.data_set import AssetType
from entrepot.domain.errors import JobFailed, ValidationFailed
from entrepot.domain.job import JobError, JobErrorCode, JobItem, JobType
from entrepot.domain.lake_formation import (
    LFCatalog,
    LFResourceType,
    LFTag,
    require_expression,
    require_own_catalog,
    require_permissions,
)
from entrepot.integrations.protocols import not_configured
from entrepot.jobs.definition import Checked, Creation, JobDefinition, Outcome, Run, answer
from entrepot.jobs.imports import live_asset, live_outcome
from entrepot.jobs.parents import importing_into, required
from entrepot.model import shapes

_ASSET_NAMES = {
    LFResourceType.DATABASE: "Database(s) included in LF-tag policy",
    LFResourceType.TABLE: "Table(s) included in LF-tag policy",
}
"""The service's own [C]."""

_Details = (
    shapes.ImportAssetsFromLakeFormationTagPolicyRequestDetails
    | shapes.ImportAssetsFromLakeFormationTagPolicyResponseDetails
)


class ImportAssetsFromLakeFormationTagPolicy(JobDefinition):
    type = JobType.IMPORT_ASSETS_FROM_LAKE_FORMATION_TAG_POLICY

    async def check(self, creation: Creation) -> Checked:
        """The policy makes sense by itself, and is about the caller's data catalogue."""
        request = required(creation.details.import_assets_from_lake_formation_tag_policy, self.type)
        shares = _shares(request)
        if not shares:
            raise ValidationFailed("Neither Database nor Table is given; say by LF-tags what is shared.")
        for share in shares:
            require_expression(share.member, share.expression)
            require_permissions(share.member, share.permissions)
        await importing_into(
            creation, request.data_set_id, request.revision_id, AssetType.LAKE_FORMATION_DATA_PERMISSION
        )
        require_own_catalog(creation.scope.account_id, request.catalog_id, request.role_arn)
        return Checked.of(
            self.type, answer(shapes.ImportAssetsFromLakeFormationTagPolicyResponseDetails, request)
        )

    async def plan(self, run: Run) -> tuple[JobItem, ...]:
        """No items. The data catalogue is asked for every tag; all that it does not have are named."""
        details = _details(run)
        shares = _shares(details)
        if run.integrations.lake_formation is None:
            raise not_configured("AWS Lake Formation", "ENTREPOT_LAKE_FORMATION_ENDPOINT_URL")
        catalog = LFCatalog(run.job.scope, details.catalog_id, details.role_arn)
        errors = []
        for share in shares:
            missing = await run.integrations.lake_formation.missing(catalog, share.expression)
            if missing:
                errors.append(
                    JobError(
                        JobErrorCode.VALIDATION_EXCEPTION,
                        f"{share.member}.Expression does not fit data catalogue {details.catalog_id}: "
                        f"{'; '.join(missing)}. Make the LF-tags in Lake Formation, or correct the "
                        "expression, then create the job again.",
                    )
                )
        if errors:
            raise JobFailed(tuple(errors))
        return ()

    async def finish(self, run: Run, items: Sequence[JobItem]) -> Outcome:
        details = _details(run)
        return live_outcome(
            run,
            [
                live_asset(
                    run,
                    number,
                    _ASSET_NAMES[share.resource_type],
                    AssetType.LAKE_FORMATION_DATA_PERMISSION,
                    _asset_details(details, share),
                )
                for number, share in enumerate(_shares(details))
            ],
        )


@dataclass(frozen=True, slots=True)
class _Share:
    """What of the catalogue becomes one asset."""

    member: str
    resource_type: LFResourceType
    lf_tags: list[shapes.LFTag]
    permissions: list[str]

    @property
    def expression(self) -> tuple[LFTag, ...]:
        return tuple(LFTag(tag.tag_key, tuple(tag.tag_values)) for tag in self.lf_tags)


def _shares(details: _Details) -> list[_Share]:
    given = (
        ("Database", LFResourceType.DATABASE, details.database),
        ("Table", LFResourceType.TABLE, details.table),
    )
    return [
        _Share(member, kind, policy.expression, policy.permissions)
        for member, kind, policy in given
        if policy is not None
    ]


def _details(run: Run) -> shapes.ImportAssetsFromLakeFormationTagPolicyResponseDetails:
    return required(run.details.import_assets_from_lake_formation_tag_policy, run.job.type)


def _asset_details(
    details: shapes.ImportAssetsFromLakeFormationTagPolicyResponseDetails, share: _Share
) -> shapes.AssetDetails:
    if share.resource_type is LFResourceType.DATABASE:
        resource = shapes.LFResourceDetails(database=shapes.DatabaseLFTagPolicy(expression=share.lf_tags))
    else:
        resource = shapes.LFResourceDetails(table=shapes.TableLFTagPolicy(expression=share.lf_tags))
    policy = shapes.LFTagPolicyDetails(
        catalog_id=details.catalog_id, resource_type=share.resource_type.value, resource_details=resource
    )
    return shapes.AssetDetails(
        lake_formation_data_permission_asset=shapes.LakeFormationDataPermissionAsset(
            lake_formation_data_permission_details=shapes.LakeFormationDataPermissionDetails(
                lf_tag_policy=policy
            ),
            lake_formation_data_permission_type="LFTagPolicy",
            permissions=share.permissions,
            role_arn=details.role_arn,
        )
    )
