"""`entrepot verify`: what it reads, what it says of it, and that it goes on where it was."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from secrets import token_hex
from typing import Any

import pytest
from tests.unit.cli.admin.two_accounts import ONE, TWO, exchange_of_two

from entrepot.cli.exit_codes import FAILED, SUCCESS, USAGE
from entrepot.cli.main import main
from entrepot.database import assets, data_sets, revisions, stored_assets
from entrepot.database.connection import open_database
from entrepot.domain.asset import Asset, Proof
from entrepot.domain.data_set import AssetType, DataSet
from entrepot.domain.identifiers import asset_store_key
from entrepot.domain.revision import Revision
from entrepot.domain.scope import Scope
from entrepot.domain.timestamp import Timestamp
from entrepot.stores.local import LocalStore

LONG_AGO = Timestamp(1_600_000_000_000)
Verify = Callable[..., tuple[int, Any]]


@pytest.fixture
def data_dir(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    return exchange_of_two(monkeypatch, tmp_path)


@pytest.fixture
def verify(data_dir: Path, capsys: pytest.CaptureFixture[str]) -> Verify:
    def run(*arguments: str) -> tuple[int, Any]:
        capsys.readouterr()
        code = main(["verify", *arguments])
        out = capsys.readouterr().out
        return code, json.loads(out) if out else None

    return run


def revision_of(
    data_dir: Path, account_id: str, *names: str, proof: Proof | None = None
) -> tuple[Revision, list[Asset]]:
    """A revision of a data set of its own, with assets of these names."""
    scope, store = Scope(account_id, "us-east-1"), LocalStore(data_dir / "assets")
    data_set = DataSet(scope, token_hex(16), AssetType.S3_SNAPSHOT, "Prices", "", LONG_AGO, LONG_AGO)
    revision = Revision(scope, data_set.id, token_hex(16), LONG_AGO, LONG_AGO)
    made = []
    for name in names:
        asset_id, content = token_hex(16), name.encode()
        key = asset_store_key(asset_id)
        stored = store.put(key, memoryview(content), len(content))
        made.append(
            Asset(
                scope,
                data_set.id,
                revision.id,
                asset_id,
                AssetType.S3_SNAPSHOT,
                name,
                LONG_AGO,
                LONG_AGO,
                len(content),
                key,
                stored.etag,
                stored.checksum,
                proof=proof,
            )
        )

    async def insert() -> None:
        database = await open_database(f"sqlite:///{data_dir / 'entrepot.sqlite'}")
        await data_sets.insert(database, data_set)
        await revisions.insert(database, revision)
        await assets.insert_many(database, made)
        await database.close()

    asyncio.run(insert())
    return revision, made


def damage(data_dir: Path, asset: Asset) -> None:
    path = LocalStore(data_dir / "assets").path_of(asset.store_key)
    path.write_bytes(bytes(reversed(path.read_bytes())))


def now_in_database(data_dir: Path, asset: Asset) -> Asset:
    async def get() -> Asset:
        database = await open_database(f"sqlite:///{data_dir / 'entrepot.sqlite'}")
        found = await stored_assets.of_store_key(database, asset.store_key)
        await database.close()
        assert found is not None
        return found

    return asyncio.run(get())


def test_all_is_well(data_dir: Path, verify: Verify) -> None:
    revision_of(data_dir, ONE, "a", "bb")
    revision_of(data_dir, TWO, "ccc")
    assert verify("--all") == (SUCCESS, {"Verified": 3, "Bytes": 6, "Unproven": 0, "Wrong": []})


def test_assets_that_nothing_proved_when_they_came_are_counted(data_dir: Path, verify: Verify) -> None:
    for proof in Proof:
        revision_of(data_dir, ONE, proof.value, proof=proof)
    assert verify("--all")[1]["Unproven"] == 2


def test_what_is_wrong_is_listed_and_marked(data_dir: Path, verify: Verify) -> None:
    revision, (bad, good, gone) = revision_of(data_dir, ONE, "bad", "good", "gone")
    damage(data_dir, bad)
    LocalStore(data_dir / "assets").delete(gone.store_key)
    code, said = verify(revision.data_set_id)
    place = {
        "AccountId": ONE,
        "Region": "us-east-1",
        "DataSetId": revision.data_set_id,
        "RevisionId": revision.id,
    }
    assert code == FAILED
    assert sorted(said.pop("Wrong"), key=lambda each: str(each["Name"])) == [
        {"Condition": "DAMAGED", **place, "AssetId": bad.id, "Name": "bad"},
        {"Condition": "MISSING", **place, "AssetId": gone.id, "Name": "gone"},
    ]
    assert said == {"Verified": 3, "Bytes": 11, "Unproven": 0}
    assert [now_in_database(data_dir, each).damaged_at is None for each in (bad, good, gone)] == [
        False,
        True,
        False,
    ]


def test_a_data_set_or_a_revision_is_meant_alone(data_dir: Path, verify: Verify) -> None:
    revision, _ = revision_of(data_dir, ONE, "a", "bb")
    other, _ = revision_of(data_dir, TWO, "ccc")
    assert verify(revision.id)[1]["Verified"] == 2
    assert verify(other.data_set_id)[1]["Verified"] == 1


def test_a_run_that_was_interrupted_goes_on_where_it_was(data_dir: Path, verify: Verify) -> None:
    revision_of(data_dir, ONE, "a", "bb")
    revision, (bad, _) = revision_of(data_dir, TWO, "bad", "dddd")
    damage(data_dir, bad)
    assert verify(revision.id)[1]["Verified"] == 2
    code, said = verify("--all")  # what was found right is not read again, what was wrong is
    assert (code, said["Verified"], [each["Name"] for each in said["Wrong"]]) == (FAILED, 3, ["bad"])
    assert verify("--all", "--again", "--rate", "1000000000")[1]["Verified"] == 4


def test_bytes_that_are_right_again_are_no_longer_marked(data_dir: Path, verify: Verify) -> None:
    _, (asset,) = revision_of(data_dir, ONE, "bytes")
    damage(data_dir, asset)
    assert verify("--all")[0] == FAILED
    damage(data_dir, asset)
    assert verify("--all")[0] == SUCCESS
    assert now_in_database(data_dir, asset).damaged_at is None


@pytest.mark.parametrize(
    "arguments",
    [[], ["--all", "0123"], ["no-such-revision"], ["--all", "--rate", "0"], ["--all", "--rate", "fast"]],
)
def test_what_it_does_not_take_is_refused(
    arguments: list[str], verify: Verify, capsys: pytest.CaptureFixture[str]
) -> None:
    assert verify(*arguments) == (USAGE, None)
