"""Alembic's environment; `entrepot.database.migrate` runs it."""
