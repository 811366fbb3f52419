"""Jobs wait while a store or a service cannot be used."""

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
