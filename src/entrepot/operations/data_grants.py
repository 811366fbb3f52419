"""Operations on data grants, given and received (behaviour reference, section 6).

None can be made yet, so none exist.
"""

from __future__ import annotations

from entrepot.domain.errors import ResourceNotFound, ResourceType
from entrepot.model import shapes
from entrepot.operations import existing
from entrepot.operations.context import Context
from entrepot.operations.not_offered import not_offered
from entrepot.operations.pages import Listing


async def create_data_grant(
    context: Context, request: shapes.CreateDataGrantRequest
) -> shapes.CreateDataGrantResponse:
    """Raises `ResourceNotFound` for an unknown data set, else `ValidationFailed`: not available yet."""
    await existing.data_set(context.services.database, context.scope, request.source_data_set_id)
    raise not_offered("CreateDataGrant")


async def get_data_grant(
    context: Context, request: shapes.GetDataGrantRequest
) -> shapes.GetDataGrantResponse:
    """Raises `ResourceNotFound`."""
    raise _missing(request.data_grant_id)


async def delete_data_grant(context: Context, request: shapes.DeleteDataGrantRequest) -> None:
    """Raises `ResourceNotFound`."""
    raise _missing(request.data_grant_id)


async def list_data_grants(
    context: Context, request: shapes.ListDataGrantsRequest
) -> shapes.ListDataGrantsResponse:
    """None. Raises `ValidationFailed` for any token, since none was ever handed out."""
    Listing.of(context, "ListDataGrants", max_results=request.max_results, next_token=request.next_token)
    return shapes.ListDataGrantsResponse(data_grant_summaries=[])


async def accept_data_grant(
    context: Context, request: shapes.AcceptDataGrantRequest
) -> shapes.AcceptDataGrantResponse:
    """Raises `ResourceNotFound`."""
    raise _missing(request.data_grant_arn)


async def get_received_data_grant(
    context: Context, request: shapes.GetReceivedDataGrantRequest
) -> shapes.GetReceivedDataGrantResponse:
    """Raises `ResourceNotFound`."""
    raise _missing(request.data_grant_arn)


async def list_received_data_grants(
    context: Context, request: shapes.ListReceivedDataGrantsRequest
) -> shapes.ListReceivedDataGrantsResponse:
    """None. Raises `ValidationFailed` for any token, since none was ever handed out."""
    Listing.of(
        context,
        "ListReceivedDataGrants",
        *sorted(request.acceptance_state or ()),
        max_results=request.max_results,
        next_token=request.next_token,
    )
    return shapes.ListReceivedDataGrantsResponse(data_grant_summaries=[])


def _missing(id_or_arn: str) -> ResourceNotFound:
    """A grant may be named by its id or by its ARN; the error names the id."""
    return existing.missing(ResourceType.DATA_GRANT, id_or_arn.rpartition("/")[2])
