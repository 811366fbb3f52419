"""Who holds up whom where uploads are slow: nobody anybody."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import ExitStack

import pytest

from entrepot.domain.errors import StoreFull
from entrepot.s3_gateway.s3_errors import ObjectRefused
from entrepot.server import upload_slots
from entrepot.server.upload_slots import LEAST_BYTES, UploadInProgress, UploadSlots
from entrepot.wire.asgi import Message

ACCOUNT, OTHER = "1" * 12, "2" * 12


def refused(take: Callable[[], object]) -> tuple[int, str, str]:
    with pytest.raises(ObjectRefused) as raised:
        take()
    assert dict(raised.value.problem.headers)[b"retry-after"] == b"5"
    return raised.value.problem.status, raised.value.problem.code, raised.value.problem.message


def slots_of(most: int, most_of_account: int) -> UploadSlots:
    return UploadSlots(most=most, most_of_account=most_of_account, free_bytes=lambda: 1 << 50)


async def silence() -> Message:
    await asyncio.Event().wait()
    raise AssertionError


async def test_of_one_url_there_is_one_upload_at_a_time() -> None:
    slots = slots_of(10, 10)
    with slots.take("uploads/a", ACCOUNT), ExitStack() as others:
        for _ in range(70):
            status, code, message = refused(lambda: others.enter_context(slots.take("uploads/a", ACCOUNT)))
            assert (status, code) == (503, "SlowDown")
            assert "this URL" in message
        others.enter_context(slots.take("uploads/b", ACCOUNT))
        assert slots.count == 2
    assert slots.count == 0
    with slots.take("uploads/a", ACCOUNT):
        assert slots.count == 1


async def test_an_account_has_a_share_and_all_together_a_bound() -> None:
    slots = slots_of(5, 3)
    with ExitStack() as taken:

        def take(account: str, number: int) -> UploadInProgress:
            return taken.enter_context(slots.take(f"uploads/{account}{number}", account))

        for number in range(3):
            take(ACCOUNT, number)
        assert "This account has 3 uploads" in refused(lambda: take(ACCOUNT, 3))[2]
        for number in range(2):
            take(OTHER, number)
        assert "as many uploads as it can" in refused(lambda: take(OTHER, 2))[2]
    assert slots.count == 0


async def test_a_retry_takes_the_place_of_an_upload_that_fell_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upload_slots, "SILENT_SECONDS", 0.0)
    slots = slots_of(1, 1)

    async def first(began: asyncio.Event) -> None:
        with slots.take("uploads/a", ACCOUNT) as upload:
            began.set()
            await upload.receive(silence)

    began = asyncio.Event()
    former = asyncio.create_task(first(began))
    await began.wait()
    await asyncio.sleep(0)
    with slots.take("uploads/a", ACCOUNT):
        with pytest.raises(ObjectRefused, match="taken its place"):
            await former
        assert slots.count == 1
        monkeypatch.setattr(upload_slots, "SILENT_SECONDS", 5.0)
        refused(lambda: slots.take("uploads/a", ACCOUNT).__enter__())
    assert slots.count == 0


async def test_what_was_announced_is_no_free_space_to_others() -> None:
    slots = UploadSlots(most=9, most_of_account=9, free_bytes=lambda: 1000, reserve_bytes=100)
    with slots.take("uploads/a", ACCOUNT, 500):
        assert slots.announced_bytes(ACCOUNT) == 500
        with pytest.raises(StoreFull, match="stay free for the database"):
            slots.take("uploads/b", OTHER, 401).__enter__()
        with slots.take("uploads/b", OTHER, 400):
            pass
    assert slots.announced_bytes(ACCOUNT) == 0
    with slots.take("uploads/b", OTHER, 900):
        pass


async def test_an_upload_that_the_store_holds_up_is_not_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upload_slots, "SILENT_SECONDS", 0.0)
    slots = slots_of(1, 1)
    with slots.take("uploads/a", ACCOUNT) as upload:
        assert not upload.is_silent()
        with pytest.raises(ObjectRefused, match="this URL"):
            slots.take("uploads/a", ACCOUNT).__enter__()


@pytest.mark.parametrize("piece", [b"", b"a", bytes(1000)])
async def test_who_sends_nearly_nothing_is_not_waited_for(
    piece: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upload_slots, "PATIENCE_SECONDS", 0.05)
    upload, received = UploadInProgress(lambda: None), 0

    async def trickle() -> Message:
        await asyncio.sleep(0.002)
        return {"type": "http.request", "body": piece, "more_body": True}

    async def receive_all() -> None:
        nonlocal received
        while True:
            received += len((await upload.receive(trickle))["body"])

    with pytest.raises(ObjectRefused, match="timeout period"):
        await receive_all()
    assert received < LEAST_BYTES


async def test_who_sends_enough_may_take_as_long_as_it_likes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upload_slots, "PATIENCE_SECONDS", 5.0)
    monkeypatch.setattr(upload_slots, "LEAST_BYTES", 10)
    upload = UploadInProgress(lambda: None)

    async def slowly() -> Message:
        await asyncio.sleep(0)
        return {"type": "http.request", "body": bytes(5), "more_body": True}

    monkeypatch.setattr(upload._loop, "time", clock := _Clock(upload._loop.time))
    for _ in range(20):
        clock.ahead += 2.0  # forty seconds in all, four for each ten bytes
        await upload.receive(slowly)


class _Clock:
    """The loop's, which can be set forward."""

    def __init__(self, time: Callable[[], float]) -> None:
        self._time = time
        self.ahead = 0.0

    def __call__(self) -> float:
        return self._time() + self.ahead


async def test_an_upload_waits_for_the_one_that_its_client_broke_off() -> None:
    slots = slots_of(9, 9)
    with ExitStack() as first:
        first.enter_context(slots.take("uploads/a", ACCOUNT))
        await slots.wait_for_turn("uploads/b")
        again = asyncio.create_task(slots.wait_for_turn("uploads/a"))
        await asyncio.sleep(0)
        assert not again.done()
    await again
    with slots.take("uploads/a", ACCOUNT):
        assert slots.count == 1


async def test_it_does_not_wait_long(monkeypatch: pytest.MonkeyPatch) -> None:
    slots = slots_of(9, 9)
    monkeypatch.setattr(upload_slots, "TURN_SECONDS", 0.01)
    with slots.take("uploads/a", ACCOUNT):
        await slots.wait_for_turn("uploads/a")
        status, _, _ = refused(lambda: slots.take("uploads/a", ACCOUNT).__enter__())
        assert status == 503
