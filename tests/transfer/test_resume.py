"""Large objects go on where they were interrupted, and an upload never outlives its use."""

from __future__ import annotations

import asyncio
import threading
from dataclasses import replace

import pytest
from tests.transfer.faulty_store import FaultyStore
from tests.transfer.moving import PART, Between, S3Places, Told, get, item_of, move, payload, put

from entrepot.domain.errors import ObjectChanged, ObjectNotFound
from entrepot.domain.job import JobItem, MultipartCheckpoint
from entrepot.stores.checksum import checksum_of
from entrepot.stores.local import LocalStore
from entrepot.stores.store import ObjectStore

pytestmark = pytest.mark.seaweedfs

PARTS = 3
SIZE = (PARTS - 1) * PART + 1000


class Killed(BaseException):
    """Nothing catches it, like the end of the process."""


@pytest.fixture(params=["S3", "local"])
def destination(
    request: pytest.FixtureRequest, s3: S3Places, tmp_path_factory: pytest.TempPathFactory
) -> ObjectStore:
    return s3(0) if request.param == "S3" else LocalStore(tmp_path_factory.mktemp("destination"))


async def interrupted(
    between: Between, source: ObjectStore, destination: ObjectStore, item: JobItem, parts: int
) -> MultipartCheckpoint:
    """Moves until so many parts are recorded, then dies; the last checkpoint that was recorded."""

    def die(checkpoint: MultipartCheckpoint | None) -> None:
        if checkpoint is not None and len(checkpoint.parts) == parts:
            raise Killed

    told = Told(at_checkpoint=die)
    transfer = between(source, destination, server_side_copy=False, threads=4)
    with pytest.raises(Killed):
        await move(transfer, item, told)
    await transfer.close()
    recorded = [each for each in told.checkpoints if each is not None and len(each.parts) == parts]
    return recorded[0]


@pytest.mark.parametrize("parts", [0, 1, PARTS])
async def test_a_resumed_move_sends_only_the_parts_that_are_not_recorded(
    parts: int, local: LocalStore, destination: ObjectStore, between: Between
) -> None:
    data = payload(SIZE)
    put(local, "object", data)
    item = item_of(local, "object")
    checkpoint = await interrupted(between, local, destination, item, parts)
    with pytest.raises(ObjectNotFound):
        destination.head("object")

    source, counted, told = FaultyStore(local), FaultyStore(destination), Told()
    transfer = between(source, counted, server_side_copy=False)
    result = await move(transfer, replace(item, checkpoint=checkpoint), told)
    await transfer.close()
    assert get(destination, "object") == data
    assert result.checksum == checksum_of(data)
    assert told.bytes == SIZE
    assert (source.calls["open"], counted.calls["upload_part"]) == (PARTS - parts, PARTS - parts)
    assert counted.calls["begin_upload"] == 0


async def test_an_abandoned_upload_is_gone_and_abandoning_it_again_is_fine(
    local: LocalStore, destination: ObjectStore, between: Between
) -> None:
    put(local, "object", payload(SIZE))
    item = item_of(local, "object")
    checkpoint = await interrupted(between, local, destination, item, 1)
    assert len(destination.uploaded_parts("object", checkpoint.upload_id)) >= 1
    transfer = between(local, destination)
    for _ in range(2):
        await transfer.abandon(replace(item, checkpoint=checkpoint))
        with pytest.raises(ObjectNotFound):
            destination.uploaded_parts("object", checkpoint.upload_id)
    await transfer.abandon(item)


async def test_a_store_that_refuses_to_abort_an_upload_is_only_logged(
    s3: S3Places, local: LocalStore, between: Between, caplog: pytest.LogCaptureFixture
) -> None:
    put(local, "object", b"x")
    item = item_of(local, "object", checkpoint=MultipartCheckpoint("upload", PART))
    await between(local, s3(0, "no-such-bucket")).abandon(item)
    assert "stays as an orphan" in caplog.text and "no-such-bucket" in caplog.text


@pytest.mark.parametrize("destination", ["S3"], indirect=True)
async def test_an_upload_that_is_gone_is_begun_anew(
    local: LocalStore, destination: ObjectStore, between: Between
) -> None:
    data = payload(SIZE)
    put(local, "object", data)
    item = item_of(local, "object")
    checkpoint = await interrupted(between, local, destination, item, 2)
    destination.abort_upload("object", checkpoint.upload_id)

    counted, told = FaultyStore(destination), Told()
    transfer = between(local, counted, server_side_copy=False)
    await move(transfer, replace(item, checkpoint=checkpoint), told)
    await transfer.close()
    assert get(destination, "object") == data
    assert (counted.calls["begin_upload"], counted.calls["upload_part"]) == (1, PARTS)
    assert told.bytes == SIZE


@pytest.mark.parametrize("destination", ["S3"], indirect=True)
async def test_an_upload_that_vanishes_under_way_is_begun_anew(
    local: LocalStore, destination: ObjectStore, between: Between
) -> None:
    data = payload(SIZE)
    put(local, "object", data)
    aborted = threading.Event()

    def abort(checkpoint: MultipartCheckpoint | None) -> None:
        if checkpoint is not None and len(checkpoint.parts) == 1 and not aborted.is_set():
            aborted.set()
            destination.abort_upload("object", checkpoint.upload_id)

    told = Told(at_checkpoint=abort)
    transfer = between(local, destination, server_side_copy=False, threads=4)
    await move(transfer, item_of(local, "object"), told)
    await transfer.close()
    assert get(destination, "object") == data
    assert told.bytes == SIZE


@pytest.mark.parametrize("destination", ["S3"], indirect=True)
async def test_an_upload_that_was_finished_before_the_crash_is_found_and_believed(
    local: LocalStore, destination: ObjectStore, between: Between
) -> None:
    data = payload(SIZE)
    put(local, "object", data)
    item, told = item_of(local, "object"), Told()
    first = between(local, destination, server_side_copy=False)
    done = await move(first, item, told)

    source, counted, again = FaultyStore(local), FaultyStore(destination), Told()
    second = between(source, counted, server_side_copy=False)
    result = await move(second, replace(item, checkpoint=told.checkpoints[-1]), again)
    assert result == done
    assert (source.calls["open"], counted.calls["begin_upload"], again.bytes) == (0, 0, SIZE)


@pytest.mark.parametrize("destination", ["S3"], indirect=True)
async def test_another_object_under_the_key_is_not_taken_for_the_finished_upload(
    local: LocalStore, destination: ObjectStore, between: Between
) -> None:
    data = payload(SIZE)
    put(local, "object", data)
    item, told = item_of(local, "object"), Told()
    transfer = between(local, destination, server_side_copy=False)
    await move(transfer, item, told)
    put(destination, "object", payload(SIZE))
    await move(transfer, replace(item, checkpoint=told.checkpoints[-1]))
    await transfer.close()
    assert get(destination, "object") == data


async def test_a_cancelled_move_stops_soon_keeps_its_upload_and_leaves_no_thread(
    local: LocalStore, destination: ObjectStore, between: Between
) -> None:
    put(local, "object", payload(SIZE))
    item = item_of(local, "object")
    loop, recorded = asyncio.get_running_loop(), asyncio.Event()
    told = Told(at_checkpoint=lambda checkpoint: loop.call_soon_threadsafe(recorded.set))
    counted = FaultyStore(destination)
    transfer = between(local, counted, server_side_copy=False, threads=4)
    moving = asyncio.create_task(move(transfer, item, told))
    await recorded.wait()
    moving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(moving, 60)
    calls = counted.calls.copy()
    await transfer.close()
    assert counted.calls == calls
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("transfer")]
    checkpoint = told.checkpoints[-1]
    assert checkpoint is not None
    assert calls["abort_upload"] == 0
    assert len(destination.uploaded_parts("object", checkpoint.upload_id)) >= len(checkpoint.parts)


async def test_a_move_that_fails_for_good_leaves_neither_upload_nor_object(
    local: LocalStore, destination: ObjectStore, between: Between
) -> None:
    put(local, "object", payload(SIZE))
    item = item_of(local, "object")

    def replace_source(checkpoint: MultipartCheckpoint | None) -> None:
        if checkpoint is not None and len(checkpoint.parts) == 1:
            put(local, "object", payload(SIZE))

    told, counted = Told(at_checkpoint=replace_source), FaultyStore(destination)
    transfer = between(local, counted, server_side_copy=False, threads=1)
    with pytest.raises(ObjectChanged):
        await move(transfer, item, told)
    await transfer.close()
    first = told.checkpoints[0]
    assert first is not None
    assert told.checkpoints[-1] is None
    with pytest.raises(ObjectNotFound):
        destination.uploaded_parts("object", first.upload_id)
    with pytest.raises(ObjectNotFound):
        destination.head("object")
