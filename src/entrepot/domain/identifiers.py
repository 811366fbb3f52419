"""Identifiers: 32 lower-case hex digits, as every real one seen (behaviour reference, section 1).

Randomness comes in from outside. What a job makes has identifiers that follow from the job's own, so that a
job that runs twice makes the same things twice instead of twice as many.
"""

from __future__ import annotations

import hashlib
import re

ASSETS_PREFIX = "assets/"
UPLOADS_PREFIX = "uploads/"
"""Of the store keys of all uploads."""
"""Of the keys of all uploads."""
ACCOUNT_ID_PATTERN = re.compile(r"\d{12}\Z", re.ASCII)


def identifier(random_bytes: bytes) -> str:
    if len(random_bytes) != 16:
        raise ValueError("an identifier is made of 16 bytes")
    return random_bytes.hex()


def derived_asset_id(job_id: str, item_number: int) -> str:
    """The id of the asset that item `item_number` of the job makes; the same however often the job runs."""
    return hashlib.sha256(f"asset:{job_id}:{item_number}".encode()).hexdigest()[:32]


def asset_store_key(asset_id: str, attempt: int = 1) -> str:
    """Where an attempt of a job writes the bytes of an asset in the exchange's own store.

    Each attempt has keys of its own: a worker that lost the job and does not know it yet overwrites nothing
    that the job's next attempt has written. No name and no key that a user chose ever becomes a path of the
    store. And it tells nothing of the id: signed URLs show it to receivers, who know the asset by other ids.
    """
    digest = hashlib.sha256(f"bytes:{asset_id}:{attempt}".encode()).hexdigest()[:32]
    return f"{ASSETS_PREFIX}{digest[:2]}/{digest}"


def upload_store_key(job_id: str) -> str:
    """Where the bytes that a user PUTs to a job's signed URL wait for StartJob."""
    return f"{UPLOADS_PREFIX}{job_id[:2]}/{job_id}"


def job_of_upload(store_key: str) -> str | None:
    """The id of the job whose upload lies under the key; None where the key is no upload's."""
    return store_key.rpartition("/")[2] if store_key.startswith(UPLOADS_PREFIX) else None
