"""Under which names an S3 data access asset is used in place of a bucket: an alias, and an access point ARN.

Both follow from the identifiers that the viewer sees, so a receiver's names differ from the owner's and from
every other receiver's, and no table is needed to find the asset again. The names are no secrets: whoever
uses one proves who it is, and may or may not read.

    alias   {base32 of data set id and asset id}-s3alias        60 characters, as a bucket may be called
    ARN     arn:{partition}:s3:{region}:{account}:accesspoint/{asset id in the form of a UUID}
"""

from __future__ import annotations

import base64
import binascii
import re
from itertools import pairwise
from typing import NamedTuple

from entrepot.domain.scope import Scope

EXCHANGE_ACCOUNT_ID = "000000000000"
"""Whose the access points are: on AWS one of Data Exchange's own accounts [C], here nobody's [G]."""

_SUFFIX = "-s3alias"
_ID = re.compile(r"[0-9a-f]{32}")
_ALIAS = re.compile(rf"([a-z2-7]{{52}}){_SUFFIX}")
_UUID = r"([0-9a-f]{8})-([0-9a-f]{4})-([0-9a-f]{4})-([0-9a-f]{4})-([0-9a-f]{12})"
_HOST_LABEL = re.compile(rf"{_UUID}-{EXCHANGE_ACCOUNT_ID}")


class AliasedAsset(NamedTuple):
    """What an alias names, by the identifiers of whoever was told the alias."""

    data_set_id: str
    asset_id: str


def access_point_alias(data_set_id: str, asset_id: str) -> str:
    """The alias. Raises `ValueError` for identifiers that are not 32 lower-case hex digits."""
    if _ID.fullmatch(data_set_id) is None or _ID.fullmatch(asset_id) is None:
        raise ValueError(f"{data_set_id!r} and {asset_id!r} must be 32 lower-case hex digits each")
    text = base64.b32encode(bytes.fromhex(data_set_id + asset_id)).decode("ascii")
    return text.rstrip("=").lower() + _SUFFIX


def aliased_asset(bucket: str) -> AliasedAsset | None:
    """What the alias names; None where the name of a bucket is no alias."""
    match = _ALIAS.fullmatch(bucket)
    if match is None:
        return None
    try:
        digits = base64.b32decode(match.group(1).upper() + "====").hex()
    except binascii.Error:
        return None
    asset = AliasedAsset(digits[:32], digits[32:])
    # Base 32 has four bits to spare here; only one of the sixteen texts is the alias.
    return asset if access_point_alias(*asset) == bucket else None


def access_point_arn(scope: Scope, asset_id: str) -> str:
    """The access point's ARN; of the scope only Region and partition count."""
    uuid = "-".join(asset_id[start:end] for start, end in pairwise((0, 8, 12, 16, 20, 32)))
    return f"arn:{scope.partition}:s3:{scope.region}:{EXCHANGE_ACCOUNT_ID}:accesspoint/{uuid}"


def asset_of_host_label(label: str) -> str | None:
    """The asset id in the host name that AWS's clients make of an access point's ARN; None in any other.

    With an endpoint of one's own they send to `{access point}-{account}.{the endpoint's host}`.
    """
    match = _HOST_LABEL.fullmatch(label)
    return None if match is None else "".join(match.groups())
