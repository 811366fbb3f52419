"""An account of an exchange on this machine, and the environment of somebody who has configured nothing."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.functional.accounts import new_account
from tests.functional.flow import import_by_signed_url, open_revision
from tests.servers.exchanges import Exchange

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
    """One that runs, as its account sees it."""

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
def local_exchange(exchange: Exchange, folder: Path) -> Iterator[LocalExchange]:
    """For an account that has nothing yet. As far as programs see, its data directory is in the folder."""
    account = new_account(exchange, "somebody")
    home = folder / "home"
    home.mkdir(parents=True)
    environ = {
        "PATH": f"{PROGRAMS}{os.pathsep}{os.environ['PATH']}",
        "HOME": str(home),
        "LANG": os.environ.get("LANG", "C.UTF-8"),
        "ENTREPOT_DATA_DIR": str(account.write_profile(folder / "data")),
        "TERM": "xterm",
        "AWS_PAGER": "",
    }
    yield LocalExchange(account.client, environ)
    account.client.close()
