"""Tables of what accounts give each other: data grants, what follows from them, and who may use what."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, PrimaryKeyConstraint, Table

from entrepot.database.tables import METADATA, TEXT

DATA_GRANTS = Table(
    "data_grants",
    METADATA,
    Column("id", TEXT, primary_key=True),
    # the sender, who owns the data set
    Column("account_id", TEXT, nullable=False),
    Column("region", TEXT, nullable=False),
    Column("aws_partition", TEXT, nullable=False),
    Column("receiver_id", TEXT, nullable=False),
    Column("source_data_set_id", TEXT, nullable=False),
    # the id that the receiver knows the data set by, and the secret that the ids below it follow from
    Column("data_set_id", TEXT, nullable=False),
    Column("id_mask", TEXT, nullable=False),
    Column("name", TEXT, nullable=False),
    Column("description", TEXT),
    Column("distribution_scope", TEXT, nullable=False),
    # the data set as it was when it was granted
    Column("asset_type", TEXT, nullable=False),
    Column("data_set_name", TEXT, nullable=False),
    Column("data_set_description", TEXT, nullable=False),
    Column("ends_at", BigInteger),
    Column("accepted_at", BigInteger),
    Column("created_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
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
    Column("account_id", TEXT, nullable=False),
    Column("region", TEXT, nullable=False),
    Column("aws_partition", TEXT, nullable=False),
    # the entitled data set whose new revisions it exports
    Column("data_set_id", TEXT, nullable=False),
    Column("action_json", TEXT, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    # ListEventActions, of all or of one data set; and the counts for the quotas
    Index("event_actions_newest", "account_id", "region", "created_at", "id"),
    Index("event_actions_of_data_set", "account_id", "region", "data_set_id", "created_at", "id"),
)

OUTSIDE_ACCESS = Table(
    "outside_access",
    METADATA,
    # what was done outside the exchange for one receiver of one live asset; outlives both until it is undone
    Column("grant_id", TEXT, nullable=False),
    Column("asset_id", TEXT, nullable=False),
    # the owner of the asset
    Column("account_id", TEXT, nullable=False),
    Column("region", TEXT, nullable=False),
    Column("aws_partition", TEXT, nullable=False),
    Column("receiver_id", TEXT, nullable=False),
    # as the receiver knows them
    Column("entitled_data_set_id", TEXT, nullable=False),
    Column("entitled_asset_id", TEXT, nullable=False),
    Column("asset_type", TEXT, nullable=False),
    # AssetDetails of the asset, which may be gone when its access is withdrawn
    Column("details_json", TEXT, nullable=False),
    Column("state", TEXT, nullable=False),
    # what the outside service needs to take it back: the id of a grant, the name of a role
    Column("given_json", TEXT),
    Column("attempts", Integer, nullable=False),
    Column("next_try_at", BigInteger, nullable=False),
    Column("error", TEXT),
    Column("updated_at", BigInteger, nullable=False),
    PrimaryKeyConstraint("grant_id", "asset_id"),
    Index("external_access_of_receiver", "receiver_id", "region", "entitled_asset_id"),
)

DATASHARES = Table(
    "datashares",
    METADATA,
    # served by a PostgreSQL database in place of Amazon Redshift
    Column("arn", TEXT, primary_key=True),
    Column("account_id", TEXT, nullable=False),
    Column("region", TEXT, nullable=False),
    Column("name", TEXT, nullable=False),
    Column("encrypted_database_url", TEXT, nullable=False),
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
    Column("account_id", TEXT, nullable=False),
    Column("bucket", TEXT, nullable=False),
    # keys that begin with it; empty: all of them
    Column("prefix", TEXT, nullable=False),
    Column("may_read", Boolean, nullable=False),
    Column("may_write", Boolean, nullable=False),
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
    Column("account_id", TEXT, nullable=False),
    Column("region", TEXT, nullable=False),
    Column("client_token", TEXT, nullable=False),
    Column("request_digest", TEXT, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    PrimaryKeyConstraint("account_id", "region", "client_token"),
    Index("notifications_oldest", "created_at"),
    sqlite_with_rowid=False,
)
