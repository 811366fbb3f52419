"""Which words of a store can be compared with bytes."""

from __future__ import annotations

import hashlib

from entrepot.domain.asset import Checksum
from entrepot.domain.job import Encryption, UploadedPart
from entrepot.transfer.proof import encryption_fits, is_md5_of, multipart_etag, of_whole_object

KEY = "arn:aws:kms:us-east-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"


def test_a_checksum_of_checksums_says_nothing_of_the_bytes() -> None:
    assert of_whole_object(Checksum("CRC32", "DUoRhQ==-3")) is None


def test_an_unknown_algorithm_is_not_compared() -> None:
    assert of_whole_object(Checksum("XXHASH3", "DUoRhQ==")) is None


def test_the_checksum_of_the_bytes_is_compared() -> None:
    checksum = Checksum("CRC32", "DUoRhQ==")
    assert of_whole_object(checksum) is checksum


def test_an_etag_is_an_md5_only_where_it_is_that_of_the_bytes() -> None:
    data = memoryview(b"hello")
    assert is_md5_of(hashlib.md5(data).hexdigest(), data)
    assert not is_md5_of(hashlib.md5(b"other").hexdigest(), data)
    assert not is_md5_of(hashlib.md5(data).hexdigest() + "-1", data)


def test_the_etag_of_an_object_of_parts_follows_from_the_etags_of_the_parts() -> None:
    digests = [hashlib.md5(data) for data in (b"one", b"two")]
    parts = [UploadedPart(number, 3, digest.hexdigest(), None) for number, digest in enumerate(digests, 1)]
    joined = hashlib.md5(digests[0].digest() + digests[1].digest()).hexdigest()
    assert multipart_etag(parts) == f"{joined}-2"


def test_etags_that_are_no_md5_make_no_etag_of_parts() -> None:
    assert multipart_etag([UploadedPart(1, 3, "opaque", None)]) is None


def test_the_type_of_encryption_must_be_the_one_asked_for() -> None:
    assert encryption_fits(Encryption("AES256"), Encryption("AES256"))
    assert not encryption_fits(Encryption("aws:kms"), Encryption("AES256"))
    assert not encryption_fits(Encryption("AES256"), None)


def test_a_key_is_right_by_its_arn_or_by_its_id() -> None:
    wanted = Encryption("aws:kms", KEY)
    assert encryption_fits(wanted, Encryption("aws:kms", KEY))
    assert encryption_fits(wanted, Encryption("aws:kms", "1234abcd-12ab-34cd-56ef-1234567890ab"))


def test_another_key_or_none_is_not_the_key_asked_for() -> None:
    wanted = Encryption("aws:kms", KEY)
    assert not encryption_fits(wanted, Encryption("aws:kms", KEY[:-1] + "c"))
    assert not encryption_fits(wanted, Encryption("aws:kms", None))


def test_behind_an_alias_any_key_is_right() -> None:
    alias = Encryption("aws:kms", "arn:aws:kms:us-east-1:123456789012:alias/exports")
    assert encryption_fits(alias, Encryption("aws:kms", KEY))
