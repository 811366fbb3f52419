"""An exchange on this machine, and the environment of somebody who has configured nothing."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
from tests.functional.flow import import_by_signed_url, open_revision

from entrepot.testing import running_entrepot

PROGRAMS = Path(sys.executable).parent


@dataclass(frozen=True, slots=True)
class Goods:
    """A data set with an open revision and an asset in it, a finished job and one that waits."""

    data_set_id: str
    data_set_arn: str
    revision_id: str
    asset_id: str
    job_id: str
    waiting_job_id: str


@dataclass(frozen=True, slots=True)
class LocalExchange:
    """One that runs."""

    client: Any
    environ: dict[str, str]

    def stock(self) -> Goods:
        """Brings new goods."""
        place = open_revision(self.client, "Prices")
        job = import_by_signed_url(self.client, place, "a.csv", b"a,b\n")
        asset_id = self.client.list_revision_assets(**place)["Assets"][0]["Id"]
        export = {"ExportAssetToSignedUrl": {"AssetId": asset_id, **place}}
        return Goods(
            data_set_id=place["DataSetId"],
            data_set_arn=self.client.get_data_set(DataSetId=place["DataSetId"])["Arn"],
            revision_id=place["RevisionId"],
            asset_id=asset_id,
            job_id=job["Id"],
            waiting_job_id=self.client.create_job(Type="EXPORT_ASSET_TO_SIGNED_URL", Details=export)["Id"],
        )


@contextmanager
def local_exchange(folder: Path) -> Iterator[LocalExchange]:
    """Starts it with nothing in it."""
    home = folder / "home"
    home.mkdir(parents=True)
    with running_entrepot(folder) as server:
        client = boto3.client(
            "dataexchange",
            endpoint_url=server.url,
            aws_access_key_id=server.access_key_id,
            aws_secret_access_key=server.secret_access_key,
            region_name="us-east-1",
        )
        environ = {
            "PATH": f"{PROGRAMS}{os.pathsep}{os.environ['PATH']}",
            "HOME": str(home),
            "LANG": os.environ.get("LANG", "C.UTF-8"),
            "ENTREPOT_DATA_DIR": str(server.data_dir),
            "TERM": "xterm",
            "AWS_PAGER": "",
        }
        try:
            yield LocalExchange(client, environ)
        finally:
            client.close()
