"""Who may use which bucket, and by whose credentials: the implementation of `user_buckets`.

    the exchange has one account, or        the server's own endpoint and credentials, for every bucket;
    does not ask who is who (`trust`)       a permission only says where a bucket is, and by whose credentials

    it has several                          what was allowed (`entrepot bucket allow`), and nothing else

In neither case the bucket in which the exchange keeps its own bytes: they are those of all accounts.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence
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
)
from entrepot.domain.errors import ConfigurationError, InvalidStoreRequest, StoreAccessDenied
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


@dataclass(frozen=True, slots=True)
class OwnBucket:
    """The bucket, and the prefix in it, where the exchange keeps its own bytes."""

    bucket: str
    prefix: str
    endpoint_url: str | None


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
        permission = self._permission(bucket, key, access)
        place = Place() if permission is None else self._place(permission, key)
        self._refuse_own_store(bucket, key, place)
        store = self.stores.get((bucket, place))
        if store is None:
            store = self.stores.setdefault((bucket, place), self.buckets.open_bucket(bucket, place))
        return store

    def _permission(self, bucket: str, key: str, access: Access) -> BucketPermission | None:
        """The permission to go by, None where none is needed; raises `StoreAccessDenied`."""
        of_bucket = [each for each in self.permissions if each.bucket == bucket]
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

    def _refuse_own_store(self, bucket: str, key: str, place: Place) -> None:
        own = self.buckets.own
        if own is None or own.bucket != bucket or not (key.startswith(own.prefix) or has_dot_segments(key)):
            return
        elsewhere = place.endpoint_url not in {None, own.endpoint_url}
        if elsewhere and place.credentials is not None:
            return
        raise StoreAccessDenied(
            f"The exchange keeps its own bytes in bucket {bucket} under {own.prefix!r}, which no account may "
            "use. Name another bucket, or other keys.",
            bucket=bucket,
            key=key,
        )

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
