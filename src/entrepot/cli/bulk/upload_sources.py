"""What is published, the objects of a bucket or the files of a folder, and the jobs that import it."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import secrets
import threading
import time
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
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
        self._of_this_run = f"run {secrets.token_hex(8)}"
        self.sizes: Mapping[str, int] = {}
        """The bytes of each asset there is to be, by its name."""

    def look(self) -> None:
        """Reads anew what there is. Raises `StoreError`s; that of a folder, `CannotBegin`."""
        self._objects = {one.key: one for one in self._bucket.objects(self._place.prefix)}
        self.sizes = {key: one.size_bytes for key, one in self._objects.items()}

    def digests(self, names: Iterable[str]) -> dict[str, str]:
        """The ETag of each of these objects; of one that has none to compare by, what no other run knows."""
        return {name: self._digest(self._objects[name].etag) for name in names}

    def content(self) -> str | None:
        """A digest of all names and bytes; None where they cannot be known."""
        digests = self.digests(self.sizes)
        return None if self._of_this_run in digests.values() else _content(digests)

    def _digest(self, etag: str) -> str:
        return self._of_this_run if not etag or etag.startswith("W/") else etag

    def tasks(self, revision: OpenRevision, names: Collection[str]) -> Iterator[Task]:
        for part in _parts([self._objects[name] for name in names], SOURCES_PER_JOB):
            yield BucketImport(revision, part, self._bucket.name, self.digests(one.key for one in part))

    def waiting_task(self, revision: OpenRevision, job: Mapping[str, Any]) -> Task | None:
        """The task that goes on with a waiting job of a former run. None: making it anew costs nothing."""
        return None

    def name_of(self, key: str) -> str:
        """The name that an asset is to have which was imported from this key."""
        return key

    def prove(self, journal: Journal, job: Mapping[str, Any]) -> None:
        """Notes of which bytes a job's assets are, where its end had to be known for that."""


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

    def digests(self, names: Iterable[str]) -> dict[str, str]:
        """The MD5 of each of these files, in base64; an unreadable one has none. Each is read once a run.

        Nothing is believed of a former run: a file's times can be as before, and its bytes not.
        """
        files = [self._files[name] for name in names]
        unread = [file for file in files if file not in self._md5s]
        threads, stop = ThreadPoolExecutor(os.cpu_count()), threading.Event()
        try:
            for file, md5 in zip(unread, threads.map(lambda file: _md5(file, stop), unread), strict=True):
                self._md5s[file] = md5
        finally:
            stop.set()  # Ctrl-C waits for no large file
            threads.shutdown(cancel_futures=True)
        return {file.name: md5 for file in files if (md5 := self._md5s[file])}

    def content(self) -> str | None:
        """A digest of all names and bytes; None where they cannot be known."""
        digests = self.digests(self.sizes)
        return _content(digests) if len(digests) == len(self.sizes) else None

    def tasks(self, revision: OpenRevision, names: Collection[str]) -> Iterator[Task]:
        """One job a file, the largest first: what takes longest must not be left for the end."""
        for file in sorted((self._files[name] for name in names), key=lambda file: -file.size_bytes):
            yield FileImport(revision, [file], self._urls(), self._md5s)

    def waiting_task(self, revision: OpenRevision, job: Mapping[str, Any]) -> Task | None:
        """Goes on with a job whose file had arrived whole and is still the same."""
        details = job["Details"].get("ImportAssetFromSignedUrl", {})
        file = self._files.get(details.get("AssetName", ""))
        if file is None or job["Id"] not in revision.journal.uploaded:
            return None
        if self.digests([file.name]).get(file.name) != details.get("Md5Hash"):
            return None
        return FileImport(revision, [file], self._urls(), self._md5s, job_id=job["Id"])

    def name_of(self, key: str) -> str:
        return key

    def prove(self, journal: Journal, job: Mapping[str, Any]) -> None:
        """Nothing: such a job names the MD5 of its file."""

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
            yield StagedImport(revision, part, self._staging, self._md5s)

    def waiting_task(self, revision: OpenRevision, job: Mapping[str, Any]) -> Task | None:
        return None

    def name_of(self, key: str) -> str:
        return self._staging.name_of(key)

    def prove(self, journal: Journal, job: Mapping[str, Any]) -> None:
        if job["State"] == "COMPLETED":
            self._staging.prove(journal, job["Id"])

    def take_up(self, journal: Journal) -> None:
        """Looks for what a former run has left on the way, and whether this one may put anything there.

        Raises `StoreError`s, and `CannotBegin` where objects of others have the keys that files would get.
        """
        if self._files:
            self._staging.bucket.require_writable(self._staging.key(min(self._files)))
        self._journal = journal
        left = journal.staged if journal.staging == self._staging.url else set()
        there = set(self._staging.ways())
        if not self._staging.root and (taken := sorted((there - left) & self._files.keys())):
            raise CannotBegin(
                f"{self._staging.url} holds {len(taken)} objects under the names of files to be published, "
                f"such as {taken[0]!r}; they would be overwritten. Name an empty bucket, or a prefix in it."
            )
        self._to_arrive = left - there - journal.arrived - self._abort_uploads(left)
        # Where the journal is lost, what else is still to arrive is unknown.
        self._knows_all = not self._staging.root or there <= left
        self._settled_at = time.monotonic() + _ARRIVAL_SECONDS

    def clean(self) -> None:
        """Removes everything of ours that is left on the way, whichever run put it there.

        What a killed run had sent may be stored a while after its death, so it waits. Raises `StoreError`s.
        """
        if self._journal is None:
            raise AssertionError("what is on the way is looked for before anything is put there")
        while True:
            settled = time.monotonic() >= self._settled_at
            ours = self._staging.ways()
            if not self._staging.root:  # a bucket whose other objects are the user's
                ours = [way for way in ours if way in self._journal.staged]
            self._staging.remove(ours)
            self._to_arrive.difference_update(ours)
            if settled or (self._knows_all and not (ours or self._to_arrive)):
                break
            time.sleep(_LOOK_SECONDS)
        self._journal.note_unstaged()

    def _abort_uploads(self, left: Collection[str]) -> set[str]:
        """Aborts uploads in parts, which would stay for ever; returns their ways."""
        bucket, root = self._staging.bucket, self._staging.root
        aborted: set[str] = set()
        with suppress(StoreError):  # not everybody may list them
            for key, upload_id in bucket.uploads(root):
                if root or key in left:
                    bucket.abort_upload(key, upload_id)
                    aborted.add(key.removeprefix(root))
        return aborted


Source = BucketSource | FolderSource


def _md5(file: SourceFile, stop: threading.Event) -> str:
    try:
        return base64.b64encode(md5_of_file(file.path, stop)).decode()
    except OSError:  # told when it is to be uploaded
        return ""


def _content(digests: Mapping[str, str]) -> str:
    return hashlib.sha256(json.dumps(sorted(digests.items())).encode()).hexdigest()


def _parts(items: Sequence[Item], size: int) -> Iterator[Sequence[Item]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]
