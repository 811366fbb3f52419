"""Memory is lent, used again, and bounded."""

from __future__ import annotations

import asyncio
from contextlib import ExitStack

import pytest
from hypothesis import given
from hypothesis import strategies as st

from entrepot.transfer.buffers import MEBIBYTE, Budget, Buffers


@given(st.lists(st.integers(0, 40 * MEBIBYTE), max_size=12))
def test_a_lent_buffer_has_exactly_the_size_asked_for_and_idle_memory_is_bounded(sizes: list[int]) -> None:
    buffers = Buffers(8 * MEBIBYTE)
    for size in sizes:
        with buffers.lend(size) as view:
            assert len(view) == size
        assert buffers.total_bytes <= 8 * MEBIBYTE


def test_buffers_in_use_at_once_do_not_share_memory() -> None:
    buffers = Buffers(MEBIBYTE)
    with ExitStack() as lent:
        views = [lent.enter_context(buffers.lend(1000)) for _ in range(5)]
        for number, view in enumerate(views):
            view[:] = bytes([number]) * 1000
        assert [bytes(view) for view in views] == [bytes([number]) * 1000 for number in range(5)]


def test_a_buffer_cannot_be_written_after_it_was_given_back() -> None:
    with Buffers(MEBIBYTE).lend(10) as view:
        pass
    with pytest.raises(ValueError, match="released"):
        view[0] = 1


async def test_the_budget_never_lends_more_than_it_has_and_serves_everybody() -> None:
    budget = Budget(64 * MEBIBYTE)
    under_way = most = served = 0

    async def use(size: int) -> None:
        nonlocal under_way, most, served
        async with budget.take(size):
            under_way += size
            most = max(most, under_way)
            await asyncio.sleep(0)
            under_way -= size
            served += 1

    await asyncio.gather(*(use(mebibytes * MEBIBYTE) for mebibytes in [16, 33, 2, 64, 7, 16, 16, 16] * 5))
    assert served == 40
    assert most <= 64 * MEBIBYTE


async def test_more_than_the_budget_is_served_alone_and_small_pieces_without_waiting() -> None:
    budget = Budget(64 * MEBIBYTE)
    async with budget.take(512 * MEBIBYTE):
        waiting = asyncio.create_task(_take(budget, 2 * MEBIBYTE))
        await asyncio.wait_for(_take(budget, MEBIBYTE), 60)
        assert not waiting.done()
    await asyncio.wait_for(waiting, 60)


async def test_a_cancelled_wait_gives_back_what_it_had_collected() -> None:
    budget = Budget(64 * MEBIBYTE)
    async with budget.take(33 * MEBIBYTE):
        waiting = asyncio.create_task(_take(budget, 64 * MEBIBYTE))
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
    await asyncio.wait_for(_take(budget, 64 * MEBIBYTE), 60)


async def _take(budget: Budget, size: int) -> None:
    async with budget.take(size):
        pass
