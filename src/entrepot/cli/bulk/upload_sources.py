"""What is published, the objects of a bucket or the files of a folder, and the jobs that import it."""

from __future__ import annotations

import base64
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

from entrepot.cli.bulk.failures import CannotBegin
from entrepot.cli.bulk.import_jobs import (
    BucketImport,
    FileImport,
    OpenRevision,
    StagedImport,
    Staging,
    md5_of_file,
)
from entrepot.cli.bulk.job_runner import Task
from entrepot.cli.bulk.signed_urls import SignedUrls
from entrepot.cli.bulk.upload_folder import SourceFile, read_folder
from entrepot.cli.bulk.upload_journal import Journal
from entrepot.cli.bulk.user_bucket import Bucket, BucketPlace
from entrepot.domain.errors import StoreError
from entrepot.stores.store import ListedObject

Item = TypeVar("Item")
SOURCES_PER_JOB = 100
"""The service's own limit."""
_ARRIVAL_SECONDS = 10.0
"""How long after the death of a run an S3 server may still store what it had sent."""
_LOOK_SECONDS = 0.2


class BucketSource:
    """Objects, imported a hundred a job, as they were when they were last looked at."""

    threads = 4
    """How many of them its tasks are worth."""
    problems: Sequence[tuple[str, str]] = ()
    """What cannot be published, with the reason."""

    def __init__(self, bucket: Bucket, place: BucketPlace) -> None:
        self._bucket = bucket
        self._place = place
        self._objects: dict[str, ListedObject] = {}
        self.sizes: Mapping[str, int] = {}
        """The bytes of each asset there is to be, by its name."""

    def look(self) -> None:
        """Reads anew what there is. Raises `StoreError`s; that of a folder, `CannotBegin`."""
        self._objects = {one.key: one for one in self._bucket.objects(self._place.prefix)}
        self.sizes = {key: one.size_bytes for key, one in self._objects.items()}

    def is_same(self, name: str, journal: Journal, md5_known: str | None) -> bool:
        """Whether the object, of the right size, is the one imported: by the ETag if it was noted."""
        sent = journal.sent.get(name)
        return sent is None or sent.digest == self._objects[name].etag

    def tasks(self, revision: OpenRevision, names: Collection[str]) -> Iterator[Task]:
        for part in _parts([self._objects[name] for name in names], SOURCES_PER_JOB):
            yield BucketImport(revision, part, self._bucket.name)

    def waiting_task(self, revision: OpenRevision, job: Mapping[str, Any]) -> Task | None:
        """The task that goes on with a waiting job of a former run. None: making it anew costs nothing."""
        return None


class FolderSource:
    """Files, each by a job and a signed URL of its own."""

    threads = 8

    def __init__(self, folder: Path, signed_urls: SignedUrls | None) -> None:
        self._folder = folder
        self._signed_urls = signed_urls
        self._files: dict[str, SourceFile] = {}
        self._md5s: dict[SourceFile, str] = {}
        self.problems: Sequence[tuple[str, str]] = ()
        self.sizes: Mapping[str, int] = {}

    def look(self) -> None:
        files, self.problems = read_folder(self._folder)
        self._files = {file.name: file for file in files}
        self.sizes = {file.name: file.size_bytes for file in files}

    def is_same(self, name: str, journal: Journal, md5_known: str | None) -> bool:
        """By time and size where the journal has them, else by MD5; unknown bytes are not the same."""
        file, sent = self._files[name], journal.sent.get(name)
        if sent is not None and (sent.modified_ns, sent.size_bytes) == (file.modified_ns, file.size_bytes):
            return True
        expected = md5_known if sent is None else sent.digest
        return expected is not None and self._md5(file) == expected

    def _md5(self, file: SourceFile) -> str:
        if file not in self._md5s:
            try:
                self._md5s[file] = base64.b64encode(md5_of_file(file.path)).decode()
            except OSError:  # told when it is to be uploaded
                return ""
        return self._md5s[file]

    def tasks(self, revision: OpenRevision, names: Collection[str]) -> Iterator[Task]:
        """One job a file, the largest first: what takes longest must not be left for the end."""
        for file in sorted((self._files[name] for name in names), key=lambda file: -file.size_bytes):
            yield FileImport(revision, [file], self._urls())

    def waiting_task(self, revision: OpenRevision, job: Mapping[str, Any]) -> Task | None:
        """Goes on with a job whose file had arrived whole and is still the same."""
        details = job["Details"].get("ImportAssetFromSignedUrl", {})
        file = self._files.get(details.get("AssetName", ""))
        if file is None or job["Id"] not in revision.journal.uploaded:
            return None
        if not self.is_same(file.name, revision.journal, details.get("Md5Hash")):
            return None
        return FileImport(revision, [file], self._urls(), job_id=job["Id"])

    def _urls(self) -> SignedUrls:
        if self._signed_urls is None:
            raise CannotBegin("This folder is to be published through a bucket.")
        return self._signed_urls


class StagedFolderSource(FolderSource):
    def __init__(self, folder: Path, staging: Staging) -> None:
        super().__init__(folder, None)
        self._staging = staging
        self._journal: Journal | None = None
        self._to_arrive: set[str] = set()
        self._knows_all = True
        self._settled_at = 0.0

    def tasks(self, revision: OpenRevision, names: Collection[str]) -> Iterator[Task]:
        """Up to a hundred files a job; fewer where there would be threads without work."""
        files = [self._files[name] for name in names]
        for part in _parts(files, max(1, min(SOURCES_PER_JOB, len(files) // (2 * self.threads)))):
            yield StagedImport(revision, part, self._staging)

    def waiting_task(self, revision: OpenRevision, job: Mapping[str, Any]) -> Task | None:
        return None

    def take_up(self, journal: Journal) -> None:
        """Looks for what a former run has left on the way. Raises `StoreError`s.

        Raises `CannotBegin` where objects of others have the keys that files would get.
        """
        self._journal = journal
        left = journal.staged if journal.staging == self._staging.url else set()
        there = set(self._staging.names())
        if not self._staging.prefix and (taken := sorted((there - left) & self._files.keys())):
            raise CannotBegin(
                f"{self._staging.url} holds {len(taken)} objects under the names of files to be published, "
                f"such as {taken[0]!r}; they would be overwritten. Name an empty bucket, or a prefix in it."
            )
        self._to_arrive = left - there - journal.sent.keys() - self._abort_uploads(left)
        # Where the journal is lost, what else is still to arrive is unknown.
        self._knows_all = not self._staging.prefix or there <= left
        self._settled_at = time.monotonic() + _ARRIVAL_SECONDS

    def clean(self) -> None:
        """Removes everything of ours that is left on the way, whichever run put it there.

        What a killed run had sent may be stored a while after its death, so it waits. Raises `StoreError`s.
        """
        if self._journal is None:
            raise AssertionError("what is on the way is looked for before anything is put there")
        while True:
            settled = time.monotonic() >= self._settled_at
            ours = self._staging.names()
            if not self._staging.prefix:  # a bucket whose other objects are the user's
                ours = [name for name in ours if name in self._journal.staged]
            self._staging.remove(ours)
            self._to_arrive.difference_update(ours)
            if settled or (self._knows_all and not (ours or self._to_arrive)):
                break
            time.sleep(_LOOK_SECONDS)
        self._journal.note_unstaged()

    def _abort_uploads(self, left: Collection[str]) -> set[str]:
        """Aborts uploads in parts, which would stay for ever; returns the names of their files."""
        bucket, prefix = self._staging.bucket, self._staging.prefix
        aborted: set[str] = set()
        with suppress(StoreError):  # not everybody may list them
            for key, upload_id in bucket.uploads(prefix):
                if prefix or key in left:
                    bucket.abort_upload(key, upload_id)
                    aborted.add(key.removeprefix(prefix))
        return aborted


Source = BucketSource | FolderSource


def _parts(items: Sequence[Item], size: int) -> Iterator[Sequence[Item]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]
