"""Run by Alembic, on the connection and in the transaction that `entrepot.database.migrate` gives it."""

from alembic import context

from entrepot.database.migrate import VERSION_TABLE
from entrepot.database.tables import METADATA

context.configure(
    connection=context.config.attributes["connection"], target_metadata=METADATA, version_table=VERSION_TABLE
)
context.run_migrations()
