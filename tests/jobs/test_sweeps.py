"""Garbage goes, whatever a store refuses."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.jobs.harness import Harness
from tests.transfer.faulty_store import FaultyStore

from entrepot.database import garbage
from entrepot.domain.errors import StoreAccessDenied, StoreError, StoreUnavailable
from entrepot.jobs import sweeps
from entrepot.jobs.sweeps import ENOUGH_REFUSALS, sweep_garbage
from entrepot.stores.local import LocalStore
from entrepot.transfer.transfer import Transfer


class Locked(FaultyStore):
    """A store with objects that it does not delete."""

    def __init__(self, folder: Path) -> None:
        super().__init__(LocalStore(folder))
        self.refusals: dict[str, StoreError] = {}
        self.tried: list[str] = []

    def delete(self, key: str) -> None:
        self.tried.append(key)
        if key in self.refusals:
            raise self.refusals[key]
        super().delete(key)


async def noted(harness: Harness, own: Locked, keys: list[str]) -> None:
    """Objects of the own store, each garbage, in this order."""
    for key in keys:
        own.put(key, memoryview(b"x"), 1)
        await garbage.record(harness.database, [key])


@pytest.mark.parametrize(
    "refusal",
    [StoreAccessDenied("The object is locked."), StoreUnavailable("500, again and again.")],
    ids=["locked", "failing"],
)
async def test_an_object_that_cannot_be_deleted_stops_no_other(
    harness: Harness, tmp_path: Path, refusal: StoreError, caplog: pytest.LogCaptureFixture
) -> None:
    own = Locked(tmp_path / "locked")
    keys = [f"assets/{number}" for number in range(5)]
    await noted(harness, own, keys)
    own.refusals = {"assets/0": refusal, "assets/2": refusal}
    transfer = Transfer(own, threads=2)
    try:
        assert await sweep_garbage(harness.database, transfer) == 3
        assert sorted(await garbage.page(harness.database, 10)) == ["assets/0", "assets/2"]
        assert "'assets/0'" in caplog.text and "'assets/2'" in caplog.text
        assert own.tried.count("assets/0") == 1
        own.refusals = {}
        assert await sweep_garbage(harness.database, transfer) == 2
        assert own.list("") == []
    finally:
        await transfer.close()


async def test_objects_that_cannot_be_deleted_do_not_starve_later_ones(
    harness: Harness, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More of them than a sweep tries in a row, and than a page holds."""
    monkeypatch.setattr(sweeps, "PAGE", 3)
    own = Locked(tmp_path / "locked")
    locked = [f"assets/0-{number}" for number in range(ENOUGH_REFUSALS + 2)]
    await noted(harness, own, [*locked, "assets/1", "assets/2"])
    own.refusals = dict.fromkeys(locked, StoreAccessDenied("The object is locked."))
    transfer = Transfer(own, threads=2)
    try:
        assert await sweep_garbage(harness.database, transfer) == 0
        assert len(own.tried) == ENOUGH_REFUSALS
        assert await sweep_garbage(harness.database, transfer) == 2
        assert sorted(await garbage.page(harness.database, 99)) == locked
    finally:
        await transfer.close()


async def test_a_store_that_fails_is_left_alone_until_the_next_sweep(
    harness: Harness, tmp_path: Path
) -> None:
    own = Locked(tmp_path / "locked")
    keys = [f"assets/{number:02d}" for number in range(3 * ENOUGH_REFUSALS)]
    await noted(harness, own, keys)
    own.refusals = dict.fromkeys(keys, StoreUnavailable("Nobody answers."))
    transfer = Transfer(own, threads=2)
    try:
        assert await sweep_garbage(harness.database, transfer) == 0
        assert len(own.tried) == ENOUGH_REFUSALS
        own.refusals = {}
        assert await sweep_garbage(harness.database, transfer) == len(keys)
    finally:
        await transfer.close()
