"""Starts what the demo needs: an S3 server, an Entrepot server, two buckets and the clients."""

from __future__ import annotations

import json
import secrets
import tempfile
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from entrepot.domain.errors import ConfigurationError
from entrepot.emulation.s3_server import running_seaweedfs
from entrepot.server.child import RunningServer, running_entrepot

ANSWER_SECONDS = 60.0
"""How long a server may keep silent."""
_LOG_CHARACTERS = 2_000


@dataclass(frozen=True, slots=True)
class DemoServers:
    """What the demo plays with; the clients are boto3's own."""

    exchange: Any
    server: RunningServer
    s3: Any
    s3_endpoint_url: str
    source_bucket: str
    destination_bucket: str
    credentials: Any

    def progress(self, job_id: str) -> dict[str, int]:
        """How far a job is, from the one call that AWS does not have; signed as every other."""
        from botocore.auth import SigV4Auth
        from botocore.awsrequest import AWSRequest

        url = f"{self.server.url}/entrepot/jobs/{job_id}/progress"
        signed = AWSRequest("GET", url)
        SigV4Auth(self.credentials, "dataexchange", "us-east-1").add_auth(signed)
        request = urllib.request.Request(url, headers=dict(signed.headers))  # noqa: S310 - the server's URL
        with urllib.request.urlopen(request, timeout=ANSWER_SECONDS) as answer:  # noqa: S310
            progress: dict[str, int] = json.load(answer)
        return progress

    def what_the_server_says(self) -> str:
        try:
            with urllib.request.urlopen(f"{self.server.url}/readyz", timeout=ANSWER_SECONDS) as answer:  # noqa: S310
                state = answer.read().decode()
        except urllib.error.HTTPError as not_ready:
            with not_ready:
                state = not_ready.read().decode()
        except OSError as error:
            state = f"no answer: {error}"
        log = self.server.log.read_text(encoding="utf-8", errors="replace")[-_LOG_CHARACTERS:]
        return f"/readyz says: {state.strip()}\nThe log says: {log.strip() or 'nothing'}"


@contextmanager
def servers(s3_endpoint_url: str | None) -> Iterator[DemoServers]:
    """Sets everything up in a temporary folder and takes everything down again, also after an error."""
    try:
        import boto3
    except ModuleNotFoundError as error:
        raise ConfigurationError("The demo talks to the servers by boto3; install entrepot[demo].") from error
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="entrepot-demo-")))
        storage = None
        if s3_endpoint_url is None:
            storage = stack.enter_context(running_seaweedfs(folder / "s3"))
            s3_endpoint_url = storage.endpoint_url
            keys = {
                "AWS_ACCESS_KEY_ID": storage.access_key_id,
                "AWS_SECRET_ACCESS_KEY": storage.secret_access_key,
            }
            access_key = storage.access_key_id, storage.secret_access_key
            s3_session = boto3.Session(*access_key, region_name="us-east-1")
        else:
            keys = {}
            s3_session = boto3.Session()
        arguments = ["--s3-endpoint-url", s3_endpoint_url]
        server = stack.enter_context(running_entrepot(folder / "exchange", arguments=arguments, environ=keys))
        s3 = s3_session.client("s3", endpoint_url=s3_endpoint_url)
        stack.callback(s3.close)
        exchange_session = boto3.Session(
            server.access_key_id, server.secret_access_key, region_name="us-east-1"
        )
        exchange = exchange_session.client("dataexchange", endpoint_url=server.url)
        stack.callback(exchange.close)
        suffix = secrets.token_hex(4)
        # A server of our own goes with everything in it, even when Ctrl-C has reached it first.
        foreign = storage is None
        buckets = [
            stack.enter_context(_bucket(s3, f"{role}-{suffix}", remove=foreign))
            for role in ("provider", "receiver")
        ]
        yield DemoServers(
            exchange=exchange,
            server=server,
            s3=s3,
            s3_endpoint_url=s3_endpoint_url,
            source_bucket=buckets[0],
            destination_bucket=buckets[1],
            credentials=exchange_session.get_credentials(),
        )


@contextmanager
def _bucket(s3: Any, name: str, *, remove: bool) -> Iterator[str]:
    s3.create_bucket(Bucket=name)
    try:
        yield name
    finally:
        pages = s3.get_paginator("list_objects_v2").paginate(Bucket=name) if remove else ()
        for page in pages:
            for entry in page.get("Contents", ()):
                s3.delete_object(Bucket=name, Key=entry["Key"])
        if remove:
            s3.delete_bucket(Bucket=name)
