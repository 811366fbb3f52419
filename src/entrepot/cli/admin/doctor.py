"""`entrepot doctor`: versions, settings with their sources, and whether what they name can be reached.

It changes nothing: what a first start would make, it reports as not there yet.
"""

from __future__ import annotations

import asyncio
import os
import platform
import socket
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import urlsplit

from entrepot import __version__
from entrepot.cli.arguments import Parser, add_settings, settings_of
from entrepot.cli.exit_codes import FAILED, SUCCESS
from entrepot.cli.terminal_text import print_json, print_text, printable
from entrepot.domain.errors import EntrepotError
from entrepot.settings.settings import Settings, without_password
from entrepot.settings.values import AuthMode

if TYPE_CHECKING:
    from entrepot.database.connection import Database

_T = TypeVar("_T")
_DESCRIPTION = """\
Shows versions, every setting with where it comes from, and whether database and stores can be reached.
Exits with 1 when something of it fails."""
_PACKAGES = ("uvicorn", "httptools", "uvloop", "msgspec", "sqlalchemy", "psycopg", "botocore", "awscrt")
_CONNECT_SECONDS = 5.0

_NAMES = 28
"""How wide the column of names is."""


@dataclass(frozen=True, slots=True)
class _Finding:
    subject: str
    well: bool
    words: str


def run(arguments: list[str]) -> int:
    """Prints the report; 0 when all is well, else 1."""
    parser = Parser("doctor", _DESCRIPTION)
    parser.add_argument(
        "--output", choices=("text", "json"), default="text", help="for people (the default), or for scripts"
    )
    add_settings(parser)
    options = parser.parse_args(arguments)
    settings = settings_of(options)
    if options.output == "json":
        return _report(settings)
    _say("versions")
    for name, shown in _versions():
        _say(f"  {name:{_NAMES}} {shown}")
    _say("settings")
    for name, value, source in settings.described():
        _say(f"  {name:{_NAMES}} {value or '-'}  ({source})")
    _say("reachability")
    well = _print(list(_examine(settings)))
    _say("services outside")
    return SUCCESS if _print(list(_integrations(settings))) and well else FAILED


def _say(text: str) -> None:
    print_text(printable(text))


def _print(findings: list[_Finding]) -> bool:
    for finding in findings:
        _say(f"  {finding.subject:{_NAMES}} {'ok' if finding.well else 'FAILED'}: {finding.words}")
    return all(finding.well for finding in findings)


def _report(settings: Settings) -> int:
    """The same as one JSON document."""
    groups = {"Reachability": list(_examine(settings)), "Services": list(_integrations(settings))}
    well = all(finding.well for findings in groups.values() for finding in findings)
    print_json(
        {
            "Well": well,
            "Versions": dict(_versions()),
            "Settings": [
                {"Name": name, "Value": value, "Source": source}
                for name, value, source in settings.described()
            ],
            **{
                name: [{"Subject": one.subject, "Well": one.well, "Words": one.words} for one in findings]
                for name, findings in groups.items()
            },
        }
    )
    return SUCCESS if well else FAILED


def _versions() -> Iterator[tuple[str, str]]:
    yield "entrepot", __version__
    yield "python", f"{platform.python_version()} on {platform.system()} {platform.release()}"
    for package in _PACKAGES:
        try:
            yield package, version(package)
        except PackageNotFoundError:
            yield package, "not installed"


def _examine(settings: Settings) -> Iterator[_Finding]:
    yield _data_directory(settings.data_dir)
    database = _database(settings)
    yield database
    if database.well and (buckets := _buckets(settings)) is not None:
        yield buckets
    yield _own_store(settings)
    if settings.s3_endpoint_url is not None:
        yield _endpoint("S3 endpoint", settings.s3_endpoint_url)


def _integrations(settings: Settings) -> Iterator[_Finding]:
    """Looks at AWS services. One that is not configured is well. AWS itself is not called."""
    from entrepot.wiring.integrations import make_aws_services

    for service, endpoint in make_aws_services(settings).described():
        if endpoint is None:
            yield _Finding(service.full_name, True, "AWS's own endpoint of each Region")
        elif endpoint:
            yield _endpoint(service.full_name, endpoint)
        else:
            yield _Finding(service.full_name, True, f"not configured; {service.setting} is not set")


def _data_directory(path: Path) -> _Finding:
    if not path.exists():
        return _Finding("data directory", True, f"{path} is not there yet; the first start makes it")
    if not path.is_dir():
        return _Finding("data directory", False, f"{path} is not a folder")
    well = os.access(path, os.R_OK | os.W_OK | os.X_OK)
    return _Finding("data directory", well, f"{path} {'can' if well else 'cannot'} be written to")


def _database(settings: Settings) -> _Finding:
    url = settings.database
    shown = without_password(url)
    file = Path(url.removeprefix("sqlite:///"))
    if url.startswith("sqlite") and not file.exists():
        if file.parent != settings.data_dir and not file.parent.is_dir():
            return _Finding("database", False, f"{shown} cannot be made: there is no folder {file.parent}")
        return _Finding("database", True, f"{shown} is not there yet; the first start makes it")
    try:
        current = asyncio.run(_ask(url, _is_current))
    except EntrepotError as error:
        return _Finding("database", False, error.message)
    words = "answers" if current else "answers; its schema is older, the next start migrates it"
    return _Finding("database", True, f"{shown} {words}")


async def _ask(url: str, question: Callable[[Database], Awaitable[_T]]) -> _T:
    from entrepot.database.connection import open_database

    database = await open_database(url)
    try:
        return await question(database)
    finally:
        await database.close()


async def _is_current(database: Database) -> bool:
    from entrepot.database.migrate import schema_is_current

    await database.check()
    return await schema_is_current(database)


def _buckets(settings: Settings) -> _Finding | None:
    """Who may use which bucket; None where the database cannot say it yet."""
    if (
        settings.database.startswith("sqlite")
        and not Path(settings.database.removeprefix("sqlite:///")).exists()
    ):
        return None
    try:
        accounts, permissions = asyncio.run(_ask(settings.database, _count_permissions))
    except EntrepotError:
        return None  # the line on the database says why
    counted = f"{permissions} permission{'' if permissions == 1 else 's'} of accounts"
    if settings.auth is AuthMode.TRUST:
        words = f"open to every account (trust mode); {counted}"
    elif accounts <= 1:
        words = f"open to the one account of the exchange; {counted}"
    else:
        words = f"each of {accounts} accounts uses what it was allowed; {counted}"
    return _Finding("users' buckets", True, words)


async def _count_permissions(database: Database) -> tuple[int, int]:
    """How many accounts and permissions for buckets there are. Raises `DatabaseError`."""
    from entrepot.database import accounts, bucket_permissions

    return len(await accounts.list_accounts(database)), await bucket_permissions.count(database)


def _own_store(settings: Settings) -> _Finding:
    from entrepot.wiring.shared import S3, own_store

    shown = str(settings.store) or str(settings.assets_folder)
    if settings.store.is_folder and not settings.assets_folder.exists():
        return _Finding("store", True, f"{shown} is not there yet; the first start makes it")
    s3 = S3(settings)
    try:
        own_store(settings, s3).check()
    except EntrepotError as error:
        return _Finding("store", False, error.message)
    finally:
        s3.close()
    return _Finding("store", True, f"{shown} can be written to")


def _endpoint(subject: str, url: str) -> _Finding:
    parts = urlsplit(url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    try:
        with socket.create_connection((parts.hostname or "", port), timeout=_CONNECT_SECONDS):
            return _Finding(subject, True, f"{url} accepts connections")
    except OSError as error:
        return _Finding(subject, False, f"{url} cannot be reached: {error}")
