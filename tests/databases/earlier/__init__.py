"""Databases of former versions, as SQL: each was dumped after its server and its worker were killed.

The exchange of account 123456789012 has two revisions of one data set, a job that is COMPLETED, one that is
WAITING, and one that is IN_PROGRESS: its worker had planned it, and had half of the one object of
`tests.servers.slow_bucket`.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import psycopg

from entrepot.database.connection import sqlite_path

VERSIONS = ("0001", "0002")


def load(version: str, url: str) -> str:
    """Fills the empty database with that of the version; the id of the worker that has the run."""
    path = sqlite_path(url)
    kind = "postgresql" if path is None else "sqlite"
    dump = Path(__file__).with_name(f"{version}.{kind}.sql").read_text(encoding="utf-8")
    whose = "SELECT worker_id FROM job_runs"
    if path is None:
        with psycopg.connect(url) as connection:
            connection.execute(dump.encode())
            row = connection.execute(whose).fetchone()
    else:
        with closing(sqlite3.connect(path)) as file:
            file.executescript(dump)
            row = file.execute(whose).fetchone()
    assert row is not None
    worker_id: str = row[0]
    return worker_id
