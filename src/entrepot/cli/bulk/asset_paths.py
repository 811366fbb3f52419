"""Where the assets of a revision go: the keys of a bucket, or paths below a folder, which must be safe.

A name is any text of up to 1,024 bytes. One from which no path follows is refused, or escaped if asked for:

    a//b → a/%2Fb     /a → %2Fa     a/../b → a/%2E%2E/b     dir/ → dir%2F     NUL → %00
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from entrepot.domain.key_pattern import MAX_KEY_BYTES


@dataclass(frozen=True, slots=True)
class RemoteAsset:
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
        return self.asset.size_bytes


def remote_assets(entries: Iterable[Mapping[str, Any]]) -> tuple[list[RemoteAsset], list[tuple[str, str]]]:
    """Splits the assets of a revision into files and others, with the reason why they cannot be fetched."""
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
    """Puts each asset below the prefix; also gives those that cannot have their key, with the reason."""
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


_LONGEST_PART_BYTES = 255
"""Of the file systems in use; a longer part is refused by all of them."""
_LONGEST_PATH_BYTES = 4095
STATE_FOLDER = ".entrepot-fetch"
"""Below a folder that is fetched into: what is ours, and no asset may write to."""


class UnsafeName(ValueError):
    """No path can be made of the name; the text says why."""


@dataclass(frozen=True, slots=True)
class AssetPaths:
    """Paths below the folder by the ids of assets, and the reasons for those that have none."""

    paths: Mapping[str, str]
    refused: Mapping[str, str]


def path_of(name: str, *, escape: bool = False) -> str:
    """The path of the asset of this name, with `/` between its parts. Raises `UnsafeName`."""
    parts = _escaped(name) if escape else name.split("/")
    reason = _reason_against(name, parts)
    if reason is not None:
        raise UnsafeName(reason)
    return "/".join(parts)


def paths_of(
    assets: Iterable[tuple[str, str]], *, escape: bool = False, folds_case: bool = False
) -> AssetPaths:
    """The paths of assets, given as id and name. All that would overwrite each other are refused.

    `folds_case` says that the folder takes `A` and `a` for the same.
    """
    paths: dict[str, str] = {}
    refused: dict[str, str] = {}
    for asset_id, name in assets:
        try:
            paths[asset_id] = path_of(name, escape=escape)
        except UnsafeName as unsafe:
            refused[asset_id] = str(unsafe)
    taken: dict[str, list[str]] = {}
    for asset_id, path in paths.items():
        taken.setdefault(path.casefold() if folds_case else path, []).append(asset_id)
    for compared, asset_ids in taken.items():
        if len(asset_ids) > 1:
            reason = f"{len(asset_ids)} assets have names that lead to the same file"
        elif (above := _file_above(compared, taken)) is not None:
            reason = f"another asset is the file {above!r}, which would have to be a folder"
        else:
            continue
        for asset_id in asset_ids:
            refused[asset_id] = reason
            del paths[asset_id]
    return AssetPaths(paths, refused)


def folds_case(folder: str) -> bool:
    probe = os.path.join(folder, STATE_FOLDER)  # noqa: PTH118
    return os.path.exists(probe.upper()) and os.path.exists(probe)  # noqa: PTH110


def _reason_against(name: str, parts: list[str]) -> str | None:  # noqa: PLR0911 - one for each reason
    if "\0" in "".join(parts):
        return "its name has a NUL in it"
    if not name:
        return "its name is empty"
    if name.startswith("/") and not parts[0]:
        return "its name begins with a slash"
    if "" in parts:
        return "its name has an empty part (two slashes in a row, or one at the end)"
    if "." in parts or ".." in parts:
        return "its name has a part '.' or '..', which would lead elsewhere"
    if parts[0].casefold() == STATE_FOLDER:  # some file systems take them for the same
        return f"its name leads into {STATE_FOLDER}, which is fetch's own"
    try:
        encoded = [os.fsencode(part) for part in parts]
    except UnicodeEncodeError:
        return "its name cannot be written in this file system's encoding"
    if any(len(part) > _LONGEST_PART_BYTES for part in encoded):
        return f"a part of its name is longer than {_LONGEST_PART_BYTES} bytes, the most that a file name has"
    if sum(map(len, encoded)) + len(encoded) > _LONGEST_PATH_BYTES:
        return f"its name is longer than {_LONGEST_PATH_BYTES} bytes, the most that a path has"
    return None


def _escaped(name: str) -> list[str]:
    """Splits a name into parts of which each can be a file name."""
    parts: list[str] = []
    slashes = ""
    for part in name.replace("\0", "%00").split("/"):
        if not part:
            slashes += "%2F"
            continue
        plain = "%2E" * len(part) if part in {".", ".."} and not slashes else part
        parts.append(slashes + plain)
        slashes = ""
    if slashes:  # at the end of the name: they belong to the part before
        parts = [*parts[:-1], parts[-1] + slashes] if parts else [slashes]
    return parts


def _file_above(path: str, taken: Mapping[str, object]) -> str | None:
    end = path.find("/")
    while end >= 0:
        if path[:end] in taken:
            return path[:end]
        end = path.find("/", end + 1)
    return None
