"""The statements themselves: what they compare, which indexes they use, and that they are compiled once."""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from types import ModuleType

import msgspec
import pytest
import sqlalchemy as sql

from entrepot.database import (
    abandoned_uploads,
    accounts,
    assets,
    bucket_permissions,
    data_grants,
    data_sets,
    datashares,
    event_actions,
    event_deliveries,
    events,
    external_access,
    garbage,
    job_items,
    job_runs,
    jobs,
    notifications,
    postgresql,
    revisions,
    sqlite,
    stored_assets,
    tags,
    webhooks,
    workers,
)
from entrepot.database.connection import Query, Statements
from entrepot.database.expressions import Pages
from entrepot.database.migrate import migrate
from entrepot.domain.job import JobError, JobErrorCode, Location, MultipartCheckpoint

MODULES = (
    abandoned_uploads, accounts, assets, bucket_permissions, data_grants, data_sets, datashares,
    event_actions, event_deliveries,
    events, garbage, job_items, job_runs, jobs, notifications, external_access, revisions, stored_assets,
    tags, webhooks, workers,
)  # fmt: skip


def _queries(module: ModuleType) -> Iterator[tuple[str, Query]]:
    name = module.__name__.rpartition(".")[2]
    for attribute, value in vars(module).items():
        if isinstance(value, Query):
            yield f"{name}.{attribute}", value
        elif isinstance(value, Pages):
            for kind, query in zip(("first", "following"), value.queries, strict=True):
                yield f"{name}.{attribute}.{kind}", query


QUERIES = dict(pair for module in MODULES for pair in _queries(module))

OF_NO_SCOPE = {
    # accounts come before scopes; workers serve all of them
    "accounts", "event_deliveries", "garbage", "job_items", "job_runs", "webhooks", "workers",
    "abandoned_uploads", "external_access", "bucket_permissions", "stored_assets",
}  # fmt: skip
SCOPE_CHECKED_BEFORE = {
    "assets._OF_IDS",  # of grants that the caller has; it compares the account of each
    "data_grants._ACCEPT",  # the caller has read the grant as its receiver, in the same transaction
    "data_grants._OF_DATA_SET",  # it is compared with who asks
    "data_grants._LIVE_OF_SOURCE",  # the caller has read the data set in its scope
    "data_grants._LIVE_OF_SOURCE_KEPT",  # the same
    "event_actions._OF_RECEIVERS",  # of an owner's data set, which the caller has read
    "notifications._OLD",  # for workers
    "notifications._FORGET",  # the same
    "datashares._LIST",  # for an operator
    "jobs._GET_UNSCOPED",  # for workers
    "jobs._WAITING_OF_ACCOUNT",  # a quota of the account, in all Regions
    "jobs._LOST_ATTEMPTS",  # for workers, who look after the store of all
    "jobs._COUNT_WAITING",  # the same
    "jobs._KEEP_UPLOAD_HEADERS",  # whoever sends it has shown the URL of the job's upload
    "jobs._START",  # the caller has read the job in its scope, in the same transaction
    "jobs._CANCEL",  # the same
    "jobs._FINISH",  # for workers, as the next ones
    "jobs._NEXT_PLACE",
    "jobs._REMOVE_ITEMS",
    "jobs._REMOVE",
    "events._GET",  # for workers, as the rest of these
    "events._ANY_TO_DISPATCH",
    "events._TO_DISPATCH",
    "events._DISPATCHED",
    "events._OLD",
    "events._FORGET",
    "events._FORGET_DELIVERIES",
}
READS_WHOLE_TABLES = {
    "accounts._LIST_ACCOUNTS",  # an operator's list
    "accounts._LIST_KEYS",  # the same
    "accounts._TWO_ACCOUNTS",  # two rows of it
    "bucket_permissions._LIST",  # an operator's list
    "bucket_permissions._COUNT",  # an operator's question
    "job_items._IN_OWN_STORE",  # items of jobs that run now; once a minute, where an upload is unfinished
    "job_runs._OF_DEAD_WORKERS",  # as many rows as jobs run now
    "jobs._LOST_ATTEMPTS",  # where the store has objects of which no row knows
    "stored_assets._EXTENT",  # once an hour, where workers read what is stored
    "workers._FIRST",  # as many rows as workers live, as the next one
    "workers._ALIVE",  # as many rows as workers live
    "external_access._DUE",  # as many rows as there are live assets for receivers; workers look once a second
    "external_access._MISSING",  # the same, by index assets_alive
    "external_access._OF_OWNER",  # for an operator
    "datashares._LIST",  # the same
    "garbage._PAGE",  # in the order of its index, until there are enough
    "events._ANY_TO_DISPATCH",  # an index of those alone that are still to be dispatched
    "events._TO_DISPATCH",  # the same
    "event_deliveries._ALL_DEAD",  # an operator's list
    "webhooks._LIST",  # the same
}
SORTS = {
    "event_actions._OF_RECEIVERS",  # those of one data set's receivers
    "external_access._DUE",  # what is due alone
    "external_access._MISSING",  # what is missing alone
    "datashares._LIST",
    "accounts._LIST_KEYS",
    "event_deliveries._ALL_DEAD",
    "webhooks._LIST",
    "stored_assets._DUE_IN",  # those of one data set, for an operator
    "data_sets._LOCK_REVISIONS",  # by id, so that two deletions do not wait for each other
}


@pytest.fixture(scope="module")
def connection(tmp_path_factory: pytest.TempPathFactory) -> Iterator[sqlite3.Connection]:
    """An SQLite database with our tables."""
    path = tmp_path_factory.mktemp("sqlite") / "entrepot.sqlite"
    migrate(f"sqlite:///{path}")
    with closing(sqlite3.connect(path)) as opened:
        yield opened


def _parameters(query: Query) -> dict[str, None]:
    return dict.fromkeys(query.statement.compile(dialect=sqlite.dialect()).params)


def _reads(query: Query, connection: sqlite3.Connection) -> tuple[list[str], list[str]]:
    """The steps of its plan that read a whole table, and those that sort."""
    text = Statements(sqlite.dialect())[query].text
    plan = [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {text}", _parameters(query))]
    scans = [step for step in plan if re.match(r"SCAN (?!CONSTANT)(?!.*VIRTUAL)", step)]
    return scans, [step for step in plan if "USE TEMP B-TREE" in step]


def test_sqlite_finds_its_rows_by_an_index(connection: sqlite3.Connection) -> None:
    read = {name: _reads(query, connection) for name, query in QUERIES.items()}
    assert {
        name: scans for name, (scans, _) in read.items() if scans and name not in READS_WHOLE_TABLES
    } == {}
    assert {name: sorts for name, (_, sorts) in read.items() if sorts and name not in SORTS} == {}


def _compares_account_and_region(query: Query) -> bool:
    text = " ".join(Statements(postgresql.dialect())[query].text.split())
    if text.startswith("INSERT") and "SELECT" not in text:
        return {"account_id", "region"} <= set(_parameters(query))
    _, _, where = text.partition(" WHERE ")
    account = re.search(r"account_id = %\(account_id\)s|receiver_id = %\(receiver_id\)s", where)
    return bool(account and re.search(r"region = %\(region\)s", where))


def test_a_query_of_an_operation_compares_account_and_region() -> None:
    of_operations = {
        name: query
        for name, query in QUERIES.items()
        if name.partition(".")[0] not in OF_NO_SCOPE and name not in SCOPE_CHECKED_BEFORE
    }
    assert len(of_operations) > 90
    assert [name for name, query in of_operations.items() if not _compares_account_and_region(query)] == []


def test_a_query_is_compiled_once() -> None:
    statements = Statements(sqlite.dialect())
    assert statements[jobs._GET] is statements[jobs._GET]


def test_constants_of_a_statement_are_passed_with_its_parameters() -> None:
    table = sql.table("t", sql.column("a"), sql.column("b"))
    query = Query(sql.select(table.c.a).where(table.c.a == "x", table.c.b == sql.bindparam("b")))
    compiled = Statements(sqlite.dialect())[query]
    assert " ".join(compiled.text.split()) == "SELECT t.a FROM t WHERE t.a = :a_1 AND t.b = :b"
    assert compiled.with_constants({"b": 1}) == {"a_1": "x", "b": 1}


def test_reading_one_job_is_one_statement_without_constants() -> None:
    compiled = Statements(sqlite.dialect())[jobs._GET]
    assert compiled.constants == {}
    assert compiled.text.count("SELECT") == 1
    assert "JOIN" not in compiled.text


def test_stored_errors_and_checkpoints_of_earlier_versions_are_read() -> None:
    """What is in people's databases: if this fails, the change of the domain needs a migration."""
    errors = json.dumps(
        [
            {
                "code": "ACCESS_DENIED_EXCEPTION",
                "message": "no",
                "objects": [{"bucket": None, "key": "k"}],
                "asset_name": "a",
                "limit_name": "l",
                "limit_value": 1.5,
                "resource_id": "i",
                "resource_type": "ASSET",
            }
        ]
    )
    denied = JobErrorCode.ACCESS_DENIED_EXCEPTION
    expected = JobError(denied, "no", (Location(None, "k"),), "a", "l", 1.5, "i", "ASSET")
    assert jobs._ERRORS.decode(errors) == (expected,)
    assert json.loads(msgspec.json.encode([expected])) == json.loads(errors)
    part = '{"number":1,"size_bytes":5,"etag":"e","checksum":null}'
    checkpoint = f'{{"upload_id":"u","part_size_bytes":5,"parts":[{part}]}}'
    read = job_items._CHECKPOINT.decode(checkpoint)
    assert isinstance(read, MultipartCheckpoint)
    assert msgspec.json.encode(read).decode() == checkpoint


def test_the_modules_of_queries_are_all_looked_at() -> None:
    folder = Path(data_sets.__file__).parent
    with_queries = {path.stem for path in folder.glob("*.py") if "Query(" in path.read_text()}
    of_the_machinery = {"connection", "expressions", "migrate"}
    assert with_queries - of_the_machinery <= {module.__name__.rpartition(".")[2] for module in MODULES}
