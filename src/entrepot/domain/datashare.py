"""Datashares: live tables that others may query where they are, in Amazon Redshift or in PostgreSQL.

Both have ARNs of one form, that of Redshift (behaviour reference, section 3.6). The GUID in it tells them
apart: namespaces of Redshift have random ones (version 4), those of an exchange one of version 8, which
RFC 9562 leaves to whoever makes it up.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from dataclasses import dataclass, field
from uuid import UUID

from entrepot.domain.errors import ValidationFailed
from entrepot.domain.scope import Scope
from entrepot.domain.timestamp import Timestamp

LONGEST_NAME = 127
"""Of a share, in characters, as in Redshift."""
_NAMESPACE = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
_NAME = re.compile(rf"[^\x00-\x1f\x7f-\x9f]{{1,{LONGEST_NAME}}}")
_ARN = re.compile(
    rf"arn:(aws[a-z-]*):redshift:([a-z0-9-]+):(\d{{12}}):datashare:({_NAMESPACE})/(.+)", re.ASCII
)


@dataclass(frozen=True, slots=True)
class DatashareArn:
    owner: Scope
    """The producer: its account, Region and partition."""
    namespace: str
    """The GUID of the namespace the share is in."""
    name: str

    @classmethod
    def parse(cls, text: str, member: str) -> DatashareArn:
        """Raises `ValidationFailed`, which calls the text by the name of its member."""
        match = _ARN.fullmatch(text)
        if match is None or not is_share_name(match.group(5)):
            raise ValidationFailed(
                f"{member} {text[:200]!r} is not the ARN of a datashare. One looks like "
                "arn:aws:redshift:us-east-1:123456789012:datashare:<GUID of a namespace>/<name of the share>."
            )
        partition, region, account_id, namespace, name = match.groups()
        return cls(Scope(account_id, region, partition), namespace, name)

    @property
    def is_of_postgresql(self) -> bool:
        """Whether an exchange made it up, for a share that PostgreSQL serves."""
        return self.namespace[14] == "8"

    def __str__(self) -> str:
        owner = self.owner
        return (
            f"arn:{owner.partition}:redshift:{owner.region}:{owner.account_id}:datashare:"
            f"{self.namespace}/{self.name}"
        )


def namespace_of(owner: Scope, key: bytes) -> str:
    """The GUID of an account's namespace in an exchange, which follows from a key of the exchange's own."""
    digest = bytearray(hmac.digest(key, f"{owner.account_id} {owner.region}".encode(), "sha256")[:16])
    digest[6] = 0x80 | digest[6] & 0x0F
    digest[8] = 0x80 | digest[8] & 0x3F
    return str(UUID(bytes=bytes(digest)))


def is_share_name(name: str) -> bool:
    """Whether a share may be called so: up to 127 characters that are no control characters."""
    return _NAME.fullmatch(name) is not None


@dataclass(frozen=True, slots=True)
class PostgresqlShare:
    arn: str
    owner: Scope
    name: str
    encrypted_database_url: str = field(repr=False)
    """Of somebody who may create roles there and grant what is shared; its context is the ARN."""
    schema: str
    created_at: Timestamp
    tables: tuple[str, ...] | None = None
    """None: every table and view of the schema, also those that are yet to come."""
    endpoint: str | None = None
    """Host, or host and port, that receivers connect to; None: those of the URL."""


def role_name(grant_id: str, asset_id: str) -> str:
    """The role of one receiver for one asset; the same however often it is made."""
    return "entrepot_" + hashlib.sha256(f"role:{grant_id}:{asset_id}".encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class DatabaseLogin:
    """What a receiver connects with. The password is nowhere else."""

    host: str
    port: int
    database: str
    schema: str
    user: str
    password: str = field(repr=False)
    expires_at: Timestamp | None
