"""Tables of events: what happened, who is told of it, and how far telling has come."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    PrimaryKeyConstraint,
    Table,
    text,
)

from entrepot.database.tables import METADATA, TEXT

EVENTS = Table(
    "events",
    METADATA,
    # rises in the order in which the events of one account become visible: the cursor of readers
    Column("sequence", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("id", TEXT, nullable=False),
    # whose event it is: the receiver of a grant, or its sender
    Column("account_id", TEXT, nullable=False),
    Column("region", TEXT, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("detail_type", TEXT, nullable=False),
    Column("resources_json", TEXT, nullable=False),
    Column("detail_json", TEXT, nullable=False),
    # whether its deliveries have been noted
    Column("dispatched", Boolean, nullable=False),
    # a reader's next page
    Index("events_of_account", "account_id", "region", "sequence"),
    Index("events_oldest", "at"),
    Index(
        "events_to_dispatch",
        "sequence",
        sqlite_where=text("NOT dispatched"),
        postgresql_where=text("NOT dispatched"),
    ),
    sqlite_autoincrement=True,
)

WEBHOOKS = Table(
    "webhooks",
    METADATA,
    Column("id", TEXT, primary_key=True),
    Column("account_id", TEXT, nullable=False),
    Column("url", TEXT, nullable=False),
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
    Column("target", TEXT, nullable=False),
    Column("state", TEXT, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("next_try_at", BigInteger, nullable=False),
    Column("error", TEXT),
    Column("updated_at", BigInteger, nullable=False),
    PrimaryKeyConstraint("sequence", "target"),
    # what is due; and what a target has, its dead letters above all
    Index(
        "event_deliveries_due",
        "next_try_at",
        "sequence",
        sqlite_where=text("state = 'PENDING'"),
        postgresql_where=text("state = 'PENDING'"),
    ),
    Index("event_deliveries_of_target", "target", "state", "sequence"),
)
