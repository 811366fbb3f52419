"""What a user puts over an exported object stays, whatever a worker that lost its job still sends."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import pytest
from tests.servers.scripted_http import answer, error
from tests.stores.scripted_bucket import OK, playing
from tests.transfer.moving import PART, Between, S3Places, get, item_of, move, payload, put

from entrepot.domain.errors import JobLost
from entrepot.domain.job import JobItem
from entrepot.stores.credentials import StaticCredentials
from entrepot.stores.local import LocalStore
from entrepot.stores.s3 import S3Store
from entrepot.stores.s3_client import S3Client
from entrepot.testing import S3Server

pytestmark = pytest.mark.seaweedfs

USERS = b"what the user has put there since"


@dataclass
class Pause:
    """Stands still between the question whether it may write and the write, once: `meanwhile` happens."""

    nth_write: int
    meanwhile: Callable[[], object]
    lost: bool
    """Whether it no longer may write afterwards."""
    writes: int = 0

    def __call__(self) -> None:
        if self.lost and self.writes >= self.nth_write:
            raise JobLost("Others have the job.")
        self.writes += 1
        if self.writes == self.nth_write:
            self.meanwhile()


def destination(server: S3Server, like: S3Store, pause: Pause) -> S3Store:
    credentials = StaticCredentials(server.access_key_id, server.secret_access_key)
    client = S3Client(credentials, endpoint_url=server.endpoint_url, before_write=pause)
    return S3Store(client, like.bucket, like.prefix)


WAYS = [
    (1000, False, 1, False),
    (1000, True, 1, False),
    (2 << 20, False, 1, True),
    (2 << 20, True, 1, False),
    (PART + 1, False, 4, False),
]
"""Size of the object, whether the server may copy, which write makes it visible, whether it looks first."""


@pytest.mark.parametrize("there_before", [False, True])
@pytest.mark.parametrize("lost", [False, True])
@pytest.mark.parametrize(("size", "server_side", "nth_write", "looks_first"), WAYS)
async def test_what_was_put_there_meanwhile_is_replaced_by_whoever_has_the_job_alone(
    s3: S3Places,
    s3_server: S3Server,
    between: Between,
    size: int,
    server_side: bool,
    nth_write: int,
    looks_first: bool,
    lost: bool,
    there_before: bool,
) -> None:
    source, target = s3(0, "one"), s3(0, "two")
    data = payload(size)
    item = of(source, data)
    if there_before:
        put(target, "key", b"from before")
    nth_write += there_before and not looks_first
    pause = Pause(nth_write, lambda: put(target, "key", USERS), lost)
    paused = destination(s3_server, target, pause)
    transfer = between(source, paused, server_side_copy=server_side)
    try:
        if lost:
            with pytest.raises(JobLost):
                await move(transfer, item)
        else:
            await move(transfer, item)
    finally:
        paused.client.close()
    assert get(target, "key") == (USERS if lost else data)


async def test_what_was_deleted_meanwhile_is_written_by_whoever_has_the_job(
    s3: S3Places, s3_server: S3Server, between: Between
) -> None:
    source, target, data = s3(0, "one"), s3(0, "two"), payload(2 << 20)
    put(target, "key", b"from before")
    paused = destination(s3_server, target, Pause(1, lambda: target.delete("key"), lost=False))
    try:
        await move(between(source, paused, server_side_copy=False), of(source, data))
    finally:
        paused.client.close()
    assert get(target, "key") == data


def of(source: S3Store, data: bytes) -> JobItem:
    put(source, "key", data)
    return item_of(source, "key")


MD5 = "4b3a6218bb3e3a7303e8a171a60fcf92"
DONE = answer(200, headers=[("ETag", f'"{MD5}"')])
THERE = answer(200, headers=[("ETag", '"abc"'), ("Content-Length", "5")])
NOT_HERE = error(501, "NotImplemented")
CONDITION = {"if-none-match": "*"}


@pytest.mark.parametrize(
    ("script", "conditions"),
    [
        ([DONE], [CONDITION]),
        ([NOT_HERE, DONE], [CONDITION, {}]),
        ([error(400, "InvalidArgument"), DONE], [CONDITION, {}]),
        ([error(409, "ConditionalRequestConflict"), DONE], [CONDITION, CONDITION]),
        ([error(412, "PreconditionFailed"), error(403, "AccessDenied"), DONE], [CONDITION, {}]),
        ([error(412, "PreconditionFailed"), THERE, DONE], [CONDITION, {"if-match": '"abc"'}]),
        (
            [error(412, "PreconditionFailed"), THERE, *[error(404, "NoSuchKey")] * 2, OK, DONE],
            [CONDITION, {"if-match": '"abc"'}, CONDITION],
        ),
    ],
)
async def test_servers_that_compare_and_those_that_do_not_are_written_to(
    local: LocalStore, between: Between, script: list[bytes], conditions: list[dict[str, str]]
) -> None:
    local.put("key", memoryview(b"bytes"), 5)
    script = [step.replace(b"Content-Length: 0\r\n", b"") if step is THERE else step for step in script]
    with playing(*script) as (target, server):
        await move(between(local, target), item_of(local, "key"))
        sent = [request for request in server.requests if request.line.startswith("PUT")]
        assert [conditions_of(request.headers) for request in sent] == conditions


async def test_a_server_that_compares_otherwise_than_it_writes_is_written_to(
    local: LocalStore, between: Between
) -> None:
    local.put("key", memoryview(b"bytes"), 5)
    changed, there = error(412, "PreconditionFailed"), THERE.replace(b"Content-Length: 0\r\n", b"")
    with playing(changed, there, changed, there, DONE) as (target, server):
        await move(between(local, target), item_of(local, "key"))
        assert conditions_of(server.requests[-1].headers) == {}


async def test_an_endpoint_that_refuses_conditions_gets_them_no_more(
    local: LocalStore, between: Between
) -> None:
    local.put("key", memoryview(b"bytes"), 5)
    with playing(NOT_HERE, DONE, DONE) as (target, server):
        transfer, item = between(local, target), item_of(local, "key")
        await move(transfer, item)
        await move(transfer, replace(item, number=1))
        assert len(server.requests) == 3


def conditions_of(headers: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in headers.items() if name in ("if-match", "if-none-match")}
