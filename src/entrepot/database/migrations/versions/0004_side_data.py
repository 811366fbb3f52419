"""Headers of objects, jobs that wait, and uploads in parts that jobs may have left in users' buckets."""

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
    op.create_table(
        "abandoned_uploads",
        sa.Column("job_id", _TEXT, nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        *(sa.Column(name, _TEXT, nullable=False) for name in ("account_id", "bucket", "key")),
        sa.Column("upload_id", _TEXT),
        *(sa.Column(name, sa.BigInteger, nullable=False) for name in ("recorded_at", "due_at")),
        sa.PrimaryKeyConstraint("job_id", "number"),
    )
    op.create_index("abandoned_uploads_due", "abandoned_uploads", ["due_at", "job_id", "number"])
