"""Where uploads would take the last of the disk, they are refused, and everything else goes on."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.functional.clients import client as make_client
from tests.functional.flow import open_revision
from tests.functional.test_slow_uploads import answer_of, begin, upload_url

from entrepot.testing import running_entrepot

MORE_THAN_ANY_DISK_MIB = "100000000"


@pytest.mark.parametrize("content", [b"", b"a,b\n"])
def test_an_upload_that_needs_the_reserve_is_refused_and_nothing_else(tmp_path: Path, content: bytes) -> None:
    reserve = {"ENTREPOT_DISK_RESERVE_MB": MORE_THAN_ANY_DISK_MIB}
    with running_entrepot(tmp_path, arguments=["--job-workers", "0"], environ=reserve) as server:
        client = make_client("dataexchange", server.url, server.access_key_id, server.secret_access_key)
        try:
            place = open_revision(client, "Prices")
            with begin(upload_url(client, place, content), content, len(content)) as upload:
                status, body = answer_of(upload)
            assert status == 507, body
            assert "InsufficientStorage" in body
            client.create_data_set(AssetType="S3_SNAPSHOT", Name="n", Description="d")
            assert client.list_jobs()["Jobs"][0]["State"] == "WAITING"
        finally:
            client.close()
        assert server.log.read_text() == ""
