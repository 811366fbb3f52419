"""How the bytes of assets are proven, and what re-reading them found."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_TEXT = sa.Text(collation="C").with_variant(sa.Text(), "sqlite")


def upgrade() -> None:
    op.add_column("assets", sa.Column("proof", _TEXT))
    op.add_column("assets", sa.Column("verified_at", sa.BigInteger))
    op.add_column("assets", sa.Column("damaged_at", sa.BigInteger))
    op.add_column("job_items", sa.Column("result_proof", _TEXT))
