"""What a revision holds, as `fetch` sees it, and where each asset goes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from entrepot.domain.key_pattern import MAX_KEY_BYTES


@dataclass(frozen=True, slots=True)
class RemoteAsset:
    """One asset of a revision."""

    id: str
    name: str
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Placed:
    """An asset and where it goes: a path below a folder, or a key of a bucket."""

    asset: RemoteAsset
    where: str

    @property
    def size_bytes(self) -> int:
        """The asset's."""
        return self.asset.size_bytes


def remote_assets(entries: Iterable[Mapping[str, Any]]) -> tuple[list[RemoteAsset], list[tuple[str, str]]]:
    """Those that are files, and the others with the reason why they cannot be fetched."""
    files: list[RemoteAsset] = []
    others: list[tuple[str, str]] = []
    for entry in entries:
        snapshot = entry["AssetDetails"].get("S3SnapshotAsset")
        if snapshot is None:
            others.append((entry["Name"], f"an asset of type {entry['AssetType']} is no file"))
        else:
            files.append(RemoteAsset(entry["Id"], entry["Name"], int(snapshot["Size"])))
    return files, others


def keys_of(assets: Sequence[RemoteAsset], prefix: str) -> tuple[list[Placed], list[tuple[str, str]]]:
    """The key of each asset below the prefix, and those that cannot have theirs, with the reason."""
    names = Counter(asset.name for asset in assets)
    placed: list[Placed] = []
    refused: list[tuple[str, str]] = []
    for asset in assets:
        key = prefix + asset.name
        size_bytes = len(key.encode())
        if names[asset.name] > 1:
            refused.append(
                (asset.name, f"{names[asset.name]} assets have this name, and would be one object")
            )
        elif size_bytes > MAX_KEY_BYTES:
            refused.append(
                (asset.name, f"its key would have {size_bytes:,} bytes; S3 allows {MAX_KEY_BYTES:,}")
            )
        else:
            placed.append(Placed(asset, key))
    return placed, refused
