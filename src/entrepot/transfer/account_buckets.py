"""Who may use which bucket, and by whose credentials: the implementation of `user_buckets`.

    the exchange has one account, or        the server's own endpoint and credentials, for every bucket;
    does not ask who is who (`trust`)       a permission only says where a bucket is, and by whose credentials

    it has several                          what was allowed (`entrepot bucket allow`), and nothing else

In neither case the bucket in which the exchange keeps its own bytes: they are those of all accounts. It is no
account's at all, unless whoever runs the exchange shares what lies outside of the store's prefix.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import msgspec

from entrepot.database import accounts, bucket_permissions
from entrepot.database.connection import Connection
from entrepot.domain.bucket_permission import (
    BUCKET_NAME,
    Access,
    BucketPermission,
    covering,
    has_dot_segments,
    leaves_bucket,
)
from entrepot.domain.errors import ConfigurationError, InvalidStoreRequest, StoreAccessDenied
from entrepot.domain.own_bucket import OwnBucket
from entrepot.sigv4.signature_parameters import Credentials
from entrepot.stores.store import ObjectStore
from entrepot.transfer.user_buckets import AccountBuckets


@dataclass(frozen=True, slots=True)
class Place:
    """Where a bucket is and who asks for it; None in each case: as the server's settings say."""

    endpoint_url: str | None = None
    region: str | None = None
    credentials: Credentials | None = field(default=None, repr=False)


class BucketOpener(Protocol):
    """Opens buckets of S3 wherever they are. May be called from any thread."""

    def __call__(self, bucket: str, place: Place, /) -> ObjectStore:
        """Calls nothing; raises `ConfigurationError` where the endpoint is no usable URL."""


class Sealer(Protocol):
    """Encrypts what must be kept secret."""

    def seal(self, secret: bytes, context: str) -> str:
        """The secret as text that only `open` with the same context makes readable."""


class Opener(Protocol):
    """Decrypts what a `Sealer` has encrypted."""

    def open(self, sealed: str, context: str) -> bytes:
        """The secret; raises `ConfigurationError` where it was not sealed here and with this context."""


class _SealedCredentials(msgspec.Struct, rename="pascal", omit_defaults=True):
    """Stored: renaming a field is a migration."""

    access_key_id: str
    secret_access_key: str
    session_token: str | None = None


@dataclass(frozen=True, slots=True)
class PermittedBuckets:
    database: Connection
    open_bucket: BucketOpener
    secrets: Opener | None
    """None in a process without the key file: what needs it is refused by a message that says so."""
    accounts_are_proven: bool
    """Whether every request is signed by its account: False where anybody may say who he is."""
    own: OwnBucket | None = None

    async def of_account(self, account_id: str) -> AccountBuckets:
        permissions = await bucket_permissions.of_account(self.database, account_id)
        restricted = self.accounts_are_proven and await accounts.sole_account(self.database) != account_id
        return _PermittedAccountBuckets(self, account_id, tuple(permissions), restricted)

    async def refuse_own_bucket(self, account_id: str, buckets: Iterable[str]) -> None:
        if self.own is None:
            return
        permissions = await bucket_permissions.of_account(self.database, account_id)
        for bucket in buckets:
            of_bucket = [each for each in permissions if each.bucket == bucket]
            _refuse_own_bucket(self.own, bucket, None, of_bucket)


@dataclass(frozen=True, slots=True)
class _PermittedAccountBuckets:
    buckets: PermittedBuckets
    account_id: str
    permissions: Sequence[BucketPermission]
    restricted: bool
    stores: dict[tuple[str, Place], ObjectStore] = field(default_factory=dict)
    places: dict[str, Place] = field(default_factory=dict)
    """By the sealing contexts of the permissions: each is decrypted once."""

    def open(self, bucket: str, key: str, access: Access) -> ObjectStore:
        """See `AccountBuckets`; also raises `InvalidStoreRequest` for what cannot be a bucket's name."""
        if BUCKET_NAME.fullmatch(bucket) is None:
            raise InvalidStoreRequest(
                f"{bucket!r} is no name that a bucket can have; mend it.", bucket=bucket, key=key
            )
        of_bucket = [each for each in self.permissions if each.bucket == bucket]
        if self.buckets.own is not None:
            _refuse_own_bucket(self.buckets.own, bucket, key, of_bucket)
        permission = self._permission(bucket, key, access, of_bucket)
        if self.buckets.own is not None:
            _refuse_own_bucket(self.buckets.own, bucket, key, [] if permission is None else [permission])
        place = Place() if permission is None else self._place(permission, key)
        store = self.stores.get((bucket, place))
        if store is None:
            store = self.stores.setdefault((bucket, place), self.buckets.open_bucket(bucket, place))
        return store

    def region_of(self, bucket: str, key: str) -> str | None:
        from entrepot.stores.s3 import S3Store

        store = self.open(bucket, key, Access.WRITE)
        of_bucket = [each for each in self.permissions if each.bucket == bucket]
        permission = self._permission(bucket, key, Access.WRITE, of_bucket)
        if permission is not None and permission.region is not None:
            return permission.region
        return store.region() if isinstance(store, S3Store) else None

    def _permission(
        self, bucket: str, key: str, access: Access, of_bucket: Sequence[BucketPermission]
    ) -> BucketPermission | None:
        """The permission to go by, None where none is needed; raises `StoreAccessDenied`."""
        permission = covering(of_bucket, key, access)
        if permission is not None:
            return permission
        if self.restricted:
            raise self._refusal(bucket, key, access, of_bucket)
        elsewhere = [each for each in of_bucket if key.startswith(each.prefix)]
        nearest = max(elsewhere, key=lambda each: len(each.prefix), default=None)
        if nearest is None or not nearest.has_own_place:
            return None
        if nearest.allows(access):
            return nearest  # only its keys with dots are not covered, and nobody's are to be kept apart here
        raise self._refusal(bucket, key, access, of_bucket)

    def _place(self, permission: BucketPermission, key: str) -> Place:
        place = self.places.get(permission.sealing_context)
        if place is None:
            credentials = None
            if permission.encrypted_credentials is not None:
                credentials = self._credentials(permission, permission.encrypted_credentials, key)
            place = Place(permission.endpoint_url, permission.region, credentials)
            self.places[permission.sealing_context] = place
        return place

    def _credentials(self, permission: BucketPermission, sealed: str, key: str) -> Credentials:
        """Raises `StoreAccessDenied` where they cannot be read: for the job it is as if there were none."""
        if self.buckets.secrets is None:
            raise StoreAccessDenied(
                f"The credentials for bucket {permission.bucket} are encrypted, and the worker that ran this "
                "has no key file. Whoever runs the exchange copies `secrets.key` of the server's data "
                "directory into that of the worker, and starts it again.",
                bucket=permission.bucket,
                key=key,
            )
        try:
            return unsealed_credentials(self.buckets.secrets, sealed, permission.sealing_context)
        except ConfigurationError as error:
            raise StoreAccessDenied(
                f"The credentials for bucket {permission.bucket} cannot be decrypted with the key file of "
                "this process. Whoever runs the exchange gives it the server's key file, or allows the "
                "bucket again with its credentials (entrepot bucket allow --help).",
                bucket=permission.bucket,
                key=key,
            ) from error

    def _refusal(
        self, bucket: str, key: str, access: Access, of_bucket: Sequence[BucketPermission]
    ) -> StoreAccessDenied:
        """The key is named only where others of the bucket are allowed: else all objects say the same."""
        allowed = any(each.allows(access) for each in of_bucket)
        if has_dot_segments(key) and any(
            each.allows(access) and key.startswith(each.prefix) for each in of_bucket
        ):
            return StoreAccessDenied(
                f"Account {self.account_id} may not {access.value} {key!r} of bucket {bucket}: servers "
                "differ in which key is meant by '.' and '..' between slashes. Such keys can be used where "
                "all of a bucket is allowed, and only as long as they stay inside of it.",
                bucket=bucket,
                key=key,
            )
        what = f"{access.value} {key!r} of bucket {bucket}" if allowed else f"{access.value} bucket {bucket}"
        command = f"entrepot bucket allow {shlex.quote(bucket)} --account {self.account_id} --{access.value}"
        return StoreAccessDenied(
            f"Account {self.account_id} has not been allowed to {what}. Whoever runs the exchange allows it "
            f"by: {command}",
            bucket=bucket,
            key=key,
        )


def _refuse_own_bucket(
    own: OwnBucket, bucket: str, key: str | None, permissions: Sequence[BucketPermission]
) -> None:
    """Raises `StoreAccessDenied` where all ways to the bucket lead to that of the exchange.

    Without permissions there is one, by the server's own endpoint and credentials. `key` is None where it is
    not known yet.
    """
    if key is not None and leaves_bucket(key):
        raise StoreAccessDenied(
            f"Some servers would look for the key {key!r} outside of bucket {bucket}, because of its '..' "
            "between slashes, and could find what the exchange keeps for itself. Name another key.",
            bucket=bucket,
            key=key,
        )
    if own.leaves_to_others(key or ""):
        return
    ways = [(each.endpoint_url, each.encrypted_credentials is not None) for each in permissions]
    refusals = [own_bucket_problem(own, bucket, *way) for way in ways or [(None, False)]]
    problem = refusals[0]
    if problem is not None and all(refusals):
        raise StoreAccessDenied(problem, bucket=bucket, key=key)


def own_bucket_problem(
    own: OwnBucket, bucket: str, endpoint_url: str | None, has_credentials: bool
) -> str | None:
    """Why no account may use that bucket, reached by this endpoint (None: the server's); None if it may.

    A bucket of the same name at another endpoint may be the same one by another name, which only credentials
    of its own rule out: those of the server open the exchange's.
    """
    where = own.endpoint_url if endpoint_url is None else endpoint_url
    if own.is_at(bucket, where):
        under = f" under {own.prefix!r}" if own.is_shared else ""
        return (
            f"The exchange keeps its own bytes in bucket {own.bucket}{under}, which no account may use. "
            f"Name another bucket{', or other keys.' if own.is_shared else '.'}"
        )
    if own.has_name(bucket) and not has_credentials:
        return (
            f"The exchange keeps its own bytes in a bucket called {own.bucket}, too, and by the server's own "
            f"credentials it cannot be told from bucket {bucket} at {where or 'AWS'}. Whoever runs the "
            "exchange allows it with credentials of its own (entrepot bucket allow --help)."
        )
    return None


def sealed_credentials(secrets: Sealer, credentials: Credentials, context: str) -> str:
    """The credentials as the database keeps them."""
    plain = _SealedCredentials(
        credentials.access_key_id, credentials.secret_access_key, credentials.session_token
    )
    return secrets.seal(msgspec.json.encode(plain), context)


def unsealed_credentials(secrets: Opener, sealed: str, context: str) -> Credentials:
    """What `sealed_credentials` was given; raises `ConfigurationError`."""
    try:
        plain = msgspec.json.decode(secrets.open(sealed, context), type=_SealedCredentials)
    except msgspec.MsgspecError as error:
        raise ConfigurationError(f"What is stored as the credentials of {context!r} are none.") from error
    return Credentials(plain.access_key_id, plain.secret_access_key, plain.session_token)
