"""Who may use which bucket: jobs of one account get nowhere with what another was allowed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from tests.jobs.harness import (
    OTHER_SCOPE,
    SCOPE,
    Harness,
    Interrupted,
    bucket_in,
    contents,
    import_details,
    imported,
    interrupt_at,
    now,
)
from tests.transfer.faulty_store import FaultyStore

from entrepot.database import accounts, bucket_permissions
from entrepot.domain.bucket_permission import Access, BucketPermission
from entrepot.domain.errors import InvalidStoreRequest, StoreAccessDenied
from entrepot.domain.job import Job, JobErrorCode, JobState, JobType, Location
from entrepot.domain.own_bucket import OwnBucket
from entrepot.jobs.crash_points import CrashPoint
from entrepot.server.secrets import SecretBox, create_key_file
from entrepot.sigv4.signature_parameters import Credentials
from entrepot.stores.local import LocalStore
from entrepot.transfer.account_buckets import PermittedBuckets, Place, sealed_credentials
from entrepot.transfer.user_buckets import AccountBuckets

MINE, THEIRS = SCOPE.account_id, OTHER_SCOPE.account_id
SECRET = "hush/secret/of/the/bucket"
KEYS = Credentials("AKIAOFTHEBUCKET", SECRET, "hush-token")


@dataclass
class Landscape:
    """Buckets wherever they are said to be; it remembers which were opened, and where."""

    folder: Path
    opened: list[tuple[str, Place]] = field(default_factory=list)

    def __call__(self, bucket: str, place: Place) -> LocalStore:
        self.opened.append((bucket, place))
        if place.endpoint_url is None:
            return bucket_in(self.folder, bucket)
        return bucket_in(self.folder / place.endpoint_url.replace("/", "_"), bucket)


@dataclass
class Exchange:
    """An exchange of two accounts, as a job worker sees it. Jobs of the stage are MINE."""

    harness: Harness
    landscape: Landscape
    secrets: SecretBox

    async def allow(self, account: str, bucket: str, rights: str, prefix: str = "", **place: Any) -> None:
        keys = place.pop("keys", None)
        permission = BucketPermission(
            account_id=account,
            bucket=bucket,
            prefix=prefix,
            may_read="r" in rights,
            may_write="w" in rights,
            endpoint_url=place.get("endpoint_url"),
            region=place.get("region"),
            encrypted_credentials=None,
            created_at=now(),
        )
        if keys is not None:
            sealed = sealed_credentials(self.secrets, keys, permission.sealing_context)
            permission = replace(permission, encrypted_credentials=sealed)
        await bucket_permissions.put(self.harness.database, permission)

    def seen(self, **changes: Any) -> Exchange:
        """The exchange as another process sees it."""
        buckets = self.harness.buckets
        assert isinstance(buckets, PermittedBuckets)
        return replace(self, harness=replace(self.harness, buckets=replace(buckets, **changes)))

    async def mine(self) -> AccountBuckets:
        return await self.harness.buckets.of_account(MINE)

    async def import_objects(self, bucket: str, keys: Sequence[str]) -> Job:
        revision = await self.harness.revision()
        details = import_details(revision, bucket, keys)
        return await self.harness.finish(await self.harness.create(JobType.IMPORT_ASSETS_FROM_S3, details))

    async def export(self, names: Sequence[str], bucket: str, pattern: str) -> Job:
        revision = await self.harness.revision()
        whole = self.seen(accounts_are_proven=False).harness
        await imported(whole, revision, {name: name.encode() for name in names})
        destination = {"RevisionId": revision.id, "Bucket": bucket, "KeyPattern": pattern}
        details = {"DataSetId": revision.data_set_id, "RevisionDestinations": [destination]}
        job = await self.harness.create(JobType.EXPORT_REVISIONS_TO_S3, {"ExportRevisionsToS3": details})
        return await self.harness.finish(job)


@pytest.fixture
async def exchange(harness: Harness, tmp_path: Path) -> Exchange:
    for account in (MINE, THEIRS):
        await accounts.insert_account(harness.database, account, "", now())
    create_key_file(tmp_path / "secrets.key")
    secrets = SecretBox(tmp_path / "secrets.key")
    landscape = Landscape(tmp_path)
    buckets = PermittedBuckets(harness.database, landscape, secrets, accounts_are_proven=True)
    return Exchange(replace(harness, buckets=buckets), landscape, secrets)


def code_of(job: Job) -> JobErrorCode | None:
    assert job.state is (JobState.ERROR if job.errors else JobState.COMPLETED)
    return job.errors[0].code if job.errors else None


async def test_a_bucket_that_another_account_may_read_cannot_be_imported_from(exchange: Exchange) -> None:
    await exchange.allow(THEIRS, "theirs", "rw")
    exchange.harness.put("theirs", {"a": b"secret", "b": b"secret"})
    ended = await exchange.import_objects("theirs", ["a", "b"])
    (error,) = ended.errors
    assert error.code is JobErrorCode.ACCESS_DENIED_EXCEPTION
    assert error.objects == (Location("theirs", "a"), Location("theirs", "b"))
    assert f"Account {MINE} has not been allowed to read bucket theirs." in error.message
    assert f"entrepot bucket allow theirs --account {MINE} --read" in error.message
    assert THEIRS not in error.message
    assert exchange.landscape.opened == []


async def test_a_bucket_that_another_account_may_write_to_cannot_be_exported_to(exchange: Exchange) -> None:
    await exchange.allow(THEIRS, "theirs", "rw")
    await exchange.allow(MINE, "theirs", "r")
    ended = await exchange.export(["a"], "theirs", "${Asset.Name}")
    assert code_of(ended) is JobErrorCode.ACCESS_DENIED_EXCEPTION
    assert "--write" in ended.errors[0].message
    assert contents(exchange.harness.bucket("theirs")) == {}


async def test_what_was_allowed_works(exchange: Exchange) -> None:
    await exchange.allow(MINE, "mine", "r", "in/")
    await exchange.allow(MINE, "mine", "w", "out/")
    exchange.harness.put("mine", {"in/a": b"bytes"})
    assert code_of(await exchange.import_objects("mine", ["in/a"])) is None
    assert code_of(await exchange.export(["a", "b"], "mine", "out/${Asset.Name}")) is None
    assert contents(exchange.harness.bucket("mine")) == {"in/a": b"bytes", "out/a": b"a", "out/b": b"b"}


@pytest.mark.parametrize(
    "key",
    ["inner", "in", "in/../secret", "in/./../secret", "/in/a", "../mine/in/a", "In/a", "secret", "in/.."],
)
async def test_no_spelling_of_a_key_leads_out_of_the_prefix(exchange: Exchange, key: str) -> None:
    await exchange.allow(MINE, "mine", "rw", "in/")
    exchange.harness.put("mine", {"in/a": b"bytes", "inner": b"secret", "secret": b"secret", key: b"secret"})
    ended = await exchange.import_objects("mine", ["in/a", key])
    (error,) = ended.errors
    assert (error.code, error.objects) == (JobErrorCode.ACCESS_DENIED_EXCEPTION, (Location("mine", key),))
    assert repr(key) in error.message


@pytest.mark.parametrize("name", ["../secret", "x/../../secret", ".."])
async def test_no_name_of_an_asset_leads_out_of_the_prefix_or_the_bucket(
    exchange: Exchange, name: str
) -> None:
    await exchange.allow(MINE, "mine", "w", "out/")
    await exchange.allow(MINE, "whole", "w")
    for bucket, pattern in (("mine", "out/${Asset.Name}"), ("whole", "${Asset.Name}")):
        ended = await exchange.export([name], bucket, pattern)
        assert code_of(ended) is JobErrorCode.ACCESS_DENIED_EXCEPTION
        assert contents(exchange.harness.bucket(bucket)) == {}


@pytest.mark.parametrize(
    "bucket", ["..", ".", "mine/..", "mine/in", "../mine", "mine\nline", "mine ", "%6dine"]
)
async def test_what_is_no_name_of_a_bucket_opens_nothing(exchange: Exchange, bucket: str) -> None:
    await exchange.allow(MINE, "mine", "rw")
    for seen in (exchange, exchange.seen(accounts_are_proven=False)):
        with pytest.raises(InvalidStoreRequest) as refused:
            (await seen.mine()).open(bucket, "a", Access.READ)
        assert "\n" not in refused.value.message
    assert exchange.landscape.opened == []


async def test_an_empty_key_opens_nothing(exchange: Exchange) -> None:
    await exchange.allow(MINE, "mine", "rw", "in/")
    for access in Access:
        with pytest.raises(StoreAccessDenied):
            (await exchange.mine()).open("mine", "", access)


async def test_only_permissions_for_all_keys_let_a_listing_answer_for_many(exchange: Exchange) -> None:
    await exchange.allow(MINE, "mine", "r", "a/")
    await exchange.allow(MINE, "mine", "r", "b/")
    keys = [f"{folder}/{n:02d}" for folder in "ab" for n in range(15)]
    exchange.harness.put("mine", {key: key.encode() for key in keys} | {"between": b"secret"})
    counted = FaultyStore(exchange.harness.bucket("mine"))
    only = exchange.seen(open_bucket=lambda bucket, place: counted)
    assert code_of(await only.import_objects("mine", keys)) is None
    assert (counted.calls["list"], counted.calls["head"] >= 30) == (0, True)
    counted.calls.clear()
    await exchange.allow(MINE, "mine", "r", "")
    assert code_of(await only.import_objects("mine", keys)) is None
    # Each is asked for its checksum when it is moved: the ETags of a directory prove nothing by themselves.
    assert (counted.calls["list"], counted.calls["head"]) == (1, 30)


async def test_keys_at_another_place_are_asked_for_at_that_place(exchange: Exchange) -> None:
    await exchange.allow(MINE, "mine", "r")
    await exchange.allow(MINE, "mine", "r", "v/", endpoint_url="http://vendor")
    keys = [f"{folder}/{n:02d}" for folder in "uv" for n in range(25)]
    exchange.harness.put("mine", dict.fromkeys(keys, b"of the server"))
    for key in keys[25:]:
        bucket_in(exchange.harness.folder / "http:__vendor", "mine").put(
            key, memoryview(b"of the vendor"), 13
        )
    revision = await exchange.harness.revision()
    job = await exchange.harness.create(JobType.IMPORT_ASSETS_FROM_S3, import_details(revision, "mine", keys))
    assert code_of(await exchange.harness.finish(job)) is None
    found = {each.name: exchange.harness.content(each) for each in await exchange.harness.assets(revision)}
    assert found == dict.fromkeys(keys[:25], b"of the server") | dict.fromkeys(keys[25:], b"of the vendor")


async def test_a_permission_counts_for_runs_that_begin_after_it_was_given_or_taken(
    exchange: Exchange,
) -> None:
    harness = exchange.harness
    harness.put("mine", {"a": b"bytes"})
    revision = await harness.revision()
    job = await harness.create(JobType.IMPORT_ASSETS_FROM_S3, import_details(revision, "mine", ["a"]))
    await exchange.allow(MINE, "mine", "r")
    run_id = await harness.start(job)
    with pytest.raises(Interrupted):
        await harness.runner(at=interrupt_at(CrashPoint.PLAN_RECORDED)).run(run_id)
    await bucket_permissions.remove(harness.database, MINE, "mine", "")
    await harness.runner().run(await harness.taken_over(run_id))
    assert code_of(await harness.job(job.id)) is JobErrorCode.ACCESS_DENIED_EXCEPTION
    assert await harness.assets(revision) == []


async def test_a_bucket_is_opened_where_it_is_and_with_its_own_credentials(exchange: Exchange) -> None:
    await exchange.allow(MINE, "mine", "rw", endpoint_url="http://s3.partner", region="eu-west-1", keys=KEYS)
    mine = await exchange.mine()
    assert mine.open("mine", "a", Access.READ) is mine.open("mine", "b", Access.WRITE)
    assert exchange.landscape.opened == [("mine", Place("http://s3.partner", "eu-west-1", KEYS))]


async def test_secrets_are_in_no_text_and_not_in_the_database(exchange: Exchange, harness: Harness) -> None:
    await exchange.allow(MINE, "mine", "rw", keys=KEYS)
    mine = await exchange.mine()
    mine.open("mine", "a", Access.READ)
    assert "hush" not in repr((mine, exchange.landscape.opened))
    (permission,) = await bucket_permissions.every(harness.database)
    assert permission.encrypted_credentials is not None
    assert "hush" not in permission.encrypted_credentials
    for file in harness.folder.glob("entrepot.sqlite*"):
        assert b"hush" not in file.read_bytes()


async def test_sealed_credentials_are_of_no_use_in_another_row(exchange: Exchange, harness: Harness) -> None:
    await exchange.allow(THEIRS, "theirs", "r", keys=KEYS)
    (theirs,) = await bucket_permissions.every(harness.database)
    for stolen in (
        replace(theirs, account_id=MINE),
        replace(theirs, account_id=MINE, bucket="mine"),
        replace(theirs, account_id=MINE, prefix="a"),
    ):
        await bucket_permissions.put(harness.database, stolen)
        with pytest.raises(StoreAccessDenied, match="cannot be decrypted"):
            (await exchange.mine()).open(stolen.bucket, "a", Access.READ)


async def test_a_worker_without_the_key_file_says_so_in_the_job(exchange: Exchange, tmp_path: Path) -> None:
    await exchange.allow(MINE, "mine", "r", keys=KEYS)
    create_key_file(tmp_path / "another.key")
    for secrets, words in (
        (None, "has no key file"),
        (SecretBox(tmp_path / "another.key"), "cannot be decrypted with the key file"),
    ):
        ended = await exchange.seen(secrets=secrets).import_objects("mine", ["a"])
        assert code_of(ended) is JobErrorCode.ACCESS_DENIED_EXCEPTION
        assert words in ended.errors[0].message
        assert "secrets.key" in ended.errors[0].message or "key file" in ended.errors[0].message
        assert ended.errors[0].objects == (Location("mine", "a"),)


async def test_without_the_key_file_buckets_without_credentials_work(exchange: Exchange) -> None:
    await exchange.allow(MINE, "mine", "r")
    exchange.harness.put("mine", {"a": b"bytes"})
    assert code_of(await exchange.seen(secrets=None).import_objects("mine", ["a"])) is None


async def test_the_only_account_uses_every_bucket_until_there_is_a_second(
    harness: Harness, tmp_path: Path
) -> None:
    await accounts.insert_account(harness.database, MINE, "", now())
    landscape = Landscape(tmp_path)
    buckets = PermittedBuckets(harness.database, landscape, None, accounts_are_proven=True)
    mine = await buckets.of_account(MINE)
    for access in Access:
        mine.open("any", "a/../b", access)
    assert {place for _, place in landscape.opened} == {Place()}
    with pytest.raises(StoreAccessDenied):
        (await buckets.of_account(THEIRS)).open("any", "a", Access.READ)
    await accounts.insert_account(harness.database, THEIRS, "", now())
    with pytest.raises(StoreAccessDenied):
        (await buckets.of_account(MINE)).open("any", "a", Access.READ)


async def test_in_trust_mode_buckets_are_open_to_all(exchange: Exchange) -> None:
    mine = await exchange.seen(accounts_are_proven=False).mine()
    mine.open("any", "a", Access.WRITE)
    assert exchange.landscape.opened == [("any", Place())]


async def test_where_all_is_open_a_permission_says_where_a_bucket_is_and_still_means_what_it_says(
    exchange: Exchange,
) -> None:
    await exchange.allow(MINE, "vendor", "r", "v/", endpoint_url="http://vendor")
    await exchange.allow(MINE, "plain", "r")
    mine = await exchange.seen(accounts_are_proven=False).mine()
    mine.open("vendor", "v/a/../b", Access.READ)
    mine.open("vendor", "other", Access.READ)
    mine.open("plain", "a", Access.WRITE)
    places = [place.endpoint_url for _, place in exchange.landscape.opened]
    assert places == ["http://vendor", None, None]
    with pytest.raises(StoreAccessDenied, match="--write"):  # never into a bucket of that name elsewhere
        mine.open("vendor", "v/a", Access.WRITE)


OWN = OwnBucket("own", "exchange/", "http://s3.server")


@pytest.mark.parametrize("proven", [True, False])
@pytest.mark.parametrize("access", Access)
async def test_nobody_uses_the_bucket_of_the_exchange_itself(
    exchange: Exchange, proven: bool, access: Access
) -> None:
    seen = exchange.seen(accounts_are_proven=proven, own=OWN)
    for endpoint_url in (None, "http://S3.server:80/", "https://own.s3.server"):
        for keys in (None, KEYS):
            await exchange.allow(MINE, "own", "rw", endpoint_url=endpoint_url, keys=keys)
            mine = await seen.mine()
            for key in (
                "",
                "mine/a",
                "exchange/a",
                "/exchange/a",
                "//exchange/a",
                "\\exchange/a",
                "x/../exchange/a",
            ):
                with pytest.raises(StoreAccessDenied, match="keeps its own bytes in bucket own"):
                    mine.open("own", key, access)
            with pytest.raises(StoreAccessDenied, match="keeps its own bytes in bucket own"):
                await seen.harness.buckets.refuse_own_bucket(MINE, ["mine", "own"])
    await exchange.allow(MINE, "own", "rw", endpoint_url="http://another", keys=KEYS)
    (await seen.mine()).open("own", "exchange/a", access)
    await seen.harness.buckets.refuse_own_bucket(MINE, ["mine", "own"])


async def test_the_bucket_of_the_exchange_is_refused_without_a_word_of_how_it_could_be_allowed(
    exchange: Exchange,
) -> None:
    for bucket in ("own", "OWN", "own."):
        with pytest.raises(StoreAccessDenied, match="keeps its own bytes in bucket own, which no account"):
            (await exchange.seen(own=OWN).mine()).open(bucket, "a", Access.READ)


async def test_neither_does_the_only_account(harness: Harness, tmp_path: Path) -> None:
    await accounts.insert_account(harness.database, MINE, "", now())
    buckets = PermittedBuckets(harness.database, Landscape(tmp_path), None, accounts_are_proven=True, own=OWN)
    mine = await buckets.of_account(MINE)
    mine.open("any", "a/../b", Access.WRITE)
    for bucket, key in (("own", "a"), ("any", "../own/exchange/a"), ("any", "..\\own\\exchange\\a")):
        with pytest.raises(StoreAccessDenied):
            mine.open(bucket, key, Access.WRITE)


async def test_a_bucket_of_the_same_name_elsewhere_takes_credentials_of_its_own(exchange: Exchange) -> None:
    await exchange.allow(MINE, "own", "r", endpoint_url="http://another")
    seen = exchange.seen(own=OWN)
    with pytest.raises(StoreAccessDenied, match="with credentials of its own"):
        (await seen.mine()).open("own", "a", Access.READ)


@pytest.mark.parametrize(
    ("bucket", "endpoint_url"), [("exchange", "http://own.s3.server"), ("exchange", "http://s3.server/own")]
)
async def test_no_bucket_lies_in_that_of_the_exchange(
    exchange: Exchange, bucket: str, endpoint_url: str
) -> None:
    await exchange.allow(MINE, bucket, "rw", endpoint_url=endpoint_url, keys=KEYS)
    with pytest.raises(StoreAccessDenied, match="keeps its own bytes"):
        (await exchange.seen(own=OWN).mine()).open(bucket, "assets/a", Access.READ)


async def test_a_job_made_before_reads_and_writes_nothing_there(exchange: Exchange) -> None:
    await exchange.allow(MINE, "own", "rw")
    exchange.harness.put("own", {"/exchange/a": b"theirs", "mine/a": b"mine"})
    seen = exchange.seen(own=OWN)
    assert code_of(await seen.import_objects("own", ["mine/a"])) is JobErrorCode.ACCESS_DENIED_EXCEPTION
    assert code_of(await seen.export(["b"], "own", "mine/${Asset.Name}")) is (
        JobErrorCode.ACCESS_DENIED_EXCEPTION
    )
    assert "mine/b" not in contents(exchange.harness.bucket("own"))


async def test_of_a_shared_bucket_only_what_is_no_spelling_of_the_prefix_may_be_used(
    exchange: Exchange,
) -> None:
    await exchange.allow(MINE, "own", "rw")
    mine = await exchange.seen(own=replace(OWN, is_shared=True)).mine()
    mine.open("own", "mine/a", Access.WRITE)
    mine.open("own", "exchanged", Access.WRITE)
    for key in ("exchange/", "/exchange/a", "//exchange/a", "\\exchange/a", "exchange//a", "a/../exchange/a"):
        with pytest.raises(StoreAccessDenied, match="under 'exchange/', which no account may use"):
            mine.open("own", key, Access.READ)


async def test_a_bucket_is_in_the_region_that_it_was_allowed_with(exchange: Exchange) -> None:
    await exchange.allow(MINE, "far", "w", region="eu-west-1")
    await exchange.allow(MINE, "somewhere", "w")
    mine = await exchange.mine()
    assert mine.region_of("far", "a") == "eu-west-1"
    assert mine.region_of("somewhere", "a") is None
    with pytest.raises(StoreAccessDenied):
        mine.region_of("theirs", "a")
