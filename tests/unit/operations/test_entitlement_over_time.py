"""Who sees what, whatever an owner and two receivers do and in whatever order, beside a small model of it.

After every step everybody looks at everything.
"""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import Coroutine
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    precondition,
    rule,
)
from tests.isolation.account_resources import Refused, grant_request
from tests.servers.sqlite import open_hastily
from tests.unit.operations.application import Application
from tests.unit.operations.application_client import ApplicationClient

from entrepot.database.migrate import migrate
from entrepot.domain.timestamp import Timestamp

OWNER, RECEIVERS = "111111111111", ("222222222222", "333333333333")
T = TypeVar("T")


@dataclass
class ModelRevision:
    finalized_at: int | None = None
    revoked_because: str | None = None
    assets: dict[str, str] = field(default_factory=dict)
    """Names by the owner's ids."""


@dataclass
class ModelGrant:
    arn: str
    receiver: str
    source_data_set_id: str
    data_set_id: str
    data_set_name: str
    created_at: int
    ends_at: int | None
    accepted: bool = False
    deleted: bool = False

    def not_ended(self, now: int) -> bool:
        return not self.deleted and (self.ends_at is None or now < self.ends_at)

    def shows_to(self, account: str, now: int) -> bool:
        if account == OWNER:
            return not self.deleted
        return account == self.receiver and self.accepted and self.not_ended(now)


@cache
def _template() -> Path:
    path = Path(tempfile.mkdtemp(prefix="entrepot-test-")) / "empty.sqlite"
    migrate(f"sqlite:///{path}")
    return path


class Exchange(RuleBasedStateMachine):
    """One data set, its owner, and two receivers."""

    revisions = Bundle("revisions")
    grants = Bundle("grants")

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.folder = tempfile.TemporaryDirectory(prefix="entrepot-test-")
        path = shutil.copy(_template(), Path(self.folder.name) / "entrepot.sqlite")
        self.database = self.run(open_hastily(f"sqlite:///{path}"))
        self.application = Application.of(self.database)
        self.clients = {
            account: ApplicationClient.of(self.application, account) for account in (OWNER, *RECEIVERS)
        }
        self.published: dict[str, ModelRevision] = {}
        self.granted: dict[str, ModelGrant] = {}
        self.sources: dict[str, str] = {}
        """The owner's id of everything that was ever seen under another one."""
        self.named_by: dict[str, str] = {}
        """In which entitled data set a revision is called so."""

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        return self.loop.run_until_complete(coroutine)

    def call(self, account: str, operation: str, **request: Any) -> dict[str, Any]:
        return self.run(self.clients[account].call(operation, request))

    def refused(self, account: str, operation: str, **request: Any) -> str | None:
        """The code of the error; None where all is well."""
        try:
            self.call(account, operation, **request)
        except Refused as refused:
            return refused.code
        return None

    @property
    def now(self) -> int:
        return self.application.clock().milliseconds

    @property
    def is_granted(self) -> bool:
        return any(grant.not_ended(self.now) for grant in self.granted.values())

    def teardown(self) -> None:
        self.run(self.database.close())
        self.loop.close()
        self.folder.cleanup()

    # What people do

    @initialize()
    def make_a_data_set(self) -> None:
        made = self.call(
            OWNER, "CreateDataSet", AssetType="S3_SNAPSHOT", Name="name 0", Description="described"
        )
        self.data_set_id, self.name = made["Id"], "name 0"

    @precondition(lambda self: len(self.published) < 5)
    @rule(target=revisions, names=st.lists(st.sampled_from(["a", "b", "ä"]), max_size=3), final=st.booleans())
    def make_a_revision(self, names: list[str], final: bool) -> str:
        revision_id: str = self.call(OWNER, "CreateRevision", DataSetId=self.data_set_id)["Id"]
        owner = self.clients[OWNER]
        made = self.run(self.application.assets(owner.context, self.data_set_id, revision_id, names))
        self.published[revision_id] = ModelRevision(assets=dict(zip(made, names, strict=True)))
        if final:
            self.finalize(revision_id)
        return revision_id

    def place(self, revision_id: str) -> dict[str, str]:
        return {"DataSetId": self.data_set_id, "RevisionId": revision_id}

    @rule(revision_id=revisions)
    def finalize(self, revision_id: str) -> None:
        model = self.published.get(revision_id)
        if model is None:
            return
        met = self.refused(OWNER, "UpdateRevision", **self.place(revision_id), Finalized=True)
        if model.finalized_at is None and not model.assets:
            assert met == "ValidationException"
            return
        assert met is None
        model.finalized_at = self.now if model.finalized_at is None else model.finalized_at

    @rule(revision_id=revisions)
    def open_again(self, revision_id: str) -> None:
        model = self.published.get(revision_id)
        if model is None:
            return
        met = self.refused(OWNER, "UpdateRevision", **self.place(revision_id), Finalized=False)
        if model.finalized_at is not None and (self.is_granted or model.revoked_because is not None):
            assert met == "ConflictException"
            return
        assert met is None
        model.finalized_at = None

    @rule(revision_id=revisions, comment=st.sampled_from(["wrong numbers", "license over"]))
    def revoke(self, revision_id: str, comment: str) -> None:
        model = self.published.get(revision_id)
        if model is None:
            return
        met = self.refused(OWNER, "RevokeRevision", **self.place(revision_id), RevocationComment=comment)
        if model.finalized_at is None:
            assert met == "ConflictException"
            return
        assert met is None
        model.revoked_because = comment

    @rule(revision_id=consumes(revisions))
    def delete_a_revision(self, revision_id: str) -> None:
        model = self.published.get(revision_id)
        if model is None:
            return
        met = self.refused(OWNER, "DeleteRevision", **self.place(revision_id))
        if model.finalized_at is not None and self.is_granted:
            assert met == "ConflictException"
            return
        assert met is None
        del self.published[revision_id]

    @rule(revision_id=revisions)
    def delete_an_asset(self, revision_id: str) -> None:
        model = self.published.get(revision_id)
        if model is None or not model.assets:
            return
        asset_id = min(model.assets)
        met = self.refused(OWNER, "DeleteAsset", **self.place(revision_id), AssetId=asset_id)
        if model.finalized_at is not None and model.revoked_because is None:
            assert met == "ConflictException"
            return
        assert met is None
        del model.assets[asset_id]

    @rule()
    def delete_the_data_set_and_make_another(self) -> None:
        met = self.refused(OWNER, "DeleteDataSet", DataSetId=self.data_set_id)
        if self.is_granted:
            assert met == "ConflictException"
            return
        assert met is None
        self.published.clear()
        self.make_a_data_set()

    @rule(number=st.integers(1, 3))
    def rename(self, number: int) -> None:
        self.name = f"name {number}"
        self.call(OWNER, "UpdateDataSet", DataSetId=self.data_set_id, Name=self.name)

    @precondition(lambda self: len(self.granted) < 5)
    @rule(
        target=grants,
        receiver=st.sampled_from(RECEIVERS),
        lasts=st.none() | st.sampled_from([1, 5]),
        accept=st.booleans(),
    )
    def grant(self, receiver: str, lasts: int | None, accept: bool) -> str:
        ends_at = None if lasts is None else self.now + lasts
        more = {} if ends_at is None else {"EndsAt": Timestamp(ends_at).isoformat()}
        request = grant_request(self.data_set_id, receiver, **more)
        if all(model.finalized_at is None for model in self.published.values()):
            assert self.refused(OWNER, "CreateDataGrant", **request) == "ValidationException"
            return ""
        made = self.call(OWNER, "CreateDataGrant", **request)
        identifier: str = made["Id"]
        self.granted[identifier] = ModelGrant(
            made["Arn"], receiver, self.data_set_id, made["DataSetId"], self.name, self.now, ends_at
        )
        if accept:
            self.accept(identifier)
        return identifier

    @rule(grant_id=grants)
    def accept(self, grant_id: str) -> None:
        model = self.granted.get(grant_id)
        if model is None:
            return
        met = self.refused(model.receiver, "AcceptDataGrant", DataGrantArn=model.arn)
        if model.deleted:
            assert met == "ResourceNotFoundException"
        elif model.accepted or not model.not_ended(self.now):
            assert met == "ConflictException"
        else:
            assert met is None
            model.accepted = True

    @rule(grant_id=grants)
    def take_back(self, grant_id: str) -> None:
        model = self.granted.get(grant_id)
        if model is not None:
            met = self.refused(OWNER, "DeleteDataGrant", DataGrantId=grant_id)
            assert met == ("ResourceNotFoundException" if model.deleted else None)
            model.deleted = True

    @rule(milliseconds=st.sampled_from([1, 1, 2, 10]))
    def time_passes(self, milliseconds: int) -> None:
        self.application.clock.advance(milliseconds)

    @rule(revision_id=revisions)
    def everybody_exports(self, revision_id: str) -> None:
        model = self.published.get(revision_id)
        names = [name for name, source in self.sources.items() if source == revision_id]
        for grant in self.granted.values():
            for account in RECEIVERS if model is not None else ():
                for entitled_id in names:
                    self._export(account, grant, entitled_id, model)

    def _export(self, account: str, grant: ModelGrant, entitled_id: str, model: ModelRevision) -> None:
        destination = {"Bucket": "b", "RevisionId": entitled_id}
        export = {"DataSetId": grant.data_set_id, "RevisionDestinations": [destination]}
        details = {"ExportRevisionsToS3": export}
        met = self.refused(account, "CreateJob", Type="EXPORT_REVISIONS_TO_S3", Details=details)
        shown = grant.shows_to(account, self.now) and model.finalized_at is not None
        if not shown or self.named_by[entitled_id] != grant.data_set_id:
            assert met == "ResourceNotFoundException"
        elif model.revoked_because is not None:
            assert met == "AccessDeniedException"
        else:
            assert met is None

    def expected_of(self, grant: ModelGrant) -> list[tuple[int, str, ModelRevision]]:
        """What a grant shows: when it was finalized, the owner's id, the rest; the newest first."""
        if grant.source_data_set_id != self.data_set_id:
            return []
        finalized = [
            (model.finalized_at, revision_id, model)
            for revision_id, model in self.published.items()
            if model.finalized_at is not None
        ]
        return sorted(finalized, key=lambda each: each[:2], reverse=True)

    # What everybody sees

    @invariant()
    def receivers_list_what_they_were_granted(self) -> None:
        for account in RECEIVERS:
            shown = self.walk(account, "ListDataSets", "DataSets", Origin="ENTITLED")
            live = [
                (grant.created_at, grant_id, grant)
                for grant_id, grant in self.granted.items()
                if grant.shows_to(account, self.now)
            ]
            expected = [grant for _, _, grant in sorted(live, key=lambda each: each[:2], reverse=True)]
            assert [(entry["Id"], entry["Name"]) for entry in shown] == [
                (grant.data_set_id, grant.data_set_name) for grant in expected
            ]

    @invariant()
    def everybody_sees_through_a_grant_what_is_published_and_nothing_else(self) -> None:
        for grant in self.granted.values():
            for account in (OWNER, *RECEIVERS):
                if grant.shows_to(account, self.now):
                    self._sees(account, grant)
                else:
                    for operation in ("GetDataSet", "ListDataSetRevisions"):
                        met = self.refused(account, operation, DataSetId=grant.data_set_id)
                        assert met == "ResourceNotFoundException"

    def _sees(self, account: str, grant: ModelGrant) -> None:
        of_data_set = {"DataSetId": grant.data_set_id}
        assert self.call(account, "GetDataSet", **of_data_set)["Name"] == grant.data_set_name
        expected = self.expected_of(grant)
        shown = self.walk(account, "ListDataSetRevisions", "Revisions", **of_data_set)
        assert len(shown) == len(expected)
        for entry, (finalized_at, revision_id, model) in zip(shown, expected, strict=True):
            self._is(account, entry, revision_id)
            self.named_by[entry["Id"]] = grant.data_set_id
            place = {**of_data_set, "RevisionId": entry["Id"]}
            assert self.call(account, "GetRevision", **place) == entry
            assert entry["CreatedAt"] == Timestamp(max(finalized_at, grant.created_at)).isoformat()
            assert entry.get("RevocationComment") == model.revoked_because
            self._export(account, grant, entry["Id"], model)
            assert entry.get("Revoked", False) is (model.revoked_because is not None)
            assets = self.walk(account, "ListRevisionAssets", "Assets", **place)
            by_name = sorted(((name, id_) for id_, name in model.assets.items()), reverse=True)
            assert [asset["Name"] for asset in assets] == [name for name, _ in by_name]
            for asset, (_, asset_id) in zip(assets, by_name, strict=True):
                self._is(account, asset, asset_id)
                assert self.call(account, "GetAsset", **place, AssetId=asset["Id"]) == asset

    def _is(self, account: str, entry: dict[str, Any], source_id: str) -> None:
        """The entry is of what the owner calls so, is always called the same, and only the owner is told."""
        assert entry["Id"] != source_id
        assert entry.get("SourceId") == (source_id if account == OWNER else None)
        assert self.sources.setdefault(entry["Id"], source_id) == source_id

    def walk(self, account: str, operation: str, member: str, **request: Any) -> list[dict[str, Any]]:
        """All entries, two at a time."""
        entries: list[dict[str, Any]] = []
        token: dict[str, str] = {}
        while True:
            page = self.call(account, operation, **request, **token, MaxResults=2)
            entries += page[member]
            assert len(entries) < 1000, "the walk goes round in a circle"
            if "NextToken" not in page:
                return entries
            token = {"NextToken": page["NextToken"]}


TestEntitlementOverTime = Exchange.TestCase
TestEntitlementOverTime.pytestmark = [
    pytest.mark.timeout(600)
]  # what fails is made smaller first, for minutes
TestEntitlementOverTime.settings = settings(stateful_step_count=25)
