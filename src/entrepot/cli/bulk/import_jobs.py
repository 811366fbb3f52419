"""The jobs of `publish`: objects of a bucket, one file by its signed URL, or files that go to a bucket first.

`publish --through` uploads files to a bucket of the user, and imports them from there. Assets are named for
their keys. So below a prefix, where a folder of this command keeps the objects of others apart, and a folder
of this run what former runs may still send, each asset is renamed afterwards; in a bucket without prefix
the keys are the names.

What a former run had sent may become an object at any moment, whatever became of that run. So each import is
proven afterwards: every object must still be the one that was put for it.
"""

from __future__ import annotations

import base64
import hashlib
import os
import threading
from collections.abc import Iterable, Mapping, MutableMapping
from dataclasses import dataclass
from typing import Any

from entrepot.cli.bulk.failures import ItemFailed
from entrepot.cli.bulk.import_evidence import Evidence
from entrepot.cli.bulk.job_runner import Item, ItemsTask, Revision
from entrepot.cli.bulk.signed_urls import FileReader, SignedUrls, UrlRefused
from entrepot.cli.bulk.upload_folder import SourceFile
from entrepot.cli.bulk.upload_journal import Journal, PutFile
from entrepot.cli.bulk.user_bucket import Bucket
from entrepot.domain.errors import EntrepotError, StoreError
from entrepot.stores.store import ListedObject, Reader

SIGNED_URL_BYTES = 5 * 1024**3
"""The most that one upload to a signed URL may have."""
_IN_MEMORY_BYTES = 1024 * 1024
_CHUNK_BYTES = 1024 * 1024
_UPLOADS = 3


@dataclass(frozen=True, slots=True)
class OpenRevision(Revision):
    journal: Journal
    evidence: Evidence


@dataclass(eq=False)
class ImportTask(ItemsTask[Item]):
    revision: OpenRevision

    def complete(self, job: Mapping[str, Any]) -> None:
        self.revision.evidence.add(job)


@dataclass(eq=False)
class BucketImport(ImportTask[ListedObject]):
    """IMPORT_ASSETS_FROM_S3 of up to a hundred objects."""

    bucket: str
    digests: Mapping[str, str]

    def name_of(self, item: ListedObject) -> str:
        return item.key

    def prepare(self) -> None:
        """Makes the job. Crash: it waits for ever, and the next run cancels it."""
        self.job_id = create_import(self.revision, self.bucket, [one.key for one in self.items])
        self.revision.journal.note_sent(self.job_id, {one.key: self.digests[one.key] for one in self.items})


def create_import(revision: Revision, bucket: str, keys: Iterable[str]) -> str:
    """Creates an import of objects, which waits to be started; returns its id."""
    sources = [{"Bucket": bucket, "Key": key} for key in keys]
    details = {"ImportAssetsFromS3": {"AssetSources": sources, **revision.place}}
    return str(revision.exchange.create_job("IMPORT_ASSETS_FROM_S3", details)["Id"])


@dataclass(eq=False)
class FileImport(ImportTask[SourceFile]):
    """IMPORT_ASSET_FROM_SIGNED_URL of one file."""

    signed_urls: SignedUrls
    md5s: MutableMapping[SourceFile, str]
    """Where to note the MD5 of what was read."""

    def name_of(self, item: SourceFile) -> str:
        return item.name

    def prepare(self) -> None:
        """Makes the job and uploads the file; begins anew where the file changes meanwhile.

        Crash: the job waits for ever; the next run cancels it, or starts it where the upload was whole.
        """
        if self.job_id:  # found by a former run's journal: uploaded, and not started
            return
        for attempt in range(_UPLOADS):
            try:
                self.job_id = self._upload()
            except UrlRefused as refused:
                if attempt + 1 == _UPLOADS or refused.status not in {400, 403}:
                    raise
            except OSError as error:
                raise ItemFailed(f"the file cannot be read: {error.strerror}") from error
            else:
                return

    def _upload(self) -> str:
        (file,) = self.items
        path, name, revision = file.path, file.name, self.revision
        self.size_bytes = size_bytes = os.stat(path).st_size  # noqa: PTH116
        if size_bytes > SIGNED_URL_BYTES:
            raise ItemFailed(
                f"{size_bytes:,} bytes are more than the {SIGNED_URL_BYTES:,} (5 GiB) that the exchange "
                "takes by signed URL; give --through s3://bucket/prefix, which takes up to 100 GiB a file"
            )
        data: bytes | None = None
        if size_bytes <= _IN_MEMORY_BYTES:
            with open(path, "rb", buffering=0) as opened:  # noqa: PTH123
                data = opened.read()
            self.size_bytes = size_bytes = len(data)
            digest = hashlib.md5(data, usedforsecurity=False).digest()
        else:
            digest = md5_of_file(path)
        md5 = base64.b64encode(digest).decode()
        details = {"ImportAssetFromSignedUrl": {"AssetName": name, "Md5Hash": md5, **revision.place}}
        created = revision.exchange.create_job("IMPORT_ASSET_FROM_SIGNED_URL", details)
        job_id: str = created["Id"]

        def body() -> memoryview | Reader:
            if data is not None:
                return memoryview(data)
            return FileReader(path, size_bytes, lambda moved: revision.totals.moving(self, moved))

        url = created.get("Details", {}).get("ImportAssetFromSignedUrl", {}).get("SignedUrl")
        if not url:
            raise ItemFailed(f"the exchange gave no signed URL for it in job {job_id}")
        try:
            self.signed_urls.put(url, body, size_bytes, md5)
        except EntrepotError:
            revision.exchange.cancel_job(job_id)
            raise
        self.md5s[file] = md5
        if data is None:
            revision.journal.note_uploaded([job_id])
        return job_id


def md5_of_file(path: str, stop: threading.Event | None = None) -> bytes:
    """The MD5 of all bytes of a file. Raises `OSError`, also once `stop` is set."""
    digest = hashlib.md5(usedforsecurity=False)
    buffer = memoryview(bytearray(_CHUNK_BYTES))
    with open(path, "rb", buffering=0) as file:  # noqa: PTH123
        while count := file.readinto(buffer):
            digest.update(buffer[:count])
            if stop is not None and stop.is_set():
                raise InterruptedError(f"{path} is not read any further")
    return digest.digest()


STAGED_BYTES = 100 * 1024**3
"""The largest asset that the exchange takes."""


@dataclass(frozen=True, slots=True)
class Staging:
    """Where files are uploaded to for their import."""

    bucket: Bucket
    root: str
    """What all keys of this command begin with; empty where keys are names."""
    run: str
    """What the ways of this run begin with, which are its keys below the root; empty where keys are names."""

    @property
    def url(self) -> str:
        return f"s3://{self.bucket.name}/{self.root}"

    def key(self, name: str) -> str:
        return self.root + self.run + name

    def name_of(self, key: str) -> str:
        """The name of the file, whichever run has put it there."""
        if not self.root or not key.startswith(self.root):
            return key
        return key.removeprefix(self.root).partition("/")[2]

    def ways(self) -> list[str]:
        return [one.key.removeprefix(self.root) for one in self.bucket.objects(self.root)]

    def remove(self, ways: Iterable[str]) -> None:
        self.bucket.delete([self.root + way for way in ways])

    def prove(self, journal: Journal, job_id: str) -> None:
        """Notes the bytes that a completed job has imported, where the objects are still as they were put."""
        put = journal.put.get(job_id)
        if not put or job_id in journal.sent:
            return
        try:
            etags = self.bucket.etags([self.root + way for way in put])
        except StoreError:  # what is not proven is imported again
            etags = {}
        proven = {
            self.name_of(self.root + way): one.md5
            for way, one in put.items()
            if etags.get(self.root + way) == one.etag
        }
        journal.note_sent(job_id, proven)


@dataclass(eq=False)
class StagedImport(ImportTask[SourceFile]):
    """One job: the upload of its files, their import, and the removal of what was uploaded."""

    staging: Staging
    md5s: MutableMapping[SourceFile, str]
    """Where to note the MD5 of what was read."""

    def name_of(self, item: SourceFile) -> str:
        return item.name

    def key_of(self, item: SourceFile) -> str:
        return self.staging.key(item.name)

    def prepare(self) -> None:
        """Uploads and makes the job. Crash: the next run removes what was uploaded."""
        put: dict[str, PutFile] = {}
        done = 0
        for file in self.items:
            try:
                put[self.staging.run + file.name] = self._upload(file, done)
                done += file.size_bytes
            except ItemFailed as error:
                self.totals.fail(file.name, str(error))
        self.items = [file for file in self.items if self.staging.run + file.name in put]
        self.assets, self.size_bytes = len(self.items), done
        if put:
            self.job_id = create_import(self.revision, self.staging.bucket.name, map(self.key_of, self.items))
            self.revision.journal.note_put(self.job_id, put)

    def _upload(self, file: SourceFile, before: int) -> PutFile:
        if file.size_bytes > STAGED_BYTES:
            raise ItemFailed(
                f"{file.size_bytes:,} bytes are more than the {STAGED_BYTES:,} that an asset may have"
            )
        self.revision.journal.note_staged(self.staging.url, self.staging.run + file.name)
        try:
            digest, etag = self.staging.bucket.put_file(
                self.staging.key(file.name),
                file.path,
                file.size_bytes,
                lambda moved: self.totals.moving(self, before + moved),
            )
        except OSError as error:
            raise ItemFailed(f"the file cannot be read: {error.strerror}") from error
        except StoreError as error:
            raise ItemFailed(error.message) from error
        md5 = self.md5s[file] = base64.b64encode(digest).decode()
        return PutFile(md5, etag)

    def complete(self, job: Mapping[str, Any]) -> None:
        """Proves the import and removes what was uploaded; what cannot be removed now is told at the end.

        Crash: before the proof is noted the objects are there, and the next run looks at them.
        """
        self.staging.prove(self.revision.journal, self.job_id)
        super().complete(job)
        try:
            self.staging.remove(self.staging.run + file.name for file in self.items)
        except StoreError as error:
            self.totals.note(f"publish: staged objects stay for now: {error.message}")
