"""Which bucket an account may use for what, as whoever runs the exchange has allowed it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import Enum
from urllib.parse import unquote

from entrepot.domain.timestamp import Timestamp

_SLASH = re.compile(r"[/\\]")
BUCKET_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,254}")
"""What may be the name of a bucket, of old ones and on servers other than Amazon S3 too."""
_LONGEST_PREFIX_BYTES = 1024


class Access(Enum):
    READ = "read"
    WRITE = "write"


@dataclass(frozen=True, slots=True)
class BucketPermission:
    """One account may use the keys of one bucket that begin with the prefix. Permissions add up."""

    account_id: str
    bucket: str
    prefix: str
    """Empty: all keys. It is compared letter by letter: `a` covers `a/b` and `ab`, `a/` only the former."""
    may_read: bool
    may_write: bool
    endpoint_url: str | None
    """Where the bucket is; this and the next two are None where those of the server apply."""
    region: str | None
    encrypted_credentials: str | None = field(repr=False)
    """Sealed with `sealing_context`, so that they are of no use in another row."""
    created_at: Timestamp

    @property
    def sealing_context(self) -> str:
        return f"bucket {self.account_id} {self.bucket} {self.prefix}"

    @property
    def has_own_place(self) -> bool:
        """Whether the bucket is reached otherwise than by the server's own endpoint and credentials."""
        return (self.endpoint_url, self.region, self.encrypted_credentials) != (None, None, None)

    def allows(self, access: Access) -> bool:
        return self.may_read if access is Access.READ else self.may_write

    def covers(self, key: str) -> bool:
        """Whether the key, and every key that begins with it, is among its keys, however a server reads it.

        Some servers take `a/../b` for `b`. So a key with such segments is covered only where the whole bucket
        is, and only while it stays inside of it.
        """
        if not key.startswith(self.prefix):
            return False
        return not has_dot_segments(key) or (not self.prefix and not leaves_bucket(key))


def covering(permissions: Iterable[BucketPermission], key: str, access: Access) -> BucketPermission | None:
    """Of one bucket's permissions the one by which the key, and all that begin with it, may be used so.

    Where several are, it is the one with the longest prefix.
    """
    fitting = [each for each in permissions if each.allows(access) and each.covers(key)]
    return max(fitting, key=lambda permission: len(permission.prefix), default=None)


def has_dot_segments(key: str) -> bool:
    """Whether some servers might take the key for another one: `a/../b`, `./b`."""
    return any(segment in {".", ".."} for segment in segments(key))


def leaves_bucket(key: str) -> bool:
    """Whether some servers, those too that decode it twice, might look for the key outside of its bucket."""
    depth = 0
    for segment in segments(unquote(key)):
        if segment == "..":
            depth -= 1
        elif segment not in {"", "."}:
            depth += 1
        if depth < 0:
            return True
    return False


def segments(key: str) -> list[str]:
    """What lies between the slashes, of either kind: some servers take a backslash for one."""
    return _SLASH.split(key)


def bucket_problem(name: str) -> str | None:
    """Why this cannot be the name of a bucket; None where it can."""
    if name.startswith("s3://") or "/" in name:
        return "it takes the bucket's name alone; what follows the slash is its --prefix"
    if BUCKET_NAME.fullmatch(name) is None:
        return "a name has letters, digits, '.', '-' and '_', and begins with a letter or a digit"
    return None


def prefix_problem(prefix: str) -> str | None:
    """Why the prefix is none that a permission can have; None where it can."""
    if len(prefix.encode(errors="surrogatepass")) > _LONGEST_PREFIX_BYTES:
        return f"it is longer than the {_LONGEST_PREFIX_BYTES} bytes of a key"
    if not prefix.isprintable():
        return "it has characters that cannot be printed"
    if prefix.startswith("/"):
        return "keys do not begin with a slash; leave it out"
    if "//" in prefix or has_dot_segments(prefix):
        return "servers differ in how they read '//', '.' and '..' between slashes; take a prefix without"
    return None
