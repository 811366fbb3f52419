"""Makes the access that receivers have outside of the exchange what it should be, again and again.

    should be   accepted grants that have not ended × finalized, unrevoked revisions × their live assets
    is          the rows of `external_access`

What is missing is given, what is too much is taken back. Nothing calls the reconciler when a grant is
deleted, a revision revoked or an EndsAt reached: it compares, so nobody needs to remember it, and it finds
after any crash what is left to do.

Before a provisioner is asked, the row says that it is being asked, and until when nobody else must ask (a
lease, longer than it has time). So what was given is never forgotten, and two workers do not do the same at
once.
Where the world changes while a provisioner gives, that is found when its answer is recorded.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace

import msgspec

from entrepot.database import data_grants, external_access
from entrepot.database.connection import Database
from entrepot.domain.data_grant import MaskedKind
from entrepot.domain.errors import EntrepotError
from entrepot.domain.external_access import AccessState, ExternalAccess
from entrepot.domain.timestamp import Timestamp
from entrepot.entitlements.provisioning.provisioners import AccessLost, Entry, Given, Provisioner
from entrepot.events.event_log import record
from entrepot.model import shapes

CALL_SECONDS = 30.0
"""What a provisioner has for one call."""
LEASE_SECONDS = 60.0
"""After this long nobody has a row in hand any more; more than a call and its record take."""
LATE_SECONDS = 120.0
"""A call that was given up may still take effect, from a thread that cannot be cancelled, for so long."""
AT_ONCE = 32
AT_ONCE_PER_OWNER = 4
"""An owner whose database hangs keeps the others' receivers waiting for nothing."""
_PAGE = 500
_LAST_WORDS_SECONDS = 2.0
_FIRST_RETRY_SECONDS = 1.0
_LONGEST_RETRY_SECONDS = 300.0
_NEVER = 2**62
_REST = 20.0
"""Looking takes at most one part in so many of the time."""
_LONGEST_REST_SECONDS = 10.0

_log = logging.getLogger(__name__)


class Reconciler:
    """Compares, and asks provisioners. Any number may work on one database, each on its own event loop."""

    def __init__(
        self,
        database: Database,
        provisioners: Sequence[Provisioner],
        clock: Callable[[], Timestamp],
        *,
        call_seconds: float = CALL_SECONDS,
    ) -> None:
        self._database = database
        self._provisioners = {provisioner.asset_type: provisioner for provisioner in provisioners}
        self._asset_types = tuple(self._provisioners)
        self._clock = clock
        self._call_seconds = call_seconds
        self._in_hand: set[asyncio.Task[None]] = set()
        self._of_owner: Counter[str] = Counter()
        self._rest_until = 0.0

    async def look(self) -> int:
        """Compares once and begins what is to be done; how much that is. Waits for none of it.

        Does nothing where the last look took so long that it is too soon. Raises `DatabaseError`.
        """
        if not self._asset_types or time.monotonic() < self._rest_until:
            return 0
        began = time.monotonic()
        begun = await self._look()
        took = time.monotonic() - began
        self._rest_until = began + min(took * _REST, _LONGEST_REST_SECONDS)
        return begun

    async def settle(self) -> None:
        """Compares until there is nothing that could be done now, and waits for all of it."""
        while True:
            self._rest_until = 0.0
            begun = await self.look()
            if not begun and not self._in_hand:
                return
            if self._in_hand:
                await asyncio.wait(tuple(self._in_hand))

    async def close(self) -> None:
        """Waits a moment for what is in hand, then cancels it.

        Crash: the rows say what was in hand; it is done again when their leases have run out.
        """
        tasks = tuple(self._in_hand)
        if not tasks:
            return
        await asyncio.wait(tasks, timeout=_LAST_WORDS_SECONDS)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _look(self) -> int:
        now = self._clock()
        begun = 0
        page = external_access.Page(_PAGE, AT_ONCE_PER_OWNER)
        for access, entitled in await external_access.due(self._database, self._asset_types, now, page):
            if self._is_full(access):
                continue
            claimed = await self._claim(access, entitled=entitled)
            if claimed is not None:
                self._begin(claimed)
                begun += 1
        for access in await external_access.missing(self._database, self._asset_types, now, page):
            if self._is_full(access):
                continue
            claimed = await self._claim_new(access)
            if claimed is not None:
                self._begin(claimed)
                begun += 1
        return begun

    def _is_full(self, access: ExternalAccess) -> bool:
        owner = access.owner.account_id
        return len(self._in_hand) >= AT_ONCE or self._of_owner[owner] >= AT_ONCE_PER_OWNER

    async def _claim(self, access: ExternalAccess, *, entitled: bool) -> ExternalAccess | None:
        """The row, in hand; None where somebody else was faster.

        What is being withdrawn is withdrawn to the end, whatever has become of the right to it meanwhile.
        """
        give = entitled and access.state is not AccessState.WITHDRAWING
        state = AccessState.GIVING if give else AccessState.WITHDRAWING
        fresh = state is AccessState.WITHDRAWING and access.state is not state
        now = self._clock()
        claimed = replace(
            access,
            state=state,
            attempts=1 if fresh else access.attempts + 1,
            next_try_at=now.plus_seconds(LEASE_SECONDS).milliseconds,
        )
        return claimed if await external_access.change(self._database, access, claimed, now) else None

    async def _claim_new(self, access: ExternalAccess) -> ExternalAccess | None:
        grant = await data_grants.of_data_set(
            self._database, access.owner.region, access.entitled_data_set_id
        )
        now = self._clock()
        if grant is None or not grant.gives_access(now):
            return None
        claimed = replace(
            access,
            entitled_asset_id=grant.masked(MaskedKind.ASSET, access.asset_id),
            state=AccessState.GIVING,
            attempts=1,
            next_try_at=now.plus_seconds(LEASE_SECONDS).milliseconds,
        )
        return claimed if await external_access.claim_new(self._database, claimed, now) else None

    def _begin(self, claimed: ExternalAccess) -> None:
        owner = claimed.owner.account_id
        self._of_owner[owner] += 1
        task = asyncio.create_task(self._do(claimed))
        self._in_hand.add(task)

        def done(ended: asyncio.Task[None]) -> None:
            self._in_hand.discard(ended)
            self._of_owner[owner] -= 1

        task.add_done_callback(done)

    async def _do(self, access: ExternalAccess) -> None:
        """Gives or withdraws, and records how that ended; raises nothing."""
        try:
            provisioner = self._provisioners[access.asset_type]
            if access.state is AccessState.GIVING:
                await self._give(provisioner, access)
            else:
                await self._withdraw(provisioner, access)
        except Exception as error:  # noqa: BLE001 - one receiver's trouble stays its own
            await self._failed(access, error)

    async def _give(self, provisioner: Provisioner, access: ExternalAccess) -> None:
        """Crash: after it was given, before that is recorded: it is asked to give once more."""
        entry = _entry(access)
        async with asyncio.timeout(self._call_seconds):
            given = await provisioner.give(entry)
        now = self._clock()
        renewed_after = provisioner.renewed_after_seconds
        renewed_at = _NEVER if renewed_after is None else now.plus_seconds(renewed_after).milliseconds
        given_json = None if given is None else msgspec.json.encode(dict(given))
        if await external_access.record_given(self._database, access, given_json, renewed_at, now):
            if access.error is not None or given != _given(access):
                _log.info("access to %s of %s was given", access.asset_id, access.receiver_id)
            return
        await self._given_too_late(replace(access, given_json=given_json), now)

    async def _given_too_late(self, access: ExternalAccess, now: Timestamp) -> None:
        """Others went on when our time was up. Where they took it back, it is taken back once more.

        Crash: before that is recorded the receiver keeps an access that nobody knows of; a worker must have
        been silent for longer than its lease, and then die on this very line.
        """
        row = await external_access.get(self._database, access.grant_id, access.asset_id)
        again = replace(access, state=AccessState.WITHDRAWING, attempts=0, next_try_at=now.milliseconds)
        if row is None:
            await external_access.claim_new(self._database, again, now)
        elif row.state is AccessState.WITHDRAWING:
            await external_access.change(self._database, row, again, now)

    async def _withdraw(self, provisioner: Provisioner, access: ExternalAccess) -> None:
        """Crash: after it was withdrawn, before that is recorded: it is asked to once more."""
        entry = _entry(access)
        shared = provisioner.is_shared(entry)
        if shared and await external_access.has_by_another_way(self._database, access, self._clock()):
            await external_access.remove(self._database, access)
            return
        async with asyncio.timeout(self._call_seconds):
            await provisioner.withdraw(entry, _given(access))
        async with self._database.transaction() as transaction:
            if shared:
                await external_access.give_again(transaction, access, self._clock())
            await external_access.remove(transaction, access)
        _log.info("access to %s of %s was withdrawn", access.asset_id, access.receiver_id)

    async def _failed(self, access: ExternalAccess, error: Exception) -> None:
        late = isinstance(error, TimeoutError)
        expected = late or isinstance(error, EntrepotError)
        message = _message(error, self._call_seconds)
        cause = "" if error.__cause__ is None else f" ({' '.join(str(error.__cause__).split())})"
        giving = access.state is AccessState.GIVING
        if message != access.error:
            _log.warning(
                "access to %s of %s could not be %s, and is tried again: %s%s",
                access.asset_id,
                access.receiver_id,
                "given" if giving else "withdrawn",
                message,
                cause,
                exc_info=None if expected else error,
            )
        wait = min(_FIRST_RETRY_SECONDS * 2.0 ** min(access.attempts - 1, 16), _LONGEST_RETRY_SECONDS)
        now = self._clock()
        changed = replace(
            access,
            state=AccessState.WANTED if giving and not late else access.state,
            next_try_at=now.plus_seconds(LATE_SECONDS if late else wait).milliseconds,
            error=message,
        )
        try:
            await self._record_failure(access, changed, error, now)
        except EntrepotError as unrecorded:
            _log.warning("access is tried again in %g s: %s", LEASE_SECONDS, unrecorded)

    async def _record_failure(
        self, access: ExternalAccess, changed: ExternalAccess, error: Exception, now: Timestamp
    ) -> None:
        """Crash: the row says that giving failed, and the receiver will be told of a loss, or neither."""
        async with self._database.transaction() as transaction:
            if not await external_access.change(transaction, access, changed, now):
                return
            had_it = access.given_json is not None and access.error is None
            if isinstance(error, AccessLost) and had_it:
                grant = await data_grants.of_data_set(
                    transaction, access.owner.region, access.entitled_data_set_id
                )
                if grant is not None:
                    await record(transaction, [error.tell(grant)], now)


def _entry(access: ExternalAccess) -> Entry:
    """Raises what decoding raises where this version cannot read the details."""
    return Entry(
        grant_id=access.grant_id,
        asset_id=access.asset_id,
        owner=access.owner,
        receiver_id=access.receiver_id,
        entitled_data_set_id=access.entitled_data_set_id,
        entitled_asset_id=access.entitled_asset_id,
        asset_type=access.asset_type,
        details=shapes.decode(access.details_json, shapes.AssetDetails),
    )


def _given(access: ExternalAccess) -> Given | None:
    if access.given_json is None:
        return None
    return msgspec.json.decode(access.given_json, type=dict[str, str])


def _message(error: Exception, call_seconds: float) -> str:
    if isinstance(error, EntrepotError):
        return error.message
    if isinstance(error, TimeoutError):
        return f"there was no answer within {call_seconds:g} seconds"
    return f"unexpected: {type(error).__name__}"
