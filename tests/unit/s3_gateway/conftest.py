"""A database of today's version, to be copied."""

from __future__ import annotations

from pathlib import Path

import pytest

from entrepot.database.migrate import migrate


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("gateway") / "migrated.sqlite"
    migrate(f"sqlite:///{path}")
    return path
