"""Exchanges that all processes of a test run share. Whoever tests there makes accounts of its own."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from tests.functional.moto_server import CREDENTIALS
from tests.servers.http_api import running_api
from tests.servers.postgresql import new_database
from tests.servers.redshift import running_redshift

from entrepot.testing import RunningServer, S3Server, running_entrepot


@dataclass(frozen=True, slots=True)
class Exchange:
    """A running server, as every process of a test run knows it."""

    url: str
    folder: str
    pid: int
    database: str = ""
    """Its URL, where it is not SQLite in the data directory."""
    redshift_url: str = ""
    """Where its Amazon Redshift is."""

    @property
    def data_dir(self) -> Path:
        """As `--data-dir` takes it."""
        return Path(self.folder) / "data"

    @property
    def log(self) -> Path:
        """What it writes to standard error."""
        return Path(self.folder) / "server.log"

    @property
    def options(self) -> tuple[str, ...]:
        """What a command beside the server is given."""
        database = ("--database", self.database) if self.database else ()
        return ("--data-dir", str(self.data_dir), *database)


def known(server: RunningServer) -> Exchange:
    """A server of this process' own, which keeps all it has in its data directory."""
    return Exchange(server.url, str(server.data_dir.parent), server.pid)


@contextmanager
def sigv4_exchange(folder: Path, storage: S3Server, moto_url: str) -> Iterator[Exchange]:
    """On SQLite; its S3 is that server, its KMS moto."""
    with (
        running_redshift() as redshift,
        running_entrepot(
            folder,
            arguments=["--s3-endpoint-url", storage.endpoint_url],
            environ={
                "AWS_ACCESS_KEY_ID": storage.access_key_id,
                "AWS_SECRET_ACCESS_KEY": storage.secret_access_key,
                "ENTREPOT_KMS_ENDPOINT_URL": moto_url,
                "ENTREPOT_REDSHIFT_ENDPOINT_URL": redshift.url,
            },
        ) as server,
    ):
        yield replace(known(server), redshift_url=redshift.url)


@contextmanager
def trusting_exchange(folder: Path, moto_url: str) -> Iterator[Exchange]:
    """In trust mode; moto is its Lake Formation."""
    environ = {f"ENTREPOT_{name}_ENDPOINT_URL": moto_url for name in ("LAKE_FORMATION", "GLUE", "STS")}
    with running_entrepot(folder, arguments=["--auth", "trust"], environ=CREDENTIALS | environ) as server:
        yield known(server)


@contextmanager
def postgresql_exchange(
    folder: Path, postgresql_url: str, storage: S3Server, moto_url: str
) -> Iterator[Exchange]:
    """On PostgreSQL, with every service that it may work with; webhooks may go to this machine."""
    with running_redshift() as redshift, running_api() as api, new_database(postgresql_url) as database:
        places = {f"ENTREPOT_{name}_ENDPOINT_URL": moto_url for name in ("LAKE_FORMATION", "GLUE", "STS")}
        with running_entrepot(
            folder,
            arguments=["--database", database, "--s3-endpoint-url", storage.endpoint_url],
            environ={
                "AWS_ACCESS_KEY_ID": storage.access_key_id,
                "AWS_SECRET_ACCESS_KEY": storage.secret_access_key,
                "ENTREPOT_ALLOWED_NETWORKS": "127.0.0.0/8",
                "ENTREPOT_API_ENDPOINT": json.dumps({"weather/prod": f"{api.url}/prod"}),
                "ENTREPOT_REDSHIFT_ENDPOINT_URL": redshift.url,
                **places,
            },
        ) as server:
            yield replace(known(server), database=database, redshift_url=redshift.url)
