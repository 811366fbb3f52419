"""`entrepot datashare add|list|check|remove|credentials`."""

from __future__ import annotations

import argparse
import sys
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING

from entrepot.cli.admin.database_access import on_exchange, require_account
from entrepot.cli.arguments import Parser, add_settings, settings_of
from entrepot.cli.client_options import add_connection_options, open_client
from entrepot.cli.exit_codes import FAILED, SUCCESS
from entrepot.cli.jobs.outcome import report
from entrepot.cli.terminal_text import print_json
from entrepot.client.client_errors import ClientError, UsageError
from entrepot.database import datashares, external_access
from entrepot.database.connection import Database
from entrepot.domain.data_set import AssetType
from entrepot.domain.datashare import DatashareArn, PostgresqlShare, is_share_name, namespace_of, role_name
from entrepot.domain.errors import IntegrationError, ValidationFailed
from entrepot.domain.external_access import ExternalAccess
from entrepot.domain.scope import Scope
from entrepot.model import shapes
from entrepot.server.secrets import SecretBox
from entrepot.settings.environment import environment
from entrepot.settings.settings import Settings

if TYPE_CHECKING:
    from entrepot.integrations.postgresql_shares import PostgresqlShares, Reach


@dataclass(frozen=True, slots=True)
class Receiver:
    access: ExternalAccess
    role: str


async def receivers_of(database: Database, share: PostgresqlShare) -> list[Receiver]:
    """Finds who has a share, is about to have it, or to lose it."""
    found = []
    for access in await external_access.of_owner(database, share.owner, AssetType.REDSHIFT_DATA_SHARE):
        asset = shapes.decode(access.details_json, shapes.AssetDetails).redshift_data_share_asset
        if asset is not None and asset.arn == share.arn:
            found.append(Receiver(access, role_name(access.grant_id, access.asset_id)))
    return found


async def drop_roles(database: Database, databases: PostgresqlShares, share: PostgresqlShare) -> None:
    """Drops the roles of all receivers. Raises `IntegrationError`; what was dropped before it stays so."""
    for receiver in await receivers_of(database, share):
        await databases.withdraw(share, receiver.role)


_DESCRIPTION = """\
Datashares that a PostgreSQL database serves, for those without Amazon Redshift. Each is a schema, or some
tables and views of one, which an account may share as an asset of a data set. Whoever accepts a data grant of
it gets a role of its own in that database, which can read what is shared and nothing else, until the grant
ends.

add makes a share known and prints its ARN, for jobs of type IMPORT_ASSETS_FROM_REDSHIFT_DATA_SHARES. It first
tries, and undoes, all that will be done for a receiver; so the user in the URL must be able to create roles
and to grant what is shared. It refuses where a receiver could reach more than the share, since much of a
PostgreSQL is open to everybody unless that is taken back, and prints the SQL that takes it back. The URL is
kept encrypted and never shown again. On the command line its password is seen by others: --database - reads
it from standard input, and without --database it comes from ENTREPOT_DATASHARE_DATABASE.

list shows the shares and who has them. check looks again at how far receivers reach. remove takes the share
from everybody and forgets it.

credentials is for receivers: it prints a login for the asset of that id. Each time it makes another password;
the former one, and the sessions that it began, come to an end."""
_TAKES = {
    "add": "add takes a name, --account, --schema, and perhaps --database, --table, --endpoint, --region",
    "list": "list takes no further word",
    "check": "check takes the name or the ARN of a share, perhaps --account and --region",
    "remove": "remove takes the name or the ARN of a share, perhaps --account, --region and --force",
    "credentials": "credentials takes the id of an entitled asset, and which exchange is meant",
}
_URL_VARIABLE = "ENTREPOT_DATASHARE_DATABASE"
_LONGEST_URL = 4096


def run(arguments: list[str]) -> int:
    options = _parsed(arguments)
    if options.action == "credentials":
        return _credentials(options)
    if options.action == "check":
        return _check(options)
    actions = {"add": _add, "list": _list, "remove": _remove}
    print_json(actions[options.action](options, settings_of(options)))
    return SUCCESS


def _parsed(arguments: list[str]) -> argparse.Namespace:
    parser = Parser("datashare", _DESCRIPTION)
    parser.add_argument("action", choices=tuple(_TAKES))
    subject = "NAME|ARN|ASSET-ID"
    parser.add_argument("subject", nargs="?", metavar=subject, help="add: what it is called; else which one")
    parser.add_argument("--account", metavar="ID", help="add: whose it is; check, remove: where names differ")
    parser.add_argument(
        "--database",
        dest="share_database",
        metavar="URL",
        help="add: postgresql://…; - reads it from standard input",
    )
    parser.add_argument("--schema", metavar="NAME", help="add: the schema that is shared")
    parser.add_argument(
        "--table",
        action="append",
        metavar="NAME",
        help="add: a table or view of it; may be repeated. Without it all are shared, later ones too",
    )
    parser.add_argument(
        "--endpoint",
        metavar="HOST[:PORT]",
        help="add: where receivers reach the database, if not where this server does",
    )
    parser.add_argument(
        "--accept-reach", action="store_true", help="add: though receivers can reach more than the share"
    )
    parser.add_argument(
        "--force", action="store_true", help="remove: though its database cannot be reached; roles stay there"
    )
    add_settings(parser, ("data_dir", "auth"))
    add_connection_options(parser)
    options = parser.parse_args(arguments)
    if not _fits(options):
        parser.error(_TAKES[options.action])
    return options


def _fits(options: argparse.Namespace) -> bool:
    """Whether the action is given what it takes and nothing else."""
    action: str = options.action
    only_add = (options.share_database, options.schema, options.table, options.endpoint)
    return (
        (options.subject is None) == (action == "list")
        and (action == "add" or (all(value is None for value in only_add) and not options.accept_reach))
        and (action != "add" or (options.account is not None and options.schema is not None))
        and (options.account is None or action in {"add", "check", "remove"})
        and (not options.force or action == "remove")
    )


def _add(options: argparse.Namespace, settings: Settings) -> dict[str, object]:
    from entrepot.database.postgresql import connection_text
    from entrepot.integrations.postgresql_shares import PostgresqlShares, split_endpoint
    from entrepot.wiring.shared import clock

    if not is_share_name(options.subject):
        raise UsageError("the name of a share has 1 to 127 characters, none of them a control character")
    if options.schema.startswith("pg_") or options.schema == "information_schema":
        raise UsageError(f"schema {options.schema!r} is the system's own and cannot be shared")
    try:
        if options.endpoint is not None:
            split_endpoint(options.endpoint)
    except ValueError as error:
        raise UsageError(f"--endpoint takes a host, or a host and a port: {error}") from None
    url = _url(options)

    async def add(database: Database, secrets: SecretBox) -> PostgresqlShare:
        await require_account(database, settings.auth, options.account)
        owner = Scope(options.account, settings.region)
        arn = DatashareArn(
            owner, namespace_of(owner, secrets.derive("datashare namespaces")), options.subject
        )
        if await datashares.get(database, arn) is not None:
            raise UsageError(f"there is a datashare {arn} already; remove it first to change it")
        share = PostgresqlShare(
            arn=str(arn),
            owner=owner,
            name=options.subject,
            encrypted_database_url=secrets.seal(url.encode(), str(arn)),
            schema=options.schema,
            created_at=clock(),
            tables=None if options.table is None else tuple(dict.fromkeys(options.table)),
            endpoint=options.endpoint,
        )
        databases = PostgresqlShares(lambda _: connection_text(url)[0])
        try:
            databases.place(share)
            found = await databases.reach(share)
        except IntegrationError as error:
            raise _failed(error) from error
        _judge(found, accepted=options.accept_reach)
        await datashares.insert(database, share)
        return share

    share = on_exchange(settings, add)
    return {"Arn": share.arn, "AccountId": share.owner.account_id, "Name": share.name}


def _url(options: argparse.Namespace) -> str:
    if options.share_database == "-":
        url = sys.stdin.readline(_LONGEST_URL).strip()
    else:
        url = options.share_database or environment().get(_URL_VARIABLE, "")
        user = url.partition("://")[2].partition("@")[0]
        if options.share_database is not None and "@" in url and ":" in user:
            print(
                "note: others on this machine may have seen the password on the command line, and the shell "
                "may keep it; --database - reads the URL from standard input",
                file=sys.stderr,
            )
    if not url.startswith(("postgresql://", "postgres://")):
        raise UsageError(
            f"--database, or {_URL_VARIABLE}, takes a URL: postgresql://user:password@host:port/database"
        )
    return str(url)


def _judge(found: list[Reach], *, accepted: bool) -> None:
    """Raises `UsageError` where receivers reach more than the share, unless that is accepted."""
    if not found:
        return
    lines = [f"  they can {reach.what}\n      {reach.remedy}".rstrip() for reach in found]
    print("Receivers of this share could reach more of its database:", *lines, sep="\n", file=sys.stderr)
    if not accepted:
        raise UsageError(
            "nothing was added. Run the statements above there, as a superuser, and grant again what others "
            "need; or add the share all the same with --accept-reach"
        )


def _list(options: argparse.Namespace, settings: Settings) -> dict[str, object]:
    async def list_all(database: Database, secrets: SecretBox) -> object:
        return [
            {
                "Arn": share.arn,
                "AccountId": share.owner.account_id,
                "Name": share.name,
                "Schema": share.schema,
                "Tables": "all" if share.tables is None else list(share.tables),
                **({} if share.endpoint is None else {"Endpoint": share.endpoint}),
                "CreatedAt": share.created_at.isoformat(),
                "Receivers": [
                    {
                        "AccountId": receiver.access.receiver_id,
                        "Role": receiver.role,
                        "State": receiver.access.state.value,
                        **({} if receiver.access.error is None else {"Error": receiver.access.error}),
                    }
                    for receiver in await receivers_of(database, share)
                ],
            }
            for share in await datashares.list_all(database)
        ]

    return {"Datashares": on_exchange(settings, list_all)}


def _check(options: argparse.Namespace) -> int:
    from entrepot.integrations.postgresql_shares import PostgresqlShares
    from entrepot.wiring.integrations import share_opener

    async def check(database: Database, secrets: SecretBox) -> tuple[PostgresqlShare, list[Reach]]:
        share = await _chosen(database, options)
        databases = PostgresqlShares(share_opener(secrets))
        try:
            return share, await databases.reach(share)
        except IntegrationError as error:
            raise _failed(error) from error

    share, found = on_exchange(settings_of(options), check)
    reach = [{"ReceiversCan": each.what, "Remedy": each.remedy} for each in found]
    print_json({"Arn": share.arn, "Reach": reach})
    return FAILED if found else SUCCESS


def _remove(options: argparse.Namespace, settings: Settings) -> dict[str, object]:
    from entrepot.integrations.postgresql_shares import PostgresqlShares
    from entrepot.wiring.integrations import share_opener
    from entrepot.wiring.shared import clock

    async def remove(database: Database, secrets: SecretBox) -> dict[str, object]:
        share = await _chosen(database, options)
        databases = PostgresqlShares(share_opener(secrets))
        receivers = await receivers_of(database, share)
        try:
            await drop_roles(database, databases, share)
        except IntegrationError as error:
            if not options.force:
                raise _failed(error) from error
        await datashares.remove(database, DatashareArn.parse(share.arn, "Arn"))
        left: list[str] = []
        try:
            # Once more: a worker may have made one between the two.
            await drop_roles(database, databases, share)
        except IntegrationError:
            left = [receiver.role for receiver in receivers]
        for receiver in receivers:  # so a worker finds out at once, and tells them
            await external_access.give_again(database, receiver.access, clock())
        return {"Arn": share.arn, "Status": "Removed", **({"RolesLeft": left} if left else {})}

    return on_exchange(settings, remove)


async def _chosen(database: Database, options: argparse.Namespace) -> PostgresqlShare:
    """Finds the share that is meant. Raises `UsageError` where that is none, or several."""
    found = [
        share
        for share in await datashares.list_all(database)
        if options.subject in {share.arn, share.name}
        and options.account in {None, share.owner.account_id}
        and (options.region is None or options.region == share.owner.region)
    ]
    if not found:
        raise UsageError(f"there is no datashare {options.subject!r}; `entrepot datashare list` shows them")
    if len(found) > 1:
        raise UsageError(f"several datashares are called {options.subject!r}; name one by its ARN")
    return found[0]


def _credentials(options: argparse.Namespace) -> int:
    if not (options.subject.isascii() and options.subject.isalnum()):
        raise UsageError("credentials takes the id of an asset, as list-revision-assets shows it")
    try:
        with closing(open_client(options)) as client:
            path = f"/entrepot/datashares/{options.subject}/credentials"
            print_json(client.post_json(path, "CreateDatashareCredentials"))
    except ClientError as error:
        return report(error)
    return SUCCESS


def _failed(error: IntegrationError) -> UsageError:
    """The error for whoever runs the exchange: with what the database said."""
    cause = error.__cause__
    said = "" if cause is None or isinstance(cause, ValidationFailed) else " ".join(str(cause).split())
    return UsageError(f"{error.message} ({said})" if said and said not in error.message else error.message)
