from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from entrepot.s3_gateway.provider_threads import ProviderThreads


@pytest.fixture
def executor() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(4) as pool:
        yield pool


async def test_a_provider_that_hangs_leaves_threads_for_the_others(executor: ThreadPoolExecutor) -> None:
    threads, hanging = ProviderThreads(executor, 2), threading.Event()
    stuck = [asyncio.create_task(threads.run("hangs", hanging.wait, 60)) for _ in range(10)]
    async with asyncio.timeout(20):
        assert await asyncio.gather(*(threads.run("works", str, number) for number in range(10))) == [
            str(number) for number in range(10)
        ]
    hanging.set()
    assert await asyncio.gather(*stuck) == [True] * 10


async def test_what_work_raises_is_raised_and_its_thread_is_free_again(executor: ThreadPoolExecutor) -> None:
    threads = ProviderThreads(executor, 1)
    for _ in range(3):
        with pytest.raises(ValueError, match="invalid literal"):
            await threads.run("provider", int, "x")
    assert await threads.run("provider", int, "7") == 7


async def test_cancelled_work_is_awaited_to_its_end(executor: ThreadPoolExecutor) -> None:
    """Whoever cancels may then close what the work was using."""
    threads, begun, let_go, ended = ProviderThreads(executor, 1), *(threading.Event() for _ in range(3))

    def work() -> None:
        begun.set()
        let_go.wait(60)
        ended.set()

    task = asyncio.create_task(threads.run("provider", work))
    await asyncio.to_thread(begun.wait, 60)
    task.cancel()
    await asyncio.sleep(0)
    assert not task.done()
    let_go.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert ended.is_set()
