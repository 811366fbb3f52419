from __future__ import annotations

import asyncio

import pytest

from entrepot.engine.loops import Loop, repeating


async def test_a_loop_goes_on_after_it_has_failed_and_says_so_once(caplog: pytest.LogCaptureFixture) -> None:
    times = 0
    often = asyncio.Event()

    async def sweep() -> None:
        nonlocal times
        times += 1
        if times == 3:
            often.set()
        raise ConnectionError("the store is away")

    async with repeating([Loop("sweep", sweep, 0.01)]), asyncio.timeout(60):
        await often.wait()
    assert caplog.text.count("sweep failed") == 1


async def test_loops_end_with_the_block() -> None:
    began, ended = asyncio.Event(), asyncio.Event()

    async def deliver() -> None:
        began.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    async with repeating([Loop("delivery", deliver, 0.01)]):
        await began.wait()
    assert ended.is_set()
