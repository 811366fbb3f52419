"""The ETag that the exchange reads its own store by is told twice: an answer can be damaged on the way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from tests.servers.open_buckets import OpenBuckets
from tests.stores.scripted_bucket import found, playing
from tests.transfer.faulty_store import FaultyStore
from tests.transfer.moving import PART, S3Places, Told, get, item_of, move, payload, put

from entrepot.domain.errors import StoreUnavailable
from entrepot.domain.job import Location
from entrepot.stores.store import ObjectStore, Stored
from entrepot.transfer.multipart import abort_abandoned
from entrepot.transfer.transfer import Transfer

pytestmark = pytest.mark.seaweedfs


class Misheard(FaultyStore):
    """One digit of the ETags that come in the body of an answer arrives as another."""

    def copy_from(self, *args: Any, **options: Any) -> Stored | None:
        stored = super().copy_from(*args, **options)
        return None if stored is None else self._damaged(stored)

    def finish_upload(self, *args: Any, **options: Any) -> Stored:
        return self._damaged(super().finish_upload(*args, **options))

    def _damaged(self, stored: Stored) -> Stored:
        return replace(stored, etag=("1" if stored.etag[0] == "0" else "0") + stored.etag[1:])


@pytest.mark.parametrize("size", [1000, PART])
async def test_a_copy_whose_answer_was_damaged_is_streamed(s3: S3Places, size: int) -> None:
    source, own, data = s3(0, "one"), s3(0, "two"), payload(size)
    put(source, "key", data)
    item = item_of(
        source, "key", destination=Location(None, "key"), source_checksum=source.head("key").checksum
    )
    transfer = Transfer(Misheard(own), OpenBuckets({"from": source}.__getitem__), part_bytes=PART)
    try:
        result = await move(transfer, item)
    finally:
        await transfer.close()
    assert result.etag == own.head("key").etag
    assert get(own, "key") == data


async def test_an_upload_whose_last_answer_was_damaged_is_looked_at_again(s3: S3Places) -> None:
    source, own, data = s3(0, "one"), s3(0, "two"), payload(PART + 7)
    put(source, "key", data)
    item = item_of(source, "key", destination=Location(None, "key"))
    buckets = OpenBuckets({"from": source}.__getitem__)
    transfer = Transfer(Misheard(own), buckets, server_side_copy=False, part_bytes=PART)
    told = Told()
    try:
        with pytest.raises(StoreUnavailable, match="damaged"):
            await move(transfer, item, told)
        result = await move(transfer, replace(item, checkpoint=told.checkpoints[-1]))
    finally:
        await transfer.close()
    assert result.etag == own.head("key").etag
    assert get(own, "key") == data


class Mishears(FaultyStore):
    """Does not understand what is answered about uploads, or hears another id, the first times."""

    def __init__(self, real: ObjectStore, *answers: list[tuple[str, str]] | None) -> None:
        super().__init__(real)
        self._answers = list(answers)

    def unfinished_uploads(self, prefix: str) -> Sequence[tuple[str, str]]:
        if not self._answers:
            return super().unfinished_uploads(prefix)
        answer = self._answers.pop(0)
        if answer is None:
            raise StoreUnavailable("It was answered in a way that S3 does not.")
        return answer


@pytest.mark.parametrize(
    "answers",
    [(), (None, None, None), ([("lost", "another-id")], None)],
    ids=["as it is", "not understood", "another id"],
)
async def test_a_lost_upload_is_aborted_whatever_the_first_answers_were(
    s3: S3Places, answers: tuple[list[tuple[str, str]] | None, ...]
) -> None:
    own = s3(0, "one")
    own.begin_upload("lost")
    abort_abandoned(Mishears(own, *answers), "lost", None)
    assert own.unfinished_uploads("") == []


def test_a_listing_of_uploads_that_names_another_key_is_not_believed() -> None:
    body = b"<R><Upload><Key>losu</Key><UploadId>i</UploadId></Upload></R>"
    with playing(found(body)) as (store, _), pytest.raises(StoreUnavailable, match="'losu'"):
        store.unfinished_uploads("lost")
