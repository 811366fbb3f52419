"""Makes what an exchange needs before its first request: a key file, an account, a profile for AWS tools."""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable

from entrepot.database.connection import Connection
from entrepot.domain.access_key import new_access_key
from entrepot.domain.timestamp import Timestamp
from entrepot.operations.accounts import add_account, has_accounts, new_account_id
from entrepot.server.data_directory import PROFILE, DataDirectory, profile_variables, write_private_file
from entrepot.server.secrets import SecretBox, create_key_file
from entrepot.settings.environment import default_data_directory, environment
from entrepot.settings.settings import Settings


async def open_secrets(directory: DataDirectory, database: Connection) -> SecretBox:
    """The exchange's secrets; the key file is made where the exchange has no accounts yet.

    With accounts a new file would be of no use: their secrets are sealed with the one that is missing.
    Raises `ConfigurationError`.
    """
    if not directory.key_file.exists() and not await has_accounts(database):
        create_key_file(directory.key_file)
    return SecretBox(directory.key_file)


async def ensure_first_account(
    settings: Settings,
    database: Connection,
    secrets: SecretBox,
    directory: DataDirectory,
    clock: Callable[[], Timestamp],
) -> bool:
    """Makes the first account unless there is one; whether it did.

    Crash: the key is in the file before it is in the database, so that no key is ever good that nobody has;
    the next start makes another one and replaces the file.
    """
    if await has_accounts(database):
        if directory.credentials_file.exists():
            _write_config(settings, directory)
        return False
    access_key_id, secret = new_access_key(os.urandom)
    write_private_file(
        directory.credentials_file,
        f"[{PROFILE}]\naws_access_key_id = {access_key_id}\naws_secret_access_key = {secret}\n",
    )
    _write_config(settings, directory)
    await add_account(database, secrets, new_account_id(), "default", (access_key_id, secret), clock())
    return True


def usage(directory: DataDirectory, url: str) -> list[str]:
    """Says what to type to use the exchange, with this program and with the AWS CLI."""
    is_default = str(directory.path) == default_data_directory(environment())
    where = "" if is_default else f"ENTREPOT_DATA_DIR={shlex.quote(str(directory.path))} "
    return [
        f"  {where}entrepot list-jobs",
        "and for the AWS CLI and the SDKs of AWS:",
        f"  {profile_variables(directory.path)} aws dataexchange list-jobs",
        "Export the three variables, and every aws command for dataexchange goes there. An AWS CLI before",
        f"2.13 (or 1.29) does not read the endpoint from them: add --endpoint-url {url}",
    ]


def _write_config(settings: Settings, directory: DataDirectory) -> None:
    """Writes Region and endpoint; the endpoint moves with the port, so every start does it."""
    text = f"[profile {PROFILE}]\nregion = {settings.region}\nendpoint_url = {settings.local_url}\n"
    path = directory.config_file
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        write_private_file(path, text)
