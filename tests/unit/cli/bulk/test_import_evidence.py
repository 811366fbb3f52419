from __future__ import annotations

from typing import Any

from entrepot.cli.bulk.import_evidence import Evidence


def at(second: int) -> str:
    return f"2026-03-01T10:00:{second:02d}.000Z"


def by_url(name: str, md5: str, created: int, ended: int, state: str = "COMPLETED") -> dict[str, Any]:
    details = {"ImportAssetFromSignedUrl": {"AssetName": name, "Md5Hash": md5}}
    return {"Id": md5, "State": state, "CreatedAt": at(created), "UpdatedAt": at(ended), "Details": details}


def by_bucket(job_id: str, keys: list[str], created: int, ended: int) -> dict[str, Any]:
    details = {"ImportAssetsFromS3": {"AssetSources": [{"Bucket": "b", "Key": key} for key in keys]}}
    times = {"CreatedAt": at(created), "UpdatedAt": at(ended)}
    return {"Id": job_id, "State": "COMPLETED", **times, "Details": details}


def evidence(*jobs: dict[str, Any]) -> Evidence:
    found = Evidence({"known": {"a": "etag a", "b": "etag b"}}, lambda key: key.removeprefix("way/"))
    for job in jobs:
        found.add(job)
    return found


def test_the_job_that_made_an_asset_tells_its_bytes() -> None:
    found = evidence(by_url("a", "md5", 1, 3))
    assert found.digest_of("a", {"CreatedAt": at(2)}) == "md5"
    assert found.digest_of("b", {"CreatedAt": at(2)}) is None


def test_a_job_that_did_not_complete_tells_nothing() -> None:
    assert evidence(by_url("a", "md5", 1, 3, "ERROR")).digest_of("a", {"CreatedAt": at(2)}) is None


def test_of_what_came_from_a_bucket_the_journal_tells() -> None:
    found = evidence(by_bucket("known", ["way/a", "b"], 1, 3), by_bucket("unknown", ["c"], 1, 3))
    assert [found.digest_of(name, {"CreatedAt": at(3)}) for name in "abc"] == ["etag a", "etag b", None]


def test_an_asset_is_not_older_than_its_job() -> None:
    assert evidence(by_url("a", "md5", 5, 6)).digest_of("a", {"CreatedAt": at(4)}) is None


def test_of_several_jobs_of_a_name_the_times_tell_which_it_was() -> None:
    found = evidence(by_url("a", "new", 5, 7), by_url("a", "old", 1, 3))
    assert found.digest_of("a", {"CreatedAt": at(2)}) == "old"
    assert found.digest_of("a", {"CreatedAt": at(6)}) == "new"


def test_where_it_may_have_been_either_of_two_jobs_nothing_is_proven() -> None:
    both = evidence(by_url("a", "one", 1, 6), by_url("a", "two", 2, 5))
    assert both.digest_of("a", {"CreatedAt": at(4)}) is None
    unknown = evidence(by_url("a", "one", 1, 6), by_bucket("unknown", ["a"], 2, 5))
    assert unknown.digest_of("a", {"CreatedAt": at(4)}) is None
    alike = evidence(by_url("a", "one", 1, 6), by_url("a", "one", 2, 5))
    assert alike.digest_of("a", {"CreatedAt": at(4)}) == "one"


def test_times_that_cannot_be_read_prove_nothing() -> None:
    assert evidence(by_url("a", "md5", 1, 3)).digest_of("a", {"CreatedAt": "yesterday"}) is None
    assert (
        evidence({**by_url("a", "md5", 1, 3), "CreatedAt": None}).digest_of("a", {"CreatedAt": at(2)}) is None
    )
