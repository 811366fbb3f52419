"""Keys of AWS KMS by which a provider's objects are encrypted, and grants to decrypt with them."""

from __future__ import annotations

import re
from dataclasses import dataclass

from entrepot.domain.errors import ValidationFailed

_KEY_ARN = re.compile(r"arn:(aws[a-z-]*):kms:([a-z0-9-]+):(\d{12}):key/[A-Za-z0-9-]{1,128}", re.ASCII)


@dataclass(frozen=True, slots=True)
class KmsKey:
    arn: str

    @property
    def region(self) -> str:
        return self.arn.split(":")[3]


@dataclass(frozen=True, slots=True)
class DecryptGrant:
    """What a receiver is given: to decrypt with the key what the bucket holds [C], and nothing else."""

    key: KmsKey
    name: str
    """The grant is found by it: on one key, no two grants of the exchange have the same."""
    receiver_id: str
    partition: str
    bucket: str

    @property
    def grantee_arn(self) -> str:
        return f"arn:{self.partition}:iam::{self.receiver_id}:root"

    @property
    def encryption_context(self) -> dict[str, str]:
        """What Amazon S3 says whenever it decrypts objects of a bucket with a bucket key [C]."""
        return {"aws:s3:arn": f"arn:{self.partition}:s3:::{self.bucket}"}


def require_own_key(key_arn: str, account_id: str) -> None:
    """Raises `ValidationFailed` for what is no ARN of a key, and for a key of another account.

    The exchange makes grants with its own credentials, which may well be allowed more than the provider is:
    so nobody can make it give away another one's key [G].
    """
    match = _KEY_ARN.fullmatch(key_arn)
    if match is None:
        raise ValidationFailed(
            f"KmsKeyArn {key_arn!r} must have the form arn:aws:kms:REGION:ACCOUNT:key/ID; an alias is none."
        )
    if match.group(3) != account_id:
        raise ValidationFailed(
            f"KmsKeyArn {key_arn!r} is a key of account {match.group(3)}; only keys of your own account, "
            f"{account_id}, can be granted."
        )
