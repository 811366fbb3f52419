"""`entrepot publish` and `entrepot fetch` as a user runs them, beside a running exchange and S3 server."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from secrets import token_hex
from typing import Any

from tests.functional.conftest import Port
from tests.functional.flow import until
from tests.servers.warm_program import WarmProgram, WarmRun

from entrepot.cli.bulk.user_bucket import Bucket
from entrepot.stores.credentials import StaticCredentials
from entrepot.stores.s3 import S3Store
from entrepot.stores.s3_client import S3Client

PATIENCE_SECONDS = 120.0


@dataclass(frozen=True, slots=True)
class Ended:
    """One run that has ended."""

    status: int
    errors: str
    output: str

    @property
    def summary(self) -> dict[str, Any]:
        """What it printed on standard output."""
        document: dict[str, Any] = json.loads(self.output)
        return document


@dataclass(frozen=True, slots=True)
class User:
    """Somebody who works with one exchange; what programs remember for them is in `home`."""

    port: Port
    home: Path
    exchange: Any
    s3: Any
    program: WarmProgram
    environ: dict[str, str] = field(init=False)
    buckets: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        data = self.port.account.write_profile(self.home / "exchange")
        object.__setattr__(
            self,
            "environ",
            {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "ENTREPOT_"))}
            | {
                "AWS_ACCESS_KEY_ID": self.port.storage.access_key_id,
                "AWS_SECRET_ACCESS_KEY": self.port.storage.secret_access_key,
                "AWS_ENDPOINT_URL_S3": self.port.storage.endpoint_url,
                "AWS_CONFIG_FILE": str(data / "aws" / "config"),
                "AWS_SHARED_CREDENTIALS_FILE": str(data / "aws" / "credentials"),
                "XDG_STATE_HOME": str(self.home / "state"),
            },
        )

    def start(self, *arguments: str | Path, anew: bool = False) -> WarmRun | subprocess.Popen[bytes]:
        """The program, running; `anew` in an interpreter of its own."""
        given = [*map(str, arguments), "--profile", "entrepot", "--endpoint-url", self.port.exchange.url]
        if not anew:
            return self.program.start(["entrepot", *given], self.environ, Path.cwd())
        pipe = subprocess.PIPE
        command = [sys.executable, "-m", "entrepot", *given]
        return subprocess.Popen(command, env=self.environ, stdout=pipe, stderr=pipe)

    def run(self, *arguments: str | Path, status: int = 0, anew: bool = False) -> Ended:
        """The program, ended with this status."""
        with self.start(*arguments, anew=anew) as process:
            output, errors = (text.decode() for text in process.communicate(timeout=PATIENCE_SECONDS))
        assert process.returncode == status, errors + output
        assert "Traceback" not in errors, errors
        return Ended(process.returncode, errors, output)

    @contextmanager
    def interrupted(
        self, *arguments: str | Path, by: signal.Signals, anew: bool = False
    ) -> Iterator[WarmRun | subprocess.Popen[bytes]]:
        """The program while it runs; the signal comes at the end of the block, in the middle of its work."""
        with self.start(*arguments, anew=anew) as process:
            yield process
            assert process.poll() is None, "it had ended before it could be interrupted"
            process.send_signal(by)
            process.communicate(timeout=PATIENCE_SECONDS)

    # What is where

    def bucket(self, objects: Mapping[str, bytes] | None = None) -> str:
        """A new bucket with these objects."""
        name = f"transfers-{token_hex(6)}"
        self.s3.create_bucket(Bucket=name)
        self.port.allow(name)
        self.buckets.append(name)
        self.put(name, objects or {})
        return name

    def put(self, bucket: str, objects: Mapping[str, bytes]) -> None:
        """Puts these objects into a bucket."""
        with self._quick(bucket) as store:
            for key, content in objects.items():
                store.put(key, memoryview(content), len(content))

    def objects(self, bucket: str) -> dict[str, bytes]:
        """Everything in a bucket."""
        found: dict[str, bytes] = {}
        buffer = memoryview(bytearray(1024 * 1024))
        with self._quick(bucket) as store:
            for entry in store.list(""):
                content = bytearray()
                with store.open(entry.key) as reader:
                    while count := reader.readinto(buffer):
                        content += buffer[:count]
                found[entry.key] = bytes(content)
        return found

    def tidy_up(self) -> None:
        """Removes the buckets: the S3 server has room for some dozens."""
        for bucket in self.buckets:
            with self._quick(bucket) as store:
                if found := store.list(""):
                    Bucket(store.client, bucket).delete([entry.key for entry in found])
            self.s3.delete_bucket(Bucket=bucket)

    @contextmanager
    def _quick(self, bucket: str) -> Iterator[S3Store]:
        """The bucket by the exchange's own client: hundreds of objects take boto3 longer than the test."""
        storage = self.port.storage
        keys = StaticCredentials(storage.access_key_id, storage.secret_access_key)
        client = S3Client(keys, endpoint_url=storage.endpoint_url)
        yield S3Store(client, bucket)
        client.close()

    def assets(self, summary: Mapping[str, Any]) -> dict[str, int]:
        """Names and sizes of the assets of the revision of a summary; none may be there twice."""
        pages = self.exchange.get_paginator("list_revision_assets").paginate(
            DataSetId=summary["DataSetId"], RevisionId=summary["RevisionId"]
        )
        assets = [asset for page in pages for asset in page["Assets"]]
        twice = [name for name, count in Counter(asset["Name"] for asset in assets).items() if count > 1]
        assert not twice, twice
        return {asset["Name"]: int(asset["AssetDetails"]["S3SnapshotAsset"]["Size"]) for asset in assets}

    def contents(self, summary: Mapping[str, Any]) -> dict[str, bytes]:
        """The bytes of all assets of the revision of a summary, by name."""
        bucket = self.bucket()
        destination = {"RevisionId": summary["RevisionId"], "Bucket": bucket}
        details = {"DataSetId": summary["DataSetId"], "RevisionDestinations": [destination]}
        job = self.exchange.create_job(
            Type="EXPORT_REVISIONS_TO_S3", Details={"ExportRevisionsToS3": details}
        )
        self.exchange.start_job(JobId=job["Id"])
        until(lambda: self.exchange.get_job(JobId=job["Id"])["State"] == "COMPLETED")
        return self.objects(bucket)

    def data_sets(self, name: str) -> list[dict[str, Any]]:
        """All of that name."""
        pages = self.exchange.get_paginator("list_data_sets").paginate()
        return [data_set for page in pages for data_set in page["DataSets"] if data_set["Name"] == name]

    def revisions(self, data_set_id: str) -> list[dict[str, Any]]:
        """Of a data set, the newest first."""
        revisions: list[dict[str, Any]] = self.exchange.list_data_set_revisions(DataSetId=data_set_id)[
            "Revisions"
        ]
        return revisions

    def await_assets(self, name: str, least: int) -> None:
        """Returns when the newest revision of the only data set of that name has so many assets."""

        def there() -> bool:
            for data_set in self.data_sets(name):
                for revision in self.revisions(data_set["Id"]):
                    place = {"DataSetId": data_set["Id"], "RevisionId": revision["Id"]}
                    return len(self.exchange.list_revision_assets(**place)["Assets"]) >= least
            return False

        until(there, longest_pause=0.02)


def write_files(folder: Path, contents: Mapping[str, bytes]) -> Path:
    """A folder with these files."""
    for name, content in contents.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return folder


def read_files(folder: Path) -> dict[str, bytes]:
    """The files of a folder, without what `fetch` keeps for itself."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.relative_to(folder).parts[0] != ".entrepot-fetch"
    }


def sizes(contents: Mapping[str, bytes]) -> dict[str, int]:
    """The sizes of the contents."""
    return {name: len(content) for name, content in contents.items()}


def some(count: int, prefix: str = "") -> dict[str, bytes]:
    """So many small contents, each different."""
    return {
        f"{prefix}part {number % 7}/file-{number:04d}.csv": b"row %d\n" % number * 9
        for number in range(count)
    }
