"""The files of a folder that is to be published: each by the name its asset will have."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from entrepot.cli.bulk.asset_paths import STATE_FOLDER
from entrepot.cli.bulk.failures import CannotBegin
from entrepot.domain.asset import MAX_NAME_BYTES


@dataclass(frozen=True, slots=True)
class SourceFile:
    name: str
    """The path below the folder, with `/`."""
    path: str
    size_bytes: int
    version: tuple[int, ...]
    """Device, inode, and the times of its last changes: a file that was written to has another one."""


def read_folder(folder: Path) -> tuple[list[SourceFile], list[tuple[str, str]]]:
    """Finds all files below a folder, by name, and what cannot be published, with the reason.

    Links are followed, except those that lead back upwards. Raises `CannotBegin` for an unreadable folder.
    """
    try:
        status = folder.stat()
    except OSError as error:
        raise CannotBegin(f"{folder} cannot be read: {error.strerror}.") from error
    if not stat.S_ISDIR(status.st_mode):
        raise CannotBegin(f"{folder} is not a folder; name a folder, or s3://bucket/prefix.")
    files: list[SourceFile] = []
    problems: list[tuple[str, str]] = []
    for found in _walk(str(folder), "", ((status.st_dev, status.st_ino),), problems):
        reason = _reason_against(found.name)
        if reason is None:
            files.append(found)
        else:
            problems.append((found.name, reason))
    return sorted(files, key=lambda file: file.name), sorted(problems)


def _walk(
    folder: str, prefix: str, above: tuple[tuple[int, int], ...], problems: list[tuple[str, str]]
) -> Iterator[SourceFile]:
    try:
        with os.scandir(folder) as entries:
            found = list(entries)
    except OSError as error:
        problems.append((prefix or ".", f"the folder cannot be read: {error.strerror}"))
        return
    for entry in found:
        name = prefix + entry.name
        try:
            status = entry.stat()
        except OSError as error:
            problems.append((name, f"it cannot be read: {error.strerror}"))
            continue
        if stat.S_ISREG(status.st_mode):
            version = (status.st_dev, status.st_ino, status.st_mtime_ns, status.st_ctime_ns)
            yield SourceFile(name, entry.path, status.st_size, version)
        elif not stat.S_ISDIR(status.st_mode):
            problems.append((name, "it is neither a file nor a folder"))
        elif (status.st_dev, status.st_ino) in above:
            problems.append((name, "it is a link to a folder that it is in"))
        elif name != STATE_FOLDER:
            yield from _walk(entry.path, f"{name}/", (*above, (status.st_dev, status.st_ino)), problems)


def _reason_against(name: str) -> str | None:
    try:
        size_bytes = len(name.encode())
    except UnicodeEncodeError:
        return "its name is not Unicode, as names of assets are; rename it"
    if size_bytes > MAX_NAME_BYTES:
        return f"its name has {size_bytes:,} bytes, and an asset's has {MAX_NAME_BYTES:,} at most; shorten it"
    return None
