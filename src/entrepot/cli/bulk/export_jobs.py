"""The jobs of `fetch`: a signed URL for one asset, a hundred assets into a bucket, or a whole revision."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from entrepot.cli.bulk.asset_paths import Placed, RemoteAsset
from entrepot.cli.bulk.download_folder import ReceivingFolder
from entrepot.cli.bulk.failures import ItemFailed, reason_of
from entrepot.cli.bulk.job_runner import ItemsTask, Revision, Task
from entrepot.cli.bulk.signed_urls import SignedUrls, UrlRefused
from entrepot.cli.bulk.user_bucket import Bucket
from entrepot.domain.errors import StoreError

ASSETS_PER_JOB = 100
"""The service's own limit."""
_CHUNK_BYTES = 1024 * 1024


@dataclass(eq=False)
class ExportTask(ItemsTask[Placed]):
    """A job that moves assets out of a revision. Crash: one that was made waits for ever and does nothing."""

    def name_of(self, item: Placed) -> str:
        return item.asset.name

    def key_of(self, item: Placed) -> str:
        return item.asset.id

    def _create(self, job_type: str, member: str, details: dict[str, Any]) -> None:
        self.job_id = self.revision.exchange.create_job(job_type, {member: details})["Id"]

    def _create_export(self, bucket: str, keys: Iterable[str]) -> None:
        destinations = [
            {"AssetId": one.asset.id, "Bucket": bucket, "Key": key}
            for one, key in zip(self.items, keys, strict=True)
        ]
        details = {"AssetDestinations": destinations, **self.revision.place}
        self._create("EXPORT_ASSETS_TO_S3", "ExportAssetsToS3", details)


@dataclass(eq=False)
class AssetDownload(ExportTask):
    """EXPORT_ASSET_TO_SIGNED_URL of one asset, and its download."""

    signed_urls: SignedUrls
    folder: ReceivingFolder

    def prepare(self) -> None:
        self.folder.require_room()
        details = {"AssetId": self.items[0].asset.id, **self.revision.place}
        self._create("EXPORT_ASSET_TO_SIGNED_URL", "ExportAssetToSignedUrl", details)

    def complete(self, job: Mapping[str, Any]) -> None:
        """Downloads. Crash: the file is there whole, or as it was before."""
        url = job["Details"].get("ExportAssetToSignedUrl", {}).get("SignedUrl")
        if not url:
            raise ItemFailed(f"the exchange gave no signed URL for it in job {job['Id']}")
        (placed,) = self.items

        def fetch(take: Callable[[memoryview], None]) -> None:
            moved = 0

            def count(data: memoryview) -> None:
                nonlocal moved
                take(data)
                moved += len(data)
                self.totals.moving(self, moved)

            self.signed_urls.get(url, placed.size_bytes, count)

        self.folder.receive(placed.where, placed.asset, fetch)

    def fail(self, problem: Exception | Mapping[str, Any]) -> Sequence[Task]:
        """Tries once more where the URL had expired, or the exchange had a problem of its own."""
        if isinstance(problem, UrlRefused) and problem.status == 403 and not self.tried_before:
            return [self.again(self.items)]
        return super().fail(problem)


@dataclass(eq=False)
class BucketExport(ExportTask):
    """EXPORT_ASSETS_TO_S3 of up to a hundred assets."""

    bucket: str

    def prepare(self) -> None:
        self._create_export(self.bucket, [one.where for one in self.items])


@dataclass(eq=False)
class RevisionExport(ExportTask):
    """EXPORT_REVISIONS_TO_S3 of all assets of a revision, to where the prefix and their names lead."""

    bucket: str
    prefix: str

    def prepare(self) -> None:
        pattern = self.prefix + "${Asset.Name}"
        destination = {"RevisionId": self.revision.id, "Bucket": self.bucket, "KeyPattern": pattern}
        details = {"DataSetId": self.revision.data_set_id, "RevisionDestinations": [destination]}
        self._create("EXPORT_REVISIONS_TO_S3", "ExportRevisionsToS3", details)

    def fail(self, problem: Exception | Mapping[str, Any]) -> Sequence[Task]:
        """Exports by hundreds instead, so that what can be exported is."""
        if isinstance(problem, Exception):
            return super().fail(problem)
        self.totals.note(f"fetch: {reason_of(problem)} Exporting the assets by hundreds instead.")
        return bucket_exports(self.revision, self.bucket, self.items)


def bucket_exports(revision: Revision, bucket: str, placed: Sequence[Placed]) -> list[BucketExport]:
    return [
        BucketExport(revision, placed[start : start + ASSETS_PER_JOB], bucket)
        for start in range(0, len(placed), ASSETS_PER_JOB)
    ]


@dataclass(frozen=True, slots=True)
class Waypoint:
    """Where assets are put on their way to a folder: objects named for their ids, below a prefix of ours."""

    bucket: Bucket
    prefix: str

    def key(self, asset: RemoteAsset) -> str:
        return self.prefix + asset.id


@dataclass(eq=False)
class StagedDownload(ExportTask):
    """EXPORT_ASSETS_TO_S3 of up to a hundred assets, the download of the objects, and their removal."""

    waypoint: Waypoint
    folder: ReceivingFolder

    def prepare(self) -> None:
        self.folder.require_room()
        self._create_export(self.waypoint.bucket.name, self._keys())

    def _keys(self) -> list[str]:
        return [self.waypoint.key(one.asset) for one in self.items]

    def complete(self, job: Mapping[str, Any]) -> None:
        """Downloads one after the other. Crash: each file is there whole, or as it was before."""
        totals = self.totals
        self.assets = self.size_bytes = 0  # from here on those that have arrived
        for one in self.items:
            try:
                self.folder.receive(one.where, one.asset, partial(self._fetch, one))
            except (ItemFailed, StoreError) as error:
                totals.fail(one.asset.name, error.message)
            else:
                self.assets += 1
                self.size_bytes += one.asset.size_bytes
                totals.moving(self, self.size_bytes, self.assets)
        try:
            self.waypoint.bucket.delete(self._keys())
        except StoreError as error:
            totals.note(f"fetch: exported objects stay for now: {error.message}")

    def _fetch(self, one: Placed, take: Any) -> None:
        buffer = memoryview(bytearray(min(max(one.asset.size_bytes, 1), _CHUNK_BYTES)))
        moved = 0
        with self.waypoint.bucket.open_object(self.waypoint.key(one.asset)) as reader:
            while count := reader.readinto(buffer):
                take(buffer[:count])
                moved += count
                self.totals.moving(self, self.size_bytes + moved, self.assets)
