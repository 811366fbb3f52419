"""Blocking calls in threads: their results, their errors, and the way out."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator

import pytest

from entrepot.transfer.threads import StopSignal, Threads, all_or_first_error


@pytest.fixture
async def threads() -> AsyncIterator[Threads]:
    threads = Threads(2)
    yield threads
    await threads.close()


async def test_a_call_returns_its_value(threads: Threads) -> None:
    assert await threads.run(StopSignal(), lambda: 42) == 42


async def test_a_call_raises_its_error(threads: Threads) -> None:
    with pytest.raises(ZeroDivisionError):
        await threads.run(StopSignal(), lambda: 1 // 0)


async def test_a_cancelled_caller_waits_until_its_thread_has_stopped(threads: Threads) -> None:
    stop, begun, ended = StopSignal(threads.closing), asyncio.Event(), threading.Event()
    loop = asyncio.get_running_loop()

    def pump() -> None:
        loop.call_soon_threadsafe(begun.set)
        while not stop.is_set():
            threading.Event().wait(0.001)
        ended.set()
        stop.check()

    task = asyncio.create_task(threads.run(stop, pump))
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert ended.is_set()


async def test_a_call_that_has_not_begun_when_its_caller_is_cancelled_never_begins() -> None:
    threads, gate, begun = Threads(1), threading.Event(), []
    first = asyncio.create_task(threads.run(StopSignal(), gate.wait))
    second = asyncio.create_task(threads.run(StopSignal(), begun.append, 1))
    await asyncio.sleep(0)
    second.cancel()
    with pytest.raises(asyncio.CancelledError):
        await second
    gate.set()
    await first
    await threads.close()
    assert begun == []


async def test_closing_stops_what_runs_and_leaves_no_thread() -> None:
    threads = Threads(2)
    stop, begun = StopSignal(threads.closing), asyncio.Event()
    loop = asyncio.get_running_loop()

    def pump() -> None:
        loop.call_soon_threadsafe(begun.set)
        while True:
            stop.check()

    task = asyncio.create_task(threads.run(stop, pump))
    await begun.wait()
    await threads.close()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("transfer")]


async def test_a_closed_one_runs_nothing(threads: Threads) -> None:
    await threads.close()
    with pytest.raises(asyncio.CancelledError):
        await threads.run(StopSignal(), lambda: 42)


async def test_the_first_error_stops_the_others_and_is_the_one_raised(threads: Threads) -> None:
    stop, begun = StopSignal(), threading.Event()

    def pump() -> None:
        begun.set()
        while True:
            stop.check()

    def fail() -> None:
        begun.wait()
        raise OSError("the first")

    with pytest.raises(OSError, match="the first"):
        await all_or_first_error(stop, [threads.run(stop, pump), threads.run(stop, fail)])
    assert stop.is_set()
