"""`entrepot bucket allow|list|deny`."""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from entrepot.cli.admin.database_access import on_exchange, require_account
from entrepot.cli.arguments import Parser, add_settings, settings_of
from entrepot.cli.terminal_text import print_json
from entrepot.client.client_errors import UsageError
from entrepot.client.configuration import Configuration
from entrepot.database import bucket_permissions
from entrepot.domain.bucket_permission import BucketPermission, bucket_problem, prefix_problem
from entrepot.settings.environment import environment
from entrepot.settings.values import read_region, read_service_endpoint
from entrepot.sigv4.signature_parameters import Credentials
from entrepot.transfer.account_buckets import own_bucket_problem, sealed_credentials

if TYPE_CHECKING:
    from entrepot.database.connection import Database
    from entrepot.server.secrets import SecretBox

_Value = TypeVar("_Value")
_DESCRIPTION = """\
Which account may use which bucket: read it for imports, write to it for exports.

An exchange with a single account needs none of this: there the server's own endpoint and credentials apply to
every bucket. As soon as there are two accounts, each may use what it was allowed and nothing else. All of it
may be changed while the server runs; jobs that start from then on go by it.

allow says where the bucket is and by whose credentials it is used, where that is not the server's. Allowing
the same account, bucket and prefix again replaces what was there. Credentials are never words of the command
line, where others could see them: --credentials reads {"AccessKeyId": …, "SecretAccessKey": …,
"SessionToken": …} from a file or from standard input, --profile from the files of the AWS CLI. They are kept
encrypted and never shown again."""
_KEY = re.compile(r"[\x21-\x7e]+")
_LONGEST_DOCUMENT = 64 * 1024


def run(arguments: list[str]) -> int:
    parser = Parser("bucket", _DESCRIPTION)
    parser.add_argument("action", choices=("allow", "list", "deny"))
    parser.add_argument("bucket", nargs="?", help="allow, deny: the bucket's name")
    parser.add_argument(
        "--account", metavar="ID", help="whose permission; list shows those of all without it"
    )
    parser.add_argument("--read", action="store_true", help="allow: import its objects")
    parser.add_argument("--write", action="store_true", help="allow: export to it")
    parser.add_argument(
        "--prefix",
        default="",
        metavar="TEXT",
        help="allow, deny: only keys that begin with it; end it with a slash to mean a folder",
    )
    parser.add_argument("--endpoint-url", metavar="URL", help="allow: where the bucket is; aws for Amazon S3")
    parser.add_argument("--region", dest="bucket_region", metavar="NAME", help="allow: the bucket's Region")
    parser.add_argument("--credentials", metavar="FILE", help="allow: a JSON file; - is standard input")
    parser.add_argument(
        "--profile", metavar="NAME", help="allow: credentials as this AWS profile has them now"
    )
    add_settings(parser, ("data_dir", "database", "auth"))
    options = parser.parse_args(arguments)
    _require_fitting(parser, options)
    print_json({"allow": _allow, "list": _list, "deny": _deny}[options.action](options))
    return 0


def _require_fitting(parser: Parser, options: argparse.Namespace) -> None:
    of_allow = {
        "--read": options.read,
        "--write": options.write,
        "--endpoint-url": options.endpoint_url,
        "--region": options.bucket_region,
        "--credentials": options.credentials,
        "--profile": options.profile,
    }
    given = [flag for flag, value in of_allow.items() if value]
    if options.action == "list":
        if options.bucket is not None or options.prefix or given:
            parser.error("list takes --account and nothing else")
        return
    if options.bucket is None or options.account is None:
        parser.error(f"{options.action} takes the name of a bucket, and the account with --account")
    if options.action == "deny" and given:
        parser.error(f"deny takes away the whole permission; leave {given[0]} out")
    if options.action == "allow" and not (options.read or options.write):
        parser.error("say what is allowed: --read, --write, or both")
    if options.credentials is not None and options.profile is not None:
        parser.error("give --credentials or --profile, not both")


def _allow(options: argparse.Namespace) -> dict[str, object]:
    from entrepot.server.data_directory import DataDirectory
    from entrepot.wiring.shared import clock

    settings = settings_of(options)
    _require_names(options)
    if "@" in (options.endpoint_url or ""):
        raise UsageError("--endpoint-url takes no user and no password; keys come by --credentials")
    endpoint_url = _read("--endpoint-url", options.endpoint_url, read_service_endpoint)
    region = _read("--region", options.bucket_region, read_region)
    credentials = _credentials(options)
    own = DataDirectory(settings.data_dir).own_bucket()
    if own is not None and not own.leaves_to_others(options.prefix):
        refusal = own_bucket_problem(own, options.bucket, endpoint_url, credentials is not None)
        if refusal is not None:
            raise UsageError(refusal)

    async def allow(database: Database, secrets: SecretBox) -> BucketPermission:
        sole = await require_account(database, settings.auth, options.account)
        permission = BucketPermission(
            account_id=options.account,
            bucket=options.bucket,
            prefix=options.prefix,
            may_read=options.read,
            may_write=options.write,
            endpoint_url=endpoint_url,
            region=region,
            encrypted_credentials=None,
            created_at=clock(),
        )
        if credentials is not None:
            sealed = sealed_credentials(secrets, credentials, permission.sealing_context)
            permission = replace(permission, encrypted_credentials=sealed)
        await bucket_permissions.put(database, permission)
        if sole:
            print(
                "note: this exchange has one account, which may use every bucket that the server's own "
                "credentials open; beside that, this permission counts from the second account on",
                file=sys.stderr,
            )
        return permission

    return _shown(on_exchange(settings, allow))


def _list(options: argparse.Namespace) -> dict[str, object]:
    async def list_all(database: Database, secrets: SecretBox) -> list[BucketPermission]:
        if options.account is None:
            return await bucket_permissions.every(database)
        return await bucket_permissions.of_account(database, options.account)

    return {"BucketPermissions": [_shown(each) for each in on_exchange(settings_of(options), list_all)]}


def _deny(options: argparse.Namespace) -> dict[str, object]:
    which = options.account, options.bucket, options.prefix
    if not on_exchange(settings_of(options), lambda db, _: bucket_permissions.remove(db, *which)):
        under = f" under the prefix {options.prefix!r}" if options.prefix else ""
        raise UsageError(
            f"account {options.account} has no permission for bucket {options.bucket}{under}; "
            "`entrepot bucket list` shows what there is"
        )
    account, bucket, prefix = which
    return {"AccountId": account, "Bucket": bucket, "Prefix": prefix, "Status": "Denied"}


def _require_names(options: argparse.Namespace) -> None:
    for what, problem in (
        (f"bucket {options.bucket!r}", bucket_problem(options.bucket)),
        (f"--prefix {options.prefix!r}", prefix_problem(options.prefix)),
    ):
        if problem is not None:
            raise UsageError(f"{what} cannot be used: {problem}")


def _read(flag: str, text: str | None, read: Callable[[str], _Value]) -> _Value | None:
    if text is None:
        return None
    try:
        return read(text)
    except ValueError as error:
        raise UsageError(f"{flag} takes {error}") from None


def _credentials(options: argparse.Namespace) -> Credentials | None:
    if options.profile is not None:
        found = _of_profile(options.profile)
    elif options.credentials is not None:
        found = _of_document(options.credentials)
    else:
        return None
    parts = (found.access_key_id, found.secret_access_key, found.session_token or "-")
    if not all(_KEY.fullmatch(part) for part in parts):
        raise UsageError("the credentials hold characters that no key has; check where they come from")
    if found.session_token is not None:
        print(
            "note: credentials with a session token are temporary; allow the bucket again before they expire",
            file=sys.stderr,
        )
    return found


def _of_profile(name: str) -> Credentials:
    """Reads keys from an AWS profile. Raises `UsageError` unless it has its own: others do not last."""
    section = Configuration(environment(), name).section()
    keys = [section.get(key) for key in ("aws_access_key_id", "aws_secret_access_key")]
    token = section.get("aws_session_token")
    if not all(isinstance(key, str) and key for key in keys):
        raise UsageError(
            f"profile {name!r} has no aws_access_key_id and aws_secret_access_key of its own; "
            "give the keys with --credentials"
        )
    return Credentials(str(keys[0]), str(keys[1]), str(token) if token else None)


def _of_document(place: str) -> Credentials:
    """Reads keys from JSON. Raises `UsageError`, which repeats nothing of what was read or named."""
    try:
        with nullcontext(sys.stdin) if place == "-" else Path(place).open(encoding="utf-8") as file:
            text = file.read(_LONGEST_DOCUMENT)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no text"
        raise UsageError(f"the file of --credentials cannot be read: {reason}") from None
    try:
        document = json.loads(text)
    except ValueError:
        document = None
    if isinstance(document, Mapping):
        nested = document.get("Credentials")  # as `aws sts assume-role` prints them
        document = nested if isinstance(nested, Mapping) else document
        keys = [document.get(key) for key in ("AccessKeyId", "SecretAccessKey")]
        token = document.get("SessionToken")
        if all(isinstance(key, str) and key for key in keys) and isinstance(token, str | None):
            return Credentials(str(keys[0]), str(keys[1]), token or None)
    raise UsageError(
        'what --credentials names must be JSON: {"AccessKeyId": "…", "SecretAccessKey": "…"}, and perhaps '
        '"SessionToken"'
    )


def _shown(permission: BucketPermission) -> dict[str, object]:
    """The permission without its credentials."""
    shown: dict[str, object] = {
        "AccountId": permission.account_id,
        "Bucket": permission.bucket,
        "Prefix": permission.prefix,
        "Read": permission.may_read,
        "Write": permission.may_write,
        "HasCredentials": permission.encrypted_credentials is not None,
        "CreatedAt": permission.created_at.isoformat(),
    }
    if permission.endpoint_url is not None:
        shown["EndpointUrl"] = permission.endpoint_url
    if permission.region is not None:
        shown["Region"] = permission.region
    return shown
