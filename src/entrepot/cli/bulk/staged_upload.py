"""`publish --through`: files go to a bucket of the user first, and are imported from there.

Assets are named for their keys. So below a prefix, where the folder of this command keeps everybody else's
objects apart, each asset is renamed afterwards; in a bucket without prefix the keys are the names.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from entrepot.cli.bulk.failures import ItemFailed
from entrepot.cli.bulk.import_jobs import OpenRevision, create_import
from entrepot.cli.bulk.job_runner import ItemsTask
from entrepot.cli.bulk.upload_folder import SourceFile
from entrepot.cli.bulk.upload_journal import Sent
from entrepot.cli.bulk.user_bucket import Bucket
from entrepot.domain.errors import StoreError

STAGED_BYTES = 100 * 1024**3
"""The largest asset that the exchange takes."""


@dataclass(frozen=True, slots=True)
class Staging:
    """Where files wait for their import."""

    bucket: Bucket
    prefix: str
    """Of this command alone; empty where keys are names."""

    @property
    def url(self) -> str:
        """The place, as messages and the journal name it."""
        return f"s3://{self.bucket.name}/{self.prefix}"

    def key(self, name: str) -> str:
        """Where the file of that name waits."""
        return self.prefix + name

    def names(self) -> list[str]:
        """The names under which something is there. Raises `StoreError`."""
        return [one.key.removeprefix(self.prefix) for one in self.bucket.objects(self.prefix)]

    def remove(self, names: Iterable[str]) -> None:
        """Removes what is there under these names. Raises `StoreError`."""
        self.bucket.delete([self.key(name) for name in names])


@dataclass(eq=False)
class StagedImport(ItemsTask[SourceFile]):
    """One job: the upload of its files, their import, and the removal of what was uploaded."""

    revision: OpenRevision
    staging: Staging

    def name_of(self, item: SourceFile) -> str:
        """Its path below the folder."""
        return item.name

    def key_of(self, item: SourceFile) -> str:
        """Where it waits."""
        return self.staging.key(item.name)

    def prepare(self) -> None:
        """Uploads and makes the job. Crash: the next run removes what was uploaded, or arrives yet."""
        sent: dict[str, Sent] = {}
        done = 0
        for file in self.items:
            try:
                sent[file.name] = self._upload(file, done)
            except ItemFailed as error:
                self.totals.fail(file.name, str(error))
            else:
                done += file.size_bytes
        self.take([file for file in self.items if file.name in sent])
        if sent:
            self.job_id = create_import(self.revision, self.staging.bucket.name, map(self.key_of, self.items))
            self.revision.journal.note_sent(sent)

    def _upload(self, file: SourceFile, before: int) -> Sent:
        if file.size_bytes > STAGED_BYTES:
            raise ItemFailed(
                f"{file.size_bytes:,} bytes are more than the {STAGED_BYTES:,} that an asset may have"
            )
        self.revision.journal.note_staged(self.staging.url, file.name)
        try:
            md5 = self.staging.bucket.put_file(
                self.staging.key(file.name),
                file.path,
                file.size_bytes,
                lambda moved: self.totals.moving(self, before + moved),
            )
        except OSError as error:
            raise ItemFailed(f"the file cannot be read: {error.strerror}") from error
        except StoreError as error:
            raise ItemFailed(error.message) from error
        return Sent(file.size_bytes, base64.b64encode(md5).decode(), file.modified_ns)

    def complete(self, job: Mapping[str, Any]) -> None:
        """Removes what was uploaded; what cannot be removed now is told at the end."""
        try:
            self.staging.remove(file.name for file in self.items)
        except StoreError as error:
            self.totals.note(f"publish: staged objects stay for now: {error.message}")
