"""All tables. Times are milliseconds since the epoch, sizes bytes, structures JSON text.

Texts compare by code point on both databases (SQLite's default; collation "C" of PostgreSQL), so that a page
walked on one is the page walked on the other, whatever language the server was set up for.

Identifiers are 128 random bits and unique in the world: an index of what lies below one (a revision's assets,
a job's items) need not repeat account and Region; the queries still compare them.
"""

from __future__ import annotations

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
    text,
)

METADATA = MetaData()

TEXT = Text(collation="C").with_variant(Text(), "sqlite")

DATA_SETS = Table(
    "data_sets",
    METADATA,
    Column("id", TEXT, primary_key=True),
    Column("account_id", TEXT, nullable=False),
    Column("region", TEXT, nullable=False),
    Column("asset_type", TEXT, nullable=False),
    Column("name", TEXT, nullable=False),
    Column("description", TEXT, nullable=False),
    Column("origin", TEXT, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    # ListDataSets, and the count for the quota
    Index("data_sets_newest", "account_id", "region", "created_at", "id"),
)

REVISIONS = Table(
    "revisions",
    METADATA,
    Column("id", TEXT, primary_key=True),
    Column("account_id", TEXT, nullable=False),
    Column("region", TEXT, nullable=False),
    Column("data_set_id", TEXT, ForeignKey("data_sets.id"), nullable=False),
    Column("comment", TEXT),
    Column("finalized", Boolean, nullable=False),
    Column("revocation_comment", TEXT),
    Column("revoked_at", BigInteger),
    Column("created_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    # null while the revision is open
    Column("finalized_at", BigInteger),
    # ListDataSetRevisions, the count for the quota, and the deletion of a data set
    Index("revisions_newest", "data_set_id", "created_at", "id"),
    # ListDataSetRevisions of those who were granted the data set
    Index(
        "revisions_published",
        "data_set_id",
        "finalized_at",
        "id",
        sqlite_where=text("finalized_at IS NOT NULL"),
        postgresql_where=text("finalized_at IS NOT NULL"),
    ),
)

ASSETS = Table(
    "assets",
    METADATA,
    Column("id", TEXT, primary_key=True),
    Column("account_id", TEXT, nullable=False),
    Column("region", TEXT, nullable=False),
    Column("data_set_id", TEXT, nullable=False),
    Column("revision_id", TEXT, ForeignKey("revisions.id"), nullable=False),
    Column("asset_type", TEXT, nullable=False),
    Column("name", TEXT, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    # of a live asset: 0, and empty unless the exchange keeps a file for it
    Column("size_bytes", BigInteger, nullable=False),
    Column("store_key", TEXT, nullable=False),
    Column("store_etag", TEXT, nullable=False),
    Column("checksum_algorithm", TEXT),
    Column("checksum_value", TEXT),
    # of a live asset only: AssetDetails
    Column("details_json", TEXT),
    # ListRevisionAssets, the count for the quota, and the deletion of a revision
    Index("assets_by_name", "revision_id", "name", "id"),
    # who must be given access outside the exchange, or lose it
    Index(
        "assets_alive",
        "data_set_id",
        "revision_id",
        "id",
        sqlite_where=text("details_json IS NOT NULL"),
        postgresql_where=text("details_json IS NOT NULL"),
    ),
)

TAGS = Table(
    "tags",
    METADATA,
    Column("account_id", TEXT, nullable=False),
    Column("region", TEXT, nullable=False),
    Column("arn", TEXT, nullable=False),
    Column("key", TEXT, nullable=False),
    Column("value", TEXT, nullable=False),
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

JOBS = Table(
    "jobs",
    METADATA,
    Column("id", TEXT, primary_key=True),
    Column("account_id", TEXT, nullable=False),
    Column("region", TEXT, nullable=False),
    Column("aws_partition", TEXT, nullable=False),
    Column("type", TEXT, nullable=False),
    Column("state", TEXT, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    Column("data_set_id", TEXT, nullable=False),
    # separated by spaces: GetJob reads one row and nothing else; job_revisions is for finding
    Column("revision_ids", TEXT, nullable=False),
    Column("details_json", TEXT, nullable=False),
    Column("asset_configuration_json", TEXT),
    Column("errors_json", TEXT),
    # null: a user made it
    Column("event_action_id", TEXT),
    # ListJobs; and ListJobs of one data set
    Index("jobs_newest", "account_id", "region", "created_at", "id"),
    Index("jobs_of_data_set", "account_id", "region", "data_set_id", "created_at", "id"),
    # the count for the quota of jobs in progress
    Index(
        "jobs_in_progress",
        "account_id",
        "region",
        "type",
        sqlite_where=text("state = 'IN_PROGRESS'"),
        postgresql_where=text("state = 'IN_PROGRESS'"),
    ),
)

JOB_REVISIONS = Table(
    "job_revisions",
    METADATA,
    Column("account_id", TEXT, nullable=False),
    Column("region", TEXT, nullable=False),
    Column("revision_id", TEXT, nullable=False),
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
    PrimaryKeyConstraint("job_id", "number"),
    # who still reads these bytes of the own store?
    Index(
        "job_items_of_own_store",
        "source_key",
        sqlite_where=text("source_bucket IS NULL"),
        postgresql_where=text("source_bucket IS NULL"),
    ),
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
    Column("items", BigInteger, nullable=False),
    Column("items_done", BigInteger, nullable=False),
    Column("bytes", BigInteger, nullable=False),
    Column("bytes_done", BigInteger, nullable=False),
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
