"""The data directory: who may use it, and the small files in it.

    entrepot.sqlite   assets/                         the database and the stored bytes
    secrets.key                                       the root of all secrets
    instance-id                                       names this directory among all machines
    own-bucket                                        where the server keeps its bytes, if in a bucket of S3
    serve.lock        workers/<slot>.lock             held by the running processes, with their pid inside
    aws/credentials   aws/config                      a profile for the tools of AWS

Locks are the kernel's (flock): they vanish with their process, however it ends.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import shlex
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import IO, Self

import msgspec

from entrepot.domain.errors import ConfigurationError
from entrepot.domain.own_bucket import OwnBucket

PROFILE = "entrepot"
_MOST_SLOTS = 1_024
_CREDENTIALS = Path("aws", "credentials")
_CONFIG = Path("aws", "config")
_OF_FORMER_VERSIONS = ("engine.sqlite", "engine.sqlite-wal", "engine.sqlite-shm")


class FileLock:
    """One held lock; released by `release`, at the end of a `with` block, or by the death of the process."""

    def __init__(self, file: IO[str], path: Path) -> None:
        self._file = file
        self._path = path

    def is_in_place(self) -> bool:
        """Whether the path still leads to the file that is locked: not once its folder was removed."""
        try:
            return os.path.samestat(self._path.stat(), os.fstat(self._file.fileno()))
        except (FileNotFoundError, NotADirectoryError):
            return False

    def release(self) -> None:
        """Gives the lock back; the file stays, because removing it would let two processes hold one lock."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.release()


class DataDirectory:
    """A data directory that exists and can be written to."""

    def __init__(self, path: Path) -> None:
        """Creates it when it is not there. Raises `ConfigurationError` when it cannot be used."""
        self.path = path
        try:
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=path):
                pass
        except FileExistsError:
            raise ConfigurationError(
                f"The data directory {path} is not a folder. Name another one with --data-dir."
            ) from None
        except OSError as error:
            raise ConfigurationError(
                f"The data directory {path} cannot be made or written to: {error.strerror}. "
                "Mend that, or name another one with --data-dir."
            ) from None

    @property
    def assets(self) -> Path:
        """Where the local store keeps its bytes."""
        return self.path / "assets"

    @property
    def key_file(self) -> Path:
        return self.path / "secrets.key"

    @property
    def credentials_file(self) -> Path:
        """The keys of the first account, as the tools of AWS read them."""
        return self.path / _CREDENTIALS

    @property
    def config_file(self) -> Path:
        """Region and endpoint, as the tools of AWS read them."""
        return self.path / _CONFIG

    def instance_id(self) -> str:
        """Eight hex digits that name this directory for good; made by whoever asks first.

        Crash: the file appears whole or not at all, so nobody ever works under half a name.
        """
        path = self.path / "instance-id"
        while True:
            try:
                return path.read_text(encoding="ascii").strip()
            except FileNotFoundError:
                with suppress(FileExistsError):
                    create_whole_file(path, secrets.token_hex(4) + "\n")

    def note_own_bucket(self, own: OwnBucket | None) -> None:
        """Keeps where the server has its bytes for commands that do not know its settings.

        Crash: what the last start said is there, or what this one says.
        """
        if own is None:
            self._own_bucket_file.unlink(missing_ok=True)
        elif own != self.own_bucket():
            write_private_file(self._own_bucket_file, msgspec.json.encode(own).decode() + "\n")

    def own_bucket(self) -> OwnBucket | None:
        """Where the server that was last started here has its bytes; None where they are in a folder."""
        try:
            return msgspec.json.decode(self._own_bucket_file.read_bytes(), type=OwnBucket)
        except (FileNotFoundError, msgspec.MsgspecError):
            return None  # the next start of the server writes it

    @property
    def _own_bucket_file(self) -> Path:
        return self.path / "own-bucket"

    def lock_for_serving(self) -> FileLock:
        """Locks it for one server. Raises `ConfigurationError` naming the process that already serves it."""
        lock = _try_lock(self.path / "serve.lock")
        if lock is None:
            holder = (self.path / "serve.lock").read_text(encoding="ascii").strip() or "unknown"
            raise ConfigurationError(
                f"Another entrepot server (pid {holder}) already serves {self.path}. "
                "Stop it first, or name another folder with --data-dir."
            )
        return lock

    def remove_leftovers(self) -> None:
        """Removes what former versions kept here and nobody reads any more."""
        for name in _OF_FORMER_VERSIONS:
            (self.path / name).unlink(missing_ok=True)

    def lock_worker_slot(self) -> tuple[int, FileLock]:
        """Locks the lowest number that no other worker here has: a worker finds its own again."""
        folder = self.path / "workers"
        folder.mkdir(exist_ok=True)
        for slot in range(_MOST_SLOTS):
            lock = _try_lock(folder / f"{slot}.lock")
            if lock is not None:
                return slot, lock
        raise ConfigurationError(f"{_MOST_SLOTS} job workers already run on {self.path}; stop some of them.")


def profile_variables(path: Path) -> str:
    """The variables that select the profile of this data directory, as a shell reads them."""
    return (
        f"AWS_SHARED_CREDENTIALS_FILE={shlex.quote(str(path / _CREDENTIALS))} "
        f"AWS_CONFIG_FILE={shlex.quote(str(path / _CONFIG))} AWS_PROFILE={PROFILE}"
    )


def write_private_file(path: Path, text: str) -> None:
    """Writes a file that only its owner can read (0600).

    Crash: the old content or the new one is there, never a part of either.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    temporary = _temporary_file(path, text)
    temporary.replace(path)
    _sync_folder(path.parent)


def create_whole_file(path: Path, text: str) -> None:
    """Writes a file that only its owner can read (0600); raises `FileExistsError` where it is there already.

    Crash: the file is there whole and durable, or not at all; a temporary file may be left beside it.
    """
    temporary = _temporary_file(path, text)
    try:
        # Unlike a rename, a link never replaces what another process made in the meantime.
        os.link(temporary, path)
    finally:
        temporary.unlink()
    _sync_folder(path.parent)


def _temporary_file(beside: Path, text: str) -> Path:
    descriptor, name = tempfile.mkstemp(dir=beside.parent, prefix=f".{beside.name}-")
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    return Path(name)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _try_lock(path: Path) -> FileLock | None:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    file = os.fdopen(descriptor, "r+", encoding="ascii")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.close()
        return None
    file.truncate(0)
    file.write(f"{os.getpid()}\n")
    file.flush()
    return FileLock(file, path)
