"""What `publish` remembers of one command: which revision it fills, and of which bytes its assets are.

It lies in the state folder of the platform, named after the command: what is published, under which name or
into which data set, at which exchange, with whose key. It only saves work. What is published follows from the
exchange alone: a rerun without the journal finds its data set by its name and its revision by a tag, and
imports again what it cannot prove to be of the same bytes.
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from entrepot.cli.bulk.journal_file import Record, read_lines

TAG = "entrepot:publish"
"""The tag of the data sets and revisions that `publish` makes; its value says of what source."""
CONTENT_TAG = "entrepot:content"
"""The tag of a revision that `publish` finalizes: a digest of all names and bytes in it."""


@dataclass(frozen=True, slots=True)
class Command:
    """What makes two runs of `publish` the same work."""

    source: str
    """The URL of the bucket, or the absolute path of the folder."""
    target: str
    """The id of a data set, or the name of one that is to be made."""
    exchange: str
    """The address of the exchange and the Region."""
    access_key_id: str
    host: str = ""
    """The machine that the folder is on; empty for a bucket."""

    @property
    def token(self) -> str:
        """For what no other machine may touch: the journal, and what is on its way through a bucket."""
        return _token(self.host, self.source, self.target, self.exchange, self.access_key_id)

    @property
    def tag(self) -> str:
        """For what the exchange keeps: the same from every machine and with every key."""
        return _token(self.source)


@dataclass(frozen=True, slots=True)
class PutFile:
    """A file on its way through a bucket."""

    md5: str
    """Of what was sent, in base64."""
    etag: str
    """Of the object that this became."""


class Journal:
    """The journal of one command, and its lock. Several threads may note something."""

    def __init__(self, record: Record | None, lines: Iterable[dict[str, Any]]) -> None:
        self._record = record
        self._writing = threading.Lock()
        self.data_set_id: str | None = None
        self.revision_id: str | None = None
        self.sent: dict[str, dict[str, str]] = {}
        """By job and name, of which bytes an asset is: an object's ETag, or a file's MD5 in base64."""
        self.put: dict[str, dict[str, PutFile]] = {}
        """By job and way, the files that are imported from their way, as they were put there."""
        self.arrived: set[str] = set()
        """The ways of all these; what is put on the way anew has not arrived yet."""
        self.uploaded: set[str] = set()
        """Jobs whose file has arrived at their signed URL."""
        self.staging = ""
        """Where files were put on their way; empty once all of it is removed again."""
        self.staged: set[str] = set()
        """The ways, which are keys below it, under which something may be there."""
        for line in lines:
            self._take(line)

    @classmethod
    def open(cls, folder: Path, command: Command) -> Self:
        """Opens it. Raises `AlreadyRunning` while another process has it, and `CannotBegin`."""
        what = f"`entrepot publish` of {command.source} to {command.target}"
        record = Record(_path(folder, command), what)
        return cls(record, record.lines())

    @classmethod
    def look_at(cls, folder: Path, command: Command) -> Self:
        """The journal as it is, for a dry run; nothing is written."""
        return cls(None, read_lines(_path(folder, command)))

    def begin_revision(self, data_set_id: str, revision_id: str) -> None:
        """Notes the revision that is filled from now on; nothing was sent to it yet."""
        self.data_set_id, self.revision_id = data_set_id, revision_id
        self.arrived, self.uploaded = set(), set()
        self.sent.clear()
        self.put.clear()
        if self._record is not None:
            staged = [{"staged": [self.staging, way]} for way in self.staged]
            self._record.replace([{"data_set": data_set_id}, {"revision": revision_id}, *staged])

    def note_data_set(self, data_set_id: str) -> None:
        self._write({"data_set": data_set_id})

    def note_sent(self, job_id: str, digests: Mapping[str, str]) -> None:
        self._write({"job": job_id, "sent": dict(digests)})

    def note_put(self, job_id: str, put: Mapping[str, PutFile]) -> None:
        self._write({"job": job_id, "put": {way: [one.md5, one.etag] for way, one in put.items()}})

    def note_uploaded(self, job_ids: Iterable[str]) -> None:
        self._write({"uploaded": list(job_ids)})

    def note_staged(self, url: str, way: str) -> None:
        """Notes an object that may arrive at any moment. Crash: the next run removes it."""
        self._write({"staged": [url, way]})

    def note_unstaged(self) -> None:
        if self.staged:
            self._write({"unstaged": True})

    def close(self) -> None:
        if self._record is not None:
            self._record.close()

    def _write(self, line: dict[str, Any]) -> None:
        with self._writing:
            self._take(line)
            if self._record is not None:
                self._record.add(line)

    def _take(self, line: Mapping[str, Any]) -> None:
        match line:
            case {"data_set": str(data_set_id)}:
                self.data_set_id = data_set_id
            case {"revision": str(revision_id)}:
                self.revision_id = revision_id
            case {"job": str(job_id), "sent": dict(digests)}:
                self.sent[job_id] = digests
            case {"job": str(job_id), "put": dict(put)}:
                self.put[job_id] = {way: PutFile(md5, etag) for way, (md5, etag) in put.items()}
                self.arrived.update(put)
            case {"uploaded": list(job_ids)}:
                self.uploaded.update(job_ids)
            case {"staged": [str(url), str(way)]}:
                if url != self.staging:
                    self.staging, self.staged = url, set()
                self.staged.add(way)
                self.arrived.discard(way)
            case {"unstaged": True}:
                self.staging, self.staged = "", set()
            case _:  # of a newer version
                pass

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _token(*parts: str) -> str:
    return hashlib.sha256(json.dumps(parts).encode("utf-8", "surrogateescape")).hexdigest()[:32]


def _path(folder: Path, command: Command) -> Path:
    return folder / "publish" / f"{command.token}.jsonl"
