"""Which job types there are. The four that this version does not run are refused at CreateJob."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from entrepot.domain.job import JobType
from entrepot.jobs.definition import JobDefinition
from entrepot.jobs.export_asset_to_signed_url import ExportAssetToSignedUrl
from entrepot.jobs.export_assets_to_s3 import ExportAssetsToS3
from entrepot.jobs.export_revisions_to_s3 import ExportRevisionsToS3
from entrepot.jobs.import_asset_from_signed_url import ImportAssetFromSignedUrl
from entrepot.jobs.import_assets_from_s3 import ImportAssetsFromS3

_ALL: tuple[JobDefinition, ...] = (
    ImportAssetsFromS3(),
    ImportAssetFromSignedUrl(),
    ExportAssetsToS3(),
    ExportAssetToSignedUrl(),
    ExportRevisionsToS3(),
)

DEFINITIONS: Mapping[JobType, JobDefinition] = MappingProxyType(
    {definition.type: definition for definition in _ALL}
)
