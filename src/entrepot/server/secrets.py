"""Secrets at rest: one key file is the root of all of them.

From the 32 random bytes of the file follow, by HKDF-SHA256 and each for its own purpose, the key that seals
the secrets of access keys (AES-256-GCM) and those that sign page tokens and URLs. Losing the file means that
every access key must be made anew; nothing else that the exchange keeps depends on it.
"""

from __future__ import annotations

import base64
import hmac
import logging
import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING

from entrepot.domain.errors import ConfigurationError
from entrepot.server.data_directory import create_whole_file

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_LENGTH = 32
_NONCE_LENGTH = 12
_HEADING = "entrepot-key-1:"
_SEALED = "1:"
_logger = logging.getLogger(__name__)


def create_key_file(key_file: Path) -> bool:
    """Makes a new key file, readable by its owner alone, unless there is one; says whether it made one.

    When several processes do this at once, one file wins and all of them use it. Raises `ConfigurationError`
    when the file cannot be written.
    Crash: the file is there whole and durable, or not at all; a temporary file may be left beside it.
    """
    text = _HEADING + base64.b64encode(os.urandom(_LENGTH)).decode("ascii") + "\n"
    try:
        if key_file.exists():
            return False
        create_whole_file(key_file, text)
    except FileExistsError:
        return False
    except OSError as error:
        raise ConfigurationError(
            f"The key file {key_file} cannot be written: {error.strerror or error}. "
            "Make its folder writable, or choose another data directory."
        ) from error
    return True


class SecretBox:
    """Seals and opens secrets, and derives keys, with the key file that it is given.

    Raises `ConfigurationError` when the file is missing, cannot be read or is no key file, and warns in the
    log when other users of the machine may read it.
    """

    def __init__(self, key_file: Path) -> None:
        self._key_file = key_file
        self._root = _read_key_file(key_file)
        self._kept_cipher: AESGCM | None = None

    def seal(self, secret: bytes, context: str) -> str:
        """The secret encrypted, as printable text; only with the same context can it be opened again.

        The context, which is not secret, binds the text to its place: the access key id, for instance.
        """
        nonce = os.urandom(_NONCE_LENGTH)
        sealed = self._cipher().encrypt(nonce, secret, context.encode())
        return _SEALED + base64.b64encode(nonce + sealed).decode("ascii")

    def open(self, sealed: str, context: str) -> bytes:
        """The secret; raises `ConfigurationError` when it was sealed with another key file or context."""
        from cryptography.exceptions import InvalidTag

        try:
            content = base64.b64decode(sealed.removeprefix(_SEALED), validate=True)
            return self._cipher().decrypt(content[:_NONCE_LENGTH], content[_NONCE_LENGTH:], context.encode())
        except (InvalidTag, ValueError) as error:
            raise ConfigurationError(
                f"The secret of {context!r} cannot be decrypted with the key file {self._key_file}. Restore "
                "the key file that belongs to this database, or make a new access key."
            ) from error

    def derive(self, purpose: str) -> bytes:
        """32 bytes that follow from the key file and the purpose, unlike those of any other purpose."""
        # HKDF-SHA256 (RFC 5869) of one block is two HMACs; `cryptography` takes 20 ms to import for it.
        extracted = hmac.digest(b"entrepot", self._root, "sha256")
        return hmac.digest(extracted, purpose.encode() + b"\x01", "sha256")

    def _cipher(self) -> AESGCM:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        if self._kept_cipher is None:
            self._kept_cipher = AESGCM(self.derive("secrets at rest"))
        return self._kept_cipher


def _read_key_file(key_file: Path) -> bytes:
    try:
        with key_file.open("rb") as file:
            mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
            text = file.read(1024).decode("ascii", "replace").strip()
    except FileNotFoundError:
        raise ConfigurationError(
            f"There is no key file {key_file}. Restore it from a backup: without it the secrets of the "
            "access keys cannot be read. In a new data directory `entrepot serve` creates one."
        ) from None
    except OSError as error:
        raise ConfigurationError(
            f"The key file {key_file} cannot be read: {error.strerror or error}. "
            "The user that runs Entrepot must own it."
        ) from error
    if mode & 0o077:
        _logger.warning(
            "Other users of this machine may read the key file %s. Run: chmod 600 %s", key_file, key_file
        )
    try:
        root = base64.b64decode(text.removeprefix(_HEADING), validate=True)
    except ValueError:
        root = b""
    if not text.startswith(_HEADING) or len(root) != _LENGTH:
        raise ConfigurationError(
            f"{key_file} is not a key file of Entrepot, or is damaged. Restore it from a backup."
        )
    return root
