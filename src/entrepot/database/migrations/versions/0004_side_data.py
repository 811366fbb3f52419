"""Headers of an object, such as Content-Type, are kept with its asset; an index counts jobs that wait."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_TEXT = sa.Text(collation="C").with_variant(sa.Text(), "sqlite")


def upgrade() -> None:
    op.add_column("assets", sa.Column("headers_json", _TEXT))
    op.add_column("job_items", sa.Column("headers_json", _TEXT))
    op.add_column("job_items", sa.Column("result_headers_json", _TEXT))
    op.add_column("jobs", sa.Column("upload_headers_json", _TEXT))
    waiting = sa.text("state = 'WAITING'")
    op.create_index(
        "jobs_waiting", "jobs", ["account_id", "type"], sqlite_where=waiting, postgresql_where=waiting
    )
