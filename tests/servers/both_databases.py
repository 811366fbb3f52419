"""For tests that must hold on both databases."""

from __future__ import annotations

import pytest

POSTGRESQL = pytest.param("postgresql", marks=pytest.mark.postgresql)
BOTH_DATABASES = ("sqlite", POSTGRESQL)
"""The parameters of a module's own fixture `database_kind`, for all of its tests."""
on_both_databases = pytest.mark.parametrize("database_kind", BOTH_DATABASES, indirect=True)
"""For a single test."""
