"""`entrepot key create|list|disable`."""

from __future__ import annotations

import argparse
import os

from entrepot.cli.admin.database_access import on_exchange
from entrepot.cli.arguments import Parser, add_settings, settings_of
from entrepot.cli.terminal_text import print_json
from entrepot.client.client_errors import UsageError
from entrepot.database import accounts
from entrepot.database.connection import Database
from entrepot.domain.access_key import new_access_key
from entrepot.server.secrets import SecretBox

_DESCRIPTION = """\
Access keys of this exchange's accounts.

create prints a new key, whose secret is shown this one time. disable makes a key useless from the next second
on. All of it may be used while the server runs."""


def run(arguments: list[str]) -> int:
    parser = Parser("key", _DESCRIPTION)
    parser.add_argument("action", choices=("create", "list", "disable"))
    parser.add_argument("access_key_id", nargs="?", help="disable: which key")
    parser.add_argument("--account-id", help="create, list: whose; create needs it where there are several")
    add_settings(parser, ("data_dir", "database"))
    options = parser.parse_args(arguments)
    if (options.action == "disable") != (options.access_key_id is not None):
        parser.error("disable takes the id of a key, create and list take none")
    print_json({"create": _create, "list": _list, "disable": _disable}[options.action](options))
    return 0


def _create(options: argparse.Namespace) -> dict[str, object]:
    from entrepot.operations.accounts import add_key
    from entrepot.wiring.shared import clock

    access_key = new_access_key(os.urandom)

    async def create(database: Database, secrets: SecretBox) -> str:
        known = [account.account_id for account in await accounts.list_accounts(database)]
        account_id = _chosen(options.account_id, known)
        await add_key(database, secrets, account_id, access_key, clock())
        return account_id

    account_id = on_exchange(settings_of(options), create)
    return {"AccountId": account_id, "AccessKeyId": access_key[0], "SecretAccessKey": access_key[1]}


def _chosen(wanted: str | None, known: list[str]) -> str:
    if wanted is None:
        if len(known) == 1:
            return known[0]
        raise UsageError("name the account with --account-id; `entrepot account list` shows them")
    if wanted not in known:
        raise UsageError(f"there is no account {wanted}; `entrepot account list` shows them")
    return wanted


def _list(options: argparse.Namespace) -> dict[str, object]:
    account_id = options.account_id
    found = on_exchange(settings_of(options), lambda database, _: accounts.list_keys(database, account_id))
    return {
        "AccessKeys": [
            {
                "AccessKeyId": key.access_key_id,
                "AccountId": key.account_id,
                "Status": "Enabled" if key.enabled else "Disabled",
                "CreatedAt": key.created_at.isoformat(),
            }
            for key in found
        ]
    }


def _disable(options: argparse.Namespace) -> dict[str, object]:
    key_id = options.access_key_id
    if not on_exchange(settings_of(options), lambda db, _: accounts.set_key_enabled(db, key_id, False)):
        raise UsageError(f"there is no access key {key_id}; `entrepot key list` shows them")
    return {"AccessKeyId": key_id, "Status": "Disabled"}
