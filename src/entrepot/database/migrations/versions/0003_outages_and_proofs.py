"""Jobs wait while a store or a service cannot be used; what proves the bytes of an asset is kept."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_TEXT = sa.Text(collation="C").with_variant(sa.Text(), "sqlite")


def upgrade() -> None:
    op.add_column("job_runs", sa.Column("due_at", sa.BigInteger))
    op.add_column("job_runs", sa.Column("waiting_since", sa.BigInteger))
    op.add_column("job_runs", sa.Column("waiting_for", _TEXT))
    op.add_column("job_runs", sa.Column("waits", sa.Integer))
    op.add_column("assets", sa.Column("proof", _TEXT))
    op.add_column("assets", sa.Column("verified_at", sa.BigInteger))
    op.add_column("assets", sa.Column("damaged_at", sa.BigInteger))
    stored = sa.text("store_key <> ''")
    op.create_index("assets_stored", "assets", ["store_key"], sqlite_where=stored, postgresql_where=stored)
    op.add_column("job_items", sa.Column("result_proof", _TEXT))
