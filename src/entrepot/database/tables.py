"""All tables. Times are milliseconds since the epoch, sizes bytes, structures JSON text.

Texts compare by code point on both databases (SQLite's default; collation "C" of PostgreSQL), so that a page
walked on one is the page walked on the other, whatever language the server was set up for.

Identifiers are 128 random bits and unique in the world: an index of what lies below one (a revision's assets,
a job's items) need not repeat account and Region; the queries still compare them.

Most queries read whole rows; what takes one apart, as `assets.asset_of_row` does, follows the order of
columns.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
)
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.schema import CreateIndex
from sqlalchemy.sql.compiler import DDLCompiler
from sqlalchemy.types import TypeEngine

METADATA = MetaData()

TEXT = Text(collation="C").with_variant(Text(), "sqlite")


def _required(kind: TypeEngine[Any] | type[TypeEngine[Any]], *names: str) -> list[Column[Any]]:
    return [Column(name, kind, nullable=False) for name in names]


def _partial(name: str, *columns: str, where: str) -> Index:
    """An index of the rows that meet the condition.

    Not by `sqlite_where` and `postgresql_where`: each loads everything SQLAlchemy knows of that database, and
    a process works with one.
    """
    return Index(name, *columns, info={"where": where})


@compiles(CreateIndex)
def _create_index(create: CreateIndex, compiler: DDLCompiler, **options: Any) -> str:
    statement = compiler.visit_create_index(create, **options)  # type: ignore[no-untyped-call]
    where = create.element.info.get("where")
    return f"{statement} WHERE {where}" if where else statement


DATA_SETS = Table(
    "data_sets",
    METADATA,
    Column("id", TEXT, primary_key=True),
    *_required(TEXT, "account_id", "region", "asset_type", "name", "description", "origin"),
    *_required(BigInteger, "created_at", "updated_at"),
    # ListDataSets, and the count for the quota
    Index("data_sets_newest", "account_id", "region", "created_at", "id"),
)

REVISIONS = Table(
    "revisions",
    METADATA,
    Column("id", TEXT, primary_key=True),
    *_required(TEXT, "account_id", "region"),
    Column("data_set_id", TEXT, ForeignKey("data_sets.id"), nullable=False),
    Column("comment", TEXT),
    Column("finalized", Boolean, nullable=False),
    Column("revocation_comment", TEXT),
    Column("revoked_at", BigInteger),
    *_required(BigInteger, "created_at", "updated_at"),
    # null while the revision is open
    Column("finalized_at", BigInteger),
    # ListDataSetRevisions, the count for the quota, and the deletion of a data set
    Index("revisions_newest", "data_set_id", "created_at", "id"),
    # ListDataSetRevisions of those who were granted the data set
    _partial("revisions_published", "data_set_id", "finalized_at", "id", where="finalized_at IS NOT NULL"),
)

ASSETS = Table(
    "assets",
    METADATA,
    Column("id", TEXT, primary_key=True),
    *_required(TEXT, "account_id", "region", "data_set_id"),
    Column("revision_id", TEXT, ForeignKey("revisions.id"), nullable=False),
    *_required(TEXT, "asset_type", "name"),
    *_required(BigInteger, "created_at", "updated_at"),
    # of a live asset: 0, and empty unless the exchange keeps a file for it
    Column("size_bytes", BigInteger, nullable=False),
    *_required(TEXT, "store_key", "store_etag"),
    Column("checksum_algorithm", TEXT),
    Column("checksum_value", TEXT),
    # of a live asset only: AssetDetails
    Column("details_json", TEXT),
    # how the bytes were proven when they were imported; when they were last read and found right, or wrong
    Column("proof", TEXT),
    Column("verified_at", BigInteger),
    Column("damaged_at", BigInteger),
    # null where none is known
    Column("headers_json", TEXT),
    # ListRevisionAssets, the count for the quota, and the deletion of a revision
    Index("assets_by_name", "revision_id", "name", "id"),
    # whose bytes are these?
    _partial("assets_stored", "store_key", where="store_key <> ''"),
    # who must be given access outside the exchange, or lose it
    _partial("assets_alive", "data_set_id", "revision_id", "id", where="details_json IS NOT NULL"),
)

TAGS = Table(
    "tags",
    METADATA,
    *_required(TEXT, "account_id", "region", "arn", "key", "value"),
    PrimaryKeyConstraint("account_id", "region", "arn", "key"),
    sqlite_with_rowid=False,
)

STORE_GARBAGE = Table(
    "store_garbage",
    METADATA,
    # bytes in the exchange's own store that no asset needs any more
    Column("store_key", TEXT, primary_key=True),
    Column("recorded_at", BigInteger, nullable=False),
    Index("store_garbage_oldest", "recorded_at", "store_key"),
)

ABANDONED_UPLOADS = Table(
    "abandoned_uploads",
    METADATA,
    # uploads in parts to users' buckets that a job which has ended may have left there
    Column("job_id", TEXT, nullable=False),
    Column("number", Integer, nullable=False),
    *_required(TEXT, "account_id", "bucket", "key"),
    # null: none is known of
    Column("upload_id", TEXT),
    *_required(BigInteger, "recorded_at", "due_at"),
    PrimaryKeyConstraint("job_id", "number"),
    Index("abandoned_uploads_due", "due_at", "job_id", "number"),
)

JOBS = Table(
    "jobs",
    METADATA,
    Column("id", TEXT, primary_key=True),
    *_required(TEXT, "account_id", "region", "aws_partition", "type", "state"),
    Column("attempt", Integer, nullable=False),
    *_required(BigInteger, "created_at", "updated_at"),
    Column("data_set_id", TEXT, nullable=False),
    # separated by spaces: GetJob reads one row and nothing else; job_revisions is for finding
    *_required(TEXT, "revision_ids", "details_json"),
    Column("asset_configuration_json", TEXT),
    Column("errors_json", TEXT),
    # null: a user made it
    Column("event_action_id", TEXT),
    # of a file that was PUT to a local store for it, and waits there
    Column("upload_headers_json", TEXT),
    # ListJobs; and ListJobs of one data set
    Index("jobs_newest", "account_id", "region", "created_at", "id"),
    Index("jobs_of_data_set", "account_id", "region", "data_set_id", "created_at", "id"),
    # the count for the quota of jobs in progress
    _partial("jobs_in_progress", "account_id", "region", "type", where="state = 'IN_PROGRESS'"),
    # that for the quota of jobs that wait, in all Regions
    _partial("jobs_waiting", "account_id", "type", where="state = 'WAITING'"),
)

JOB_REVISIONS = Table(
    "job_revisions",
    METADATA,
    *_required(TEXT, "account_id", "region", "revision_id"),
    Column("created_at", BigInteger, nullable=False),
    # no foreign key: an index on this column, to check it, would be of no other use
    Column("job_id", TEXT, nullable=False),
    # ListJobs of one revision
    PrimaryKeyConstraint("account_id", "region", "revision_id", "created_at", "job_id"),
    sqlite_with_rowid=False,
)

JOB_ITEMS = Table(
    "job_items",
    METADATA,
    Column("job_id", TEXT, ForeignKey("jobs.id"), nullable=False),
    Column("number", Integer, nullable=False),
    Column("name", TEXT, nullable=False),
    Column("source_bucket", TEXT),
    Column("source_key", TEXT, nullable=False),
    Column("destination_bucket", TEXT),
    Column("destination_key", TEXT, nullable=False),
    Column("size_bytes", BigInteger, nullable=False),
    Column("source_etag", TEXT),
    Column("source_checksum_algorithm", TEXT),
    Column("source_checksum_value", TEXT),
    # null until the item is done
    Column("result_size_bytes", BigInteger),
    Column("result_etag", TEXT),
    Column("result_checksum_algorithm", TEXT),
    Column("result_checksum_value", TEXT),
    Column("checkpoint_json", TEXT),
    Column("result_proof", TEXT),
    # what goes with the bytes: as planned, null where the source is asked; and what has gone with them
    Column("headers_json", TEXT),
    Column("result_headers_json", TEXT),
    PrimaryKeyConstraint("job_id", "number"),
    # who still reads these bytes of the own store?
    _partial("job_items_of_own_store", "source_key", where="source_bucket IS NULL"),
)

JOB_RUNS = Table(
    "job_runs",
    METADATA,
    # the queue: one row per job that is IN_PROGRESS
    Column("job_id", TEXT, ForeignKey("jobs.id"), primary_key=True),
    Column("attempt", Integer, nullable=False),
    Column("worker_id", TEXT),
    Column("enqueued_at", BigInteger, nullable=False),
    Column("planned", Boolean, nullable=False),
    *_required(BigInteger, "items", "items_done", "bytes", "bytes_done"),
    # what it waits for: it is not taken before `due_at`; null once it has got on
    Column("due_at", BigInteger),
    Column("waiting_since", BigInteger),
    Column("waiting_for", TEXT),
    Column("waits", Integer),
    # the free runs (worker_id is null), oldest first; and the runs of one worker
    Index("job_runs_of_worker", "worker_id", "enqueued_at", "job_id"),
)

WORKERS = Table(
    "workers",
    METADATA,
    Column("worker_id", TEXT, primary_key=True),
    Column("beat_at", BigInteger, nullable=False),
)

ACCOUNTS = Table(
    "accounts",
    METADATA,
    Column("account_id", TEXT, primary_key=True),
    Column("name", TEXT, nullable=False),
    Column("created_at", BigInteger, nullable=False),
)

ACCESS_KEYS = Table(
    "access_keys",
    METADATA,
    Column("access_key_id", TEXT, primary_key=True),
    Column("account_id", TEXT, ForeignKey("accounts.account_id"), nullable=False),
    Column("encrypted_secret", TEXT, nullable=False),
    Column("enabled", Boolean, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Index("access_keys_of_account", "account_id", "created_at", "access_key_id"),
)

DATA_GRANTS = Table(
    "data_grants",
    METADATA,
    Column("id", TEXT, primary_key=True),
    # the sender, who owns the data set
    *_required(TEXT, "account_id", "region", "aws_partition", "receiver_id", "source_data_set_id"),
    # the id that the receiver knows the data set by, and the secret that the ids below it follow from
    *_required(TEXT, "data_set_id", "id_mask", "name"),
    Column("description", TEXT),
    Column("distribution_scope", TEXT, nullable=False),
    # the data set as it was when it was granted
    *_required(TEXT, "asset_type", "data_set_name", "data_set_description"),
    Column("ends_at", BigInteger),
    Column("accepted_at", BigInteger),
    *_required(BigInteger, "created_at", "updated_at"),
    # ListDataGrants; ListReceivedDataGrants and ListDataSets of entitled ones
    Index("data_grants_sent", "account_id", "region", "created_at", "id"),
    Index("data_grants_received", "receiver_id", "region", "created_at", "id"),
    # who has a data set; which grant an entitled data set comes from
    Index("data_grants_of_source", "source_data_set_id", "id"),
    Index("data_grants_of_data_set", "data_set_id", unique=True),
)

EVENT_ACTIONS = Table(
    "event_actions",
    METADATA,
    Column("id", TEXT, primary_key=True),
    *_required(TEXT, "account_id", "region", "aws_partition"),
    # the entitled data set whose new revisions it exports
    *_required(TEXT, "data_set_id", "action_json"),
    *_required(BigInteger, "created_at", "updated_at"),
    # ListEventActions, of all or of one data set; and the counts for the quotas
    Index("event_actions_newest", "account_id", "region", "created_at", "id"),
    Index("event_actions_of_data_set", "account_id", "region", "data_set_id", "created_at", "id"),
)

OUTSIDE_ACCESS = Table(
    "outside_access",
    METADATA,
    # what was done outside the exchange for one receiver of one live asset; outlives both until it is undone
    *_required(TEXT, "grant_id", "asset_id"),
    # the owner of the asset
    *_required(TEXT, "account_id", "region", "aws_partition", "receiver_id"),
    # as the receiver knows them
    *_required(TEXT, "entitled_data_set_id", "entitled_asset_id", "asset_type"),
    # AssetDetails of the asset, which may be gone when its access is withdrawn
    *_required(TEXT, "details_json", "state"),
    # what the outside service needs to take it back: the id of a grant, the name of a role
    Column("given_json", TEXT),
    Column("attempts", Integer, nullable=False),
    Column("next_try_at", BigInteger, nullable=False),
    Column("error", TEXT),
    Column("updated_at", BigInteger, nullable=False),
    PrimaryKeyConstraint("grant_id", "asset_id"),
    Index("outside_access_of_receiver", "receiver_id", "region", "entitled_asset_id"),
)

DATASHARES = Table(
    "datashares",
    METADATA,
    # served by a PostgreSQL database in place of Amazon Redshift
    Column("arn", TEXT, primary_key=True),
    *_required(TEXT, "account_id", "region", "name", "encrypted_database_url"),
    # host and port for receivers; null: those of the URL
    Column("endpoint", TEXT),
    Column("schema_name", TEXT, nullable=False),
    # null: every table and view of the schema
    Column("tables_json", TEXT),
    Column("created_at", BigInteger, nullable=False),
    Index("datashares_of_account", "account_id", "region", "name"),
)

BUCKET_PERMISSIONS = Table(
    "bucket_permissions",
    METADATA,
    *_required(TEXT, "account_id", "bucket"),
    # keys that begin with it; empty: all of them
    Column("prefix", TEXT, nullable=False),
    *_required(Boolean, "may_read", "may_write"),
    # null: the endpoint, the Region and the credentials of the server
    Column("endpoint_url", TEXT),
    Column("bucket_region", TEXT),
    Column("encrypted_credentials", TEXT),
    Column("created_at", BigInteger, nullable=False),
    PrimaryKeyConstraint("account_id", "bucket", "prefix"),
)

NOTIFICATIONS = Table(
    "notifications",
    METADATA,
    # the ClientTokens of SendDataSetNotification, and what was sent under each
    *_required(TEXT, "account_id", "region", "client_token", "request_digest"),
    Column("created_at", BigInteger, nullable=False),
    PrimaryKeyConstraint("account_id", "region", "client_token"),
    Index("notifications_oldest", "created_at"),
    sqlite_with_rowid=False,
)


EVENTS = Table(
    "events",
    METADATA,
    # rises in the order in which the events of one account become visible: the cursor of readers
    Column("sequence", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("id", TEXT, nullable=False),
    # whose event it is: the receiver of a grant, or its sender
    *_required(TEXT, "account_id", "region"),
    Column("at", BigInteger, nullable=False),
    *_required(TEXT, "detail_type", "resources_json", "detail_json"),
    # whether its deliveries have been noted
    Column("dispatched", Boolean, nullable=False),
    # a reader's next page
    Index("events_of_account", "account_id", "region", "sequence"),
    Index("events_oldest", "at"),
    _partial("events_to_dispatch", "sequence", where="NOT dispatched"),
    sqlite_autoincrement=True,
)

WEBHOOKS = Table(
    "webhooks",
    METADATA,
    Column("id", TEXT, primary_key=True),
    *_required(TEXT, "account_id", "url"),
    # the key that deliveries are signed with
    Column("encrypted_secret", TEXT, nullable=False),
    # null: all of them
    Column("detail_types_json", TEXT),
    Column("created_at", BigInteger, nullable=False),
    Index("webhooks_of_account", "account_id", "created_at", "id"),
)

EVENT_DELIVERIES = Table(
    "event_deliveries",
    METADATA,
    Column("sequence", BigInteger, ForeignKey("events.sequence"), nullable=False),
    # the id of a webhook, or the name of another target
    *_required(TEXT, "target", "state"),
    Column("attempts", Integer, nullable=False),
    Column("next_try_at", BigInteger, nullable=False),
    Column("error", TEXT),
    Column("updated_at", BigInteger, nullable=False),
    PrimaryKeyConstraint("sequence", "target"),
    # what is due; and what a target has, its dead letters above all
    _partial("event_deliveries_due", "next_try_at", "sequence", where="state = 'PENDING'"),
    Index("event_deliveries_of_target", "target", "state", "sequence"),
)
