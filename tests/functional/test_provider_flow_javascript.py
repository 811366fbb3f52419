"""The provider's flow through the AWS SDK for JavaScript, unmodified."""

from __future__ import annotations

import json
import subprocess

from tests.functional import tools
from tests.functional.conftest import MakeClient, Port


def test_the_javascript_sdk_runs_the_flow(port: Port, client: MakeClient) -> None:
    node = tools.node()
    s3 = client("s3")
    s3.put_object(Bucket=port.source, Key="javascript/données.csv", Body=b"a,b\n1,2\n")
    given = {
        "endpoint": port.exchange.url,
        "accessKeyId": port.account.access_key_id,
        "secretAccessKey": port.account.secret_access_key,
        "source": port.source,
        "destination": port.destination,
        "key": "javascript/données.csv",
    }
    ran = subprocess.run(
        [node, str(tools.JAVASCRIPT / "provider_flow.mjs"), json.dumps(given)],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert ran.returncode == 0, ran.stderr
    saw = json.loads(ran.stdout)
    assert saw["states"] == ["COMPLETED"] * 4
    assert saw["finalized"] is True
    assert saw["names"] == ["javascript/données.csv", "by/url.txt"]  # names in descending order
    assert saw["sizes"] == [8, 19]
    assert saw["download"] == "bytes by signed URL"
    assert saw["dataSet"]["tags"] == {"team": "js"}
    assert saw["dataSet"]["createdAtIsDate"] is True
    assert saw["refused"] == {
        "name": "ResourceNotFoundException",
        "status": 404,
        "resourceId": "0" * 32,
        "resourceType": "JOB",
    }
    exported = s3.get_object(Bucket=port.destination, Key="javascript/javascript/données.csv")
    assert exported["Body"].read() == b"a,b\n1,2\n"
