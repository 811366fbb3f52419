"""The jobs of `fetch`: a signed URL for one asset, a hundred assets into a bucket, or a whole revision."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from entrepot.cli.bulk.download_assets import Placed, RemoteAsset
from entrepot.cli.bulk.download_folder import ReceivingFolder
from entrepot.cli.bulk.exchange_calls import Exchange
from entrepot.cli.bulk.failures import FolderFull, ItemFailed
from entrepot.cli.bulk.job_errors import Verdict, may_pass_again, reason_of, verdict
from entrepot.cli.bulk.job_runner import Task
from entrepot.cli.bulk.run_summary import RunSummary
from entrepot.cli.bulk.signed_urls import SignedUrls, UrlRefused
from entrepot.cli.bulk.user_bucket import Bucket
from entrepot.domain.errors import StoreError

ASSETS_PER_JOB = 100
"""The service's own limit."""
_CHUNK_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Origin:
    """Where assets are fetched from, and what everybody who fetches them needs."""

    data_set_id: str
    revision_id: str
    exchange: Exchange
    totals: RunSummary


@dataclass(eq=False, slots=True)
class AssetDownload:
    """EXPORT_ASSET_TO_SIGNED_URL of one asset, and its download."""

    origin: Origin
    signed_urls: SignedUrls
    folder: ReceivingFolder
    placed: Placed
    tried_before: bool = False
    job_id: str = ""
    is_running: bool = False
    assets: int = 1
    size_bytes: int = field(init=False)

    def __post_init__(self) -> None:
        self.size_bytes = self.placed.asset.size_bytes

    def prepare(self) -> None:
        """Makes the job. Crash: it waits for ever and does nothing."""
        if self.folder.is_full:
            raise FolderFull("there is no space left on the disk")
        origin = self.origin
        details = {
            "AssetId": self.placed.asset.id,
            "DataSetId": origin.data_set_id,
            "RevisionId": origin.revision_id,
        }
        created = origin.exchange.create_job(
            "EXPORT_ASSET_TO_SIGNED_URL", {"ExportAssetToSignedUrl": details}
        )
        self.job_id = created["Id"]

    def complete(self, job: Mapping[str, Any]) -> None:
        """Downloads. Crash: the file is there whole, or as it was before."""
        url = job["Details"]["ExportAssetToSignedUrl"].get("SignedUrl")
        if not url:
            raise ItemFailed(f"the exchange gave no signed URL for it in job {job['Id']}")
        moved = 0

        def count(data: memoryview) -> None:
            nonlocal moved
            moved += len(data)
            self.origin.totals.moving(self, moved)

        def fetch(take: Any) -> None:
            def both(data: memoryview) -> None:
                take(data)
                count(data)

            self.signed_urls.get(url, self.placed.asset.size_bytes, both)

        self.folder.receive(self.placed.where, self.placed.asset, fetch)

    def fail(self, problem: Exception | Mapping[str, Any]) -> Sequence[Task]:
        """Once more where the URL had expired, or the exchange had a problem of its own."""
        if isinstance(problem, Exception):
            again = isinstance(problem, UrlRefused) and problem.status == 403
            reason = str(problem)
        else:
            again, reason = may_pass_again(problem), reason_of(problem)
        if again and not self.tried_before:
            return [AssetDownload(self.origin, self.signed_urls, self.folder, self.placed, tried_before=True)]
        self.origin.totals.fail(self.placed.asset.name, reason)
        return ()


@dataclass(eq=False, slots=True)
class BucketExport:
    """EXPORT_ASSETS_TO_S3 of up to a hundred assets."""

    origin: Origin
    bucket: str
    placed: Sequence[Placed]
    tried_before: bool = False
    job_id: str = ""
    is_running: bool = False
    assets: int = field(init=False)
    size_bytes: int = field(init=False)

    def __post_init__(self) -> None:
        self.assets = len(self.placed)
        self.size_bytes = sum(one.asset.size_bytes for one in self.placed)

    def prepare(self) -> None:
        """Makes the job. Crash: it waits for ever and does nothing."""
        self.job_id = _create_export(self.origin, self.bucket, self.placed)

    def complete(self, job: Mapping[str, Any]) -> None:
        """The objects are there."""

    def fail(self, problem: Exception | Mapping[str, Any]) -> Sequence[Task]:
        """One bad asset fails the whole job: halves of it tell which."""
        return [
            BucketExport(self.origin, self.bucket, part, tried_before=True)
            for part in _judged(self.origin.totals, problem, self.placed, tried_before=self.tried_before)
        ]


@dataclass(eq=False, slots=True)
class RevisionExport:
    """EXPORT_REVISIONS_TO_S3 of all assets of a revision."""

    origin: Origin
    bucket: str
    prefix: str
    placed: Sequence[Placed]
    """What it exports, and where to: what the prefix and the names make."""
    job_id: str = ""
    is_running: bool = False
    assets: int = field(init=False)
    size_bytes: int = field(init=False)

    def __post_init__(self) -> None:
        self.assets = len(self.placed)
        self.size_bytes = sum(one.asset.size_bytes for one in self.placed)

    def prepare(self) -> None:
        """Makes the job. Crash: it waits for ever and does nothing."""
        destination = {
            "RevisionId": self.origin.revision_id,
            "Bucket": self.bucket,
            "KeyPattern": self.prefix + "${Asset.Name}",
        }
        details = {"DataSetId": self.origin.data_set_id, "RevisionDestinations": [destination]}
        created = self.origin.exchange.create_job("EXPORT_REVISIONS_TO_S3", {"ExportRevisionsToS3": details})
        self.job_id = created["Id"]

    def complete(self, job: Mapping[str, Any]) -> None:
        """The objects are there."""

    def fail(self, problem: Exception | Mapping[str, Any]) -> Sequence[Task]:
        """By hundreds, so that what can be exported is."""
        if isinstance(problem, Exception):
            for one in self.placed:
                self.origin.totals.fail(one.asset.name, str(problem))
            return ()
        self.origin.totals.note(f"fetch: {reason_of(problem)} Exporting the assets by hundreds instead.")
        return bucket_exports(self.origin, self.bucket, self.placed)


def bucket_exports(origin: Origin, bucket: str, placed: Sequence[Placed]) -> list[BucketExport]:
    """As few jobs as there can be."""
    return [
        BucketExport(origin, bucket, placed[start : start + ASSETS_PER_JOB])
        for start in range(0, len(placed), ASSETS_PER_JOB)
    ]


@dataclass(frozen=True, slots=True)
class Waypoint:
    """Where assets are put on their way to a folder: objects named for their ids, below a prefix of ours."""

    bucket: Bucket
    prefix: str

    def key(self, asset: RemoteAsset) -> str:
        """Where the asset waits."""
        return self.prefix + asset.id


@dataclass(eq=False, slots=True)
class StagedDownload:
    """EXPORT_ASSETS_TO_S3 of up to a hundred assets, the download of the objects, and their removal."""

    origin: Origin
    waypoint: Waypoint
    folder: ReceivingFolder
    placed: Sequence[Placed]
    tried_before: bool = False
    job_id: str = ""
    is_running: bool = False
    assets: int = 0
    size_bytes: int = 0

    def prepare(self) -> None:
        """Makes the job. Crash: it waits for ever and does nothing."""
        if self.folder.is_full:
            raise FolderFull("there is no space left on the disk")
        staged = [Placed(one.asset, self.waypoint.key(one.asset)) for one in self.placed]
        self.job_id = _create_export(self.origin, self.waypoint.bucket.name, staged)

    def complete(self, job: Mapping[str, Any]) -> None:
        """Downloads one after the other. Crash: each file is there whole, or as it was before."""
        totals = self.origin.totals
        for one in self.placed:
            try:
                self.folder.receive(one.where, one.asset, partial(self._fetch, one))
            except (ItemFailed, StoreError) as error:
                totals.fail(one.asset.name, error.message)
            else:
                self.assets += 1
                self.size_bytes += one.asset.size_bytes
                totals.moving(self, self.size_bytes, self.assets)
        try:
            self.waypoint.bucket.delete([self.waypoint.key(one.asset) for one in self.placed])
        except StoreError as error:
            totals.note(f"fetch: exported objects stay for now: {error.message}")

    def _fetch(self, one: Placed, take: Any) -> None:
        buffer = memoryview(bytearray(min(max(one.asset.size_bytes, 1), _CHUNK_BYTES)))
        moved = 0
        with self.waypoint.bucket.open_object(self.waypoint.key(one.asset)) as reader:
            while count := reader.readinto(buffer):
                take(buffer[:count])
                moved += count
                self.origin.totals.moving(self, self.size_bytes + moved, self.assets)

    def fail(self, problem: Exception | Mapping[str, Any]) -> Sequence[Task]:
        """One bad asset fails the whole job: halves of it tell which."""
        return [
            StagedDownload(self.origin, self.waypoint, self.folder, part, tried_before=True)
            for part in _judged(self.origin.totals, problem, self.placed, tried_before=self.tried_before)
        ]


def _create_export(origin: Origin, bucket: str, placed: Sequence[Placed]) -> str:
    details = {
        "AssetDestinations": [
            {"AssetId": one.asset.id, "Bucket": bucket, "Key": one.where} for one in placed
        ],
        "DataSetId": origin.data_set_id,
        "RevisionId": origin.revision_id,
    }
    job_id: str = origin.exchange.create_job("EXPORT_ASSETS_TO_S3", {"ExportAssetsToS3": details})["Id"]
    return job_id


def _judged(
    totals: RunSummary,
    problem: Exception | Mapping[str, Any],
    placed: Sequence[Placed],
    *,
    tried_before: bool,
) -> list[list[Placed]]:
    """What to try again; tells of the rest."""
    by_id = {one.asset.id: one for one in placed}
    if isinstance(problem, Exception):
        found = Verdict(dict.fromkeys(by_id, str(problem)))
    else:
        found = verdict(problem, list(by_id), tried_before=tried_before)
    for asset_id, reason in found.failed.items():
        totals.fail(by_id[asset_id].asset.name, reason)
    return [[by_id[asset_id] for asset_id in part] for part in found.again]
