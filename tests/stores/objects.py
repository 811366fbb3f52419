"""Small verbs that the tests of stores share."""

from __future__ import annotations

from array import array
from collections.abc import Sequence

from entrepot.domain.job import UploadedPart
from entrepot.stores.store import ObjectStore, Reader, Stored

MIB = 1024 * 1024


def pattern(size_bytes: int, seed: int = 0) -> bytes:
    """Bytes in which no two stretches are alike."""
    return array("I", range(seed, seed + size_bytes // 4 + 1)).tobytes()[:size_bytes]


def put(store: ObjectStore, key: str, data: bytes) -> Stored:
    return store.put(key, memoryview(data), len(data))


def read_all(reader: Reader) -> bytes:
    taken = bytearray()
    buffer = memoryview(bytearray(100_000))
    with reader:
        while count := reader.readinto(buffer):
            taken += buffer[:count]
    return bytes(taken)


def get(store: ObjectStore, key: str) -> bytes:
    return read_all(store.open(key))


def send_parts(store: ObjectStore, key: str, upload_id: str, parts: Sequence[bytes]) -> list[UploadedPart]:
    return [
        store.upload_part(key, upload_id, number, memoryview(data)) for number, data in enumerate(parts, 1)
    ]
