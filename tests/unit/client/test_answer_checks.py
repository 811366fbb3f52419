from __future__ import annotations

from typing import Any

import pytest

from entrepot.client.answer_checks import check_answer, is_id
from entrepot.client.client_errors import UnreadableAnswer

ASSET = {
    "Id": "a" * 32,
    "Name": "../any text\x1b",
    "AssetType": "S3_SNAPSHOT",
    "AssetDetails": {"S3SnapshotAsset": {"Size": 12.0}},
}
JOB = {
    "Id": "b" * 32,
    "Type": "EXPORT_ASSETS_TO_S3",
    "State": "ERROR",
    "Details": {"ExportAssetsToS3": {"AssetDestinations": [{"AssetId": "a", "Bucket": "b", "Key": "k"}]}},
    "Errors": [{"Code": "C", "Message": "m", "Details": None}],
}


def test_answers_as_they_are_pass() -> None:
    check_answer("list-revision-assets", {"Assets": [ASSET, {**ASSET, "Tags": {"Id": "/any", "Name": "x"}}]})
    check_answer("list-jobs", {"Jobs": [JOB], "NextToken": "x"})
    check_answer("get-job", JOB)
    check_answer("start-job", {})


@pytest.mark.parametrize("good", ["a", "0" * 32, "job-1", "a_b"])
def test_ids_are_letters_and_digits(good: str) -> None:
    assert is_id(good)


@pytest.mark.parametrize(
    "bad",
    [
        *("../../../victim/.bashrc", "/victim", ".", "..", "a/b", "a.b", "", "-rf", "_a", "$(x)", "a b"),
        *("a;b", "x" * 101, "a\n", "\na", "ä", "٣", "\x1b[2J", "\x00", 12, True, None, ["a"], {"a": 1}),
    ],
)
def test_what_could_do_harm_is_no_id(bad: Any) -> None:
    assert not is_id(bad)
    if bad is not None:
        for member in ("Id", "DataSetId", "RevisionId", "AssetId", "JobId"):
            with pytest.raises(UnreadableAnswer, match="no id"):
                check_answer("x", {"Details": {"any": {"thing": {member: bad}}}})


@pytest.mark.parametrize("member", ["Id", "Name", "AssetType", "AssetDetails"])
def test_an_asset_without_what_it_is_known_by_is_none(member: str) -> None:
    for entry in ({**ASSET, member: None}, {name: one for name, one in ASSET.items() if name != member}):
        with pytest.raises(UnreadableAnswer, match=f"{member} is missing"):
            check_answer("list-revision-assets", {"Assets": [entry]})


@pytest.mark.parametrize("size", [None, "12", -1, True, float("nan"), float("inf"), 2**64, [], {}])
def test_a_size_is_a_number_of_bytes(size: Any) -> None:
    entry = {**ASSET, "AssetDetails": {"S3SnapshotAsset": {"Size": size}}}
    with pytest.raises(UnreadableAnswer, match="Size"):
        check_answer("list-revision-assets", {"Assets": [entry]})


@pytest.mark.parametrize(
    "job",
    [
        {**JOB, "State": 1},
        {**JOB, "Details": "x"},
        {**JOB, "Details": {"ExportAssetsToS3": []}},
        {**JOB, "Details": {"ExportAssetsToS3": {"AssetDestinations": {}}}},
        {**JOB, "Details": {"ExportAssetsToS3": {"AssetDestinations": [1]}}},
        {**JOB, "Details": {"ExportAssetsToS3": {"AssetDestinations": [{"AssetId": "a"}]}}},
        {**JOB, "Details": {"ExportAssetToSignedUrl": {"SignedUrl": 1}}},
        {**JOB, "Details": {"ImportAssetFromSignedUrl": {}}},
        {**JOB, "Errors": "x"},
        {**JOB, "Errors": [{"Message": "m"}]},
        {**JOB, "Errors": [{"Code": "c", "Details": {"ImportAssetsFromS3JobErrorDetails": [{}]}}]},
    ],
)
def test_a_job_of_another_shape_is_none(job: Any) -> None:
    with pytest.raises(UnreadableAnswer, match="is none of an exchange"):
        check_answer("list-jobs", {"Jobs": [job]})


def test_what_is_nested_too_deeply_is_told() -> None:
    answer: dict[str, Any] = {}
    for _ in range(100_000):
        answer = {"a": answer}
    with pytest.raises(UnreadableAnswer, match="too deeply"):
        check_answer("x", answer)
