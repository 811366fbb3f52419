"""Of which bytes the assets of a revision are, as far as the jobs that imported them prove it.

The exchange tells names and sizes of assets, not their bytes. But each asset was made by a job, and a job
that took a file by signed URL names the file's MD5; what a job took from a bucket, the journal knows by the
job's id. Which job made an asset follows from the name and from the exchange's own times: an asset is never
older than its job, nor made by a job that had ended before a later one, that could have made it, was created.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class _Imported:
    created: float
    ended: float
    digest: str | None


class Evidence:
    """Several threads may add jobs."""

    def __init__(self, sent: Mapping[str, Mapping[str, str]], name_of: Callable[[str], str]) -> None:
        """`sent`: the digests that the journal knows, by job and name; `name_of`: what name a key has."""
        self._sent = sent
        self._name_of = name_of
        self._imported: dict[str, list[_Imported]] = {}

    def add(self, job: Mapping[str, Any]) -> None:
        """Takes note of a job, as ListJobs or GetJob shows it, if it is a completed import."""
        if job["State"] != "COMPLETED":
            return
        created, ended = _moment(job.get("CreatedAt")), _moment(job.get("UpdatedAt"))
        if created is None or ended is None:
            return
        for name, digest in self._digests(job).items():
            self._imported.setdefault(name, []).append(_Imported(created, ended, digest))

    def _digests(self, job: Mapping[str, Any]) -> dict[str, str | None]:
        details = job["Details"]
        by_url = details.get("ImportAssetFromSignedUrl")
        if by_url is not None:
            return {by_url["AssetName"]: by_url.get("Md5Hash")}
        sources = details.get("ImportAssetsFromS3", {}).get("AssetSources", ())
        names = [self._name_of(source["Key"]) for source in sources]
        sent = self._sent.get(job["Id"], {})
        return {name: sent.get(name) for name in names}

    def digest_of(self, name: str, asset: Mapping[str, Any]) -> str | None:
        """The digest of the asset's bytes; None where it is not proven."""
        made = _moment(asset.get("CreatedAt"))
        if made is None:
            return None
        possible = [one for one in self._imported.get(name, ()) if one.created <= made]
        newest = max((one.created for one in possible), default=0.0)
        digests = {one.digest for one in possible if one.ended >= newest}
        return digests.pop() if len(digests) == 1 else None


def _moment(value: object) -> float | None:
    """Seconds since 1970 of a timestamp as the service writes it; None where it cannot be read."""
    try:
        return (
            float(value)
            if isinstance(value, (int, float))
            else datetime.fromisoformat(f"{value}").timestamp()
        )
    except (ValueError, OverflowError, OSError):
        return None
