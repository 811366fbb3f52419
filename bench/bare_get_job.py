"""The bare script: GetJob by nothing but `http.client`, HMAC and `print`, the floor under every command line.

    AWS_ACCESS_KEY_ID=… AWS_SECRET_ACCESS_KEY=… python bench/bare_get_job.py HOST PORT JOB-ID

It has no options, reads no file, knows no model, does not retry and formats nothing.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import sys
import time
from http.client import HTTPConnection

REGION = "us-east-1"
SERVICE = "dataexchange"


def main(host: str, port: str, job_id: str) -> int:
    """Asks for the job and prints the answer as it came."""
    path, now = f"/v1/jobs/{job_id}", time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    headers = {"host": f"{host}:{port}", "x-amz-date": now}
    lines = "".join(f"{name}:{value}\n" for name, value in headers.items())
    names, empty = ";".join(headers), hashlib.sha256(b"").hexdigest()
    request = f"GET\n{path}\n\n{lines}\n{names}\n{empty}"
    scope = f"{now[:8]}/{REGION}/{SERVICE}/aws4_request"
    text = f"AWS4-HMAC-SHA256\n{now}\n{scope}\n{hashlib.sha256(request.encode()).hexdigest()}"
    key = f"AWS4{os.environ['AWS_SECRET_ACCESS_KEY']}".encode()
    for part in (*scope.split("/"), text):
        key = hmac.digest(key, part.encode(), "sha256")
    credential = f"{os.environ['AWS_ACCESS_KEY_ID']}/{scope}"
    headers["authorization"] = (
        f"AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders={names}, Signature={key.hex()}"
    )
    connection = HTTPConnection(host, int(port))
    connection.request("GET", path, headers=headers)
    answer = connection.getresponse()
    print(answer.read().decode())
    return 0 if answer.status == 200 else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
