"""How an object is cut into parts."""

from __future__ import annotations

from dataclasses import dataclass

from entrepot.transfer.buffers import MEBIBYTE

PART_BYTES = 16 * MEBIBYTE
"""The usual size of a part, and the largest object that is put at once."""
MOST_PARTS = 10_000
"""S3's limit for one upload."""


@dataclass(frozen=True, slots=True)
class PartRange:
    """Part `number` (from 1) and where it lies in the object."""

    number: int
    offset: int
    size_bytes: int


def part_size(object_bytes: int) -> int:
    """16 MiB, or for objects above 156 GiB as many whole MiB as make 10,000 parts suffice."""
    if object_bytes <= PART_BYTES * MOST_PARTS:
        return PART_BYTES
    needed = -(-object_bytes // MOST_PARTS)
    return -(-needed // MEBIBYTE) * MEBIBYTE


def part_ranges(object_bytes: int, part_size_bytes: int) -> tuple[PartRange, ...]:
    """All parts, in order; only the last one may be shorter."""
    return tuple(
        PartRange(number, offset, min(part_size_bytes, object_bytes - offset))
        for number, offset in enumerate(range(0, object_bytes, part_size_bytes), start=1)
    )
