"""The first tables."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_TEXT = sa.Text(collation="C").with_variant(sa.Text(), "sqlite")


def upgrade() -> None:
    _what_is_exchanged()
    _jobs()
    _who_works()
    _who_may_ask()


def _what_is_exchanged() -> None:
    op.create_table(
        "data_sets",
        sa.Column("id", _TEXT, primary_key=True),
        sa.Column("account_id", _TEXT, nullable=False),
        sa.Column("region", _TEXT, nullable=False),
        sa.Column("asset_type", _TEXT, nullable=False),
        sa.Column("name", _TEXT, nullable=False),
        sa.Column("description", _TEXT, nullable=False),
        sa.Column("origin", _TEXT, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("updated_at", sa.BigInteger, nullable=False),
    )
    op.create_index("data_sets_newest", "data_sets", ["account_id", "region", "created_at", "id"])
    op.create_table(
        "revisions",
        sa.Column("id", _TEXT, primary_key=True),
        sa.Column("account_id", _TEXT, nullable=False),
        sa.Column("region", _TEXT, nullable=False),
        sa.Column("data_set_id", _TEXT, sa.ForeignKey("data_sets.id"), nullable=False),
        sa.Column("comment", _TEXT),
        sa.Column("finalized", sa.Boolean, nullable=False),
        sa.Column("revocation_comment", _TEXT),
        sa.Column("revoked_at", sa.BigInteger),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("updated_at", sa.BigInteger, nullable=False),
    )
    op.create_index("revisions_newest", "revisions", ["data_set_id", "created_at", "id"])
    op.create_table(
        "assets",
        sa.Column("id", _TEXT, primary_key=True),
        sa.Column("account_id", _TEXT, nullable=False),
        sa.Column("region", _TEXT, nullable=False),
        sa.Column("data_set_id", _TEXT, nullable=False),
        sa.Column("revision_id", _TEXT, sa.ForeignKey("revisions.id"), nullable=False),
        sa.Column("asset_type", _TEXT, nullable=False),
        sa.Column("name", _TEXT, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("updated_at", sa.BigInteger, nullable=False),
        sa.Column("size_bytes", sa.BigInteger, nullable=False),
        sa.Column("store_key", _TEXT, nullable=False),
        sa.Column("store_etag", _TEXT, nullable=False),
        sa.Column("checksum_algorithm", _TEXT),
        sa.Column("checksum_value", _TEXT),
    )
    op.create_index("assets_by_name", "assets", ["revision_id", "name", "id"])
    op.create_table(
        "tags",
        sa.Column("account_id", _TEXT, nullable=False),
        sa.Column("region", _TEXT, nullable=False),
        sa.Column("arn", _TEXT, nullable=False),
        sa.Column("key", _TEXT, nullable=False),
        sa.Column("value", _TEXT, nullable=False),
        sa.PrimaryKeyConstraint("account_id", "region", "arn", "key"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "store_garbage",
        sa.Column("store_key", _TEXT, primary_key=True),
        sa.Column("recorded_at", sa.BigInteger, nullable=False),
    )
    op.create_index("store_garbage_oldest", "store_garbage", ["recorded_at", "store_key"])


def _jobs() -> None:
    op.create_table(
        "jobs",
        sa.Column("id", _TEXT, primary_key=True),
        sa.Column("account_id", _TEXT, nullable=False),
        sa.Column("region", _TEXT, nullable=False),
        sa.Column("aws_partition", _TEXT, nullable=False),
        sa.Column("type", _TEXT, nullable=False),
        sa.Column("state", _TEXT, nullable=False),
        sa.Column("attempt", sa.Integer, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("updated_at", sa.BigInteger, nullable=False),
        sa.Column("data_set_id", _TEXT, nullable=False),
        sa.Column("revision_ids", _TEXT, nullable=False),
        sa.Column("details_json", _TEXT, nullable=False),
        sa.Column("asset_configuration_json", _TEXT),
        sa.Column("errors_json", _TEXT),
    )
    op.create_index("jobs_newest", "jobs", ["account_id", "region", "created_at", "id"])
    op.create_index("jobs_of_data_set", "jobs", ["account_id", "region", "data_set_id", "created_at", "id"])
    op.create_index(
        "jobs_in_progress",
        "jobs",
        ["account_id", "region", "type"],
        sqlite_where=sa.text("state = 'IN_PROGRESS'"),
        postgresql_where=sa.text("state = 'IN_PROGRESS'"),
    )
    op.create_table(
        "job_revisions",
        sa.Column("account_id", _TEXT, nullable=False),
        sa.Column("region", _TEXT, nullable=False),
        sa.Column("revision_id", _TEXT, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("job_id", _TEXT, sa.ForeignKey("jobs.id"), nullable=False),
        sa.PrimaryKeyConstraint("account_id", "region", "revision_id", "created_at", "job_id"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "job_items",
        sa.Column("job_id", _TEXT, sa.ForeignKey("jobs.id"), nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("name", _TEXT, nullable=False),
        sa.Column("source_bucket", _TEXT),
        sa.Column("source_key", _TEXT, nullable=False),
        sa.Column("destination_bucket", _TEXT),
        sa.Column("destination_key", _TEXT, nullable=False),
        sa.Column("size_bytes", sa.BigInteger, nullable=False),
        sa.Column("source_etag", _TEXT),
        sa.Column("source_checksum_algorithm", _TEXT),
        sa.Column("source_checksum_value", _TEXT),
        sa.Column("result_size_bytes", sa.BigInteger),
        sa.Column("result_etag", _TEXT),
        sa.Column("result_checksum_algorithm", _TEXT),
        sa.Column("result_checksum_value", _TEXT),
        sa.Column("checkpoint_json", _TEXT),
        sa.PrimaryKeyConstraint("job_id", "number"),
    )
    op.create_index(
        "job_items_of_own_store",
        "job_items",
        ["source_key"],
        sqlite_where=sa.text("source_bucket IS NULL"),
        postgresql_where=sa.text("source_bucket IS NULL"),
    )


def _who_works() -> None:
    op.create_table(
        "job_runs",
        sa.Column("job_id", _TEXT, sa.ForeignKey("jobs.id"), primary_key=True),
        sa.Column("attempt", sa.Integer, nullable=False),
        sa.Column("worker_id", _TEXT),
        sa.Column("enqueued_at", sa.BigInteger, nullable=False),
        sa.Column("planned", sa.Boolean, nullable=False),
        sa.Column("items", sa.BigInteger, nullable=False),
        sa.Column("items_done", sa.BigInteger, nullable=False),
        sa.Column("bytes", sa.BigInteger, nullable=False),
        sa.Column("bytes_done", sa.BigInteger, nullable=False),
    )
    op.create_index("job_runs_of_worker", "job_runs", ["worker_id", "enqueued_at", "job_id"])
    op.create_table(
        "workers",
        sa.Column("worker_id", _TEXT, primary_key=True),
        sa.Column("beat_at", sa.BigInteger, nullable=False),
    )


def _who_may_ask() -> None:
    op.create_table(
        "accounts",
        sa.Column("account_id", _TEXT, primary_key=True),
        sa.Column("name", _TEXT, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "access_keys",
        sa.Column("access_key_id", _TEXT, primary_key=True),
        sa.Column("account_id", _TEXT, sa.ForeignKey("accounts.account_id"), nullable=False),
        sa.Column("encrypted_secret", _TEXT, nullable=False),
        sa.Column("enabled", sa.Boolean, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
    )
    op.create_index("access_keys_of_account", "access_keys", ["account_id", "created_at", "access_key_id"])
