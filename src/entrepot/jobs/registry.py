"""Every job type."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from entrepot.domain.job import JobType
from entrepot.jobs.create_s3_data_access_from_s3_bucket import CreateS3DataAccessFromS3Bucket
from entrepot.jobs.definition import JobDefinition
from entrepot.jobs.export_asset_to_signed_url import ExportAssetToSignedUrl
from entrepot.jobs.export_assets_to_s3 import ExportAssetsToS3
from entrepot.jobs.export_revisions_to_s3 import ExportRevisionsToS3
from entrepot.jobs.import_asset_from_api_gateway_api import ImportAssetFromApiGatewayApi
from entrepot.jobs.import_asset_from_signed_url import ImportAssetFromSignedUrl
from entrepot.jobs.import_assets_from_lake_formation_tag_policy import ImportAssetsFromLakeFormationTagPolicy
from entrepot.jobs.import_assets_from_redshift_data_shares import ImportAssetsFromRedshiftDataShares
from entrepot.jobs.import_assets_from_s3 import ImportAssetsFromS3

_ALL: tuple[JobDefinition, ...] = (
    ImportAssetsFromS3(),
    ImportAssetFromSignedUrl(),
    ExportAssetsToS3(),
    ExportAssetToSignedUrl(),
    ExportRevisionsToS3(),
    ImportAssetFromApiGatewayApi(),
    CreateS3DataAccessFromS3Bucket(),
    ImportAssetsFromLakeFormationTagPolicy(),
    ImportAssetsFromRedshiftDataShares(),
)

DEFINITIONS: Mapping[JobType, JobDefinition] = MappingProxyType(
    {definition.type: definition for definition in _ALL}
)
