"""`fetch` from its beginning to its end, one revision at a time: what is there, what is missing, the jobs.

Into a folder, what is there is known from the folder's own record. Into a bucket, it follows from the
exchange: an object is an asset if it has its size, and a job that put this asset there has completed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from entrepot.cli.bulk.asset_paths import Placed, RemoteAsset, UnsafeName, keys_of, path_of, paths_of
from entrepot.cli.bulk.download_folder import ReceivingFolder
from entrepot.cli.bulk.exchange_calls import Exchange
from entrepot.cli.bulk.export_jobs import (
    ASSETS_PER_JOB,
    AssetDownload,
    RevisionExport,
    StagedDownload,
    Waypoint,
    bucket_exports,
)
from entrepot.cli.bulk.failures import CannotBegin, ItemFailed
from entrepot.cli.bulk.job_runner import Revision, Task
from entrepot.cli.bulk.signed_urls import SignedUrls
from entrepot.cli.bulk.user_bucket import Bucket, BucketPlace


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be done for one revision."""

    there: Sequence[Placed]
    missing: Sequence[Placed]
    refused: Sequence[tuple[str, str]]
    """Assets that cannot have a place, with the reason."""
    folders: Sequence[str] = ()
    """Assets that stand for folders: empty, with a slash at the end of their name."""


@dataclass(frozen=True, slots=True)
class FolderDestination:
    """A folder, by a signed URL for each asset, or through a bucket."""

    folder: ReceivingFolder
    route: SignedUrls | Waypoint
    below: str
    """Put before every path."""
    escape: bool
    folds_case: bool
    threads: ClassVar = 8
    """How many of them its tasks are worth."""

    @property
    def outlives_a_run(self) -> bool:
        """Whether jobs of a run that was broken off may still write there: signed URLs write nothing."""
        return isinstance(self.route, Waypoint)

    def is_written_by(self, job: Mapping[str, Any]) -> bool:
        """Whether a job brings assets to this very place."""
        return isinstance(self.route, Waypoint) and _writes_below(
            job, self.route.bucket.name, self.route.prefix
        )

    def plan(self, exchange: Exchange, revision_id: str, assets: Sequence[RemoteAsset]) -> Plan:
        """What is there by the folder's record, and what is missing."""
        folders: list[str] = []
        refused: list[tuple[str, str]] = []
        files: dict[str, RemoteAsset] = {}
        for asset in assets:
            if asset.size_bytes == 0 and asset.name.endswith("/") and not self.escape:
                try:
                    folders.append(self.below + path_of(asset.name[:-1]))
                except UnsafeName as unsafe:
                    refused.append((asset.name, self._advised(str(unsafe))))
            else:
                files[asset.id] = asset
        found = paths_of(
            ((asset.id, asset.name) for asset in files.values()),
            escape=self.escape,
            folds_case=self.folds_case,
        )
        refused += [(files[asset_id].name, self._advised(why)) for asset_id, why in found.refused.items()]
        placed = [Placed(files[asset_id], self.below + path) for asset_id, path in found.paths.items()]
        there = [one for one in placed if self.folder.has(one.where, one.asset)]
        known = {one.asset.id for one in there}
        missing = [one for one in placed if one.asset.id not in known]
        return Plan(there, missing, refused, folders)

    def _advised(self, reason: str) -> str:
        advice = "fetch it into s3://bucket/prefix"
        return f"{reason}; {advice}" + ("" if self.escape else ", or give --escape-names")

    def tasks(self, revision: Revision, plan: Plan) -> Iterator[Task]:
        """The largest first: what takes longest must not be left for the end."""
        for path in plan.folders:
            try:
                self.folder.make_folder(path)
            except ItemFailed as error:
                revision.totals.fail(path, str(error))
            else:
                revision.totals.done(path, 1, 0)
        if isinstance(self.route, Waypoint):
            size = max(1, min(ASSETS_PER_JOB, len(plan.missing) // (2 * self.threads)))
            for start in range(0, len(plan.missing), size):
                yield StagedDownload(revision, plan.missing[start : start + size], self.route, self.folder)
            return
        for one in sorted(plan.missing, key=lambda one: -one.asset.size_bytes):
            yield AssetDownload(revision, [one], self.route, self.folder)


@dataclass(frozen=True, slots=True)
class BucketDestination:
    bucket: Bucket
    place: BucketPlace
    threads: ClassVar = 4
    outlives_a_run: ClassVar = True

    def is_written_by(self, job: Mapping[str, Any]) -> bool:
        return _writes_below(job, self.bucket.name, self.place.prefix)

    def plan(self, exchange: Exchange, revision_id: str, assets: Sequence[RemoteAsset]) -> Plan:
        """What is there by size and by the jobs that have completed. Raises `StoreError`s."""
        placed, refused = keys_of(assets, self.place.prefix)
        sizes = {one.key: one.size_bytes for one in self.bucket.objects(self.place.prefix)}
        alike = [one for one in placed if sizes.get(one.where) == one.asset.size_bytes]
        written = self._written(exchange, revision_id, placed) if alike else set()
        there = [one for one in alike if (one.asset.id, one.where) in written]
        known = {one.asset.id for one in there}
        return Plan(there, [one for one in placed if one.asset.id not in known], refused)

    def _written(
        self, exchange: Exchange, revision_id: str, placed: Sequence[Placed]
    ) -> set[tuple[str, str]]:
        """Pairs of asset id and key that completed jobs have put into this bucket."""
        written: set[tuple[str, str]] = set()
        for job in exchange.jobs(revision_id):
            if job["State"] != "COMPLETED":
                continue
            for entry in job["Details"].get("ExportAssetsToS3", {}).get("AssetDestinations", ()):
                if entry["Bucket"] == self.bucket.name and "Key" in entry:
                    written.add((entry["AssetId"], entry["Key"]))
            for entry in job["Details"].get("ExportRevisionsToS3", {}).get("RevisionDestinations", ()):
                if (entry["Bucket"], entry.get("KeyPattern")) == (self.bucket.name, self._pattern):
                    written.update((one.asset.id, one.where) for one in placed)
        return written

    @property
    def _pattern(self) -> str:
        return self.place.prefix + "${Asset.Name}"

    def tasks(self, revision: Revision, plan: Plan) -> Iterator[Task]:
        """One job for all where nothing is there yet, else as few as possible for what is missing."""
        if not plan.missing:
            return
        if plan.there or plan.refused or "${" in self.place.prefix:
            yield from bucket_exports(revision, self.bucket.name, plan.missing)
        else:
            yield RevisionExport(revision, plan.missing, self.bucket.name, self.place.prefix)


Destination = FolderDestination | BucketDestination


def _writes_below(job: Mapping[str, Any], bucket: str, prefix: str) -> bool:
    keys = [
        (entry["Bucket"], entry.get("Key", ""))
        for entry in job["Details"].get("ExportAssetsToS3", {}).get("AssetDestinations", ())
    ]
    keys += [
        (entry["Bucket"], entry.get("KeyPattern", "").partition("${")[0])
        for entry in job["Details"].get("ExportRevisionsToS3", {}).get("RevisionDestinations", ())
    ]
    return any(written_to == bucket and key.startswith(prefix) for written_to, key in keys)


def chosen_revisions(
    exchange: Exchange, data_set_id: str, revision_id: str | None, *, every: bool
) -> list[dict[str, Any]]:
    """The revision of that id, all finalized ones, or the newest of them. Raises `CannotBegin`."""
    if revision_id is not None:
        revision = exchange.call("get-revision", DataSetId=data_set_id, RevisionId=revision_id)
        if revision.get("Revoked"):
            raise CannotBegin(f"Revision {revision_id} is revoked; its assets cannot be fetched.")
        return [revision]
    found: list[dict[str, Any]] = []
    for revision in exchange.revisions(data_set_id):
        if revision.get("Finalized") and not revision.get("Revoked"):
            found.append(revision)
            if not every:
                break
    if not found:
        raise CannotBegin(
            f"Data set {data_set_id} has no finalized revision; name one that is not with --revision."
        )
    return found
