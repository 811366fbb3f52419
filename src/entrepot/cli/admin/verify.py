"""`entrepot verify`: re-reads stored assets and proves their checksums."""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from entrepot.cli.admin.database_access import on_exchange
from entrepot.cli.arguments import Parser, add_settings, settings_of
from entrepot.cli.exit_codes import FAILED, SUCCESS
from entrepot.cli.terminal_text import print_json
from entrepot.client.client_errors import UsageError
from entrepot.database import stored_assets
from entrepot.database.connection import Database
from entrepot.domain.asset import Asset, Proof
from entrepot.domain.errors import StoreError
from entrepot.server.secrets import SecretBox
from entrepot.settings.settings import Settings

if TYPE_CHECKING:
    from entrepot.transfer.transfer import Transfer
    from entrepot.transfer.verification import Pace

_DESCRIPTION = """\
Reads what the exchange has stored and compares it with the checksums that were recorded when it was imported.

What is damaged or missing is listed, and marked: exports, signed URLs and fetch refuse such an asset by name,
until its bytes are right again and verify has read them. An asset without a checksum, as earlier versions
made them by server-side copies, is compared with its ETag, and gets one.

It may run beside the server. Assets that were found right within the last day are skipped, so that a run that
was interrupted goes on where it was. It ends with 1 where anything is wrong."""
_DAY_SECONDS = 86_400
_PAGE = 2000
_AT_ONCE = 4
_TELL_EVERY_SECONDS = 5.0
_UNREADABLE = "UNREADABLE"


def run(arguments: list[str]) -> int:
    parser = Parser("verify", _DESCRIPTION)
    parser.add_argument("subject", nargs="?", metavar="DATA-SET|REVISION", help="its id, of any account")
    parser.add_argument("--all", action="store_true", help="every asset of the exchange")
    parser.add_argument("--again", action="store_true", help="those of the last day, too")
    parser.add_argument("--rate", type=_rate, metavar="BYTES", help="read no more bytes a second than this")
    add_settings(parser, ("data_dir", "database", "store", "region", "s3_endpoint_url"))
    options = parser.parse_args(arguments)
    if options.all == (options.subject is not None):
        parser.error("verify takes the id of a data set or of a revision, or --all")
    settings = settings_of(options)
    found = on_exchange(settings, lambda database, secrets: _verify(options, settings, database, secrets))
    print_json(found.described())
    return FAILED if found.wrong else SUCCESS


def _rate(text: str) -> float:
    if not text.isascii() or not text.isdecimal() or int(text) == 0:
        raise argparse.ArgumentTypeError("a whole number of bytes from 1")
    return float(text)


@dataclass
class _Found:
    verified: int = 0
    bytes: int = 0
    unproven: int = 0
    """Of the verified ones: sound as they were imported, though nothing proved their source."""
    wrong: list[dict[str, object]] = field(default_factory=list)
    told_at: float = field(default_factory=time.monotonic)

    def add(self, asset: Asset, condition: str, message: str | None = None) -> None:
        entry: dict[str, object] = {
            "Condition": condition,
            "AccountId": asset.scope.account_id,
            "Region": asset.scope.region,
            "DataSetId": asset.data_set_id,
            "RevisionId": asset.revision_id,
            "AssetId": asset.id,
            "Name": asset.name,
        }
        self.wrong.append(entry if message is None else entry | {"Message": message})

    def described(self) -> dict[str, object]:
        return {
            "Verified": self.verified,
            "Bytes": self.bytes,
            "Unproven": self.unproven,
            "Wrong": self.wrong,
        }

    def tell(self) -> None:
        """How far it is, from time to time."""
        if time.monotonic() >= self.told_at + _TELL_EVERY_SECONDS:
            self.told_at = time.monotonic()
            print(
                f"{self.verified:,} assets, {self.bytes:,} bytes; {len(self.wrong):,} wrong", file=sys.stderr
            )


async def _verify(
    options: argparse.Namespace, settings: Settings, database: Database, secrets: SecretBox
) -> _Found:
    from entrepot.transfer.transfer import Transfer
    from entrepot.wiring.shared import S3, clock, own_store

    del secrets
    if options.subject is not None and not await stored_assets.place_exists(database, options.subject):
        raise UsageError(
            f"no data set and no revision has the id {options.subject!r}; `entrepot list-data-sets` shows ids"
        )
    before = clock() if options.again else clock().plus_seconds(-_DAY_SECONDS)
    s3, found, after = S3(settings), _Found(), ""
    transfer = Transfer(own_store(settings, s3), threads=_AT_ONCE)
    pace = transfer.pace(options.rate)
    try:
        while page := await stored_assets.due_for_verification(
            database, after=after, before=before, within=options.subject, limit=_PAGE
        ):
            after = page[-1].id
            at_once = asyncio.Semaphore(_AT_ONCE)
            async with asyncio.TaskGroup() as group:
                for asset in page:
                    group.create_task(_verify_one(database, transfer, asset, pace, at_once, found))
    finally:
        await transfer.close()
        s3.close()
    return found


async def _verify_one(
    database: Database,
    transfer: Transfer,
    asset: Asset,
    pace: Pace,
    at_once: asyncio.Semaphore,
    found: _Found,
) -> None:
    from entrepot.jobs.verification import verify_asset
    from entrepot.transfer.verification import Condition
    from entrepot.wiring.shared import clock

    async with at_once:
        try:
            verdict = await verify_asset(database, transfer, clock, asset, pace)
        except StoreError as error:
            found.add(asset, _UNREADABLE, error.message)
        else:
            if verdict is None:
                return
            found.verified += 1
            found.bytes += asset.size_bytes
            found.unproven += asset.proof in (Proof.NONE, Proof.READ_TWICE)
            if verdict.condition is not Condition.SOUND:
                found.add(asset, verdict.condition.value)
        found.tell()
