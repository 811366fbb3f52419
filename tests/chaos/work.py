"""Whoever uses the exchange while it is tormented: imports and exports, and what each is to bring."""

from __future__ import annotations

import base64
import hashlib
import random
import threading
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from tests.functional import flow

SOURCE, TARGET, OWN = "source", "target", "own"
BUCKETS = (SOURCE, TARGET, OWN)
_SMALL_OBJECTS = 40
_LARGE_SIZES = (17 << 20, 24 << 20, 33 << 20)
"""Above 16 MiB an object moves in parts."""
_OWN_BYTES = b"a user's own"
_PASSES = (ClientError, BotoCoreError, OSError)


@dataclass(slots=True)
class Task:
    """A job, and what must be true once it is COMPLETED."""

    id: str
    place: dict[str, str]
    imports: bool
    brings: dict[str, str]
    """SHA-256 by asset name of an import, or by key in the bucket `target` of an export."""
    ready: bool = True
    """False while what is uploaded for the job has not arrived."""
    is_replaced: bool = False
    """Whether a user has written other objects over those of an export."""
    state: str = "WAITING"
    errors: list[dict[str, Any]] = field(default_factory=list)

    @property
    def has_ended(self) -> bool:
        return self.state not in {"WAITING", "IN_PROGRESS"}


def put_sources(s3: Any, chance: random.Random) -> dict[str, str]:
    """Objects to import, their SHA-256 by key: put at once and in parts, so that all forms of ETags occur."""
    sizes = [0, 1, *(chance.randrange(1, 100_000) for _ in range(_SMALL_OBJECTS)), 3 << 20, *_LARGE_SIZES]
    made = {}
    for number, size in enumerate(sizes):
        key, content = f"data/{number:03}.bin", chance.randbytes(size)
        if size > _LARGE_SIZES[0] and number % 2:
            _put_in_parts(s3, key, content)
        else:
            s3.put_object(Bucket=SOURCE, Key=key, Body=content)
        made[key] = hashlib.sha256(content).hexdigest()
    return made


def _put_in_parts(s3: Any, key: str, content: bytes, part_bytes: int = 5 << 20) -> None:
    upload = s3.create_multipart_upload(Bucket=SOURCE, Key=key)["UploadId"]
    parts = []
    for number, offset in enumerate(range(0, len(content), part_bytes), 1):
        body = content[offset : offset + part_bytes]
        etag = s3.upload_part(Bucket=SOURCE, Key=key, UploadId=upload, PartNumber=number, Body=body)["ETag"]
        parts.append({"PartNumber": number, "ETag": etag})
    s3.complete_multipart_upload(Bucket=SOURCE, Key=key, UploadId=upload, MultipartUpload={"Parts": parts})


class Work:
    """The jobs of a run. What the exchange refuses while it is down is tried again, or left."""

    def __init__(self, s3: Any, sources: Mapping[str, str]) -> None:
        self._s3 = s3
        self.tasks: list[Task] = []
        self.refused = 0
        """Calls of the API that failed."""
        self._sources = dict(sources)
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._threads: list[threading.Thread] = []

    def begin(self, exchange: Any, seed: int) -> None:
        """One more user of the exchange, until `end`."""
        thread = threading.Thread(target=self._work, args=(exchange, random.Random(seed)), daemon=True)
        self._threads.append(thread)
        thread.start()

    def line(self) -> str:
        states = Counter(task.state for task in [*self.tasks])
        return f"{len(self.tasks)} jobs: " + ", ".join(
            f"{count} {state}" for state, count in sorted(states.items())
        )

    def end(self) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _work(self, exchange: Any, chance: random.Random) -> None:
        data_set_id = ""
        while not self._stop.wait(chance.uniform(0.2, 1.5)):
            try:
                data_set_id = data_set_id or flow.open_revision(exchange)["DataSetId"]
                self._step(exchange, chance, data_set_id)
            except _PASSES:
                self.refused += 1

    def _step(self, exchange: Any, chance: random.Random, data_set_id: str) -> None:
        mine = [task for task in self.tasks if task.place["DataSetId"] == data_set_id]
        for task in mine:
            refresh(exchange, task)
        waiting = [task for task in mine if task.state == "WAITING" and task.ready]
        imported = [task for task in mine if task.imports and task.state == "COMPLETED"]
        exported = [
            task for task in mine if not task.imports and task.state == "COMPLETED" and not task.is_replaced
        ]
        what = chance.random()
        if waiting and what < 0.4:
            exchange.start_job(JobId=chance.choice(waiting).id)
        elif sum(not task.has_ended for task in mine) > 6:
            if what < 0.1:
                exchange.cancel_job(JobId=chance.choice([task for task in mine if not task.has_ended]).id)
        elif exported and what < 0.3:
            self._replace(chance.choice(exported))
        elif imported and what < 0.6:
            self._start(exchange, self._export(exchange, chance, chance.choice(imported)))
        else:
            place = {"DataSetId": data_set_id}
            place["RevisionId"] = exchange.create_revision(DataSetId=data_set_id)["Id"]
            make = self._upload if what > 0.9 else self._import
            self._start(exchange, make(exchange, chance, place))

    def _replace(self, task: Task) -> None:
        """What a user has put in place of exported objects stays, whoever still believes to be exporting."""
        task.is_replaced = True
        for key in task.brings:
            flow.until(partial(self._put, key), "replaced")
            task.brings[key] = hashlib.sha256(_OWN_BYTES).hexdigest()

    def _put(self, key: str) -> bool:
        with suppress(*_PASSES):
            self._s3.put_object(Bucket=TARGET, Key=key, Body=_OWN_BYTES)
            return True
        return False

    def _start(self, exchange: Any, task: Task) -> None:
        if task.ready:
            exchange.start_job(JobId=task.id)

    def _import(self, exchange: Any, chance: random.Random, place: dict[str, str]) -> Task:
        keys = chance.sample(sorted(self._sources), chance.randrange(1, 12))
        sources = [{"Bucket": SOURCE, "Key": key} for key in keys]
        details = {"ImportAssetsFromS3": {"AssetSources": sources, **place}}
        made = exchange.create_job(Type="IMPORT_ASSETS_FROM_S3", Details=details)
        return self._known(Task(made["Id"], place, True, {key: self._sources[key] for key in keys}))

    def _upload(self, exchange: Any, chance: random.Random, place: dict[str, str]) -> Task:
        content = chance.randbytes(chance.choice((1_000, 100_000, 2 << 20, 18 << 20)))
        md5 = base64.b64encode(hashlib.md5(content).digest()).decode()
        details = {"ImportAssetFromSignedUrl": {"AssetName": "uploaded.bin", "Md5Hash": md5, **place}}
        made = exchange.create_job(Type="IMPORT_ASSET_FROM_SIGNED_URL", Details=details)
        brings = {"uploaded.bin": hashlib.sha256(content).hexdigest()}
        task = self._known(Task(made["Id"], place, True, brings, ready=False))
        url = made["Details"]["ImportAssetFromSignedUrl"]["SignedUrl"]
        for _ in range(3):
            with suppress(OSError):
                task.ready = flow.put(url, content, md5) == 200
                return task
        return task

    def _export(self, exchange: Any, chance: random.Random, imported: Task) -> Task:
        folder = f"out/{chance.getrandbits(64):016x}/"
        brings = {folder + name: digest for name, digest in imported.brings.items()}
        if chance.random() < 0.5:
            made = export_revision(exchange, imported.place, folder)
        else:
            assets = [
                {"AssetId": asset["Id"], "Bucket": TARGET, "Key": folder + asset["Name"]}
                for asset in flow.assets(exchange, imported.place)
            ]
            details = {"ExportAssetsToS3": {"AssetDestinations": assets, **imported.place}}
            made = exchange.create_job(Type="EXPORT_ASSETS_TO_S3", Details=details)["Id"]
        return self._known(Task(made, imported.place, False, brings))

    def _known(self, task: Task) -> Task:
        with self._lock:
            self.tasks.append(task)
        return task


def export_revision(exchange: Any, place: dict[str, str], folder: str) -> str:
    """A job that is to write the revision's assets under that folder; its id."""
    destination = {
        "Bucket": TARGET,
        "KeyPattern": folder + "${Asset.Name}",
        "RevisionId": place["RevisionId"],
    }
    details = {"DataSetId": place["DataSetId"], "RevisionDestinations": [destination]}
    made = exchange.create_job(Type="EXPORT_REVISIONS_TO_S3", Details={"ExportRevisionsToS3": details})
    job_id: str = made["Id"]
    return job_id


def refresh(exchange: Any, task: Task) -> None:
    """Asks how the job is, unless that is known for good."""
    if not task.has_ended:
        job = exchange.get_job(JobId=task.id)
        task.state, task.errors = job["State"], job.get("Errors", [])
