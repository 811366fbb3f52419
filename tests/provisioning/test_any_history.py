"""The law of the reconciler: after any history, receivers reach outside what they are entitled to."""

from __future__ import annotations

import asyncio
import shutil
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.databases.rows import an_id
from tests.provisioning.fixtures import OWNER, Fixtures, share_arn
from tests.servers.sqlite import open_hastily

from entrepot.database import assets, data_grants
from entrepot.domain.data_grant import DataGrant
from entrepot.entitlements.provisioning.reconciler import LATE_SECONDS

SHARES = ("a", "b")
RECEIVERS = ("222222222222", "444444444444")

_shares = st.sampled_from(SHARES)
_events = st.one_of(
    st.tuples(st.just("share"), _shares),
    st.tuples(st.just("finalize"), _shares),
    st.tuples(st.just("open"), _shares),
    st.tuples(st.just("revoke"), _shares),
    st.tuples(st.just("delete asset"), _shares),
    st.tuples(st.just("grant"), st.sampled_from(RECEIVERS)),
    st.tuples(st.just("grant for a while"), st.sampled_from(RECEIVERS)),
    st.tuples(st.just("delete a grant"), st.just("")),
    st.tuples(st.just("break"), _shares),
    st.tuples(st.just("mend"), _shares),
    st.tuples(st.just("hang"), _shares),
    st.tuples(st.just("time passes"), st.just("")),
    st.tuples(st.just("look"), st.just("")),
    st.tuples(st.just("die"), st.just("")),
)


class History:
    """Lets things happen; remembers what receivers are entitled to."""

    def __init__(self, fixtures: Fixtures) -> None:
        self.fixtures = fixtures
        self.reconciler = fixtures.reconciler()
        self.live: dict[str, str] = {}
        """Share → open, finalized or revoked."""
        self.grants: list[DataGrant] = []

    async def happens(self, what: str, name: str) -> None:
        fixtures = self.fixtures
        match what:
            case "share" if name not in self.live:
                await fixtures.share(name, finalized=False)
                self.live[name] = "open"
            case "finalize" if self.live.get(name) == "open":
                await fixtures.finalize(name)
                self.live[name] = "finalized"
            case "open" if self.live.get(name) == "finalized":
                await fixtures.finalize(name, finalized=False)
                self.live[name] = "open"
            case "revoke" if self.live.get(name) == "finalized":
                await fixtures.revoke(name)
                self.live[name] = "revoked"
            case "delete asset" if name in self.live:
                await assets.delete(fixtures.database, OWNER, an_id("ds"), an_id(name), an_id(f"ds {name}"))
                self.live[name] = "deleted"
            case "grant" | "grant for a while":
                ends_at = fixtures.now.plus_seconds(100) if what != "grant" else None
                number = len(self.grants)
                self.grants.append(await fixtures.grant(f"grant {number}", receiver=name, ends_at=ends_at))
            case "delete a grant" if self.grants:
                await data_grants.delete(fixtures.database, OWNER, self.grants[-1].id)
                self.grants[-1] = replace(self.grants[-1], ends_at=fixtures.now)
            case "break":
                fixtures.provisioner.broken.add(name)
            case "mend":
                fixtures.provisioner.broken.discard(name)
            case "hang":
                fixtures.provisioner.hangs_after.add(name)
            case "time passes":
                fixtures.passes(70)
            case "look":
                await self._look()
            case "die":
                await self._die()

    async def _look(self) -> None:
        self.reconciler._rest_until = 0.0
        await self.reconciler.look()
        for _ in range(20):
            await asyncio.sleep(0.0005)

    async def _die(self) -> None:
        for task in tuple(self.reconciler._in_hand):
            task.cancel()
        await self.reconciler.close()
        self.reconciler = self.fixtures.reconciler()

    async def ends(self) -> None:
        """Everything works again, and enough time passes."""
        self.fixtures.provisioner.broken.clear()
        self.fixtures.provisioner.hangs_after.clear()
        await self._die()
        for _ in range(4):
            self.fixtures.passes(LATE_SECONDS + 300)
            await self.reconciler.settle()

    def entitled(self) -> set[tuple[str, ...]]:
        return {
            (grant.receiver_id, share_arn(name))
            for grant in self.grants
            if grant.gives_access(self.fixtures.now)
            for name, state in self.live.items()
            if state == "finalized"
        }


@pytest.mark.parametrize("shared", [False, True])
def test_after_any_history_receivers_reach_what_they_are_entitled_to(
    shared: bool, migrated_sqlite_file: Path
) -> None:
    @given(st.lists(_events, max_size=25))
    def law(events: list[tuple[str, str]]) -> None:
        asyncio.run(_holds(events, shared, migrated_sqlite_file))

    law()


async def _holds(events: list[tuple[str, str]], shared: bool, template: Path) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "entrepot.sqlite"
        shutil.copy(template, path)
        database = await open_hastily(f"sqlite:///{path}")
        try:
            fixtures = Fixtures(database, shared=shared)
            history = History(fixtures)
            for what, name in events:
                await history.happens(what, name)
            await history.ends()
            assert {key[:2] for key in fixtures.service.reachable} == history.entitled()
        finally:
            await database.close()
