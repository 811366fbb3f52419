"""Memory stays the same however much passes through it."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest
from tests.transfer.moving import TO, Between, S3Places, item_of, move, payload, put

from entrepot.domain.job import Location
from entrepot.stores.local import LocalStore
from entrepot.transfer.multipart import PART_BYTES

MEBIBYTE = 1 << 20
pytestmark = pytest.mark.seaweedfs


async def test_two_hundred_mebibytes_in_large_and_small_objects_take_less_than_a_hundred(
    local: LocalStore, s3: S3Places, between: Between
) -> None:
    put(local, "large", payload(80 * MEBIBYTE))
    put(local, "medium", payload(9 * MEBIBYTE))
    put(local, "small", payload(100_000))
    large, medium, small = (item_of(local, key) for key in ("large", "medium", "small"))
    items = [
        replace(item, destination=Location(TO, f"{number}"))
        for number, item in enumerate([large, *[medium] * 6, *[small] * 100, large])
    ]
    transfer = between(local, s3(0), part_bytes=PART_BYTES)
    await move(transfer, replace(small, destination=Location(TO, "first")))
    begin_to_watch_the_peak()
    before = status_mebibytes("VmRSS")
    await asyncio.gather(*(move(transfer, item) for item in items))
    assert status_mebibytes("VmHWM") - before < 100


def begin_to_watch_the_peak() -> None:
    """Forgets the highest memory so far (proc(5), `clear_refs`)."""
    Path("/proc/self/clear_refs").write_text("5")


def status_mebibytes(name: str) -> float:
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(name))
    return int(line.split()[1]) / 1024
