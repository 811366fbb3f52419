"""`publish` from its beginning to its end: data set, revision, what is missing in it, finalization.

find      the revision that a former run of the same command began; or begin one
settle    jobs of that run: those that run end, those that wait are started or cancelled
compare   what the revision holds with what there is to publish: by name, size, and bytes where known
mend      delete assets that are wrong or outdated, import what is missing; then compare again
finalize  once nothing is missing, and nothing has failed
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from entrepot.cli.bulk.exchange_calls import Exchange, has_ended
from entrepot.cli.bulk.failures import CannotBegin
from entrepot.cli.bulk.import_jobs import OpenRevision
from entrepot.cli.bulk.job_runner import JobRunner, RunningJob, Task
from entrepot.cli.bulk.run_summary import RunSummary
from entrepot.cli.bulk.upload_journal import TAG, Journal
from entrepot.cli.bulk.upload_sources import Source
from entrepot.client.client_errors import ServiceAnswer

_ROUNDS = 4
"""After so many comparisons a source that is still not what was imported changes faster than it is read."""
_CALLS_AT_ONCE = 8


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the command line asks for."""

    data_set_id: str | None
    """Where None, one is made, or that of a former run is used."""
    name: str
    description: str
    comment: str | None
    tags: Mapping[str, str]
    token: str
    finalize: bool
    concurrency: int
    staged_prefix: str
    """What the names of assets begin with until they are renamed; empty where they need not be."""
    assets_per_revision: int


@dataclass(slots=True)
class Comparison:
    missing: list[str] = field(default_factory=list)
    present: list[str] = field(default_factory=list)
    rename: dict[str, str] = field(default_factory=dict)
    """Ids of assets that still have the name of their staged object, with their names."""
    delete: list[str] = field(default_factory=list)
    """Ids of assets that are not right."""

    @property
    def is_complete(self) -> bool:
        return not (self.missing or self.rename or self.delete)


@dataclass(slots=True)
class Upload:
    exchange: Exchange
    journal: Journal
    source: Source
    totals: RunSummary
    wishes: Wishes
    data_set_id: str | None = None
    revision_id: str | None = None
    is_finalized: bool = False
    was_published: bool = False
    """Whether a former run had published the same already."""
    _is_new: bool = False

    def plan(self) -> Comparison:
        """What a run would do now; changes nothing. Raises `CannotBegin` and `ClientError`s."""
        self._require_assets()
        self._find()
        if self.revision_id is None:
            return Comparison(missing=list(self.source.sizes))
        return self._compare()

    def run(self) -> None:
        """Publishes. Raises as `plan`; what fails for single assets is in `totals`.

        Crash: at any moment the same command, run again, goes on from what the exchange has.
        """
        self._require_assets()
        self._find()
        if self.was_published:
            self.totals.skip(len(self.source.sizes), self.totals.bytes)
            return
        revision = self._begun()
        if not self._is_new:
            self._settle(revision)
        self._fill(revision)
        if not self.totals.failed:
            self._finish(revision)

    def _require_assets(self) -> None:
        for name, reason in self.source.problems:
            self.totals.fail(name, reason)
        self._count()
        if not self.source.sizes:
            raise CannotBegin("There is nothing to publish: no file and no object was found there.")
        if len(self.source.sizes) > self.wishes.assets_per_revision:
            raise CannotBegin(
                f"{len(self.source.sizes):,} assets are more than the {self.wishes.assets_per_revision:,} "
                "that a revision takes. Publish parts of it, each by itself, or name the exchange's own "
                "limit with --assets-per-revision."
            )

    def _count(self) -> None:
        self.totals.assets = len(self.source.sizes)
        self.totals.bytes = sum(self.source.sizes.values())

    def _find(self) -> None:
        self.data_set_id = self._find_data_set()
        if self.data_set_id is not None:
            self.revision_id = self._find_revision(self.data_set_id)

    def _find_data_set(self) -> str | None:
        wanted = self.wishes.data_set_id or self.journal.data_set_id
        if wanted is not None:
            data_set = self._existing("get-data-set", DataSetId=wanted)
            if data_set is not None:
                _require_owned(data_set)
                return wanted
            if self.wishes.data_set_id is not None:
                raise CannotBegin(
                    f"There is no data set {wanted} in this account and Region; "
                    "see `entrepot list-data-sets`."
                )
        for data_set in self.exchange.data_sets("OWNED"):
            if data_set["Name"] != self.wishes.name or data_set["AssetType"] != "S3_SNAPSHOT":
                continue
            found = self._existing("get-data-set", DataSetId=data_set["Id"])
            if found is not None and found.get("Tags", {}).get(TAG) == self.wishes.token:
                return str(found["Id"])
        return None

    def _find_revision(self, data_set_id: str) -> str | None:
        """Finds a revision to go on with, or notes that one has everything already."""
        known = self.journal.revision_id if self.journal.data_set_id == data_set_id else None
        if known is not None:
            revision = self._existing("get-revision", DataSetId=data_set_id, RevisionId=known)
            if revision is not None and not revision["Finalized"]:
                return known
            if revision is not None and not revision.get("Revoked") and not self.source.problems:
                there = self._compared(self.exchange.assets(data_set_id, known), {})
                self.was_published = self.is_finalized = there.is_complete
                return known if self.was_published else None
        for entry in self.exchange.revisions(data_set_id):
            if not entry["Finalized"] and entry["Id"] != known:
                found = self._existing("get-revision", DataSetId=data_set_id, RevisionId=entry["Id"])
                if found is not None and found.get("Tags", {}).get(TAG) == self.wishes.token:
                    return str(found["Id"])
        return None

    def _existing(self, command: str, **parameters: str) -> dict[str, Any] | None:
        try:
            return self.exchange.call(command, **parameters)
        except ServiceAnswer as answer:
            if answer.code == "ResourceNotFoundException":
                return None
            raise

    def _begun(self) -> OpenRevision:
        """Makes what is missing of data set and revision. Crash: it is found again by its tag."""
        wishes, tags = self.wishes, {**self.wishes.tags, TAG: self.wishes.token}
        if self.data_set_id is None:
            self.data_set_id = self.exchange.call(
                "create-data-set",
                AssetType="S3_SNAPSHOT",
                Name=wishes.name,
                Description=wishes.description,
                Tags=tags,
            )["Id"]
            self.journal.note_data_set(self.data_set_id)
        if self.revision_id is None:
            self._is_new = True
            self.revision_id = self.exchange.call(
                "create-revision", DataSetId=self.data_set_id, Comment=wishes.comment, Tags=tags
            )["Id"]
        if self.journal.revision_id != self.revision_id:
            self.journal.begin_revision(self.data_set_id, self.revision_id)
        return OpenRevision(self.data_set_id, self.revision_id, self.exchange, self.totals, self.journal)

    def _settle(self, revision: OpenRevision) -> None:
        """Ends what a former run has left: nothing runs, and nothing waits, after it."""
        tasks: list[Task] = []
        for job in self.exchange.jobs(revision.id):
            if has_ended(job) or not job["Type"].startswith("IMPORT_"):
                continue
            if job["State"] == "IN_PROGRESS":
                tasks.append(RunningJob(job["Id"]))
                continue
            task = self.source.waiting_task(revision, job)
            if task is not None:
                task.assets = task.size_bytes = 0  # counted when the revision is compared
                tasks.append(task)
            elif not self.exchange.cancel_job(job["Id"]):  # a request of that run has started it meanwhile
                tasks.append(RunningJob(job["Id"]))
        if tasks:
            self.totals.note(f"publish: going on with {len(tasks)} jobs of a former run")
            self._run_jobs(revision, tasks)

    def _fill(self, revision: OpenRevision) -> None:
        """Deletes, renames and imports until the revision is complete, or something has failed."""
        comparison = Comparison(missing=list(self.source.sizes)) if self._is_new else self._compare()
        self.totals.skip(len(comparison.present), sum(self.source.sizes[name] for name in comparison.present))
        for _ in range(_ROUNDS):
            if comparison.is_complete:
                return
            self._mend(revision, comparison)
            if self.totals.failed:
                return
            self.source.look()  # what changed meanwhile is published as it is now
            self._count()
            comparison = self._compare()
        if not comparison.is_complete:
            for name in comparison.missing:
                self.totals.fail(name, "it changes faster than it can be published; run the command again")

    def _compare(self) -> Comparison:
        if self.data_set_id is None or self.revision_id is None:
            return Comparison(missing=list(self.source.sizes))
        assets = list(self.exchange.assets(self.data_set_id, self.revision_id))
        sizes, sent = self.source.sizes, self.journal.sent
        unknown = any(asset["Name"] in sizes and asset["Name"] not in sent for asset in assets)
        return self._compared(assets, self._md5s(self.revision_id) if unknown else {})

    def _compared(self, assets: Iterable[Mapping[str, Any]], md5s: Mapping[str, str]) -> Comparison:
        sizes, comparison, prefix = self.source.sizes, Comparison(), self.wishes.staged_prefix
        by_name: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
        for asset in assets:
            name = asset["Name"]
            by_name[name.removeprefix(prefix) if prefix and name not in sizes else name].append(asset)
        for name, found in by_name.items():
            kept = None
            for asset in found:
                size = int(asset["AssetDetails"]["S3SnapshotAsset"]["Size"])
                right = kept is None and sizes.get(name) == size
                if right and self.source.is_same(name, self.journal, md5s.get(name)):
                    kept = asset
                else:
                    comparison.delete.append(asset["Id"])
            if kept is not None:
                comparison.present.append(name)
                if kept["Name"] != name:
                    comparison.rename[kept["Id"]] = name
        present = set(comparison.present)
        comparison.missing = [name for name in sizes if name not in present]
        return comparison

    def _md5s(self, revision_id: str) -> dict[str, str]:
        """The MD5s of assets by name, from the jobs that uploaded them."""
        md5s: dict[str, str] = {}
        for job in self.exchange.jobs(revision_id):
            details = job["Details"].get("ImportAssetFromSignedUrl")
            if details is not None and job["State"] == "COMPLETED":
                md5s.setdefault(details["AssetName"], details["Md5Hash"])
        return md5s

    def _mend(self, revision: OpenRevision, comparison: Comparison) -> None:
        place = revision.place
        if comparison.delete:
            self.totals.removed += len(comparison.delete)
            self._call_all("delete-asset", [{"AssetId": one} for one in comparison.delete], place)
        if comparison.rename:
            renamed = [{"AssetId": one, "Name": name} for one, name in comparison.rename.items()]
            self._call_all("update-asset", renamed, place)
        if comparison.missing:
            self._run_jobs(revision, self.source.tasks(revision, comparison.missing))

    def _call_all(self, command: str, calls: Iterable[Mapping[str, str]], place: Mapping[str, str]) -> None:
        pool = ThreadPoolExecutor(_CALLS_AT_ONCE)
        try:
            for _ in pool.map(lambda one: self.exchange.call(command, **one, **place), calls):
                self.totals.show("renaming" if command == "update-asset" else "removing")
        finally:
            pool.shutdown(cancel_futures=True)

    def _run_jobs(self, revision: OpenRevision, tasks: Iterable[Task]) -> None:
        concurrency, threads = self.wishes.concurrency, self.source.threads
        runner = JobRunner(
            self.exchange,
            revision.id,
            self.totals,
            concurrency=concurrency,
            threads=threads,
            doing="importing",
        )
        runner.run(tasks)

    def _finish(self, revision: OpenRevision) -> None:
        """Finalizes the revision. Crash: finalized or not; a rerun finds either."""
        if self.wishes.finalize:
            self.exchange.call("update-revision", **revision.place, Finalized=True)
            self.is_finalized = True
            self.journal.note_finalized()


def _require_owned(data_set: Mapping[str, Any]) -> None:
    if data_set["Origin"] != "OWNED":
        raise CannotBegin(f"Data set {data_set['Id']} is not yours: only its owner publishes in it.")
    if data_set["AssetType"] != "S3_SNAPSHOT":
        raise CannotBegin(
            f"Data set {data_set['Id']} holds assets of type {data_set['AssetType']}; files need S3_SNAPSHOT."
        )
