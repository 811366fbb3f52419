"""Accounts and their access keys: who may sign requests, and as whom."""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import dataclass

from entrepot.domain.timestamp import Timestamp


@dataclass(frozen=True, slots=True)
class Account:
    """One account of the exchange; everything in it is kept apart from every other one."""

    account_id: str
    """Twelve digits."""
    name: str
    created_at: Timestamp


@dataclass(frozen=True, slots=True)
class StoredKey:
    """One access key as the database keeps it; the secret only in its sealed form."""

    access_key_id: str
    account_id: str
    encrypted_secret: str
    """Sealed with the access key id as context, so that it cannot be moved to another key."""
    enabled: bool
    created_at: Timestamp


def new_access_key(random_bytes: Callable[[int], bytes]) -> tuple[str, str]:
    """A new access key id and its secret, in the form of AWS's: `AKIA` + 16 characters, and 40 characters.

    `random_bytes` must be fit for secrets (`os.urandom`): 80 bits go into the id, 240 into the secret.
    """
    access_key_id = "AKIA" + base64.b32encode(random_bytes(10)).decode("ascii")
    secret_access_key = base64.b64encode(random_bytes(30)).decode("ascii")
    return access_key_id, secret_access_key
