"""A disk of its own for what an exchange keeps on its machine: it can be full while all else has room.

It is a file system in memory that is made smaller, to what is used of it, and larger again: whoever writes
then meets ENOSPC, the real one. Mounting takes rights, which the program gives itself in a namespace of its
own; nothing that is mounted there outlives it. Where the system allows neither, it is a folder, never full.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

_IS_IN_NAMESPACE = "ENTREPOT_CHAOS_MAY_MOUNT"
_ROOM = "64g"
"""More than a run stores: memory is taken by what is written alone."""


def begin_again_with_own_mounts(arguments: list[str]) -> None:
    """Runs this program anew where it may mount; returns there, and where that is not to be had."""
    if _IS_IN_NAMESPACE in os.environ:
        return
    unshare = ["unshare", "--mount"]
    if os.geteuid() != 0:
        unshare += ["--user", "--map-current-user", "--keep-caps"]
    if shutil.which("unshare") and _succeeds(*unshare, "true"):
        os.environ[_IS_IN_NAMESPACE] = "1"
        os.execvp(unshare[0], [*unshare, sys.executable, "-m", "tests.chaos", *arguments])


@dataclass(frozen=True, slots=True)
class SmallDisk:
    folder: Path
    is_limited: bool

    def fill(self, left_bytes: int) -> None:
        """Leaves so much room."""
        file_system = os.statvfs(self.folder)
        used = (file_system.f_blocks - file_system.f_bfree) * file_system.f_frsize
        self._resize(str(used + left_bytes))

    def make_room(self) -> None:
        if self.is_limited:
            self._resize(_ROOM)

    def keep(self, folder: Path) -> None:
        """Copies all but the assets to where it outlives this program."""
        if self.is_limited:
            shutil.copytree(self.folder, folder, ignore=shutil.ignore_patterns("assets"), symlinks=True)

    def _resize(self, size: str) -> None:
        """To less than is used at this moment is refused, and leaves it as it is: others write meanwhile."""
        _succeeds("mount", "-o", f"remount,size={size}", str(self.folder))


def _succeeds(*command: str) -> bool:
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


@contextmanager
def small_disk(folder: Path) -> Iterator[SmallDisk]:
    """The disk, below this folder; with much room at first."""
    place = folder / "disk"
    place.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={_ROOM},mode=0755", "chaos", str(place)]
    is_limited = _IS_IN_NAMESPACE in os.environ and _succeeds(*command)
    try:
        yield SmallDisk(place, is_limited)
    finally:
        if is_limited:
            subprocess.run(["umount", "--lazy", str(place)], check=True)
