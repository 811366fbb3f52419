"""How objects are cut into parts."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from entrepot.transfer.buffers import MEBIBYTE
from entrepot.transfer.multipart import MOST_PARTS, PART_BYTES, part_ranges, part_size


@given(st.integers(1, 50 * 1024**4))
def test_every_size_fits_into_ten_thousand_parts_of_whole_mebibytes(size: int) -> None:
    part = part_size(size)
    assert part >= PART_BYTES
    assert part % MEBIBYTE == 0
    assert -(-size // part) <= MOST_PARTS


@given(st.integers(1, 5_000), st.integers(1, 700))
def test_parts_cover_the_object_without_gap_or_overlap(size: int, part: int) -> None:
    ranges = part_ranges(size, part)
    position = 0
    for number, each in enumerate(ranges, start=1):
        assert (each.number, each.offset) == (number, position)
        position += each.size_bytes
    assert position == size
    assert all(each.size_bytes == part for each in ranges[:-1])


def test_a_hundred_gigabytes_still_go_in_parts_of_16_mib() -> None:
    assert part_size(100 * 1024**3) == PART_BYTES
