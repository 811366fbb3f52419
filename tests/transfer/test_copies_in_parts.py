"""A copy that the server makes in parts ends with its job, and leaves nothing behind."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from secrets import token_hex

import pytest
from tests.transfer.moving import PART, Between, Told, get, item_of, move, payload, put

from entrepot.domain.errors import ObjectNotFound, StoreAccessDenied
from entrepot.domain.job import MultipartCheckpoint
from entrepot.http.answer import Answer
from entrepot.stores.credentials import StaticCredentials
from entrepot.stores.s3 import S3Store
from entrepot.stores.s3_client import S3Client, S3Request
from entrepot.stores.s3_uploads import CopyLimits
from entrepot.testing import S3Server

pytestmark = pytest.mark.seaweedfs

MEBIBYTE = 1 << 20
LIMITS = CopyLimits(largest_copy=MEBIBYTE, part=PART)
PARTS = 6
PARALLEL = 4


class WatchedClient(S3Client):
    """A client that tells of its requests, before each is sent."""

    def __init__(self, server: S3Server) -> None:
        super().__init__(
            StaticCredentials(server.access_key_id, server.secret_access_key),
            endpoint_url=server.endpoint_url,
        )
        self.operations: list[str] = []
        self.before: Callable[[str], None] = lambda operation: None

    def call(self, request: S3Request) -> Answer:
        self.operations.append(request.operation)
        self.before(request.operation)
        return super().call(request)


@pytest.fixture
def client(s3_server: S3Server) -> Iterator[WatchedClient]:
    client = WatchedClient(s3_server)
    yield client
    client.close()


@pytest.fixture
def source(client: WatchedClient) -> S3Store:
    store = S3Store(client, "one", f"test-{token_hex(4)}/")
    put(store, "object", payload(PARTS * PART))
    client.operations.clear()
    return store


@pytest.fixture
def destination(client: WatchedClient, source: S3Store) -> S3Store:
    return S3Store(client, "two", source.prefix, copy_limits=LIMITS)


@pytest.mark.parametrize("at_part", [1, PARTS], ids=["in the middle", "before its end"])
async def test_a_copy_asks_before_each_part_and_before_its_end_whether_it_may_go_on(
    at_part: int, client: WatchedClient, source: S3Store, destination: S3Store, between: Between
) -> None:
    item, told = item_of(source, "object"), Told()
    sending, may_send = threading.Event(), threading.Event()

    def before(operation: str) -> None:
        if client.operations.count("UploadPartCopy") >= at_part and operation == "UploadPartCopy":
            sending.set()
            may_send.wait(60)

    client.before = before
    moving = asyncio.create_task(move(between(source, destination), item, told))
    assert await asyncio.to_thread(sending.wait, 60)
    moving.cancel()
    await asyncio.sleep(0)  # the cancellation reaches the move, which then waits for its thread
    may_send.set()
    with pytest.raises(asyncio.CancelledError):
        await moving
    assert client.operations.count("UploadPartCopy") <= max(at_part, PARALLEL) + PARALLEL - 1
    assert client.operations[-1] == "AbortMultipartUpload"
    assert "CompleteMultipartUpload" not in client.operations
    (recorded,) = told.checkpoints
    assert recorded is not None
    with pytest.raises(ObjectNotFound):
        destination.uploaded_parts("object", recorded.upload_id)
    with pytest.raises(ObjectNotFound):
        destination.head("object")


async def test_a_copy_that_fails_leaves_no_upload(
    client: WatchedClient, source: S3Store, destination: S3Store, between: Between
) -> None:
    def before(operation: str) -> None:
        if client.operations.count("UploadPartCopy") == PARTS // 2 and operation == "UploadPartCopy":
            raise StoreAccessDenied("No copies any more.")

    client.before = before
    told = Told()
    await move(between(source, destination), item_of(source, "object"), told)  # by streaming, then
    assert get(destination, "object") == get(source, "object")
    assert told.checkpoints[0] is not None
    with pytest.raises(ObjectNotFound):
        destination.uploaded_parts("object", told.checkpoints[0].upload_id)


@pytest.mark.parametrize("size", [5_000, PARTS * PART])
@pytest.mark.parametrize("copies", [True, False], ids=["copies again", "cannot copy any more"])
async def test_the_next_attempt_throws_away_the_upload_of_one_that_was_killed(
    size: int,
    copies: bool,
    client: WatchedClient,
    source: S3Store,
    destination: S3Store,
    between: Between,
) -> None:
    put(source, "object", payload(size))
    upload_id = destination.begin_upload("object")
    item = replace(item_of(source, "object"), checkpoint=MultipartCheckpoint(upload_id, PART))
    await move(between(source, destination, server_side_copy=copies), item)
    with pytest.raises(ObjectNotFound):
        destination.uploaded_parts("object", upload_id)
    assert get(destination, "object") == get(source, "object")
