"""Uploads in parts that a job has left in a bucket are looked for until the bucket has answered."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.jobs.harness import Harness, exporting, now
from tests.servers.open_buckets import OpenBuckets
from tests.transfer.faulty_store import FaultyStore

from entrepot.database import abandoned_uploads
from entrepot.domain.errors import (
    BucketNotFound,
    ConfigurationError,
    EntrepotError,
    StoreAccessDenied,
    StoreError,
    StoreUnavailable,
)
from entrepot.domain.job import JobState
from entrepot.jobs.abandoned_uploads import LATE_SECONDS, sweep_abandoned_uploads
from entrepot.transfer.multipart import PART_BYTES

DAY = 86_400
LARGE, SMALL = bytes(PART_BYTES + 1), b"small"


class Answering:
    """Users' buckets that answer questions about uploads in the way that is set, and count them."""

    def __init__(self, harness: Harness) -> None:
        self.error: EntrepotError | None = None
        self.asked = 0
        find = OpenBuckets(lambda name: FaultyStore(harness.bucket(name), before=self._before))
        self.harness = replace(harness, buckets=find)

    def _before(self, call: str) -> None:
        if call == "unfinished_uploads":
            self.asked += 1
            if self.error is not None:
                raise self.error

    async def sweep(self, seconds: float = LATE_SECONDS) -> int:
        harness = self.harness
        return await sweep_abandoned_uploads(
            harness.database, harness.transfer, harness.buckets, now().plus_seconds(seconds)
        )


@pytest.fixture
def answering(harness: Harness) -> Answering:
    return Answering(harness)


async def exported(harness: Harness, content: bytes) -> None:
    job = await exporting(harness, {"a": content})
    assert (await harness.finish(job)).state is JobState.COMPLETED


async def test_a_place_is_looked_at_once_and_not_before_late_requests_are_over(answering: Answering) -> None:
    await exported(answering.harness, LARGE)
    assert await answering.sweep(0) == 0
    assert await answering.sweep() == 1
    assert await answering.sweep() == 0
    assert answering.asked == 1


async def test_what_was_put_at_once_has_left_no_upload(answering: Answering) -> None:
    await exported(answering.harness, SMALL)
    assert await answering.sweep() == 0
    assert answering.asked == 0


@pytest.mark.parametrize(
    "error", [StoreUnavailable("It does not answer."), ConfigurationError("Here is no key for its keys.")]
)
async def test_a_bucket_that_cannot_be_reached_is_looked_at_later(
    answering: Answering, error: EntrepotError
) -> None:
    await exported(answering.harness, LARGE)
    answering.error = error
    assert await answering.sweep() == 0
    answering.error = None
    assert await answering.sweep() == 0  # not yet again
    assert await answering.sweep(2 * LATE_SECONDS + 60) == 1
    assert await abandoned_uploads.due(answering.harness.database, now().plus_seconds(DAY), 10) == []


@pytest.mark.parametrize("error", [StoreAccessDenied("No."), BucketNotFound("Gone.")])
async def test_a_bucket_that_does_not_tell_is_not_asked_again(
    answering: Answering, error: StoreError
) -> None:
    await exported(answering.harness, LARGE)
    answering.error = error
    assert await answering.sweep() == 1
    assert await answering.sweep(DAY) == 0


async def test_a_bucket_that_is_away_for_a_week_is_given_up_and_named(
    answering: Answering, caplog: pytest.LogCaptureFixture
) -> None:
    await exported(answering.harness, LARGE)
    answering.error = StoreUnavailable("It does not answer.")
    await answering.sweep(8 * DAY)
    assert "s3://target/a" in caplog.text
    assert await abandoned_uploads.due(answering.harness.database, now().plus_seconds(9 * DAY), 10) == []
