from __future__ import annotations

import botocore
import pytest

from entrepot.model.loader import load_model
from entrepot.model.service_model import lower_camel, snake_case


def test_every_name_of_the_model_is_what_boto3_users_know() -> None:
    model = load_model()
    names = {member.name for shape in model.shapes.values() for member in shape.members} | {*model.operations}
    assert len(names) > 150
    assert {name: snake_case(name) for name in names} == {name: botocore.xform_name(name) for name in names}


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("DataSetId", "data_set_id"),
        ("S3SnapshotAsset", "s3_snapshot_asset"),
        ("ImportAssetsFromS3", "import_assets_from_s3"),
        ("ApiSpecificationMd5Hash", "api_specification_md5_hash"),
        ("LFTagPolicy", "lf_tag_policy"),
        ("Tags", "tags"),
        ("tags", "tags"),
    ],
)
def test_abbreviations_and_digits_stay_with_their_word(name: str, expected: str) -> None:
    assert snake_case(name) == expected


def test_messages_name_members_with_a_small_first_letter() -> None:
    assert lower_camel("JobId") == "jobId"
