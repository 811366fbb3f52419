"""An export that asks for encryption ends encrypted as it asked, or not at all."""

from __future__ import annotations

import pytest
from tests.transfer.faulty_store import FaultyStore
from tests.transfer.moving import PART, Between, S3Places, get, item_of, move, payload, put

from entrepot.domain.errors import EncryptionNotApplied, ObjectNotFound
from entrepot.domain.job import Encryption
from entrepot.stores.local import LocalStore

pytestmark = pytest.mark.seaweedfs

AES = Encryption("AES256")
KMS = Encryption("aws:kms", "arn:aws:kms:us-east-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab")
SIZES = [5_000, PART + 5_000]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("origin", ["local", "the same server"])
async def test_an_object_is_encrypted_as_asked(
    origin: str, size: int, local: LocalStore, s3: S3Places, between: Between
) -> None:
    source = local if origin == "local" else s3(0)
    data = payload(size)
    put(source, "object", data)
    transfer = between(source, s3(0, "two"))
    await move(transfer, item_of(source, "object"), encryption=AES)
    assert s3(0, "two").head("object").encryption == AES
    assert get(s3(0, "two"), "object") == data


@pytest.mark.parametrize("size", SIZES)
async def test_an_answer_that_names_no_encryption_is_asked_once_more(
    size: int, local: LocalStore, s3: S3Places, between: Between
) -> None:
    put(local, "object", payload(size))
    answers = iter([None, AES])
    destination = FaultyStore(s3(0), reported_encryption=lambda reported: next(answers))
    transfer = between(local, destination)
    await move(transfer, item_of(local, "object"), encryption=AES)
    assert destination.calls["head"] == 1


@pytest.mark.parametrize(
    ("wanted", "reported"),
    [(AES, None), (KMS, AES), (KMS, Encryption("aws:kms", "another-key")), (KMS, Encryption("aws:kms"))],
)
@pytest.mark.parametrize("size", SIZES)
async def test_an_object_that_is_not_encrypted_as_asked_does_not_stay(
    size: int,
    wanted: Encryption,
    reported: Encryption | None,
    local: LocalStore,
    s3: S3Places,
    between: Between,
) -> None:
    put(local, "object", payload(size))
    plain = FaultyStore(
        s3(0),
        forgets_encryption_on=["put", "begin_upload"],
        reported_encryption=lambda answer: reported,
    )
    transfer = between(local, plain)
    with pytest.raises(EncryptionNotApplied, match="Choose a store and a key"):
        await move(transfer, item_of(local, "object"), encryption=wanted)
    with pytest.raises(ObjectNotFound):
        s3(0).head("object")


async def test_a_servers_copy_that_forgets_the_encryption_is_streamed_over(
    s3: S3Places, between: Between
) -> None:
    data = payload(5_000)
    put(s3(0), "object", data)
    source = FaultyStore(s3(0))
    destination = FaultyStore(s3(0, "two"), forgets_encryption_on=["copy_from"])
    transfer = between(source, destination)
    await move(transfer, item_of(s3(0), "object"), encryption=AES)
    assert (destination.calls["copy_from"], destination.calls["put"], source.calls["open"]) == (1, 1, 1)
    assert s3(0, "two").head("object").encryption == AES
    assert get(s3(0, "two"), "object") == data
