from __future__ import annotations

import re
import subprocess
import sys

import pytest

from entrepot.domain.errors import ConfigurationError
from entrepot.model.document import API_VERSION, read_document
from entrepot.model.loader import (
    Patch,
    apply_patch,
    build_model,
    load_model,
    read_patches,
)
from entrepot.model.service_model import Kind, Location


def test_the_model_is_read_without_importing_botocore() -> None:
    code = (
        "import sys; from entrepot.model.loader import load_model; load_model();"
        "from entrepot.model import shapes; print('botocore' in sys.modules)"
    )
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert loaded.stdout.strip() == "False"


def test_an_operation_says_all_that_the_pipeline_needs() -> None:
    model = load_model()
    start = model.operations["StartJob"]
    assert (start.method, start.path, start.status) == ("PATCH", "/v1/jobs/{JobId}", 202)
    assert (start.python_name, start.input, start.output) == (
        "start_job",
        "StartJobRequest",
        "StartJobResponse",
    )
    assert "ConflictException" in start.errors
    assert model.operations["CancelJob"].output is None
    assert model.operations["SendApiAsset"].host_prefix == "api-fulfill."
    assert model.api_version == API_VERSION


def test_a_member_knows_where_it_travels_and_under_which_key() -> None:
    members = {m.name: m for m in load_model().shapes["SendApiAssetRequest"].members}
    assert members["Body"].location is Location.PAYLOAD
    assert members["QueryStringParameters"].location is Location.QUERY
    assert members["AssetId"].location is Location.HEADER
    assert members["AssetId"].location_name == "x-amzn-dataexchange-asset-id"
    assert members["RequestHeaders"].location is Location.HEADERS
    tags = {m.name: m for m in load_model().shapes["TagResourceRequest"].members}
    assert (tags["Tags"].key, tags["ResourceArn"].key) == ("tags", "ResourceArn")


def test_what_travels_outside_the_body_is_text_or_whole_numbers() -> None:
    model = load_model()
    for operation in model.operations.values():
        for member in model.shapes[operation.input].members:
            shape = model.shapes[member.shape]
            item = shape if shape.item is None else model.shapes[shape.item]
            if member.location is not Location.BODY:
                assert item.kind in (Kind.STRING, Kind.INTEGER), f"the parser cannot read {member}"


def test_every_patch_is_needed_and_says_why() -> None:
    for patch in read_patches():
        document = read_document()
        _, shape, key = patch.path.removeprefix("/").split("/")
        assert document["shapes"][shape][key] == patch.was
        apply_patch(document, patch)
        assert document["shapes"][shape][key] == patch.value
        assert len(patch.reason) > 40


def test_a_catalog_id_is_twelve_digits() -> None:
    anchored = load_model().shapes["AwsAccountId"].anchored
    assert anchored is not None
    assert re.match(anchored, "123456789012")
    for wrong in ("12345678901", "1234567890123", "12345678901a", "123456789012\n", "١٢٣٤٥٦٧٨٩٠١٢"):
        assert not re.match(anchored, wrong)


def test_a_model_that_is_mended_already_needs_no_patch() -> None:
    patch = Patch(op="replace", path="/shapes/A/pattern", was="a", value="b", reason="")
    document = {"shapes": {"A": {"pattern": "b"}}}
    apply_patch(document, patch)
    assert document == {"shapes": {"A": {"pattern": "b"}}}


@pytest.mark.parametrize(
    "document",
    [{"shapes": {"A": {"pattern": "else"}}}, {"shapes": {"A": {}}}, {"shapes": {}}],
    ids=["changed", "no member", "no shape"],
)
def test_a_model_that_no_patch_was_written_for_is_refused(
    document: dict[str, dict[str, dict[str, str]]],
) -> None:
    patch = Patch(op="replace", path="/shapes/A/pattern", was="a", value="b", reason="")
    with pytest.raises(ConfigurationError, match="/shapes/A/pattern"):
        apply_patch(document, patch)


def test_only_structures_have_members() -> None:
    for shape in build_model(read_document()).shapes.values():
        assert not shape.members or shape.kind is Kind.STRUCTURE
        assert (shape.item is not None) == (shape.kind in (Kind.LIST, Kind.MAP))
