"""Pauses between attempts, in tests a tenth as long as for people's exchanges."""

from __future__ import annotations

import pytest

from entrepot.cli.bulk import job_runner, signed_urls


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    for module, names in (
        (job_runner, ("_SHORTEST_PAUSE", "_BUSY_PAUSE")),
        (signed_urls, ("_PAUSE_SECONDS",)),
    ):
        for name in names:
            monkeypatch.setattr(module, name, getattr(module, name) / 10)
