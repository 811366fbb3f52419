"""`publish` from its beginning to its end: data set, revision, what is missing in it, finalization.

find      the own data set of the name; is it all in its newest revision? else go on with one, or begin it
settle    jobs of a former run: those that run end, those that wait are started or cancelled
compare   what the revision holds with what there is to publish: by name, size and bytes; unproven is wrong
mend      delete assets that are wrong or outdated, import what is missing; then compare again
finalize  once nothing is missing, and nothing has failed; and look once more

All of this follows from what the exchange tells, so that any machine goes on from where another has stopped.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from entrepot.cli.bulk.exchange_calls import Exchange, has_ended
from entrepot.cli.bulk.failures import CannotBegin, GivenUp
from entrepot.cli.bulk.import_evidence import Evidence
from entrepot.cli.bulk.import_jobs import OpenRevision
from entrepot.cli.bulk.job_runner import JobRunner, RunningJob, Task
from entrepot.cli.bulk.run_summary import RunSummary
from entrepot.cli.bulk.upload_journal import CONTENT_TAG, TAG, Journal
from entrepot.cli.bulk.upload_sources import Source
from entrepot.client.client_errors import ServiceAnswer

_ROUNDS = 4
"""After so many comparisons a source that is still not what was imported changes faster than it is read."""
_CALLS_AT_ONCE = 8


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the command line asks for."""

    data_set_id: str | None
    """Where None, the own one of that name is used, or made."""
    name: str
    description: str
    comment: str | None
    tags: Mapping[str, str]
    tag: str
    """What the tag of the revisions of this source says, from whatever machine it is published."""
    finalize: bool
    concurrency: int
    assets_per_revision: int


@dataclass(slots=True)
class Comparison:
    missing: list[str] = field(default_factory=list)
    present: list[str] = field(default_factory=list)
    rename: dict[str, str] = field(default_factory=dict)
    """Ids of assets that still have the name of their staged object, with their names."""
    delete: list[str] = field(default_factory=list)
    """Ids of assets that are not right, or cannot be proven to be."""
    kept: set[str] = field(default_factory=set)
    """Ids of those that are."""

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
    """Whether the newest revision of the data set has the same already."""
    _is_new: bool = False
    _evidence: Evidence = field(init=False)
    _kept: set[str] = field(default_factory=set)
    """Ids of the assets that are right."""

    def __post_init__(self) -> None:
        self._evidence = self._no_evidence()

    def _no_evidence(self) -> Evidence:
        return Evidence(self.journal.sent, self.source.name_of)

    def plan(self) -> Comparison:
        """What a run would do now; changes nothing. Raises `CannotBegin` and `ClientError`s."""
        self._require_assets()
        self._find()
        if self.revision_id is None:
            return Comparison(missing=list(self.source.sizes))
        if self.was_published:
            return Comparison(present=list(self.source.sizes))
        self._gather(self._evidence, self.revision_id)
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
        wanted = self.wishes.data_set_id
        if wanted is not None:
            data_set = self._existing("get-data-set", DataSetId=wanted)
            if data_set is None:
                raise CannotBegin(
                    f"There is no data set {wanted} in this account and Region; "
                    "see `entrepot list-data-sets`."
                )
            _require_owned(data_set)
            return wanted
        named = list(self._data_sets_of_the_name())
        if len(named) > 1:
            ids = ", ".join(str(data_set["Id"]) for data_set in named[:5])
            raise CannotBegin(
                f"{len(named)} data sets of this account are named {self.wishes.name!r}; say by --data-set "
                f"in which to publish: {ids}{', …' if len(named) > 5 else ''}."
            )
        if named:
            return str(named[0]["Id"])
        return self._renamed_data_set()

    def _data_sets_of_the_name(self) -> Iterator[dict[str, Any]]:
        for data_set in self.exchange.data_sets("OWNED"):
            if data_set["Name"] == self.wishes.name and data_set["AssetType"] == "S3_SNAPSHOT":
                yield data_set

    def _renamed_data_set(self) -> str | None:
        """The data set that this command has filled so far, and that was given another name since."""
        known = self.journal.data_set_id
        found = None if known is None else self._existing("get-data-set", DataSetId=known)
        return None if found is None else str(found["Id"])

    def _find_revision(self, data_set_id: str) -> str | None:
        """The newest revision that people have, if it has everything already; else one to go on with.

        One that is older than what people have is not gone on with: nobody would get to see it.
        """
        begun = None
        for revision in self.exchange.revisions(data_set_id):
            if not revision["Finalized"]:
                if begun is None and self._is_ours(data_set_id, revision["Id"]):
                    begun = str(revision["Id"])
            elif not revision.get("Revoked"):
                if not self.source.problems and self._has_everything(data_set_id, revision["Id"]):
                    self.was_published = self.is_finalized = True
                    return str(revision["Id"])
                break
        return begun

    def _is_ours(self, data_set_id: str, revision_id: str) -> bool:
        return self.journal.revision_id == revision_id or (
            self._tags(data_set_id, revision_id).get(TAG) == self.wishes.tag
        )

    def _tags(self, data_set_id: str, revision_id: str) -> Mapping[str, str]:
        found = self._existing("get-revision", DataSetId=data_set_id, RevisionId=revision_id) or {}
        tags: Mapping[str, str] = found.get("Tags") or {}
        return tags

    def _has_everything(self, data_set_id: str, revision_id: str) -> bool:
        """Whether a finalized revision has just what there is to publish: the same names, sizes and bytes."""
        assets = list(self.exchange.assets(data_set_id, revision_id))
        if sorted((asset["Name"], _size_of(asset)) for asset in assets) != sorted(self.source.sizes.items()):
            return False
        content = self._tags(data_set_id, revision_id).get(CONTENT_TAG)
        if content is not None:
            return content == self.source.content()
        evidence = self._no_evidence()
        self._gather(evidence, revision_id)
        return self._compared(assets, evidence).is_complete

    def _existing(self, command: str, **parameters: str) -> dict[str, Any] | None:
        try:
            return self.exchange.call(command, **parameters)
        except ServiceAnswer as answer:
            if answer.code == "ResourceNotFoundException":
                return None
            raise

    def _begun(self) -> OpenRevision:
        """Makes what is missing of data set and revision. Crash: it is found again by its tag."""
        tags = {**self.wishes.tags, TAG: self.wishes.tag}
        if self.data_set_id is None:
            self.data_set_id = self._made_data_set(tags)
            self.journal.note_data_set(self.data_set_id)
        if self.revision_id is None:
            self._is_new = True
            self.revision_id = self.exchange.call(
                "create-revision", DataSetId=self.data_set_id, Comment=self.wishes.comment, Tags=tags
            )["Id"]
        if self.journal.revision_id != self.revision_id:
            self.journal.begin_revision(self.data_set_id, self.revision_id)
        return OpenRevision(
            self.data_set_id, self.revision_id, self.exchange, self.totals, self.journal, self._evidence
        )

    def _made_data_set(self, tags: Mapping[str, str]) -> str:
        """Makes a data set, or finds the one that another machine has made meanwhile: the oldest stays."""
        wishes = self.wishes
        made: str = self.exchange.call(
            "create-data-set",
            AssetType="S3_SNAPSHOT",
            Name=wishes.name,
            Description=wishes.description,
            Tags=tags,
        )["Id"]
        named = sorted((one["CreatedAt"], one["Id"]) for one in self._data_sets_of_the_name())
        if not named or named[0][1] == made:
            return made
        self.exchange.call("delete-data-set", DataSetId=made)
        return str(named[0][1])

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
        self._gather(self._evidence, revision.id)

    def _gather(self, evidence: Evidence, revision_id: str) -> None:
        for job in self.exchange.jobs(revision_id):
            self.source.prove(self.journal, job)
            evidence.add(job)

    def _fill(self, revision: OpenRevision) -> None:
        """Deletes, renames and imports until the revision is complete, or something has failed."""
        comparison = Comparison(missing=list(self.source.sizes)) if self._is_new else self._compare()
        self.totals.skip(len(comparison.present), sum(self.source.sizes[name] for name in comparison.present))
        for _ in range(_ROUNDS):
            self._kept = comparison.kept
            if comparison.is_complete:
                return
            self._mend(revision, comparison)
            if self.totals.failed:
                return
            self.source.look()  # what changed meanwhile is published as it is now
            self._count()
            comparison = self._compare()
        self._kept = comparison.kept
        if not comparison.is_complete:
            for name in comparison.missing:
                self.totals.fail(name, "it changes faster than it can be published; run the command again")

    def _compare(self) -> Comparison:
        if self.data_set_id is None or self.revision_id is None:
            return Comparison(missing=list(self.source.sizes))
        return self._compared(self.exchange.assets(self.data_set_id, self.revision_id), self._evidence)

    def _compared(self, assets: Iterable[Mapping[str, Any]], evidence: Evidence) -> Comparison:
        sizes, comparison = self.source.sizes, Comparison()
        proven: dict[str, list[tuple[Mapping[str, Any], str]]] = defaultdict(list)
        for asset in assets:
            name = asset["Name"]
            if name not in sizes:
                name = self.source.name_of(name)
            digest = evidence.digest_of(name, asset)
            if digest is not None and sizes.get(name) == _size_of(asset):
                proven[name].append((asset, digest))
            else:
                comparison.delete.append(asset["Id"])
        self.totals.show("comparing")
        digests = self.source.digests(proven)
        for name, found in proven.items():
            right = [asset for asset, digest in found if digest == digests.get(name)]
            kept = right[0] if right else None
            comparison.delete += [asset["Id"] for asset, _ in found if asset is not kept]
            if kept is not None:
                comparison.present.append(name)
                comparison.kept.add(kept["Id"])
                if kept["Name"] != name:
                    comparison.rename[kept["Id"]] = name
        present = set(comparison.present)
        comparison.missing = [name for name in sizes if name not in present]
        return comparison

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
        """Finalizes the revision. Crash: finalized or not; a rerun finds either.

        Somebody else may have changed it since the last comparison, and nobody can any more: so the last
        look is at what people get.
        """
        if not self.wishes.finalize:
            return
        self._tag_content(revision)
        self.exchange.call("update-revision", **revision.place, Finalized=True)
        self.is_finalized = True
        final = {asset["Id"] for asset in self.exchange.assets(revision.data_set_id, revision.id)}
        if final != self._kept:
            raise GivenUp(
                f"Somebody else has changed revision {revision.id} while it was finalized: what is published "
                "is not what there is here. Run the command again, and only once at a time."
            )

    def _tag_content(self, revision: OpenRevision) -> None:
        """Says in a tag what is in the revision, so that nobody needs to publish the same again."""
        content = self.source.content()
        if content is None:
            return
        arn = self.exchange.call("get-revision", **revision.place)["Arn"]
        try:
            self.exchange.call("tag-resource", ResourceArn=arn, Tags={CONTENT_TAG: content})
        except ServiceAnswer as answer:  # it only saves work, and not everybody may
            self.totals.note(f"publish: the revision gets no tag {CONTENT_TAG}: {answer.text}")


def _size_of(asset: Mapping[str, Any]) -> int:
    return int(asset["AssetDetails"]["S3SnapshotAsset"]["Size"])


def _require_owned(data_set: Mapping[str, Any]) -> None:
    if data_set["Origin"] != "OWNED":
        raise CannotBegin(f"Data set {data_set['Id']} is not yours: only its owner publishes in it.")
    if data_set["AssetType"] != "S3_SNAPSHOT":
        raise CannotBegin(
            f"Data set {data_set['Id']} holds assets of type {data_set['AssetType']}; files need S3_SNAPSHOT."
        )
