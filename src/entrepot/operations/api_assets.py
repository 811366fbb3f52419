"""Calls of API assets (behaviour reference, section 7.1).

Unlike every other operation this one takes and gives more than its shapes can hold: any verb, paths and
queries as they were sent, and bodies that are no text. `wire.api_calls` makes an `ApiCall` of the request.
"""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass

from entrepot.database import assets
from entrepot.domain.api_call import (
    CALLS_PER_SECOND,
    ApiAnswer,
    ApiCall,
    ApiRequest,
    Header,
    api_headers,
    api_method,
    api_path,
    api_query,
)
from entrepot.domain.arn import asset_arn, data_grant_arn
from entrepot.domain.asset import Asset
from entrepot.domain.data_grant import DataGrant, MaskedKind
from entrepot.domain.errors import (
    AccessDenied,
    IntegrationError,
    InternalError,
    ResourceType,
    Throttled,
    ValidationFailed,
)
from entrepot.domain.scope import Scope
from entrepot.entitlements.visibility.data_sets import entitled
from entrepot.entitlements.visibility.revisions import entitled_revision, get_source
from entrepot.jobs.parents import revoked
from entrepot.model import shapes
from entrepot.operations import lookups
from entrepot.operations.context import Context

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Owned:
    owner: Scope
    data_set_id: str
    revision_id: str
    asset_id: str
    api: shapes.ApiGatewayApiAsset
    grant: DataGrant | None
    """Through which it is called; None where its owner calls."""


async def send_api_asset(context: Context, call: ApiCall) -> ApiAnswer:
    """Passes a call on to the API of an asset, the caller's own or an entitled one.

    An owner may try its API before the revision is finalized, and after it was revoked. The answer is what
    the API answers, success or not; its body must be closed.
    Raises `ResourceNotFound`, `AccessDenied` (a revoked revision), `ValidationFailed`, `Throttled`, and
    `InternalError` where the API gives no answer: that is no fault of the caller.
    """
    found = await _owned_asset(context, call)
    method, path, query = api_method(call.method), api_path(call.path), api_query(call.query)
    added = _about_the_call(context, found)
    headers = api_headers(call.headers, api_key=found.api.api_key, added=added)
    services, name = context.services, found.api.api_name
    target = services.api_calls.target(found.api.api_id or "", found.api.stage or "", found.owner)
    if target is None:
        raise InternalError(
            f"This exchange does not know where the API {name!r} is. Whoever runs it can add "
            f"{found.api.api_id}/{found.api.stage} to ENTREPOT_API_ENDPOINT."
        )
    if not services.api_rate.admits(found.asset_id, services.clock()):
        raise Throttled(f"The API {name!r} is called more than {CALLS_PER_SECOND} times a second. Try again.")
    try:
        return await services.api_calls.send(ApiRequest(target, method, path, query, headers, call.body))
    except IntegrationError as error:
        _log.warning("request %s: asset %s: %s", context.request_id, found.asset_id, error)
        # Where the API is, and what is wrong there, is the owner's to know.
        reason = f" {error.message}" if found.owner.account_id == context.scope.account_id else ""
        raise InternalError(f"The API {name!r} gave no answer.{reason}") from error


async def _owned_asset(context: Context, call: ApiCall) -> _Owned:
    database, now = context.services.database, context.services.clock()
    ids = (call.data_set_id, call.revision_id, call.asset_id)
    seen = await entitled(database, context.scope, call.data_set_id, now)
    if seen is None:
        asset = await lookups.own_asset(database, context, *ids)
        return _Owned(asset.scope, *ids, _api(asset, asset.id), None)
    grant = seen.grant
    published = await get_source(database, seen, call.revision_id)
    source_id = grant.unmasked(MaskedKind.ASSET, call.asset_id)
    source = None
    if published is not None and source_id is not None:
        place = (grant.source_data_set_id, published[0].id)
        source = await assets.get(database, grant.scope, *place, source_id)
    if published is None or source is None:
        await lookups.seen_revision(database, context, call.data_set_id, call.revision_id)
        raise lookups.missing(ResourceType.ASSET, call.asset_id)
    api = _api(source, call.asset_id)
    if published[0].revoked and not seen.by_owner:
        raise AccessDenied(revoked(entitled_revision(seen, *published)))
    return _Owned(source.scope, source.data_set_id, source.revision_id, source.id, api, grant)


def _api(asset: Asset, asset_id: str) -> shapes.ApiGatewayApiAsset:
    """The API of the asset, which the caller knows by that id. Raises `ValidationFailed` where it is none."""
    details = None if asset.details_json is None else shapes.decode(asset.details_json, shapes.AssetDetails)
    if details is None or details.api_gateway_api_asset is None:
        raise ValidationFailed(
            f"Asset {asset_id} is no API but of type {asset.asset_type}; it cannot be called."
        )
    return details.api_gateway_api_asset


def _about_the_call(context: Context, found: _Owned) -> list[Header]:
    """What an API is told of who calls, under the identifiers that its owner knows [C].

    There are no products here, so none is named; what AWS tells of the subscription is told of the grant [G].
    """
    grant = found.grant
    subscription = {} if grant is None else {"DataGrantArn": data_grant_arn(grant.scope, grant.id)}
    texts = {
        "x-amz-source-account": found.owner.account_id,
        "x-amz-source-arn": asset_arn(found.owner, found.data_set_id, found.revision_id, found.asset_id),
        "x-amzn-dataexchange-data-set-id": found.data_set_id,
        "x-amzn-dataexchange-revision-id": found.revision_id,
        "x-amzn-dataexchange-asset-id": found.asset_id,
        "x-amzn-dataexchange-requester-account-id": context.scope.account_id,
        "x-amz-dataexchange-subscription-metadata": json.dumps(subscription),
    }
    return [(name.encode(), text.encode()) for name, text in texts.items()]
