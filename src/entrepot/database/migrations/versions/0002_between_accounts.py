"""Grants between accounts, live assets, event actions, events, and who may use which bucket."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = None
branch_labels = None
depends_on = None

_TEXT = sa.Text(collation="C").with_variant(sa.Text(), "sqlite")
_SEQUENCE = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    _what_is_there_already()
    _between_accounts()
    _outside()
    _events()


def _where(condition: str) -> dict[str, Any]:
    return {"sqlite_where": sa.text(condition), "postgresql_where": sa.text(condition)}


def _what_is_there_already() -> None:
    op.add_column("revisions", sa.Column("finalized_at", sa.BigInteger))
    op.execute("UPDATE revisions SET finalized_at = updated_at WHERE finalized")
    op.create_index(
        "revisions_published",
        "revisions",
        ["data_set_id", "finalized_at", "id"],
        **_where("finalized_at IS NOT NULL"),
    )
    op.add_column("assets", sa.Column("details_json", _TEXT))
    op.create_index(
        "assets_alive", "assets", ["data_set_id", "revision_id", "id"], **_where("details_json IS NOT NULL")
    )
    op.add_column("jobs", sa.Column("event_action_id", _TEXT))
    _free_job_revisions()


def _free_job_revisions() -> None:
    """Jobs are deleted from now on; to check this foreign key would read the whole table for each of them."""
    if op.get_bind().dialect.name == "postgresql":
        op.drop_constraint("job_revisions_job_id_fkey", "job_revisions")
        return
    op.rename_table("job_revisions", "job_revisions_before")
    op.create_table(
        "job_revisions",
        sa.Column("account_id", _TEXT, nullable=False),
        sa.Column("region", _TEXT, nullable=False),
        sa.Column("revision_id", _TEXT, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("job_id", _TEXT, nullable=False),
        sa.PrimaryKeyConstraint("account_id", "region", "revision_id", "created_at", "job_id"),
        sqlite_with_rowid=False,
    )
    op.execute("INSERT INTO job_revisions SELECT * FROM job_revisions_before")
    op.drop_table("job_revisions_before")


def _between_accounts() -> None:
    op.create_table(
        "data_grants",
        sa.Column("id", _TEXT, primary_key=True),
        sa.Column("account_id", _TEXT, nullable=False),
        sa.Column("region", _TEXT, nullable=False),
        sa.Column("aws_partition", _TEXT, nullable=False),
        sa.Column("receiver_id", _TEXT, nullable=False),
        sa.Column("source_data_set_id", _TEXT, nullable=False),
        sa.Column("data_set_id", _TEXT, nullable=False),
        sa.Column("id_mask", _TEXT, nullable=False),
        sa.Column("name", _TEXT, nullable=False),
        sa.Column("description", _TEXT),
        sa.Column("distribution_scope", _TEXT, nullable=False),
        sa.Column("asset_type", _TEXT, nullable=False),
        sa.Column("data_set_name", _TEXT, nullable=False),
        sa.Column("data_set_description", _TEXT, nullable=False),
        sa.Column("ends_at", sa.BigInteger),
        sa.Column("accepted_at", sa.BigInteger),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("updated_at", sa.BigInteger, nullable=False),
    )
    op.create_index("data_grants_of_data_set", "data_grants", ["data_set_id"], unique=True)
    op.create_index("data_grants_of_source", "data_grants", ["source_data_set_id", "id"])
    op.create_index("data_grants_received", "data_grants", ["receiver_id", "region", "created_at", "id"])
    op.create_index("data_grants_sent", "data_grants", ["account_id", "region", "created_at", "id"])
    op.create_table(
        "event_actions",
        sa.Column("id", _TEXT, primary_key=True),
        sa.Column("account_id", _TEXT, nullable=False),
        sa.Column("region", _TEXT, nullable=False),
        sa.Column("aws_partition", _TEXT, nullable=False),
        sa.Column("data_set_id", _TEXT, nullable=False),
        sa.Column("action_json", _TEXT, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("updated_at", sa.BigInteger, nullable=False),
    )
    op.create_index("event_actions_newest", "event_actions", ["account_id", "region", "created_at", "id"])
    op.create_index(
        "event_actions_of_data_set",
        "event_actions",
        ["account_id", "region", "data_set_id", "created_at", "id"],
    )
    op.create_table(
        "outside_access",
        sa.Column("grant_id", _TEXT, nullable=False),
        sa.Column("asset_id", _TEXT, nullable=False),
        sa.Column("account_id", _TEXT, nullable=False),
        sa.Column("region", _TEXT, nullable=False),
        sa.Column("aws_partition", _TEXT, nullable=False),
        sa.Column("receiver_id", _TEXT, nullable=False),
        sa.Column("entitled_data_set_id", _TEXT, nullable=False),
        sa.Column("entitled_asset_id", _TEXT, nullable=False),
        sa.Column("asset_type", _TEXT, nullable=False),
        sa.Column("details_json", _TEXT, nullable=False),
        sa.Column("state", _TEXT, nullable=False),
        sa.Column("given_json", _TEXT),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("next_try_at", sa.BigInteger, nullable=False),
        sa.Column("error", _TEXT),
        sa.Column("updated_at", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("grant_id", "asset_id"),
    )
    op.create_index(
        "outside_access_of_receiver", "outside_access", ["receiver_id", "region", "entitled_asset_id"]
    )
    op.create_table(
        "notifications",
        sa.Column("account_id", _TEXT, nullable=False),
        sa.Column("region", _TEXT, nullable=False),
        sa.Column("client_token", _TEXT, nullable=False),
        sa.Column("request_digest", _TEXT, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("account_id", "region", "client_token"),
        sqlite_with_rowid=False,
    )
    op.create_index("notifications_oldest", "notifications", ["created_at"])


def _outside() -> None:
    op.create_table(
        "datashares",
        sa.Column("arn", _TEXT, primary_key=True),
        sa.Column("account_id", _TEXT, nullable=False),
        sa.Column("region", _TEXT, nullable=False),
        sa.Column("name", _TEXT, nullable=False),
        sa.Column("encrypted_database_url", _TEXT, nullable=False),
        sa.Column("endpoint", _TEXT),
        sa.Column("schema_name", _TEXT, nullable=False),
        sa.Column("tables_json", _TEXT),
        sa.Column("created_at", sa.BigInteger, nullable=False),
    )
    op.create_index("datashares_of_account", "datashares", ["account_id", "region", "name"])
    op.create_table(
        "bucket_permissions",
        sa.Column("account_id", _TEXT, nullable=False),
        sa.Column("bucket", _TEXT, nullable=False),
        sa.Column("prefix", _TEXT, nullable=False),
        sa.Column("may_read", sa.Boolean, nullable=False),
        sa.Column("may_write", sa.Boolean, nullable=False),
        sa.Column("endpoint_url", _TEXT),
        sa.Column("bucket_region", _TEXT),
        sa.Column("encrypted_credentials", _TEXT),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("account_id", "bucket", "prefix"),
    )


def _events() -> None:
    op.create_table(
        "events",
        sa.Column("sequence", _SEQUENCE, primary_key=True, autoincrement=True),
        sa.Column("id", _TEXT, nullable=False),
        sa.Column("account_id", _TEXT, nullable=False),
        sa.Column("region", _TEXT, nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("detail_type", _TEXT, nullable=False),
        sa.Column("resources_json", _TEXT, nullable=False),
        sa.Column("detail_json", _TEXT, nullable=False),
        sa.Column("dispatched", sa.Boolean, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("events_of_account", "events", ["account_id", "region", "sequence"])
    op.create_index("events_oldest", "events", ["at"])
    op.create_index("events_to_dispatch", "events", ["sequence"], **_where("NOT dispatched"))
    op.create_table(
        "webhooks",
        sa.Column("id", _TEXT, primary_key=True),
        sa.Column("account_id", _TEXT, nullable=False),
        sa.Column("url", _TEXT, nullable=False),
        sa.Column("encrypted_secret", _TEXT, nullable=False),
        sa.Column("detail_types_json", _TEXT),
        sa.Column("created_at", sa.BigInteger, nullable=False),
    )
    op.create_index("webhooks_of_account", "webhooks", ["account_id", "created_at", "id"])
    op.create_table(
        "event_deliveries",
        sa.Column("sequence", sa.BigInteger, sa.ForeignKey("events.sequence"), nullable=False),
        sa.Column("target", _TEXT, nullable=False),
        sa.Column("state", _TEXT, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("next_try_at", sa.BigInteger, nullable=False),
        sa.Column("error", _TEXT),
        sa.Column("updated_at", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("sequence", "target"),
    )
    op.create_index(
        "event_deliveries_due", "event_deliveries", ["next_try_at", "sequence"], **_where("state = 'PENDING'")
    )
    op.create_index("event_deliveries_of_target", "event_deliveries", ["target", "state", "sequence"])
