"""Asset names as paths below a folder. A name is any text of up to 1,024 bytes; a path must be safe.

A name from which no path follows is refused, or, where that is asked for, written so that one does:

    a//b → a/%2Fb     /a → %2Fa     a/../b → a/%2E%2E/b     dir/ → dir%2F     NUL → %00
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

_LONGEST_PART_BYTES = 255
"""Of the file systems in use; a longer part is refused by all of them."""
_LONGEST_PATH_BYTES = 4095
STATE_FOLDER = ".entrepot-fetch"
"""Below a folder that is fetched into: what is ours, and no asset may write to."""


class UnsafeName(ValueError):
    """No path follows from the name; the text says why."""


@dataclass(frozen=True, slots=True)
class AssetPaths:
    """Which asset, by its id, goes to which path below the folder; and which cannot, with the reason."""

    paths: Mapping[str, str]
    refused: Mapping[str, str]


def path_of(name: str, *, escape: bool = False) -> str:
    """The path, with `/` between its parts, for the asset of this name. Raises `UnsafeName`."""
    parts = _escaped(name) if escape else name.split("/")
    reason = _reason_against(name, parts)
    if reason is not None:
        raise UnsafeName(reason)
    return "/".join(parts)


def paths_of(
    assets: Iterable[tuple[str, str]], *, escape: bool = False, folds_case: bool = False
) -> AssetPaths:
    """The paths of assets, given as id and name; assets that would overwrite each other are refused, all.

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
        taken.setdefault(_compared(path, folds_case=folds_case), []).append(asset_id)
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
    """Whether the file system of an existing folder takes upper and lower case for the same."""
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
    if parts[0] == STATE_FOLDER:
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
    """Parts of which each can be a file name; names that need nothing stay as they are."""
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


def _compared(path: str, *, folds_case: bool) -> str:
    return path.casefold() if folds_case else path


def _file_above(path: str, taken: Mapping[str, object]) -> str | None:
    """The first folder of the path that is itself the path of an asset."""
    end = path.find("/")
    while end >= 0:
        if path[:end] in taken:
            return path[:end]
        end = path.find("/", end + 1)
    return None
