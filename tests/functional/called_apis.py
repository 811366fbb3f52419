"""A provider's API as an asset, and the ways in which people call it, for tests of both."""

from __future__ import annotations

import base64
import hashlib
import http.client
import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from botocore.auth import SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from tests.functional import flow
from tests.functional.accounts import Account
from tests.functional.clients import client
from tests.functional.flow import until
from tests.servers.exchanges import Exchange
from tests.servers.http_api import HttpApi

DOCUMENT = json.dumps(
    {
        "openapi": "3.0.3",
        "info": {"title": "Weather", "version": "1"},
        "paths": {"/mirror": {"get": {"responses": {"200": {"description": "The same"}}}}},
    }
).encode()
PATIENCE_SECONDS = 60.0
API_HOST = "api-fulfill.exchange.example"


@dataclass(frozen=True)
class Place:
    """The exchange, the API, who offers it and who gets it, and by which ids both know it."""

    server: Exchange
    api: HttpApi
    provider: Account
    receiver: Account
    stranger: Account
    owned: dict[str, str]
    entitled: dict[str, str]


def import_api(provider: Account, api_id: str = "weather", **members: Any) -> dict[str, str]:
    """Imports an API into a data set of its own; the ids of the asset, as keywords."""
    data_set = provider.client.create_data_set(AssetType="API_GATEWAY_API", Name="APIs", Description="d")
    revision = provider.client.create_revision(DataSetId=data_set["Id"])
    ids = {"DataSetId": data_set["Id"], "RevisionId": revision["Id"]}
    md5 = base64.b64encode(hashlib.md5(DOCUMENT).digest()).decode()
    request = {
        "ApiId": api_id, "ApiName": "Weather", "ApiSpecificationMd5Hash": md5, "ProtocolType": "REST",
        "Stage": "prod", "ApiDescription": "# Weather", **ids,
    }  # fmt: skip
    if "api_key" in members:
        request["ApiKey"] = members["api_key"]
    job = provider.client.create_job(
        Type="IMPORT_ASSET_FROM_API_GATEWAY_API", Details={"ImportAssetFromApiGatewayApi": request}
    )
    details = job["Details"]["ImportAssetFromApiGatewayApi"]
    flow.put(details["ApiSpecificationUploadUrl"], DOCUMENT, md5)
    provider.client.start_job(JobId=job["Id"])
    ended = flow.finished(provider.client, job["Id"])
    assert ended["State"] == "COMPLETED", ended
    (asset,) = flow.assets(provider.client, ids)
    return {**ids, "AssetId": asset["Id"]}


def granted(provider: Account, receiver: Account, data_set_id: str) -> dict[str, str]:
    grant = provider.client.create_data_grant(
        Name="weather",
        GrantDistributionScope="NONE",
        ReceiverPrincipal=receiver.id,
        SourceDataSetId=data_set_id,
    )
    accepted = receiver.client.accept_data_grant(DataGrantArn=grant["Arn"])
    (revision,) = receiver.client.list_data_set_revisions(DataSetId=accepted["DataSetId"])["Revisions"]
    ids = {"DataSetId": accepted["DataSetId"], "RevisionId": revision["Id"]}
    (asset,) = flow.assets(receiver.client, ids)
    return {**ids, "AssetId": asset["Id"]}


def caller(account: Account, **options: Any) -> Any:
    """A client that puts no prefix before the host, unless it is told to."""
    options = {"inject_host_prefix": False, **options}
    return client("dataexchange", account.url, account.access_key_id, account.secret_access_key, **options)


def send(client: Any, ids: dict[str, str], **members: Any) -> dict[str, Any]:
    """SendApiAsset; again, where it came too soon after others."""

    def attempt() -> dict[str, Any] | None:
        try:
            answer: dict[str, Any] = client.send_api_asset(**ids, **members)
        except client.exceptions.ThrottlingException:
            return None
        return answer

    return until(attempt, "let through")


def raw(
    account: Account,
    method: str,
    target: str,
    ids: dict[str, str],
    body: bytes = b"",
    headers: dict[str, str] | None = None,
    *,
    presigned: bool = False,
) -> tuple[int, dict[str, str], bytes]:
    """A request as somebody makes it who has no SDK; again, where it came too soon after others."""

    def attempt() -> tuple[int, dict[str, str], bytes] | None:
        answer = raw_once(account, method, target, ids, body, headers, presigned=presigned)
        return answer if answer[0] != 429 else None

    return until(attempt, "let through")


def raw_once(
    account: Account,
    method: str,
    target: str,
    ids: dict[str, str],
    body: bytes = b"",
    headers: dict[str, str] | None = None,
    *,
    presigned: bool = False,
) -> tuple[int, dict[str, str], bytes]:
    """A request with any verb to the host of APIs."""
    names = {
        "x-amzn-dataexchange-asset-id": ids["AssetId"],
        "x-amzn-dataexchange-data-set-id": ids["DataSetId"],
        "x-amzn-dataexchange-revision-id": ids["RevisionId"],
    }
    request = AWSRequest(method, f"http://{API_HOST}{target}", {**names, **(headers or {})}, body)
    keys = Credentials(account.access_key_id, account.secret_access_key)
    if presigned:
        SigV4QueryAuth(keys, "dataexchange", "us-east-1").add_auth(request)
    else:
        SigV4Auth(keys, "dataexchange", "us-east-1").add_auth(request)
    parts = urlsplit(request.url)
    connection = http.client.HTTPConnection("127.0.0.1", urlsplit(account.url).port, timeout=60)
    try:
        url = f"{parts.path}?{parts.query}" if parts.query else parts.path
        connection.request(method, url, body, {**dict(request.headers), "Host": API_HOST})
        answer = connection.getresponse()
        return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()
    finally:
        connection.close()
