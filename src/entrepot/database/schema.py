"""All tables together: what the migrations must end in."""

from __future__ import annotations

from entrepot.database import event_tables, grant_tables, tables

METADATA = tables.METADATA
"""Whoever imports it from here has every table in it."""

__all__ = ["METADATA", "event_tables", "grant_tables"]
