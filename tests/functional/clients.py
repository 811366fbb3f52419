"""Clients of boto3, made by one session: it reads the model of each service once."""

from __future__ import annotations

import json
import urllib.request
from functools import cache
from typing import Any

import boto3
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials

from entrepot.testing import S3Server


@cache
def _session() -> boto3.session.Session:
    return boto3.session.Session(region_name="us-east-1")


def client(service: str, url: str, access_key_id: str, secret: str, **options: Any) -> Any:
    """A client of a service at that URL, which tries everything once."""
    defaults = {"retries": {"total_max_attempts": 1}}
    region = options.pop("region_name", "us-east-1")
    return _session().client(
        service,
        endpoint_url=url,
        aws_access_key_id=access_key_id,
        aws_secret_access_key=secret,
        region_name=region,
        config=Config(**(defaults | options)),
    )


def signed_get(url: str, access_key_id: str, secret: str) -> Any:
    """The JSON that a route of the exchange's own answers, which no SDK knows."""
    request = AWSRequest("GET", url)
    SigV4Auth(Credentials(access_key_id, secret), "dataexchange", "us-east-1").add_auth(request)
    with urllib.request.urlopen(urllib.request.Request(url, headers=dict(request.headers))) as answer:
        return json.load(answer)


def s3_client(server: S3Server, **options: Any) -> Any:
    """A client of S3 as its owner has it."""
    return client("s3", server.endpoint_url, server.access_key_id, server.secret_access_key, **options)
